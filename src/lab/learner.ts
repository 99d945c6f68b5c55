/** The login that everything belongs to that a learner starts, with the programs that the lab allows it. */

import type { AuditSession } from '../os/audit.ts';
import type { Lab } from './lab.ts';

/** Without a shell nobody could start anything. */
const SHELLS: readonly string[] = ['bash', 'sh'];

/** `iptables*` stands for every name that begins so. */
function named(list: readonly string[], names: readonly string[]): boolean {
  return list.some((entry) => names.some((n) => (entry.endsWith('*') ? n.startsWith(entry.slice(0, -1)) : n === entry)));
}

export function learnerOf({ commands }: Lab): AuditSession {
  const { allow, forbid = [] } = commands ?? {};
  return {
    id: 1,
    allows(program, path) {
      const names = [program, path.slice(path.lastIndexOf('/') + 1)];
      if (named(forbid, names)) return false;
      return allow === undefined || names.some((n) => SHELLS.includes(n)) || named(allow, names);
    },
  };
}
