/** What Go's decoder says of text that is no JSON. Models encoding/json scanner.go */

/** Nesting beyond this is an error there too. */
const MAX_DEPTH = 10_000;

class Bad extends Error {}

function quoteChar(c: string): string {
  if (c === "'") return `'\\''`;
  if (c === '"') return `'"'`;
  const code = c.codePointAt(0) as number;
  const named: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };
  if (named[c]) return `'${named[c]}'`;
  return code < 0x20 || code === 0x7f ? `'\\x${code.toString(16).padStart(2, '0')}'` : `'${c}'`;
}

class Scanner {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** The next character that is no blank, which is not taken. */
  private peek(): string {
    while (' \t\r\n'.includes(this.text[this.at] ?? 'x')) this.at++;
    return this.look();
  }

  private look(): string {
    const c = this.text[this.at];
    if (c === undefined) throw new Bad('unexpected end of JSON input');
    return c;
  }

  private wrong(context: string): never {
    throw new Bad(`invalid character ${quoteChar(this.look())} ${context}`);
  }

  top(): void {
    this.value(0);
    while (' \t\r\n'.includes(this.text[this.at] ?? 'x')) this.at++;
    if (this.at < this.text.length) this.wrong('after top-level value');
  }

  private value(depth: number): void {
    if (depth > MAX_DEPTH) throw new Bad('exceeded max depth');
    const c = this.peek();
    if (c === '{') this.object(depth);
    else if (c === '[') this.array(depth);
    else if (c === '"') this.string();
    else if (c === '-' || (c >= '0' && c <= '9')) this.number();
    else if (c === 't') this.literal('true');
    else if (c === 'f') this.literal('false');
    else if (c === 'n') this.literal('null');
    else this.wrong('looking for beginning of value');
  }

  private object(depth: number): void {
    this.at++;
    if (this.peek() === '}') {
      this.at++;
      return;
    }
    for (;;) {
      if (this.peek() !== '"') this.wrong('looking for beginning of object key string');
      this.string();
      if (this.peek() !== ':') this.wrong('after object key');
      this.at++;
      this.value(depth + 1);
      const c = this.peek();
      if (c !== ',' && c !== '}') this.wrong('after object key:value pair');
      this.at++;
      if (c === '}') return;
    }
  }

  private array(depth: number): void {
    this.at++;
    if (this.peek() === ']') {
      this.at++;
      return;
    }
    for (;;) {
      this.value(depth + 1);
      const c = this.peek();
      if (c !== ',' && c !== ']') this.wrong('after array element');
      this.at++;
      if (c === ']') return;
    }
  }

  private string(): void {
    this.at++;
    for (;;) {
      const c = this.look();
      if (c < ' ') this.wrong('in string literal');
      this.at++;
      if (c === '"') return;
      if (c !== '\\') continue;
      const e = this.look();
      if (!'bfnrt\\/"u'.includes(e)) this.wrong('in string escape code');
      this.at++;
      if (e !== 'u') continue;
      for (let i = 0; i < 4; i++) {
        if (!/[0-9a-fA-F]/.test(this.look())) this.wrong('in \\u hexadecimal character escape');
        this.at++;
      }
    }
  }

  private isDigit(): boolean {
    const c = this.text[this.at] ?? '';
    return c >= '0' && c <= '9';
  }

  private digits(context: string): void {
    this.look();
    if (!this.isDigit()) this.wrong(context);
    while (this.isDigit()) this.at++;
  }

  private number(): void {
    if (this.look() === '-') this.at++;
    this.look();
    if (!this.isDigit()) this.wrong('in numeric literal');
    if (this.look() === '0') this.at++;
    else this.digits('in numeric literal');
    if (this.text[this.at] === '.') {
      this.at++;
      this.digits('after decimal point in numeric literal');
    }
    if (this.text[this.at] === 'e' || this.text[this.at] === 'E') {
      this.at++;
      if (this.text[this.at] === '+' || this.text[this.at] === '-') this.at++;
      this.digits('in exponent of numeric literal');
    }
  }

  private literal(word: string): void {
    this.at++;
    for (const c of word.slice(1)) {
      if (this.look() !== c) this.wrong(`in literal ${word} (expecting ${quoteChar(c)})`);
      this.at++;
    }
  }
}

/** The message for text that JSON.parse refuses. */
export function syntaxError(text: string): string {
  try {
    new Scanner(text).top();
  } catch (e) {
    if (e instanceof Bad) return e.message;
    throw e;
  }
  return 'unexpected end of JSON input';
}
