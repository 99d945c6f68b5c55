/** The command log: everything that came into a session from outside, with the exact place in the run; and its replay. */

import { startCommand } from '../os/run.ts';
import { SEC, type Sim } from '../sim/sim.ts';
import type { Baseline } from './check/kind.ts';
import { baselineOf } from './grade.ts';
import type { Lab } from './lab.ts';
import { type LoginTerminal, login } from './login.ts';
import { WORLDS, type World } from './world.ts';

/** Events run since the start and virtual µs: input came between that event and the next. */
interface At {
  readonly steps: number;
  readonly time: number;
}

export type LogEntry = At &
  (
    | { readonly op: 'open'; readonly term: number; readonly host: string; readonly cols: number; readonly rows: number }
    | { readonly op: 'input'; readonly term: number; readonly data: string }
    | { readonly op: 'resize'; readonly term: number; readonly cols: number; readonly rows: number }
    | { readonly op: 'close'; readonly term: number }
    /** A script run to its end by bash on a host, as `lab grade --script` does it. */
    | { readonly op: 'script'; readonly host: string; readonly script: string }
    /** The end: how far the run had come when the log was taken. */
    | { readonly op: 'end' }
  );

export interface SubmissionLog {
  readonly version: 1;
  readonly lab: string;
  readonly contentHash: string;
  readonly seed: number;
  readonly entries: readonly LogEntry[];
}

export class LogError extends Error {
  override readonly name = 'LogError';
}

/** A log that makes more events than this is cut off. */
const MAX_STEPS = 50_000_000;
const SCRIPT_TIME = 600 * SEC;

export interface Started {
  readonly world: World;
  readonly baseline: Baseline;
  readonly terminals: Map<number, LoginTerminal>;
}

/** A fresh world with the lab's set-up done. `prepare` gets the simulation before the first event of the session. */
export function start(lab: Lab, seed: number, prepare?: (sim: Sim) => void): Started {
  const build = WORLDS[lab.world];
  if (!build) throw new LogError(`lab ${lab.id}: there is no world "${lab.world}"; there are: ${Object.keys(WORLDS).join(', ')}`);
  const world = build(seed);
  const host = world.hosts.get(lab.hosts[0] as string);
  if (lab.setup !== '' && host) startCommand(host.machine, lab.setup, { ns: host.ns }).finish();
  const baseline = baselineOf(world, lab);
  prepare?.(world.sim);
  return { world, baseline, terminals: new Map() };
}

/** @throws LogError naming the entry that does not fit. */
export function replay(lab: Lab, log: SubmissionLog, prepare?: (sim: Sim) => void): Started {
  if (log.contentHash !== lab.contentHash)
    throw new LogError(`the log was made for other content (${log.contentHash}) than this lab's (${lab.contentHash})`);
  const started = start(lab, log.seed, prepare);
  const { sim } = started.world;
  log.entries.forEach((entry, i) => {
    if (entry.steps < sim.steps || entry.time < sim.now || entry.steps > MAX_STEPS)
      throw new LogError(`log entry ${i + 1} (${entry.op}) is out of order or out of bounds`);
    while (sim.steps < entry.steps) if (!sim.step()) throw new LogError(`log entry ${i + 1} (${entry.op}): the run ends before it`);
    if (!sim.advanceTo(entry.time)) throw new LogError(`log entry ${i + 1} (${entry.op}): its time does not fit the run`);
    apply(started, entry, i);
  });
  return started;
}

/** Carries out one entry at the present place. */
export function apply(started: Started, entry: LogEntry, index = 0): void {
  const { world, terminals } = started;
  const host = entry.op === 'open' || entry.op === 'script' ? world.hosts.get(entry.host) : undefined;
  if ((entry.op === 'open' || entry.op === 'script') && !host)
    throw new LogError(`log entry ${index + 1}: there is no host "${entry.host}"`);
  if (entry.op === 'open' && host) terminals.set(entry.term, login(host, entry.cols, entry.rows));
  else if (entry.op === 'script' && host) {
    const job = startCommand(host.machine, entry.script, { ns: host.ns, limits: { micros: SCRIPT_TIME } });
    job.finish();
  } else if (entry.op === 'input') terminals.get(entry.term)?.tty.type(entry.data);
  else if (entry.op === 'resize') terminals.get(entry.term)?.tty.resize(entry.cols, entry.rows);
  else if (entry.op === 'close') {
    terminals.get(entry.term)?.tty.hangUp();
    terminals.delete(entry.term);
  }
}

/** A log with nothing but a script on the lab's first host. */
export function scriptLog(lab: Lab, seed: number, script: string): SubmissionLog {
  const { world } = start(lab, seed);
  const { steps, now } = world.sim;
  return {
    version: 1,
    lab: lab.id,
    contentHash: lab.contentHash,
    seed,
    entries: [{ op: 'script', host: lab.hosts[0] as string, script, steps, time: now }],
  };
}
