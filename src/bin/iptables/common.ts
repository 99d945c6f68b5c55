/** What iptables' programs have in common: the environment of an invocation, how it ends. */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import type { Env } from './env.ts';

export interface Outcome {
  out: string;
  err: string;
  status: number;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** ctime(): `Fri Nov 20 09:00:00 2026`. */
function ctime(ms: number): string {
  const d = new Date(ms);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${DAYS[d.getUTCDay()]} ${MONTHS[d.getUTCMonth()]} ${String(d.getUTCDate()).padStart(2)} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())} ${d.getUTCFullYear()}`;
}

export function makeEnv(p: Process, prog: string, family: 4 | 6, legacy: boolean): Env {
  const { sim } = p.ns.kernel;
  return {
    prog,
    family,
    legacy,
    tables: legacy ? p.ns.nf.legacy : p.ns.nf.xt,
    ns: p.ns,
    readText: (path) => p.readText(path),
    date: ctime(sim.epochMs + Math.floor(sim.now / 1000)),
  };
}

export function* finish(p: Process, r: Outcome): Task<number> {
  if (r.out !== '') yield* p.out(r.out);
  if (r.err !== '') yield* p.err(r.err);
  return r.status;
}

export function notRoot(p: Process, env: Env): Outcome | null {
  if (p.uid === 0) return null;
  const table = env.legacy
    ? `can't initialize iptables table \`filter': Permission denied (you must be root)\nPerhaps ${env.prog} or your kernel needs to be upgraded.\n`
    : '';
  if (table !== '') return { out: '', err: `${env.prog} v1.8.9 (legacy): ${table}`, status: 3 };
  return {
    out: '',
    err: `${env.prog} v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n`,
    status: 4,
  };
}
