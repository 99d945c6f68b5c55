/** The time that is left and what the service monitor has counted, in labs that have them. */

import { words } from '../words/en.ts';
import type { World } from './world.ts';

export function Clock({ world }: { world: World }) {
  const { limit, service } = world.info.value;
  const { elapsed = 0, service: seen } = world.clock.value ?? {};
  if (limit === null && service === null) return null;
  const left = limit === null ? 0 : Math.max(0, Math.ceil(limit - elapsed));
  return (
    <p class="ws-clock">
      {limit !== null && (
        <span role="timer" class={left < 60 ? 'ws-late' : ''}>
          {left > 0 ? words.clock.left(left) : words.clock.over}
        </span>
      )}
      {service && (
        <span class={seen && seen.failed > seen.budget ? 'ws-late' : ''}>
          {words.clock.service(seen?.asked ?? 0, seen?.failed ?? 0, service.budget)}
        </span>
      )}
    </p>
  );
}
