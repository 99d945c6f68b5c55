/** Wall-clock times as API objects carry them. Models apimachinery's metav1.Time and MicroTime. */

import type { Sim } from '../../sim/sim.ts';

let lastMs = Number.NaN;
let lastText = '';

/** RFC 3339 with whole seconds, as metav1.Time is written. */
export function timeText(ms: number): string {
  const whole = Math.floor(ms / 1000);
  if (whole !== lastMs) {
    lastMs = whole;
    lastText = `${new Date(whole * 1000).toISOString().slice(0, 19)}Z`;
  }
  return lastText;
}

/** Milliseconds since 1970 in virtual time. */
export function nowMs(sim: Sim): number {
  return sim.epochMs + sim.now / 1000;
}

export function nowText(sim: Sim): string {
  return timeText(nowMs(sim));
}

/** Milliseconds since 1970; NaN for what is no time. */
export function parseTime(text: string | undefined): number {
  return text === undefined ? Number.NaN : Date.parse(text);
}

/** Virtual µs from now until `text` plus `seconds`; negative once it has passed. */
export function untilAfter(sim: Sim, text: string | undefined, seconds: number): number {
  return Math.round((parseTime(text) + seconds * 1000 - nowMs(sim)) * 1000);
}

/** µs until something that is ready since `since` has been so for `seconds`; at least one ms. */
export function readyLeft(now: number, since: number, seconds: number): number {
  return Math.max(1, since + seconds * 1000 - now) * 1000;
}
