/** Bridge device: ports, identity, settings. Models net/bridge/br_if.c, br_device.c, br.c; frames are in brforward.ts */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { SEC } from '../../sim/sim.ts';
import type { Mac } from '../../wire/mac.ts';
import { igmpJoined } from '../ip/igmp.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { bridgeXmit, handleFrame } from './brforward.ts';
import { Mdb, mcastDefaults } from './brmdb.ts';
import { BridgePort } from './brport.ts';
import { Stp } from './brstp.ts';
import { VlanGroup } from './brvlan.ts';
import { IFF_PROMISC, type LinkAction, NetDevice } from './device.ts';
import { BridgeFdb } from './fdb.ts';

export type { MdbGroup, MdbMember } from './brmdb.ts';
export { BridgePort } from './brport.ts';
export { BridgeFdb, type FdbEntry } from './fdb.ts';

/** 01:80:c2:00:00:00: where BPDUs go. */
const STP_ADDRESS: Mac = 0x0180c2000000;
/** 224.0.0.106 (RFC 4286) */
const ALL_SNOOPERS = 0xe000006a;
/** All-snoopers groups that a snooping bridge joins. */
const SNOOPERS: readonly Mac[] = [0x01005e00006a, 0x33330000006a];

export class Bridge extends NetDevice {
  readonly kind = 'bridge';
  override readonly announcesPorts = true;
  readonly ports = new Map<NetDevice, BridgePort>();
  readonly fdb: BridgeFdb;
  readonly stp: Stp;
  readonly mdb: Mdb;
  readonly mcast = mcastDefaults();
  /** µs after which a learned entry is gone; shorter than `bridgeAgeingTime` while the tree changes. */
  ageingTime = 300 * SEC;
  bridgeAgeingTime = 300 * SEC;
  priority = 0x8000;
  /** Times in force (the root's) and the bridge's own, µs. */
  forwardDelay = 15 * SEC;
  helloTime = 2 * SEC;
  maxAge = 20 * SEC;
  bridgeForwardDelay = 15 * SEC;
  bridgeHelloTime = 2 * SEC;
  bridgeMaxAge = 20 * SEC;
  groupFwdMask = 0;
  groupAddress: Mac = STP_ADDRESS;
  noLinklocalLearn = false;
  /** Per bridge switches of br_netfilter, besides the namespace's sysctls. */
  nfCallIptables = false;
  nfCallIp6tables = false;
  nfCallArptables = false;
  vlanFiltering = false;
  vlanProtocol = 0x8100;
  vlanStats = 0;
  vlanStatsPerPort = 0;
  defaultPvid: number;
  readonly vlanGroup = new VlanGroup();
  mtuSetByUser = false;
  /** The address in the bridge id: zero until a port brings one or one is set by hand, and again when the last port has left. */
  idMac: Mac = 0;
  /** When it was last brought up, µs. */
  openedAt = 0;
  /** Ports with an option that makes frames be looked at more closely (proxy ARP, neigh_suppress). */
  arpProxies = 0;

  constructor(ns: Netns, name: string) {
    super(ns, name);
    this.netnsImmutable = true;
    this.defaultPvid = ns.kernel.profile.bridgeVlanFiltering ? 1 : 0;
    this.fdb = new BridgeFdb(this);
    this.stp = new Stp(this);
    this.mdb = new Mdb(this);
  }

  // ---- ports ----

  override addPort(dev: NetDevice): Result {
    if (dev.hardware !== 'ether') return fail('EINVAL');
    if (dev.kind === 'bridge') return fail('ELOOP', 'Can not enslave a bridge to a bridge');
    if (dev.ns !== this.ns) return fail('EINVAL');
    if (dev.rxHandler) return fail('EBUSY');
    const number = this.freePortNumber();
    const port = new BridgePort(this, dev, number);
    this.ports.set(dev, port);
    dev.master = this;
    dev.rxHandler = (skb) => handleFrame(this, port, skb);
    dev.allmulti++;
    this.ns.kernel.printk(`${this.name}: port ${number}(${dev.name}) entered blocking state`);
    this.stp.initPort(port);
    this.stp.setState(port, 'disabled');
    this.announce(dev);
    if (this.defaultPvid > 0) port.vlanGroup.add(this.defaultPvid, true, true);
    this.managePromisc();
    this.announce(dev);
    this.announce(this);
    this.fdb.changePortMac(port, dev.mac);
    this.recalculateMac();
    if (dev.up && dev.operUp() && this.up && port.state === 'disabled') this.stp.enablePort(port);
    this.portChanged(port);
    this.mtuAuto();
    return ok();
  }

  override delPort(dev: NetDevice): Result {
    const port = this.ports.get(dev);
    if (!port) return fail('EINVAL');
    this.announce(dev);
    this.stp.disablePort(port);
    this.portChanged(port, true);
    this.mdb.flush(port, true);
    this.fdb.deletePort(port, true);
    this.ports.delete(dev);
    for (const other of this.ports.values()) if (other.backup === dev) other.backup = null;
    dev.rxHandler = null;
    dev.master = null;
    if (port.promisc) dev.setPromiscuity(-1);
    dev.allmulti--;
    this.portFlagsChanged();
    this.announce(dev);
    this.mtuAuto();
    this.recalculateMac();
    this.announce(this);
    return ok();
  }

  port(dev: NetDevice): BridgePort | undefined {
    return this.ports.get(dev);
  }

  private freePortNumber(): number {
    const used = new Set([...this.ports.values()].map((p) => p.number));
    let n = 1;
    while (used.has(n)) n++;
    return n;
  }

  /** Flooding or learning ports must hear everything; a filtering bridge with one such port knows what it needs. Models br_manage_promisc(). */
  managePromisc(): void {
    const all = (this.flags & IFF_PROMISC) !== 0 || !this.vlanFiltering;
    const auto = [...this.ports.values()].filter((p) => p.flood || p.learning);
    for (const p of this.ports.values()) {
      const wanted = all || !(auto.length === 0 || (auto.length === 1 && auto[0] === p));
      if (wanted === p.promisc) continue;
      p.promisc = wanted;
      p.dev.setPromiscuity(wanted ? 1 : -1);
    }
  }

  /** Options of a port were changed. */
  portFlagsChanged(): void {
    this.arpProxies = 0;
    for (const p of this.ports.values()) if (p.proxyArp || p.proxyArpWifi || p.neighSuppress) this.arpProxies++;
    this.managePromisc();
  }

  /** The lowest port address, unless one was set by hand. Models br_stp_recalculate_bridge_id(). */
  private recalculateMac(): void {
    if (this.macAssign === 'set') return;
    let lowest: Mac | null = null;
    for (const dev of this.ports.keys()) if (lowest === null || dev.mac < lowest) lowest = dev.mac;
    const address = lowest ?? 0;
    if (address === this.idMac) return;
    const old = this.idMac;
    const wasRoot = this.stp.isRoot;
    this.idMac = address;
    if (address !== this.mac) {
      this.fdb.changeBridgeMac(address);
      this.macAssign = 'stolen';
      this.assignMac(address);
    }
    this.stp.addressChanged(old, wasRoot);
  }

  /** Follows the lowest MTU of the ports, until one is set by hand. */
  private mtuAuto(): void {
    if (this.mtuSetByUser) return;
    let lowest = Number.POSITIVE_INFINITY;
    for (const dev of this.ports.keys()) lowest = Math.min(lowest, dev.mtu);
    // br_mtu_min(): ETH_DATA_LEN without ports.
    if (this.ports.size === 0) lowest = 1500;
    if (lowest === this.mtu) return;
    this.mtu = lowest;
    this.notify('mtu');
  }

  override portEvent(dev: NetDevice, action: LinkAction): void {
    const port = this.ports.get(dev);
    if (!port) return;
    switch (action) {
      case 'mtu':
        this.mtuAuto();
        break;
      case 'mac':
        this.fdb.changePortMac(port, dev.mac);
        this.recalculateMac();
        break;
      case 'change':
        if (this.carrierCheck(port)) return;
        break;
      case 'up':
        if (this.up && dev.operUp()) this.stp.enablePort(port);
        break;
      case 'down':
        if (this.up) this.downPort(port);
        break;
      default:
        return;
    }
    if (action !== 'mtu') this.portChanged(port);
  }

  /** True when the port's state has changed, and everyone was told. */
  private carrierCheck(port: BridgePort): boolean {
    if (!this.up) return false;
    if (port.dev.up && port.dev.operUp()) {
      if (port.state !== 'disabled') return false;
      this.stp.enablePort(port);
    } else {
      if (port.state === 'disabled') return false;
      this.downPort(port);
    }
    return true;
  }

  private downPort(port: BridgePort): void {
    this.stp.disablePort(port);
    this.mdb.flush(port, false);
  }

  /** `bridge link set dev P state N`. */
  setPortState(port: BridgePort, state: BridgePort['state']): void {
    this.stp.setState(port, state);
    this.stp.selectStates();
  }

  /** RTM_NEWLINK of AF_BRIDGE: a port's state or settings. Models br_ifinfo_notify(). */
  portChanged(port: BridgePort, deleted = false): void {
    if (port.dev.registered) this.ns.events.emit({ type: 'brport', dev: port.dev, deleted });
  }

  /** A link message that changes nothing for the kernel's own listeners. */
  private announce(dev: NetDevice): void {
    if (dev.registered) this.ns.events.emit({ type: 'link', action: 'change', dev });
  }

  setForwardDelay(us: number): void {
    this.bridgeForwardDelay = us;
    if (this.stp.isRoot) this.forwardDelay = us;
  }

  setHelloTime(us: number): void {
    this.bridgeHelloTime = us;
    if (this.stp.isRoot) this.helloTime = us;
  }

  setMaxAge(us: number): void {
    this.bridgeMaxAge = us;
    if (this.stp.isRoot) this.maxAge = us;
  }

  // ---- VLANs ----

  /** `bridge vlan add`; `port` null is the bridge itself. */
  addVlan(port: BridgePort | null, vid: number, pvid: boolean, untagged: boolean): void {
    (port ?? this).vlanGroup.add(vid, pvid, untagged);
    this.fdb.addLocal(port, port?.dev.mac ?? this.mac, vid);
  }

  delVlan(port: BridgePort | null, vid: number): boolean {
    const gone = (port ?? this).vlanGroup.del(vid);
    if (gone) this.fdb.vlanGone(port, vid);
    return gone;
  }

  /** The VLAN that ports get when they join; those that still have the old one get the new. */
  setDefaultPvid(vid: number): void {
    const old = this.defaultPvid;
    this.defaultPvid = vid;
    for (const port of [null, ...this.ports.values()]) {
      const group = (port ?? this).vlanGroup;
      if (old !== 0 && (group.pvid !== old || !group.vids.get(old)?.untagged)) continue;
      if (old !== 0) this.delVlan(port, old);
      if (vid !== 0) this.addVlan(port, vid, true, true);
    }
  }

  // ---- life ----

  protected override opened(): void {
    this.openedAt = this.sim.now;
    if (this.mcast.snooping) this.joinSnoopers(true);
    this.stp.enableBridge();
  }

  protected override closed(): void {
    if (this.mcast.snooping) this.joinSnoopers(false);
    this.stp.disableBridge();
    this.mdb.flush(undefined, false);
  }

  private joinSnoopers(on: boolean): void {
    for (const mac of SNOOPERS) {
      if (on) this.mc.add(mac);
      else this.mc.del(mac);
    }
    if (on) igmpJoined(this, ALL_SNOOPERS);
  }

  setSnooping(on: boolean): void {
    if (this.mcast.snooping === on) return;
    this.mcast.snooping = on;
    if (this.up) this.joinSnoopers(on);
    if (!on) this.mdb.flush(undefined, false);
  }

  override unregister(): void {
    if (!this.registered) return;
    for (const dev of [...this.ports.keys()]) dev.setMaster(null);
    super.unregister();
    this.fdb.clear();
  }

  protected override changeMtu(): Result {
    this.mtuSetByUser = true;
    return ok();
  }

  protected override changeMac(mac: Mac): Result {
    if (mac === this.mac) return ok();
    const old = this.idMac;
    const wasRoot = this.stp.isRoot;
    this.idMac = mac;
    this.fdb.changeBridgeMac(mac);
    this.stp.addressChanged(old, wasRoot);
    return ok();
  }

  /** An address given at creation counts as a change of bridge id, and that looks for a live port: no carrier from the start. */
  override register(wantedIndex?: number): Result {
    const given = this.mac !== 0;
    const done = super.register(wantedIndex);
    if (!done.ok) return done;
    if (given) {
      this.macAssign = 'set';
      this.stp.root = this.stp.id;
      this.stp.selectStates();
    }
    if (this.defaultPvid > 0) this.vlanGroup.add(this.defaultPvid, true, true);
    this.fdb.changeBridgeMac(this.mac);
    return done;
  }

  xmit(skb: Skb): void {
    bridgeXmit(this, skb);
  }
}
