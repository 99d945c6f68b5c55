/** The learner's world on this page: one worker, its state as signals, progress saved as it grows. */

import { batch, signal } from '@preact/signals';
import { Client } from '../../host/client.ts';
import type { GradeReport, LabInfo, SubmissionLog } from '../../lab/session.ts';
import { words } from '../words/en.ts';
import { isLasting, loadWorld, saveWorld } from './store.ts';

const SEED = 1;
/** A longer log (a pasted film, say) is not kept: replaying it would take longer than typing. */
const LOG_LIMIT = 4_000_000;

type TaskReport = GradeReport['tasks'][number];

export type Status = 'idle' | 'starting' | 'ready' | 'failed';

export function createWorld(lab: string, info: LabInfo) {
  const status = signal<Status>('idle');
  const reports = signal<ReadonlyMap<string, TaskReport>>(new Map());
  const score = signal<number | null>(null);
  const timing = signal<{ world?: number; grade?: number }>({});
  const notices = signal<readonly string[]>([]);
  const news = signal('');
  const hints = signal<Readonly<Record<string, readonly string[]>>>({});
  const generation = signal(0);
  let log: SubmissionLog | undefined;

  const notify = (text: string) => {
    if (!notices.value.includes(text)) notices.value = [...notices.value, text];
  };

  const client = () => {
    running ??= new Client({
      opened(_info, ms, replayed) {
        status.value = 'ready';
        timing.value = { ...timing.value, world: ms };
        performance.mark('hopwise-world');
        if (replayed) notify(words.workspace.restored);
      },
      verdict(report, ms) {
        const before = reports.value;
        batch(() => {
          reports.value = new Map(report.tasks.map((t) => [t.id, t]));
          score.value = report.score;
          timing.value = { ...timing.value, grade: ms };
          const changed = report.tasks.find((t) => t.passed !== before.get(t.id)?.passed);
          if (changed && before.size > 0)
            news.value = report.passed
              ? words.workspace.allDone
              : changed.passed
                ? words.workspace.taskDone(changed.title)
                : words.workspace.taskUndone(changed.title);
        });
      },
      log(next) {
        log = next;
        void save();
      },
      failed(where, message) {
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
    if (log && JSON.stringify(log).length > LOG_LIMIT) return;
    const opened = Object.fromEntries(Object.entries(hints.value).map(([id, texts]) => [id, texts.length]));
    await saveWorld(lab, { version: 1, seed: SEED, ...(log ? { log } : {}), hints: opened, savedAt: Date.now() });
    if (!(await isLasting())) notify(words.workspace.memoryOnly);
  };

  const openHint = async (task: string) => {
    const known = hints.value[task] ?? [];
    const text = await client().hint(task, known.length);
    if (text === null) return;
    hints.value = { ...hints.value, [task]: [...known, text] };
    await save();
  };

  return {
    lab,
    info,
    status,
    reports,
    score,
    timing,
    notices,
    news,
    hints,
    /** Grows with every fresh start: screens clear themselves and attach again. */
    generation,
    client,
    async start() {
      if (status.value !== 'idle') return;
      status.value = 'starting';
      const emulator = client();
      const saved = await loadWorld(lab);
      log = saved?.log;
      emulator.open(lab, saved?.seed ?? SEED, log);
      for (const [task, n] of Object.entries(saved?.hints ?? {})) {
        for (let i = 0; i < n; i++) await openHint(task);
      }
    },
    async reset() {
      log = undefined;
      batch(() => {
        notices.value = [];
        news.value = '';
        reports.value = new Map();
        score.value = null;
        generation.value += 1;
      });
      client().open(lab, SEED);
      await save();
    },
    openHint,
    solution: () => client().solution(),
    captures: () => client().captures(),
    capture: (host: string, path: string) => client().capture(host, path),
    dismiss(text: string) {
      notices.value = notices.value.filter((n) => n !== text);
    },
  };
}

export type World = ReturnType<typeof createWorld>;
