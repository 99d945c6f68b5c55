/** Addresses for Services of type LoadBalancer out of IPAddressPools. Models MetalLB's controller. */

import { equal } from '../api/equal.ts';
import { WorkQueue } from '../api/informer.ts';
import { addressText, parseAddress } from '../api/ip.ts';
import { type KubeObject, keyOf, type Service } from '../api/object.ts';
import type { V1LoadBalancerIngress } from '../api/types.ts';
import type { Controller, ControllerContext, Running } from './context.ts';
import { Recorder } from './events.ts';
import { type AddressPool, POOLS, poolOf } from './metallb.ts';
import { parseRange } from './range.ts';

const MAX_POOL = 65536;
const WANTED = 'metallb.io/loadBalancerIPs';
const SHARED = 'metallb.io/allow-shared-ip';
const POOL = 'metallb.io/address-pool';
const DEFINITIONS = 'customresourcedefinitions.apiextensions.k8s.io';

function textOf(family: 4 | 6, value: bigint): string {
  return addressText({ family, value, zeros: false, mapped: false });
}

class LoadBalancers implements Running {
  private readonly ctx: ControllerContext;
  private readonly queue: WorkQueue;
  private readonly events: Recorder;
  /** Who has an address. */
  private readonly users = new Map<string, Set<string>>();
  /** IPAddressPools can be read. */
  private configured = false;

  constructor(ctx: ControllerContext) {
    this.ctx = ctx;
    this.events = new Recorder(ctx.sim, ctx.client, 'metallb-controller');
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
    ctx.informers.of<KubeObject>(DEFINITIONS).on({
      add: (d) => {
        if (d.metadata.name !== POOLS || this.configured) return;
        this.configured = true;
        const again = (): void => this.allAgain();
        ctx.informers.of<AddressPool>(POOLS).on({ add: again, update: again, delete: again });
      },
    });
  }

  /** Pools in the order of their names; none while their definition is not there. */
  private pools(): AddressPool[] {
    const all = this.configured ? [...this.ctx.informers.of<AddressPool>(POOLS).values()] : [];
    return all.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  private allAgain(): void {
    for (const s of this.ctx.informers.of<Service>('services').values()) if (s.spec?.type === 'LoadBalancer') this.queue.add(keyOf(s));
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
    if (!a || !poolOf(this.pools(), ip)) return false;
    const others = [...(this.users.get(textOf(a.family, a.value)) ?? [])].filter((k) => k !== keyOf(s));
    const sharing = s.metadata.annotations?.[SHARED];
    return others.every((k) => {
      const other = this.ctx.informers.of<Service>('services').get(k);
      const ports = (x: Service | undefined): string[] => (x?.spec?.ports ?? []).map((p) => `${p.protocol}/${p.port}`);
      return sharing !== undefined && other?.metadata.annotations?.[SHARED] === sharing && !ports(other).some((p) => ports(s).includes(p));
    });
  }

  /** From the pool that is asked for, or from any that gives without being asked. */
  private find(family: 4 | 6, name: string | undefined): string | undefined {
    let looked = 0;
    const pools = this.pools().filter((x) => (name === undefined ? x.spec.autoAssign !== false : x.metadata.name === name));
    for (const r of pools.flatMap((x) => x.spec.addresses.map(parseRange))) {
      if (r?.family !== family) continue;
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
        const ip = this.find(f, s.metadata.annotations?.[POOL]);
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
  start: (ctx) => (ctx.options.loadBalancers ? new LoadBalancers(ctx) : { stop: () => {} }),
};
