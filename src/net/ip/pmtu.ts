/** Path MTU of a route and what ICMP teaches about it (next-hop exceptions). Models net/ipv4/route.c */

import { SEC } from '../../sim/sim.ts';
import { type IpAddr, isMulticast } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import { arpSolicit } from '../neigh/arp.ts';
import { NUD_VALID } from '../neigh/nud.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import type { FibRoute, Nexthop, PathMtu } from './fib.ts';
import { addrType, type Dst, fibLookup, sameSubnet } from './route.ts';

function learned(ns: Netns, nh: Nexthop | null, addr: IpAddr): PathMtu | null {
  const e = nh?.exceptions?.get(addr);
  if (!e) return null;
  if (e.expires > ns.kernel.sim.now) return e;
  nh?.exceptions?.delete(addr);
  return null;
}

/** Path MTU towards addr over this route: learned exception, route mtu or device mtu. */
export function dstMtu(dst: Dst, addr: IpAddr): number {
  const e = learned(dst.ns, dst.nh, addr);
  const own = dst.routeMtu || dst.dev.mtu;
  return e && e.mtu > 0 ? Math.min(e.mtu, own) : own;
}

/** What a packet may have on its way out: a socket with IP_PMTUDISC_PROBE knows of the device only. Models ip_skb_dst_mtu() */
export function packetMtu(skb: Skb, dst: Dst, addr: IpAddr): number {
  if (dst.kind === 'forward') return forwardMtu(dst, addr);
  return skb.sk?.opt.mtuDiscover === 'probe' ? dst.dev.mtu : dstMtu(dst, addr);
}

/** The MTU that a router fragments to: learned values do not count unless ip_forward_use_pmtu. */
export function forwardMtu(dst: Dst, addr: IpAddr): number {
  if (dst.family === 4 && dst.ns.sysctl.int('net.ipv4.ip_forward_use_pmtu') !== 0) return dstMtu(dst, addr);
  if (dst.mtuLock) return dst.routeMtu;
  return dst.routeMtu !== 0 ? dst.routeMtu : dst.dev.mtu;
}

/** True when packets to addr must not carry DF: the mtu is locked. */
export function mtuLocked(dst: Dst, addr: IpAddr): boolean {
  return dst.mtuLock || (learned(dst.ns, dst.nh, addr)?.lock ?? false);
}

/** Learns a path MTU from ICMP (kept for mtu_expires, 600 s). */
export function updatePmtu(ns: Netns, addr: IpAddr, mtu: number): void {
  const res = fibLookup(ns, { dst: addr });
  if (!res.ok || res.value.route.type !== 'unicast') return;
  const { route, nh } = res.value;
  if (!nh || route.mtuLock) return;
  const now = ns.kernel.sim.now;
  const known = learned(ns, nh, addr);
  const old = known?.mtu || route.mtu || (nh.dev?.mtu ?? 1500);
  if (old < mtu) return;
  const v4 = typeof addr === 'number';
  const least = v4 ? ns.sysctl.int('net.ipv4.route.min_pmtu') : 1280;
  const lock = v4 && mtu < least;
  const value = lock ? Math.min(old, least) : Math.max(mtu, v4 ? 0 : least);
  const seconds = ns.sysctl.int(v4 ? 'net.ipv4.route.mtu_expires' : 'net.ipv6.route.mtu_expires');
  nh.exceptions ??= new Map();
  nh.exceptions.set(addr, { mtu: value, lock, gateway: known?.gateway ?? null, expires: now + seconds * SEC });
}

/** ip_rt_gc_timeout */
const REDIRECT_TIMEOUT = 300 * SEC;

/** __ip_do_redirect(): believes a router that names another one on the same link, once that one is a known neighbour. */
export function acceptRedirect(ns: Netns, dev: NetDevice, from: number, addr: number, gateway: number): void {
  const { sysctl } = ns;
  const accepts = sysctl.conf4(dev, 'forwarding') !== 0 ? sysctl.and4(dev, 'accept_redirects') : sysctl.or4(dev, 'accept_redirects');
  if (!accepts || isMulticast(gateway) || gateway === 0xffffffff || gateway === 0) return;
  // Where the medium is not shared, the new router must be on our subnet, and (secure_redirects) one that we have as a router anyway.
  if (sysctl.or4(dev, 'shared_media')) {
    if (addrType(ns, gateway) !== 'unicast') return;
  } else if (!sameSubnet(dev, gateway, from) || (sysctl.or4(dev, 'secure_redirects') && !isRouter(ns, dev, gateway))) return;
  const res = fibLookup(ns, { dst: addr });
  const nh = res.ok ? res.value.nh : null;
  if (!nh || nh.dev !== dev || (learned(ns, nh, addr)?.gateway ?? nh.gateway) !== from) return;
  const n = ns.neigh.lookup(gateway, dev) ?? ns.neigh.create(gateway, dev);
  if (!n) return;
  if ((n.state & NUD_VALID) === 0) {
    arpSolicit(n, null);
    return;
  }
  nh.exceptions ??= new Map();
  const known = learned(ns, nh, addr);
  nh.exceptions.set(addr, { mtu: known?.mtu ?? 0, lock: known?.lock ?? false, gateway, expires: ns.kernel.sim.now + REDIRECT_TIMEOUT });
  ns.fib.generation++;
}

/** ip_fib_check_default(): some route goes by this router. */
function isRouter(ns: Netns, dev: NetDevice, gateway: number): boolean {
  return ns.fib.list(4).some((r) => r.nexthops.some((nh) => nh.dev === dev && nh.gateway === gateway && !nh.dead));
}

/** The router to use instead of the route's, when a redirect named one. */
export function redirected(ns: Netns, nh: Nexthop | null, addr: IpAddr): IpAddr | null {
  return nh?.exceptions ? (learned(ns, nh, addr)?.gateway ?? null) : null;
}

/** The learned path MTU for `ip route get` (`cache expires Nsec mtu M`), null when none. */
export function pmtuOf(ns: Netns, addr: IpAddr): PathMtu | null {
  const res = fibLookup(ns, { dst: addr });
  return res.ok ? learned(ns, res.value.nh, addr) : null;
}

/** What `ip route show cache` lists. */
export function listExceptions(ns: Netns, family: 4 | 6): { route: FibRoute; nh: Nexthop; addr: IpAddr; pmtu: PathMtu }[] {
  const out: { route: FibRoute; nh: Nexthop; addr: IpAddr; pmtu: PathMtu }[] = [];
  for (const route of ns.fib.list(family)) {
    for (const nh of route.nexthops) {
      for (const addr of [...(nh.exceptions?.keys() ?? [])]) {
        const pmtu = learned(ns, nh, addr);
        if (pmtu) out.push({ route, nh, addr, pmtu });
      }
    }
  }
  return out;
}

/** `ip route flush cache`: forgets everything learned. */
export function flushCache(ns: Netns, family: 4 | 6): void {
  for (const route of ns.fib.list(family)) for (const nh of route.nexthops) nh.exceptions = null;
  ns.fib.generation++;
}
