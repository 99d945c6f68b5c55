/** unchanged: NAT rules or static neighbour entries of a place are what they were before the learner came. */

import { NUD_PERMANENT } from '../../net/neigh/nud.ts';
import { formatIp } from '../../wire/addr.ts';
import { formatMac } from '../../wire/mac.ts';
import type { Check, Place } from '../lab.ts';
import { locate } from '../place.ts';
import { natRules } from '../rules.ts';
import type { World } from '../world.ts';
import type { CheckKind } from './kind.ts';

export interface UnchangedCheck extends Check {
  readonly on: Place;
  readonly what: 'nat-rules' | 'static-neighbours';
}

const NAMES: Record<UnchangedCheck['what'], string> = { 'nat-rules': 'NAT rules', 'static-neighbours': 'static neighbour entries' };

/** The state as sorted lines. */
function state(world: World, check: UnchangedCheck): string {
  const spot = locate(world, check.on);
  if (typeof spot === 'string') return spot;
  if (check.what === 'static-neighbours') {
    return spot.ns.neigh
      .list()
      .filter((n) => n.state === NUD_PERMANENT)
      .map((n) => `${formatIp(n.ip)} ${n.dev.name} ${formatMac(n.mac ?? 0)}`)
      .sort()
      .join('\n');
  }
  return natRules(spot.ns).join('\n');
}

export const unchangedKind: CheckKind<UnchangedCheck> = {
  kind: 'unchanged',
  note: state,
  run({ world, baseline }, check) {
    const name = NAMES[check.what];
    const before = (baseline.get(check.id) ?? '').split('\n');
    const after = state(world, check).split('\n');
    const added = after.filter((l) => !before.includes(l));
    const removed = before.filter((l) => !after.includes(l));
    const actual =
      added.length > 0
        ? `added: ${added[0]}${added.length > 1 ? ` and ${added.length - 1} more` : ''}`
        : removed.length > 0
          ? `removed: ${removed[0]}`
          : 'as before';
    return { passed: added.length === 0 && removed.length === 0, expected: `the ${name} on ${check.on} are as before`, actual };
  },
};
