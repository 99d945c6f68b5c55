/** A process: its descriptors, environment, signals and children, and the system calls that programs make. Models kernel/fork.c, signal.c, exit.c */

import type { Kernel } from '../net/kernel.ts';
import type { Netns } from '../net/netns.ts';
import { fail, ok, type Result } from '../sim/errno.ts';
import type { Micros } from '../sim/sim.ts';
import { type AuditSession, programStarted } from './audit.ts';
import { Endpoint } from './endpoint.ts';
import { resolveProgram } from './exec.ts';
import type { OpenFile } from './file.ts';
import { concat, FileCalls } from './filecalls.ts';
import type { IpcNamespace } from './ipc.ts';
import { copyEnvironment } from './layered.ts';
import type { Machine } from './machine.ts';
import { type PidNamespace, pidAsSeen, processByPid, processesSeen } from './pidns.ts';
import { makePipe } from './pipe.ts';
import type { Program, Task, Wake } from './program.ts';
import { EXEC_COST } from './sched.ts';
import type { Tty } from './tty.ts';
import type { MountTable, OpenFlags } from './vfs.ts';

export { concat } from './filecalls.ts';
export type { Program, Task, Wait, Wake } from './program.ts';

/** CPU time in µs of one system call. */
const SYSCALL_COST = 2;
const NO_ENV: ReadonlyMap<string, string> = new Map();
const MAX_FDS = 1024;
/** Bytes that a program may hold of one input, so that `sort /dev/zero` ends in an error and not in a full browser tab. */
export const MAX_HEAP = 64 << 20;

export interface SpawnOptions {
  env?: Map<string, string>;
  cwd?: string;
  /** The child's whole descriptor table; when not given it inherits 0, 1 and 2. */
  fds?: Map<number, OpenFile>;
  ns?: Netns;
  mnt?: MountTable;
  uts?: Uts;
  /** The child's PID namespace; its parent's when not given. */
  pidns?: PidNamespace | null;
  ipcns?: IpcNamespace;
  uid?: number;
  gid?: number;
  /** True: a process group of its own; a number: joins (or founds, when it is 0) that group. */
  newGroup?: boolean | number;
  newSession?: boolean;
  /** Controlling terminal of the new session. */
  tty?: Tty;
  /** The login that it belongs to; its parent's when not given. */
  audit?: AuditSession | null;
}

/** The host name, as far as a UTS namespace goes. */
export interface Uts {
  hostname: string;
}

export interface Winsize {
  cols: number;
  rows: number;
}

/** What a sock needs to live in a descriptor table. */
export interface SocketLike {
  close(): void;
}

export class Process extends FileCalls {
  /** Number on the machine; getpid() is what the process itself sees. */
  readonly pid: number;
  /** Null: the machine's own. */
  readonly pidns: PidNamespace | null;
  /** Number within `pidns`. */
  readonly nspid: number;
  parent: Process | null;
  pgid: number;
  sid: number;
  argv: string[];
  env: Map<string, string>;
  cwd: string;
  uid: number;
  gid: number;
  umask = 0o022;
  readonly machine: Machine;
  ns: Netns;
  mnt: MountTable;
  /** VRF that its sockets are bound to as they are made (`ip vrf exec`), as a program at its cgroup would do. */
  vrf: string | null;
  uts: Uts;
  ipcns: IpcNamespace;
  /** Null: no login, as daemons have it. */
  readonly audit: AuditSession | null;
  readonly fds: Map<number, OpenFile>;
  /** Path of the executable, as /proc/PID/exe shows it. */
  exe = '';
  readonly startTime: Micros;
  /** The controlling terminal, if any. */
  tty: Tty | null = null;
  private readonly partial = new Map<OpenFile, { text: string; decoder: InstanceType<typeof TextDecoder> }>();

  constructor(machine: Machine, pid: number, parent: Process | null, argv: string[], opts: SpawnOptions) {
    super();
    this.machine = machine;
    this.pid = pid;
    this.pidns = opts.pidns === undefined ? (parent?.pidns ?? null) : opts.pidns;
    this.nspid = this.pidns?.admit(this) ?? pid;
    this.parent = parent;
    this.argv = argv;
    this.env = copyEnvironment(opts.env ?? parent?.env ?? NO_ENV);
    this.cwd = opts.cwd ?? parent?.cwd ?? '/';
    this.uid = opts.uid ?? parent?.uid ?? 0;
    this.gid = opts.gid ?? parent?.gid ?? this.uid;
    this.umask = parent?.umask ?? 0o022;
    this.ns = opts.ns ?? parent?.ns ?? machine.kernel.init;
    this.mnt = opts.mnt ?? parent?.mnt ?? machine.mounts;
    this.vrf = parent?.vrf ?? null;
    this.uts = opts.uts ?? parent?.uts ?? machine.uts;
    this.ipcns = opts.ipcns ?? parent?.ipcns ?? machine.ipcns;
    this.audit = opts.audit ?? parent?.audit ?? null;
    this.pgid =
      opts.newGroup === true || opts.newGroup === 0 || !parent ? pid : typeof opts.newGroup === 'number' ? opts.newGroup : parent.pgid;
    this.sid = opts.newSession || !parent ? pid : parent.sid;
    if (opts.newSession) this.pgid = pid;
    this.tty = opts.tty ?? (opts.newSession ? null : (parent?.tty ?? null));
    this.startTime = machine.sim.now;
    this.fds = new Map();
    if (opts.fds) for (const [fd, file] of [...opts.fds].sort((a, b) => a[0] - b[0])) this.fds.set(fd, file.acquire());
    else
      for (let fd = 0; fd <= 2; fd++) {
        const file = parent?.fds.get(fd);
        if (file) this.fds.set(fd, file.acquire());
      }
    // An ignored signal stays ignored over fork and exec (signal(7)).
    for (const [s, d] of parent?.handlers ?? []) if (d === 'ignore') this.handlers.set(s, d);
    parent?.children.add(this);
  }

  protected get self(): Process {
    return this;
  }

  get kernel(): Kernel {
    return this.machine.kernel;
  }

  get ppid(): number {
    return this.parent?.pid ?? (this.pid === 1 ? 0 : 1);
  }

  /** Its own number, as it sees it. */
  getpid(): number {
    return this.nspid;
  }

  /** All processes that this one sees, in order of the numbers that it knows them by. */
  visible(): Process[] {
    return processesSeen(this);
  }

  /** The process that this one calls `pid`. */
  processBy(pid: number): Process | undefined {
    return processByPid(this, pid);
  }

  /** What this process calls the parent, group or session of another; 0 when it cannot see it. */
  numberOf(q: Process, what: 'parent' | 'group' | 'session'): number {
    if (what === 'parent') return this.pidns === null ? q.ppid : q.parent ? pidAsSeen(this, q.parent) : 0;
    const id = what === 'group' ? q.pgid : q.sid;
    if (this.pidns === null) return id;
    const leader = this.machine.processes.get(id);
    return leader ? pidAsSeen(this, leader) : 0;
  }

  /** What this process calls `q`; 0 when it cannot see it. */
  pidOf(q: Process): number {
    return pidAsSeen(this, q);
  }

  /** Name in messages: the last part of argv[0]. */
  get name(): string {
    const a = this.argv[0] ?? '';
    return a.slice(a.lastIndexOf('/') + 1);
  }

  get hostname(): string {
    return this.uts.hostname;
  }

  // ---- reading and writing

  file(fd: number): OpenFile | undefined {
    return this.fds.get(fd);
  }

  /** Empty bytes at the end of the file. EINTR when a handled signal came first. */
  *read(fd: number, max = 65536): Task<Result<Uint8Array>> {
    const file = this.fds.get(fd);
    if (!file) return fail('EBADF');
    for (;;) {
      const gate = this.ttyGate(file, 'TTIN');
      if (gate) {
        const r = yield* this.backgroundTty(gate);
        if (r) return r;
        continue;
      }
      const r = file.read(max, this);
      if (r.ok || r.errno !== 'EAGAIN') {
        yield* this.charge(SYSCALL_COST + (r.ok ? r.value.length >> 9 : 0));
        return r;
      }
      const wake: Wake = yield { on: [file.readers] };
      if (wake === 'signal') return fail('EINTR');
    }
  }

  /** Writes all of it, waiting for room. EPIPE comes with SIGPIPE. */
  *write(fd: number, data: string | Uint8Array): Task<Result<number>> {
    const file = this.fds.get(fd);
    if (!file) return fail('EBADF');
    let rest = typeof data === 'string' ? utf8.encode(data) : data;
    const total = rest.length;
    for (;;) {
      const r = file.write(rest, this);
      if (r.ok) {
        yield* this.charge(SYSCALL_COST + (r.value >> 8));
        rest = rest.subarray(r.value);
        if (rest.length === 0) return ok(total);
      } else if (r.errno === 'EPIPE') {
        this.raise('PIPE');
        yield { cost: 0 };
        return r;
      } else if (r.errno !== 'EAGAIN') return r;
      else yield { on: [file.writers] };
    }
  }

  private ttyGate(file: OpenFile, signal: 'TTIN' | 'TTOU'): { tty: Tty; signal: 'TTIN' | 'TTOU' } | null {
    if (file.kind !== 'tty' || !(file instanceof Endpoint)) return null;
    const { tty } = file;
    if (this.tty !== tty || tty.foreground === this.pgid || tty.foreground === 0) return null;
    return { tty, signal };
  }

  private *backgroundTty(gate: { tty: Tty; signal: 'TTIN' | 'TTOU' }): Task<Result<Uint8Array> | null> {
    if (this.disposition(gate.signal) === 'ignore') return fail('EIO');
    this.machine.killGroup(this.pgid, gate.signal);
    yield {};
    return null;
  }

  *out(text: string | Uint8Array): Task<Result<number>> {
    return yield* this.write(1, text);
  }

  *err(text: string | Uint8Array): Task<Result<number>> {
    return yield* this.write(2, text);
  }

  /** The next line without its newline; null at the end of the file (or on an error). What is read ahead stays with the descriptor's file. */
  *readLine(fd: number): Task<string | null> {
    const file = this.fds.get(fd);
    if (!file) return null;
    let state = this.partial.get(file);
    if (!state) {
      state = { text: '', decoder: new TextDecoder() };
      this.partial.set(file, state);
    }
    for (;;) {
      const nl = state.text.indexOf('\n');
      if (nl >= 0) {
        const line = state.text.slice(0, nl);
        state.text = state.text.slice(nl + 1);
        return line;
      }
      const r = yield* this.read(fd);
      if (!r.ok && r.errno === 'EINTR') continue;
      if (!r.ok || r.value.length === 0) {
        const line = state.text;
        state.text = '';
        return line === '' ? null : line;
      }
      state.text += state.decoder.decode(r.value, { stream: true });
      if (state.text.length > MAX_HEAP) return null;
    }
  }

  /** Everything up to the end of the file; ENOMEM beyond MAX_HEAP bytes. */
  *readAll(fd: number): Task<Result<Uint8Array>> {
    const parts: Uint8Array[] = [];
    let total = 0;
    for (;;) {
      const r = yield* this.read(fd);
      if (!r.ok) {
        if (r.errno === 'EINTR') continue;
        return r;
      }
      if (r.value.length === 0) return ok(concat(parts));
      total += r.value.length;
      if (total > MAX_HEAP) return fail('ENOMEM');
      parts.push(r.value);
    }
  }

  // ---- descriptors

  private freeFd(from = 0): number {
    let fd = from;
    while (this.fds.has(fd)) fd++;
    return fd;
  }

  /** Puts a file into the lowest free descriptor. */
  install(file: OpenFile, from = 0): Result<number> {
    const fd = this.freeFd(from);
    if (fd >= MAX_FDS) return fail('EMFILE');
    this.fds.set(fd, file.acquire());
    return ok(fd);
  }

  open(path: string, flags: OpenFlags): Result<number> {
    const r = this.machine.fs.open(this, path, flags);
    return r.ok ? this.install(r.value) : r;
  }

  close(fd: number): Result<void> {
    const file = this.fds.get(fd);
    if (!file) return fail('EBADF');
    this.fds.delete(fd);
    file.close();
    return ok();
  }

  dup2(from: number, to: number): Result<number> {
    const file = this.fds.get(from);
    if (!file) return fail('EBADF');
    if (from === to) return ok(to);
    file.acquire();
    this.fds.get(to)?.close();
    this.fds.set(to, file);
    return ok(to);
  }

  /** [read end, write end] as descriptors. */
  pipe(): [number, number] {
    const [r, w] = makePipe(this.sim);
    const a = this.freeFd();
    this.fds.set(a, r.acquire());
    const b = this.freeFd();
    this.fds.set(b, w.acquire());
    return [a, b];
  }

  socketFd(sock: SocketLike): number {
    const r = this.install(this.machine.socketFile(sock));
    return r.ok ? r.value : -1;
  }

  isatty(fd: number): boolean {
    return this.fds.get(fd)?.kind === 'tty';
  }

  winsize(fd: number): Winsize | null {
    const file = this.fds.get(fd);
    return file instanceof Endpoint ? { cols: file.tty.cols, rows: file.tty.rows } : null;
  }

  // ---- other programs

  /** Starts a program found by PATH (or by a path with a slash). The child inherits 0, 1, 2. */
  spawn(argv: readonly string[], opts: SpawnOptions = {}): Result<Process> {
    if (opts.mnt && opts.mnt !== this.mnt) return this.spawnElsewhere(argv, opts);
    const found = resolveProgram(this, argv, opts.env ?? this.env, opts.audit ?? this.audit);
    if (!found.ok) return found;
    const child = this.machine.newProcess(this, found.value.argv, opts);
    if (!child.ok) return child;
    child.value.exe = found.value.path;
    programStarted(child.value);
    child.value.start(found.value.command.main);
    return child;
  }

  /** The program is looked for in the child's own file tree, as execve does after setns and pivot_root. */
  private spawnElsewhere(argv: readonly string[], opts: SpawnOptions): Result<Process> {
    const child = this.machine.newProcess(this, [...argv], opts);
    if (!child.ok) return child;
    const found = resolveProgram(child.value, argv, child.value.env);
    if (!found.ok) {
      child.value.abandon();
      return found;
    }
    child.value.argv = found.value.argv;
    child.value.exe = found.value.path;
    programStarted(child.value);
    child.value.start(found.value.command.main);
    return child;
  }

  /** A child that runs `main` as a copy of this process, with all its descriptors (or those given). */
  fork(main: Program, opts: SpawnOptions = {}): Result<Process> {
    const child = this.machine.newProcess(this, [...this.argv], { fds: this.fds, ...opts });
    if (!child.ok) return child;
    child.value.exe = this.exe;
    child.value.start(main, 80);
    return child;
  }

  /** Becomes another program; returns its exit status. 127 and no message when it is not found: use lookupProgram first. */
  *exec(argv: readonly string[]): Task<number> {
    const found = resolveProgram(this, argv, this.env);
    if (!found.ok) return found.errno === 'ENOENT' ? 127 : 126;
    this.resetHandlers();
    this.argv = found.value.argv;
    this.exe = found.value.path;
    programStarted(this);
    this.partial.clear();
    yield { cost: EXEC_COST };
    return yield* found.value.command.main(this);
  }

  /** Whether spawn or exec of it would find something to run. */
  canRun(argv: readonly string[], env: ReadonlyMap<string, string>): Result<string> {
    const r = resolveProgram(this, argv, env);
    return r.ok ? ok(r.value.path) : r;
  }

  /** The executable that `name` means, by PATH. */
  which(name: string): Result<string> {
    const r = resolveProgram(this, [name], this.env);
    return r.ok ? ok(r.value.path) : r;
  }
}

const utf8 = new TextEncoder();
