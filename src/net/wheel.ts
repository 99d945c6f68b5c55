/** When a kernel timer really fires. Models kernel/time/timer.c */

import type { Micros } from '../sim/sim.ts';

/** CONFIG_HZ=250 */
const JIFFY = 4_000;

/**
 * When a kernel timer really fires: the wheel has levels of coarser and coarser buckets, and a timer waits for the end of its bucket.
 * So a second becomes 1.01 to 1.03 s.
 */
export function wheelTime(now: Micros, delay: Micros): Micros {
  const expires = Math.ceil((now + delay) / JIFFY);
  const delta = expires - Math.floor(now / JIFFY);
  let shift = 0;
  for (let level = 63; delta >= level && shift < 24; level *= 8) shift += 3;
  const unit = 2 ** shift;
  return (Math.floor(expires / unit) + 1) * unit * JIFFY;
}
