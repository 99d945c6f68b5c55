/** script: bash at a place, for what no other kind says; exit code 0 passes. */

import { bashAt, tail } from '../bash.ts';
import type { Check, Place } from '../lab.ts';
import { matchesLine, patternFault } from '../pattern.ts';
import { locate } from '../place.ts';
import type { CheckKind } from './kind.ts';

export interface ScriptCheck extends Check {
  readonly on: Place;
  readonly run: string;
  /** Regular expression that the output must hold too. */
  readonly outputs?: string;
}

export const scriptKind: CheckKind<ScriptCheck> = {
  kind: 'script',
  disturbs: true,
  run({ world }, check) {
    const first = check.run.trim().split('\n')[0] as string;
    const expected = `${check.on}: \`${first}\` ends with 0${check.outputs ? ` and writes ${check.outputs}` : ''}`;
    const spot = locate(world, check.on);
    if (typeof spot === 'string') return { passed: false, expected, actual: spot };
    const r = bashAt(spot, check.run);
    const log = tail(r);
    if (r.timedOut) return { passed: false, expected, actual: 'it does not end', log };
    const said = check.outputs === undefined || matchesLine(check.outputs, r.stdout);
    const actual = `it ended with ${r.exitCode}${said ? '' : ', but its output is another'}`;
    return { passed: r.exitCode === 0 && said, expected, actual, log };
  },
  faults: (check) => patternFault('outputs', check.outputs),
};
