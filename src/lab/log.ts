/** The command log: everything that came into a session from outside, with the exact place in the run; and its replay. */

import { type AuditSession, setRemoteLogin } from '../os/audit.ts';
import { startCommand } from '../os/run.ts';
import { SEC, type Sim } from '../sim/sim.ts';
import { type Act, actsOf } from './acts.ts';
import { enterAt, ownHosts } from './enter.ts';
import type { Lab } from './lab.ts';
import { learnerOf } from './learner.ts';
import { type LoginTerminal, login } from './login.ts';
import { preparing } from './prepare.ts';
import { Recording } from './recording.ts';
import { Scrollback } from './scrollback.ts';
import { startMonitor } from './service.ts';
import { type Host, type World, whole } from './world.ts';

/** Events run since the start and virtual µs: input came between that event and the next. */
interface At {
  readonly steps: number;
  readonly time: number;
}

export type LogEntry = At &
  /** `host` is a place as `enterAt` understands it. */
  (
    | { readonly op: 'open'; readonly term: number; readonly host: string; readonly cols: number; readonly rows: number }
    | { readonly op: 'input'; readonly term: number; readonly data: string }
    | { readonly op: 'resize'; readonly term: number; readonly cols: number; readonly rows: number }
    | { readonly op: 'close'; readonly term: number }
    /** A script run to its end by bash on a host, as `lab grade --script` does it. */
    | { readonly op: 'script'; readonly host: string; readonly script: string }
    /** An answer to a question, or a prediction: id of the check, and the value as text. */
    | { readonly op: 'answer'; readonly question: string; readonly value: string }
    | { readonly op: 'hint'; readonly task: string; readonly level: number }
    /**
     * The learner went back to here and did what comes next instead: µs of a lab's time limit that what was undone had used, and the
     * predictions whose outcome it had shown.
     */
    | { readonly op: 'back'; readonly spent: number; readonly seen: readonly string[] }
    /** The end: how far the run had come when the log was taken. */
    | { readonly op: 'end' }
  );

export interface SubmissionLog {
  readonly version: 2;
  readonly lab: string;
  readonly contentHash: string;
  readonly seed: number;
  readonly entries: readonly LogEntry[];
}

export class LogError extends Error {
  override readonly name = 'LogError';
  /** Index of the entry that does not fit; what stands before it does. */
  readonly entry: number;

  constructor(message: string, entry = -1) {
    super(message);
    this.entry = entry;
  }
}

/** A log that makes more events than this is cut off there: about half a minute of this machine's work. */
export const MAX_STEPS = 5_000_000;
/** Toil (`Sim.toil`) that counts as one event. */
const TOIL_PER_STEP = 64;
const SCRIPT_TIME = 600 * SEC;
/** Events that one script may make, when it is written and when it is replayed. */
const SCRIPT_STEPS = 200_000;
/** Events between two questions whether to go on. */
const EVENTS_PER_LOOK = 32;
/** Bytes that a terminal is given at most by one log. */
const MAX_INPUT = 1 << 20;

const workOf = (sim: Sim): number => sim.steps + sim.toil / TOIL_PER_STEP;

export interface Started {
  readonly lab: Lab;
  readonly world: World;
  readonly recording: Recording;
  readonly terminals: Map<number, LoginTerminal>;
  /** Terminal -> its host. */
  readonly homes: Map<number, string>;
  /** Whom all belongs to that comes from the log. */
  readonly learner: AuditSession;
  /** What the terminals have shown last, where somebody will look at them. */
  screens?: Map<number, Scrollback>;
}

/** A fresh world with the lab's preparations done, part by part. */
export function* starting(lab: Lab): Generator<void, Started> {
  const world = yield* preparing(lab);
  const learner = learnerOf(lab);
  setRemoteLogin(world.sim, learner);
  const recording = new Recording(world);
  if (lab.service) recording.service = startMonitor(world, lab.service);
  return { lab, world, recording, terminals: new Map(), homes: new Map(), learner };
}

export const start = (lab: Lab): Started => whole(starting(lab));

/** A world that follows a log, also one that grows. */
export class Replay {
  readonly started: Started;
  /** Says where and why the rest of the log was left out. */
  cut: string | null = null;
  /** False after a `follow` that was told to stop before the log's end. */
  level = true;
  private readonly maxSteps: number;
  /** Entries that were carried out. */
  done: number;
  private input = 0;

  constructor(lab: Lab, maxSteps = MAX_STEPS, started = start(lab), done = 0) {
    this.started = started;
    this.maxSteps = maxSteps;
    this.done = done;
  }

  /**
   * Carries out what the log holds beyond what was carried out before; an `end` only moves the clock, so that a longer log can follow.
   * Stops early when `more`, asked every few events, says no; `level` tells.
   * @throws LogError naming the entry that does not fit.
   */
  follow(entries: readonly LogEntry[], more: () => boolean = () => true): this {
    const { lab, recording, world } = this.started;
    const { sim } = world;
    const { limit } = lab;
    this.level = true;
    for (; this.done < entries.length && this.cut === null; this.done++) {
      const over = limit === undefined ? Number.POSITIVE_INFINITY : recording.begin + limit * SEC - recording.spent;
      const entry = entries[this.done] as LogEntry;
      const name = `log entry ${this.done + 1} (${entry.op})`;
      if (!(entry.steps >= sim.steps && entry.time >= sim.now)) throw new LogError(`${name} is out of order`, this.done);
      while (sim.steps < entry.steps) {
        if (workOf(sim) >= this.maxSteps) {
          this.cut = `${name}: cut here, after ${this.maxSteps} events; what came later does not count`;
          return this;
        }
        if ((sim.nextTime() ?? 0) > over) break;
        if (!sim.step(entry.time)) throw new LogError(`${name}: the run ends before it`, this.done);
        if (sim.steps % EVENTS_PER_LOOK === 0 && !more()) {
          this.level = false;
          return this;
        }
      }
      if (entry.time > over) {
        sim.runUntil(over);
        this.cut = `${name}: the time was over after ${limit} seconds; what came later does not count`;
        return this;
      }
      if (!sim.advanceTo(entry.time)) throw new LogError(`${name}: its time does not fit the run`, this.done);
      if (entry.op === 'end') {
        if (this.done === entries.length - 1) return this;
        throw new LogError(`${name}: more comes after the end`, this.done);
      }
      if (workOf(sim) >= this.maxSteps) {
        this.cut = `${name}: cut here, after ${this.maxSteps} events; what came later does not count`;
        return this;
      }
      if (entry.op === 'input') this.input += entry.data.length;
      if (this.input > MAX_INPUT) {
        this.cut = `${name}: cut here, after ${MAX_INPUT} characters of input; what came later does not count`;
        return this;
      }
      apply(this.started, entry, this.done);
    }
    return this;
  }

  /** Carries out acts, each where the one before has ended. What it returns makes a log that comes to the same. */
  perform(acts: readonly Act[]): LogEntry[] {
    const { lab, world } = this.started;
    const { sim } = world;
    const entries = acts.map((act, i): LogEntry => {
      const at = { steps: sim.steps, time: sim.now };
      const entry: LogEntry =
        'script' in act
          ? { op: 'script', host: act.host ?? (lab.hosts[0] as string), script: act.script, ...at }
          : 'question' in act
            ? { op: 'answer', question: act.question, value: act.value, ...at }
            : { op: 'hint', task: act.task, level: act.level, ...at };
      apply(this.started, entry, i);
      return entry;
    });
    return [...entries, { op: 'end', steps: sim.steps, time: sim.now }];
  }
}

/** @throws LogError when the log is for another lab or does not fit it. */
export function checkHeader(lab: Lab, log: SubmissionLog): void {
  if (log.lab !== lab.id) throw new LogError(`the log is for the lab "${log.lab}", not for "${lab.id}"`);
  if (log.contentHash !== lab.contentHash)
    throw new LogError(`the log was made for other content (${log.contentHash}) than this lab's (${lab.contentHash})`);
  if (log.seed !== lab.seed) throw new LogError(`the log was made for another seed (${log.seed}) than this lab's (${lab.seed})`);
}

/** Scripts run on the lab's own hosts only. */
function hostOf(started: Started, id: string): Host | string {
  return ownHosts(started).find((h) => h.id === id) ?? `there is no host "${id}" in this lab`;
}

/** Carries out one entry at the present place. @throws LogError for a place that the learner has no way to, or that is not there. */
export function apply(started: Started, entry: LogEntry, index = 0): void {
  const { terminals } = started;
  const found = entry.op === 'open' ? enterAt(started, entry.host) : entry.op === 'script' ? hostOf(started, entry.host) : undefined;
  if (typeof found === 'string') throw new LogError(`log entry ${index + 1}: ${found}`, index);
  const host = found;
  started.recording.note(entry);
  if (entry.op === 'open' && host) {
    const terminal = login(host, entry.cols, entry.rows, started.learner);
    terminals.set(entry.term, terminal);
    started.homes.set(entry.term, host.id);
    started.screens?.set(entry.term, new Scrollback(terminal));
  } else if (entry.op === 'script' && host) {
    const job = startCommand(host.machine, entry.script, {
      ns: host.ns,
      enter: host.enter,
      audit: started.learner,
      limits: { micros: SCRIPT_TIME, steps: SCRIPT_STEPS },
    });
    job.finish();
  } else if (entry.op === 'input') terminals.get(entry.term)?.tty.type(entry.data);
  else if (entry.op === 'resize') terminals.get(entry.term)?.tty.resize(entry.cols, entry.rows);
  else if (entry.op === 'close') {
    terminals.get(entry.term)?.tty.hangUp();
    terminals.delete(entry.term);
    started.screens?.delete(entry.term);
  }
}

/** A log of acts, each at the place where the one before has ended. */
export function actLog(lab: Lab, acts: readonly Act[]): SubmissionLog {
  const entries = new Replay(lab).perform(acts);
  return { version: 2, lab: lab.id, contentHash: lab.contentHash, seed: lab.seed, entries };
}

/** A log with a script, as src/lab/acts.ts reads it. */
export function scriptLog(lab: Lab, script: string): SubmissionLog {
  return actLog(lab, actsOf(script));
}
