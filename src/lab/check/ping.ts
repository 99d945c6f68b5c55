/** ping: echo requests from a place to an address, with a size and DF. */

import type { Check, Place } from '../lab.ts';
import { locate, target } from '../place.ts';
import { wordOf } from '../probe/outcome.ts';
import { type PingOutcome, ping } from '../probe/ping.ts';
import { trouble } from '../probe/report.ts';
import type { CheckKind } from './kind.ts';

export interface PingCheck extends Check {
  readonly from: Place;
  readonly to: string;
  /** Bytes of echo data. */
  readonly size: number;
  /** Don't-fragment bit. */
  readonly df: boolean;
  readonly ttl?: number;
  readonly count: number;
  /**
   * `reply`; `silence`: no reply, also when an error comes in its place; `too-long`: the sender's own kernel refuses the size;
   * or the error that a router or the target must send.
   */
  readonly expect: 'reply' | 'silence' | 'too-long' | 'frag-needed' | 'ttl-exceeded' | 'unreachable' | `unreachable-${string}`;
}

const WANT: Record<string, string> = {
  reply: 'a reply',
  silence: 'no reply',
  'too-long': "the sender's own kernel refuses it as too long",
  'frag-needed': 'a router says that it has to be fragmented',
  'ttl-exceeded': 'a router says that its time to live is over',
  unreachable: 'somebody says that it is unreachable',
};

function meets(expect: string, o: PingOutcome): boolean {
  const word = o.kind === 'unreachable' ? wordOf(o) : o.kind;
  if (expect === 'silence') return o.kind !== 'reply' && o.kind !== 'too-long' && o.kind !== 'unknown';
  return word === expect || o.kind === expect;
}

export const pingKind: CheckKind<PingCheck> = {
  kind: 'ping',
  defaults: { size: 56, df: false, count: 1, expect: 'reply' },
  run({ world }, check) {
    const { size, df, ttl, count } = check;
    const shape = `${size === 56 ? '' : ` with ${size} bytes`}${df ? ', not to be fragmented' : ''}${ttl === undefined ? '' : `, time to live ${ttl}`}`;
    const expected = `ping from ${check.from} to ${check.to}${shape}: ${WANT[check.expect] ?? check.expect}`;
    const spot = locate(world, check.from);
    if (typeof spot === 'string') return { passed: false, expected, actual: spot };
    const to = target(world, check.to);
    if (typeof to !== 'string') return { passed: false, expected, actual: to.missing };
    const { outcome, journey } = ping(spot, { to, size, df, count, ...(ttl === undefined ? {} : { ttl }) });
    const passed = meets(check.expect, outcome);
    const actual = outcome.kind === 'reply' ? `a reply with ttl ${outcome.ttl}` : outcome.text;
    return { passed, expected, actual, ...(passed ? {} : trouble(journey, outcome.kind !== 'reply')) };
  },
  flows: (_, { from, to, size, df, ttl }) => [{ from, ask: { kind: 'ping', to, size, df, ...(ttl === undefined ? {} : { ttl }) } }],
};
