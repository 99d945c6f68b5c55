/** birdc: asks a running bird. Models BIRD 2.0.12 client/ and nest/ */

import type { Process, Task } from '../../../os/process.ts';
import type { Command } from '../../../os/program.ts';
import { SEC } from '../../../sim/sim.ts';
import { formatIp4, inPrefix, parseIp4 } from '../../../wire/addr.ts';
import { type Capability, FOUR_OCTETS, MULTIPROTOCOL } from '../bgp/message.ts';
import type { Session } from '../bgp/session.ts';
import { type Bird, birdAt, CAPABILITIES, type Peering, type Rte, readConfig, SOCKET_PATH, VERSION } from './bird.ts';
import type { BgpProtocol, Protocol } from './config.ts';

const ORIGINS = ['IGP', 'EGP', 'Incomplete'];

/** Seconds with three digits. */
const seconds = (us: number): string => (Math.max(0, us) / SEC).toFixed(3);

const isoOf = (p: Process, us: number): string => new Date(p.sim.epochMs + Math.floor(us / 1000)).toISOString();
const clock = (p: Process, us: number): string => isoOf(p, us).slice(11, 23);
const dated = (p: Process, us: number): string => isoOf(p, us).replace('T', ' ').slice(0, 23);

// ---- protocols

const HEADING = 'Name       Proto      Table      State  Since         Info\n';
const KINDS = { device: 'Device', kernel: 'Kernel', bgp: 'BGP' } as const;

function line(bird: Bird, proto: Protocol): string {
  const session = bird.peerings.get(proto.name)?.session;
  const off = bird.disabled.has(proto.name);
  let state = 'up';
  let info = '';
  let since = bird.since.get(proto.name) ?? bird.booted;
  if (off) state = 'down';
  else if (proto.kind === 'bgp') {
    state = session?.state === 'Established' ? 'up' : 'start';
    info = `${(session?.state ?? 'Idle').padEnd(14)}${session?.error ?? ''}`;
    since = Math.max(since, session?.since ?? 0);
  }
  const table = proto.kind === 'kernel' ? 'master4' : '---';
  return `${proto.name.padEnd(10)} ${KINDS[proto.kind].padEnd(10)} ${table.padEnd(10)} ${state.padEnd(6)} ${clock(bird.p, since).padEnd(12)}  ${info}\n`;
}

const CAPABILITY_NAMES: Readonly<Record<number, string>> = {
  2: 'Route refresh',
  64: 'Graceful restart',
  70: 'Enhanced refresh',
  71: 'Long-lived graceful restart',
};

function capabilities(list: readonly Capability[]): string {
  const has = (code: number): boolean => list.some((c) => c.code === code);
  const families = list.filter((c) => c.code === MULTIPROTOCOL).map((c) => (c.value[1] === 2 ? 'ipv6' : 'ipv4'));
  const out = families.length > 0 ? ['Multiprotocol', `  AF announced: ${families.join(' ')}`] : [];
  for (const code of [2, 64]) if (has(code)) out.push(CAPABILITY_NAMES[code] as string);
  if (has(FOUR_OCTETS)) out.push('4-octet AS numbers');
  for (const code of [70, 71]) if (has(code)) out.push(CAPABILITY_NAMES[code] as string);
  return out.map((x) => `      ${x}\n`).join('');
}

const field = (name: string, value: string): string => `    ${`${name}:`.padEnd(18)}${value}\n`;

function counts(label: string, list: readonly (number | null)[]): string {
  return `      ${`${label}:`.padEnd(19)}${list.map((n) => (n === null ? '---' : String(n)).padStart(11)).join('')}\n`;
}

interface Channel {
  readonly up: boolean;
  readonly preference: number;
  readonly imports: boolean;
  readonly exports: boolean;
  readonly routes: readonly [number, number, number];
  readonly updates: readonly (readonly (number | null)[])[];
}

function channel(c: Channel): string {
  let out = '  Channel ipv4\n';
  const put = (name: string, value: string): void => {
    out += `    ${`${name}:`.padEnd(16)}${value}\n`;
  };
  put('State', c.up ? 'UP' : 'DOWN');
  put('Table', 'master4');
  put('Preference', String(c.preference));
  put('Input filter', c.imports ? 'ACCEPT' : 'REJECT');
  put('Output filter', c.exports ? 'ACCEPT' : 'REJECT');
  if (!c.up) return out;
  put('Routes', `${c.routes[0]} imported, ${c.routes[1]} exported, ${c.routes[2]} preferred`);
  out += '    Route change stats:     received   rejected   filtered    ignored   accepted\n';
  const labels = ['Import updates', 'Import withdraws', 'Export updates', 'Export withdraws'];
  return out + c.updates.map((list, i) => counts(labels[i] as string, list)).join('');
}

function timers(bird: Bird, session: Session, proto: BgpProtocol): string {
  const { now } = bird.p.sim;
  let out = '';
  if (session.state === 'Active') out += field('Connect delay', `0.000/${proto.connectDelay}`);
  if (session.errorUntil > now) out += field('Error wait', `${seconds(session.errorUntil - now)}/${proto.errorWait}`);
  return out;
}

function bgpDetails(bird: Bird, peering: Peering): string {
  const { proto, session, stats } = peering;
  const { now } = bird.p.sim;
  const up = session?.state === 'Established';
  let out = proto.description === '' ? '' : `  Description:    ${proto.description}\n`;
  out += `  BGP state:          ${session?.state ?? 'Idle'}\n`;
  out +=
    field('Neighbor address', formatIp4(proto.neighbor ?? 0)) +
    field('Neighbor AS', String(proto.peerAs)) +
    field('Local AS', String(proto.as));
  if (session && up && session.open) {
    out += field('Neighbor ID', formatIp4(session.open.id));
    out += `    Local capabilities\n${capabilities(CAPABILITIES)}    Neighbor capabilities\n${capabilities(session.open.capabilities)}`;
    out += field('Session', session.open.capabilities.some((c) => c.code === FOUR_OCTETS) ? 'external AS4' : 'external');
    out += field('Source address', formatIp4(session.own));
    if (session.hold > 0) {
      out += field('Hold timer', `${seconds(session.holdUntil - now)}/${session.hold}`);
      out += field('Keepalive timer', `${seconds(session.keepaliveAt - now)}/${Math.floor(session.hold / 3)}`);
    }
  } else if (session) {
    out += timers(bird, session, proto);
    if (session.error !== '') out += field('Last error', session.error);
  }
  if (!proto.channel) return out;
  const all = bird.routes();
  const mine = all.flat().filter((r) => r.from === peering).length;
  const best = all.filter((r) => r[0]?.from === peering).length;
  const received = session?.updates ?? { received: 0, withdraws: 0 };
  out += channel({
    up,
    preference: 100,
    imports: proto.imports === true,
    exports: false,
    routes: [mine, 0, best],
    updates: [
      [received.received, 0, received.received - stats.accepted, 0, stats.accepted],
      [received.withdraws, 0, null, received.withdraws - stats.withdraws, stats.withdraws],
      [stats.exports, stats.own, stats.exports - stats.own, null, 0],
      [0, null, null, null, 0],
    ],
  });
  return up && session ? `${out}    BGP Next hop:   ${formatIp4(session.own)}\n` : out;
}

function details(bird: Bird, proto: Protocol): string {
  if (proto.kind === 'device' || bird.disabled.has(proto.name)) return '\n';
  if (proto.kind === 'bgp') {
    const peering = bird.peerings.get(proto.name);
    return peering ? `${bgpDetails(bird, peering)}\n` : '\n';
  }
  const n = proto.exports ? bird.routes().length : 0;
  const updates = [
    [0, 0, 0, 0, 0],
    [0, 0, null, 0, 0],
    [n, 0, 0, null, n],
    [0, null, null, null, 0],
  ];
  return `${channel({ up: true, preference: 10, imports: false, exports: proto.exports, routes: [0, n, 0], updates })}\n`;
}

const KNOWN = 'syntax error, unexpected CF_SYM_UNDEFINED, expecting';

function showProtocols(bird: Bird, words: readonly string[]): string {
  const all = words[0] !== undefined && 'all'.startsWith(words[0]);
  const [name] = all ? words.slice(1) : words;
  const wanted = bird.config.protocols.filter((x) => name === undefined || x.name === name);
  if (name !== undefined && wanted.length === 0) return `${KNOWN} END or CF_SYM_KNOWN or TEXT or ALL\n`;
  return HEADING + wanted.map((x) => line(bird, x) + (all ? details(bird, x) : '')).join('');
}

// ---- routes

function routeLine(bird: Bird, r: Rte, i: number, all: boolean): string {
  const { attributes: a } = r;
  const name = i === 0 ? `${formatIp4(r.dst.addr)}/${r.dst.len}` : '';
  const path = a.asPath.length > 0 ? `AS${a.asPath.at(-1)}` : '';
  let out = `${name.padEnd(20)} unicast [${r.from.proto.name} ${clock(bird.p, r.since)}]${i === 0 ? ' *' : ''} (100) [${path}${'ie?'[a.origin]}]\n`;
  out += `\tvia ${formatIp4(a.nexthop)} on ${bird.interfaceTo(a.nexthop)?.name ?? '-'}\n`;
  if (!all) return out;
  out += `\tType: BGP univ\n\tBGP.origin: ${ORIGINS[a.origin]}\n\tBGP.as_path: ${a.asPath.join(' ')}\n\tBGP.next_hop: ${formatIp4(a.nexthop)}\n`;
  if (a.med !== null) out += `\tBGP.med: ${a.med}\n`;
  return `${out}\tBGP.local_pref: ${a.localPref ?? 100}\n`;
}

function showRoutes(bird: Bird, words: readonly string[]): string {
  let rows = bird.routes();
  let all = false;
  let primary = false;
  let one = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    const cidr = /^(\d+\.\d+\.\d+\.\d+)(?:\/(\d+))?$/.exec(word === 'for' ? (words[++i] ?? '') : word);
    const ip = cidr ? parseIp4(cidr[1] as string) : null;
    if (ip !== null && cidr) {
      const len = cidr[2] === undefined ? 32 : Number(cidr[2]);
      const fits = rows.filter(
        ([r]) => r && (word === 'for' ? r.dst.len <= len && inPrefix(ip, r.dst.addr, r.dst.len) : r.dst.addr === ip && r.dst.len === len),
      );
      rows = fits.slice(-1);
      one = true;
    } else if (word === 'all') all = true;
    else if (word === 'primary') primary = true;
    else if (word === 'count' && words.length === 1) {
      const n = rows.flat().length;
      const counted = (k: number, nets: number, table: string): string => `${k} of ${k} routes for ${nets} networks in ${table}\n`;
      return counted(n, rows.length, 'table master4') + counted(0, 0, 'table master6') + `Total: ${counted(n, rows.length, '2 tables')}`;
    } else if (word === 'protocol') {
      const name = words[++i];
      if (!bird.config.protocols.some((x) => x.name === name)) return `${KNOWN} CF_SYM_KNOWN\n`;
      rows = rows.map((list) => list.filter((r) => r.from.proto.name === name)).filter((list) => list.length > 0);
    } else if (word === 'table' && words[i + 1] === 'master4') i++;
    else if (/^(export|preexport|noexport|where|filter|filtered|in|import|stats|table|for)$/.test(word))
      return `birdc: show route ${word} is not emulated here\n`;
    else return 'syntax error, unexpected CF_SYM_UNDEFINED\n';
  }
  if (rows.length === 0) return one ? 'Network not found\n' : '';
  const best = new Set(bird.routes().map((list) => list[0]));
  const shown = rows.map((list) => (primary ? list.filter((r) => best.has(r)) : list)).filter((list) => list.length > 0);
  return shown.length === 0
    ? ''
    : `Table master4:\n${shown.map((list) => list.map((r, i) => routeLine(bird, r, i, all)).join('')).join('')}`;
}

// ---- commands

function showStatus(bird: Bird): string {
  const { p } = bird;
  return `BIRD ${VERSION}
Router ID is ${formatIp4(bird.routerId)}
Hostname is ${p.hostname}
Current server time is ${dated(p, p.sim.now)}
Last reboot on ${dated(p, bird.booted)}
Last reconfiguration on ${dated(p, bird.configured)}
Daemon is up and running
`;
}

function change(bird: Bird, verb: 'enable' | 'disable' | 'restart', name = ''): string {
  const names =
    name === 'all' ? bird.config.protocols.map((x) => x.name) : bird.config.protocols.filter((x) => x.name === name).map((x) => x.name);
  if (names.length === 0) return `${KNOWN} CF_SYM_KNOWN or TEXT or ALL\n`;
  const done = { enable: 'enabled', disable: 'disabled', restart: 'restarted' }[verb];
  const already = { enable: 'already enabled', disable: 'already disabled', restart: 'already disabled' }[verb];
  return names.map((n) => `${n}: ${bird[verb](n) ? done : already}\n`).join('');
}

function configure(bird: Bird, check: boolean): string {
  const config = readConfig(bird.p, bird.path);
  const head = `Reading configuration from ${bird.path}\n`;
  if (typeof config === 'string') return `${head}${config}\n`;
  if (check) return `${head}Configuration OK\n`;
  bird.reconfigure(config);
  return `${head}Reconfigured\n`;
}

const COMMANDS = [
  'show',
  'configure',
  'restart',
  'reload',
  'enable',
  'disable',
  'debug',
  'dump',
  'eval',
  'echo',
  'down',
  'graceful',
  'timeformat',
  'undo',
];
const TO_SHOW = ['status', 'protocols', 'route', 'interfaces', 'memory', 'symbols', 'bfd', 'babel', 'ospf', 'rip', 'static'];

/** A word may be shortened as long as it is clear. */
const whole = (list: readonly string[], word = ''): string | undefined => (word === '' ? undefined : list.find((x) => x.startsWith(word)));

function answer(bird: Bird, words: readonly string[]): string {
  const verb = whole(COMMANDS, words[0]);
  const noun = verb === 'show' ? whole(TO_SHOW, words[1]) : undefined;
  if (verb === undefined || (verb === 'show' && noun === undefined)) return "No such command. Press `?' for help.\n";
  if (noun === 'status') return showStatus(bird);
  if (noun === 'protocols') return showProtocols(bird, words.slice(2));
  if (noun === 'route') return showRoutes(bird, words.slice(2));
  if (verb === 'enable' || verb === 'disable' || verb === 'restart') return change(bird, verb, words[1]);
  if (verb === 'configure' && (words[1] === undefined || words[1] === 'check')) return configure(bird, words[1] === 'check');
  if (verb === 'down') {
    bird.down();
    return 'Shutdown requested\n';
  }
  return `birdc: ${words.join(' ')} is not emulated here\n`;
}

function* main(p: Process): Task<number> {
  const words = p.argv.slice(1);
  let socket = SOCKET_PATH;
  if (words[0] === '-s' && words[1] !== undefined) socket = words.splice(0, 2)[1] as string;
  if (words[0]?.startsWith('-')) {
    yield* p.err(`${p.argv[0]}: invalid option -- '${words[0][1] ?? ''}'\nUsage: ${p.argv[0]} [-s <control-socket>] [-v] [-r] [-l]\n`);
    return 1;
  }
  const bird = birdAt(p, socket);
  if (!bird) {
    yield* p.err(`Unable to connect to server control socket (${socket}): No such file or directory\n`);
    return 1;
  }
  if (words.length === 0) {
    yield* p.err('birdc: typing commands at its prompt is not emulated; write them behind the name\n');
    return 1;
  }
  yield* p.out(`BIRD ${VERSION} ready.\n${answer(bird, words)}`);
  return 0;
}

export const birdc: Command = { name: 'birdc', path: '/usr/sbin/birdc', main };
