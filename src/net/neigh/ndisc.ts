/** Neighbour discovery of IPv6 (RFC 4861): solicitations, advertisements. Models net/ipv6/ndisc.c */

import { formatIp6, type Ip6, isMulticast } from '../../wire/addr.ts';
import { ETH_P_IPV6 } from '../../wire/ethernet.ts';
import {
  emitIcmp6,
  emitNeighbour6,
  type Icmp6,
  linkAddrOf,
  linkAddrOption,
  NA_OVERRIDE,
  NA_ROUTER,
  NA_SOLICITED,
  ND_OPT_NONCE,
  ND_OPT_SOURCE_LL_ADDR,
  ND_OPT_TARGET_LL_ADDR,
  NDISC_NEIGHBOUR_ADVERTISEMENT,
  NDISC_NEIGHBOUR_SOLICITATION,
  parseIcmp6,
  parseNeighbour6,
  solicitedNode,
} from '../../wire/icmp6.ts';
import { IPPROTO_ICMPV6 } from '../../wire/ipv4.ts';
import { emitIpv6, type Ipv6, parseIpv6 } from '../../wire/ipv6.ts';
import type { NetDevice } from '../dev/device.ts';
import { netDrop } from '../dev/trace.ts';
import { countIcmp6 } from '../ip/icmp6stat.ts';
import { IFA_F_DADFAILED, IFA_F_OPTIMISTIC, IFA_F_TENTATIVE, type IfAddr } from '../ip/ifaddr.ts';
import { Skb } from '../skb.ts';
import type { Neighbour } from './neighbour.ts';
import * as nud from './nud.ts';

const ALL_NODES: Ip6 = (0xff02n << 112n) | 1n;

function ownAddr(dev: NetDevice, ip: Ip6): IfAddr | undefined {
  return dev.addrs6.find((a) => a.local === ip);
}

/** Somebody else has it: the address stays tentative for good. Models addrconf_dad_failure(). */
function dadFailure(own: IfAddr): void {
  own.flags |= IFA_F_DADFAILED;
  own.dev.ns.kernel.printk(`IPv6: ${own.dev.name}: IPv6 duplicate address ${formatIp6(own.local as Ip6)} detected!`);
}

/** The device's link-local address, when it may be used. Models ipv6_get_lladdr(). */
function linkLocal(dev: NetDevice): Ip6 | null {
  const a = dev.addrs6.find((x) => (x.local as Ip6) >> 118n === 0x3fan && !(x.flags & IFA_F_TENTATIVE));
  return a ? (a.local as Ip6) : null;
}

/** Sends a message of ours through OUTPUT and POSTROUTING to the link. Models ndisc_send_skb(). */
function send(dev: NetDevice, src: Ip6, dst: Ip6, m: Icmp6, parent: number): void {
  const payload = emitIcmp6(m, src, dst);
  const data = emitIpv6({ trafficClass: 0, flowLabel: 0, proto: IPPROTO_ICMPV6, hopLimit: 255, src, dst, payload });
  const skb = new Skb(dev.sim, ETH_P_IPV6, data, parent);
  skb.dev = dev;
  dev.sim.schedule(0, () => {
    if (!dev.registered || !dev.up) return;
    const nf = dev.ns.nf;
    if (nf.active(6, 'OUTPUT') && nf.hook(6, 'OUTPUT', skb, null, dev) !== 'accept') return;
    if (nf.active(6, 'POSTROUTING') && nf.hook(6, 'POSTROUTING', skb, null, dev) !== 'accept') return;
    const { snmp } = dev.ns;
    snmp.inc('Ip6OutRequests');
    snmp.inc('Ip6OutTransmits');
    snmp.inc('Ip6OutOctets', data.length);
    if (isMulticast(dst)) dev.ns.ip6.countGroup('Out', data.length);
    countIcmp6(snmp, 'Out', m.type);
    dev.ns.neigh.output(skb, dev, dst);
  });
}

/** Neighbour solicitation; `src` null takes the link-local address, 0n is the unspecified one (duplicate address detection). */
function ndiscSendNs(dev: NetDevice, target: Ip6, dst: Ip6, src: Ip6 | null, parent = 0, nonce: Uint8Array | null = null): void {
  const source = src ?? linkLocal(dev);
  if (source === null) return;
  const options = source === 0n ? [] : [linkAddrOption(ND_OPT_SOURCE_LL_ADDR, dev.mac)];
  if (nonce) options.push({ type: ND_OPT_NONCE, data: nonce });
  send(dev, source, dst, { type: NDISC_NEIGHBOUR_SOLICITATION, code: 0, rest: 0, payload: emitNeighbour6({ target, options }) }, parent);
}

/** Duplicate address detection: asks for an address that is still tentative, with a nonce to know one's own question by (RFC 7527). */
export function ndiscSendDad(own: IfAddr): void {
  const { dev } = own;
  const target = own.local as Ip6;
  const { sysctl } = dev.ns;
  const enhanced = sysctl.conf6('all', 'enhanced_dad') !== 0 || sysctl.conf6(dev, 'enhanced_dad') !== 0;
  own.dadNonce = enhanced ? nonce(dev) : null;
  ndiscSendNs(dev, target, solicitedNode(target), 0n, 0, own.dadNonce);
}

function nonce(dev: NetDevice): Uint8Array {
  const rng = dev.sim.rng('dad_nonce');
  return Uint8Array.from({ length: 6 }, () => rng.below(256));
}

function ndiscSendNa(
  dev: NetDevice,
  dst: Ip6,
  target: Ip6,
  o: { router: boolean; solicited: boolean; override: boolean; includeMac: boolean },
  parent = 0,
): void {
  const own = ownAddr(dev, target);
  const source = own ? target : linkLocal(dev);
  if (source === null) return;
  const options = o.includeMac ? [linkAddrOption(ND_OPT_TARGET_LL_ADDR, dev.mac)] : [];
  const rest = ((o.router ? NA_ROUTER : 0) | (o.solicited ? NA_SOLICITED : 0) | (o.override ? NA_OVERRIDE : 0)) >>> 0;
  send(dev, source, dst, { type: NDISC_NEIGHBOUR_ADVERTISEMENT, code: 0, rest, payload: emitNeighbour6({ target, options }) }, parent);
}

/** One probe for a neighbour: by unicast while its address is known, else to the solicited-node group. */
export function ndiscSolicit(n: Neighbour, waiting: Skb | null): void {
  const dev = n.dev;
  const target = n.ip as Ip6;
  let source: Ip6 | null = null;
  if (waiting) {
    const ip = parseIpv6(waiting.data);
    const own = ip ? ownAddr(dev, ip.src) : undefined;
    if (ip && own && !(own.flags & IFA_F_TENTATIVE)) source = ip.src;
  }
  const unicast = n.probes - n.params.get('ucast_solicit') < 0;
  ndiscSendNs(dev, target, unicast ? target : solicitedNode(target), source, waiting?.id ?? 0);
}

/** Handler for ICMPv6 types 133 to 137; skb.data whole IPv6 packet, checksum already verified. */
export function ndiscReceive(skb: Skb): void {
  const dev = skb.dev as NetDevice;
  const ip = parseIpv6(skb.data);
  const m = ip && ip.hopLimit === 255 ? parseIcmp6(ip.payload, ip.src, ip.dst) : null;
  if (!ip || !m || m.code !== 0) {
    netDrop(skb, dev, 'NDISC_BAD');
    return;
  }
  if (m.type === NDISC_NEIGHBOUR_SOLICITATION) receiveNs(skb, dev, ip, m);
  else if (m.type === NDISC_NEIGHBOUR_ADVERTISEMENT) receiveNa(dev, ip, m);
}

function receiveNs(skb: Skb, dev: NetDevice, ip: Ipv6, m: Icmp6): void {
  const ns = dev.ns;
  const body = parseNeighbour6(m.payload);
  if (!body || isMulticast(body.target)) return;
  const { target } = body;
  const dad = ip.src === 0n;
  const mac = linkAddrOf(body.options, ND_OPT_SOURCE_LL_ADDR);
  if (dad && (mac !== null || ip.dst !== solicitedNode(target))) return;
  const multicast = isMulticast(ip.dst);
  const own = ownAddr(dev, target);
  const forwarding = ns.sysctl.conf6(dev, 'forwarding') !== 0;
  if (own) {
    if (own.flags & (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC)) {
      if (dad) {
        const asked = body.options.find((o) => o.type === ND_OPT_NONCE)?.data;
        const looped = own.dadNonce && asked?.length === 6 && own.dadNonce.every((b, i) => b === asked[i]);
        if (!looped) dadFailure(own);
        return;
      }
      if (!(own.flags & IFA_F_OPTIMISTIC)) return;
    }
  } else {
    const proxy = ns.sysctl.conf6('all', 'proxy_ndp') !== 0 || ns.sysctl.conf6(dev, 'proxy_ndp') !== 0;
    if (!(forwarding && proxy && ns.neigh.isProxied(dev, target))) return;
  }
  const override = own !== undefined;
  if (dad) {
    ndiscSendNa(dev, ALL_NODES, target, { router: forwarding, solicited: false, override, includeMac: true }, skb.id);
    return;
  }
  const n = !multicast || mac !== null ? ns.neigh.create(ip.src, dev) : (ns.neigh.lookup(ip.src, dev) ?? null);
  if (!n) return;
  n.update(mac, nud.NUD_STALE, nud.UPDATE_WEAK_OVERRIDE | nud.UPDATE_OVERRIDE);
  ndiscSendNa(dev, ip.src, target, { router: forwarding, solicited: true, override: override && multicast, includeMac: multicast }, skb.id);
}

function receiveNa(dev: NetDevice, ip: Ipv6, m: Icmp6): void {
  const body = parseNeighbour6(m.payload);
  const solicited = (m.rest & NA_SOLICITED) !== 0;
  if (!body || isMulticast(body.target) || (isMulticast(ip.dst) && solicited)) return;
  const mac = linkAddrOf(body.options, ND_OPT_TARGET_LL_ADDR);
  const own = ownAddr(dev, body.target);
  if (own) {
    if (own.flags & IFA_F_TENTATIVE) dadFailure(own);
    return;
  }
  const n = dev.ns.neigh.lookup(body.target, dev);
  if (!n || n.state & nud.NUD_FAILED) return;
  let flags = nud.UPDATE_WEAK_OVERRIDE | nud.UPDATE_OVERRIDE_ISROUTER;
  if (m.rest & NA_OVERRIDE) flags |= nud.UPDATE_OVERRIDE;
  if ((m.rest & NA_ROUTER) >>> 0) flags |= nud.UPDATE_ISROUTER;
  n.update(mac, solicited ? nud.NUD_REACHABLE : nud.NUD_STALE, flags);
}
