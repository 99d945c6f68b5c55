/** The learner's world on this page: one worker, its state as signals, progress saved as it grows. */

import { batch, computed, signal } from '@preact/signals';
import { Client } from '../../host/client.ts';
import type { Ahead, Clock, Travel } from '../../host/protocol.ts';
import type { GradeReport, LabInfo, Resumed, SubmissionLog } from '../../lab/session.ts';
import type { Moment } from '../../lab/timeline.ts';
import type { Ask, Told } from '../../lab/view/told.ts';
import type { Topology, TrafficEvent } from '../../lab/view/types.ts';
import { words } from '../words/en.ts';
import { focusedPacket, focusedPath } from './focus.ts';
import { type Branch, isLasting, loadWorld, saveResult, saveWorld } from './store.ts';
import type { Opened } from './submission.ts';
import { firstVariant, nextVariant, type Variant, variantOf } from './variant.ts';

/** A longer log (a pasted film, say) is not kept: replaying it would take longer than typing. */
const LOG_LIMIT = 4_000_000;

/** Events of traffic that the page remembers. */
const TRAFFIC_KEPT = 2_000;

/** The last events, oldest first; `fresh` of them came with the last batch, and with it `left` more that were too many to tell. */
export interface Traffic {
  readonly events: readonly TrafficEvent[];
  readonly fresh: number;
  readonly left: number;
}

const NO_TRAFFIC: Traffic = { events: [], fresh: 0, left: 0 };

/** What views want to be told. */
export type Watch = 'topology' | 'traffic' | 'packets';

export type Status = 'idle' | 'starting' | 'ready' | 'failed';

const NOTHING: Resumed = { answers: {}, hints: {} };

/** Where the work on a variant is kept: a ticket's work does not touch the learner's own. */
const keyOf = (lab: string, asked: Variant | null): string => (asked ? `${lab}?seed=${asked.seed}` : lab);

export function createWorld(lab: string, given: LabInfo) {
  const info = signal(given);
  const status = signal<Status>('idle');
  const report = signal<GradeReport | null>(null);
  const tasks = computed(() => new Map(report.value?.tasks.map((t) => [t.id, t])));
  const timing = signal<{ world?: number; grade?: number }>({});
  const notices = signal<readonly string[]>([]);
  const news = signal('');
  const resumed = signal(NOTHING);
  const clock = signal<Clock | null>(null);
  const variant = signal(firstVariant);
  /** From a teacher's link. */
  const ticket = signal<Variant | null>(null);
  /** Somebody's submission is looked at. */
  const review = signal<Opened | null>(null);
  const located = signal<Readonly<Record<string, string>>>({});
  const generation = signal(0);
  /** Null until it is watched. */
  const topology = signal<Topology | null>(null);
  const traffic = signal(NO_TRAFFIC);
  /** Changes when there is more to ask about packets. */
  const packetNews = signal(0);
  const watchers: Record<Watch, number> = { topology: 0, traffic: 0, packets: 0 };
  /** What was done, in order; `present` of it lie behind, commands after those were gone back from. */
  const moments = signal<readonly Moment[]>([]);
  const present = signal(0);
  /** On the way to another place in time. */
  const travelling = signal(false);
  /** Places of the terminals that are open. */
  const terminals = signal<readonly string[]>([]);
  /** What this line of work is called, and the others. */
  const branch = signal('');
  const branches = signal<readonly Branch[]>([]);
  const ticks = signal<Readonly<Record<string, number>>>({});
  let log: SubmissionLog | undefined;
  let ahead: Ahead | undefined;

  const notify = (text: string) => {
    if (!notices.value.includes(text)) notices.value = [...notices.value, text];
  };

  const told = (next: GradeReport, ms: number, entries: number) => {
    const before = tasks.value;
    batch(() => {
      report.value = next;
      timing.value = { ...timing.value, grade: ms };
      const changed = next.tasks.find((t) => t.passed !== before.get(t.id)?.passed);
      if (changed && before.size > 0)
        news.value = next.passed
          ? words.workspace.allDone
          : changed.passed
            ? words.workspace.taskDone(changed.title)
            : words.workspace.taskUndone(changed.title);
    });
    ticks.value = Object.fromEntries(
      next.tasks.filter((t) => t.passed).map((t) => [t.id, Math.min(ticks.value[t.id] ?? entries, entries)]),
    );
    if (!review.value) void saveResult(lab, next);
  };

  const client = () => {
    running ??= new Client({
      opened(opened) {
        batch(() => {
          info.value = opened.info;
          status.value = 'ready';
          timing.value = { ...timing.value, world: opened.ms };
          resumed.value = opened.resumed;
          terminals.value = opened.terminals;
        });
        performance.mark('hopwise-world');
        if (opened.lost !== null) {
          log = undefined;
          ahead = undefined;
          notify(review.value ? words.review.unfit(opened.lost) : words.workspace.lost);
        } else if (opened.replayed && !review.value) notify(words.workspace.restored);
      },
      went(went) {
        ahead = went.ahead ?? undefined;
        batch(() => {
          travelling.value = false;
          resumed.value = went.resumed;
          terminals.value = went.terminals;
        });
        performance.mark('hopwise-went', { detail: went.ms });
      },
      timeline(told) {
        if (!told.ahead) ahead = undefined;
        batch(() => {
          moments.value = [...moments.value.slice(0, told.from), ...told.moments];
          present.value = told.present;
        });
      },
      verdict: told,
      clock(next) {
        clock.value = next;
      },
      log(next) {
        if (review.value) return;
        log = next;
        void save();
      },
      topology(next) {
        topology.value = next;
      },
      news(version) {
        packetNews.value = version;
      },
      traffic(events, left) {
        const kept = traffic.value.events.concat(events);
        traffic.value = { events: kept.slice(-TRAFFIC_KEPT), fresh: Math.min(events.length, TRAFFIC_KEPT), left };
      },
      failed(where, message) {
        travelling.value = false;
        console.error(`hopwise ${where}: ${message}`);
        notify(words.workspace.failed);
        if (status.value === 'starting') status.value = 'failed';
      },
      restarted: () => notify(words.workspace.restarted),
    });
    return running;
  };
  let running: Client | undefined;

  const save = async () => {
    const size = log?.entries.reduce((n, e) => n + (e.op === 'input' ? e.data.length : 0) + 60, 0) ?? 0;
    if (size > LOG_LIMIT) return;
    const { seed, attempt } = variant.value;
    await saveWorld(keyOf(lab, ticket.value), {
      version: 2,
      seed,
      attempt,
      ...(log ? { log } : {}),
      ahead,
      ticks: ticks.value,
      branch: branch.value,
      branches: branches.value,
      savedAt: Date.now(),
    });
    if (!(await isLasting())) notify(words.workspace.memoryOnly);
  };

  /** Opens a world afresh: everything on the page belongs to the one before. */
  const open = (seed: number, from?: SubmissionLog, judged?: SubmissionLog, later?: Ahead) => {
    batch(() => {
      notices.value = [];
      news.value = '';
      report.value = null;
      resumed.value = NOTHING;
      clock.value = null;
      topology.value = null;
      traffic.value = NO_TRAFFIC;
      located.value = {};
      moments.value = [];
      present.value = 0;
      travelling.value = false;
      generation.value += 1;
      focusedPacket.value = null;
      focusedPath.value = null;
      status.value = 'starting';
    });
    client().open(lab, seed, from, judged, later);
  };

  /** The learner's own work, as it was kept. */
  const takeUp = async () => {
    const asked = variantOf(location.search);
    ticket.value = asked;
    const saved = await loadWorld(keyOf(lab, asked));
    variant.value = asked ?? (saved ? { seed: saved.seed, attempt: saved.attempt } : firstVariant);
    log = saved?.log;
    if (log && log.contentHash !== info.value.contentHash) {
      const { forToday } = await import('./submission.ts');
      log = forToday(log, info.value) ?? log;
    }
    const fits = (l: SubmissionLog | undefined) => l?.contentHash === info.value.contentHash;
    ahead = fits(saved?.ahead?.log) ? saved?.ahead : undefined;
    ticks.value = saved?.ticks ?? {};
    branch.value = saved?.branch ?? '';
    branches.value = saved?.branches?.filter((b) => fits(b.log)) ?? [];
  };

  const start = async () => {
    if (status.value !== 'idle') return;
    status.value = 'starting';
    await takeUp();
    client().open(lab, variant.value.seed, log, undefined, ahead);
  };

  const fresh = async () => {
    log = undefined;
    ahead = undefined;
    ticks.value = {};
    branch.value = '';
    branches.value = [];
    open(variant.value.seed);
    await save();
  };

  return {
    lab,
    info,
    status,
    report,
    /** What the last verdict says of each task. */
    tasks,
    timing,
    notices,
    news,
    resumed,
    clock,
    variant,
    ticket,
    review,
    /** Task -> where it goes wrong, for those that were asked about. */
    located,
    /** Grows with every fresh start: screens clear themselves and attach again. */
    generation,
    topology,
    traffic,
    packetNews,
    inquire: <A extends Ask>(ask: A): Promise<Told[A['what']] | null> => client().inquire(ask),
    /** Keeps these signals up to date until the function that it returns is called. */
    watch(...wanted: readonly Watch[]): () => void {
      const change = (by: number) => {
        for (const what of wanted) watchers[what] += by;
        client().watch({ topology: watchers.topology > 0, traffic: watchers.traffic > 0, packets: watchers.packets > 0 });
      };
      change(1);
      return () => change(-1);
    },
    moments,
    present,
    travelling,
    terminals,
    branch,
    branches,
    ticks,
    travel(travel: Travel) {
      travelling.value = true;
      client().travel(travel);
    },
    ahead: () => ahead,
    save,
    client,
    start,
    reset: fresh,
    /** The next attempt: other addresses and names. */
    async renew() {
      variant.value = nextVariant(variant.value);
      await fresh();
    },
    async openHint(task: string, level: number) {
      await start();
      const text = await client().hint(task, level);
      const { hints } = resumed.value;
      if (text !== null) resumed.value = { ...resumed.value, hints: { ...hints, [task]: { ...hints[task], [level]: text } } };
    },
    async locate(task: string) {
      located.value = { ...located.value, [task]: words.workspace.hints.locating };
      located.value = { ...located.value, [task]: (await client().locate(task)) ?? words.workspace.hints.unlocated };
    },
    async respond(question: string, value: string) {
      await start();
      client().respond(question, value);
      resumed.value = { ...resumed.value, answers: { ...resumed.value.answers, [question]: value } };
    },
    async look(submission: Opened) {
      const own = review.value === null && status.value !== 'idle';
      if (own) await save();
      review.value = submission;
      open(submission.log.seed, submission.log, submission.log);
    },
    /** From a submission back to the learner's own work. */
    async leave() {
      review.value = null;
      await takeUp();
      open(variant.value.seed, log, undefined, ahead);
    },
    /** The log as it is at this moment. */
    log: () => client().log() ?? log,
    solution: () => client().solution(),
    captures: () => client().captures(),
    capture: (host: string, path: string) => client().capture(host, path),
    notify,
    dismiss(text: string) {
      notices.value = notices.value.filter((n) => n !== text);
    },
  };
}

export type World = ReturnType<typeof createWorld>;
