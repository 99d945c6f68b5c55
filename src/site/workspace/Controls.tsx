/** Reset and solution, each asking once before it acts. */

import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { words } from '../words/en.ts';
import { askToRun } from './bus.ts';
import { Captures } from './Captures.tsx';
import { HandIn } from './HandIn.tsx';
import type { World } from './world.ts';

export function Controls({ world, large, onSize }: { world: World; large: boolean; onSize: () => void }) {
  const reset = useRef<HTMLDialogElement>(null);
  const solution = useRef<HTMLDialogElement>(null);
  const script = useSignal<string | null>(null);
  const node = world.info.value.hosts[0]?.id ?? '';
  return (
    <div class="ws-controls">
      <button type="button" class="ws-button ws-size" aria-pressed={large} onClick={onSize}>
        {large ? words.workspace.shorter : words.workspace.taller}
      </button>
      <HandIn world={world} />
      <Captures world={world} />
      <button type="button" class="ws-button" onClick={() => solution.current?.showModal()}>
        {words.workspace.solution}
      </button>
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
      <dialog class="ws-dialog" ref={solution} aria-label={words.workspace.solution} onClose={() => (script.value = null)}>
        {script.value === null ? <p>{words.workspace.solutionAsk}</p> : <pre>{script.value.trim()}</pre>}
        <form method="dialog" class="ws-dialog-buttons">
          <button type="submit" class="btn">
            {script.value === null ? words.workspace.cancel : words.workspace.solutionHide}
          </button>
          {script.value === null ? (
            <button
              type="button"
              class="btn btn-main"
              onClick={() => {
                void world.start();
                void world.solution().then((text) => (script.value = text));
              }}
            >
              {words.workspace.solutionShow}
            </button>
          ) : (
            <button type="submit" class="btn btn-main" onClick={() => typeScript(node, script.value ?? '')}>
              {words.workspace.solutionType}
            </button>
          )}
        </form>
      </dialog>
    </div>
  );
}

function typeScript(host: string, script: string): void {
  const lines = script.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  askToRun({ host, command: lines.join('\r') });
}
