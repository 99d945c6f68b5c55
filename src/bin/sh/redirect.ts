/** Redirections: applied to the shell's own descriptors and undone afterwards. Models redir.c of bash */

import type { HereDoc, Redirection } from 'unbash';
import type { OpenFile } from '../../os/file.ts';
import { BytesFile } from '../../os/pipe.ts';
import type { Task } from '../../os/process.ts';
import type { OpenFlags } from '../../os/vfs.ts';
import { type Result, strerror } from '../../sim/errno.ts';
import { openNetworkPath } from './devtcp.ts';
import { expandQuotedText, expandString, expandWords } from './expand.ts';
import { Abandon, type Shell } from './state.ts';

/** What the descriptors were before; null: closed. */
export type Undo = [number, OpenFile | null][];

export function undoRedirects(sh: Shell, undo: Undo): void {
  for (const [fd, file] of undo.reverse()) {
    sh.p.fds.get(fd)?.close();
    if (file) sh.p.fds.set(fd, file);
    else sh.p.fds.delete(fd);
  }
}

/** Keeps the redirections for good (exec). */
export function keepRedirects(undo: Undo): void {
  for (const [, file] of undo) file?.close();
}

/** Null after an error, which is reported; nothing is redirected then. */
export function* applyRedirects(sh: Shell, redirects: readonly Redirection[]): Task<Undo | null> {
  const undo: Undo = [];
  for (const r of redirects) {
    const done = yield* applyOne(sh, r, undo);
    if (!done) {
      undoRedirects(sh, undo);
      return null;
    }
  }
  return undo;
}

function put(sh: Shell, fd: number, file: OpenFile | null, undo: Undo): void {
  const old = sh.p.fds.get(fd) ?? null;
  // The old description stays referenced by the undo list.
  undo.push([fd, old]);
  if (file) sh.p.fds.set(fd, file.acquire());
  else sh.p.fds.delete(fd);
}

function* applyOne(sh: Shell, r: Redirection, undo: Undo): Task<boolean> {
  if (r.type === 'HereDoc' || r.type === 'HereString') {
    const text = r.type === 'HereDoc' ? yield* hereDocument(sh, r) : `${r.target ? yield* expandString(sh, r.target) : ''}\n`;
    return yield* place(sh, r, 0, new BytesFile(new TextEncoder().encode(text)), undo);
  }
  if (!r.target) return false;
  const words = yield* expandWords(sh, [r.target]);
  if (words.length !== 1) {
    yield* sh.warn(`${r.target.text}: ambiguous redirect`);
    return false;
  }
  const target = words[0] as string;
  switch (r.operator) {
    case '<&':
    case '>&': {
      if (target === '-') {
        const fd = yield* descriptor(sh, r, r.operator === '<&' ? 0 : 1, undo);
        put(sh, fd, null, undo);
        return true;
      }
      const m = /^(\d+)(-?)$/.exec(target);
      if (m) {
        const from = Number(m[1]);
        const file = sh.p.fds.get(from);
        if (!file) {
          yield* sh.warn(`${target}: Bad file descriptor`);
          return false;
        }
        const ok = yield* place(sh, r, r.operator === '<&' ? 0 : 1, file, undo);
        if (ok && m[2]) put(sh, from, null, undo);
        return ok;
      }
      if (r.operator === '>&' && !r.descriptor) return yield* openBoth(sh, target, 'w', undo);
      yield* sh.warn(`${target}: ambiguous redirect`);
      return false;
    }
    case '&>':
      return yield* openBoth(sh, target, 'w', undo);
    case '&>>':
      return yield* openBoth(sh, target, 'a', undo);
  }
  const flags: OpenFlags = r.operator === '<' ? 'r' : r.operator === '>>' ? 'a' : r.operator === '<>' ? 'rw' : 'w';
  if (r.operator === '>' && sh.on('noclobber')) {
    const s = sh.p.stat(target);
    if (s.ok && s.value.kind === 'file') {
      yield* sh.warn(`${target}: cannot overwrite existing file`);
      return false;
    }
  }
  const file = yield* openFile(sh, target, flags);
  if (!file.ok) {
    yield* sh.warn(`${target}: ${strerror(file.errno)}`);
    return false;
  }
  return yield* place(sh, r, r.operator === '<' || r.operator === '<>' ? 0 : 1, file.value, undo);
}

function* openFile(sh: Shell, path: string, flags: OpenFlags): Task<Result<OpenFile>> {
  if (/^\/dev\/(tcp|udp)\//.test(path)) return yield* openNetworkPath(sh, path);
  return sh.p.machine.fs.open(sh.p, path, flags);
}

function* openBoth(sh: Shell, path: string, flags: OpenFlags, undo: Undo): Task<boolean> {
  const file = yield* openFile(sh, path, flags);
  if (!file.ok) {
    yield* sh.warn(`${path}: ${strerror(file.errno)}`);
    return false;
  }
  put(sh, 1, file.value, undo);
  put(sh, 2, file.value, undo);
  return true;
}

function* place(sh: Shell, r: Redirection, standard: number, file: OpenFile, undo: Undo): Task<boolean> {
  // A fresh description must be released when it cannot be placed.
  file.acquire();
  const fd = yield* descriptor(sh, r, standard, undo);
  put(sh, fd, file, undo);
  file.close();
  return true;
}

/** The number before the operator; {name} takes a free one from 10 on and keeps it. */
function* descriptor(sh: Shell, r: Redirection, standard: number, undo: Undo): Task<number> {
  const d = r.descriptor;
  if (!d) return standard;
  if (d.type === 'FileDescriptor') return d.value;
  if (r.type === 'Redirect' && r.target?.text === '-') return Number(sh.vars.get(d.name) ?? 0);
  let fd = 10;
  while (sh.p.fds.has(fd) || undo.some(([n]) => n === fd)) fd++;
  yield* sh.assign(d.name, String(fd));
  return fd;
}

function* hereDocument(sh: Shell, r: HereDoc): Task<string> {
  if (!r.closing)
    yield* sh.warn(
      `warning: here-document at line ${sh.source.line(r.body.end)} delimited by end-of-file (wanted \`${r.delimiter?.value ?? ''}')`,
    );
  let text = r.body.text;
  if (r.operator === '<<-') text = text.replace(/^\t+/gm, '');
  if (r.delimiter?.quoted) return text;
  if (!/[$`\\]/.test(text)) return text;
  if (!text.endsWith('\n')) throw new Abandon(1);
  return `${yield* expandQuotedText(sh, text.slice(0, -1))}\n`;
}
