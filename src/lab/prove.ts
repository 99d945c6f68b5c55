/** The proof of a lab: its start fails every check, solutions pass all, decoys fail exactly what they aim at, equal runs have equal hashes. */

import { grade } from './grade.ts';
import type { GradeReport, LabSource } from './lab.ts';
import { scriptLog } from './log.ts';
import { instantiate } from './parameters.ts';

export interface Proof {
  readonly title: string;
  readonly passed: boolean;
  /** What was otherwise, a line each. */
  readonly detail: string;
}

function failing(report: GradeReport): string[] {
  return report.tasks.flatMap((t) => t.checks.filter((c) => c.status !== 'passed').map((c) => c.name));
}

function describe(report: GradeReport, ids: readonly string[]): string {
  const checks = report.tasks.flatMap((t) => t.checks).filter((c) => ids.includes(c.name));
  return checks.map((c) => `${c.name}: ${c.status}; ${c.cause?.rationale ?? ''}${c.cause?.hop ? `; ${c.cause.hop}` : ''}`).join('\n');
}

/** Runs every script of the lab under seeds 1 to `seeds`. */
export function proveLab(source: LabSource, seeds = 1): Proof[] {
  const proofs: Proof[] = [];
  const all = source.tasks.flatMap((t) => t.checks.map((c) => c.id));
  for (let seed = 1; seed <= seeds; seed++) {
    const lab = instantiate(source, seed);
    const suffix = seeds > 1 ? ` (seed ${seed})` : '';
    const run = (script: string): GradeReport => grade(source, scriptLog(lab, script), { hash: true });
    const expectFailing = (title: string, report: GradeReport, expected: readonly string[]): void => {
      const got = failing(report);
      const passedWrongly = expected.filter((id) => !got.includes(id));
      const failedWrongly = got.filter((id) => !expected.includes(id));
      proofs.push({
        title: title + suffix,
        passed: passedWrongly.length === 0 && failedWrongly.length === 0,
        detail: [
          ...(passedWrongly.length > 0 ? [`should fail but passed: ${passedWrongly.join(', ')}`] : []),
          ...(failedWrongly.length > 0 ? [`should pass but did not:\n${describe(report, failedWrongly)}`] : []),
        ].join('\n'),
      });
    };
    expectFailing('the start fails every check', run(''), all);
    const solved = run(lab.solution);
    expectFailing('the solution passes all', solved, []);
    const again = run(lab.solution);
    proofs.push({
      title: `two runs have the same trace hash${suffix}`,
      passed: solved.traceHash === again.traceHash,
      detail: `${solved.traceHash} and ${again.traceHash}`,
    });
    for (const a of lab.alternatives) expectFailing(`alternative ${a.name} passes all`, run(a.script), []);
    for (const d of lab.decoys) expectFailing(`decoy ${d.name} fails ${d.fails.join(', ')}`, run(d.script), d.fails);
  }
  return proofs;
}
