/** The interactive shell: prompt, line editor, history, job notices. */

import { commandTaken, promptShown } from '../../os/audit.ts';
import type { Task } from '../../os/process.ts';
import type { Tty } from '../../os/tty.ts';
import { outOfMemory } from './fork.ts';
import { state } from './jobs.ts';
import { type Key, KeyDecoder } from './keys.ts';
import { late } from './late.ts';
import { decodePrompt } from './prompt.ts';
import { LineEditor, type LineResult } from './readline.ts';
import { openHereDocument } from './sh.ts';
import { Abandon, ExitShell, Interrupted, LoopControl, ReturnFrom, type Shell } from './state.ts';
import { runExitTrap, runPendingTraps } from './traps.ts';
import { OutOfMemory } from './vars.ts';

const HISTORY_SIZE = 1000;
/** Bytes that the line editor takes at once; what belongs to a command goes back. */
const READ = 4096;
/** Toil of a command line besides its own: prompt, parsing, the terminal's modes. */
const LINE_TOIL = 8000;
const PASTE_ON = '\x1b[?2004h';
const PASTE_OFF = '\x1b[?2004l\r';

/** Keys that came with a line and belong to the next one. */
interface Input {
  decoder: KeyDecoder;
  keys: Key[];
}

export function* interact(sh: Shell, o: { norc: boolean }): Task<number> {
  const { p } = sh;
  sh.interactive = true;
  sh.shopt.set('expand_aliases', true);
  for (const option of ['monitor', 'histexpand', 'emacs', 'history']) sh.options.add(option);
  for (const s of ['TSTP', 'TTIN', 'TTOU', 'TERM', 'QUIT', 'INT'] as const) sh.resetSignal(s);
  if (p.tty && p.pgid !== p.pid) p.pgid = p.pid;
  p.tty?.setForeground(p.pgid);
  for (const [name, value] of [
    ['PS1', '\\u@\\h:\\w\\$ '],
    ['PS2', '> '],
    ['HISTSIZE', String(HISTORY_SIZE)],
    ['HISTFILE', `${sh.vars.get('HOME') ?? ''}/.bash_history`],
    ['HISTFILESIZE', String(HISTORY_SIZE)],
  ] as const)
    if (sh.vars.get(name) === undefined) sh.vars.set(name, value);
  if (!o.norc) {
    const rc = p.readText(`${sh.vars.get('HOME') ?? ''}/.bashrc`);
    if (rc !== null) yield* protectedRun(sh, () => late().runText(sh, rc, '~/.bashrc'));
  }
  loadHistory(sh);
  const input: Input = { decoder: new KeyDecoder(), keys: [] };
  for (;;) {
    if (sh.pendingTraps.length > 0) {
      yield* protectedRun(sh, function* () {
        yield* runPendingTraps(sh);
        return sh.status;
      });
    }
    if (sh.jobs.list.length > 0) yield* late().notifyJobs(sh);
    setWindowSize(sh);
    const before = sh.vars.get('PROMPT_COMMAND');
    if (before) yield* protectedRun(sh, () => late().runText(sh, before));
    const text = yield* readCommand(sh, input);
    if (text === null) {
      yield* p.err('exit\n');
      if (yield* late().stoppedJobs(sh)) continue;
      break;
    }
    if (text === '') continue;
    p.sim.toil += LINE_TOIL;
    commandTaken(p, text);
    const warned = sh.exitWarned;
    const exited = yield* runInput(sh, text);
    if (exited) break;
    // The warning counts for the very next command only.
    if (warned) sh.exitWarned = false;
  }
  for (const job of sh.jobs.list)
    if (!job.disowned && (state(job) === 'Stopped' || sh.opt('huponexit'))) p.machine.killGroup(job.pgid, 'HUP');
  saveHistory(sh);
  return yield* runExitTrap(sh);
}

function loadHistory(sh: Shell): void {
  const file = sh.vars.get('HISTFILE');
  const text = file ? sh.p.readText(file) : null;
  if (text !== null)
    sh.history.push(
      ...text
        .split('\n')
        .filter((line) => line !== '')
        .slice(-HISTORY_SIZE),
    );
}

/** When an interactive shell ends it leaves its history to the next one, unless HISTFILE was unset. */
function saveHistory(sh: Shell): void {
  const file = sh.vars.get('HISTFILE');
  const size = Number(sh.vars.get('HISTFILESIZE') ?? HISTORY_SIZE);
  if (file && sh.history.length > 0)
    sh.p.writeFile(
      file,
      sh.history
        .slice(-size)
        .map((line) => `${line}\n`)
        .join(''),
    );
}

/** checkwinsize */
function setWindowSize(sh: Shell): void {
  const { tty } = sh.p;
  if (!tty || !sh.opt('checkwinsize')) return;
  sh.vars.ensure('COLUMNS').value = String(tty.cols);
  sh.vars.ensure('LINES').value = String(tty.rows);
}

/** Runs one command's text. True when the shell is to end. */
function* runInput(sh: Shell, text: string): Task<boolean> {
  const parsed = late().parseSource(text);
  sh.source = parsed.source;
  return yield* protectedRun(sh, function* () {
    for (const s of parsed.statements) yield* late().runStatement(sh, s);
    if (parsed.fault) {
      yield* late().reportFault(sh, parsed, null);
      sh.status = 2;
    }
    return sh.status;
  });
}

/** Keeps the shell alive through errors and interrupts. True after `exit`. */
function* protectedRun(sh: Shell, run: () => Task<number>): Task<boolean> {
  sh.interrupted = false;
  sh.interruptShown = false;
  try {
    yield* run();
  } catch (e) {
    if (e instanceof OutOfMemory) {
      yield* outOfMemory(sh, e);
      sh.status = 2;
      return true;
    }
    if (e instanceof ExitShell) {
      sh.status = e.status;
      return true;
    }
    if (e instanceof Interrupted) {
      sh.status = 130;
      if (!sh.interruptShown) yield* sh.p.err('\n');
    } else if (e instanceof Abandon) sh.status = e.status === 127 ? 1 : e.status;
    else if (!(e instanceof LoopControl || e instanceof ReturnFrom)) throw e;
    resetDepths(sh);
  }
  sh.interrupted = false;
  return false;
}

function resetDepths(sh: Shell): void {
  sh.loopDepth = 0;
  sh.depth = 0;
  sh.noErrexit = 0;
  sh.waiting = 0;
  sh.sourceDepth = 0;
  sh.frames.length = 0;
  sh.vars.scopes.length = 1;
  sh.expandingAliases.clear();
}

/** One complete command, over as many lines as it takes. Null at the end of input, '' when there is nothing to run. */
function* readCommand(sh: Shell, input: Input): Task<string | null> {
  let text = '';
  for (;;) {
    const prompt = yield* decodePrompt(sh, sh.vars.get(text === '' ? 'PS1' : 'PS2') ?? '');
    if (text === '') {
      sh.p.tty?.onPrompt?.();
      promptShown(sh.p, sh.status, input.keys.length > 0);
    }
    const r = yield* readLine(sh, prompt, input);
    if (r.kind === 'interrupt') {
      sh.status = 130;
      return '';
    }
    if (r.kind === 'eof') {
      if (text === '') return null;
      const parsed = late().parseSource(text);
      yield* late().reportFault(sh, parsed, null);
      sh.status = 2;
      return '';
    }
    const literal = literalPart(text, r.text);
    const rest = yield* expandHistory(sh, r.text.slice(literal));
    if (rest === null) {
      if (text === '') return '';
      continue;
    }
    const line = r.text.slice(0, literal) + rest;
    text += text === '' ? line : `\n${line}`;
    if (text.trim() === '') return '';
    const open = late().parseSource(`${text}\n`).fault?.incomplete || /(^|[^\\])(\\\\)*\\$/.test(text) || openHereDocument(text);
    if (open) continue;
    remember(sh, text);
    return text;
  }
}

/** How much of a further line history leaves alone: all in a here-document, the rest of a text in single quotes. Models shell_getc in parse.y */
function literalPart(before: string, line: string): number {
  if (before === '') return 0;
  if (openHereDocument(before)) return line.length;
  if (!/^(?:[^'"\\]|\\[\s\S]|'[^']*'|"(?:[^"\\]|\\[\s\S])*")*'[^']*$/.test(before)) return 0;
  const end = line.indexOf("'");
  return end < 0 ? line.length : end + 1;
}

function remember(sh: Shell, text: string): void {
  const control = sh.vars.get('HISTCONTROL') ?? '';
  if (/ignorespace|ignoreboth/.test(control) && text.startsWith(' ')) return;
  const one = /<</.test(text) ? text : text.replace(/\n/g, '; ').replace(/(do|then|else|\{|\(|&&|\|\||\|);/g, '$1');
  if (/ignoredups|ignoreboth/.test(control) && sh.history[sh.history.length - 1] === one) return;
  sh.history.push(one);
  if (sh.history.length > HISTORY_SIZE) sh.history.shift();
}

/** !!, !$, !n, !-n, !text. Null when an event is not found, which is told. */
function* expandHistory(sh: Shell, line: string): Task<string | null> {
  if (!sh.on('histexpand') || !line.includes('!')) return line;
  let changed = false;
  let missing: string | null = null;
  const last = sh.history[sh.history.length - 1];
  const out = line.replace(/'[^']*'|\\.|!(!|\$|-?\d+|[A-Za-z/.][^\s;|&"']*)/g, (whole, event: string | undefined) => {
    if (event === undefined) return whole;
    changed = true;
    let found: string | undefined;
    if (event === '!') found = last;
    else if (event === '$') found = last?.trim().split(/\s+/).pop();
    else if (/^-?\d+$/.test(event))
      found = Number(event) < 0 ? sh.history[sh.history.length + Number(event)] : sh.history[Number(event) - 1];
    else found = [...sh.history].reverse().find((h) => h.startsWith(event));
    if (found === undefined) missing ??= whole;
    return found ?? whole;
  });
  if (missing !== null) {
    yield* sh.p.err(`bash: ${missing}: event not found\n`);
    return null;
  }
  if (changed) yield* sh.p.err(`${out}\n`);
  return out;
}

function* readLine(sh: Shell, prompt: string, input: Input): Task<LineResult> {
  const { p } = sh;
  const tty: Tty | null = p.tty;
  const saved = tty ? { ...tty.termios } : null;
  if (tty) tty.termios = { ...tty.termios, icanon: false, echo: false, isig: false, icrnl: false };
  /** Output goes through the terminal's own translation of line ends, as that of background jobs does meanwhile. */
  const show = (text: string): Task<unknown> => p.err(tty?.termios.onlcr ? text.replaceAll('\r\n', '\n') : text);
  const editor = new LineEditor({
    prompt,
    cols: tty?.cols ?? 80,
    history: sh.history,
    complete: (line, cursor) => late().completeLine(sh, line, cursor),
  });
  /** Bytes that were read and belong to whoever reads after this line. */
  let ahead: Uint8Array = new Uint8Array(0);
  try {
    yield* show(PASTE_ON + editor.begin());
    for (;;) {
      let output = '';
      let result: LineResult | null = null;
      for (;;) {
        const key = input.keys.shift();
        if (key) {
          if (key.kind === 'key' && key.name === 'Tab') yield* late().askProgram(sh, editor.line, editor.column);
          p.sim.toil += editor.effort(key);
          const step = editor.press(key);
          output += step.output;
          result = step.result;
          if (result) break;
        } else if (ahead.length > 0) {
          input.keys.push(...input.decoder.feed(ahead.subarray(0, 1)));
          ahead = ahead.subarray(1);
        } else break;
      }
      if (result) output += result.kind === 'eof' ? `${PASTE_OFF}\r\n` : PASTE_OFF;
      if (output !== '') yield* show(output);
      if (result) return result;
      const r = yield* p.read(0, READ);
      if (!r.ok) {
        if (r.errno === 'EINTR') {
          if (!sh.interrupted) continue;
          sh.interrupted = false;
          yield* show(`^C\r\n${PASTE_OFF}`);
          return { kind: 'interrupt' };
        }
        return { kind: 'eof' };
      }
      if (r.value.length === 0) return { kind: 'eof' };
      ahead = r.value;
    }
  } finally {
    if (tty && saved) tty.termios = saved;
    if (tty && ahead.length > 0) tty.retype(ahead);
  }
}
