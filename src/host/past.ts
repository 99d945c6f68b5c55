/** Going back: a session as a line of moments, and spare worlds kept at some of them, so that no way back is a long replay. */

import { Activity } from '../lab/activity.ts';
import type { Lab } from '../lab/lab.ts';
import { type LogEntry, LogError, Replay, type Started, type SubmissionLog, starting } from '../lab/log.ts';
import { Session } from '../lab/session.ts';
import { carried, type Mark, type Moment, seenIn, Timeline } from '../lab/timeline.ts';
import { whole } from '../lab/world.ts';
import { SEC } from '../sim/sim.ts';
import type { Ahead, Travel } from './protocol.ts';
import type { Surroundings } from './session.ts';

/** Replay (ms) that one spare world is to save, and how many there are at most: a world takes 1 to 6 MB. */
const GAP_MS = 60;
const SPARES = 10;
/** Spares grow after the last key press was so long ago (ms), for a slice, and rest after it: typing comes first. */
const QUIET_MS = 1_000;
const SLICE_MS = 4;
const REST_MS = 12;

/** A whole session, of which the learner may stand in the middle. */
interface Line {
  readonly entries: readonly LogEntry[];
  readonly end: Mark;
}

const markOf = ({ entries, steps, now }: Session): Mark => ({ entries: entries.length, steps, time: now });
const upTo = (entries: readonly LogEntry[], { entries: n, steps, time }: Mark): LogEntry[] => [
  ...entries.slice(0, n),
  { op: 'end', steps, time },
];
const lineOf = (log: SubmissionLog): Line => {
  const entries = log.entries.filter((e) => e.op !== 'end');
  const { steps, time } = log.entries.at(-1) ?? { steps: 0, time: 0 };
  return { entries, end: { entries: entries.length, steps, time } };
};

/** Whether a world can still come to that place. */
function reaches({ done, started }: Replay, { entries, steps, time }: Mark): boolean {
  const { sim } = started.world;
  return done <= entries && sim.steps <= steps && sim.now <= time;
}

/** Carries a world on to a place. Where a line was forked inside of a typed text, events may be counted otherwise: there its time decides. */
function reach(replay: Replay, entries: readonly LogEntry[], mark: Mark): void {
  try {
    replay.follow(upTo(entries, mark));
  } catch (error) {
    if (!(error instanceof LogError) || error.entry !== mark.entries) throw error;
    replay.started.world.sim.runUntil(mark.time);
  }
}

/** How many entries two lines begin with in common. */
function shared(a: readonly LogEntry[], b: readonly LogEntry[]): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) if (a[i] !== b[i] && JSON.stringify(a[i]) !== JSON.stringify(b[i])) return i;
  return n;
}

/** Nobody looks at the old world any more. */
function leave({ started }: Session): void {
  for (const screen of started.screens?.values() ?? []) screen.onData = null;
  for (const { tty, shell } of started.terminals.values()) {
    tty.onPrompt = null;
    if (shell) shell.onExit = null;
  }
}

export interface PastOptions {
  readonly lab: Lab;
  readonly env: Pick<Surroundings, 'now' | 'later'>;
  /** Nothing waits for the worker. */
  idle(): boolean;
  failed(error: unknown): void;
}

export class Past {
  readonly timeline = new Timeline(() => this.cost());
  private readonly o: PastOptions;
  private current!: Session;
  /** The line that was gone back from, as long as nothing new was done. */
  private line: Line | null = null;
  /** Moments before the place that was gone back to. */
  private behind = 0;
  private spares: Replay[] = [];
  private sprout: Generator<void, Started> | null = null;
  /** What the present world has cost so far (ms), and since when it is being replayed. */
  private spent = 0;
  private since: number | null = null;
  private touched = 0;
  private timer: (() => void) | null = null;
  private closed = false;

  private constructor(options: PastOptions) {
    this.o = options;
    this.timeline.onCommand = () => this.goOn();
  }

  /** Of a session that has just begun. */
  static of(session: Session, options: PastOptions): Past {
    const past = new Past(options);
    past.current = session;
    session.started.recording.activity ??= new Activity(session.world);
    past.timeline.follow(session.started, session.entries.length);
    return past;
  }

  /** Takes up a session from its log; with `ahead` from the middle of that one. @throws LogError when it does not fit. */
  static from(log: SubmissionLog, ahead: Ahead | undefined, options: PastOptions): Past {
    const past = new Past(options);
    past.follow(lineOf(ahead?.log ?? log));
    if (ahead) past.back(log, ahead.present);
    past.wake();
    return past;
  }

  get session(): Session {
    return this.current;
  }

  /** What was gone back from. */
  get ahead(): Ahead | null {
    const { line, o } = this;
    if (!line) return null;
    const { id, contentHash, seed } = o.lab;
    return { log: { version: 2, lab: id, contentHash, seed, entries: upTo(line.entries, line.end) }, present: this.behind };
  }

  /** How many moments lie before the present; commands behind them can be done again. */
  get present(): number {
    return this.line ? this.behind : this.timeline.length;
  }

  /** The world has worked for so long (ms). */
  worked(ms: number): void {
    this.spent += ms;
  }

  /** A key was pressed: spares wait. */
  touch(): void {
    this.touched = this.o.env.now();
    this.wake();
  }

  close(): void {
    this.closed = true;
    this.timer?.();
  }

  /** The session at another place; null when there is no such place. @throws LogError when a log does not fit. */
  travel(travel: Travel): Session | null {
    const left = this.current;
    if (travel.to === 'log') {
      const seen = seenIn(left.started);
      const pasts = [...(this.line ? [this.line.entries] : []), left.entries];
      this.line = null;
      this.follow(lineOf(travel.ahead?.log ?? travel.log));
      leave(left);
      if (travel.ahead) this.back(travel.log, travel.ahead.present);
      this.account(pasts, seen, left.elapsed);
    } else {
      const target = this.target(travel);
      if (!target) return null;
      this.go(target, this.behindOf(travel, target), travel.to !== 'before' || travel.keep);
    }
    this.timeline.retell();
    this.wake();
    return this.current;
  }

  private target(travel: Exclude<Travel, { to: 'log' }>): Mark | null {
    const { entries, end } = this.whole();
    if (travel.to === 'end') return end;
    if (travel.to === 'entries') {
      const entry = entries[travel.entries];
      return entry ? { entries: travel.entries, steps: entry.steps, time: entry.time } : end;
    }
    const moment = this.timeline.momentAt(travel.moment);
    return (travel.to === 'before' ? moment?.before : moment?.after) ?? null;
  }

  private whole(): Line {
    return this.line ?? { entries: this.current.entries, end: markOf(this.current) };
  }

  private behindOf(travel: Exclude<Travel, { to: 'log' }>, { entries, steps }: Mark): number {
    const { timeline } = this;
    if (travel.to === 'before') return travel.moment;
    if (travel.to === 'after') return travel.moment + 1;
    const n = timeline.moments.findIndex(({ at }) => at.steps > steps || at.entries > entries);
    return n < 0 ? timeline.length : n;
  }

  private go(target: Mark, behind: number, keep: boolean): void {
    const line = this.whole();
    const left = this.current;
    leave(left);
    if (!this.line) this.spares.push(new Replay(this.o.lab, Number.POSITIVE_INFINITY, left.started, left.entries.length));
    const replay = this.nearest(target);
    reach(replay, line.entries, target);
    this.current = new Session(this.o.lab, replay.started, line.entries.slice(0, target.entries));
    if (target.ahead) this.typeAhead(line.entries[target.entries], target.ahead);
    const later = target.steps < line.end.steps || target.entries < line.end.entries;
    this.line = later ? line : null;
    this.behind = behind;
    this.account([line.entries, left.entries], seenIn(left.started), left.elapsed);
    this.timeline.follow(this.current.started, this.current.entries.length);
    this.spent = this.timeline.costAt(Math.max(0, this.present - 1));
    if (!keep) this.goOn();
  }

  /** The beginning of a text that was typed before its time, and on to where the rest of it would have been taken. */
  private typeAhead(entry: LogEntry | undefined, { part, until }: NonNullable<Mark['ahead']>): void {
    const { current } = this;
    if (entry?.op === 'input' && part > 0) current.input({ op: 'input', term: entry.term, data: entry.data.slice(0, part) });
    current.run(until, () => true);
  }

  /** From the end of a line to a log that goes along with it at first. */
  private back(log: SubmissionLog, behind: number): void {
    const line = this.whole();
    const left = this.current;
    const { entries, end } = lineOf(log);
    const n = shared(line.entries, entries);
    leave(left);
    this.spares.push(new Replay(this.o.lab, Number.POSITIVE_INFINITY, left.started, left.entries.length));
    const { steps, time } = entries[n] ?? end;
    const next = line.entries[n] ?? end;
    const replay = this.nearest({ entries: n, steps: Math.min(steps, next.steps), time: Math.min(time, next.time) });
    replay.follow(upTo(entries, end));
    this.current = new Session(this.o.lab, replay.started, entries);
    this.line = line;
    this.behind = Math.min(behind, this.timeline.length);
    this.timeline.follow(this.current.started, this.current.entries.length);
    this.spent = this.timeline.costAt(Math.max(0, this.behind - 1));
  }

  /** Carries a line out to its end and learns its moments. */
  private follow(line: Line): void {
    const known = this.current ? this.whole().entries : [];
    const n = shared(known, line.entries);
    const { steps, time } = line.entries[n] ?? line.end;
    this.spares = this.spares.filter((s) => reaches(s, { entries: n, steps, time }));
    const replay = this.nearest(line.end);
    const { world } = replay.started;
    this.timeline.retain((m) => m.at.entries <= replay.done && m.at.steps <= world.sim.steps);
    this.spent = this.timeline.costAt(this.timeline.length - 1);
    this.timeline.follow(replay.started, replay.done);
    this.since = this.o.env.now();
    try {
      replay.follow(upTo(line.entries, line.end));
    } finally {
      this.spent = this.cost();
      this.since = null;
    }
    this.current = new Session(this.o.lab, replay.started, line.entries);
  }

  /** The spare world that is nearest before a place, no spare any more; a new one when there is none. */
  private nearest(target: Mark): Replay {
    const best = this.spares.filter((s) => reaches(s, target)).sort((a, b) => b.started.world.sim.steps - a.started.world.sim.steps)[0];
    if (!best) return this.ready(whole(starting(this.o.lab)));
    this.spares.splice(this.spares.indexOf(best), 1);
    return best;
  }

  private ready(started: Started): Replay {
    started.screens = new Map();
    started.recording.activity = new Activity(started.world);
    return new Replay(this.o.lab, Number.POSITIVE_INFINITY, started);
  }

  /** What going back does not undo: answers, hints, the time of a limit, and what was seen of the outcome of a prediction. */
  private account(pasts: readonly (readonly LogEntry[])[], seen: readonly string[], elapsed: number): void {
    const { current, o } = this;
    const known = seenIn(current.started);
    const more = seen.filter((q) => !known.includes(q));
    const spent = o.lab.limit === undefined ? 0 : Math.max(0, Math.round((elapsed - current.elapsed) * SEC));
    if (more.length > 0 || spent > 0) current.input({ op: 'back', spent, seen: more });
    for (const input of carried(o.lab, pasts, current.entries)) current.input(input);
  }

  /** Something new is done: what was gone back from is no more. */
  private goOn(): void {
    const { line, current } = this;
    if (!line) return;
    this.line = null;
    const n = shared(line.entries, current.entries);
    const { steps, time } = current.entries[n] ?? markOf(current);
    const next = line.entries[n] ?? line.end;
    const fork = { entries: n, steps: Math.min(steps, next.steps), time: Math.min(time, next.time) };
    this.timeline.cutAt(this.behind, fork);
    this.spares = this.spares.filter((s) => reaches(s, fork));
  }

  private cost(): number {
    return this.spent + (this.since === null ? 0 : this.o.env.now() - this.since);
  }

  // ---- spare worlds

  private wake(): void {
    this.timer ??= this.o.env.later(QUIET_MS, () => this.turn());
  }

  private turn(): void {
    this.timer = null;
    if (this.closed) return;
    const start = this.o.env.now();
    if (start - this.touched < QUIET_MS || !this.o.idle()) {
      this.wake();
      return;
    }
    try {
      if (this.tend(() => this.o.env.now() - start < SLICE_MS)) this.timer = this.o.env.later(REST_MS, () => this.turn());
    } catch (error) {
      this.spares = [];
      this.o.failed(error);
    }
  }

  /** Where spares are wanted, in order: as far apart as they can, and one for undoing the last command. Null is the beginning. */
  private wanted(): (Mark | null)[] {
    const { timeline } = this;
    const moments: { moment: Moment; cost: number }[] = [];
    for (let i = 0; i < timeline.length; i++) {
      const moment = timeline.momentAt(i) as Moment;
      if (moment.kind === 'command' || moment.kind === 'script') moments.push({ moment, cost: timeline.costAt(i) });
    }
    const last = moments.at(-1);
    if (!last) return [];
    const n = Math.max(1, Math.min(SPARES - 1, Math.ceil(last.cost / GAP_MS)));
    const marks: (Mark | null)[] = [null];
    for (let j = 1; j < n; j++) marks.push(moments.findLast((m) => m.cost <= (j * last.cost) / n)?.moment.before ?? null);
    marks.push(last.moment.before);
    return marks;
  }

  /** One slice of work on the spares. False when there is nothing to do. */
  private tend(more: () => boolean): boolean {
    const wanted = this.wanted();
    const last = wanted.at(-1);
    if (!last) return false;
    const { entries } = this.whole();
    const spares = this.spares.filter((s) => reaches(s, last)).sort((a, b) => a.started.world.sim.steps - b.started.world.sim.steps);
    if (spares.length < wanted.length) {
      this.sprout ??= starting(this.o.lab);
      do {
        const { done, value } = this.sprout.next();
        if (!done) continue;
        this.sprout = null;
        this.spares.push(this.ready(value));
        return true;
      } while (more());
      return true;
    }
    for (const surplus of spares.splice(1, spares.length - wanted.length)) this.spares.splice(this.spares.indexOf(surplus), 1);
    for (let i = spares.length - 1; i > 0; i--) {
      const spare = spares[i] as Replay;
      const mark = wanted[i];
      if (!mark || !reaches(spare, mark)) continue;
      const { sim } = spare.started.world;
      if (spare.done === mark.entries && sim.steps === mark.steps && sim.now === mark.time) continue;
      spare.follow(upTo(entries, mark), more);
      return true;
    }
    return false;
  }
}
