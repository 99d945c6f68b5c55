/** Addresses and routes as the plugins set and check them. Models plugins pkg/ipam/ipam_linux.go, pkg/ip/{addr,utils,route}_linux.go */

import type { Process, Task } from '../../os/process.ts';
import {
  delAddr,
  type FibRoute,
  IFA_F_DADFAILED,
  IFA_F_TENTATIVE,
  type NetDevice,
  type Netns,
  newAddr,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RTPROT_BOOT,
} from '../../os/uapi.ts';
import { formatIp, type IpAddr, lastOf, network } from '../../wire/addr.ts';
import { type IpNet, netText, quoted } from './gojson.ts';
import { errnoText, linkByName, setUp, step } from './link.ts';
import type { IpConfig, Result, Route } from './result.ts';
import { bad, good, type Outcome } from './types.ts';

export const isV4 = (a: IpAddr): a is number => typeof a === 'number';
const familyOf = (a: IpAddr): 4 | 6 => (isV4(a) ? 4 : 6);

/** The next address; the highest one has none. */
export function nextIp(a: IpAddr): IpAddr {
  return isV4(a) ? (a + 1) >>> 0 : a + 1n;
}

/** AddrAdd: IPv4 networks of more than two addresses get their broadcast address. */
export function addAddress(dev: NetDevice, { addr, len }: IpNet): ReturnType<typeof newAddr> {
  const broadcast = isV4(addr) && len < 31 ? lastOf(addr, len) : null;
  return newAddr(dev, { local: addr, len, ...(broadcast === null ? {} : { broadcast }) }, 'add');
}

/** Addresses of a device in the order of a netlink dump. */
export function addressesOf(dev: NetDevice, family: 4 | 6 | 0 = 0): (IpNet & { readonly flags: number })[] {
  const v4 = family === 6 ? [] : dev.addrs4;
  const v6 = family === 4 ? [] : dev.addrs6;
  return [...v4, ...v6].map(({ local, len, flags }) => ({ addr: local, len, flags }));
}

export function deleteAddress(dev: NetDevice, { addr, len }: IpNet): ReturnType<typeof delAddr> {
  return delAddr(dev, { local: addr, len });
}

export interface NewRoute {
  readonly dst: IpNet;
  readonly gw: IpAddr | null;
  readonly scope?: number;
  readonly src?: IpAddr;
}

/** RouteAdd, or RouteAddEcmp, which does not mind that there is one. */
export function addRoute(
  dev: NetDevice,
  { dst, gw, scope = RT_SCOPE_UNIVERSE, src }: NewRoute,
  ecmp = false,
): ReturnType<typeof dev.ns.fib.add> {
  return dev.ns.fib.add(
    {
      family: familyOf(dst.addr),
      dst: { addr: network(dst.addr, dst.len), len: dst.len },
      scope,
      proto: RTPROT_BOOT,
      nexthops: [{ dev, gateway: gw }],
      ...(src === undefined ? {} : { prefsrc: src }),
    },
    ecmp ? 'prepend' : 'add',
  );
}

/** %v of a net.IPNet that is no pointer. */
export function ipNetValue({ addr, len }: IpNet): string {
  const bits = isV4(addr) ? 32 : 128;
  const ones = len === 0 ? 0n : ((1n << BigInt(len)) - 1n) << BigInt(bits - len);
  return `{${formatIp(addr)} ${ones.toString(16).padStart(bits / 4, '0')}}`;
}

const ipOrNil = (ip: IpAddr | null): string => (ip === null ? '<nil>' : formatIp(ip));

const SETTLE_INTERVAL = 50_000;
const SETTLE_TIMEOUT = 10_000_000;

/** Waits until no address is tentative any more. */
function* settleAddresses(p: Process, dev: NetDevice): Task<void> {
  const deadline = p.sim.now + SETTLE_TIMEOUT;
  while (addressesOf(dev).some((a) => a.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) && p.sim.now <= deadline)
    yield* p.sleep(SETTLE_INTERVAL);
}

/** Gives a container's interface what IPAM decided, and sets it up. The process is in the container's namespace. */
export function* configureIface(p: Process, ns: Netns, ifName: string, res: Result): Task<Outcome<null>> {
  if (res.interfaces.length === 0) return bad('no interfaces to configure');
  const found = linkByName(ns, ifName);
  if (!found.ok) return bad(`failed to lookup ${quoted(ifName)}: ${found.error.msg}`);
  const dev = found.value;
  let v4gw: IpAddr | null = null;
  let v6gw: IpAddr | null = null;
  let enabled6 = false;
  for (const ipc of res.ips) {
    if (ipc.iface === null) continue;
    if (ipc.iface < 0 || ipc.iface >= res.interfaces.length || res.interfaces[ipc.iface]?.name !== ifName)
      return bad(`failed to add IP addr ${ipConfigText(ipc)} to ${quoted(ifName)}: invalid interface index`);
    if (!enabled6 && !isV4(ipc.address.addr)) {
      for (const name of ['lo', ifName]) {
        const key = `/proc/sys/net/ipv6/conf/${name}/disable_ipv6`;
        if (p.readText(key)?.trim() !== '0') p.writeFile(key, '0');
      }
      enabled6 = true;
    }
    const added = addAddress(dev, ipc.address);
    if (!added.ok) return bad(`failed to add IP addr ${ipConfigText(ipc)} to ${quoted(ifName)}: ${errnoText(added.errno)}`);
    if (ipc.gateway !== null && isV4(ipc.gateway)) v4gw ??= ipc.gateway;
    else if (ipc.gateway !== null && !isV4(ipc.gateway)) v6gw ??= ipc.gateway;
  }
  const up = setUp(dev);
  if (!up.ok) return bad(`failed to set ${quoted(ifName)} UP: ${up.error.msg}`);
  if (v6gw !== null) yield* settleAddresses(p, dev);
  for (const r of res.routes) {
    const gw = r.gw ?? (isV4(r.dst.addr) ? v4gw : v6gw);
    const added = addRoute(dev, { dst: r.dst, gw }, true);
    if (!added.ok) return bad(`failed to add route '${ipNetValue(r.dst)} via ${ipOrNil(gw)} dev ${ifName}': ${errnoText(added.errno)}`);
  }
  return good(null);
}

/** %+v of an IPConfig; the interface's pointer is not worth printing truly. */
function ipConfigText({ iface, address, gateway }: IpConfig): string {
  const inner = ipNetValue(address).slice(1, -1).split(' ');
  return `{Interface:${iface === null ? '<nil>' : '0xc000012345'} Address:{IP:${inner[0]} Mask:${inner[1]}} Gateway:${gateway === null ? '' : formatIp(gateway)}}`;
}

function mainRoutes(ns: Netns, family: 4 | 6): FibRoute[] {
  return ns.fib.list(family, RT_TABLE_MAIN);
}

const sameNet = (a: IpNet, b: IpNet): boolean => a.len === b.len && a.addr === b.addr;

/** Whether the addresses of a result are on the interface, each with a route to its network. */
export function validateIps(ns: Netns, ifName: string, ips: readonly IpConfig[]): Outcome<null> {
  for (const { address, gateway } of ips) {
    const dev = ns.device(ifName);
    if (!dev) return bad(`Cannot find container link ${ifName}`);
    if (!addressesOf(dev).some((a) => sameNet(a, address))) return bad(`Failed to match addr ${netText(address)} on interface ${ifName}`);
    const prefix = { addr: network(address.addr, address.len), len: address.len };
    if (!mainRoutes(ns, familyOf(address.addr)).some((r) => sameNet(r.dst, prefix)))
      return bad(`Failed to find Gateway ${ipOrNil(gateway)} for interface ${ifName}`);
  }
  return good(null);
}

/** Whether the routes of a result are in the table. */
export function validateRoutes(ns: Netns, routes: readonly Route[]): Outcome<null> {
  for (const { dst, gw } of routes) {
    const isDefault = dst.len === 0;
    const prefix = { addr: network(dst.addr, dst.len), len: dst.len };
    const found = mainRoutes(ns, familyOf(dst.addr)).some(
      (r) => sameNet(r.dst, prefix) && (isDefault || (r.nexthops[0]?.gateway ?? null) === gw || (gw === null && r.nexthops.length > 1)),
    );
    const inner = ipNetValue(dst).slice(1, -1).split(' ');
    if (!found) return bad(`Expected Route {Dst:{IP:${inner[0]} Mask:${inner[1]}} GW:${ipOrNil(gw)}} not found in routing table`);
  }
  return good(null);
}

/** Turns forwarding on for the families that the result has. */
export function enableForward(p: Process, ips: readonly IpConfig[]): Outcome<null> {
  for (const family of [4, 6] as const) {
    if (!ips.some((c) => familyOf(c.address.addr) === family)) continue;
    const r = forwarding(p, family);
    if (!r.ok) return r;
  }
  return good(null);
}

export function forwarding(p: Process, family: 4 | 6): Outcome<null> {
  const file = family === 4 ? '/proc/sys/net/ipv4/ip_forward' : '/proc/sys/net/ipv6/conf/all/forwarding';
  if (p.readText(file)?.trim() === '1') return good(null);
  return step(p.writeFile(file, '1'));
}
