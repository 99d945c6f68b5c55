/** The list behind the "+": every place where a terminal can be opened, to search and choose from. An editable combobox with a listbox. */

import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Place } from '../../lab/session.ts';
import { words } from '../words/en.ts';
import type { World } from './world.ts';

const said = words.tabs;

const GROUPS: readonly (readonly [string, readonly Place['kind'][]])[] = [
  [said.hosts, ['node', 'outside']],
  [said.pods, ['pod']],
  [said.namespaces, ['netns']],
];

function fitting(places: readonly Place[], typed: string): Place[] {
  const wanted = typed.toLowerCase().split(/\s+/);
  const found = places.filter((p) => {
    const text = `${p.place} ${p.title} ${p.on ?? ''}`.toLowerCase();
    return wanted.every((w) => text.includes(w));
  });
  return GROUPS.flatMap(([, kinds]) => found.filter((p) => kinds.includes(p.kind)));
}

export function Places({ world, choose, dismiss }: { world: World; choose: (place: string) => void; dismiss: () => void }) {
  const input = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const places = useSignal<readonly Place[] | null>(null);
  const typed = useSignal('');
  const at = useSignal(0);
  const found = useComputed(() => fitting(places.value ?? [], typed.value));

  useEffect(() => {
    input.current?.focus();
    void world
      .start()
      .then(() => world.client().places())
      .then((all) => {
        places.value = all;
      });
  }, []);

  const go = (to: number) => {
    const { length } = found.value;
    at.value = length === 0 ? 0 : (to + length) % length;
    list.current?.querySelector(`#place-${at.value}`)?.scrollIntoView({ block: 'nearest' });
  };

  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step !== undefined) go(Math.abs(step) === 1 ? at.value + step : Math.min(Math.max(at.value + step, 0), found.value.length - 1));
    else if (event.key === 'Enter') {
      const place = found.value[at.value];
      if (place) choose(place.place);
    } else if (event.key === 'Escape') dismiss();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div
      class="ws-places"
      onFocusOut={(event) => {
        if (event.relatedTarget && !event.currentTarget.contains(event.relatedTarget as Node)) dismiss();
      }}
    >
      <input
        ref={input}
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="ws-places-list"
        aria-autocomplete="list"
        aria-activedescendant={found.value.length > 0 ? `place-${at.value}` : undefined}
        aria-label={said.search}
        placeholder={said.search}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        value={typed.value}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
          at.value = 0;
        }}
        onKeyDown={onKey}
      />
      <div class="ws-places-list" id="ws-places-list" role="listbox" aria-label={said.places} ref={list}>
        {GROUPS.map(([name, kinds]) => {
          const own = found.value.filter((p) => kinds.includes(p.kind));
          if (own.length === 0) return null;
          return (
            // biome-ignore lint/a11y/useSemanticElements: a fieldset is no child of a listbox
            <div role="group" aria-label={name} key={name}>
              <p class="ws-places-group" aria-hidden="true">
                {name}
              </p>
              {own.map((place) => {
                const i = found.value.indexOf(place);
                return (
                  // biome-ignore lint/a11y/useFocusableInteractive lint/a11y/useKeyWithClickEvents: the focus stays in the input, which has the keys
                  <div
                    role="option"
                    id={`place-${i}`}
                    key={place.place}
                    class="ws-place"
                    aria-selected={at.value === i}
                    onPointerMove={() => {
                      at.value = i;
                    }}
                    onPointerDown={(event) => event.preventDefault()}
                    onClick={() => choose(place.place)}
                  >
                    <span class={`ws-kind ws-kind-${place.kind}`} aria-hidden="true" />
                    <span class="ws-place-title">{place.title}</span>
                    {place.on !== null && <span class="ws-place-on">{said.on(place.on)}</span>}
                  </div>
                );
              })}
            </div>
          );
        })}
      </div>
      <p class="ws-places-count" role="status">
        {places.value === null ? said.looking : said.found(found.value.length)}
      </p>
    </div>
  );
}
