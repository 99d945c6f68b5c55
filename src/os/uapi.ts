/** The kernel's face to programs: what `bin` may use of `net`. One line per room; add your own exports here. */

export { PORT_STATES } from '../net/dev/brport.ts';
export type { NetDevice, OperState } from '../net/dev/device.ts';
export * from '../net/dev/flags.ts';
export { linkwatchSync } from '../net/dev/linkwatch.ts';
export type { PacketProgram, Tcx } from '../net/dev/tcx.ts';
export * from '../net/ip/fib.ts';
export * from '../net/ip/groups.ts';
export * from '../net/ip/ifaddr.ts';
export type { NexthopGroupEntry, NexthopObject, NexthopObjectSpec } from '../net/ip/nexthop.ts';
export { addrType, type Dst, dstMtu, type Flow, flushCache, listExceptions, pmtuOf, routeInput, routeOutput } from '../net/ip/route.ts';
export * from '../net/ip/rule.ts';
// IPVS
export { hasIpvs, Ipvs, ipvsOf } from '../net/ipvs/ipvs.ts';
export type { Forwarding, IpvsConn, RealServer, ServerConfig, ServiceConfig, VirtualService } from '../net/ipvs/service.ts';
export type { Kernel } from '../net/kernel.ts';
export * from '../net/neigh/neigh.ts';
// netfilter
export * as xt from '../net/netfilter/uapi.ts';
export type { Netns } from '../net/netns.ts';
export type { NetEvent } from '../net/notifier.ts';
// rtnetlink
export * from '../net/rtnl/addr.ts';
export * from '../net/rtnl/fdb.ts';
export * from '../net/rtnl/features.ts';
export * from '../net/rtnl/kinds.ts';
export * from '../net/rtnl/link.ts';
export * from '../net/rtnl/linkinfo.ts';
export * from '../net/rtnl/linkmsg.ts';
export * from '../net/rtnl/mdb.ts';
export * from '../net/rtnl/netns.ts';
export * from '../net/rtnl/nsid.ts';
export * from '../net/rtnl/route.ts';
export * from '../net/rtnl/vlan.ts';
export { type Captured, ETH_P_ALL, PacketSocket } from '../net/sock/packet.ts';
export { type RawPacket, RawSocket } from '../net/sock/raw.ts';
export type { Sock, SockError, SockOptions } from '../net/sock/sock.ts';
export { shownAddr } from '../net/sock/sock.ts';
export { TcpSocket } from '../net/sock/tcp/tcp.ts';
export { type Datagram, UdpSocket } from '../net/sock/udp.ts';
export { UnixSocket } from '../net/sock/unix.ts';
// errors (sim)
export { type Errno, errnoNumber, type Fail, fail, ok, type Result, strerror } from '../sim/errno.ts';
