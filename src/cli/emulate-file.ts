/** A scenario file to a recording file. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { emulate } from './emulate.ts';
import { parseScenario } from './scenario.ts';

export interface EmulateFile {
  readonly file: string;
  /** Folder of the recording to write. */
  readonly out: string;
  readonly seed: number;
  /** Folder with recordings to take the steps' times from, or null to make the recorder's own waits. */
  readonly times: string | null;
}

/** Returns the path written. @throws ScenarioError for a file that can't be read. */
export function emulateFile({ file, out, seed, times }: EmulateFile): string {
  const scenario = parseScenario(file);
  const recorded = times === null ? null : join(times, `${scenario.name}.json`);
  const original =
    recorded !== null && existsSync(recorded)
      ? (JSON.parse(readFileSync(recorded, 'utf8')) as { kernel: string; steps: { time: number }[] })
      : null;
  const recording = emulate(
    original ? { ...scenario, kernel: original.kernel } : scenario,
    original ? { seed, times: original.steps.map((s) => s.time) } : { seed },
  );
  const path = join(out, `${scenario.name}.json`);
  writeFileSync(path, `${JSON.stringify(recording, null, 1)}\n`);
  return path;
}
