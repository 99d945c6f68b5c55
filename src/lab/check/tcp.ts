/** tcp: a connection from a place to a port, made or failing in a certain way. */

import type { Check, Place } from '../lab.ts';
import { locate, target } from '../place.ts';
import { meets, wordOf } from '../probe/outcome.ts';
import { trouble } from '../probe/report.ts';
import { tcp } from '../probe/tcp.ts';
import type { CheckKind } from './kind.ts';

export interface TcpCheck extends Check {
  readonly from: Place;
  readonly to: string;
  readonly port: number;
  /** `ok`, the way in which it must fail, or `fails`: any way. */
  readonly expect: string;
}

export const tcpKind: CheckKind<TcpCheck> = {
  kind: 'tcp',
  defaults: { expect: 'ok' },
  run({ world }, check) {
    const expected = `a connection from ${check.from} to ${check.to} port ${check.port}: ${check.expect}`;
    const spot = locate(world, check.from);
    if (typeof spot === 'string') return { passed: false, expected, actual: spot };
    const to = target(world, check.to);
    if (typeof to !== 'string') return { passed: false, expected, actual: to.missing };
    const { outcome, journey } = tcp(spot, { to, port: check.port });
    const passed = meets(check.expect, outcome.kind === 'ok' ? 'ok' : wordOf(outcome));
    return { passed, expected, actual: outcome.text, ...(passed ? {} : trouble(journey, outcome.kind !== 'ok')) };
  },
  flows: (_, { from, to, port }) => [{ from, ask: { kind: 'tcp', to, port } }],
};
