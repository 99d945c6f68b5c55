/** What ping sets up before it sends: the source address by a connected probe, and the socket's options. Models ping4_run(), setup() of iputils */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { closeSocket, openUdp } from '../../os/sockcalls.ts';
import type { RawSocket } from '../../os/uapi.ts';
import { ok, strerror } from '../../sim/errno.ts';
import { type IpAddr, isLinkLocal, isMulticast } from '../../wire/addr.ts';
import { ICMP_ECHOREPLY, ICMP_REDIRECT } from '../../wire/icmp.ts';
import { ICMPV6_ECHO_REPLY } from '../../wire/icmp6.ts';
import type { PingOptions } from './options.ts';

export const IPOPT_RR = 7;
const IPOPT_TS = 68;
const IPOPT_TS_PRESPEC = 3;

/** Source address by a connected UDP probe. `next`: this family cannot reach it, try another address. */
export function* findSource(
  p: Process,
  o: PingOptions,
  addr: IpAddr,
  zone: string | null,
  more: boolean,
): Task<{ source: IpAddr } | { code: number } | 'next'> {
  const fail = function* (text: string): Task<{ code: number }> {
    yield* p.err(`${p.name}: ${text}\n`);
    return { code: 2 };
  };
  const given = typeof addr === 'number' ? o.source4 : o.source6;
  if (given !== null) return { source: given };
  const probe = openUdp(p, typeof addr === 'number' ? 4 : 6);
  try {
    if (o.device !== null) {
      const r = probe.bindToDevice(o.device);
      if (!r.ok)
        return yield* fail(typeof addr === 'number' ? `SO_BINDTODEVICE ${o.device}: ${strerror(r.errno)}` : `unknown iface: ${o.device}`);
    }
    if (zone !== null) probe.bindToDevice(zone);
    // For link-local targets this version of ping connects with family AF_UNSPEC, which chooses nothing.
    const unspec = typeof addr === 'bigint' && (isLinkLocal(addr) || (o.device !== null && isMulticast(addr)));
    let r = unspec ? ok() : probe.connect(addr, 1025);
    if (!r.ok && r.errno === 'EACCES' && typeof addr === 'number') {
      if (!o.broadcast) return yield* fail('Do you want to ping broadcast? Then -b. If not, check your local firewall rules');
      yield* p.err('WARNING: pinging broadcast address\n');
      probe.opt.broadcast = true;
      r = probe.connect(addr, 1025);
    }
    if (!r.ok) {
      if (more && (r.errno === 'EHOSTUNREACH' || r.errno === 'ENETUNREACH')) return 'next';
      return yield* fail(`connect: ${strerror(r.errno)}`);
    }
    const source = probe.local.addr;
    const own = o.device === null ? undefined : p.ns.device(o.device);
    if (own && ![...own.addrs4, ...own.addrs6].some((a) => a.local === source)) {
      yield* p.err(`${p.name}: Warning: source address might be selected on device other than: ${o.device}\n`);
    }
    return { source };
  } finally {
    closeSocket(p, probe);
  }
}

/** A no-operation and a Record Route option with room for nine addresses. */
function recordRouteOption(): Uint8Array {
  const option = new Uint8Array(40);
  option.set([1, IPOPT_RR, 39, 4]);
  return option;
}

/** A Timestamp option for the addresses listed in it, of which there are none. */
function timestampOption(): Uint8Array {
  const option = new Uint8Array(40);
  option.set([IPOPT_TS, 4, 5, IPOPT_TS_PRESPEC]);
  return option;
}

/** Socket options; the text of the error, if one comes. */
export function configure(o: PingOptions, sock: RawSocket, addr: IpAddr, zone: string | null): string | null {
  // connect() with a scope id ties the socket to that interface.
  if (zone !== null) sock.bindToDevice(zone);
  if (o.device !== null) sock.bindToDevice(o.device);
  const source = typeof addr === 'number' ? o.source4 : o.source6;
  if (source !== null) {
    const r = sock.bind(source);
    if (!r.ok) return `${typeof addr === 'number' ? 'bind' : 'bind icmp socket'}: ${strerror(r.errno)}`;
  }
  sock.opt.recvErr = true;
  sock.opt.broadcast = o.broadcast;
  if (o.pmtudisc) sock.opt.mtuDiscover = o.pmtudisc;
  else if (isMulticast(addr) || o.broadcast) sock.opt.mtuDiscover = 'do';
  if (o.ttl !== null) {
    if (o.ttl === 0 && typeof addr === 'number') return `cannot set unicast time-to-live: ${strerror('EINVAL')}`;
    sock.opt.ttl = o.ttl;
    sock.opt.multicastTtl = o.ttl;
  }
  sock.opt.tos = o.tos;
  // A source route needs CAP_NET_RAW, which ping has dropped by then.
  if (typeof addr === 'number' && o.via.length > 0 && o.timestamp === null) return `record route: ${strerror('EPERM')}`;
  if (o.recordRoute) sock.opt.ipOptions = recordRouteOption();
  if (o.timestamp) sock.opt.ipOptions = timestampOption();
  sock.opt.flowLabel = o.flowLabel;
  if (o.mark !== 0) sock.opt.mark = o.mark;
  const keep = typeof addr === 'number' ? [ICMP_ECHOREPLY, ICMP_REDIRECT] : [ICMPV6_ECHO_REPLY];
  for (let t = 0; t < 256; t++) if (!keep.includes(t)) sock.blockedTypes.add(t);
  return null;
}
