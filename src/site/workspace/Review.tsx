/** Says that a submission is looked at, whose it is and what is wrong with it. */

import { words } from '../words/en.ts';
import type { World } from './world.ts';

export function Review({ world }: { world: World }) {
  const opened = world.review.value;
  if (!opened) return null;
  return (
    <section class="ws-review" aria-label={words.review.title}>
      <p>
        <strong>{words.review.whose(opened.learner, opened.attempt, opened.log.seed)}</strong> {words.review.about}
      </p>
      {opened.problem !== null && <p class="ws-late">{words.review.problem(opened.problem)}</p>}
      <button type="button" class="ws-button" onClick={() => void world.leave()}>
        {words.review.leave}
      </button>
    </section>
  );
}
