/** Build time: runs the emulator in Node for the terminal blocks, the task lists and the predictions of a page. */

import { labSource } from '../../host/labs.ts';
import type { Step, StepResult } from '../../host/protocol.ts';
import type { LabInfo, TaskState } from '../../lab/session.ts';
import { createSession, transcript } from '../../lab/session.ts';

/** Readers and build see one and the same world: same seed, same MAC addresses, same interface names. */
export const SEED = 1;

export async function runSteps(lab: string | undefined, steps: readonly Step[]): Promise<readonly StepResult[]> {
  return transcript({ lab: lab ? await labSource(lab) : undefined, steps: [...steps], seed: SEED });
}

export async function firstState(lab: string): Promise<{ info: LabInfo; tasks: readonly TaskState[] }> {
  const session = createSession({ lab: await labSource(lab), seed: SEED });
  return { info: session.info, tasks: session.grade().tasks };
}
