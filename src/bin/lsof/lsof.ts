/** lsof: open files of processes, above all their sockets. Models lsof 4.95; executables and libraries in memory are not listed */

import type { Process, Task } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { type Sock, shownAddr, TcpSocket, UnixSocket } from '../../os/uapi.ts';
import { formatIp, type IpAddr } from '../../wire/addr.ts';
import { Names } from './names.ts';

const USAGE = `lsof 4.95.0
 latest revision: https://github.com/lsof-org/lsof
 latest FAQ: https://github.com/lsof-org/lsof/blob/master/00FAQ
 latest (non-formatted) man page: https://github.com/lsof-org/lsof/blob/master/Lsof.8
 usage: [-?abhKlnNoOPRtUvVX] [+|-c c] [+|-d s] [+D D] [+|-E] [+|-e s] [+|-f[gG]]
 [-F [f]] [-g [s]] [-i [i]] [+|-L [l]] [+m [m]] [+|-M] [-o [o]] [-p s]
 [+|-r [t]] [-s [p:s]] [-S [t]] [-T [t]] [-u s] [+|-w] [-x [fl]] [--] [names]
Use the \`\`-h'' option to get more help information.
`;

/** One line, as text and as the fields of -F. */
interface Row {
  readonly q: Process;
  readonly fd: string;
  readonly mode: string;
  readonly type: string;
  readonly device: string;
  readonly size: string;
  readonly node: string;
  readonly name: string;
  readonly sock: Sock | null;
  readonly path: string;
}

/** `[46][tcp|udp][@host][:ports]` of -i. */
interface Internet {
  readonly family: 4 | 6 | null;
  readonly proto: 'tcp' | 'udp' | null;
  readonly host: IpAddr | null;
  readonly ports: readonly (readonly [number, number])[];
}

interface Options {
  internet: Internet[];
  unix: boolean;
  and: boolean;
  numericHosts: boolean;
  numericPorts: boolean;
  terse: boolean;
  fields: string | null;
  commands: string[];
  pids: number[] | null;
  users: number[] | null;
  states: { proto: string; states: string[]; negated: boolean }[];
  parent: boolean;
  files: string[];
}

class Wrong extends Error {}

function parse(p: Process, args: readonly string[], names: Names): Options {
  const o: Options = {
    internet: [],
    unix: false,
    and: false,
    numericHosts: false,
    numericPorts: false,
    terse: false,
    fields: null,
    commands: [],
    pids: null,
    users: null,
    states: [],
    parent: false,
    files: [],
  };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (!arg.startsWith('-') || arg === '-') {
      o.files.push(arg);
      continue;
    }
    for (let j = 1; j < arg.length; j++) {
      const c = arg[j] as string;
      const rest = arg.slice(j + 1);
      /** The rest of the word, or the next word when `needed` or when it looks like a value. */
      const value = (needed: boolean, looks: RegExp): string => {
        if (rest !== '') {
          j = arg.length;
          return rest;
        }
        const next = args[i + 1];
        if (next !== undefined && (needed || looks.test(next)) && !next.startsWith('-')) {
          i++;
          return next;
        }
        if (needed) throw new Wrong(`lsof: missing or illegal argument for -${c}\n${USAGE}`);
        return '';
      };
      if (c === 'i') o.internet.push(internet(value(false, /^([46]|tcp|udp|TCP|UDP|@|:)/), names));
      else if (c === 'n') o.numericHosts = true;
      else if (c === 'P') o.numericPorts = true;
      else if (c === 't') o.terse = true;
      else if (c === 'a') o.and = true;
      else if (c === 'U') o.unix = true;
      else if (c === 'R') o.parent = true;
      else if ('lbwOVX'.includes(c)) continue;
      else if (c === 'F') o.fields = value(false, /^[a-zA-Z0]+$/) || 'cfLnptu';
      else if (c === 'c') o.commands.push(value(true, /./));
      else if (c === 'p') o.pids = value(true, /./).split(',').map(Number);
      else if (c === 'u')
        o.users = value(true, /./)
          .split(',')
          .map((u) => (/^\d+$/.test(u) ? Number(u) : (p.machine.users(p).find((x) => x.name === u)?.uid ?? -1)));
      else if (c === 's') {
        const [proto = '', list = ''] = value(true, /./).split(':');
        o.states.push({
          proto: proto.toUpperCase(),
          states: list.replace(/\^/g, '').toUpperCase().split(','),
          negated: list.startsWith('^'),
        });
      } else if ('dDeEfgKLmMNorSTxZ'.includes(c)) throw new Wrong(`lsof: -${c} is not emulated\n`);
      else if (c === 'h' || c === '?') throw new Wrong(USAGE);
      else if (c === 'v') throw new Wrong('lsof version information:\n    revision: 4.95.0\n');
      else throw new Wrong(`lsof: illegal option character: ${c}\n${USAGE}`);
    }
  }
  return o;
}

function internet(text: string, names: Names): Internet {
  const m = /^([46])?(tcp|udp|TCP|UDP)?(?:@([^:]+|\[[^\]]+\]))?(?::(.+))?$/.exec(text);
  if (!m) throw new Wrong(`lsof: unacceptable Internet address: -i ${text}\n${USAGE}`);
  const host = m[3] === undefined ? null : names.address(m[3].replace(/[[\]]/g, ''));
  if (host === undefined) throw new Wrong(`lsof: unknown host name (${m[3]}) in: -i ${text}\n${USAGE}`);
  const ports = (m[4] ?? '')
    .split(',')
    .filter(Boolean)
    .map((w) => {
      const range = /^(\d+)(?:-(\d+))?$/.exec(w);
      if (range) return [Number(range[1]), Number(range[2] ?? range[1])] as const;
      const port = names.port(w);
      if (port === null) throw new Wrong(`lsof: unknown service ${w} in: -i ${text}\n${USAGE}`);
      return [port, port] as const;
    });
  return { family: m[1] ? (Number(m[1]) as 4 | 6) : null, proto: m[2] ? (m[2].toLowerCase() as 'tcp' | 'udp') : null, host, ports };
}

const STATES: Partial<Record<TcpSocket['state'], string>> = { SYN_RECV: 'SYN_RECV', CLOSE: 'CLOSE' };

function socketRow(sk: Sock, o: Options, names: Names): Pick<Row, 'type' | 'device' | 'size' | 'node' | 'name'> {
  if (sk instanceof UnixSocket) {
    const kind = sk.type === 'stream' ? 'STREAM' : sk.type === 'dgram' ? 'DGRAM' : 'SEQPACKET';
    const state = sk.state === 'LISTEN' ? ' (LISTEN)' : sk.state === 'ESTABLISHED' ? ' (CONNECTED)' : '';
    const device = `0x${sk.inode.toString(16).padStart(16, '0')}`;
    return { type: 'unix', device, size: '0t0', node: String(sk.inode), name: `${sk.name ? `${sk.name} ` : ''}type=${kind}${state}` };
  }
  const proto = sk.kind === 'packet' ? 'pack' : sk.kind;
  if (proto === 'pack') return { type: 'pack', device: String(sk.inode), size: '0t0', node: 'ALL', name: 'type=SOCK_RAW' };
  const end = (addr: IpAddr, port: number): string => {
    const shown = shownAddr(sk, addr);
    const any = shown === 0 || shown === 0n;
    const host = any ? '*' : typeof shown === 'number' ? names.host(shown, o.numericHosts) : `[${formatIp(shown)}]`;
    return `${host}:${port === 0 ? '*' : names.service(port, proto, o.numericPorts)}`;
  };
  let name = end(sk.local.addr, sk.local.port);
  if (sk.remote) name += `->${end(sk.remote.addr, sk.remote.port)}`;
  if (sk instanceof TcpSocket) name += ` (${STATES[sk.state] ?? sk.state})`;
  else name += ' ';
  return { type: sk.family === 6 ? 'IPv6' : 'IPv4', device: String(sk.inode), size: '0t0', node: proto.toUpperCase(), name };
}

function rows(p: Process, o: Options, names: Names): Row[] {
  const out: Row[] = [];
  for (const q of p.visible()) {
    const add = (
      fd: string,
      mode: string,
      rest: Pick<Row, 'type' | 'device' | 'size' | 'node' | 'name'>,
      sock: Sock | null,
      path = '',
    ): void => {
      out.push({ q, fd, mode, sock, path, ...rest });
    };
    const file = (path: string): Pick<Row, 'type' | 'device' | 'size' | 'node' | 'name'> => {
      const st = p.stat(path);
      const kind = st.ok ? st.value.kind : 'file';
      const type = kind === 'dir' ? 'DIR' : kind === 'char' ? 'CHR' : kind === 'fifo' ? 'FIFO' : 'REG';
      return {
        type,
        device: st.ok && st.value.rdev ? st.value.rdev.join(',') : '254,0',
        size: kind === 'char' || kind === 'fifo' ? '0t0' : String(st.ok ? st.value.size : 0),
        node: String(st.ok ? st.value.ino : 0),
        name: path,
      };
    };
    add('cwd', '', file(q.cwd), null, q.cwd);
    add('rtd', '', file('/'), null, '/');
    if (q.exe) add('txt', '', file(q.exe), null, q.exe);
    for (const [fd, open] of [...q.fds].sort((a, b) => a[0] - b[0])) {
      const sock = (open as { sock?: Sock }).sock;
      if (sock) add(String(fd), 'u', socketRow(sock, o, names), sock);
      else if (open.kind === 'pipe')
        add(
          String(fd),
          open.name.endsWith('[1]') ? 'w' : 'r',
          { type: 'FIFO', device: '0,14', size: '0t0', node: /\d+/.exec(open.name)?.[0] ?? '0', name: 'pipe' },
          null,
        );
      else add(String(fd), 'u', file(open.name), null, open.name);
    }
  }
  return out;
}

function wanted(o: Options, r: Row): boolean {
  const tests: boolean[] = [];
  const sk = r.sock;
  if (o.internet.length > 0)
    tests.push(
      sk !== null &&
        !(sk instanceof UnixSocket) &&
        sk.kind !== 'packet' &&
        o.internet.some((i) => {
          const ends = [sk.local, ...(sk.remote ? [sk.remote] : [])];
          return (
            (i.family === null || i.family === sk.family) &&
            (i.proto === null || i.proto === sk.kind) &&
            (i.host === null || ends.some((e) => shownAddr(sk, e.addr) === i.host)) &&
            (i.ports.length === 0 || ends.some((e) => i.ports.some(([a, b]) => e.port >= a && e.port <= b)))
          );
        }),
    );
  if (o.unix) tests.push(sk instanceof UnixSocket);
  if (o.commands.length > 0) tests.push(o.commands.some((c) => r.q.name.startsWith(c)));
  if (o.pids) tests.push(o.pids.includes(r.q.pid));
  if (o.users) tests.push(o.users.includes(r.q.uid));
  if (o.files.length > 0) tests.push(o.files.includes(r.path));
  const chosen = tests.length === 0 || (o.and ? tests.every(Boolean) : tests.some(Boolean));
  if (!chosen) return false;
  return o.states.every((s) => {
    if (!sk || r.node !== s.proto) return true;
    const state = sk instanceof TcpSocket ? (STATES[sk.state] ?? sk.state) : 'IDLE';
    return s.states.includes(state) !== s.negated;
  });
}

function* main(p: Process): Task<number> {
  const names = new Names(p);
  let o: Options;
  try {
    o = parse(p, p.argv.slice(1), names);
  } catch (e) {
    if (!(e instanceof Wrong)) throw e;
    yield* p.err(e.message);
    return 1;
  }
  for (const path of o.files) {
    const st = p.stat(path);
    if (st.ok) continue;
    yield* p.err(`lsof: status error on ${path}: No such file or directory\n`);
    return 1;
  }
  const list = rows(p, o, names).filter((r) => wanted(o, r));
  if (list.length === 0) return 1;
  if (o.terse) {
    yield* p.out([...new Set(list.map((r) => p.pidOf(r.q)))].map((pid) => `${pid}\n`).join(''));
    return 0;
  }
  const user = (q: Process): string => p.machine.users(p).find((u) => u.uid === q.uid)?.name ?? String(q.uid);
  if (o.fields !== null) {
    let last = -1;
    for (const r of list) {
      if (r.q.pid !== last) {
        last = r.q.pid;
        yield* p.out(`p${last}\n`);
        if (o.fields.includes('R')) yield* p.out(`R${r.q.ppid}\n`);
        if (o.fields.includes('c')) yield* p.out(`c${r.q.name}\n`);
        if (o.fields.includes('u')) yield* p.out(`u${r.q.uid}\n`);
        if (o.fields.includes('L')) yield* p.out(`L${user(r.q)}\n`);
      }
      yield* p.out(`f${r.fd}\n`);
      if (o.fields.includes('t')) yield* p.out(`t${r.type}\n`);
      if (o.fields.includes('P') && r.sock) yield* p.out(`P${r.node}\n`);
      if (o.fields.includes('n')) yield* p.out(`n${r.name.replace(/ \([A-Z_]+\)$|\s+$/, '')}\n`);
    }
    return 0;
  }
  const width = (head: string, of: (r: Row) => string): number => Math.max(head.length, ...list.map((r) => of(r).length));
  const device = width('DEVICE', (r) => r.device);
  const size = width('SIZE/OFF', (r) => r.size);
  const node = width('NODE', (r) => r.node);
  const type = width('TYPE', (r) => r.type);
  const pid = Math.max(5, ...list.map((r) => String(p.pidOf(r.q)).length));
  const name = Math.max(7, ...list.map((r) => Math.min(9, r.q.name.length)));
  const line = (cells: readonly string[]): string => {
    const [c, n, parent, u, f, t, d, s, o2, rest] = cells as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    return `${c.slice(0, 9).padEnd(name)} ${n.padStart(pid)}${o.parent ? ` ${parent.padStart(5)}` : ''} ${u.padStart(4)} ${f.padEnd(6)} ${t.padStart(type)} ${d.padStart(device)} ${s.padStart(size)} ${o2.padStart(node)} ${rest}\n`;
  };
  yield* p.out(line(['COMMAND', 'PID', 'PPID', 'USER', '  FD ', 'TYPE', 'DEVICE', 'SIZE/OFF', 'NODE', 'NAME']));
  for (const r of list)
    yield* p.out(
      line([
        r.q.name,
        String(p.pidOf(r.q)),
        String(r.q.ppid),
        user(r.q),
        r.fd.padStart(4) + (r.mode || ' '),
        r.type,
        r.device,
        r.size,
        r.node,
        r.name,
      ]),
    );
  return 0;
}

export const lsof: Command = { name: 'lsof', main };
