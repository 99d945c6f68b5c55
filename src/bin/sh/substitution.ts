/** Command and process substitution. */

import type { ParsedScript } from 'unbash';
import { makePipe } from '../../os/pipe.ts';
import { concat, type Process, type Task } from '../../os/process.ts';
import { strerror } from '../../sim/errno.ts';
import { expandString } from './expand.ts';
import { forkShell } from './fork.ts';
import { runStatements } from './interpret.ts';
import { waitFor } from './pipeline.ts';
import { parseSource, sourceOf } from './source.ts';
import { Abandon, Interrupted, type Shell } from './state.ts';
import { OutOfMemory } from './vars.ts';

/** More than this cannot be held: the memory of a tab is bounded. */
const MAX_OUTPUT = 16 << 20;

function body(script: ParsedScript | undefined) {
  return function* (child: Shell): Task<number> {
    child.subshellTrace++;
    child.source = script ? sourceOf(script, child.source) : child.source;
    if (!child.opt('inherit_errexit') && !child.on('posix')) child.options.delete('errexit');
    yield* runStatements(child, script?.commands ?? [], true);
    return child.status;
  };
}

/** The output without its last newlines. */
export function* commandSubstitution(sh: Shell, script: ParsedScript | undefined, text: string): Task<string> {
  if (script?.errors?.length) {
    const inner = parseSource(text.startsWith('`') ? text.slice(1, -1) : text.slice(2, -1)).fault;
    if (inner) {
      yield* sh.p.err(`${sh.shortName}: command substitution: line ${inner.line}: ${inner.message}\n`);
      throw new Abandon(1);
    }
  }
  const file = script ? fileOnly(script) : null;
  if (file && script) {
    const path = yield* expandString(sh, file, 'word');
    const r = sh.p.readFile(path);
    sh.substStatus = r.ok ? 0 : 1;
    if (!r.ok) yield* sh.warn(`${path}: ${strerror(r.errno)}`);
    return r.ok ? decode(r.value) : '';
  }
  const [r, w] = makePipe(sh.p.sim);
  r.acquire();
  w.acquire();
  let child: Process;
  try {
    const fds = new Map(sh.p.fds);
    fds.set(1, w);
    child = yield* forkShell(sh, body(script), { fds });
  } finally {
    w.close();
  }
  const parts: Uint8Array[] = [];
  let size = 0;
  const fd = sh.p.install(r, 60);
  r.close();
  if (!fd.ok) return '';
  try {
    for (;;) {
      const part = yield* sh.p.read(fd.value);
      if (!part.ok && part.errno === 'EINTR' && !sh.interrupted) continue;
      if (!part.ok || part.value.length === 0) break;
      size += part.value.length;
      if (size > MAX_OUTPUT) throw new OutOfMemory(size);
      parts.push(part.value);
    }
  } finally {
    sh.p.close(fd.value);
  }
  sh.substStatus = yield* waitFor(sh, [child]);
  if (sh.interrupted) throw new Interrupted();
  sh.status = sh.substStatus;
  return decode(concat(parts));
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).replace(/\0/g, '').replace(/\n+$/, '');
}

/** $(<file) */
function fileOnly(script: ParsedScript) {
  const only = script.commands[0]?.command;
  if (script.commands.length !== 1 || only?.type !== 'Command' || only.name || only.prefix.length + only.suffix.length !== 1) return null;
  const redirect = only.redirects[0];
  return redirect?.type === 'Redirect' && redirect.operator === '<' && !redirect.descriptor ? (redirect.target ?? null) : null;
}

/** Runs the list on a pipe whose other end gets a path; it stays open until the command has ended. */
export function* processSubstitution(sh: Shell, operator: '<' | '>', script: ParsedScript | undefined): Task<string> {
  const [r, w] = makePipe(sh.p.sim);
  r.acquire();
  w.acquire();
  const [mine, theirs] = operator === '<' ? [r, w] : [w, r];
  const fds = new Map(sh.p.fds);
  fds.set(operator === '<' ? 1 : 0, theirs);
  const child = yield* forkShell(sh, body(script), { fds });
  theirs.close();
  let fd = 63;
  while (sh.p.fds.has(fd)) fd--;
  sh.p.fds.set(fd, mine);
  sh.substitutionFds.push(fd);
  sh.lastBackground = child.getpid();
  return `/dev/fd/${fd}`;
}
