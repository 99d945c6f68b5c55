/** ip route: show, get, flush and the verbs that change. Models ip/iproute.c */

import { getRoute, type NexthopSpec, type RouteMode, type RouteQuery, type RouteSpec, type RouteType } from '../../os/uapi.ts';
import { type Family, familyOf, type IpAddr, zeroOf } from '../../wire/addr.ts';
import type { Ctx, Outcome, Verb } from './ctx.ts';
import { Args, duparg2, Exit, invarg, matches, unsigned } from './lib/args.ts';
import { familyOfPrefix, getAddr, getPrefix, toPrefix } from './lib/inet.ts';
import { ipprotoNumber, routeType } from './lib/names.ts';
import { flushRoutes, showRoutes } from './routelist.ts';
import { printRoute } from './routeprint.ts';
import { ROUTE_USAGE } from './usage.ts';

function usage(): never {
  throw new Exit(255, ROUTE_USAGE);
}

/** Metrics with a plain number: option word (prefix or whole), key, complaint. */
const METRICS: readonly (readonly [string, boolean, string, string])[] = [
  ['hoplimit', true, 'hoplimit', 'hoplimit'],
  ['reordering', false, 'reordering', 'reordering'],
  ['rtt', true, 'rtt', 'rtt'],
  ['rto_min', true, 'rto_min', 'rto_min'],
  ['window', false, 'window', 'window'],
  ['cwnd', false, 'cwnd', 'cwnd'],
  ['initcwnd', false, 'initcwnd', 'initcwnd'],
  ['initrwnd', false, 'initrwnd', 'initrwnd'],
  ['quickack', false, 'quickack', 'quickack'],
  ['rttvar', false, 'rttvar', 'rttvar'],
  ['ssthresh', false, 'ssthresh', 'ssthresh'],
];

function lockable(args: Args, key: string): { n: number; lock: boolean } {
  let lock = false;
  if (args.next() === 'lock') {
    lock = true;
    args.next();
  }
  const n = unsigned(key === 'rtt' || key === 'rttvar' || key === 'rto_min' ? args.word.replace(/m?s$/, '') : args.word);
  return { n: n ?? invarg(`"${key}" value is invalid\n`, args.word), lock };
}

interface Building {
  spec: Partial<RouteSpec>;
  family: 0 | 4 | 6;
  dev: string | null;
  gateway: IpAddr | null;
  onlink: boolean;
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
      else break;
    }
    hops.push(hop);
  }
  return hops;
}

function readAttribute(ctx: Ctx, args: Args, b: Building): boolean {
  const { spec } = b;
  if (args.is('src')) spec.prefsrc = getAddr(args.next(), b.family);
  else if (args.is('via')) {
    if (b.gateway !== null) invarg('use nexthop syntax to specify multiple via\n', args.word);
    b.gateway = readVia(args, b.family);
    if (b.family === 0) b.family = familyOf(b.gateway);
  } else if (args.is('tos') || args.matches('dsfield'))
    spec.tos = unsigned(args.next(), 255) ?? invarg('"tos" value is invalid\n', args.word);
  else if (args.is('expires')) spec.expires = unsigned(args.next()) ?? invarg('"expires" value is invalid\n', args.word);
  else if (args.matches('metric', 'priority') || args.is('preference'))
    spec.metric = unsigned(args.next()) ?? invarg('"metric" value is invalid\n', args.word);
  else if (args.is('scope')) {
    spec.scope = ctx.names.scopes.number(args.next(), 255) ?? invarg('invalid "scope" value\n', args.word);
    b.scopeGiven = true;
  } else if (args.is('mtu')) {
    const { n, lock } = lockable(args, 'mtu');
    spec.mtu = n;
    if (lock) spec.mtuLock = true;
  } else if (args.is('advmss')) spec.advmss = lockable(args, 'mss').n;
  else if (args.is('onlink')) b.onlink = true;
  else if (args.matches('protocol'))
    spec.proto = ctx.names.protos.number(args.next(), 255) ?? invarg('"protocol" value is invalid\n', args.word);
  else if (args.matches('table')) {
    spec.table = ctx.names.tables.number(args.next()) ?? invarg('"table" value is invalid\n', args.word);
    b.tableGiven = true;
  } else if (args.is('dev', 'oif')) b.dev = args.next();
  else if (args.is('nhid')) spec.nhid = unsigned(args.next()) ?? invarg('"id" value is invalid\n', args.word);
  else if (args.matches('pref')) {
    if (!['low', 'medium', 'high'].includes(args.next())) invarg('"pref" value is invalid\n', args.word);
  } else {
    const metric = METRICS.find(([name, exact]) => (exact ? args.is(name) : args.matches(name)));
    if (!metric) return false;
    spec.metrics = { ...spec.metrics, [metric[2]]: lockable(args, metric[3]).n };
  }
  return true;
}

function modify(ctx: Ctx, words: readonly string[], mode: RouteMode | 'delete'): number {
  const args = new Args(words);
  const b: Building = {
    spec: {},
    family: ctx.family === 4 || ctx.family === 6 ? ctx.family : 0,
    dev: null,
    gateway: null,
    onlink: false,
    hops: null,
    scopeGiven: false,
    tableGiven: false,
    typeGiven: false,
  };
  let dst: RouteSpec['dst'] | null = null;
  for (; args.more; args.step()) {
    if (args.is('nexthop')) {
      const hops = readNexthops(ctx, args, b.family);
      b.hops = hops;
      break;
    }
    if (args.is('encap', 'as', 'from', 'ttl-propagate') || (args.word.length > 1 && args.matches('realms', 'vrf', 'congctl', 'features'))) {
      ctx.complain(`ip route: option "${args.word}" is not emulated\n`);
      return 1;
    }
    if (readAttribute(ctx, args, b)) continue;
    if (args.is('to')) args.next();
    const type = routeType(args.word);
    if (type) {
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
  const device = b.dev === null ? null : ctx.device(b.dev);
  if (b.dev !== null && !device) return ctx.nodev(b.dev);
  const family: Family = b.family === 6 ? 6 : 4;
  if (dst.len === 0) dst = { addr: zeroOf(family), len: 0 };
  const spec: RouteSpec = { ...b.spec, family, dst };
  if (!b.tableGiven && (spec.type === 'local' || spec.type === 'broadcast' || spec.type === 'anycast')) spec.table = 255;
  if (b.hops) {
    spec.nexthops = b.hops;
    spec.gateway = b.gateway;
    spec.oif = device ?? null;
  } else if (device || b.gateway !== null) spec.nexthops = [{ dev: device ?? null, gateway: b.gateway, onlink: b.onlink }];
  if (mode === 'delete') return ctx.talk(ctx.ns.fib.del({ tos: 0, ...spec }));
  if (!b.scopeGiven) spec.scope = defaultScope(family, spec.type ?? 'unicast', b);
  spec.type ??= 'unicast';
  spec.proto ??= 3;
  return ctx.talk(ctx.ns.fib.add(spec, mode));
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
  for (; args.more; args.step()) {
    if (args.is('tos') || args.matches('dsfield')) q.tos = unsigned(args.next(), 255) ?? invarg('TOS value is invalid\n', args.word);
    else if (args.matches('iif')) iif = args.next();
    else if (args.matches('mark')) q.mark = unsigned(args.next()) ?? invarg('invalid mark value', args.word);
    else if (args.matches('oif') || args.is('dev')) oif = args.next();
    else if (args.matches('notify', 'connected')) continue;
    else if (args.matches('vrf')) invarg('Invalid VRF\n', args.next());
    else if (args.matches('uid')) q.uid = unsigned(args.next()) ?? invarg('invalid UID\n', args.word);
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
  printRoute(ctx, r.value);
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
  ['test', (c, w) => modify(c, w, 'add')],
  ['delete', (c, w) => modify(c, w, 'delete')],
  ['flush', flushRoutes],
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
