/** netstat: sockets, routes, interfaces and groups the old way. Models netstat of net-tools 2.10 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { groups } from '../../os/uapi.ts';
import { interfaces, printInterface, printTable } from '../ifconfig/print.ts';
import { extendedList, fullList, type HostNames, hostNames, list, list6 } from '../route/list.ts';
import { internetHead, internetRows, type SocketOptions, unixTable } from './sockets.ts';
import { statistics, statistics6 } from './statistics.ts';
import { FAMILY_LIST, USAGE, VERSION } from './usage.ts';

const OPTION_ERROR = 3;

const LONG: Readonly<Record<string, string>> = {
  version: 'V',
  interfaces: 'i',
  help: 'h',
  route: 'r',
  masquerade: 'M',
  tcp: 't',
  sctp: 'S',
  udp: 'u',
  udplite: 'U',
  raw: 'w',
  l2cap: '2',
  rfcomm: 'f',
  listening: 'l',
  all: 'a',
  timers: 'o',
  continuous: 'c',
  extend: 'e',
  programs: 'p',
  verbose: 'v',
  statistics: 's',
  wide: 'W',
  numeric: 'n',
  'numeric-hosts': '!',
  'numeric-ports': '@',
  'numeric-users': '#',
  symbolic: 'N',
  cache: 'C',
  fib: 'F',
  groups: 'g',
  context: 'Z',
};

const SHORT = 'CFMacdeghilnNoprsStuUvVWw2fx64Z';

/** Families by name; of the others the kernel has none. */
const FAMILIES = ['inet', 'inet6', 'unix', 'ax25', 'netrom', 'rose', 'ipx', 'appletalk', 'ddp', 'ash', 'econet', 'x25', 'bluetooth'];
const UPPER: Readonly<Record<string, string>> = { ax25: 'AX25', netrom: 'NETROM', rose: 'ROSE', ipx: 'IPX', x25: 'X25' };

interface Options {
  /** How often each letter was given. */
  count: Map<string, number>;
  families: Set<string>;
  /** The last family that was named. */
  family: string;
}

class Stop extends Error {
  readonly status: number;
  readonly text: string;

  constructor(status: number, text: string) {
    super();
    this.status = status;
    this.text = text;
  }
}

function misused(text = ''): Stop {
  return new Stop(OPTION_ERROR, text + USAGE + FAMILY_LIST);
}

function addFamily(o: Options, name: string): void {
  if (!FAMILIES.includes(name)) throw new Stop(1, `Unknown address family \`${name}'.\n`);
  o.families.add(name);
  o.family = name;
}

function readOptions(argv: readonly string[]): Options {
  const o: Options = { count: new Map(), families: new Set(), family: 'inet' };
  const add = (c: string): void => {
    if (c === '4' || c === '6' || c === 'x') addFamily(o, c === '4' ? 'inet' : c === '6' ? 'inet6' : 'unix');
    else if (c === 'Z') throw new Stop(1, 'SELinux is not enabled on this machine.\n');
    else o.count.set(c, (o.count.get(c) ?? 0) + 1);
  };
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word === '--') break;
    if (word.startsWith('--')) {
      const [name, value] = word.slice(2).split('=') as [string, string?];
      if (FAMILIES.includes(name)) addFamily(o, name);
      else if (name === 'protocol') addFamily(o, value ?? argv[++i] ?? '');
      else {
        const exact = LONG[name] ?? Object.entries(LONG).find(([k]) => k.startsWith(name))?.[1];
        if (exact === undefined) throw misused(`netstat: unrecognized option '${word}'\n`);
        add(exact);
      }
    } else if (word.startsWith('-') && word.length > 1) {
      for (let k = 1; k < word.length; k++) {
        const c = word[k] as string;
        if (c === 'A') {
          const value = word.slice(k + 1) || argv[++i];
          if (value === undefined) throw misused("netstat: option requires an argument -- 'A'\n");
          addFamily(o, value);
          break;
        }
        if (c === '?') throw misused();
        if (!SHORT.includes(c)) throw misused(`netstat: invalid option -- '${c}'\n`);
        add(c);
      }
    }
  }
  return o;
}

function* routes(p: Process, o: Options, numeric: boolean): Task<string> {
  if (o.family === 'inet6') return list6(p);
  const extended = o.count.get('e') ?? 0;
  if (o.count.has('C'))
    return `Kernel IP routing cache\nSource          Destination     Gateway         Flags   ${extended === 1 ? 'Metric Ref    Use Iface' : 'MSS Window  irtt Iface'}\n`;
  const names: HostNames = numeric ? new Map() : yield* hostNames(p);
  // -e swaps the two forms: netstat's own has MSS and window, with -e it is that of route.
  return extended === 0 ? extendedList(p, numeric, names) : extended === 1 ? list(p, numeric, names) : fullList(p, numeric, names);
}

function groupTable(p: Process, families: readonly (4 | 6)[]): string {
  let t = 'IPv6/IPv4 Group Memberships\nInterface       RefCnt Group\n--------------- ------ ---------------------\n';
  for (const family of families) {
    for (const dev of p.ns.devices.values()) {
      const g = groups(dev);
      for (const address of family === 4 ? g.inet : g.inet6)
        t += `${dev.name.padEnd(15)} ${String(g.users.get(address) ?? 1).padEnd(6)} ${address}\n`;
    }
  }
  return t;
}

function* socketTables(p: Process, o: Options): Task<number> {
  const has = (c: string): boolean => o.count.has(c);
  const inet = o.families.has('inet');
  const inet6 = o.families.has('inet6');
  const named = [...'tSuUw'].filter(has);
  const everyProtocol = named.length === 0 && (inet || inet6);
  const others = [...o.families].filter((f) => !['inet', 'inet6'].includes(f));
  const nothing = named.length === 0 && !everyProtocol && others.length === 0 && !has('g') && !has('2') && !has('f');
  const show = (c: string): boolean => nothing || everyProtocol || has(c);
  const numeric = has('n');
  const families: (4 | 6)[] = inet && !inet6 ? [4] : inet6 && !inet ? [6] : [4, 6];
  const so: SocketOptions = {
    all: has('a'),
    listening: has('l'),
    numericHosts: numeric || has('!'),
    numericPorts: numeric || has('@'),
    numericUsers: numeric || has('#'),
    wide: has('W'),
    extended: has('e'),
    programs: has('p'),
    timers: has('o'),
    families,
  };
  if (nothing || everyProtocol || named.length > 0) yield* p.out(internetHead(so));
  if (show('t')) yield* p.out(yield* internetRows(p, 'tcp', so));
  if (has('S') && !nothing && !everyProtocol) throw new Stop(1, "netstat: no support for `AF INET (sctp)' on this system.\n");
  if (show('u')) yield* p.out(yield* internetRows(p, 'udp', so));
  if (show('w')) yield* p.out(yield* internetRows(p, 'raw', so));
  if (has('g')) yield* p.out(groupTable(p, families));
  if (nothing || o.families.has('unix')) yield* p.out(unixTable(p, so));
  for (const f of others) if (UPPER[f]) throw new Stop(1, `netstat: no support for \`AF ${UPPER[f]}' on this system.\n`);
  if (has('2') || has('f'))
    throw new Stop(
      1,
      "netstat: feature `AF BLUETOOTH' not supported.\nPlease recompile `net-tools' with newer kernel source or full configuration.\n",
    );
  return 0;
}

function* once(p: Process, o: Options): Task<number> {
  const numeric = o.count.has('n');
  if (o.count.has('r')) {
    yield* p.out(yield* routes(p, o, numeric || o.count.has('!')));
    return 0;
  }
  if (o.count.has('i')) {
    const shown = interfaces(p.ns.devices.values()).filter((s) => o.count.has('a') || s.dev.up);
    yield* p.out(`Kernel Interface table\n${o.count.has('e') ? shown.map(printInterface).join('') : printTable(shown, 'netstat')}`);
    return 0;
  }
  return yield* socketTables(p, o);
}

function* run(p: Process): Task<number> {
  const o = readOptions(p.argv.slice(1));
  if (o.count.has('h')) {
    // The usage waits in a buffer unless it goes to a terminal.
    if (p.isatty(1)) yield* p.out(USAGE);
    yield* p.err(FAMILY_LIST);
    if (!p.isatty(1)) yield* p.out(USAGE);
    return 0;
  }
  if (o.count.has('V')) {
    yield* p.out(VERSION);
    return 0;
  }
  if ([...'irMs'].filter((c) => o.count.has(c)).length > 1) throw misused();
  if (o.count.has('M')) throw new Stop(1, "netstat: no support for `ip_masquerade' on this system.\n");
  if (o.count.has('s')) {
    const only = new Set((['raw', 'tcp', 'udp'] as const).filter((name) => o.count.has(name[0] === 'r' ? 'w' : (name[0] as string))));
    if (o.family === 'inet6') {
      yield* p.out(statistics6(p.readText('/proc/net/snmp6') ?? '', p.readText('/proc/net/snmp') ?? '', only));
      return 0;
    }
    yield* p.out(statistics([p.readText('/proc/net/snmp') ?? '', p.readText('/proc/net/netstat') ?? ''], only));
    return 0;
  }
  for (;;) {
    const status = yield* once(p, o);
    if (status !== 0 || !o.count.has('c')) return status;
    yield* p.sleep(1_000_000);
  }
}

function* main(p: Process): Task<number> {
  try {
    return yield* run(p);
  } catch (e) {
    if (!(e instanceof Stop)) throw e;
    yield* p.err(e.text);
    return e.status;
  }
}

export const netstat: Command = { name: 'netstat', main };
