/** Recorded calls of real CNI plugins, made again on an emulated node. */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CniItem, CniVerdict } from './cni.ts';
import { isolated } from './isolate.ts';
import { FLOORS, raiseFloors, type SuiteOptions, type SuiteResult, scoreLine } from './suite.ts';

/** Draws of random addresses that a case may need. */
const SEEDS = 8;
/** Lines that a difference shows around what changed. */
const CONTEXT = 1;

const GOLDEN = join(import.meta.dirname, '../golden/kubernetes/cni');

function casesUnder(path: string): string[] {
  if (existsSync(join(path, 'calls.json'))) return [path];
  return readdirSync(path, { withFileTypes: true })
    .filter((d) => d.isDirectory())
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((d) => casesUnder(join(path, d.name)));
}

/** `path`: a case, or a folder of cases; the committed ones when null. */
export async function cniSuite({ path, diff, raise }: SuiteOptions): Promise<SuiteResult> {
  const paths = casesUnder(path ?? GOLDEN).filter((p) => diff === null || p.endsWith(`/${diff}`));
  if (paths.length === 0) throw new Error(`${path ?? GOLDEN}: no case${diff === null ? '' : ` named ${diff}`} (a folder with calls.json)`);
  const outcomes = await isolated(
    'cni',
    paths.map((p) => ({ path: p, seeds: SEEDS })),
    { seconds: 120 },
  );
  const verdicts = outcomes.map((o, i): CniVerdict => (o.ok ? o.value : broken(paths[i] as string, o.why)));
  const matched = verdicts.filter((v) => v.wrong.length === 0).length;
  if (raise) raiseFloors(FLOORS.rules, [['cni', matched]]);
  let table = '';
  for (const v of verdicts) {
    table += scoreLine(v.name, v.items - v.wrong.length, v.items, v.wrong.length === 0 ? '' : v.wrong.map((w) => w.what).join(', '));
    if (diff !== null) for (const w of v.wrong) table += difference(w);
  }
  const json = {
    suite: 'cni',
    cases: verdicts.map((v) => ({ name: v.name, items: v.items, wrong: v.wrong.map((w) => w.what), matched: v.wrong.length === 0 })),
  };
  return { table: `${table}cases:\n`, json, matched, total: verdicts.length };
}

function broken(path: string, why: string): CniVerdict {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return { name, group: name, items: 1, wrong: [{ what: 'run', wanted: '', got: why }] };
}

function difference({ what, wanted, got }: CniItem): string {
  const [a, b] = [wanted.split('\n'), got.split('\n')];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const from = Math.max(0, head - CONTEXT);
  const show = (sign: string, lines: readonly string[]): string => lines.map((l) => `  ${sign} ${l}\n`).join('');
  return `\n${what}\n${show(' ', a.slice(from, head))}${show('-', a.slice(head, a.length - tail))}${show('+', b.slice(head, b.length - tail))}`;
}
