import { describe, expect, it } from 'vitest';
import { MS, SEC, Sim } from '../../sim/sim.ts';
import { devQueueXmit } from '../dev/core.ts';
import { Ifb } from '../dev/simple.ts';
import { Veth } from '../dev/veth.ts';
import { Kernel } from '../kernel.ts';
import { Skb } from '../skb.ts';
import { ETH_P_ALL } from '../sock/packet.ts';
import { deleteQdisc, listQdiscs, modifyClass, modifyFilter, modifyQdisc, type QdiscRequest } from './api.ts';
import type { FilterOptions, NetemOptions, QdiscOptions, TbfOptions } from './options.ts';
import { TC_H_INGRESS, TC_H_ROOT } from './qdisc.ts';

const IPX = 0x8137;
const ADD = { create: true, exclusive: true, replace: false };
const MAX = 0xffffffff;

/** Two ends of a wire; when each frame of `a` came in at `b`, in µs since the start, and its number. */
function wire(seed = 1): { sim: Sim; a: Veth; b: Veth; got: { at: number; n: number; bytes: number }[]; start: number } {
  const sim = new Sim(seed);
  const kernel = new Kernel(sim, 'k');
  const a = new Veth(kernel.init, 'a');
  const b = new Veth(kernel.newNetns(), 'b');
  Veth.pair(a, b);
  a.addrGenMode = b.addrGenMode = 'none';
  a.setUp();
  b.setUp();
  sim.runUntil(3 * SEC);
  const start = sim.now;
  const got: { at: number; n: number; bytes: number }[] = [];
  const receive = (skb: Skb): void => {
    if (skb.type !== 'outgoing' && skb.proto === IPX)
      got.push({ at: sim.now - start, n: skb.data[0] as number, bytes: skb.data.length + 14 });
  };
  b.ns.taps.add({ dev: b, proto: ETH_P_ALL, receive });
  return { sim, a, b, got, start };
}

function send(dev: Veth, n: number, bytes = 100, fill = 0): void {
  const skb = new Skb(dev.sim, IPX, new Uint8Array(bytes - 14).fill(fill));
  skb.data[0] = n;
  skb.dev = dev;
  skb.ethSrc = dev.mac;
  skb.ethDst = 0xffffffffffff;
  devQueueXmit(skb);
}

function root(dev: Veth, kind: string, options: QdiscOptions | null, more: Partial<QdiscRequest> = {}): void {
  const r = modifyQdisc(dev.ns, { ifindex: dev.ifindex, parent: TC_H_ROOT, handle: 0x10000, kind, options, ...more }, ADD);
  expect(r.ok).toBe(true);
}

const rate = (bytes: number): { rate: number; overhead: number; mpu: number } => ({ rate: bytes, overhead: 0, mpu: 0 });

function tbf(o: Partial<TbfOptions>): TbfOptions {
  return { kind: 'tbf', rate: rate(100_000), peak: null, limit: 10_000, burst: 1000, mtu: 0, ...o };
}

function netem(o: Partial<NetemOptions>): NetemOptions {
  return {
    kind: 'netem',
    limit: 1000,
    latency: 0,
    jitter: 0,
    gap: 0,
    loss: 0,
    duplicate: 0,
    corr: null,
    reorder: null,
    corrupt: null,
    lossModel: null,
    ecn: false,
    rate: null,
    slot: null,
    distribution: null,
    slotDistribution: null,
    ...o,
  };
}

const ticks = (ms: number): number => ms * 15_625;

describe('without a queueing discipline', () => {
  it('sends at once and has nothing to consult', () => {
    const { sim, a, got } = wire();
    expect(a.sched).toBe(null);
    send(a, 1);
    sim.runUntil(sim.now + 10);
    expect(got.map((g) => g.n)).toEqual([1]);
    expect(listQdiscs(a).map((e) => [e.qdisc.kind, e.qdisc.handle, e.refcnt])).toEqual([['noqueue', 0, 2]]);
  });

  it('is back there after the root is deleted', () => {
    const { a } = wire();
    root(a, 'pfifo', null);
    expect(a.qdiscShown()).toBe('pfifo');
    expect(deleteQdisc(a.ns, { ifindex: a.ifindex, parent: TC_H_ROOT, handle: 0, kind: '', options: null }).ok).toBe(true);
    expect(a.qdiscShown()).toBe('noqueue');
  });
});

describe('tbf', () => {
  it('lets the burst go and the rest at the rate', () => {
    const { sim, a, got } = wire();
    root(a, 'tbf', tbf({}));
    for (let n = 0; n < 6; n++) send(a, n, 500);
    sim.runUntil(sim.now + SEC);
    // 1000 bytes are there at once, then 500 take 5 ms.
    expect(got.map((g) => Math.round(g.at / MS))).toEqual([0, 0, 5, 10, 15, 20]);
  });

  it('drops what its queue has no room for and what is larger than the bucket', () => {
    const { sim, a, got } = wire();
    root(a, 'tbf', tbf({ limit: 1000 }));
    send(a, 0, 1200);
    for (let n = 1; n < 8; n++) send(a, n, 500);
    sim.runUntil(sim.now + SEC);
    expect(got.map((g) => g.n)).toEqual([1, 2, 3, 4]);
    expect(a.sched?.root).toMatchObject({ drops: 4, bytes: 2000, packets: 4, backlog: 0 });
  });
});

describe('netem', () => {
  it('delays', () => {
    const { sim, a, got } = wire();
    root(a, 'netem', netem({ latency: ticks(100) }));
    send(a, 1);
    sim.runUntil(sim.now + SEC);
    expect(got[0]?.at).toBeGreaterThanOrEqual(100 * MS);
    expect(got[0]?.at).toBeLessThan(100 * MS + 10);
  });

  it('spreads the delay over mean and jitter', () => {
    const { sim, a, got } = wire();
    root(a, 'netem', netem({ latency: ticks(50), jitter: ticks(20) }));
    for (let n = 0; n < 200; n++) send(a, n);
    sim.runUntil(sim.now + SEC);
    const times = got.map((g) => g.at / MS);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(30);
    expect(Math.max(...times)).toBeLessThan(70.1);
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(30);
    expect(times.reduce((x, y) => x + y, 0) / times.length).toBeGreaterThan(46);
    // Packets overtake each other, as they do there.
    expect(got.some((g, i) => i > 0 && g.n < (got[i - 1]?.n ?? 0))).toBe(true);
  });

  it('loses and duplicates about as many as it should, the same ones in each run', () => {
    const run = (o: Partial<NetemOptions>): number[] => {
      const { sim, a, got } = wire(7);
      root(a, 'netem', netem(o));
      for (let n = 0; n < 1000; n++) {
        send(a, n & 255);
        sim.runUntil(sim.now + 10);
      }
      sim.runUntil(sim.now + SEC);
      return got.map((g) => g.n);
    };
    const lossy = run({ loss: Math.round(0.1 * MAX) });
    expect(lossy.length).toBeGreaterThan(870);
    expect(lossy.length).toBeLessThan(930);
    expect(run({ loss: Math.round(0.1 * MAX) })).toEqual(lossy);
    const twice = run({ duplicate: Math.round(0.2 * MAX) });
    expect(twice.length).toBeGreaterThan(1150);
    expect(twice.length).toBeLessThan(1250);
    const bursts = run({ lossModel: { type: 'gemodel', p: Math.round(0.05 * MAX), r: Math.round(0.5 * MAX), h: 0, k1: 0 } });
    expect(bursts.length).toBeGreaterThan(850);
    expect(bursts.length).toBeLessThan(950);
  });

  it('reorders every fifth packet past a delay', () => {
    const { sim, a, got } = wire();
    root(a, 'netem', netem({ latency: ticks(10), gap: 5, reorder: { probability: MAX, correlation: 0 } }));
    for (let n = 1; n <= 5; n++) send(a, n);
    sim.runUntil(sim.now + SEC);
    expect(got.map((g) => g.n)).toEqual([5, 1, 2, 3, 4]);
  });

  it('corrupts one bit', () => {
    const { sim, a, b } = wire();
    const seen: Uint8Array[] = [];
    b.ns.taps.add({ dev: b, proto: ETH_P_ALL, receive: (skb) => seen.push(skb.data) });
    root(a, 'netem', netem({ corrupt: { probability: MAX, correlation: 0 } }));
    send(a, 0);
    sim.runUntil(sim.now + SEC);
    const bits = [...(seen[0] as Uint8Array)].map((x) => x.toString(2).replaceAll('0', '').length);
    expect(bits.reduce((x, y) => x + y, 0)).toBe(1);
  });

  it('sends at a rate', () => {
    const { sim, a, got } = wire();
    root(a, 'netem', netem({ rate: { rate: 100_000, overhead: 0, cellSize: 0, cellOverhead: 0 } }));
    for (let n = 0; n < 4; n++) send(a, n, 1000);
    sim.runUntil(sim.now + SEC);
    expect(got.map((g) => Math.round(g.at / MS))).toEqual([10, 20, 30, 40]);
  });

  it('works below a token bucket', () => {
    const { sim, a, got } = wire();
    root(a, 'tbf', tbf({ burst: 500 }));
    root(a, 'netem', netem({ latency: ticks(100) }), { parent: 0x10001, handle: 0x100000 });
    for (let n = 0; n < 3; n++) send(a, n, 500);
    sim.runUntil(sim.now + SEC);
    expect(got.map((g) => Math.round(g.at / MS))).toEqual([100, 105, 110]);
    expect(listQdiscs(a).map((e) => e.qdisc.kind)).toEqual(['tbf', 'netem']);
  });
});

describe('htb', () => {
  const cls = (a: Veth, parent: number, classid: number, r: number, ceil: number): void => {
    const options = { kind: 'htb', rate: rate(r), ceil: rate(ceil), buffer: 15_625, cbuffer: 15_625, prio: 0, quantum: 1000 } as const;
    expect(modifyClass(a.ns, { ifindex: a.ifindex, parent, classid, options }, ADD).ok).toBe(true);
  };

  it('holds a class to its rate, lends what nobody uses, and shares when all want it', () => {
    const { sim, a, got } = wire();
    root(a, 'htb', { kind: 'htb', r2q: 10, defcls: 0x10, directQlen: null });
    cls(a, 0x10000, 0x10001, 100_000, 100_000);
    cls(a, 0x10001, 0x10010, 50_000, 100_000);
    for (let n = 0; n < 11; n++) send(a, n, 1000);
    sim.runUntil(sim.now + SEC);
    // 50 kB/s are its own, the rest is borrowed up to 100 kB/s.
    const last = got.at(-1) as { at: number };
    expect(got.length).toBe(11);
    expect(last.at / MS).toBeGreaterThan(95);
    expect(last.at / MS).toBeLessThan(106);
    const leaf = a.sched?.root;
    expect(leaf?.packets).toBe(11);
  });
});

describe('filters', () => {
  const drop: FilterOptions = {
    classid: null,
    keys: [{ val: 0x07000000, mask: 0xff000000, off: 0, offmask: 0 }],
    actions: [{ kind: 'gact', verdict: 'drop', index: 0 }],
    terminal: true,
  };
  const base = { parent: 0xfffffff2, kind: 'u32', prio: 1, protocol: 3, handle: 0, exclusive: true, create: true };

  it('drop what comes in', () => {
    const { sim, a, b } = wire();
    expect(
      modifyQdisc(b.ns, { ifindex: b.ifindex, parent: TC_H_INGRESS, handle: 0xffff0000, kind: 'ingress', options: null }, ADD).ok,
    ).toBe(true);
    expect(modifyFilter(b.ns, b.ifindex, { ...base, options: drop }).ok).toBe(true);
    const before = b.stats.rxDropped;
    send(a, 7);
    send(a, 8);
    sim.runUntil(sim.now + SEC);
    // The tap sees both, as tcpdump does; only the one that passed reached a protocol, which did not know it.
    expect(b.stats.rxDropped - before).toBe(1);
    expect(b.sched?.ingress).toMatchObject({ packets: 2, drops: 1 });
  });

  it('redirect to an ifb, whose queue then delays what comes in', () => {
    const { sim, a, b } = wire();
    const ifb = new Ifb(b.ns, 'ifb0');
    ifb.register();
    ifb.setUp();
    root(ifb as unknown as Veth, 'netem', netem({ latency: ticks(100) }));
    modifyQdisc(b.ns, { ifindex: b.ifindex, parent: TC_H_INGRESS, handle: 0xffff0000, kind: 'ingress', options: null }, ADD);
    const mirred = { kind: 'mirred', direction: 'egress', redirect: true, ifindex: ifb.ifindex, verdict: 'stolen', index: 0 } as const;
    const options: FilterOptions = { classid: null, keys: null, actions: [mirred], terminal: true };
    expect(modifyFilter(b.ns, b.ifindex, { ...base, kind: 'matchall', options }).ok).toBe(true);
    send(a, 1);
    sim.runUntil(sim.now + 99 * MS);
    const before = b.stats.rxDropped;
    sim.runUntil(sim.now + 2 * MS);
    expect(b.stats.rxDropped - before).toBe(1);
    expect(ifb.stats.txPackets).toBe(1);
  });

  it.each(['egress', 'ingress'] as const)('that send a packet to its own device again, %s, end', (direction) => {
    const { sim, a, b } = wire();
    const dev = direction === 'egress' ? a : b;
    if (direction === 'egress') root(a, 'htb', { kind: 'htb', defcls: 0, r2q: 10, directQlen: null });
    else modifyQdisc(b.ns, { ifindex: b.ifindex, parent: TC_H_INGRESS, handle: 0xffff0000, kind: 'ingress', options: null }, ADD);
    const mirred = { kind: 'mirred', direction, redirect: true, ifindex: dev.ifindex, verdict: 'stolen', index: 0 } as const;
    const options: FilterOptions = { classid: null, keys: null, actions: [mirred], terminal: true };
    const parent = direction === 'egress' ? 0x10000 : base.parent;
    expect(modifyFilter(dev.ns, dev.ifindex, { ...base, parent, kind: 'matchall', options }).ok).toBe(true);
    const before = dev.stats.rxPackets;
    send(a, 1);
    sim.runUntil(sim.now + SEC);
    if (direction === 'egress') expect(b.stats.rxPackets).toBe(before);
    else expect(dev.sched?.ingress?.drops).toBe(1);
  });
});
