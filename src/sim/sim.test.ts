import { expect, test } from 'vitest';
import { Rng } from './rng.ts';
import { Sim, type Timer } from './sim.ts';
import { TraceHash } from './trace.ts';

test('events run in order of time, then of scheduling; cancelled ones do not', () => {
  const sim = new Sim(1);
  const seen: string[] = [];
  sim.schedule(20, () => seen.push('c'));
  sim.schedule(10, () => {
    seen.push('a');
    sim.schedule(0, () => seen.push('b'));
  });
  const gone = sim.schedule(15, () => seen.push('x'));
  sim.schedule(20, () => seen.push('d'));
  sim.cancel(gone);
  sim.runUntil(100);
  expect(seen).toEqual(['a', 'b', 'c', 'd']);
  expect(sim.now).toBe(100);
  expect(sim.steps).toBe(4);
});

test('ten thousand random events come out sorted, with every second one cancelled', () => {
  const sim = new Sim(2);
  const times: number[] = [];
  for (let i = 0; i < 10_000; i++) {
    const timer = sim.schedule(sim.rng('t').below(1_000_000), () => times.push(sim.now));
    if (i % 2 === 1) sim.cancel(timer);
  }
  sim.runUntil(1_000_000);
  expect(times).toHaveLength(5000);
  expect(times).toEqual([...times].sort((a, b) => a - b));
});

test('advanceTo sets the clock and never jumps over an event', () => {
  const sim = new Sim(1);
  sim.schedule(50, () => {});
  expect(sim.advanceTo(40)).toBe(true);
  expect(sim.now).toBe(40);
  expect(sim.advanceTo(60)).toBe(false);
  expect(sim.now).toBe(40);
});

test('a stream is the same for the same seed and name, and draws elsewhere do not shift it', () => {
  const a = new Sim('s');
  const b = new Sim('s');
  b.rng('other').u32();
  expect(Array.from({ length: 5 }, () => a.rng('x').u32())).toEqual(Array.from({ length: 5 }, () => b.rng('x').u32()));
  expect(new Rng('s/x').u32()).not.toBe(new Rng('s/y').u32());
});

test('the trace hash sees kind, order, numbers, texts and single bytes', () => {
  const digest = (events: object[]): string => {
    const hash = new TraceHash();
    for (const e of events) hash.listener(e as never, null, null);
    return hash.digest();
  };
  const base = [
    { kind: 'a', n: 1, b: Uint8Array.of(1, 2) },
    { kind: 'b', big: 2 ** 40, x: null },
  ];
  const variants = [
    base,
    [...base].reverse(),
    [{ ...base[0], n: 2 }, base[1]],
    [{ ...base[0], b: Uint8Array.of(1, 3) }, base[1]],
    [base[0], { ...base[1], big: 2 ** 41 }],
  ];
  expect(new Set(variants.map((v) => digest(v as object[]))).size).toBe(variants.length);
  expect(digest(base)).toBe(digest(base.map((e) => ({ ...e }))));
});

test('near and far events, cancelled in any order, come out as a sorted list says', () => {
  const sim = new Sim(3);
  const rng = sim.rng('t');
  const expected: [number, number][] = [];
  const seen: [number, number][] = [];
  const timers: { timer: Timer; entry: [number, number] }[] = [];
  const plant = (delay: number): void => {
    const entry: [number, number] = [sim.now + delay, timers.length];
    timers.push({ timer: sim.schedule(delay, () => seen.push(entry)), entry });
  };
  for (let round = 0; round < 200; round++) {
    for (let i = 0; i < 20; i++) plant(rng.below(i % 2 === 0 ? 300 : 20_000));
    for (let i = 0; i < 8; i++) sim.cancel(timers[rng.below(timers.length)]?.timer);
    sim.runUntil(sim.now + rng.below(400));
  }
  for (const t of timers) if (t.timer.run) expected.push(t.entry);
  const before = seen.length;
  sim.runUntil(sim.now + 100_000);
  expect(seen.slice(before)).toEqual(expected.sort((a, b) => a[0] - b[0] || a[1] - b[1]));
  expect(sim.waiting).toBe(0);
});
