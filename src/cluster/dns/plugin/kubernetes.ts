/** The kubernetes plugin: records for Services, endpoints and pods. Models plugin/kubernetes/handler.go and plugin/backend_lookup.go */

import type { Task } from '../../../os/program.ts';
import { type IpAddr, parseIp, parseIp6 } from '../../../wire/addr.ts';
import { DNS_TC, DNS_TYPES, type DnsRecord } from '../../../wire/dns.ts';
import {
  addressRecord,
  answer,
  type Handler,
  isSubdomain,
  labelsOf,
  matchZone,
  NOERROR,
  NXDOMAIN,
  nameRecord,
  type Plugin,
  type Query,
  REFUSED,
  type Reply,
  SERVFAIL,
  soaRecord,
  srvRecord,
  txtRecord,
} from '../query.ts';
import type { ClusterView } from '../view.ts';
import { Finder, type Found, type KubernetesOptions, NO_ITEMS, type Search } from './find.ts';

const T = DNS_TYPES;
const MAX_CNAMES = 10;

export interface KubernetesContext {
  readonly view: ClusterView;
  /** Addresses of the server's own, without loopback. */
  local(): readonly IpAddr[];
  /** Zones (`''` for all) whose missing names go on to the next plugin; null for none. */
  readonly fallthrough: readonly string[] | null;
  /** Asks the whole server, for names outside. */
  lookup(q: Query, name: string, type: number): Task<Reply>;
}

interface Records {
  records: DnsRecord[];
  extra: DnsRecord[];
  truncated: boolean;
}

export class KubernetesPlugin implements Plugin {
  readonly name = 'kubernetes';
  readonly finder: Finder;
  private readonly options: KubernetesOptions;
  private readonly c: KubernetesContext;

  constructor(options: KubernetesOptions, context: KubernetesContext) {
    this.options = options;
    this.c = context;
    this.finder = new Finder(options, context.view);
  }

  ready(): boolean {
    return this.c.view.synced;
  }

  stop(): void {
    this.c.view.stop();
  }

  /** First of the zones that is not for addresses. */
  private get primaryZone(): string {
    return this.options.zones.find((z) => !/(^|\.)(in-addr|ip6)\.arpa$/.test(z)) ?? '';
  }

  *serve(q: Query, next: Handler): Task<Reply> {
    const matched = matchZone(this.options.zones, q.name);
    if (matched === null) return yield* next(q);
    const labels = labelsOf(q.qname);
    const zone = labels.slice(labels.length - labelsOf(matched).length).join('.');
    const r: Records | typeof NO_ITEMS | 'refused' = yield* this.lookup(q, zone);
    if (r === 'refused') return { rcode: REFUSED, message: null };
    const authority = (): DnsRecord[] => [soaRecord(zone, this.c.view.serial, this.options.ttl)];
    if (r === NO_ITEMS) {
      if (this.c.fallthrough?.some((z) => isSubdomain(z, q.name))) return yield* next(q);
      return answer(q, this.c.view.synced ? NXDOMAIN : SERVFAIL, { authority: authority() });
    }
    if (r.records.length === 0) return answer(q, NOERROR, { authority: authority() });
    return answer(q, NOERROR, { answers: r.records, additional: r.extra, truncated: r.truncated });
  }

  private *lookup(q: Query, zone: string): Task<Records | typeof NO_ITEMS | 'refused'> {
    const atApex = q.name === zone.toLowerCase();
    if (q.type === T.A || q.type === T.AAAA || q.type === T.TXT) return yield* this.addresses(q, q.qname, q.type, zone, []);
    if (q.type === T.CNAME) {
      const s = this.services(q.name, q.qname, q.type, zone);
      if (s === NO_ITEMS) return s;
      const first = s[0];
      const alias = first !== undefined && parseIp(first.host) === null;
      return only(alias ? [nameRecord(q.qname, T.CNAME, this.options.ttl, first.host)] : []);
    }
    if (q.type === T.PTR) return this.pointers(q, zone);
    if (q.type === T.SRV) return this.srv(q, zone);
    if (q.type === T.MX) {
      const s = this.services(q.name, q.qname, q.type, zone);
      return s === NO_ITEMS ? s : only([]);
    }
    if (q.type === T.SOA) return only(atApex ? [soaRecord(zone, this.c.view.serial, this.options.ttl)] : []);
    if (q.type === T.AXFR || q.type === T.IXFR) return 'refused';
    if (q.type === T.NS && atApex) return this.nameServers(q, zone);
    const exists = yield* this.addresses(q, q.qname, T.A, zone, []);
    return exists === NO_ITEMS ? exists : only([]);
  }

  /** What is behind a name for a type of question. */
  private services(name: string, qname: string, type: number, zone: string): Search {
    const { ttl: _, zonal } = this.options;
    if (type === T.TXT) {
      if (name === `dns-version.${zone.toLowerCase()}`) return [{ host: '', port: 0, owner: qname, text: '1.1.0' }];
      const found = this.finder.search(name, zone);
      if (found !== NO_ITEMS && (found.length > 0 || (zonal && this.finder.isZonal(name, zone)))) return [];
      return NO_ITEMS;
    }
    if (name === `ns.dns.${zone.toLowerCase()}`)
      return this.finder
        .nameServers(this.c.local(), zone)
        .filter((n) => (type === T.AAAA) === n.ip.includes(':') && (type === T.A || type === T.AAAA))
        .map((n) => ({ host: n.ip, port: 0, owner: qname }));
    const found = this.finder.search(name, zone);
    if (found === NO_ITEMS || type !== T.SRV) return found;
    return found.filter((f) => parseIp(f.host) !== null);
  }

  private *addresses(q: Query, qname: string, type: number, zone: string, before: readonly string[]): Task<Records | typeof NO_ITEMS> {
    const name = qname.toLowerCase();
    const found = this.services(name, qname, type, zone);
    if (found === NO_ITEMS) return found;
    const { ttl } = this.options;
    const out = only([]);
    const seen = new Set<string>();
    for (const f of found) {
      if (f.text !== undefined) {
        out.records.push(txtRecord(qname, 28800, f.text));
        continue;
      }
      const addr = parseIp(f.host);
      if (addr !== null) {
        if (type === T.TXT || seen.has(f.host) || (typeof addr === 'number') !== (type === T.A)) continue;
        seen.add(f.host);
        out.records.push(addressRecord(qname, ttl, addr));
        continue;
      }
      const target = f.host.toLowerCase();
      if (isSubdomain(target, name) || before.length > MAX_CNAMES || before.includes(target)) continue;
      const alias = nameRecord(qname, T.CNAME, ttl, f.host);
      if (isSubdomain(zone.toLowerCase(), target)) {
        const rest: Records | typeof NO_ITEMS = yield* this.addresses(q, f.host, type, zone, [...before, target]);
        if (rest !== NO_ITEMS && rest.records.length > 0) out.records.push(alias, ...rest.records);
        continue;
      }
      const upstream = yield* this.c.lookup(q, f.host, type);
      if (!upstream.message) continue;
      if ((upstream.message.flags & DNS_TC) !== 0) out.truncated = true;
      out.records.push(alias, ...upstream.message.answers);
    }
    return out;
  }

  private srv(q: Query, zone: string): Records | typeof NO_ITEMS {
    const found = this.services(q.name, q.qname, q.type, zone);
    if (found === NO_ITEMS) return found;
    const { ttl } = this.options;
    const weight = Math.max(1, Math.floor((100 / (100 * Math.max(1, found.length))) * 100));
    const out = only([]);
    const seen = new Set<string>();
    const once = (key: string): boolean => !seen.has(key) && seen.add(key) !== undefined;
    for (const f of found as readonly Found[]) {
      if (f.port === -1) continue;
      if (once(`${f.owner} ${f.port}`)) out.records.push(srvRecord(q.qname, ttl, weight, f.port, f.owner));
      const addr = parseIp(f.host);
      if (addr !== null && once(`${f.owner} ${f.host}`)) out.extra.push(addressRecord(f.owner, ttl, addr));
    }
    return out;
  }

  private pointers(q: Query, zone: string): Records | typeof NO_ITEMS {
    const addr = reverseAddress(q.name);
    if (addr === null) {
      const found = this.finder.search(q.name, zone);
      return found === NO_ITEMS ? found : only([]);
    }
    const found = this.finder.reverse(addr, this.primaryZone);
    if (found === NO_ITEMS) return found;
    const hosts = [...new Set(found.map((f) => f.host))];
    return only(hosts.map((host) => nameRecord(q.qname, T.PTR, this.options.ttl, host)));
  }

  private nameServers(q: Query, zone: string): Records {
    const out = only([]);
    const { ttl } = this.options;
    const names = new Set<string>();
    for (const n of this.finder.nameServers(this.c.local(), zone)) {
      out.extra.push(addressRecord(n.name, ttl, parseIp(n.ip) as IpAddr));
      if (!names.has(n.name)) out.records.push(nameRecord(q.qname, T.NS, ttl, n.name));
      names.add(n.name);
    }
    return out;
  }

  /** Search path of the pod that asks, for `autopath @kubernetes`; null when it is not known. */
  searchPath(q: Query, resolvSearch: readonly string[], text: string): string[] | null {
    const zone = matchZone(this.options.zones, q.name);
    if (zone === null || this.options.pods !== 'verified') return null;
    const pod = this.c.view.podsAt(text)[0];
    if (!pod) return null;
    const svc = zone === '' ? 'svc' : `svc.${zone}`;
    return [`${pod.metadata.namespace}.${svc}`, svc, zone, ...resolvSearch.map((s) => s.toLowerCase()), ''];
  }
}

function only(records: DnsRecord[]): Records {
  return { records, extra: [], truncated: false };
}

/** The address in a name under in-addr.arpa or ip6.arpa; null when it is not a whole one. */
export function reverseAddress(name: string): IpAddr | null {
  const v4 = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa$/.exec(name);
  if (v4) return parseIp(v4.slice(1, 5).reverse().join('.'));
  const v6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name);
  if (!v6) return null;
  const hex = (v6[1] as string).replaceAll('.', '').split('').reverse().join('');
  return parseIp6((hex.match(/.{4}/g) as string[]).join(':'));
}
