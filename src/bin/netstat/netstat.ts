/** netstat: sockets, routes and interfaces the old way. Models netstat of net-tools 2.10 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { type Sock, shownAddr, TcpSocket, UnixSocket } from '../../os/uapi.ts';
import { formatIp, type IpAddr } from '../../wire/addr.ts';
import { interfaces, printInterface, printTable } from '../ifconfig/print.ts';
import { extendedList, hostNames } from '../route/list.ts';
import { usersOf } from '../ss/rows.ts';
import { statistics } from './statistics.ts';

const USAGE = `usage: netstat [-vWeenNcCF] [<Af>] -r         netstat {-V|--version|-h|--help}
       netstat [-vWnNcaeol] [<Socket> ...]
       netstat { [-vWeenNac] -i | [-cnNe] -M | -s [-6tuw] }

        -r, --route              display routing table
        -i, --interfaces         display interface table
        -g, --groups             display multicast group memberships
        -s, --statistics         display networking statistics (like SNMP)
        -M, --masquerade         display masqueraded connections

        -v, --verbose            be verbose
        -W, --wide               don't truncate IP addresses
        -n, --numeric            don't resolve names
        --numeric-hosts          don't resolve host names
        --numeric-ports          don't resolve port names
        --numeric-users          don't resolve user names
        -N, --symbolic           resolve hardware names
        -e, --extend             display other/more information
        -p, --programs           display PID/Program name for sockets
        -o, --timers             display timers
        -c, --continuous         continuous listing

        -l, --listening          display listening server sockets
        -a, --all                display all sockets (default: connected)
        -F, --fib                display Forwarding Information Base (default)
        -C, --cache              display routing cache instead of FIB
        -Z, --context            display SELinux security context for sockets

  <Socket>={-t|--tcp} {-u|--udp} {-U|--udplite} {-S|--sctp} {-w|--raw}
           {-x|--unix} --ax25 --ipx --netrom
  <AF>=Use '-6|-4' or '-A <af>' or '--<af>'; default: inet
  List of possible address families (which support routing):
    inet (DARPA Internet) inet6 (IPv6) ax25 (AMPR AX.25) 
    netrom (AMPR NET/ROM) rose (AMPR ROSE) ipx (Novell IPX) 
    ddp (Appletalk DDP) x25 (CCITT X.25) 
`;

const LONG: Readonly<Record<string, string>> = {
  route: 'r',
  interfaces: 'i',
  groups: 'g',
  statistics: 's',
  verbose: 'v',
  wide: 'W',
  numeric: 'n',
  'numeric-hosts': 'n',
  'numeric-ports': 'n',
  'numeric-users': 'n',
  extend: 'e',
  programs: 'p',
  timers: 'o',
  listening: 'l',
  all: 'a',
  tcp: 't',
  udp: 'u',
  raw: 'w',
  unix: 'x',
  inet: '4',
  inet6: '6',
  help: 'h',
  version: 'V',
};

const KNOWN = new Set([...'rigsvWneoplatuwx46hVNcF']);

/** The options by letter, or what is wrong with them. */
function letters(argv: readonly string[]): Set<string> | string {
  const set = new Set<string>();
  for (const word of argv) {
    const found = word.startsWith('--') ? [LONG[word.slice(2)] ?? '?'] : word.startsWith('-') ? [...word.slice(1)] : ['?'];
    for (const c of found) {
      if (!KNOWN.has(c))
        return word.startsWith('--') ? `netstat: unrecognized option '${word}'\n` : c === '?' ? '' : `netstat: invalid option -- '${c}'\n`;
      set.add(c);
    }
  }
  return set;
}

/** netstat's own names for TCP states. */
const STATES: Readonly<Record<TcpSocket['state'], string>> = {
  ESTABLISHED: 'ESTABLISHED',
  SYN_SENT: 'SYN_SENT',
  SYN_RECV: 'SYN_RECV',
  FIN_WAIT1: 'FIN_WAIT1',
  FIN_WAIT2: 'FIN_WAIT2',
  TIME_WAIT: 'TIME_WAIT',
  CLOSE: 'CLOSE',
  CLOSE_WAIT: 'CLOSE_WAIT',
  LAST_ACK: 'LAST_ACK',
  LISTEN: 'LISTEN',
  CLOSING: 'CLOSING',
};

function end(sk: Sock, addr: IpAddr, port: string): string {
  const shown = sk.family === 6 ? addr : shownAddr(sk, addr);
  const text = `${typeof shown === 'bigint' && shown === 0n ? '::' : formatIp(shown)}`;
  return `${text.slice(0, 23 - port.length - 1)}:${port}`;
}

function program(users: readonly string[] | undefined): string {
  const m = /^\("(.*)",pid=(\d+),/.exec(users?.[0] ?? '');
  return m ? `${m[2]}/${m[1]}` : '-';
}

function isServer(sk: Sock): boolean {
  return sk instanceof TcpSocket ? sk.state === 'LISTEN' : sk.remote === null;
}

function socketTable(p: Process, o: Set<string>): string {
  const protos = [...'tuw'].filter((c) => o.has(c));
  const kinds = protos.length > 0 ? protos : o.has('x') ? [] : [...'tuw'];
  const names: Record<string, string> = { t: 'tcp', u: 'udp', w: 'raw' };
  const which = o.has('a') ? 'servers and established' : o.has('l') ? 'only servers' : 'w/o servers';
  const users = o.has('p') ? usersOf(p) : new Map<Sock, string[]>();
  const families = o.has('4') && !o.has('6') ? [4] : o.has('6') && !o.has('4') ? [6] : [4, 6];
  let t = '';
  if (kinds.length > 0) {
    t += `Active Internet connections (${which})\nProto Recv-Q Send-Q Local Address           Foreign Address         State      ${o.has('p') ? ' PID/Program name    ' : ''}\n`;
  }
  for (const kind of kinds) {
    for (const family of families) {
      for (const sk of p.ns.sockets.all) {
        if (sk.kind !== names[kind] || sk.family !== family) continue;
        if (sk instanceof TcpSocket && sk.state === 'CLOSE') continue;
        if (!o.has('a') && isServer(sk) !== o.has('l')) continue;
        t += socketLine(sk, o, users);
      }
    }
  }
  if (kinds.length === 3 || o.has('x')) t += unixTable(p, o, which);
  return t;
}

function socketLine(sk: Sock, o: Set<string>, users: Map<Sock, string[]>): string {
  const q = sk.queues();
  const listening = sk instanceof TcpSocket && sk.state === 'LISTEN';
  const zero: IpAddr = sk.family === 6 ? 0n : 0;
  const local = end(sk, sk.local.addr, String(sk.kind === 'raw' ? sk.proto : sk.local.port));
  const remote = end(sk, sk.remote?.addr ?? zero, sk.remote && sk.remote.port !== 0 ? String(sk.remote.port) : '*');
  const state = sk instanceof TcpSocket ? STATES[sk.state] : sk.kind === 'raw' ? '7' : sk.remote ? 'ESTABLISHED' : '';
  const proto = `${sk.kind}${sk.family === 6 ? '6' : ''}`;
  const line = `${proto.padEnd(5)} ${String(q.rx).padStart(6)} ${String(listening ? 0 : q.tx).padStart(6)} ${local.padEnd(23)} ${remote.padEnd(23)} ${state.padEnd(11)}`;
  return `${line}${o.has('p') ? ` ${program(users.get(sk)).slice(0, 19).padEnd(20)}` : ''}\n`;
}

function unixTable(p: Process, o: Set<string>, which: string): string {
  let t = `Active UNIX domain sockets (${which})\nProto RefCnt Flags       Type       State         I-Node   Path\n`;
  for (const sk of p.ns.sockets.all) {
    if (!(sk instanceof UnixSocket)) continue;
    const listening = sk.state === 'LISTEN';
    if (!o.has('a') && listening !== o.has('l')) continue;
    const state = listening ? 'LISTENING' : sk.state === 'ESTABLISHED' ? 'CONNECTED' : '';
    t += `unix  ${String(listening ? 2 : 3).padEnd(6)} ${(listening ? '[ ACC ]' : '[ ]').padEnd(11)} ${(sk.type === 'stream' ? 'STREAM' : 'DGRAM').padEnd(10)} ${state.padEnd(13)} ${String(sk.inode).padEnd(8)} ${sk.name ?? ''}\n`;
  }
  return t;
}

function* main(p: Process): Task<number> {
  const o = letters(p.argv.slice(1));
  if (typeof o === 'string') {
    yield* p.err(o + USAGE);
    return 3;
  }
  if (o.has('h')) {
    yield* p.err(USAGE);
    return 0;
  }
  if (o.has('V')) {
    yield* p.out('net-tools 2.10\n');
    return 0;
  }
  if (o.has('s')) {
    const only = new Set((['raw', 'tcp', 'udp'] as const).filter((name) => o.has(name[0] === 'r' ? 'w' : (name[0] as string))));
    yield* p.out(statistics([p.readText('/proc/net/snmp') ?? '', p.readText('/proc/net/netstat') ?? ''], only));
    return 0;
  }
  if (o.has('g')) {
    yield* p.err('netstat: -g is not emulated\n');
    return 1;
  }
  let out: string;
  if (o.has('r')) out = extendedList(p, o.has('n'), o.has('n') ? new Map() : yield* hostNames(p));
  else if (o.has('i')) {
    const list = interfaces(p.ns.devices.values()).filter((s) => o.has('a') || s.dev.up);
    out = `Kernel Interface table\n${o.has('e') ? list.map(printInterface).join('') : printTable(list, 'netstat')}`;
  } else out = socketTable(p, o);
  yield* p.out(out);
  return 0;
}

export const netstat: Command = { name: 'netstat', main };
