/** What a kind of check is: how it observes a world and what it says. */

import type { Check } from '../lab.ts';
import type { World } from '../world.ts';

export interface Finding {
  readonly passed: boolean;
  readonly expected: string;
  readonly observed: string;
  readonly hop?: string | undefined;
}

/** What was noted of the world before the learner came, for checks that compare. */
export type Baseline = ReadonlyMap<string, string>;

export interface CheckKind<C extends Check> {
  readonly kind: C['kind'];
  run(world: World, check: C, baseline: Baseline): Finding;
  /** Text to remember before the learner comes, under the check's id. */
  note?(world: World, check: C): string;
}
