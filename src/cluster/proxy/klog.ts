/** Log lines as Kubernetes' components write them. Models k8s.io/klog/v2 */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';

export type Value = string | boolean | number | readonly string[];

function shown(v: Value): string {
  if (typeof v === 'string') return JSON.stringify(v);
  return typeof v === 'object' ? `[${v.map((s) => JSON.stringify(s)).join(',')}]` : String(v);
}

/** `I1121 03:41:09.123456       1 server.go:219] "message" key="value"` on standard error. */
export function* klog(
  p: Process,
  severity: 'I' | 'W' | 'E',
  where: string,
  message: string,
  values: Readonly<Record<string, Value>> = {},
): Task<void> {
  const { sim } = p;
  const iso = new Date(sim.epochMs + sim.now / 1000).toISOString();
  const micros = String(Math.floor(sim.now % 1_000_000)).padStart(6, '0');
  const pairs = Object.entries(values).map(([k, v]) => ` ${k}=${shown(v)}`);
  const pid = String(p.nspid > 0 ? p.nspid : p.pid).padStart(7);
  yield* p.err(
    `${severity}${iso.slice(5, 7)}${iso.slice(8, 10)} ${iso.slice(11, 19)}.${micros} ${pid} ${where}] ${JSON.stringify(message)}${pairs.join('')}\n`,
  );
}
