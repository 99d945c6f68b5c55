/** `hopwise lab test` and `hopwise lab mutate`: the proof of labs on all cores, and how sharp their checks are. */

import { availableParallelism } from 'node:os';
import type { LabSource } from '../../lab/lab.ts';
import { type MutationReport, mutationReport, type Verdict } from '../../lab/mutate.ts';
import type { Proof } from '../../lab/prove.ts';
import { type Args, integer, parseArgs } from '../commands/args.ts';
import { labIds, loadLab } from '../labs.ts';
import type { TestJob } from './worker.ts';
import { inWorkers } from './workers.ts';

/** The share of broken variants that a lab's checks have to refuse. */
export const BAR = 0.9;
/** Jobs that the variants of one lab and seed are dealt to. */
const PARTS = 4;

export async function testCommand(argv: readonly string[]): Promise<number> {
  const args = parseArgs(argv, { values: ['seeds', 'jobs', 'only'], switches: ['json', 'mutants', 'all', 'alternatives'] });
  const only = args.values.get('only') ?? '';
  const jobs = (id: string, seed: number): TestJob[] => [{ kind: 'prove', lab: id, seed, only }];
  return run(args, integer(args, 'seeds', 1), jobs, args.switches.has('mutants') ? 1 : 0);
}

export async function mutateCommand(argv: readonly string[]): Promise<number> {
  const args = parseArgs(argv, { values: ['seeds', 'jobs'], switches: ['json', 'all', 'alternatives'] });
  return run(args, 0, () => [], integer(args, 'seeds', 1));
}

async function run(args: Args, seeds: number, prove: (id: string, seed: number) => TestJob[], mutantSeeds: number): Promise<number> {
  const ids = args.operands.length > 0 ? args.operands : labIds();
  const sources = new Map(ids.map((id): [string, LabSource] => [id, loadLab(id)]));
  const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
  const jobs: TestJob[] = ids.flatMap((id) => [
    ...upTo(seeds).flatMap((seed) => prove(id, seed)),
    ...upTo(mutantSeeds).flatMap((seed) =>
      upTo(PARTS).map(
        (n): TestJob => ({ kind: 'mutate', lab: id, seed, part: n - 1, parts: PARTS, all: args.switches.has('alternatives') }),
      ),
    ),
  ]);
  const json = args.switches.has('json');
  const answers = await inWorkers(jobs, Math.max(1, integer(args, 'jobs', availableParallelism())), (done) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${done} of ${jobs.length} jobs${done === jobs.length ? '\r\x1b[K' : ''}`);
  });

  const proofs: Proof[] = [];
  const verdicts: Verdict[] = [];
  const broken: { lab: string; seed: number; why: string }[] = [];
  answers.forEach((answer, i) => {
    const { lab, seed } = jobs[i] as TestJob;
    if (!answer.ok) broken.push({ lab, seed, why: answer.why });
    else if ('proofs' in answer.result) proofs.push(...answer.result.proofs);
    else verdicts.push(...answer.result.verdicts);
  });
  const mutations =
    mutantSeeds === 0
      ? []
      : ids.map((id) =>
          mutationReport(
            sources.get(id) as LabSource,
            verdicts.filter((v) => v.lab === id),
          ),
        );
  const failed = proofs.filter((p) => !p.passed).length;
  const good = failed === 0 && broken.length === 0 && mutations.every((m) => m.score >= BAR);
  if (json) {
    const shown = args.switches.has('all') ? { verdicts } : {};
    process.stdout.write(`${JSON.stringify({ passed: good, proofs, broken, mutations, ...shown }, null, 2)}\n`);
    return good ? 0 : 1;
  }
  process.stdout.write(proofText(proofs));
  for (const b of broken) process.stdout.write(`FAIL ${b.lab}: seed ${b.seed} did not come to its end\n${indent(b.why)}\n`);
  if (seeds > 0) process.stdout.write(`${proofs.length - failed} passed, ${failed + broken.length} failed\n`);
  for (const m of mutations) process.stdout.write(mutationText(m, args.switches.has('all') ? verdicts : []));
  return good ? 0 : 1;
}

const indent = (text: string): string => text.replace(/^/gm, '       ');

/** One line for all seeds of a proof; the first failure in full. */
export function proofText(proofs: readonly Proof[]): string {
  const groups = new Map<string, Proof[]>();
  for (const p of proofs) {
    const key = `${p.lab}: ${p.title}`;
    groups.set(key, [...(groups.get(key) ?? []), p]);
  }
  return [...groups]
    .map(([title, group]) => {
      const bad = group.filter((p) => !p.passed);
      const [first] = bad;
      if (!first) return `ok   ${title}${group.length > 1 ? ` (${group.length} seeds)` : ''}\n`;
      const where = group.length > 1 ? ` (${bad.length} of ${group.length} seeds: ${bad.map((p) => p.seed).slice(0, 10)})` : '';
      return `FAIL ${title}${where}\n${indent(first.detail)}\n`;
    })
    .join('');
}

export function mutationText(m: MutationReport, verdicts: readonly Verdict[]): string {
  const lines = [
    `${m.score >= BAR ? 'ok  ' : 'FAIL'} ${m.lab}: ${(m.score * 100).toFixed(1)} % of the broken variants refused: ${m.killed} of ${m.killed + m.survived}; ${m.equivalent} more come to the same as a solution${m.told > 0 ? `, ${m.told} are accepted with a remark` : ''}`,
  ];
  const line = (v: Verdict): string => `${v.of}:${v.line}: ${v.operator}: ${v.before}${v.after === '' ? '' : `  →  ${v.after}`}`;
  const groups = new Map<string, number[]>();
  for (const v of m.survivors) groups.set(line(v), [...(groups.get(line(v)) ?? []), v.seed]);
  for (const [text, seeds] of groups) lines.push(`     passes all checks: ${text} (seed ${seeds.join(', ')})`);
  for (const c of m.checks)
    if (c.alone === 0)
      lines.push(
        c.failed === 0
          ? `     check ${c.check} refused no variant; ${c.decoys === 0 ? 'no decoy aims at it either' : `decoys that aim at it: ${c.decoys}`}`
          : `     check ${c.check} was never the only one to refuse a variant (${c.failed} times with others)`,
      );
  for (const v of verdicts.filter((x) => x.lab === m.lab))
    lines.push(`     ${v.fate} seed ${v.seed} ${line(v)}${v.failed.length > 0 ? ` [${v.failed.join(', ')}]` : ''}`);
  return `${lines.join('\n')}\n`;
}
