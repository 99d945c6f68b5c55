/** Going back, on a clock of the test: the world that comes out is that of the shorter log, the shells go on, and what counts is not undone. */

import { afterEach, expect, test } from 'vitest';
import { loadLab } from '../cli/labs.ts';
import { Grading, grade } from '../lab/grade.ts';
import { start } from '../lab/log.ts';
import { instantiate } from '../lab/parameters.ts';
import { createSession, Session } from '../lab/session.ts';
import { seal, submissionText, verify } from '../lab/submission.ts';
import { parseSubmission } from '../lab/submission-file.ts';
import { SEC } from '../sim/sim.ts';
import { Past } from './past.ts';

const source = loadLab('wire-a-pod-by-hand');
const lab = instantiate(source, 1);
let turns: (() => void)[] = [];
const failures: string[] = [];
let now = 0;

const options = {
  lab,
  env: {
    now: () => (now += 1),
    later: (_ms: number, run: () => void) => {
      turns.push(run);
      return () => {
        turns = turns.filter((t) => t !== run);
      };
    },
  },
  idle: () => true,
  failed: (error: unknown) => failures.push(String(error)),
};

afterEach(() => {
  expect(failures).toEqual([]);
  turns = [];
});

/** Spares grow until there is nothing left to do. */
function rest(): void {
  now += 10_000;
  for (let turn = turns.shift(); turn; turn = turns.shift()) turn();
}

class Desk {
  past: Past;
  shown = '';
  private terminal: ReturnType<Session['openTerminal']>;

  constructor(past: Past) {
    this.past = past;
    this.terminal = past.session.openTerminal('node-1', { cols: 80, rows: 24, onData: (text) => (this.shown += text) });
    this.wait();
  }

  wait(seconds = 2): void {
    this.past.session.run(this.past.session.now + seconds * SEC, () => true);
  }

  type(text: string): void {
    this.terminal.write(text);
  }

  run(line: string): string {
    const from = this.shown.length;
    for (const key of `${line}\r`) this.terminal.write(key);
    this.wait();
    return this.shown.slice(from);
  }

  travel(travel: Parameters<Past['travel']>[0]): void {
    const session = this.past.travel(travel);
    const [there] = session?.terminals() ?? [];
    this.shown = '';
    if (session && there) this.terminal = session.join(there.term, { onData: (text) => (this.shown += text) });
  }

  commands(): (string | null)[][] {
    return this.past.timeline.moments.filter((m) => m.kind === 'command').map((m) => [m.host, m.text, String(m.exit)]);
  }

  number(text: string): number {
    return this.past.timeline.moments.findIndex((m) => m.text === text);
  }
}

const desk = (): Desk => new Desk(Past.of(createSession({ lab: source, seed: 1 }), options));

test('shells tell what they ran; the last command undone, the shell is where it was', () => {
  const d = desk();
  d.run('cd /etc');
  d.run('x=7; sleep 100 &');
  d.run('ip route del default');
  d.run('false');
  expect(d.commands()).toEqual([
    ['node-1', 'cd /etc', '0'],
    ['node-1', 'x=7; sleep 100 &', '0'],
    ['node-1', 'ip route del default', '0'],
    ['node-1', 'false', '1'],
  ]);
  rest();
  d.travel({ to: 'before', moment: d.number('ip route del default'), keep: true });
  expect(d.past.present).toBe(2);
  expect(d.shown).toContain('x=7; sleep 100 &');
  expect(d.shown).not.toContain('route del');
  expect(d.run('ip route show default; pwd; echo "x is $x"; jobs')).toMatch(
    /default via 192\.168\.56\.1[\s\S]*\/etc[\s\S]*x is 7[\s\S]*sleep 100/,
  );
  expect(d.commands().length).toBe(3);
});

test('what was gone back from can be done again until something new is done; the run is that of its log', () => {
  const d = desk();
  for (const line of ['ip netns add a', 'ip netns add b', 'ip netns add c']) d.run(line);
  const whole = d.past.session.exportLog();
  rest();
  d.travel({ to: 'before', moment: d.number('ip netns add b'), keep: true });
  expect(d.past.ahead).toEqual({ log: whole, present: 1 });
  d.travel({ to: 'after', moment: d.number('ip netns add b') });
  expect(d.past.present).toBe(2);
  d.travel({ to: 'end' });
  expect(d.past.ahead).toBe(null);
  expect(d.run('ip netns')).toMatch(/c\s+b\s+a\s/);
  d.travel({ to: 'before', moment: d.number('ip netns add b'), keep: true });
  expect(d.run('ip netns')).not.toMatch(/^b/m);
  expect(d.past.ahead).toBe(null);
  expect(d.commands().map((c) => c[1])).toEqual(['ip netns add a', 'ip netns']);
  const log = d.past.session.exportLog();
  expect(grade(source, log).tasks.length).toBe(lab.tasks.length);
  const again = Past.from(log, undefined, options);
  expect(again.timeline.moments).toEqual(d.past.timeline.moments);
  expect(again.session.exportLog()).toEqual(log);
});

test('a session that stands in its past is taken up there; another one can be gone over to and back from', () => {
  const d = desk();
  for (const line of ['ip netns add a', 'cd /tmp', 'ip netns add c']) d.run(line);
  d.travel({ to: 'before', moment: d.number('ip netns add c'), keep: true });
  const [log, ahead] = [d.past.session.exportLog(), d.past.ahead];
  const again = Past.from(log, ahead ?? undefined, options);
  expect([again.present, again.timeline.length, again.ahead]).toEqual([2, 3, ahead]);
  expect(again.session.exportLog()).toEqual(log);
  const e = desk();
  e.run('ip netns add z');
  const other = e.past.session.exportLog();
  d.travel({ to: 'log', log: other });
  expect(d.commands().map((c) => c[1])).toEqual(['ip netns add z']);
  d.travel({ to: 'log', log, ahead: ahead ?? undefined });
  expect(d.run('ip netns; pwd')).toMatch(/^a\s[\s\S]*^\/tmp/m);
});

test('answers and hints stand', () => {
  const d = desk();
  const { session } = d.past;
  d.run('ip netns add a');
  session.hint(lab.tasks[0]?.id ?? '', 0);
  session.answer('guess', '1');
  d.run('ip netns add b');
  rest();
  d.travel({ to: 'before', moment: d.number('ip netns add a'), keep: true });
  expect(d.past.session.resumed()).toEqual(session.resumed());
  expect(d.past.session.resumed().answers).toEqual({ guess: '1' });
  d.travel({ to: 'end' });
  expect(d.past.session.entries.filter((e) => e.op === 'hint' || e.op === 'answer').length).toBe(2);
});

test('time of a limit stays used; what a command has shown cannot be predicted after it was undone', () => {
  const [task] = lab.tasks;
  const question = { ...task?.checks[0], kind: 'question', id: 'guess', ask: '?', text: 'x', before: '^ip route', prediction: true };
  const timed = { ...lab, limit: 600, tasks: [{ ...task, checks: [question] }, ...lab.tasks.slice(1)] } as typeof lab;
  const started = start(timed);
  started.screens = new Map();
  const d = new Desk(Past.of(new Session(timed, started), { ...options, lab: timed }));
  d.run('cd /etc');
  d.run('ip route');
  d.wait(60);
  const used = d.past.session.elapsed;
  d.travel({ to: 'before', moment: 0, keep: true });
  expect(d.past.session.elapsed).toBeCloseTo(used, 3);
  d.past.session.answer('guess', 'x');
  d.run('ip route');
  const log = d.past.session.exportLog();
  expect(log.entries.filter((e) => e.op === 'back').map((e) => e.op === 'back' && e.seen)).toEqual([['guess']]);
  const report = new Grading(timed).follow(log).verdict();
  expect(report.tasks[0]?.checks[0]?.actual).toBe('answered only after a command had shown it that was undone later');
  expect(verify(seal(log), timed).problem).toBe(null);
  expect(parseSubmission(submissionText(seal(log))).damage).toBe(null);
  const honest = new Desk(Past.of(new Session(timed, Object.assign(start(timed), { screens: new Map() })), { ...options, lab: timed }));
  honest.past.session.answer('guess', 'x');
  honest.run('ip route');
  honest.travel({ to: 'before', moment: honest.number('ip route'), keep: true });
  honest.past.session.answer('guess', 'y');
  honest.run('ip route');
  const fair = new Grading(timed).follow(honest.past.session.exportLog()).verdict();
  expect(fair.tasks[0]?.checks[0]?.actual).toContain('answered: x');
});

test('commands that were typed before their prompts, at once or while another ran, are gone back to one by one', () => {
  const d = desk();
  d.type('cd /etc\rip netns add a\rfor i in 1 2\rdo :\rdone\rip netns add b\rsleep 1; ip netns add c\r');
  d.type('ip netns');
  d.type(' add d\recho on');
  d.wait(5);
  expect(d.commands().map((c) => c[1]?.split('\n')[0])).toEqual([
    'cd /etc',
    'ip netns add a',
    'for i in 1 2',
    'ip netns add b',
    'sleep 1; ip netns add c',
    'ip netns add d',
  ]);
  const ask = 'ip netns | grep -cE "^[abcd]$"; pwd';
  const whole = d.past.session.exportLog();
  const expected = ['0\r\n/root', '0\r\n/etc', '1\r\n/etc', '1\r\n/etc', '2\r\n/etc', '3\r\n/etc'];
  for (const [moment, answer] of expected.entries()) {
    d.travel({ to: 'log', log: whole });
    d.travel({ to: 'before', moment, keep: true });
    expect(d.past.present).toBe(moment);
    const { log, ahead } = { log: d.past.session.exportLog(), ahead: d.past.ahead };
    const again = Past.from(log, ahead ?? undefined, options);
    expect([again.present, again.timeline.length]).toEqual([moment, 6]);
    expect(d.run(ask)).toContain(answer);
    expect(d.past.present).toBe(moment + 1);
  }
  d.travel({ to: 'log', log: whole });
  d.travel({ to: 'after', moment: 3 });
  expect(d.run(ask)).toContain('2\r\n/etc');
});

test('many commands: spares stand along the way, and few', () => {
  const d = desk();
  for (let i = 0; i < 40; i++) d.run(`ip netns add n${i}`);
  d.past.touch();
  rest();
  const spares = (d.past as unknown as { spares: { done: number }[] }).spares.map((s) => s.done);
  expect(spares.length).toBeGreaterThan(1);
  expect(spares.length).toBeLessThanOrEqual(11);
  d.travel({ to: 'before', moment: 39, keep: true });
  expect(d.run('ip netns | wc -l')).toMatch(/l\r?42\r/);
});
