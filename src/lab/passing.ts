/** Time that passes in a world while a grader waits: bounded in events too, whatever the learner left running. */

import type { Micros, Sim } from '../sim/sim.ts';

/** Events of one wait; a quiet cluster makes about twenty a second. */
const MAX_EVENTS = 150_000;

/** Lets that much time pass; less in a world that is too busy. */
export function pass(sim: Sim, micros: Micros, events = MAX_EVENTS): void {
  sim.runUntil(sim.now + micros, events);
}

/** Lets time pass in slices until `done`, asked after each, says so; false when time or events were used up before. */
export function passUntil(sim: Sim, slice: Micros, micros: Micros, done: () => boolean): boolean {
  const end = sim.now + micros;
  const last = sim.steps + MAX_EVENTS;
  while (sim.now < end && sim.steps < last) {
    if (done()) return true;
    sim.runUntil(Math.min(end, sim.now + slice), last - sim.steps);
  }
  return done();
}
