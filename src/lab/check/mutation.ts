/** mutation: the grader changes the world, waits, and asks again, so that what was fixed for this moment only fails. */

import { SEC } from '../../sim/sim.ts';
import type { Check } from '../lab.ts';
import { operationsOf } from '../operate.ts';
import { pass } from '../passing.ts';
import { perform, type Step, stepFaults, stepName } from '../steps.ts';
import type { CheckKind, Finding, Scene } from './kind.ts';

export interface MutationCheck extends Check {
  readonly do: readonly Step[];
  /** What a report calls the steps, where their commands would say too much or too little. */
  readonly as?: string;
  /** Seconds of virtual time between the last step and the checks. */
  readonly wait: number;
  /** Waits until every pod is Ready, for two minutes at most. */
  readonly ready: boolean;
  readonly then: readonly Check[];
}

const READY_SECONDS = 120;

function mutate({ world, look }: Scene, check: MutationCheck, undo: (() => void)[]): Finding {
  const what = check.as ?? check.do.map(stepName).join(', then ');
  const expected = `after ${what}: ${check.then.length === 1 ? 'what follows holds' : `all ${check.then.length} things hold`}`;
  for (const step of check.do) {
    const done = perform(world, step);
    if (done.undo) undo.push(done.undo);
    if (done.problem !== null) return { passed: false, expected, actual: done.problem, log: done.log ?? [] };
  }
  if (check.ready) {
    const problem = operationsOf(world).ready(READY_SECONDS);
    if (problem !== null) return { passed: false, expected, actual: problem };
  }
  pass(world.sim, check.wait * SEC);
  const seen: string[] = [];
  for (const part of check.then) {
    const found = look(part);
    const log = found.log ?? [];
    if (!found.passed) return { ...found, expected: `after ${what}: ${found.expected}`, log: log.length > 0 ? log : seen.slice(-8) };
    seen.push(`${found.expected}: ${found.actual}`);
  }
  return { passed: true, expected, actual: seen.at(-1) ?? 'done', log: seen.slice(0, 20) };
}

export const mutationKind: CheckKind<MutationCheck> = {
  kind: 'mutation',
  defaults: { wait: 1, ready: false },
  nested: ['then'],
  disturbs: true,
  faults: (check, lab) => stepFaults(check.do, lab),
  run(scene, check) {
    const undo: (() => void)[] = [];
    try {
      return mutate(scene, check, undo);
    } finally {
      for (const back of undo.reverse()) back();
    }
  },
};
