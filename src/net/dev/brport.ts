/** A bridge port and its settings. Models struct net_bridge_port */

import type { Bridge } from './bridge.ts';
import { type BridgeId, KTimer } from './brstp.ts';
import { VlanGroup } from './brvlan.ts';
import type { NetDevice } from './device.ts';

export type PortState = 'disabled' | 'listening' | 'learning' | 'forwarding' | 'blocking';
/** As numbered by `bridge link set … state N`. */
export const PORT_STATES: readonly PortState[] = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'];

/** Path costs of IEEE 802.1D by speed: 10 Gb/s, and what tells no speed. */
const COST_10G = 2;
const COST_UNKNOWN = 100;

/** Macvlans and VLANs have the speed of the device below. */
function portCost(dev: NetDevice, depth = 0): number {
  if (dev.kind === 'veth' || dev.kind === 'tun') return COST_10G;
  const below = (dev as NetDevice & { lower?: NetDevice | null }).lower;
  return below && ['macvlan', 'vlan', 'vxlan'].includes(dev.kind) && depth < 8 ? portCost(below, depth + 1) : COST_UNKNOWN;
}

export class BridgePort {
  readonly bridge: Bridge;
  readonly dev: NetDevice;
  readonly number: number;
  state: PortState = 'disabled';
  /** BPDUs and changes of state, counted where the spanning tree is on. */
  readonly stpStats = { rxBpdu: 0, txBpdu: 0, rxTcn: 0, txTcn: 0, blocked: 0, forwarding: 0 };
  priority = 32;
  /** When the forward delay that began last ends, µs. */
  forwardDelayEnd = 0;
  cost: number;
  hairpin = false;
  guard = false;
  rootBlock = false;
  fastLeave = false;
  learning = true;
  flood = true;
  mcastFlood = true;
  bcastFlood = true;
  mcastRouter = 1;
  mcastToUnicast = false;
  proxyArp = false;
  proxyArpWifi = false;
  neighSuppress = false;
  vlanTunnel = false;
  isolated = false;
  locked = false;
  groupFwdMask = 0;
  backup: NetDevice | null = null;
  readonly vlanGroup = new VlanGroup();
  /** The bridge has made the device promiscuous. */
  promisc = false;

  // Spanning tree.
  designatedRoot: BridgeId;
  designatedBridge: BridgeId;
  designatedPort = 0;
  designatedCost = 0;
  /** When the root sent what this port heard last, µs. */
  designatedAge = 0;
  topologyChangeAck = false;
  configPending = false;
  readonly messageAgeTimer: KTimer;
  readonly forwardDelayTimer: KTimer;
  readonly holdTimer: KTimer;

  constructor(bridge: Bridge, dev: NetDevice, number: number) {
    this.bridge = bridge;
    this.dev = dev;
    this.number = number;
    this.cost = portCost(dev);
    this.designatedRoot = this.designatedBridge = bridge.stp.id;
    const { stp, sim } = bridge;
    this.messageAgeTimer = new KTimer(sim, () => stp.messageAgeExpired(this));
    this.forwardDelayTimer = new KTimer(sim, () => stp.forwardDelayExpired(this));
    this.holdTimer = new KTimer(sim, () => stp.holdExpired(this));
  }

  /** µs that are left of the forward delay. */
  get forwardDelayLeft(): number {
    if (this.forwardDelayTimer.pending) return this.forwardDelayTimer.left;
    return this.state === 'disabled' ? 0 : Math.max(0, this.forwardDelayEnd - this.bridge.sim.now);
  }

  /** Priority in the upper six bits, number below. */
  get id(): number {
    return ((this.priority << 10) & 0xfc00) | (this.number & 0x3ff);
  }
}
