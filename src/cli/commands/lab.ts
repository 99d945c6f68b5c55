/** `hopwise lab VERB`: the table of verbs, and the small ones. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { grade } from '../../lab/grade.ts';
import type { GradeReport } from '../../lab/lab.ts';
import { scriptLog } from '../../lab/log.ts';
import { drawValues, instantiate, substitute } from '../../lab/parameters.ts';
import { seal, submissionText } from '../../lab/submission.ts';
import { loadWorld } from '../../lab/world.ts';
import { loadLab } from '../labs.ts';
import { type Args, integer, parseArgs } from './args.ts';

interface Verb {
  readonly usage: string;
  run(argv: string[]): number | Promise<number>;
}

const VERBS: Readonly<Record<string, Verb>> = {
  test: {
    usage: '[ID…] [--seeds N] [--only TEXT] [--mutants [--alternatives]] [--jobs N] [--json]',
    run: async (argv) => (await import('../author/test.ts')).testCommand(argv),
  },
  mutate: {
    usage: '[ID…] [--seeds N] [--alternatives] [--jobs N] [--json] [--all]',
    run: async (argv) => (await import('../author/test.ts')).mutateCommand(argv),
  },
  grade: {
    usage: 'ID --script FILE [--seed N] [--json] [--seal FILE] | FILE|FOLDER… [--out DIR] [--format csv,json,…] [--secret-file F] …',
    run: async (argv) =>
      argv.some((a) => /^--script(=|$)/.test(a))
        ? gradeScript(parseArgs(argv, { values: ['script', 'seed', 'seal', 'learner', 'attempt'], switches: ['json'] }))
        : (await import('./lab-grade.ts')).gradeCommand(argv),
  },
  regrade: {
    usage: 'DIR [FILE|FOLDER…] [--out DIR] … | --old DIR --new DIR',
    run: async (argv) => (await import('./lab-grade.ts')).regradeCommand(argv),
  },
  ticket: {
    usage: '--secret-file F --lab ID (--learner NAME | --learners FILE) [--attempt N]',
    run: async (argv) => (await import('./lab-ticket.ts')).ticketCommand(argv),
  },
  new: { usage: 'ID [--title TEXT]', run: async (argv) => (await import('../author/new.ts')).newCommand(argv) },
  preview: {
    usage: 'ID [--port N] [--host ADDRESS] [--no-open]',
    run: async (argv) => (await import('../author/preview.ts')).previewCommand(argv),
  },
  record: {
    usage: 'ID [--world NAME] [--host NAME] [--seed N]',
    run: async (argv) => (await import('../author/record.ts')).recordCommand(argv),
  },
  import: { usage: 'killercoda|iximiuz FOLDER [ID]', run: async (argv) => (await import('../author/import.ts')).importCommand(argv) },
};

export async function labCommand([verb, ...argv]: string[]): Promise<number> {
  const known = verb === undefined ? undefined : VERBS[verb];
  if (known) return known.run(argv);
  throw new Error(
    `${verb === undefined ? '' : `there is no "lab ${verb}"; `}usage:\n${Object.entries(VERBS)
      .map(([name, { usage }]) => `  hopwise lab ${name} ${usage}`)
      .join('\n')}`,
  );
}

async function gradeScript(args: Args): Promise<number> {
  const [id] = args.operands;
  const file = args.values.get('script');
  if (id === undefined || file === undefined) throw new Error('usage: hopwise lab grade ID --script FILE [--seed N] [--json]');
  if (!existsSync(file)) throw new Error(`--script ${file}: no such file`);
  const lab = loadLab(id);
  await loadWorld(lab);
  const seed = integer(args, 'seed', 1);
  const script = substitute(readFileSync(file, 'utf8'), drawValues(lab.id, lab.parameters, seed));
  const log = scriptLog(instantiate(lab, seed), script);
  const seals = args.values.get('seal');
  if (seals !== undefined) {
    const learner = args.values.get('learner');
    const attempt = args.values.has('attempt') ? integer(args, 'attempt', 1) : undefined;
    writeFileSync(seals, submissionText(seal(log, { learner, attempt })));
  }
  const report = grade(lab, log, { hash: true });
  process.stdout.write(args.switches.has('json') ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
  return report.passed ? 0 : 1;
}

/** The report as a person reads it. */
export function reportText(report: GradeReport): string {
  const lines: string[] = [];
  for (const task of report.tasks) {
    lines.push(
      `${task.passed ? '✓' : '✗'} ${task.title} (${task.checks.filter((c) => c.status === 'passed').length} of ${task.checks.length})`,
    );
    for (const check of task.checks) {
      lines.push(`    ${{ passed: '✓', failed: '✗', skipped: '–' }[check.status]} ${check.description}`);
      if (!check.cause) continue;
      lines.push(`        expected: ${check.cause.expected}`, `        observed: ${check.cause.actual}`);
      if (check.cause.hop !== undefined) lines.push(`        where:    ${check.cause.hop}`);
      if (check.cause.help !== undefined) lines.push(`        look at:  ${check.cause.help}`);
    }
  }
  lines.push(`score ${(report.score * 100).toFixed(0)} %, seed ${report.seed}, trace ${report.traceHash}`);
  return `${lines.join('\n')}\n`;
}
