/** The row of views above the terminals: one open at a time, each loaded when it is first wanted. */

import { useSignal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { words } from '../words/en.ts';
import { onViewRequest } from './bus.ts';
import { preference, setPreference } from './store.ts';
import type { World } from './world.ts';
import '../styles/views.css';

export interface ViewProps {
  readonly world: World;
}

interface View {
  readonly id: string;
  readonly label: string;
  readonly load: () => Promise<ComponentType<ViewProps>>;
}

/** In the order in which they are offered. */
const VIEWS: readonly View[] = [
  { id: 'map', label: words.views.map, load: () => import('../map/MapView.tsx').then((m) => m.MapView) },
  { id: 'packets', label: words.inspector.packets, load: () => import('../inspector/Inspector.tsx').then((m) => m.Inspector) },
  { id: 'timeline', label: words.timeline.button, load: () => import('../timeline/Timeline.tsx').then((m) => m.Timeline) },
];

const PREFERENCE = 'view';

export function Views({ world }: { world: World }) {
  const open = useSignal('');
  const shown = useSignal<{ readonly id: string; readonly View: ComponentType<ViewProps> } | null>(null);
  const failed = useSignal(false);
  const buttons = useRef(new Map<string, HTMLButtonElement>());

  const choose = (id: string): void => {
    open.value = id;
    failed.value = false;
    setPreference(PREFERENCE, id);
    const view = VIEWS.find((v) => v.id === id);
    if (!view) {
      shown.value = null;
      return;
    }
    void world.start();
    view.load().then(
      (View) => {
        if (open.value === id) shown.value = { id, View };
      },
      () => {
        failed.value = true;
      },
    );
  };

  // Asked for by another view, which goes: the focus goes to the toggle of the new one.
  useEffect(
    () =>
      onViewRequest(({ view }) => {
        if (open.value === '' || !VIEWS.some((v) => v.id === view)) return;
        choose(view);
        buttons.current.get(view)?.focus();
      }),
    [world],
  );

  // What was open last time opens again, once the shell has had its turn.
  useEffect(() => {
    const wanted = preference(PREFERENCE);
    if (!wanted || !VIEWS.some((v) => v.id === wanted)) return;
    return world.status.subscribe((status) => {
      if (status === 'ready' && open.value === '') setTimeout(() => open.value === '' && choose(wanted), 300);
    });
  }, [world]);

  const close = (): void => {
    const button = buttons.current.get(open.value);
    choose('');
    button?.focus();
  };

  const { value: now } = shown;
  return (
    <>
      <fieldset class="ws-views" aria-label={words.views.label}>
        {VIEWS.map(({ id, label }) => (
          <button
            type="button"
            key={id}
            data-view={id}
            aria-expanded={open.value === id}
            ref={(el) => {
              if (el) buttons.current.set(id, el);
            }}
            onClick={() => choose(open.value === id ? '' : id)}
          >
            {label}
          </button>
        ))}
      </fieldset>
      {open.value !== '' && (
        <section
          class="ws-view"
          aria-label={VIEWS.find((v) => v.id === open.value)?.label}
          data-view={open.value}
          onKeyDown={(event) => {
            if (event.key !== 'Escape' || event.defaultPrevented) return;
            event.preventDefault();
            close();
          }}
        >
          {failed.value ? (
            <p class="ws-view-wait">{words.views.failed}</p>
          ) : now?.id === open.value ? (
            <now.View world={world} />
          ) : (
            <p class="ws-view-wait">{words.views.loading}</p>
          )}
        </section>
      )}
    </>
  );
}
