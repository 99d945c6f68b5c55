/** The kernel's face to programs: what `bin` may use of `net`. One line per room; add your own exports here. */

export type { Kernel } from '../net/kernel.ts';
export type { Netns } from '../net/netns.ts';
export type { NetEvent } from '../net/notifier.ts';
