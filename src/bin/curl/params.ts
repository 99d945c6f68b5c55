/** curl's command line and config files, word by word. Models parse_args() of src/tool_getparam.c, src/tool_parsecfg.c */

import type { OptionSpec } from '../getopt.ts';
import { CURL_OPTIONS } from './help.ts';
import { type CurlOptions, defaults, type GlobalOptions, globals, warning } from './options.ts';
import { Bad, SETTERS, Unsupported } from './setters.ts';

export type ParsedCurl =
  | { ok: true; options: CurlOptions[]; globals: GlobalOptions }
  | { ok: false; kind: 'error'; text: string; code: number; stderr: string | null }
  | { ok: false; kind: 'not-emulated'; option: string }
  | { ok: false; kind: 'help'; category: string | null }
  | { ok: false; kind: 'version' };

/** Reads a config file; null when it cannot be opened. */
export type ConfigReader = (path: string) => string | null;

const LONG = new Map<string, OptionSpec>(CURL_OPTIONS.map((s) => [s.long as string, s]));
const SHORT = new Map<string, OptionSpec>(CURL_OPTIONS.flatMap((s) => (s.short ? [[s.short, s] as const] : [])));
/** Boolean options whose own name begins with `no-`, by the name that --no-X would negate. */
const NEGATED: Record<string, string> = {
  buffer: 'no-buffer',
  keepalive: 'no-keepalive',
  'progress-meter': 'no-progress-meter',
  sessionid: 'no-sessionid',
  alpn: 'no-alpn',
  npn: 'no-npn',
  clobber: 'no-clobber',
};
const TRY = "curl: try 'curl --help' or 'curl --manual' for more information\n";

type Found = { spec: OptionSpec; on: boolean } | 'is unknown' | 'is ambiguous' | "used '--no-' for option that isn't a boolean";

function findLong(word: string): Found {
  const exact = LONG.get(word);
  if (exact) return { spec: exact, on: true };
  if (NEGATED[word]) return { spec: LONG.get(NEGATED[word] as string) as OptionSpec, on: false };
  if (word.startsWith('no-')) {
    const base = LONG.get(word.slice(3));
    if (base) return base.arg === 'none' ? { spec: base, on: false } : "used '--no-' for option that isn't a boolean";
  }
  const hits = [...LONG.values()].filter((s) => s.long?.startsWith(word));
  if (hits.length === 1) return { spec: hits[0] as OptionSpec, on: true };
  return hits.length === 0 ? 'is unknown' : 'is ambiguous';
}

/** Stops the parse: what to say instead. */
class Stop extends Error {
  readonly result: ParsedCurl;
  constructor(result: ParsedCurl) {
    super();
    this.result = result;
  }
}

class Parser {
  o = defaults();
  readonly sets = [this.o];
  readonly g = globals();
  private readonly read: ConfigReader;
  private depth = 0;

  constructor(read: ConfigReader) {
    this.read = read;
  }

  private apply(spec: OptionSpec, value: string, on: boolean, shown: string): void {
    const { o } = this;
    switch (spec.long) {
      case 'next':
        this.o = { ...defaults(), silent: o.silent, showError: o.showError, verbose: o.verbose };
        this.sets.push(this.o);
        return;
      case 'config':
        if (!this.config(value)) {
          this.g.warnings += '';
          throw Object.assign(new Bad(`option ${shown}: error encountered when reading a file`), {
            before: `curl: cannot read config from '${value}'\n`,
            code: 26,
          });
        }
        return;
      case 'help':
      case 'version':
      case 'manual':
        if (spec.long === 'manual') throw new Stop({ ok: false, kind: 'not-emulated', option: '--manual' });
        throw new Stop(
          spec.long === 'help' ? { ok: false, kind: 'help', category: value === '' ? null : value } : { ok: false, kind: 'version' },
        );
      default: {
        const setter = SETTERS[spec.long as string];
        if (!setter) throw new Stop({ ok: false, kind: 'not-emulated', option: `--${spec.long}` });
        setter(o, value, on, shown, this.g);
      }
    }
  }

  /** Applies one word; true when it used the next one too. */
  word(arg: string, next: string | undefined): boolean {
    if (!arg.startsWith('-') || arg === '-') {
      this.o.urls.push(arg);
      return false;
    }
    if (arg.startsWith('--')) {
      const found = findLong(arg.slice(2));
      if (typeof found === 'string') throw new Bad(`option ${arg}: ${found}`);
      if (found.spec.long === 'help') this.apply(found.spec, next ?? '', true, arg);
      if (found.spec.arg !== 'required') {
        this.apply(found.spec, '', found.on, arg);
        return false;
      }
      if (next === undefined) throw new Bad(`option ${arg}: requires parameter`);
      this.apply(found.spec, next, true, arg);
      return true;
    }
    for (let j = 1; j < arg.length; j++) {
      const spec = SHORT.get(arg[j] as string);
      if (!spec) throw new Bad(`option ${arg}: is unknown`);
      if (spec.long === 'help') this.apply(spec, next ?? '', true, arg);
      if (spec.arg !== 'required') {
        this.apply(spec, '', true, arg);
        continue;
      }
      const joined = arg.slice(j + 1);
      if (joined === '' && next === undefined) throw new Bad(`option ${arg}: requires parameter`);
      this.apply(spec, joined === '' ? (next as string) : joined, true, arg);
      return joined === '';
    }
    return false;
  }

  config(path: string): boolean {
    const text = this.depth < 10 ? this.read(path) : null;
    if (text === null) return false;
    this.depth++;
    for (const [i, raw] of text.split('\n').entries()) {
      const m = /^\s*([^\s=:]+|-[^\s]+)\s*[=:]?\s*(.*)$/.exec(/^\s*-/.test(raw) ? raw.replace(/^(\s*\S+)\s+/, '$1 ') : raw);
      if (!m || (m[1] as string).startsWith('#')) continue;
      const dashed = (m[1] as string).startsWith('-');
      const word = dashed ? (m[1] as string) : `--${m[1]}`;
      let value: string | undefined = m[2] as string;
      const quoted = /^"((?:[^"\\]|\\.)*)"?/.exec(value);
      if (quoted) {
        const named: Record<string, string> = { t: '\t', n: '\n', r: '\r', v: '\v' };
        value = (quoted[1] as string).replace(/\\(.)/g, (_, c: string) => named[c] ?? c);
      } else value = /^\S+/.exec(value)?.[0];
      try {
        this.word(word, value);
      } catch (e) {
        if (!(e instanceof Bad)) throw e;
        const why = /^option \S+: (.*)$/.exec(e.message)?.[1] ?? e.message;
        this.g.warnings += `Warning: ${path}:${i + 1}: warning: '${m[1]}' ${why}\n`;
      }
    }
    this.depth--;
    return true;
  }
}

/** `read` opens config files (-K and ~/.curlrc). */
export function parseCurl(args: readonly string[], read: ConfigReader = () => null): ParsedCurl {
  const parser = new Parser(read);
  const fail = (text: string, code = 2): ParsedCurl => {
    const quiet = parser.o.silent && !parser.o.showError;
    return { ok: false, kind: 'error', text: (quiet ? '' : parser.g.warnings) + text, code, stderr: parser.g.stderr };
  };
  try {
    if (!/^(-q|--disable$)/.test(args[0] ?? '')) parser.config('~/.curlrc');
    let plain = false;
    for (let i = 0; i < args.length; i++) {
      const arg = args[i] as string;
      if (arg === '--' && !plain) plain = true;
      else if (plain) parser.o.urls.push(arg);
      else if (parser.word(arg, args[i + 1])) i++;
    }
  } catch (e) {
    if (e instanceof Stop) return e.result;
    const { before, code } = e as { before?: string; code?: number };
    if (e instanceof Bad) return fail(`${before ?? ''}curl: ${e.message}\n${TRY}`, code);
    if (e instanceof Unsupported) return fail(`curl: ${e.message}\n${TRY}`);
    throw e;
  }
  if (parser.sets.every((s) => s.urls.length === 0)) return fail(args.length > 0 ? `curl: no URL specified!\n${TRY}` : TRY);
  for (const o of parser.sets) {
    const both = conflict(o);
    if (both) return fail(o.silent ? '' : warning(both));
    if (o.fail && o.failWithBody)
      return fail(
        `curl: You must select either --fail or --fail-with-body, not both.\ncurl: option --fail-with-body: is badly used here\n${TRY}`,
      );
  }
  return { ok: true, options: parser.sets, globals: parser.g };
}

/** Two request methods in one: what SetHTTPrequest() says about them. */
function conflict(o: CurlOptions): string | null {
  const asked = [
    o.upload !== null ? 'PUT (-T, --upload-file)' : null,
    o.data.length > 0 && !o.get ? 'POST (-d, --data)' : null,
    o.forms.length > 0 ? 'multipart formpost (-F, --form)' : null,
    o.head && !o.get ? 'HEAD (-I, --head)' : null,
  ].filter((x) => x !== null);
  if (asked.length < 2) return null;
  return `You can only select one HTTP request method! You asked for both ${asked[0]} and ${asked[1]}.`;
}
