/** Scores the emulator against recordings of a real kernel. */

import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { emulate, type Recording } from './emulate.ts';
import { type StepResult, score } from './oracle/compare.mjs';

export interface Scored {
  readonly name: string;
  readonly recording: Recording;
  readonly total: number;
  readonly matched: number;
  /** Steps with output or a non-zero exit, and how many of them are identical. */
  readonly saying: number;
  readonly sayingMatched: number;
  readonly results: readonly StepResult[];
  /** Why the run broke off, when it did: then all its steps count as missed. */
  readonly crash: string | null;
}

export function recordings(folder: string): string[] {
  return readdirSync(folder)
    .filter((f) => f.endsWith('.json') && f !== 'floors.json' && f !== 'summary.json')
    .sort()
    .map((f) => join(folder, f));
}

/** Runs a recording's own steps again, at its times. */
export function scoreRecording(file: string): Scored {
  const recording = JSON.parse(readFileSync(file, 'utf8')) as Recording;
  const name = basename(file, '.json');
  const empty = score(recording.steps, []);
  try {
    const steps = recording.steps.map(({ stdout: _o, stderr: _e, exitCode: _c, time: _t, ...step }) => step);
    const candidate = emulate({ ...recording, name, steps }, { times: recording.steps.map((s) => s.time) });
    return { name, recording, crash: null, ...score(recording.steps, candidate.steps) };
  } catch (e) {
    return { name, recording, crash: e instanceof Error ? (e.stack ?? e.message) : String(e), ...empty, matched: 0, sayingMatched: 0 };
  }
}
