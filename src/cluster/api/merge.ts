/** JSON merge patch, RFC 7386. */

import { isObject } from './equal.ts';

export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const out: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key];
    else out[key] = isObject(value) ? mergePatch(out[key], value) : value;
  }
  return out;
}
