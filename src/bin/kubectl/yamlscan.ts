/** YAML text to tokens, with libyaml's rules for simple keys and indentation and its error texts. Models scannerc.go of go-yaml v2 */

export type TokenType =
  | 'stream-end'
  | 'doc-start'
  | 'doc-end'
  | 'directive'
  | 'seq-start'
  | 'map-start'
  | 'block-end'
  | '['
  | ']'
  | '{'
  | '}'
  | ','
  | '-'
  | 'key'
  | 'value'
  | 'alias'
  | 'anchor'
  | 'tag'
  | 'scalar';

export interface Token {
  readonly type: TokenType;
  readonly value: string;
  /** A scalar without quotes: its text says what type it has. */
  readonly plain: boolean;
  /** From 0. */
  readonly line: number;
}

interface SimpleKey {
  readonly number: number;
  readonly required: boolean;
  readonly line: number;
  readonly col: number;
  readonly pos: number;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '0': '\0',
  a: '\x07',
  b: '\b',
  t: '\t',
  '\t': '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
  e: '\x1b',
  ' ': ' ',
  '"': '"',
  "'": "'",
  '/': '/',
  '\\': '\\',
  N: '\x85',
  _: '\xa0',
  L: '\u2028',
  P: '\u2029',
};
const HEX: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
const MAX_DEPTH = 10_000;

export class Scanner {
  private readonly text: string;
  private pos = 0;
  private line = 0;
  private col = 0;
  private readonly queue: Token[] = [];
  private taken = 0;
  private flow = 0;
  private indent = -1;
  private readonly indents: number[] = [];
  private allowed = true;
  private keys: (SimpleKey | null)[] = [null];
  private ended = false;
  /** The first thing that was wrong, as go-yaml says it. */
  error: string | null = null;

  constructor(text: string) {
    this.text = text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n');
  }

  /** `line`: from 0; what the scanner finds is counted from 1, what the parser finds is not. */
  fail(problem: string, line: number, scanner: boolean): void {
    if (this.error !== null) return;
    const shown = line === 0 ? 0 : line + (scanner ? 1 : 0);
    this.error = `yaml: ${shown === 0 ? '' : `line ${shown}: `}${problem}`;
  }

  private wrong(problem: string): undefined {
    this.fail(problem, this.line, true);
  }

  peek(): Token {
    while (this.error === null && this.needMore()) this.fetch();
    return this.error === null ? (this.queue[0] ?? END) : END;
  }

  next(): Token {
    const t = this.peek();
    if (this.queue.length > 0) {
      this.queue.shift();
      this.taken++;
    }
    return t;
  }

  private needMore(): boolean {
    if (this.ended) return false;
    if (this.queue.length === 0) return true;
    this.stale();
    return this.keys.some((k) => k !== null && k.number === this.taken);
  }

  private put(type: TokenType, value = '', plain = false, line = this.line): void {
    this.queue.push({ type, value, plain, line });
  }

  private at(offset = 0): string {
    return this.text[this.pos + offset] ?? '\0';
  }

  private skip(n = 1): void {
    for (let i = 0; i < n; i++) {
      if (this.text[this.pos] === '\n') {
        this.line++;
        this.col = 0;
      } else this.col++;
      this.pos++;
    }
  }

  private get eof(): boolean {
    return this.pos >= this.text.length;
  }

  private blankz(offset = 0): boolean {
    return this.pos + offset >= this.text.length || /[ \t\n\x85\u2028\u2029]/.test(this.at(offset));
  }

  private documentMark(): boolean {
    if (this.col !== 0) return false;
    const three = this.text.slice(this.pos, this.pos + 3);
    return (three === '---' || three === '...') && this.blankz(3);
  }

  // ---- simple keys and indentation

  private stale(): void {
    for (let i = 0; i < this.keys.length; i++) {
      const k = this.keys[i];
      if (k && (k.line < this.line || k.pos + 1024 < this.pos)) {
        if (k.required) this.fail("could not find expected ':'", this.line, true);
        this.keys[i] = null;
      }
    }
  }

  private saveKey(): void {
    const required = this.flow === 0 && this.indent === this.col;
    if (!this.allowed) return;
    this.removeKey();
    this.keys[this.keys.length - 1] = { number: this.taken + this.queue.length, required, line: this.line, col: this.col, pos: this.pos };
  }

  private removeKey(): void {
    const k = this.keys.at(-1);
    if (k?.required) this.wrong("could not find expected ':'");
    this.keys[this.keys.length - 1] = null;
  }

  private roll(col: number, type: TokenType, number = -1, line = this.line): void {
    if (this.flow > 0 || this.indent >= col) return;
    this.indents.push(this.indent);
    this.indent = col;
    const t: Token = { type, value: '', plain: false, line };
    if (number < 0) this.queue.push(t);
    else this.queue.splice(number - this.taken, 0, t);
    if (this.indents.length > MAX_DEPTH) this.wrong('exceeded max depth of 10000');
  }

  private unroll(col: number): void {
    if (this.flow > 0) return;
    while (this.indent > col) {
      this.put('block-end');
      this.indent = this.indents.pop() as number;
    }
  }

  // ---- one token more

  private fetch(): undefined {
    this.toNext();
    this.stale();
    if (this.error !== null) return;
    this.unroll(this.eof ? -1 : this.col);
    if (this.eof) {
      this.removeKey();
      this.allowed = false;
      this.ended = true;
      this.put('stream-end');
      return;
    }
    const c = this.at();
    if (this.col === 0 && c === '%') {
      this.unroll(-1);
      this.removeKey();
      this.allowed = false;
      const end = this.text.indexOf('\n', this.pos);
      const text = this.text.slice(this.pos, end < 0 ? undefined : end);
      this.put('directive', text);
      this.skip(text.length);
      return;
    }
    if (this.documentMark()) {
      this.unroll(-1);
      this.removeKey();
      this.allowed = false;
      this.put(c === '-' ? 'doc-start' : 'doc-end');
      this.skip(3);
      return;
    }
    if (c === '[' || c === '{') {
      this.saveKey();
      this.keys.push(null);
      this.flow++;
      this.allowed = true;
      this.put(c);
      this.skip();
      if (this.flow > MAX_DEPTH) this.wrong('exceeded max depth of 10000');
      return;
    }
    if (c === ']' || c === '}') {
      this.removeKey();
      if (this.flow > 0) {
        this.flow--;
        this.keys.pop();
      }
      this.allowed = false;
      this.put(c);
      this.skip();
      return;
    }
    if (c === ',') {
      this.removeKey();
      this.allowed = true;
      this.put(',');
      this.skip();
      return;
    }
    if (c === '-' && this.blankz(1)) return this.entry();
    if (c === '?' && (this.flow > 0 || this.blankz(1))) return this.key();
    if (c === ':' && (this.flow > 0 || this.blankz(1))) return this.value();
    if (c === '*' || c === '&') return this.anchor(c === '*' ? 'alias' : 'anchor');
    if (c === '!') return this.tag();
    if ((c === '|' || c === '>') && this.flow === 0) return this.block(c);
    if (c === "'" || c === '"') return this.quoted(c);
    const indicator = this.blankz() || '-?:,[]{}#&*!|>\'"%@`'.includes(c);
    if (!indicator || (c === '-' && !/[ \t]/.test(this.at(1))) || (this.flow === 0 && (c === '?' || c === ':') && !this.blankz(1)))
      return this.plain();
    this.wrong('found character that cannot start any token');
  }

  private toNext(): void {
    for (;;) {
      while (this.at() === ' ' || ((this.flow > 0 || !this.allowed) && this.at() === '\t')) this.skip();
      if (this.at() === '#') while (!this.eof && this.at() !== '\n') this.skip();
      if (this.at() !== '\n' || this.eof) return;
      this.skip();
      if (this.flow === 0) this.allowed = true;
    }
  }

  private entry(): undefined {
    if (this.flow === 0) {
      if (!this.allowed) return this.wrong('block sequence entries are not allowed in this context');
      this.roll(this.col, 'seq-start');
    }
    this.removeKey();
    this.allowed = true;
    this.put('-');
    this.skip();
  }

  private key(): undefined {
    if (this.flow === 0) {
      if (!this.allowed) return this.wrong('mapping keys are not allowed in this context');
      this.roll(this.col, 'map-start');
    }
    this.removeKey();
    this.allowed = this.flow === 0;
    this.put('key');
    this.skip();
  }

  private value(): undefined {
    const k = this.keys.at(-1);
    if (k) {
      this.queue.splice(k.number - this.taken, 0, { type: 'key', value: '', plain: false, line: k.line });
      this.roll(k.col, 'map-start', k.number, k.line);
      this.keys[this.keys.length - 1] = null;
      this.allowed = false;
    } else {
      if (this.flow === 0) {
        if (!this.allowed) return this.wrong('mapping values are not allowed in this context');
        this.roll(this.col, 'map-start');
      }
      this.allowed = this.flow === 0;
    }
    this.put('value');
    this.skip();
  }

  private anchor(type: 'alias' | 'anchor'): undefined {
    this.saveKey();
    this.allowed = false;
    const name = /^[A-Za-z0-9_-]*/.exec(this.text.slice(this.pos + 1, this.pos + 1025))?.[0] ?? '';
    const after = this.at(1 + name.length);
    if (name === '' || !(this.blankz(1 + name.length) || '?:,]}%@`'.includes(after)))
      return this.wrong('did not find expected alphabetic or numeric character');
    this.put(type, name);
    this.skip(1 + name.length);
  }

  private tag(): undefined {
    this.saveKey();
    this.allowed = false;
    const text = /^![^\s,[\]{}]*/.exec(this.text.slice(this.pos, this.pos + 1024))?.[0] ?? '!';
    this.put('tag', text);
    this.skip(text.length);
    if (!this.blankz() && !(this.flow > 0 && this.at() === ',')) this.wrong('did not find expected whitespace or line break');
  }

  private block(style: '|' | '>'): undefined {
    this.removeKey();
    this.allowed = true;
    const line = this.line;
    this.skip();
    let chomp = '';
    let explicit = 0;
    for (let i = 0; i < 2; i++) {
      const c = this.at();
      if (chomp === '' && (c === '+' || c === '-')) {
        chomp = c;
        this.skip();
      } else if (explicit === 0 && /\d/.test(c)) {
        if (c === '0') return this.wrong('found an indentation indicator equal to 0');
        explicit = Number(c);
        this.skip();
      }
    }
    while (this.at() === ' ' || this.at() === '\t') this.skip();
    if (this.at() === '#') while (!this.eof && this.at() !== '\n') this.skip();
    if (!this.eof && this.at() !== '\n') return this.wrong('did not find expected comment or line break');
    if (!this.eof) this.skip();
    let indent = explicit > 0 ? Math.max(this.indent, 0) + explicit : 0;
    let breaks = '';
    let deepest = 0;
    const blanks = (): undefined => {
      for (;;) {
        while ((indent === 0 || this.col < indent) && this.at() === ' ') this.skip();
        deepest = Math.max(deepest, this.col);
        if ((indent === 0 || this.col < indent) && this.at() === '\t')
          return this.wrong('found a tab character where an indentation space is expected');
        if (this.at() !== '\n' || this.eof) break;
        breaks += '\n';
        this.skip();
      }
      if (indent === 0) indent = Math.max(deepest, this.indent + 1, 1);
    };
    blanks();
    let out = '';
    let lead = '';
    let leadingBlank = false;
    while (this.error === null && this.col === indent && !this.eof) {
      const blank = this.at() === ' ' || this.at() === '\t';
      if (style === '>' && lead === '\n' && !leadingBlank && !blank) {
        if (breaks === '') out += ' ';
      } else out += lead;
      lead = '';
      out += breaks;
      breaks = '';
      leadingBlank = blank;
      const end = this.text.indexOf('\n', this.pos);
      const content = this.text.slice(this.pos, end < 0 ? undefined : end);
      out += content;
      this.skip(content.length);
      if (!this.eof) {
        lead = '\n';
        this.skip();
      }
      blanks();
    }
    if (chomp !== '-') out += lead;
    if (chomp === '+') out += breaks;
    this.put('scalar', out, false, line);
  }

  private quoted(mark: '"' | "'"): undefined {
    this.saveKey();
    this.allowed = false;
    const line = this.line;
    this.skip();
    let out = '';
    for (;;) {
      if (this.documentMark()) return this.wrong('found unexpected document indicator');
      if (this.eof) return this.wrong('found unexpected end of stream');
      let folded = false;
      while (!this.blankz()) {
        const c = this.at();
        if (mark === "'" && c === "'" && this.at(1) === "'") {
          out += "'";
          this.skip(2);
        } else if (c === mark) break;
        else if (mark === '"' && c === '\\' && this.at(1) === '\n') {
          this.skip(2);
          folded = true;
          break;
        } else if (mark === '"' && c === '\\') {
          const e = this.at(1);
          const digits = HEX[e];
          if (digits !== undefined) {
            const hex = this.text.slice(this.pos + 2, this.pos + 2 + digits);
            if (!/^[0-9a-fA-F]+$/.test(hex) || hex.length < digits) return this.wrong('did not find expected hexdecimal number');
            const code = Number.parseInt(hex, 16);
            if ((code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return this.wrong('found invalid Unicode character escape code');
            out += String.fromCodePoint(code);
            this.skip(2 + digits);
          } else {
            const known = ESCAPES[e];
            if (known === undefined) return this.wrong('found unknown escape character');
            out += known;
            this.skip(2);
          }
        } else {
          out += c;
          this.skip();
        }
      }
      if (this.at() === mark && !this.eof) break;
      let spaces = '';
      let breaks = folded ? 1 : 0;
      let first = folded;
      while (!this.eof && this.blankz()) {
        if (this.at() === '\n') {
          breaks++;
          spaces = '';
          first = first || breaks === 1;
        } else if (breaks === 0) spaces += this.at();
        this.skip();
      }
      if (breaks === 0) out += spaces;
      else if (folded) out += '\n'.repeat(Math.max(0, breaks - 1));
      else out += breaks === 1 ? ' ' : '\n'.repeat(breaks - 1);
    }
    this.skip();
    this.put('scalar', out, false, line);
  }

  private plain(): undefined {
    this.saveKey();
    this.allowed = false;
    const line = this.line;
    const indent = this.indent + 1;
    let out = '';
    let spaces = '';
    let breaks = 0;
    for (;;) {
      if (this.documentMark() || this.at() === '#') break;
      const start = this.pos;
      while (!this.blankz()) {
        const c = this.at();
        if (c === ':' && this.blankz(1)) break;
        if (this.flow > 0 && (',?[]{}'.includes(c) || (c === ':' && ',[]{}'.includes(this.at(1))))) break;
        this.skip();
      }
      if (this.pos > start) {
        out += breaks > 0 ? (breaks === 1 ? ' ' : '\n'.repeat(breaks - 1)) : spaces;
        out += this.text.slice(start, this.pos);
        spaces = '';
        breaks = 0;
      }
      if (this.eof || !/[ \t\n]/.test(this.at())) break;
      while (!this.eof && /[ \t\n]/.test(this.at())) {
        const c = this.at();
        if (c === '\n') {
          breaks++;
          this.skip();
        } else {
          if (breaks > 0 && this.col < indent && c === '\t') return this.wrong('found a tab character that violates indentation');
          if (breaks === 0) spaces += c;
          this.skip();
        }
      }
      if (this.flow === 0 && this.col < indent) break;
    }
    this.put('scalar', out, true, line);
    if (breaks > 0) this.allowed = true;
  }
}

const END: Token = { type: 'stream-end', value: '', plain: false, line: 0 };
