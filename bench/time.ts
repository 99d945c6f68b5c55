/**
 * `npm run bench:time [-- --commands N] [--labs ID,ID] [--cpu]`: how long the way back to a command of a long session takes, right after
 * typing and after spare worlds have grown, with what those hold of memory. The same code runs in the page's worker.
 */

import { parseArgs } from 'node:util';
import { loadLab } from '../src/cli/labs.ts';
import { Past } from '../src/host/past.ts';
import { instantiate } from '../src/lab/parameters.ts';
import { createSession } from '../src/lab/session.ts';
import { loadWorld } from '../src/lab/world.ts';
import { MS, SEC } from '../src/sim/sim.ts';

const { values } = parseArgs({
  options: {
    commands: { type: 'string', default: '200' },
    samples: { type: 'string', default: '20' },
    /** Time of the processor, not of the wall: for a machine that has other work. */
    cpu: { type: 'boolean', default: false },
    labs: { type: 'string', default: 'wire-a-pod-by-hand,endpoints-none' },
  },
});

const ON_NODE = [
  'ip addr',
  'ip route',
  'bridge fdb show',
  'iptables-save | wc -l',
  'ping -c 1 -W 1 10.244.1.1',
  'ls -l /etc',
  'ip neigh',
  'cd /tmp',
];
const ON_CLUSTER = [
  'kubectl get pods -A',
  'kubectl get svc -o wide',
  'ip route',
  'kubectl describe svc kubernetes',
  'kubectl get endpointslices -o yaml',
  'iptables-save | wc -l',
  'kubectl get nodes',
  'curl -sk -m 2 https://10.96.0.1/version',
];
/** Between two commands the learner reads. */
const READING = 5 * SEC;

const now = (): number => {
  if (!values.cpu) return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const memory = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 1e6;
};

console.log(`${'back to a command, ms'.padEnd(44)}${['median', '95 %', 'worst', 'last'].map((h) => h.padStart(9)).join('')}`);
const row = (name: string, times: readonly number[]): void => {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  console.log(name.padEnd(44) + [at(0.5), at(0.95), at(1), times.at(-1) ?? Number.NaN].map((n) => n.toFixed(1).padStart(9)).join(''));
};

for (const id of values.labs.split(',')) {
  const source = loadLab(id);
  await loadWorld(source);
  const lab = instantiate(source, 1);
  let turns: (() => void)[] = [];
  const later = (_ms: number, run: () => void) => {
    turns.push(run);
    return () => {
      turns = turns.filter((t) => t !== run);
    };
  };
  /** A clock that never has to be waited for. */
  let ahead = 0;
  const env = { now: () => now() + ahead, later };
  const before = memory();
  const session = createSession({ lab: source, seed: 1 });
  const past = Past.of(session, {
    lab,
    env,
    idle: () => true,
    failed: (error) => {
      throw error;
    },
  });
  const host = lab.hosts[0] ?? session.info.hosts[0]?.id ?? '';
  const terminal = session.openTerminal(host, { cols: 100, rows: 30, onData: () => undefined });
  const commands = lab.world === 'w1' ? ON_NODE : ON_CLUSTER;
  let prompts = 0;
  session.onCommandDone(() => prompts++);
  session.run(session.now + SEC, () => true);
  for (let i = 0; i < Number(values.commands); i++) {
    const seen = prompts;
    const start = now();
    for (const key of `${commands[i % commands.length]}\r`) terminal.write(key);
    for (let n = 0; n < 400 && prompts === seen; n++) session.run(session.now + 50 * MS, () => true);
    session.run(session.now + READING, () => true);
    past.worked(now() - start);
  }
  const rest = (): void => {
    ahead += 10_000;
    past.touch();
    ahead += 10_000;
    for (let turn = turns.shift(); turn; turn = turns.shift()) turn();
  };
  const count = past.timeline.length;
  const alone = memory();
  const step = Math.max(1, Math.floor(count / Number(values.samples)));
  const go = (moment: number): number => {
    const start = now();
    past.travel({ to: 'before', moment, keep: true });
    return now() - start;
  };
  const bare: number[] = [];
  for (let i = 0; i < count; i += step) {
    (past as unknown as { spares: unknown[] }).spares = [];
    bare.push(go(i));
  }
  past.travel({ to: 'end' });
  row(`${id}, no spare world`, bare);
  rest();
  const held = memory();
  const times: number[] = [];
  for (let i = step - 1; i < count; i += step) {
    rest();
    times.push(go(i));
  }
  row(`${id}, spare worlds grown`, times);
  console.log(
    `  ${count} commands, ${Math.round(session.now / SEC)} s of the world; MB: session ${(alone - before).toFixed(0)}, spares ${(held - alone).toFixed(0)}`,
  );
  past.close();
}
