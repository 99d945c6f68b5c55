/** Pod ranges of nodes, cut from the cluster's. Models pkg/controller/nodeipam's range allocator. */

import { WorkQueue } from '../api/informer.ts';
import { addressText, type Cidr, cidrText, contains, parseCidr } from '../api/ip.ts';
import { keyOf, type Node } from '../api/object.ts';
import type { Controller, ControllerContext, Running } from './context.ts';
import { Recorder } from './events.ts';

const MAX_SUBNETS = 65536;

/** Ranges of one size out of a larger one, each once. */
export class CidrSet {
  private readonly range: Cidr;
  private readonly mask: number;
  private readonly count: number;
  private readonly used = new Set<number>();
  private next = 0;

  constructor(range: Cidr, mask: number) {
    this.range = range;
    this.mask = mask;
    this.count = Math.min(MAX_SUBNETS, 2 ** Math.max(0, mask - range.bits));
  }

  get family(): 4 | 6 {
    return this.range.address.family;
  }

  private get size(): bigint {
    return 1n << BigInt((this.family === 4 ? 32 : 128) - this.mask);
  }

  allocate(): string | undefined {
    for (let i = 0; i < this.count; i++) {
      const n = (this.next + i) % this.count;
      if (this.used.has(n)) continue;
      this.used.add(n);
      this.next = n + 1;
      const value = BigInt(this.range.network) + BigInt(n) * this.size;
      return `${addressText({ ...this.range.address, value })}/${this.mask}`;
    }
    return undefined;
  }

  private indexes(text: string): readonly [number, number] | undefined {
    const c = parseCidr(text);
    if (!c || c.address.family !== this.family || !contains(this.range, c.address)) return undefined;
    const first = Number((BigInt(c.network) - BigInt(this.range.network)) / this.size);
    return [first, first + Math.max(1, 2 ** (this.mask - c.bits)) - 1];
  }

  occupy(text: string): void {
    const [first, last] = this.indexes(text) ?? [1, 0];
    for (let n = first; n <= last && n < this.count; n++) this.used.add(n);
  }

  release(text: string): void {
    const [first, last] = this.indexes(text) ?? [1, 0];
    for (let n = first; n <= last && n < this.count; n++) this.used.delete(n);
  }
}

class NodeIpam implements Running {
  private readonly ctx: ControllerContext;
  private readonly sets: readonly CidrSet[];
  private readonly queue: WorkQueue;
  private readonly events: Recorder;

  constructor(ctx: ControllerContext) {
    this.ctx = ctx;
    this.events = new Recorder(ctx.sim, ctx.client, 'cidrAllocator');
    const { clusterCIDRs = [], nodeMaskIPv4 = 24, nodeMaskIPv6 = 64 } = ctx.options;
    this.sets = clusterCIDRs.flatMap((text) => {
      const range = parseCidr(text);
      return range
        ? [
            new CidrSet(
              { ...range, network: parseCidr(cidrText(range))?.network ?? range.network },
              range.address.family === 4 ? nodeMaskIPv4 : nodeMaskIPv6,
            ),
          ]
        : [];
    });
    this.queue = new WorkQueue(ctx.sim, (key) => this.sync(key));
    ctx.informers.of<Node>('nodes').on({
      add: (node) => this.seen(node),
      update: (_, node) => this.seen(node),
      delete: (node) => {
        for (const cidr of node.spec?.podCIDRs ?? []) for (const set of this.sets) set.release(cidr);
      },
    });
  }

  private seen(node: Node): void {
    const have = node.spec?.podCIDRs ?? [];
    if (have.length === 0) this.queue.add(keyOf(node));
    for (const cidr of have) for (const set of this.sets) set.occupy(cidr);
  }

  private sync(key: string): 'done' | 'again' {
    const live = this.ctx.client.get<Node>('nodes', '', key);
    if (!live.ok || (live.value.spec?.podCIDRs?.length ?? 0) > 0 || live.value.metadata.deletionTimestamp !== undefined) return 'done';
    const podCIDRs: string[] = [];
    for (const set of this.sets) {
      const cidr = set.allocate();
      if (cidr === undefined) {
        for (const c of podCIDRs) for (const s of this.sets) s.release(c);
        this.events.event(live.value, 'Normal', 'CIDRNotAvailable', `Node ${key} status is now: CIDRNotAvailable`);
        return 'again';
      }
      podCIDRs.push(cidr);
    }
    const written = this.ctx.client.patch('nodes', '', key, 'strategic', { spec: { podCIDR: podCIDRs[0], podCIDRs } });
    if (written.ok) return 'done';
    for (const c of podCIDRs) for (const s of this.sets) s.release(c);
    return written.status.code === 404 ? 'done' : 'again';
  }

  stop(): void {
    this.queue.stop();
  }
}

export const nodeIpam: Controller = {
  name: 'node-ipam-controller',
  start: (ctx) =>
    ctx.options.allocateNodeCIDRs === false || (ctx.options.clusterCIDRs?.length ?? 0) === 0 ? { stop: () => {} } : new NodeIpam(ctx),
};
