/** mount and umount: tmpfs and bind mounts of the process's mount namespace, and the table. Models util-linux 2.38 */

import type { Process, Task } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { type Errno, strerror } from '../../sim/errno.ts';
import { specs } from '../getopt.ts';
import { options } from '../text.ts';

const SPECS = specs(
  't:types o:options B.bind R.rbind w.rw n.no-mtab v.verbose a.all f.fake .make-shared .make-slave .make-private .make-unbindable .make-rshared .make-rslave .make-rprivate .make-runbindable',
);

export const mount: Command = {
  name: 'mount',
  *main(p) {
    const o = yield* options(p, {
      specs: SPECS,
      help: 'Usage:\n mount [-lhV]\n mount -a [options]\n mount [options] [--source] <source> | [--target] <directory>\n mount [options] <source> <directory>\n mount <operation> <mountpoint> [<target>]\n',
    });
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    const type = on.get('types');
    if (o.operands.length === 0 && !on.has('all')) {
      for (const e of p.mnt.entries)
        if (type === undefined || type.split(',').includes(e.type))
          yield* p.out(`${e.source} on ${e.path} type ${e.type} (${e.options})\n`);
      return 0;
    }
    const propagation = [...on.keys()].find((k) => k.startsWith('make-'));
    if (propagation !== undefined && o.operands.length === 1) {
      const r = p.stat(o.operands[0] as string);
      return r.ok ? 0 : yield* refused(p, o.operands[0] as string, r.errno);
    }
    const [source, target] = o.operands;
    if (source === undefined || target === undefined || o.operands.length > 2) {
      yield* p.err(
        source === undefined
          ? "mount: bad usage\nTry 'mount --help' for more information.\n"
          : `mount: ${source}: can't find in /etc/fstab.\n`,
      );
      return 1;
    }
    const bind = on.has('bind') || on.has('rbind') || (on.get('options') ?? '').split(',').some((w) => w === 'bind' || w === 'rbind');
    if (!bind && type === undefined) {
      yield* p.err(
        `mount: ${target}: ${p.stat(source).ok ? 'only tmpfs and bind mounts are emulated' : `special device ${source} does not exist`}.\n`,
      );
      return 32;
    }
    if (!bind && type !== 'tmpfs') {
      yield* p.err(
        /^(proc|sysfs|ext4|cgroup2?|overlay|nfs|bpf|devpts|mqueue)$/.test(type as string)
          ? `mount: ${target}: ${type} is not emulated, only tmpfs and bind mounts are.\n`
          : `mount: ${target}: unknown filesystem type '${type}'.\n`,
      );
      return 32;
    }
    if (on.has('fake')) return 0;
    const r = p.mount(
      source,
      target,
      bind ? 'none' : 'tmpfs',
      bind ? 'rw,relatime' : ['rw,relatime', on.get('options')].filter(Boolean).join(','),
      bind,
    );
    if (r.ok && on.has('verbose')) yield* p.out(`mount: ${source} ${bind ? 'bound' : 'mounted'} on ${target}.\n`);
    return r.ok ? 0 : yield* refused(p, target, r.errno);
  },
};

function* refused(p: Process, target: string, errno: Errno): Task<number> {
  yield* p.err(
    errno === 'ENOENT'
      ? `mount: ${target}: mount point does not exist.\n`
      : errno === 'EPERM'
        ? `mount: ${target}: must be superuser to use mount.\n`
        : errno === 'ENOTDIR'
          ? `mount: ${target}: mount point is not a directory.\n`
          : `mount: ${target}: ${strerror(errno)}.\n`,
  );
  return errno === 'EPERM' ? 1 : 32;
}

export const umount: Command = {
  name: 'umount',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('f.force l.lazy n.no-mtab v.verbose q.quiet'),
      help: 'Usage:\n umount [-hV]\n umount -a [options]\n umount [options] <source> | <directory>\n',
    });
    if (typeof o === 'number') return o;
    const on = new Set(o.options.map(([k]) => k));
    if (o.operands.length === 0) {
      yield* p.err("umount: bad usage\nTry 'umount --help' for more information.\n");
      return 1;
    }
    let status = 0;
    for (const path of o.operands) {
      const r = p.umount(path);
      if (r.ok) {
        if (on.has('verbose')) yield* p.out(`umount: ${path} unmounted\n`);
        continue;
      }
      status = r.errno === 'EPERM' ? 1 : 32;
      if (on.has('quiet') && r.errno === 'EINVAL') continue;
      yield* p.err(
        `umount: ${path}: ${r.errno === 'EINVAL' ? 'not mounted' : r.errno === 'ENOENT' ? 'no mount point specified' : r.errno === 'EPERM' ? 'must be superuser to unmount' : strerror(r.errno)}.\n`,
      );
    }
    return status;
  },
};
