/** Short messages above the terminal; each can be sent away. */

import type { World } from './world.ts';

export function Notices({ world }: { world: World }) {
  return (
    <div class="ws-notices" role="status">
      {world.notices.value.map((text) => (
        <p class="ws-notice" key={text}>
          <span>{text}</span>
          <button type="button" aria-label="Dismiss" onClick={() => world.dismiss(text)}>
            ×
          </button>
        </p>
      ))}
    </div>
  );
}
