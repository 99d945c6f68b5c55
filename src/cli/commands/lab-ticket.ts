/** `hopwise lab ticket`: the seeds of a course's learners, and the links that open their variants. */

import { readFileSync } from 'node:fs';
import { csvRow } from '../../lab/result/csv.ts';
import { readSecret, seedOf, ticketQuery } from '../../lab/ticket.ts';
import { labIds } from '../labs.ts';
import { integer, parseArgs } from './args.ts';

export const TICKET_USAGE = '--secret-file F --lab ID (--learner NAME | --learners FILE) [--attempt N] [--page ADDRESS] [--labs DIR]';

export function ticketCommand(argv: readonly string[]): number {
  const args = parseArgs(argv, { values: ['secret-file', 'lab', 'learner', 'learners', 'attempt', 'page', 'labs'] });
  const value = (name: string): string => args.values.get(name) ?? '';
  const lab = value('lab');
  const [learner, list] = [value('learner'), value('learners')];
  if (value('secret-file') === '' || lab === '' || (learner === '') === (list === ''))
    throw new Error(`usage: hopwise lab ticket ${TICKET_USAGE}`);
  const ids = labIds(args.values.get('labs'));
  if (!ids.includes(lab)) throw new Error(`no lab "${lab}"; there are: ${ids.join(', ')}`);
  const attempt = integer(args, 'attempt', 1);
  const secret = readSecret(readFileSync(value('secret-file'), 'utf8'));
  const seedFor = (who: string): number => seedOf(secret, { learner: who, lab, attempt });
  const link = (who: string): string => value('page') + ticketQuery(seedFor(who), { learner: who, lab, attempt });
  if (learner !== '') {
    process.stdout.write(`seed ${seedFor(learner)}\n${link(learner)}\n`);
    return 0;
  }
  const learners = readLearners(readFileSync(list, 'utf8'));
  if (learners.length === 0) throw new Error(`--learners ${list}: nobody is in it; write one learner a line`);
  process.stdout.write(csvRow(['learner', 'lab', 'attempt', 'seed', 'link']));
  for (const who of learners) process.stdout.write(csvRow([who, lab, attempt, seedFor(who), link(who)]));
  return 0;
}

/** One learner a line, of a CSV its first column; empty lines and lines with # are left out. */
function readLearners(text: string): string[] {
  const names = text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .filter((l) => !l.startsWith('#'))
    .map((l) => (/^"((?:[^"]|"")*)"/.exec(l)?.[1]?.replaceAll('""', '"') ?? l.split(/[,;\t]/)[0] ?? '').trim())
    .filter((name) => name !== '');
  return [...new Set(names)];
}
