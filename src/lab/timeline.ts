/** The session as a list of moments: commands that shells took, answers, hints; each with its places in the log, to go back to. */

import type { TraceEvent } from '../sim/trace.ts';
import type { QuestionCheck } from './check/question.ts';
import type { Lab } from './lab.ts';
import type { LogEntry, Started } from './log.ts';
import { matches } from './pattern.ts';
import type { Input } from './session.ts';

/** So many entries were carried out, and the run had come so far. */
export interface Mark {
  readonly entries: number;
  readonly steps: number;
  /** Virtual µs. */
  readonly time: number;
  /** What comes next was typed before the shell asked for it: so much of the next input comes before it, and the run goes on to that time. */
  readonly ahead?: { readonly part: number; readonly until: number };
}

/** Typed text that no shell has taken yet. */
interface Typed {
  /** Before the entry that it came with. */
  readonly mark: Mark;
  readonly data: string;
  /** Characters of it that were taken. */
  taken: number;
}

export interface Moment {
  readonly kind: 'command' | 'script' | 'answer' | 'hint';
  /** Where the shell runs: the host of its terminal, or the name of a machine further away. Empty for answers and hints. */
  readonly host: string;
  /** The command, the question's id or the task's id. */
  readonly text: string;
  /** The answer given, the hint's level. */
  readonly value: string;
  /** Where it began to be typed. */
  readonly before: Mark;
  /** Where it happened. */
  readonly at: Mark;
  /** Where the shell was back at its prompt; null while it is not. */
  readonly after: Mark | null;
  readonly exit: number | null;
}

const MAX_MOMENTS = 5000;
const MAX_TEXT = 2000;

interface Kept {
  moment: Moment;
  /** Of the shell that runs it. */
  readonly shell: string;
  /** What it had cost to come here. */
  readonly cost: number;
}

export class Timeline {
  private kept: Kept[] = [];
  /** The first moment that is new or has changed since somebody asked. */
  private changed = 0;
  private started: Started | null = null;
  private entries = 0;
  private readonly typed = new Map<number, Typed[]>();
  /** Terminal -> where a command begins that was typed before the prompt. */
  private readonly early = new Map<number, Mark>();
  private lastTerm = 0;
  private silence: (() => void) | null = null;
  private readonly cost: () => number;
  /** A command begins. */
  onCommand: (() => void) | null = null;

  /** `cost` is what the run has cost so far, in any unit. */
  constructor(cost: () => number) {
    this.cost = cost;
  }

  get moments(): readonly Moment[] {
    return this.kept.map((k) => k.moment);
  }

  get length(): number {
    return this.kept.length;
  }

  momentAt(i: number): Moment | undefined {
    return this.kept[i]?.moment;
  }

  costAt(i: number): number {
    return this.kept[i]?.cost ?? 0;
  }

  /** Follows a world in which so many entries were carried out; the one before is left alone. */
  follow(started: Started, entries: number): void {
    this.silence?.();
    this.started = started;
    this.entries = entries;
    this.typed.clear();
    this.early.clear();
    const { recording, world } = started;
    recording.onEntry = (entry) => this.enter(entry);
    const silence = world.sim.activity.listen((e) => this.hear(e));
    this.silence = () => {
      silence();
      recording.onEntry = null;
    };
  }

  /** Forgets the moments that `keep` says no to. */
  retain(keep: (moment: Moment) => boolean): void {
    const first = this.kept.findIndex((k) => !keep(k.moment));
    if (first < 0) return;
    this.kept = this.kept.filter((k) => keep(k.moment));
    this.changed = Math.min(this.changed, first);
  }

  /** What was gone back from is no more, but answers and hints stand. */
  cutAt(present: number, mark: Mark): void {
    const later = new Set(this.kept.slice(present));
    const stands = ({ moment }: Kept): boolean => moment.kind === 'answer' || moment.kind === 'hint';
    this.changed = Math.min(this.changed, present);
    this.kept = this.kept
      .filter((k) => !later.has(k) || stands(k))
      .map((k) => (later.has(k) ? { ...k, moment: { ...k.moment, before: mark, at: mark, after: mark } } : k));
  }

  /** What is new since the last time: moments from number `from` on. Null when there is nothing. */
  news(): { from: number; moments: Moment[] } | null {
    if (this.changed > this.kept.length || this.changed === Number.POSITIVE_INFINITY) return null;
    const from = this.changed;
    this.changed = Number.POSITIVE_INFINITY;
    return { from, moments: this.kept.slice(from).map((k) => k.moment) };
  }

  /** Everything is news again. */
  retell(): void {
    this.changed = 0;
  }

  private here(entries = this.entries): Mark {
    const { sim } = (this.started as Started).world;
    return { entries, steps: sim.steps, time: sim.now };
  }

  private enter(entry: LogEntry): void {
    const before = this.here();
    this.entries += 1;
    const { op } = entry;
    if (op === 'input') {
      this.lastTerm = entry.term;
      this.typed.set(entry.term, [...(this.typed.get(entry.term) ?? []), { mark: before, data: entry.data, taken: 0 }]);
    } else if (op === 'open') this.lastTerm = entry.term;
    else if (op === 'script') this.add('script', entry.host, entry.script, '', before);
    else if (op === 'answer') this.add('answer', '', entry.question, entry.value, before);
    else if (op === 'hint') this.add('hint', '', entry.task, String(entry.level), before);
  }

  /** So many lines were taken from what was typed. */
  private take(term: number, lines: number): void {
    const queue = this.typed.get(term) ?? [];
    for (let n = lines, piece = queue[0]; n > 0 && piece; piece = queue[0]) {
      const end = piece.data.slice(piece.taken).search(/[\r\n]/) + 1;
      if (end > 0) {
        piece.taken += end;
        n -= 1;
      }
      if (end === 0 || piece.taken === piece.data.length) queue.shift();
    }
  }

  /** A shell asks for the next command; `ahead` bytes of what was typed are still to be read. */
  private asked(term: number, ahead: number): Mark {
    const queue = this.typed.get(term) ?? [];
    let rest = queue.reduce((n, t) => n + t.data.length - t.taken, 0) - ahead;
    for (let piece = queue[0]; rest > 0 && piece; piece = queue[0]) {
      const n = Math.min(rest, piece.data.length - piece.taken);
      rest -= n;
      piece.taken += n;
      if (piece.taken === piece.data.length) queue.shift();
    }
    const here = this.here();
    const [next] = queue;
    if (!next) return here;
    const mark = { ...next.mark, ahead: { part: next.taken, until: here.time } };
    this.early.set(term, mark);
    return mark;
  }

  private add(kind: Moment['kind'], host: string, text: string, value: string, before: Mark, shell = ''): void {
    if (this.kept.length >= MAX_MOMENTS) return;
    const at = this.here();
    const after = kind === 'command' ? null : at;
    this.changed = Math.min(this.changed, this.kept.length);
    const moment = { kind, host, text: text.slice(0, MAX_TEXT), value: value.slice(0, MAX_TEXT), before, at, after, exit: null };
    this.kept.push({ moment, shell, cost: this.cost() });
  }

  private hear(e: TraceEvent): void {
    if ((e.kind !== 'os.line' && e.kind !== 'os.prompt') || e.login === 0) return;
    const shell = `${e.host}/${e.pid}`;
    const { terminals } = this.started as Started;
    const own = [...terminals].find(([, { tty }]) => tty.machine.hostname + tty.path === e.tty)?.[0];
    const term = own ?? this.lastTerm;
    if (e.kind === 'os.line') {
      this.onCommand?.();
      const host = own === undefined ? e.host : ((this.started as Started).homes.get(own) ?? e.host);
      const before = this.early.get(term) ?? this.typed.get(term)?.[0]?.mark ?? this.here();
      this.early.delete(term);
      this.take(term, e.line.split('\n').length);
      this.add('command', host, e.line, '', before, shell);
      return;
    }
    const prompt = this.asked(term, e.ahead);
    const i = this.kept.findLastIndex((k) => k.shell === shell);
    const done = this.kept[i];
    if (!done || done.moment.after !== null) return;
    done.moment = { ...done.moment, after: prompt, exit: e.status };
    this.changed = Math.min(this.changed, i);
  }
}

/** Answers and hints that were given in any of these pasts and that `kept`, the past to go on from, does not have. */
export function carried(lab: Lab, pasts: readonly (readonly LogEntry[])[], kept: readonly LogEntry[]): Input[] {
  const out: Input[] = [];
  const opened = new Set(kept.flatMap((e) => (e.op === 'hint' ? [`${e.task} ${e.level}`] : [])));
  for (const e of pasts.flat()) {
    if (e.op !== 'hint' || opened.has(`${e.task} ${e.level}`)) continue;
    opened.add(`${e.task} ${e.level}`);
    out.push({ op: 'hint', task: e.task, level: e.level });
  }
  const predictions = new Set(questionsOf(lab).flatMap((q) => (q.prediction || q.before !== undefined ? [q.id] : [])));
  const answers = new Map<string, string>();
  for (const e of pasts.flat())
    if (e.op === 'answer' && !(predictions.has(e.question) && answers.has(e.question))) answers.set(e.question, e.value);
  for (const [question, value] of answers) {
    const last = kept.findLast((e) => e.op === 'answer' && e.question === question);
    if (last?.op === 'answer' && (predictions.has(question) || last.value === value)) continue;
    out.push({ op: 'answer', question, value });
  }
  return out;
}

/** Predictions whose outcome this run has shown before they were made. */
export function seenIn({ lab, recording }: Started): string[] {
  const { activity, answers } = recording;
  return questionsOf(lab).flatMap((q) => {
    const { before } = q;
    if (recording.spoilt.has(q.id)) return [q.id];
    if (before === undefined || !activity) return [];
    const shown = activity.ran.find((r) => matches(before, r.line));
    const first = answers.findIndex((a) => a.question === q.id);
    return shown && (first < 0 || activity.orderOfAnswer(first) > shown.order) ? [q.id] : [];
  });
}

const questionsOf = (lab: Lab): QuestionCheck[] =>
  lab.tasks.flatMap((t) => t.checks.flatMap((c) => (c.kind === 'question' ? [c as QuestionCheck] : [])));
