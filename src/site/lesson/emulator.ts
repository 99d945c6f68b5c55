/** Build time: runs the emulator in Node for the terminal blocks, the task lists and the predictions of a page. */

import { loadLab } from 'virtual:hopwise-labs';
import type { Step, StepResult } from '../../host/protocol.ts';
import type { LabInfo } from '../../lab/session.ts';
import { createSession, transcript } from '../../lab/session.ts';
import { loadWorld } from '../../lab/world.ts';

/** Readers and build see one and the same world: same seed, same MAC addresses, same interface names. */
const SEED = 1;

export async function runSteps(lab: string | undefined, steps: readonly Step[]): Promise<readonly StepResult[]> {
  const source = lab ? await loadLab(lab) : undefined;
  if (source) await loadWorld(source);
  return transcript({ lab: source, steps, seed: SEED });
}

export async function labInfo(lab: string): Promise<LabInfo> {
  const source = await loadLab(lab);
  await loadWorld(source);
  return createSession({ lab: source, seed: SEED }).info;
}
