/** Listings as JSON. Models nftables/src/json.c */

import * as nft from '../../../os/nft.ts';
import { xt } from '../../../os/uapi.ts';
import { evaluateRule } from '../evaluate/stmt.ts';
import { Cursor, sourceOf, tokens } from '../lexer.ts';
import { LOG_FLAGS, LOG_LEVELS } from '../parse/log.ts';
import { parseRule } from '../parse/stmt.ts';
import type { Shown } from '../run/other.ts';
import { elemsOf, type Format } from './expr.ts';
import { shownElem, shownElems } from './list.ts';
import { listRule } from './rule.ts';
import { wideNat } from './stmt.ts';
import type { ChainView, RuleView, TableView } from './view.ts';

export type Json = null | boolean | number | bigint | string | readonly Json[] | { readonly [key: string]: Json | undefined };

/** As jansson writes it: a blank after colons and commas. */
export function jsonText(v: Json): string {
  if (v === null || typeof v === 'boolean' || typeof v === 'number' || typeof v === 'bigint') return String(v);
  if (typeof v === 'string') return JSON.stringify(v);
  if (Array.isArray(v)) return `[${v.map((x) => jsonText(x as Json)).join(', ')}]`;
  return `{${Object.entries(v)
    .flatMap(([k, x]) => (x === undefined ? [] : `${JSON.stringify(k)}: ${jsonText(x)}`))
    .join(', ')}}`;
}

/** Flags: one by its name, several as a list. */
const oneOrMany = (list: readonly string[]): Json => (list.length === 1 ? (list[0] as string) : list);

const LINK_NUMBERS = new Set(['integer', 'mark', 'inet_service', 'ether_type']);

function scalar(type: xt.DataType, v: xt.NftValue, f: Format): Json {
  if (typeof v === 'string') return v;
  if (type.symbols && !f.numeric) {
    const name = type.symbols.find(([, n]) => n === v)?.[0];
    if (name !== undefined) return type.name === 'boolean' ? v === 1 : name;
  }
  switch (type.name) {
    case 'inet_proto':
      return f.numericProto || (v !== 0 && !xt.protocolName(Number(v))) ? v : v === 0 ? 'ip' : (xt.protocolName(Number(v)) as string);
    case 'iface_index':
      return f.names.ifname(Number(v)) ?? String(v);
    case 'boolean':
      return v === 1;
    default:
  }
  if (LINK_NUMBERS.has(type.name) || !type.print) return v;
  const text = type.print(v, f);
  const plain = text.replace(/^"(.*)"$/, '$1');
  return type.name === 'uid' || type.name === 'gid' || type.name === 'ct_label' ? (/^\d+$/.test(plain) ? Number(plain) : plain) : plain;
}

function valueJson(e: xt.ValueExpr, f: Format): Json {
  if (e.type.base === 'bitmask' && typeof e.v !== 'string') {
    const bits = nft.bitsOf(e.v);
    if (bits.length > 1) return bits.map((b) => scalar(e.type, b, f));
  }
  return scalar(e.type, e.v, f);
}

function verdictJson(e: xt.VerdictExpr): Json {
  return { [e.verdict]: e.chain === null ? null : { target: e.chain } };
}

function orTree(bits: readonly Json[]): Json {
  return bits.slice(1).reduce<Json>((left, b) => ({ '|': [left, b] }), bits[0] ?? 0);
}

function elemJson(el: xt.Elem, f: Format): Json {
  const key0: Json = el.key ? exprJson(el.key, f) : '*';
  // Several bits in a set are alternatives of one element.
  const val: Json = el.key?.k === 'value' && el.key.type.base === 'bitmask' && Array.isArray(key0) ? orTree(key0) : key0;
  const more: Record<string, Json> = {};
  if (el.timeout !== null) more.timeout = Math.floor(el.timeout / 1000);
  if (el.expires !== null) more.expires = Math.floor(el.expires / 1000);
  if (el.comment !== null) more.comment = el.comment;
  for (const s of el.stmts) Object.assign(more, stmtJson(s, f, 'ip') as object);
  const key: Json = Object.keys(more).length > 0 ? { elem: { val, ...more } } : val;
  return el.data ? [key, exprJson(el.data, f)] : key;
}

function tableJson(e: xt.SetExpr | xt.SetRefExpr, f: Format): Json {
  if (e.k === 'setref') return `@${e.name}`;
  return { set: elemsOf(e).map((el) => elemJson(el, f)) };
}

const SLASHED: Readonly<Record<string, string>> = { exthdr: 'exthdr', tcpopt: 'tcp option', ipopt: 'ip option', sctp: 'sctp chunk' };

function extJson(e: xt.ExtExpr): Json {
  if (e.raw) return { 'tcp option': { base: e.header.kind, offset: e.raw.off, len: e.raw.len } };
  if (e.header.name === 'rt0') return { exthdr: { name: 'srh', field: 'sid[1]' } };
  // Options without a name are told by number.
  if (/^\d+$/.test(e.header.name)) return { 'tcp option': { base: e.header.kind, offset: 0, len: 8 } };
  return { [SLASHED[e.kind] as string]: { name: e.header.name, ...(e.field ? { field: e.field.name } : {}) } };
}

function familyKey(name: string, key: string, dir: string | null): Json {
  const [first, second] = key.split(' ');
  const split = second !== undefined && (first === 'ip' || first === 'ip6');
  void name;
  return split ? { key: second, family: first as string, ...(dir ? { dir } : {}) } : { key, ...(dir ? { dir } : {}) };
}

function exprJson(e: xt.Expr, f: Format): Json {
  switch (e.k) {
    case 'value':
      return valueJson(e, f);
    case 'symbol':
      return e.text;
    case 'verdict':
      return verdictJson(e);
    case 'prefix':
      return e.base.k === 'value' && typeof e.base.v === 'string' ? e.base.v : { prefix: { addr: exprJson(e.base, f), len: e.len } };
    case 'range': {
      const style = { ...f, numeric: true, numericProto: true };
      return { range: [exprJson(e.left, style), exprJson(e.right, style)] };
    }
    case 'concat':
      return { concat: e.items.map((i) => exprJson(i, f)) };
    case 'list':
      return e.items.map((i) => exprJson(i, f));
    case 'binop':
      return { [e.op]: [exprJson(e.left, f), exprJson(e.right, f)] };
    case 'payload':
      if (!e.desc || !e.field) return { payload: { base: e.base, offset: e.off, len: e.len } };
      return { payload: { protocol: e.desc.name, field: e.field.name } };
    case 'ext':
      return extJson(e);
    case 'meta':
      return { meta: { key: e.key } };
    case 'ct':
      return { ct: ctKey(e) };
    case 'rt':
      return { rt: familyKey('rt', e.key, null) };
    case 'socket':
      return { socket: { key: e.key } };
    case 'osf':
      return { osf: { key: e.version ? 'version' : 'name', ...(e.ttl ? { ttl: e.ttl } : {}) } };
    case 'fib':
      return { fib: { result: e.result, flags: [...e.flags] } };
    case 'numgen':
      return { numgen: { mode: e.mode, mod: e.mod, offset: e.offset } };
    case 'hash': {
      const rest: Record<string, Json> = { mod: e.mod };
      if (e.seed !== null) rest.seed = e.seed;
      if (e.offset) rest.offset = e.offset;
      if (e.expr) rest.expr = exprJson(e.expr, f);
      return { [e.what]: rest };
    }
    case 'xfrm': {
      const [first, second] = e.key.split(' ');
      return { ipsec: { key: second ?? first ?? '', ...(second ? { family: first as string } : {}), dir: e.dir, spnum: e.spnum } };
    }
    case 'set':
    case 'setref':
      return tableJson(e, f);
    case 'map':
      return { [e.type.base === 'verdict' ? 'vmap' : 'map']: { key: exprJson(e.key, f), data: tableJson(e.table, f) } };
    default:
      return null;
  }
}

function ctKey(e: xt.CtExpr): Json {
  const dir = e.dir ? { dir: e.dir } : {};
  return { key: e.key, ...dir };
}

function matchJson(s: xt.MatchStmt, f: Format): Json {
  const { left, right, op } = s;
  const mask = right.type.base === 'bitmask';
  if (left.k === 'binop' && left.op === '&' && mask && right.k === 'value' && right.v === 0 && (op === '==' || op === '!=')) {
    return { match: { op: op === '!=' ? 'in' : '!', left: exprJson(left.left, f), right: exprJson(left.right, f) } };
  }
  return { match: { op: op === 'implicit' ? 'in' : op, left: exprJson(left, f), right: exprJson(right, f) } };
}

const SIZES: readonly (readonly [string, number])[] = [
  ['mbytes', 1024 * 1024],
  ['kbytes', 1024],
];

function size(n: number): readonly [number, string] {
  for (const [unit, by] of SIZES) if (n !== 0 && n % by === 0) return [n / by, unit];
  return [n, 'bytes'];
}

function limitJson(s: xt.LimitStmt, object: boolean): { [key: string]: Json | undefined } {
  const [rate, unit] = s.bytes ? size(s.rate) : [s.rate, 'packets'];
  const [burst, burstUnit] = s.bytes ? size(s.burst) : [s.burst, 'packets'];
  const inv = s.over ? { inv: true } : {};
  const units = s.bytes ? { rate_unit: unit, ...(object && s.burst === 0 ? {} : { burst_unit: burstUnit }) } : {};
  if (object) return { rate, per: s.unit, ...(s.burst > 0 ? { burst } : {}), ...inv, ...units };
  return { rate, burst, per: s.unit, ...inv, ...units };
}

function logJson(s: xt.LogStmt): Json {
  const o: Record<string, Json> = {};
  if (s.prefix !== null) o.prefix = s.prefix;
  if (s.group !== null) o.group = s.group;
  if (s.snaplen !== null) o.snaplen = s.snaplen;
  if (s.threshold !== null) o['queue-threshold'] = s.threshold;
  if (s.level !== null && s.level !== 4) o.level = LOG_LEVELS[s.level] as string;
  const names = Object.entries(LOG_FLAGS).filter(([name, bit]) => name !== 'all' && s.flags & bit);
  if (s.flags === LOG_FLAGS.all) o.flags = 'all';
  else if (names.length > 0) o.flags = oneOrMany(names.map(([name]) => name));
  return { log: Object.keys(o).length > 0 ? o : null };
}

function natJson(s: xt.NatStmt, f: Format, table: xt.NftFamily): Json {
  const o: Record<string, Json> = {};
  if (s.addr && s.family && (s.family !== table || wideNat(s))) o.family = s.family;
  if (s.addr) o.addr = exprJson(s.addr, f);
  if (s.port) o.port = exprJson(s.port, f);
  if (s.flags.length > 0) o.flags = oneOrMany(s.flags);
  if (s.form === 'prefix') o.type_flags = 'prefix';
  return { [s.what]: Object.keys(o).length > 0 ? o : null };
}

function synproxyJson(s: xt.SynproxyStmt): { [key: string]: Json | undefined } {
  const flags = [s.timestamp ? 'timestamp' : '', s.sackPerm ? 'sack-perm' : ''].filter((x) => x);
  return {
    ...(s.mss !== null ? { mss: s.mss } : {}),
    ...(s.wscale !== null ? { wscale: s.wscale } : {}),
    ...(flags.length > 0 ? { flags } : {}),
  };
}

function rejectJson(s: xt.RejectStmt, f: Format): Json {
  if (s.kind === 'tcp') return { reject: { type: 'tcp reset' } };
  const type = s.kind === 'icmp' ? nft.TYPES.icmp_code : s.kind === 'icmpv6' ? nft.TYPES.icmpv6_code : nft.TYPES.icmpx_code;
  return { reject: { type: s.kind ?? 'icmpx', expr: scalar(type, s.code, f) } };
}

function setopJson(s: xt.SetStmt, f: Format): Json {
  const name = s.set.k === 'setref' ? s.set.name : '';
  const stmts = s.stmts.map((st) => (st.s === 'counter' ? { counter: null } : stmtJson(st, f, 'ip')));
  if (s.meter) {
    const size = s.set.k === 'setref' ? (s.set.set.spec.size ?? 0) : 0;
    return { meter: { key: exprJson(s.key, f), stmt: stmts[0] ?? null, size, name } };
  }
  const val = exprJson(s.key, f);
  const elem: Json = s.timeout !== null ? { elem: { val, timeout: Math.floor(s.timeout / 1000) } } : val;
  if (s.data) return { map: { op: s.op, elem, data: exprJson(s.data, f), map: `@${name}` } };
  return { set: { op: s.op, elem, set: `@${name}`, ...(stmts.length > 0 ? { stmt: stmts } : {}) } };
}

function stmtJson(s: xt.Stmt, f: Format, table: xt.NftFamily): Json {
  switch (s.s) {
    case 'match':
      return matchJson(s, f);
    case 'verdict':
      return exprJson(s.expr, f);
    case 'counter':
      return f.stateless ? { counter: null } : { counter: { packets: s.packets, bytes: s.bytes } };
    case 'limit':
      return { limit: limitJson(s, false) };
    case 'quota': {
      const [val, unit] = size(s.bytes);
      const [used, usedUnit] = size(s.used);
      return {
        quota: {
          val,
          val_unit: unit,
          ...(s.over ? { inv: true } : {}),
          ...(s.used > 0 && !f.stateless ? { used, used_unit: usedUnit } : {}),
        },
      };
    }
    case 'last':
      return { last: s.at === null || f.stateless ? null : { used: Math.floor((f.names.now - s.at) / 1000) } };
    case 'connlimit':
      return { 'ct count': { val: s.count, ...(s.over ? { inv: true } : {}) } };
    case 'log':
      return logJson(s);
    case 'reject':
      return rejectJson(s, f);
    case 'nat':
      return natJson(s, f, table);
    case 'tproxy':
      return {
        tproxy: {
          ...(s.family && s.family !== table ? { family: s.family } : {}),
          ...(s.addr ? { addr: exprJson(s.addr, f) } : {}),
          ...(s.port ? { port: exprJson(s.port, f) } : {}),
        },
      };
    case 'queue':
      return { queue: { ...(s.num ? { num: exprJson(s.num, f) } : {}), ...(s.flags.length > 0 ? { flags: oneOrMany(s.flags) } : {}) } };
    case 'dup':
      return { dup: { ...(s.addr ? { addr: exprJson(s.addr, f) } : {}), ...(s.dev ? { dev: exprJson(s.dev, f) } : {}) } };
    case 'fwd':
      return { fwd: { dev: exprJson(s.dev, f), ...(s.addr ? { family: s.family, addr: exprJson(s.addr, f) } : {}) } };
    case 'notrack':
      return { notrack: null };
    case 'assign':
      return { mangle: { key: exprJson(s.target, f), value: exprJson(s.value, f) } };
    case 'resetopt':
      return { reset: exprJson(s.target, f) };
    case 'setop':
      return setopJson(s, f);
    case 'objref':
      return { [s.kind]: exprJson(s.expr, f) };
    case 'synproxy': {
      const o = synproxyJson(s);
      return { synproxy: Object.keys(o).length > 0 ? o : null };
    }
    case 'flow':
      return { flow: { op: 'add', flowtable: `@${s.name}` } };
    case 'xt':
      return { xt: { type: s.kind, name: s.name } };
    default:
      return null;
  }
}

const setType = (t: xt.DataType): Json => (t.parts ? t.parts.map((p) => p.name) : t.name);

export function setJson(t: TableView, set: xt.NftSet, f: Format): Json {
  const { spec } = set;
  const o: Record<string, Json> = { family: t.family, name: spec.name, table: t.name, type: setType(spec.keyType), handle: set.handle };
  if (spec.comment !== null) o.comment = spec.comment;
  if (spec.kind === 'map') o.map = spec.objType ?? spec.dataType?.name ?? '';
  if (spec.policy === 'memory') o.policy = 'memory';
  if (spec.size !== null) o.size = spec.size;
  const flags = spec.flags.filter((x) => x !== 'dynamic');
  if (flags.length > 0) o.flags = flags;
  if (spec.timeout !== null) o.timeout = Math.floor(spec.timeout / 1000);
  if (spec.gcInterval !== null) o['gc-interval'] = Math.floor(spec.gcInterval / 1000);
  const elems = f.terse ? [] : shownElems(set, f);
  if (elems.length > 0) o.elem = elems.map((el) => elemJson(el, f));
  if (spec.stmts.length > 0) o.stmt = spec.stmts.map((s) => (s.s === 'counter' ? { counter: null } : stmtJson(s, f, t.family)));
  return { [spec.meter ? 'meter' : spec.kind]: o };
}

export function objectJson(t: TableView, o: xt.NftObject, f: Format): Json {
  const { spec } = o;
  const base: Record<string, Json> = { family: t.family, name: o.name, table: t.name, handle: o.handle };
  if (spec.comment !== null) base.comment = spec.comment;
  const s = spec.stmt;
  if (s?.s === 'counter') Object.assign(base, f.stateless ? {} : { packets: s.packets, bytes: s.bytes });
  else if (s?.s === 'quota') Object.assign(base, { bytes: s.bytes, used: f.stateless ? 0 : s.used, inv: s.over });
  else if (s?.s === 'limit') Object.assign(base, limitJson(s, true));
  else if (s?.s === 'synproxy') Object.assign(base, synproxyJson(s));
  else Object.assign(base, linesJson(spec.lines));
  return { [spec.kind]: base };
}

/** What helpers, timeouts and expectations say. */
function linesJson(lines: readonly string[]): { [key: string]: Json | undefined } {
  const o: Record<string, Json> = {};
  for (const line of lines) {
    const type = /^type "(.*)" protocol (\S+)$/.exec(line);
    const policy = /^policy = \{ (.*) \}$/.exec(line);
    if (type) Object.assign(o, { type: type[1], protocol: type[2] });
    else if (policy) {
      const pairs = (policy[1] as string).split(', ').map((x) => x.split(' : ') as [string, string]);
      o.policy = Object.fromEntries(pairs.map(([k, v]) => [k, Number(v)]));
    } else {
      const [key, value] = line.split(' ') as [string, string];
      if (key === 'timeout') o.timeout = nft.parseDuration(value) ?? 0;
      else o[key] = /^\d+$/.test(value) ? Number(value) : value;
    }
  }
  return o;
}

export function chainJson(t: TableView, c: ChainView): Json {
  const base = c.base
    ? {
        type: c.base.type,
        hook: c.base.hook.toLowerCase(),
        prio: c.base.priority,
        policy: c.base.policy,
      }
    : {};
  return { chain: { family: t.family, table: t.name, name: c.name, handle: c.handle, ...base } };
}

/** A piece of a rule of iptables: read as nft's language where it is that. */
function pieceJson(piece: string | { readonly kind: string; readonly name: string }, family: xt.NftFamily, f: Format): Json[] {
  if (typeof piece !== 'string') return [{ xt: { type: piece.kind, name: piece.name } }];
  const rule = parseRule(new Cursor(tokens(sourceOf(`${piece}\n`, null))));
  const done = evaluateRule(rule, { names: f.names, family, findSet: () => null, hintSet: () => '' });
  return listRule(done.stmts, family).stmts.map((s) => stmtJson(s, f, family));
}

export function ruleJson(
  t: TableView,
  c: Pick<ChainView, 'name'>,
  r: Pick<RuleView, 'handle' | 'rule' | 'pieces'>,
  f: Format,
  gone = false,
): Json {
  const rule = r.rule && gone ? { ...r.rule, stmts: r.rule.stmts.filter((s) => !(s.s === 'match' && s.right.k === 'set')) } : r.rule;
  const expr = rule
    ? listRule(rule.stmts, t.family).stmts.map((s) => stmtJson(s, f, t.family))
    : (r.pieces?.(f) ?? []).flatMap((p) => pieceJson(p, t.family, f));
  return {
    rule: {
      family: t.family,
      table: t.name,
      chain: c.name,
      handle: r.handle,
      ...(rule && rule.comment !== null ? { comment: rule.comment } : {}),
      expr,
    },
  };
}

export function elementJson(t: TableView, set: xt.NftSet, e: xt.SetElem, f: Format): Json {
  return { element: { family: t.family, table: t.name, name: set.name, elem: { set: [elemJson(shownElem(e, f), f)] } } };
}

export function tableHeadJson(t: TableView): Json {
  // nft 1.0.6 writes the table's name where it means the flag's.
  return { table: { family: t.family, name: t.name, handle: t.handle, ...(t.dormant ? { flags: t.name } : {}) } };
}

const META: Json = { metainfo: { version: '1.0.6', release_name: 'Lester Gooch #5', json_schema_version: 1 } };

export function jsonList(shown: Shown, f: Format): string {
  const out: Json[] = [META];
  for (const t of shown.tables) {
    const parts = shown.parts(t);
    if (parts.table) out.push(tableHeadJson(t));
    for (const o of parts.objects) out.push(objectJson(t, o, f));
    for (const s of parts.sets) if (!(s.spec.meter && parts.rules)) out.push(setJson(t, s, f));
    for (const c of parts.chains) out.push(chainJson(t, c));
    if (parts.rules) for (const c of parts.chains) for (const r of c.rules) out.push(ruleJson(t, c, r, f));
  }
  return `${jsonText({ nftables: out })}\n`;
}
