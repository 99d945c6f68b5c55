/** Hints of a task, one level at a time, each with its price before it is opened. */

import type { LabInfo } from '../../lab/session.ts';
import { words } from '../words/en.ts';
import { Prose } from './prose.tsx';
import type { World } from './world.ts';

interface Props {
  readonly task: LabInfo['tasks'][number];
  readonly world: World;
  readonly locked: boolean;
  readonly done: boolean;
  /** A check failed: what went wrong can be looked for. */
  readonly lost: boolean;
}

export function Hints({ task, world, locked, done, lost }: Props) {
  const opened = world.resumed.value.hints[task.id] ?? {};
  const located = world.located.value[task.id];
  const next = task.hintCosts.findIndex((_, level) => opened[level] === undefined);
  const reviewing = world.review.value !== null;
  const text = words.workspace.hints;
  const label = next < 0 ? text.none : text.next(next + 1, task.hintCosts.length, task.hintCosts[next] ?? 0);
  return (
    <>
      {task.hintCosts.map(
        (cost, level) =>
          opened[level] !== undefined && (
            <div class="ws-hint" key={level}>
              <p class="ws-hint-cost">{text.opened(level + 1, cost)}</p>
              <Prose text={opened[level]} />
            </div>
          ),
      )}
      {located !== undefined && !done && (
        <div class="ws-hint ws-located" role="status">
          <p class="ws-hint-cost">{text.located}</p>
          <Prose text={located} />
        </div>
      )}
      {!done && !locked && !reviewing && (
        <div class="ws-task-foot">
          <button
            type="button"
            class="ws-button"
            disabled={next < 0}
            aria-label={`${label}: ${task.title}`}
            onClick={() => void world.openHint(task.id, next)}
          >
            {label}
          </button>
          {lost && (
            <button type="button" class="ws-button" aria-label={`${text.locate}: ${task.title}`} onClick={() => void world.locate(task.id)}>
              {text.locate}
            </button>
          )}
        </div>
      )}
    </>
  );
}
