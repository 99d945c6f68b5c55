/** ss: sockets of the namespace. Models iproute2 6.1.0 misc/ss.c */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { nameOrAddress } from '../../os/resolver.ts';
import { type Sock, TcpSocket } from '../../os/uapi.ts';
import { formatIp, type IpAddr } from '../../wire/addr.ts';
import { getopt, specs } from '../getopt.ts';

import { FilterError, parseFilter, STATES, type StateName, scanState } from './filter.ts';
import { render } from './render.ts';
import { endsOf, row, type ShowOptions, stateOf, usersOf } from './rows.ts';
import { USAGE } from './usage.ts';

const OPTIONS = specs(
  'n.numeric r.resolve o.options e.extended m.memory p.processes T.threads i.info .tipcinfo s.summary .tos .cgroup b.bpf E.events Z.context ' +
    'z.contexts N:net 4.ipv4 6.ipv6 0.packet t.tcp M.mptcp S.sctp u.udp d.dccp w.raw x.unix .tipc .vsock .xdp f:family K.kill H.no-header O.oneline ' +
    '.inet-sockopt A:query .socket D:diag F:filter a.all l.listening V.version v. h.help',
);

/** Socket tables in the order in which ss goes through them. */
const TABLES = ['netlink', 'packet', 'unix', 'raw', 'udp', 'tcp', 'mptcp', 'dccp', 'sctp', 'vsock', 'tipc', 'xdp'] as const;
type Table = (typeof TABLES)[number];

const QUERY: Record<string, readonly Table[]> = {
  all: TABLES,
  inet: ['tcp', 'udp', 'raw', 'dccp', 'sctp', 'mptcp'],
  tcp: ['tcp'],
  udp: ['udp'],
  raw: ['raw'],
  unix: ['unix'],
  unix_stream: ['unix'],
  unix_dgram: ['unix'],
  unix_seqpacket: [],
  packet: ['packet'],
  packet_raw: ['packet'],
  packet_dgram: ['packet'],
  netlink: ['netlink'],
  dccp: ['dccp'],
  sctp: ['sctp'],
  mptcp: ['mptcp'],
  vsock_stream: ['vsock'],
  vsock_dgram: ['vsock'],
  tipc: ['tipc'],
  xdp: ['xdp'],
};
const FAMILIES: Record<string, readonly Table[]> = {
  inet: ['tcp', 'udp', 'raw'],
  inet6: ['tcp', 'udp', 'raw'],
  unix: ['unix'],
  link: ['packet'],
  netlink: ['netlink'],
  vsock: ['vsock'],
  tipc: ['tipc'],
  xdp: ['xdp'],
};

interface Request {
  tables: Set<Table>;
  families: Set<4 | 6>;
  all: boolean;
  listening: boolean;
  header: boolean;
  summary: boolean;
  kill: boolean;
  /** -E: waits for sockets to go. */
  events: boolean;
  show: ShowOptions;
  filter: string[];
}

function* main(p: Process): Task<number> {
  const parsed = getopt(p.argv.slice(1), OPTIONS, false);
  const r: Request = {
    tables: new Set(),
    families: new Set(),
    all: false,
    listening: false,
    header: true,
    summary: false,
    kill: false,
    events: false,
    filter: [],
    show: {
      numeric: false,
      resolve: false,
      processes: false,
      timers: false,
      extended: false,
      memory: false,
      info: false,
      oneline: false,
      threads: false,
      tos: false,
      cgroup: false,
      sockopt: false,
    },
  };
  const usage = function* (message: string, status: number): Task<number> {
    yield* p.err(message + USAGE);
    return status;
  };
  const unsupported: string[] = [];
  for (const [key, value] of parsed.options) {
    switch (key) {
      case 'help':
        yield* p.out(USAGE);
        return 0;
      case 'version':
      case 'v':
        yield* p.out('ss utility, iproute2-6.1.0\n');
        return 0;
      case 'numeric':
        r.show.numeric = true;
        break;
      case 'resolve':
        r.show.resolve = true;
        break;
      case 'options':
        r.show.timers = true;
        break;
      case 'extended':
        r.show.extended = true;
        r.show.timers = true;
        break;
      case 'memory':
        r.show.memory = true;
        break;
      case 'info':
        r.show.info = true;
        break;
      case 'threads':
        r.show.threads = true;
        r.show.processes = true;
        break;
      case 'processes':
        r.show.processes = true;
        break;
      case 'oneline':
        r.show.oneline = true;
        break;
      case 'all':
        r.all = true;
        break;
      case 'listening':
        r.listening = true;
        break;
      case 'no-header':
        r.header = false;
        break;
      case 'summary':
        r.summary = true;
        break;
      case 'kill':
        r.kill = true;
        break;
      case 'ipv4':
        r.families.add(4);
        break;
      case 'ipv6':
        r.families.add(6);
        break;
      case 'tcp':
      case 'udp':
      case 'raw':
      case 'unix':
      case 'packet':
      case 'mptcp':
      case 'sctp':
      case 'dccp':
      case 'tipc':
      case 'vsock':
      case 'xdp':
        r.tables.add(key);
        break;
      case 'family': {
        const tables = FAMILIES[value];
        if (value === 'help') {
          yield* p.out(USAGE);
          return 0;
        }
        if (!tables) return yield* usage(`ss: "${value}" is invalid family\n`, 255);
        if (value === 'inet') r.families.add(4);
        else if (value === 'inet6') r.families.add(6);
        else for (const t of tables) r.tables.add(t);
        break;
      }
      case 'query':
      case 'socket':
        for (const word of value.split(',')) {
          const tables = QUERY[word];
          if (!tables) return yield* usage(`ss: "${word}" is illegal socket table id\n`, 255);
          for (const t of tables) r.tables.add(t);
        }
        break;
      case 'net': {
        const ns = p.kernel.named.get(value);
        if (!ns) {
          yield* p.err(`Cannot open network namespace "${value}": No such file or directory\n`);
          return 1;
        }
        p.ns = ns;
        break;
      }
      case 'filter': {
        const text = value === '-' ? null : p.readText(value);
        if (text === null) {
          yield* p.err('fopen filter file: No such file or directory\n');
          return 255;
        }
        r.filter.push(...text.split(/\s+/).filter((w) => w !== ''));
        break;
      }
      case 'context':
      case 'contexts':
        yield* p.err('ss: SELinux is not enabled.\n');
        return 1;
      case 'tos':
        r.show.tos = true;
        break;
      case 'cgroup':
        r.show.cgroup = true;
        break;
      case 'inet-sockopt':
        r.show.sockopt = true;
        break;
      case 'bpf':
      case 'tipcinfo':
        break;
      case 'events':
        r.events = true;
        break;
      default:
        unsupported.push(key);
    }
  }
  if (parsed.error) return yield* usage(`ss: ${parsed.error}\n`, 255);
  if (unsupported.length > 0) {
    yield* p.err(`ss: --${unsupported[0]} is not emulated\n`);
    return 255;
  }
  if (r.summary) {
    yield* summary(p);
    if (r.tables.size === 0 && parsed.operands.length === 0) return 0;
  }
  return yield* list(p, r, [...parsed.operands, ...r.filter]);
}

function* list(p: Process, r: Request, words: readonly string[]): Task<number> {
  let states: Set<StateName> | null = null;
  let at = 0;
  while (words[at] === 'state' || words[at] === 'exclude' || words[at] === 'excl') {
    const exclude = words[at] !== 'state';
    const name = words[at + 1];
    if (name === undefined) {
      yield* p.err('Command line is not complete. Try option "help"\n');
      return 255;
    }
    const found = scanState(name);
    if (!found) {
      yield* p.err(`ss: wrong state name: ${name}\n`);
      return 255;
    }
    states ??= new Set(exclude ? STATES : []);
    for (const s of found)
      if (exclude) states.delete(s);
      else states.add(s);
    at += 2;
  }
  let test: ReturnType<typeof parseFilter>;
  try {
    test = parseFilter(words.slice(at), (name) => serviceNumber(p, name));
  } catch (e) {
    if (!(e instanceof FilterError)) throw e;
    yield* p.err(e.message + (e.usage ? USAGE : ''));
    return e.status;
  }
  const chosen = states ?? defaultStates(r);
  const tables = r.tables.size > 0 ? r.tables : new Set<Table>(r.families.size > 0 ? ['raw', 'udp', 'tcp'] : TABLES);
  const users = r.show.processes ? usersOf(p, r.show.threads) : new Map<Sock, string[]>();
  const portName = (port: number, proto: string): string =>
    port === 0 ? '*' : r.show.numeric ? String(port) : (serviceName(p, port, proto) ?? String(port));
  const picked: Sock[] = [];
  for (const table of TABLES) {
    if (!tables.has(table)) continue;
    for (const sk of p.ns.sockets.all) {
      if (sk.kind !== table || (r.kill && sk.kind !== 'tcp')) continue;
      if (r.families.size > 0 && sk.family !== 4 && sk.family !== 6) continue;
      if (r.families.size > 0 && !r.families.has(sk.family as 4 | 6)) continue;
      if (sk.kind === 'tcp' && (sk as TcpSocket).state === 'CLOSE' && sk.local.port === 0) continue;
      if (sk.kind === 'udp' && sk.local.port === 0) continue;
      if (chosen.has(stateOf(sk)[0]) && test(endsOf(sk))) picked.push(sk);
    }
  }
  const hidden = new Set<number>();
  if (tables.size === 1 && !['unix', 'packet', 'vsock'].some((t) => tables.has(t as Table))) hidden.add(0);
  if (chosen.size === 1) hidden.add(1);
  const screen = p.isatty(1) ? (p.winsize(1)?.cols ?? 80) : null;
  if (r.events) {
    // The header waits for the first row.
    let header = r.header;
    const live = (): Set<Sock> => new Set([...p.ns.sockets.all].filter((sk) => sk.kind === 'tcp' && tables.has('tcp') && test(endsOf(sk))));
    for (let known = live(); ; ) {
      yield* p.sleep(EVENT_POLL);
      const now = live();
      const gone = [...known].filter((sk) => !p.ns.sockets.all.has(sk));
      if (gone.length > 0)
        yield* p.out(
          render(
            gone.map((sk) => row(p, sk, r.show, users, portName)),
            hidden,
            header,
            screen,
          ),
        );
      if (gone.length > 0) header = false;
      known = now;
    }
  }
  if (r.kill || r.tables.has('dccp')) yield* p.err('RTNETLINK answers: Invalid argument\n');
  const names = new Map<IpAddr, string>();
  for (const addr of r.show.resolve && !r.show.numeric ? picked.flatMap((sk) => [sk.local.addr, sk.remote?.addr ?? 0]) : []) {
    if (!addr || names.has(addr)) continue;
    const name = yield* nameOrAddress(p, addr);
    if (name !== formatIp(addr)) names.set(addr, name);
  }
  const rows = picked.map((sk) => row(p, sk, r.show, users, portName, names));
  if (r.kill) for (const sk of picked) if (sk instanceof TcpSocket) sk.kill();
  yield* p.out(render(rows, hidden, r.header, screen));
  return 0;
}

/** How often -E looks, µs: the kernel would tell it. */
const EVENT_POLL = 50_000;

/** Without -a and -l only what is connected. */
function defaultStates(r: Request): Set<StateName> {
  if (r.all) return new Set(STATES);
  if (r.listening) return new Set(['listening', 'closed']);
  const still = [...r.tables].filter((t) => t === 'packet' || t === 'netlink' || t === 'xdp').length;
  if (still > 0 && still === r.tables.size) return new Set(['closed']);
  return new Set(STATES.filter((s) => (s !== 'closed' || still > 0) && s !== 'listening' && s !== 'time-wait' && s !== 'syn-recv'));
}

function* summary(p: Process): Task<void> {
  const tcp = p.ns.sockets.tcp();
  const count = (s: TcpSocket['state']): number => tcp.filter((k) => k.state === s).length;
  const kinds = (kind: Sock['kind']): [number, number] => {
    const all = [...p.ns.sockets.all].filter((s) => s.kind === kind && !(s instanceof TcpSocket && s.state === 'TIME_WAIT'));
    const six = all.filter((s) => s.family === 6).length;
    return [all.length - six, six];
  };
  const tw = count('TIME_WAIT');
  const orphans = tcp.filter((s) => s.orphan && s.state !== 'TIME_WAIT').length;
  const total = [...p.ns.sockets.all].filter((s) => !(s instanceof TcpSocket && s.state === 'TIME_WAIT')).length;
  const lines = [
    `Total: ${total}`,
    `TCP:   ${tcp.length} (estab ${count('ESTABLISHED')}, closed ${count('CLOSE') + tw}, orphaned ${orphans}, timewait ${tw})`,
    '',
    'Transport Total     IP        IPv6',
  ];
  const line = (name: string, [four, six]: [number, number]): string =>
    `${name}\t  ${String(four + six).padEnd(9)} ${String(four).padEnd(9)} ${String(six).padEnd(9)}`;
  const [raw, udp, t] = [kinds('raw'), kinds('udp'), kinds('tcp')];
  lines.push(
    line('RAW', raw),
    line('UDP', udp),
    line('TCP', t),
    line('INET', [raw[0] + udp[0] + t[0], raw[1] + udp[1] + t[1]]),
    line('FRAG', [0, 0]),
    '',
  );
  yield* p.out(`${lines.join('\n')}\n`);
}

function serviceNumber(p: Process, name: string): number | null {
  for (const line of (p.readText('/etc/services') ?? '').split('\n')) {
    const [first, port, ...aliases] = (line.split('#')[0] as string).trim().split(/\s+/);
    if (port !== undefined && (first === name || aliases.includes(name))) return Number.parseInt(port, 10);
  }
  return null;
}

function serviceName(p: Process, port: number, proto: string): string | null {
  for (const line of (p.readText('/etc/services') ?? '').split('\n')) {
    const [first, where] = (line.split('#')[0] as string).trim().split(/\s+/);
    if (where === `${port}/${proto}`) return first as string;
  }
  return null;
}

export const ss: Command = { name: 'ss', main };
