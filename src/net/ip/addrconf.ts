/** IPv6 addresses: link-local autoconfiguration, duplicate address detection, prefix and local routes. Models net/ipv6/addrconf.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { SEC } from '../../sim/sim.ts';
import { type Ip6, inPrefix, isLinkLocal, isLoopback, isMulticast, network, parseIp4 } from '../../wire/addr.ts';
import { multicastMac6, solicitedNode } from '../../wire/icmp6.ts';
import type { Mac } from '../../wire/mac.ts';
import { IFF_LOOPBACK, IFF_MULTICAST, IFF_NOARP, type NetDevice } from '../dev/device.ts';
import { ndiscSendDad } from '../neigh/ndisc.ts';
import type { Netns } from '../netns.ts';
import {
  type RouteType,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_SITE,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTPROT_KERNEL,
} from './fib.ts';
import {
  type AddrSpec,
  IFA_F_DADFAILED,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  IFA_F_OPTIMISTIC,
  IFA_F_PERMANENT,
  IFA_F_TENTATIVE,
  type IfAddr,
  INFINITY_LIFE,
  setLifetime,
} from './ifaddr.ts';

/** What the kernel makes of its own it finishes in a worker. */
const WORKER_DELAY = 10;
/** Prefix routes of addresses. */
const IP6_RT_PRIO_ADDRCONF = 256;
const IFAPROT_KERNEL_LO = 1;
const IFAPROT_KERNEL_LL = 3;
const LINK_LOCAL_NET: Ip6 = 0xfe80n << 112n;
const MULTICAST_NET: Ip6 = 0xffn << 120n;

function scopeOf6(addr: Ip6): number {
  if (isLoopback(addr)) return RT_SCOPE_HOST;
  if (isLinkLocal(addr)) return RT_SCOPE_LINK;
  return addr >> 118n === 0x3fbn ? RT_SCOPE_SITE : RT_SCOPE_UNIVERSE;
}

/** Modified EUI-64 (RFC 4291 appendix A) in fe80::/64. */
export function eui64(mac: Mac): Ip6 {
  const m = BigInt(mac);
  const id = ((m >> 24n) << 40n) | (0xfffen << 24n) | (m & 0xffffffn);
  return LINK_LOCAL_NET | (id ^ (1n << 57n));
}

function route(dev: NetDevice, dst: Ip6, len: number, type: RouteType, table: number, metric: number, expires = 0): void {
  const t = dev.l3master?.l3table ?? table;
  dev.ns.fib.add(
    { family: 6, dst: { addr: dst, len }, type, table: t, metric, proto: RTPROT_KERNEL, nexthops: [{ dev }], expires },
    'append',
  );
}

function unroute(dev: NetDevice, dst: Ip6, len: number, type: RouteType, table: number): void {
  const t = dev.l3master?.l3table ?? table;
  dev.ns.fib.del({ family: 6, dst: { addr: dst, len }, type, table: t, proto: RTPROT_KERNEL, nexthops: [{ dev }] });
}

/** RTM_NEWADDR of IPv6. */
export function addAddr6(dev: NetDevice, spec: AddrSpec, mode: 'add' | 'change' | 'replace'): Result<IfAddr> {
  const local = spec.local as Ip6;
  if (spec.len < 0 || spec.len > 128) return fail('EINVAL', 'ipv6: Invalid prefix length');
  if (dev.ns.sysctl.conf6(dev, 'disable_ipv6') !== 0) return fail('EACCES', 'ipv6: IPv6 is disabled on this device');
  const valid = spec.validLft ?? INFINITY_LIFE;
  const pref = Math.min(spec.prefLft ?? INFINITY_LIFE, valid);
  if (valid === 0) return fail('EINVAL', 'ipv6: address lifetime invalid');
  const old = dev.addrs6.find((a) => a.local === local);
  if (old) {
    if (mode === 'add') return fail('EEXIST', 'ipv6: address already assigned');
    setLifetime(old, valid, pref);
    dev.ns.events.emit({ type: 'addr', action: 'new', dev, addr: old });
    return ok(old);
  }
  const loopback = (dev.flags & IFF_LOOPBACK) !== 0;
  if (local === 0n) return fail('EADDRNOTAVAIL', 'ipv6: Invalid address');
  if (isMulticast(local)) return fail('EADDRNOTAVAIL', 'ipv6: Cannot assign multicast address without "IFA_F_MCAUTOJOIN" flag');
  if (isLoopback(local) && !loopback) return fail('EADDRNOTAVAIL', 'ipv6: Cannot assign loopback address on this device');
  const addr: IfAddr = {
    family: 6,
    dev,
    local,
    peer: spec.peer ?? local,
    len: spec.len,
    broadcast: null,
    scope: scopeOf6(local),
    label: dev.name,
    flags: (spec.flags ?? 0) | IFA_F_TENTATIVE,
    validLft: INFINITY_LIFE,
    prefLft: INFINITY_LIFE,
    since: 0,
    metric: spec.metric ?? 0,
    proto: spec.proto ?? 0,
  };
  const at = dev.addrs6.findIndex((a) => width(a) <= width(addr));
  dev.addrs6.splice(at < 0 ? dev.addrs6.length : at, 0, addr);
  setLifetime(addr, valid, pref);
  dev.ns.fib.generation++;
  if (!(addr.flags & IFA_F_NOPREFIXROUTE)) prefixRoute(addr);
  // inet6_addr_add() tells of what users add at once; what addrconf makes is told of when it is sure.
  if (!spec.proto && !(addr.flags & (IFA_F_OPTIMISTIC | IFA_F_NODAD))) dev.ns.events.emit({ type: 'addr', action: 'new', dev, addr });
  startDad(addr);
  return ok(addr);
}

/** ipv6_addr_src_scope(): wider scopes stand first in the list, and newer ones before older ones of their kind. */
function width(a: IfAddr): number {
  return a.scope === RT_SCOPE_UNIVERSE ? 14 : a.scope === RT_SCOPE_SITE ? 5 : a.scope === RT_SCOPE_LINK ? 2 : 1;
}

function prefixRoute(addr: IfAddr): void {
  const { dev, len } = addr;
  if (!dev.up || (dev.flags & IFF_LOOPBACK && isLoopback(addr.local))) return;
  connected(addr, network(addr.local, len) as Ip6, len);
}

function connected(addr: IfAddr, net: Ip6, len: number): void {
  const { dev } = addr;
  const metric = addr.metric || IP6_RT_PRIO_ADDRCONF;
  const there = dev.ns.fib.table(6, RT_TABLE_MAIN)?.at(net, len) ?? [];
  if (there.some((r) => r.nexthops[0]?.dev === dev && r.metric === metric)) return;
  route(dev, net, len, 'unicast', RT_TABLE_MAIN, metric, addr.validLft === INFINITY_LIFE ? 0 : addr.validLft);
}

const solicited = new WeakSet<IfAddr>();

/** addrconf_join_solict(), once for each address. */
function joinSolicited(addr: IfAddr): void {
  const { dev } = addr;
  if (!dev.addrs6.includes(addr) || dev.flags & (IFF_LOOPBACK | IFF_NOARP) || solicited.has(addr)) return;
  solicited.add(addr);
  dev.mc.add(multicastMac6(solicitedNode(addr.local as Ip6)));
}

/** addrconf_dad_begin() and addrconf_dad_work(): at most a second of waiting, one solicitation, a second for the answer. */
function startDad(addr: IfAddr): void {
  const { dev } = addr;
  const { ns } = dev;
  const { sysctl } = ns;
  joinSolicited(addr);
  const off = sysctl.conf6('all', 'accept_dad') < 1 && sysctl.conf6(dev, 'accept_dad') < 1;
  if (dev.flags & (IFF_LOOPBACK | IFF_NOARP) || off || addr.flags & IFA_F_NODAD || sysctl.conf6(dev, 'dad_transmits') === 0) {
    if (addr.proto !== IFAPROT_KERNEL_LL) completeDad(addr);
    else ns.kernel.sim.schedule(WORKER_DELAY, () => dev.addrs6.includes(addr) && completeDad(addr));
    return;
  }
  if (!dev.up || !dev.carrier()) return;
  const { sim } = ns.kernel;
  const alive = (): boolean =>
    ns.alive &&
    dev.ns === ns &&
    dev.up &&
    dev.addrs6.includes(addr) &&
    (addr.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) === IFA_F_TENTATIVE;
  sim.schedule(sim.rng('dad').below(SEC), () => {
    if (!alive()) return;
    ndiscSendDad(addr);
    sim.schedule(sysctl.neigh6(dev, 'retrans_time_ms') * 1000, () => {
      if (alive()) completeDad(addr);
    });
  });
}

function completeDad(addr: IfAddr): void {
  const { dev } = addr;
  addr.flags &= ~(IFA_F_TENTATIVE | IFA_F_OPTIMISTIC);
  dev.ns.fib.generation++;
  dev.ns.events.emit({ type: 'addr', action: 'new', dev, addr });
  const there = dev.ns.fib.table(6, RT_TABLE_LOCAL)?.at(addr.local, 128) ?? [];
  if (!there.some((r) => r.nexthops[0]?.dev === dev)) route(dev, addr.local as Ip6, 128, 'local', RT_TABLE_LOCAL, 0);
  if (addr.peer !== addr.local) connected(addr, addr.peer as Ip6, 128);
  if (routers.has(dev)) joinAnycast(addr);
}

const SUBNET_ROUTERS_MAC = 0x3333ff000000;
const anycast = new WeakSet<IfAddr>();

/** addrconf_join_anycast(): a router answers for the all-zero address of each of its networks (RFC 4291, 2.6.1). */
function joinAnycast(addr: IfAddr): void {
  if (addr.len >= 127 || anycast.has(addr)) return;
  anycast.add(addr);
  addr.dev.mc.add(SUBNET_ROUTERS_MAC);
}

function leaveAnycast(addr: IfAddr): void {
  if (anycast.delete(addr)) addr.dev.mc.del(SUBNET_ROUTERS_MAC);
}

/** RTM_DELADDR of IPv6. */
export function delAddr6(dev: NetDevice, local: Ip6, len?: number): Result {
  const addr = dev.addrs6.find((a) => a.local === local && (len === undefined || a.len === len));
  if (!addr) return fail('EADDRNOTAVAIL', 'ipv6: address not found');
  remove6(addr);
  return ok();
}

function remove6(addr: IfAddr): void {
  const { dev, len } = addr;
  dev.addrs6 = dev.addrs6.filter((a) => a !== addr);
  if (solicited.delete(addr)) dev.mc.del(multicastMac6(solicitedNode(addr.local as Ip6)));
  leaveAnycast(addr);
  dev.ns.fib.generation++;
  dev.ns.events.emit({ type: 'addr', action: 'del', dev, addr });
  unroute(dev, addr.local as Ip6, 128, 'local', RT_TABLE_LOCAL);
  if (addr.peer !== addr.local) unroute(dev, addr.peer as Ip6, 128, 'unicast', RT_TABLE_MAIN);
  // check_cleanup_prefix_route(): any other permanent address of the prefix keeps the route.
  const shared = dev.addrs6.some(
    (a) => a.len === len && inPrefix(a.local, addr.local, len) && (a.flags & (IFA_F_PERMANENT | IFA_F_NOPREFIXROUTE)) !== 0,
  );
  // The route of an address with a lifetime ends by its own.
  if (!shared && !(addr.flags & IFA_F_NOPREFIXROUTE) && addr.flags & IFA_F_PERMANENT)
    unroute(dev, network(addr.local, len) as Ip6, len, 'unicast', RT_TABLE_MAIN);
  dev.ns.fib.flushPrefsrc(addr.local);
}

// ---- links ----

const IPV6_MIN_MTU = 1280;

const ready = new WeakSet<NetDevice>();

/** addrconf_init_auto_addrs(): what a device gets as soon as it can carry packets. */
function linkReady(dev: NetDevice): void {
  if (ready.has(dev) || dev.mtu < IPV6_MIN_MTU || dev.ns.sysctl.conf6(dev, 'disable_ipv6') !== 0) return;
  ready.add(dev);
  if (dev.flags & IFF_LOOPBACK) {
    if (!dev.addrs6.some((a) => isLoopback(a.local)))
      addAddr6(dev, { local: 1n, len: 128, proto: IFAPROT_KERNEL_LO, flags: IFA_F_PERMANENT }, 'add');
    return;
  }
  for (const addr of dev.addrs6) {
    if (!(addr.flags & IFA_F_NOPREFIXROUTE)) prefixRoute(addr);
    if (addr.flags & IFA_F_TENTATIVE) startDad(addr);
    else completeDad(addr);
  }
  if (dev.hardware !== 'ether') {
    tunnelLocal(dev);
    return;
  }
  route(dev, MULTICAST_NET, 8, 'multicast', RT_TABLE_LOCAL, IP6_RT_PRIO_ADDRCONF);
  if (dev.addrGenMode !== 'eui64') return;
  addAddr6(dev, { local: eui64(dev.mac), len: 64, proto: IFAPROT_KERNEL_LL, flags: IFA_F_PERMANENT }, 'add');
}

/** addrconf_sit_config(), addrconf_gre_config(): link-local addresses made of the tunnel's IPv4 address. */
function tunnelLocal(dev: NetDevice): void {
  if (dev.hardware !== 'sit' && dev.hardware !== 'gre') return;
  const local = parseIp4(dev.llAddress ?? '') ?? 0;
  if (local === 0 || dev.addrGenMode !== 'eui64') return;
  const id = dev.hardware === 'gre' ? 0x5efen << 32n : 0n;
  addAddr6(dev, { local: (0xfe80n << 112n) | id | BigInt(local), len: 64, proto: IFAPROT_KERNEL_LL, flags: IFA_F_PERMANENT }, 'add');
}

/** addrconf_ifdown(): all addresses go (keep_addr_on_down=0), and the device's routes. */
function linkDown(dev: NetDevice): void {
  ready.delete(dev);
  for (const r of dev.ns.fib.list(6)) if (r.nexthops.every((nh) => nh.dev === dev || nh.dead)) dev.ns.fib.remove(r);
  const keep = dev.ns.sysctl.conf6(dev, 'keep_addr_on_down') > 0 && dev.registered;
  for (const addr of [...dev.addrs6]) {
    if (keep && addr.flags & IFA_F_PERMANENT && !isLinkLocal(addr.local)) addr.flags |= IFA_F_TENTATIVE;
    else remove6(addr);
  }
}

/** addrconf_link_ready(): not when the carrier came, but when the operational state says so and the queue works. */
function usable(dev: NetDevice): boolean {
  return dev.up && dev.carrier() && dev.operUp() && dev.active;
}

/** addrconf_notify() of one namespace. */
export function watchLinks6(ns: Netns): void {
  ns.events.subscribe((e) => {
    if (e.type !== 'link') return;
    const { dev } = e;
    if (e.action === 'register') {
      if (ns.sysctl.conf6(dev, 'forwarding') !== 0) allRouters(dev, true);
    } else if (e.action === 'up' || e.action === 'change') {
      if (e.action === 'up') for (const addr of dev.addrs6) if (!(addr.flags & IFA_F_NOPREFIXROUTE)) prefixRoute(addr);
      if (usable(dev)) linkReady(dev);
    } else if (e.action === 'mtu') {
      // Below IPV6_MIN_MTU there is no IPv6 on a link.
      if (dev.mtu < IPV6_MIN_MTU) linkDown(dev);
      else if (usable(dev)) linkReady(dev);
    } else if (e.action === 'down' || e.action === 'unregister') linkDown(dev);
  });
}

const ALL_ROUTERS_MAC = 0x333300000002;
const routers = new WeakSet<NetDevice>();

/** dev_forward_change(): a router listens to ff02::2, and to its likes of the interface and the site. */
function allRouters(dev: NetDevice, on: boolean): void {
  if (!(dev.flags & IFF_MULTICAST) || on === routers.has(dev)) return;
  if (on) {
    routers.add(dev);
    dev.mc.add(ALL_ROUTERS_MAC);
    for (const addr of dev.addrs6) if (!(addr.flags & IFA_F_TENTATIVE)) joinAnycast(addr);
  } else {
    routers.delete(dev);
    for (const addr of dev.addrs6) leaveAnycast(addr);
    dev.mc.del(ALL_ROUTERS_MAC);
  }
}

/** addrconf_disable_ipv6() and the forwarding switch. */
export function confChanged(ns: Netns, where: NetDevice | 'all' | 'default', name: string, value: number): void {
  if (where === 'default') return;
  if (name === 'forwarding') {
    for (const dev of where === 'all' ? [...ns.devices.values()] : [where]) allRouters(dev, value !== 0);
    return;
  }
  if (name !== 'disable_ipv6') return;
  for (const dev of where === 'all' ? [...ns.devices.values()] : [where]) {
    if (value !== 0) linkDown(dev);
    else if (usable(dev)) linkReady(dev);
  }
}
