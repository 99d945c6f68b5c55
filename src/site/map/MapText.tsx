/** What stands under the map: the part that is looked at in one line, and everything in words. */

import { batch, useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { Topology } from '../../lab/view/types.ts';
import { mapWords } from '../words/map.ts';
import { focusedPacket, focusedPath, type PacketPath, type Place } from '../workspace/focus.ts';
import type { Told } from './player.ts';
import { type Names, namesOf, sectionsOf } from './say.ts';

const say = mapWords;

export interface MapTextProps {
  readonly topology: Topology;
  readonly told: readonly Told[];
  /** The part that is looked at. */
  readonly line: string;
  /** Buttons. */
  readonly children: ComponentChildren;
}

export function MapText({ topology, told, line, children }: MapTextProps) {
  const open = useSignal(false);
  return (
    <div class="map-foot">
      <p class="map-line" aria-hidden="true">
        {line || <Legend />}
      </p>
      {children}
      <details
        class="map-words"
        open={open.value}
        onToggle={(event) => {
          open.value = event.currentTarget.open;
        }}
      >
        <summary>{say.inWords}</summary>
        {open.value && (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
          <section class="map-words-body" tabIndex={0} aria-label={say.inWords}>
            <section class="map-marks">
              <h3>{say.legend}</h3>
              <Legend />
            </section>
            <Chosen names={namesOf(topology)} />
            <Recent told={told} names={namesOf(topology)} />
            {sectionsOf(topology).map((s) => (
              <section key={s.title}>
                <h3>{s.title}</h3>
                <ul>
                  {s.lines.map((l) => (
                    <li key={l}>{l}</li>
                  ))}
                </ul>
              </section>
            ))}
          </section>
        )}
      </details>
    </div>
  );
}

function Legend() {
  return (
    <span class="map-legend">
      {(['icmp', 'tcp', 'udp', 'arp'] as const).map((p) => (
        <span key={p}>
          <i class={`map-key map-key-${p}`}>{say.letters[p]}</i>
          {say.protos[p]}
        </span>
      ))}
      <span>
        <i class="map-key map-key-wrapped" />
        {say.wrapped}
      </span>
      <span>
        <i class="map-key map-key-drop">✕</i>
        {say.dropped}
      </span>
    </span>
  );
}

const wayText = (places: readonly Place[], names: Names): string =>
  places.map((p) => `${names(p.space)}${p.dev === '' ? '' : ` ${p.dev}`}`).join(' → ');

const ENDS: Readonly<Record<Told['state'], PacketPath['end']>> = { arrived: 'arrived', dropped: 'dropped', seen: 'way', way: 'way' };

function choose(t: Told): void {
  batch(() => {
    focusedPacket.value = t.root;
    focusedPath.value = { root: t.root, label: t.label || say.protos[t.proto], places: [...t.hops], end: ENDS[t.state], why: t.why };
  });
}

/** The packet that is drawn as a line, chosen here or among the packets. */
function Chosen({ names }: { names: Names }) {
  const path = focusedPath.value;
  if (!path) return null;
  return (
    <section data-chosen>
      <h3>{say.chosen}</h3>
      <p>
        {path.label} <span class={`map-end map-end-${path.end}`}>{endText(path)}</span>
      </p>
      <p class="map-told-way">{wayText(path.places, names)}</p>
    </section>
  );
}

export const endText = ({ end, why }: PacketPath): string =>
  end === 'dropped' ? say.drop(why) : end === 'arrived' ? say.arrived : say.lastSeen;

function Recent({ told, names }: { told: readonly Told[]; names: Names }) {
  const end = (t: Told): string =>
    t.state === 'dropped' ? say.drop(t.why) : { arrived: say.arrived, seen: say.lastSeen, way: say.underWay }[t.state];
  return (
    <section>
      <h3>{say.recent}</h3>
      {told.length === 0 ? (
        <p>{say.noPackets}</p>
      ) : (
        <ol class="map-told">
          {told.map((t) => (
            <li key={t.root} data-root={t.root}>
              <button type="button" aria-pressed={focusedPacket.value === t.root} onClick={() => choose(t)}>
                {t.label || say.protos[t.proto]}
              </button>{' '}
              <span class={`map-end map-end-${t.state}`}>{end(t)}</span>
              <span class="map-told-way">{wayText(t.hops, names)}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
