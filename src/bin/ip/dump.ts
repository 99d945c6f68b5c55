/** `save`, `restore` and `showdump` of addresses, routes and rules: netlink messages in a file. Models ipaddr_restore(), iproute_restore(), iprule_restore() */

import type { Task } from '../../os/program.ts';
import {
  type AddrSpec,
  type FibRoute,
  type FibRule,
  type IfAddr,
  INFINITY_LIFE,
  type NexthopSpec,
  newAddr,
  type Result,
  type RouteSpec,
  type RouteType,
  routeMsg,
} from '../../os/uapi.ts';
import type { Family, IpAddr, Prefix } from '../../wire/addr.ts';
import { printAddr } from './addrprint.ts';
import type { Ctx } from './ctx.ts';
import { printRoute } from './routeprint.ts';

const MAGIC = { addr: 0x47361222, route: 0x45311224, rule: 0x71706986 };
const RTM = { addr: 20, route: 24, rule: 32 };
type Kind = keyof typeof MAGIC;

const TYPES: readonly RouteType[] = [
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
] as RouteType[];
const PREFS = ['medium', 'high', 'invalid', 'low'];
/** RTAX_* by the names that `ip route` prints. */
const METRICS: Readonly<Record<string, number>> = {
  mtu: 2,
  window: 3,
  rtt: 4,
  rttvar: 5,
  ssthresh: 6,
  cwnd: 7,
  advmss: 8,
  reordering: 9,
  hoplimit: 10,
  initcwnd: 11,
  rto_min: 13,
  initrwnd: 14,
  quickack: 15,
  fastopen_no_cookie: 17,
};

/** Numbers in the host's order (little-endian). */
function bytes(n: number, size: number): number[] {
  return Array.from({ length: size }, (_, i) => Math.floor(n / 2 ** (8 * i)) % 256);
}

function addrBytes(a: IpAddr): number[] {
  if (typeof a === 'number') return [a >>> 24, (a >>> 16) & 255, (a >>> 8) & 255, a & 255];
  return Array.from({ length: 16 }, (_, i) => Number((a >> BigInt(8 * (15 - i))) & 255n));
}

function attr(type: number, data: readonly number[]): number[] {
  return [...bytes(4 + data.length, 2), ...bytes(type, 2), ...data, ...new Array((4 - (data.length % 4)) % 4).fill(0)];
}

const u32 = (type: number, n: number): number[] => attr(type, bytes(n >>> 0, 4));
const text = (type: number, s: string): number[] => attr(type, [...new TextEncoder().encode(s), 0]);
const family = (f: Family): number => (f === 4 ? 2 : 10);

function message(kind: Kind, payload: readonly number[]): number[] {
  return [...bytes(16 + payload.length, 4), ...bytes(RTM[kind], 2), ...bytes(2, 2), ...bytes(0, 4), ...bytes(0, 4), ...payload];
}

function encodeRoute(r: FibRoute, now: number): number[] {
  const head = [
    family(r.family),
    r.dst.len,
    r.src?.len ?? 0,
    r.tos,
    r.table > 255 ? 252 : r.table,
    r.proto,
    r.scope,
    TYPES.indexOf(r.type) + 1,
  ];
  const out = [...head, ...bytes(0, 4), ...u32(15, r.table)];
  if (r.dst.len > 0) out.push(...attr(1, addrBytes(r.dst.addr)));
  if (r.src && r.src.len > 0) out.push(...attr(2, addrBytes(r.src.addr)));
  if (r.metric !== 0) out.push(...u32(6, r.metric));
  const values = { ...r.metrics, ...(r.mtu ? { mtu: r.mtu } : {}), ...(r.advmss ? { advmss: r.advmss } : {}) };
  const metrics = Object.entries(values).flatMap(([name, n]) => (METRICS[name] === undefined ? [] : u32(METRICS[name] as number, n)));
  const locks = [...r.locks, ...(r.mtuLock ? ['mtu'] : [])].reduce((mask, name) => mask | (1 << (METRICS[name] ?? 0)), 0);
  if (locks) metrics.unshift(...u32(1, locks));
  if (r.congctl !== '') metrics.push(...text(16, r.congctl));
  if (metrics.length > 0) out.push(...attr(8, metrics));
  if (r.prefsrc !== null) out.push(...attr(7, addrBytes(r.prefsrc)));
  if (r.nhid) out.push(...u32(30, r.nhid));
  const hop = (h: FibRoute['nexthops'][number]): number[] => {
    const via = h.gateway === null ? [] : attr(typeof h.gateway === 'bigint' && r.family === 4 ? 18 : 5, viaBytes(h.gateway, r.family));
    return [...via, ...(h.realms ? u32(11, h.realms) : [])];
  };
  const [only] = r.nexthops;
  if (r.nexthops.length > 1) {
    const hops = r.nexthops.flatMap((h) => {
      const inner = hop(h);
      return [...bytes(8 + inner.length, 2), h.onlink ? 4 : 0, h.weight - 1, ...bytes(h.dev?.ifindex ?? 0, 4), ...inner];
    });
    out.push(...attr(9, hops));
  } else if (only) {
    if (only.onlink) out[8] = 4;
    out.push(...hop(only));
    if (only.dev) out.push(...u32(4, only.dev.ifindex));
  }
  if (r.family === 6) {
    const left = r.expires > 0 ? Math.max(0, Math.ceil((r.expires - now) / 1e4)) : 0;
    out.push(...attr(12, [...bytes(0, 8), ...bytes(left, 4), ...bytes(0, 20)]), ...attr(20, [Math.max(0, PREFS.indexOf(r.pref))]));
  }
  return message('route', out);
}

/** RTA_VIA carries the family in front of the address. */
function viaBytes(gateway: IpAddr, f: Family): number[] {
  return typeof gateway === 'bigint' && f === 4 ? [...bytes(10, 2), ...addrBytes(gateway)] : addrBytes(gateway);
}

const ACTIONS: Readonly<Record<string, number>> = { lookup: 1, goto: 2, nop: 3, blackhole: 6, unreachable: 7, prohibit: 8 };

function encodeRule(r: FibRule): number[] {
  const flags = r.not ? 2 : 0;
  const head = [family(r.family), r.dst?.len ?? 0, r.src?.len ?? 0, r.tos, r.table > 255 ? 252 : r.table, 0, 0, ACTIONS[r.action] ?? 0];
  const out = [...head, ...bytes(flags, 4), ...u32(15, r.table), ...u32(14, r.suppressPrefixlen), ...attr(21, [r.protocol])];
  if (r.priority) out.push(...u32(6, r.priority));
  if (r.src) out.push(...attr(2, addrBytes(r.src.addr)));
  if (r.dst) out.push(...attr(1, addrBytes(r.dst.addr)));
  if (r.iif !== null) out.push(...text(3, r.iif));
  if (r.oif !== null) out.push(...text(17, r.oif));
  if (r.fwmark) out.push(...u32(10, r.fwmark));
  if (r.fwmark || r.fwmask) out.push(...u32(16, r.fwmask));
  if (r.tunId) out.push(...attr(12, [...bytes(0, 4), ...addrBytes(r.tunId)]));
  if (r.l3mdev) out.push(...attr(19, [1]));
  if (r.uidrange) out.push(...attr(20, [...bytes(r.uidrange[0], 4), ...bytes(r.uidrange[1], 4)]));
  if (r.action === 'goto') out.push(...u32(4, r.target));
  if (r.suppressIfgroup >= 0) out.push(...u32(13, r.suppressIfgroup));
  if (r.realms) out.push(...u32(11, r.realms));
  if (r.ipproto) out.push(...attr(22, [r.ipproto]));
  if (r.sport)
    out.push(
      ...attr(
        23,
        r.sport.flatMap((n) => bytes(n, 2)),
      ),
    );
  if (r.dport)
    out.push(
      ...attr(
        24,
        r.dport.flatMap((n) => bytes(n, 2)),
      ),
    );
  return message('rule', out);
}

function encodeAddr(a: IfAddr, now: number): number[] {
  const out = [family(a.family), a.len, a.flags & 255, a.scope, ...bytes(a.dev.ifindex, 4)];
  const left = (life: number): number => (life === INFINITY_LIFE ? INFINITY_LIFE : Math.max(0, life - Math.floor((now - a.since) / 1e6)));
  const life = attr(6, [...bytes(left(a.prefLft), 4), ...bytes(left(a.validLft), 4), ...bytes(0, 8)]);
  const extra = [...(a.metric ? u32(9, a.metric) : [])];
  const proto = a.proto ? attr(11, [a.proto]) : [];
  if (a.family === 4) {
    out.push(...attr(1, addrBytes(a.peer)), ...attr(2, addrBytes(a.local)));
    if (a.broadcast !== null) out.push(...attr(4, addrBytes(a.broadcast)));
    out.push(...text(3, a.label), ...proto, ...u32(8, a.flags), ...extra, ...life);
  } else {
    if (a.peer !== a.local) out.push(...attr(2, addrBytes(a.local)));
    out.push(...attr(1, addrBytes(a.peer)), ...extra, ...life, ...u32(8, a.flags), ...proto);
  }
  return message('addr', out);
}

/** Attributes of a message or of a nested one. */
function attributes(b: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (let i = 0; i + 4 <= b.length; ) {
    const len = num(b.subarray(i, i + 2));
    if (len < 4) break;
    found.set(num(b.subarray(i + 2, i + 4)), b.subarray(i + 4, i + len));
    i += (len + 3) & ~3;
  }
  return found;
}

function num(b: Uint8Array | undefined): number {
  return b ? [...b.subarray(0, 4)].reduceRight((n, byte) => n * 256 + byte, 0) : 0;
}

function addrOf(b: Uint8Array): IpAddr {
  if (b.length === 4) return [...b].reduce((n, byte) => n * 256 + byte, 0);
  return [...b].reduce((n, byte) => n * 256n + BigInt(byte), 0n);
}

const words = (b: Uint8Array): string => new TextDecoder().decode(b).replace(/\0.*$/s, '');

function prefix(a: Map<number, Uint8Array>, type: number, len: number, f: Family): Prefix {
  const b = a.get(type);
  return { addr: b ? addrOf(b) : f === 4 ? 0 : 0n, len };
}

interface ReadRoute {
  spec: RouteSpec;
  gateway: boolean;
  /** Its source is not the destination itself. */
  sourced: boolean;
}

function decodeRoute(ctx: Ctx, b: Uint8Array): ReadRoute {
  const f: Family = b[0] === 2 ? 4 : 6;
  const a = attributes(b.subarray(12));
  const dev = (n: number): NexthopSpec['dev'] => ctx.ns.deviceByIndex(n) ?? null;
  const hop = (at: Map<number, Uint8Array>, index: number, weight: number, flags: number): NexthopSpec => {
    const via = at.get(18);
    const plain = at.get(5);
    return {
      dev: dev(index),
      gateway: via ? addrOf(via.subarray(2)) : plain ? addrOf(plain) : null,
      weight,
      onlink: (flags & 4) !== 0,
      realms: num(at.get(11)),
    };
  };
  const nexthops: NexthopSpec[] = [];
  const multi = a.get(9);
  for (let i = 0; multi && i + 8 <= multi.length; ) {
    const len = num(multi.subarray(i, i + 2));
    nexthops.push(
      hop(
        attributes(multi.subarray(i + 8, i + len)),
        num(multi.subarray(i + 4, i + 8)),
        (multi[i + 3] as number) + 1,
        multi[i + 2] as number,
      ),
    );
    i += Math.max(8, len);
  }
  const type = TYPES[(b[7] as number) - 1] ?? 'unicast';
  if (!multi && (a.has(4) || a.has(5) || a.has(18))) nexthops.push(hop(a, num(a.get(4)), 1, b[8] as number));
  const spec: RouteSpec = {
    family: f,
    dst: prefix(a, 1, b[1] as number, f),
    tos: b[3] as number,
    table: a.has(15) ? num(a.get(15)) : (b[4] as number),
    proto: b[5] as number,
    scope: b[6] as number,
    type,
    nexthops: a.has(30) ? [] : nexthops,
    metric: num(a.get(6)),
    prefsrc: a.has(7) ? addrOf(a.get(7) as Uint8Array) : null,
    nhid: num(a.get(30)),
  };
  if (a.has(2)) spec.src = prefix(a, 2, b[2] as number, f);
  if (f === 6 && a.has(20)) spec.pref = (PREFS[num(a.get(20))] ?? 'medium') as NonNullable<RouteSpec['pref']>;
  const nested = a.get(8);
  if (nested) {
    const m = attributes(nested);
    const locked = num(m.get(1));
    const values: Record<string, number> = {};
    for (const [name, n] of Object.entries(METRICS)) if (m.has(n)) values[name] = num(m.get(n));
    const { mtu, advmss, ...others } = values;
    Object.assign(spec, { metrics: others, ...(mtu ? { mtu } : {}), ...(advmss ? { advmss } : {}) });
    spec.mtuLock = (locked & 4) !== 0;
    spec.locks = Object.keys(METRICS).filter((name) => name !== 'mtu' && locked & (1 << (METRICS[name] as number)));
    const cc = m.get(16);
    if (cc) spec.congctl = words(cc);
  }
  const sourced = spec.prefsrc !== null && !(spec.prefsrc === spec.dst.addr);
  return { spec, gateway: a.has(5) || a.has(18), sourced };
}

function decodeRule(b: Uint8Array): Parameters<Ctx['ns']['fib']['rules']['add']>[0] {
  const f: Family = b[0] === 2 ? 4 : 6;
  const a = attributes(b.subarray(12));
  const pair = (type: number, size: number): [number, number] | null => {
    const data = a.get(type);
    return data ? [num(data.subarray(0, size)), num(data.subarray(size, 2 * size))] : null;
  };
  const spec: Parameters<Ctx['ns']['fib']['rules']['add']>[0] = {
    family: f,
    not: ((b[8] as number) & 2) !== 0,
    tos: b[3] as number,
    table: num(a.get(15)),
    action: (Object.keys(ACTIONS).find((name) => ACTIONS[name] === b[7]) ?? 'lookup') as FibRule['action'],
    suppressPrefixlen: a.has(14) ? num(a.get(14)) | 0 : -1,
    protocol: num(a.get(21)),
    fwmark: num(a.get(10)),
    fwmask: num(a.get(16)),
    iif: a.has(3) ? words(a.get(3) as Uint8Array) : null,
    oif: a.has(17) ? words(a.get(17) as Uint8Array) : null,
    tunId: a.has(12) ? (addrOf((a.get(12) as Uint8Array).subarray(4)) as number) : 0,
    l3mdev: num(a.get(19)) !== 0,
    uidrange: pair(20, 4),
    target: num(a.get(4)),
    suppressIfgroup: a.has(13) ? num(a.get(13)) : -1,
    realms: num(a.get(11)),
    ipproto: num(a.get(22)),
    sport: pair(23, 2),
    dport: pair(24, 2),
    src: a.has(2) ? prefix(a, 2, b[2] as number, f) : null,
    dst: a.has(1) ? prefix(a, 1, b[1] as number, f) : null,
  };
  if (a.has(6)) spec.priority = num(a.get(6));
  return spec;
}

/** The payloads of a file's messages, or what is wrong with it. */
function* read(ctx: Ctx, kind: Kind): Task<Uint8Array[] | number> {
  if (ctx.p.isatty(0)) {
    ctx.complain(kind === 'addr' ? "Can't restore address dump from a terminal\n" : `Can't restore ${kind} dump from a terminal\n`);
    return 255;
  }
  const all = yield* ctx.p.readAll(0);
  const b = all.ok ? all.value : new Uint8Array();
  const magic = num(b.subarray(0, 4));
  if (b.length < 4 || magic !== MAGIC[kind]) {
    ctx.complain(`Magic mismatch (${b.length < 4 ? 0 : 1} elems, ${(b.length < 4 ? 0 : magic).toString(16)} magic)\n`);
    return 255;
  }
  const out: Uint8Array[] = [];
  for (let i = 4; i + 16 <= b.length; ) {
    const len = num(b.subarray(i, i + 4));
    if (len < 16 || i + len > b.length) break;
    out.push(b.subarray(i + 16, i + len));
    i += (len + 3) & ~3;
  }
  return out;
}

/** Magic number and messages go out as they are; a terminal does not get them. */
function* save(ctx: Ctx, kind: Kind, messages: readonly number[][]): Task<number> {
  if (ctx.p.isatty(1)) {
    ctx.complain('Not sending a binary stream to stdout\n');
    return 255;
  }
  yield* ctx.p.out(Uint8Array.from([...bytes(MAGIC[kind], 4), ...messages.flat()]));
  return 0;
}

export function saveRoutes(ctx: Ctx, routes: readonly FibRoute[]): Task<number> {
  return save(
    ctx,
    'route',
    routes.map((r) => encodeRoute(r, ctx.p.sim.now)),
  );
}

export function saveRules(ctx: Ctx, rules: readonly FibRule[]): Task<number> {
  return save(ctx, 'rule', rules.map(encodeRule));
}

export function saveAddrs(ctx: Ctx, addrs: readonly IfAddr[]): Task<number> {
  return save(
    ctx,
    'addr',
    addrs.map((a) => encodeAddr(a, ctx.p.sim.now)),
  );
}

/** What is there already is told and passed over; anything else ends the run. */
function answered(ctx: Ctx, r: Result<unknown>): boolean {
  ctx.talk(r);
  return r.ok || r.errno === 'EEXIST';
}

/** Local addresses' routes first, then networks, then what needs a gateway. */
export function* restoreRoutes(ctx: Ctx): Task<number> {
  const found = yield* read(ctx, 'route');
  if (typeof found === 'number') return found;
  const routes = found.map((b) => decodeRoute(ctx, b));
  for (const pass of [0, 1, 2]) {
    for (const { spec, gateway, sourced } of routes) {
      if ((gateway ? 2 : sourced ? 1 : 0) !== pass) continue;
      if (!answered(ctx, ctx.ns.fib.add(spec, 'prepend'))) return 254;
    }
  }
  return 0;
}

export function* showRouteDump(ctx: Ctx): Task<number> {
  const found = yield* read(ctx, 'route');
  if (typeof found === 'number') return found;
  ctx.newJson();
  for (const b of found) {
    const { spec } = decodeRoute(ctx, b);
    const nexthops = (spec.nexthops ?? []).map((h) => ({
      dev: h.dev ?? null,
      gateway: h.gateway ?? null,
      weight: h.weight ?? 1,
      onlink: h.onlink ?? false,
      realms: h.realms ?? 0,
      dead: false,
      linkdown: false,
      scope: 0,
      exceptions: null,
    }));
    const route = {
      mtu: 0,
      mtuLock: false,
      advmss: 0,
      metrics: {},
      congctl: '',
      locks: [],
      src: null,
      pref: 'medium',
      expires: 0,
      ...spec,
      nexthops,
    } as unknown as FibRoute;
    printRoute(ctx, routeMsg(route, ctx.p.sim.now));
  }
  ctx.deleteJson();
  return 0;
}

export function* restoreRules(ctx: Ctx): Task<number> {
  const found = yield* read(ctx, 'rule');
  if (typeof found === 'number') return found;
  for (const b of found) {
    const r = ctx.ns.fib.rules.add(decodeRule(b), false);
    if (!answered(ctx, r)) return 255;
  }
  return 0;
}

function decodeAddr(ctx: Ctx, b: Uint8Array): { index: number; addr: IfAddr; spec: AddrSpec } {
  const index = num(b.subarray(4, 8));
  const a = attributes(b.subarray(8));
  const f: Family = b[0] === 2 ? 4 : 6;
  const zero = f === 4 ? 0 : 0n;
  const peer = a.has(1) ? addrOf(a.get(1) as Uint8Array) : zero;
  const local = a.has(2) ? addrOf(a.get(2) as Uint8Array) : peer;
  const life = a.get(6);
  const addr = {
    family: f,
    dev: ctx.ns.deviceByIndex(index),
    local,
    peer,
    len: b[1] as number,
    broadcast: a.has(4) ? addrOf(a.get(4) as Uint8Array) : null,
    scope: b[3] as number,
    label: a.has(3) ? words(a.get(3) as Uint8Array) : '',
    flags: num(a.get(8)),
    prefLft: life ? num(life.subarray(0, 4)) : INFINITY_LIFE,
    validLft: life ? num(life.subarray(4, 8)) : INFINITY_LIFE,
    since: ctx.p.sim.now,
    metric: num(a.get(9)),
    proto: num(a.get(11)),
  } as IfAddr;
  const spec: AddrSpec = { local, len: addr.len, scope: addr.scope, flags: addr.flags & ~0x81, metric: addr.metric };
  if (peer !== local) spec.peer = peer;
  if (addr.broadcast !== null) spec.broadcast = addr.broadcast;
  if (addr.label !== '') spec.label = addr.label;
  if (addr.validLft !== INFINITY_LIFE) spec.validLft = addr.validLft;
  if (addr.prefLft !== INFINITY_LIFE) spec.prefLft = addr.prefLft;
  return { index, addr, spec };
}

export function* restoreAddrs(ctx: Ctx): Task<number> {
  const found = yield* read(ctx, 'addr');
  if (typeof found === 'number') return found;
  for (const b of found) {
    const { addr, spec } = decodeAddr(ctx, b);
    const r: Result<unknown> = addr.dev ? newAddr(addr.dev, spec, 'add') : { ok: false, errno: 'ENODEV' };
    if (!answered(ctx, r)) return 255;
  }
  return 0;
}

export function* showAddrDump(ctx: Ctx): Task<number> {
  const found = yield* read(ctx, 'addr');
  if (typeof found === 'number') return found;
  for (const b of found) {
    const { index, addr } = decodeAddr(ctx, b);
    if (!addr.dev) continue;
    ctx.pr.out += `if${index}:${ctx.pr.oneline ? '\\' : '\n'}`;
    printAddr(ctx, addr, { named: false });
  }
  return 0;
}
