/** ip route: show, get, flush and the verbs that change. Models ip/iproute.c */

import {
  getRoute,
  type NexthopSpec,
  type RouteMode,
  type RoutePref,
  type RouteQuery,
  type RouteSpec,
  type RouteType,
  routeMsg,
} from '../../os/uapi.ts';
import { type Family, familyOf, type IpAddr, zeroOf } from '../../wire/addr.ts';
import type { Ctx, Outcome, Verb } from './ctx.ts';
import { restoreRoutes, showRouteDump } from './dump.ts';
import { Args, duparg2, Exit, invarg, matches, unsigned } from './lib/args.ts';
import { familyOfPrefix, getAddr, getPrefix, toPrefix } from './lib/inet.ts';
import { ipprotoNumber, readRealms, routeType } from './lib/names.ts';
import { flushRoutes, saveList, showRoutes, vrfTable } from './routelist.ts';
import { printRoute, printRouteAsking } from './routeprint.ts';
import { ROUTE_USAGE } from './usage.ts';

function usage(): never {
  throw new Exit(255, ROUTE_USAGE);
}

/** How a metric is read: its word (prefix or whole), name, complaint, and whether `lock` may stand before the value. */
interface Metric {
  readonly word: string;
  readonly exact?: boolean;
  readonly complaint?: string;
  readonly kind?: 'time' | 'flag' | 'word';
  readonly max?: number;
}

/** In the order in which ip tries them. */
const METRICS: readonly Metric[] = [
  { word: 'mtu', exact: true },
  { word: 'hoplimit', exact: true, max: 255 },
  { word: 'advmss', exact: true, complaint: 'mss' },
  { word: 'reordering' },
  { word: 'rtt', exact: true, kind: 'time' },
  { word: 'rto_min', exact: true, kind: 'time' },
  { word: 'window' },
  { word: 'cwnd' },
  { word: 'initcwnd' },
  { word: 'initrwnd' },
  { word: 'quickack', kind: 'flag' },
  { word: 'congctl', kind: 'word' },
  { word: 'rttvar', kind: 'time' },
  { word: 'ssthresh' },
  { word: 'fastopen_no_cookie', kind: 'flag' },
];

/** Smoothed values are kept eightfold (rtt) and fourfold (rttvar): a number without a unit is taken as it is kept. */
const SCALE: Readonly<Record<string, number>> = { rtt: 8, rttvar: 4 };

/** get_time_rtt() in milliseconds; null when it is no time. */
function readTime(name: string, text: string): number | null {
  const m = /^(\d+(?:\.\d+)?)(s|secs?|ms|msecs?)?$/i.exec(text);
  if (!m) return null;
  const n = Number(m[1]);
  if (m[2] === undefined) return Math.floor(Math.floor(n) / (SCALE[name] ?? 1));
  return Math.ceil(m[2].toLowerCase().startsWith('s') ? n * 1000 : n);
}

function readMetric(args: Args, m: Metric, spec: Partial<RouteSpec>): void {
  const name = m.word;
  const bad = (): never => invarg(`"${m.complaint ?? name}" value is invalid\n`, args.word);
  let lock = name === 'rto_min';
  if (args.next() === 'lock' && m.kind !== 'flag' && name !== 'rto_min') {
    lock = true;
    args.next();
  }
  if (lock) {
    if (name === 'mtu') spec.mtuLock = true;
    else spec.locks = [...(spec.locks ?? []), name];
  }
  if (m.kind === 'word') {
    spec.congctl = args.word;
    return;
  }
  const n = (m.kind === 'time' ? readTime(name, args.word) : unsigned(args.word, m.max)) ?? bad();
  if (m.kind === 'flag' && n > 1) invarg(`"${name}" value should be 0 or 1\n`, args.word);
  if (name === 'mtu') spec.mtu = n;
  else if (name === 'advmss') spec.advmss = n;
  else spec.metrics = { ...spec.metrics, [name]: n };
}

interface Building {
  spec: Partial<RouteSpec>;
  family: 0 | 4 | 6;
  dev: string | null;
  gateway: IpAddr | null;
  onlink: boolean;
  realms: number;
  hops: NexthopSpec[] | null;
  scopeGiven: boolean;
  tableGiven: boolean;
  typeGiven: boolean;
}

/** `via [FAMILY] ADDRESS` */
function readVia(args: Args, family: 0 | 4 | 6): IpAddr {
  let f: 0 | 4 | 6 = family;
  const word = args.next();
  if (word === 'inet' || word === 'inet6') {
    f = word === 'inet' ? 4 : 6;
    args.next();
  }
  return getAddr(args.word, f);
}

function readNexthops(ctx: Ctx, args: Args, family: 0 | 4 | 6): NexthopSpec[] {
  const hops: NexthopSpec[] = [];
  while (args.more) {
    if (!args.is('nexthop')) {
      throw new Exit(255, `Error: "nexthop" or end of line is expected instead of "${args.word}"\n`);
    }
    args.step();
    if (!args.more) {
      throw new Exit(255, 'Error: unexpected end of line after "nexthop"\n');
    }
    const hop: NexthopSpec = {};
    for (; args.more && !args.is('nexthop'); args.step()) {
      if (args.is('via')) hop.gateway = readVia(args, family);
      else if (args.is('dev')) hop.dev = ctx.needDevice(args.next());
      else if (args.is('weight')) {
        const n = unsigned(args.next());
        if (n === null || n === 0 || n > 256) invarg('"weight" is invalid\n', args.word);
        hop.weight = n;
      } else if (args.is('onlink')) hop.onlink = true;
      else if (args.matches('realms')) hop.realms = readRealms(ctx, args.next()) ?? invarg('"realm" value is invalid\n', args.word);
      else break;
    }
    hops.push(hop);
  }
  return hops;
}

/** `m`, `p`, `pr` … are read as metric and protocol before the rest gets a turn. */
function ambiguous(word: string): boolean {
  return matches(word, 'metric') || matches(word, 'priority');
}

function readAttribute(ctx: Ctx, args: Args, b: Building): boolean {
  const { spec } = b;
  const metric = METRICS.find((m) => (m.exact ? args.is(m.word) : args.matches(m.word)) && !ambiguous(args.word));
  if (metric) readMetric(args, metric, spec);
  else if (args.matches('features')) {
    if (args.next() !== 'ecn') invarg('"features" value not valid\n', args.word);
    spec.metrics = { ...spec.metrics, features: 1 };
  } else if (args.word.length > 1 && args.matches('realms'))
    b.realms = readRealms(ctx, args.next()) ?? invarg('"realm" value is invalid\n', args.word);
  else if (args.is('src')) spec.prefsrc = getAddr(args.next(), b.family);
  else if (args.is('via')) {
    if (b.gateway !== null) invarg('use nexthop syntax to specify multiple via\n', args.word);
    b.gateway = readVia(args, b.family);
    if (b.family === 0) b.family = familyOf(b.gateway);
  } else if (args.is('tos') || args.matches('dsfield'))
    spec.tos = ctx.names.tos(args.next()) ?? invarg('"tos" value is invalid\n', args.word);
  else if (args.is('expires')) spec.expires = unsigned(args.next()) ?? invarg('"expires" value is invalid\n', args.word);
  else if (args.matches('metric', 'priority') || args.is('preference'))
    spec.metric = unsigned(args.next()) ?? invarg('"metric" value is invalid\n', args.word);
  else if (args.is('scope')) {
    spec.scope = ctx.names.scopes.number(args.next(), 255) ?? invarg('invalid "scope" value\n', args.word);
    b.scopeGiven = true;
  } else if (args.is('onlink')) b.onlink = true;
  else if (args.matches('protocol'))
    spec.proto = ctx.names.protos.number(args.next(), 255) ?? invarg('"protocol" value is invalid\n', args.word);
  else if (args.matches('table')) {
    spec.table = ctx.names.tables.number(args.next()) ?? invarg('"table" value is invalid\n', args.word);
    b.tableGiven = true;
  } else if (args.is('dev', 'oif')) b.dev = args.next();
  else if (args.is('nhid')) spec.nhid = unsigned(args.next()) ?? invarg('"id" value is invalid\n', args.word);
  else if (args.matches('pref')) {
    if (!['low', 'medium', 'high'].includes(args.next())) invarg('"pref" value is invalid\n', args.word);
    spec.pref = args.word as RoutePref;
  } else if (args.is('from')) {
    const p = getPrefix(args.next(), b.family);
    if (b.family === 0) b.family = familyOfPrefix(p, 0);
    spec.src = toPrefix(p);
  } else if (args.is('ttl-propagate')) {
    if (!matches(args.next(), 'enabled') && !args.matches('disabled')) invarg('"ttl-propagate" value is invalid\n', args.word);
  } else return false;
  return true;
}

function modify(ctx: Ctx, words: readonly string[], mode: RouteMode | 'delete' | 'test'): number {
  const args = new Args(words);
  const b: Building = {
    spec: {},
    family: ctx.family === 4 || ctx.family === 6 ? ctx.family : 0,
    dev: null,
    gateway: null,
    onlink: false,
    realms: 0,
    hops: null,
    scopeGiven: false,
    tableGiven: false,
    typeGiven: false,
  };
  let dst: RouteSpec['dst'] | null = null;
  let lwt = false;
  /** A type without a place in the kernel's table of scopes. */
  let foreign = false;
  for (; args.more; args.step()) {
    if (args.is('nexthop')) {
      const hops = readNexthops(ctx, args, b.family);
      b.hops = hops;
      break;
    }
    if (args.is('encap') && args.peek === 'mpls') {
      args.next();
      args.next();
      lwt = true;
      continue;
    }
    if (args.is('vrf')) {
      b.spec.table = vrfTable(ctx, args.next());
      b.tableGiven = true;
      continue;
    }
    if (args.is('encap', 'as')) {
      ctx.complain(`ip route: option "${args.word}" is not emulated\n`);
      return 1;
    }
    if (readAttribute(ctx, args, b)) continue;
    if (args.is('to')) args.next();
    const type = routeType(args.word);
    if (args.is('nat', 'xresolve')) {
      foreign = true;
      args.next();
    } else if (type) {
      b.spec.type = type;
      b.typeGiven = true;
      args.next();
    }
    if (args.matches('help')) usage();
    if (dst) duparg2('to', args.word);
    const p = getPrefix(args.word, b.family);
    if (b.family === 0 && !p.any) b.family = familyOfPrefix(p, 0);
    dst = toPrefix(p);
  }
  if (!dst) usage();
  if (lwt) return ctx.talk({ ok: false, errno: 'EOPNOTSUPP', msg: 'lwt encapsulation type not supported' });
  if (foreign) return ctx.talk({ ok: false, errno: 'EINVAL', msg: 'Invalid scope' });
  const device = b.dev === null ? null : ctx.device(b.dev);
  if (b.dev !== null && !device) return ctx.nodev(b.dev);
  const family: Family = b.family === 6 ? 6 : 4;
  if (dst.len === 0) dst = { addr: zeroOf(family), len: 0 };
  const spec: RouteSpec = { ...b.spec, family, dst };
  if (!b.tableGiven && (spec.type === 'local' || spec.type === 'broadcast' || spec.type === 'anycast')) spec.table = 255;
  const realms = b.realms ? { realms: b.realms } : {};
  if (b.hops) {
    spec.nexthops = b.hops;
    spec.gateway = b.gateway;
    spec.oif = device ?? null;
  } else if (device || b.gateway !== null) spec.nexthops = [{ dev: device ?? null, gateway: b.gateway, onlink: b.onlink, ...realms }];
  if (mode === 'delete') return ctx.talk(ctx.ns.fib.del({ tos: 0, ...spec }));
  if (!b.scopeGiven) spec.scope = defaultScope(family, spec.type ?? 'unicast', b);
  spec.type ??= 'unicast';
  spec.proto ??= 3;
  if (mode === 'test') {
    // NLM_F_EXCL alone: only whether it is there.
    const there = ctx.ns.fib
      .list(spec.family, spec.table ?? 254)
      .some(
        (r) => r.dst.addr === spec.dst.addr && r.dst.len === spec.dst.len && r.tos === (spec.tos ?? 0) && r.metric === (spec.metric ?? 0),
      );
    return ctx.talk({ ok: false, errno: there ? 'EEXIST' : 'ENOENT' });
  }
  const r = ctx.ns.fib.add(spec, mode);
  if (!r.ok || !ctx.echo) return ctx.talk(r);
  ctx.newJson();
  printRoute(ctx, routeMsg(r.value, ctx.p.sim.now));
  ctx.deleteJson();
  return 0;
}

function defaultScope(family: Family, type: RouteType, b: Building): number {
  if (family === 6) return 0;
  if (type === 'local') return 254;
  if (type === 'broadcast' || type === 'multicast' || type === 'anycast') return 253;
  return type === 'unicast' && b.gateway === null && !b.hops && !b.spec.nhid ? 253 : 0;
}

function get(ctx: Ctx, words: readonly string[]): number {
  const args = new Args(words);
  const q: RouteQuery = {
    dst: 0,
    src: null,
    iif: null,
    oif: null,
    mark: 0,
    tos: 0,
    uid: ctx.p.uid,
    proto: 0,
    sport: 0,
    dport: 0,
    fibmatch: false,
  };
  let family: 0 | 4 | 6 = ctx.family === 4 || ctx.family === 6 ? ctx.family : 0;
  let iif: string | null = null;
  let oif: string | null = null;
  let given = false;
  let connected = false;
  for (; args.more; args.step()) {
    if (args.is('tos') || args.matches('dsfield')) q.tos = ctx.names.tos(args.next()) ?? invarg('TOS value is invalid\n', args.word);
    else if (args.matches('iif')) iif = args.next();
    else if (args.matches('mark')) q.mark = unsigned(args.next()) ?? invarg('invalid mark value', args.word);
    else if (args.matches('oif') || args.is('dev')) oif = args.next();
    else if (args.matches('notify')) q.notify = true;
    else if (args.matches('connected')) connected = true;
    else if (args.matches('vrf')) {
      vrfTable(ctx, args.next());
      oif = args.word;
    } else if (args.matches('uid')) q.uid = unsigned(args.next()) ?? invarg('invalid UID\n', args.word);
    else if (args.matches('fibmatch')) q.fibmatch = true;
    else if (args.is('as')) {
      if (args.next() === 'to') args.next();
    } else if (args.is('sport')) q.sport = unsigned(args.next(), 65535) ?? invarg('invalid sport\n', args.word);
    else if (args.is('dport')) q.dport = unsigned(args.next(), 65535) ?? invarg('invalid dport\n', args.word);
    else if (args.is('ipproto')) q.proto = ipprotoNumber(args.next()) ?? invarg('Invalid "ipproto" value\n', args.word);
    else if (args.matches('from')) {
      if (args.next() === 'help') usage();
      const p = getPrefix(args.word, family);
      if (family === 0) family = familyOf(p.addr);
      q.src = p.addr;
      q.srcLen = toPrefix(p).len;
    } else {
      if (args.is('to')) args.next();
      if (args.matches('help')) usage();
      const p = getPrefix(args.word, family);
      if (family === 0) family = familyOf(p.addr);
      const bits = typeof p.addr === 'number' ? 32 : 128;
      if (p.len !== null && p.len !== bits)
        ctx.complain(`Warning: /${p.len} as prefix is invalid, only /${bits} (or none) is supported.\n`);
      q.dst = p.addr;
      given = true;
    }
  }
  if (!given) {
    ctx.complain('need at least a destination address\n');
    return 1;
  }
  if (iif !== null && oif !== null && !ctx.device(iif)) return ctx.nodev(iif);
  if (iif !== null) {
    q.iif = ctx.device(iif) ?? null;
    if (!q.iif) return ctx.nodev(iif);
  }
  if (oif !== null) {
    q.oif = ctx.device(oif) ?? null;
    if (!q.oif) return ctx.nodev(oif);
  }
  const r = getRoute(ctx.ns, q);
  if (!r.ok) return ctx.talk(r);
  ctx.newJson();
  printRouteAsking(ctx, r.value);
  // `connected` asks again with the source that was found.
  if (connected && q.src === null) {
    const again = r.value.prefsrc === null ? r : getRoute(ctx.ns, { ...q, src: r.value.prefsrc });
    if (!again.ok) return ctx.talk(again);
    printRoute(ctx, { ...again.value, src: r.value.src, prefsrc: r.value.prefsrc });
  }
  ctx.deleteJson();
  return 0;
}

const VERBS: readonly (readonly [string, (ctx: Ctx, words: readonly string[]) => Outcome])[] = [
  ['list', showRoutes],
  ['show', showRoutes],
  ['lst', showRoutes],
  ['get', get],
  ['add', (c, w) => modify(c, w, 'add')],
  ['change', (c, w) => modify(c, w, 'change')],
  ['chg', (c, w) => modify(c, w, 'change')],
  ['replace', (c, w) => modify(c, w, 'replace')],
  ['prepend', (c, w) => modify(c, w, 'prepend')],
  ['append', (c, w) => modify(c, w, 'append')],
  ['test', (c, w) => modify(c, w, 'test')],
  ['delete', (c, w) => modify(c, w, 'delete')],
  ['flush', flushRoutes],
  ['save', saveList],
  ['restore', restoreRoutes],
  ['showdump', showRouteDump],
  ['help', usage],
];

export const routeObject: Verb = {
  name: 'route',
  run(ctx, words) {
    if (words.length === 0) return showRoutes(ctx, []);
    const verb = VERBS.find(([name]) => matches(words[0] as string, name));
    if (verb) return verb[1](ctx, words.slice(1));
    throw new Exit(255, `Command "${words[0]}" is unknown, try "ip route help".\n`);
  },
};
