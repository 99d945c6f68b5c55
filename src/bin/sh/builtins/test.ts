/** test and [: POSIX's rules by number of arguments, then precedence. Models test.c of bash */

import type { Task } from '../../../os/process.ts';
import { BINARY, compareNumbers, compareOther, UNARY, unary } from '../conditional.ts';
import type { Shell } from '../state.ts';
import { type Builtin, complain } from './types.ts';

class TestError {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

class Parser {
  private at = 0;
  private readonly sh: Shell;
  private readonly args: readonly string[];
  constructor(sh: Shell, args: readonly string[]) {
    this.sh = sh;
    this.args = args;
  }

  *run(): Task<boolean> {
    const n = this.args.length;
    if (n === 0) return false;
    if (n <= 4) return yield* this.fixed(this.args);
    const v = yield* this.or();
    if (this.at < n) throw new TestError('too many arguments');
    return v;
  }

  private *fixed(a: readonly string[]): Task<boolean> {
    const [x, y, z] = a as [string, string, string];
    switch (a.length) {
      case 1:
        return x !== '';
      case 2:
        if (x === '!') return y === '';
        if (UNARY.has(x)) return yield* this.one(x, y);
        throw new TestError(`${x}: unary operator expected`);
      case 3:
        if (BINARY.has(y) && y !== '=~') return this.two(x, y, z);
        if (y === '-a') return x !== '' && z !== '';
        if (y === '-o') return x !== '' || z !== '';
        if (x === '!') return !(yield* this.fixed([y, z]));
        if (x === '(' && z === ')') return y !== '';
        throw new TestError(`${y}: binary operator expected`);
      case 4:
        if (x === '!') return !(yield* this.fixed(a.slice(1)));
        if (x === '(' && a[3] === ')') return yield* this.fixed([y, z]);
    }
    const v = yield* this.or();
    if (this.at < this.args.length) throw new TestError('too many arguments');
    return v;
  }

  private *or(): Task<boolean> {
    let v = yield* this.and();
    while (this.args[this.at] === '-o') {
      this.at++;
      const w = yield* this.and();
      v = v || w;
    }
    return v;
  }

  private *and(): Task<boolean> {
    let v = yield* this.term();
    while (this.args[this.at] === '-a') {
      this.at++;
      const w = yield* this.term();
      v = v && w;
    }
    return v;
  }

  private *term(): Task<boolean> {
    const a = this.args[this.at];
    if (a === undefined) throw new TestError('argument expected');
    if (a === '!') {
      this.at++;
      return !(yield* this.term());
    }
    if (a === '(' && !BINARY.has(this.args[this.at + 1] ?? '')) {
      this.at++;
      const v = yield* this.or();
      if (this.args[this.at] !== ')') throw new TestError("`)' expected");
      this.at++;
      return v;
    }
    const op = this.args[this.at + 1];
    if (op !== undefined && BINARY.has(op) && this.args[this.at + 2] !== undefined) {
      this.at += 3;
      return this.two(a, op, this.args[this.at - 1] as string);
    }
    if (UNARY.has(a) && this.args[this.at + 1] !== undefined) {
      this.at += 2;
      return yield* this.one(a, this.args[this.at - 1] as string);
    }
    this.at++;
    return a !== '';
  }

  private *one(op: string, arg: string): Task<boolean> {
    if (op === '-t' && !/^\d+$/.test(arg)) throw new TestError(`${arg}: integer expression expected`);
    return yield* unary(this.sh, op, arg);
  }

  private two(a: string, op: string, b: string): boolean {
    if (/^-(eq|ne|lt|le|gt|ge)$/.test(op)) {
      for (const x of [a, b]) if (!/^\s*[-+]?\d+\s*$/.test(x)) throw new TestError(`${x}: integer expression expected`);
      return compareNumbers(op, BigInt(a.trim().replace(/^\+/, '')), BigInt(b.trim().replace(/^\+/, '')));
    }
    return compareOther(this.sh.p, op, a, b);
  }
}

const test: Builtin = function* (sh, argv) {
  const name = argv[0] as string;
  let args = argv.slice(1);
  if (name === '[') {
    if (args[args.length - 1] !== ']') {
      yield* complain(sh, '[', "missing `]'");
      return 2;
    }
    args = args.slice(0, -1);
  }
  try {
    return (yield* new Parser(sh, args).run()) ? 0 : 1;
  } catch (e) {
    if (!(e instanceof TestError)) throw e;
    yield* complain(sh, name, e.text);
    return 2;
  }
};

export const testBuiltins: readonly (readonly [string, Builtin])[] = [
  ['test', test],
  ['[', test],
];
