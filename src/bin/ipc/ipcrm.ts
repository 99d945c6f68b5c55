/** ipcrm: removes System V IPC objects. Models util-linux 2.38 sys-utils/ipcrm.c */

import { IPC_KINDS, type IpcKind, ipcRemove } from '../../os/ipc.ts';
import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { getopt, specs } from '../getopt.ts';
import { int32 } from './number.ts';
import { IPCRM_USAGE } from './usage.ts';

const OPTIONS = specs('m:shmem-id M:shmem-key q:queue-id Q:queue-key s:semaphore-id S:semaphore-key a?all v.verbose h.help V.version');
const HINT = "Try 'ipcrm --help' for more information.\n";
const NAMES: Record<IpcKind, string> = { msg: 'message queue', sem: 'semaphore', shm: 'shared memory segment' };
const KIND_OF: Readonly<Record<string, IpcKind>> = { shmem: 'shm', queue: 'msg', semaphore: 'sem' };

const kindNamed = (name: string): IpcKind | undefined => IPC_KINDS.find((k) => k === name);

/** By identifier, or by key when `shown` says how the key was written; false when nothing could be removed. */
function* remove(p: Process, kind: IpcKind, id: number | undefined, shown: string, byKey: boolean, verbose: boolean): Task<boolean> {
  const [what, given] = byKey ? ['key', shown] : ['id', shown];
  if (verbose && id !== undefined) yield* p.out(`removing ${NAMES[kind]} id \`${id}'\n`);
  const r = id === undefined ? null : ipcRemove(p, kind, id);
  if (r?.ok) return true;
  const denied = r !== null && !r.ok && r.errno !== 'EINVAL';
  yield* p.err(denied ? `ipcrm: permission denied for ${what} (${byKey ? id : given})\n` : `ipcrm: invalid ${what} (${given})\n`);
  return false;
}

/** The old way: `ipcrm shm 1 2`. */
function* byKind(p: Process, kind: IpcKind, ids: readonly string[]): Task<number> {
  let bad = false;
  for (const text of ids) {
    if (!/^\s*[-+]?\d+$/.test(text)) {
      yield* p.err(`ipcrm: invalid id: ${text}\n`);
      bad = true;
    } else if (!(yield* remove(p, kind, Number(text), String(Number(text)), false, false))) bad = true;
  }
  if (!bad) yield* p.out('resource(s) deleted\n');
  return bad ? 1 : 0;
}

const keyOf = (text: string): number | null => (/^(0x[\da-f]+|\d+)$/i.test(text) ? Number(text) : null);

function* option(p: Process, name: string, value: string, verbose: boolean): Task<boolean | null> {
  const [object = '', by] = name.split('-');
  const kind = KIND_OF[object] as IpcKind;
  if (by === 'id') {
    const id = int32(value);
    if (typeof id === 'string') {
      yield* p.err(`ipcrm: failed to parse argument: '${value}'${id}\n`);
      return null;
    }
    return yield* remove(p, kind, id, String(id), false, verbose);
  }
  const key = keyOf(value);
  if (key === null) {
    yield* p.err(`ipcrm: failed to parse argument: '${value}'\n`);
    return null;
  }
  if (key === 0) {
    yield* p.err(`ipcrm: illegal key (${value})\n`);
    return false;
  }
  return yield* remove(p, kind, p.ipcns.list(kind).find((o) => o.key === key)?.id, value, true, verbose);
}

function* main(p: Process): Task<number> {
  const args = p.argv.slice(1);
  const first = args[0];
  if (first !== undefined && kindNamed(first)) {
    if (args.length > 1) return yield* byKind(p, first as IpcKind, args.slice(1));
    yield* p.err(`ipcrm: not enough arguments\n${HINT}`);
    return 1;
  }
  const o = getopt(args, OPTIONS);
  if (o.error !== null) {
    yield* p.err(`ipcrm: ${o.error}\n${HINT}`);
    return 1;
  }
  let failed = false;
  let verbose = false;
  const all: string[] = [];
  for (const [name, value] of o.options) {
    if (name === 'help' || name === 'version') {
      yield* p.out(name === 'help' ? IPCRM_USAGE : 'ipcrm from util-linux 2.38.1\n');
      return 0;
    }
    if (name === 'verbose') verbose = true;
    else if (name === 'all') {
      if (value !== '' && !kindNamed(value)) {
        yield* p.err(`ipcrm: unknown argument: ${value}\n`);
        return 1;
      }
      all.push(value);
    } else {
      const done = yield* option(p, name, value, verbose);
      if (done === null) return 1;
      failed ||= !done;
    }
  }
  for (const kind of all.length === 0 ? [] : (['shm', 'sem', 'msg'] as const)) {
    if (!all.includes('') && !all.includes(kind)) continue;
    for (const { id } of p.ipcns.list(kind)) if (!(yield* remove(p, kind, id, String(id), false, verbose))) failed = true;
  }
  if (o.operands.length > 0) {
    yield* p.err(`ipcrm: unknown argument: ${o.operands[0]}\n${HINT}`);
    return 1;
  }
  return failed ? 1 : 0;
}

export const ipcrm: Command = { name: 'ipcrm', main };
