/** Forwarding database of a VXLAN device: inner MAC to remote VTEPs. Models vxlan_fdb_*() of drivers/net/vxlan/vxlan_core.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { SEC } from '../../sim/sim.ts';
import type { IpAddr } from '../../wire/addr.ts';
import { isMulticastMac, type Mac } from '../../wire/mac.ts';
import type { NetDevice } from './device.ts';
import type { Vxlan } from './vxlan.ts';

export interface VxlanRemote {
  ip: IpAddr;
  /** 0 stands for the device's own dstport. */
  port: number;
  vni: number;
  /** `via DEV`: outer packets must leave there. */
  dev: NetDevice | null;
}

export interface VxlanFdbFlags {
  sticky?: boolean;
  router?: boolean;
  externLearn?: boolean;
  /** Next hop object (`nhid`) instead of remotes, 0 for none. */
  nhid?: number;
}

export interface VxlanFdbEntry {
  readonly mac: Mac;
  /** The VXLAN network that frames come from, on an `external` device; 0 elsewhere. */
  readonly vni: number;
  sticky: boolean;
  router: boolean;
  externLearn: boolean;
  nhid: number;
  state: 'permanent' | 'static' | 'reachable';
  readonly remotes: VxlanRemote[];
  /** Virtual times in µs. */
  used: number;
  updated: number;
}

export class VxlanFdb {
  private readonly vxlan: Vxlan;
  /** By address; by network and address on an `external` device. */
  private readonly table = new Map<Mac | string, VxlanFdbEntry>();

  constructor(vxlan: Vxlan) {
    this.vxlan = vxlan;
  }

  private key(mac: Mac, vni: number): Mac | string {
    return this.vxlan.options.external ? `${vni}/${mac}` : mac;
  }

  /** Looks up and marks as used. */
  find(mac: Mac, vni = 0): VxlanFdbEntry | undefined {
    const e = this.peek(mac, vni);
    if (e) e.used = this.vxlan.sim.now;
    return e;
  }

  peek(mac: Mac, vni = 0): VxlanFdbEntry | undefined {
    const e = this.table.get(this.vxlan.options.external ? this.key(mac, vni) : mac);
    if (e && this.expired(e)) {
      this.remove(e);
      return undefined;
    }
    return e;
  }

  /** The newest first. */
  list(): VxlanFdbEntry[] {
    for (const e of [...this.table.values()]) if (this.expired(e)) this.remove(e);
    return [...this.table.values()].reverse();
  }

  /** For onlookers: also what has expired since somebody looked, and nothing is removed. */
  entries(): Iterable<VxlanFdbEntry> {
    return this.table.values();
  }

  /** `maxaddress` is reached. */
  get full(): boolean {
    const { limit } = this.vxlan.options;
    return limit > 0 && this.table.size >= limit;
  }

  /** Tells of an address that is not known. Models vxlan_fdb_miss() and vxlan_ip_miss() */
  miss(address: { mac: Mac } | { ip: IpAddr }): void {
    const { vxlan } = this;
    vxlan.ns.events.emit({ type: 'fdb', action: 'miss', dev: vxlan, entry: address });
  }

  private expired(e: VxlanFdbEntry): boolean {
    return e.state === 'reachable' && e.used + this.vxlan.options.ageing * SEC < this.vxlan.sim.now;
  }

  private remove(e: VxlanFdbEntry): void {
    this.table.delete(this.key(e.mac, e.vni));
    this.tell('del', e);
  }

  private tell(action: 'new' | 'del', entry: VxlanFdbEntry): void {
    this.vxlan.ns.events.emit({ type: 'fdb', action, dev: this.vxlan, entry });
  }

  private insert(mac: Mac, vni: number, state: VxlanFdbEntry['state'], remote: VxlanRemote | null, f: VxlanFdbFlags = {}): Result {
    if (this.full) return fail('ENOSPC');
    const now = this.vxlan.sim.now;
    const { sticky = false, router = false, externLearn = false, nhid = 0 } = f;
    const e: VxlanFdbEntry = {
      mac,
      vni,
      state,
      sticky,
      router,
      externLearn,
      nhid,
      remotes: remote ? [remote] : [],
      used: now,
      updated: now,
    };
    this.table.set(this.key(mac, vni), e);
    this.tell('new', e);
    return ok();
  }

  /** `bridge fdb add|append|replace MAC dev VX dst IP [port P] [vni N] [via DEV]`, or `nhid N` with no remote. */
  add(
    mac: Mac,
    remote: VxlanRemote | null,
    state: VxlanFdbEntry['state'],
    mode: 'add' | 'append' | 'replace',
    f: VxlanFdbFlags & { srcVni?: number } = {},
  ): Result {
    const group = mac === 0 || isMulticastMac(mac);
    const vni = this.vxlan.options.external ? (f.srcVni ?? 0) : 0;
    const e = this.peek(mac, vni);
    if (mode === 'replace' && group) return fail('EOPNOTSUPP', e ? 'Cannot replace non-unicast fdb entries' : '');
    if (!e) return this.insert(mac, vni, state, remote, f);
    if (mode === 'add') return fail('EEXIST');
    e.state = state;
    e.sticky = f.sticky ?? false;
    e.router = f.router ?? false;
    e.externLearn = f.externLearn ?? false;
    e.updated = this.vxlan.sim.now;
    if (mode === 'replace') {
      e.nhid = f.nhid ?? 0;
      e.remotes.splice(0, e.remotes.length, ...(remote ? [remote] : []));
    } else if (group && remote && !e.remotes.some((r) => same(r, remote))) e.remotes.push(remote);
    this.tell('new', e);
    return ok();
  }

  /** Without `remote`, or when it is the only one left, the whole entry goes. A remote that is not there is no error. */
  del(mac: Mac, remote: VxlanRemote | null, srcVni = 0): Result {
    const e = this.peek(mac, srcVni);
    if (!e) return fail('ENOENT');
    if (remote) {
      const at = e.remotes.findIndex((r) => same(r, remote));
      if (at < 0) return ok();
      if (e.remotes.length > 1) {
        e.remotes.splice(at, 1);
        return ok();
      }
    }
    this.remove(e);
    return ok();
  }

  /** Learns from a received frame; false when it must be dropped. Models vxlan_snoop(). */
  snoop(mac: Mac, from: IpAddr): boolean {
    const e = this.find(mac);
    if (!e) {
      if (this.vxlan.up && !isMulticastMac(mac) && mac !== 0)
        this.insert(mac, 0, 'reachable', { ip: from, port: 0, vni: this.vxlan.vni, dev: null });
      return true;
    }
    const r = e.remotes[0];
    if (!r) return false;
    if (r.ip === from) return true;
    if (e.state !== 'reachable') return false;
    r.ip = from;
    e.updated = this.vxlan.sim.now;
    this.tell('new', e);
    return true;
  }

  /** What was learned goes when the device goes down; `all` takes the rest too, save the default destination. */
  flush(all: boolean): void {
    for (const e of [...this.table.values()]) {
      if (e.mac === 0 && !all) continue;
      if (all || e.state === 'reachable') this.remove(e);
    }
  }
}

function same(a: VxlanRemote, b: VxlanRemote): boolean {
  return a.ip === b.ip && a.port === b.port && a.vni === b.vni && a.dev === b.dev;
}
