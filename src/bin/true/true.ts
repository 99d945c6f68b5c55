/** true and false. */

import type { Command } from '../../os/program.ts';

// biome-ignore lint/correctness/useYield: a program is a generator, and this one waits for nothing
export const trueCommand: Command = { name: 'true', *main() { return 0; } };
// biome-ignore lint/correctness/useYield: a program is a generator, and this one waits for nothing
export const falseCommand: Command = { name: 'false', *main() { return 1; } };
