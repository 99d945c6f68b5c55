/** What the learner has chosen in one view, for the others to show it too. */

import { signal } from '@preact/signals';

/** Id of the packet that is looked at: the first skb of its line. */
export const focusedPacket = signal<number | null>(null);

/** A place in the world; `dev` empty: the namespace itself. */
export interface Place {
  /** Id of the space, as in Topology. */
  readonly space: string;
  readonly dev: string;
}

/** Where a packet has been, place after place. */
export interface PacketPath {
  readonly root: number;
  readonly label: string;
  readonly places: readonly Place[];
  readonly end: 'arrived' | 'dropped' | 'way';
  /** Of a drop: its reason. */
  readonly why: string;
}

/** The way of the packet that is looked at. */
export const focusedPath = signal<PacketPath | null>(null);
