/** One packet's way, hop by hop: what was done to it, by which rule and route, and what changed in it. */

import { useEffect, useRef } from 'preact/hooks';
import type { HopView, JourneyView, PacketLine, StepView } from '../../lab/view/told.ts';
import { words } from '../words/en.ts';
import { askToView } from '../workspace/bus.ts';
import { Bytes } from './Bytes.tsx';
import { Mark } from './PacketList.tsx';
import type { State } from './state.ts';

const say = words.inspector;

export function Journey({ state }: { state: State }) {
  const { chosen, journey } = state;
  const top = useRef<HTMLDivElement>(null);
  const j = journey.value;
  useEffect(() => {
    top.current?.scrollTo({ top: 0 });
    // Where there is room for one of both, the list has gone and the focus with it.
    const side = top.current?.parentElement?.querySelector('.in-side');
    if (chosen.value !== null && side && getComputedStyle(side).display === 'none') top.current?.focus({ preventScroll: true });
  }, [chosen.value]);
  const leave = (): void => {
    const row = document.querySelector<HTMLElement>('.in-row[aria-current="true"]');
    state.choose(null);
    setTimeout(() => (row ?? document.querySelector<HTMLElement>('.in-row'))?.focus());
  };
  return (
    <section
      class="in-detail"
      ref={top}
      // It scrolls, so the keyboard must get there.
      // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
      tabIndex={0}
      aria-label={say.journey}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || chosen.value === null) return;
        event.preventDefault();
        leave();
      }}
    >
      {chosen.value === null ? (
        <p class="in-empty">{say.choose}</p>
      ) : (
        <>
          <button type="button" class="in-button in-back" onClick={leave}>
            {say.back}
          </button>
          {j ? <Told j={j} state={state} /> : <p class="in-empty">{say.gone}</p>}
        </>
      )}
    </section>
  );
}

function Told({ j, state }: { j: JourneyView; state: State }) {
  return (
    <>
      <p class="in-line">{j.line.text}</p>
      <p class="in-end" data-verdict={j.line.verdict}>
        <strong>{j.end}</strong>
        {j.why !== '' && <span> {j.why}</span>}
      </p>
      <p class="in-buttons">
        <button type="button" class="in-button" onClick={() => askToView({ view: 'map' })}>
          {say.onMap}
        </button>
        <button type="button" class="in-button" onClick={() => state.follow(j.line.flow)}>
          {say.wholeFlow}
        </button>
      </p>
      <ol class="in-hops">
        {j.hops.map((h, i) => (
          <Hop key={i} hop={h} state={state} />
        ))}
      </ol>
      {j.asides > 0 && <p class="in-note">{say.asides(j.asides)}</p>}
      {j.cause && <Links title={say.cause} lines={[j.cause]} state={state} />}
      {j.caused.length > 0 && <Links title={say.caused} lines={j.caused} state={state} />}
      <Bytes j={j} state={state} />
    </>
  );
}

function Links({ title, lines, state }: { title: string; lines: readonly PacketLine[]; state: State }) {
  return (
    <div class="in-links">
      <h3>{title}</h3>
      <ul>
        {lines.slice(0, 12).map((l) => (
          <li key={l.root}>
            <button type="button" class="in-row" onClick={() => state.choose(l.root)}>
              <Mark line={l} />
              <span class="in-text">
                <span class="in-said">{l.text.slice(l.text.indexOf(' ') + 1)}</span>
              </span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Hop({ hop, state }: { hop: HopView; state: State }) {
  const plain = hop.steps.filter((s) => !s.minor);
  const minor = hop.steps.length - plain.length;
  return (
    <li class="in-hop" data-end={hop.end}>
      <h3>
        {hop.title} <small>{say.ends[hop.end]}</small>
      </h3>
      <Steps steps={plain} state={state} />
      <Changes hop={hop} />
      {hop.conntrack.length > 0 && (
        <div class="in-ct">
          <h4>{say.conntrack}</h4>
          {hop.conntrack.map((line) => (
            <code key={line}>{line}</code>
          ))}
        </div>
      )}
      {minor > 0 && (
        <details>
          <summary>
            {say.minor} ({hop.steps.filter((s) => s.kind === 'rule' || s.kind === 'policy').length})
          </summary>
          <Steps steps={hop.steps.filter((s) => s.kind === 'rule' || s.kind === 'policy')} state={state} />
        </details>
      )}
    </li>
  );
}

function Steps({ steps, state }: { steps: readonly StepView[]; state: State }) {
  return (
    <ol class="in-steps">
      {steps.map((s, i) => (
        <li key={i} data-kind={s.kind}>
          <span class="in-step">
            {s.hook !== '' && <span class="in-hook">{s.hook}</span>} {s.text}
          </span>
          {s.code !== '' &&
            (s.ref === 0 ? (
              <code>{s.code}</code>
            ) : (
              <button type="button" class="in-code" title={say.touched} onClick={() => void state.touchedBy(s.ref)}>
                <code>{s.code}</code>
              </button>
            ))}
          {s.more !== '' && <span class="in-more">{s.more}</span>}
        </li>
      ))}
    </ol>
  );
}

function Changes({ hop }: { hop: HopView }) {
  const { added, removed, changed } = hop.diff;
  if (added.length + removed.length + changed.length === 0) return null;
  const names = (layers: readonly { readonly name: string }[]): string => layers.map((l) => l.name).join(', ');
  return (
    <div class="in-changes">
      <h4>{say.changes}</h4>
      {removed.length > 0 && <p class="in-off">{say.removed(names(removed))}</p>}
      {added.length > 0 && <p class="in-on">{say.added(names(added))}</p>}
      {changed.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">{say.field}</th>
              <th scope="col">{say.before}</th>
              <th scope="col">{say.after}</th>
            </tr>
          </thead>
          <tbody>
            {changed.map((c) => (
              <tr key={`${c.layer} ${c.field}`} data-field={`${c.layer} ${c.field}`}>
                <th scope="row">
                  {c.layer} {c.field}
                </th>
                <td>
                  <del>{c.before}</del>
                </td>
                <td>
                  <ins>{c.after}</ins>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}
