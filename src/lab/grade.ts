/** Grading: probes in a replayed world, task by task, after what a cache could fake has been forgotten. */

import { Bridge } from '../net/dev/bridge.ts';
import { flushCache } from '../net/ip/route.ts';
import { NUD_NOARP, NUD_PERMANENT } from '../net/neigh/nud.ts';
import { TraceHash } from '../sim/trace.ts';
import { kindOf } from './check/index.ts';
import type { Baseline, Finding } from './check/kind.ts';
import type { Check, CheckReport, GradeReport, Lab, TaskReport } from './lab.ts';
import { replay, type SubmissionLog } from './log.ts';
import type { World } from './world.ts';

/** What the `unchanged` checks compare with: noted in a fresh world, before any input. */
export function baselineOf(world: World, lab: Lab): Baseline {
  const notes = new Map<string, string>();
  for (const task of lab.tasks)
    for (const check of task.checks) {
      const note = kindOf(check).note?.(world, check);
      if (note !== undefined) notes.set(check.id, note);
    }
  return notes;
}

/** Forgets neighbour, conntrack and path MTU caches and learned bridge entries, so that nothing passes only because it did before. */
export function forgetCaches(world: World): void {
  const kernels = new Set([...world.hosts.values()].map((h) => h.machine.kernel));
  for (const kernel of kernels) {
    for (const ns of new Set([kernel.init, ...kernel.named.values()])) {
      for (const n of ns.neigh.list()) if (!(n.state & (NUD_PERMANENT | NUD_NOARP))) ns.neigh.del(n.dev, n.ip);
      ns.ct.flush(0);
      flushCache(ns, 4);
      flushCache(ns, 6);
      for (const dev of ns.devices.values()) if (dev instanceof Bridge) dev.fdb.flush((e) => !e.local && !e.static);
    }
  }
}

/** Replays a log into a fresh world and grades it there. `seed` is the log's. */
export function grade(lab: Lab, log: SubmissionLog): GradeReport {
  const hash = new TraceHash();
  const { world, baseline } = replay(lab, log, (sim) => sim.trace.listen(hash.listener));
  forgetCaches(world);
  const passed = new Set<string>();
  const tasks: TaskReport[] = lab.tasks.map((task) => {
    const checks = task.checks.map((check): CheckReport => {
      const missing = check.needs.filter((id) => !passed.has(id));
      if (missing.length > 0) return skipped(task.id, check, missing);
      const finding: Finding = kindOf(check).run(world, check, baseline);
      if (finding.passed) passed.add(check.id);
      return {
        id: check.id,
        task: task.id,
        title: check.title,
        status: finding.passed ? 'passed' : 'failed',
        expected: finding.expected,
        observed: finding.observed,
        ...(finding.hop !== undefined && !finding.passed ? { hop: finding.hop } : {}),
      };
    });
    const good = checks.filter((c) => c.status === 'passed').length;
    return { id: task.id, title: task.title, passed: good === checks.length, weight: task.weight, share: good / checks.length, checks };
  });
  const total = tasks.reduce((n, t) => n + t.weight, 0);
  const score = tasks.reduce((n, t) => n + t.weight * t.share, 0) / total;
  return {
    lab: lab.id,
    contentHash: lab.contentHash,
    seed: log.seed,
    score: Math.round(score * 1e6) / 1e6,
    passed: tasks.every((t) => t.passed),
    tasks,
    traceHash: hash.digest(),
  };
}

function skipped(task: string, check: Check, missing: readonly string[]): CheckReport {
  return {
    id: check.id,
    task,
    title: check.title,
    status: 'skipped',
    expected: check.title,
    observed: `not looked at: it needs ${missing.join(' and ')} first`,
  };
}
