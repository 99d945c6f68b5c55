/** The session as a list: commands, answers and hints; back to before or after any command, again, or aside into a line of its own. */

import '../styles/timeline.css';
import { useSignal, useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { Moment } from '../../lab/timeline.ts';
import { words } from '../words/en.ts';
import type { World } from '../workspace/world.ts';
import { Branches } from './Branches.tsx';
import { fork, freeName, isCommand, lastCommand, nextCommand, redo, undo } from './travel.ts';

const text = words.timeline;

/** Virtual seconds as m:ss. */
const clock = (micros: number): string => {
  const s = Math.max(0, Math.floor(micros / 1e6));
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
};

export function Timeline({ world }: { world: World }) {
  const chosen = useSignal(-1);
  const naming = useSignal('');
  const said = useSignal('');
  const list = useRef<HTMLDivElement>(null);
  const dialog = useRef<HTMLDialogElement>(null);
  const moments = world.moments.value;
  const present = world.present.value;
  const from = moments[0]?.at.time ?? 0;
  const selected = moments[chosen.value];
  const busy = world.travelling.value || world.status.value !== 'ready';
  const own = world.review.value === null;

  // New commands are seen at once, unless one further up is chosen.
  useSignalEffect(() => {
    const length = world.moments.value.length;
    const at = world.present.value;
    if (chosen.value >= length) chosen.value = -1;
    if (chosen.value < 0) requestAnimationFrame(() => optionAt(Math.max(0, at - 1))?.scrollIntoView({ block: 'nearest' }));
  });

  const optionAt = (i: number) => list.current?.querySelector<HTMLElement>(`[data-moment="${i}"]`);
  const choose = (i: number) => {
    chosen.value = Math.max(0, Math.min(moments.length - 1, i));
    optionAt(chosen.value)?.scrollIntoView({ block: 'nearest' });
  };
  const go = (to: 'before' | 'after') => {
    const moment = chosen.value;
    if (moment < 0 || busy) return;
    world.travel(to === 'before' ? { to, moment, keep: true } : { to, moment });
  };

  const keys = (event: KeyboardEvent) => {
    const at = chosen.value < 0 ? present : chosen.value;
    const page = 8;
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, PageUp: at - page, PageDown: at + page, Home: 0, End: moments.length - 1 }[event.key];
    if (to !== undefined && moments.length > 0) {
      event.preventDefault();
      choose(to);
    } else if (event.key === 'Enter' && selected && isCommand(selected)) {
      event.preventDefault();
      go('before');
    }
  };

  const command = selected && isCommand(selected) ? selected : undefined;
  return (
    <div class="tl">
      <div class="tl-head">
        <button type="button" class="ws-button" disabled={busy || lastCommand(world) < 0} onClick={() => undo(world)}>
          {text.undo}
        </button>
        <button type="button" class="ws-button" disabled={busy || nextCommand(world) < 0} onClick={() => redo(world)}>
          {text.redo}
        </button>
        {own && <Branches world={world} />}
      </div>
      {moments.length === 0 ? (
        <p class="tl-none">{text.none}</p>
      ) : (
        <div
          class="tl-list"
          role="listbox"
          tabIndex={0}
          ref={list}
          aria-label={text.list}
          aria-activedescendant={chosen.value >= 0 ? `moment-${chosen.value}` : undefined}
          onKeyDown={keys}
        >
          {moments.map((m, i) => (
            <Row
              key={i}
              moment={m}
              n={i}
              from={from}
              undone={i >= present && isCommand(m)}
              chosen={i === chosen.value}
              here={i === present}
              choose={choose}
            />
          ))}
        </div>
      )}
      <div class="tl-foot">
        <p class="tl-about">{command ? <code>{command.text}</code> : selected ? describe(world, selected) : text.choose}</p>
        <button type="button" class="ws-button" disabled={busy || !command} onClick={() => go('before')}>
          {text.before}
        </button>
        <button type="button" class="ws-button" disabled={busy || !command?.after} onClick={() => go('after')}>
          {text.after}
        </button>
        {own && (
          <button
            type="button"
            class="ws-button"
            disabled={busy || !command}
            onClick={() => {
              naming.value = freeName(world, text.forkName);
              said.value = '';
              dialog.current?.showModal();
            }}
          >
            {text.fork}
          </button>
        )}
      </div>
      <dialog class="ws-dialog" ref={dialog} aria-label={text.forkTitle}>
        <form
          method="dialog"
          onSubmit={(event) => {
            if (fork(world, chosen.value, naming.value.trim() || text.forkName)) return;
            event.preventDefault();
            said.value = text.tooMany;
          }}
        >
          <p>{text.forkAbout}</p>
          <label class="ws-name">
            {text.name}
            <input type="text" value={naming.value} maxLength={60} onInput={(e) => (naming.value = e.currentTarget.value)} />
          </label>
          <p role="status">{said.value}</p>
          <p class="ws-dialog-buttons">
            <button type="button" class="btn" onClick={() => dialog.current?.close()}>
              {words.workspace.cancel}
            </button>
            <button type="submit" class="btn btn-main">
              {text.forkYes}
            </button>
          </p>
        </form>
      </dialog>
    </div>
  );
}

function describe(world: World, m: Moment): string {
  const { tasks } = world.info.value;
  if (m.kind === 'hint') return text.hint(Number(m.value) + 1, tasks.find((t) => t.id === m.text)?.title ?? m.text);
  return text.answer(
    tasks
      .flatMap((t) => t.questions)
      .find((q) => q.id === m.text)
      ?.ask.replace(/[*`]/g, '') ?? m.text,
  );
}

interface RowProps {
  readonly moment: Moment;
  readonly n: number;
  readonly from: number;
  readonly undone: boolean;
  readonly chosen: boolean;
  /** The present is before it. */
  readonly here: boolean;
  readonly choose: (n: number) => void;
}

function Row({ moment: m, n, from, undone, chosen, here, choose }: RowProps) {
  const state = m.after === null ? 'running' : m.exit === null || m.exit === 0 ? 'fine' : 'failed';
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list box has the keys
    // biome-ignore lint/a11y/useFocusableInteractive: options of a list box are reached by aria-activedescendant
    <div
      role="option"
      id={`moment-${n}`}
      data-moment={n}
      data-undone={undone}
      aria-selected={chosen}
      class={`tl-row ${undone ? 'tl-undone' : ''} ${here ? 'tl-here' : ''}`}
      onClick={() => choose(n)}
    >
      <span class="tl-time">{clock(m.at.time - from)}</span>
      {isCommand(m) ? (
        <>
          <span class="tl-host">{m.host}</span>
          <code class="tl-text">{m.text.split('\n')[0]}</code>
          <span class={`tl-exit tl-${state}`}>{state === 'running' ? text.running : state === 'failed' ? text.exit(m.exit ?? 1) : ''}</span>
        </>
      ) : (
        <span class="tl-note">{m.kind === 'hint' ? text.hintShort(m.text, Number(m.value) + 1) : text.answerShort(m.text)}</span>
      )}
      {undone && <span class="sr-only">{text.undone}</span>}
    </div>
  );
}
