/** Inodes: regular files, directories, links, devices, and files whose text is made when read. Models fs/inode.c */

import { fail, ok, type Result } from '../sim/errno.ts';
import { utf8 } from '../wire/bytes.ts';
import type { OpenFile } from './file.ts';
import type { Process } from './process.ts';
import type { Command } from './program.ts';

export type InodeKind = 'file' | 'dir' | 'symlink' | 'char' | 'fifo' | 'socket';

let lastIno = 1;

export abstract class Inode {
  abstract readonly kind: InodeKind;
  readonly ino = lastIno++;
  /** Permission bits only. */
  mode = 0o644;
  uid = 0;
  gid = 0;
  /** Virtual µs since the world began. */
  mtime = 0;
  nlink = 1;

  size(_p: Process): number {
    return 0;
  }
}

/** Anything that can be read and written as a whole at an offset. */
export abstract class FileInode extends Inode {
  readonly kind = 'file';
  abstract bytes(p: Process): Result<Uint8Array>;
  abstract writeAt(offset: number, data: Uint8Array, p: Process): Result<number>;
  abstract truncate(length: number, p: Process): Result<void>;
  /** Programs that the kernel can run carry their code here. */
  program: Command | null = null;
}

const NOTHING = new Uint8Array(0);

export class RegularFile extends FileInode {
  /** Text, or what makes it, until somebody looks: most programs and package files are never read. */
  private text: string | (() => string) | null;
  private buffer = NOTHING;
  private used = 0;

  constructor(data: Uint8Array | string | (() => string) = NOTHING, mode = 0o644) {
    super();
    this.text = data instanceof Uint8Array ? null : data;
    if (data instanceof Uint8Array) {
      this.buffer = data as Uint8Array<ArrayBuffer>;
      this.used = data.length;
    }
    this.mode = mode;
  }

  private get data(): Uint8Array {
    if (this.text !== null) {
      this.buffer = utf8(typeof this.text === 'string' ? this.text : this.text()) as Uint8Array<ArrayBuffer>;
      this.used = this.buffer.length;
      this.text = null;
    }
    return this.buffer;
  }

  private set data(data: Uint8Array) {
    this.text = null;
    this.buffer = data as Uint8Array<ArrayBuffer>;
  }

  private get length(): number {
    return this.text === null ? this.used : this.data.length;
  }

  private set length(length: number) {
    this.used = length;
  }

  bytes(): Result<Uint8Array> {
    return ok(this.data.subarray(0, this.length));
  }

  writeAt(offset: number, data: Uint8Array, p: Process): Result<number> {
    const end = offset + data.length;
    if (end > MAX_FILE) return fail('ENOSPC');
    if (end > this.data.length) {
      const grown = new Uint8Array(Math.max(end, Math.min(MAX_FILE, this.data.length * 2), 64));
      grown.set(this.data.subarray(0, this.length));
      this.data = grown;
    } else if (offset > this.length) this.data.fill(0, this.length, offset);
    this.data.set(data, offset);
    this.length = Math.max(this.length, end);
    this.mtime = p.sim.now;
    return ok(data.length);
  }

  truncate(length: number, p: Process): Result<void> {
    const kept = this.data.slice(0, Math.min(length, this.length));
    this.data = new Uint8Array(length);
    this.data.set(kept);
    this.length = length;
    this.mtime = p.sim.now;
    return ok();
  }

  override size(): number {
    return this.length;
  }
}

/** The file system is memory: one file is at most this large. */
const MAX_FILE = 64 << 20;

export class Directory extends Inode {
  readonly kind = 'dir';
  protected entries: Map<string, Inode> | null = null;
  /** Further entries, made when somebody looks for them. */
  private offered: ReadonlyMap<string, () => Inode> | null = null;
  private readonly fill: ((dir: Directory) => void) | undefined;

  /** `fill` makes the first entries when the directory is first looked into. */
  constructor(fill?: (dir: Directory) => void, mode = 0o755) {
    super();
    this.fill = fill;
    this.mode = mode;
    this.nlink = 2;
  }

  protected map(): Map<string, Inode> {
    if (!this.entries) {
      this.entries = new Map();
      this.fill?.(this);
    }
    return this.entries;
  }

  /** Entries that are there but need not be made yet; the map is shared by all directories that are given it. */
  offer(entries: ReadonlyMap<string, () => Inode>): void {
    this.settle();
    for (const name of this.map().keys()) if (entries.has(name)) this.map().delete(name);
    this.offered = entries;
  }

  /** Makes what is offered and not yet made. */
  private settle(): void {
    if (this.offered === null) return;
    const map = this.map();
    for (const [name, make] of this.offered) if (!map.has(name)) map.set(name, make());
    this.offered = null;
  }

  lookup(name: string, _p: Process): Inode | undefined {
    const map = this.map();
    const found = map.get(name);
    if (found !== undefined || this.offered === null) return found;
    const node = this.offered.get(name)?.();
    if (node) map.set(name, node);
    return node;
  }

  list(_p: Process): [string, Inode][] {
    this.settle();
    return [...this.map()].sort((a, b) => (a[0] < b[0] ? -1 : 1));
  }

  /** The entries that have been made so far; nothing is made by looking. */
  made(): Iterable<[string, Inode]> {
    return this.entries ?? [];
  }

  link(name: string, node: Inode): Result<void> {
    this.map().set(name, node);
    return ok();
  }

  unlink(name: string): Result<void> {
    this.settle();
    return this.map().delete(name) ? ok() : fail('ENOENT');
  }

  override size(): number {
    return 4096;
  }
}

/** A directory whose entries are worked out at each look (procfs, sysfs). Nothing can be made in it. */
export class ProcDir extends Directory {
  private readonly names: (p: Process) => Iterable<string>;
  private readonly find: (name: string, p: Process) => Inode | undefined;

  constructor(names: (p: Process) => Iterable<string>, find: (name: string, p: Process) => Inode | undefined) {
    super(undefined, 0o555);
    this.names = names;
    this.find = find;
  }

  override lookup(name: string, p: Process): Inode | undefined {
    return this.find(name, p);
  }

  override list(p: Process): [string, Inode][] {
    const out: [string, Inode][] = [];
    for (const name of this.names(p)) {
      const node = this.find(name, p);
      if (node) out.push([name, node]);
    }
    return out;
  }

  override link(): Result<void> {
    return fail('ENOENT');
  }

  override unlink(): Result<void> {
    return fail('EACCES');
  }

  override size(): number {
    return 0;
  }
}

export class Symlink extends Inode {
  readonly kind = 'symlink';
  private readonly to: string | ((p: Process) => string);

  constructor(to: string | ((p: Process) => string)) {
    super();
    this.to = to;
    this.mode = 0o777;
  }

  target(p: Process): string {
    return typeof this.to === 'string' ? this.to : this.to(p);
  }

  override size(p: Process): number {
    return this.target(p).length;
  }
}

/** /proc/PID/fd/N: reads as a link, opens as the file itself. Models proc_pid_link_inode_operations */
export class MagicLink extends Symlink {
  readonly file: OpenFile;
  constructor(file: OpenFile) {
    super(file.name);
    this.file = file;
  }
}

/** A file of procfs or sysfs: its text is made at open, a write is one call of `put`. */
export class ProcFile extends FileInode {
  private readonly get: (p: Process) => string | Result<string>;
  private readonly put: ((text: string, p: Process) => Result<void>) | undefined;

  constructor(get: (p: Process) => string | Result<string>, put?: (text: string, p: Process) => Result<void>) {
    super();
    this.get = get;
    this.put = put;
    this.mode = put ? 0o644 : 0o444;
  }

  bytes(p: Process): Result<Uint8Array> {
    const text = this.get(p);
    if (typeof text === 'string') return ok(utf8(text));
    return text.ok ? ok(utf8(text.value)) : text;
  }

  writeAt(_offset: number, data: Uint8Array, p: Process): Result<number> {
    if (!this.put) return fail('EACCES');
    const r = this.put(new TextDecoder().decode(data), p);
    return r.ok ? ok(data.length) : r;
  }

  truncate(): Result<void> {
    return this.put ? ok() : fail('EACCES');
  }

  get writable(): boolean {
    return this.put !== undefined;
  }
}

export class CharDevice extends Inode {
  readonly kind = 'char';
  readonly major: number;
  readonly minor: number;
  readonly open: (p: Process) => Result<OpenFile>;

  constructor(major: number, minor: number, open: (p: Process) => Result<OpenFile>) {
    super();
    this.major = major;
    this.minor = minor;
    this.open = open;
    this.mode = 0o666;
  }
}

/** A Unix socket's name in the file system. */
export class SocketInode extends Inode {
  readonly kind = 'socket';
  readonly socket: unknown;

  constructor(socket: unknown) {
    super();
    this.socket = socket;
    this.mode = 0o755;
  }
}
