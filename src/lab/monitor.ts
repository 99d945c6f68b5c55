/** What asks a lab's service all the time, from the moment the learner comes. */

import { SEC } from '../sim/sim.ts';
import { Asker } from './asker.ts';
import type { Service } from './lab.ts';
import { provideMonitor, type ServiceCount, type ServiceMonitor } from './service.ts';
import type { World } from './world.ts';

class Monitor implements ServiceMonitor {
  failure: string | null = null;
  private asked = 0;
  private failed = 0;
  private readonly service: Service;
  private readonly asker: Asker;

  constructor(world: World, service: Service) {
    this.service = service;
    this.asker = new Asker(world, { from: service.from, url: service.url, every: service.every * SEC }, ({ ok, text }) => {
      this.asked++;
      if (ok) return;
      this.failed += service.every;
      this.failure ??= text;
    });
  }

  get count(): ServiceCount {
    return { asked: this.asked, failed: Math.round(this.failed * 1000) / 1000, budget: this.service.budget };
  }

  stop(): void {
    this.asker.stop();
  }
}

provideMonitor((world, service) => new Monitor(world, service));
