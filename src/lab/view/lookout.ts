/** Tells when the picture of a world has changed, so that it can be asked often. */

import { Vxlan } from '../../net/dev/vxlan.ts';
import type { IpAddr } from '../../wire/addr.ts';
import type { World } from '../world.ts';
import { kernelsOf, topologyOf } from './topology.ts';
import type { Topology } from './types.ts';

const low = (a: IpAddr): number => (typeof a === 'number' ? a : Number(a & 0xffffffffn));

/** A number that is another one after whatever may have changed the picture; changes of other things may change it too. */
export function mark(world: World): number {
  let h = 0x811c9dc5;
  const mix = (n: number): void => {
    h = Math.imul(h ^ (n | 0), 0x01000193);
    h ^= h >>> 15;
  };
  const text = (s: string): void => {
    for (let i = 0; i < s.length; i++) mix(s.charCodeAt(i));
  };
  for (const kernel of kernelsOf(world)) {
    mix(kernel.named.size);
    for (const ns of [kernel.init, ...kernel.named.values()]) {
      mix(ns.inode);
      mix(ns.fib.generation);
      for (const dev of ns.devices.values()) {
        mix(dev.ifindex);
        mix(dev.flags);
        mix(dev.mtu);
        mix(dev.mac);
        mix(dev.carrier() ? 1 : 2);
        mix(dev.master?.ifindex ?? 0);
        text(dev.name);
        for (const a of [...dev.addrs4, ...dev.addrs6]) mix(low(a.local) + a.len);
        if (dev instanceof Vxlan) for (const e of dev.fdb.entries()) for (const r of e.remotes) mix(low(r.ip));
      }
    }
  }
  text(world.kube?.cluster.api.resourceVersion.toString() ?? '');
  return h;
}

export class Lookout {
  private readonly world: World;
  private readonly hosts: readonly string[];
  private marked: number | null = null;
  private text = '';

  constructor(world: World, hosts: readonly string[] = []) {
    this.world = world;
    this.hosts = hosts;
  }

  /** The picture when it is another one than last time, else null. */
  next(): Topology | null {
    const marked = mark(this.world);
    if (marked === this.marked) return null;
    this.marked = marked;
    const topology = topologyOf(this.world, this.hosts);
    const text = JSON.stringify(topology);
    if (text === this.text) return null;
    this.text = text;
    return topology;
  }
}
