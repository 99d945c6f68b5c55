/** The cache plugin. Models plugin/cache */

import type { Task } from '../../../os/program.ts';
import { DNS_RA, DNS_RD, DNS_TC, DNS_TYPES, type DnsMessage } from '../../../wire/dns.ts';
import { type Handler, matchZone, NOERROR, NXDOMAIN, type Plugin, type Query, type Reply, SERVFAIL } from '../query.ts';

interface Item {
  readonly message: DnsMessage;
  readonly stored: number;
  readonly ttl: number;
}

export interface CacheOptions {
  readonly zones: readonly string[];
  /** Seconds. */
  readonly success: { readonly capacity: number; readonly max: number; readonly min: number };
  readonly denial: { readonly capacity: number; readonly max: number; readonly min: number };
  readonly servfail: number;
  /** Seconds that an expired item may still be served when there is no other answer. */
  readonly stale: number;
  readonly keepTtl: boolean;
  /** Zones that are not cached. */
  readonly noSuccess: readonly string[];
  readonly noDenial: readonly string[];
}

export class CachePlugin implements Plugin {
  readonly name = 'cache';
  private readonly o: CacheOptions;
  private readonly items = { success: new Map<string, Item>(), denial: new Map<string, Item>() };

  constructor(options: CacheOptions) {
    this.o = options;
  }

  *serve(q: Query, next: Handler): Task<Reply> {
    if (matchZone(this.o.zones, q.name) === null) return yield* next(q);
    const key = `${q.type} ${q.dnssecOk ? 1 : 0} ${q.name}`;
    const now = q.p.sim.now / 1e6;
    const item = this.items.denial.get(key) ?? this.items.success.get(key);
    const left = item ? item.ttl - Math.floor(now - item.stored) : 0;
    if (item && left > 0) return this.fromItem(item, q, now);
    const fresh = yield* next(q);
    if (fresh.message) {
      const kept = this.keep(key, q, fresh.message);
      return kept ? this.fromItem(kept, q, kept.stored, fresh.message.flags) : fresh;
    }
    if (item && this.o.stale > 0 && -left < this.o.stale) return this.fromItem(item, q, now);
    return fresh;
  }

  private fromItem(item: Item, q: Query, now: number, flags?: number): Reply {
    const age = this.o.keepTtl ? 0 : Math.floor(now - item.stored);
    const older = <R extends { ttl: number; type: number }>(records: readonly R[]): R[] =>
      records.filter((r) => r.type !== DNS_TYPES.OPT).map((r) => ({ ...r, ttl: Math.max(0, this.o.keepTtl ? r.ttl : item.ttl - age) }));
    const m = item.message;
    const message: DnsMessage = {
      id: q.request.id,
      flags: flags ?? (m.flags & ~DNS_RD) | (q.request.flags & DNS_RD) | DNS_RA,
      questions: [...q.request.questions],
      answers: older(m.answers),
      authority: older(m.authority),
      additional: older(m.additional),
    };
    return { rcode: m.flags & 15, message };
  }

  private keep(key: string, q: Query, m: DnsMessage): Item | null {
    if ((m.flags & DNS_TC) !== 0) return null;
    const rcode = m.flags & 15;
    const soa = m.authority.find((r) => r.type === DNS_TYPES.SOA);
    const store = (kind: 'success' | 'denial', ttl: number): Item | null => {
      if (ttl <= 0 || matchZone(kind === 'success' ? this.o.noSuccess : this.o.noDenial, q.name) !== null) return null;
      const items = this.items[kind];
      if (!items.has(key) && items.size >= this.o[kind].capacity) items.delete(items.keys().next().value as string);
      const item = { message: m, stored: q.p.sim.now / 1e6, ttl };
      items.set(key, item);
      if (kind === 'success') this.items.denial.delete(key);
      return item;
    };
    const records = [...m.answers, ...m.authority, ...m.additional.filter((r) => r.type !== DNS_TYPES.OPT)];
    const least = records.length > 0 ? Math.min(...records.map((r) => r.ttl)) : 5;
    const between = (kind: 'success' | 'denial', ttl: number): number => Math.min(Math.max(ttl, this.o[kind].min), this.o[kind].max);
    if (rcode === NOERROR && m.answers.length > 0) return store('success', between('success', least));
    if (rcode === SERVFAIL) return store('denial', this.o.servfail);
    if ((rcode === NXDOMAIN || rcode === NOERROR) && soa) {
      const minimum = new DataView(soa.data.buffer, soa.data.byteOffset + soa.data.length - 4, 4).getUint32(0);
      return store('denial', between('denial', Math.min(soa.ttl, minimum)));
    }
    return null;
  }
}
