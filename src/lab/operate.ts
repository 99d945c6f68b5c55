/** The grader's hands in whatever world it is. */

import type { Operations } from './operations.ts';
import { StaticOperations } from './staticops.ts';
import type { World } from './world.ts';

export function operationsOf(world: World): Operations {
  return world.kube?.operations ?? new StaticOperations(world);
}
