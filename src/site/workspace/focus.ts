/** What the learner has chosen in one view, for the others to show it too. */

import { signal } from '@preact/signals';

/** Id of the packet that is looked at: the first skb of its line. */
export const focusedPacket = signal<number | null>(null);

/** Where that packet has been, hop after hop; empty when none is chosen. */
export const focusedPath = signal<readonly Place[]>([]);

/** A place in the world; `dev` empty: the namespace itself. */
export interface Place {
  /** Id of the space, as in Topology. */
  readonly space: string;
  readonly dev: string;
}

export const focusedPlace = signal<Place | null>(null);

/** A rule of netfilter: all that identifies it at one moment. */
export interface RulePlace {
  readonly space: string;
  readonly table: string;
  readonly chain: string;
  /** Counted from one; 0: the policy. */
  readonly rule: number;
}

export const focusedRule = signal<RulePlace | null>(null);
