/** Upstream rule suites: read from where they are kept, never committed here; only what passes is remembered, as a floor. */

import { readFileSync } from 'node:fs';
import { isolated } from './isolate.ts';
import type { IptablesCase, NftCase, Verdict } from './rules.ts';
import { FLOORS, raiseFloors, type SuiteOptions, type SuiteResult, scoreLine } from './suite.ts';

/** Seconds that one rule may take before it counts as hung. */
const RULE_LIMIT = 20;

export async function rulesSuite(suite: 'iptables-rules' | 'nft-rules', { path, diff, raise }: SuiteOptions): Promise<SuiteResult> {
  if (path === null) throw new Error(`usage: hopwise conformance ${suite} FILE [--diff TEXT] [--json]`);
  const cases = readCases(path);
  const outcomes = await isolated(suite, cases as never[], { seconds: RULE_LIMIT });
  const verdicts = outcomes.map((o, i) => (o.ok ? o.value : broken(cases[i] as IptablesCase & NftCase, o.why)));
  const matched = verdicts.filter((v) => v.passed).length;
  if (raise) raiseFloors(FLOORS.rules, [[suite, matched]]);
  const groups = new Map<string, [matched: number, total: number]>();
  for (const v of verdicts) {
    const [good, all] = groups.get(v.group) ?? [0, 0];
    groups.set(v.group, [good + (v.passed ? 1 : 0), all + 1]);
  }
  let table = '';
  for (const [group, [good, all]] of groups) table += scoreLine(group, good, all);
  if (diff !== null)
    for (const v of verdicts)
      if (!v.passed && `${v.id} ${v.typed}`.includes(diff))
        table += `\n${v.id}\n  ${v.typed}\n${indented('-', v.wanted)}${indented('+', v.got)}`;
  const json = {
    suite,
    groups: [...groups].map(([group, [good, all]]) => ({ group, matched: good, total: all })),
    failed: verdicts.filter((v) => !v.passed).map((v) => v.id),
  };
  return { table, json, matched, total: verdicts.length };
}

function readCases(path: string): readonly (IptablesCase | NftCase)[] {
  let data: unknown;
  try {
    data = JSON.parse(readFileSync(path, 'utf8'));
  } catch (e) {
    throw new Error(`${path}: ${e instanceof Error ? e.message : e}`);
  }
  const cases = Array.isArray(data) ? data : (data as { cases?: unknown } | null)?.cases;
  if (!Array.isArray(cases)) throw new Error(`${path}: no list "cases" in it`);
  return cases as (IptablesCase | NftCase)[];
}

function broken(c: { id: string; module?: string; cmd?: string; rule?: string }, why: string): Verdict {
  return { id: c.id, group: c.module ?? c.id.replace(/\.t:.*/, ''), passed: false, typed: c.cmd ?? c.rule ?? '', wanted: '', got: why };
}

const indented = (sign: string, text: string): string =>
  text
    .trimEnd()
    .split('\n')
    .map((l) => `  ${sign} ${l}\n`)
    .join('');
