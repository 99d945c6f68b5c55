/** state: how a machine is configured, read from the parsed model and never from a program's output; secondary to what packets show. */

import {
  type Fact,
  type FdbFact,
  fdbFact,
  type LinkFact,
  type ListenFact,
  linkFact,
  listenFact,
  type NeighFact,
  neighFact,
  type ProcessFact,
  processFact,
  type RouteFact,
  type RuleFact,
  routeFact,
  ruleFact,
  type SysctlFact,
  sameNetns,
  sysctlFact,
} from '../facts.ts';
import type { Check, Place } from '../lab.ts';
import { patternFault } from '../pattern.ts';
import { locate, type Spot } from '../place.ts';
import type { World } from '../world.ts';
import type { CheckKind } from './kind.ts';

/** One of the facts, at `on`. */
export interface StateCheck extends Check {
  readonly on?: Place;
  readonly link?: LinkFact;
  readonly route?: RouteFact;
  readonly neigh?: NeighFact;
  readonly fdb?: FdbFact;
  readonly sysctl?: SysctlFact;
  readonly rule?: RuleFact;
  readonly process?: ProcessFact;
  readonly listening?: Omit<ListenFact, 'proto'> & { readonly proto?: ListenFact['proto'] };
  /** Places that must be in one network namespace. */
  readonly 'pods-same-netns'?: readonly Place[];
}

const FACTS = ['link', 'route', 'neigh', 'fdb', 'sysctl', 'rule', 'process', 'listening', 'pods-same-netns'] as const;

function factAt(spot: Spot, c: StateCheck): Fact | null {
  if (c.link) return linkFact(spot, c.link);
  if (c.route) return routeFact(spot, c.route);
  if (c.neigh) return neighFact(spot, c.neigh);
  if (c.fdb) return fdbFact(spot, c.fdb);
  if (c.sysctl) return sysctlFact(spot, c.sysctl);
  if (c.rule) return ruleFact(spot, c.rule);
  if (c.process) return processFact(spot, c.process);
  if (c.listening) return listenFact(spot, { proto: 'tcp', ...c.listening });
  return null;
}

function shared(world: World, places: readonly Place[]): Fact {
  const spots: (readonly [string, Spot['ns']])[] = [];
  for (const place of places) {
    const spot = locate(world, place);
    if (typeof spot === 'string') return { want: `${places.join(' and ')} share one network namespace`, problem: spot };
    spots.push([place, spot.ns]);
  }
  return sameNetns(spots);
}

export const stateKind: CheckKind<StateCheck> = {
  kind: 'state',
  run({ world }, check) {
    if (check['pods-same-netns']) {
      const { want, problem } = shared(world, check['pods-same-netns']);
      return { passed: problem === null, expected: want, actual: problem ?? 'so it is' };
    }
    const on = check.on ?? '';
    const spot = locate(world, on);
    if (typeof spot === 'string') return { passed: false, expected: `${on} is there`, actual: spot };
    const fact = factAt(spot, check);
    if (!fact) return { passed: false, expected: `something about ${on}`, actual: 'the check asks for nothing' };
    const expected = `on ${on}: ${fact.want}`;
    return { passed: fact.problem === null, expected, actual: fact.problem ?? 'so it is', log: (fact.log ?? []).slice(0, 8) };
  },
  faults(check) {
    const asked = FACTS.filter((f) => check[f] !== undefined);
    if (asked.length !== 1) return [{ field: asked[1] ?? 'on', problem: `must ask exactly one of ${FACTS.join(', ')}` }];
    if (check.on === undefined && asked[0] !== 'pods-same-netns') return [{ field: 'on', problem: 'is missing; name the place' }];
    return patternFault('rule.text', check.rule?.text);
  },
};
