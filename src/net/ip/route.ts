/** Routing decisions: output and input lookups, source selection, martians, rp_filter, PMTU exceptions. Models net/ipv4/route.c */

import { fail, type Result } from '../../sim/errno.ts';
import type { Family, IpAddr } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import type { Netns } from '../netns.ts';
import type { FibRoute, RouteType } from './fib.ts';

/** The keys of a lookup. `src` null or absent: let the route choose. */
export interface Flow {
  dst: IpAddr;
  src?: IpAddr | null;
  oif?: NetDevice | null;
  iif?: NetDevice | null;
  mark?: number;
  tos?: number;
  /** L4 keys, for rules. */
  proto?: number;
  sport?: number;
  dport?: number;
  uid?: number;
}

/** `local`: deliver here; `forward`: another host's; `output`: ours to send; `error`: the packet gets `errno`. */
export type DstKind = 'local' | 'forward' | 'output';

/** A routing decision; immutable apart from the learned path MTU. */
export interface Dst {
  readonly ns: Netns;
  readonly family: Family;
  readonly kind: DstKind;
  /** RTN_* of the destination: unicast, local, broadcast, multicast. */
  readonly type: RouteType;
  /** Output device (lo for local destinations). */
  readonly dev: NetDevice;
  /** The route's gateway, null when the destination is on link. */
  readonly gateway: IpAddr | null;
  /** Source address for locally made packets: the flow's own or the selected one. */
  readonly src: IpAddr;
  readonly route: FibRoute | null;
  readonly table: number;
  /** mtu of the route, 0 = the device's. */
  readonly routeMtu: number;
  readonly mtuLock: boolean;
  /** Where the packet came in, for `input` lookups. */
  readonly iif: NetDevice | null;
}

/** ip_route_output_key(): ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL, ENETDOWN, ENODEV as in Linux. Both families. */
export function routeOutput(ns: Netns, flow: Flow): Result<Dst> {
  void ns;
  void flow;
  return fail('ENETUNREACH');
}

/** ip_route_input(): `flow.iif` is the receiving device. EXDEV = rp_filter, EINVAL = martian or blackhole, EHOSTUNREACH, ENETUNREACH, EACCES. */
export function routeInput(ns: Netns, flow: Flow & { iif: NetDevice; src: IpAddr }): Result<Dst> {
  void ns;
  void flow;
  return fail('ENETUNREACH');
}

/** inet_addr_type(): what the address is to this namespace (local, broadcast, multicast, unicast …); `dev` limits to its addresses. */
export function addrType(ns: Netns, addr: IpAddr, dev?: NetDevice): RouteType {
  void ns;
  void addr;
  void dev;
  return 'unicast';
}

/** True when the address is one of this namespace's own. */
export function isLocalAddr(ns: Netns, addr: IpAddr): boolean {
  return addrType(ns, addr) === 'local';
}

/** inet_select_addr() / ipv6_dev_get_saddr(): the source address for `dst` out of `dev`; null when there is none. */
export function selectAddr(dev: NetDevice, dst: IpAddr, scope: number): IpAddr | null {
  void dev;
  void dst;
  void scope;
  return null;
}

/** Path MTU towards dst over this route: learned exception, route mtu or device mtu. */
export function dstMtu(dst: Dst, addr: IpAddr): number {
  void addr;
  return dst.dev.mtu;
}

/** Learns a path MTU from ICMP (kept for mtu_expires, 600 s). */
export function updatePmtu(ns: Netns, addr: IpAddr, mtu: number): void {
  void ns;
  void addr;
  void mtu;
}

/** The learned path MTU for `ip route get` (`cache expires Nsec mtu M`), null when none. */
export function pmtuOf(ns: Netns, addr: IpAddr): { mtu: number; expires: number } | null {
  void ns;
  void addr;
  return null;
}
