/** Bridge device: ports, learning, flooding, hairpin. Models net/bridge/br_if.c, br_input.c, br_forward.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { SEC } from '../../sim/sim.ts';
import { isMulticastMac, type Mac } from '../../wire/mac.ts';
import { brDevXmit, brForward, brPostRouting, brPreRouting } from '../netfilter/br_netfilter.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { BridgePort } from './brport.ts';
import { devQueueXmit, netifReceive } from './core.ts';
import { IFF_PROMISC, type LinkAction, NetDevice } from './device.ts';
import { BridgeFdb } from './fdb.ts';
import { netDrop } from './trace.ts';

export { BridgePort } from './brport.ts';
export { BridgeFdb, type FdbEntry } from './fdb.ts';

/** 01:80:c2:00:00:0X: frames for the bridge itself (STP, LLDP …), never forwarded. */
const LINK_LOCAL_MASK = 0x0180c2000000;

export class Bridge extends NetDevice {
  readonly kind = 'bridge';
  readonly ports = new Map<NetDevice, BridgePort>();
  readonly fdb: BridgeFdb;
  /** µs after which a learned entry is gone. */
  ageingTime = 300 * SEC;
  priority = 0x8000;
  /** Spanning tree: only its setting is kept; ports forward at once. */
  stp = false;
  forwardDelay = 15 * SEC;
  helloTime = 2 * SEC;
  maxAge = 20 * SEC;
  groupFwdMask = 0;
  vlanFiltering = false;
  mcastSnooping = true;
  mtuSetByUser = false;
  /** The address in the bridge id: zero until a port brings one or one is set by hand, and again when the last port has left. */
  idMac: Mac = 0;
  /** When it was last brought up, µs. */
  openedAt = 0;

  constructor(ns: Netns, name: string) {
    super(ns, name);
    this.netnsImmutable = true;
    this.fdb = new BridgeFdb(this);
  }

  // ---- ports ----

  override addPort(dev: NetDevice): Result {
    if (dev.kind === 'bridge') return fail('ELOOP', 'Can not enslave a bridge to a bridge');
    if (dev.kind === 'loopback') return fail('EINVAL');
    if (dev.ns !== this.ns) return fail('EINVAL');
    if (dev.rxHandler) return fail('EBUSY');
    const number = this.freePortNumber();
    const port = new BridgePort(this, dev, number);
    this.ports.set(dev, port);
    dev.master = this;
    dev.rxHandler = (skb) => this.handleFrame(port, skb);
    dev.setPromiscuity(1);
    dev.allmulti++;
    this.ns.kernel.printk(`${this.name}: port ${number}(${dev.name}) entered blocking state`);
    this.fdb.addLocal(port, dev.mac);
    this.recalculateMac();
    if (dev.up && dev.operUp() && this.up) this.enablePort(port);
    this.mtuAuto();
    return ok();
  }

  override delPort(dev: NetDevice): Result {
    const port = this.ports.get(dev);
    if (!port) return fail('EINVAL');
    this.disablePort(port);
    this.fdb.deletePort(port, true);
    this.ports.delete(dev);
    dev.rxHandler = null;
    dev.master = null;
    dev.setPromiscuity(-1);
    dev.allmulti--;
    this.mtuAuto();
    this.recalculateMac();
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

  /** The lowest port address, unless one was set by hand. Models br_stp_recalculate_bridge_id(). */
  private recalculateMac(): void {
    if (this.macAssign === 'set') return;
    let lowest: Mac | null = null;
    for (const dev of this.ports.keys()) if (lowest === null || dev.mac < lowest) lowest = dev.mac;
    const address = lowest ?? 0;
    if (address === this.idMac) return;
    this.idMac = address;
    if (address === this.mac) return;
    this.fdb.changeBridgeMac(address);
    this.macAssign = 'stolen';
    this.assignMac(address);
    this.portStateSelection();
  }

  /** Follows the lowest MTU of the ports, until one is set by hand. */
  private mtuAuto(): void {
    if (this.mtuSetByUser || this.ports.size === 0) return;
    let lowest = Number.POSITIVE_INFINITY;
    for (const dev of this.ports.keys()) lowest = Math.min(lowest, dev.mtu);
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
        this.carrierCheck(port);
        break;
      case 'up':
        if (this.up && dev.operUp()) this.enablePort(port);
        break;
      case 'down':
        if (this.up) this.disablePort(port);
        break;
      default:
        break;
    }
  }

  private carrierCheck(port: BridgePort): void {
    if (!this.up) return;
    if (port.dev.up && port.dev.operUp()) {
      if (port.state === 'disabled') this.enablePort(port);
    } else if (port.state !== 'disabled') this.disablePort(port);
  }

  private enablePort(port: BridgePort): void {
    port.enabledAt = this.sim.now;
    this.setPortState(port, 'forwarding');
  }

  private disablePort(port: BridgePort): void {
    port.state = 'disabled';
    this.fdb.deletePort(port, false);
    this.portStateSelection();
  }

  /** `bridge link set dev P state N`, and what carrier does. */
  setPortState(port: BridgePort, state: BridgePort['state']): void {
    if (port.state !== state) this.ns.kernel.printk(`${this.name}: port ${port.number}(${port.dev.name}) entered ${state} state`);
    port.state = state;
    this.portStateSelection();
  }

  /** The bridge has carrier while a port forwards. */
  private portStateSelection(): void {
    for (const port of this.ports.values()) {
      if (port.state === 'forwarding') {
        this.carrierOn();
        return;
      }
    }
    this.carrierOff();
  }

  protected override opened(): void {
    this.openedAt = this.sim.now;
    for (const mac of SNOOPERS) this.mc.add(mac);
    for (const port of this.ports.values()) if (port.dev.up && port.dev.operUp()) this.enablePort(port);
  }

  protected override closed(): void {
    for (const mac of SNOOPERS) this.mc.del(mac);
    for (const port of this.ports.values()) if (port.state !== 'disabled') this.disablePort(port);
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
    this.idMac = mac;
    this.fdb.changeBridgeMac(mac);
    this.portStateSelection();
    return ok();
  }

  /** An address given at creation counts as a change of bridge id, and that looks for a live port: no carrier from the start. */
  override register(wantedIndex?: number): Result {
    const given = this.mac !== 0;
    const done = super.register(wantedIndex);
    if (!done.ok) return done;
    if (given) {
      this.macAssign = 'set';
      this.portStateSelection();
    }
    this.fdb.addLocal(null, this.mac);
    return done;
  }

  // ---- frames ----

  /** A frame came in at a port. Models br_handle_frame(). */
  private handleFrame(port: BridgePort, skb: Skb): boolean {
    if (isMulticastMac(skb.ethSrc) || skb.ethSrc === 0) {
      netDrop(skb, port.dev, 'INVALID_SOURCE_MAC');
      return true;
    }
    if (skb.ethDst >= LINK_LOCAL_MASK && skb.ethDst <= LINK_LOCAL_MASK + 15) return false;
    if (port.state !== 'forwarding' && port.state !== 'learning') {
      netDrop(skb, port.dev, 'BRIDGE_PORT_DISABLED');
      return true;
    }
    if (skb.ethDst === this.mac) skb.type = 'host';
    if (brPreRouting(skb, this, port.dev) === 'accept') this.frameFinish(port, skb);
    return true;
  }

  /** Learns, and decides where the frame goes. Models br_handle_frame_finish(). */
  private frameFinish(port: BridgePort, skb: Skb): void {
    if (port.learning) this.fdb.learn(port, skb.ethSrc);
    if (port.state === 'learning') return;
    const dst = skb.ethDst;
    if (isMulticastMac(dst)) {
      const local = skb.clone();
      this.flood(skb, port, true, true);
      this.stats.multicast++;
      this.passUp(local);
      return;
    }
    const entry = this.fdb.find(dst);
    if (this.flags & IFF_PROMISC && !entry?.local) this.passUp(skb.clone());
    if (entry?.local) this.passUp(skb);
    else if (entry?.port) {
      entry.used = this.sim.now;
      this.forwardTo(entry.port, skb, port, true);
    } else this.flood(skb, port, true);
  }

  private passUp(skb: Skb): void {
    if (!this.up) {
      netDrop(skb, this, 'DEV_DOWN');
      return;
    }
    this.stats.rxPackets++;
    this.stats.rxBytes += skb.data.length;
    skb.dev = this;
    netifReceive(skb);
  }

  /** Models should_deliver(). */
  private mayDeliver(from: BridgePort | null, to: BridgePort): boolean {
    return (from !== to || to.hairpin) && to.state === 'forwarding' && !(from?.isolated && to.isolated);
  }

  private forwardTo(to: BridgePort, skb: Skb, from: BridgePort | null, forwarded: boolean): void {
    if (!this.mayDeliver(from, to)) {
      netDrop(skb, to.dev, from === to ? 'BRIDGE_SAME_PORT' : 'BRIDGE_PORT_BLOCKED');
      return;
    }
    this.deliver(to, skb, forwarded);
  }

  private deliver(to: BridgePort, skb: Skb, forwarded: boolean): void {
    if (forwarded && brForward(skb, this, to.dev) !== 'accept') return;
    if (brPostRouting(skb, this, to.dev) !== 'accept') return;
    if (skb.data.length > to.dev.mtu + (skb.vlan === null ? 0 : 4) && skb.gsoSize === 0) {
      netDrop(skb, to.dev, 'PKT_TOO_BIG');
      return;
    }
    skb.dev = to.dev;
    devQueueXmit(skb);
  }

  /** To every port that wants it; the last one gets the original. `local`: the host has a copy. Models br_flood(). */
  private flood(skb: Skb, from: BridgePort | null, forwarded: boolean, local = false): void {
    const dst = skb.ethDst;
    let previous: BridgePort | null = null;
    for (const port of this.ports.values()) {
      if (dst === this.broadcast ? !port.bcastFlood : isMulticastMac(dst) ? !port.mcastFlood : !port.flood) continue;
      if (!this.mayDeliver(from, port)) continue;
      if (previous) this.deliver(previous, skb.clone(), forwarded);
      previous = port;
    }
    if (previous) this.deliver(previous, skb, forwarded);
    else if (!local) netDrop(skb, this, 'BRIDGE_NO_PORT');
  }

  /** The host sends by the bridge. Models br_dev_xmit(). */
  xmit(skb: Skb): void {
    const dnat = brDevXmit(skb);
    if (dnat) {
      const port = this.ports.get(dnat);
      if (port) this.frameFinish(port, skb);
      return;
    }
    this.stats.txPackets++;
    this.stats.txBytes += skb.data.length + 14;
    const dst = skb.ethDst;
    if (!isMulticastMac(dst)) {
      const entry = this.fdb.find(dst);
      if (entry?.port && !entry.local) {
        entry.used = this.sim.now;
        this.forwardTo(entry.port, skb, null, false);
        return;
      }
      if (entry?.local) {
        netDrop(skb, this, 'BRIDGE_LOCAL_MAC');
        return;
      }
    }
    this.flood(skb, null, false);
  }
}

/** All-snoopers groups that a snooping bridge joins. */
const SNOOPERS: readonly Mac[] = [0x01005e00006a, 0x33330000006a];
