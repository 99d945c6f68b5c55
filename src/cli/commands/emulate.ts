/** `hopwise emulate FILE.scn… --out DIR`. */

import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { emulate } from '../emulate.ts';
import { parseScenario } from '../scenario.ts';
import { integer, parseArgs } from './args.ts';

export function emulateCommand(argv: string[]): number {
  const args = parseArgs(argv, { values: ['out', 'seed', 'times'] });
  const out = args.values.get('out');
  if (args.operands.length === 0 || out === undefined)
    throw new Error('usage: hopwise emulate FILE.scn… --out DIR [--seed N] [--times RECORDINGS]');
  const files = args.operands.flatMap((f) =>
    statSync(f).isDirectory()
      ? readdirSync(f)
          .filter((n) => n.endsWith('.scn'))
          .sort()
          .map((n) => join(f, n))
      : [f],
  );
  mkdirSync(out, { recursive: true });
  let bad = 0;
  for (const file of files) {
    try {
      const scenario = parseScenario(file);
      const recorded = join(args.values.get('times') ?? '/nonexistent', `${scenario.name}.json`);
      const times = existsSync(recorded)
        ? (JSON.parse(readFileSync(recorded, 'utf8')) as { steps: { time: number }[] }).steps.map((s) => s.time)
        : undefined;
      const recording = emulate(scenario, { seed: integer(args, 'seed', 1), ...(times ? { times } : {}) });
      writeFileSync(join(out, `${scenario.name}.json`), `${JSON.stringify(recording, null, 1)}\n`);
    } catch (e) {
      bad++;
      process.stderr.write(`${file}: ${e instanceof Error ? e.stack : e}\n`);
    }
  }
  return bad > 0 ? 1 : 0;
}
