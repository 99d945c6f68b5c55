/** The dialog that hands work in, as a file or a link, and opens what somebody has handed in. */

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { words } from '../words/en.ts';
import { lookAt } from './look.ts';
import { save } from './save.ts';
import { preference, setPreference } from './store.ts';
import type { World } from './world.ts';

const load = () => import('./submission.ts');

export function HandIn({ world }: { world: World }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const name = useSignal('');
  const said = useSignal('');
  const text = words.handIn;
  const learner = world.ticket.value?.learner;
  const nothing = world.status.value !== 'ready' || world.review.value !== null;

  useEffect(() => {
    name.value = preference('name') ?? '';
  }, []);

  const download = async () => {
    const log = world.log();
    if (!log) return;
    setPreference('name', name.value);
    const file = `${[world.lab, learner ?? name.value].map(fileName).filter(Boolean).join('-')}.hopwise.json`;
    save(file, new TextEncoder().encode((await load()).fileOf(log, world.variant.value, name.value)));
    said.value = text.saved(file);
  };

  const copy = async () => {
    const log = world.log();
    if (!log) return;
    setPreference('name', name.value);
    const fragment = await (await load()).fragmentOf(log, world.variant.value, name.value);
    if (fragment === null) {
      said.value = text.tooLong;
      return;
    }
    const link = `${location.origin}${location.pathname}${fragment}`;
    said.value = await navigator.clipboard.writeText(link).then(
      () => text.copied,
      () => text.refused,
    );
  };

  return (
    <>
      <button
        type="button"
        class="ws-button ws-hand-in"
        onClick={() => {
          said.value = '';
          dialog.current?.showModal();
          void world.start();
        }}
      >
        {text.button}
      </button>
      <dialog class="ws-dialog" ref={dialog} aria-label={text.button}>
        <h3>{text.button}</h3>
        <p>{text.about}</p>
        {learner === undefined ? (
          <label class="ws-name">
            {text.name}
            <input
              type="text"
              value={name.value}
              maxLength={100}
              autoComplete="name"
              onInput={(e) => (name.value = e.currentTarget.value)}
            />
          </label>
        ) : (
          <p>{words.values.drawn(learner, world.variant.value.attempt)}</p>
        )}
        <p class="ws-dialog-buttons ws-start">
          <button type="button" class="btn btn-main" disabled={nothing} onClick={() => void download()}>
            {text.download}
          </button>
          <button type="button" class="btn" disabled={nothing} onClick={() => void copy()}>
            {text.copy}
          </button>
        </p>
        <h3>{text.openTitle}</h3>
        <p>{text.openAbout}</p>
        <input
          type="file"
          class="ws-file"
          ref={picker}
          accept=".json,application/json"
          aria-label={text.open}
          onChange={(event) => {
            const [file] = event.currentTarget.files ?? [];
            if (!file) return;
            said.value = '';
            void lookAt(world, file, (fault) => (said.value = fault)).then(() => {
              if (picker.current) picker.current.value = '';
              if (said.value === '') dialog.current?.close();
            });
          }}
        />
        <p role="status" aria-live="polite">
          {said.value}
        </p>
        <form method="dialog" class="ws-dialog-buttons">
          <button type="submit" class="btn">
            {text.close}
          </button>
        </form>
      </dialog>
    </>
  );
}

/** A name as a part of a file's name, in any script. */
function fileName(text: string): string {
  return text
    .trim()
    .replace(/[^\p{L}\p{N}._-]+/gu, '-')
    .replace(/^[-.]+|[-.]+$/g, '');
}
