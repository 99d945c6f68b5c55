/** One compared step: `ok` when exit code and normalised output are the same. */
export interface StepResult {
  readonly i: number;
  readonly ok: boolean;
  /** What differs: `exit code 0 != 1`, `stdout`, `stderr`, `identity: …`. */
  readonly why: readonly string[];
  readonly a: { readonly stdout: string; readonly stderr: string };
  readonly b: { readonly stdout: string; readonly stderr: string };
}

/** Scores a candidate's steps against recorded ones; `saying` counts the steps with output or a non-zero exit. */
export function score(
  recorded: readonly object[],
  candidate: readonly object[],
): { total: number; matched: number; saying: number; sayingMatched: number; results: readonly StepResult[] };
