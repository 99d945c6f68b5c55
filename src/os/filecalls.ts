/** File calls by path. Models the system calls of fs/open.c and fs/namei.c */

import { fail, ok, type Result } from '../sim/errno.ts';
import { text } from '../wire/bytes.ts';
import { type Inode, RegularFile, Symlink } from './inode.ts';
import { Scheduled } from './sched.ts';
import type { Stat } from './vfs.ts';

const utf8 = new TextEncoder();

export abstract class FileCalls extends Scheduled {
  abstract cwd: string;
  abstract readonly uid: number;
  abstract readonly umask: number;

  readFile(path: string): Result<Uint8Array> {
    const r = this.machine.fs.open(this.self, path, 'r');
    if (!r.ok) return r;
    const parts: Uint8Array[] = [];
    for (;;) {
      const part = r.value.read(1 << 20, this.self);
      if (!part.ok) return part;
      if (part.value.length === 0) return ok(concat(parts));
      parts.push(part.value);
      if (r.value.kind !== 'file') return ok(concat(parts));
    }
  }

  /** The file as text, or null when it cannot be read. */
  readText(path: string): string | null {
    const r = this.readFile(path);
    return r.ok ? text(r.value) : null;
  }

  writeFile(path: string, data: Uint8Array | string, opts: { append?: boolean } = {}): Result<void> {
    const r = this.machine.fs.open(this.self, path, opts.append ? 'a' : 'w');
    if (!r.ok) return r;
    const bytes = typeof data === 'string' ? utf8.encode(data) : data;
    const w = r.value.write(bytes, this.self);
    return w.ok ? ok() : w;
  }

  stat(path: string): Result<Stat> {
    return this.machine.fs.stat(this.self, path);
  }

  lstat(path: string): Result<Stat> {
    return this.machine.fs.stat(this.self, path, false);
  }

  /** Names in order, without `.` and `..`. */
  readdir(path: string): Result<string[]> {
    return this.machine.fs.readdir(this.self, path);
  }

  mkdir(path: string, mode = 0o777): Result<void> {
    return this.machine.fs.mkdir(this.self, path, mode);
  }

  unlink(path: string): Result<void> {
    return this.machine.fs.unlink(this.self, path);
  }

  rmdir(path: string): Result<void> {
    return this.machine.fs.rmdir(this.self, path);
  }

  rename(from: string, to: string): Result<void> {
    return this.machine.fs.rename(this.self, from, to);
  }

  symlink(target: string, path: string): Result<void> {
    return this.machine.fs.place(this.self, path, new Symlink(target));
  }

  /** A hard link. */
  link(from: string, to: string): Result<void> {
    const r = this.machine.fs.lookup(this.self, from);
    if (!r.ok) return r;
    if (r.value.kind === 'dir') return fail('EPERM');
    const w = this.machine.fs.walk(this.self, to, false);
    if (!w.ok) return w;
    if (w.value.node) return fail('EEXIST');
    r.value.nlink++;
    return w.value.parent.link(w.value.name, r.value);
  }

  readlink(path: string): Result<string> {
    const r = this.machine.fs.lookup(this.self, path, false);
    if (!r.ok) return r;
    return r.value instanceof Symlink ? ok(r.value.target(this.self)) : fail('EINVAL');
  }

  chmod(path: string, mode: number): Result<void> {
    const r = this.machine.fs.lookup(this.self, path);
    if (!r.ok) return r;
    if (this.uid !== 0 && r.value.uid !== this.uid) return fail('EPERM');
    r.value.mode = mode & 0o7777;
    return ok();
  }

  chown(path: string, uid: number, gid: number): Result<void> {
    const r = this.machine.fs.lookup(this.self, path);
    if (!r.ok) return r;
    if (this.uid !== 0) return fail('EPERM');
    if (uid >= 0) r.value.uid = uid;
    if (gid >= 0) r.value.gid = gid;
    return ok();
  }

  /** Makes the file when it is missing, and sets its time to now. */
  touch(path: string): Result<void> {
    const r = this.machine.fs.lookup(this.self, path);
    if (r.ok) {
      r.value.mtime = this.sim.now;
      return ok();
    }
    if (r.errno !== 'ENOENT') return r;
    return this.machine.fs.place(this.self, path, new RegularFile(undefined, 0o666 & ~this.umask));
  }

  /** mount(2) of a new tmpfs, or of what `bind` names, on `path`. */
  mount(source: string, path: string, type: string, options: string, bind: boolean): Result<void> {
    if (this.uid !== 0) return fail('EPERM');
    const point = this.machine.fs.lookup(this.self, path);
    if (!point.ok) return point;
    const real = this.resolve(path);
    if (!real.ok) return real;
    let root: Inode;
    if (bind) {
      const from = this.machine.fs.lookup(this.self, source);
      if (!from.ok) return from;
      root = from.value;
      if ((root.kind === 'dir') !== (point.value.kind === 'dir')) return fail('ENOTDIR');
    } else {
      if (point.value.kind !== 'dir') return fail('ENOTDIR');
      root = this.machine.tmpfs(real.value);
    }
    this.self.mnt.mount(point.value, root, { source, path: real.value, type, options });
    return ok();
  }

  /** umount(2) of what was mounted last on `path`. */
  umount(path: string): Result<void> {
    if (this.uid !== 0) return fail('EPERM');
    const root = this.machine.fs.lookup(this.self, path);
    if (!root.ok) return root;
    const real = this.resolve(path);
    if (!real.ok) return real;
    return this.self.mnt.unmount(root.value, real.value) ? ok() : fail('EINVAL');
  }

  /** Canonical path: links followed, no `.` or `..`; the last part may be missing. */
  resolve(path: string): Result<string> {
    return this.machine.fs.realpath(this.self, path);
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
}

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
