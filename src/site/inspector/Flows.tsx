/** Conversations with their counts. */

import { words } from '../words/en.ts';
import { rowKeys } from './keys.ts';
import { Mark } from './PacketList.tsx';
import type { State } from './state.ts';

const say = words.inspector;

export function Flows({ state }: { state: State }) {
  const { flows, kept } = state.listing.value;
  if (flows.length === 0) return <p class="in-empty">{kept > 0 ? say.emptyFilter : say.empty}</p>;
  return (
    <ul class="in-list" aria-label={say.flows} onKeyDown={rowKeys}>
      {flows.map((f) => (
        <li key={f.flow}>
          <button type="button" data-row class="in-row in-flow" onClick={() => state.follow(f.flow)}>
            <Mark line={{ verdict: f.dropped > 0 ? 'dropped' : 'delivered', rewritten: f.rewritten }} />
            <span class="in-text">{f.label}</span>
            <span class="in-numbers">
              {say.packetsOf(f.packets)}, {say.size(f.bytes)}
              {f.dropped > 0 && <strong>, {say.droppedOf(f.dropped)}</strong>}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}
