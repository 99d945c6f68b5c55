/** The task list: ticks by itself after each command, says what a task waits for, asks, hints, and says why it is still open. */

import type { LabInfo } from '../../lab/session.ts';
import { words } from '../words/en.ts';
import { Checks } from './Checks.tsx';
import { Hints } from './Hints.tsx';
import { Prose } from './prose.tsx';
import { Question } from './Question.tsx';
import { Values } from './Values.tsx';
import type { World } from './world.ts';

export function Tasks({ world }: { world: World }) {
  const { grade, world: start } = world.timing.value;
  const { story, tasks, commands } = world.info.value;
  return (
    <div class="ws-tasks">
      <div class="ws-tasks-head">
        <h3>{words.workspace.tasks}</h3>
        <p class="ws-timing">
          {start !== undefined && words.workspace.ready(Math.max(1, Math.round(start)))}
          {grade !== undefined && ` · ${words.workspace.graded(Math.max(1, Math.round(grade)))}`}
        </p>
      </div>
      <div class="ws-story">
        <Prose text={story} />
      </div>
      {commands?.allow && <Programs title={words.workspace.allowed} names={commands.allow} />}
      {commands?.forbid && <Programs title={words.workspace.forbidden} names={commands.forbid} />}
      <Values world={world} />
      {world.report.value?.remarks.map((remark) => (
        <p class="ws-remark" key={remark}>
          {remark}
        </p>
      ))}
      <ol class="ws-list">
        {tasks.map((task) => (
          <Task key={task.id} task={task} world={world} />
        ))}
      </ol>
    </div>
  );
}

function Programs({ title, names }: { title: string; names: readonly string[] }) {
  return (
    <p class="ws-programs">
      {title}{' '}
      {names.map((name, i) => (
        <>
          {i > 0 && ', '}
          <code key={name}>{name}</code>
        </>
      ))}
    </p>
  );
}

function Task({ task, world }: { task: LabInfo['tasks'][number]; world: World }) {
  const reports = world.tasks.value;
  const verdict = world.report.value;
  const report = reports.get(task.id);
  const done = report?.passed === true;
  const waits = done || report?.checks.some((c) => c.status !== 'skipped') ? [] : task.needs.filter((id) => !reports.get(id)?.passed);
  const locked = waits.length > 0;
  const title = (id: string) => world.info.value.tasks.find((t) => t.id === id)?.title ?? id;
  const state = done ? 'done' : locked ? 'locked' : 'open';
  const asked = new Set(task.questions.map((q) => q.id));
  const checks = report?.checks.filter((c) => !asked.has(c.name)) ?? [];
  return (
    <li class={`ws-task ws-task-${state}`} data-task={task.id} data-done={done}>
      <span class="ws-tick" aria-hidden="true">
        {done ? '✓' : locked ? '…' : ''}
      </span>
      <div class="ws-task-body">
        <p class="ws-task-title">
          {task.title} <span class="sr-only">{words.workspace.states[state]}</span>
          {report && !done && report.share > 0 && <span class="ws-share">{words.workspace.percent(report.share)}</span>}
        </p>
        {locked && <p class="ws-waits">{words.workspace.waits(waits.map(title))}</p>}
        <Prose text={task.text} />
        {task.questions.map((q) => (
          <Question key={q.id} question={q} check={report?.checks.find((c) => c.name === q.id)} world={world} />
        ))}
        <Hints task={task} world={world} locked={locked} done={done} lost={checks.some((c) => c.status === 'failed')} />
        {!locked && world.review.value === null && world.present.value > 0 && (
          <button
            type="button"
            class="ws-reset-task"
            aria-label={`${words.timeline.resetTask}: ${task.title}`}
            onClick={() => void import('../timeline/resetTask.tsx').then(({ askReset }) => askReset(world, task))}
          >
            {words.timeline.resetTask}
          </button>
        )}
        {!locked && verdict && checks.some((c) => c.cause !== null) && <Checks checks={checks} done={done} report={verdict} />}
      </div>
    </li>
  );
}
