/** /proc: processes, /proc/sys over the namespace's sysctls, /proc/net. Models fs/proc and net/sysctl_net.c */

import { flushCache } from '../net/ip/route.ts';
import { fail, ok } from '../sim/errno.ts';
import { type Directory, type Inode, MagicLink, ProcDir, ProcFile, Symlink } from './inode.ts';
import { IPC_SYSCTLS, ipcSysctl, sysvipcDir } from './ipc.ts';
import type { Machine } from './machine.ts';
import { pidAsSeen, processByPid, processesSeen } from './pidns.ts';
import type { Process } from './process.ts';

/** A directory with fixed names. */
export function fixedDir(entries: Record<string, Inode>): Directory {
  return new ProcDir(
    () => Object.keys(entries),
    (name) => (Object.hasOwn(entries, name) ? entries[name] : undefined),
  );
}

let procNet: (target: Process) => Directory = () =>
  new ProcDir(
    () => [],
    () => undefined,
  );

/** procnet.ts brings /proc/net when it is loaded, which is with the programs: no set-up reads it. */
export function provideProcNet(make: (target: Process) => Directory): void {
  procNet = make;
}

export function procRoot(m: Machine): Directory {
  const fixed: Record<string, Inode> = {
    cmdline: new ProcFile(() => 'BOOT_IMAGE=/boot/vmlinuz root=/dev/vda1 ro quiet\n'),
    filesystems: new ProcFile(() => 'nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\n\text4\n'),
    loadavg: new ProcFile((p) => `0.00 0.00 0.00 1/${m.processes.size} ${p.getpid()}\n`),
    meminfo: new ProcFile(() => 'MemTotal:        2014048 kB\nMemFree:         1611236 kB\nMemAvailable:    1732912 kB\n'),
    mounts: new Symlink('self/mounts'),
    net: new Symlink('self/net'),
    self: new Symlink((p) => String(p.getpid())),
    'thread-self': new Symlink((p) => `${p.getpid()}/task/${p.getpid()}`),
    sys: sysctlDir(''),
    sysvipc: sysvipcDir(),
    uptime: new ProcFile(() => `${(m.sim.now / 1e6 + 100).toFixed(2)} ${(m.sim.now / 1e6 + 90).toFixed(2)}\n`),
    version: new ProcFile(() => 'Linux version 6.18.44 (build@hopwise) #1 SMP PREEMPT_DYNAMIC\n'),
  };
  return new ProcDir(
    (p) => [...processesSeen(p).map((q) => String(p.pidOf(q))), ...Object.keys(fixed)],
    (name, p) => {
      if (/^\d+$/.test(name)) {
        const target = processByPid(p, Number(name));
        return target ? processDir(target) : undefined;
      }
      return Object.hasOwn(fixed, name) ? fixed[name] : undefined;
    },
  );
}

/** /proc/sys/a/b is the sysctl a.b; dots inside a device's name stay dots in the path. */
function sysctlDir(prefix: string): Directory {
  const children = (p: Process): string[] => {
    const names = new Set(p.ns.sysctl.entries(prefix));
    if (/^net\/ipv[46]\/route\/$/.test(prefix)) names.add('flush');
    if (/^net\/ipv6\/conf\/./.test(prefix)) names.add('stable_secret');
    if (prefix === '') for (const name of OWN_DIRECTORIES) names.add(name);
    if (prefix === 'fs/') names.add('file-max');
    if (prefix === 'vm/') names.add('swappiness');
    if (prefix === 'kernel/') for (const name of KERNEL_NAMES) names.add(name);
    return [...names].sort();
  };
  return new ProcDir(children, (name, p) => {
    const path = `${prefix}${name}`;
    const own = kernelEntry(path);
    if (own) return own;
    const special = specialKey(path, p);
    if (special) return special;
    if (p.ns.sysctl.get(path) !== undefined) {
      const read = (q: Process): string => `${q.ns.sysctl.get(path) ?? ''}\n`;
      if (!p.ns.sysctl.writable(path)) return new ProcFile(read);
      const file = new ProcFile(read, (text, q) => (q.uid === 0 ? q.ns.sysctl.set(path, text.replace(/\n+$/, '')) : fail('EACCES')));
      if (name === 'tcp_fastopen_key') file.mode = 0o600;
      return file;
    }
    const known = p.ns.sysctl.hasDirectory(path) || (prefix === '' && OWN_DIRECTORIES.includes(name));
    return known ? sysctlDir(`${path}/`) : undefined;
  });
}

/** Keys that are not plain values: a secret that nobody has set, and the switch that forgets learned routes. */
function specialKey(path: string, p: Process): Inode | undefined {
  const flush = /^net\/ipv([46])\/route\/flush$/.exec(path);
  if (flush) {
    const file = new ProcFile(
      () => fail('EACCES'),
      (_text, q) => {
        flushCache(q.ns, flush[1] === '4' ? 4 : 6);
        return ok();
      },
    );
    file.mode = 0o200;
    return file;
  }
  const conf = /^(net\/ipv6\/conf\/.+)\/stable_secret$/.exec(path);
  if (conf && p.ns.sysctl.get(`${conf[1]}/hop_limit`) !== undefined) {
    const file = new ProcFile(
      () => fail('EIO'),
      () => fail('EIO'),
    );
    file.mode = 0o600;
    return file;
  }
  return undefined;
}

const OWN_DIRECTORIES = ['kernel', 'fs', 'vm'];
const KERNEL_NAMES = ['hostname', 'osrelease', 'ostype', 'pid_max', 'random', 'version', ...IPC_SYSCTLS];

function kernelEntry(path: string): Inode | undefined {
  switch (path) {
    case 'kernel':
    case 'kernel/random':
      return path === 'kernel'
        ? sysctlDir('kernel/')
        : fixedDir({ boot_id: new ProcFile(() => '5b0a4a4e-6b2e-4a57-9d0e-5f6d1c2b3a49\n'), uuid: new ProcFile(uuid) });
    case 'kernel/hostname':
      return new ProcFile(
        (p) => `${p.uts.hostname}\n`,
        (text, p) => {
          if (p.uid !== 0) return fail('EPERM');
          p.uts.hostname = text.trim();
          return ok();
        },
      );
    case 'fs/file-max':
      return new ProcFile(() => '9223372036854775807\n');
    case 'vm/swappiness':
      return new ProcFile(() => '60\n');
    case 'kernel/osrelease':
      return new ProcFile(() => '6.18.44\n');
    case 'kernel/ostype':
      return new ProcFile(() => 'Linux\n');
    case 'kernel/version':
      return new ProcFile(() => '#1 SMP PREEMPT_DYNAMIC\n');
    case 'kernel/pid_max':
      return new ProcFile(() => '4194304\n');
  }
  const limit = path.startsWith('kernel/') ? ipcSysctl(path.slice('kernel/'.length)) : undefined;
  return limit === undefined ? undefined : new ProcFile(() => `${limit}\n`);
}

function uuid(p: Process): string {
  const rng = p.sim.rng('uuid');
  const hex = [0, 1, 2, 3].map(() => rng.u32().toString(16).padStart(8, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}\n`;
}

const STATES: Record<Process['state'], string> = {
  ready: 'R (running)',
  waiting: 'S (sleeping)',
  stopped: 'T (stopped)',
  dead: 'Z (zombie)',
};

/** The machine's own mount and UTS namespaces; those of containers are numbered as they are first asked for. */
const FIRST = { mnt: 4026531841, uts: 4026531838 };
const numbers = new WeakMap<object, number>();

function namespaceNumber(p: Process, kind: 'mnt' | 'uts'): number {
  const { machine } = p;
  if (p[kind] === (kind === 'mnt' ? machine.mounts : machine.uts)) return FIRST[kind];
  const known = numbers.get(p[kind]) ?? FIRST[kind] + 3000 + machine.sim.serial(`${kind}ns/${machine.kernel.hostname}`);
  numbers.set(p[kind], known);
  return known;
}

function processDir(target: Process): Directory {
  const state = (p: Process): string => (p === target ? STATES.ready : STATES[target.state]);
  return fixedDir({
    cmdline: new ProcFile(() => target.argv.map((a) => `${a}\0`).join('')),
    comm: new ProcFile(() => `${target.name.slice(0, 15)}\n`),
    cwd: new Symlink(() => target.cwd),
    environ: new ProcFile(() => [...target.env].map(([k, v]) => `${k}=${v}\0`).join('')),
    exe: new Symlink(() => target.exe),
    fd: fdDir(target),
    mounts: new ProcFile(() => target.mnt.entries.map((e) => `${e.source} ${e.path} ${e.type} ${e.options} 0 0\n`).join('')),
    net: procNet(target),
    ns: fixedDir({
      cgroup: new Symlink('cgroup:[4026531835]'),
      ipc: new Symlink(() => `ipc:[${target.ipcns.inode}]`),
      mnt: new Symlink(() => `mnt:[${namespaceNumber(target, 'mnt')}]`),
      net: new Symlink(() => `net:[${target.ns.inode}]`),
      pid: new Symlink(`pid:[${target.pidns?.inode ?? 4026531836}]`),
      pid_for_children: new Symlink(`pid:[${target.pidns?.inode ?? 4026531836}]`),
      time: new Symlink('time:[4026531834]'),
      time_for_children: new Symlink('time:[4026531834]'),
      user: new Symlink('user:[4026531837]'),
      uts: new Symlink(() => `uts:[${namespaceNumber(target, 'uts')}]`),
    }),
    root: new Symlink('/'),
    stat: new ProcFile(
      (p) =>
        `${p.pidOf(target)} (${target.name.slice(0, 15)}) ${state(p)[0]} ${ppid(p, target)} ${group(p, target.pgid)} ${group(p, target.sid)} 0 -1 4194304 0 0 0 0 ${Math.floor(target.cpuTime / 10000)} 0 0 0 20 0 1 0 ${Math.floor(target.startTime / 10000)} 0 0\n`,
    ),
    status: new ProcFile(
      (p) =>
        `Name:\t${target.name.slice(0, 15)}\nUmask:\t${target.umask.toString(8).padStart(4, '0')}\nState:\t${state(p)}\nTgid:\t${p.pidOf(target)}\nPid:\t${p.pidOf(target)}\nPPid:\t${ppid(p, target)}\nUid:\t${[0, 0, 0, 0].map(() => target.uid).join('\t')}\nGid:\t${[0, 0, 0, 0].map(() => target.gid).join('\t')}\n`,
    ),
  });
}

function ppid(p: Process, target: Process): number {
  return target.parent ? pidAsSeen(p, target.parent) : 0;
}

/** A process group's or session's number as `p` sees it. */
function group(p: Process, id: number): number {
  const leader = p.machine.processes.get(id);
  return leader ? pidAsSeen(p, leader) : p.pidns ? 0 : id;
}

/** Opening /proc/PID/fd/N opens the same description again; terminals, pipes and devices are shared. */
function fdDir(target: Process): Directory {
  return new ProcDir(
    () => [...target.fds.keys()].sort((a, b) => a - b).map(String),
    (name) => {
      const file = /^\d+$/.test(name) ? target.fds.get(Number(name)) : undefined;
      return file ? new MagicLink(file) : undefined;
    },
  );
}
