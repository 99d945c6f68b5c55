/** Runs a probe: its task within a place, the trace beside it, no longer than the outcome is open. */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import type { Micros } from '../../sim/sim.ts';
import type { Spot } from '../place.ts';
import { Call, settle } from './caller.ts';
import { Journey } from './journey.ts';
import { Watch } from './watch.ts';

/** Events of the whole simulation while one probe runs. */
const MAX_EVENTS = 400_000;

export interface Probed<T> {
  readonly outcome: T;
  readonly journey: Journey;
}

export interface Patience {
  /** Virtual µs after which it is given up. */
  readonly micros: Micros;
  /** How often its first packet may be dropped for good before it is given up. */
  readonly tries: number;
}

/** `given`: the outcome of a probe that was given up. */
export function probe<T>(spot: Spot, patience: Patience, body: (p: Process, watch: Watch) => Task<T>, given: (p: Process) => T): Probed<T> {
  const { sim } = spot.machine;
  const watch = new Watch(sim, spot.ns);
  try {
    const call = new Call(spot, patience.micros, (p) => body(p, watch), watch.made);
    for (let events = 0; !call.ended && events < MAX_EVENTS; events++) {
      const until = Math.min(call.deadline, watch.hopeless(patience.tries) ?? call.deadline);
      if (!sim.step(until)) {
        sim.runUntil(until);
        break;
      }
    }
    call.stop();
    return { outcome: call.result === undefined ? given(call.process) : call.result, journey: new Journey(spot, watch) };
  } finally {
    watch.end();
  }
}

/** Without the trace beside it: for many in a row. */
export function plain<T>(spot: Spot, micros: Micros, body: (p: Process) => Task<T>, given: T): T {
  const call = new Call(spot, micros, body);
  settle(spot.machine.sim, [call]);
  return call.result === undefined ? given : call.result;
}
