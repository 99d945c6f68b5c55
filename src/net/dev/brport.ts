/** A bridge port and its settings. Models struct net_bridge_port */

import type { Bridge } from './bridge.ts';
import type { NetDevice } from './device.ts';

export type PortState = 'disabled' | 'listening' | 'learning' | 'forwarding' | 'blocking';
/** As numbered by `bridge link set … state N`. */
export const PORT_STATES: readonly PortState[] = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'];

export class BridgePort {
  readonly bridge: Bridge;
  readonly dev: NetDevice;
  readonly number: number;
  state: PortState = 'disabled';
  priority = 32;
  /** When it last began to forward, µs: its forward delay timer runs from then on. */
  enabledAt = Number.NEGATIVE_INFINITY;
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

  constructor(bridge: Bridge, dev: NetDevice, number: number) {
    this.bridge = bridge;
    this.dev = dev;
    this.number = number;
    this.cost = dev.kind === 'veth' ? 2 : 100;
  }
}
