/** Times as the API writes them, and ages as tables print them. Models metav1.Time and util/duration. */

import type { Sim } from '../../sim/sim.ts';

/** RFC 3339 in whole seconds: `2026-11-20T09:00:00Z`. */
export function timestamp(sim: Sim, at = sim.now): string {
  return `${new Date(Math.floor((sim.epochMs + at / 1000) / 1000) * 1000).toISOString().slice(0, 19)}Z`;
}

/** RFC 3339 with microseconds: leases and new events. */
export function microTimestamp(sim: Sim, at = sim.now): string {
  const ms = Math.floor(at / 1000);
  return `${new Date(sim.epochMs + ms).toISOString().slice(0, 23)}${String(Math.floor(at) % 1000).padStart(3, '0')}Z`;
}

/** Virtual time (µs) of a timestamp. */
export function microsOf(sim: Sim, time: string): number {
  return (Date.parse(time) - sim.epochMs) * 1000;
}

/** Age in seconds to `12s`, `5m30s`, `3h`, `2d4h`: at most two units, fewer as it grows. */
export function humanDuration(seconds: number): string {
  const s = Math.floor(seconds);
  if (s < -1) return '<invalid>';
  if (s < 0) return '0s';
  if (s < 120) return `${s}s`;
  const m = Math.floor(s / 60);
  if (m < 10) return s % 60 === 0 ? `${m}m` : `${m}m${s % 60}s`;
  if (m < 180) return `${m}m`;
  const h = Math.floor(m / 60);
  if (h < 8) return m % 60 === 0 ? `${h}h` : `${h}h${m % 60}m`;
  if (h < 48) return `${h}h`;
  const d = Math.floor(h / 24);
  if (h < 192) return h % 24 === 0 ? `${d}d` : `${d}d${h % 24}h`;
  if (h < 24 * 365 * 2) return `${d}d`;
  const y = Math.floor(h / 24 / 365);
  if (h < 24 * 365 * 8) return d % 365 === 0 ? `${y}y` : `${y}y${d % 365}d`;
  return `${y}y`;
}

/** Age of something that happened at `then`, as of `now`. */
export function ageOf(then: string | undefined, now: string): string {
  return then === undefined ? '<unknown>' : humanDuration((Date.parse(now) - Date.parse(then)) / 1000);
}
