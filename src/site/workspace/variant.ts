/** Which values of a lab the learner gets: seed, attempt, and whom they were drawn for. */

/** What the static page shows, and what a learner without a ticket gets first. */
const FIRST_SEED = 1;

export interface Variant {
  readonly seed: number;
  readonly attempt: number;
  /** From a teacher's link. */
  readonly learner?: string;
}

const number = (text: string | null, max: number): number | undefined => {
  const n = text === null || !/^\d{1,10}$/.test(text) ? Number.NaN : Number(text);
  return n <= max ? n : undefined;
};

/** `?seed=N&learner=X&attempt=M` of a page's address; null when it asks for nothing. */
export function variantOf(search: string): Variant | null {
  const query = new URLSearchParams(search);
  const seed = number(query.get('seed'), 0xffff_ffff);
  if (seed === undefined) return null;
  const learner = query.get('learner')?.slice(0, 200);
  return { seed, attempt: number(query.get('attempt'), 1_000_000) ?? 1, ...(learner ? { learner } : {}) };
}

export const firstVariant: Variant = { seed: FIRST_SEED, attempt: 1 };

/** Without a course there is no secret to draw from: attempts simply count. */
export function nextVariant({ attempt }: Variant): Variant {
  return { seed: FIRST_SEED + attempt, attempt: attempt + 1 };
}
