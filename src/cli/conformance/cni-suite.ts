/** Recorded calls of real CNI plugins, made again on an emulated node. */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CniItem, CniVerdict } from './cni.ts';
import { isolated } from './isolate.ts';
import { FLOORS, raiseFloors, type SuiteOptions, type SuiteResult, scoreLine } from './suite.ts';

/** Of two random addresses the lower decides what a bridge takes: one draw for either order. */
const SEEDS = 2;

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

/** Lines that only one side has, by the longest common subsequence. */
function difference({ what, wanted, got }: CniItem): string {
  const [a, b] = [wanted.split('\n'), got.split('\n')];
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  const at = (i: number, j: number): number => (common[i] as Uint16Array)[j] as number;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      (common[i] as Uint16Array)[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  let out = `\n${what}\n`;
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) out += `  - ${a[i++]}\n`;
    else out += `  + ${b[j++]}\n`;
  }
  return out;
}
