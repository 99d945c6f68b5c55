/** dns: a question from a place; rcode, answers and how many questions went out for it. */

import { dnsTypeNumber } from '../../wire/dns.ts';
import type { Check, Place } from '../lab.ts';
import { locate, target } from '../place.ts';
import { dns } from '../probe/dns.ts';
import { meets, wordOf } from '../probe/outcome.ts';
import { trouble } from '../probe/report.ts';
import type { CheckKind } from './kind.ts';

export interface DnsCheck extends Check {
  readonly from: Place;
  readonly name: string;
  /** A, AAAA, SRV …; `A+AAAA` asks both. */
  readonly type: string;
  /** Asked directly; the place's own resolv.conf decides when it is not given. */
  readonly server?: string;
  /** An rcode as dig prints it, or how it must fail. */
  readonly expect: string;
  /** All of these must be among the answers; with `exactly` nothing else may. */
  readonly answers?: readonly string[];
  readonly exactly: boolean;
  /** Questions that went out by the place's own device. */
  readonly queries?: number | { readonly min?: number; readonly max?: number };
}

export const dnsKind: CheckKind<DnsCheck> = {
  kind: 'dns',
  defaults: { type: 'A', expect: 'NOERROR', exactly: false },
  run({ world }, check) {
    const { name, type, server, queries } = check;
    const expected = `${name} ${type} from ${check.from}${server ? ` asked at ${server}` : ''}: ${check.expect}${
      check.answers ? `, ${check.answers.join(', ')}` : ''
    }${queries === undefined ? '' : `, with ${typeof queries === 'number' ? queries : range(queries)} questions on the wire`}`;
    const spot = locate(world, check.from);
    if (typeof spot === 'string') return { passed: false, expected, actual: spot };
    const at = server === undefined ? undefined : target(world, server);
    if (typeof at === 'object') return { passed: false, expected, actual: at.missing };
    const wanted: string[] = [];
    for (const a of check.answers ?? []) {
      const found = target(world, a);
      if (typeof found !== 'string') return { passed: false, expected, actual: found.missing };
      wanted.push(found);
    }
    const probed = dns(spot, { name, type, ...(at === undefined ? {} : { server: at }) });
    const { outcome, journey } = probed;
    let passed: boolean;
    let actual = outcome.text;
    if (outcome.kind === 'answer') {
      const got = outcome.answers;
      passed = outcome.rcode === check.expect && wanted.every((a) => got.includes(a));
      if (check.exactly && got.length !== wanted.length) passed = false;
    } else passed = meets(check.expect, wordOf(outcome));
    if (queries !== undefined) {
      const { min = 0, max = Number.POSITIVE_INFINITY } = typeof queries === 'number' ? { min: queries, max: queries } : queries;
      actual += `, ${probed.queries} questions on the wire`;
      if (probed.queries < min || probed.queries > max) passed = false;
    }
    return { passed, expected, actual, ...(passed ? {} : trouble(journey, outcome.kind !== 'answer')) };
  },
  faults: (check) =>
    check.type.split('+').every((t) => dnsTypeNumber(t) !== null)
      ? []
      : [{ field: 'type', problem: `is no type of DNS record; write A, AAAA, SRV … or two of them as A+AAAA` }],
  flows: (_, { from, name, type, server }) => [{ from, ask: { kind: 'dns', name, type, ...(server === undefined ? {} : { server }) } }],
};

function range(r: { readonly min?: number; readonly max?: number }): string {
  return r.max === undefined ? `at least ${r.min}` : r.min === undefined ? `at most ${r.max}` : `${r.min} to ${r.max}`;
}
