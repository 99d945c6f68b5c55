/** The history list: what is remembered, how it is kept in HISTFILE, what the editor of a command leaves. Models bashhist.c */

import type { Task } from '../../os/program.ts';
import { type Expanded, expandEvents } from './events.ts';
import { runText } from './interpret.ts';
import { patternRegExp } from './pattern.ts';
import type { Shell } from './state.ts';

const SIZE = 1000;
/** A line longer than this is not kept in a file: a tab's memory is bounded. */
const FILE_BYTES = 1 << 20;

/** `before`: earlier lines of the same command, whose quotes may be open. */
export function expandHistory(sh: Shell, line: string, before = ''): Expanded {
  const inDouble = /^(?:[^'"\\]|\\[\s\S]|'[^']*'|"(?:[^"\\]|\\[\s\S])*")*"(?:[^"\\]|\\[\s\S])*$/.test(before);
  return expandEvents(line, inDouble, { lines: sh.history, base: sh.historyBase, substitution: sh.lastSubstitution });
}

/** HISTSIZE, HISTFILESIZE: a negative or unreadable number is no limit. */
export function historyLimit(sh: Shell, name: 'HISTSIZE' | 'HISTFILESIZE'): number {
  const value = sh.vars.get(name);
  if (value === undefined || !/^\s*-?\d+\s*$/.test(value))
    return name === 'HISTSIZE' && value === undefined ? SIZE : Number.POSITIVE_INFINITY;
  const n = Number(value);
  return n < 0 ? Number.POSITIVE_INFINITY : n;
}

export function addHistory(sh: Shell, line: string): void {
  sh.history.push(line);
  sh.historyNew++;
  const limit = Math.min(historyLimit(sh, 'HISTSIZE'), 1 << 16);
  while (sh.history.length > limit) {
    sh.history.shift();
    sh.historyBase++;
  }
}

/** Lines of one command as one: `;` where a line end stood for one. */
export function oneLine(text: string): string {
  if (/<</.test(text)) return `${text}\n`;
  const lines = text.split('\n');
  let out = lines[0] as string;
  let quote = openQuote(out);
  for (const line of lines.slice(1)) {
    if (quote) out += `\n${line}`;
    else if (/(^|[^\\])(\\\\)*\\$/.test(out)) out = `${out.slice(0, -1)}${line}`;
    else if (/(?:^|[\s;&|])(?:do|then|else|elif|if|while|until|in)\s*$|[{(]\s*$|&&\s*$|\|\|?\s*$|;;\s*$|&\s*$|;\s*$/.test(out))
      out += ` ${line}`;
    else out += `; ${line}`;
    quote = openQuote(out);
  }
  return out;
}

function openQuote(text: string): boolean {
  return !/^(?:[^'"\\]|\\[\s\S]|'[^']*'|"(?:[^"\\]|\\[\s\S])*")*\\?$/.test(text);
}

function ignored(sh: Shell, line: string): boolean {
  const control = (sh.vars.get('HISTCONTROL') ?? '').split(':');
  if (/^[ \t]/.test(line) && control.some((c) => c === 'ignorespace' || c === 'ignoreboth')) return true;
  const last = sh.history[sh.history.length - 1];
  if (last === line && control.some((c) => c === 'ignoredups' || c === 'ignoreboth')) return true;
  for (const pattern of (sh.vars.get('HISTIGNORE') ?? '').split(':')) {
    if (pattern === '') continue;
    if (pattern === '&' ? last === line : patternRegExp([{ text: pattern, quoted: false }], { extglob: true, nocase: false }).test(line))
      return true;
  }
  return false;
}

export function remember(sh: Shell, text: string): void {
  sh.historyCurrent = false;
  if (!sh.on('history')) return;
  const line = oneLine(text);
  if (ignored(sh, line)) return;
  if ((sh.vars.get('HISTCONTROL') ?? '').split(':').includes('erasedups'))
    for (let i = sh.history.length - 1; i >= 0; i--) if (sh.history[i] === line) sh.history.splice(i, 1);
  addHistory(sh, line);
  sh.historyCurrent = true;
}

/** `history -s`, `history -p` and `fc -s` leave no trace of themselves. */
export function forgetCurrent(sh: Shell): void {
  if (!sh.historyCurrent) return;
  sh.history.pop();
  sh.historyNew = Math.max(0, sh.historyNew - 1);
  sh.historyCurrent = false;
}

const lines = (text: readonly string[]): string => text.map((l) => `${l}\n`).join('');

/** Appends what is new, or writes all. */
export function writeHistory(sh: Shell, file: string, how: 'append' | 'write'): boolean {
  const old = how === 'append' ? (sh.p.readText(file) ?? '') : '';
  const added = how === 'append' ? sh.history.slice(Math.max(0, sh.history.length - sh.historyNew)) : sh.history;
  let all = (old + lines(added)).split('\n').slice(0, -1);
  const limit = historyLimit(sh, 'HISTFILESIZE');
  if (all.length > limit) all = limit === 0 ? [] : all.slice(-limit);
  let text = lines(all);
  if (text.length > FILE_BYTES) text = text.slice(text.indexOf('\n', text.length - FILE_BYTES) + 1);
  if (how === 'append') sh.historyNew = 0;
  return sh.p.writeFile(file, text).ok;
}

/** When an interactive shell ends it leaves its history to the next one, unless HISTFILE was unset. */
export function saveHistory(sh: Shell): void {
  const file = sh.vars.get('HISTFILE');
  if (!file || sh.historyNew === 0) return;
  writeHistory(sh, file, sh.historyNew <= sh.history.length || sh.opt('histappend') ? 'append' : 'write');
}

/** $VISUAL or $EDITOR on a file with the command; what it left there. */
export function* editText(sh: Shell, line: string, editor?: string): Task<string | null> {
  const n = sh.p.sim.serial(`bash-fc/${sh.p.machine.hostname}`);
  const file = `/tmp/bash-fc.${n.toString(36).padStart(6, '0')}`;
  if (!sh.p.writeFile(file, `${line}\n`).ok) {
    yield* sh.p.err(`bash: ${file}: cannot create temp file\n`);
    return null;
  }
  const program = editor ?? (sh.vars.get('VISUAL') || sh.vars.get('EDITOR') || 'vi');
  const status = yield* runText(sh, `${program} ${file}`);
  const text = sh.p.readText(file);
  sh.p.unlink(file);
  return status === 0 ? text : null;
}
