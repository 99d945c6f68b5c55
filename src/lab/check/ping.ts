/** ping: one echo request from a place to an address, with a size and DF. */

import type { Check, Place } from '../lab.ts';
import { locate } from '../place.ts';
import { ping } from '../probe.ts';
import type { CheckKind } from './kind.ts';

export interface PingCheck extends Check {
  readonly from: Place;
  readonly to: string;
  /** Bytes of echo data. */
  readonly size: number;
  /** Don't-fragment bit. */
  readonly df: boolean;
  /** `reply`; `silence`: no answer within a second; `too-long`: the sender's own kernel refuses the size. */
  readonly expect: 'reply' | 'silence' | 'too-long';
}

const WANT: Record<PingCheck['expect'], string> = {
  reply: 'a reply',
  silence: 'no reply',
  'too-long': "the sender's own kernel refuses it as too long",
};

export const pingKind: CheckKind<PingCheck> = {
  kind: 'ping',
  defaults: { size: 56, df: false, expect: 'reply' },
  run({ world }, check) {
    const what = `ping from ${check.from} to ${check.to}${check.size === 56 ? '' : ` with ${check.size} bytes`}${check.df ? ', not to be fragmented' : ''}`;
    const expected = `${what}: ${WANT[check.expect]}`;
    const spot = locate(world, check.from);
    if (typeof spot === 'string') return { passed: false, expected, actual: spot };
    const { outcome, hop } = ping(spot, check.to, check.size, check.df);
    const passed = outcome.kind === check.expect || (check.expect === 'silence' && outcome.kind === 'error');
    const actual =
      outcome.kind === 'reply'
        ? `a reply with ttl ${outcome.ttl}`
        : outcome.kind === 'silence'
          ? 'no reply'
          : outcome.kind === 'too-long'
            ? 'refused by the sender as too long'
            : outcome.text;
    return { passed, expected, actual, ...(passed || outcome.kind === 'reply' ? {} : { hop }) };
  },
};
