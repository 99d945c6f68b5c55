/** Command line words as iproute2 reads them: prefix matching, NEXT_ARG, numbers and the texts of its usage errors. Models lib/utils.c */

/** Ends the program from anywhere in its parsing, as exit() does there. */
export class Exit extends Error {
  readonly status: number;
  readonly text: string;

  constructor(status: number, text = '') {
    super(`exit ${status}`);
    this.status = status;
    this.text = text;
  }
}

/** True when `word` is a beginning of `full`; the empty word matches nothing. */
export function matches(word: string, full: string): boolean {
  return word !== '' && full.startsWith(word);
}

/** The first row whose name begins with `word`: table order decides, not uniqueness. */
export function byPrefix<T extends { readonly name: string }>(table: readonly T[], word: string): T | undefined {
  return table.find((row) => matches(word, row.name));
}

export function incomplete(): never {
  throw new Exit(255, 'Command line is not complete. Try option "help"\n');
}

export function missarg(key: string): never {
  throw new Exit(255, `Error: argument "${key}" is required\n`);
}

export function invarg(msg: string, arg: string): never {
  throw new Exit(255, `Error: argument "${arg}" is wrong: ${msg}\n`);
}

export function duparg(key: string, arg: string): never {
  throw new Exit(255, `Error: duplicate "${key}": "${arg}" is the second value.\n`);
}

export function duparg2(key: string, arg: string): never {
  throw new Exit(255, `Error: either "${key}" is duplicate, or "${arg}" is a garbage.\n`);
}

/** `Error: argument of "mode" must be "a", "b" or "c", not "x"` */
export function oneOf(msg: string, realval: string, list: readonly string[]): string {
  const quoted = list.map((v) => `"${v}"`);
  const last = quoted.pop();
  return `Error: argument of "${msg}" must be ${quoted.join(', ')} or ${last}, not "${realval}"\n`;
}

/** `Error: argument of "hairpin" must be one of "off", "on", not "x"` */
export function mustBeOneOf(msg: string, realval: string, list: readonly string[]): string {
  return `Error: argument of "${msg}" must be one of ${list.map((v) => `"${v}"`).join(', ')}, not "${realval}"\n`;
}

export class Args {
  readonly words: readonly string[];
  private at = 0;

  constructor(words: readonly string[]) {
    this.words = words;
  }

  get more(): boolean {
    return this.at < this.words.length;
  }

  /** The present word. */
  get word(): string {
    return this.words[this.at] ?? '';
  }

  /** The word after the present one, if any. */
  get peek(): string | undefined {
    return this.words[this.at + 1];
  }

  /** Goes to the next word, which must be there. */
  next(): string {
    this.at++;
    if (this.at >= this.words.length) incomplete();
    return this.word;
  }

  step(): void {
    this.at++;
  }

  back(): void {
    this.at--;
  }

  /** The present word and all after it. */
  rest(): string[] {
    return this.words.slice(this.at);
  }

  is(...names: string[]): boolean {
    return names.includes(this.word);
  }

  matches(...names: string[]): boolean {
    return names.some((n) => matches(this.word, n));
  }
}

/** strtoul with base 0 (decimal, 0x, leading 0 octal); null when it is no number or above `max`. */
export function unsigned(text: string, max = 0xffffffff): number | null {
  let n: number;
  if (/^0[xX][0-9a-fA-F]+$/.test(text)) n = Number.parseInt(text.slice(2), 16);
  else if (/^0[0-7]+$/.test(text)) n = Number.parseInt(text, 8);
  else if (/^\d+$/.test(text)) n = Number(text);
  else return null;
  return n > max ? null : n;
}

export function integer(text: string): number | null {
  const n = unsigned(text.replace(/^[-+]/, ''), 0x7fffffff);
  return n === null ? null : text.startsWith('-') ? -n : n;
}

/** IFNAMSIZ - 1 characters, no slash, no space. */
export function validIfname(name: string): boolean {
  return name.length > 0 && name.length < 16 && !/[/\s]/.test(name);
}
