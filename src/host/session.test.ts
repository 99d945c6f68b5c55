/** Pacing and flow control, on a manual clock and with a session that does what the test says. */

import { beforeEach, expect, test, vi } from 'vitest';
import type { FromWorker } from './protocol.ts';
import { BATCH_CHARS, SLICE_MS, UNDRAWN_MAX } from './protocol.ts';
import { HostSession } from './session.ts';

class FakeSession {
  info: object = { id: 'playground', title: '', story: '', hosts: [], tasks: [] };
  now = 0;
  next: number | null = null;
  written: string[] = [];
  ran: number[] = [];
  onData: (text: string) => void = () => undefined;
  /** One unit of work; it costs the test's clock a millisecond. */
  work: (() => void) | null = null;
  private prompt: () => void = () => undefined;

  openTerminal(_host: string, opts: { onData(text: string): void }) {
    this.onData = opts.onData;
    return {
      refused: null,
      program: () => null,
      write: (data: string) => this.written.push(data),
      resize: () => undefined,
      close: () => undefined,
    };
  }
  barred() {
    return null;
  }
  run(until: number, more: () => boolean): boolean {
    this.ran.push(until);
    while (this.work) {
      this.work();
      clock.time += 1;
      this.now += 1;
      if (!more()) return false;
    }
    this.now = Math.max(this.now, until);
    return true;
  }
  nextTime() {
    return this.next;
  }
  onCommandDone(listener: () => void) {
    this.prompt = listener;
  }
  steps = 0;
  terminals() {
    return [];
  }
  get elapsed() {
    return this.now / 1e6;
  }
  service() {
    return null;
  }
  resumed() {
    return { answers: {}, hints: {} };
  }
  entriesFrom() {
    return [];
  }
  done() {
    this.prompt();
  }
}

let fake: FakeSession;
vi.mock('../lab/session.ts', () => ({ createPlayground: () => fake, createSession: () => fake, transcript: () => [] }));

let clock: { time: number };
let soon: (() => void)[];
let later: { at: number; run: () => void }[];
let posted: FromWorker[];
let host: HostSession;

/** Lets turns and timers happen until nothing is due before `ms` from now. */
function elapse(ms: number): void {
  const end = clock.time + ms;
  for (let guard = 0; guard < 10_000; guard++) {
    const turn = soon.shift();
    if (turn) {
      turn();
      continue;
    }
    later.sort((a, b) => a.at - b.at);
    const timer = later[0];
    if (!timer || timer.at > end) break;
    later.shift();
    clock.time = Math.max(clock.time, timer.at);
    timer.run();
  }
  clock.time = Math.max(clock.time, end);
}

const output = () => posted.flatMap((m) => (m.t === 'output' ? [m.data] : []));

beforeEach(async () => {
  fake = new FakeSession();
  clock = { time: 1000 };
  soon = [];
  later = [];
  posted = [];
  host = new HostSession((m) => posted.push(m), {
    now: () => clock.time,
    soon: (run) => soon.push(run),
    later: (ms, run) => {
      const timer = { at: clock.time + ms, run };
      later.push(timer);
      return () => later.splice(later.indexOf(timer), 1);
    },
    lab: () => Promise.reject(new Error('no labs here')),
    programs: () => Promise.resolve(),
    complete: true,
  });
  await host.receive({ t: 'open', n: 1, lab: null, seed: 1 });
  await host.receive({ t: 'attach', term: 1, host: 'node-1', cols: 80, rows: 24 });
  elapse(1);
});

test('small output is posted at once after a pause, then once per frame, not once per write', () => {
  elapse(50);
  for (let i = 0; i < 100; i++) fake.onData('x');
  expect(output()).toEqual([]);
  elapse(0);
  expect(output()).toEqual(['x'.repeat(100)]);
  for (let i = 0; i < 100; i++) fake.onData('y');
  elapse(10);
  expect(output().length).toBe(1);
  elapse(6);
  expect(output().slice(1)).toEqual(['y'.repeat(100)]);
});

test('much output is posted at once', () => {
  fake.onData('x'.repeat(BATCH_CHARS));
  expect(output().length).toBe(1);
});

test('a busy world gives way after a slice', async () => {
  fake.work = () => undefined;
  const start = clock.time;
  await host.receive({ t: 'input', term: 1, data: 'yes\r' });
  expect(clock.time - start).toBeLessThanOrEqual(SLICE_MS + 1);
  expect(fake.written).toEqual(['yes\r']);
});

test('undrawn output stops the world, drawing starts it again', async () => {
  fake.next = 0;
  fake.work = () => fake.onData('y\r\n'.repeat(1000));
  await host.receive({ t: 'input', term: 1, data: '\r' });
  elapse(100);
  const sent = output().join('').length;
  expect(sent).toBeGreaterThan(UNDRAWN_MAX);
  expect(sent).toBeLessThan(UNDRAWN_MAX + 2 * BATCH_CHARS);
  elapse(1000);
  expect(output().join('').length).toBe(sent);
  await host.receive({ t: 'input', term: 1, data: '\x03' });
  expect(fake.written.at(-1)).toBe('\x03');
  fake.work = null;
  await host.receive({ t: 'drawn', term: 1, chars: sent });
  elapse(20);
  expect(fake.now).toBeGreaterThan(1000);
});

test('virtual time follows wall time', () => {
  fake.next = 100_000;
  elapse(0);
  fake.next = null;
  void host.receive({ t: 'resize', term: 1, cols: 80, rows: 24 });
  elapse(50);
  void host.receive({ t: 'resize', term: 1, cols: 81, rows: 24 });
  elapse(1);
  expect(fake.now).toBeGreaterThan(49_000);
  expect(fake.now).toBeLessThan(60_000);
});

test('a machine that slept does not make up for it', async () => {
  fake.next = 10_000;
  clock.time += 3_600_000;
  await host.receive({ t: 'resize', term: 1, cols: 80, rows: 24 });
  elapse(1);
  expect(Math.max(...fake.ran)).toBeLessThan(1_000_000);
});

test('a prompt makes a log', () => {
  fake.done();
  void host.receive({ t: 'resize', term: 1, cols: 80, rows: 24 });
  elapse(200);
  expect(posted.some((m) => m.t === 'log')).toBe(true);
});

test('a lab with a time limit tells the time once a second', async () => {
  fake.info = { ...fake.info, limit: 60 };
  await host.receive({ t: 'open', n: 1, lab: null, seed: 1 });
  elapse(3_500);
  expect(posted.flatMap((m) => (m.t === 'clock' ? [m.clock.elapsed] : []))).toEqual([0, 1, 2, 3]);
});
