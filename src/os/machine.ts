/** A machine: one kernel, its files, processes and users. */

import type { Kernel } from '../net/kernel.ts';
import type { Netns } from '../net/netns.ts';
import { fail, ok, type Result } from '../sim/errno.ts';
import type { Sim } from '../sim/sim.ts';
import { etcFiles } from './etc.ts';
import { DEFAULT_PATH } from './exec.ts';
import type { OpenFile } from './file.ts';
import { Directory, type Inode, RegularFile, Symlink } from './inode.ts';
import { IpcNamespace } from './ipc.ts';
import { SocketFile } from './net.ts';
import { pidAsSeen, processByPid, processesSeen } from './pidns.ts';
import { Process, type SocketLike, type SpawnOptions, type Uts } from './process.ts';
import type { Command } from './program.ts';
import { buildRoot, netnsDirectory } from './rootfs.ts';
import type { Signal } from './signal.ts';
import { Tty } from './tty.ts';
import { MountTable, Vfs } from './vfs.ts';

/** More processes than this and fork() says EAGAIN. */
const MAX_PROCESSES = 512;

export interface User {
  name: string;
  uid: number;
  gid: number;
  home: string;
  shell: string;
  gecos: string;
}

/** What a namespace sees when it has more of its own than a network: host name and mounts. */
export interface NamespaceView {
  uts: Uts;
  mnt: MountTable;
}

const BASE_ENV: readonly [string, string][] = [
  ['HOME', '/root'],
  ['LOGNAME', 'root'],
  ['PATH', DEFAULT_PATH],
  ['SHELL', '/bin/bash'],
  ['USER', 'root'],
  ['LANG', 'C.UTF-8'],
];

export class Machine {
  readonly kernel: Kernel;
  readonly sim: Sim;
  readonly fs = new Vfs();
  readonly mounts = new MountTable();
  readonly uts: Uts;
  readonly ipcns = new IpcNamespace(4026531839);
  readonly processes = new Map<number, Process>();
  /** PID 1; takes over orphans. */
  readonly init: Process;
  /** The process that runs just now, null between steps. */
  current: Process | null = null;
  readonly commands = new Map<string, Command>();
  readonly terminals = new Map<number, Tty>();
  private readonly views = new Map<Netns, NamespaceView>();
  private lastPid = 1;

  constructor(kernel: Kernel, commands: readonly Command[] = []) {
    this.kernel = kernel;
    this.sim = kernel.sim;
    this.uts = { hostname: kernel.hostname };
    buildRoot(this);
    this.init = new Process(this, 1, null, ['/sbin/init'], { env: this.baseEnv() });
    this.init.state = 'waiting';
    this.processes.set(1, this.init);
    this.install(commands);
  }

  get hostname(): string {
    return this.uts.hostname;
  }

  baseEnv(): Map<string, string> {
    return new Map(BASE_ENV);
  }

  /** Puts programs in their places (/usr/bin/NAME when they do not say). */
  install(commands: readonly Command[]): void {
    for (const command of commands) this.commands.set(command.name, command);
    for (const [folder, entries] of programFiles(commands)) this.directory(folder).offer(entries);
    for (const command of commands) if (command.files && !command.hidden) this.unpack(command, '', this.fs.root);
  }

  /** A file of a program's package, where the program is there, installed or not. */
  packaged(name: string, path: string): string | (() => string) | undefined {
    return this.commands.get(name)?.files?.[path];
  }

  /** Lays a package's files that lie under `prefix` into `root`, which stands for that directory. */
  private unpack(command: Command, prefix: string, root: Directory): void {
    for (const [path, text] of Object.entries(command.files ?? {})) {
      if (!path.startsWith(`${prefix}/`)) continue;
      const parts = path.slice(prefix.length + 1).split('/');
      let dir = root;
      for (const part of parts.slice(0, -1)) {
        let next = dir.lookup(part, this.init);
        if (!(next instanceof Directory)) {
          next = new Directory();
          dir.link(part, next);
        }
        dir = next as Directory;
      }
      // A path that ends with a slash is an empty directory.
      if (parts.at(-1) === '') continue;
      dir.link(
        parts.at(-1) as string,
        typeof text === 'string' && text.startsWith('-> ') ? new Symlink(text.slice(3)) : new RegularFile(text, 0o644),
      );
    }
  }

  /** The directory at an absolute path, made with its parents when missing; links are followed. */
  directory(path: string): Directory {
    let dir = this.fs.root;
    for (const part of path.split('/')) {
      if (part === '') continue;
      let next = dir.lookup(part, this.init);
      if (next instanceof Symlink) next = this.directory(next.target(this.init).replace(/^(?!\/)/, '/'));
      if (!(next instanceof Directory)) {
        next = new Directory();
        dir.link(part, next);
      }
      dir = next as Directory;
    }
    return dir;
  }

  /** The root of a new tmpfs for `path`. One on /run keeps the names of network namespaces: they are the kernel's. */
  tmpfs(path: string): Directory {
    const root = new Directory(undefined, 0o1777);
    if (path === '/run') root.link('netns', netnsDirectory(this));
    return root;
  }

  // ---- namespaces with a host name and an /etc of their own

  /** Gives a network namespace its own host name, /etc and /var/www/html, as the recorder does; see view(). */
  separate(ns: Netns, hostname: string, own: readonly string[] = ['/etc', '/var/www/html']): NamespaceView {
    const mnt = this.mounts.copy();
    for (const path of own) {
      const dir = path === '/etc' ? new Directory((d) => etcFiles(d, hostname)) : new Directory();
      for (const command of this.commands.values()) this.unpack(command, path, dir);
      mnt.over.set(this.directory(path), dir);
    }
    const view = { uts: { hostname }, mnt };
    this.views.set(ns, view);
    return view;
  }

  view(ns: Netns): NamespaceView {
    return this.views.get(ns) ?? { uts: this.uts, mnt: this.mounts };
  }

  // ---- processes

  newProcess(parent: Process, argv: string[], opts: SpawnOptions): Result<Process> {
    if (this.processes.size >= MAX_PROCESSES) return fail('EAGAIN');
    do {
      this.lastPid = this.lastPid >= 4194303 ? 300 : this.lastPid + 1;
    } while (this.processes.has(this.lastPid));
    const p = new Process(this, this.lastPid, parent, argv, opts);
    this.processes.set(p.pid, p);
    return ok(p);
  }

  /** Starts a program as a child of init in a session of its own, with the view of its namespace. */
  spawn(argv: readonly string[], opts: SpawnOptions = {}): Result<Process> {
    const ns = opts.ns ?? this.kernel.init;
    const view = this.view(ns);
    return this.init.spawn(argv, {
      env: this.baseEnv(),
      cwd: '/root',
      newSession: true,
      mnt: view.mnt,
      uts: view.uts,
      fds: new Map(),
      ...opts,
      ns,
    });
  }

  /** A program (a shell as a rule) as leader of a session on a terminal, which is its standard input, output and error. */
  login(tty: Tty, argv: readonly string[] = ['bash'], opts: SpawnOptions = {}): Result<Process> {
    const end = tty.endpoint();
    const env = new Map([...this.baseEnv(), ['TERM', 'xterm-256color'] as const, ...(opts.env ?? [])]);
    const r = this.spawn(argv, {
      ...opts,
      env,
      tty,
      fds: new Map([
        [0, end],
        [1, end],
        [2, end],
      ]),
    });
    if (r.ok) {
      tty.session = r.value.pid;
      tty.setForeground(r.value.pgid);
    }
    return r;
  }

  /** The process is dead; it leaves the table. */
  reap(p: Process): void {
    this.processes.delete(p.pid);
    if (p.mnt.netns && p.mnt.netns.length > 0) this.unmountNetns(p.mnt);
    const { tty } = p;
    if (tty && tty.session === p.pid) {
      tty.session = 0;
      if (tty.foreground) this.killGroup(tty.foreground, 'HUP');
      tty.foreground = 0;
    }
  }

  /** The last process of a mount namespace has gone: namespaces that were bound only there end, their empty files under /run/netns stay. */
  private unmountNetns(mnt: MountTable): void {
    for (const q of this.processes.values()) if (q.mnt === mnt) return;
    for (const name of mnt.netns ?? []) {
      const ns = this.kernel.named.get(name);
      if (ns && ![...this.processes.values()].some((q) => q.ns === ns)) ns.destroy();
    }
    mnt.netns = [];
  }

  kill(sender: Process, pid: number, signal: Signal | 0): Result<void> {
    const group = pid === 0 ? sender.pgid : pid < -1 ? (processByPid(sender, -pid)?.pid ?? -pid) : 0;
    const targets =
      pid > 0
        ? [processByPid(sender, pid)].filter((p) => p !== undefined)
        : processesSeen(sender).filter((p) => (pid === -1 ? pidAsSeen(sender, p) > 1 && p !== sender : p.pgid === group));
    if (targets.length === 0) return fail('ESRCH');
    const allowed = targets.filter((p) => sender.uid === 0 || p.uid === sender.uid);
    if (allowed.length === 0) return fail('EPERM');
    if (signal !== 0) for (const p of allowed) p.raise(signal);
    return ok();
  }

  killGroup(pgid: number, signal: Signal): void {
    for (const p of [...this.processes.values()]) if (p.pgid === pgid) p.raise(signal);
  }

  // ---- terminals and sockets

  newTty(cols = 80, rows = 24): Tty {
    const tty = new Tty(this, cols, rows);
    this.terminals.set(Number(tty.path.slice(9)), tty);
    return tty;
  }

  closeTty(tty: Tty): void {
    tty.hangUp();
    this.terminals.delete(Number(tty.path.slice(9)));
  }

  socketFile(sock: SocketLike): OpenFile {
    return new SocketFile(sock, inodeOf(sock));
  }

  // ---- users

  users(p: Process = this.init): User[] {
    const out: User[] = [];
    for (const line of (p.readText('/etc/passwd') ?? '').split('\n')) {
      const f = line.split(':');
      if (f.length < 7) continue;
      const [name, , uid, gid, gecos, home, shell] = f as [string, string, string, string, string, string, string];
      out.push({ name, uid: Number(uid), gid: Number(gid), gecos, home, shell });
    }
    return out;
  }

  /** Names and ids of /etc/group. */
  groups(p: Process = this.init): { name: string; gid: number; members: string[] }[] {
    const out: { name: string; gid: number; members: string[] }[] = [];
    for (const line of (p.readText('/etc/group') ?? '').split('\n')) {
      const [name, , gid, members] = line.split(':');
      if (name && gid !== undefined) out.push({ name, gid: Number(gid), members: (members ?? '').split(',').filter((m) => m !== '') });
    }
    return out;
  }
}

/** Executables by folder; worked out once for a list of commands, whatever the number of machines. */
function programFiles(commands: readonly Command[]): ReadonlyMap<string, ReadonlyMap<string, () => Inode>> {
  const known = folders.get(commands);
  if (known) return known;
  const made = new Map<string, Map<string, () => Inode>>();
  for (const command of commands) {
    if (command.hidden) continue;
    const path = command.path ?? `/usr/bin/${command.name}`;
    // /bin and /sbin are links.
    const folder = path.slice(0, path.lastIndexOf('/')).replace(/^\/(?=s?bin$)/, '/usr/');
    const entries = made.get(folder) ?? new Map<string, () => Inode>();
    made.set(folder, entries);
    entries.set(path.slice(path.lastIndexOf('/') + 1), () => {
      const file = new RegularFile(`\x7fELF ${command.name}\n`, 0o755);
      file.program = command;
      return file;
    });
    for (const alias of command.aliases ?? []) entries.set(alias, () => new Symlink(command.name));
  }
  folders.set(commands, made);
  return made;
}

const folders = new WeakMap<readonly Command[], ReadonlyMap<string, ReadonlyMap<string, () => Inode>>>();

function inodeOf(sock: SocketLike): number {
  return 'inode' in sock && typeof sock.inode === 'number' ? sock.inode : 0;
}
