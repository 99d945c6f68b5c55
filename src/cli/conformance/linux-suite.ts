/** Recordings of a real kernel, run again in the emulator: scores by area and, on demand, by scenario and step. */

import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Recording } from '../emulate.ts';
import { recordings, type Scored } from '../linux.ts';
import { score } from '../oracle/compare.mjs';
import { byArea } from './areas.ts';
import { differences } from './differences.ts';
import { isolated } from './isolate.ts';
import { FLOORS, raiseFloors, type SuiteOptions, type SuiteResult, scoreLine } from './suite.ts';

/** `path`: a folder or one recording; the committed goldens when null. */
export async function linuxSuite({ path, diff, scenarios, raise, limit }: SuiteOptions): Promise<SuiteResult> {
  const from = path ?? dirname(FLOORS.linux);
  const all = statSync(from).isDirectory() ? recordings(from) : [from];
  const files = all.filter((f) => diff === null || f.endsWith(`/${diff}.json`));
  if (files.length === 0) throw new Error(diff === null ? `${from}: no recordings` : `${from}: no recording named ${diff}`);
  const outcomes = await isolated('linux', files, { seconds: limit });
  const scores = outcomes.map((o, i) => (o.ok ? o.value : missed(files[i] as string, o.why)));
  if (raise)
    raiseFloors(
      FLOORS.linux,
      scores.map((s) => [s.name, s.matched]),
    );
  const sum = (key: 'saying' | 'sayingMatched' | 'total' | 'matched'): number => scores.reduce((n, s) => n + s[key], 0);
  const areas = byArea(scores.map((s) => ({ name: s.name, tags: s.recording.tags ?? [], matched: s.sayingMatched, total: s.saying })));
  let table = '';
  if (scenarios || files.length === 1 || diff !== null)
    for (const s of scores) table += scoreLine(s.name, s.sayingMatched, s.saying, s.crash ? `BROKE OFF: ${s.crash.split('\n')[0]}` : '');
  else {
    for (const a of areas) table += scoreLine(a.area, a.matched, a.total);
    for (const s of scores) if (s.crash) table += `${s.name} broke off: ${s.crash.split('\n')[0]}\n`;
  }
  if (diff !== null) for (const s of scores) table += differences(s);
  table += `all steps ${sum('matched')}/${sum('total')}; steps that say something:\n`;
  const json = {
    suite: 'linux',
    areas,
    scenarios: scores.map(({ name, total, matched, saying, sayingMatched, crash }) => ({
      name,
      total,
      matched,
      saying,
      sayingMatched,
      crash,
    })),
  };
  return { table, json, matched: sum('sayingMatched'), total: sum('saying') };
}

/** All steps of a recording whose run did not end. */
function missed(file: string, why: string): Scored {
  const recording = JSON.parse(readFileSync(join(file), 'utf8')) as Recording;
  return { name: basename(file, '.json'), recording, crash: why, ...score(recording.steps, []), matched: 0, sayingMatched: 0 };
}
