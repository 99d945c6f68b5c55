/** The buttons above the workspace; reset asks once before it acts. */

import { useRef } from 'preact/hooks';
import { words } from '../words/en.ts';
import { Captures } from './Captures.tsx';
import { HandIn } from './HandIn.tsx';
import { Solution } from './Solution.tsx';
import type { World } from './world.ts';

export function Controls({ world, large, onSize }: { world: World; large: boolean; onSize: () => void }) {
  const reset = useRef<HTMLDialogElement>(null);
  return (
    <div class="ws-controls">
      <button type="button" class="ws-button ws-size" aria-pressed={large} onClick={onSize}>
        {large ? words.workspace.shorter : words.workspace.taller}
      </button>
      <HandIn world={world} />
      <Captures world={world} />
      <Solution world={world} />
      {world.review.value === null && (
        <button type="button" class="ws-button" onClick={() => reset.current?.showModal()}>
          {words.workspace.reset}
        </button>
      )}
      <dialog class="ws-dialog" ref={reset} aria-label={words.workspace.reset}>
        <p>{words.workspace.resetAsk}</p>
        <form method="dialog" class="ws-dialog-buttons">
          <button type="submit" class="btn">
            {words.workspace.cancel}
          </button>
          <button type="submit" class="btn btn-main" onClick={() => void world.reset()}>
            {words.workspace.resetYes}
          </button>
        </form>
      </dialog>
    </div>
  );
}
