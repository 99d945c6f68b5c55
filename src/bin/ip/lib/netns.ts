/** Namespaces by name, path or process id. Models lib/namespace.c netns_get_fd() */

import type { Process } from '../../../os/process.ts';
import type { Netns } from '../../../os/uapi.ts';

/** A name under /run/netns, `/run/netns/NAME`, `/proc/PID/ns/net` or a process id. */
export function findNetns(p: Process, text: string): Netns | undefined {
  const path = /^(?:\/var)?\/run\/netns\/([^/]+)$/.exec(text);
  const named = p.kernel.named.get(path ? (path[1] as string) : text);
  if (named) return named;
  const pid = /^\/proc\/(\d+|self)\/ns\/net$/.exec(text)?.[1] ?? (/^\d+$/.test(text) ? text : undefined);
  if (pid === undefined) return undefined;
  return pid === 'self' ? p.ns : p.machine.processes.get(Number(pid))?.ns;
}
