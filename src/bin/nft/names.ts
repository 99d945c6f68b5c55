/** Devices and users by name and number, for nft. */

import type { Process } from '../../os/process.ts';
import type { xt } from '../../os/uapi.ts';

function field(p: Process, file: string, match: (f: readonly string[]) => boolean, at: number): string | null {
  const text = p.readText(file) ?? '';
  for (const line of text.split('\n')) {
    const f = line.split(':');
    if (f.length > 2 && match(f)) return f[at] ?? null;
  }
  return null;
}

export function namesOf(p: Process): xt.Names {
  const { ns } = p;
  const number = (text: string | null): number | null => (text === null ? null : Number(text));
  return {
    ifindex: (name) => ns.device(name)?.ifindex ?? null,
    ifname: (index) => ns.deviceByIndex(index)?.name ?? null,
    uid: (name) => number(field(p, '/etc/passwd', (f) => f[0] === name, 2)),
    gid: (name) => number(field(p, '/etc/group', (f) => f[0] === name, 2)),
    userName: (id) => field(p, '/etc/passwd', (f) => f[2] === String(id), 0),
    groupName: (id) => field(p, '/etc/group', (f) => f[2] === String(id), 0),
    now: ns.kernel.sim.now,
  };
}
