/** The processes of a container host: containerd, pause, busybox. */

import { SocketInode } from '../../../os/inode.ts';
import type { Process } from '../../../os/process.ts';
import type { Command, Task } from '../../../os/program.ts';
import { WaitQueue } from '../../../sim/wait.ts';
import { APPLETS } from './rootfs.ts';
import { RUNTIME_VERSION, runtimeOf, SOCKET } from './runtime.ts';

const FOLDER = SOCKET.slice(0, SOCKET.lastIndexOf('/'));

/** Waits for signals for ever. */
function* forever(): Task<never> {
  const never = new WaitQueue();
  for (;;) yield { on: [never] };
}

export const containerd: Command = {
  name: 'containerd',
  path: '/usr/bin/containerd',
  *main(p) {
    if (p.argv[1] === '--version' || p.argv[1] === '-v') {
      yield* p.out(`containerd github.com/containerd/containerd/v2 v${RUNTIME_VERSION} 75cb2b7193e4e490e9fbdc236c0e811ccaba3376\n`);
      return 0;
    }
    const runtime = runtimeOf(p.machine);
    if (runtime.daemon) {
      yield* p.err(
        `containerd: failed to get listener for main ttrpc endpoint: listen unix ${SOCKET}.ttrpc: bind: address already in use\n`,
      );
      return 1;
    }
    runtime.daemon = p;
    const folder = p.machine.directory(FOLDER);
    folder.link('containerd.sock', new SocketInode(null));
    try {
      yield* p.err(`level=info msg="containerd successfully booted in 0.0${20 + p.sim.rng('containerd/time').below(30)}s"\n`);
      return yield* forever();
    } finally {
      runtime.daemon = null;
      folder.unlink('containerd.sock');
    }
  },
};

export const pause: Command = {
  name: 'pause',
  path: '/usr/local/bin/pause',
  hidden: true,
  *main(p) {
    const over = new WaitQueue();
    let ended = false;
    for (const s of ['INT', 'TERM'] as const)
      p.onSignal(s, () => {
        ended = true;
        over.wakeAll();
      });
    while (!ended) yield { on: [over] };
    return 0;
  },
};

/** One program with many names: it does what its name says. */
export const busybox: Command = {
  name: 'busybox',
  path: '/usr/local/bin/busybox',
  hidden: true,
  *main(p: Process) {
    let name = p.name.replace(/^-/, '');
    if (name === 'busybox') {
      p.argv.shift();
      if (p.argv.length === 0 || p.argv[0] === '--help') {
        yield* p.out(
          `BusyBox v1.37.0 (2024-12-15 12:00:00 UTC) multi-call binary.\nBusyBox is copyrighted by many authors between 1998-2015.\nLicensed under GPLv2. See source distribution for detailed\ncopyright notices.\n\nUsage: busybox [function [arguments]...]\n   or: busybox --list[-full]\n\nCurrently defined functions:\n\t${APPLETS.join(', ')}\n`,
        );
        return 0;
      }
      if (p.argv[0] === '--list') {
        yield* p.out(APPLETS.map((a) => `${a}\n`).join(''));
        return 0;
      }
      name = p.name;
    }
    const command = APPLETS.includes(name)
      ? p.machine.commands.get(name === 'sh' || name === 'ash' ? 'bash' : name === 'ping6' ? 'ping' : name)
      : undefined;
    if (!command) {
      yield* p.err(`${name}: applet not found\n`);
      return 127;
    }
    return yield* command.main(p);
  },
};
