/** The inspector: packets and conversations with their journeys, rules and routes with what they touched. */

import { useEffect, useMemo, useRef } from 'preact/hooks';
import css from '../styles/inspector.css?inline';
import { words } from '../words/en.ts';
import { adopt } from '../workspace/style.ts';
import type { ViewProps } from '../workspace/Views.tsx';
import { Flows } from './Flows.tsx';
import { Journey } from './Journey.tsx';
import { PacketList } from './PacketList.tsx';
import { RuleTables } from './RuleTables.tsx';
import { Save } from './Save.tsx';
import { createInspector, type State, type Tab } from './state.ts';

adopt(css);

const say = words.inspector;
const TABS: readonly (readonly [Tab, string])[] = [
  ['packets', say.packets],
  ['flows', say.flows],
  ['rules', say.rules],
];
/** Typing settles for so long before a filter is tried, ms. */
const TYPING = 150;

export function Inspector({ world }: ViewProps) {
  const state = useMemo(() => createInspector(world), [world]);
  useEffect(() => () => state.end(), [state]);
  const detail = state.chosen.value !== null && state.tab.value !== 'rules';
  return (
    <div class="in" data-detail={detail}>
      <Bar state={state} />
      <div class="in-body">
        {state.tab.value === 'rules' ? (
          <RuleTables state={state} />
        ) : (
          <>
            <div class="in-side">{state.tab.value === 'flows' ? <Flows state={state} /> : <PacketList state={state} />}</div>
            <Journey state={state} />
          </>
        )}
      </div>
      <p class="sr-only" role="status">
        {state.news.value}
      </p>
    </div>
  );
}

function Bar({ state }: { state: State }) {
  const { tab, listing, paused, all } = state;
  const { error } = listing.value;
  return (
    <div class="in-bar">
      <fieldset class="in-tabs" aria-label={say.views}>
        {TABS.map(([id, label]) => (
          <button type="button" key={id} aria-pressed={tab.value === id} onClick={() => (tab.value = id)}>
            {label}
          </button>
        ))}
      </fieldset>
      {tab.value !== 'rules' && (
        <>
          <Filter state={state} />
          <label class="in-all" title={say.allHint}>
            <input type="checkbox" checked={all.value} onChange={(e) => (all.value = e.currentTarget.checked)} />
            {say.all}
          </label>
          <span class="in-buttons">
            <button type="button" class="in-button" aria-pressed={paused.value} onClick={() => (paused.value = !paused.value)}>
              {paused.value ? say.resume : say.pause}
            </button>
            <button type="button" class="in-button" onClick={() => void state.clear()}>
              {say.clear}
            </button>
            <Save state={state} />
          </span>
          {error !== '' && (
            <p class="in-error" id="in-error" role="alert">
              {error}
            </p>
          )}
        </>
      )}
    </div>
  );
}

function Filter({ state }: { state: State }) {
  const timer = useRef<ReturnType<typeof setTimeout>>();
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <input
      class="in-filter"
      type="text"
      spellcheck={false}
      autocomplete="off"
      autocapitalize="off"
      aria-label={say.filter}
      aria-invalid={state.listing.value.error !== ''}
      aria-describedby={state.listing.value.error === '' ? undefined : 'in-error'}
      placeholder={say.filterHint}
      value={state.filter.value}
      onInput={(e) => {
        const text = e.currentTarget.value;
        clearTimeout(timer.current);
        timer.current = setTimeout(() => {
          state.filter.value = text;
        }, TYPING);
      }}
    />
  );
}
