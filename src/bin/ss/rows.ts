/** Sockets as rows of ss' table: state, queues, addresses, timers, owners. Models inet_show_sock() and friends of misc/ss.c */

import type { Process } from '../../os/process.ts';
import { type Sock, shownAddr, TcpSocket, UdpSocket, UnixSocket } from '../../os/uapi.ts';
import { formatIp, type IpAddr } from '../../wire/addr.ts';
import type { Ends, StateName } from './filter.ts';

export interface ShowOptions {
  numeric: boolean;
  resolve: boolean;
  processes: boolean;
  timers: boolean;
  extended: boolean;
  memory: boolean;
  info: boolean;
  oneline: boolean;
  threads: boolean;
  tos: boolean;
  cgroup: boolean;
  sockopt: boolean;
}

const TCP_STATES: Record<TcpSocket['state'], readonly [StateName, string]> = {
  ESTABLISHED: ['established', 'ESTAB'],
  SYN_SENT: ['syn-sent', 'SYN-SENT'],
  SYN_RECV: ['syn-recv', 'SYN-RECV'],
  FIN_WAIT1: ['fin-wait-1', 'FIN-WAIT-1'],
  FIN_WAIT2: ['fin-wait-2', 'FIN-WAIT-2'],
  TIME_WAIT: ['time-wait', 'TIME-WAIT'],
  CLOSE: ['closed', 'UNCONN'],
  CLOSE_WAIT: ['close-wait', 'CLOSE-WAIT'],
  LAST_ACK: ['last-ack', 'LAST-ACK'],
  LISTEN: ['listening', 'LISTEN'],
  CLOSING: ['closing', 'CLOSING'],
};

export function stateOf(sk: Sock): readonly [StateName, string] {
  if (sk instanceof TcpSocket) return TCP_STATES[sk.state];
  if (sk instanceof UnixSocket) return TCP_STATES[sk.state];
  return sk.remote ? ['established', 'ESTAB'] : ['closed', 'UNCONN'];
}

function netid(sk: Sock): string {
  if (sk instanceof UnixSocket) return sk.type === 'stream' ? 'u_str' : 'u_dgr';
  return sk.kind === 'packet' ? 'p_raw' : sk.kind;
}

/** Open descriptors by socket: `("name",pid=N,fd=N)`. */
export function usersOf(p: Process, threads = false): Map<Sock, string[]> {
  const users = new Map<Sock, string[]>();
  for (const q of p.visible()) {
    for (const [fd, file] of q.fds) {
      const sock = (file as { sock?: Sock }).sock;
      if (!sock) continue;
      const list = users.get(sock) ?? [];
      list.push(`("${q.name.slice(0, 15)}",pid=${p.pidOf(q)},${threads ? `tid=${p.pidOf(q)},` : ''}fd=${fd})`);
      users.set(sock, list);
    }
  }
  return users;
}

export function endsOf(sk: Sock): Ends {
  return {
    local: { addr: sk.local.addr, port: sk.local.port },
    remote: { addr: sk.remote?.addr ?? (sk.family === 6 ? 0n : 0), port: sk.remote?.port ?? 0 },
    device: sk.opt.bindDevice,
    mark: sk.mark,
    autobound: sk.autobound,
  };
}

/** Minutes, seconds and milliseconds as print_ms_timer() writes them: `59sec`, `2.040ms`, `1min30sec`. */
export function timerText(us: number): string {
  let ms = Math.max(0, Math.floor(us / 1000));
  let seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  seconds %= 60;
  ms %= 1000;
  let out = '';
  if (minutes > 0) {
    ms = 0;
    out += `${minutes}min`;
    if (minutes > 9) seconds = 0;
  }
  if (seconds > 0) {
    if (seconds > 9) ms = 0;
    out += `${seconds}${ms > 0 ? '.' : 'sec'}`;
  }
  if (ms > 0) out += `${String(ms).padStart(3, '0')}ms`;
  return out;
}

/** An address as ss writes it: an IPv6 wildcard that serves both families is `*`, others stand in brackets. */
function addrText(sk: Sock, addr: IpAddr, names: HostNames): string {
  const name = names.get(addr);
  if (name !== undefined) return name;
  const shown = shownAddr(sk, addr);
  const dev = sk.opt.bindDevice !== null ? `%${sk.opt.bindDevice}` : '';
  if (typeof shown === 'number') return formatIp(shown) + dev;
  if (shown === 0n && !sk.opt.v6only) return `*${dev}`;
  return `[${formatIp(shown)}]${dev}`;
}

/** What -r found for addresses. */
export type HostNames = ReadonlyMap<IpAddr, string>;
export type PortName = (port: number, proto: string) => string;

/** One row: cells for netid, state, queues, the two ends and the rest. */
export function row(
  p: Process,
  sk: Sock,
  show: ShowOptions,
  users: Map<Sock, string[]>,
  portName: PortName,
  names: HostNames = new Map(),
): string[] {
  const q = sk.queues();
  const closedTw = sk instanceof TcpSocket && (sk.state === 'TIME_WAIT' || sk.state === 'SYN_RECV');
  const cells = [netid(sk), stateOf(sk)[1], String(closedTw ? 0 : q.rx).padEnd(6), String(closedTw ? 0 : q.tx).padEnd(6)];
  if (sk instanceof UnixSocket) {
    cells.push(`${sk.name ?? '*'} `, String(sk.inode), '* ', String(sk.peer && !sk.peer.closed ? sk.peer.inode : 0));
  } else if (sk.kind === 'packet') {
    const proto = sk.proto === 3 ? '*' : `[${sk.proto}]`;
    cells.push(`${proto}:`, (sk as unknown as { dev: { name: string } | null }).dev?.name ?? '*', '*', '');
  } else {
    const proto = sk.kind === 'raw' ? 'raw' : sk.kind;
    const port = (n: number): string => (sk.kind === 'raw' ? (n === 0 ? '*' : String(n)) : portName(n, proto));
    const remote = sk.remote?.addr ?? (sk.family === 6 ? 0n : 0);
    const localPort = sk.kind === 'raw' ? port(sk.proto) : port(sk.local.port);
    const any = sk.family === 6 && remote === 0n ? (sk.opt.v6only ? '[::]' : '*') : (names.get(remote) ?? addrText6(sk, remote));
    cells.push(`${addrText(sk, sk.local.addr, names)}:`, localPort, `${any}:`, port(sk.remote?.port ?? 0));
  }
  cells.push(rest(p, sk, show, users));
  return cells;
}

function addrText6(sk: Sock, addr: IpAddr): string {
  const shown = shownAddr(sk, addr);
  return typeof shown === 'number' ? formatIp(shown) : `[${formatIp(shown)}]`;
}

function rest(p: Process, sk: Sock, show: ShowOptions, users: Map<Sock, string[]>): string {
  let out = '';
  const owners = users.get(sk);
  if (show.processes && owners) out += ` users:(${owners.join(',')})`;
  const tcp = sk instanceof TcpSocket ? sk : null;
  if (show.timers && tcp) {
    const t = tcp.timerInfo();
    if (t) out += ` timer:(${t.name},${timerText(t.left)},${t.retries})`;
  }
  if (show.extended) {
    const gone = tcp?.state === 'TIME_WAIT';
    if (sk.uid !== 0 && !gone) out += ` uid:${sk.uid}`;
    out += ` ino:${gone ? 0 : sk.inode} sk:${(sk.inode & 0xfffff).toString(16)}`;
    if (!gone) {
      out += ' cgroup:/';
      const state = stateOf(sk)[0];
      if (sk.family === 6 && sk.kind !== 'packet' && (state === 'listening' || state === 'closed'))
        out += ` v6only:${sk.opt.v6only ? 1 : 0}`;
      if (sk instanceof TcpSocket || sk instanceof UdpSocket) out += ` ${tcp?.finReceived ? '-' : '<'}-${tcp?.writeShutdown ? '-' : '>'}`;
    }
  }
  const inet = sk.kind !== 'unix' && sk.kind !== 'packet' && tcp?.state !== 'TIME_WAIT';
  if (show.tos && inet) {
    const { tos } = sk.opt;
    out += ` tos:${tos ? `0x${tos.toString(16)}` : 0}${sk.family === 6 ? ' tclass:0' : ''} class_id:0`;
  }
  if (show.cgroup && !show.extended && inet) out += ' cgroup:/';
  if (show.sockopt && inet) {
    const flags = [...(tcp ? ['is_icsk'] : []), ...(sk.opt.transparent ? ['transparent'] : []), 'mc_loop', 'mc_all'];
    out += `${show.oneline ? ' ' : '\n\t'}inet-sockopt: ( ${flags.join(' ')})`;
  }
  const more: string[] = [];
  if (show.memory && sk.kind !== 'unix') {
    const q = sk.queues();
    const [rb, tb] = tcp ? [tcp.rcvBuf, tcp.state === 'LISTEN' ? 16_384 : tcp.sndBuf] : [212_992, 212_992];
    more.push(` skmem:(r${tcp?.state === 'LISTEN' ? 0 : q.rx},rb${rb},t0,tb${tb},f0,w${tcp?.state === 'LISTEN' ? 0 : q.tx},o0,bl0,d0)`);
  }
  if (show.info && tcp && tcp.state !== 'TIME_WAIT') more.push(` ${infoOf(p, tcp)}`);
  if (more.length > 0) out += (show.oneline ? '' : '\n\t') + more.join('');
  return out;
}

/** What -i says, as far as the stack keeps it. */
function infoOf(p: Process, sk: TcpSocket): string {
  const parts: string[] = [];
  if (sk.tsOk) parts.push('ts');
  if (sk.sackOk) parts.push('sack');
  parts.push(p.ns.sysctl.get('net.ipv4.tcp_congestion_control') ?? 'cubic');
  if (sk.state === 'LISTEN') return [...parts, 'cwnd:10'].join(' ');
  if (sk.wscaleOk) parts.push(`wscale:${sk.sndWscale},${sk.rcvWscale}`);
  parts.push(`rto:${Math.round(sk.rto / 1000)}`);
  if (sk.backoff > 0) parts.push(`backoff:${sk.backoff}`);
  if (sk.srtt > 0) parts.push(`rtt:${trim(sk.srtt / 1000)}/${trim(sk.mdev / 1000)}`);
  if (sk.ato > 0) parts.push(`ato:${Math.round(sk.ato / 1000)}`);
  parts.push(
    `mss:${sk.mssCache}`,
    `pmtu:${sk.pmtu}`,
    `rcvmss:${sk.rcvMss}`,
    `advmss:${sk.advMss - (sk.tsOk ? 12 : 0)}`,
    `cwnd:${sk.cong.cwnd}`,
  );
  if (Number.isFinite(sk.cong.ssthresh)) parts.push(`ssthresh:${sk.cong.ssthresh}`);
  if (sk.totalRetrans > 0) parts.push(`retrans:0/${sk.totalRetrans}`);
  parts.push(`rcv_space:${sk.rcvSpace}`, `rcv_ssthresh:${sk.rcvSsthresh}`);
  if (Number.isFinite(sk.minRtt)) parts.push(`minrtt:${trim(sk.minRtt / 1000)}`);
  parts.push(`snd_wnd:${sk.sndWnd}`);
  return parts.join(' ');
}

/** printf %g */
function trim(n: number): string {
  return String(Number(n.toPrecision(6)));
}
