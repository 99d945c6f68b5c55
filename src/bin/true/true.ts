/** true and false. */

import type { Command, Task } from '../../os/program.ts';

function always(status: number): () => Task<number> {
  return function* main() {
    yield* [];
    return status;
  };
}

export const trueCommand: Command = { name: 'true', main: always(0) };
export const falseCommand: Command = { name: 'false', main: always(1) };
