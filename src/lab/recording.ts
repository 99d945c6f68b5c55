/** What happened while the learner worked, gathered while the log is carried out: answers, hints, commands, captures. */

import type { Activity } from './activity.ts';
import type { LogEntry } from './log.ts';
import type { ServiceMonitor } from './service.ts';
import type { World } from './world.ts';

export interface Answer {
  readonly question: string;
  readonly value: string;
  /** Virtual µs. */
  readonly time: number;
}

export interface Watcher {
  stop(): void;
}

export class Recording {
  /** All answers in order; the last one to a question counts. */
  readonly answers: Answer[] = [];
  /** Task id -> levels of the hints opened. */
  readonly hints = new Map<string, Set<number>>();
  /** What programs did; null where nobody will ask. */
  activity: Activity | null = null;
  /** What checks listen to, by id of the check. */
  readonly watches = new Map<string, Watcher>();
  /** What asks the lab's service, where it has one. */
  service: ServiceMonitor | null = null;
  /** Virtual µs of a time limit that were used up by what was undone. */
  spent = 0;
  /** Prediction whose outcome was seen and undone -> how many answers had been given by then. */
  readonly spoilt = new Map<string, number>();
  /** Is told every entry before it is carried out. */
  onEntry: ((entry: LogEntry) => void) | null = null;
  /** Virtual µs when the learner came. */
  readonly begin: number;

  constructor(world: World) {
    this.begin = world.sim.now;
  }

  /** Notes an entry of the log as it is carried out. */
  note(entry: LogEntry): void {
    this.onEntry?.(entry);
    if (entry.op === 'answer') {
      this.answers.push({ question: entry.question, value: entry.value, time: entry.time });
      this.activity?.answer();
    } else if (entry.op === 'hint') this.hints.set(entry.task, (this.hints.get(entry.task) ?? new Set()).add(entry.level));
    else if (entry.op === 'back') {
      this.spent += entry.spent;
      for (const question of entry.seen) if (!this.spoilt.has(question)) this.spoilt.set(question, this.answers.length);
    }
  }

  answer(question: string): Answer | undefined {
    return this.answers.findLast((a) => a.question === question);
  }
}
