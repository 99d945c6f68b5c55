/** curl's connections: names to addresses, happy eyeballs, binding, the pool. Models lib/connect.c, lib/hostip.c, lib/cf-socket.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { getaddrinfo } from '../../os/resolver.ts';
import { closeSocket, openTcp } from '../../os/sockcalls.ts';
import { tcpStream, unixStream } from '../../os/stream.ts';
import { timeLimit } from '../../os/threads.ts';
import type { TlsSession } from '../../os/tls/session.ts';
import { type TcpSocket, UnixSocket } from '../../os/uapi.ts';
import { type Errno, errnoNumber, fail, strerror } from '../../sim/errno.ts';
import { formatIp, type IpAddr, parseIp } from '../../wire/addr.ts';
import type { Debug } from './debug.ts';
import { Reader } from './http.ts';
import type { CurlOptions } from './options.ts';

export interface Connection {
  id: number;
  key: string;
  host: string;
  sock: TcpSocket | UnixSocket;
  reader: Reader;
  remote: IpAddr;
  port: number;
  tls?: TlsSession;
}

export interface Failure {
  code: number;
  message: string;
}

export interface ConnectTimes {
  nameLookup: number;
  connect: number;
}

/** Second address family starts after this, µs. */
const HAPPY_EYEBALLS = 200_000;
const CONNECT_TIMEOUT = 300_000_000;
/** host:port:addresses of --resolve. */
const ENTRY = /^\+?([^:]+|\*):(\d+):(.+)$/;

export class Connector {
  private readonly p: Process;
  private readonly debug: Debug;
  readonly pool: Connection[] = [];
  private nextId = 0;
  private readonly known = new Set<string>();

  constructor(p: Process, debug: Debug) {
    this.p = p;
    this.debug = debug;
  }

  private *info(text: string): Task<void> {
    yield* this.debug.info(text);
  }

  close(c: Connection): void {
    closeSocket(this.p, c.sock);
    const i = this.pool.indexOf(c);
    if (i >= 0) this.pool.splice(i, 1);
  }

  /** An idle connection to the same place that the other side has not closed. */
  idle(key: string): Connection | null {
    const c = this.pool.find((x) => x.key === key);
    if (!c) return null;
    if (c.sock.readable()) {
      this.close(c);
      return null;
    }
    return c;
  }

  /** Says which entries --resolve puts into the DNS cache. */
  *announce(o: CurlOptions): Task<Failure | null> {
    for (const entry of o.resolve) {
      if (this.known.has(entry)) continue;
      this.known.add(entry);
      if (/^-[^:]+:\d+$/.test(entry)) continue;
      const m = ENTRY.exec(entry);
      if (!m || (m[3] as string).split(',').some((a) => parseIp(a.replace(/^\[|\]$/g, '')) === null))
        return { code: 49, message: `Couldn't parse CURLOPT_RESOLVE entry '${entry}'` };
      yield* this.info(`Added ${m[1]}:${m[2]}:${m[3]} to DNS cache`);
      if (m[1] === '*') yield* this.info(`RESOLVE *:${m[2]} is wildcard, enabling wildcard checks`);
    }
    return null;
  }

  *resolve(o: CurlOptions, host: string, port: number, deadline: number | undefined, start: number): Task<IpAddr[] | Failure> {
    const literal = parseIp(host.replace(/^\[|\]$/g, ''));
    const wanted = (list: IpAddr[]): IpAddr[] => (o.family ? list.filter((a) => (typeof a === 'number' ? 4 : 6) === o.family) : list);
    if (literal !== null) {
      const list = wanted([literal]);
      return list.length > 0 ? list : { code: 7, message: "Couldn't connect to server" };
    }
    for (const entry of o.resolve) {
      const m = ENTRY.exec(entry);
      if (!m || (m[1] !== '*' && m[1]?.toLowerCase() !== host.toLowerCase()) || Number(m[2]) !== port) continue;
      yield* this.info(`Hostname ${host} was found in DNS cache`);
      return wanted((m[3] as string).split(',').flatMap((t) => parseIp(t.replace(/^\[|\]$/g, '')) ?? []));
    }
    // RFC 6761: localhost is always this host, whatever the DNS says.
    if (/^(.*\.)?localhost\.?$/i.test(host)) return wanted([0x7f000001, 1n]);
    const r = yield* timeLimit(this.p, getaddrinfo(this.p, host, o.family ? { family: o.family } : {}), deadline);
    if (!r) return { code: 28, message: `Resolving timed out after ${Math.round((this.p.sim.now - start) / 1000)} milliseconds` };
    return r.ok ? r.addrs : { code: 6, message: `Could not resolve host: ${host}` };
  }

  *open(
    o: CurlOptions,
    key: string,
    host: string,
    shown: string,
    port: number,
    start: number,
    times: ConnectTimes,
  ): Task<Connection | Failure> {
    const { p } = this;
    const total = o.maxTime > 0 ? start + o.maxTime * 1e6 : undefined;
    const id = this.nextId++;
    const failed = function* (this: Connector, f: Failure, said = true): Task<Failure> {
      if (said) yield* this.info(f.message);
      yield* this.info(`Closing connection ${id}`);
      return f;
    }.bind(this);
    if (o.unixSocket !== null) return yield* this.openUnix(o, key, shown, port, id, times);
    const addrs = yield* this.resolve(o, host, port, total, start);
    if (!Array.isArray(addrs)) return yield* failed(addrs, addrs.code !== 7);
    times.nameLookup = p.sim.now;
    const began = p.sim.now;
    const limit = Math.min(began + (o.connectTimeout > 0 ? o.connectTimeout * 1e6 : CONNECT_TIMEOUT), total ?? Number.POSITIVE_INFINITY);
    const first = typeof addrs[0];
    const queues = [addrs.filter((a) => typeof a === first), addrs.filter((a) => typeof a !== first)];
    const active: { sock: TcpSocket; addr: IpAddr; queue: number; began: number; limit: number }[] = [];
    let timedOut = false;
    let last: Errno | null = null;
    let bindFailure: Failure | null = null;
    /** Starts the next address of a family; true when one is under way. */
    const launch = function* (this: Connector, q: number): Task<boolean> {
      for (let addr = queues[q]?.shift(); addr !== undefined; addr = queues[q]?.shift()) {
        yield* this.info(`  Trying ${typeof addr === 'bigint' ? `[${formatIp(addr)}]` : formatIp(addr)}:${port}...`);
        const sock = openTcp(p, typeof addr === 'number' ? 4 : 6);
        Object.assign(sock.opt, { noDelay: true, keepalive: true, keepIdle: 60, keepIntvl: 60 });
        const bound = yield* this.bind(o, sock);
        if (bound) {
          bindFailure = bound;
          closeSocket(p, sock);
          continue;
        }
        const r = sock.connect(addr, port);
        if (r.ok || r.errno === 'EINPROGRESS') {
          // With further addresses of the family behind it, an address gets half of the time that is left.
          const left = limit - p.sim.now;
          active.push({
            sock,
            addr,
            queue: q,
            began: p.sim.now,
            limit: p.sim.now + ((queues[q]?.length ?? 0) > 0 ? Math.floor(left / 2) : left),
          });
          return true;
        }
        last = r.errno;
        closeSocket(p, sock);
        yield* this.info(`Immediate connect fail for ${formatIp(addr)}: ${strerror(r.errno)}`);
      }
      return false;
    }.bind(this);
    if (!(yield* launch(0))) yield* launch(1);
    while (active.length > 0) {
      for (const a of [...active]) {
        if (a.sock.connecting && a.sock.error === null) continue;
        const error = a.sock.takeError();
        if (error === null) {
          for (const b of active) if (b !== a) closeSocket(p, b.sock);
          times.connect = p.sim.now;
          yield* this.info(`Connected to ${shown} (${formatIp(a.addr)}) port ${port} (#${id})`);
          const c: Connection = { id, key, host: shown, sock: a.sock, reader: new Reader(tcpStream(a.sock)), remote: a.addr, port };
          c.reader.now = () => p.sim.now;
          this.pool.push(c);
          return c;
        }
        last = error;
        active.splice(active.indexOf(a), 1);
        closeSocket(p, a.sock);
        yield* this.info(`connect to ${formatIp(a.addr)} port ${port} failed: ${strerror(error)}`);
        if (!(yield* launch(a.queue)) && active.length === 0) yield* launch(1 - a.queue);
      }
      if (active.length === 0) break;
      if (active.every((a) => a.sock.connecting && a.sock.error === null)) {
        const second =
          (queues[1]?.length ?? 0) > 0 && active.every((a) => a.queue === 0) ? began + HAPPY_EYEBALLS : Number.POSITIVE_INFINITY;
        const now = p.sim.now;
        if (now >= second) {
          yield* launch(1);
          continue;
        }
        if (total !== undefined && now >= total) {
          for (const a of active) closeSocket(p, a.sock);
          return yield* failed({ code: 28, message: `Connection timed out after ${Math.round((now - start) / 1000)} milliseconds` });
        }
        const late = active.filter((a) => now >= a.limit);
        for (const a of late) {
          timedOut = true;
          closeSocket(p, a.sock);
          active.splice(active.indexOf(a), 1);
          yield* this.info(
            `ipv${typeof a.addr === 'number' ? 4 : 6} connect timeout after ${Math.round((now - a.began) / 1000)}ms, move on!`,
          );
          if (!(yield* launch(a.queue)) && active.length === 0) yield* launch(1 - a.queue);
        }
        if (late.length > 0) continue;
        yield { on: active.map((a) => a.sock.wq), until: Math.min(total ?? second, second, ...active.map((a) => a.limit)) };
      }
    }
    const ms = Math.round((p.sim.now - began) / 1000);
    const cause = bindFailure as Failure | null;
    if (cause) {
      yield* this.info(`Failed to connect to ${shown} port ${port} after ${ms} ms: Failed binding local connection end`);
      return yield* failed(cause, false);
    }
    return yield* failed({
      // The kernel's own time-out has the code of one, but not the words.
      code: timedOut || (last as Errno | null) === 'ETIMEDOUT' ? 28 : 7,
      message: `Failed to connect to ${shown} port ${port} after ${ms} ms: ${timedOut ? 'Timeout was reached' : "Couldn't connect to server"}`,
    });
  }

  private *openUnix(o: CurlOptions, key: string, shown: string, port: number, id: number, times: ConnectTimes): Task<Connection | Failure> {
    const { p } = this;
    const path = o.unixSocket as string;
    const name = o.abstractSocket ? '' : path;
    yield* this.info(`  Trying ${name}:0...`);
    times.nameLookup = p.sim.now;
    const sock = new UnixSocket(p.ns, 'stream');
    p.socketFd(sock);
    const there = p.ns.sockets.unix.has(o.abstractSocket ? `@${path}` : path);
    const r = there
      ? sock.connect(o.abstractSocket ? `@${path}` : path)
      : fail(!o.abstractSocket && !p.stat(path).ok ? 'ENOENT' : 'ECONNREFUSED');
    if (!r.ok) {
      closeSocket(p, sock);
      yield* this.info(`Immediate connect fail for ${name}: ${strerror(r.errno)}`);
      const f = { code: 7, message: `Failed to connect to ${shown} port ${port} after 0 ms: Couldn't connect to server` };
      yield* this.info(f.message);
      yield* this.info(`Closing connection ${id}`);
      return f;
    }
    times.connect = p.sim.now;
    yield* this.info(`Connected to ${shown} (${name}) port ${port} (#${id})`);
    const c: Connection = { id, key, host: shown, sock, reader: new Reader(unixStream(sock)), remote: 0, port };
    this.pool.push(c);
    return c;
  }

  private *bind(o: CurlOptions, sock: TcpSocket): Task<Failure | null> {
    let addr: IpAddr | null = null;
    if (o.interface !== null) {
      const name = o.interface.replace(/^(if|host)!/, '');
      const dev = o.interface.startsWith('host!') ? undefined : this.p.ns.device(name);
      if (dev) {
        sock.bindToDevice(dev.name);
        addr = (sock.family === 4 ? dev.addrs4 : dev.addrs6)[0]?.local ?? null;
      } else if (o.interface.startsWith('if!')) {
        yield* this.info(`Couldn't bind to interface '${name}'`);
        return { code: 45, message: `Couldn't bind to interface '${name}'` };
      } else {
        addr = parseIp(name);
        if (addr === null) {
          yield* this.info(`Could not resolve host: ${name}`);
          yield* this.info(`Couldn't bind to '${name}'`);
          return { code: 45, message: `Couldn't bind to '${name}'` };
        }
        const family = typeof addr === 'number' ? 2 : 10;
        yield* this.info(`Name '${name}' family ${family} resolved to '${formatIp(addr)}' family ${family}`);
      }
    }
    if (addr === null && o.localPort === null) return null;
    const zero = sock.family === 4 ? 0 : 0n;
    const [low, high] = o.localPort ?? [0, 0];
    for (let port = low; ; port++) {
      const r = sock.bind(addr ?? zero, port);
      if (r.ok) {
        if (port > 0 || addr !== null) yield* this.info(`Local port: ${port}`);
        return null;
      }
      if (port < high && r.errno === 'EADDRINUSE') continue;
      const message = `bind failed with errno ${errnoNumber(r.errno)}: ${strerror(r.errno)}`;
      yield* this.info(message);
      return { code: 45, message };
    }
  }
}
