/** One machine's kernel as far as networking goes: its namespaces and what they share. */

import type { Sim } from '../sim/sim.ts';
import { Netns } from './netns.ts';
import { type KernelProfile, LINUX_6_18 } from './profile.ts';

export class Kernel {
  readonly sim: Sim;
  readonly hostname: string;
  readonly profile: KernelProfile;
  /** The first namespace, the one that the machine boots in. */
  readonly init: Netns;
  /** Names of namespaces as under /run/netns, in order of creation. */
  readonly named = new Map<string, Netns>();
  /** VRF that new sockets of the running process are bound to; null for none. */
  socketVrf: string | null = null;
  /** Devices that send inside another's sending, as tunnels do. */
  xmitDepth = 0;
  /** Kernel log: microseconds since boot and text, as dmesg shows them. */
  readonly log: { time: number; text: string }[] = [];

  constructor(sim: Sim, hostname: string, profile: KernelProfile = LINUX_6_18) {
    this.sim = sim;
    this.profile = profile;
    this.hostname = hostname;
    this.init = new Netns(this);
  }

  newNetns(): Netns {
    return new Netns(this);
  }

  nameOf(ns: Netns): string | undefined {
    for (const [name, n] of this.named) if (n === ns) return name;
    return undefined;
  }

  printk(text: string): void {
    this.log.push({ time: this.sim.now, text });
    if (this.log.length > 10_000) this.log.shift();
  }
}
