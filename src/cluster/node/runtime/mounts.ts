/** What a container sees mounted: its root, /proc, /sys, /dev, the pod's files and its volumes. Models runc's mounts of an OCI bundle */

import { Directory, type Inode, RegularFile, Symlink } from '../../../os/inode.ts';
import type { Machine } from '../../../os/machine.ts';
import { devices } from '../../../os/rootfs.ts';
import { type MountEntry, MountTable } from '../../../os/vfs.ts';
import { directoryIn } from './rootfs.ts';
import type { Mount, Sandbox } from './types.ts';

const entry = (source: string, path: string, type: string, options: string): MountEntry => ({ source, path, type, options });

const BASE: readonly MountEntry[] = [
  entry('overlay', '/', 'overlay', 'rw,relatime'),
  entry('proc', '/proc', 'proc', 'rw,nosuid,nodev,noexec,relatime'),
  entry('tmpfs', '/dev', 'tmpfs', 'rw,nosuid,size=65536k,mode=755'),
  entry('devpts', '/dev/pts', 'devpts', 'rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666'),
  entry('sysfs', '/sys', 'sysfs', 'ro,nosuid,nodev,noexec,relatime'),
  entry('shm', '/dev/shm', 'tmpfs', 'rw,relatime,size=65536k'),
];

/** A file tree of its own whose root is `root`, with the kernel's file systems in it. */
export function emptyMounts(machine: Machine, root: Directory, sandbox: Sandbox): MountTable {
  const { init, fs } = machine;
  const table = new MountTable();
  table.entries = BASE;
  table.over.set(fs.root, root);
  for (const name of ['proc', 'sys']) {
    const real = fs.root.lookup(name, init);
    if (real) table.over.set(directoryIn(root, `/${name}`, init), real);
  }
  table.over.set(directoryIn(root, '/dev', init), new Directory((d) => devices(machine, d, sandbox.shm)));
  return table;
}

/** Puts `node` over `path`, which is made when the image does not have it. */
export function mountAt(
  table: MountTable,
  machine: Machine,
  root: Directory,
  path: string,
  node: Inode,
  what: Omit<MountEntry, 'path'>,
): void {
  const { init } = machine;
  const slash = path.lastIndexOf('/');
  const parent = through(table, machine, root, path.slice(0, slash));
  const name = path.slice(slash + 1);
  let point = parent.lookup(name, init);
  if (!point || (point.kind === 'dir') !== (node.kind === 'dir')) {
    point = node.kind === 'dir' ? new Directory() : new RegularFile();
    parent.link(name, point);
  }
  table.over.set(table.at(point), node);
  table.entries = [...table.entries, { ...what, path }];
}

/** The directory at `path` as the container sees it, so that a volume below another one lands in that. */
function through(table: MountTable, machine: Machine, root: Directory, path: string): Directory {
  const { init } = machine;
  let dir = root;
  const todo = path.split('/').reverse();
  for (let steps = 0; todo.length > 0 && steps < 200; steps++) {
    const part = todo.pop() as string;
    if (part === '' || part === '.') continue;
    const found = dir.lookup(part, init);
    if (found instanceof Symlink) {
      const target = found.target(init);
      if (target.startsWith('/')) dir = root;
      todo.push(...target.split('/').reverse());
      continue;
    }
    let next = found ? table.at(found) : undefined;
    if (!(next instanceof Directory)) {
      next = new Directory();
      dir.link(part, next);
    }
    dir = next as Directory;
  }
  return dir;
}

export function containerMounts(machine: Machine, root: Directory, sandbox: Sandbox, mounts: readonly Mount[]): MountTable {
  const table = emptyMounts(machine, root, sandbox);
  const disk = { source: '/dev/vda1', type: 'ext4', options: 'rw,relatime' };
  mountAt(table, machine, root, '/etc/hostname', sandbox.hostname, disk);
  mountAt(table, machine, root, '/etc/resolv.conf', sandbox.resolvConf, disk);
  for (const m of [...mounts].sort((a, b) => a.containerPath.length - b.containerPath.length)) {
    const type = m.type ?? 'ext4';
    const options = `${m.readonly ? 'ro' : 'rw'},relatime`;
    mountAt(table, machine, root, m.containerPath.replace(/\/+$/, ''), m.node, {
      source: type === 'tmpfs' ? 'tmpfs' : '/dev/vda1',
      type,
      options,
    });
    if (m.readonly) table.readonly.add(m.node);
  }
  return table;
}
