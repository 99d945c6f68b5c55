/** Build time: runs the emulator in Node for the terminal blocks, the task lists and the predictions of a page. */

import { loadLab } from 'virtual:hopwise-labs';
import type { Step, StepResult } from '../../host/protocol.ts';
import type { LabInfo } from '../../lab/session.ts';
import { createSession, transcript } from '../../lab/session.ts';
import { loadWorld } from '../../lab/world.ts';

/** Readers and build see one and the same world: same seed, same MAC addresses, same interface names. */
const SEED = 1;

/** A lab's world, or a world without a lab (`w1`, `cluster-w1` …). */
export type Where = { readonly lab: string } | { readonly world: string };

/** What a block of a page says of its place: a world, another lab, or else the lab of the page. */
export function whereOf(props: { lab?: string | undefined; world?: string | undefined }, pageLab: string | undefined): Where {
  if (props.world !== undefined) return { world: props.world };
  const lab = props.lab ?? pageLab;
  return lab === undefined ? { world: 'w1' } : { lab };
}

export async function runSteps(where: Where, steps: readonly Step[]): Promise<readonly StepResult[]> {
  const lab = 'lab' in where ? await loadLab(where.lab) : undefined;
  const world = 'world' in where ? where.world : undefined;
  await loadWorld(lab ?? world ?? 'w1');
  return transcript({ lab, world, steps, seed: SEED });
}

/** @throws Error when what a block is to show is not there: a text that was promised, or a failure nobody told of. */
export function mustShow(results: readonly StepResult[], expect: string | readonly string[], fails: boolean): void {
  const all = results.map((r) => r.output).join('\n');
  const told = results.map((r) => `${r.host}$ ${r.command}\n${r.output}(exit ${r.exitCode})`).join('\n');
  for (const text of typeof expect === 'string' ? [expect] : expect)
    if (!all.includes(text)) throw new Error(`the block does not show ${JSON.stringify(text)}:\n${told}`);
  const bad = results.find((r) => r.exitCode !== 0);
  if (bad && !fails) throw new Error(`a command fails; say \`fails\` if it is meant to:\n${told}`);
}

export async function labInfo(lab: string): Promise<LabInfo> {
  const source = await loadLab(lab);
  await loadWorld(source);
  return createSession({ lab: source, seed: SEED }).info;
}
