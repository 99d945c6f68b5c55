/** during: a client asks all the time while the grader changes something; so many requests may fail, none as a rule. */

import { MS, SEC } from '../../sim/sim.ts';
import { type Asked, Asker } from '../asker.ts';
import type { Check, Place } from '../lab.ts';
import { operationsOf } from '../operate.ts';
import { pass } from '../passing.ts';
import { perform, type Step, stepFaults, stepName } from '../steps.ts';
import type { CheckKind, Finding, Scene } from './kind.ts';

export interface DuringCheck extends Check {
  readonly do: readonly Step[];
  readonly from: Place;
  readonly url: string;
  /** Milliseconds of virtual time between two requests. */
  readonly every: number;
  /** Requests that may fail. */
  readonly failures: number;
  /** Waits until every pod is Ready, for two minutes at most, and goes on asking. */
  readonly ready: boolean;
  /** Seconds of asking after all of that. */
  readonly wait: number;
}

const READY_SECONDS = 120;
/** For requests that are still under way at the end, seconds. */
const LAST_SECONDS = 5;

function ask({ world }: Scene, check: DuringCheck, undo: (() => void)[]): Finding {
  const { sim } = world;
  const what = check.do.map(stepName).join(', then ');
  const allowed = check.failures === 0 ? 'no request fails' : `at most ${check.failures} requests fail`;
  const expected = `GET ${check.url} from ${check.from} every ${check.every} ms during ${what}: ${allowed}`;
  let asked = 0;
  const failed: Asked[] = [];
  const begin = sim.now;
  const hear = (a: Asked): void => {
    asked++;
    if (!a.ok) failed.push(a);
  };
  const asker = new Asker(world, { from: check.from, url: check.url, every: check.every * MS }, hear, true);
  try {
    // One round before anything changes: a service that did not answer before is no matter of the change.
    pass(sim, Math.min(SEC, check.every * MS));
    for (const step of check.do) {
      const done = perform(world, step);
      if (done.undo) undo.push(done.undo);
      if (done.problem !== null) return { passed: false, expected, actual: done.problem, log: done.log ?? [] };
    }
    const problem = check.ready ? operationsOf(world).ready(READY_SECONDS) : null;
    if (problem !== null) return { passed: false, expected, actual: problem };
    pass(sim, check.wait * SEC);
    asker.finish();
    pass(sim, LAST_SECONDS * SEC);
  } finally {
    asker.stop();
  }
  const [first] = failed;
  const at = (a: Asked): string => `${((a.time - begin) / SEC).toFixed(1)} s after the begin: ${a.text}`;
  if (failed.length <= check.failures)
    return { passed: true, expected, actual: `${failed.length} of ${asked} requests failed`, log: failed.slice(0, 8).map(at) };
  return {
    passed: false,
    expected,
    actual: `${failed.length} of ${asked} requests failed, the first ${at(first as Asked)}`,
    hop: first?.hop,
    log: failed.slice(0, 8).map(at),
  };
}

export const duringKind: CheckKind<DuringCheck> = {
  kind: 'during',
  defaults: { every: 200, failures: 0, ready: false, wait: 2 },
  disturbs: true,
  faults: (check, lab) => stepFaults(check.do, lab),
  run(scene, check) {
    const undo: (() => void)[] = [];
    try {
      return ask(scene, check, undo);
    } finally {
      for (const back of undo.reverse()) back();
    }
  },
};
