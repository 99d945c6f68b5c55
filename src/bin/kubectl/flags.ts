/** Command lines as pflag reads them: interspersed flags, shorthands, NoOptDefVal, and its error texts. Models spf13/pflag flag.go */

import { parseDuration, parseInteger, quote } from './strconv.ts';

export type FlagType =
  | 'bool'
  | 'string'
  | 'int'
  | 'int32'
  | 'int64'
  | 'duration'
  /** Repeated, and split at commas (as CSV). */
  | 'stringSlice'
  /** Repeated, each value as it is. */
  | 'stringArray'
  /** `true`, `false` or not set; prints like a string (--validate). */
  | 'tristate';

export interface Flag {
  readonly name: string;
  readonly short?: string;
  readonly type: FlagType;
  /** As --help prints it; when not given: false, 0, 0s, [] or nothing, by type. */
  readonly def?: string;
  /** What the flag alone means (`--dry-run` = `--dry-run=unchanged`); bool has `true`. */
  readonly alone?: string;
  readonly usage: string;
  readonly hidden?: boolean;
  /** Printed on standard error when it is used: `Flag --x has been deprecated, TEXT`. */
  readonly deprecated?: string;
}

const DEFAULTS: Readonly<Record<FlagType, string>> = {
  bool: 'false',
  string: '',
  int: '0',
  int32: '0',
  int64: '0',
  duration: '0s',
  stringSlice: '[]',
  stringArray: '[]',
  tristate: '',
};

export const defaultOf = (f: Flag): string => f.def ?? DEFAULTS[f.type];
const aloneOf = (f: Flag): string | undefined => f.alone ?? (f.type === 'bool' ? 'true' : undefined);

const BOOLS: Readonly<Record<string, boolean>> = {
  '1': true,
  t: true,
  T: true,
  true: true,
  TRUE: true,
  True: true,
  '0': false,
  f: false,
  F: false,
  false: false,
  FALSE: false,
  False: false,
};

/** One record of CSV, with quotes. */
export function csv(text: string): string[] {
  const out: string[] = [];
  let at = 0;
  while (at <= text.length) {
    if (text[at] === '"') {
      let field = '';
      at++;
      while (at < text.length) {
        if (text[at] === '"' && text[at + 1] !== '"') break;
        if (text[at] === '"') at++;
        field += text[at++];
      }
      out.push(field);
      const comma = text.indexOf(',', at);
      if (comma < 0) break;
      at = comma + 1;
    } else {
      const comma = text.indexOf(',', at);
      out.push(text.slice(at, comma < 0 ? undefined : comma));
      if (comma < 0) break;
      at = comma + 1;
    }
  }
  return out;
}

/** The flags of a command line, by name. */
export class FlagSet {
  private readonly known = new Map<string, Flag>();
  private readonly shorts = new Map<string, Flag>();
  private readonly values = new Map<string, string[]>();
  /** Operands. */
  args: string[] = [];
  /** How many operands stood before `--`; -1 without one. */
  dash = -1;
  readonly notices: string[] = [];

  constructor(flags: readonly Flag[]) {
    for (const f of flags) {
      if (!this.known.has(f.name)) this.known.set(f.name, f);
      if (f.short && !this.shorts.has(f.short)) this.shorts.set(f.short, f);
    }
  }

  flag(name: string): Flag | undefined {
    return this.known.get(name);
  }

  /** Null, or pflag's error. */
  parse(args: readonly string[]): string | null {
    for (let i = 0; i < args.length; i++) {
      const arg = args[i] as string;
      if (arg === '--') {
        this.dash = this.args.length;
        this.args.push(...args.slice(i + 1));
        return null;
      }
      if (!arg.startsWith('-') || arg === '-') {
        this.args.push(arg);
        continue;
      }
      const used = arg.startsWith('--') ? this.long(arg, args[i + 1]) : this.shorthands(arg, args[i + 1]);
      if (typeof used === 'string') return used;
      i += used;
    }
    return null;
  }

  private long(arg: string, next: string | undefined): string | 0 | 1 {
    const eq = arg.indexOf('=');
    const name = arg.slice(2, eq < 0 ? undefined : eq).replaceAll('_', '-');
    if (name === '' || name.startsWith('-')) return `bad flag syntax: ${arg}`;
    const f = this.known.get(name);
    if (!f) return `unknown flag: --${name}`;
    const alone = aloneOf(f);
    if (eq >= 0) return this.set(f, arg.slice(eq + 1)) ?? 0;
    if (alone !== undefined) return this.set(f, alone) ?? 0;
    if (next === undefined) return `flag needs an argument: --${name}`;
    return this.set(f, next) ?? 1;
  }

  private shorthands(arg: string, next: string | undefined): string | 0 | 1 {
    const all = arg.slice(1);
    for (let j = 0; j < all.length; j++) {
      const letter = all[j] as string;
      const f = this.shorts.get(letter);
      if (!f) return `unknown shorthand flag: ${quoteRune(letter)} in -${all.slice(j)}`;
      const rest = all.slice(j + 1);
      const alone = aloneOf(f);
      if (rest.startsWith('=') && rest.length > 0) return this.set(f, rest.slice(1)) ?? 0;
      if (alone !== undefined) {
        const error = this.set(f, alone);
        if (error !== null) return error;
        continue;
      }
      if (rest !== '') return this.set(f, rest) ?? 0;
      if (next === undefined) return `flag needs an argument: ${quoteRune(letter)} in -${all.slice(j)}`;
      return this.set(f, next) ?? 1;
    }
    return 0;
  }

  private set(f: Flag, value: string): string | null {
    const wrong = check(f, value);
    if (wrong !== null)
      return `invalid argument ${quote(value)} for ${f.short ? `"-${f.short}, --${f.name}"` : `"--${f.name}"`} flag: ${wrong}`;
    if (f.deprecated && !this.values.has(f.name)) this.notices.push(`Flag --${f.name} has been deprecated, ${f.deprecated}`);
    const before = this.values.get(f.name);
    if (f.type === 'stringSlice') this.values.set(f.name, [...(before ?? []), ...(value === '' ? [] : csv(value))]);
    else if (f.type === 'stringArray') this.values.set(f.name, [...(before ?? []), value]);
    else this.values.set(f.name, [value]);
    return null;
  }

  /** Sets a value as if it stood on the command line. */
  override(name: string, value: string): void {
    this.values.set(name, [value]);
  }

  changed(name: string): boolean {
    return this.values.has(name);
  }

  str(name: string): string {
    return this.values.get(name)?.at(-1) ?? defaultOf(this.known.get(name) ?? MISSING);
  }

  bool(name: string): boolean {
    return BOOLS[this.str(name)] ?? false;
  }

  int(name: string): number {
    const n = parseInteger(this.str(name), 64);
    return typeof n === 'number' ? n : 0;
  }

  /** Seconds. */
  duration(name: string): number {
    const n = parseDuration(this.str(name));
    return typeof n === 'number' ? n : 0;
  }

  list(name: string): readonly string[] {
    const given = this.values.get(name);
    if (given) return given;
    const def = this.known.get(name)?.def;
    return def && def !== '[]' ? csv(def.replace(/^\[|\]$/g, '')) : [];
  }
}

const MISSING: Flag = { name: '', type: 'string', usage: '' };
const quoteRune = (c: string): string => `'${c}'`;

function check(f: Flag, value: string): string | null {
  switch (f.type) {
    case 'bool':
      return value in BOOLS ? null : `strconv.ParseBool: parsing ${quote(value)}: invalid syntax`;
    case 'int':
    case 'int64':
    case 'int32': {
      const n = parseInteger(value, f.type === 'int32' ? 32 : 64);
      return typeof n === 'number' ? null : n.error;
    }
    case 'duration': {
      const d = parseDuration(value);
      return typeof d === 'number' ? null : d.error;
    }
    default:
      return null;
  }
}
