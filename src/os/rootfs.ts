/** The file tree of a fresh machine: /etc, /dev, /proc, /sys, /run and the usual directories. */

import { fail, ok } from '../sim/errno.ts';
import { fullDevice, nullDevice, randomDevice, zeroDevice } from './chardev.ts';
import { etcFiles } from './etc.ts';
import { CharDevice, Directory, type Inode, ProcDir, ProcFile, Symlink } from './inode.ts';
import type { Machine } from './machine.ts';
import { procRoot } from './procfs.ts';
import { sysRoot } from './sysroot.ts';

const EMPTY = [
  '/boot',
  '/home',
  '/media',
  '/mnt',
  '/opt',
  '/srv',
  '/usr/bin',
  '/usr/lib',
  '/usr/local/bin',
  '/usr/local/sbin',
  '/usr/sbin',
  '/usr/share',
  '/var/cache',
  '/var/lib',
  '/var/log',
  '/var/www/html',
];

export function buildRoot(m: Machine): void {
  const { root } = m.fs;
  for (const path of EMPTY) m.directory(path);
  for (const name of ['bin', 'sbin', 'lib']) root.link(name, new Symlink(`usr/${name}`));
  root.link('etc', new Directory((d) => etcFiles(d, m.hostname)));
  root.link('root', new Directory(undefined, 0o700));
  root.link('tmp', new Directory(undefined, 0o1777));
  root.link('dev', new Directory((d) => devices(m, d)));
  root.link('proc', procRoot(m));
  root.link('sys', sysRoot());
  const run = new Directory();
  root.link('run', run);
  run.link('netns', netnsDirectory(m));
  m.directory('/var').link('run', new Symlink('/run'));
  m.directory('/var').link('tmp', new Directory(undefined, 0o1777));
}

/** Fills a /dev; `shm` is what lies at /dev/shm. */
export function devices(m: Machine, dev: Directory, shm = new Directory(undefined, 0o1777)): void {
  const add = (name: string, node: Inode): void => void dev.link(name, node);
  add('null', new CharDevice(1, 3, () => ok(nullDevice())));
  add('zero', new CharDevice(1, 5, () => ok(zeroDevice())));
  add('full', new CharDevice(1, 7, () => ok(fullDevice())));
  add('random', new CharDevice(1, 8, () => ok(randomDevice(m.sim))));
  add('urandom', new CharDevice(1, 9, () => ok(randomDevice(m.sim))));
  add('tty', new CharDevice(5, 0, (p) => (p.tty ? ok(p.tty.endpoint()) : fail('ENXIO'))));
  add('fd', new Symlink('/proc/self/fd'));
  add('stdin', new Symlink('/proc/self/fd/0'));
  add('stdout', new Symlink('/proc/self/fd/1'));
  add('stderr', new Symlink('/proc/self/fd/2'));
  add('shm', shm);
  add(
    'pts',
    new ProcDir(
      () => [...m.terminals.keys()].map(String),
      (name) => {
        const tty = /^\d+$/.test(name) ? m.terminals.get(Number(name)) : undefined;
        return tty ? new CharDevice(136, Number(name), () => ok(tty.endpoint())) : undefined;
      },
    ),
  );
}

/** Each name is a file that holds its namespace open (ip-netns(8)); they are made by `ip netns add`. */
export function netnsDirectory(m: Machine): Directory {
  return new ProcDir(
    () => m.kernel.named.keys(),
    (name) => (m.kernel.named.has(name) ? new ProcFile(() => '') : undefined),
  );
}
