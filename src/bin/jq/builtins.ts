/** jq's functions. */

import { compareJson, delPath, type Env, formatAs, getPath, type Json, paths, setPath, truthy, typeName } from './eval.ts';
import { type Ast, JqError } from './parse.ts';

type Run = (e: Ast, v: Json, env: Env) => Generator<Json>;

const list = (v: Json): Json[] => {
  if (Array.isArray(v)) return v;
  throw new JqError(`Cannot iterate over ${typeName(v)}`);
};
const text = (v: Json, what: string): string => {
  if (typeof v === 'string') return v;
  throw new JqError(`${what} input must be a string`);
};

function regex(args: Json[]): RegExp {
  const [source, flags] = Array.isArray(args[0]) ? args[0] : [args[0], args[1]];
  try {
    return new RegExp(
      String(source),
      String(flags ?? '')
        .replace(/[^gimsx]/g, '')
        .replace('x', '')
        .replace('g', '') + (String(flags ?? '').includes('g') ? 'g' : ''),
    );
  } catch {
    throw new JqError(`${String(source)} (at offset 0) is not a valid regex`);
  }
}

const PLAIN: Record<string, (v: Json, args: Json[]) => Json> = {
  length: (v) =>
    v === null
      ? 0
      : typeof v === 'number'
        ? Math.abs(v)
        : typeof v === 'string'
          ? [...v].length
          : typeof v === 'boolean'
            ? fail(`boolean (${v}) has no length`)
            : Object.keys(v).length,
  keys: (v) =>
    Array.isArray(v) ? [...v.keys()] : v !== null && typeof v === 'object' ? Object.keys(v).sort() : fail(`${typeName(v)} has no keys`),
  keys_unsorted: (v) => (Array.isArray(v) ? [...v.keys()] : Object.keys(v as object)),
  type: (v) => typeName(v),
  not: (v) => !truthy(v),
  tostring: (v) => (typeof v === 'string' ? v : JSON.stringify(v)),
  tonumber: (v) =>
    typeof v === 'number'
      ? v
      : typeof v === 'string' && v.trim() !== '' && !Number.isNaN(Number(v))
        ? Number(v)
        : fail(`${typeName(v)} (${JSON.stringify(v)}) cannot be parsed as a number`),
  tojson: (v) => JSON.stringify(v),
  fromjson: (v) => JSON.parse(text(v, 'fromjson')) as Json,
  ascii_downcase: (v) => text(v, 'ascii_downcase').toLowerCase(),
  ascii_upcase: (v) => text(v, 'ascii_upcase').toUpperCase(),
  add: (v) => sum(Array.isArray(v) ? v : Object.values(v as object)),
  any: (v) => list(v).some(truthy),
  all: (v) => list(v).every(truthy),
  flatten: (v, [d]) => (list(v) as unknown[]).flat(((d as number | undefined) ?? 1000) as 1) as Json,
  floor: (v) => Math.floor(v as number),
  ceil: (v) => Math.ceil(v as number),
  round: (v) => Math.round(v as number),
  sqrt: (v) => Math.sqrt(v as number),
  fabs: (v) => Math.abs(v as number),
  sort: (v) => [...list(v)].sort(compareJson),
  unique: (v) => [...list(v)].sort(compareJson).filter((x, i, a) => i === 0 || compareJson(a[i - 1] as Json, x) !== 0),
  reverse: (v) => (typeof v === 'string' ? [...v].reverse().join('') : v === null ? [] : [...list(v)].reverse()),
  min: (v) => [...list(v)].sort(compareJson)[0] ?? null,
  max: (v) => [...list(v)].sort(compareJson).at(-1) ?? null,
  first: (v) => list(v)[0] ?? null,
  last: (v) => list(v).at(-1) ?? null,
  to_entries: (v) => Object.entries(v as Record<string, Json>).map(([key, value]) => ({ key, value })),
  from_entries: (v) =>
    Object.fromEntries(
      list(v).map((x) => [
        String(getPath(x, ['key']) ?? getPath(x, ['k']) ?? getPath(x, ['name'])),
        getPath(x, ['value']) ?? getPath(x, ['v']) ?? null,
      ]),
    ),
  has: (v, [k]) => (Array.isArray(v) ? (k as number) < v.length && (k as number) >= 0 : Object.hasOwn(v as object, k as string)),
  contains: (v, [x]) => contains(v, x as Json),
  inside: (v, [x]) => contains(x as Json, v),
  startswith: (v, [x]) => text(v, 'startswith()').startsWith(x as string),
  endswith: (v, [x]) => text(v, 'endswith()').endsWith(x as string),
  ltrimstr: (v, [x]) => (typeof v === 'string' && typeof x === 'string' && v.startsWith(x) ? v.slice(x.length) : v),
  rtrimstr: (v, [x]) => (typeof v === 'string' && typeof x === 'string' && x !== '' && v.endsWith(x) ? v.slice(0, -x.length) : v),
  split: (v, [x, flags]) => (flags === undefined ? text(v, 'split').split(x as string) : text(v, 'split').split(regex([x as Json, flags]))),
  join: (v, [x]) =>
    list(v)
      .map((y) => (y === null ? '' : typeof y === 'string' ? y : JSON.stringify(y)))
      .join(x as string),
  ascii: (v) => String.fromCharCode(v as number),
  explode: (v) => [...text(v, 'explode')].map((c) => c.codePointAt(0) as number),
  implode: (v) => String.fromCodePoint(...(list(v) as number[])),
  test: (v, args) => regex(args).test(text(v, 'test')),
  sub: (v, [r, by, flags]) => text(v, 'sub').replace(regex([r as Json, flags ?? '']), () => by as string),
  gsub: (v, [r, by, flags]) => text(v, 'gsub').replace(regex([r as Json, `${flags ?? ''}g`]), () => by as string),
  match: (v, args) => matchOf(text(v, 'match'), regex(args)),
  capture: (v, args) => (regex(args).exec(text(v, 'capture'))?.groups ?? {}) as Json,
  scan: (v, args) =>
    [...text(v, 'scan').matchAll(new RegExp(regex(args).source, 'g'))].map((m) => (m.length > 1 ? (m.slice(1) as Json) : m[0])),
  indices: (v, [x]) =>
    typeof v === 'string'
      ? [...v.matchAll(new RegExp(String(x).replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), 'g'))].map((m) => m.index)
      : list(v).flatMap((y, i) => (compareJson(y, x as Json) === 0 ? [i] : [])),
  index: (v, [x]) => (text(v, 'index').indexOf(x as string) < 0 ? null : text(v, 'index').indexOf(x as string)),
  transpose: (v) =>
    Array.from({ length: Math.max(0, ...list(v).map((r) => list(r).length)) }, (_, i) => list(v).map((r) => list(r)[i] ?? null)),
  values: (v) => v,
  getpath: (v, [p]) => getPath(v, p as (string | number)[]),
  setpath: (v, [p, x]) => setPath(v, p as (string | number)[], x as Json),
  todate: (v) => new Date((v as number) * 1000).toISOString().replace('.000', ''),
  infinite: () => Number.MAX_VALUE,
  nan: () => Number.NaN,
};

function sum(items: readonly Json[]): Json {
  let total: Json = null;
  for (const x of items) {
    if (total === null) total = x;
    else if (typeof total === 'number') total += x as number;
    else if (typeof total === 'string') total += x ?? '';
    else if (Array.isArray(total)) total = total.concat(x as Json[]);
    else total = Object.assign({}, total, x);
  }
  return total;
}

function fail(message: string): never {
  throw new JqError(message);
}

function contains(a: Json, b: Json): boolean {
  if (typeof a === 'string' && typeof b === 'string') return a.includes(b);
  if (Array.isArray(a) && Array.isArray(b)) return b.every((x) => a.some((y) => typeName(x) === typeName(y) && contains(y, x)));
  if (typeName(a) === 'object' && typeName(b) === 'object')
    return Object.entries(b as Record<string, Json>).every(
      ([k, x]) => k in (a as object) && contains((a as Record<string, Json>)[k] as Json, x),
    );
  if (typeName(a) !== typeName(b)) throw new JqError(`${typeName(a)} and ${typeName(b)} cannot have their containment checked`);
  return compareJson(a, b) === 0;
}

function matchOf(s: string, r: RegExp): Json {
  const m = r.exec(s);
  if (!m) return null;
  return {
    offset: m.index,
    length: m[0].length,
    string: m[0],
    captures: m
      .slice(1)
      .map((c) => ({ string: c ?? null, length: c?.length ?? 0, offset: c === undefined ? -1 : s.indexOf(c), name: null })),
  };
}

export function* builtin(name: string, args: readonly Ast[], v: Json, env: Env, run: Run): Generator<Json> {
  const arg = (i: number): Ast => args[i] ?? fail(`${name}/${args.length} is not defined`);
  if (name.startsWith('@')) {
    yield formatAs(name.slice(1), v);
    return;
  }
  switch (`${name}/${args.length}`) {
    case 'empty/0':
      return;
    case 'error/0':
      throw new JqError(typeof v === 'string' ? v : JSON.stringify(v));
    case 'error/1':
      for (const x of run(arg(0), v, env)) throw new JqError(typeof x === 'string' ? x : JSON.stringify(x));
      return;
    case 'select/1':
      for (const c of run(arg(0), v, env)) if (truthy(c)) yield v;
      return;
    case 'map/1':
      yield list(v).flatMap((x) => [...run(arg(0), x, env)]);
      return;
    case 'map_values/1':
      if (Array.isArray(v)) yield v.flatMap((x) => [...run(arg(0), x, env)].slice(0, 1));
      else
        yield Object.fromEntries(
          Object.entries(v as Record<string, Json>).flatMap(([k, x]) => [...run(arg(0), x, env)].slice(0, 1).map((y) => [k, y] as const)),
        );
      return;
    case 'recurse/0':
      yield* run({ t: 'recurse' }, v, env);
      return;
    case 'recurse/1': {
      yield v;
      for (const x of run(arg(0), v, env)) yield* builtin('recurse', args, x, env, run);
      return;
    }
    case 'sort_by/1':
    case 'min_by/1':
    case 'max_by/1':
    case 'group_by/1':
    case 'unique_by/1': {
      const keyed = list(v).map((x) => ({ x, k: [...run(arg(0), x, env)] }));
      keyed.sort((a, b) => compareJson(a.k, b.k));
      if (name === 'sort_by') yield keyed.map((e) => e.x);
      else if (name === 'min_by') yield keyed[0]?.x ?? null;
      else if (name === 'max_by') yield keyed.at(-1)?.x ?? null;
      else {
        const groups: { x: Json; k: Json[] }[][] = [];
        for (const e of keyed) {
          const g = groups.at(-1);
          if (g && compareJson((g[0] as { k: Json[] }).k, e.k) === 0) g.push(e);
          else groups.push([e]);
        }
        yield name === 'group_by' ? groups.map((g) => g.map((e) => e.x)) : groups.map((g) => (g[0] as { x: Json }).x);
      }
      return;
    }
    case 'any/1':
    case 'all/1': {
      const results = list(v).flatMap((x) => [...run(arg(0), x, env)]);
      yield name === 'any' ? results.some(truthy) : results.every(truthy);
      return;
    }
    case 'first/1':
      for (const x of run(arg(0), v, env)) {
        yield x;
        return;
      }
      return;
    case 'last/1': {
      const all = [...run(arg(0), v, env)];
      if (all.length > 0) yield all.at(-1) as Json;
      return;
    }
    case 'limit/2': {
      const n = Number([...run(arg(0), v, env)][0] ?? 0);
      let i = 0;
      if (n > 0)
        for (const x of run(arg(1), v, env)) {
          yield x;
          if (++i >= n) return;
        }
      return;
    }
    case 'range/1':
    case 'range/2':
    case 'range/3': {
      const n = args.map((a) => Number([...run(a, v, env)][0]));
      const [from, to, by] = args.length === 1 ? [0, n[0] as number, 1] : [n[0] as number, n[1] as number, n[2] ?? 1];
      if (by === 0) return;
      for (let i = from; by > 0 ? i < to : i > to; i += by) yield i;
      return;
    }
    case 'with_entries/1': {
      const entries = Object.entries(v as Record<string, Json>).map(([key, value]) => ({ key, value }) as Json);
      yield (PLAIN.from_entries as (v: Json, a: Json[]) => Json)(
        entries.flatMap((x) => [...run(arg(0), x, env)]),
        [],
      );
      return;
    }
    case 'del/1': {
      const all = [...paths(arg(0), v, env)].sort((a, b) => compareJson(b, a));
      yield all.reduce((x, p) => delPath(x, p), v);
      return;
    }
    case 'path/1':
      yield* paths(arg(0), v, env);
      return;
    case 'paths/0':
      for (const p of paths({ t: 'recurse' }, v, env)) if (p.length > 0) yield p;
      return;
    case 'env/0':
      yield env.vars.get('ENV') ?? {};
      return;
    case 'input_line_number/0':
      yield 0;
      return;
    case 'now/0':
      yield env.vars.get('__now') ?? 0;
      return;
    case 'numbers/0':
    case 'strings/0':
    case 'arrays/0':
    case 'objects/0':
    case 'booleans/0':
    case 'nulls/0':
      if (typeName(v) === name.slice(0, -1)) yield v;
      return;
    case 'values/0':
      if (v !== null) yield v;
      return;
    case 'scan/1':
      for (const r of run(arg(0), v, env)) yield* list((PLAIN.scan as (v: Json, a: Json[]) => Json)(v, [r]));
      return;
    default: {
      const f = Object.hasOwn(PLAIN, name) ? PLAIN[name] : undefined;
      if (!f) throw new JqError(`${name}/${args.length} is not defined`);
      yield* product(f, args, 0, [], v, env, run);
    }
  }
}

function* product(
  f: (v: Json, args: Json[]) => Json,
  args: readonly Ast[],
  at: number,
  got: Json[],
  v: Json,
  env: Env,
  run: Run,
): Generator<Json> {
  const a = args[at];
  if (!a) {
    yield f(v, got);
    return;
  }
  for (const x of run(a, v, env)) yield* product(f, args, at + 1, [...got, x], v, env, run);
}
