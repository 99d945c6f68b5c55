/** Forwarding database of a bridge. Models net/bridge/br_fdb.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { SEC, type Timer } from '../../sim/sim.ts';
import type { Mac } from '../../wire/mac.ts';
import type { Bridge } from './bridge.ts';
import type { BridgePort } from './brport.ts';

export interface FdbEntry {
  readonly mac: Mac;
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

export class BridgeFdb {
  private readonly bridge: Bridge;
  private readonly table = new Map<Mac, FdbEntry>();
  private ageing: Timer | null = null;

  constructor(bridge: Bridge) {
    this.bridge = bridge;
  }

  /** Entry for a destination; expired ones count as absent. */
  find(mac: Mac): FdbEntry | undefined {
    const e = this.table.get(mac);
    if (e && !e.local && this.expired(e)) return undefined;
    return e;
  }

  /** All entries, in order of creation. */
  list(): FdbEntry[] {
    this.collect();
    return [...this.table.values()];
  }

  private expired(e: FdbEntry): boolean {
    return !e.static && !e.externLearn && e.updated + this.bridge.ageingTime <= this.bridge.sim.now;
  }

  /** Removes what has aged; entries vanish for users at their time, not at the next sweep. */
  private collect(): void {
    for (const e of this.table.values()) if (!e.local && this.expired(e)) this.remove(e);
  }

  learn(port: BridgePort, mac: Mac): void {
    const now = this.bridge.sim.now;
    const e = this.table.get(mac);
    if (e) {
      if (e.local) {
        this.bridge.ns.kernel.printk(
          `${this.bridge.name}: received packet on ${port.dev.name} with own address as source address (addr:${mac.toString(16).padStart(12, '0')}, vlan:0)`,
        );
        return;
      }
      if (e.port !== port && !e.sticky) {
        e.port = port;
        e.updated = now;
        this.bridge.ns.events.emit({ type: 'fdb', action: 'new', dev: port.dev, entry: e });
        return;
      }
      e.updated = now;
      return;
    }
    this.insert(mac, port, { local: false, static: false, addedByUser: false });
    this.armAgeing();
  }

  private insert(mac: Mac, port: BridgePort | null, o: { local: boolean; static: boolean; addedByUser: boolean }): FdbEntry {
    const now = this.bridge.sim.now;
    const e: FdbEntry = { mac, port, ...o, externLearn: false, sticky: false, offload: false, updated: now, used: now };
    this.table.set(mac, e);
    this.bridge.ns.events.emit({ type: 'fdb', action: 'new', dev: port?.dev ?? this.bridge, entry: e });
    return e;
  }

  private remove(e: FdbEntry): void {
    this.table.delete(e.mac);
    this.bridge.ns.events.emit({ type: 'fdb', action: 'del', dev: e.port?.dev ?? this.bridge, entry: e });
  }

  /** Sweeps now and then, so that `bridge monitor` hears of ageing. */
  private armAgeing(): void {
    if (this.ageing?.run) return;
    this.ageing = this.bridge.sim.schedule(Math.max(this.bridge.ageingTime, SEC / 10), () => {
      this.collect();
      for (const e of this.table.values()) {
        if (!e.local && !e.static) {
          this.armAgeing();
          return;
        }
      }
    });
  }

  /** The address of a port (or of the bridge, port null) becomes the host's own. */
  addLocal(port: BridgePort | null, mac: Mac): void {
    if (mac === 0) return;
    const e = this.table.get(mac);
    if (e?.local) return;
    if (e) this.remove(e);
    this.insert(mac, port, { local: true, static: true, addedByUser: false });
  }

  changePortMac(port: BridgePort, mac: Mac): void {
    for (const e of [...this.table.values()]) if (e.local && e.port === port && !e.addedByUser) this.release(e);
    this.addLocal(port, mac);
  }

  /** A port no longer has this address; another port, or the bridge itself, may. Models fdb_delete_local(). */
  private release(e: FdbEntry): void {
    const old = e.port;
    this.remove(e);
    for (const p of this.bridge.ports.values()) {
      if (p !== old && p.dev.mac === e.mac) {
        this.addLocal(p, e.mac);
        return;
      }
    }
    if (this.bridge.mac === e.mac) this.addLocal(null, e.mac);
  }

  changeBridgeMac(mac: Mac): void {
    for (const e of [...this.table.values()]) if (e.local && e.port === null && !e.addedByUser) this.remove(e);
    this.addLocal(null, mac);
  }

  /** A port went down (learned entries go) or left (all go). */
  deletePort(port: BridgePort, all: boolean): void {
    for (const e of [...this.table.values()]) {
      if (e.port !== port) continue;
      if (!all && (e.static || e.externLearn)) continue;
      if (e.local && !e.addedByUser) this.release(e);
      else this.remove(e);
    }
  }

  clear(): void {
    this.bridge.sim.cancel(this.ageing);
    this.table.clear();
  }

  /** `bridge fdb add|append|replace MAC dev PORT master [static|dynamic]`; state permanent = local. */
  add(
    mac: Mac,
    port: BridgePort | null,
    state: 'permanent' | 'static' | 'dynamic',
    mode: 'add' | 'append' | 'replace',
    sticky = false,
  ): Result {
    const e = this.find(mac);
    if (e && mode === 'add') return fail('EEXIST');
    const local = state === 'permanent';
    const isStatic = state !== 'dynamic';
    if (!e) {
      const made = this.insert(mac, port, { local, static: isStatic, addedByUser: true });
      made.sticky = sticky;
      if (!isStatic) this.armAgeing();
      return ok();
    }
    e.port = port;
    e.local = local;
    e.static = isStatic;
    e.sticky = sticky;
    e.addedByUser = true;
    e.updated = e.used = this.bridge.sim.now;
    this.bridge.ns.events.emit({ type: 'fdb', action: 'new', dev: port?.dev ?? this.bridge, entry: e });
    return ok();
  }

  del(mac: Mac, port: BridgePort | null): Result {
    const e = this.find(mac);
    if (!e || e.port !== port) return fail('ENOENT');
    this.remove(e);
    return ok();
  }

  /** `bridge fdb flush dev BR`: all but permanent (local) and, without `static`, static ones. */
  flush(match: (e: FdbEntry) => boolean): void {
    for (const e of [...this.table.values()]) if (match(e)) this.remove(e);
  }
}
