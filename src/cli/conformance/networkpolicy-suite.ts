/** Truth tables of NetworkPolicies against both enforcers. SCTP is counted apart. */

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { ENFORCERS } from '../../cluster/policy/index.ts';
import { lineDifferences } from './differences.ts';
import { isolated } from './isolate.ts';
import type { PolicyCase, PolicyJob, PolicyVerdict } from './kube/policy-case.ts';
import { FLOORS, raiseFloors, type SuiteOptions, type SuiteResult, scoreLine } from './suite.ts';

/** Seconds that the cases of one enforcer may take before they count as hung. */
const LIMIT = 900;

export async function networkPolicySuite({ path, diff, raise }: SuiteOptions): Promise<SuiteResult> {
  if (path === null) throw new Error('usage: hopwise conformance networkpolicy FILE [--diff TEXT] [--json]');
  const data = JSON.parse(readFileSync(path, 'utf8')) as { world?: PolicyJob['world']; cases?: readonly PolicyCase[] };
  const { world, cases } = data;
  if (!world || !cases) throw new Error(`${path}: neither "world" nor "cases" in it`);
  const jobs = ENFORCERS.map((e): PolicyJob => ({ world, cases, enforcer: e.name }));
  const outcomes = await isolated('networkpolicy', jobs, { seconds: LIMIT });
  const json: { suite: string; groups: { group: string; matched: number; total: number }[]; failed: string[] } = {
    suite: 'networkpolicy',
    groups: [],
    failed: [],
  };
  let table = '';
  let differences = '';
  let matched = 0;
  let total = 0;
  for (const [i, o] of outcomes.entries()) {
    const group = jobs[i]?.enforcer ?? '';
    const verdicts = o.ok
      ? o.value
      : cases.map(
          (c): PolicyVerdict => ({ id: c.id, name: `${c.id} ${c.description}`, passed: false, sctp: null, wanted: '', got: o.why }),
        );
    const good = verdicts.filter((v) => v.passed).length;
    const sctp = verdicts.filter((v) => v.sctp !== null);
    table += scoreLine(group, good, verdicts.length) + scoreLine(`${group}, SCTP (apart)`, sctp.filter((v) => v.sctp).length, sctp.length);
    json.groups.push({ group, matched: good, total: verdicts.length });
    matched += good;
    total += verdicts.length;
    for (const v of verdicts)
      if (!v.passed) {
        json.failed.push(`${group}: ${v.name}`);
        if (diff !== null && v.name.includes(diff)) differences += `\n${group}: ${v.name}\n${lineDifferences(v.wanted, v.got)}`;
      }
  }
  if (raise) raiseFloors(FLOORS.rules, [[basename(path, '.json'), matched]]);
  return { table: table + differences, json, matched, total };
}
