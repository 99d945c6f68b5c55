/** A door to whoever can tell what became of the packets that programs sent: the layer that knows the whole world opens it. */

import type { Process } from './process.ts';

export interface Witness {
  /** A packet is still on its way or waits somewhere. */
  readonly pending: boolean;
  /** Stops listening and tells what happened, as text. */
  report(): string;
}

/** `concerns` says of a process whether its packets are of interest. Null: this world has nobody who could tell. */
export type Watching = (p: Process, concerns: (q: Process) => boolean) => Witness | null;

let watching: Watching | null = null;

export function provideWitness(how: Watching): void {
  watching = how;
}

export const witness: Watching = (p, concerns) => watching?.(p, concerns) ?? null;
