/** The reference cluster's transcripts against our run of its scripts: outcomes block by block. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runReference } from './cluster.ts';
import { type Block, blocks, verdict } from './transcript.ts';

/** Where a copy of the cluster's scripts and of its transcripts on a real kernel is kept. */
export const REFERENCE = { scripts: join(import.meta.dirname, 'scripts'), transcripts: join(import.meta.dirname, 'transcripts') };

export interface BlockScore {
  readonly wanted: Block;
  readonly got: Block | null;
  readonly passed: boolean;
}

export interface ReferenceScore {
  readonly scenario: string;
  readonly matched: number;
  readonly total: number;
  /** Blocks whose output is the same to the byte. */
  readonly identical: number;
  readonly blocks: readonly BlockScore[];
}

/** Runs a scenario (`s1` to `s14`) on a fresh machine. */
export function scoreReference(scenario: string): ReferenceScore {
  const wanted = blocks(readFileSync(join(REFERENCE.transcripts, `${scenario}.txt`), 'utf8'));
  const got = blocks(runReference(REFERENCE.scripts, `${scenario}.sh`).stdout);
  const scored = wanted.map((w, i): BlockScore => {
    const g = got[i] ?? null;
    return {
      wanted: w,
      got: g,
      passed: g !== null && g.command === w.command && verdict(g.output).join('|') === verdict(w.output).join('|'),
    };
  });
  return {
    scenario,
    matched: scored.filter((b) => b.passed).length,
    total: scored.length,
    identical: scored.filter((b) => b.got?.output === b.wanted.output).length,
    blocks: scored,
  };
}
