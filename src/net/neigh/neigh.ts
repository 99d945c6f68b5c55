/** Neighbour tables of a namespace, both families. Models net/core/neighbour.c, and arp_constructor(), ndisc_constructor() */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { type Family, familyOf, type IpAddr, isMulticast } from '../../wire/addr.ts';
import { multicastMac6 } from '../../wire/icmp6.ts';
import type { Mac } from '../../wire/mac.ts';
import { IFF_LOOPBACK, IFF_NOARP, IFF_POINTOPOINT, type NetDevice } from '../dev/device.ts';
import { netDrop } from '../dev/trace.ts';
import { addrType } from '../ip/route.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { arpAnnounce } from './arp.ts';
import { Neighbour } from './neighbour.ts';
import * as nud from './nud.ts';
import { NeighParams } from './params.ts';

export { Neighbour } from './neighbour.ts';
export * from './nud.ts';

export interface NeighSpec {
  mac?: Mac;
  /** NUD_* */
  state: number;
  router?: boolean;
  externLearn?: boolean;
  /** Ask for its address as if there were a packet (NTF_USE), or keep asking (NTF_EXT_MANAGED). */
  use?: boolean;
  managed?: boolean;
  protocol?: number;
}

export interface ProxyNeighbour {
  readonly family: Family;
  readonly ip: IpAddr;
  readonly dev: NetDevice | null;
}

interface Table {
  params: NeighParams;
  entries: Map<IpAddr, Neighbour>;
}

const GC_THRESH1 = 128;
const GC_THRESH3 = 1024;

export class NeighbourTables {
  readonly ns: Netns;
  private readonly tables = { 4: new Map<NetDevice, Table>(), 6: new Map<NetDevice, Table>() };
  private proxies: ProxyNeighbour[] = [];
  private count = 0;

  constructor(ns: Netns) {
    this.ns = ns;
    ns.events.subscribe((event) => {
      if (event.type !== 'link' || !event.dev.up || (event.action !== 'up' && event.action !== 'mac')) return;
      const { dev } = event;
      if (dev.addrs4.length > 0 && ns.sysctl.max4(dev, 'arp_notify') > 0) for (const a of dev.addrs4) arpAnnounce(dev, a.local as number);
    });
  }

  /** Sends an IP packet (skb.data whole, skb.proto set) to `nexthop` out of `dev`, resolving its address first. */
  output(skb: Skb, dev: NetDevice, nexthop: IpAddr): void {
    skb.dev = dev;
    const n = this.get(nexthop, dev);
    if (n) n.output(skb);
    else netDrop(skb, dev, 'NEIGH_CREATEFAIL');
  }

  /** The entry, made when it is not there; null when the table is full. */
  get(ip: IpAddr, dev: NetDevice): Neighbour | null {
    return this.lookup(ip, dev) ?? this.create(ip, dev);
  }

  lookup(ip: IpAddr, dev: NetDevice): Neighbour | undefined {
    if (typeof ip === 'number') return this.tables[4].get(dev)?.entries.get(dev.flags & (IFF_LOOPBACK | IFF_POINTOPOINT) ? 0 : ip);
    return this.tables[6].get(dev)?.entries.get(ip);
  }

  /** Finds or makes the entry; a new one is NUD_NONE, or NOARP where no resolution is needed. Null when the table is full. */
  create(ip: IpAddr, dev: NetDevice): Neighbour | null {
    const key = typeof ip === 'number' && dev.flags & (IFF_LOOPBACK | IFF_POINTOPOINT) ? 0 : ip;
    const table = this.table(familyOf(ip), dev);
    const existing = table.entries.get(key);
    if (existing) return existing;
    if (this.count >= GC_THRESH1) this.collect();
    if (this.count >= GC_THRESH3) {
      this.ns.kernel.printk(`neighbour: ${familyOf(ip) === 4 ? 'arp_cache' : 'ndisc_cache'}: neighbor table overflow!`);
      return null;
    }
    const n = new Neighbour(key, dev, table.params);
    const mac = this.fixedMac(ip, dev);
    if (mac !== null) {
      n.mac = mac;
      n.state = nud.NUD_NOARP;
    }
    table.entries.set(key, n);
    this.count++;
    return n;
  }

  params(family: Family, dev: NetDevice): NeighParams {
    return this.table(family, dev).params;
  }

  private table(family: Family, dev: NetDevice): Table {
    const tables = this.tables[family];
    let table = tables.get(dev);
    if (!table) {
      table = { params: new NeighParams(dev, family), entries: new Map() };
      tables.set(dev, table);
    }
    return table;
  }

  /** The address that needs no asking: multicast, broadcast, loopback, point-to-point; null when it does. */
  private fixedMac(ip: IpAddr, dev: NetDevice): Mac | null {
    if (isMulticast(ip)) return typeof ip === 'number' ? 0x01005e000000 + (ip & 0x7fffff) : multicastMac6(ip);
    if (dev.flags & (IFF_NOARP | IFF_LOOPBACK)) return dev.mac;
    if (dev.flags & IFF_POINTOPOINT) return dev.broadcast;
    if (typeof ip === 'number' && (ip === 0xffffffff || addrType(this.ns, ip, dev) === 'broadcast')) return dev.broadcast;
    return null;
  }

  private *all(): Generator<[Table, IpAddr, Neighbour]> {
    for (const family of [4, 6] as const) {
      for (const table of this.tables[family].values()) for (const [ip, n] of table.entries) yield [table, ip, n];
    }
  }

  private remove(table: Table, key: IpAddr, n: Neighbour): void {
    table.entries.delete(key);
    this.count--;
    n.kill();
    this.ns.events.emit({ type: 'neigh', action: 'del', neigh: n });
  }

  /** Above gc_thresh1, what failed or has long not been used goes. */
  private collect(): void {
    const now = this.ns.kernel.sim.now;
    for (const [table, key, n] of [...this.all()]) {
      if (n.state & (nud.NUD_PERMANENT | nud.NUD_IN_TIMER) || n.externLearn || n.refcnt > 0) continue;
      const idle = now - Math.max(n.used, n.confirmed) > n.params.get('gc_stale_time') * 1_000_000;
      if (n.state & nud.NUD_FAILED || idle || this.count >= GC_THRESH3) this.remove(table, key, n);
    }
  }

  /** All entries, or one family's, in order of device creation. */
  list(family?: Family): Neighbour[] {
    const out: Neighbour[] = [];
    for (const [, , n] of this.all()) if (family === undefined || n.family === family) out.push(n);
    return out;
  }

  /** RTM_NEWNEIGH of `ip neigh add|change|replace`. */
  add(dev: NetDevice, ip: IpAddr, spec: NeighSpec, mode: 'add' | 'change' | 'replace' | 'append'): Result {
    const existing = this.lookup(ip, dev);
    if (!existing && mode === 'change') return fail('ENOENT');
    if (existing && mode === 'add') return fail('EEXIST');
    const n = existing ?? this.create(ip, dev);
    if (!n) return fail('ENOBUFS');
    let flags = nud.UPDATE_ADMIN;
    if (mode !== 'append') flags |= nud.UPDATE_OVERRIDE | nud.UPDATE_OVERRIDE_ISROUTER;
    if (spec.router) flags |= nud.UPDATE_ISROUTER;
    if (spec.protocol) n.protocol = spec.protocol;
    if (spec.externLearn) n.externLearn = true;
    if (!spec.use) {
      // What is refused leaves an entry without a state behind, as in Linux.
      if (spec.mac === undefined && n.mac === null && spec.state & nud.NUD_VALID && !(dev.flags & IFF_NOARP))
        return fail('EINVAL', 'No link layer address given');
      const done = n.update(spec.mac ?? null, spec.state, flags);
      if (!done.ok) return done;
    }
    if (spec.managed) n.manage();
    else if (spec.use) n.solicit();
    return ok();
  }

  /** RTM_DELNEIGH: packets that wait are answered with unreachable. */
  del(dev: NetDevice, ip: IpAddr): Result {
    const n = this.lookup(ip, dev);
    if (!n) return fail('ENOENT');
    const table = this.table(n.family, dev);
    n.update(null, nud.NUD_FAILED, nud.UPDATE_OVERRIDE | nud.UPDATE_ADMIN);
    if (table.entries.get(n.ip) === n) this.remove(table, n.ip, n);
    return ok();
  }

  /** `ip neigh add proxy IP dev D`. */
  addProxy(dev: NetDevice | null, ip: IpAddr): Result {
    if (!this.findProxy(dev, ip)) this.proxies.push({ family: familyOf(ip), ip, dev });
    return ok();
  }

  delProxy(dev: NetDevice | null, ip: IpAddr): Result {
    const p = this.findProxy(dev, ip);
    if (!p) return fail('ENOENT');
    this.proxies = this.proxies.filter((x) => x !== p);
    return ok();
  }

  listProxy(): readonly ProxyNeighbour[] {
    return this.proxies;
  }

  /** The entry that makes this device answer for `ip`. */
  isProxied(dev: NetDevice, ip: IpAddr): boolean {
    return this.proxies.some((p) => p.ip === ip && (p.dev === null || p.dev === dev));
  }

  private findProxy(dev: NetDevice | null, ip: IpAddr): ProxyNeighbour | undefined {
    return this.proxies.find((p) => p.ip === ip && p.dev === dev);
  }

  /** The upper layer heard from it (TCP progress, MSG_CONFIRM): it is reachable. Models dst_confirm_neigh(). */
  confirm(dev: NetDevice, ip: IpAddr): void {
    const n = this.lookup(ip, dev);
    if (n && n.state & nud.NUD_VALID) n.confirmed = this.ns.kernel.sim.now;
  }

  deviceGone(dev: NetDevice): void {
    this.flush(dev, false);
    this.tables[4].delete(dev);
    this.tables[6].delete(dev);
    this.proxies = this.proxies.filter((p) => p.dev !== dev);
  }

  deviceDown(dev: NetDevice): void {
    this.flush(dev, false);
    this.proxies = this.proxies.filter((p) => p.dev !== dev);
  }

  carrierDown(dev: NetDevice): void {
    this.flush(dev, true);
  }

  macChanged(dev: NetDevice): void {
    this.flush(dev, false);
  }

  /** arp_ifdown() of the last IPv4 address, and its IPv6 sibling. */
  familyOff(dev: NetDevice, family: Family): void {
    this.flush(dev, false, [family]);
  }

  private flush(dev: NetDevice, keepPermanent: boolean, families: readonly Family[] = [4, 6]): void {
    for (const family of families) {
      const table = this.tables[family].get(dev);
      if (!table) continue;
      for (const [key, n] of [...table.entries]) {
        if (!(keepPermanent && n.state & nud.NUD_PERMANENT)) this.remove(table, key, n);
      }
    }
  }
}
