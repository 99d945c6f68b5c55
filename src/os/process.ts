/** A process: its descriptors, environment, signals and children, and the system calls that programs make. Models kernel/fork.c, signal.c, exit.c */

import type { Kernel } from '../net/kernel.ts';
import type { Netns } from '../net/netns.ts';
import { fail, ok, type Result } from '../sim/errno.ts';
import type { Micros, Sim, Timer } from '../sim/sim.ts';
import { WaitQueue } from '../sim/wait.ts';
import { Endpoint } from './endpoint.ts';
import { resolveProgram } from './exec.ts';
import type { OpenFile } from './file.ts';
import { RegularFile, Symlink } from './inode.ts';
import type { Machine } from './machine.ts';
import { makePipe } from './pipe.ts';
import type { Program, Task, Wait, Wake } from './program.ts';
import { type Disposition, defaultAction, type Signal, signalNumber } from './signal.ts';
import type { Tty } from './tty.ts';
import type { MountTable, OpenFlags, Stat } from './vfs.ts';

export type { Program, Task, Wait, Wake } from './program.ts';

/** CPU time in µs: giving way, one system call, starting a program, waking a sleeper. */
const YIELD_COST = 20;
const SYSCALL_COST = 2;
const EXEC_COST = 300;
const WAKE_COST = 3;
/** CPU time that a process may use up before the clock moves on. */
const QUANTUM = 100;
export const MAX_FDS = 1024;
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
  uid?: number;
  gid?: number;
  /** True: a process group of its own; a number: joins (or founds, when it is 0) that group. */
  newGroup?: boolean | number;
  newSession?: boolean;
  /** Controlling terminal of the new session. */
  tty?: Tty;
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

export class Process {
  readonly pid: number;
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
  uts: Uts;
  readonly fds: Map<number, OpenFile>;
  readonly children = new Set<Process>();
  /** Woken when a child ends, stops or goes on. */
  readonly childEvents = new WaitQueue();
  state: 'ready' | 'waiting' | 'stopped' | 'dead' = 'ready';
  /** Exit status as a shell sees it: 128+n after a signal. Valid once dead. */
  status = 0;
  termSignal: Signal | null = null;
  stopSignal: Signal | null = null;
  /** Path of the executable, as /proc/PID/exe shows it. */
  exe = '';
  readonly startTime: Micros;
  endTime: Micros = 0;
  cpuTime: Micros = 0;
  /** The controlling terminal, if any. */
  tty: Tty | null = null;
  /** Called once, when it has ended. */
  onExit: (() => void) | null = null;

  private task: Task<number> | null = null;
  private running = false;
  private readonly handlers = new Map<Signal, Disposition>();
  private readonly pending: Signal[] = [];
  private blocked = 0;
  private cancelWait: (() => void) | null = null;
  private timer: Timer | null = null;
  /** A wake that came while the process was stopped. */
  private heldWake: Wake | null = null;
  private debt = 0;
  private readonly partial = new Map<OpenFile, { text: string; decoder: TextDecoder }>();

  constructor(machine: Machine, pid: number, parent: Process | null, argv: string[], opts: SpawnOptions) {
    this.machine = machine;
    this.pid = pid;
    this.parent = parent;
    this.argv = argv;
    this.env = new Map(opts.env ?? parent?.env ?? []);
    this.cwd = opts.cwd ?? parent?.cwd ?? '/';
    this.uid = opts.uid ?? parent?.uid ?? 0;
    this.gid = opts.gid ?? parent?.gid ?? this.uid;
    this.umask = parent?.umask ?? 0o022;
    this.ns = opts.ns ?? parent?.ns ?? machine.kernel.init;
    this.mnt = opts.mnt ?? parent?.mnt ?? machine.mounts;
    this.uts = opts.uts ?? parent?.uts ?? machine.uts;
    this.pgid =
      opts.newGroup === true || opts.newGroup === 0 || !parent ? pid : typeof opts.newGroup === 'number' ? opts.newGroup : parent.pgid;
    this.sid = opts.newSession || !parent ? pid : parent.sid;
    if (opts.newSession) this.pgid = pid;
    this.tty = opts.tty ?? (opts.newSession ? null : (parent?.tty ?? null));
    this.startTime = machine.sim.now;
    this.fds = new Map();
    const inherited = opts.fds ?? new Map([...(parent?.fds ?? [])].filter(([fd]) => fd <= 2));
    for (const [fd, file] of [...inherited].sort((a, b) => a[0] - b[0])) this.fds.set(fd, file.acquire());
    // An ignored signal stays ignored over fork and exec (signal(7)).
    for (const [s, d] of parent?.handlers ?? []) if (d === 'ignore') this.handlers.set(s, d);
    parent?.children.add(this);
  }

  get sim(): Sim {
    return this.machine.sim;
  }

  get kernel(): Kernel {
    return this.machine.kernel;
  }

  get ppid(): number {
    return this.parent?.pid ?? (this.pid === 1 ? 0 : 1);
  }

  /** Name in messages: the last part of argv[0]. */
  get name(): string {
    const a = this.argv[0] ?? '';
    return a.slice(a.lastIndexOf('/') + 1);
  }

  get hostname(): string {
    return this.uts.hostname;
  }

  get dead(): boolean {
    return this.state === 'dead';
  }

  // ---- scheduling

  /** Starts the program. The scheduler calls it; programs use spawn(). */
  start(program: Program, cost = EXEC_COST): void {
    this.task = program(this);
    this.timer = this.sim.schedule(cost, () => this.resume('woken'));
  }

  private resume(wake: Wake): void {
    if (this.state === 'dead' || !this.task) return;
    this.cancelPendingWait();
    if (this.state === 'stopped') {
      this.heldWake = wake;
      return;
    }
    this.state = 'ready';
    this.running = true;
    this.machine.current = this;
    let step: IteratorResult<Wait, number>;
    try {
      step = this.task.next(wake);
    } catch (e) {
      // A program that recurses too deeply overflows its stack.
      if (!isOverflow(e)) throw e;
      this.task = null;
      this.finish(139, 'SEGV');
      return;
    } finally {
      this.running = false;
      this.machine.current = null;
    }
    this.after(step);
  }

  private after(step: IteratorResult<Wait, number>): void {
    if (step.done) {
      this.finish(step.value & 0xff, null);
      return;
    }
    this.park(step.value);
    this.deliver();
  }

  private park(wait: Wait): void {
    const { on, until } = wait;
    this.state = 'waiting';
    if ((!on || on.length === 0) && until === undefined) {
      const cost = wait.cost ?? YIELD_COST;
      this.cpuTime += wait.cost === undefined ? cost : 0;
      this.timer = this.sim.schedule(cost, () => this.resume('woken'));
      return;
    }
    if (on && on.length > 0) {
      const cancels: (() => void)[] = [];
      const woken = (): void => {
        for (const c of cancels) c();
        this.cancelWait = null;
        this.sim.cancel(this.timer);
        this.timer = this.sim.schedule(WAKE_COST, () => this.resume('woken'));
      };
      for (const q of on) cancels.push(q.wait(woken));
      this.cancelWait = () => {
        for (const c of cancels) c();
      };
    }
    if (until !== undefined) this.timer = this.sim.at(until, () => this.resume('timeout'));
  }

  private cancelPendingWait(): void {
    this.cancelWait?.();
    this.cancelWait = null;
    this.sim.cancel(this.timer);
    this.timer = null;
  }

  /** Books CPU time; the clock moves when a quantum is used up. */
  *charge(us: Micros): Task<void> {
    this.cpuTime += us;
    this.debt += us;
    if (this.debt >= QUANTUM) {
      const cost = this.debt;
      this.debt = 0;
      yield { cost };
    }
  }

  private finish(status: number, signal: Signal | null): void {
    if (this.state === 'dead') return;
    this.cancelPendingWait();
    this.state = 'dead';
    this.endTime = this.sim.now;
    this.status = status;
    this.termSignal = signal;
    this.task = null;
    for (const file of this.fds.values()) file.close();
    this.fds.clear();
    const heir = this.machine.init;
    for (const child of this.children) {
      child.parent = heir && heir !== this ? heir : null;
      if (child.parent && !child.dead) child.parent.children.add(child);
    }
    this.children.clear();
    this.machine.reap(this);
    this.onExit?.();
    if (this.parent) {
      this.parent.childEvents.wakeAll();
      this.parent.raise('CHLD');
    }
  }

  // ---- signals

  onSignal(signal: Signal, handler: Disposition): void {
    if (handler === 'default') this.handlers.delete(signal);
    else this.handlers.set(signal, handler);
  }

  disposition(signal: Signal): Disposition {
    return this.handlers.get(signal) ?? 'default';
  }

  /** Back to defaults, as execve does with handlers. */
  resetHandlers(): void {
    for (const [s, d] of this.handlers) if (typeof d === 'function') this.handlers.delete(s);
  }

  /** Sends a signal to a process (pid > 0), to a process group (pid < 0) or to the own group (0). */
  kill(pid: number, signal: Signal | 0): Result<void> {
    return this.machine.kill(this, pid, signal);
  }

  /** A signal arrives at this process. */
  raise(signal: Signal): void {
    if (this.state === 'dead') return;
    const d = this.disposition(signal);
    const action = defaultAction(signal);
    if (signal === 'CONT' && this.state === 'stopped') {
      this.continueFromStop();
      if (!this.running) this.deliver();
    }
    if (signal !== 'KILL' && signal !== 'STOP') {
      if (d === 'ignore') return;
      if (d === 'default' && (action === 'ignore' || action === 'continue')) return;
      if (d === 'default' && this.pid === 1) return;
    }
    if (!this.pending.includes(signal)) this.pending.push(signal);
    if (!this.running) this.deliver();
  }

  private continueFromStop(): void {
    if (this.state !== 'stopped') return;
    this.stopSignal = null;
    const held = this.heldWake;
    this.heldWake = null;
    this.state = 'waiting';
    if (held) this.timer = this.sim.schedule(WAKE_COST, () => this.resume(held));
    this.parent?.childEvents.wakeAll();
    this.parent?.raise('CHLD');
  }

  /** Between two steps: runs handlers, or ends or stops the process. */
  private deliver(): void {
    let handled = false;
    while (this.pending.length > 0 && !this.dead) {
      const kill = this.pending.indexOf('KILL');
      if (kill < 0 && (this.blocked > 0 || (this.state === 'stopped' && !this.pending.includes('CONT')))) break;
      const signal = this.pending.splice(Math.max(kill, 0), 1)[0] as Signal;
      const d = signal === 'KILL' || signal === 'STOP' ? 'default' : this.disposition(signal);
      if (typeof d === 'function') {
        this.running = true;
        try {
          d();
        } finally {
          this.running = false;
        }
        handled = true;
        continue;
      }
      if (d === 'ignore') continue;
      const action = defaultAction(signal);
      if (action === 'term' || action === 'core') this.die(signal);
      else if (action === 'stop') this.stop(signal);
    }
    if (handled && !this.dead && this.state === 'waiting') {
      this.cancelPendingWait();
      this.timer = this.sim.schedule(WAKE_COST, () => this.resume('signal'));
    }
  }

  private stop(signal: Signal): void {
    if (this.state === 'stopped') return;
    // A sleeper that is stopped keeps waiting; what wakes it meanwhile is held back.
    this.state = 'stopped';
    this.stopSignal = signal;
    this.parent?.childEvents.wakeAll();
    this.parent?.raise('CHLD');
  }

  private die(signal: Signal): void {
    const task = this.task;
    this.cancelPendingWait();
    if (task) {
      this.running = true;
      // finally blocks run to their end without giving way.
      for (let i = 0; i < 1000; i++) if (task.return(0).done) break;
      this.running = false;
    }
    this.finish(128 + signalNumber(signal), signal);
  }

  // ---- waiting

  *wait(w: Wait): Task<Wake> {
    return yield w;
  }

  *sleep(us: Micros): Task<Wake> {
    return yield { until: this.sim.now + Math.max(0, Math.round(us)) };
  }

  /** Waits until the child is dead and returns its status; EINTR does not end it. */
  *waitPid(child: Process): Task<number> {
    while (!child.dead) yield { on: [this.childEvents] };
    this.children.delete(child);
    return child.status;
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

  // ---- files

  readFile(path: string): Result<Uint8Array> {
    const r = this.machine.fs.open(this, path, 'r');
    if (!r.ok) return r;
    const parts: Uint8Array[] = [];
    for (;;) {
      const part = r.value.read(1 << 20, this);
      if (!part.ok) return part;
      if (part.value.length === 0) return ok(concat(parts));
      parts.push(part.value);
      if (r.value.kind !== 'file') return ok(concat(parts));
    }
  }

  /** The file as text, or null when it cannot be read. */
  readText(path: string): string | null {
    const r = this.readFile(path);
    return r.ok ? new TextDecoder().decode(r.value) : null;
  }

  writeFile(path: string, data: Uint8Array | string, opts: { append?: boolean } = {}): Result<void> {
    const r = this.machine.fs.open(this, path, opts.append ? 'a' : 'w');
    if (!r.ok) return r;
    const bytes = typeof data === 'string' ? utf8.encode(data) : data;
    const w = r.value.write(bytes, this);
    return w.ok ? ok() : w;
  }

  stat(path: string): Result<Stat> {
    return this.machine.fs.stat(this, path);
  }

  lstat(path: string): Result<Stat> {
    return this.machine.fs.stat(this, path, false);
  }

  /** Names in order, without `.` and `..`. */
  readdir(path: string): Result<string[]> {
    return this.machine.fs.readdir(this, path);
  }

  mkdir(path: string, mode = 0o777): Result<void> {
    return this.machine.fs.mkdir(this, path, mode);
  }

  unlink(path: string): Result<void> {
    return this.machine.fs.unlink(this, path);
  }

  rmdir(path: string): Result<void> {
    return this.machine.fs.rmdir(this, path);
  }

  rename(from: string, to: string): Result<void> {
    return this.machine.fs.rename(this, from, to);
  }

  symlink(target: string, path: string): Result<void> {
    return this.machine.fs.place(this, path, new Symlink(target));
  }

  /** A hard link. */
  link(from: string, to: string): Result<void> {
    const r = this.machine.fs.lookup(this, from);
    if (!r.ok) return r;
    if (r.value.kind === 'dir') return fail('EPERM');
    const w = this.machine.fs.walk(this, to, false);
    if (!w.ok) return w;
    if (w.value.node) return fail('EEXIST');
    r.value.nlink++;
    return w.value.parent.link(w.value.name, r.value);
  }

  readlink(path: string): Result<string> {
    const r = this.machine.fs.lookup(this, path, false);
    if (!r.ok) return r;
    return r.value instanceof Symlink ? ok(r.value.target(this)) : fail('EINVAL');
  }

  chmod(path: string, mode: number): Result<void> {
    const r = this.machine.fs.lookup(this, path);
    if (!r.ok) return r;
    if (this.uid !== 0 && r.value.uid !== this.uid) return fail('EPERM');
    r.value.mode = mode & 0o7777;
    return ok();
  }

  chown(path: string, uid: number, gid: number): Result<void> {
    const r = this.machine.fs.lookup(this, path);
    if (!r.ok) return r;
    if (this.uid !== 0) return fail('EPERM');
    if (uid >= 0) r.value.uid = uid;
    if (gid >= 0) r.value.gid = gid;
    return ok();
  }

  /** Makes the file when it is missing, and sets its time to now. */
  touch(path: string): Result<void> {
    const r = this.machine.fs.lookup(this, path);
    if (r.ok) {
      r.value.mtime = this.sim.now;
      return ok();
    }
    if (r.errno !== 'ENOENT') return r;
    return this.machine.fs.place(this, path, new RegularFile(undefined, 0o666 & ~this.umask));
  }

  /** Canonical path: links followed, no `.` or `..`; the last part may be missing. */
  resolve(path: string): Result<string> {
    return this.machine.fs.realpath(this, path);
  }

  chdir(path: string): Result<void> {
    const r = this.stat(path);
    if (!r.ok) return r;
    if (r.value.kind !== 'dir') return fail('ENOTDIR');
    const real = this.resolve(path);
    if (!real.ok) return real;
    this.cwd = real.value;
    return ok();
  }

  // ---- other programs

  /** Starts a program found by PATH (or by a path with a slash). The child inherits 0, 1, 2. */
  spawn(argv: readonly string[], opts: SpawnOptions = {}): Result<Process> {
    const found = resolveProgram(this, argv, opts.env ?? this.env);
    if (!found.ok) return found;
    const child = this.machine.newProcess(this, found.value.argv, opts);
    if (!child.ok) return child;
    child.value.exe = found.value.path;
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

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array;
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

/** V8 and JavaScriptCore throw a RangeError, SpiderMonkey an InternalError. */
function isOverflow(e: unknown): boolean {
  return (
    e instanceof Error &&
    (e.name === 'InternalError' || (e instanceof RangeError && /call stack|string length|allocation/i.test(e.message)))
  );
}
