/** What a failed probe adds to a check's finding. */

import { evidence } from './evidence.ts';
import type { Journey } from './journey.ts';

/** `lost`: no answer came, so the last place matters. */
export function trouble(journey: Journey, lost: boolean): { hop?: string | undefined; log: readonly string[] } {
  return { ...(lost ? { hop: journey.hop } : {}), log: evidence(journey) };
}
