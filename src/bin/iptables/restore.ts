/** iptables-restore: whole tables from a file, each in one transaction. Models iptables/xtables-restore.c */

import { xt } from '../../os/uapi.ts';
import { Batch } from './commands.ts';
import { type Env, Exit, flavourText, Ignored, problemText, Refused } from './env.ts';
import { restoreHelp } from './help.ts';
import { CommandParser } from './options.ts';
import { remember, rememberedLines } from './remembered.ts';
import type { Parsed } from './state.ts';

export interface RestoreOptions {
  counters: boolean;
  verbose: boolean;
  test: boolean;
  noflush: boolean;
  table: string | null;
  file: string | null;
}

/** Options, or what to print and the exit status. */
export function restoreOptions(env: Env, argv: readonly string[]): RestoreOptions | { out: string; err: string; status: number } {
  const o: RestoreOptions = { counters: false, verbose: false, test: false, noflush: false, table: null, file: null };
  const long: Readonly<Record<string, string>> = {
    counters: 'c',
    verbose: 'v',
    version: 'V',
    test: 't',
    help: 'h',
    noflush: 'n',
    modprobe: 'M',
    table: 'T',
    wait: 'w',
    'wait-interval': 'W',
  };
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i] as string;
    if (!arg.startsWith('-') || arg === '-') {
      if (o.file !== null) return { out: '', err: 'Unknown arguments found on commandline\n', status: 1 };
      o.file = arg;
      continue;
    }
    const name = arg.startsWith('--') ? (arg.slice(2).split('=')[0] ?? '') : '';
    const keys = arg.startsWith('--') ? [long[name] ?? '?'] : [...arg.slice(1)];
    for (const [k, key] of keys.entries()) {
      if (key === 'c') o.counters = true;
      else if (key === 'v') o.verbose = true;
      else if (key === 't') o.test = true;
      else if (key === 'n') o.noflush = true;
      else if (key === 'V') return { out: `${env.prog} ${flavourText(env)}\n`, err: '', status: 0 };
      else if (key === 'h') return { out: '', err: restoreHelp(env), status: 0 };
      else if (key === 'w' || key === 'W') {
        if (/^\d+$/.test(argv[i + 1] ?? '')) i++;
        break;
      } else if (key === 'T' || key === 'M') {
        const inline = arg.includes('=') ? arg.slice(arg.indexOf('=') + 1) : keys.slice(k + 1).join('');
        const value = inline !== '' ? inline : (argv[++i] ?? '');
        if (key === 'T') o.table = value;
        break;
      } else {
        const text = arg.startsWith('--') ? `unrecognized option '${arg}'` : `invalid option -- '${key}'`;
        return { out: '', err: `${env.prog}: ${text}\nTry \`${env.prog} -h' for more information.\n`, status: 1 };
      }
    }
  }
  return o;
}

/** Words of a rule line: blanks separate, double quotes hold together, a backslash inside them escapes. Models add_param_to_argv() */
export function splitLine(line: string): string[] {
  const words: string[] = [];
  const end = line.length;
  let i = 0;
  for (;;) {
    while (i < end && blank(line.charCodeAt(i))) i++;
    if (i >= end) return words;
    const start = i;
    while (i < end && line.charCodeAt(i) !== QUOTE && !blank(line.charCodeAt(i))) i++;
    if (i >= end || line.charCodeAt(i) !== QUOTE) {
      words.push(line.slice(start, i));
      continue;
    }
    // Nearly all quoted words are one pair of quotes with nothing escaped.
    const close = i === start ? line.indexOf('"', i + 1) : -1;
    if (close > 0 && (close + 1 === end || blank(line.charCodeAt(close + 1)))) {
      const plain = line.slice(i + 1, close);
      if (!plain.includes('\\')) {
        words.push(plain);
        i = close + 1;
        continue;
      }
    }
    let word = line.slice(start, i);
    let quoted = false;
    for (; i < end && (quoted || !blank(line.charCodeAt(i))); i++) {
      const ch = line[i] as string;
      if (ch === '"') quoted = !quoted;
      else if (quoted && ch === '\\') word += line[++i] ?? '';
      else word += ch;
    }
    words.push(word);
  }
}

const QUOTE = 0x22;

function blank(c: number): boolean {
  return c === 0x20 || c === 0x09 || c === 0x0a;
}

function readCounters(text: string): { packets: number; bytes: number } | null {
  const m = /^\[(\d+):(\d+)\]/.exec(text);
  return m ? { packets: Number(m[1]), bytes: Number(m[2]) } : null;
}

export function runRestore(env: Env, o: RestoreOptions, text: string): { out: string; err: string; status: number } {
  let out = '';
  let err = '';
  let line = 0;
  let batch = new Batch(env, !env.legacy);
  let table: xt.TableName | null = null;
  let skipped = false;
  const warn = (t: string): void => {
    err += t;
  };
  const print = (t: string): void => {
    out += t;
  };
  let parser: CommandParser | null = null;
  let known: Map<string, Parsed> | null = null;
  try {
    for (let from = 0, to = 0; from < text.length; from = to + 1) {
      to = text.indexOf('\n', from);
      if (to < 0) to = text.length;
      const row = text.slice(from, to);
      line++;
      batch.line = line;
      if (row === '') continue;
      if (row.startsWith('#')) {
        if (o.verbose) out += `${row}\n`;
        continue;
      }
      if (row.trimEnd() === 'COMMIT' && (table !== null || skipped)) {
        if (!o.test) {
          batch.commit();
          out += batch.out;
        }
        batch = new Batch(env, !env.legacy);
        table = null;
        skipped = false;
        continue;
      }
      if (row.startsWith('*') && table === null) {
        const name = row.slice(1).split(/[ \t\n]/)[0] ?? '';
        if (!xt.isTableName(name)) {
          throw new xt.Problem(
            env.legacy ? `${env.prog}: unable to initialize table '${name}'` : `${env.prog}: line ${line} table name '${name}' invalid`,
          );
        }
        if (o.table !== null && o.table !== name) {
          skipped = true;
          continue;
        }
        table = name;
        known = rememberedLines(`${env.family} ${env.legacy} ${name}`);
        parser = new CommandParser(env, print, warn, table);
        if (!o.noflush) {
          if (o.verbose) batch.flushAll(name);
          else {
            const e = batch.edit(name);
            e.clear();
            if (env.legacy) e.addBuiltin();
          }
        }
        continue;
      }
      if (skipped) continue;
      if (row.startsWith(':') && table !== null) {
        chainLine(env, batch, table, row, o);
        continue;
      }
      if (table !== null && parser !== null) {
        if (known !== null && !o.verbose) {
          const before = known.get(row);
          if (before) {
            batch.run(before);
            continue;
          }
        }
        const said = out.length + err.length;
        const parsed = ruleLine(parser, batch, row, o);
        if (known !== null && parsed && row.startsWith('-A') && said === out.length + err.length) remember(known, row, parsed);
        continue;
      }
      return { out, err: `${env.prog}: line ${line} failed\n`, status: 1 };
    }
    if (table !== null) return { out, err: `${env.prog}: COMMIT expected at line ${line + 1}\n`, status: 1 };
  } catch (e) {
    if (e instanceof xt.Problem) return { out, err: err + problemText(env, e, line), status: e.status };
    if (e instanceof Refused) {
      const why = env.legacy && e.text.startsWith('No chain') ? '' : `: ${e.text}.`;
      return { out, err: `${err}${env.prog}: line ${line} failed${why}\n`, status: 1 };
    }
    if (e instanceof Exit) return { out, err: '', status: e.status };
    throw e;
  }
  return { out, err, status: 0 };
}

function chainLine(env: Env, batch: Batch, table: xt.TableName, row: string, o: RestoreOptions): void {
  const [name, policy, counterText] = row.slice(1).trim().split(/\s+/);
  const e = batch.edit(table);
  if (!name) throw new xt.Problem(`${env.prog}: line ${batch.line} chain name invalid`);
  if (name.length >= 29)
    throw new xt.Problem(
      env.legacy ? `Invalid chain name \`${name}' (28 chars max)` : `chain name \`${name}' too long (must be under 29 chars)`,
    );
  if (!policy) throw new xt.Problem(`${env.prog}: line ${batch.line} policy invalid`);
  if (e.isBuiltin(name)) {
    if (policy === '-') {
      e.addBuiltin(name);
      return;
    }
    let counters = null;
    if (o.counters) {
      counters = readCounters(counterText ?? '');
      if (!counters) throw new xt.Problem(`invalid policy counters for chain '${name}'`);
    }
    if (env.legacy && policy !== 'ACCEPT' && policy !== 'DROP')
      throw new xt.Problem(`Can't set policy \`${policy}' on \`${name}' line ${batch.line}: Bad policy name`, 1);
    batch.setPolicy(e, name, policy, counters ?? { packets: 0, bytes: 0 });
    return;
  }
  if (e.chain(name)) e.flush(name);
  else e.newChain(name);
}

function ruleLine(parser: CommandParser, batch: Batch, row: string, o: RestoreOptions): Parsed | null {
  let rest = row;
  let counters: { packets: number; bytes: number } | null = null;
  if (row.startsWith('[')) {
    const end = row.indexOf(']');
    if (end < 0) throw new xt.Problem(`Bad line ${batch.line}: need ]`);
    if (!row.slice(1, end).includes(':')) throw new xt.Problem(`Bad line ${batch.line}: need :`);
    counters = readCounters(row);
    if (!counters && o.counters) throw new xt.Problem('-c packet counter not numeric');
    rest = row.slice(end + 1);
  }
  let parsed: Parsed;
  try {
    parsed = parser.parse(splitLine(rest));
  } catch (e) {
    if (e instanceof Ignored) return null;
    throw e;
  }
  if (counters && o.counters) Object.assign(parsed.rule, counters);
  if (o.verbose) parsed.options.add('v');
  batch.run(parsed);
  return parsed;
}
