/** udp: a datagram from a place to a port, and the answer to it. */

import type { Check, Place } from '../lab.ts';
import { locate, target } from '../place.ts';
import { meets, wordOf } from '../probe/outcome.ts';
import { trouble } from '../probe/report.ts';
import { whomItSaw } from '../probe/servers.ts';
import { udp } from '../probe/udp.ts';
import type { CheckKind } from './kind.ts';

export interface UdpCheck extends Check {
  readonly from: Place;
  readonly to: string;
  readonly port: number;
  /** What is sent. */
  readonly data?: string;
  /** `answer`, the way in which it must fail, or `fails`: any way. */
  readonly expect: string;
  /** Client address that the server must have seen. */
  readonly source?: string;
  /** Regular expression that the answer must fit. */
  readonly body?: string;
}

export const udpKind: CheckKind<UdpCheck> = {
  kind: 'udp',
  defaults: { expect: 'answer' },
  run({ world }, check) {
    const wanted = `${check.expect}${check.source ? `, seen by the server as ${check.source}` : ''}`;
    const expected = `a datagram from ${check.from} to ${check.to} port ${check.port}: ${wanted}`;
    const spot = locate(world, check.from);
    if (typeof spot === 'string') return { passed: false, expected, actual: spot };
    const to = target(world, check.to);
    if (typeof to !== 'string') return { passed: false, expected, actual: to.missing };
    const { outcome, journey } = udp(spot, { to, port: check.port, ...(check.data === undefined ? {} : { data: check.data }) });
    const answered = outcome.kind === 'answer';
    let passed = meets(check.expect, answered ? 'answer' : wordOf(outcome));
    let actual = answered ? 'answered' : outcome.text;
    if (answered) {
      const seen = whomItSaw(outcome.data);
      if (seen) actual += `, seen by the server as ${seen}`;
      if (check.source !== undefined && seen !== check.source) passed = false;
      if (check.body !== undefined && !new RegExp(check.body, 'u').test(outcome.data)) {
        passed = false;
        actual += `: ${outcome.data.slice(0, 80).trim()}`;
      }
    }
    return { passed, expected, actual, ...(passed ? {} : trouble(journey, !answered)) };
  },
  faults: (check) => regexFault('body', check.body),
  flows: (_, { from, to, port }) => [{ from, ask: { kind: 'udp', to, port } }],
};

/** A regular expression that is none. */
export function regexFault(field: string, pattern: string | undefined): { field: string; problem: string }[] {
  if (pattern === undefined) return [];
  try {
    new RegExp(pattern, 'u');
    return [];
  } catch (e) {
    return [{ field, problem: `is no regular expression: ${(e as Error).message}` }];
  }
}
