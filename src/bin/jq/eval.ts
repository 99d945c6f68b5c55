/** Runs a jq filter: every expression is a stream of values. */

import { builtin } from './builtins.ts';
import { type Ast, JqError } from './parse.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

type Closure = { ast: Ast; env: Env } | { params: string[]; ast: Ast; env: Env };

export interface Env {
  readonly vars: ReadonlyMap<string, Json>;
  readonly funcs: ReadonlyMap<string, Closure>;
}

/** Values that one filter may produce before it is stopped. */
const MAX_STEPS = 2_000_000;
let steps = 0;

export function typeName(v: Json): string {
  return v === null ? 'null' : Array.isArray(v) ? 'array' : typeof v;
}

export function runJq(ast: Ast, input: Json, env: Env): Generator<Json> {
  steps = 0;
  return ev(ast, input, env);
}

function describe(v: Json): string {
  const text = JSON.stringify(v);
  return `${typeName(v)} (${text.length > 11 ? `${text.slice(0, 10)}...` : text})`;
}

const ORDER = ['null', 'boolean', 'number', 'string', 'array', 'object'];

export function compareJson(a: Json, b: Json): number {
  const rank = (v: Json): number => (v === false ? 1 : v === true ? 1.5 : ORDER.indexOf(typeName(v)));
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (typeof a === 'number') return a - (b as number);
  if (typeof a === 'string') return a < (b as string) ? -1 : a > (b as string) ? 1 : 0;
  if (Array.isArray(a)) {
    const c = b as Json[];
    for (let i = 0; i < Math.min(a.length, c.length); i++) {
      const r = compareJson(a[i] as Json, c[i] as Json);
      if (r !== 0) return r;
    }
    return a.length - c.length;
  }
  if (a !== null && typeof a === 'object') {
    const o = b as Record<string, Json>;
    const ka = Object.keys(a).sort();
    const kb = Object.keys(o).sort();
    const r = compareJson(ka, kb);
    if (r !== 0) return r;
    for (const k of ka) {
      const x = compareJson(a[k] as Json, o[k] as Json);
      if (x !== 0) return x;
    }
  }
  return 0;
}

export const truthy = (v: Json): boolean => v !== null && v !== false;

function index(v: Json, key: Json): Json {
  if (v === null && (typeof key === 'string' || typeof key === 'number' || key === null)) return null;
  if (typeof key === 'string' && v !== null && typeof v === 'object' && !Array.isArray(v))
    return Object.hasOwn(v, key) ? (v[key] as Json) : null;
  if (typeof key === 'number' && Array.isArray(v)) return v[key < 0 ? v.length + Math.floor(key) : Math.floor(key)] ?? null;
  if (typeof key === 'string') throw new JqError(`Cannot index ${typeName(v)} with "${key}"`);
  throw new JqError(`Cannot index ${typeName(v)} with ${typeName(key)}`);
}

function iterate(v: Json): Json[] {
  if (Array.isArray(v)) return v;
  if (v !== null && typeof v === 'object') return Object.values(v);
  throw new JqError(`Cannot iterate over ${v === null ? 'null' : describe(v)}`);
}

function arithmetic(op: string, a: Json, b: Json): Json {
  if (op === '+') {
    if (a === null) return b;
    if (b === null) return a;
    if (typeof a === 'number' && typeof b === 'number') return a + b;
    if (typeof a === 'string' && typeof b === 'string') return a + b;
    if (Array.isArray(a) && Array.isArray(b)) return [...a, ...b];
    if (typeName(a) === 'object' && typeName(b) === 'object') return { ...(a as object), ...(b as object) } as Json;
    throw new JqError(`${describe(a)} and ${describe(b)} cannot be added`);
  }
  if (op === '-' && Array.isArray(a) && Array.isArray(b)) return a.filter((x) => !b.some((y) => compareJson(x, y) === 0));
  if (op === '/' && typeof a === 'string' && typeof b === 'string') return a.split(b);
  if (op === '*' && typeof a === 'string' && typeof b === 'number') return b > 0 ? a.repeat(Math.min(Math.ceil(b), 100_000)) : null;
  if (op === '*' && typeName(a) === 'object' && typeName(b) === 'object')
    return merge(a as Record<string, Json>, b as Record<string, Json>);
  if (typeof a !== 'number' || typeof b !== 'number') {
    const word = { '-': 'subtracted', '*': 'multiplied', '/': 'divided', '%': 'divided' }[op] ?? 'combined';
    throw new JqError(`${describe(a)} and ${describe(b)} cannot be ${word}`);
  }
  if (op === '-') return a - b;
  if (op === '*') return a * b;
  if (b === 0) throw new JqError(`${describe(a)} and ${describe(b)} cannot be divided because the divisor is zero`);
  return op === '/' ? a / b : Math.trunc(a) % Math.trunc(b);
}

function merge(a: Record<string, Json>, b: Record<string, Json>): Json {
  const out: Record<string, Json> = { ...a };
  for (const [k, v] of Object.entries(b))
    out[k] =
      k in out && typeName(out[k] as Json) === 'object' && typeName(v) === 'object'
        ? merge(out[k] as Record<string, Json>, v as Record<string, Json>)
        : v;
  return out;
}

function tick(): void {
  if (++steps > MAX_STEPS) throw new JqError('the filter runs for too long');
}

const withVar = (env: Env, name: string, v: Json): Env => ({ vars: new Map(env.vars).set(name, v), funcs: env.funcs });

function* ev(e: Ast, v: Json, env: Env): Generator<Json> {
  tick();
  switch (e.t) {
    case 'identity':
      yield v;
      return;
    case 'literal':
      yield e.v as Json;
      return;
    case 'recurse':
      yield* recurse(v);
      return;
    case 'index':
      for (const on of ev(e.on, v, env)) for (const key of ev(e.key, v, env)) yield index(on, key);
      return;
    case 'slice':
      for (const on of ev(e.on, v, env))
        for (const from of e.from ? ev(e.from, v, env) : [null])
          for (const to of e.to ? ev(e.to, v, env) : [null]) yield slice(on, from, to);
      return;
    case 'iterate':
      for (const on of ev(e.on, v, env)) yield* iterate(on);
      return;
    case 'pipe':
      for (const x of ev(e.a, v, env)) yield* ev(e.b, x, env);
      return;
    case 'comma':
      yield* ev(e.a, v, env);
      yield* ev(e.b, v, env);
      return;
    case 'alt': {
      let any = false;
      try {
        for (const x of ev(e.a, v, env))
          if (truthy(x)) {
            any = true;
            yield x;
          }
      } catch (err) {
        if (!(err instanceof JqError)) throw err;
      }
      if (!any) yield* ev(e.b, v, env);
      return;
    }
    case 'and':
    case 'or':
      for (const a of ev(e.a, v, env)) {
        if (truthy(a) === (e.t === 'or')) yield e.t === 'or';
        else for (const b of ev(e.b, v, env)) yield truthy(b);
      }
      return;
    case 'bin':
      for (const b of ev(e.b, v, env)) for (const a of ev(e.a, v, env)) yield binary(e.op, a, b);
      return;
    case 'neg':
      for (const x of ev(e.e, v, env)) yield arithmetic('-', 0, x);
      return;
    case 'array':
      yield e.e ? [...ev(e.e, v, env)] : [];
      return;
    case 'object':
      yield* object(e.entries, 0, {}, v, env);
      return;
    case 'var': {
      const x = env.vars.get(e.name);
      if (x === undefined) throw new JqError(`$${e.name} is not defined`);
      yield x;
      return;
    }
    case 'as':
      for (const x of ev(e.source, v, env)) yield* ev(e.body, v, withVar(env, e.name, x));
      return;
    case 'reduce': {
      for (const init of ev(e.init, v, env)) {
        let acc: Json = init;
        for (const x of ev(e.source, v, env)) acc = [...ev(e.update, acc, withVar(env, e.name, x))].at(-1) ?? null;
        yield acc;
      }
      return;
    }
    case 'foreach': {
      for (const init of ev(e.init, v, env)) {
        let acc: Json = init;
        for (const x of ev(e.source, v, env)) {
          const inner = withVar(env, e.name, x);
          for (const u of ev(e.update, acc, inner)) {
            acc = u;
            if (e.extract) yield* ev(e.extract, u, inner);
            else yield u;
          }
        }
      }
      return;
    }
    case 'if':
      for (const c of ev(e.c, v, env)) {
        if (truthy(c)) yield* ev(e.a, v, env);
        else if (e.b) yield* ev(e.b, v, env);
        else yield v;
      }
      return;
    case 'try':
      try {
        yield* ev(e.body, v, env);
      } catch (err) {
        if (!(err instanceof JqError)) throw err;
        if (e.handler) yield* ev(e.handler, err.message, env);
      }
      return;
    case 'format': {
      let text = '';
      for (const part of e.parts) text += typeof part === 'string' ? part : formatAs(e.name ?? 'text', [...ev(part, v, env)][0] ?? null);
      yield text;
      return;
    }
    case 'def':
      yield* ev(e.rest, v, {
        vars: env.vars,
        funcs: new Map(env.funcs).set(`${e.name}/${e.params.length}`, { params: e.params, ast: e.body, env }),
      });
      return;
    case 'update':
      yield* update(e, v, env);
      return;
    case 'call':
      yield* call(e.name, e.args, v, env);
  }
}

function binary(op: string, a: Json, b: Json): Json {
  if (op === '==') return compareJson(a, b) === 0;
  if (op === '!=') return compareJson(a, b) !== 0;
  if (op === '<') return compareJson(a, b) < 0;
  if (op === '<=') return compareJson(a, b) <= 0;
  if (op === '>') return compareJson(a, b) > 0;
  if (op === '>=') return compareJson(a, b) >= 0;
  return arithmetic(op, a, b);
}

function* recurse(v: Json): Generator<Json> {
  tick();
  yield v;
  if (v !== null && typeof v === 'object') for (const x of iterate(v)) yield* recurse(x);
}

function slice(on: Json, from: Json, to: Json): Json {
  if (on === null) return null;
  if (!Array.isArray(on) && typeof on !== 'string') throw new JqError(`Cannot index ${typeName(on)} with object`);
  return on.slice(from === null ? 0 : (from as number), to === null ? undefined : (to as number)) as Json;
}

function* object(entries: readonly [Ast, Ast][], at: number, acc: Record<string, Json>, v: Json, env: Env): Generator<Json> {
  const entry = entries[at];
  if (!entry) {
    yield { ...acc };
    return;
  }
  for (const key of ev(entry[0], v, env)) {
    if (typeof key !== 'string') throw new JqError(`Object keys must be strings`);
    for (const value of ev(entry[1], v, env)) yield* object(entries, at + 1, { ...acc, [key]: value }, v, env);
  }
}

type Path = (string | number)[];

/** Paths that an expression names, for |=, del, paths, to_entries on paths. */
export function* paths(e: Ast, v: Json, env: Env): Generator<Path> {
  tick();
  switch (e.t) {
    case 'identity':
      yield [];
      return;
    case 'index':
      for (const p of paths(e.on, v, env)) for (const key of ev(e.key, v, env)) yield [...p, key as string | number];
      return;
    case 'iterate':
      for (const p of paths(e.on, v, env)) {
        const on = getPath(v, p);
        for (const k of Array.isArray(on) ? on.keys() : Object.keys(on as object)) yield [...p, k];
      }
      return;
    case 'pipe':
      for (const p of paths(e.a, v, env)) for (const q of paths(e.b, getPath(v, p), env)) yield [...p, ...q];
      return;
    case 'comma':
      yield* paths(e.a, v, env);
      yield* paths(e.b, v, env);
      return;
    case 'recurse':
      yield* allPaths(v, []);
      return;
    case 'try':
      try {
        yield* paths(e.body, v, env);
      } catch (err) {
        if (!(err instanceof JqError)) throw err;
      }
      return;
    case 'call':
      if (e.name === 'select' && e.args[0]) {
        for (const c of ev(e.args[0], v, env)) if (truthy(c)) yield [];
        return;
      }
      if (e.name === 'empty') return;
      if (e.name === 'first' && e.args.length === 0) {
        yield [0];
        return;
      }
      throw new JqError(`Invalid path expression with ${e.name}`);
    default:
      throw new JqError('Invalid path expression');
  }
}

function* allPaths(v: Json, at: Path): Generator<Path> {
  yield at;
  if (Array.isArray(v)) for (const [i, x] of v.entries()) yield* allPaths(x, [...at, i]);
  else if (v !== null && typeof v === 'object') for (const [k, x] of Object.entries(v)) yield* allPaths(x, [...at, k]);
}

export function getPath(v: Json, path: Path): Json {
  let x = v;
  for (const k of path) x = x === null ? null : index(x, k);
  return x;
}

export function setPath(v: Json, path: Path, to: Json): Json {
  const [k, ...rest] = path;
  if (k === undefined) return to;
  if (typeof k === 'number') {
    const a = Array.isArray(v) ? [...v] : [];
    while (a.length <= k && a.length < 100_000) a.push(null);
    a[k < 0 ? a.length + k : k] = setPath(a[k] ?? null, rest, to);
    return a;
  }
  if (v !== null && typeName(v) !== 'object') throw new JqError(`Cannot index ${typeName(v)} with "${k}"`);
  const o = { ...((v ?? {}) as Record<string, Json>) };
  o[k] = setPath(o[k] ?? null, rest, to);
  return o;
}

export function delPath(v: Json, path: Path): Json {
  const [k, ...rest] = path;
  if (v === null || k === undefined) return v;
  if (rest.length > 0) return setPath(v, [k], delPath(index(v, k), rest));
  if (Array.isArray(v)) return v.filter((_, i) => i !== (Number(k) < 0 ? v.length + Number(k) : Number(k)));
  const o = { ...(v as Record<string, Json>) };
  delete o[k];
  return o;
}

function* update(e: Extract<Ast, { t: 'update' }>, v: Json, env: Env): Generator<Json> {
  const list = [...paths(e.a, v, env)];
  if (e.op === '|=') {
    let out = v;
    for (const p of list) {
      const r = ev(e.b, getPath(out, p), env).next();
      out = r.done ? delPath(out, p) : setPath(out, p, r.value);
    }
    yield out;
    return;
  }
  for (const b of ev(e.b, v, env)) {
    let out = v;
    for (const p of list) {
      const old = getPath(out, p);
      out = setPath(out, p, e.op === '=' ? b : e.op === '//=' ? (truthy(old) ? old : b) : arithmetic(e.op[0] as string, old, b));
    }
    yield out;
  }
}

export function formatAs(name: string, v: Json): string {
  const text = typeof v === 'string' ? v : JSON.stringify(v);
  switch (name) {
    case 'json':
      return JSON.stringify(v);
    case 'csv':
    case 'tsv':
      if (!Array.isArray(v)) throw new JqError(`${describe(v)} cannot be ${name}-formatted, only an array can be`);
      return v
        .map((x) =>
          name === 'csv'
            ? typeof x === 'string'
              ? `"${x.replaceAll('"', '""')}"`
              : x === null
                ? ''
                : String(x)
            : x === null
              ? ''
              : String(x).replace(/\\/g, '\\\\').replace(/\t/g, '\\t').replace(/\n/g, '\\n'),
        )
        .join(name === 'csv' ? ',' : '\t');
    case 'sh':
      return (Array.isArray(v) ? v : [v]).map((x) => (typeof x === 'string' ? `'${x.replaceAll("'", "'\\''")}'` : String(x))).join(' ');
    case 'html':
      return text.replace(/[&<>'"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', "'": '&#39;', '"': '&quot;' })[c] as string);
    case 'uri':
      return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
    default:
      return text;
  }
}

function* call(name: string, args: readonly Ast[], v: Json, env: Env): Generator<Json> {
  const f = env.funcs.get(`${name}/${args.length}`);
  if (f) {
    if (!('params' in f)) {
      yield* ev(f.ast, v, f.env);
      return;
    }
    const funcs = new Map(f.env.funcs).set(`${name}/${args.length}`, f);
    let vars = f.env.vars;
    for (const [i, p] of f.params.entries()) {
      if (p.startsWith('$')) vars = new Map(vars).set(p.slice(1), [...ev(args[i] as Ast, v, env)][0] ?? null);
      else funcs.set(`${p}/0`, { ast: args[i] as Ast, env });
    }
    yield* ev(f.ast, v, { vars, funcs });
    return;
  }
  yield* builtin(name, args, v, env, ev);
}
