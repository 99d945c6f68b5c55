/** The proof of a lab: its start fails what it should, solutions pass all, decoys fail exactly what they aim at, equal runs have equal hashes. */

import { actsOf } from './acts.ts';
import { Grading, grade } from './grade.ts';
import type { CheckReport, GradeReport, LabSource } from './lab.ts';
import { instantiate } from './parameters.ts';

export interface Proof {
  readonly lab: string;
  readonly seed: number;
  readonly title: string;
  readonly passed: boolean;
  /** What was otherwise, a line each. */
  readonly detail: string;
}

/** All checks that count, in their order. */
export function counted(report: GradeReport): CheckReport[] {
  return report.tasks.flatMap((t) => t.checks.filter((c) => !c.informational));
}

function describe(c: CheckReport): string {
  return `${c.name}: ${c.status}; ${c.cause?.rationale ?? ''}${c.cause?.hop ? `; ${c.cause.hop}` : ''}`;
}

/** Runs the scripts of the lab under one seed; `only`: those whose kind or name holds that text. */
export function proveSeed(source: LabSource, seed: number, only = ''): Proof[] {
  const lab = instantiate(source, seed);
  const proofs: Proof[] = [];
  const prove = (title: string, detail: readonly string[]): void => {
    proofs.push({ lab: source.id, seed, title, passed: detail.length === 0, detail: detail.join('\n') });
  };
  const expect = (title: string, report: GradeReport, expected: readonly string[]): void => {
    const checks = counted(report);
    const passing = checks.filter((c) => c.status === 'passed').map((c) => c.name);
    const passedWrongly = expected.filter((id) => passing.includes(id));
    const failedWrongly = checks.filter((c) => c.status !== 'passed' && !expected.includes(c.name));
    prove(title, [
      ...(passedWrongly.length > 0 ? [`should fail but passed: ${passedWrongly.join(', ')}`] : []),
      ...(failedWrongly.length > 0 ? ['should pass but did not:', ...failedWrongly.map(describe)] : []),
    ]);
  };
  const run = (script: string): GradeReport => {
    const grading = new Grading(lab);
    grading.perform(actsOf(script));
    return grading.verdict();
  };

  const asked = (what: string): boolean => what.includes(only);
  if (asked('hints')) {
    const few = lab.tasks.filter((t) => t.hints.length < 3).map((t) => t.id);
    prove('every task has three hints', few.length > 0 ? [`write those of ${few.join(', ')}`] : []);
  }
  if (asked('start')) {
    const holding = lab['holds-at-start'] ?? [];
    const start = run('');
    const failing = counted(start).flatMap((c) => (holding.includes(c.name) ? [] : [c.name]));
    expect(`the start fails every check${holding.length > 0 ? ` but ${holding.join(', ')}` : ''}`, start, failing);
  }
  if (asked('solution')) {
    const first = new Grading(lab, { hash: true });
    const log = first.perform(actsOf(lab.solution));
    const solved = first.verdict();
    expect('the solution passes all', solved, []);
    const again = grade(source, log, { hash: true });
    prove(
      'two runs have the same trace hash',
      solved.traceHash === again.traceHash && JSON.stringify(solved) === JSON.stringify(again)
        ? []
        : [`${solved.traceHash} when it was played, ${again.traceHash} when its log was replayed`],
    );
  }
  for (const a of lab.alternatives) if (asked(`alternatives/${a.name}`)) expect(`alternative ${a.name} passes all`, run(a.script), []);
  for (const d of lab.decoys) if (asked(`decoys/${d.name}`)) expect(`decoy ${d.name} fails ${d.fails.join(', ')}`, run(d.script), d.fails);
  return proofs;
}

/** Under seeds 1 to `seeds`. */
export function proveLab(source: LabSource, seeds = 1): Proof[] {
  return Array.from({ length: seeds }, (_, i) => proveSeed(source, i + 1)).flat();
}
