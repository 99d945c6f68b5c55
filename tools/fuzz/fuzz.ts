#!/usr/bin/env node
/**
 * Differential fuzzer: random networks in real namespaces and in the emulator must print the same.
 * fuzz.ts [--seed N] [--runs N] [--minutes M] [--jobs J] [--keep DIR] [--no-shrink] [FILE.scn …]
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { emulate, type RecordedStep } from '../../src/cli/emulate.ts';
import { score } from '../../src/cli/oracle/compare.mjs';
import { parseScenario, type Scenario, type Step } from '../../src/cli/scenario.ts';
import { generate, write } from './generate.ts';
import { missing, runReal } from './real.ts';

interface Verdict {
  real: RecordedStep[];
  mine: RecordedStep[];
  /** Index of the first step that differs, -1 when none. */
  failing: number;
  why: string;
}

async function differs(s: Scenario): Promise<Verdict> {
  const real = await runReal(s);
  let mine: RecordedStep[];
  try {
    mine = emulate(s, { times: real.map((x) => x.time) }).steps;
  } catch (e) {
    return { real, mine: [], failing: 0, why: `the emulator threw: ${(e as Error).stack}` };
  }
  const bad = score(real, mine).results.find((x) => !x.ok);
  return {
    real,
    mine,
    failing: bad?.i ?? -1,
    why: bad ? `${bad.why.join('; ')}\n--- real\n${bad.a.stdout}${bad.a.stderr}--- emulated\n${bad.b.stdout}${bad.b.stderr}` : '',
  };
}

/** What the real kernel itself does not do twice alike is nobody's fault. */
async function stable(s: Scenario, failing: number, first: RecordedStep[]): Promise<boolean> {
  const again = await runReal(s);
  return score(first, again).results.every((x) => x.i !== failing || x.ok);
}

/** Steps without which nothing is left of a later one: a capture's start and end go together. */
function without(steps: readonly Step[], from: number, to: number): Step[] {
  const gone = new Set(steps.slice(from, to).flatMap((x) => (x.op === 'start' || x.op === 'stop' ? [x.name] : [])));
  return steps.filter((x, i) => (i < from || i >= to) && !((x.op === 'start' || x.op === 'stop') && gone.has(x.name)));
}

/** Drops steps in smaller and smaller pieces while the last one still differs. */
async function shrink(s: Scenario, failing: number): Promise<{ scenario: Scenario; why: string }> {
  let best: Scenario = { ...s, steps: s.steps.slice(0, failing + 1) };
  let why = '';
  let tries = 40;
  const command = (s.steps[failing] as Step).command;
  for (let size = Math.ceil(best.steps.length / 2); size >= 1 && tries > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = best.steps.length - 1 - size; at >= 0 && tries > 0; at -= size) {
      const candidate = { ...best, steps: without(best.steps, at, at + size) };
      if (candidate.steps.at(-1)?.command !== command) continue;
      tries--;
      const v = await differs(candidate).catch(() => null);
      if (v && v.failing === candidate.steps.length - 1) {
        best = candidate;
        why = v.why;
      }
    }
  }
  return { scenario: best, why };
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string' },
    runs: { type: 'string', default: '20' },
    minutes: { type: 'string' },
    jobs: { type: 'string', default: '2' },
    keep: { type: 'string' },
    'no-shrink': { type: 'boolean', default: false },
  },
});
const lacking = missing();
if (lacking !== '') {
  console.error(`fuzz:linux needs ${lacking}`);
  process.exit(2);
}
if (values.keep) mkdirSync(values.keep, { recursive: true });
const first = Number(values.seed ?? Math.floor(Date.now() / 1000) % 1_000_000);
const end = values.minutes ? Date.now() + Number(values.minutes) * 60_000 : Number.POSITIVE_INFINITY;
const runs = values.minutes && values.runs === '20' ? Number.POSITIVE_INFINITY : Number(values.runs);
const queue: (() => Scenario)[] = positionals.map((file) => () => parseScenario(file));
let next = 0;
let steps = 0;
let found = 0;
let unstable = 0;

async function worker(): Promise<void> {
  for (;;) {
    const n = next++;
    if (Date.now() > end || n >= (queue.length > 0 ? queue.length : runs)) return;
    const s = queue.length > 0 ? (queue[n] as () => Scenario)() : generate(first + n);
    try {
      const v = await differs(s);
      steps += v.real.length;
      if (v.failing < 0) continue;
      if (!(await stable(s, v.failing, v.real))) {
        unstable++;
        continue;
      }
      found++;
      const small = values['no-shrink'] ? { scenario: s, why: v.why } : await shrink(s, v.failing);
      console.log(`\n##### ${s.name} step ${v.failing}: ${s.steps[v.failing]?.command}\n${small.why || v.why}\n${write(small.scenario)}`);
      if (values.keep) writeFileSync(join(values.keep, `${s.name}.scn`), write(small.scenario));
    } catch (e) {
      console.error(`${s.name}: ${(e as Error).message}`);
    }
  }
}

await Promise.all(Array.from({ length: Number(values.jobs) }, worker));
console.log(`${next} networks from seed ${first}, ${steps} steps, ${found} differ, ${unstable} unstable`);
process.exit(found > 0 ? 1 : 0);
