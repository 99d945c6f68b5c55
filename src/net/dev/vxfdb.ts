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

export interface VxlanFdbEntry {
  readonly mac: Mac;
  state: 'permanent' | 'static' | 'reachable';
  readonly remotes: VxlanRemote[];
  /** Virtual times in µs. */
  used: number;
  updated: number;
}

export class VxlanFdb {
  private readonly vxlan: Vxlan;
  private readonly table = new Map<Mac, VxlanFdbEntry>();

  constructor(vxlan: Vxlan) {
    this.vxlan = vxlan;
  }

  /** Looks up and marks as used. */
  find(mac: Mac): VxlanFdbEntry | undefined {
    const e = this.peek(mac);
    if (e) e.used = this.vxlan.sim.now;
    return e;
  }

  peek(mac: Mac): VxlanFdbEntry | undefined {
    const e = this.table.get(mac);
    if (e && this.expired(e)) {
      this.remove(e);
      return undefined;
    }
    return e;
  }

  list(): VxlanFdbEntry[] {
    for (const e of [...this.table.values()]) if (this.expired(e)) this.remove(e);
    return [...this.table.values()];
  }

  private expired(e: VxlanFdbEntry): boolean {
    return e.state === 'reachable' && e.used + this.vxlan.options.ageing * SEC < this.vxlan.sim.now;
  }

  private remove(e: VxlanFdbEntry): void {
    this.table.delete(e.mac);
    this.tell('del', e);
  }

  private tell(action: 'new' | 'del', entry: VxlanFdbEntry): void {
    this.vxlan.ns.events.emit({ type: 'fdb', action, dev: this.vxlan, entry });
  }

  private insert(mac: Mac, state: VxlanFdbEntry['state'], remote: VxlanRemote): void {
    const now = this.vxlan.sim.now;
    const e: VxlanFdbEntry = { mac, state, remotes: [remote], used: now, updated: now };
    this.table.set(mac, e);
    this.tell('new', e);
  }

  /** `bridge fdb add|append|replace MAC dev VX dst IP [port P] [vni N] [via DEV]`. */
  add(mac: Mac, remote: VxlanRemote, state: VxlanFdbEntry['state'], mode: 'add' | 'append' | 'replace'): Result {
    const group = mac === 0 || isMulticastMac(mac);
    const e = this.peek(mac);
    if (!e) {
      if (mode === 'replace' && group) return fail('EOPNOTSUPP');
      this.insert(mac, state, remote);
      return ok();
    }
    if (mode === 'add') return fail('EEXIST');
    e.state = state;
    e.updated = this.vxlan.sim.now;
    if (mode === 'replace') {
      if (group) return fail('EOPNOTSUPP');
      e.remotes.splice(0, e.remotes.length, remote);
    } else if (group && !e.remotes.some((r) => same(r, remote))) e.remotes.push(remote);
    this.tell('new', e);
    return ok();
  }

  /** Without `remote` the whole entry goes. */
  del(mac: Mac, remote: Partial<VxlanRemote> | null): Result {
    const e = this.peek(mac);
    if (!e) return fail('ENOENT');
    if (remote?.ip !== undefined) {
      const at = e.remotes.findIndex((r) => r.ip === remote.ip && (remote.port ?? 0) === r.port && (remote.vni ?? r.vni) === r.vni);
      if (at < 0) return fail('ENOENT');
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
        this.insert(mac, 'reachable', { ip: from, port: 0, vni: this.vxlan.vni, dev: null });
      return true;
    }
    const r = e.remotes[0] as VxlanRemote;
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
