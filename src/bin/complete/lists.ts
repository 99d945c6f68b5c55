/** What completers offer from the machine: devices, namespaces, chains, sets, units, processes. */

import type { Task } from '../../os/program.ts';
import { systemdOf } from '../../os/systemd.ts';
import { hostNames, userNames } from '../sh/complete.ts';
import { outputOf } from '../sh/complete-program.ts';
import type { Shell } from '../sh/state.ts';

export { hostNames, userNames };

export const namespaces = (sh: Shell): string[] => [...sh.p.kernel.named.keys()];

/** Devices of the shell's own network namespace, or of a named one. */
export function devices(sh: Shell, netns?: string): string[] {
  const ns = (netns === undefined ? null : sh.p.kernel.named.get(netns)) ?? sh.p.ns;
  return [...ns.devices.values()].map((d) => d.name);
}

export const units = (sh: Shell): string[] => systemdOf(sh.p.machine).files();

export const pids = (sh: Shell): string[] => [...sh.p.machine.processes.keys()].map(String);

export function processNames(sh: Shell): string[] {
  return [...new Set([...sh.p.machine.processes.values()].map((p) => p.name))];
}

/** The words of a pattern's first group in a program's output. */
export function* listed(sh: Shell, argv: readonly string[], line: RegExp): Task<string[]> {
  const text = (yield* outputOf(sh, argv)) ?? '';
  return text.split('\n').flatMap((l) => {
    const m = line.exec(l);
    return m ? [(m[1] ?? m[0]) as string] : [];
  });
}
