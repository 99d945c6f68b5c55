#!/usr/bin/env node
/**
 * Fuzzer of the grader: submissions that were flipped, torn, re-ordered, replayed, sealed anew, made huge or hostile.
 * submissions.ts [--count N] [--seed N] [--jobs J] [--seconds S] [--labs ID,ID]
 */

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { pool } from '../../src/cli/grade/pool.ts';
import { Progress } from '../../src/cli/grade/progress.ts';
import { ATTACKS } from './attacks.ts';
import type { Verdict } from './oracle.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    seconds: { type: 'string', default: '60' },
    labs: { type: 'string', default: 'wire-a-pod-by-hand,endpoints-none' },
  },
});
const first = Number(values.seed);
const seeds = Array.from({ length: Number(values.count) }, (_, i) => first + i);
const rows = new Map(ATTACKS.map((name) => [name, { runs: 0, graded: 0, intact: 0, best: 0 }]));
const faults: string[] = [];
const fault = (text: string): void => {
  faults.push(text);
  console.error(`\n${text}`);
};
const progress = new Progress(seeds.length);
const start = performance.now();
const script = new URL('./submissions-worker.ts', import.meta.url);
const limits = { script, workers: Number(values.jobs), seconds: Number(values.seconds), heap: 1024, data: values.labs.split(',') };
await pool<number, Verdict>(seeds, limits, (i, outcome) => {
  progress.step(faults.length > 0 ? `, ${faults.length} faults` : '');
  if (!outcome.ok) {
    fault(`seed ${seeds[i]}: ${outcome.why}`);
    return;
  }
  const { attack, status, intact, score, fault: wrong } = outcome.value;
  const row = rows.get(attack);
  if (row) {
    row.runs++;
    if (status === 'graded') row.graded++;
    if (intact) row.intact++;
    row.best = Math.max(row.best, score);
  }
  if (wrong !== null) fault(`seed ${seeds[i]}: ${attack}: ${wrong}`);
});
progress.end();
console.log(`${'attack'.padEnd(34)}${['runs', 'graded', 'intact', 'best'].map((h) => h.padStart(8)).join('')}`);
for (const [name, { runs, graded, intact, best }] of rows)
  console.log(`${name.padEnd(34)}${[runs, graded, intact, best.toFixed(2)].map((n) => String(n).padStart(8)).join('')}`);
for (const text of faults.slice(0, 50)) console.log(text);
console.log(`${seeds.length} submissions, ${faults.length} faults, ${((performance.now() - start) / 1000).toFixed(0)} s`);
process.exitCode = faults.length > 0 ? 1 : 0;
