/** `hopwise conformance linux [PATH]`: a table by scenario or area, differences on demand, `matched/total` on the last line. */

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { recordings, type Scored, scoreRecording } from '../linux.ts';
import { parseArgs } from './args.ts';

const GOLDEN = join(import.meta.dirname, '../golden');

export function conformanceCommand([suite, ...argv]: string[]): number {
  if (suite !== 'linux') throw new Error('usage: hopwise conformance linux [PATH] [--diff NAME] [--json] [--raise]');
  const args = parseArgs(argv, { values: ['diff'], switches: ['json', 'raise'] });
  const path = args.operands[0] ?? GOLDEN;
  if (!existsSync(path)) throw new Error(`${path}: no such file or folder`);
  const wanted = args.values.get('diff');
  const files = (statSync(path).isDirectory() ? recordings(path) : [path]).filter(
    (f) => wanted === undefined || f.endsWith(`/${wanted}.json`),
  );
  if (files.length === 0) throw new Error(wanted === undefined ? `${path}: no recordings` : `${path}: no recording named ${wanted}`);
  const scores = files.map(scoreRecording);
  if (args.switches.has('raise')) raise(scores);
  const sum = (key: 'saying' | 'sayingMatched' | 'total' | 'matched'): number => scores.reduce((n, s) => n + s[key], 0);
  if (args.switches.has('json')) {
    process.stdout.write(
      `${JSON.stringify(scores.map(({ name, total, matched, saying, sayingMatched, crash }) => ({ name, total, matched, saying, sayingMatched, crash })))}\n`,
    );
  } else {
    for (const s of scores)
      process.stdout.write(
        `${s.name.padEnd(28)} ${String(s.sayingMatched).padStart(4)}/${String(s.saying).padEnd(4)} ${s.saying ? ((100 * s.sayingMatched) / s.saying).toFixed(0).padStart(3) : '  -'} %${s.crash ? `  CRASHED: ${s.crash.split('\n')[0]}` : ''}\n`,
      );
    if (wanted !== undefined) for (const s of scores) process.stdout.write(differences(s));
    process.stdout.write(`all steps ${sum('matched')}/${sum('total')}; steps that say something:\n`);
  }
  process.stdout.write(`${sum('sayingMatched')}/${sum('saying')}\n`);
  return 0;
}

/** Raises the committed floors to what passes now; never lowers one. */
function raise(scores: readonly Scored[]): void {
  const file = join(GOLDEN, 'floors.json');
  const floors = (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}) as Record<string, number>;
  for (const s of scores) floors[s.name] = Math.max(floors[s.name] ?? 0, s.matched);
  const sorted = Object.fromEntries(Object.entries(floors).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify(sorted, null, 2)}\n`);
}

function differences(s: Scored): string {
  let out = s.crash ? `${s.crash}\n` : '';
  for (const r of s.results) {
    if (r.ok) continue;
    const step = s.recording.steps[r.i];
    out += `\n#${r.i} @${step?.ns} ${step?.command}\n   ${r.why.join('; ')}\n`;
    for (const key of ['stdout', 'stderr'] as const) {
      if (r.a[key] === r.b[key]) continue;
      out += ` ${key}:\n${lines(r.a[key], r.b[key])}`;
    }
  }
  return out;
}

/** Recorded lines with -, ours with +, common ones in between, by longest common subsequence. */
function lines(a: string, b: string): string {
  const x = a.split('\n');
  const y = b.split('\n');
  if (x.length * y.length > 250_000) return `  (${x.length} lines against ${y.length})\n`;
  const l = Array.from({ length: x.length + 1 }, () => new Uint16Array(y.length + 1));
  const at = (i: number, j: number): number => l[i]?.[j] ?? 0;
  for (let i = x.length - 1; i >= 0; i--)
    for (let j = y.length - 1; j >= 0; j--)
      (l[i] as Uint16Array)[j] = x[i] === y[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  let out = '';
  for (let i = 0, j = 0; i < x.length || j < y.length; ) {
    if (i < x.length && j < y.length && x[i] === y[j]) {
      i++;
      j++;
    } else if (j >= y.length || (i < x.length && at(i + 1, j) >= at(i, j + 1))) out += `  - ${x[i++]}\n`;
    else out += `  + ${y[j++]}\n`;
  }
  return out;
}
