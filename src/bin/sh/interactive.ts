/** The interactive shell: prompt, line editor, history, job notices. */

import { commandTaken, promptShown } from '../../os/audit.ts';
import type { Task } from '../../os/process.ts';
import type { Tty } from '../../os/tty.ts';
import { outOfMemory } from './fork.ts';
import { state } from './jobs.ts';
import { late } from './late.ts';
import type { LineEditor } from './line/editor.ts';
import type { EditorMemory, LineContext, LineResult } from './line/types.ts';
import { decodePrompt } from './prompt.ts';
import { openHereDocument } from './sh.ts';
import { Abandon, BASH_VERSION, ExitShell, Interrupted, LoopControl, ReturnFrom, type Shell } from './state.ts';
import { runExitTrap, runPendingTraps } from './traps.ts';
import { OutOfMemory } from './vars.ts';

/** The window had another size since the line was begun. */
interface Resize {
  seen: boolean;
}

const HISTORY_SIZE = 1000;
/** Bytes that the line editor takes at once; what belongs to a command goes back. */
const READ = 4096;
/** Toil of a command line besides its own: prompt, parsing, the terminal's modes. */
const LINE_TOIL = 8000;
const PASTE_ON = '\x1b[?2004h';
const PASTE_OFF = '\x1b[?2004l\r';

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
  // A terminal that closes takes the shell with it; its history stays.
  p.onSignal('HUP', () => {
    if (sh.historyNew > 0) late().saveHistory(sh);
    p.onSignal('HUP', 'default');
    p.raise('HUP');
  });
  sh.editor = { ring: [], searched: '', next: null, macro: '', bound: new Map(), settings: new Map() };
  const onResize = { seen: false };
  p.onSignal('WINCH', () => {
    onResize.seen = true;
  });
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
    const text = yield* readCommand(sh, onResize);
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
  late().saveHistory(sh);
  return yield* runExitTrap(sh);
}

function loadHistory(sh: Shell): void {
  const file = sh.vars.get('HISTFILE');
  const text = file ? sh.p.readText(file) : null;
  if (text !== null) sh.history.push(...text.split('\n').slice(0, -1).slice(-HISTORY_SIZE));
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
function* readCommand(sh: Shell, window: Resize): Task<string | null> {
  const { p } = sh;
  let text = '';
  for (;;) {
    const prompt = yield* decodePrompt(sh, sh.vars.get(text === '' ? 'PS1' : 'PS2') ?? '');
    if (text === '') {
      sh.p.tty?.onPrompt?.();
      promptShown(sh.p, sh.status);
    }
    const r = yield* readLine(sh, prompt, window);
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
    const expanded = sh.on('histexpand') ? late().expandHistory(sh, r.text.slice(literal), text) : null;
    if (expanded && expanded.kind !== 'same') yield* p.err(expanded.shown);
    if (expanded?.kind === 'error' || expanded?.kind === 'print') {
      if (expanded.kind === 'print') late().remember(sh, expanded.text);
      if (text === '') return '';
      continue;
    }
    const rest = expanded?.text ?? r.text.slice(literal);
    const line = r.text.slice(0, literal) + rest;
    text += text === '' ? line : `\n${line}`;
    if (text.trim() === '') return '';
    const open = late().parseSource(`${text}\n`).fault?.incomplete || /(^|[^\\])(\\\\)*\\$/.test(text) || openHereDocument(text);
    if (open) continue;
    late().remember(sh, text);
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

/** What \[ and \] enclose takes no room. */
function shownPrompt(prompt: string): string {
  return prompt.replace(/[\x01\x02]/g, '').replace(/\n/g, '\r\n');
}

function* readLine(sh: Shell, prompt: string, window: Resize): Task<LineResult> {
  const { p } = sh;
  const tty: Tty | null = p.tty;
  const saved = tty ? { ...tty.termios } : null;
  const raw = (): void => {
    if (tty) tty.termios = { ...tty.termios, icanon: false, echo: false, isig: false, icrnl: false };
  };
  raw();
  /** Output goes through the terminal's own translation of line ends, as that of background jobs does meanwhile. */
  const show = (text: string): Task<unknown> => p.err(tty?.termios.onlcr ? text.replaceAll('\r\n', '\n') : text);
  let editor: LineEditor | null = null;
  const ctx: LineContext = {
    prompt,
    cols: () => tty?.cols ?? 80,
    rows: () => tty?.rows ?? 24,
    history: sh.history,
    memory: sh.editor as EditorMemory,
    complete: (line, cursor, kind) => late().completeLine(sh, line, cursor, kind),
    expand: (line) => {
      const r = late().expandHistory(sh, line);
      return r.kind === 'text' ? r.text : null;
    },
    *edit(line) {
      yield* show((editor as LineEditor).take() + PASTE_OFF);
      if (tty && saved) tty.termios = saved;
      const text = yield* late().editText(sh, line);
      raw();
      yield* show(PASTE_ON);
      return text;
    },
    home: (user) => late().tildeHome(sh, user),
    version: BASH_VERSION,
  };
  /** Bytes that were read and belong to whoever reads after this line. */
  let ahead: Uint8Array = new Uint8Array(0);
  window.seen = false;
  try {
    yield* show(PASTE_ON + shownPrompt(prompt));
    if (ctx.memory.next !== null) {
      editor = late().lineEditor(ctx);
      editor.refresh();
      yield* show(editor.take());
    }
    for (;;) {
      if (ahead.length > 0) {
        editor ??= late().lineEditor(ctx);
        if (!appends(ahead)) p.sim.toil += editor.effort;
        const fed = yield* editor.feed(ahead);
        ahead = ahead.subarray(fed.used);
        let output = editor.take();
        if (fed.result) output += fed.result.kind === 'eof' ? `${PASTE_OFF}\r\n` : PASTE_OFF;
        if (output !== '') yield* show(output);
        if (fed.result) return fed.result;
        continue;
      }
      const r = yield* p.read(0, READ);
      if (window.seen) {
        window.seen = false;
        setWindowSize(sh);
        editor?.resized();
        if (editor) yield* show(editor.take());
      }
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

/** Only printable characters: they cost the editor no look at the whole line. */
function appends(bytes: Uint8Array): boolean {
  return bytes.every((b) => b >= 32 && b !== 127);
}
