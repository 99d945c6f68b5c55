/** unshare: runs a program in new namespaces. Models util-linux 2.38; network and UTS namespaces, others are accepted where they change nothing */

import { newIpcNamespace } from '../../os/ipc.ts';
import type { Command } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { USAGE } from './usage.ts';

const OPTIONS: Readonly<Record<string, string>> = {
  n: 'net',
  u: 'uts',
  m: 'mount',
  i: 'ipc',
  C: 'cgroup',
  p: 'pid',
  U: 'user',
  f: 'fork',
  r: 'map-root-user',
};
/** The others of these change nothing here: root stays root in a user namespace. */
const EMULATED = new Set(['net', 'uts', 'mount', 'ipc', 'cgroup', 'fork', 'user', 'map-root-user']);

export const unshare: Command = {
  name: 'unshare',
  *main(p) {
    const args = p.argv.slice(1);
    const wanted = new Set<string>();
    let netFile: string | null = null;
    while (args[0]?.startsWith('-')) {
      const a = args.shift() as string;
      if (a === '--') break;
      if (a === '-h' || a === '--help') {
        yield* p.out(USAGE);
        return 0;
      }
      if (a === '-V' || a === '--version') {
        yield* p.out('unshare from util-linux 2.38.1\n');
        return 0;
      }
      const file = /^--net=(.*)$/s.exec(a)?.[1];
      if (file !== undefined) netFile = file;
      const names = file !== undefined ? ['net'] : a.startsWith('--') ? [a.slice(2)] : [...a.slice(1)].map((c) => OPTIONS[c] ?? `-${c}`);
      for (const name of names) {
        if (!Object.values(OPTIONS).includes(name)) {
          yield* p.err(
            `unshare: ${a.startsWith('--') ? `unrecognized option '${a}'` : `invalid option -- '${name.slice(1)}'`}\nTry 'unshare --help' for more information.\n`,
          );
          return 1;
        }
        if (!EMULATED.has(name)) {
          yield* p.err(`unshare: --${name}: this kind of namespace is not emulated\n`);
          return 1;
        }
        wanted.add(name);
      }
    }
    if (p.uid !== 0) {
      yield* p.err('unshare: unshare failed: Operation not permitted\n');
      return 1;
    }
    if (wanted.has('net')) p.ns = p.kernel.newNetns();
    if (netFile !== null) {
      const name = /^(?:\/var)?\/run\/netns\/([^/]+)$/.exec(netFile)?.[1];
      if (!p.stat(netFile).ok) {
        yield* p.err(`unshare: mount /proc/${p.pid}/ns/net on ${netFile} failed: No such file or directory\n`);
        return 1;
      }
      if (name === undefined) {
        yield* p.err('unshare: a namespace kept by a file outside /run/netns is not emulated\n');
        return 1;
      }
      p.kernel.named.set(name, p.ns);
    }
    if (wanted.has('uts')) p.uts = { hostname: p.uts.hostname };
    if (wanted.has('ipc')) p.ipcns = newIpcNamespace(p.machine);
    if (wanted.has('mount')) p.mnt = p.mnt.copy();
    const argv = args.length > 0 ? args : [p.env.get('SHELL') ?? '/bin/sh'];
    const found = p.canRun(argv, p.env);
    if (!found.ok) {
      yield* p.err(`unshare: failed to execute ${argv[0]}: ${strerror(found.errno)}\n`);
      return found.errno === 'ENOENT' ? 127 : 126;
    }
    return yield* p.exec(argv);
  },
};
