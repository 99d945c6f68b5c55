/** Grading: checks in a replayed world, task by task, after what a cache could fake has been forgotten. */

import { setRemoteLogin } from '../os/audit.ts';
import { TraceHash } from '../sim/trace.ts';
import { Activity } from './activity.ts';
import type { Act } from './acts.ts';
import { kindOf, withNested } from './check/index.ts';
import type { Baseline, Finding, Scene } from './check/kind.ts';
import type { Check, CheckReport, GradeReport, Lab, LabSource, Task, TaskReport } from './lab.ts';
import { checkHeader, MAX_STEPS, Replay, type Started, type SubmissionLog, start, starting } from './log.ts';
import { instantiate } from './parameters.ts';
import { reset } from './reset.ts';
import type { World } from './world.ts';

/** What the checks that compare need of a fresh world, before any input. */
function baselineOf(world: World, lab: Lab): Baseline {
  const notes = new Map<string, string>();
  for (const task of lab.tasks)
    for (const { check } of task.checks.flatMap(withNested)) {
      const note = kindOf(check).note?.(world, check);
      if (note !== undefined) notes.set(check.id, note);
    }
  return notes;
}

/** Checks that listen while the learner works begin to. */
function watchAll({ world, lab, recording }: Started): void {
  for (const task of lab.tasks)
    for (const { check } of task.checks.flatMap(withNested)) {
      const watch = kindOf(check).watch?.(world, check);
      if (watch) recording.watches.set(check.id, watch);
    }
}

export interface GradeOptions {
  /** Also hashes every trace event of replay and probes. */
  readonly hash?: boolean;
  readonly maxSteps?: number;
}

/** A world that was made ready before there was a log; it can follow one as it grows and is used up by its verdict. */
export class Grading {
  private readonly lab: Lab;
  private readonly replay: Replay;
  private readonly baseline: Baseline;
  private readonly hash: TraceHash | null;

  constructor(lab: Lab, opts: GradeOptions = {}, started = start(lab)) {
    this.lab = lab;
    this.replay = new Replay(lab, opts.maxSteps ?? MAX_STEPS, started);
    const { world } = this.replay.started;
    this.replay.started.recording.activity = new Activity(world);
    watchAll(this.replay.started);
    this.baseline = baselineOf(world, lab);
    this.hash = opts.hash ? new TraceHash() : null;
    if (this.hash) world.sim.trace.listen(this.hash.listener);
  }

  /** One that is made ready part by part. */
  static *growing(lab: Lab, opts: GradeOptions = {}): Generator<void, Grading> {
    return new Grading(lab, opts, yield* starting(lab));
  }

  /** Stops before the log's end when `more` says no; `level` tells. @throws LogError when the log does not fit. */
  follow(log: SubmissionLog, more?: () => boolean): this {
    checkHeader(this.lab, log);
    this.replay.follow(log.entries, more);
    return this;
  }

  /** Whether all of the log that it was last given has been carried out. */
  get level(): boolean {
    return this.replay.level;
  }

  /** Carries out acts at once, where else there would be a log of them; returns that log. */
  perform(acts: readonly Act[]): SubmissionLog {
    const { id, contentHash, seed } = this.lab;
    return { version: 2, lab: id, contentHash, seed, entries: this.replay.perform(acts) };
  }

  verdict(): GradeReport {
    const { lab } = this;
    const { world, recording } = this.replay.started;
    recording.activity?.stop();
    recording.service?.stop();
    for (const watch of recording.watches.values()) watch.stop();
    setRemoteLogin(world.sim, null);
    reset(world);
    const scene: Scene = {
      world,
      lab,
      baseline: this.baseline,
      recording,
      look: (check) => kindOf(check).run(scene, check),
    };
    const reports = lookAtAll(lab, scene);
    const tasks: TaskReport[] = lab.tasks.map((task) => taskReport(task, reports, recording.hints.get(task.id)));
    const total = tasks.reduce((n, t) => n + t.weight, 0);
    const score = tasks.reduce((n, t) => n + t.weight * t.share * (1 - t.hintCost), 0) / total;
    return {
      lab: lab.id,
      contentHash: lab.contentHash,
      seed: lab.seed,
      score: Math.round(score * 1e6) / 1e6,
      passed: tasks.every((t) => t.passed),
      tasks,
      remarks: this.replay.cut === null ? [] : [this.replay.cut],
      traceHash: this.hash?.digest() ?? '',
    };
  }
}

/** Replays a log into a fresh world and grades it there. @throws LogError when the log does not fit the lab. */
export function grade(source: LabSource, log: SubmissionLog, opts: GradeOptions = {}): GradeReport {
  return new Grading(instantiate(source, log.seed), opts).follow(log).verdict();
}

/** All checks in their order, those that disturb the world after all others. */
function lookAtAll(lab: Lab, scene: Scene): Map<string, CheckReport> {
  const reports = new Map<string, CheckReport>();
  const fine = (id: string): boolean => reports.get(id)?.status === 'passed';
  /** A task that another one needs is done when all of it holds that does not disturb the world. */
  const done = (id: string): boolean =>
    lab.tasks.find((t) => t.id === id)?.checks.every((c) => c.informational || kindOf(c).disturbs || fine(c.id)) ?? false;
  for (const disturbing of [false, true]) {
    for (const task of lab.tasks) {
      for (const check of task.checks) {
        if ((kindOf(check).disturbs ?? false) !== disturbing) continue;
        const missing = [...check.needs.filter((id) => !fine(id)), ...task.needs.filter((id) => !done(id))];
        reports.set(check.id, missing.length > 0 ? skipped(task, check, missing) : reportOf(task, check, scene.look(check)));
      }
    }
  }
  return reports;
}

function reportOf(task: Task, check: Check, finding: Finding): CheckReport {
  const { expected, actual, help, hop } = finding;
  return {
    name: check.id,
    description: check.title,
    task: task.id,
    kind: check.kind,
    weight: check.weight,
    status: finding.passed ? 'passed' : 'failed',
    informational: check.informational,
    cause: finding.passed
      ? null
      : {
          rationale: finding.rationale ?? `${expected}; but: ${actual}`,
          expected,
          actual,
          ...(help === undefined ? {} : { help }),
          ...(hop === undefined ? {} : { hop }),
        },
    dependency: [...check.needs, ...task.needs],
    log: finding.log ?? [],
    actual,
  };
}

function skipped(task: Task, check: Check, missing: readonly string[]): CheckReport {
  const actual = `not looked at: it needs ${missing.join(' and ')} first`;
  return {
    name: check.id,
    description: check.title,
    task: task.id,
    kind: check.kind,
    weight: check.weight,
    status: 'skipped',
    informational: check.informational,
    cause: { rationale: actual, expected: check.title, actual },
    dependency: [...check.needs, ...task.needs],
    log: [],
    actual,
  };
}

function taskReport(task: Task, reports: ReadonlyMap<string, CheckReport>, opened: ReadonlySet<number> | undefined): TaskReport {
  const checks = task.checks.map((c) => reports.get(c.id) as CheckReport);
  const counted = checks.filter((c) => !c.informational);
  const weight = counted.reduce((n, c) => n + c.weight, 0);
  const good = counted.reduce((n, c) => n + (c.status === 'passed' ? c.weight : 0), 0);
  const cost = task.hints.reduce((n, h, level) => n + (opened?.has(level) ? h.cost : 0), 0);
  return {
    id: task.id,
    title: task.title,
    passed: good === weight,
    weight: task.weight,
    share: weight === 0 ? 1 : good / weight,
    hintCost: Math.min(1, cost),
    checks,
  };
}
