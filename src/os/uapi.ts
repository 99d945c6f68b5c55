/** The kernel's face to programs: what `bin` may use of `net`. One line per room; add your own exports here. */

export type { Kernel } from '../net/kernel.ts';
export type { Netns } from '../net/netns.ts';
export type { NetEvent } from '../net/notifier.ts';

// errors (sim)
export { type Errno, errnoNumber, type Fail, fail, ok, type Result, strerror } from '../sim/errno.ts';
// rtnetlink
export * from '../net/rtnl/addr.ts';
export * from '../net/rtnl/link.ts';
export * from '../net/rtnl/linkmsg.ts';
export * from '../net/rtnl/linkinfo.ts';
export * from '../net/rtnl/nsid.ts';
export * from '../net/rtnl/netns.ts';
export type { NexthopGroupEntry, NexthopObject, NexthopObjectSpec } from '../net/ip/nexthop.ts';
export * from '../net/rtnl/route.ts';
export * from '../net/rtnl/fdb.ts';
export * from '../net/rtnl/features.ts';
export * from '../net/dev/flags.ts';
export type { NetDevice, OperState } from '../net/dev/device.ts';
export { PORT_STATES } from '../net/dev/brport.ts';
export * from '../net/ip/ifaddr.ts';
export * from '../net/ip/rule.ts';
export * from '../net/ip/fib.ts';
export { type Dst, type Flow, pmtuOf, routeInput, routeOutput, addrType, flushCache, listExceptions } from '../net/ip/route.ts';
export * from '../net/neigh/neigh.ts';
export { ETH_P_ALL, PacketSocket, type Captured } from '../net/sock/packet.ts';
export { RawSocket, type RawPacket } from '../net/sock/raw.ts';
export type { Sock, SockError, SockOptions } from '../net/sock/sock.ts';
export { TcpSocket } from '../net/sock/tcp/tcp.ts';
export { UdpSocket, type Datagram } from '../net/sock/udp.ts';
// netfilter
export * as xt from '../net/netfilter/uapi.ts';
export { UnixSocket } from '../net/sock/unix.ts';
export { shownAddr } from '../net/sock/sock.ts';
