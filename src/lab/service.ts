/** The service-level monitor of an on-call lab, as the rest of the lab sees it; what asks comes with src/lab/monitor.ts. */

import type { Service } from './lab.ts';
import type { World } from './world.ts';

/** How often the service was asked, and for how long it failed. */
export interface ServiceCount {
  readonly asked: number;
  /** Seconds. */
  readonly failed: number;
  /** Seconds of failure that the objective allows. */
  readonly budget: number;
}

export interface ServiceMonitor {
  readonly count: ServiceCount;
  /** What came of the first request that failed. */
  readonly failure: string | null;
  stop(): void;
}

type Make = (world: World, service: Service) => ServiceMonitor;

let make: Make | null = null;

export function provideMonitor(how: Make): void {
  make = how;
}

/** A monitor that asks from now on. @throws Error when nobody has loaded it: see loadWorld. */
export function startMonitor(world: World, service: Service): ServiceMonitor {
  if (!make) throw new Error("the lab's service needs its monitor: give loadWorld the lab's `service` too");
  return make(world, service);
}
