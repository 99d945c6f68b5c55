/**
 * Bridged IP packets shown to iptables (sysctl net.bridge.bridge-nf-call-iptables). Models net/bridge/br_netfilter_hooks.c
 *
 * What the bridge does with it:
 *   a frame enters by a port, before learning's forwarding decision:  v = brPreRouting(skb, bridge, port)
 *       'accept': go on with skb.ethDst and skb.type as they are now (a DNATed packet may have got the bridge's own or another MAC);
 *       'drop' / 'stolen': done.
 *   about to forward to a port (not for frames that the host itself sends):  brForward(skb, bridge, outPort) once per copy
 *   then, as it leaves:  brPostRouting(skb, bridge, outPort)
 *   bridge.xmit(skb) begins with `const port = brDevXmit(skb)`; when it is not null, the frame is a DNATed one whose neighbour
 *       is known by now: handle it as received by that port, after brPreRouting.
 */

import type { NetDevice } from '../dev/device.ts';
import type { Skb } from '../skb.ts';
import type { HookVerdict } from './netfilter.ts';

export interface BridgeInfo {
  /** Port that the packet came in by. */
  physIn: NetDevice | null;
  /** Port that it leaves by; known in FORWARD and POSTROUTING. */
  physOut: NetDevice | null;
  /** Inside the bridge's own PREROUTING. */
  inPrerouting: boolean;
  /** The IP layer's PREROUTING was already skipped once, because the bridge had run it. */
  sabotageDone: boolean;
  /** Waits for the MAC of a DNATed destination on the same bridge. */
  bridgedDnat: boolean;
  ethSrc: number;
}

export function brPreRouting(_skb: Skb, _bridge: NetDevice, _port: NetDevice): HookVerdict {
  return 'accept';
}

export function brForward(_skb: Skb, _bridge: NetDevice, _outPort: NetDevice): HookVerdict {
  return 'accept';
}

export function brPostRouting(_skb: Skb, _bridge: NetDevice, _outPort: NetDevice): HookVerdict {
  return 'accept';
}

/** The port at which a DNATed frame is to go on, or null for ordinary frames that the host sends. */
export function brDevXmit(_skb: Skb): NetDevice | null {
  return null;
}
