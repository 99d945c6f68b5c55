/** Under the terminal: keys that phones lack, how to leave by keyboard, the screen reader switch. */

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { words } from '../words/en.ts';
import { preference } from './store.ts';

const keys = [
  { label: 'Ctrl-C', data: '\x03' },
  { label: 'Tab', data: '\t' },
  { label: 'Esc', data: '\x1b' },
  { label: '↑', name: 'Up', data: '\x1b[A' },
  { label: '↓', name: 'Down', data: '\x1b[B' },
] as const;

interface KeysProps {
  readonly press: (data: string) => void;
  readonly paste: (text: string) => void;
  readonly screenReader: (on: boolean) => void;
}

export function Keys({ press, paste, screenReader }: KeysProps) {
  const reader = useSignal(false);
  useEffect(() => {
    reader.value = preference('screenReader') === 'on';
  }, []);
  return (
    <div class="ws-keys">
      <fieldset class="ws-touch">
        <legend class="sr-only">{words.terminal.keys}</legend>
        {keys.map((key) => (
          <button type="button" key={key.label} aria-label={'name' in key ? key.name : undefined} onClick={() => press(key.data)}>
            {key.label}
          </button>
        ))}
        <button
          type="button"
          onClick={() =>
            void navigator.clipboard?.readText().then(
              (text) => paste(text),
              () => undefined,
            )
          }
        >
          {words.terminal.paste}
        </button>
      </fieldset>
      <p class="ws-leave">{words.terminal.leave}</p>
      <label class="ws-reader">
        <input
          type="checkbox"
          checked={reader.value}
          onChange={(event) => {
            reader.value = event.currentTarget.checked;
            screenReader(reader.value);
          }}
        />{' '}
        {words.terminal.screenReader}
      </label>
    </div>
  );
}
