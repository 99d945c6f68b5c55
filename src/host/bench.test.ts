/** The judge's spare worlds on a clock of the test: verdicts are those of a whole replay, and wait only for what came last. */

import { expect, test } from 'vitest';
import { loadLab } from '../cli/labs.ts';
import { grade } from '../lab/grade.ts';
import type { GradeReport } from '../lab/lab.ts';
import type { LogEntry } from '../lab/log.ts';
import { createSession, type Session } from '../lab/session.ts';
import { SEC } from '../sim/sim.ts';
import { Bench } from './bench.ts';
import type { Growth } from './protocol.ts';

const lab = loadLab('wire-a-pod-by-hand');
let session: Session;
let bench: Bench;
let turns: (() => void)[];
let told: number;
let failures: string[];

function begin(): void {
  session = createSession({ lab, seed: 1 });
  turns = [];
  told = 0;
  failures = [];
  const later = (_ms: number, run: () => void) => {
    turns.push(run);
    return () => {
      turns = turns.filter((t) => t !== run);
    };
  };
  let now = 0;
  bench = new Bench(lab, 1, { now: () => (now += 4), soon: (run) => turns.push(run), later }, (e) => failures.push(String(e)));
}

/** How many turns it takes until there is nothing left to do, or `until` says so. */
function idle(until = () => false): number {
  for (let n = 0; ; n++) {
    if (until()) return n;
    const turn = turns.shift();
    if (!turn) return n;
    turn();
  }
}

function growth(): Growth {
  const entries = session.entriesFrom(told);
  const from = told;
  told += entries.length;
  return { contentHash: session.info.contentHash, from, entries, at: { steps: session.steps, time: session.now } };
}

function command(terminal: ReturnType<Session['openTerminal']>, line: string): void {
  terminal.write(`${line}\r`);
  session.run(session.now + 2 * SEC, () => true);
}

test('a verdict on the bench is the verdict of a whole replay', () => {
  begin();
  const terminal = session.openTerminal('node-1', { cols: 80, rows: 24, onData: () => undefined });
  const reports: GradeReport[] = [];
  for (const line of ['ip netns add x', 'ip link set cni0 down', 'ip link set cni0 up']) {
    command(terminal, line);
    bench.grow(growth(), (r) => reports.push(r));
    idle();
    expect(reports.at(-1)).toEqual(grade(lab, session.exportLog()));
  }
  expect(reports.length).toBe(3);
  expect(failures).toEqual([]);
});

test('the newest state is judged, and what came before the last command is done already', () => {
  begin();
  const terminal = session.openTerminal('node-1', { cols: 80, rows: 24, onData: () => undefined });
  command(terminal, 'for i in $(seq 300); do ip link show cni0 > /dev/null; done');
  const reports: string[] = [];
  bench.grow(growth(), () => reports.push('first'));
  const first = idle(() => reports.length > 0);
  idle();
  bench.grow(growth(), () => reports.push('old'));
  command(terminal, 'true');
  bench.grow(growth(), () => reports.push('new'));
  expect(idle(() => reports.length > 1)).toBeLessThan(first / 4);
  idle();
  expect(reports).toEqual(['first', 'new']);
});

test('a log that does not fit is told, and a longer one is not held against it', () => {
  begin();
  const bad: LogEntry = { op: 'open', term: 1, host: 'nowhere', cols: 80, rows: 24, steps: session.steps, time: session.now };
  bench.grow({ ...growth(), entries: [bad] }, () => failures.push('verdict'));
  idle();
  expect(failures).toEqual([expect.stringContaining('log entry 1: there is no host "nowhere"')]);
});
