/** Runs an awk program: variables, fields, control flow, output streams. */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { callBuiltin, format } from './builtins.ts';
import { AwkError } from './lex.ts';
import type { AwkProgram, Expr, Stmt } from './parse.ts';
import { Streams } from './streams.ts';
import { num, StrNum, str, truth, type Value } from './value.ts';

type Signal = 'next' | 'nextfile' | 'break' | 'continue' | 'exit' | 'return' | null;

const MAX_DEPTH = 200;
/** Statements between two turns of other processes. */
const STEPS_PER_TURN = 500;

export class Interpreter {
  readonly p: Process;
  private readonly program: AwkProgram;
  private readonly operands: string[];
  readonly vars = new Map<string, Value>();
  readonly arrays = new Map<string, Map<string, Value>>();
  private fields: string[] = [];
  private record = '';
  private split = true;
  private locals: { scalars: Map<string, Value>; arrays: Map<string, Map<string, Value>> } | null = null;
  private status = 0;
  private returned: Value = '';
  private depth = 0;
  private steps = 0;
  readonly streams: Streams;
  private readonly active = new Set<number>();
  private readonly regexes = new Map<string, RegExp>();
  private readonly compile: (source: string) => RegExp;
  seed = 1;

  constructor(
    p: Process,
    program: AwkProgram,
    assigns: readonly (readonly [string, string])[],
    operands: string[],
    compile: (source: string) => RegExp,
  ) {
    this.p = p;
    this.streams = new Streams(p);
    this.program = program;
    this.operands = operands;
    this.compile = compile;
    for (const [k, v] of [
      ['FS', ' '],
      ['OFS', ' '],
      ['ORS', '\n'],
      ['RS', '\n'],
      ['SUBSEP', '\x1c'],
      ['CONVFMT', '%.6g'],
      ['OFMT', '%.6g'],
      ['FILENAME', ''],
    ] as const)
      this.vars.set(k, v);
    for (const k of ['NR', 'FNR', 'RSTART']) this.vars.set(k, 0);
    this.vars.set('RLENGTH', -1);
    this.arrays.set('ENVIRON', new Map([...p.env].map(([k, v]) => [k, new StrNum(v)])));
    this.arrays.set('ARGV', new Map(['awk', ...operands].map((a, i) => [String(i), new StrNum(a)])));
    this.vars.set('ARGC', operands.length + 1);
    for (const [k, v] of assigns) this.vars.set(k, new StrNum(v.replace(/\\t/g, '\t').replace(/\\n/g, '\n')));
  }

  *run(): Task<number> {
    let stop: Signal = null;
    for (const r of this.program.rules) if (r.pattern === 'BEGIN' && r.body && stop !== 'exit') stop = yield* this.exec(r.body);
    const main = this.program.rules.some((r) => r.pattern !== 'BEGIN');
    if (stop !== 'exit' && main) stop = yield* this.records();
    for (const r of this.program.rules) {
      if (r.pattern !== 'END' || !r.body) continue;
      if ((yield* this.exec(r.body)) === 'exit') break;
    }
    yield* this.streams.closeAll();
    return this.status;
  }

  private *records(): Task<Signal> {
    const files = this.operands.filter((a) => a !== '');
    let read = false;
    for (const file of files) {
      const assign = /^([A-Za-z_]\w*)=(.*)$/s.exec(file);
      if (assign) {
        this.vars.set(assign[1] as string, new StrNum(assign[2] as string));
        continue;
      }
      read = true;
      const stop = yield* this.file(file);
      if (stop === 'exit') return stop;
    }
    return read ? null : yield* this.file('-');
  }

  private *file(name: string): Task<Signal> {
    let fd = 0;
    if (name !== '-') {
      const r = this.p.open(name, 'r');
      if (!r.ok) {
        yield* this.streams.flush();
        yield* this.p.err(`awk: cannot open "${name}" (No such file or directory)\n`);
        this.status = 2;
        return null;
      }
      fd = r.value;
    }
    this.vars.set('FILENAME', name === '-' ? '' : name);
    this.vars.set('FNR', 0);
    for (;;) {
      if (fd === 0 || this.p.isatty(1)) yield* this.streams.flush();
      const line = yield* this.readRecord(fd);
      if (line === null) break;
      this.count();
      this.setRecord(line);
      const stop = yield* this.rules();
      if (stop === 'exit') return stop;
      if (stop === 'nextfile') break;
    }
    if (fd !== 0) this.p.close(fd);
    return null;
  }

  private *readRecord(fd: number): Task<string | null> {
    const rs = str(this.vars.get('RS') ?? '\n');
    const line = yield* this.p.readLine(fd);
    if (rs === '\n' || line === null) return line;
    if (rs === '') {
      let text = line;
      while (text === '') {
        const next = yield* this.p.readLine(fd);
        if (next === null) return null;
        text = next;
      }
      for (;;) {
        const next = yield* this.p.readLine(fd);
        if (next === null || next === '') return text;
        text += `\n${next}`;
      }
    }
    this.rest = this.rest === null ? line : `${this.rest}\n${line}`;
    for (;;) {
      const next = yield* this.p.readLine(fd);
      if (next === null) break;
      this.rest += `\n${next}`;
    }
    const at = this.rest.indexOf(rs);
    const record = at < 0 ? this.rest : this.rest.slice(0, at);
    this.rest = at < 0 ? null : this.rest.slice(at + rs.length);
    return record;
  }

  private rest: string | null = null;

  private count(): void {
    this.vars.set('NR', num(this.vars.get('NR') ?? 0) + 1);
    this.vars.set('FNR', num(this.vars.get('FNR') ?? 0) + 1);
  }

  private *rules(): Task<Signal> {
    for (const [i, r] of this.program.rules.entries()) {
      if (r.pattern === 'BEGIN' || r.pattern === 'END') continue;
      let hit = true;
      if (r.pattern && r.to) {
        if (!this.active.has(i)) {
          hit = truth(yield* this.eval(r.pattern));
          if (hit) this.active.add(i);
        }
        if (hit && truth(yield* this.eval(r.to))) this.active.delete(i);
      } else if (r.pattern) hit = truth(yield* this.eval(r.pattern));
      if (!hit) continue;
      if (!r.body) {
        yield* this.streams.emit(this.currentRecord() + str(this.vars.get('ORS') ?? '\n'), null);
        continue;
      }
      const stop = yield* this.exec(r.body);
      if (stop === 'next') return null;
      if (stop === 'nextfile' || stop === 'exit') return stop;
    }
    return null;
  }

  regex(source: string): RegExp {
    let r = this.regexes.get(source);
    if (!r) {
      r = this.compile(source);
      this.regexes.set(source, r);
    }
    return r;
  }

  // ---- records and fields

  setRecord(line: string): void {
    this.record = line;
    this.split = false;
  }

  currentRecord(): string {
    return this.record;
  }

  splitText(text: string, fs: string): string[] {
    if (text === '') return [];
    if (fs === ' ') return text.trim() === '' ? [] : text.trim().split(/[ \t\n]+/);
    if (fs === '') return [...text];
    if (fs.length === 1 && fs !== '\\') return text.split(fs);
    return text.split(new RegExp(this.regex(fs).source));
  }

  private ensureSplit(): void {
    if (this.split) return;
    this.split = true;
    this.fields = this.splitText(this.record, str(this.vars.get('FS') ?? ' '));
  }

  private getField(n: number): Value {
    if (n < 0) throw new AwkError(`negative field index $${n}`);
    if (n === 0) return new StrNum(this.record);
    this.ensureSplit();
    const f = this.fields[n - 1];
    return f === undefined ? '' : new StrNum(f);
  }

  private setField(n: number, v: Value): void {
    if (n > 10_000) throw new AwkError(`field index $${n} too large`);
    if (n === 0) {
      this.setRecord(str(v));
      return;
    }
    this.ensureSplit();
    while (this.fields.length < n) this.fields.push('');
    this.fields[n - 1] = str(v);
    this.record = this.fields.join(str(this.vars.get('OFS') ?? ' '));
  }

  // ---- variables

  getVar(name: string): Value {
    if (name === 'NF') {
      this.ensureSplit();
      return this.fields.length;
    }
    return this.locals?.scalars.get(name) ?? this.vars.get(name) ?? undefined;
  }

  setVar(name: string, v: Value): void {
    if (name === 'NF') {
      this.ensureSplit();
      const n = Math.min(10_000, Math.max(0, Math.floor(num(v))));
      while (this.fields.length < n) this.fields.push('');
      this.fields.length = n;
      this.record = this.fields.join(str(this.vars.get('OFS') ?? ' '));
    } else if (this.locals?.scalars.has(name)) this.locals.scalars.set(name, v);
    else this.vars.set(name, v);
  }

  array(name: string): Map<string, Value> {
    const local = this.locals?.arrays.get(name);
    if (local) return local;
    if (this.locals?.scalars.has(name)) {
      const fresh = new Map<string, Value>();
      this.locals.arrays.set(name, fresh);
      return fresh;
    }
    let a = this.arrays.get(name);
    if (!a) {
      a = new Map();
      this.arrays.set(name, a);
    }
    return a;
  }

  *key(keys: readonly Expr[]): Task<string> {
    const parts: string[] = [];
    for (const k of keys) parts.push(str(yield* this.eval(k)));
    return parts.join(str(this.vars.get('SUBSEP') ?? '\x1c'));
  }

  *assign(to: Expr, v: Value): Task<void> {
    if (to.t === 'var') this.setVar(to.name, v);
    else if (to.t === 'index') this.array(to.name).set(yield* this.key(to.keys), v);
    else if (to.t === 'field') this.setField(Math.floor(num(yield* this.eval(to.e))), v);
    else throw new AwkError('assignment to something that is no variable');
  }

  // ---- expressions

  *eval(e: Expr): Task<Value> {
    switch (e.t) {
      case 'num':
        return e.v;
      case 'str':
        return e.v;
      case 'regex':
        return this.regex(e.v).test(this.record) ? 1 : 0;
      case 'var':
        return this.getVar(e.name);
      case 'index': {
        const a = this.array(e.name);
        const k = yield* this.key(e.keys);
        if (!a.has(k)) a.set(k, undefined);
        return a.get(k);
      }
      case 'field':
        return this.getField(Math.floor(num(yield* this.eval(e.e))));
      case 'group': {
        let v: Value = '';
        for (const x of e.list) v = yield* this.eval(x);
        return v;
      }
      case 'assign': {
        const right = yield* this.eval(e.e);
        const v = e.op === '=' ? right : arith(e.op[0] as string, num(yield* this.eval(e.to)), num(right));
        yield* this.assign(e.to, v);
        return v;
      }
      case 'cond':
        return truth(yield* this.eval(e.c)) ? yield* this.eval(e.a) : yield* this.eval(e.b);
      case 'and':
        return truth(yield* this.eval(e.a)) && truth(yield* this.eval(e.b)) ? 1 : 0;
      case 'or':
        return truth(yield* this.eval(e.a)) || truth(yield* this.eval(e.b)) ? 1 : 0;
      case 'bin': {
        const a = yield* this.eval(e.a);
        const b = yield* this.eval(e.b);
        if (e.op === ' ') return str(a) + str(b);
        if ('<=>!'.includes(e.op[0] as string)) return compare(e.op, a, b) ? 1 : 0;
        return arith(e.op, num(a), num(b));
      }
      case 'match': {
        const text = str(yield* this.eval(e.a));
        const source = e.b.t === 'regex' ? e.b.v : str(yield* this.eval(e.b));
        return this.regex(source).test(text) !== e.negate ? 1 : 0;
      }
      case 'in':
        return this.array(e.name).has(yield* this.key(e.keys)) ? 1 : 0;
      case 'unary': {
        const v = yield* this.eval(e.e);
        return e.op === '!' ? (truth(v) ? 0 : 1) : e.op === '-' ? -num(v) : num(v);
      }
      case 'incr': {
        const old = num(yield* this.eval(e.e));
        const now = e.op === '++' ? old + 1 : old - 1;
        yield* this.assign(e.e, now);
        return e.prefix ? now : old;
      }
      case 'call':
        return yield* this.call(e.name, e.args);
      case 'builtin':
        return yield* callBuiltin(this, e.name, e.args);
      case 'getline':
        return yield* this.getline(e);
    }
  }

  private *call(name: string, args: readonly Expr[]): Task<Value> {
    const f = this.program.functions.get(name);
    if (!f) throw new AwkError(`function ${name} never defined`);
    if (++this.depth > MAX_DEPTH) throw new AwkError('function calls nest too deeply');
    const frame = { scalars: new Map<string, Value>(), arrays: new Map<string, Map<string, Value>>() };
    for (const [i, param] of f.params.entries()) {
      const a = args[i];
      const isArray = a?.t === 'var' && (this.arrays.has(a.name) || this.locals?.arrays.has(a.name)) && this.getVar(a.name) === undefined;
      if (a && isArray) frame.arrays.set(param, this.array((a as { name: string }).name));
      frame.scalars.set(param, a && !isArray ? yield* this.eval(a) : undefined);
    }
    const outer = this.locals;
    this.locals = frame;
    this.returned = '';
    yield* this.exec(f.body);
    this.locals = outer;
    this.depth--;
    const v = this.returned;
    this.returned = '';
    return v;
  }

  private *getline(e: Extract<Expr, { t: 'getline' }>): Task<Value> {
    let fd = 0;
    if (e.file || e.command) {
      const name = str(yield* this.eval((e.file ?? e.command) as Expr));
      const opened = yield* this.streams.input(name, e.file ? 'file' : 'command');
      if (opened === null) return -1;
      fd = opened;
    }
    const line = yield* this.p.readLine(fd);
    if (line === null) return 0;
    if (!e.file) this.count();
    if (e.to) yield* this.assign(e.to, new StrNum(line));
    else this.setRecord(line);
    return 1;
  }

  // ---- statements

  *exec(s: Stmt): Task<Signal> {
    if (++this.steps % STEPS_PER_TURN === 0) yield {};
    switch (s.t) {
      case 'block':
        for (const x of s.list) {
          const stop = yield* this.exec(x);
          if (stop) return stop;
        }
        return null;
      case 'expr':
        yield* this.eval(s.e);
        return null;
      case 'print':
      case 'printf': {
        const values: Value[] = [];
        for (const a of s.args) values.push(yield* this.eval(a));
        const to = s.to ? { op: s.to.op, name: str(yield* this.eval(s.to.e)) } : null;
        const ofmt = str(this.vars.get('OFMT') ?? '%.6g');
        const text =
          s.t === 'printf'
            ? format(str(values[0]), values.slice(1))
            : (values.length === 0
                ? this.record
                : values
                    .map((v) => (typeof v === 'number' && !Number.isInteger(v) ? format(ofmt, [v]) : str(v)))
                    .join(str(this.vars.get('OFS') ?? ' '))) + str(this.vars.get('ORS') ?? '\n');
        yield* this.streams.emit(text, to);
        return null;
      }
      case 'if':
        if (truth(yield* this.eval(s.c))) return yield* this.exec(s.a);
        return s.b ? yield* this.exec(s.b) : null;
      case 'while':
      case 'do': {
        let first = s.t === 'do';
        while (first || truth(yield* this.eval(s.c))) {
          first = false;
          const stop = yield* this.exec(s.body);
          if (stop === 'break') break;
          if (stop && stop !== 'continue') return stop;
        }
        return null;
      }
      case 'for':
        if (s.init) yield* this.exec(s.init);
        while (!s.c || truth(yield* this.eval(s.c))) {
          const stop = yield* this.exec(s.body);
          if (stop === 'break') break;
          if (stop && stop !== 'continue') return stop;
          if (s.step) yield* this.exec(s.step);
        }
        return null;
      case 'forin':
        for (const k of [...this.array(s.array).keys()]) {
          this.setVar(s.name, new StrNum(k));
          const stop = yield* this.exec(s.body);
          if (stop === 'break') break;
          if (stop && stop !== 'continue') return stop;
        }
        return null;
      case 'delete':
        if (s.keys) this.array(s.name).delete(yield* this.key(s.keys));
        else this.array(s.name).clear();
        return null;
      case 'exit':
        if (s.e) this.status = num(yield* this.eval(s.e)) & 255;
        return 'exit';
      case 'return':
        this.returned = s.e ? yield* this.eval(s.e) : '';
        return 'return';
      default:
        return s.t;
    }
  }
}

function arith(op: string, a: number, b: number): number {
  if (op === '+') return a + b;
  if (op === '-') return a - b;
  if (op === '*') return a * b;
  if (op === '^') return a ** b;
  if (b === 0) throw new AwkError(`division by zero${op === '%' ? ' in %' : ''}`);
  return op === '/' ? a / b : a % b;
}

function compare(op: string, a: Value, b: Value): boolean {
  const numeric = (v: Value): boolean => v === undefined || typeof v === 'number' || (v instanceof StrNum && v.numeric);
  const [x, y] = numeric(a) && numeric(b) ? [num(a), num(b)] : [str(a), str(b)];
  switch (op) {
    case '<':
      return x < y;
    case '<=':
      return x <= y;
    case '>':
      return x > y;
    case '>=':
      return x >= y;
    case '==':
      return x === y;
    default:
      return x !== y;
  }
}
