/** Finding and loading a program: PATH, permissions, #! lines. Models fs/exec.c and execvp(3) */

import { fail, ok, type Result } from '../sim/errno.ts';
import type { AuditSession } from './audit.ts';
import { FileInode } from './inode.ts';
import type { Process } from './process.ts';
import type { Command } from './program.ts';
import { mayAccess } from './vfs.ts';

export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface Loaded {
  command: Command;
  path: string;
  argv: string[];
}

/** ENOENT when nothing has that name, EACCES when only files that may not be run have it. */
export function findExecutable(p: Process, name: string, pathVariable: string | undefined): Result<string> {
  if (name === '') return fail('ENOENT');
  if (name.includes('/')) return ok(name);
  let denied = false;
  for (const dir of (pathVariable ?? DEFAULT_PATH).split(':')) {
    const path = `${dir === '' ? '.' : dir}/${name}`;
    const r = p.machine.fs.lookup(p, path);
    if (!r.ok || r.value.kind === 'dir') continue;
    if (r.value.kind === 'file' && mayAccess(p, r.value, 1)) return ok(path);
    denied = true;
  }
  return fail(denied ? 'EACCES' : 'ENOENT');
}

/** EPERM when the login that it is for may not start it. */
export function resolveProgram(
  p: Process,
  argv: readonly string[],
  env: ReadonlyMap<string, string>,
  audit: AuditSession | null = p.audit,
): Result<Loaded> {
  const path = findExecutable(p, argv[0] ?? '', env.get('PATH'));
  if (!path.ok) return path;
  const loaded = load(p, path.value, [...argv], 4);
  if (loaded.ok && audit && !audit.allows(loaded.value.command.name, path.value)) return fail('EPERM');
  return loaded;
}

function load(p: Process, path: string, argv: string[], depth: number): Result<Loaded> {
  const r = p.machine.fs.lookup(p, path);
  if (!r.ok) return r;
  if (!(r.value instanceof FileInode)) return fail('EACCES');
  if (!mayAccess(p, r.value, 1)) return fail('EACCES');
  if (r.value.program) return ok({ command: r.value.program, path, argv });
  const bytes = r.value.bytes(p);
  if (!bytes.ok) return bytes;
  const head = new TextDecoder().decode(bytes.value.subarray(0, 256));
  if (!head.startsWith('#!') || depth === 0) return fail('ENOEXEC');
  const line = /^#!\s*(\S+)(?:\s+(\S.*?))?\s*$/m.exec(head.split('\n', 1)[0] as string);
  if (!line) return fail('ENOEXEC');
  const [, interpreter, arg] = line as unknown as [string, string, string | undefined];
  return load(p, interpreter, [interpreter, ...(arg ? [arg] : []), path, ...argv.slice(1)], depth - 1);
}
