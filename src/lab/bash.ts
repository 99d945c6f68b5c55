/** bash at a place, driven to its end: for checks that run something of their own. */

import { type Limits, type RunResult, startCommand } from '../os/run.ts';
import { SEC } from '../sim/sim.ts';
import type { Spot } from './place.ts';

/** What a check's script may use up. */
export const SCRIPT_LIMITS: Limits = { micros: 120 * SEC, steps: 1_000_000, bytes: 64 << 10 };

/** In a container as `kubectl exec POD -- bash -c` runs it, or sh where there is no bash. */
export function bashAt(spot: Pick<Spot, 'machine' | 'ns' | 'view'>, script: string, limits: Limits = SCRIPT_LIMITS): RunResult {
  const { machine, ns, view } = spot;
  if (!view) return startCommand(machine, script, { ns, limits }).finish();
  const enter = (argv: readonly string[], opts: object) => machine.spawn(argv, { ...opts, ...view, ns });
  const bash = startCommand(machine, script, { enter, limits });
  return bash.process ? bash.finish() : startCommand(machine, ['sh', '-c', script], { enter, limits }).finish();
}

/** The last lines of what a script wrote, as evidence. */
export function tail(r: RunResult, lines = 12): string[] {
  const all = `${r.stdout}\n${r.stderr}`.split('\n').filter((l) => l.trim() !== '');
  return all.slice(-lines).map((l) => l.slice(0, 300));
}
