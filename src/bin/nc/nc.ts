/** nc: connections and datagrams from the command line. Models OpenBSD netcat, Debian 1.219-1 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { gaiStrerror, readHosts, readResolvConf, resSend } from '../../os/resolver.ts';
import { acceptTcp, bindUnix, closeSocket, connectUnix, openTcp, openUdp, waitFor } from '../../os/sockcalls.ts';
import { type TcpSocket, type UdpSocket, UnixSocket } from '../../os/uapi.ts';
import { ok, type Result, strerror } from '../../sim/errno.ts';
import { SEC } from '../../sim/sim.ts';
import { formatIp, type IpAddr } from '../../wire/addr.ts';
import { DNS_TYPES, readName, reverseName } from '../../wire/dns.ts';
import { die, options, remoteConnect, resolve, service, servicePort } from './connect.ts';
import { type NcOptions, parseNc, portList } from './options.ts';
import { throughProxy } from './proxy.ts';
import { readWrite } from './pump.ts';
import { SUMMARY, USAGE, VERSION } from './usage.ts';

/** Seconds that a UDP port scan without -w gives a port to complain. */
const UDP_SCAN_TIMEOUT = 3;

function serviceName(p: Process, port: number, proto: string): string | null {
  for (const line of (p.readText('/etc/services') ?? '').split('\n')) {
    const [first, where] = (line.split('#')[0] as string).trim().split(/\s+/);
    if (where === `${port}/${proto}`) return first as string;
  }
  return null;
}

function* main(p: Process): Task<number> {
  const o = parseNc(p.argv.slice(1));
  if ('message' in o) {
    yield* p.err((o.help ? VERSION : o.message) + (o.usage ? USAGE : '') + (o.help ? SUMMARY : ''));
    return o.help ? 0 : 1;
  }
  if (o.unix) return yield* unixMode(p, o);
  const proto = o.udp ? 'udp' : 'tcp';
  if (o.dccp) return 1;
  if (o.listen) {
    const port = servicePort(p, (o.ports as string[])[0] as string, proto);
    return port === null ? yield* die(p, 'getaddrinfo: Servname not supported for ai_socktype') : yield* serve(p, o, port);
  }
  const ports: number[] = [];
  for (const word of o.ports as string[]) {
    const some = portList(word, service(p, proto));
    if (typeof some === 'string') return yield* die(p, some);
    ports.push(...(o.random ? shuffle(p, some) : some));
  }
  return yield* connectAll(p, o, ports);
}

function shuffle(p: Process, ports: number[]): number[] {
  const out = [...ports];
  const rng = p.sim.rng('nc.random');
  for (let i = out.length - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    [out[i], out[j]] = [out[j] as number, out[i] as number];
  }
  return out;
}

function* connectAll(p: Process, o: NcOptions, ports: readonly number[]): Task<number> {
  let status = 1;
  for (const port of ports) {
    const opened =
      o.proxy === null ? yield* remoteConnect(p, o, o.host as string, port) : yield* throughProxy(p, o, o.host as string, port);
    if (typeof opened === 'number') return opened;
    if (opened === null) continue;
    const { sock, addr } = opened;
    status = 0;
    const heard = o.udp && o.verbose ? yield* udpTest(p, sock as UdpSocket, o) : true;
    if (!heard) {
      status = 1;
      closeSocket(p, sock);
      continue;
    }
    if (o.verbose) {
      const name = o.numeric ? null : serviceName(p, port, o.udp ? 'udp' : 'tcp');
      const shown = formatIp(addr);
      const where = o.numeric || shown === o.host ? '' : ` (${shown})`;
      yield* p.err(`Connection to ${o.host}${where} ${port} port [${o.udp ? 'udp' : 'tcp'}/${name ?? '*'}] succeeded!\n`);
    }
    if (!o.scan) {
      const end = yield* readWrite(p, sock, o);
      closeSocket(p, sock);
      if (end === 'quit') return 0;
    } else closeSocket(p, sock);
    if (o.interval && ports.length > 1) yield* p.sleep(o.interval * SEC);
  }
  return status;
}

/** Writes into the port until it complains, or does not for some seconds. */
function* udpTest(p: Process, sock: UdpSocket, o: NcOptions): Task<boolean> {
  const x = new Uint8Array([88]);
  if (!sock.send(x).ok) return false;
  // On a cable between namespaces the answer is there before the next system call.
  yield* p.sleep(20);
  const again = sock.send(x);
  if (!again.ok && again.errno === 'ECONNREFUSED') return false;
  const seconds = o.timeout ?? UDP_SCAN_TIMEOUT;
  for (let i = 0; i < seconds; i++) {
    yield* p.sleep(SEC);
    const r = sock.send(x);
    if (!r.ok && r.errno === 'ECONNREFUSED') return false;
  }
  return true;
}

/** getnameinfo(3) without NI_NUMERICHOST: the name, the address when there is none, or what went wrong. */
function* nameOf(p: Process, addr: IpAddr): Task<Result<string> | string> {
  if (addr === 0n) return ok('::');
  const entry = readHosts(p).find((h) => h.addr === addr);
  if (entry) return ok(entry.names[0] as string);
  const r = yield* resSend(p, readResolvConf(p), reverseName(addr), [DNS_TYPES.PTR]);
  const ptr = r.replies[0]?.answers.find((a) => a.type === DNS_TYPES.PTR);
  const name = ptr && readName(ptr.data, 0)?.name;
  if (name) return ok(name);
  return r.herrno === 'TRY_AGAIN' ? gaiStrerror('EAI_AGAIN') : ok(formatIp(addr));
}

/** report_sock(): `Listening on 0.0.0.0 5001`, `Connection received on host 40000`. */
function* report(p: Process, o: NcOptions, what: string, addr: IpAddr, port: number): Task<void> {
  let host = formatIp(addr);
  if (!o.numeric) {
    const name = yield* nameOf(p, addr);
    if (typeof name === 'string') {
      yield* p.err(`nc: getnameinfo: ${name}\n`);
      return;
    }
    if (name.ok) host = name.value;
  }
  yield* p.err(`${what} on ${host} ${port}\n`);
}

function* serve(p: Process, o: NcOptions, port: number): Task<number> {
  let addr: IpAddr = o.family === 6 ? 0n : 0;
  if (o.host !== null) {
    const found = yield* resolve(p, o, o.host);
    if (typeof found === 'string') return yield* die(p, `getaddrinfo: ${found}`);
    if (found.ok) addr = found.value[0] as IpAddr;
  }
  const family = typeof addr === 'number' ? 4 : 6;
  const sock = o.udp ? openUdp(p, family) : openTcp(p, family);
  sock.opt.reuseAddr = true;
  sock.opt.reusePort = true;
  options(sock, o);
  const bound = sock.bind(addr, port);
  const listening = !bound.ok ? bound : sock.kind === 'tcp' ? sock.listen(1) : ok();
  if (!listening.ok) return yield* die(p, strerror(listening.errno));
  if (o.verbose) yield* report(p, o, sock.kind === 'tcp' ? 'Listening' : 'Bound', addr, port);
  return sock.kind === 'tcp' ? yield* serveTcp(p, o, sock) : yield* serveUdp(p, o, sock);
}

function* serveTcp(p: Process, o: NcOptions, listener: TcpSocket): Task<number> {
  for (;;) {
    const conn = yield* acceptTcp(p, listener);
    if (!conn.ok) return yield* die(p, `accept: ${strerror(conn.errno)}`);
    const peer = conn.value.remote;
    if (o.verbose && peer) yield* report(p, o, 'Connection received', peer.addr, peer.port);
    const end = yield* readWrite(p, conn.value, o);
    closeSocket(p, conn.value);
    if (end === 'quit' || !o.keep) {
      closeSocket(p, listener);
      return 0;
    }
  }
}

/** The first datagram's sender becomes the peer; with -k everybody is heard. */
function* serveUdp(p: Process, o: NcOptions, sock: UdpSocket): Task<number> {
  if (o.keep) {
    for (;;) {
      const ready = yield* waitFor(sock, () => sock.readable());
      if (!ready.ok) continue;
      const d = sock.recv();
      if (d.ok) yield* p.write(1, d.value);
    }
  }
  for (;;) {
    const ready = yield* waitFor(sock, () => sock.readable());
    if (ready.ok) break;
  }
  const d = sock.recvFrom(true);
  if (!d.ok) return yield* die(p, `recvfrom: ${strerror(d.errno)}`);
  const { addr, port } = d.value.from;
  const joined = sock.connect(addr, port);
  if (!joined.ok) return yield* die(p, `connect: ${strerror(joined.errno)}`);
  if (o.verbose) yield* report(p, o, 'Connection received', addr, port);
  yield* readWrite(p, sock, o);
  return 0;
}

function* unixMode(p: Process, o: NcOptions): Task<number> {
  const path = o.host as string;
  const sock = new UnixSocket(p.ns, o.udp ? 'dgram' : 'stream');
  p.socketFd(sock);
  if (o.listen) {
    const old = p.lstat(path);
    if (old.ok && old.value.kind !== 'dir') p.unlink(path);
    const bound = bindUnix(p, sock, path);
    const listening = !bound.ok ? bound : o.udp ? ok() : sock.listen(5);
    if (!listening.ok) return yield* die(p, strerror(listening.errno));
    for (;;) {
      if (o.udp) {
        yield* readWrite(p, sock, o);
        return 0;
      }
      yield* waitFor(sock, () => sock.readable());
      const conn = sock.accept();
      if (!conn.ok) continue;
      p.socketFd(conn.value);
      yield* readWrite(p, conn.value, o);
      closeSocket(p, conn.value);
      if (!o.keep) return 0;
    }
  }
  const r = connectUnix(p, sock, path);
  if (!r.ok) return yield* die(p, `${path}: ${strerror(r.errno)}`);
  if (!o.scan) yield* readWrite(p, sock, o);
  return 0;
}

export const nc: Command = { name: 'nc', aliases: ['netcat', 'nc.openbsd'], main };
