/** The packets that fit, as tcpdump prints them. */

import { useEffect, useRef } from 'preact/hooks';
import type { PacketLine } from '../../lab/view/told.ts';
import { words } from '../words/en.ts';
import { rowKeys } from './keys.ts';
import type { State } from './state.ts';

const say = words.inspector;

/** `09:00:03.000123 IP 10.0.0.1 > …` in its two parts. */
const parts = (text: string): readonly [string, string] => {
  const at = text.indexOf(' ');
  return [text.slice(0, at), text.slice(at + 1)];
};

export function Mark({ line }: { line: Pick<PacketLine, 'verdict' | 'rewritten'> }) {
  return (
    <span class="in-mark" data-verdict={line.verdict} data-rewritten={line.rewritten}>
      <span class="sr-only">
        {say.verdicts[line.verdict]}
        {line.rewritten && `, ${say.rewritten}`}
      </span>
    </span>
  );
}

export function PacketList({ state }: { state: State }) {
  const { listing, chosen, flow, ref } = state;
  const { packets, found, kept, forgotten } = listing.value;
  const list = useRef<HTMLUListElement>(null);
  const stuck = useRef(true);
  // The latest stays in sight until somebody scrolls up.
  useEffect(() => {
    if (list.current && stuck.current) list.current.scrollTop = list.current.scrollHeight;
  }, [packets]);
  const narrowed = flow.value !== 0 || ref.value !== 0;
  return (
    <>
      {narrowed && <Narrowed state={state} />}
      {packets.length === 0 ? (
        <p class="in-empty">{kept > 0 || narrowed || state.filter.value !== '' ? say.emptyFilter : say.empty}</p>
      ) : (
        <ul
          class="in-list"
          ref={list}
          aria-label={say.list}
          onKeyDown={rowKeys}
          onScroll={(e) => {
            const el = e.currentTarget;
            stuck.current = el.scrollHeight - el.scrollTop - el.clientHeight < 24;
          }}
        >
          {packets.map((p) => {
            const [time, text] = parts(p.text);
            return (
              <li key={p.root}>
                <button
                  type="button"
                  data-row
                  class="in-row"
                  aria-current={chosen.value === p.root}
                  tabIndex={chosen.value === p.root || (chosen.value === null && p === packets[packets.length - 1]) ? 0 : undefined}
                  onClick={() => state.choose(p.root)}
                >
                  <Mark line={p} />
                  <span class="in-time">{time.slice(3)}</span>
                  <span class="in-text">
                    <span class="in-said">{text}</span>
                    {p.reason !== '' && <span class="in-reason">{p.reason}</span>}
                  </span>
                </button>
              </li>
            );
          })}
        </ul>
      )}
      <p class="in-count">
        {say.counted(packets.length, found, kept)}
        {forgotten > 0 && say.forgotten(forgotten)}
      </p>
    </>
  );
}

function Narrowed({ state }: { state: State }) {
  const { flow, ref, described, listing } = state;
  const label = listing.value.flows.find((f) => f.flow === flow.value)?.label ?? '';
  return (
    <p class="in-narrowed">
      <span>
        <b>{ref.value === 0 ? say.onlyFlow : say.onlyRule}</b> {ref.value === 0 ? label : <code>{described.value?.text ?? ''}</code>}
        {ref.value !== 0 && described.value && <small> {described.value.place}</small>}
      </span>
      <button type="button" class="in-button" onClick={() => state.everything()}>
        {say.showAll}
      </button>
    </p>
  );
}
