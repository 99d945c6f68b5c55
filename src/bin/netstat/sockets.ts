/** netstat's tables of sockets. Models tcp_do_one(), udp_do_one(), unix_do_one() of netstat.c, net-tools 2.10 */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { nameOrAddress } from '../../os/resolver.ts';
import { type Sock, shownAddr, TcpSocket, UnixSocket } from '../../os/uapi.ts';
import { formatIp, type IpAddr } from '../../wire/addr.ts';
import { usersOf } from '../ss/rows.ts';

export interface SocketOptions {
  all: boolean;
  listening: boolean;
  numericHosts: boolean;
  numericPorts: boolean;
  numericUsers: boolean;
  wide: boolean;
  /** User and inode. */
  extended: boolean;
  programs: boolean;
  timers: boolean;
  families: readonly (4 | 6)[];
}

export type Protocol = 'tcp' | 'udp' | 'raw';

/** Longest `address:port` that is not cut. */
const SHORT = 22;

function* end(p: Process, sk: Sock, addr: IpAddr, port: number, o: SocketOptions): Task<string> {
  const shown = sk.family === 6 ? addr : shownAddr(sk, addr);
  const any = shown === 0 || shown === 0n;
  let host: string;
  if (any && sk.family === 6) host = o.numericHosts ? '::' : '[::]';
  else host = any || o.numericHosts ? formatIp(shown) : yield* nameOrAddress(p, shown);
  const service = port === 0 ? '*' : ((o.numericPorts ? null : serviceName(p, port, sk.kind)) ?? String(port));
  if (o.wide || host.length + service.length <= SHORT) return `${host}:${service}`;
  const room = Math.min(service.length, SHORT - 4);
  return `${host.slice(0, SHORT - room)}:${service.slice(0, room)}`;
}

/** getservbyport(3) */
function serviceName(p: Process, port: number, proto: string): string | null {
  for (const line of (p.readText('/etc/services') ?? '').split('\n')) {
    const [name, key] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (key === `${port}/${proto}`) return name ?? null;
  }
  return null;
}

function program(users: readonly string[] | undefined): string {
  const m = /^\("(.*)",pid=(\d+),/.exec(users?.[0] ?? '');
  return m ? `${m[2]}/${m[1]}` : '-';
}

/** `off (0.00/0/0)`, `on (0.21/1/0)` … */
function timer(sk: Sock): string {
  const t = sk instanceof TcpSocket ? sk.timerInfo() : null;
  if (!t) return 'off (0.00/0/0)';
  const name = t.name === 'persist' ? 'probe' : t.name;
  return `${name} (${(t.left / 1e6).toFixed(2)}/${t.name === 'on' ? t.retries : 0}/${t.name === 'on' ? 0 : t.retries})`;
}

function wanted(sk: Sock, o: SocketOptions): boolean {
  if (o.all) return true;
  const server = sk instanceof TcpSocket ? sk.state === 'LISTEN' : sk.remote === null;
  return server === o.listening;
}

function* line(p: Process, sk: Sock, o: SocketOptions, users: Map<Sock, string[]>): Task<string> {
  const q = sk.queues();
  const listening = sk instanceof TcpSocket && sk.state === 'LISTEN';
  const zero: IpAddr = sk.family === 6 ? 0n : 0;
  const local = yield* end(p, sk, sk.local.addr, sk.kind === 'raw' ? sk.proto : sk.local.port, o);
  const remote = yield* end(p, sk, sk.remote?.addr ?? zero, sk.remote?.port ?? 0, o);
  const state = sk instanceof TcpSocket ? sk.state : sk.kind === 'raw' ? '7' : sk.remote ? 'ESTABLISHED' : '';
  const proto = `${sk.kind}${sk.family === 6 ? '6' : ''}`;
  let t = `${proto.padEnd(5)} ${String(q.rx).padStart(6)} ${String(listening ? 0 : q.tx).padStart(6)} ${local.padEnd(23)} ${remote.padEnd(23)} ${state.padEnd(11)}`;
  if (o.extended) {
    const gone = sk instanceof TcpSocket && sk.state === 'TIME_WAIT';
    t += ` ${(o.numericUsers ? String(sk.uid) : (userName(p, sk.uid) ?? String(sk.uid))).padEnd(10)} ${String(gone ? 0 : sk.inode).padEnd(10)}`;
  }
  if (o.programs) t += ` ${program(users.get(sk)).slice(0, 19).padEnd(20)}`;
  return `${t}${o.timers ? ` ${timer(sk)}` : ''}\n`;
}

/** getpwuid(3) */
function userName(p: Process, uid: number): string | null {
  for (const row of (p.readText('/etc/passwd') ?? '').split('\n')) {
    const fields = row.split(':');
    if (fields[2] === String(uid)) return fields[0] ?? null;
  }
  return null;
}

function which(o: SocketOptions): string {
  return o.all ? 'servers and established' : o.listening ? 'only servers' : 'w/o servers';
}

export function internetHead(o: SocketOptions): string {
  return `Active Internet connections (${which(o)})\nProto Recv-Q Send-Q Local Address           Foreign Address         State      ${o.extended ? ' User       Inode     ' : ''}${o.programs ? ' PID/Program name    ' : ''}${o.timers ? ' Timer' : ''}\n`;
}

/** The rows of one protocol: IPv4, then IPv6. TCP's listening sockets stand before the others, as /proc/net/tcp has them. */
export function* internetRows(p: Process, protocol: Protocol, o: SocketOptions): Task<string> {
  const users = o.programs ? usersOf(p) : new Map<Sock, string[]>();
  let t = '';
  for (const family of o.families) {
    const socks = [...p.ns.sockets.all].filter(
      (sk) => sk.kind === protocol && sk.family === family && !(sk instanceof TcpSocket && sk.state === 'CLOSE') && wanted(sk, o),
    );
    const first = socks.filter((sk) => sk instanceof TcpSocket && sk.state === 'LISTEN');
    for (const sk of [...first, ...socks.filter((s) => !first.includes(s))]) t += yield* line(p, sk, o, users);
  }
  return t;
}

export function unixTable(p: Process, o: SocketOptions): string {
  const users = o.programs ? usersOf(p) : new Map<Sock, string[]>();
  let t = `Active UNIX domain sockets (${which(o)})\nProto RefCnt Flags       Type       State         I-Node   ${o.programs ? 'PID/Program name     ' : ''}Path\n`;
  for (const sk of p.ns.sockets.all) {
    if (!(sk instanceof UnixSocket)) continue;
    const listening = sk.state === 'LISTEN';
    if (!o.all && listening !== o.listening) continue;
    const state = listening ? 'LISTENING' : sk.state === 'ESTABLISHED' ? 'CONNECTED' : '';
    const type = sk.type === 'stream' ? 'STREAM' : 'DGRAM';
    const refs = listening || type === 'DGRAM' ? 2 : 3;
    const owner = o.programs ? ` ${program(users.get(sk)).slice(0, 19).padEnd(20)}` : '';
    t += `unix  ${String(refs).padEnd(6)} ${(listening ? '[ ACC ]' : '[ ]').padEnd(11)} ${type.padEnd(10)} ${state.padEnd(13)} ${String(sk.inode).padEnd(8)}${owner} ${sk.name ?? ''}\n`;
  }
  return t;
}
