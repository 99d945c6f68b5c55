/** Asks before a task's work is undone: says where that goes back to, and what it takes with it. */

import { render } from 'preact';
import type { TaskInfo } from '../../lab/session.ts';
import { words } from '../words/en.ts';
import type { World } from '../workspace/world.ts';
import { resetTask, startOf } from './travel.ts';

const text = words.timeline;
/** Commands that the dialog names. */
const NAMED = 8;

export function askReset(world: World, task: TaskInfo): void {
  const start = startOf(world, task.id);
  const titleOf = (id: string): string => world.info.value.tasks.find((t) => t.id === id)?.title ?? id;
  const lines = start.commands.map((i) => world.moments.value[i]?.text.split('\n')[0] ?? '');
  const place = document.createElement('div');
  document.body.append(place);
  const end = () => {
    render(null, place);
    place.remove();
  };
  render(
    <dialog class="ws-dialog" aria-label={text.resetTask} onClose={end}>
      <h3>{text.resetTaskTitle(task.title)}</h3>
      {lines.length === 0 ? (
        <p>{text.resetNothing}</p>
      ) : (
        <>
          <p>{start.after === null ? text.resetToStart(lines.length) : text.resetToTick(titleOf(start.after), lines.length)}</p>
          <ul class="tl-doomed">
            {lines.slice(0, NAMED).map((line, i) => (
              <li key={i}>
                <code>{line}</code>
              </li>
            ))}
            {lines.length > NAMED && <li>{text.more(lines.length - NAMED)}</li>}
          </ul>
          <p>{text.resetStands}</p>
        </>
      )}
      <form method="dialog" class="ws-dialog-buttons">
        <button type="submit" class="btn">
          {words.workspace.cancel}
        </button>
        {lines.length > 0 && (
          <button type="submit" class="btn btn-main" onClick={() => resetTask(world, start)}>
            {text.resetYes}
          </button>
        )}
      </form>
    </dialog>,
    place,
  );
  place.querySelector('dialog')?.showModal();
}
