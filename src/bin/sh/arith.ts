/** Shell arithmetic on 64-bit integers, on text that was expanded already. Models expr.c of bash */

export class ArithError {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Reads and writes variables by name, with an optional subscript (its source text). */
export interface ArithVars {
  get(name: string, index: string | undefined): string;
  set(name: string, index: string | undefined, value: bigint): void;
}

type Token = { kind: 'num' | 'name' | 'op' | 'end'; text: string; index?: string; at: number };

const OPS = [
  '<<=',
  '>>=',
  '**',
  '++',
  '--',
  '<<',
  '>>',
  '<=',
  '>=',
  '==',
  '!=',
  '&&',
  '||',
  '+=',
  '-=',
  '*=',
  '/=',
  '%=',
  '&=',
  '^=',
  '|=',
  ...'+-*/%<>=!~&|^?:(),',
];
const ASSIGN = new Set(['=', '+=', '-=', '*=', '/=', '%=', '<<=', '>>=', '&=', '^=', '|=']);
const BINARY: Record<string, number> = {
  '||': 1,
  '&&': 2,
  '|': 3,
  '^': 4,
  '&': 5,
  '==': 6,
  '!=': 6,
  '<': 7,
  '>': 7,
  '<=': 7,
  '>=': 7,
  '<<': 8,
  '>>': 8,
  '+': 9,
  '-': 9,
  '*': 10,
  '/': 10,
  '%': 10,
};

export function evaluate(source: string, vars: ArithVars, depth = 0): bigint {
  if (depth > 64) throw new ArithError(`${source}: expression recursion level exceeded (error token is "${source}")`);
  return new Evaluator(source, vars, depth).run();
}

class Evaluator {
  private readonly src: string;
  private readonly vars: ArithVars;
  private readonly depth: number;
  private at = 0;
  private lastAt = 0;
  private token: Token;
  /** > 0 inside the branch of ?: && || that is not taken. */
  private noEval = 0;

  constructor(src: string, vars: ArithVars, depth: number) {
    this.src = src;
    this.vars = vars;
    this.depth = depth;
    this.token = this.next();
  }

  run(): bigint {
    if (this.token.kind === 'end') return 0n;
    const value = this.comma();
    if (!this.atEnd()) this.error('syntax error in expression');
    return BigInt.asIntN(64, value);
  }

  private error(message: string, token = this.token): never {
    // At the end bash names the last token that it read.
    const rest = this.src.slice(token.kind === 'end' ? this.lastAt : token.at);
    throw new ArithError(`${this.src.replace(/^\s+/, '')}: ${message} (error token is "${rest}")`);
  }

  private next(): Token {
    const { src } = this;
    while (/\s/.test(src[this.at] ?? '')) this.at++;
    const at = this.at;
    if (at >= src.length) return { kind: 'end', text: '', at };
    const number = /^[0-9][0-9A-Za-z_@#]*/.exec(src.slice(at));
    if (number) {
      this.at += number[0].length;
      return { kind: 'num', text: number[0], at };
    }
    const name = /^[A-Za-z_][A-Za-z0-9_]*/.exec(src.slice(at));
    if (name) {
      this.at += name[0].length;
      if (src[this.at] !== '[') return { kind: 'name', text: name[0], at };
      let level = 0;
      const start = this.at + 1;
      while (this.at < src.length) {
        const c = src[this.at++];
        if (c === '[') level++;
        else if (c === ']' && --level === 0) break;
      }
      return { kind: 'name', text: name[0], index: src.slice(start, this.at - 1), at };
    }
    for (const op of OPS) {
      if (src.startsWith(op, at)) {
        this.at += op.length;
        return { kind: 'op', text: op, at };
      }
    }
    this.token = { kind: 'op', text: src[at] as string, at };
    return this.error(/['"\\$]/.test(src[at] as string) ? 'syntax error: operand expected' : 'syntax error: invalid arithmetic operator');
  }

  private advance(): Token {
    const t = this.token;
    this.lastAt = t.at;
    this.token = this.next();
    return t;
  }

  private atEnd(): boolean {
    return this.token.kind === 'end';
  }

  private isAssignment(): boolean {
    return this.token.kind === 'op' && ASSIGN.has(this.token.text);
  }

  private is(op: string): boolean {
    return this.token.kind === 'op' && this.token.text === op;
  }

  private comma(): bigint {
    let v = this.assignment();
    while (this.is(',')) {
      this.advance();
      v = this.assignment();
    }
    return v;
  }

  private assignment(): bigint {
    if (this.token.kind === 'name') {
      const saved = { at: this.at, token: this.token };
      const name = this.advance();
      if (this.isAssignment()) {
        const op = this.advance().text;
        const right = this.assignment();
        const value = op === '=' ? right : this.binary(op.slice(0, -1), this.lookup(name), right);
        this.store(name, value);
        return value;
      }
      this.at = saved.at;
      this.token = saved.token;
    }
    return this.conditional();
  }

  private conditional(): bigint {
    const test = this.level(1);
    if (!this.is('?')) return test;
    this.advance();
    if (test === 0n) this.noEval++;
    if (this.is(':')) this.error('expression expected');
    const yes = this.comma();
    if (test === 0n) this.noEval--;
    if (!this.is(':')) this.error("`:' expected for conditional expression");
    this.advance();
    if (test !== 0n) this.noEval++;
    if (this.token.kind === 'end') this.error('expression expected');
    const no = this.assignment();
    if (test !== 0n) this.noEval--;
    return test !== 0n ? yes : no;
  }

  private level(min: number): bigint {
    let left = this.power();
    for (;;) {
      const op = this.token.kind === 'op' ? this.token.text : '';
      const prec = BINARY[op];
      if (prec === undefined || prec < min) return left;
      this.advance();
      const skip = (op === '&&' && left === 0n) || (op === '||' && left !== 0n);
      if (skip) this.noEval++;
      const right = this.level(prec + 1);
      if (skip) this.noEval--;
      if (op === '&&') left = left !== 0n && right !== 0n ? 1n : 0n;
      else if (op === '||') left = left !== 0n || right !== 0n ? 1n : 0n;
      else left = this.binary(op, left, right);
    }
  }

  private binary(op: string, a: bigint, b: bigint): bigint {
    switch (op) {
      case '+':
        return BigInt.asIntN(64, a + b);
      case '-':
        return BigInt.asIntN(64, a - b);
      case '*':
        return BigInt.asIntN(64, a * b);
      case '/':
      case '%':
        if (b === 0n) {
          if (this.noEval > 0) return 0n;
          const token = this.lastOperand ?? this.token;
          this.error('division by 0', token);
        }
        return BigInt.asIntN(64, op === '/' ? a / b : a % b);
      case '<<':
        return BigInt.asIntN(64, a << (b & 63n));
      case '>>':
        return a >> (b & 63n);
      case '&':
        return a & b;
      case '|':
        return a | b;
      case '^':
        return a ^ b;
      case '==':
        return a === b ? 1n : 0n;
      case '!=':
        return a !== b ? 1n : 0n;
      case '<':
        return a < b ? 1n : 0n;
      case '>':
        return a > b ? 1n : 0n;
      case '<=':
        return a <= b ? 1n : 0n;
      case '>=':
        return a >= b ? 1n : 0n;
    }
    return 0n;
  }

  private lastOperand: Token | null = null;

  private unary(): bigint {
    const t = this.token;
    if (t.kind === 'op') {
      switch (t.text) {
        case '-':
          this.advance();
          return BigInt.asIntN(64, -this.unary());
        case '+':
          this.advance();
          return this.unary();
        case '!':
          this.advance();
          return this.unary() === 0n ? 1n : 0n;
        case '~':
          this.advance();
          return ~this.unary();
        case '++':
        case '--': {
          this.advance();
          if (this.token.kind === 'name') {
            const name = this.advance();
            const value = this.lookup(name) + (t.text === '++' ? 1n : -1n);
            this.store(name, value);
            return value;
          }
          return t.text === '++' ? this.unary() : this.unary();
        }
      }
    }
    return this.primary();
  }

  private power(): bigint {
    // A sign binds tighter: -2**2 is 4.
    const base = this.unary();
    if (!this.is('**')) return base;
    this.advance();
    const exponent = this.power();
    if (exponent < 0n) this.error('exponent less than 0', this.lastOperand ?? this.token);
    let result = 1n;
    let b = base;
    for (let e = exponent; e > 0n; e >>= 1n) {
      if (e & 1n) result = BigInt.asIntN(64, result * b);
      b = BigInt.asIntN(64, b * b);
    }
    return result;
  }

  private primary(): bigint {
    const t = this.token;
    if (t.kind === 'num') {
      this.lastOperand = t;
      this.advance();
      return this.number(t);
    }
    if (t.kind === 'name') {
      this.lastOperand = t;
      this.advance();
      if (this.is('++') || this.is('--')) {
        const op = this.advance().text;
        const value = this.lookup(t);
        this.store(t, value + (op === '++' ? 1n : -1n));
        return value;
      }
      return this.lookup(t);
    }
    if (this.is('(')) {
      this.advance();
      const v = this.comma();
      if (!this.is(')')) this.error("missing `)'");
      this.advance();
      return v;
    }
    return this.error('syntax error: operand expected');
  }

  private number(t: Token): bigint {
    const { text } = t;
    const based = /^(\d+)#([0-9A-Za-z_@]+)$/.exec(text);
    if (based) {
      const base = Number(based[1]);
      if (base < 2 || base > 64) this.error('invalid arithmetic base', t);
      let v = 0n;
      for (const c of based[2] as string) {
        const d = digit(c, base);
        if (d >= base) this.error('value too great for base', t);
        v = v * BigInt(base) + BigInt(d);
      }
      return BigInt.asIntN(64, v);
    }
    if (/^0[xX][0-9a-fA-F]+$/.test(text)) return BigInt.asIntN(64, BigInt(text));
    if (/^0[0-7]*$/.test(text)) return BigInt.asIntN(64, BigInt(`0o${text.slice(1) || '0'}`));
    if (/^[0-9]+$/.test(text) && text[0] !== '0') return BigInt.asIntN(64, BigInt(text));
    if (text.includes('#')) this.error('invalid number', t);
    return this.error('value too great for base', t);
  }

  private lookup(t: Token): bigint {
    if (this.noEval > 0) return 0n;
    const text = this.vars.get(t.text, t.index);
    if (text === '') return 0n;
    if (/^(0|[1-9][0-9]*)$/.test(text)) return BigInt.asIntN(64, BigInt(text));
    return evaluate(text, this.vars, this.depth + 1);
  }

  private store(t: Token, value: bigint): void {
    if (this.noEval > 0) return;
    this.vars.set(t.text, t.index, BigInt.asIntN(64, value));
  }
}

function digit(c: string, base: number): number {
  if (c >= '0' && c <= '9') return c.charCodeAt(0) - 48;
  if (c >= 'a' && c <= 'z') return c.charCodeAt(0) - 87;
  if (c >= 'A' && c <= 'Z') return base <= 36 ? c.charCodeAt(0) - 55 : c.charCodeAt(0) - 29;
  return c === '@' ? 62 : 63;
}
