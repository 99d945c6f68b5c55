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

import { type Family, type IpAddr, readIp4, readIp6 } from '../../wire/addr.ts';
import { u16 } from '../../wire/bytes.ts';
import { ETH_P_IP, ETH_P_IPV6 } from '../../wire/ethernet.ts';
import { IP_DF, ip4HeaderLen } from '../../wire/ipv4.ts';
import { devQueueXmit } from '../dev/core.ts';
import type { NetDevice } from '../dev/device.ts';
import { netDrop } from '../dev/trace.ts';
import { fragment4, isFragment } from '../ip/frag.ts';
import { routeInput } from '../ip/route.ts';
import type { Skb } from '../skb.ts';
import type { Hook, HookVerdict } from './netfilter.ts';

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

/** The family whose rules see this frame, or null when br_netfilter leaves it alone. */
function shown(skb: Skb, bridge: NetDevice): Family | null {
  if (skb.vlan !== null) return null;
  const { nf } = bridge.ns;
  if (skb.proto === ETH_P_IP) return nf.bridged4.n !== 0 ? 4 : null;
  if (skb.proto === ETH_P_IPV6) return nf.bridged6.n !== 0 ? 6 : null;
  return null;
}

function destination(skb: Skb, family: Family): IpAddr {
  return family === 4 ? readIp4(skb.data, 16) : readIp6(skb.data, 24);
}

/** br_validate_ipv4() and its IPv6 sibling: what is no sound packet is dropped; padding is cut off. */
function sound(skb: Skb, family: Family): boolean {
  const b = skb.data;
  if (family === 4) {
    if (b.length < 20 || (b[0] as number) >> 4 !== 4 || ip4HeaderLen(b) < 20) return false;
    const total = u16(b, 2);
    if (total > b.length || total < ip4HeaderLen(b)) return false;
    if (total < b.length) skb.data = b.subarray(0, total);
    return true;
  }
  if (b.length < 40 || (b[0] as number) >> 4 !== 6) return false;
  const total = 40 + u16(b, 4);
  if (total > b.length) return false;
  if (total < b.length) skb.data = b.subarray(0, total);
  return true;
}

/** Rules see frames for another host's MAC as if they were ours (pkt_otherhost), so that REJECT may answer them. */
function hookAsHost(family: Family, hook: Hook, skb: Skb, bridge: NetDevice, out: NetDevice | null): HookVerdict {
  const { nf } = bridge.ns;
  if (skb.type !== 'otherhost') return nf.hook(family, hook, skb, bridge, out);
  skb.type = 'host';
  const verdict = nf.hook(family, hook, skb, bridge, out);
  if (verdict === 'accept') skb.type = 'otherhost';
  return verdict;
}

export function brPreRouting(skb: Skb, bridge: NetDevice, port: NetDevice): HookVerdict {
  const family = shown(skb, bridge);
  if (family === null) return 'accept';
  if (!sound(skb, family)) {
    netDrop(skb, port, 'BR_NETFILTER_BAD_HEADER');
    return 'drop';
  }
  const { ns } = bridge;
  // Nobody will ask where the packet came from when nothing is registered anywhere.
  if (family === 4 && ns.nf.idle4) return 'accept';
  // nf_defrag_ipv4 hangs in this hook as well: tracked packets are whole until they leave the bridge.
  const fragment = family === 4 && ns.ct.active(4) && isFragment(skb.data);
  if (fragment && !ns.ip4.reassembly.add(skb, 'bridge')) return 'stolen';
  const info: BridgeInfo = { physIn: port, physOut: null, inPrerouting: true, sabotageDone: false, bridgedDnat: false, ethSrc: skb.ethSrc };
  skb.bridge = info;
  const before = destination(skb, family);
  if (ns.nf.active(family, 'PREROUTING')) {
    const dev = skb.dev;
    skb.dev = bridge;
    const verdict = hookAsHost(family, 'PREROUTING', skb, bridge, null);
    skb.dev = dev;
    if (verdict !== 'accept') return verdict;
  }
  info.inPrerouting = false;
  const after = destination(skb, family);
  if (after === before) return 'accept';
  return dnatted(skb, bridge, after);
}

/**
 * br_nf_pre_routing_finish(): a packet with a new destination goes up to the IP layer when it must be routed, and straight to the
 * other port when its new destination is on the same bridge.
 */
function dnatted(skb: Skb, bridge: NetDevice, to: IpAddr): HookVerdict {
  const { ns } = bridge;
  const input =
    typeof to === 'number'
      ? ns.ip4.routes.input(skb, readIp4(skb.data, 12), to, bridge)
      : routeInput(ns, { dst: to, src: readIp6(skb.data, 8), iif: bridge, mark: skb.mark });
  if (!input.ok && (input.errno === 'EINVAL' || input.errno === 'EXDEV')) {
    netDrop(skb, bridge, 'BR_NETFILTER_MARTIAN');
    return 'drop';
  }
  if (input.ok && input.value.kind === 'forward' && input.value.dev === bridge) {
    const info = skb.bridge as BridgeInfo;
    info.bridgedDnat = true;
    info.ethSrc = skb.ethSrc;
    skb.dev = bridge;
    ns.neigh.output(skb, bridge, input.value.gateway ?? to);
    return 'stolen';
  }
  skb.ethDst = bridge.mac;
  skb.type = 'host';
  return 'accept';
}

export function brForward(skb: Skb, bridge: NetDevice, outPort: NetDevice): HookVerdict {
  if (skb.bridge === null) return 'accept';
  const family = shown(skb, bridge);
  if (family === null) return 'accept';
  skb.bridge = { ...skb.bridge, physOut: outPort };
  const { ns } = bridge;
  return ns.nf.active(family, 'FORWARD') ? hookAsHost(family, 'FORWARD', skb, bridge, bridge) : 'accept';
}

export function brPostRouting(skb: Skb, bridge: NetDevice, outPort: NetDevice): HookVerdict {
  if (skb.bridge === null || skb.bridge.physOut === null) return 'accept';
  const family = shown(skb, bridge);
  if (family === null) return 'accept';
  const { ns } = bridge;
  const verdict = ns.nf.active(family, 'POSTROUTING') ? ns.nf.hook(family, 'POSTROUTING', skb, null, bridge) : 'accept';
  if (verdict !== 'accept' || family === 6 || skb.gsoSize > 0 || skb.data.length <= outPort.mtu || (u16(skb.data, 6) & IP_DF) !== 0)
    return verdict;
  skb.checksumHelp();
  // br_nf_dev_queue_xmit(): what was put together on the way in is cut again.
  for (const piece of fragment4(skb.data, outPort.mtu)) {
    const part = skb.clone();
    part.data = piece;
    part.dev = outPort;
    devQueueXmit(part);
  }
  return 'stolen';
}

/** The port at which a DNATed frame is to go on, or null for ordinary frames that the host sends. */
export function brDevXmit(skb: Skb): NetDevice | null {
  const info = skb.bridge;
  if (!info?.bridgedDnat) return null;
  info.bridgedDnat = false;
  skb.ethSrc = info.ethSrc;
  return info.physIn;
}
