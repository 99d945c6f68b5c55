/** Forwarding database of a bridge: address and VLAN to port. Models net/bridge/br_fdb.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { SEC, type Timer } from '../../sim/sim.ts';
import type { Mac } from '../../wire/mac.ts';
import type { Bridge } from './bridge.ts';
import type { BridgePort } from './brport.ts';

export interface FdbEntry {
  readonly mac: Mac;
  /** 0 without VLAN filtering. */
  readonly vid: number;
  /** Null for the bridge's own address. */
  port: BridgePort | null;
  /** The host's own address: frames for it go up. */
  local: boolean;
  /** Never ages, but may be overwritten by learning (`static`). */
  static: boolean;
  /** Added by a user with `master dynamic` or `extern_learn`. */
  addedByUser: boolean;
  externLearn: boolean;
  sticky: boolean;
  offload: boolean;
  /** Virtual times in µs. */
  updated: number;
  used: number;
}

export type FdbMode = 'add' | 'append' | 'replace';

export interface FdbFlags {
  sticky?: boolean | undefined;
  externLearn?: boolean | undefined;
  /** `use`: as if a frame had been seen. */
  use?: boolean | undefined;
}

export class BridgeFdb {
  private readonly bridge: Bridge;
  /** Entries of no VLAN, and those of each VLAN. */
  private readonly table = new Map<Mac, FdbEntry>();
  private vlanTables: Map<number, Map<Mac, FdbEntry>> | null = null;
  private ageing: Timer | null = null;

  constructor(bridge: Bridge) {
    this.bridge = bridge;
  }

  private peek(mac: Mac, vid: number): FdbEntry | undefined {
    return vid === 0 ? this.table.get(mac) : this.vlanTables?.get(vid)?.get(mac);
  }

  /** Entry for a destination; expired ones count as absent. */
  find(mac: Mac, vid = 0): FdbEntry | undefined {
    const e = this.peek(mac, vid);
    if (e && !e.local && this.expired(e)) return undefined;
    return e;
  }

  /** All entries, in order of creation. */
  list(): FdbEntry[] {
    this.collect();
    return this.all();
  }

  private all(): FdbEntry[] {
    const plain = [...this.table.values()];
    return this.vlanTables ? [...plain, ...[...this.vlanTables.values()].flatMap((t) => [...t.values()])] : plain;
  }

  private expired(e: FdbEntry): boolean {
    return !e.static && !e.externLearn && e.updated + this.bridge.ageingTime <= this.bridge.sim.now;
  }

  /** Removes what has aged; entries vanish for users at their time, not at the next sweep. */
  private collect(): void {
    for (const e of this.all()) if (!e.local && this.expired(e)) this.remove(e);
  }

  /** Models br_fdb_update(). */
  learn(port: BridgePort, mac: Mac, vid = 0): void {
    const now = this.bridge.sim.now;
    const e = this.peek(mac, vid);
    if (e) {
      if (e.local) {
        this.bridge.ns.kernel.printk(
          `${this.bridge.name}: received packet on ${port.dev.name} with own address as source address (addr:${mac.toString(16).padStart(12, '0')}, vlan:${vid})`,
        );
        return;
      }
      if (e.port !== port && !e.sticky) {
        e.port = port;
        e.externLearn = false;
        e.updated = now;
        this.tell('new', e);
        return;
      }
      e.updated = now;
      return;
    }
    if (this.bridge.ageingTime === 0) return;
    this.insert(mac, vid, port, { local: false, static: false, addedByUser: false });
    this.armAgeing();
  }

  private tell(action: 'new' | 'del', entry: FdbEntry): void {
    this.bridge.ns.events.emit({ type: 'fdb', action, dev: entry.port?.dev ?? this.bridge, entry });
  }

  private insert(
    mac: Mac,
    vid: number,
    port: BridgePort | null,
    o: { local: boolean; static: boolean; addedByUser: boolean; sticky?: boolean; externLearn?: boolean },
  ): FdbEntry {
    const now = this.bridge.sim.now;
    const e: FdbEntry = { mac, vid, port, externLearn: false, sticky: false, offload: false, updated: now, used: now, ...o };
    if (vid === 0) this.table.set(mac, e);
    else {
      this.vlanTables ??= new Map();
      let t = this.vlanTables.get(vid);
      if (!t) {
        t = new Map();
        this.vlanTables.set(vid, t);
      }
      t.set(mac, e);
    }
    this.tell('new', e);
    return e;
  }

  private remove(e: FdbEntry): void {
    if (e.vid === 0) this.table.delete(e.mac);
    else this.vlanTables?.get(e.vid)?.delete(e.mac);
    this.tell('del', e);
  }

  /** Sweeps now and then, so that `bridge monitor` hears of ageing. */
  private armAgeing(): void {
    if (this.ageing?.run) return;
    this.ageing = this.bridge.sim.schedule(Math.max(this.bridge.ageingTime, SEC / 10), () => {
      this.collect();
      for (const e of this.all()) {
        if (!e.local && !e.static) {
          this.armAgeing();
          return;
        }
      }
    });
  }

  /** The address of a port (or of the bridge, port null) becomes the host's own. */
  addLocal(port: BridgePort | null, mac: Mac, vid = 0): void {
    if (mac === 0) return;
    const e = this.peek(mac, vid);
    if (e?.local) return;
    if (e) this.remove(e);
    this.insert(mac, vid, port, { local: true, static: true, addedByUser: false });
  }

  /** A VLAN was taken from a port or from the bridge: its local entry goes, learned ones too. */
  vlanGone(port: BridgePort | null, vid: number): void {
    for (const e of [...(this.vlanTables?.get(vid)?.values() ?? [])]) {
      if (e.port !== port) continue;
      if (e.local && !e.addedByUser) this.release(e);
      else if (!e.local) this.remove(e);
    }
  }

  private vidsOf(port: BridgePort | null): number[] {
    return [0, ...(port ?? this.bridge).vlanGroup.list()];
  }

  changePortMac(port: BridgePort, mac: Mac): void {
    for (const e of this.all()) if (e.local && e.port === port && !e.addedByUser) this.release(e);
    for (const vid of this.vidsOf(port)) this.addLocal(port, mac, vid);
  }

  /** A port no longer has this address; another port, or the bridge itself, may. Models fdb_delete_local(). */
  private release(e: FdbEntry): void {
    const holds = (port: BridgePort | null): boolean => e.vid === 0 || (port ?? this.bridge).vlanGroup.carries(e.vid);
    const other = [...this.bridge.ports.values()].find((p) => p !== e.port && p.dev.mac === e.mac && holds(p));
    if (other) e.port = other;
    else if (e.port && this.bridge.mac === e.mac && holds(null)) e.port = null;
    else this.remove(e);
  }

  changeBridgeMac(mac: Mac): void {
    for (const e of this.all()) if (e.local && e.port === null && !e.addedByUser) this.remove(e);
    for (const vid of this.vidsOf(null)) this.addLocal(null, mac, vid);
  }

  /** A port went down (learned entries go) or left (all go). */
  deletePort(port: BridgePort, all: boolean): void {
    for (const e of this.all()) {
      if (e.port !== port) continue;
      if (!all && (e.static || e.externLearn)) continue;
      if (e.local && !e.addedByUser) this.release(e);
      else this.remove(e);
    }
  }

  clear(): void {
    this.bridge.sim.cancel(this.ageing);
    this.table.clear();
    this.vlanTables = null;
  }

  /** `bridge fdb add|append|replace MAC dev PORT master [static|dynamic]`; state permanent = local. Models fdb_add_entry(). */
  add(mac: Mac, port: BridgePort | null, state: 'permanent' | 'static' | 'dynamic', mode: FdbMode, flags: FdbFlags = {}, vid = 0): Result {
    if (flags.sticky && state === 'permanent') return fail('EINVAL');
    const e = this.find(mac, vid);
    if (e && mode === 'add') return fail('EEXIST');
    const local = state === 'permanent';
    const isStatic = state !== 'dynamic';
    const sticky = flags.sticky === true;
    if (!e) {
      this.insert(mac, vid, port, { local, static: isStatic, addedByUser: true, sticky, externLearn: flags.externLearn === true });
      if (!isStatic) this.armAgeing();
      return ok();
    }
    e.port = port;
    e.local = local;
    e.static = isStatic;
    e.sticky = sticky;
    if (flags.externLearn) e.externLearn = true;
    e.addedByUser = true;
    e.updated = e.used = this.bridge.sim.now;
    this.tell('new', e);
    return ok();
  }

  del(mac: Mac, port: BridgePort | null, vid = 0): Result {
    const e = this.find(mac, vid);
    if (!e || e.port !== port) return fail('ENOENT');
    this.remove(e);
    return ok();
  }

  /** Removes what `match` says. Returns whether anything went. */
  flush(match: (e: FdbEntry) => boolean): void {
    for (const e of this.all()) if (match(e)) this.remove(e);
  }
}
