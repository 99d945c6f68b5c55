/** Path look-up over mounts and symbolic links, and the file calls on top of it. Models fs/namei.c */

import { fail, ok, type Result } from '../sim/errno.ts';
import { OpenFile, type OpenKind } from './file.ts';
import { CharDevice, Directory, FileInode, type Inode, type InodeKind, MagicLink, ProcFile, RegularFile, Symlink } from './inode.ts';
import type { Process } from './process.ts';

export type OpenFlags = 'r' | 'w' | 'a' | 'rw' | 'wx';

export interface Stat {
  kind: InodeKind;
  ino: number;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  nlink: number;
  mtime: number;
  /** Character devices only. */
  rdev?: [number, number];
}

/** A line of /proc/mounts. */
export interface MountEntry {
  readonly source: string;
  readonly path: string;
  readonly type: string;
  readonly options: string;
}

/** What is mounted over what; each mount namespace has its own table. */
export class MountTable {
  readonly over = new Map<Inode, Inode>();
  /** Roots that are mounted read-only. */
  readonly readonly = new Set<Inode>();
  /** In the order of mounting. */
  entries: readonly MountEntry[] = [
    { source: '/dev/vda1', path: '/', type: 'ext4', options: 'rw,relatime' },
    { source: 'proc', path: '/proc', type: 'proc', options: 'rw,nosuid,nodev,noexec,relatime' },
    { source: 'sysfs', path: '/sys', type: 'sysfs', options: 'rw,nosuid,nodev,noexec,relatime' },
    { source: 'tmpfs', path: '/run', type: 'tmpfs', options: 'rw,nosuid,nodev,mode=755' },
  ];

  /** Names under /run/netns that were mounted here and nowhere else; null: what is mounted here is seen everywhere. */
  netns: string[] | null = null;

  copy(): MountTable {
    const m = new MountTable();
    for (const [a, b] of this.over) m.over.set(a, b);
    for (const root of this.readonly) m.readonly.add(root);
    m.entries = this.entries;
    return m;
  }

  /** What `ip netns exec` gives a program: mounts of its own, which end with it. */
  slave(): MountTable {
    const m = this.copy();
    m.netns = [];
    return m;
  }

  mount(point: Inode, root: Inode, entry: MountEntry): void {
    this.over.set(this.at(point), root);
    this.entries = [...this.entries, entry];
  }

  /** Takes away what was mounted last on `path`, whose present root is `root`. False when nothing is mounted there. */
  unmount(root: Inode, path: string): boolean {
    const under = [...this.over].find(([, b]) => b === root)?.[0];
    const last = this.entries.findLastIndex((e) => e.path === path);
    if (!under || last < 0) return false;
    this.over.delete(under);
    this.entries = this.entries.filter((_, i) => i !== last);
    return true;
  }

  at(node: Inode): Inode {
    if (this.over.size === 0) return node;
    let n = node;
    for (let next = this.over.get(n); next; next = this.over.get(n)) n = next;
    return n;
  }
}

interface Found {
  node: Inode | undefined;
  parent: Directory;
  name: string;
  path: string;
  /** It lies on a mount that may not be written to. */
  readonly: boolean;
}

const MAX_LINKS = 40;

const OPEN_KINDS: Record<OpenKind, InodeKind> = { file: 'file', dir: 'dir', pipe: 'fifo', tty: 'char', char: 'char', socket: 'socket' };

export class Vfs {
  readonly root = new Directory();

  /** Walks `path` from the process's root and working directory. `node` is undefined when only the last part is missing. */
  walk(p: Process, path: string, follow = true): Result<Found> {
    if (path === '') return fail('ENOENT');
    let budget = MAX_LINKS;
    const root = p.mnt.at(this.root) as Directory;
    const trail: { dir: Directory; name: string }[] = [{ dir: root, name: '' }];
    const todo = (path.startsWith('/') ? path : `${p.cwd}/${path}`).split('/').reverse();
    const wantsDir = path.endsWith('/');
    let last: Inode | undefined = root;
    let missing = '';
    while (todo.length > 0) {
      const part = todo.pop() as string;
      if (part === '' || part === '.') continue;
      if (last === undefined) return fail('ENOENT');
      if (last.kind !== 'dir') return fail('ENOTDIR');
      if (last !== (trail[trail.length - 1] as { dir: Directory }).dir) trail.push({ dir: last as Directory, name: missing });
      if (part === '..') {
        if (trail.length > 1) trail.pop();
        last = (trail[trail.length - 1] as { dir: Directory }).dir;
        continue;
      }
      if (part.length > 255) return fail('ENAMETOOLONG');
      const dir = last as Directory;
      if (!mayAccess(p, dir, 1)) return fail('EACCES');
      let node = dir.lookup(part, p);
      if (node) node = p.mnt.at(node);
      const isLast = !todo.some((t) => t !== '' && t !== '.');
      if (node instanceof Symlink && !(node instanceof MagicLink && isLast) && (!isLast || follow || wantsDir)) {
        if (--budget < 0) return fail('ELOOP');
        const target = node.target(p);
        if (target.startsWith('/')) {
          trail.length = 1;
          last = root;
        }
        todo.push(...target.split('/').reverse());
        continue;
      }
      last = node;
      missing = part;
    }
    const top = trail[trail.length - 1] as { dir: Directory };
    const names = trail.slice(1).map((t) => t.name);
    const readonly = p.mnt.readonly.size > 0 && onReadonly(p.mnt, trail, last);
    if (last === top.dir) {
      const parent = trail[Math.max(0, trail.length - 2)] as { dir: Directory };
      return ok({ node: last, parent: parent.dir, name: names[names.length - 1] ?? '/', path: `/${names.join('/')}`, readonly });
    }
    if (wantsDir && last && last.kind !== 'dir') return fail('ENOTDIR');
    return ok({ node: last, parent: top.dir, name: missing, path: `/${[...names, missing].join('/')}`, readonly });
  }

  /** walk() of an absolute path without links and `..`, which most are; null: it is another one. */
  private straight(p: Process, path: string): Result<Inode> | null {
    if (!path.startsWith('/') || path.endsWith('/')) return null;
    let node = p.mnt.at(this.root);
    for (let from = 1; from > 0; ) {
      const slash = path.indexOf('/', from);
      const part = slash < 0 ? path.slice(from) : path.slice(from, slash);
      from = slash + 1;
      if (part === '' || part === '.') continue;
      if (part === '..' || part.length > 255) return null;
      if (node.kind !== 'dir') return fail('ENOTDIR');
      const dir = node as Directory;
      if (!mayAccess(p, dir, 1)) return fail('EACCES');
      const next = dir.lookup(part, p);
      if (next === undefined) return fail('ENOENT');
      if (next instanceof Symlink) return null;
      node = p.mnt.at(next);
    }
    return ok(node);
  }

  lookup(p: Process, path: string, follow = true): Result<Inode> {
    const straight = this.straight(p, path);
    if (straight) return straight;
    const r = this.walk(p, path, follow);
    if (!r.ok) return r;
    return r.value.node ? ok(r.value.node) : fail('ENOENT');
  }

  open(p: Process, path: string, flags: OpenFlags): Result<OpenFile> {
    const r = this.walk(p, path);
    if (!r.ok) return r;
    let { node } = r.value;
    const writes = flags !== 'r';
    if (writes && r.value.readonly && (node === undefined || node.kind === 'file' || node.kind === 'dir')) return fail('EROFS');
    if (!node) {
      if (!writes) return fail('ENOENT');
      if (path.endsWith('/')) return fail('EISDIR');
      if (!mayAccess(p, r.value.parent, 3)) return fail('EACCES');
      const file = new RegularFile(undefined, 0o666 & ~p.umask);
      own(file, p);
      const made = r.value.parent.link(r.value.name, file);
      if (!made.ok) return made.errno === 'EPERM' ? fail(r.value.parent.mode === 0o555 ? 'ENOENT' : 'EPERM') : made;
      node = file;
    } else if (flags === 'wx') return fail('EEXIST');
    if (!mayAccess(p, node, flags === 'r' ? 4 : flags === 'rw' ? 6 : 2)) return fail('EACCES');
    if (node instanceof Directory) return writes ? fail('EISDIR') : ok(new OpenDirectory(r.value.path));
    if (node instanceof CharDevice) return node.open(p);
    if (node instanceof MagicLink) return ok(node.file);
    if (node instanceof FileInode) {
      if (node instanceof ProcFile && writes && !node.writable) return fail('EACCES');
      if (flags === 'w') {
        const t = node.truncate(0, p);
        if (!t.ok) return t;
      }
      return ok(new OpenInode(node, r.value.path, flags));
    }
    return fail('ENXIO');
  }

  stat(p: Process, path: string, follow = true): Result<Stat> {
    const r = this.lookup(p, path, follow);
    if (!r.ok) return r;
    const stat = statOf(p, r.value);
    if (follow && r.value instanceof MagicLink) stat.kind = OPEN_KINDS[r.value.file.kind];
    return ok(stat);
  }

  readdir(p: Process, path: string): Result<string[]> {
    const r = this.lookup(p, path);
    if (!r.ok) return r;
    if (!(r.value instanceof Directory)) return fail('ENOTDIR');
    if (!mayAccess(p, r.value, 4)) return fail('EACCES');
    return ok(r.value.list(p).map(([name]) => name));
  }

  /** Makes `node` at `path`; EEXIST when something is there. */
  place(p: Process, path: string, node: Inode): Result<void> {
    const r = this.walk(p, path.replace(/\/+$/, '') || '/', false);
    if (!r.ok) return r;
    if (r.value.node) return fail('EEXIST');
    if (r.value.readonly) return fail('EROFS');
    if (!mayAccess(p, r.value.parent, 3)) return fail('EACCES');
    own(node, p);
    return r.value.parent.link(r.value.name, node);
  }

  mkdir(p: Process, path: string, mode = 0o777): Result<void> {
    return this.place(p, path, new Directory(undefined, mode & ~p.umask));
  }

  unlink(p: Process, path: string): Result<void> {
    const r = this.walk(p, path, false);
    if (!r.ok) return r;
    if (!r.value.node) return fail('ENOENT');
    if (r.value.node.kind === 'dir') return fail('EISDIR');
    if (r.value.readonly) return fail('EROFS');
    if (!mayAccess(p, r.value.parent, 3)) return fail('EACCES');
    return r.value.parent.unlink(r.value.name);
  }

  rmdir(p: Process, path: string): Result<void> {
    const r = this.walk(p, path, false);
    if (!r.ok) return r;
    const { node, parent, name } = r.value;
    if (!node) return fail('ENOENT');
    if (!(node instanceof Directory)) return fail('ENOTDIR');
    if (r.value.readonly) return fail('EROFS');
    if (node === this.root || [...p.mnt.over.values()].includes(node)) return fail('EBUSY');
    if (node.list(p).length > 0) return fail('ENOTEMPTY');
    if (!mayAccess(p, parent, 3)) return fail('EACCES');
    return parent.unlink(name);
  }

  rename(p: Process, from: string, to: string): Result<void> {
    const a = this.walk(p, from, false);
    if (!a.ok) return a;
    const b = this.walk(p, to, false);
    if (!b.ok) return b;
    const { node } = a.value;
    if (!node) return fail('ENOENT');
    if (a.value.readonly || b.value.readonly) return fail('EROFS');
    const target = b.value.node;
    if (target === node) return ok();
    if (target instanceof Directory) {
      if (node.kind !== 'dir') return fail('EISDIR');
      if (target.list(p).length > 0) return fail('ENOTEMPTY');
    } else if (target && node.kind === 'dir') return fail('ENOTDIR');
    if (node.kind === 'dir' && `${b.value.path}/`.startsWith(`${a.value.path}/`)) return fail('EINVAL');
    if (!mayAccess(p, a.value.parent, 3) || !mayAccess(p, b.value.parent, 3)) return fail('EACCES');
    const made = b.value.parent.link(b.value.name, node);
    if (!made.ok) return made;
    return a.value.parent.unlink(a.value.name);
  }

  /** Canonical path without links; the last part may be missing. */
  realpath(p: Process, path: string): Result<string> {
    const r = this.walk(p, path);
    return r.ok ? ok(r.value.path) : r;
  }
}

/** Whether the nearest mount above the end of a walk is a read-only one. */
function onReadonly(table: MountTable, trail: readonly { dir: Directory }[], last: Inode | undefined): boolean {
  const roots = new Set(table.over.values());
  for (const node of [last, ...trail.map((t) => t.dir).reverse()]) {
    if (!node) continue;
    if (table.readonly.has(node)) return true;
    if (roots.has(node)) return false;
  }
  return false;
}

function statOf(p: Process, node: Inode): Stat {
  const { kind, ino, mode, uid, gid, nlink, mtime } = node;
  const s: Stat = { kind, ino, mode, uid, gid, nlink, mtime, size: node.size(p) };
  if (node instanceof CharDevice) s.rdev = [node.major, node.minor];
  return s;
}

/** `want`: 4 read, 2 write, 1 execute or search. Root may do all but run a file that nobody may run. */
export function mayAccess(p: Process, node: Inode, want: number): boolean {
  if (p.uid === 0) return !(want & 1) || node.kind === 'dir' || (node.mode & 0o111) !== 0;
  const shift = node.uid === p.uid ? 6 : node.gid === p.gid ? 3 : 0;
  return ((node.mode >> shift) & want) === want;
}

function own(node: Inode, p: Process): void {
  node.uid = p.uid;
  node.gid = p.gid;
  node.mtime = p.sim.now;
}

class OpenDirectory extends OpenFile {
  readonly kind = 'dir';
  readonly name: string;
  constructor(name: string) {
    super();
    this.name = name;
  }
  override read(): Result<Uint8Array> {
    return fail('EISDIR');
  }
}

class OpenInode extends OpenFile {
  readonly kind = 'file';
  readonly name: string;
  readonly node: FileInode;
  private readonly flags: OpenFlags;
  private offset = 0;
  /** What a generated file held when it was first read, so that one reader sees one state. */
  private snapshot: Uint8Array | null = null;

  constructor(node: FileInode, name: string, flags: OpenFlags) {
    super();
    this.node = node;
    this.name = name;
    this.flags = flags;
  }

  override read(max: number, p: Process): Result<Uint8Array> {
    if (this.flags !== 'r' && this.flags !== 'rw') return fail('EBADF');
    let bytes = this.snapshot;
    if (!bytes) {
      const r = this.node.bytes(p);
      if (!r.ok) return r;
      bytes = r.value;
      if (this.node instanceof ProcFile) this.snapshot = bytes;
    }
    const part = bytes.slice(this.offset, this.offset + max);
    this.offset += part.length;
    return ok(part);
  }

  override write(data: Uint8Array, p: Process): Result<number> {
    if (this.flags === 'r') return fail('EBADF');
    const at = this.flags === 'a' ? this.node.size(p) : this.offset;
    const r = this.node.writeAt(at, data, p);
    if (r.ok) this.offset = at + r.value;
    return r;
  }

  override seek(offset: number): Result<number> {
    if (offset < 0) return fail('EINVAL');
    this.offset = offset;
    return ok(offset);
  }

  get position(): number {
    return this.offset;
  }
}
