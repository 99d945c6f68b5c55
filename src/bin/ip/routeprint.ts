/** One route as text or JSON. Models print_route() of ip/iproute.c */

import { linkwatchSync, type RouteHop, type RouteMsg } from '../../os/uapi.ts';
import { formatIp, type Prefix } from '../../wire/addr.ts';
import type { Ctx } from './ctx.ts';
import { formatPrefix } from './lib/inet.ts';
import { familyColor } from './lib/print.ts';
import { printEntry } from './nexthop.ts';

/** Fields that a filter has fixed and that are therefore not printed. */
export interface RouteHide {
  table?: boolean;
  dev?: boolean;
  via?: boolean;
  proto?: boolean;
  scope?: boolean;
  src?: boolean;
  metric?: boolean;
  tos?: boolean;
  realm?: boolean;
}

function isDefault(p: Prefix): boolean {
  return p.len === 0;
}

function printFlags(ctx: Ctx, flags: readonly string[]): void {
  const { pr } = ctx;
  pr.openArray('flags');
  for (const f of flags) pr.any(null, f, `${f} `);
  pr.closeArray();
}

function printGateway(ctx: Ctx, m: RouteMsg, hop: RouteHop): void {
  if (hop.gateway === null) return;
  const text = formatIp(hop.gateway);
  if (typeof hop.gateway === 'bigint' && m.family === 4) {
    ctx.pr.openObject('via');
    ctx.pr.any('family', 'inet6', 'via inet6 ');
    ctx.pr.any('host', text, `${text} `, 'inet6');
    ctx.pr.closeObject();
  } else ctx.pr.any('gateway', text, `${text} `, familyColor(hop.gateway), 'via ');
}

/** Metrics in the order of their numbers (RTAX_*): what `ip route` calls them, and how. */
const METRICS: readonly (readonly [name: string, how: 'number' | 'time' | 'features' | 'word'])[] = [
  ['mtu', 'number'],
  ['window', 'number'],
  ['rtt', 'time'],
  ['rttvar', 'time'],
  ['ssthresh', 'number'],
  ['cwnd', 'number'],
  ['advmss', 'number'],
  ['reordering', 'number'],
  ['hoplimit', 'number'],
  ['initcwnd', 'number'],
  ['features', 'features'],
  ['rto_min', 'time'],
  ['initrwnd', 'number'],
  ['quickack', 'number'],
  ['congctl', 'word'],
  ['fastopen_no_cookie', 'number'],
];

function printMetrics(ctx: Ctx, m: RouteMsg): void {
  const { pr } = ctx;
  const values: Readonly<Record<string, number | string>> = { ...m.metrics, mtu: m.mtu, advmss: m.advmss, congctl: m.congctl };
  const locked = (name: string): boolean => (name === 'mtu' ? m.mtuLock : m.locks.includes(name));
  const rows = METRICS.filter(([name]) => values[name] || locked(name));
  if (rows.length === 0) return;
  pr.openArray('metrics');
  pr.openObject();
  for (const [name, how] of rows) {
    const value = values[name] ?? 0;
    pr.fp(`${name} ${locked(name) ? 'lock ' : ''}`);
    if (how === 'time') pr.any(name, value, Number(value) >= 1000 ? `${Number(value) / 1000}s ` : `${value}ms `);
    else if (how === 'word') pr.any('congestion', value, `${value} `);
    else if (how === 'features') {
      if (Number(value) & 1) pr.any('ecn', null, 'ecn ');
      if (Number(value) & ~1) pr.any('features', `0x${Number(value).toString(16)}`, `0x${Number(value).toString(16)} `);
    } else pr.any(name, value, `${value} `);
  }
  pr.closeObject();
  pr.closeArray();
}

/** print_rta_flow() */
function printRealms(ctx: Ctx, realms: number): void {
  const { pr, names } = ctx;
  if (realms === 0) return;
  const from = realms >>> 16;
  pr.openObject('flow');
  pr.fp(from ? 'realms ' : 'realm ');
  if (from) pr.any('from', names.realm(from), `${names.realm(from)}/`);
  pr.any('to', names.realm(realms & 0xffff), `${names.realm(realms & 0xffff)} `);
  pr.closeObject();
}

/** As printRoute(), where names of links are not known yet: each is asked for by a message of its own. */
export function printRouteAsking(ctx: Ctx, m: RouteMsg, hide: RouteHide = {}): void {
  const dev = m.hops.length === 1 && !m.group ? m.hops[0]?.dev : null;
  if (dev) linkwatchSync(dev);
  printRoute(ctx, m, hide);
}

export function printRoute(ctx: Ctx, m: RouteMsg, hide: RouteHide = {}, deleted = false): void {
  const { pr, names } = ctx;
  pr.openObject();
  if (deleted) pr.any('deleted', true, 'Deleted ');
  if (m.type !== 'unicast' || ctx.details > 0) pr.any('type', names.type(m.type), `${names.type(m.type)} `);
  const dst = isDefault(m.dst) && m.cache === null ? 'default' : formatPrefix(m.dst, m.family);
  pr.any('dst', dst, `${dst} `, dst === 'default' ? 'none' : familyColor(m.dst.addr));
  if (m.src) pr.any('from', formatPrefix(m.src, m.family), `${formatPrefix(m.src, m.family)} `, familyColor(m.src.addr), 'from ');
  if (m.nhid) pr.any('nhid', m.nhid, `nhid ${m.nhid} `);
  if (m.tos && !hide.tos) pr.any('tos', names.dsfield(m.tos), `tos ${names.dsfield(m.tos)} `);
  const hop = m.hops.length === 1 && !m.group ? (m.hops[0] as RouteHop) : null;
  if (hop) {
    if (!hide.via) printGateway(ctx, m, hop);
    if (hop.dev && !hide.dev) pr.any('dev', ctx.nameOf(hop.dev), `${ctx.nameOf(hop.dev)} `, 'ifname', 'dev ');
  }
  if (m.table && (m.table !== 254 || ctx.details > 0) && !hide.table)
    pr.any('table', names.table(m.table), `table ${names.table(m.table)} `);
  if (m.cache === null) {
    if ((m.proto !== 3 || ctx.details > 0) && m.proto !== -1 && !hide.proto)
      pr.any('protocol', names.proto(m.proto), `proto ${names.proto(m.proto)} `);
    if ((m.scope !== 0 || ctx.details > 0) && !hide.scope) pr.any('scope', names.scope(m.scope), `scope ${names.scope(m.scope)} `);
  }
  if (m.prefsrc !== null && !hide.src) pr.any('prefsrc', formatIp(m.prefsrc), `${formatIp(m.prefsrc)} `, familyColor(m.prefsrc), 'src ');
  if (m.metric !== null && !hide.metric) pr.any('metric', m.metric, `metric ${m.metric} `);
  printFlags(ctx, m.flags);
  if (m.mark) pr.any('mark', m.mark, m.mark >= 16 ? `mark 0x${m.mark.toString(16)} ` : `mark ${m.mark} `);
  if (!hide.realm) printRealms(ctx, m.realms);
  if (m.uid !== null) pr.any('uid', m.uid, `uid ${m.uid} `);
  if (m.cache) printCache(ctx, m.cache);
  else if (m.expires) pr.any('expires', m.expires, `expires ${m.expires}sec `);
  printMetrics(ctx, m);
  if (m.iif) pr.any('iif', m.iif.name, `iif ${m.iif.name} `, 'ifname');
  if (m.family === 6) pr.any('pref', m.pref, `pref ${m.pref}`);
  const object = m.nhid && ctx.details > 0 ? ctx.ns.fib.nexthops.get(m.nhid) : undefined;
  if (object) {
    pr.fp(`${pr.sl}\tnh_info `);
    printEntry(ctx, object, false, 'nh_info');
  }
  if (m.hops.length > 1 || m.group) printMultipath(ctx, m);
  pr.fp('\n');
  pr.closeObject();
}

function printCache(ctx: Ctx, cache: NonNullable<RouteMsg['cache']>): void {
  const { pr } = ctx;
  pr.nl();
  pr.openArray('cache', cache.flags.length > 0 ? '    cache <' : '    cache ');
  for (const [i, f] of cache.flags.entries()) pr.any(null, f, `${i > 0 ? ',' : ''}${f}`);
  pr.closeArray(cache.flags.length > 0 ? '> ' : '');
  if (cache.expires) pr.any('expires', cache.expires, `expires ${cache.expires}sec `);
}

function printMultipath(ctx: Ctx, m: RouteMsg): void {
  const { pr } = ctx;
  pr.openArray('nexthops');
  for (const hop of m.hops) {
    pr.openObject();
    pr.fp(`${pr.sl}\tnexthop `);
    printGateway(ctx, m, hop);
    printRealms(ctx, hop.realms);
    if (hop.dev) pr.any('dev', ctx.nameOf(hop.dev), `${ctx.nameOf(hop.dev)} `, 'ifname', 'dev ');
    pr.any('weight', hop.weight, `weight ${hop.weight} `);
    printFlags(ctx, hop.flags);
    pr.closeObject();
  }
  pr.closeArray();
}
