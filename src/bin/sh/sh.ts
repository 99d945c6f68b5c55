/** bash: the program and its command line. Models shell.c of bash */

import type { Process, Task } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { guarded } from './fork.ts';
import { interact } from './interactive.ts';
import { Jobs } from './jobs.ts';
import { late } from './late.ts';
import { Abandon, BASH_VERSION, SET_OPTIONS, Shell } from './state.ts';
import { Source } from './text.ts';
import { HELP, USAGE } from './usage.ts';

const VERSION_TEXT = `GNU bash, version ${BASH_VERSION} (x86_64-pc-linux-gnu)
Copyright (C) 2022 Free Software Foundation, Inc.
License GPLv3+: GNU GPL version 3 or later <http://gnu.org/licenses/gpl.html>

This is free software; you are free to change and redistribute it.
There is NO WARRANTY, to the extent permitted by law.
`;

interface Invocation {
  command: string | null;
  interactive: boolean;
  login: boolean;
  norc: boolean;
  readStdin: boolean;
  set: [string, boolean][];
  shopt: [string, boolean][];
  rest: string[];
}

function* parseArguments(p: Process): Task<Invocation | number> {
  const inv: Invocation = {
    command: null,
    interactive: false,
    login: p.argv[0]?.startsWith('-') === true,
    norc: false,
    readStdin: false,
    set: [],
    shopt: [],
    rest: [],
  };
  const args = p.argv.slice(1);
  let wantsCommand = false;
  let i = 0;
  for (; i < args.length; i++) {
    const a = args[i] as string;
    if (a === '--' || a === '-') {
      i++;
      break;
    }
    if (a.startsWith('--')) {
      if (a === '--version') {
        yield* p.out(VERSION_TEXT);
        return 0;
      }
      if (a === '--help') {
        yield* p.out(HELP);
        return 0;
      }
      if (a === '--login') inv.login = true;
      else if (a === '--norc') inv.norc = true;
      else if (a === '--posix') inv.set.push(['posix', true]);
      else if (a === '--verbose') inv.set.push(['verbose', true]);
      else if (a === '--rcfile' || a === '--init-file') i++;
      else if (a !== '--noprofile' && a !== '--noediting' && a !== '--restricted') {
        yield* p.err(`bash: ${a}: invalid option\n${USAGE}`);
        return 2;
      }
      continue;
    }
    if (!/^[-+]./.test(a)) break;
    const on = a.startsWith('-');
    for (const c of a.slice(1)) {
      if (c === 'c') wantsCommand = true;
      else if (c === 'i') inv.interactive = true;
      else if (c === 'l') inv.login = true;
      else if (c === 's') inv.readStdin = true;
      else if (c === 'o' || c === 'O') (c === 'o' ? inv.set : inv.shopt).push([args[++i] ?? '', on]);
      else {
        const found = SET_OPTIONS.find(([, letter]) => letter === c);
        if (!found) {
          yield* p.err(`bash: ${a}: invalid option\n${USAGE}`);
          return 2;
        }
        inv.set.push([found[0], on]);
      }
    }
  }
  inv.rest = args.slice(i);
  if (wantsCommand) {
    const text = inv.rest.shift();
    if (text === undefined) {
      yield* p.err('bash: -c: option requires an argument\n');
      return 2;
    }
    inv.command = text;
  }
  return inv;
}

function* main(p: Process): Task<number> {
  const inv = yield* parseArguments(p);
  if (typeof inv === 'number') return inv;
  const sh = new Shell(p, new Jobs(), new Source(''));
  setUp(sh);
  for (const [name, on] of inv.set) late().setOption(sh, name, on);
  for (const [name, on] of inv.shopt) sh.shopt.set(name, on);
  sh.resetSignal('INT');
  if (inv.command !== null) {
    sh.commandString = true;
    sh.arg0 = inv.rest[0] ?? p.argv[0] ?? 'bash';
    sh.args = inv.rest.slice(1);
    return yield* guarded(sh, runScript(sh, inv.command, '-c'));
  }
  if (inv.rest.length > 0 && !inv.readStdin) {
    const path = inv.rest[0] as string;
    sh.arg0 = path;
    sh.args = inv.rest.slice(1);
    const r = p.readFile(path);
    if (!r.ok) {
      yield* p.err(`bash: ${path}: ${r.errno === 'EISDIR' ? 'Is a directory' : strerror(r.errno)}\n`);
      return r.errno === 'ENOENT' ? 127 : 126;
    }
    if (r.value.subarray(0, 80).includes(0)) {
      yield* p.err(`${path}: ${path}: cannot execute binary file\n`);
      return 126;
    }
    return yield* guarded(sh, runScript(sh, new TextDecoder().decode(r.value), path));
  }
  sh.args = inv.rest;
  if (inv.interactive || (p.isatty(0) && p.isatty(2))) return yield* interact(sh, { norc: inv.norc });
  return yield* guarded(sh, runStdin(sh));
}

/** Functions that came through the environment (export -f). */
function importFunctions(sh: Shell): void {
  for (const [key, value] of sh.p.env) {
    const name = /^BASH_FUNC_(.+)%%$/.exec(key)?.[1];
    if (!name || !value.startsWith('() {')) continue;
    const parsed = late().parseSource(`${name} ${value}`);
    const command = parsed.statements[0]?.command;
    if (command?.type === 'Function') sh.functions.set(name, { body: command.body, source: parsed.source, exported: true });
  }
}

function setUp(sh: Shell): void {
  const { vars, p } = sh;
  importFunctions(sh);
  const put = (name: string, value: string, exported = false): void => {
    const v = vars.ensure(name);
    v.value = value;
    if (exported) v.exported = true;
  };
  const level = Number.parseInt(vars.get('SHLVL') ?? '0', 10);
  put('SHLVL', String((Number.isNaN(level) ? 0 : level) + 1), true);
  const pwd = vars.get('PWD');
  const same = pwd !== undefined && p.stat(pwd).ok && p.resolve(pwd).ok;
  const real = same ? p.resolve(pwd) : null;
  if (!real?.ok || real.value !== p.cwd) put('PWD', p.cwd, true);
  else vars.ensure('PWD').exported = true;
  put('BASH', '/usr/bin/bash');
  put('BASH_VERSION', BASH_VERSION);
  const versinfo = vars.ensure('BASH_VERSINFO');
  versinfo.array = ['5', '2', '15', '1', 'release', 'x86_64-pc-linux-gnu'];
  versinfo.readonly = true;
  put('HOSTTYPE', 'x86_64');
  put('MACHTYPE', 'x86_64-pc-linux-gnu');
  put('OSTYPE', 'linux-gnu');
  put('OPTIND', '1');
  put('OPTERR', '1');
  put('IFS', ' \t\n');
  put('PS4', '+ ');
  if (vars.get('PATH') === undefined) put('PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin');
}

/** Runs a whole text; statements before a syntax error run first, as bash reads line by line. */
export function* runScript(sh: Shell, text: string, kind: string): Task<number> {
  const parsed = late().parseSource(text);
  sh.source = parsed.source;
  const isFile = kind !== '-c';
  const { statements } = parsed;
  for (let i = 0; i < statements.length; i++) {
    const s = statements[i] as (typeof statements)[number];
    try {
      yield* late().runStatement(sh, s, !parsed.fault && i === statements.length - 1);
    } catch (e) {
      if (!(e instanceof Abandon) || e.fatal || !isFile) throw e;
      // An expression error gives up the line; a script goes on with the next.
      sh.status = e.status;
      const line = sh.source.line(s.end);
      while (i + 1 < statements.length && sh.source.line((statements[i + 1] as typeof s).pos) === line) i++;
    }
  }
  if (parsed.fault) {
    yield* late().reportFault(sh, parsed, kind);
    sh.status = parsed.fault.message.includes("matching `)'") ? 1 : 2;
  }
  return sh.status;
}

/** Commands from a pipe: each is run as soon as it is complete, so that it may read what follows. */
function* runStdin(sh: Shell): Task<number> {
  let text = '';
  let line = 1;
  for (;;) {
    const next = yield* readStdinLine(sh);
    if (next !== null) text += next;
    if (text === '' && next === null) return sh.status;
    const parsed = late().parseSource(text, line);
    const open = parsed.fault?.incomplete || /(^|[^\\])(\\\\)*\\\n$/.test(text) || openHereDocument(text);
    if (open && next !== null) continue;
    sh.source = parsed.source;
    for (const s of parsed.statements) {
      try {
        yield* late().runStatement(sh, s);
      } catch (e) {
        if (!(e instanceof Abandon) || e.fatal) throw e;
        sh.status = e.status;
        break;
      }
    }
    if (parsed.fault) {
      yield* late().reportFault(sh, parsed, null);
      sh.status = 2;
      return sh.status;
    }
    line += text.split('\n').length - 1;
    text = '';
    if (next === null) return sh.status;
  }
}

function* readStdinLine(sh: Shell): Task<string | null> {
  const bytes: number[] = [];
  for (;;) {
    const r = yield* sh.p.read(0, 1);
    if (!r.ok && r.errno === 'EINTR') continue;
    if (!r.ok || r.value.length === 0) return bytes.length > 0 ? new TextDecoder().decode(Uint8Array.from(bytes)) : null;
    bytes.push(r.value[0] as number);
    if (r.value[0] === 10) return new TextDecoder().decode(Uint8Array.from(bytes));
  }
}

/** A here-document whose end mark has not come yet. */
export function openHereDocument(text: string): boolean {
  for (const m of text.matchAll(/<<(-?)\s*(?:'([^'\n]+)'|"([^"\n]+)"|\\?([A-Za-z_][\w-]*))/g)) {
    if (text[m.index - 1] === '<' || text[m.index + 2] === '<') continue;
    const word = (m[2] ?? m[3] ?? m[4]) as string;
    const after = text.slice(text.indexOf('\n', m.index) + 1);
    if (!text.includes('\n', m.index)) return true;
    if (!after.split('\n').some((l) => (m[1] ? l.replace(/^\t+/, '') : l) === word)) return true;
  }
  return false;
}

export const bash: Command = { name: 'bash', main, aliases: ['sh', 'rbash'] };
