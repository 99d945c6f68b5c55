/** The reference cluster's own scripts, its transcripts' verdicts. */

import { readdirSync } from 'node:fs';
import { REFERENCE } from '../reference/score.ts';
import { verdict } from '../reference/transcript.ts';
import { isolated } from './isolate.ts';
import { FLOORS, raiseFloors, type SuiteOptions, type SuiteResult, scoreLine } from './suite.ts';

/** Names of the scenarios in their order. */
export function referenceScenarios(): string[] {
  return readdirSync(REFERENCE.transcripts)
    .map((f) => f.replace('.txt', ''))
    .sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)));
}

export async function referenceSuite({ diff, raise, limit }: SuiteOptions): Promise<SuiteResult> {
  const names = referenceScenarios();
  const outcomes = await isolated('reference', names, { seconds: limit });
  const scores = outcomes.map((o, i) =>
    o.ok ? o.value : { scenario: names[i] as string, matched: 0, total: 0, identical: 0, blocks: [], why: o.why },
  );
  const sum = (key: 'matched' | 'total' | 'identical'): number => scores.reduce((n, s) => n + s[key], 0);
  if (raise)
    raiseFloors(
      FLOORS.reference,
      scores.map((s) => [s.scenario, s.matched]),
    );
  let table = '';
  for (const s of scores) {
    table += scoreLine(s.scenario, s.matched, s.total, 'why' in s ? s.why : `${s.identical} identical`);
    if (diff !== s.scenario) continue;
    for (const b of s.blocks)
      if (!b.passed)
        table += `\n@${b.wanted.host} ${b.wanted.command}\n  - ${verdict(b.wanted.output).join(' | ')}\n  + ${b.got ? (b.got.command === b.wanted.command ? verdict(b.got.output).join(' | ') : `another command: ${b.got.command}`) : 'nothing'}\n`;
  }
  const json = {
    suite: 'reference-cluster',
    scenarios: scores.map(({ scenario, matched, total, identical }) => ({ scenario, matched, total, identical })),
  };
  return { table, json, matched: sum('matched'), total: sum('total') };
}
