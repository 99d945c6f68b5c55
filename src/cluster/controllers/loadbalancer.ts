/** Addresses for Services of type LoadBalancer out of a pool. Models MetalLB's controller. */

import { equal } from '../api/equal.ts';
import { WorkQueue } from '../api/informer.ts';
import { addressText, parseAddress, parseCidr } from '../api/ip.ts';
import { keyOf, type Service } from '../api/object.ts';
import type { V1LoadBalancerIngress } from '../api/types.ts';
import type { Controller, ControllerContext, Running } from './context.ts';
import { Recorder } from './events.ts';

const MAX_POOL = 65536;
const WANTED = 'metallb.io/loadBalancerIPs';
const SHARED = 'metallb.io/allow-shared-ip';

interface Range {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

/** `10.0.0.240-10.0.0.250` or `10.0.0.0/28`. */
export function parseRange(text: string): Range | undefined {
  const [from = '', to] = text.split('-');
  if (to !== undefined) {
    const a = parseAddress(from.trim());
    const b = parseAddress(to.trim());
    return a && b && a.family === b.family && a.value <= b.value ? { family: a.family, first: a.value, last: b.value } : undefined;
  }
  const c = parseCidr(text.trim());
  if (!c) return undefined;
  const first = BigInt(c.network);
  return { family: c.address.family, first, last: first + (1n << BigInt(c.width - c.bits)) - 1n };
}

function textOf(family: 4 | 6, value: bigint): string {
  return addressText({ family, value, zeros: false, mapped: false });
}

class LoadBalancers implements Running {
  private readonly ctx: ControllerContext;
  private readonly queue: WorkQueue;
  private readonly events: Recorder;
  private readonly ranges: readonly Range[];
  /** Who has an address. */
  private readonly users = new Map<string, Set<string>>();

  constructor(ctx: ControllerContext, pool: readonly string[]) {
    this.ctx = ctx;
    this.events = new Recorder(ctx.sim, ctx.client, 'metallb-controller');
    this.ranges = pool.map(parseRange).filter((r): r is Range => r !== undefined);
    this.queue = new WorkQueue(ctx.sim, (key) => this.sync(key));
    const seen = (s: Service): void => {
      for (const i of s.spec?.type === 'LoadBalancer' ? (s.status?.loadBalancer?.ingress ?? []) : []) if (i.ip) this.take(i.ip, keyOf(s));
      this.queue.add(keyOf(s));
    };
    ctx.informers.of<Service>('services').on({
      add: seen,
      update: (old, s) => {
        if (old.spec !== s.spec || old.metadata !== s.metadata || old.status !== s.status) seen(s);
      },
      delete: (s) => this.release(keyOf(s)),
    });
  }

  private take(ip: string, key: string): void {
    const set = this.users.get(ip) ?? new Set<string>();
    set.add(key);
    this.users.set(ip, set);
  }

  private release(key: string): void {
    let freed = false;
    for (const [ip, set] of this.users) {
      if (!set.delete(key)) continue;
      freed = true;
      if (set.size === 0) this.users.delete(ip);
    }
    if (freed)
      for (const s of this.ctx.informers.of<Service>('services').values())
        if (s.spec?.type === 'LoadBalancer' && !s.status?.loadBalancer?.ingress?.length) this.queue.add(keyOf(s));
  }

  private mayHave(ip: string, s: Service): boolean {
    const a = parseAddress(ip);
    if (!a || !this.ranges.some((r) => r.family === a.family && a.value >= r.first && a.value <= r.last)) return false;
    const others = [...(this.users.get(textOf(a.family, a.value)) ?? [])].filter((k) => k !== keyOf(s));
    const sharing = s.metadata.annotations?.[SHARED];
    return others.every((k) => {
      const other = this.ctx.informers.of<Service>('services').get(k);
      const ports = (x: Service | undefined): string[] => (x?.spec?.ports ?? []).map((p) => `${p.protocol}/${p.port}`);
      return sharing !== undefined && other?.metadata.annotations?.[SHARED] === sharing && !ports(other).some((p) => ports(s).includes(p));
    });
  }

  private find(family: 4 | 6): string | undefined {
    let looked = 0;
    for (const r of this.ranges) {
      if (r.family !== family) continue;
      for (let v = r.first; v <= r.last && looked < MAX_POOL; v++, looked++) {
        const text = textOf(family, v);
        if (!this.users.has(text)) return text;
      }
    }
    return undefined;
  }

  private sync(key: string): 'done' | 'again' {
    const s = this.ctx.informers.of<Service>('services').get(key);
    if (!s) return 'done';
    const have = s.status?.loadBalancer?.ingress ?? [];
    if (s.spec?.type !== 'LoadBalancer' || s.spec.loadBalancerClass !== undefined) {
      this.release(key);
      return 'done';
    }
    const families = (s.spec.ipFamilies ?? ['IPv4']).map((f): 4 | 6 => (f === 'IPv6' ? 6 : 4));
    const asked = (
      s.metadata.annotations?.[WANTED]?.split(',').map((t) => t.trim()) ?? (s.spec.loadBalancerIP ? [s.spec.loadBalancerIP] : [])
    ).filter((t) => t !== '');
    const present = have.flatMap((i) => (i.ip ? [i.ip] : []));
    const fits =
      present.length === families.length &&
      present.every((ip) => this.mayHave(ip, s)) &&
      (asked.length === 0 || asked.every((ip) => present.includes(ip)));
    if (fits) return 'done';
    this.release(key);
    const ips: string[] = [];
    for (const ip of asked) {
      if (!this.mayHave(ip, s)) return this.refuse(s, `"${ip}" is not allowed in config`);
      ips.push(ip);
    }
    if (ips.length === 0)
      for (const f of families) {
        const ip = this.find(f);
        if (ip === undefined && s.spec.ipFamilyPolicy !== 'PreferDualStack') return this.refuse(s, 'no available IPs');
        if (ip !== undefined) ips.push(ip);
      }
    if (ips.length === 0) return this.refuse(s, 'no available IPs');
    for (const ip of ips) this.take(ip, key);
    this.write(
      s,
      ips.map((ip) => ({ ip, ipMode: 'VIP' })),
    );
    this.events.event(s, 'Normal', 'IPAllocated', `Assigned IP [${ips.map((ip) => `"${ip}"`).join(' ')}]`);
    return 'done';
  }

  private refuse(s: Service, why: string): 'done' {
    this.write(s, []);
    this.events.event(s, 'Warning', 'AllocationFailed', `Failed to allocate IP for "${keyOf(s)}": ${why}`);
    return 'done';
  }

  private write(s: Service, ingress: readonly V1LoadBalancerIngress[]): void {
    const status = { ...s.status, loadBalancer: ingress.length > 0 ? { ingress } : {} };
    if (!equal(s.status, status)) this.ctx.client.update({ ...s, status }, { subresource: 'status' });
  }

  stop(): void {
    this.queue.stop();
  }
}

export const loadBalancer: Controller = {
  name: 'service-lb-controller',
  start: (ctx) =>
    (ctx.options.loadBalancerPool?.length ?? 0) > 0 ? new LoadBalancers(ctx, ctx.options.loadBalancerPool ?? []) : { stop: () => {} },
};
