/** Frames in a bridge: learning, filtering, flooding, hairpin. Models net/bridge/br_input.c, br_forward.c, br_arp_nd_proxy.c */

import { ARP_REPLY, ARP_REQUEST, parseArp } from '../../wire/arp.ts';
import { ETH_P_ARP, ETH_P_IP } from '../../wire/ethernet.ts';
import { isMulticastMac } from '../../wire/mac.ts';
import { arpReplyFrame } from '../neigh/arp.ts';
import { NUD_VALID } from '../neigh/nud.ts';
import { brDevXmit, brForward, brPostRouting, brPreRouting } from '../netfilter/br_netfilter.ts';
import { BRNF_PRIORITY } from '../netfilter/frames.ts';
import type { Skb } from '../skb.ts';
import type { Bridge } from './bridge.ts';
import type { MdbMember } from './brmdb.ts';
import type { BridgePort } from './brport.ts';
import { devQueueXmit, netifReceive } from './core.ts';
import { IFF_PROMISC } from './flags.ts';
import { netDrop } from './trace.ts';

const IPPROTO_IGMP = 2;

/** 01:80:c2:00:00:0X: frames for the bridge itself (STP, LLDP …), forwarded only where a mask says so. */
const LINK_LOCAL = 0x0180c2000000;

/** A frame came in at a port; true when the bridge took it. Models br_handle_frame(). */
export function handleFrame(br: Bridge, port: BridgePort, skb: Skb): boolean {
  if (isMulticastMac(skb.ethSrc) || skb.ethSrc === 0) {
    netDrop(skb, port.dev, 'INVALID_SOURCE_MAC');
    return true;
  }
  const dst = skb.ethDst;
  if (dst >= LINK_LOCAL && dst <= LINK_LOCAL + 15) {
    const verdict = linkLocal(br, port, skb, dst - LINK_LOCAL);
    if (verdict !== null) return verdict;
  }
  if (port.state !== 'forwarding' && port.state !== 'learning') {
    netDrop(skb, port.dev, 'BRIDGE_PORT_DISABLED');
    return true;
  }
  if (dst === br.mac) skb.type = 'host';
  const { nf } = br.ns;
  const chains = nf.frames.bridge.PREROUTING;
  if (chains && nf.hookFrame(chains, skb, port.dev, null, undefined, BRNF_PRIORITY) !== 'accept') return true;
  if (brPreRouting(skb, br, port.dev) !== 'accept') return true;
  if (chains && nf.hookFrame(chains, skb, port.dev, null, BRNF_PRIORITY) !== 'accept') return true;
  frameFinish(br, port, skb);
  return true;
}

/** null: forward it like any other. */
function linkLocal(br: Bridge, port: BridgePort, skb: Skb, last: number): boolean | null {
  const bit = 1 << last;
  if (last === 0) {
    // Without a tree BPDUs pass, so that bridges around this one find the loop.
    if (!br.stp.enabled || port.groupFwdMask & bit) return null;
  } else if (last === 1) {
    netDrop(skb, port.dev, 'BRIDGE_LINK_LOCAL');
    return true;
  } else if ((br.groupFwdMask | port.groupFwdMask) & bit) return null;
  if (port.state !== 'disabled' && port.learning && !br.noLinklocalLearn) br.fdb.learn(port, skb.ethSrc, vlanOf(br, port, skb));
  if (last === 0) {
    br.stp.receive(port, skb);
    return true;
  }
  return false;
}

function vlanOf(br: Bridge, port: BridgePort, skb: Skb): number {
  if (!br.vlanFiltering) return 0;
  return skb.vlan === null ? port.vlanGroup.pvid : skb.vlan & 0x0fff;
}

/** Learns, and decides where the frame goes. Models br_handle_frame_finish(). */
export function frameFinish(br: Bridge, port: BridgePort, skb: Skb): void {
  let vid = 0;
  if (br.vlanFiltering) {
    if (port.vlanTunnel && skb.tunnelId !== null) port.vlanGroup.fromTunnel(skb, br.vlanProtocol);
    vid = port.vlanGroup.ingress(skb, br.vlanProtocol);
    if (vid < 0) {
      netDrop(skb, port.dev, 'BRIDGE_INGRESS_VLAN');
      return;
    }
  }
  if (port.locked) {
    const known = br.fdb.find(skb.ethSrc, vid);
    if (!known || known.port !== port || known.local) {
      netDrop(skb, port.dev, 'BRIDGE_LOCKED');
      return;
    }
  }
  if (port.learning) br.fdb.learn(port, skb.ethSrc, vid);
  if (port.state === 'learning') return;
  const dst = skb.ethDst;
  const proxied = br.arpProxies > 0 && skb.proto === ETH_P_ARP && suppressArp(br, port, skb, vid);
  if (isMulticastMac(dst)) {
    const members = dst !== br.broadcast && br.mcast.snooping ? groupMembers(br, port, skb, vid) : null;
    if (members) {
      multicast(br, skb, port, members, true, vid);
      return;
    }
    const local = skb.clone();
    flood(br, skb, port, true, true, vid, proxied);
    br.stats.multicast++;
    passUp(br, local, vid);
    return;
  }
  const entry = br.fdb.find(dst, vid);
  if (br.flags & IFF_PROMISC && !entry?.local) {
    // The connection belongs to the forwarded original: br_nf_local_in() takes it off the copy.
    const copy = skb.clone();
    copy.ct = null;
    copy.ctInfo = null;
    passUp(br, copy, vid);
  }
  if (entry?.local) passUp(br, skb, vid);
  else if (entry?.port) {
    entry.used = br.sim.now;
    forwardTo(br, entry.port, skb, port, true, vid);
  } else flood(br, skb, port, true, false, vid, proxied);
}

/** Models br_pass_frame_up(). */
function passUp(br: Bridge, skb: Skb, vid: number): void {
  if (!br.up) {
    netDrop(skb, br, 'DEV_DOWN');
    return;
  }
  if (br.vlanFiltering) {
    if (!br.vlanGroup.carries(vid) && !(br.flags & IFF_PROMISC)) {
      netDrop(skb, br, 'BRIDGE_EGRESS_VLAN');
      return;
    }
    br.vlanGroup.egress(skb, vid);
  }
  br.stats.rxPackets++;
  br.stats.rxBytes += skb.data.length;
  const from = skb.dev;
  skb.dev = br;
  const { nf } = br.ns;
  if (nf.frames.bridge.INPUT === null || nf.hookFrame(nf.frames.bridge.INPUT, skb, from, null) === 'accept') netifReceive(skb);
}

/** Models should_deliver(). */
function mayDeliver(br: Bridge, from: BridgePort | null, to: BridgePort, vid: number): boolean {
  return (
    (from !== to || to.hairpin) &&
    to.state === 'forwarding' &&
    !(from?.isolated && to.isolated) &&
    (!br.vlanFiltering || to.vlanGroup.carries(vid))
  );
}

function forwardTo(br: Bridge, port: BridgePort, skb: Skb, from: BridgePort | null, forwarded: boolean, vid: number): void {
  let to = port;
  if (to.backup && (!to.dev.up || !to.dev.carrier())) to = br.ports.get(to.backup) ?? to;
  if (!mayDeliver(br, from, to, vid)) {
    netDrop(skb, to.dev, from === to ? 'BRIDGE_SAME_PORT' : 'BRIDGE_PORT_BLOCKED');
    return;
  }
  deliver(br, to, skb, forwarded, vid);
}

function deliver(br: Bridge, to: BridgePort, skb: Skb, forwarded: boolean, vid: number): void {
  if (vid !== 0) to.vlanGroup.egress(skb, vid);
  if (to.vlanTunnel) to.vlanGroup.intoTunnel(skb, vid);
  const { nf } = br.ns;
  const chains = forwarded ? nf.frames.bridge.FORWARD : nf.frames.bridge.OUTPUT;
  const from = forwarded ? skb.dev : null;
  // br_netfilter stands one step earlier where frames are forwarded, and last where they leave.
  if (chains && nf.hookFrame(chains, skb, from, to.dev, undefined, BRNF_PRIORITY - 1) !== 'accept') return;
  if (forwarded && brForward(skb, br, to.dev) !== 'accept') return;
  if (chains && nf.hookFrame(chains, skb, from, to.dev, BRNF_PRIORITY - 1) !== 'accept') return;
  if (nf.frames.bridge.POSTROUTING && nf.hookFrame(nf.frames.bridge.POSTROUTING, skb, null, to.dev) !== 'accept') return;
  if (brPostRouting(skb, br, to.dev) !== 'accept') return;
  if (skb.data.length > to.dev.mtu + (skb.vlan === null ? 0 : 4) && skb.gsoSize === 0) {
    netDrop(skb, to.dev, 'PKT_TOO_BIG');
    return;
  }
  skb.dev = to.dev;
  devQueueXmit(skb);
}

/** To every port that wants it; the last one gets the original. `local`: the host has a copy. Models br_flood(). */
function flood(br: Bridge, skb: Skb, from: BridgePort | null, forwarded: boolean, local: boolean, vid: number, proxied = false): void {
  const dst = skb.ethDst;
  const broadcast = dst === br.broadcast;
  const group = !broadcast && isMulticastMac(dst);
  let previous: BridgePort | null = null;
  for (const port of br.ports.values()) {
    // What the host itself sends to a group goes everywhere.
    if (broadcast ? !port.bcastFlood && from !== null : group ? !port.mcastFlood && from !== null : !port.flood) continue;
    if (port.proxyArp || (proxied && (port.proxyArpWifi || port.neighSuppress))) continue;
    if (!mayDeliver(br, from, port, vid)) continue;
    if (previous) deliver(br, previous, skb.clone(), forwarded, vid);
    previous = port;
  }
  if (previous) deliver(br, previous, skb, forwarded, vid);
  else if (!local) netDrop(skb, br, 'BRIDGE_NO_PORT');
}

/** To the members of a group and to ports with a multicast router. Models br_multicast_flood(). */
function multicast(br: Bridge, skb: Skb, from: BridgePort | null, members: readonly MdbMember[], forwarded: boolean, vid: number): void {
  const wanted = new Set(members.map((m) => m.port));
  const up = from !== null && (wanted.has(null) || br.mcast.router === 2);
  for (const port of br.ports.values()) {
    if (!wanted.has(port) && port.mcastRouter !== 2) continue;
    if (mayDeliver(br, from, port, vid)) deliver(br, port, skb.clone(), forwarded, vid);
  }
  if (!up) return;
  br.stats.multicast++;
  passUp(br, skb, vid);
}

/** Reads reports on their way; the members of the frame's group, or null when it is flooded. Models br_multicast_rcv(). */
function groupMembers(br: Bridge, port: BridgePort | null, skb: Skb, vid: number): readonly MdbMember[] | null {
  if (skb.proto === ETH_P_IP && skb.data[9] === IPPROTO_IGMP) {
    br.mdb.snoop(skb, port, vid);
    return null;
  }
  return br.mdb.size > 0 || br.mcast.querier ? br.mdb.lookup(skb, vid) : null;
}

/** The host sends by the bridge. Models br_dev_xmit(). */
export function bridgeXmit(br: Bridge, skb: Skb): void {
  const dnat = brDevXmit(skb);
  if (dnat) {
    const port = br.ports.get(dnat);
    if (port) frameFinish(br, port, skb);
    return;
  }
  br.stats.txPackets++;
  br.stats.txBytes += skb.data.length + 14;
  let vid = 0;
  if (br.vlanFiltering) {
    vid = br.vlanGroup.ingress(skb, br.vlanProtocol);
    if (vid < 0) {
      netDrop(skb, br, 'BRIDGE_INGRESS_VLAN');
      return;
    }
  }
  const dst = skb.ethDst;
  const proxied = br.arpProxies > 0 && skb.proto === ETH_P_ARP && suppressArp(br, null, skb, vid);
  if (!isMulticastMac(dst)) {
    const entry = br.fdb.find(dst, vid);
    if (entry?.port && !entry.local) {
      entry.used = br.sim.now;
      forwardTo(br, entry.port, skb, null, false, vid);
      return;
    }
    if (entry?.local) {
      netDrop(skb, br, 'BRIDGE_LOCAL_MAC');
      return;
    }
  } else if (br.mcast.snooping && dst !== br.broadcast) {
    const members = groupMembers(br, null, skb, vid);
    if (members) {
      multicast(br, skb, null, members, false, vid);
      return;
    }
  }
  flood(br, skb, null, false, false, vid, proxied);
}

/** Answers an ARP request from what the host knows; true when ports with proxying need not hear of it. Models br_do_proxy_suppress_arp(). */
function suppressArp(br: Bridge, from: BridgePort | null, skb: Skb, vid: number): boolean {
  const arp = parseArp(skb.data);
  if (!arp || (arp.op !== ARP_REQUEST && arp.op !== ARP_REPLY)) return false;
  const { senderIp: sip, targetIp: tip } = arp;
  let suppress = false;
  for (const p of br.ports.values()) if (p.neighSuppress) suppress = true;
  if (suppress) {
    if (from?.neighSuppress) return false;
    if (sip >>> 24 === 0 || sip === tip) return true;
  }
  if (arp.op !== ARP_REQUEST) return false;
  if (suppress && br.addrs4.some((a) => a.local === tip)) return true;
  const n = br.ns.neigh.lookup(tip, br);
  if (!n || !(n.state & NUD_VALID) || n.mac === null) return false;
  const entry = br.fdb.find(n.mac, vid);
  if (!entry) return false;
  const replies = from?.proxyArp || entry.port?.proxyArpWifi || entry.port?.neighSuppress;
  if (replies && from) {
    const reply = arpReplyFrame(from.dev, { ...arp, targetMac: n.mac });
    reply.vlan = skb.vlan;
    if (vid !== 0) from.vlanGroup.egress(reply, vid);
    br.sim.schedule(0, () => {
      if (from.dev.registered) devQueueXmit(reply);
    });
  }
  return replies === true || suppress;
}
