/** http: one GET from a place, the status or the way it fails, and the client address that the server saw. */

import type { Check, Place } from '../lab.ts';
import { locate } from '../place.ts';
import { http } from '../probe.ts';
import type { CheckKind } from './kind.ts';

export interface HttpCheck extends Check {
  readonly from: Place;
  readonly url: string;
  /** Status code, or how the connection must fail. */
  readonly expect: number | 'refused' | 'timeout' | 'unreachable';
  /** Client address that the server must have seen. */
  readonly source?: string;
}

export const httpKind: CheckKind<HttpCheck> = {
  kind: 'http',
  defaults: { expect: 200 },
  run({ world }, check) {
    const outcomeWanted = typeof check.expect === 'number' ? `status ${check.expect}` : check.expect;
    const expected = `GET ${check.url} from ${check.from}: ${outcomeWanted}${check.source ? `, seen by the server as ${check.source}` : ''}`;
    const spot = locate(world, check.from);
    if (typeof spot === 'string') return { passed: false, expected, actual: spot };
    const { outcome, hop } = http(spot, check.url);
    if (outcome.kind !== 'answer') return { passed: outcome.kind === check.expect, expected, actual: outcome.text, hop };
    const seen = / sees (\S+)/.exec(outcome.body)?.[1];
    const actual = `status ${outcome.status}${seen ? `, seen by the server as ${seen}` : ''}`;
    return { passed: outcome.status === check.expect && (check.source === undefined || seen === check.source), expected, actual };
  },
};
