/** `hopwise lab grade FILES|FOLDER…` and `hopwise lab regrade DIR`: submissions in bulk. */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { csvRow } from '../../lab/result/csv.ts';
import type { Visibility } from '../../lab/result/gradescope.ts';
import { line, textOf } from '../../lab/result/plain.ts';
import { checksOf, notesOf, type Result } from '../../lab/result/result.ts';
import { readSecret } from '../../lab/ticket.ts';
import { itemsOf, RESULTS } from '../grade/files.ts';
import type { Brief, Item } from '../grade/one.ts';
import { FORMATS, readContext, writeOutputs } from '../grade/outputs.ts';
import { Progress } from '../grade/progress.ts';
import { CHANGE_COLUMNS, type Change, changeRow, changeText, compare } from '../grade/regrade.ts';
import { type BulkSettings, bulk, HEAP, summary } from '../grade/run.ts';
import { type Args, integer, parseArgs } from './args.ts';

/** What a grading's folder remembers: where the submissions are. */
interface Index {
  readonly submissions: readonly string[];
}

const INDEX = 'grading.json';
const VISIBILITIES: readonly string[] = ['hidden', 'after_due_date', 'after_published', 'visible'];
const OPTIONS = {
  values: ['out', 'format', 'jobs', 'secret-file', 'max-events', 'seconds', 'labs', 'visibility', 'classroom50'],
  switches: ['content-changed', 'fresh', 'quiet'],
};

export const GRADE_USAGE = `FILE|FOLDER… [--out DIR] [--format ${Object.keys(FORMATS).join(',')}] [--jobs N] [--secret-file F]
                    [--max-events N] [--seconds N] [--labs DIR] [--content-changed] [--fresh] [--quiet]
                    [--visibility ${VISIBILITIES.join('|')}] [--classroom50 CONTEXT.json]`;
export const REGRADE_USAGE = 'DIR [FILE|FOLDER…] [--out DIR] [--jobs N] … | --old DIR --new DIR';

function settingsOf(args: Args, regrade: boolean): BulkSettings {
  const secretFile = args.values.get('secret-file');
  const labs = args.values.get('labs');
  return {
    resume: !args.switches.has('fresh'),
    contentChanged: regrade || args.switches.has('content-changed'),
    jobs: Math.max(1, integer(args, 'jobs', availableParallelism())),
    seconds: Math.max(1, integer(args, 'seconds', 60)),
    heap: HEAP,
    ...(args.values.has('max-events') ? { maxSteps: integer(args, 'max-events', 0) } : {}),
    ...(secretFile === undefined ? {} : { secret: readSecret(readFileSync(secretFile, 'utf8')) }),
    ...(labs === undefined ? {} : { labs: resolve(labs) }),
  };
}

function formatsOf(args: Args, fallback: string): string[] {
  const formats = (args.values.get('format') ?? fallback).split(',').filter((f) => f !== '');
  for (const f of formats)
    if (!(f in FORMATS)) throw new Error(`--format: there is no "${f}"; there are: ${Object.keys(FORMATS).join(', ')}`);
  return formats;
}

/** Grades into `out`, writes the formats there, and shows each result to `look`. */
async function gradeInto(
  out: string,
  items: readonly Item[],
  args: Args,
  fallback: string,
  look: ((item: Item, result: Result) => void) | 'regrade',
): Promise<{ briefs: Brief[]; said: string }> {
  const regrade = look === 'regrade';
  const visibility = args.values.get('visibility') ?? 'visible';
  if (!VISIBILITIES.includes(visibility)) throw new Error(`--visibility takes one of ${VISIBILITIES.join(', ')}, not "${visibility}"`);
  const context = args.values.get('classroom50');
  const formats = formatsOf(args, fallback);
  // After a check was mended the submissions are for the checks as they were.
  const settings = settingsOf(args, regrade);
  const progress = items.length > 1 && !args.switches.has('quiet') ? new Progress(items.length) : null;
  const start = performance.now();
  const briefs = await bulk(items, settings, progress);
  const said = summary(briefs, (performance.now() - start) / 1000, Math.min(settings.jobs, items.length));
  writeOutputs(
    out,
    items,
    formats,
    { visibility: visibility as Visibility, classroom: context === undefined ? {} : readContext(context) },
    regrade ? () => {} : look,
  );
  return { briefs, said };
}

export async function gradeCommand(argv: readonly string[]): Promise<number> {
  const args = parseArgs(argv, OPTIONS);
  if (args.operands.length === 0) throw new Error(`which submissions? usage: hopwise lab grade ${GRADE_USAGE}`);
  const folder = args.values.get('out');
  const out = folder ?? mkdtempSync(join(tmpdir(), 'hopwise-grade-'));
  try {
    const items = itemsOf(args.operands, out);
    if (items.length === 0)
      throw new Error(`${args.operands.join(' ')}: there is no submission; they are files *.json, or *.txt with a link`);
    if (folder !== undefined) {
      mkdirSync(out, { recursive: true });
      const index: Index = { submissions: args.operands.map((o) => relative(out, o)) };
      writeFileSync(join(out, INDEX), `${JSON.stringify(index, null, 2)}\n`);
    }
    const shows = folder === undefined && !args.values.has('format');
    const { briefs, said } = await gradeInto(out, items, args, folder === undefined ? '' : 'csv,json', (item, result) => {
      if (shows) process.stdout.write(items.length === 1 ? textOf(result) : `${oneLine(item, result)}\n`);
    });
    if (folder === undefined && !shows) printFormats(out, items, formatsOf(args, ''));
    if (!args.switches.has('quiet')) process.stderr.write(`${said}${folder === undefined ? '' : `; written to ${folder}`}\n`);
    return briefs.every((b) => b.status === 'graded') && (items.length > 1 || briefs[0]?.passed) ? 0 : 1;
  } finally {
    if (folder === undefined) rmSync(out, { recursive: true, force: true });
  }
}

function oneLine({ name }: Item, r: Result): string {
  const failed = checksOf(r).filter((c) => !c.informational && c.status !== 'passed');
  const score = r.status === 'graded' ? `${Math.floor(r.score * 100)} %` : r.status;
  const notes = [...failed.map((c) => c.name), ...notesOf(r)].map(line).join('; ');
  return `${score.padStart(7)}  ${line(name)}${r.learner === null ? '' : `  ${line(r.learner)}`}${notes === '' ? '' : `  ${notes}`}`;
}

/** Without a folder to write to, one format goes to standard output. */
function printFormats(out: string, items: readonly Item[], formats: readonly string[]): void {
  const [format = ''] = formats;
  const { whole, each } = FORMATS[format] ?? {};
  const file = whole?.[0]?.file ?? (each && items.length === 1 ? join(each.folder, `${items[0]?.name}${each.ending}`) : undefined);
  if (formats.length !== 1 || file === undefined)
    throw new Error(`--format ${formats.join(',')} makes several files; say where with --out DIR`);
  process.stdout.write(readFileSync(join(out, file)));
}

export async function regradeCommand(argv: readonly string[]): Promise<number> {
  const args = parseArgs(argv, { values: [...OPTIONS.values, 'old', 'new'], switches: OPTIONS.switches });
  const [before = args.values.get('old'), ...operands] = args.operands;
  if (before === undefined || !existsSync(join(before, RESULTS)))
    throw new Error(
      `${before === undefined ? 'which grading?' : `${before} is no folder of "lab grade --out"`} usage: hopwise lab regrade ${REGRADE_USAGE}`,
    );
  const given = args.values.get('new');
  const after = given ?? args.values.get('out') ?? join(before, 'regraded');
  if (resolve(after) === resolve(before)) throw new Error(`--out ${after} would write over the old grading; name another folder`);
  if (given === undefined) {
    const { submissions } = JSON.parse(readFileSync(join(before, INDEX), 'utf8')) as Index;
    const items = itemsOf(operands.length > 0 ? operands : submissions.map((s) => resolve(before, s)), after);
    const { said } = await gradeInto(after, items, args, 'csv,json', 'regrade');
    writeFileSync(
      join(after, INDEX),
      `${JSON.stringify({ submissions: [...new Set(items.map((i) => relative(after, i.path)))] } satisfies Index, null, 2)}\n`,
    );
    if (!args.switches.has('quiet')) process.stderr.write(`${said}; written to ${after}\n`);
  }
  return tell(compare(before, after), after);
}

function tell(changes: readonly Change[], out: string): number {
  for (const change of changes) process.stdout.write(changeText(change));
  const count = (is: (by: number) => boolean): number => changes.filter((c) => is((c.after ?? 0) - (c.before ?? 0))).length;
  process.stdout.write(
    changes.length === 0
      ? 'nothing has changed\n'
      : `${changes.length} changed: ${count((by) => by > 0)} higher, ${count((by) => by < 0)} lower, ${count((by) => by === 0)} with the same score\n`,
  );
  writeFileSync(join(out, 'changes.csv'), csvRow(CHANGE_COLUMNS) + changes.map(changeRow).join(''));
  return 0;
}
