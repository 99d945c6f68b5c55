/** less: options, files, and what it does when it has no screen. Models less 590 */

import type { Process, Task } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { getopt } from '../getopt.ts';
import { Pager, type Settings } from './pager.ts';
import { HELP, SPECS } from './tables.ts';

const VERSION = 'less 590 (GNU regular expressions)\n';

function settingsOf(options: readonly (readonly [string, string])[]): Settings {
  const flags = new Map<string, string>();
  for (const [long, value] of options) {
    const spec = SPECS.find((s) => (s.long ?? s.short) === long);
    flags.set(spec?.short ?? long, value);
  }
  return { flags, commands: [] };
}

/** $LESS: letters one after the other, with or without dashes; a text goes up to a $. */
function fromEnvironment(p: Process): string[] {
  const text = p.env.get('LESS') ?? '';
  const out: string[] = [];
  for (let i = 0; i < text.length; ) {
    const long = /^--[\w-]+(=[^$ ]*)?/.exec(text.slice(i))?.[0];
    if (long) {
      out.push(long);
      i += long.length;
      continue;
    }
    const c = text[i++] as string;
    if (c === '-' || c === ' ' || c === '$') continue;
    const spec = SPECS.find((s) => s.short === c);
    if (!spec) continue;
    if (spec.arg !== 'required') out.push(`-${c}`);
    else {
      const value = (/[bhjxyz#]/.test(c) ? /^ *[-.,\d]*/ : /^[^$]*/).exec(text.slice(i))?.[0] ?? '';
      out.push(`-${c}${value.trimStart()}`);
      i += value.length;
    }
  }
  return out;
}

/** Options and files, and +COMMANDs. */
function split(args: readonly string[]): { plain: string[]; first: string[] } {
  const plain: string[] = [];
  const first: string[] = [];
  let done = false;
  for (const a of args) {
    if (!done && a.startsWith('+') && a.length > 1) first.push(a.startsWith('++') ? a.slice(2) : a.slice(1));
    else {
      if (a === '--') done = true;
      plain.push(!done && /^-\d+$/.test(a) ? `-z${a.slice(1)}` : a);
    }
  }
  return { plain, first };
}

function* copy(p: Process, files: readonly string[]): Task<number> {
  let status = 0;
  for (const name of files.length > 0 ? files : ['-']) {
    const opened = name === '-' ? null : p.open(name, 'r');
    if (opened && !opened.ok) {
      yield* p.err(`${name}: ${strerror(opened.errno)}\n`);
      status = 1;
      continue;
    }
    const fd = opened?.ok ? opened.value : 0;
    for (;;) {
      const r = yield* p.read(fd, 65_536);
      if (!r.ok || r.value.length === 0) break;
      if (!(yield* p.out(r.value)).ok) return 1;
    }
    if (fd > 0) p.close(fd);
  }
  return status;
}

export const less: Command = {
  name: 'less',
  aliases: ['pager'],
  *main(p) {
    const { plain, first } = split(p.argv.slice(1));
    const o = getopt([...fromEnvironment(p), ...plain], SPECS);
    const settings = settingsOf(o.options);
    settings.commands.push(...first);
    const { flags } = settings;
    if (flags.has('V')) {
      yield* p.out(VERSION);
      return 0;
    }
    if (flags.has('help') || flags.has('?')) {
      yield* p.out(HELP);
      return 0;
    }
    if (o.error !== null) {
      const long = /'--?([^']+)'/.exec(o.error)?.[1] ?? '';
      const message = /unrecognized|invalid/.test(o.error)
        ? `There is no ${o.error.includes('--') && !o.error.includes("-- '") ? long : `-${/'(.)'/.exec(o.error)?.[1] ?? ''}`} option ("less --help" for help)`
        : `Value is required after ${/requires an argument -- '(.)'/.test(o.error) ? `-${/'(.)'/.exec(o.error)?.[1]}` : `--${long}`}`;
      yield* p.err(`${message}\n`);
      if (p.isatty(1) && p.tty) {
        yield* p.err('Press RETURN to continue ');
        yield* p.readLine(2);
      }
      return 1;
    }
    const files = [...o.operands];
    if (!p.isatty(1)) return yield* copy(p, files);
    if (files.length === 0 && p.isatty(0)) {
      yield* p.out('Missing filename ("less --help" for help)\n');
      return 1;
    }
    if (!p.tty) return yield* copy(p, files);
    return yield* new Pager(p, settings, files.length > 0 ? files : ['-']).run();
  },
};
