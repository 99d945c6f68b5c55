/** The page of `npm run bench:map`: the map alone, fed by hand. */

import { signal } from '@preact/signals';
import { render } from 'preact';
import type { Topology, TrafficEvent } from '../src/lab/view/types.ts';
import { big } from '../src/site/map/big.ts';
import { type Batch, MapPane } from '../src/site/map/MapPane.tsx';

const topology = signal<Topology | null>(null);
const traffic = signal<Batch>({ events: [], fresh: 0, left: 0 });

/** Requests from pods to pods of other nodes, with all their hops. */
function requests(from: number, count: number, nodes: number): TrafficEvent[] {
  const out: TrafficEvent[] = [];
  for (let i = from; i < from + count; i++) {
    const [a, b] = [1 + (i % nodes), 1 + ((i * 7 + 3) % nodes)];
    const skb = i + 1;
    const proto = (['icmp', 'tcp', 'udp'] as const)[i % 3] ?? 'other';
    const hop = (space: string, dev: string, what: TrafficEvent['what'], tunnels: readonly string[] = []): void => {
      out.push({
        ...{ seq: out.length, time: i * 500 + out.length, skb, parent: 0, root: skb, space, dev, what, proto, tunnels },
        ...{ label: `10.244.${a}.5 -> 10.244.${b}.6 ${proto}`, text: what === 'drop' ? 'dropped by filter FORWARD rule 1' : '' },
      });
    };
    const [pod, there] = [i % 6, (i + 1) % 6];
    hop(`node-${a}/pod-${pod}`, 'eth0', 'tx');
    hop(`node-${a}`, `veth${a}-${pod}`, 'rx');
    hop(`node-${a}`, 'cni0', 'rx');
    if (i % 50 === 0) {
      hop(`node-${a}`, 'cni0', 'drop');
      continue;
    }
    hop(`node-${a}`, 'flannel.1', 'tx');
    hop(`node-${a}`, 'eth0', 'tx', ['vxlan']);
    hop('switch', `port-node-${a}`, 'rx', ['vxlan']);
    hop('switch', `port-node-${b}`, 'tx', ['vxlan']);
    hop(`node-${b}`, 'eth0', 'rx', ['vxlan']);
    hop(`node-${b}`, 'flannel.1', 'rx');
    hop(`node-${b}`, 'cni0', 'tx');
    hop(`node-${b}`, `veth${b}-${there}`, 'tx');
    hop(`node-${b}/pod-${there}`, 'eth0', 'rx');
    hop(`node-${b}/pod-${there}`, 'eth0', 'deliver');
  }
  return out;
}

export interface Frames {
  readonly perSecond: number;
  /** ms: the middle one, the 95th percentile, the longest. */
  readonly middle: number;
  readonly p95: number;
  readonly longest: number;
  /** Of all frames: the share that came late, more than 1.5 of the usual interval after the one before. */
  readonly late: number;
}

/** So many packets a second for so many seconds, told in batches as the worker tells them. */
async function run(nodes: number, pods: number, packets: number, seconds: number): Promise<Frames> {
  topology.value = big(nodes, pods);
  await new Promise((done) => setTimeout(done, 500));
  const gaps: number[] = [];
  let last = 0;
  let sent = 0;
  const begin = performance.now();
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - begin) / 1000) * packets);
    // As src/host/views.ts does: whole packets of 400 events at most, the rest is counted.
    const told = Math.min(30, due - sent);
    const events = requests(sent, told, nodes);
    traffic.value = { events, fresh: events.length, left: (due - sent - told) * 12 };
    sent = due;
  }, 30);
  await new Promise<void>((done) => {
    const frame = (now: number): void => {
      if (last > 0) gaps.push(now - last);
      last = now;
      if (now - begin > seconds * 1000) done();
      else requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  clearInterval(timer);
  const sorted = gaps.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  const all = gaps.reduce((n, g) => n + g, 0);
  const middle = at(0.5);
  return {
    ...{ perSecond: (gaps.length * 1000) / all, middle, p95: at(0.95), longest: at(1) },
    late: gaps.filter((g) => g > middle * 1.5).length / gaps.length,
  };
}

declare global {
  var mapBench: { run: typeof run; show(t: Topology): void; feed(events: readonly TrafficEvent[]): void };
}

const pane = document.createElement('div');
pane.style.cssText = 'position:fixed;inset:0;display:flex';
document.body.append(pane);
render(<MapPane topology={topology} traffic={traffic} open={() => undefined} />, pane);
globalThis.mapBench = {
  run,
  show(t) {
    topology.value = t;
  },
  feed(events) {
    traffic.value = { events, fresh: events.length, left: 0 };
  },
};
