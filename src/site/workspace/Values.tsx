/** Whose values these are, and the button that draws others. */

import { useRef } from 'preact/hooks';
import { words } from '../words/en.ts';
import type { World } from './world.ts';

export function Values({ world }: { world: World }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const { learner, attempt } = world.variant.value;
  const text = words.values;
  if (!world.info.value.varies || world.review.value) return null;
  if (world.ticket.value) return <p class="ws-values">{text.drawn(learner, attempt)}</p>;
  return (
    <div class="ws-values">
      <span>{text.attempt(attempt)}</span>
      <button type="button" class="ws-button" onClick={() => dialog.current?.showModal()}>
        {text.renew}
      </button>
      <dialog class="ws-dialog" ref={dialog} aria-label={text.renew}>
        <p>{text.ask}</p>
        <form method="dialog" class="ws-dialog-buttons">
          <button type="submit" class="btn">
            {words.workspace.cancel}
          </button>
          <button type="submit" class="btn btn-main" onClick={() => void world.renew()}>
            {text.renew}
          </button>
        </form>
      </dialog>
    </div>
  );
}
