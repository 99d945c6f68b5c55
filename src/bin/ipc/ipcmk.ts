/** ipcmk: makes System V IPC objects. Models util-linux 2.38 */

import { IPC_CREAT, type IpcKind, ipcGet } from '../../os/ipc.ts';
import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { type Errno, strerror } from '../../sim/errno.ts';
import { getopt, specs } from '../getopt.ts';
import { int32 } from './number.ts';
import { IPCMK_USAGE } from './usage.ts';

const OPTIONS = specs('M:shmem S:semaphore Q.queue p:mode h.help V.version');
const HINT = "Try 'ipcmk --help' for more information.\n";
const MAX = (1n << 64n) - 1n;

/** strtosize(): a number with an optional fraction and a suffix, `K` and `KiB` for 1024, `KB` for 1000. */
function parseSize(text: string): bigint | Errno {
  const m = /^\s*\+?(0x[\da-f]+|\d+)(?:\.(\d*))?(?:([kmgtpezy])(ib|b)?)?$/i.exec(text);
  if (!m || (m[2] !== undefined && !m[3])) return 'EINVAL';
  const [, digits = '', fraction = '', letter] = m;
  const whole = /^0\d/.test(digits) ? BigInt(`0o${digits.replace(/[89].*/, '').slice(1) || '0'}`) : BigInt(digits);
  const power = letter ? 'kmgtpezy'.indexOf(letter.toLowerCase()) + 1 : 0;
  const unit = (m[4]?.toLowerCase() === 'b' ? 1000n : 1024n) ** BigInt(power);
  const places = fraction.slice(0, 18);
  const size = whole * unit + (places === '' ? 0n : (BigInt(places) * unit) / 10n ** BigInt(places.length));
  return size > MAX ? 'ERANGE' : size;
}

interface Wanted {
  shm: bigint | null;
  msg: boolean;
  sem: bigint | null;
  mode: number;
}

function parse(options: readonly (readonly [string, string])[]): Wanted | string {
  const w: Wanted = { shm: null, msg: false, sem: null, mode: 0o644 };
  for (const [name, value] of options) {
    if (name === 'shmem') {
      const size = parseSize(value);
      if (typeof size === 'string') return `ipcmk: failed to parse size: '${value}': ${strerror(size)}\n`;
      w.shm = size;
    } else if (name === 'semaphore') {
      const n = int32(value);
      if (typeof n === 'string') return `ipcmk: failed to parse elements: '${value}'${n}\n`;
      w.sem = BigInt(n);
    } else if (name === 'mode') {
      if (!/^\s*\+?[0-7]+$/.test(value)) return 'ipcmk: failed to parse mode: Success\n';
      w.mode = Number.parseInt(value, 8) & 0o777;
    } else if (name === 'queue') w.msg = true;
  }
  return w;
}

function* make(p: Process, kind: IpcKind, size: bigint, mode: number, what: string, shown: string): Task<boolean> {
  const key = p.sim.rng(`ipcmk/${p.machine.hostname}`).u32();
  const made = ipcGet(p, kind, key, size, IPC_CREAT | mode);
  if (made.ok) yield* p.out(`${shown} id: ${made.value.id}\n`);
  else yield* p.err(`ipcmk: create ${what} failed: ${strerror(made.errno)}\n`);
  return made.ok;
}

function* main(p: Process): Task<number> {
  const o = getopt(p.argv.slice(1), OPTIONS);
  const early = o.options.find(([k]) => k === 'help' || k === 'version')?.[0];
  if (o.error === null && early) {
    yield* p.out(early === 'help' ? IPCMK_USAGE : 'ipcmk from util-linux 2.38.1\n');
    return 0;
  }
  const w = parse(o.options);
  if (typeof w === 'string' || o.error !== null || (w.shm === null && !w.msg && w.sem === null)) {
    yield* p.err(typeof w === 'string' ? w : `ipcmk: ${o.error ?? 'bad usage'}\n${HINT}`);
    return 1;
  }
  if (w.shm !== null && !(yield* make(p, 'shm', w.shm, w.mode, 'share memory', 'Shared memory'))) return 1;
  if (w.msg && !(yield* make(p, 'msg', 0n, w.mode, 'message queue', 'Message queue'))) return 1;
  if (w.sem !== null && !(yield* make(p, 'sem', w.sem, w.mode, 'semaphore', 'Semaphore'))) return 1;
  return 0;
}

export const ipcmk: Command = { name: 'ipcmk', main };
