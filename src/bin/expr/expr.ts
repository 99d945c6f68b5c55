/** expr: arithmetic, comparison and matching of words. Models coreutils 9.1 */

import type { Command } from '../../os/program.ts';

class Wrong extends Error {}

/** Basic regular expression, anchored at the start. */
function basic(pattern: string): RegExp {
  let out = '';
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] as string;
    if (c === '\\') {
      const d = pattern[++i] ?? '\\';
      out += '(){}|+?'.includes(d) ? d : /[1-9]/.test(d) ? `\\${d}` : `\\${d}`;
    } else if (c === '[') {
      const end = pattern.indexOf(']', i + 2);
      const body = end < 0 ? pattern.slice(i + 1) : pattern.slice(i + 1, end);
      out += `[${body.replace(/\\/g, '\\\\').replace(/\[:(\w+):\]/g, (_, n: string) => ({ digit: '0-9', alpha: 'a-zA-Z', alnum: 'a-zA-Z0-9', space: '\\s', upper: 'A-Z', lower: 'a-z' })[n] ?? '')}]`;
      i = end < 0 ? pattern.length : end;
    } else out += '(){}|+?'.includes(c) ? `\\${c}` : c;
  }
  try {
    return new RegExp(`^${out.replace(/^\^/, '')}`, 's');
  } catch {
    throw new Wrong('Invalid regular expression');
  }
}

class Parser {
  private at = 0;
  private depth = 0;
  private readonly words: readonly string[];

  constructor(words: readonly string[]) {
    this.words = words;
  }

  all(): string {
    const v = this.or();
    if (this.at < this.words.length) throw new Wrong(`syntax error: unexpected argument ‘${this.words[this.at]}’`);
    return v;
  }

  private take(...ops: string[]): string | null {
    const w = this.words[this.at];
    if (w === undefined || !ops.includes(w)) return null;
    this.at++;
    return w;
  }

  private or(): string {
    let v = this.and();
    while (this.take('|')) {
      const w = this.and();
      v = truth(v) ? v : truth(w) ? w : '0';
    }
    return v;
  }

  private and(): string {
    let v = this.compare();
    while (this.take('&')) {
      const w = this.compare();
      v = truth(v) && truth(w) ? v : '0';
    }
    return v;
  }

  private compare(): string {
    let v = this.sum();
    for (let op = this.take('<', '<=', '=', '==', '!=', '>=', '>'); op; op = this.take('<', '<=', '=', '==', '!=', '>=', '>')) {
      const w = this.sum();
      const [a, b] = [integer(v), integer(w)];
      const order = a !== null && b !== null ? (a < b ? -1 : a > b ? 1 : 0) : v < w ? -1 : v > w ? 1 : 0;
      const holds = {
        '<': order < 0,
        '<=': order <= 0,
        '=': order === 0,
        '==': order === 0,
        '!=': order !== 0,
        '>=': order >= 0,
        '>': order > 0,
      }[op as '<'];
      v = holds ? '1' : '0';
    }
    return v;
  }

  private sum(): string {
    let v = this.product();
    for (let op = this.take('+', '-'); op; op = this.take('+', '-')) {
      const [a, b] = numbers(v, this.product());
      v = String(op === '+' ? a + b : a - b);
    }
    return v;
  }

  private product(): string {
    let v = this.match();
    for (let op = this.take('*', '/', '%'); op; op = this.take('*', '/', '%')) {
      const [a, b] = numbers(v, this.match());
      if (op !== '*' && b === 0n) throw new Wrong('division by zero');
      v = String(op === '*' ? a * b : op === '/' ? a / b : a % b);
    }
    return v;
  }

  private match(): string {
    let v = this.primary();
    while (this.take(':')) v = matched(v, this.primary());
    return v;
  }

  private primary(): string {
    if (++this.depth > 500) throw new Wrong('syntax error');
    const w = this.words[this.at++];
    if (w === undefined) throw new Wrong(`syntax error: missing argument after ‘${this.words[this.at - 2] ?? ''}’`);
    if (w === '(') {
      const v = this.or();
      if (!this.take(')'))
        throw new Wrong(
          `syntax error: expecting ')' ${this.words[this.at] === undefined ? `after ‘${this.words[this.at - 1]}’` : `instead of ‘${this.words[this.at]}’`}`,
        );
      return v;
    }
    if (w === ')') throw new Wrong("syntax error: unexpected ')'");
    const more = this.at < this.words.length;
    if (w === '+' && more) return this.words[this.at++] as string;
    if (w === 'length' && more) return String([...this.primary()].length);
    if (w === 'match' && more) return matched(this.primary(), this.primary());
    if (w === 'index' && more) {
      const text = this.primary();
      const set = this.primary();
      return String([...text].findIndex((c) => set.includes(c)) + 1);
    }
    if (w === 'substr' && more) {
      const text = this.primary();
      const [from, count] = [Number(this.primary()), Number(this.primary())];
      return from > 0 && count > 0 ? text.slice(from - 1, from - 1 + count) : '';
    }
    return w;
  }
}

function matched(text: string, pattern: string): string {
  const re = basic(pattern);
  const m = re.exec(text);
  const groups = /\\\(/.test(pattern);
  return groups ? (m?.[1] ?? '') : String(m ? [...m[0]].length : 0);
}

const integer = (v: string): bigint | null => (/^-?\d+$/.test(v) ? BigInt(v) : null);
const truth = (v: string): boolean => v !== '' && !/^-?0+$/.test(v);

function numbers(a: string, b: string): [bigint, bigint] {
  const [x, y] = [integer(a), integer(b)];
  if (x === null || y === null) throw new Wrong('non-integer argument');
  return [x, y];
}

export const expr: Command = {
  name: 'expr',
  *main(p) {
    const words = p.argv[1] === '--' ? p.argv.slice(2) : p.argv.slice(1);
    if (words.length === 0) {
      yield* p.err("expr: missing operand\nTry 'expr --help' for more information.\n");
      return 2;
    }
    try {
      const v = new Parser(words).all();
      yield* p.out(`${v}\n`);
      return truth(v) ? 0 : 1;
    } catch (e) {
      if (!(e instanceof Wrong)) throw e;
      yield* p.err(`expr: ${e.message}\n`);
      return 2;
    }
  },
};
