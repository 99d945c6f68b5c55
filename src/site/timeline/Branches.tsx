/** The lines of work: which one this is, the others to go over to, names and an end for those no longer wanted. */

import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { words } from '../words/en.ts';
import type { World } from '../workspace/world.ts';
import { remove, rename, switchTo } from './travel.ts';

const text = words.timeline;

export function Branches({ world }: { world: World }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const sure = useSignal('');
  const others = world.branches.value;
  const name = world.branch.value || text.main;
  if (others.length === 0) return null;
  return (
    <>
      <label class="tl-branch">
        <span>{text.line}</span>
        <select
          disabled={world.travelling.value}
          onChange={(event) => {
            switchTo(world, event.currentTarget.value);
          }}
        >
          {[name, ...others.map((b) => b.name)].sort().map((n) => (
            <option key={n} value={n} selected={n === name}>
              {n}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        class="ws-button"
        onClick={() => {
          sure.value = '';
          dialog.current?.showModal();
        }}
      >
        {text.manage}
      </button>
      <dialog class="ws-dialog" ref={dialog} aria-label={text.manageTitle}>
        <h3>{text.manageTitle}</h3>
        <ul class="tl-lines">
          {[{ name, commands: null }, ...others].map((b) => (
            <li key={b.name}>
              <input
                type="text"
                aria-label={text.nameOf(b.name)}
                value={b.name}
                maxLength={60}
                onChange={(event) => rename(world, b.name, event.currentTarget.value.trim())}
              />
              <span>{b.commands === null ? text.here : text.commands(b.commands)}</span>
              {b.commands !== null && (
                <button
                  type="button"
                  class="btn"
                  aria-label={text.removeNamed(b.name)}
                  onClick={() => {
                    if (sure.value === b.name) remove(world, b.name);
                    else sure.value = b.name;
                  }}
                >
                  {sure.value === b.name ? text.sure : text.remove}
                </button>
              )}
            </li>
          ))}
        </ul>
        <form method="dialog" class="ws-dialog-buttons">
          <button type="submit" class="btn">
            {words.handIn.close}
          </button>
        </form>
      </dialog>
    </>
  );
}
