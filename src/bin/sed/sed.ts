/** sed: a stream editor over GNU's command set (s y d p n N D P g G h H x q Q a i c r w = l b t T : {}). */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { specs } from '../getopt.ts';
import { compile, RegexError } from '../grep/regex.ts';
import { eachLine, Output, options } from '../text.ts';
import { type Address, parseScript, type SedCommand, SedError } from './script.ts';

const USAGE = {
  specs: specs('n.quiet .silent e:expression f:file E.regexp-extended r. i?in-place u.unbuffered .posix'),
  help: 'Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...\n',
};

/** Commands that one line may run before sed says that the script loops. */
const MAX_STEPS = 1_000_000;

interface State {
  lines: string[];
  next: number;
  pattern: string;
  hold: string;
  number: number;
  quiet: boolean;
  append: string[];
  active: Map<SedCommand, number>;
  lastRegex: RegExp | null;
}

export const sed: Command = {
  name: 'sed',
  path: '/bin/sed',
  *main(p) {
    const o = yield* options(p, USAGE);
    if (typeof o === 'number') return o;
    const on = new Set(o.options.map(([k]) => k));
    const extended = on.has('regexp-extended') || on.has('r');
    const operands = [...o.operands];
    const pieces: string[] = [];
    for (const [k, v] of o.options) {
      if (k === 'expression') pieces.push(v);
      if (k === 'file') {
        const text = p.readText(v);
        if (text === null) {
          yield* p.err(`sed: couldn't open file ${v}: No such file or directory\n`);
          return 1;
        }
        pieces.push(text.replace(/\n$/, ''));
      }
    }
    if (pieces.length === 0) {
      const first = operands.shift();
      if (first === undefined) {
        yield* p.err(USAGE.help);
        return 1;
      }
      pieces.push(first);
    }
    let script: SedCommand[];
    try {
      script = parseScript(pieces.join('\n'), (source, flags) => compile(source, { basic: !extended, flags }));
    } catch (e) {
      if (!(e instanceof SedError) && !(e instanceof RegexError)) throw e;
      yield* p.err(
        `sed: -e expression #1, ${e instanceof SedError ? `char ${e.at}: ${e.message}` : `char ${pieces.join('\n').length}: ${e.message}`}\n`,
      );
      return 1;
    }
    const quiet = on.has('quiet') || on.has('silent');
    const inPlace = o.options.find(([k]) => k === 'in-place');
    let status = 0;
    const files = operands.length > 0 ? operands : ['-'];
    if (inPlace) {
      for (const name of files) {
        const text = p.readText(name);
        if (text === null) {
          yield* p.err(`sed: can't read ${name}: No such file or directory\n`);
          status = 2;
          continue;
        }
        let result = '';
        // biome-ignore lint/correctness/useYield: a task that waits for nothing
        const code = yield* run(p, script, splitLines(text), quiet, function* (t) {
          result += t;
        });
        if (inPlace[1]) p.writeFile(`${name}${inPlace[1]}`, text);
        p.writeFile(name, result);
        if (code !== null) return code;
      }
      return status;
    }
    const out = new Output(p);
    const streaming = files.length === 1 && files[0] === '-' && !usesLast(script);
    if (streaming) {
      const state = fresh([], quiet);
      let code: number | null = null;
      const needsMore = script.some((c) => c.name === 'n' || c.name === 'N');
      if (!needsMore) {
        yield* eachLine(p, 0, function* (line) {
          state.lines = [line];
          state.next = 0;
          code = yield* cycle(p, script, state, (t) => out.put(t), false);
          yield* out.flush();
          return code !== null ? true : undefined;
        });
        return code ?? 0;
      }
    }
    const lines: string[] = [];
    for (const name of files) {
      let fd = 0;
      if (name !== '-') {
        const s = p.stat(name);
        const r = p.open(name, 'r');
        if (!r.ok || (s.ok && s.value.kind === 'dir')) {
          if (r.ok) yield* p.err(`sed: couldn't edit ${name}: not a regular file\n`);
          else yield* p.err(`sed: can't read ${name}: No such file or directory\n`);
          status = 2;
          continue;
        }
        fd = r.value;
      }
      // biome-ignore lint/correctness/useYield: a task that waits for nothing
      yield* eachLine(p, fd, function* (line) {
        lines.push(line);
        return undefined;
      });
      if (fd !== 0) p.close(fd);
    }
    const code = yield* run(p, script, lines, quiet, (t) => out.put(t));
    yield* out.flush();
    return code ?? status;
  },
};

function splitLines(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function usesLast(script: readonly SedCommand[]): boolean {
  return script.some((c) => [c.from, c.to].some((a) => a?.kind === 'last'));
}

function fresh(lines: string[], quiet: boolean): State {
  return { lines, next: 0, pattern: '', hold: '', number: 0, quiet, append: [], active: new Map(), lastRegex: null };
}

function* run(p: Process, script: SedCommand[], lines: string[], quiet: boolean, put: (text: string) => Task<void>): Task<number | null> {
  const state = fresh(lines, quiet);
  while (state.next < state.lines.length) {
    const code = yield* cycle(p, script, state, put, true);
    if (code !== null) return code;
    if (state.number % 1000 === 999) yield {};
  }
  return null;
}

function matches(s: State, a: Address, whole: boolean): boolean {
  if (a.kind === 'line') return s.number === a.line;
  if (a.kind === 'last') return whole && s.next >= s.lines.length;
  if (a.kind === 'step') return a.step === 0 ? s.number === a.line : s.number >= a.line && (s.number - a.line) % a.step === 0;
  if (a.kind === 'plus') return false;
  const r = a.regex ?? s.lastRegex;
  if (!r) return false;
  s.lastRegex = r;
  r.lastIndex = 0;
  return r.test(s.pattern);
}

function selected(s: State, c: SedCommand, whole: boolean): boolean {
  if (!c.from) return true;
  if (!c.to) return matches(s, c.from, whole) !== c.negate;
  const until = s.active.get(c);
  let hit = false;
  if (until !== undefined) {
    hit = true;
    const t = c.to;
    if (t.kind === 'line' || t.kind === 'plus' ? s.number >= until : matches(s, t, whole)) {
      s.active.delete(c);
      if (t.kind === 'line' && s.number > until) hit = false;
    }
  } else if (matches(s, c.from, whole) || (c.from.kind === 'line' && c.from.line === 0 && s.number === 1)) {
    hit = true;
    if (c.to.kind === 'line') {
      if (c.to.line > s.number) s.active.set(c, c.to.line);
    } else if (c.to.kind === 'plus') {
      if (c.to.line > 0) s.active.set(c, s.number + c.to.line);
    } else s.active.set(c, 0);
  }
  return hit !== c.negate;
}

/** One cycle over the next line. A number is the exit status of q or Q. */
function* cycle(p: Process, script: SedCommand[], s: State, put: (text: string) => Task<void>, whole: boolean): Task<number | null> {
  s.pattern = s.lines[s.next++] as string;
  s.number++;
  let replaced = false;
  let deleted = false;
  let quit: number | null = null;
  const flushAppend = function* () {
    for (const t of s.append) yield* put(t);
    s.append = [];
  };
  let steps = 0;
  for (let i = 0; i < script.length; i++) {
    if (++steps > MAX_STEPS) {
      yield* p.err('sed: the script loops\n');
      return 4;
    }
    if (steps % 1000 === 999) yield {};
    const c = script[i] as SedCommand;
    if (!selected(s, c, whole)) {
      if (c.name === '{') i = c.jump;
      continue;
    }
    switch (c.name) {
      case 's': {
        const r = substitute(s, c);
        if (r) {
          replaced = true;
          if (c.print) yield* put(`${s.pattern}\n`);
          if (c.file === '/dev/stdout') yield* put(`${s.pattern}\n`);
          else if (c.file) p.writeFile(c.file, `${s.pattern}\n`, { append: true });
        }
        break;
      }
      case 'y':
        s.pattern = [...s.pattern].map((ch) => c.map?.get(ch) ?? ch).join('');
        break;
      case 'd':
        deleted = true;
        break;
      case 'D': {
        const nl = s.pattern.indexOf('\n');
        if (nl < 0) {
          deleted = true;
          break;
        }
        s.pattern = s.pattern.slice(nl + 1);
        yield* flushAppend();
        i = -1;
        continue;
      }
      case 'p':
        yield* put(`${s.pattern}\n`);
        break;
      case 'P':
        yield* put(`${s.pattern.split('\n')[0]}\n`);
        break;
      case 'n':
        if (s.next >= s.lines.length) {
          if (!s.quiet) yield* put(`${s.pattern}\n`);
          yield* flushAppend();
          return null;
        }
        if (!s.quiet) yield* put(`${s.pattern}\n`);
        yield* flushAppend();
        s.pattern = s.lines[s.next++] as string;
        s.number++;
        break;
      case 'N':
        if (s.next >= s.lines.length) {
          if (!s.quiet) yield* put(`${s.pattern}\n`);
          yield* flushAppend();
          return null;
        }
        s.pattern += `\n${s.lines[s.next++]}`;
        s.number++;
        break;
      case 'g':
        s.pattern = s.hold;
        break;
      case 'G':
        s.pattern += `\n${s.hold}`;
        break;
      case 'h':
        s.hold = s.pattern;
        break;
      case 'H':
        s.hold += `\n${s.pattern}`;
        break;
      case 'x':
        [s.pattern, s.hold] = [s.hold, s.pattern];
        break;
      case '=':
        yield* put(`${s.number}\n`);
        break;
      case 'l':
        yield* put(`${s.pattern.replace(/\\/g, '\\\\').replace(/\t/g, '\\t').replace(/\n/g, '\\n')}$\n`);
        break;
      case 'a':
        s.append.push(`${c.text}\n`);
        break;
      case 'i':
        yield* put(`${c.text}\n`);
        break;
      case 'c':
        deleted = true;
        if (!c.to || c.negate || !s.active.has(c)) yield* put(`${c.text}\n`);
        break;
      case 'r': {
        const text = p.readText(c.text);
        if (text !== null) s.append.push(text);
        break;
      }
      case 'w':
        if (c.text === '/dev/stdout') yield* put(`${s.pattern}\n`);
        else p.writeFile(c.text, `${s.pattern}\n`, { append: true });
        break;
      case 'b':
        i = c.jump;
        break;
      case 't':
        if (replaced) {
          replaced = false;
          i = c.jump;
        }
        break;
      case 'T':
        if (!replaced) i = c.jump;
        else replaced = false;
        break;
      case 'q':
        quit = c.code;
        break;
      case 'Q':
        return c.code;
      default:
        break;
    }
    if (deleted || quit !== null) break;
  }
  if (!deleted && !s.quiet) yield* put(`${s.pattern}\n`);
  yield* flushAppend();
  return quit;
}

function substitute(s: State, c: SedCommand): boolean {
  const regex = c.regex ?? s.lastRegex;
  if (!regex) return false;
  s.lastRegex = regex;
  let n = 0;
  let done = false;
  s.pattern = s.pattern.replace(regex, (...args) => {
    n++;
    const match = args[0] as string;
    if (n < c.nth || (!c.global && n > c.nth)) return match;
    done = true;
    let mode = '';
    let once = '';
    let out = '';
    for (const part of c.replacement ?? []) {
      if (part.kind === 'case') {
        if (part.text === 'u' || part.text === 'l') once = part.text;
        else mode = part.text === 'E' ? '' : part.text;
        continue;
      }
      let text = part.kind === 'text' ? part.text : part.group === 0 ? match : ((args[part.group] as string | undefined) ?? '');
      if (mode === 'U') text = text.toUpperCase();
      if (mode === 'L') text = text.toLowerCase();
      if (once !== '' && text !== '') {
        text = (once === 'u' ? text.charAt(0).toUpperCase() : text.charAt(0).toLowerCase()) + text.slice(1);
        once = '';
      }
      out += text;
    }
    return out;
  });
  return done;
}
