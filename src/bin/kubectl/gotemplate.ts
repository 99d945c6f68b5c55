/** Go templates over decoded JSON, with the functions that kubectl gives them. Models text/template */

import { text } from '../../wire/bytes.ts';
import { fromBase64 } from './base64.ts';
import { type Failure, failure } from './errors.ts';
import { goValue, sprintf } from './gofmt.ts';
import { isArray, isObject, type Json, sortedKeys } from './json.ts';
import { quote } from './strconv.ts';

type Value = Json | undefined;

type Operand =
  | { readonly type: 'literal'; readonly value: Value }
  | { readonly type: 'dot' }
  | { readonly type: 'fields'; readonly base: Operand | null; readonly names: readonly string[]; readonly text: string }
  | { readonly type: 'variable'; readonly name: string }
  | { readonly type: 'function'; readonly name: string }
  | { readonly type: 'pipeline'; readonly pipe: Pipeline };

interface Pipeline {
  readonly declared: readonly string[];
  readonly assign: boolean;
  readonly commands: readonly (readonly Operand[])[];
}

type Node =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'print'; readonly pipe: Pipeline; readonly at: number }
  | {
      readonly type: 'if' | 'with' | 'range';
      readonly pipe: Pipeline;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
      readonly at: number;
    }
  | { readonly type: 'template'; readonly name: string; readonly pipe: Pipeline | null; readonly at: number }
  | { readonly type: 'break' | 'continue' };

const FUNCTIONS = new Set([
  'and',
  'or',
  'not',
  'len',
  'index',
  'slice',
  'print',
  'printf',
  'println',
  'html',
  'js',
  'urlquery',
  'call',
  'eq',
  'ne',
  'lt',
  'le',
  'gt',
  'ge',
  'exists',
  'base64decode',
]);
const MAX_NODES = 100_000;
const MAX_DEPTH = 100;

interface Piece {
  readonly text: string;
  /** Null: plain text. */
  readonly action: string | null;
  readonly at: number;
}

/** Cuts a template at its delimiters, trims as `{{-` and `-}}` say. */
function pieces(source: string): Piece[] | string {
  const out: Piece[] = [];
  let at = 0;
  let trim = false;
  while (at <= source.length) {
    const open = source.indexOf('{{', at);
    let text = source.slice(at, open < 0 ? undefined : open);
    if (trim) text = text.trimStart();
    if (open < 0) {
      if (text !== '') out.push({ text, action: null, at });
      return out;
    }
    const trimLeft = /^-\s/.test(source.slice(open + 2));
    if (trimLeft) text = text.trimEnd();
    if (text !== '') out.push({ text, action: null, at });
    let i = open + 2 + (trimLeft ? 1 : 0);
    if (/^\s*\/\*/.test(source.slice(i))) {
      const end = source.indexOf('*/', i);
      if (end < 0) return 'unclosed comment';
      const close = /^\s*-?\}\}/.exec(source.slice(end + 2));
      if (!close) return 'comment ends before closing delimiter';
      trim = close[0].includes('-');
      at = end + 2 + close[0].length;
      continue;
    }
    const start = i;
    let mark = '';
    for (; i < source.length; i++) {
      const c = source[i] as string;
      if (mark !== '') {
        if (c === '\\' && mark === '"') i++;
        else if (c === mark) mark = '';
      } else if (c === '"' || c === '`' || c === "'") mark = c;
      else if (source.startsWith('}}', i)) break;
    }
    if (mark !== '')
      return mark === '`'
        ? 'unterminated raw quoted string'
        : mark === "'"
          ? 'unterminated character constant'
          : 'unterminated quoted string';
    if (i >= source.length) return 'unclosed action';
    let action = source.slice(start, i);
    trim = /\s-$/.test(action);
    if (trim) action = action.slice(0, -1);
    out.push({ text: '', action: action.trim(), at: open });
    at = i + 2;
  }
  return out;
}

const TOKEN =
  /\s*(\(|\)|\||:=|=|,|"(?:[^"\\]|\\.)*"|`[^`]*`|'(?:[^'\\]|\\.)*'|\$[A-Za-z0-9_]*(?:\.[A-Za-z_][\w]*)*|\.(?:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)?|[-+]?(?:0x[\da-fA-F]+|\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)|[A-Za-z_]\w*)/y;

class Parser {
  private readonly list: readonly Piece[];
  private readonly source: string;
  private pos = 0;
  private made = 0;
  readonly defined = new Map<string, readonly Node[]>();
  private readonly scope: string[] = ['$'];
  error: string | null = null;

  constructor(list: readonly Piece[], source: string) {
    this.list = list;
    this.source = source;
  }

  private line(at: number): number {
    return this.source.slice(0, at).split('\n').length;
  }

  private fail(text: string): void {
    this.error ??= `template: output:${this.line(this.list[Math.min(this.pos, this.list.length - 1)]?.at ?? 0)}: ${text}`;
  }

  /** Up to `end` or `else`; `stop` says which it was. */
  nodes(depth: number, inLoop: boolean): { nodes: Node[]; stop: string } {
    const out: Node[] = [];
    const vars = this.scope.length;
    while (this.error === null && this.pos < this.list.length) {
      const piece = this.list[this.pos++] as Piece;
      if (++this.made > MAX_NODES || depth > MAX_DEPTH) {
        this.fail('template is too large');
        break;
      }
      if (piece.action === null) {
        out.push({ type: 'text', text: piece.text });
        continue;
      }
      const word = /^[a-z]+/.exec(piece.action)?.[0] ?? '';
      const rest = piece.action.slice(word.length).trim();
      if (word === 'end' || (word === 'else' && depth > 0)) {
        if (depth === 0) this.fail('unexpected {{end}}');
        this.scope.length = vars;
        return { nodes: out, stop: piece.action };
      }
      if (word === 'else') this.fail('unexpected {{else}}');
      else if (word === 'if' || word === 'with' || word === 'range') out.push(this.control(word, rest, piece.at, depth, inLoop));
      else if (word === 'define' || word === 'block') {
        const m = /^"([^"]*)"\s*(.*)$/s.exec(rest);
        if (!m) this.fail(`unexpected ${quote(rest)} in ${word} clause`);
        const body = this.nodes(depth + 1, false);
        if (m) this.defined.set(m[1] as string, body.nodes);
        if (m && word === 'block')
          out.push({ type: 'template', name: m[1] as string, pipe: m[2] ? this.pipeline(m[2]) : null, at: piece.at });
      } else if (word === 'template') {
        const m = /^"([^"]*)"\s*(.*)$/s.exec(rest);
        if (!m) this.fail(`unexpected ${quote(rest)} in template clause`);
        else out.push({ type: 'template', name: m[1] as string, pipe: m[2] ? this.pipeline(m[2]) : null, at: piece.at });
      } else if ((word === 'break' || word === 'continue') && rest === '') {
        if (!inLoop) this.fail(`{{${word}}} outside {{range}}`);
        out.push({ type: word });
      } else if (piece.action === '') this.fail('missing value for command');
      else out.push({ type: 'print', pipe: this.pipeline(piece.action), at: piece.at });
    }
    if (depth > 0) this.fail('unexpected EOF');
    return { nodes: out, stop: '' };
  }

  private control(type: 'if' | 'with' | 'range', text: string, at: number, depth: number, inLoop: boolean): Node {
    const vars = this.scope.length;
    if (text === '') this.fail(`missing value for ${type}`);
    const pipe = this.pipeline(text);
    const body = this.nodes(depth + 1, inLoop || type === 'range');
    let otherwise: readonly Node[] = [];
    if (body.stop.startsWith('else')) {
      const more = /^else\s+(if|with)\b(.*)$/s.exec(body.stop);
      if (more && type !== 'range') otherwise = [this.control(more[1] as 'if' | 'with', (more[2] as string).trim(), at, depth, inLoop)];
      else otherwise = this.nodes(depth + 1, inLoop).nodes;
    }
    this.scope.length = vars;
    return { type, pipe, body: body.nodes, otherwise, at };
  }

  private pipeline(text: string): Pipeline {
    const tokens: string[] = [];
    TOKEN.lastIndex = 0;
    let at = 0;
    while (at < text.length && text.slice(at).trim() !== '') {
      TOKEN.lastIndex = at;
      const m = TOKEN.exec(text);
      if (!m) {
        const c = text.slice(at).trim()[0] as string;
        this.fail(
          /[!@#%^&*?<>{}[\];:~]/.test(c)
            ? `unexpected ${quote(c)} in operand`
            : `bad character U+${(c.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')} '${c}'`,
        );
        break;
      }
      // A field of what a parenthesis gave has no blank before it.
      const glued = m[0] === m[1] && at > 0;
      tokens.push(glued && (m[1] as string).startsWith('.') && tokens.at(-1) === ')' ? `)${m[1]}` : (m[1] as string));
      at = TOKEN.lastIndex;
    }
    const r = this.commands(tokens, 0, 0);
    if (r.next < tokens.length) this.fail(`unexpected ${quote(tokens[r.next] as string)} in command`);
    return r.pipe;
  }

  private commands(tokens: readonly string[], from: number, depth: number): { pipe: Pipeline; next: number } {
    let i = from;
    let declared: string[] = [];
    let assign = false;
    const eq = tokens.findIndex((t, k) => k >= from && (t === ':=' || t === '='));
    if (depth === 0 && eq > from && tokens.slice(from, eq).every((t) => t === ',' || /^\$\w+$/.test(t))) {
      declared = tokens.slice(from, eq).filter((t) => t !== ',');
      assign = tokens[eq] === '=';
      i = eq + 1;
    }
    const commands: Operand[][] = [];
    let current: Operand[] = [];
    for (; i < tokens.length && this.error === null; i++) {
      const t = tokens[i] as string;
      if (t.startsWith(')')) break;
      if (t === '|') {
        if (current.length === 0) this.fail('missing value for command');
        commands.push(current);
        current = [];
        continue;
      }
      if (t === '(') {
        if (depth > MAX_DEPTH) this.fail('max expression depth exceeded');
        const inner = this.commands(tokens, i + 1, depth + 1);
        i = inner.next;
        const close = tokens[i];
        if (close === undefined) {
          this.fail('unclosed left paren');
          break;
        }
        const base: Operand = { type: 'pipeline', pipe: inner.pipe };
        current.push(close.length > 1 ? { type: 'fields', base, names: close.slice(2).split('.'), text: close.slice(1) } : base);
        continue;
      }
      current.push(this.operand(t));
    }
    if (current.length === 0)
      this.fail(commands.length > 0 || declared.length > 0 ? 'missing value for command' : 'missing value for parenthesized pipeline');
    commands.push(current);
    this.scope.push(...(assign ? [] : declared));
    return { pipe: { declared, assign, commands }, next: i };
  }

  private operand(t: string): Operand {
    if (t === '.') return { type: 'dot' };
    if (t.startsWith('.') && /^\.[A-Za-z_]/.test(t)) return { type: 'fields', base: null, names: t.slice(1).split('.'), text: t };
    if (t.startsWith('$')) {
      const [name, ...names] = t.split('.') as [string, ...string[]];
      if (!this.scope.includes(name)) this.fail(`undefined variable ${quote(name)}`);
      const v: Operand = { type: 'variable', name };
      return names.length > 0 ? { type: 'fields', base: v, names, text: t } : v;
    }
    if (t.startsWith('"')) {
      try {
        return {
          type: 'literal',
          value: JSON.parse(
            t
              .replace(/\\x([\da-fA-F]{2})/g, '\\u00$1')
              .replace(/\\a/g, '\\u0007')
              .replace(/\\v/g, '\\u000b')
              .replace(/\\'/g, "'"),
          ) as string,
        };
      } catch {
        this.fail('invalid syntax');
        return { type: 'dot' };
      }
    }
    if (t.startsWith('`')) return { type: 'literal', value: t.slice(1, -1) };
    if (t.startsWith("'")) return { type: 'literal', value: t.codePointAt(1) ?? 0 };
    if (/^[-+]?[.\d]/.test(t)) return { type: 'literal', value: Number(t) };
    if (t === 'true' || t === 'false') return { type: 'literal', value: t === 'true' };
    if (t === 'nil') return { type: 'literal', value: null };
    if (!FUNCTIONS.has(t)) this.fail(`function ${quote(t)} not defined`);
    return { type: 'function', name: t };
  }
}

const truth = (v: Value): boolean =>
  v === null || v === undefined
    ? false
    : typeof v === 'string' || isArray(v)
      ? v.length > 0
      : isObject(v)
        ? sortedKeys(v).length > 0
        : typeof v === 'number'
          ? v !== 0
          : v;
const shown = (v: Value): string => (v === undefined || v === null ? '<no value>' : goValue(v));
const MAX_STEPS = 1_000_000;

export class GoTemplate {
  private readonly body: readonly Node[];
  private readonly defined: ReadonlyMap<string, readonly Node[]>;
  private readonly source: string;
  private readonly missingKeys: boolean;

  private constructor(source: string, body: readonly Node[], defined: ReadonlyMap<string, readonly Node[]>, missingKeys: boolean) {
    this.source = source;
    this.body = body;
    this.defined = defined;
    this.missingKeys = missingKeys;
  }

  static parse(source: string, missingKeys = true): GoTemplate | Failure {
    const list = pieces(source);
    if (typeof list === 'string') return failure(`template: output:${source.split('\n').length}: ${list}`);
    const p = new Parser(list, source);
    const { nodes } = p.nodes(0, false);
    return p.error === null ? new GoTemplate(source, nodes, p.defined, missingKeys) : failure(p.error);
  }

  /** The text; on an error also what was written before it. */
  execute(data: Json): { readonly text: string; readonly error: Failure | null } {
    const run = new Run(this.source, this.defined, this.missingKeys);
    run.block(this.body, data, new Map([['$', data as Value]]), 0);
    return { text: run.out, error: run.error };
  }
}

class Run {
  out = '';
  error: Failure | null = null;
  private signal: 'break' | 'continue' | null = null;
  private steps = 0;
  private at = 0;
  private readonly source: string;
  private readonly defined: ReadonlyMap<string, readonly Node[]>;
  private readonly missingKeys: boolean;

  constructor(source: string, defined: ReadonlyMap<string, readonly Node[]>, missingKeys: boolean) {
    this.source = source;
    this.defined = defined;
    this.missingKeys = missingKeys;
  }

  private fail(context: string, text: string): undefined {
    const before = this.source.slice(0, this.at);
    const line = before.split('\n').length;
    const action = /^\{\{-?\s*(?:(?:if|range|with|else if)\s+)?/.exec(this.source.slice(this.at))?.[0].length ?? 2;
    const col = this.at + action - (before.lastIndexOf('\n') + 1);
    this.error ??= failure(`template: output:${line}:${col}: executing "output" at <${context}>: ${text}`);
    return undefined;
  }

  block(nodes: readonly Node[], dot: Value, vars: Map<string, Value>, depth: number): void {
    const scope = new Map(vars);
    for (const n of nodes) {
      if (this.error || this.signal || ++this.steps > MAX_STEPS) return;
      switch (n.type) {
        case 'text':
          this.out += n.text;
          break;
        case 'print': {
          this.at = n.at;
          const v = this.pipe(n.pipe, dot, scope, vars);
          if (!this.error && n.pipe.declared.length === 0) this.out += shown(v);
          break;
        }
        case 'template': {
          const body = this.defined.get(n.name);
          this.at = n.at;
          if (!body) this.fail(`{{template ${quote(n.name)}}}`, `template ${quote(n.name)} not defined`);
          else if (depth > MAX_DEPTH) this.fail(n.name, `exceeded maximum template depth (100000)`);
          else {
            const v = n.pipe ? this.pipe(n.pipe, dot, scope, vars) : undefined;
            this.block(body, v, new Map([['$', v]]), depth + 1);
          }
          break;
        }
        case 'break':
        case 'continue':
          this.signal = n.type;
          return;
        default:
          this.control(n, dot, scope, vars, depth);
      }
    }
    // Assignments to outer variables reach out of the block.
    for (const k of vars.keys()) if (scope.get(k) !== vars.get(k)) vars.set(k, scope.get(k));
  }

  private control(
    n: Extract<Node, { type: 'if' | 'with' | 'range' }>,
    dot: Value,
    scope: Map<string, Value>,
    outer: Map<string, Value>,
    depth: number,
  ): void {
    this.at = n.at;
    const inner = new Map(scope);
    const v = this.pipe(n.type === 'range' ? { ...n.pipe, declared: [] } : n.pipe, dot, inner, outer);
    if (this.error) return;
    const back = (): void => {
      for (const k of scope.keys()) scope.set(k, inner.get(k));
    };
    if (n.type !== 'range') {
      const yes = truth(v);
      this.block(yes ? n.body : n.otherwise, yes && n.type === 'with' ? v : dot, inner, depth);
      back();
      return;
    }
    const items: (readonly [Value, Value])[] = isArray(v)
      ? v.map((x, i) => [i, x] as const)
      : isObject(v)
        ? sortedKeys(v).map((k) => [k, v[k]] as const)
        : typeof v === 'number'
          ? Array.from({ length: Math.max(0, Math.min(v, MAX_STEPS)) }, (_, i) => [i, i] as const)
          : [];
    if (v !== null && v !== undefined && typeof v !== 'object' && typeof v !== 'number') {
      this.fail(pipeText(n.pipe), `range can't iterate over ${goValue(v)}`);
      return;
    }
    if (items.length === 0) this.block(n.otherwise, dot, inner, depth);
    for (const [k, x] of items) {
      const names = n.pipe.declared;
      if (names.length === 1) inner.set(names[0] as string, x);
      if (names.length > 1) {
        inner.set(names[0] as string, k);
        inner.set(names[1] as string, x);
      }
      this.block(n.body, x, inner, depth);
      if (this.error) return;
      const s = this.signal;
      this.signal = null;
      if (s === 'break') break;
    }
    back();
  }

  private pipe(p: Pipeline, dot: Value, scope: Map<string, Value>, _outer: Map<string, Value>): Value {
    let value: Value;
    p.commands.forEach((c, i) => {
      if (!this.error) value = this.command(c, dot, scope, i > 0, value);
    });
    for (const name of p.declared) scope.set(name, value);
    return value;
  }

  private command(c: readonly Operand[], dot: Value, scope: Map<string, Value>, piped: boolean, last: Value): Value {
    const first = c[0] as Operand;
    if (first.type !== 'function') {
      if (c.length > 1 || piped) return this.fail(operandText(first), `can't give argument to non-function ${operandText(first)}`);
      return this.value(first, dot, scope);
    }
    if (first.name === 'and' || first.name === 'or') {
      const args = c.slice(1);
      let v: Value;
      for (const a of args) {
        v = this.value(a, dot, scope);
        if (this.error || truth(v) === (first.name === 'or')) return v;
      }
      return piped ? last : v;
    }
    const args = c.slice(1).map((a) => this.value(a, dot, scope));
    if (piped) args.push(last);
    return this.error ? undefined : this.call(first.name, args, c.map(operandText).join(' '));
  }

  private value(o: Operand, dot: Value, scope: Map<string, Value>): Value {
    switch (o.type) {
      case 'literal':
        return o.value;
      case 'dot':
        return dot;
      case 'variable':
        return scope.get(o.name);
      case 'pipeline':
        return this.pipe(o.pipe, dot, new Map(scope), scope);
      case 'function':
        return this.call(o.name, [], o.name);
      default: {
        let v = o.base ? this.value(o.base, dot, scope) : dot;
        for (const name of o.names) {
          if (this.error) return undefined;
          if (v === undefined || v === null) {
            if (!this.missingKeys || v === null)
              return v === null
                ? this.fail(o.text, `nil data; no entry for key ${quote(name)}`)
                : this.fail(o.text, `map has no entry for key ${quote(name)}`);
            return this.fail(o.text, `nil pointer evaluating interface {}.${name}`);
          }
          if (!isObject(v)) {
            const type = isArray(v) ? '[]interface {}' : typeof v === 'string' ? 'string' : typeof v === 'boolean' ? 'bool' : 'float64';
            return this.fail(
              o.text,
              `can't evaluate field ${name} in type ${isArray(v) ? 'interface {}' : type === 'string' || type === 'bool' ? 'interface {}' : 'interface {}'}`,
            );
          }
          if (!Object.hasOwn(v, name) && !this.missingKeys) return this.fail(o.text, `map has no entry for key ${quote(name)}`);
          v = Object.hasOwn(v, name) ? v[name] : undefined;
        }
        return v;
      }
    }
  }

  private call(name: string, args: readonly Value[], shownCall: string): Value {
    const bad = (why: string): undefined => this.fail(shownCall, `error calling ${name}: ${why}`);
    const few = (n: number): boolean => {
      if (args.length >= n) return false;
      this.fail(
        name,
        `wrong number of args for ${name}: want ${name === 'len' || name === 'not' || name === 'base64decode' ? n : `at least ${n}`} got ${args.length}`,
      );
      return true;
    };
    const [a, b] = args;
    switch (name) {
      case 'not':
        return few(1) ? undefined : !truth(a);
      case 'len':
        if (few(1)) return undefined;
        if (typeof a === 'string') return new TextEncoder().encode(a).length;
        if (isArray(a)) return a.length;
        return isObject(a)
          ? sortedKeys(a).length
          : bad(a === undefined || a === null ? 'len of nil pointer' : `len of type ${typeof a === 'number' ? 'float64' : 'bool'}`);
      case 'index': {
        if (few(1)) return undefined;
        let v = a;
        for (const i of args.slice(1)) {
          if (v === undefined || v === null) return bad('index of untyped nil');
          if (isArray(v) || typeof v === 'string') {
            if (typeof i !== 'number') return bad(`cannot index slice/array with type ${typeof i === 'string' ? 'string' : 'bool'}`);
            if (i < 0 || i >= v.length)
              return bad(
                `reflect: slice index out of range`
                  .replace('reflect: slice', `error calling index: reflect: slice`)
                  .replace('error calling index: ', ''),
              );
            v = isArray(v) ? v[i] : v.charCodeAt(i);
          } else if (isObject(v)) {
            if (typeof i !== 'string') return bad('value has type int; should be string');
            v = Object.hasOwn(v, i) ? v[i] : undefined;
          } else return bad(`can't index item of type ${typeof v === 'number' ? 'float64' : 'bool'}`);
        }
        return v;
      }
      case 'slice': {
        if (few(1)) return undefined;
        const [from, to] = args.slice(1) as (number | undefined)[];
        if (typeof a === 'string' || isArray(a)) {
          const end = to ?? a.length;
          if ((from ?? 0) > a.length || end > a.length || (from ?? 0) > end) return bad(`index out of range: ${Math.max(from ?? 0, end)}`);
          return a.slice(from ?? 0, end);
        }
        return bad(`can't slice item of type ${typeof a}`);
      }
      case 'print':
        return args.map((x, i) => (i > 0 && typeof x !== 'string' && typeof args[i - 1] !== 'string' ? ' ' : '') + goValue(x)).join('');
      case 'println':
        return `${args.map(goValue).join(' ')}\n`;
      case 'printf':
        return few(1) ? undefined : sprintf(String(a), args.slice(1) as Json[]);
      case 'html':
        return args
          .map(goValue)
          .join('')
          .replace(/[&<>"']/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' })[c] as string);
      case 'js':
        return args
          .map(goValue)
          .join('')
          .replace(/[\\'"<>&=\n]/g, (c) =>
            c === '\n' ? '\\n' : '\\\'"'.includes(c) ? `\\${c}` : `\\u${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`,
          );
      case 'urlquery':
        return encodeURIComponent(args.map(goValue).join('')).replaceAll('%20', '+');
      case 'exists': {
        let v = a;
        for (const i of args.slice(1)) {
          if (isArray(v)) v = typeof i === 'number' ? v[i] : undefined;
          else v = isObject(v) && typeof i === 'string' && Object.hasOwn(v, i) ? v[i] : undefined;
        }
        return v !== undefined && v !== null;
      }
      case 'base64decode': {
        if (few(1)) return undefined;
        const s = String(a ?? '');
        const bad64 = /[^A-Za-z0-9+/=\n\r]/.exec(s);
        if (bad64 || s.replace(/[\n\r]/g, '').length % 4 !== 0)
          return bad(`base64 decode failed: illegal base64 data at input byte ${bad64?.index ?? s.length - (s.length % 4)}`);
        return text(fromBase64(s) ?? new Uint8Array(0));
      }
      case 'eq': {
        if (few(1)) return undefined;
        if (args.length === 1) return bad('missing argument for comparison');
        for (const x of args.slice(1)) {
          if (kind(a) !== kind(x) && a !== undefined && x !== undefined && a !== null && x !== null)
            return bad('incompatible types for comparison');
          if (a === x || ((a ?? null) === null && (x ?? null) === null)) return true;
        }
        return false;
      }
      case 'ne':
        if (few(2)) return undefined;
        return kind(a) !== kind(b) && a !== undefined && b !== undefined && a !== null && b !== null
          ? bad('incompatible types for comparison')
          : (a ?? null) !== (b ?? null);
      case 'lt':
      case 'le':
      case 'gt':
      case 'ge': {
        if (few(2)) return undefined;
        if (kind(a) !== kind(b)) return bad('incompatible types for comparison');
        if (typeof a === 'boolean' || typeof a === 'object' || a === undefined) return bad('invalid type for comparison');
        const x = a as number;
        const y = b as number;
        return name === 'lt' ? x < y : name === 'le' ? x <= y : name === 'gt' ? x > y : x >= y;
      }
      default:
        return bad('not emulated');
    }
  }
}

const kind = (v: Value): string => (v === null || v === undefined ? 'nil' : isArray(v) ? 'slice' : typeof v);

function operandText(o: Operand): string {
  switch (o.type) {
    case 'literal':
      return typeof o.value === 'string' ? quote(o.value) : goValue(o.value).replace('<nil>', 'nil');
    case 'dot':
      return '.';
    case 'variable':
    case 'function':
      return o.name;
    case 'pipeline':
      return `(${pipeText(o.pipe)})`;
    default:
      return o.base?.type === 'pipeline' ? `${operandText(o.base)}${o.text}` : o.text;
  }
}

const pipeText = (p: Pipeline): string => p.commands.map((c) => c.map(operandText).join(' ')).join(' | ');
