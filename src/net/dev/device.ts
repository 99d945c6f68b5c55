/** A network interface: identity, flags, carrier, addresses, counters, and its life in a namespace. Models net/core/dev.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import type { Rng } from '../../sim/rng.ts';
import type { Sim } from '../../sim/sim.ts';
import type { IpAddr } from '../../wire/addr.ts';
import { formatMac, isMulticastMac, MAC_BROADCAST, type Mac } from '../../wire/mac.ts';
import type { IfAddr } from '../ip/ifaddr.ts';
import type { FrameHooks } from '../netfilter/frames.ts';
import type { Netns } from '../netns.ts';
import type { Sched } from '../sched/sched.ts';
import type { PacketType, Skb } from '../skb.ts';
import { AddressList } from './addrlist.ts';
import { IFF_ALLMULTI, IFF_BROADCAST, IFF_LOWER_UP, IFF_MULTICAST, IFF_NOARP, IFF_PROMISC, IFF_RUNNING, IFF_UP } from './flags.ts';
import { linkwatchFire } from './linkwatch.ts';
import { allocName, validName } from './name.ts';
import type { Tcx } from './tcx.ts';

export * from './flags.ts';

export type DeviceKind =
  | 'loopback'
  | 'ether'
  | 'veth'
  | 'bridge'
  | 'vxlan'
  | 'geneve'
  | 'macvlan'
  | 'macvtap'
  | 'ipvlan'
  | 'dummy'
  | 'ifb'
  | 'nlmon'
  | 'vlan'
  | 'vrf'
  | 'bond'
  | 'tun'
  | 'wireguard'
  | 'ipip'
  | 'sit'
  | 'gre'
  | 'gretap'
  | 'ip6tnl'
  | 'ip6gre'
  | 'ip6gretap';
/** ARPHRD_* by the names of `ip link`. */
export type HardwareType = 'ether' | 'loopback' | 'none' | 'ipip' | 'sit' | 'gre' | 'tunnel6' | 'gre6' | 'netlink';
/** RFC 2863 operational state as `ip link` prints it. */
export type OperState = 'UNKNOWN' | 'NOTPRESENT' | 'DOWN' | 'LOWERLAYERDOWN' | 'TESTING' | 'DORMANT' | 'UP';
export type LinkAction = 'register' | 'up' | 'down' | 'change' | 'mac' | 'mtu' | 'name' | 'unregister';

export interface DeviceStats {
  rxPackets: number;
  rxBytes: number;
  rxErrors: number;
  rxDropped: number;
  txPackets: number;
  txBytes: number;
  txErrors: number;
  txDropped: number;
  multicast: number;
  txCarrier: number;
}

const MULTICAST_ALL4: Mac = 0x01005e000001;
const MULTICAST_ALL6: Mac = 0x333300000001;

export abstract class NetDevice {
  abstract readonly kind: DeviceKind;
  hardware: HardwareType = 'ether';
  ns: Netns;
  readonly sim: Sim;
  ifindex = 0;
  name: string;
  mac: Mac = 0;
  /** How `mac` came about: bridges replace a random one, never one set by hand. */
  macAssign: 'random' | 'set' | 'stolen' = 'random';
  broadcast: Mac = MAC_BROADCAST;
  mtu = 1500;
  minMtu = 68;
  maxMtu = 65535;
  /** IFF_* without the derived RUNNING and LOWER_UP; see `userFlags`. */
  flags = IFF_BROADCAST | IFF_MULTICAST;
  master: NetDevice | null = null;
  /** Routing table of a VRF; 0 for every other device. */
  readonly l3table: number = 0;
  alias = '';
  readonly altnames: string[] = [];
  group = 0;
  txqlen = 1000;
  numTxQueues = 1;
  numRxQueues = 1;
  promiscuity = 0;
  allmulti = 0;
  /** `ip link set mode`: whether carrier alone makes it UP. */
  linkMode: 'default' | 'dormant' = 'default';
  /** Held down by a protocol (`protodown on`); null where the driver has no such switch. */
  protoDown: boolean | null = null;
  gsoMaxSize = 65536;
  gsoMaxSegs = 65535;
  groMaxSize = 65536;
  /** Queue discipline once up. */
  qdisc = 'noqueue';
  /** What tc set up; null: packets go straight to the device. */
  sched: Sched | null = null;
  /** Programs that judge packets at the device. */
  tcx: Tcx | null = null;
  /** Chains of nftables at the device. */
  nfIngress: FrameHooks = null;
  nfEgress: FrameHooks = null;
  /** Kind of the root queueing discipline that tc set up. */
  rootQdisc: string | null = null;
  hardHeaderLen = 14;
  /** Without tx-checksum-ip-generic (`ethtool -K DEV tx off`) checksums are filled in before a frame goes out. */
  noTxChecksum = false;
  readonly stats: DeviceStats = {
    rxPackets: 0,
    rxBytes: 0,
    rxErrors: 0,
    rxDropped: 0,
    txPackets: 0,
    txBytes: 0,
    txErrors: 0,
    txDropped: 0,
    multicast: 0,
    txCarrier: 0,
  };
  addrs4: IfAddr[] = [];
  addrs6: IfAddr[] = [];
  /** How the IPv6 link-local address is made (`ip link set addrgenmode`). */
  addrGenMode: 'eui64' | 'none' | 'stable_secret' | 'random' = 'eui64';
  /** Multicast and secondary unicast addresses that the device listens to (`ip maddr`, `bridge fdb … self`). */
  readonly mc = new AddressList();
  readonly uc = new AddressList();
  /** IP groups that kernel sockets joined by this device, the newest first. */
  groups: readonly IpAddr[] = [];
  /** Filters unicast addresses itself (IFF_UNICAST_FLT); others turn promiscuous for the sake of a second address. */
  protected unicastFilter = false;
  private unicastPromisc = false;
  /** Devices stacked on this one (macvlan, vxlan with `dev`): they follow its carrier, MTU and end. */
  readonly uppers = new Set<NetDevice>();
  /** Bridge port or macvlan lower device: takes the frame before the protocols do; true when it did. */
  rxHandler: ((skb: Skb) => boolean) | null = null;
  /** VLAN sub-interfaces by VLAN id. */
  vlans: Map<number, NetDevice> | null = null;
  registered = false;
  /** Cannot be moved to another namespace. */
  netnsImmutable = false;
  carrierChanges = 0;
  private carrierOk = true;
  protected oper: OperState = 'UNKNOWN';
  private readonly linkRng: Rng;

  constructor(ns: Netns, name: string) {
    this.ns = ns;
    this.name = name;
    this.sim = ns.kernel.sim;
    this.linkRng = this.sim.rng('link');
  }

  /** Addresses as `ip link` prints them; null where the hardware has none. */
  get llAddress(): string | null {
    return formatMac(this.mac);
  }

  get llBroadcast(): string | null {
    return formatMac(this.broadcast);
  }

  /** Hands the frame to the hardware or to whatever stands for it. The device owns the skb from here on. */
  abstract xmit(skb: Skb): void;

  get up(): boolean {
    return (this.flags & IFF_UP) !== 0;
  }

  /** The VRF that decides over this device's lookups: itself, or its master. Models l3mdev_master_dev_rcu(). */
  get l3master(): NetDevice | null {
    if (this.l3table !== 0) return this;
    return this.master !== null && this.master.l3table !== 0 ? this.master : null;
  }

  carrier(): boolean {
    return this.carrierOk;
  }

  operstate(): OperState {
    return this.up ? this.oper : 'DOWN';
  }

  /** Flags as rtnetlink shows them: with RUNNING and LOWER_UP. Models netif_get_flags(). */
  userFlags(): number {
    let f = this.flags & ~(IFF_PROMISC | IFF_ALLMULTI | IFF_RUNNING | IFF_LOWER_UP);
    if (this.userPromisc) f |= IFF_PROMISC;
    if (this.userAllmulti) f |= IFF_ALLMULTI;
    if (this.up) {
      if (this.operUp()) f |= IFF_RUNNING;
      if (this.carrierOk) f |= IFF_LOWER_UP;
    }
    return f;
  }

  /** True when the state allows traffic: UP or UNKNOWN. */
  operUp(): boolean {
    return this.oper === 'UP' || this.oper === 'UNKNOWN';
  }

  /** Index of the device below or at the other end; its own index when there is none. */
  iflink(): number {
    return this.ifindex;
  }

  /** Namespace that `iflink` counts in, when it is another one. */
  peerNs(): Netns | null {
    return null;
  }

  /** `noop` until first brought up and again without carrier, as `ip link` shows it. */
  qdiscShown(): string {
    return this.rootQdisc ?? (this.active || this.everUp ? this.qdisc : 'noop');
  }

  /** Whom a received frame with this destination is for. Models eth_type_trans(). */
  classify(dst: Mac): PacketType {
    if (dst === this.mac) return 'host';
    if (isMulticastMac(dst)) return dst === this.broadcast ? 'broadcast' : 'multicast';
    return 'otherhost';
  }

  /** Queue attached and able to send: up, with carrier. */
  active = false;
  everUp = false;
  private userPromisc = false;
  private userAllmulti = false;

  // ---- life ----

  /** Enters the namespace. A name with `%d` gets the lowest free number; `wantedIndex` must be free. */
  register(wantedIndex?: number): Result {
    const name = allocName(this.ns, this.name);
    if (name === null) return fail('EINVAL');
    if (this.ns.device(name)) return fail('EEXIST');
    if (wantedIndex !== undefined && wantedIndex > 0 && this.ns.devices.has(wantedIndex)) return fail('EBUSY');
    this.name = name;
    if (this.mac === 0 && this.hardware === 'ether') this.mac = this.randomMac();
    this.enter(wantedIndex);
    return ok();
  }

  /** Leaves the namespace and ends; a veth takes its peer along. */
  delete(): void {
    this.unregister();
  }

  unregister(): void {
    if (!this.registered) return;
    this.setDown();
    for (const upper of [...this.uppers]) upper.lowerGone();
    this.setMaster(null);
    this.leave();
    this.destroyed();
  }

  /** What becomes of the device when its namespace ends; hardware overrides it. */
  leaveDyingNetns(): void {
    this.delete();
  }

  private enter(wantedIndex?: number): void {
    const ns = this.ns;
    this.ifindex = ns.newIfindex(wantedIndex);
    ns.devices.set(this.ifindex, this);
    sortDevices(ns);
    this.registered = true;
    if (!this.carrierOk) this.oper = this.defaultOper();
    if (this.hardware === 'ether') this.mc.add(MULTICAST_ALL6);
    this.notify('register');
  }

  private leave(): void {
    this.ns.neigh.deviceGone(this);
    this.notify('unregister');
    this.registered = false;
    this.ns.devices.delete(this.ifindex);
    this.addrs4 = [];
    this.addrs6 = [];
    this.mc.clear();
    this.uc.clear();
  }

  /** `ip link set X netns Y [name N]`. */
  moveTo(ns: Netns, name?: string): Result {
    if (this.netnsImmutable) return fail('EINVAL', 'The interface netns is immutable');
    const wanted = name ?? this.name;
    if (ns === this.ns) return name === undefined ? ok() : this.rename(name);
    if (name !== undefined && !validName(name)) return fail('EINVAL');
    if (ns.device(wanted)) return fail('EEXIST', 'An interface with the same name exists in the target netns');
    this.setDown();
    this.setMaster(null);
    const index = this.ifindex;
    this.leave();
    this.sched = this.rootQdisc = null;
    this.ns = ns;
    this.name = wanted;
    this.everUp = false;
    this.enter(index);
    this.movedNetns();
    return ok();
  }

  // ---- configuration ----

  setUp(): Result {
    if (this.up) return ok();
    const opened = this.open();
    if (!opened.ok) return opened;
    this.flags |= IFF_UP;
    this.opened();
    this.rxMode();
    this.everUp = true;
    this.active = this.carrierOk;
    if (this.hardware === 'ether') this.mc.add(MULTICAST_ALL4);
    this.notify('up');
    return ok();
  }

  setDown(): Result {
    if (!this.up) return ok();
    this.flags &= ~IFF_UP;
    this.active = false;
    this.sched?.reset();
    this.closed();
    if (this.hardware === 'ether') this.mc.del(MULTICAST_ALL4);
    this.notify('down');
    return ok();
  }

  setMtu(mtu: number): Result {
    if (mtu === this.mtu) return ok();
    if (mtu < 0 || mtu < this.minMtu) return fail('EINVAL', 'mtu less than device minimum');
    if (this.maxMtu > 0 && mtu > this.maxMtu) return fail('EINVAL', 'mtu greater than device maximum');
    const changed = this.changeMtu(mtu);
    if (!changed.ok) return changed;
    this.mtu = mtu;
    this.notify('mtu');
    return ok();
  }

  setMac(mac: Mac): Result {
    if (isMulticastMac(mac) || mac === 0) return fail('EADDRNOTAVAIL');
    const changed = this.changeMac(mac);
    if (!changed.ok) return changed;
    this.macAssign = 'set';
    this.assignMac(mac);
    return ok();
  }

  /** Changes the address without marking it as set by hand. */
  protected assignMac(mac: Mac): void {
    if (mac === this.mac) return;
    this.mac = mac;
    this.notify('mac');
  }

  rename(name: string): Result {
    if (name === this.name) return ok();
    const full = allocName(this.ns, name);
    if (full === null) return fail('EINVAL');
    if (this.ns.device(full)) return fail('EEXIST');
    this.name = full;
    this.notify('name');
    return ok();
  }

  setAlias(alias: string): Result {
    this.alias = alias;
    this.notify('change');
    return ok();
  }

  /** `ip link set X [no]master B`. */
  setMaster(master: NetDevice | null): Result {
    if (this.master === master) return ok();
    if (this.master) {
      const { announcesPorts } = this.master;
      const left = this.master.delPort(this);
      if (!left.ok) return left;
      if (!announcesPorts) this.notify('change');
    }
    if (!master) return ok();
    const joined = master.addPort(this);
    if (joined.ok && !master.announcesPorts) this.notify('change');
    return joined;
  }

  /** One more unicast address to receive. Models dev_uc_add() */
  addUnicast(mac: Mac): void {
    this.uc.add(mac);
    this.rxMode();
  }

  delUnicast(mac: Mac): boolean {
    const there = this.uc.del(mac);
    this.rxMode();
    return there;
  }

  /** Models __dev_set_rx_mode() */
  private rxMode(): void {
    if (!this.up || this.unicastFilter) return;
    const wanted = this.uc.size > 0;
    if (wanted === this.unicastPromisc) return;
    this.unicastPromisc = wanted;
    this.setPromiscuity(wanted ? 1 : -1);
  }

  /** Counts those who want every frame (a bridge, tcpdump); `user` is `ip link set promisc on`. */
  setPromiscuity(by: 1 | -1): void {
    const before = this.promiscuity > 0;
    this.promiscuity += by;
    if (this.promiscuity > 0) this.flags |= IFF_PROMISC;
    else this.flags &= ~IFF_PROMISC;
    if (before !== this.promiscuity > 0) {
      const word = this.promiscuity > 0 ? 'entered' : 'left';
      this.ns.kernel.printk(`${this.name}: ${word} promiscuous mode`);
    }
  }

  /** Sets or clears a flag that users may change: UP, PROMISC, ALLMULTI, MULTICAST, NOARP. Models __dev_change_flags(). */
  changeFlags(set: number, clear: number): Result {
    if (set & IFF_PROMISC && !this.userPromisc) {
      this.userPromisc = true;
      this.setPromiscuity(1);
    } else if (clear & IFF_PROMISC && this.userPromisc) {
      this.userPromisc = false;
      this.setPromiscuity(-1);
    }
    if (set & IFF_ALLMULTI && !this.userAllmulti) {
      this.userAllmulti = true;
      this.allmulti++;
    } else if (clear & IFF_ALLMULTI && this.userAllmulti) {
      this.userAllmulti = false;
      this.allmulti--;
    }
    const special = IFF_UP | IFF_PROMISC | IFF_ALLMULTI;
    const before = this.flags;
    this.flags = (this.flags | (set & ~special)) & ~(clear & ~special);
    if (set & IFF_UP) {
      const r = this.setUp();
      if (!r.ok) return r;
    } else if (clear & IFF_UP) this.setDown();
    if ((before ^ this.flags) & IFF_NOARP) this.ns.neigh.macChanged(this);
    if ((before ^ this.flags) & ~(special | IFF_RUNNING)) this.notify('change');
    return ok();
  }

  // ---- carrier ----

  carrierOn(): void {
    if (this.carrierOk) return;
    this.carrierOk = true;
    this.carrierMoved();
  }

  carrierOff(): void {
    if (!this.carrierOk) return;
    this.carrierOk = false;
    this.carrierMoved();
  }

  private carrierMoved(): void {
    if (!this.registered) return;
    this.carrierChanges++;
    linkwatchFire(this);
  }

  /** The worker's part of a carrier change: new operstate, queue on or off, everyone told. */
  linkwatchDo(): void {
    this.oper = this.defaultOper();
    if (!this.up) return;
    this.active = this.carrierOk;
    if (!this.carrierOk) this.ns.neigh.carrierDown(this);
    this.notify('change', true);
  }

  private defaultOper(): OperState {
    if (this.carrierOk) return 'UP';
    const link = this.iflink();
    if (link === this.ifindex) return 'DOWN';
    const below = this.ns.devices.get(link);
    return below && !below.carrier() ? 'LOWERLAYERDOWN' : 'DOWN';
  }

  // ---- what kinds override ----

  protected open(): Result {
    return ok();
  }
  protected opened(): void {}
  protected closed(): void {}
  protected destroyed(): void {}
  protected movedNetns(): void {}
  protected changeMtu(_mtu: number): Result {
    return ok();
  }
  protected changeMac(_mac: Mac): Result {
    return ok();
  }
  /** Tells of joining and leaving ports itself, in an order of its own. */
  readonly announcesPorts: boolean = false;

  addPort(_port: NetDevice): Result {
    return fail('EOPNOTSUPP');
  }
  delPort(_port: NetDevice): Result {
    return fail('EOPNOTSUPP');
  }
  /** A device enslaved to this one changed. */
  portEvent(_port: NetDevice, _action: LinkAction): void {}
  /** The device below changed. */
  lowerEvent(_lower: NetDevice, _action: LinkAction): void {}
  /** The device below is being deleted. */
  lowerGone(): void {
    this.delete();
  }

  // ---- helpers ----

  /** `carrier`: the change is one of carrier. */
  notify(action: LinkAction, carrier = false): void {
    if (!this.registered) return;
    if (action === 'mac') this.ns.neigh.macChanged(this);
    else if (action === 'down') this.ns.neigh.deviceDown(this);
    // A changed state is announced after those who act on it have acted; up and down before.
    if (action === 'change') this.master?.portEvent(this, action);
    this.ns.events.emit({ type: 'link', action, dev: this, carrier });
    if (action !== 'change') this.master?.portEvent(this, action);
    for (const upper of this.uppers) upper.lowerEvent(this, action);
  }

  /** Microseconds that a frame takes to the next device inside a machine. */
  hopDelay(): number {
    return 2 + (this.linkRng.u32() & 3);
  }

  /** Locally administered unicast. Models eth_random_addr(). */
  randomMac(): Mac {
    const rng = this.sim.rng('mac');
    const high = (rng.u32() & 0xffff & ~0x0100) | 0x0200;
    return high * 4294967296 + rng.u32();
  }
}

/** Keeps `ns.devices` in order of index, which is the order of every listing. */
function sortDevices(ns: Netns): void {
  let last = 0;
  for (const index of ns.devices.keys()) {
    if (index < last) {
      const all = [...ns.devices].sort((a, b) => a[0] - b[0]);
      ns.devices.clear();
      for (const [i, d] of all) ns.devices.set(i, d);
      return;
    }
    last = index;
  }
}
