/** nsenter: runs a program in the namespaces of another process. Models util-linux 2.38, network and mount views only */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import type { Netns } from '../../os/uapi.ts';
import { findNetns } from '../ip/lib/netns.ts';

const SHORT = "Try 'nsenter --help' for more information.\n";
const USAGE = `
Usage:
 nsenter [options] [<program> [<argument>...]]

Run a program with namespaces of other processes.

Options:
 -a, --all              enter all namespaces
 -t, --target <pid>     target process to get namespaces from
 -m, --mount[=<file>]   enter mount namespace
 -u, --uts[=<file>]     enter UTS namespace (hostname etc)
 -i, --ipc[=<file>]     enter System V IPC namespace
 -n, --net[=<file>]     enter network namespace
 -p, --pid[=<file>]     enter pid namespace
 -C, --cgroup[=<file>]  enter cgroup namespace
 -U, --user[=<file>]    enter user namespace
 -T, --time[=<file>]    enter time namespace
 -S, --setuid[=<uid>]   set uid in entered namespace
 -G, --setgid[=<gid>]   set gid in entered namespace
     --preserve-credentials do not touch uids or gids
 -r, --root[=<dir>]     set the root directory
 -w, --wd[=<dir>]       set the working directory
 -W, --wdns <dir>       set the working directory in namespace
 -F, --no-fork          do not fork before exec'ing <program>
 -Z, --follow-context   set SELinux context according to --target PID

 -h, --help             display this help
 -V, --version          display version

For more details see nsenter(1).
`;

interface Wanted {
  target: string | null;
  net: string | true | null;
  mount: boolean;
  uts: boolean;
  ipc: boolean;
  all: boolean;
  argv: readonly string[];
}

const LONG: Readonly<Record<string, string>> = {
  all: 'a',
  target: 't',
  mount: 'm',
  uts: 'u',
  ipc: 'i',
  net: 'n',
  pid: 'p',
  cgroup: 'C',
  user: 'U',
  time: 'T',
  setuid: 'S',
  setgid: 'G',
  root: 'r',
  wd: 'w',
  wdns: 'W',
  'no-fork': 'F',
  'follow-context': 'Z',
  help: 'h',
  version: 'V',
};

function parse(argv: readonly string[]): Wanted | { out?: string; err?: string; status: number } {
  const w: Wanted = { target: null, net: null, mount: false, uts: false, ipc: false, all: false, argv: [] };
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word === '--') return { ...w, argv: argv.slice(i + 1) };
    if (!word.startsWith('-') || word === '-') return { ...w, argv: argv.slice(i) };
    const [name, given] = word.startsWith('--') ? (word.slice(2).split('=') as [string, string?]) : [word[1] as string, undefined];
    const letters = word.startsWith('--') ? [LONG[name] ?? ''] : [...word.slice(1)];
    for (let k = 0; k < letters.length; k++) {
      const c = letters[k] as string;
      const glued = word.startsWith('--') ? given : word.slice(k + 2) || undefined;
      if (c === 'a') w.all = true;
      else if (c === 't') {
        w.target = glued ?? argv[++i] ?? null;
        if (w.target === null) return { err: `nsenter: option requires an argument -- 't'\n${SHORT}`, status: 1 };
        break;
      } else if (c === 'n') {
        const file = glued?.replace(/^=/, '');
        if (file?.includes('/')) {
          w.net = file;
          break;
        }
        w.net = given ?? true;
      } else if (c === 'm') w.mount = true;
      else if (c === 'u') w.uts = true;
      else if (c === 'i') w.ipc = true;
      else if (c === 'S' || c === 'G' || c === 'W') {
        if (glued === undefined) i++;
        break;
      } else if (c === 'h') return { out: USAGE, status: 0 };
      else if (c === 'V') return { out: 'nsenter from util-linux 2.38.1\n', status: 0 };
      else if (!'pCUTrwFZ'.includes(c) || c === '')
        return {
          err: word.startsWith('--') ? `nsenter: unrecognized option '${word}'\n${SHORT}` : `nsenter: invalid option -- '${c}'\n${SHORT}`,
          status: 1,
        };
    }
  }
  return w;
}

function namespaceOf(p: Process, w: Wanted): Netns | string {
  if (typeof w.net === 'string') {
    const why = p.stat(w.net).ok
      ? "reassociate to namespace 'ns/net' failed: Invalid argument"
      : `cannot open ${w.net}: No such file or directory`;
    return findNetns(p, w.net) ?? `nsenter: ${why}\n`;
  }
  if (w.target === null) return 'nsenter: neither filename nor target pid supplied for ns/net\n';
  const target = p.machine.processes.get(Number(w.target));
  return target ? target.ns : `nsenter: cannot open /proc/${w.target}/ns/net: No such file or directory\n`;
}

function* main(p: Process): Task<number> {
  const w = parse(p.argv.slice(1));
  if ('status' in w) {
    if (w.out) yield* p.out(w.out);
    if (w.err) yield* p.err(w.err);
    return w.status;
  }
  if (w.target !== null && !/^\d+$/.test(w.target)) {
    yield* p.err(`nsenter: failed to parse pid: '${w.target}'\n`);
    return 1;
  }
  let ns = p.ns;
  if (w.net !== null || w.all) {
    const found = namespaceOf(p, w);
    if (typeof found === 'string') {
      yield* p.err(found);
      return 1;
    }
    ns = found;
  }
  const target = w.target === null ? undefined : p.machine.processes.get(Number(w.target));
  if (w.target !== null && !target) {
    yield* p.err(`nsenter: cannot open /proc/${w.target}/ns/user: No such file or directory\n`);
    return 1;
  }
  const argv = w.argv.length > 0 ? w.argv : [p.env.get('SHELL') ?? '/bin/sh'];
  const child = p.spawn([...argv], {
    ns,
    mnt: target && (w.mount || w.all) ? target.mnt : p.mnt,
    uts: target && (w.uts || w.all) ? target.uts : p.uts,
    ipcns: target && (w.ipc || w.all) ? target.ipcns : p.ipcns,
  });
  if (!child.ok) {
    yield* p.err(`nsenter: failed to execute ${argv[0]}: No such file or directory\n`);
    return 127;
  }
  return yield* p.waitPid(child.value);
}

export const nsenter: Command = { name: 'nsenter', main };
