/** Listing and flushing routes: the selectors of `ip route list|flush`. Models iproute_list_flush_or_save() */

import { type FibRoute, flushCache, listExceptions, type NetDevice, type RouteMsg, type RouteType, routeMsg } from '../../os/uapi.ts';
import { type Family, type IpAddr, inPrefix, type Prefix } from '../../wire/addr.ts';
import type { Ctx, Outcome } from './ctx.ts';
import { saveRoutes } from './dump.ts';
import { Args, Exit, invarg, matches, unsigned } from './lib/args.ts';
import { type AddrFamily, AF_MPLS, getPrefix, parsePrefix, toPrefix, type WrittenPrefix } from './lib/inet.ts';
import { readRealms, routeType } from './lib/names.ts';
import { printRoute, printRouteAsking, type RouteHide } from './routeprint.ts';
import { ROUTE_USAGE } from './usage.ts';

interface RouteFilter {
  table: number;
  cloned: boolean;
  tos: number | null;
  proto: number | null;
  scope: number | null;
  type: RouteType | null;
  /** `vrf X`: without local and broadcast routes. */
  vrf: boolean;
  dev: NetDevice | null;
  metric: number | null;
  via: Prefix | null;
  src: Prefix | null;
  /** Routes inside this prefix (`root`) and routes that cover it (`match`); both: `exact`. */
  root: WrittenPrefix | null;
  match: WrittenPrefix | null;
  /** The same for the source. */
  fromRoot: Prefix | null;
  fromMatch: Prefix | null;
  realms: number | null;
  /** What was asked for no listed route has. */
  nothing: boolean;
}

function readFilter(ctx: Ctx, args: Args): RouteFilter | number {
  const f: RouteFilter = {
    table: 254,
    cloned: false,
    tos: null,
    proto: null,
    scope: null,
    type: null,
    vrf: false,
    dev: null,
    metric: null,
    via: null,
    src: null,
    root: null,
    match: null,
    fromRoot: null,
    fromMatch: null,
    realms: null,
    nothing: false,
  };
  const family = ctx.family;
  let dev: string | null = null;
  for (; args.more; args.step()) {
    if (args.matches('table')) {
      const word = args.next();
      const id = ctx.names.tables.number(word);
      if (id !== null) f.table = id;
      else if (word === 'all') f.table = 0;
      else if (word === 'cache') f.cloned = true;
      else if (word === 'help') throw new Exit(255, ROUTE_USAGE);
      else invarg('table id value is invalid\n', word);
    } else if (args.matches('vrf')) {
      f.table = vrfTable(ctx, args.next());
      f.vrf = true;
    } else if (args.matches('cached', 'cloned')) f.cloned = true;
    else if (args.is('tos') || args.matches('dsfield')) f.tos = ctx.names.tos(args.next()) ?? invarg('TOS value is invalid\n', args.word);
    else if (args.matches('protocol')) {
      const word = args.next();
      if (word !== 'all') f.proto = ctx.names.protos.number(word, 255) ?? invarg('invalid "protocol"\n', word);
    } else if (args.matches('scope')) {
      const word = args.next();
      if (word !== 'all') f.scope = ctx.names.scopes.number(word, 255) ?? invarg('invalid "scope"\n', word);
    } else if (args.matches('type')) f.type = routeType(args.next()) ?? invarg('node type value is invalid\n', args.word);
    else if (args.is('dev', 'oif')) dev = args.next();
    else if (args.is('iif', 'mark')) readCloned(ctx, args, f);
    else if (args.matches('realms')) f.realms = readRealms(ctx, args.next()) ?? invarg('invalid realms\n', args.word);
    else if (args.matches('metric', 'priority') || args.is('preference'))
      f.metric = unsigned(args.next()) ?? invarg('"metric" value is invalid\n', args.word);
    else if (args.is('via')) {
      if (args.next() === 'inet' || args.is('inet6')) args.next();
      f.via = toPrefix(getPrefix(args.word, family));
    } else if (args.is('src')) f.src = toPrefix(getPrefix(args.next(), family));
    else if (args.matches('from')) readFrom(args, f, family);
    else readDestination(args, f, family);
  }
  if (dev !== null) {
    f.dev = ctx.device(dev) ?? null;
    if (!f.dev) return ctx.nodev(dev);
  }
  return f;
}

/** Only cached routes have these: of a listing nothing is left unless the value is 0. */
function readCloned(ctx: Ctx, args: Args, f: RouteFilter): void {
  if (args.is('iif')) {
    if (!ctx.device(args.next())) throw new Exit(1, `Cannot find device "${args.word}"\n`);
    f.nothing = true;
  } else if ((unsigned(args.next()) ?? invarg('invalid mark value\n', args.word)) !== 0) f.nothing = true;
}

/** `from [root|match|exact] PREFIX` */
function readFrom(args: Args, f: RouteFilter, family: AddrFamily): void {
  const word = args.next();
  const only = matches(word, 'root') ? 'root' : matches(word, 'match') ? 'match' : 'exact';
  if (only !== 'exact' || matches(word, 'exact')) args.next();
  const p = toPrefix(getPrefix(args.word, family));
  if (only !== 'match') f.fromRoot = p;
  if (only !== 'root') f.fromMatch = p;
}

function readDestination(args: Args, f: RouteFilter, family: AddrFamily): void {
  if (args.matches('to')) args.next();
  if (args.matches('root') && parsePrefix(args.word, family) === null) f.root = getPrefix(args.next(), family);
  else if (args.matches('match')) f.match = getPrefix(args.next(), family);
  else {
    if (args.matches('exact')) args.next();
    f.match = getPrefix(args.word, family);
    f.root = f.match;
  }
}

/** The table of a VRF by its name; `default` is main. */
export function vrfTable(ctx: Ctx, name: string): number {
  const table = ctx.device(name)?.l3table ?? 0;
  if (table === 0 && name === 'default') return 254;
  return table || invarg('Invalid VRF\n', name);
}

function passes(f: RouteFilter, r: FibRoute): boolean {
  // A multipath route has no device and no gateway of its own.
  const only = r.nexthops.length === 1 ? r.nexthops[0] : undefined;
  if (f.nothing || (f.realms !== null && (only?.realms ?? 0) !== f.realms)) return false;
  if (!fromPasses(f, r.src)) return false;
  if (f.tos !== null && r.tos !== f.tos) return false;
  if (f.proto !== null && r.proto !== f.proto) return false;
  if (f.scope !== null && r.scope !== f.scope) return false;
  if (f.type !== null && r.type !== f.type) return false;
  if (f.vrf && (r.type === 'local' || r.type === 'broadcast')) return false;
  if (f.metric !== null && r.metric !== f.metric) return false;
  if (f.dev && only?.dev !== f.dev) return false;
  if (f.via && !((only?.gateway ?? null) !== null && inPrefix(only?.gateway as IpAddr, f.via.addr, f.via.len))) return false;
  if (f.src && !(r.prefsrc !== null && inPrefix(r.prefsrc, f.src.addr, f.src.len))) return false;
  return coveredBy(f.root, r.dst) && covers(f.match, r.dst);
}

function fromPasses(f: RouteFilter, src: Prefix | null): boolean {
  const len = src?.len ?? 0;
  if (f.fromRoot && f.fromRoot.len > 0 && !(src && f.fromRoot.len <= len && inPrefix(src.addr, f.fromRoot.addr, f.fromRoot.len)))
    return false;
  if (!f.fromMatch) return true;
  return len <= f.fromMatch.len && (src === null || inPrefix(f.fromMatch.addr, src.addr, len));
}

function coveredBy(root: WrittenPrefix | null, dst: Prefix): boolean {
  if (!root) return true;
  const p = toPrefix(root);
  if (root.any) return dst.len >= 0;
  return typeof p.addr === typeof dst.addr && p.len <= dst.len && inPrefix(dst.addr, p.addr, p.len);
}

function covers(match: WrittenPrefix | null, dst: Prefix): boolean {
  if (!match) return true;
  const p = toPrefix(match);
  if (match.any) return dst.len === 0;
  return typeof p.addr === typeof dst.addr && p.len >= dst.len && inPrefix(p.addr, dst.addr, dst.len);
}

function families(ctx: Ctx, f: RouteFilter): Family[] {
  if (ctx.family === 4 || ctx.family === 6) return [ctx.family];
  if (ctx.family === AF_MPLS) return [];
  return f.table === 0 ? [4, 6] : [4];
}

/** The matching routes, or the kernel's refusal to dump a table that is not there. */
function collect(ctx: Ctx, f: RouteFilter): FibRoute[] | number {
  const out: FibRoute[] = [];
  for (const family of families(ctx, f)) {
    const { fib } = ctx.ns;
    if (f.table !== 0 && f.table !== 254 && !fib.tables(family).includes(f.table)) {
      ctx.complain(`Error: ipv${family}: FIB table does not exist.\n`);
      return 2;
    }
    out.push(...(f.table === 0 ? fib.list(family) : fib.list(family, f.table)).filter((r) => passes(f, r)));
  }
  return out;
}

function hidden(f: RouteFilter): RouteHide {
  return {
    table: f.table !== 0,
    dev: f.dev !== null,
    via: f.via !== null && (f.via.len === 32 || f.via.len === 128),
    proto: f.proto !== null,
    scope: f.scope !== null,
    src: f.src !== null && (f.src.len === 32 || f.src.len === 128),
    metric: f.metric !== null,
    tos: f.tos !== null,
    realm: f.realms !== null,
  };
}

export function showRoutes(ctx: Ctx, words: readonly string[]): number {
  const f = readFilter(ctx, new Args(words));
  if (typeof f === 'number') return f;
  if (f.cloned) return showCache(ctx, f);
  const routes = collect(ctx, f);
  if (typeof routes === 'number') {
    ctx.complain('Dump terminated\n');
    return routes;
  }
  ctx.newJson();
  for (const r of routes) printRouteAsking(ctx, routeMsg(r, ctx.p.sim.now), hidden(f));
  ctx.deleteJson();
  return 0;
}

export function saveList(ctx: Ctx, words: readonly string[]): Outcome {
  const f = readFilter(ctx, new Args(words));
  if (typeof f === 'number') return f;
  const routes = collect(ctx, f);
  return typeof routes === 'number' ? routes : saveRoutes(ctx, routes);
}

function showCache(ctx: Ctx, f: RouteFilter): number {
  ctx.newJson();
  for (const family of families(ctx, { ...f, table: 254 })) {
    for (const e of listExceptions(ctx.ns, family)) {
      const seconds = Math.max(0, Math.ceil((e.pmtu.expires - ctx.p.sim.now) / 1e6));
      const m: RouteMsg = {
        ...routeMsg(e.route, ctx.p.sim.now),
        dst: { addr: e.addr, len: family === 4 ? 32 : 128 },
        hops: [{ gateway: e.pmtu.gateway ?? e.nh.gateway, dev: e.nh.dev, weight: 1, realms: 0, flags: [] }],
        prefsrc: null,
        metric: family === 6 ? e.route.metric : null,
        mtu: e.pmtu.mtu,
        mtuLock: e.pmtu.lock,
        ...(family === 4 ? { cache: { flags: e.pmtu.gateway === null ? [] : ['redirected'], expires: seconds } } : { expires: seconds }),
      };
      printRoute(ctx, m, hidden(f));
    }
  }
  ctx.deleteJson();
  return 0;
}

export function flushRoutes(ctx: Ctx, words: readonly string[]): number {
  if (words.length === 0) {
    ctx.complain('"ip route flush" requires arguments.\n');
    return 1;
  }
  const f = readFilter(ctx, new Args(words));
  if (typeof f === 'number') return f;
  if (f.cloned) {
    for (const family of families(ctx, f)) flushCache(ctx.ns, family);
    if (ctx.stats && ctx.family !== 6) ctx.pr.out += '*** IPv4 routing cache is flushed.\n';
    return 0;
  }
  const routes = collect(ctx, f);
  if (typeof routes === 'number') {
    ctx.complain('Flush terminated\n');
    return routes;
  }
  if (ctx.stats > 1) for (const r of routes) printRoute(ctx, routeMsg(r, ctx.p.sim.now), hidden(f));
  if (ctx.stats && routes.length > 0) ctx.pr.out += `\n*** Round 1, deleting ${routes.length} entries ***\n`;
  for (const r of routes) ctx.ns.fib.remove(r);
  if (ctx.stats) ctx.pr.out += routes.length === 0 ? 'Nothing to flush.\n' : '*** Flush is complete after 1 round ***\n';
  return 0;
}
