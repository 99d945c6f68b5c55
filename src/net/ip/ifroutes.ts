/** The routes that an IPv4 address brings and takes, and what links do to them. Models net/ipv4/fib_frontend.c, inetdev_event() */

import { lastOf, mask4, network } from '../../wire/addr.ts';
import { IFF_LOOPBACK, type NetDevice } from '../dev/device.ts';
import type { Netns } from '../netns.ts';
import { type RouteType, RT_SCOPE_HOST, RT_SCOPE_LINK, RT_TABLE_LOCAL, RT_TABLE_MAIN, RTPROT_KERNEL } from './fib.ts';
import { addAddr, IFA_F_NOPREFIXROUTE, IFA_F_SECONDARY, type IfAddr, remove4, sameSubnet } from './ifaddr.ts';
import { addrType } from './route.ts';

/** fib_magic() */
function magic(action: 'add' | 'del', type: RouteType, dst: number, len: number, prim: IfAddr, metric = 0): void {
  const { fib } = prim.dev.ns;
  const spec = {
    family: 4 as const,
    dst: { addr: dst, len },
    type,
    table: prim.dev.l3master?.l3table ?? (type === 'unicast' ? RT_TABLE_MAIN : RT_TABLE_LOCAL),
    proto: RTPROT_KERNEL,
    scope: type === 'local' ? RT_SCOPE_HOST : RT_SCOPE_LINK,
    prefsrc: prim.local,
    metric,
    nexthops: [{ dev: prim.dev }],
  };
  if (action === 'add') fib.add(spec, 'append');
  else fib.del(spec);
}

function primaryOf(addr: IfAddr): IfAddr | undefined {
  return addr.dev.addrs4.find((a) => !(a.flags & IFA_F_SECONDARY) && sameSubnet(addr, a));
}

/** fib_add_ifaddr() */
export function addRoutes(addr: IfAddr): void {
  const { dev, len } = addr;
  const secondary = (addr.flags & IFA_F_SECONDARY) !== 0;
  const prim = secondary ? primaryOf(addr) : addr;
  if (!prim) return;
  const local = addr.local as number;
  magic('add', 'local', local, 32, prim);
  if (!dev.up) return;
  if (addr.broadcast !== null && addr.broadcast !== 0xffffffff) magic('add', 'broadcast', addr.broadcast as number, 32, prim);
  const prefix = network(addr.peer, len) as number;
  if (secondary || prefix >>> 24 === 0 || (prefix === local && len === 32)) return;
  if (!(addr.flags & IFA_F_NOPREFIXROUTE)) magic('add', prefixType(dev), prefix, len, prim, addr.metric);
  if (len < 31) magic('add', 'broadcast', lastOf(prefix, len) as number, 32, prim);
}

function prefixType(dev: NetDevice): RouteType {
  return dev.flags & IFF_LOOPBACK ? 'local' : 'unicast';
}

/** fib_del_ifaddr(): `prim` is the primary that is being deleted while its secondaries are promoted. */
export function delRoutes(addr: IfAddr, prim: IfAddr | null): void {
  const { dev, len } = addr;
  const { ns } = dev;
  const local = addr.local as number;
  const brd = ((addr.peer as number) | ~mask4(len)) >>> 0;
  const any = network(addr.peer, len) as number;
  let owner = addr;
  let subnet = false;
  if (addr.flags & IFA_F_SECONDARY) {
    const p = prim ?? primaryOf(addr);
    if (p) owner = p;
  } else if (any >>> 24 !== 0 && (any !== local || len < 32)) {
    if (!(addr.flags & IFA_F_NOPREFIXROUTE)) magic('del', prefixType(dev), any, len, owner, addr.metric);
    subnet = true;
  }
  const kept = { brd: false, brd1: false, local: false };
  for (const other of dev.addrs4) {
    if (other === addr || (prim && sameSubnet(other, prim))) continue;
    if (other.local === local) kept.local = true;
    if (other.broadcast !== null && other.broadcast === addr.broadcast) kept.brd = true;
    if (other.broadcast === brd) kept.brd1 = true;
    if (!(other.flags & IFA_F_SECONDARY) && other.len < 31 && lastOf(network(other.peer, other.len), other.len) === brd) kept.brd1 = true;
  }
  if (!kept.brd && addr.broadcast !== null) magic('del', 'broadcast', addr.broadcast as number, 32, owner);
  if (subnet && len < 31 && !kept.brd1) magic('del', 'broadcast', brd, 32, owner);
  if (kept.local) return;
  magic('del', 'local', local, 32, owner);
  if (addrType(ns, local) !== 'local') ns.fib.flushPrefsrc(local);
}

/** inetdev_changename(): the first address is labelled with the name, others keep or get a `:suffix`. */
function relabel(dev: NetDevice): void {
  for (const [i, addr] of dev.addrs4.entries()) {
    const colon = addr.label.indexOf(':');
    const suffix = i === 0 ? '' : colon >= 0 ? addr.label.slice(colon) : `:${i + 1}`;
    addr.label = dev.name.slice(0, 15 - suffix.length) + suffix;
    dev.ns.events.emit({ type: 'addr', action: 'new', dev, addr });
  }
  // devinet_sysctl_unregister() and _register() under the new name, and their IPv6 siblings.
  for (const family of [4, 6] as const)
    for (const deleted of [true, false]) dev.ns.events.emit({ type: 'netconf', family, where: dev, name: null, deleted });
}

/** fib_modify_prefix_metric(): the connected route moves to another metric. */
export function movePrefix(addr: IfAddr, metric: number): void {
  const { dev, len } = addr;
  const old = addr.metric;
  addr.metric = metric;
  const any = network(addr.peer, len) as number;
  if (addr.flags & (IFA_F_SECONDARY | IFA_F_NOPREFIXROUTE) || !dev.up || any >>> 24 === 0 || (any === addr.local && len === 32)) return;
  magic('add', prefixType(dev), any, len, addr, metric);
  magic('del', prefixType(dev), any, len, addr, old);
}

/** inetdev_event() and fib_netdev_event() of one namespace. */
export function watchLinks4(ns: Netns): void {
  ns.events.subscribe((e) => {
    if (e.type !== 'link') return;
    const { dev } = e;
    switch (e.action) {
      case 'up':
        if (dev.flags & IFF_LOOPBACK && dev.addrs4.length === 0) addAddr(dev, { local: 0x7f000001, len: 8, scope: RT_SCOPE_HOST });
        for (const addr of [...dev.addrs4]) addRoutes(addr);
        ns.fib.deviceUp(dev, dev.carrier());
        break;
      case 'down':
        ns.fib.deviceDown(dev, 'down');
        break;
      case 'change':
        if (!dev.up) break;
        if (dev.carrier() || dev.operUp()) ns.fib.deviceUp(dev, true);
        else ns.fib.deviceDown(dev, 'change');
        break;
      case 'name':
        relabel(dev);
        break;
      case 'unregister':
        while (dev.addrs4.length > 0) remove4(dev.addrs4[0] as IfAddr, true);
        ns.fib.deviceDown(dev, 'unregister');
        break;
      default:
    }
  });
}
