/** What every conformance suite takes and gives, and the ratchet of its floors. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface SuiteResult {
  /** What a person reads; ends with a newline. */
  readonly table: string;
  readonly json: unknown;
  readonly matched: number;
  readonly total: number;
}

export interface SuiteOptions {
  readonly path: string | null;
  readonly diff: string | null;
  readonly scenarios: boolean;
  readonly raise: boolean;
  /** Seconds of one scenario. */
  readonly limit: number;
}

export const FLOORS = {
  linux: join(import.meta.dirname, '../golden/floors.json'),
  rules: join(import.meta.dirname, 'floors.json'),
  reference: join(import.meta.dirname, '../reference/floors.json'),
};

/** Raises the floors in a committed file to what passes now; never lowers one. */
export function raiseFloors(file: string, scores: readonly (readonly [name: string, matched: number])[]): void {
  const floors = (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}) as Record<string, number>;
  for (const [name, matched] of scores) floors[name] = Math.max(floors[name] ?? 0, matched);
  const sorted = Object.fromEntries(Object.entries(floors).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify(sorted, null, 2)}\n`);
}

/** A line of a table: `iptables listing      98/100    98.0 %`. */
export function scoreLine(name: string, matched: number, total: number, note = ''): string {
  const share = total ? ((100 * matched) / total).toFixed(1) : '-';
  return `${name.padEnd(32)} ${String(matched).padStart(5)}/${String(total).padEnd(5)} ${share.padStart(5)} %${note && `  ${note}`}\n`;
}
