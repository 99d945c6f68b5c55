/** The task list: ticks by itself after each command, gives hints one at a time and says why a task is still open. */

import type { LabInfo } from '../../lab/session.ts';
import { words } from '../words/en.ts';
import { Prose } from './prose.tsx';
import type { World } from './world.ts';

export function Tasks({ world }: { world: World }) {
  const { grade, world: start } = world.timing.value;
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
        <Prose text={world.info.story} />
      </div>
      <ol class="ws-list">
        {world.info.tasks.map((task) => (
          <Task key={task.id} task={task} world={world} />
        ))}
      </ol>
    </div>
  );
}

function Task({ task, world }: { task: LabInfo['tasks'][number]; world: World }) {
  const hints = world.hints.value[task.id] ?? [];
  const report = world.reports.value.get(task.id);
  const done = report?.passed === true;
  const failing = report?.checks.filter((c) => c.cause !== null) ?? [];
  return (
    <li class={done ? 'ws-task ws-task-done' : 'ws-task'} data-task={task.id} data-done={done}>
      <span class="ws-tick" aria-hidden="true">
        {done ? '✓' : ''}
      </span>
      <div class="ws-task-body">
        <p class="ws-task-title">
          {task.title} <span class="sr-only">{done ? '(done)' : '(open)'}</span>
        </p>
        <Prose text={task.text} />
        {hints.map((text, i) => (
          <div class="ws-hint" key={i}>
            <Prose text={text} />
          </div>
        ))}
        {!done && (
          <div class="ws-task-foot">
            <button
              type="button"
              class="ws-button"
              disabled={hints.length >= task.hintCosts.length}
              aria-label={`${words.workspace.hint(hints.length, task.hintCosts.length)}: ${task.title}`}
              onClick={() => {
                void world.start();
                void world.openHint(task.id);
              }}
            >
              {words.workspace.hint(hints.length, task.hintCosts.length)}
            </button>
            {failing.length > 0 && (
              <details class="ws-why">
                <summary>{words.workspace.why}</summary>
                <ul>
                  {failing.map((check) => (
                    <li key={check.name}>
                      <strong>{check.description}</strong>
                      <dl>
                        <dt>{words.workspace.expected}</dt>
                        <dd>{check.cause?.expected}</dd>
                        <dt>{words.workspace.observed}</dt>
                        <dd>{check.cause?.actual}</dd>
                        {check.cause?.hop && (
                          <>
                            <dt>{words.workspace.hop}</dt>
                            <dd>{check.cause.hop}</dd>
                          </>
                        )}
                      </dl>
                    </li>
                  ))}
                </ul>
              </details>
            )}
          </div>
        )}
      </div>
    </li>
  );
}
