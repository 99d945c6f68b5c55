/**
 * `npm run bench:labs [-- --count N] [--jobs N] [--rounds N] [--labs ID,ID]`: how long a full grade of each lab takes, replay and checks together, and how
 * long a pile of submissions takes in bulk, with the memory before and after. Submissions are solutions, starts and decoys of many seeds.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { itemsOf } from '../src/cli/grade/files.ts';
import { Progress } from '../src/cli/grade/progress.ts';
import { bulk, HEAP, summary } from '../src/cli/grade/run.ts';
import { labIds, loadLab } from '../src/cli/labs.ts';
import { grade } from '../src/lab/grade.ts';
import type { LabSource } from '../src/lab/lab.ts';
import { type SubmissionLog, scriptLog } from '../src/lab/log.ts';
import { instantiate } from '../src/lab/parameters.ts';
import { seal, submissionText } from '../src/lab/submission.ts';
import { loadWorld } from '../src/lab/world.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '2000' },
    jobs: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    rounds: { type: 'string', default: '4' },
    labs: { type: 'string', default: '' },
  },
});

/** A lab's scripts under a seed: the solution, nothing at all, alternatives and decoys. */
function scripts(source: LabSource, seed: number): [string, SubmissionLog][] {
  const lab = instantiate(source, seed);
  const all: [string, string][] = [
    ['solution', lab.solution],
    ['start', ''],
    ...[...lab.alternatives, ...lab.decoys].map((s): [string, string] => [s.name, s.script]),
  ];
  return all.map(([name, script]) => [name, scriptLog(lab, script)]);
}

const ms = (n: number): string => n.toFixed(1).padStart(9);
const median = (xs: readonly number[]): number => [...xs].sort((a, b) => a - b)[xs.length >> 1] ?? Number.NaN;

const logs: { readonly lab: string; readonly log: SubmissionLog }[] = [];
console.log(`${'full grade, ms'.padEnd(32)}${['median', 'slowest', 'grades'].map((h) => h.padStart(9)).join('')}  slowest is`);
for (const id of values.labs === '' ? labIds() : values.labs.split(',')) {
  const source = loadLab(id);
  await loadWorld(source.world);
  const times: number[] = [];
  let slowest = { time: 0, name: '' };
  // The first rounds are the compiler's.
  for (let round = -1; round < Number(values.rounds); round++) {
    for (const [name, log] of scripts(source, round + 2)) {
      const start = performance.now();
      grade(source, log);
      const time = performance.now() - start;
      if (round < 0) continue;
      logs.push({ lab: id, log });
      times.push(time);
      if (time > slowest.time) slowest = { time, name: `${name}, seed ${round + 2}` };
    }
  }
  console.log(`${id.padEnd(32)}${ms(median(times))}${ms(slowest.time)}${String(times.length).padStart(9)}  ${slowest.name}`);
}

const count = Number(values.count);
if (count > 0) {
  const folder = mkdtempSync(join(tmpdir(), 'hopwise-bench-'));
  try {
    mkdirSync(join(folder, 'in'));
    for (let i = 0; i < count; i++) {
      const { log } = logs[(i * 7919) % logs.length] as (typeof logs)[number];
      writeFileSync(
        join(folder, 'in', `${String(i).padStart(6, '0')}.json`),
        submissionText(seal(log, { learner: `learner ${i}`, attempt: 1 })),
      );
    }
    const items = itemsOf([join(folder, 'in')], join(folder, 'out'));
    const rss = (): number => process.memoryUsage.rss() >> 20;
    const seen: number[] = [rss()];
    const watch = setInterval(() => seen.push(rss()), 1000);
    const start = performance.now();
    const jobs = Number(values.jobs);
    const briefs = await bulk(items, { resume: false, jobs, seconds: 120, heap: HEAP }, new Progress(items.length));
    clearInterval(watch);
    console.log(`\n${summary(briefs, (performance.now() - start) / 1000, jobs)}`);
    const part = (from: number, to: number): number =>
      median(seen.slice(Math.floor(seen.length * from), Math.max(1, Math.ceil(seen.length * to))));
    console.log(
      `memory (RSS of all workers, MB): ${seen[0]} before, ${part(0.2, 0.4)} in the second fifth, ${part(0.8, 1)} in the last, ${Math.max(...seen)} at most`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
