/** nft's input as tokens that remember where they stood, and errors that point there. */

export interface Token {
  readonly text: string;
  readonly quoted: boolean;
  /** Offsets in the line. */
  readonly from: number;
  readonly to: number;
  readonly line: number;
}

export class NftError extends Error {
  readonly from: number;
  readonly to: number;
  readonly line: number;
  /** Operand that the message is about, underlined with `~`. */
  readonly about: { from: number; to: number } | null;

  constructor(message: string, at: { from: number; to: number; line: number }, about: { from: number; to: number } | null = null) {
    super(message);
    this.from = at.from;
    this.to = at.to;
    this.line = at.line;
    this.about = about;
  }
}

const TOKEN = /\s+|#.*|"([^"]*)"|(==|!=|<=|>=|[{};,()=<>&|])|[^\s{};,()"=!<>&|]+/y;

/** Newlines become `;` tokens: they end commands and statements alike. */
export function tokens(source: string): Token[] {
  const out: Token[] = [];
  for (const [line, text] of source.split('\n').entries()) {
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < text.length) {
      const from = TOKEN.lastIndex;
      const m = TOKEN.exec(text);
      if (!m) throw new NftError(`syntax error, unexpected junk`, { from, to: from + 1, line });
      const word = m[0] as string;
      if (/^\s/.test(word) || word.startsWith('#')) continue;
      out.push({ text: m[1] ?? word, quoted: m[1] !== undefined, from, to: from + word.length, line });
    }
    out.push({ text: '\n', quoted: false, from: text.length, to: text.length + 1, line });
  }
  return out;
}

/** `Error: …`, the line, and carets under the place. */
export function errorText(e: NftError, source: string, file: string | null): string {
  const line = source.split('\n')[e.line] ?? '';
  const place = file === null ? '' : `${file}:${e.line + 1}:${e.from + 1}-${Math.max(e.from + 1, e.to)}: `;
  let marks = `${' '.repeat(e.from)}${'^'.repeat(Math.max(1, e.to - e.from))}`;
  if (e.about && e.about.to <= e.from) {
    marks = `${' '.repeat(e.about.from)}${'~'.repeat(e.about.to - e.about.from)}${' '.repeat(e.from - e.about.to)}${'^'.repeat(Math.max(1, e.to - e.from))}`;
  }
  return `${place}Error: ${e.message}\n${line}\n${marks}\n`;
}

/** Reads tokens in order. */
export class Cursor {
  private readonly list: readonly Token[];
  at = 0;

  constructor(list: readonly Token[]) {
    this.list = list;
  }

  get token(): Token {
    return (this.list[this.at] ?? this.list[this.list.length - 1]) as Token;
  }

  get done(): boolean {
    return this.at >= this.list.length;
  }

  /** True at the end of a command. */
  get end(): boolean {
    return this.done || this.token.text === ';' || this.token.text === '\n' || this.token.text === '}';
  }

  next(): Token {
    const t = this.token;
    this.at++;
    return t;
  }

  is(text: string): boolean {
    return !this.done && !this.token.quoted && this.token.text === text;
  }

  take(text: string): boolean {
    if (!this.is(text)) return false;
    this.at++;
    return true;
  }

  expect(text: string): Token {
    if (!this.is(text)) this.unexpected(text);
    return this.next();
  }

  /** A name or value; anything but punctuation. */
  word(expecting: string | null = 'string'): Token {
    if (!this.token.quoted && /^[{};,()=<>&|\n]/.test(this.token.text)) this.unexpected(expecting);
    return this.next();
  }

  /** The texts of the coming tokens, for looking ahead. */
  ahead(n: number): string[] {
    return this.list.slice(this.at, this.at + n).map((t) => t.text);
  }

  skipNewlines(): void {
    while (!this.done && (this.is('\n') || this.is(';'))) this.at++;
  }

  unexpected(expecting: string | null = null): never {
    const t = this.token;
    const what = t.text === '\n' ? 'newline' : /^[a-z]/.test(t.text) ? 'string' : t.text;
    throw new NftError(`syntax error, unexpected ${what}${expecting === null ? '' : `, expecting ${expecting}`}`, t);
  }
}
