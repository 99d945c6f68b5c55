/** Endpoints that come and go: the recorded course of events, step by step. */

import type { Check } from './proxy-case.ts';

export function judgeDyn({ name }: { folder: string; name: string }): Check[] {
  return [{ group: 'dyn', name, passed: false, wanted: '', got: 'not yet' }];
}
