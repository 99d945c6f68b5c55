/** Door to the link types that no world's set-up needs: kinds.ts comes in by it when it is loaded, in a page with the programs. */

import type { bondPort, changeKind, kindData, makeKind } from './kinds.ts';

interface Kinds {
  readonly makeKind: typeof makeKind;
  readonly kindData: typeof kindData;
  readonly changeKind: typeof changeKind;
  readonly bondPort: typeof bondPort;
}

let kinds: Kinds | null = null;

export function provideKinds(given: Kinds): void {
  kinds = given;
}

/** Null before they are loaded: there is no device of theirs then. */
export const lateKinds = (): Kinds | null => kinds;
