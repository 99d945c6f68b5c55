/** `hopwise emulate FILE.scn… --out DIR`: each scenario on its own, so that one that crashes or hangs leaves the others alone. */

import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isolated } from '../conformance/isolate.ts';
import { integer, parseArgs } from './args.ts';

export async function emulateCommand(argv: string[]): Promise<number> {
  const args = parseArgs(argv, { values: ['out', 'seed', 'times', 'limit'] });
  const out = args.values.get('out');
  if (args.operands.length === 0 || out === undefined)
    throw new Error('usage: hopwise emulate FILE.scn… --out DIR [--seed N] [--times RECORDINGS] [--limit SECONDS]');
  const files = args.operands.flatMap((f) =>
    statSync(f).isDirectory()
      ? readdirSync(f)
          .filter((n) => n.endsWith('.scn'))
          .sort()
          .map((n) => join(f, n))
      : [f],
  );
  mkdirSync(out, { recursive: true });
  const seed = integer(args, 'seed', 1);
  const times = args.values.get('times') ?? null;
  const outcomes = await isolated(
    'emulate',
    files.map((file) => ({ file, out, seed, times })),
    { seconds: integer(args, 'limit', 120) },
  );
  outcomes.forEach((o, i) => {
    if (!o.ok) process.stderr.write(`${files[i]}: ${o.why}\n`);
  });
  return outcomes.every((o) => o.ok) ? 0 : 1;
}
