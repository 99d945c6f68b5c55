/** ARP: asking and answering who has an IPv4 address. Models net/ipv4/arp.c */

import type { Ip4 } from '../../wire/addr.ts';
import { readIp4 } from '../../wire/addr.ts';
import { ARP_REPLY, ARP_REQUEST, type Arp, emitArp, parseArp } from '../../wire/arp.ts';
import { ETH_P_ARP } from '../../wire/ethernet.ts';
import { MAC_BROADCAST, type Mac } from '../../wire/mac.ts';
import { devQueueXmit } from '../dev/core.ts';
import { IFF_LOOPBACK, IFF_NOARP, type NetDevice } from '../dev/device.ts';
import { netDrop } from '../dev/trace.ts';
import { addrType, routeInput, routeOutput, selectAddr } from '../ip/route.ts';
import { Skb } from '../skb.ts';
import type { Neighbour } from './neighbour.ts';
import * as nud from './nud.ts';

const RT_SCOPE_HOST = 254;
const RT_SCOPE_LINK = 253;

/** Sends one ARP packet. `ethDst` null broadcasts. */
function arpSend(dev: NetDevice, op: number, fields: Omit<Arp, 'op'>, ethDst: Mac | null, parent = 0): void {
  if (dev.flags & IFF_NOARP) return;
  const skb = new Skb(dev.sim, ETH_P_ARP, emitArp({ op, ...fields }), parent);
  skb.dev = dev;
  skb.ethSrc = dev.mac;
  skb.ethDst = ethDst ?? MAC_BROADCAST;
  dev.sim.schedule(0, () => {
    if (!dev.registered) return;
    const { nf } = dev.ns;
    if (nf.frames.arp.OUTPUT === null || nf.hookFrame(nf.frames.arp.OUTPUT, skb, null, dev) === 'accept') devQueueXmit(skb);
  });
}

/** The answer that a bridge gives for another station: `request` with that station's address as its target's. */
export function arpReplyFrame(dev: NetDevice, request: Arp): Skb {
  const { senderMac, senderIp, targetMac, targetIp } = request;
  const reply = emitArp({ op: ARP_REPLY, senderMac: targetMac, senderIp: targetIp, targetMac: senderMac, targetIp: senderIp });
  const skb = new Skb(dev.sim, ETH_P_ARP, reply);
  skb.dev = dev;
  skb.ethSrc = targetMac;
  skb.ethDst = senderMac;
  return skb;
}

/** One probe: by unicast first when the address is known but doubtful, else by broadcast. */
export function arpSolicit(n: Neighbour, waiting: Skb | null): void {
  const dev = n.dev;
  const ns = dev.ns;
  const target = n.ip as Ip4;
  const packetSource = waiting ? readIp4(waiting.data, 12) : null;
  const announce = ns.sysctl.max4(dev, 'arp_announce');
  let source: Ip4 | null = null;
  if (packetSource !== null && announce < 2 && addrType(ns, packetSource) === 'local') {
    if (announce === 0 || onLink(dev, target, packetSource)) source = packetSource;
  }
  source ??= (selectAddr(dev, target, RT_SCOPE_LINK) as Ip4 | null) ?? 0;
  let probes = n.probes - n.params.get('ucast_solicit');
  let ethDst: Mac | null = null;
  if (probes < 0) ethDst = n.mac;
  else {
    probes -= n.params.get('app_solicit');
    if (probes < 0) return;
  }
  arpSend(dev, ARP_REQUEST, { senderMac: dev.mac, senderIp: source, targetMac: 0, targetIp: target }, ethDst, waiting?.id ?? 0);
}

/** Both addresses are in one of the device's prefixes. */
function onLink(dev: NetDevice, a: Ip4, b: Ip4): boolean {
  return dev.addrs4.some((x) => {
    const mask = x.len === 0 ? 0 : (-1 << (32 - x.len)) >>> 0;
    return (((x.peer as Ip4) ^ a) & mask) === 0 && (((x.peer as Ip4) ^ b) & mask) === 0;
  });
}

/** Gratuitous request for an own address (arp_notify, a new address of a bridge). */
export function arpAnnounce(dev: NetDevice, ip: Ip4): void {
  arpSend(dev, ARP_REQUEST, { senderMac: dev.mac, senderIp: ip, targetMac: 0, targetIp: ip }, null);
}

/** A frame of EtherType 0x0806. Models arp_rcv(). */
export function arpReceive(skb: Skb): void {
  const dev = skb.dev as NetDevice;
  if (dev.flags & (IFF_NOARP | IFF_LOOPBACK) || skb.type === 'otherhost' || skb.type === 'loopback') {
    netDrop(skb, dev, 'OTHERHOST');
    return;
  }
  const arp = parseArp(skb.data);
  if (!arp) {
    netDrop(skb, dev, 'ARP_MALFORMED');
    return;
  }
  const { nf } = dev.ns;
  if (nf.frames.arp.INPUT !== null && nf.hookFrame(nf.frames.arp.INPUT, skb, dev, null) !== 'accept') return;
  arpProcess(skb, dev, arp, false);
}

/** arp_ignore of the receiving device: whether to stay silent about a local address. */
function ignores(dev: NetDevice, sip: Ip4, tip: Ip4): boolean {
  const has = (a: Ip4): boolean => dev.addrs4.some((x) => x.local === a);
  switch (dev.ns.sysctl.max4(dev, 'arp_ignore')) {
    case 0:
      return false;
    case 1:
      return !has(tip);
    case 2:
      return !dev.addrs4.some((x) => x.local === tip && onLink(dev, sip, tip));
    case 3:
      return ![...dev.ns.devices.values()].some((d) => d.addrs4.some((x) => x.local === tip && x.scope !== RT_SCOPE_HOST));
    case 8:
      return true;
    default:
      return false;
  }
}

/** arp_filter: answer only where the answer would be routed. */
function filters(dev: NetDevice, sip: Ip4, tip: Ip4): boolean {
  if (!dev.ns.sysctl.or4(dev, 'arp_filter')) return false;
  const route = routeOutput(dev.ns, { dst: sip, src: tip });
  return !route.ok || route.value.dev !== dev;
}

function learn(skb: Skb, dev: NetDevice, arp: Arp): Neighbour | null {
  const n = dev.ns.neigh.create(arp.senderIp, dev);
  n?.update(arp.senderMac, nud.NUD_STALE, nud.UPDATE_OVERRIDE);
  void skb;
  return n;
}

function reply(skb: Skb, dev: NetDevice, arp: Arp): void {
  arpSend(
    dev,
    ARP_REPLY,
    { senderMac: dev.mac, senderIp: arp.targetIp, targetMac: arp.senderMac, targetIp: arp.senderIp },
    arp.senderMac,
    skb.id,
  );
}

function arpProcess(skb: Skb, dev: NetDevice, arp: Arp, delayed: boolean): void {
  const ns = dev.ns;
  const { senderIp: sip, targetIp: tip } = arp;
  if (arp.op !== ARP_REQUEST && arp.op !== ARP_REPLY) return;
  if (tip >>> 28 === 14 || (tip >>> 24 === 127 && !ns.sysctl.or4(dev, 'route_localnet'))) {
    netDrop(skb, dev, 'ARP_BAD_TARGET');
    return;
  }
  if (sip === tip && ns.sysctl.or4(dev, 'drop_gratuitous_arp')) {
    netDrop(skb, dev, 'ARP_GRATUITOUS');
    return;
  }
  if (arp.op === ARP_REQUEST && sip === 0) {
    if (addrType(ns, tip) === 'local' && !ignores(dev, sip, tip)) reply(skb, dev, arp);
    return;
  }
  if (arp.op === ARP_REQUEST) {
    const route = routeInput(ns, { iif: dev, src: sip, dst: tip });
    if (route.ok && route.value.kind === 'local' && route.value.type === 'local') {
      if (ignores(dev, sip, tip) || filters(dev, sip, tip)) return;
      if (learn(skb, dev, arp)) reply(skb, dev, arp);
      return;
    }
    if (route.ok && route.value.kind === 'forward' && route.value.type === 'unicast') {
      const out = route.value.dev;
      const byRoute = ns.sysctl.or4(dev, 'proxy_arp') && out !== dev;
      const byPvlan = ns.sysctl.conf4(dev, 'proxy_arp_pvlan') !== 0 && out === dev;
      if (byRoute || byPvlan || (out !== dev && ns.neigh.isProxied(dev, tip))) {
        if (!learn(skb, dev, arp)) return;
        const delay = ns.neigh.params(4, dev).proxyDelay();
        if (delayed || skb.type === 'host' || delay === 0) reply(skb, dev, arp);
        else {
          dev.sim.schedule(dev.sim.rng('proxy_arp').below(delay), () => {
            if (dev.registered && dev.up) arpProcess(skb, dev, arp, true);
          });
        }
        return;
      }
    }
  }
  updateExisting(skb, dev, arp);
}

/** What is not for us still refreshes an entry that exists (and makes one where arp_accept says so). */
function updateExisting(skb: Skb, dev: NetDevice, arp: Arp): void {
  const ns = dev.ns;
  const sip = arp.senderIp;
  let n = ns.neigh.lookup(sip, dev) ?? null;
  const accept = ns.sysctl.max4(dev, 'arp_accept');
  const unicast = (n !== null || accept > 0) && addrType(ns, sip) === 'unicast';
  const garp = unicast && arp.targetIp === sip && (arp.op === ARP_REQUEST || arp.targetMac === arp.senderMac);
  if (!n && accept > 0 && (garp || (arp.op === ARP_REPLY && unicast))) {
    if (accept === 1 || onLink(dev, sip, sip)) n = ns.neigh.create(sip, dev);
  }
  if (!n) return;
  const override = dev.sim.now > n.updated + n.params.lockTime() || garp;
  const state = arp.op === ARP_REPLY && skb.type === 'host' ? nud.NUD_REACHABLE : nud.NUD_STALE;
  n.update(arp.senderMac, state, override ? nud.UPDATE_OVERRIDE : 0);
}
