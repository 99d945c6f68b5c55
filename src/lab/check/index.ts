/** The table of check kinds. */

import type { Check } from '../lab.ts';
import { addressKind } from './address.ts';
import { httpKind } from './http.ts';
import type { CheckKind } from './kind.ts';
import { pingKind } from './ping.ts';
import { unchangedKind } from './unchanged.ts';

const KINDS = { address: addressKind, http: httpKind, ping: pingKind, unchanged: unchangedKind } as const;

export function kindOf(check: Check): CheckKind<Check> {
  return KINDS[check.kind] as unknown as CheckKind<Check>;
}
