/** The interactive shell: prompt, line editor, job notices. */

import type { Task } from '../../os/process.ts';
import type { Shell } from './state.ts';

export function* interact(sh: Shell, _o: { norc: boolean }): Task<number> {
  yield* sh.p.err('bash: interactive mode is on its way\n');
  return 1;
}
