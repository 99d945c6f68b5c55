/** A packet's headers field by field and its bytes, as one capture point saw them. */

import { useSignal, useSignalEffect } from '@preact/signals';
import type { FieldView, JourneyView, Bytes as Seen } from '../../lab/view/told.ts';
import { words } from '../words/en.ts';
import type { State } from './state.ts';

const say = words.inspector;
const ROW = 16;
/** Bytes that are drawn: what follows is data that nobody reads in hexadecimal. */
const MAX_BYTES = 2048;

export function Bytes({ j, state }: { j: JourneyView; state: State }) {
  const open = useSignal(false);
  const at = useSignal(0);
  const seen = useSignal<Seen | null>(null);
  const field = useSignal<FieldView | null>(null);
  const seq = j.captures.some((c) => c.seq === at.value) ? at.value : (j.captures[0]?.seq ?? 0);
  const { root } = j.line;
  useSignalEffect(() => {
    if (!open.value || seq === 0) return;
    at.value;
    void state.bytes(root, seq).then((told) => {
      seen.value = told;
      field.value = null;
    });
  });
  if (j.captures.length === 0) return null;
  return (
    <details class="in-bytes" onToggle={(e) => (open.value = e.currentTarget.open)}>
      <summary>{say.bytes}</summary>
      <label>
        {say.at}{' '}
        <select value={String(seq)} onChange={(e) => (at.value = Number(e.currentTarget.value))}>
          {j.captures.map((c) => (
            <option key={c.seq} value={String(c.seq)}>
              {c.title} {c.dev} {say.way[c.way]}, {say.size(c.length)}
            </option>
          ))}
        </select>
      </label>
      {seen.value && (
        <div class="in-dissected">
          <div class="in-layers">
            {seen.value.layers.map((l) => (
              <div key={l.at} class="in-layer">
                <h3>{l.name}</h3>
                <ul>
                  {l.fields.map((f) => (
                    <li key={f.name}>
                      <button
                        type="button"
                        aria-pressed={field.value === f}
                        onClick={() => (field.value = f)}
                        onMouseEnter={() => (field.value = f)}
                      >
                        {f.name} <b>{f.value}</b>
                      </button>
                    </li>
                  ))}
                </ul>
              </div>
            ))}
          </div>
          <Hex bytes={seen.value.bytes} field={field.value} />
        </div>
      )}
    </details>
  );
}

const hex = (n: number, width: number): string => n.toString(16).padStart(width, '0');
const letter = (n: number): string => (n >= 32 && n < 127 ? String.fromCharCode(n) : '.');

function Hex({ bytes, field }: { bytes: Uint8Array; field: FieldView | null }) {
  const rows: number[] = [];
  for (let at = 0; at < Math.min(bytes.length, MAX_BYTES); at += ROW) rows.push(at);
  const within = (i: number): boolean => field !== null && i >= field.at && i < field.at + field.size;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must get there
    <section class="in-hex" aria-label={say.hex} tabIndex={0}>
      {rows.map((at) => {
        const row = [...bytes.subarray(at, at + ROW)];
        return (
          <div key={at}>
            <span class="in-offset">{hex(at, 4)}</span>
            <span class="in-octets">
              {row.map((b, i) => (
                <span key={i} class={within(at + i) ? 'in-on-field' : undefined}>
                  {hex(b, 2)}
                </span>
              ))}
            </span>
            <span class="in-ascii">{row.map(letter).join('')}</span>
          </div>
        );
      })}
    </section>
  );
}
