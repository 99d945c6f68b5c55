/** What a kind of check is: how it observes a world and what it says. */

import type { Check, Lab } from '../lab.ts';
import type { Flow } from '../probe/ask.ts';
import type { Recording, Watcher } from '../recording.ts';
import type { World } from '../world.ts';

export interface Finding {
  readonly passed: boolean;
  readonly expected: string;
  readonly actual: string;
  /** In a sentence, why it does not hold; `expected … but …` when not given. */
  readonly rationale?: string;
  /** Where it went wrong, as far as a packet got. */
  readonly hop?: string | undefined;
  /** Evidence, a line each. */
  readonly log?: readonly string[];
  /** Where to look next, never the mend. */
  readonly help?: string;
}

/** What was noted of the world before the learner came, for checks that compare: text by id of the check. */
export type Baseline = ReadonlyMap<string, string>;

/** What a check may look at. */
export interface Scene {
  readonly world: World;
  readonly lab: Lab;
  readonly baseline: Baseline;
  /** What happened while the learner worked. */
  readonly recording: Recording;
  /** Finds out about checks nested in another one, at this moment. */
  look(check: Check): Finding;
}

export interface CheckKind<C extends Check = Check> {
  /** The field of a check in lab.yaml that holds what is its own. */
  readonly kind: string;
  /** Fields that may be left out in lab.yaml. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** Fields that hold lists of further checks. */
  readonly nested?: readonly string[];
  /** True: it changes the world, so it is run after all that does not. */
  readonly disturbs?: boolean;
  run(scene: Scene, check: C): Finding;
  /** Text to remember before the learner comes, under the check's id. Must only look: an event run here would shift the replay. */
  note?(world: World, check: C): string;
  /** Listens from before the learner comes until the grade; at hand in `run` as recording.watches.get(check.id). */
  watch?(world: World, check: C): Watcher | null;
  /** The flows that it asks for: hints try them, and their parts, in the learner's world and in a solved one. */
  flows?(world: World, check: C): readonly Flow[];
  /** Faults that a schema cannot say, each with the field it is about; `lab` is one with values. */
  faults?(check: C, lab: Lab): readonly { readonly field: string; readonly problem: string }[];
}
