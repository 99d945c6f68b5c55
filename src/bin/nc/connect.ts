/** nc's way to a connected socket: names, ports, socket options, one address after the other. Models remote_connect() of OpenBSD netcat */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { gaiStrerror, getaddrinfo } from '../../os/resolver.ts';
import { closeSocket, connectTcp, openTcp, openUdp } from '../../os/sockcalls.ts';
import type { TcpSocket, UdpSocket } from '../../os/uapi.ts';
import { ok, type Result, strerror } from '../../sim/errno.ts';
import { SEC } from '../../sim/sim.ts';
import { formatIp, type IpAddr, parseIp } from '../../wire/addr.ts';
import type { NcOptions } from './options.ts';

/** What a handshake with a neighbour takes at most, µs. */
const HANDSHAKE = 1000;

export function service(p: Process, proto: string): (name: string) => number | null {
  return (name) => {
    for (const line of (p.readText('/etc/services') ?? '').split('\n')) {
      const [first, port, ...aliases] = (line.split('#')[0] as string).trim().split(/\s+/);
      if (port?.endsWith(`/${proto}`) && (first === name || aliases.includes(name))) return Number.parseInt(port, 10);
    }
    return null;
  };
}

/** getaddrinfo()'s view of a service: a number loses its upper bits. */
export function servicePort(p: Process, word: string, proto: string): number | null {
  return /^\d+$/.test(word) ? Number(word) & 0xffff : service(p, proto)(word);
}

export function* die(p: Process, message: string): Task<number> {
  yield* p.err(`nc: ${message}\n`);
  return 1;
}

export function* resolve(p: Process, o: NcOptions, host: string): Task<Result<IpAddr[]> | string> {
  if (o.numeric) {
    const a = parseIp(host);
    if (a === null) return gaiStrerror('EAI_NONAME');
    if (o.family !== null && (typeof a === 'number' ? 4 : 6) !== o.family) return gaiStrerror('EAI_ADDRFAMILY');
    return ok([a]);
  }
  const r = yield* getaddrinfo(p, host, o.family === null ? {} : { family: o.family });
  return r.ok ? ok(r.addrs) : gaiStrerror(r.error);
}

export function options(sock: TcpSocket | UdpSocket, o: NcOptions): void {
  if (o.ttl !== null) sock.opt.ttl = o.ttl;
  if (o.tos !== null) sock.opt.tos = o.tos;
  if (o.broadcast) sock.opt.broadcast = true;
  if (o.rcvBuf !== null) sock.opt.rcvBuf = o.rcvBuf * 2;
  if (o.sndBuf !== null) sock.opt.sndBuf = o.sndBuf * 2;
}

/** A connected socket; null when no address answered; a number ends the program. */
export function* remoteConnect(
  p: Process,
  o: NcOptions,
  host: string,
  port: number,
): Task<{ sock: TcpSocket | UdpSocket; addr: IpAddr } | null | number> {
  const found = yield* resolve(p, o, host);
  if (typeof found === 'string') return yield* die(p, `getaddrinfo for host "${host}" port ${port}: ${found}`);
  if (!found.ok) return 1;
  for (const addr of found.value) {
    const family = typeof addr === 'number' ? 4 : 6;
    const sock = o.udp ? openUdp(p, family) : openTcp(p, family);
    options(sock, o);
    if (o.source !== null || o.port !== null) {
      const own = o.source === null ? (family === 4 ? 0 : 0n) : parseIp(o.source);
      if (own === null) return yield* die(p, `getaddrinfo: ${gaiStrerror('EAI_NONAME')}`);
      const from = o.port === null ? 0 : servicePort(p, o.port, o.udp ? 'udp' : 'tcp');
      if (from === null) return yield* die(p, 'getaddrinfo: Servname not supported for ai_socktype');
      const bound = sock.bind(own, from);
      if (!bound.ok) return yield* die(p, `bind failed: ${strerror(bound.errno)}`);
    }
    // With -w 0 a handshake that needs no waiting still comes through.
    const deadline = o.timeout === null ? undefined : p.sim.now + Math.max(o.timeout * SEC, HANDSHAKE);
    const r = sock.kind === 'udp' ? sock.connect(addr, port) : yield* connectTcp(sock, addr, port, deadline);
    if (r.ok) return { sock, addr };
    closeSocket(p, sock);
    const late = r.errno === 'EAGAIN';
    if (o.verbose) {
      const shown = formatIp(addr);
      const where = o.numeric || shown === host ? '' : ` (${shown})`;
      const what = late ? `timed out: ${strerror('EINPROGRESS')}` : `failed: ${strerror(r.errno)}`;
      yield* p.err(`nc: connect to ${host}${where} port ${port} (${o.udp ? 'udp' : 'tcp'}) ${what}\n`);
    }
  }
  return null;
}
