/** What is listed as a capture file: of one device, or of all of them. */

import { useSignal } from '@preact/signals';
import { words } from '../words/en.ts';
import { save } from '../workspace/save.ts';
import type { State } from './state.ts';

const say = words.inspector;

export function Save({ state }: { state: State }) {
  const place = useSignal('');
  const captures = state.journey.value?.captures ?? [];
  const places = [...new Map(captures.map((c) => [`${c.space} ${c.dev}`, `${c.title} ${c.dev}`]))];
  const known = places.some(([id]) => id === place.value) ? place.value : '';
  const write = async (): Promise<void> => {
    const [space = '', dev = ''] = known.split(' ');
    const file = await state.pcap({ space, dev });
    if (!file) return;
    state.news.value = file.packets === 0 ? say.nothingSaved : say.saved(file.name, file.packets);
    if (file.packets > 0) save(file.name, new Uint8Array(file.bytes));
  };
  return (
    <span class="in-save">
      <button type="button" class="in-button" onClick={() => void write()}>
        {say.save}
      </button>
      {places.length > 0 && (
        <select aria-label={say.savePlace} value={known} onChange={(e) => (place.value = e.currentTarget.value)}>
          <option value="">{say.everywhere}</option>
          {places.map(([id, label]) => (
            <option key={id} value={id}>
              {label}
            </option>
          ))}
        </select>
      )}
    </span>
  );
}
