/** The table of all programs, sorted by name. */

import type { Command } from '../os/program.ts';
import { bash } from './sh/sh.ts';

export const commands: readonly Command[] = [
  bash,
];
