/** IPC namespaces: identifiers, keys, permissions and limits of System V shared memory, message queues and semaphores. Models ipc/util.c, shm.c, msg.c, sem.c */

import { type Errno, fail, ok, type Result } from '../sim/errno.ts';
import { type Directory, ProcDir, ProcFile } from './inode.ts';
import type { Machine } from './machine.ts';
import type { Process } from './process.ts';

export type IpcKind = 'msg' | 'sem' | 'shm';
export const IPC_KINDS: readonly IpcKind[] = ['msg', 'sem', 'shm'];

export const IPC_PRIVATE = 0;
export const IPC_CREAT = 0o1000;
export const IPC_EXCL = 0o2000;

/** As /proc/sys/kernel/{shmmax,shmall,shmmni,msgmax,msgmni,msgmnb,sem} say. */
export const IPC_LIMITS = {
  shmmax: 18446744073692774399n,
  shmall: 18446744073692774399n,
  shmmni: 4096,
  msgmax: 8192,
  msgmni: 32000,
  msgmnb: 16384,
  semmsl: 32000,
  semmns: 1024000000,
  semopm: 500,
  semmni: 32000,
  /** SEMVMX: no semaphore counts further. */
  semvmx: 32767,
} as const;

const PAGE = 4096n;
/** MAX_LFS_FILESIZE: no segment's file is longer. */
const LONGEST_FILE = (1n << 63n) - 1n;
/** Pages of memory, MemTotal of /proc/meminfo: one allocation above that is refused at once. */
const RAM_PAGES = 2014048n / 4n;

export interface IpcObject {
  readonly kind: IpcKind;
  readonly id: number;
  /** Unsigned. */
  readonly key: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Process that made it; the number it has on the machine. */
  readonly creator: Process;
  /** Seconds since 1970. */
  readonly ctime: number;
  /** Bytes of a segment; 0n for the others. */
  readonly size: bigint;
  /** Values of an array's semaphores. */
  readonly values: readonly number[];
}

const INDEX_BITS = 15;
/** Slots are used in turn, so that an identifier does not come back at once. */
const MIN_CYCLE = 64;
const MAX_SEQUENCE = 65535;
const SLOTS: Record<IpcKind, number> = { msg: IPC_LIMITS.msgmni, sem: IPC_LIMITS.semmni, shm: IPC_LIMITS.shmmni };

/** The identifiers of one kind: struct ipc_ids. */
class IpcTable {
  private readonly slots = new Map<number, IpcObject>();
  private readonly keys = new Map<number, IpcObject>();
  private readonly kind: IpcKind;
  private next = 0;
  private last = -1;
  private sequence = 0;

  constructor(kind: IpcKind) {
    this.kind = kind;
  }

  get full(): boolean {
    return this.slots.size >= SLOTS[this.kind];
  }

  byKey(key: number): IpcObject | undefined {
    return this.keys.get(key);
  }

  byId(id: number): IpcObject | undefined {
    const found = this.slots.get(id & ((1 << INDEX_BITS) - 1));
    return found?.id === id ? found : undefined;
  }

  /** In order of their slots. */
  list(): IpcObject[] {
    return [...this.slots].sort((a, b) => a[0] - b[0]).map(([, o]) => o);
  }

  add(make: (id: number) => IpcObject): IpcObject {
    const cycle = Math.min(Math.max(Math.floor((this.slots.size * 3) / 2), MIN_CYCLE), SLOTS[this.kind]);
    let index = this.next < cycle ? this.next : 0;
    while (this.slots.has(index)) index = index + 1 < cycle ? index + 1 : 0;
    this.next = index + 1;
    if (index <= this.last) this.sequence = this.sequence + 1 >= MAX_SEQUENCE ? 0 : this.sequence + 1;
    this.last = index;
    const made = make(this.sequence * (1 << INDEX_BITS) + index);
    this.slots.set(index, made);
    if (made.key !== IPC_PRIVATE) this.keys.set(made.key, made);
    return made;
  }

  remove(o: IpcObject): void {
    this.slots.delete(o.id & ((1 << INDEX_BITS) - 1));
    this.keys.delete(o.key);
  }
}

export class IpcNamespace {
  readonly inode: number;
  private readonly tables = new Map<IpcKind, IpcTable>();

  constructor(inode: number) {
    this.inode = inode;
  }

  table(kind: IpcKind): IpcTable {
    const known = this.tables.get(kind);
    if (known) return known;
    const made = new IpcTable(kind);
    this.tables.set(kind, made);
    return made;
  }

  list(kind: IpcKind): IpcObject[] {
    return this.tables.get(kind)?.list() ?? [];
  }
}

/** An empty namespace, as unshare(CLONE_NEWIPC) makes it. */
export function newIpcNamespace(machine: Machine): IpcNamespace {
  return new IpcNamespace(4026533900 + machine.sim.serial(`ipcns/${machine.kernel.hostname}`));
}

/** ipcperms(): whether the mode's bits grant what `wanted` (as in a mode, any class) asks for. */
function permitted(p: Process, o: IpcObject, wanted: number): boolean {
  if (p.uid === 0) return true;
  const asked = ((wanted >> 6) | (wanted >> 3) | wanted) & 7;
  const granted = p.uid === o.uid ? o.mode >> 6 : p.gid === o.gid ? o.mode >> 3 : o.mode;
  return (asked & ~granted) === 0;
}

function bad(kind: IpcKind, size: bigint): boolean {
  if (kind === 'shm') return size < 1n || size > IPC_LIMITS.shmmax;
  return kind === 'sem' && (size < 0n || size > BigInt(IPC_LIMITS.semmsl));
}

/** Why no new object of that size can be made. */
function refused(p: Process, kind: IpcKind, size: bigint): Errno | null {
  const used = p.ipcns.list(kind);
  if (kind === 'sem') {
    if (size === 0n) return 'EINVAL';
    if (used.reduce((n, o) => n + o.values.length, 0) + Number(size) > IPC_LIMITS.semmns) return 'ENOSPC';
  }
  if (kind === 'shm') {
    if (pagesOf(used) + (size + PAGE - 1n) / PAGE > IPC_LIMITS.shmall) return 'ENOSPC';
    if (size > LONGEST_FILE) return 'EINVAL';
    if ((size + PAGE - 1n) / PAGE > RAM_PAGES) return 'ENOMEM';
  }
  return p.ipcns.table(kind).full ? 'ENOSPC' : null;
}

/** Pages that segments take. */
export function pagesOf(segments: readonly IpcObject[]): bigint {
  return segments.reduce((n, o) => n + (o.size + PAGE - 1n) / PAGE, 0n);
}

/** shmget, msgget, semget: `size` is bytes or the number of semaphores; `flags` has the mode in its lower nine bits. */
export function ipcGet(p: Process, kind: IpcKind, key: number, size: bigint, flags: number): Result<IpcObject> {
  const found = key === IPC_PRIVATE ? undefined : p.ipcns.table(kind).byKey(key);
  if (kind === 'sem' && bad(kind, size)) return fail('EINVAL');
  if (found) {
    if (flags & IPC_CREAT && flags & IPC_EXCL) return fail('EEXIST');
    if (size > (kind === 'sem' ? BigInt(found.values.length) : found.size) && kind !== 'msg') return fail('EINVAL');
    return permitted(p, found, flags) ? ok(found) : fail('EACCES');
  }
  if (key !== IPC_PRIVATE && !(flags & IPC_CREAT)) return fail('ENOENT');
  if (bad(kind, size)) return fail('EINVAL');
  const why = refused(p, kind, size);
  if (why) return fail(why);
  return ok(
    p.ipcns.table(kind).add((id) => ({
      kind,
      id,
      key,
      mode: flags & 0o777,
      uid: p.uid,
      gid: p.gid,
      creator: p,
      ctime: Math.floor((p.sim.epochMs * 1000 + p.sim.now) / 1e6),
      size: kind === 'shm' ? size : 0n,
      values: kind === 'sem' ? new Array<number>(Number(size)).fill(0) : [],
    })),
  );
}

/** IPC_STAT: needs the right to read. */
export function ipcStat(p: Process, kind: IpcKind, id: number): Result<IpcObject> {
  const found = p.ipcns.table(kind).byId(id);
  if (!found) return fail('EINVAL');
  return permitted(p, found, 0o444) ? ok(found) : fail('EACCES');
}

/** IPC_RMID: for the owner and root. */
export function ipcRemove(p: Process, kind: IpcKind, id: number): Result<void> {
  const found = p.ipcns.table(kind).byId(id);
  if (!found) return fail('EINVAL');
  if (p.uid !== 0 && p.uid !== found.uid) return fail('EPERM');
  p.ipcns.table(kind).remove(found);
  return ok();
}

const HEADINGS: Record<IpcKind, string> = {
  msg: '       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n',
  sem: '       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n',
  shm: '       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n',
};

function line(p: Process, o: IpcObject): string {
  const n = (v: number | bigint | string, width: number): string => String(v).padStart(width);
  const head = `${n(o.key | 0, 10)} ${n(o.id, 10)}  ${n(o.mode.toString(8), 4)} `;
  const owners = [o.uid, o.gid, o.uid, o.gid].map((v) => n(v, 5)).join(' ');
  const ctime = n(o.ctime, 10);
  const never = n(0, 10);
  if (o.kind === 'msg') return `${head} ${never} ${never} ${n(0, 5)} ${n(0, 5)} ${owners} ${never} ${never} ${ctime}\n`;
  if (o.kind === 'sem') return `${head}${n(o.values.length, 10)} ${owners} ${never} ${ctime}\n`;
  const none = n(0, 21);
  return `${head}${n(o.size, 21)} ${n(p.pidOf(o.creator), 5)} ${n(0, 5)}  ${n(0, 5)} ${owners} ${never} ${never} ${ctime} ${none} ${none}\n`;
}

/** /proc/sysvipc, of the reader's namespace. */
export function sysvipcDir(): Directory {
  return new ProcDir(
    () => IPC_KINDS,
    (name) => {
      const kind = IPC_KINDS.find((k) => k === name);
      return (
        kind &&
        new ProcFile(
          (p) =>
            HEADINGS[kind] +
            p.ipcns
              .list(kind)
              .map((o) => line(p, o))
              .join(''),
        )
      );
    },
  );
}

/** A key of /proc/sys/kernel. */
export function ipcSysctl(name: string): string | undefined {
  const l = IPC_LIMITS;
  if (name === 'sem') return `${l.semmsl}\t${l.semmns}\t${l.semopm}\t${l.semmni}`;
  return IPC_SYSCTLS.includes(name) ? String(l[name as 'shmmax' | 'shmall' | 'shmmni' | 'msgmax' | 'msgmni' | 'msgmnb']) : undefined;
}

export const IPC_SYSCTLS: readonly string[] = ['msgmax', 'msgmnb', 'msgmni', 'sem', 'shmall', 'shmmax', 'shmmni'];
