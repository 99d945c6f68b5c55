/** The reference cluster's own shell scripts on an emulated machine. Their Python helpers are stood in for, by name; other Python is refused. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commands } from '../../bin/index.ts';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { type RunResult, runCommand } from '../../os/run.ts';
import { SEC, Sim } from '../../sim/sim.ts';
import { REFERENCE_JUMPS, type ReferenceService, referenceRules } from './rules.ts';
import { hold, httpServer, slowClient, udpClient, udpServer } from './servers.ts';

const SCRIPTS: Record<string, (p: Process, args: readonly string[]) => Task<number>> = {
  'srv.py': httpServer,
  'hold.py': hold,
  'udps.py': udpServer,
  'udpc.py': udpClient,
  'slow.py': slowClient,
  'kp.py': rules,
};

function* rules(p: Process, [file = '', node = '']: readonly string[]): Task<number> {
  if (file === 'jumps') {
    yield* p.out(REFERENCE_JUMPS);
    return 0;
  }
  const text = p.readText(file);
  if (text === null) {
    yield* p.err(`FileNotFoundError: [Errno 2] No such file or directory: '${file}'\n`);
    return 1;
  }
  yield* p.out(referenceRules(JSON.parse(text) as ReferenceService[], node));
  return 0;
}

const python: Command = {
  name: 'python3',
  *main(p) {
    const script = SCRIPTS[(p.argv[1] ?? '').replace(/.*\//, '')];
    if (script) return yield* script(p, p.argv.slice(2));
    yield* p.err(`python3: ${p.argv[1] ?? ''}: not emulated\n`);
    return 1;
  },
};

/** A machine with the scripts of `folder` in /root/reference. */
function referenceMachine(folder: string, seed = 1): Machine {
  const kernel = new Kernel(new Sim(seed), 'host');
  kernel.init.lo.setUp();
  const machine = new Machine(kernel, [...commands, python]);
  runCommand(machine, ['mkdir', '-p', '/root/reference']);
  for (const name of readdirSync(folder))
    if (/\.(sh|py)$/.test(name)) runCommand(machine, ['tee', `/root/reference/${name}`], { stdin: readFileSync(join(folder, name)) });
  return machine;
}

/** What go.sh does with a scenario, without the mount and PID namespaces that keep it off a real host. Building takes a real one 2 s longer. */
export function runReference(folder: string, scenario: string, seed = 1): RunResult {
  const script = `cd /root/reference && source ./up.sh >/run/up.log 2>&1 || true; sleep 2; exec 2>&1; source ${scenario}`;
  return runCommand(referenceMachine(folder, seed), ['unshare', '-n', 'bash', '-c', script], {
    limits: { micros: 900 * SEC, steps: 50_000_000 },
  });
}
