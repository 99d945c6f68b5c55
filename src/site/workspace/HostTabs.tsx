/** The terminals' tabs: one per host of the lab, and as many more as the learner opens; a shell starts when its tab is first shown. */

import '../styles/terminals.css';
import { untracked, useComputed, useSignal, useSignalEffect } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { words } from '../words/en.ts';
import { onOpenRequest, onRunRequest } from './bus.ts';
import { Keys } from './Keys.tsx';
import type { Screen } from './screen.ts';
import { preference, setPreference } from './store.ts';
import { createTabs, type Tab } from './tabs.ts';
import type { World } from './world.ts';

/** A program that is over sooner gives the tab no other name. */
const NAME_AFTER_MS = 400;

export function HostTabs({ world, front }: { world: World; front: string }) {
  const tabs = useMemo(() => createTabs(() => world.info.value.hosts), [world]);
  const active = useSignal(front);
  const programs = useSignal<Readonly<Record<string, string | null>>>({});
  const ended = useSignal<Readonly<Record<string, boolean>>>({});
  const choosing = useSignal(false);
  const Places = useSignal<ComponentType<{ world: World; choose: (place: string) => void; dismiss: () => void }> | null>(null);
  const screens = useRef(new Map<string, Promise<Screen>>());
  const panels = useRef(new Map<string, HTMLElement>());
  const buttons = useRef(new Map<string, HTMLButtonElement>());
  const timers = useRef(new Map<string, ReturnType<typeof setTimeout>>());
  const more = useRef<HTMLButtonElement>(null);
  const current = useComputed(() => tabs.all.value.find((t) => t.id === active.value));

  const screenOf = (id: string): Promise<Screen> => {
    const known = screens.current.get(id);
    if (known) return known;
    const opening = import('./screen.ts').then(({ openScreen }) => {
      const panel = panels.current.get(id);
      const tab = tabs.all.value.find((t) => t.id === id);
      if (!panel || !tab) throw new Error(`no panel for ${id}`);
      panel.replaceChildren();
      return openScreen(panel, {
        client: world.client(),
        host: tab.place,
        title: tab.title,
        screenReader: preference('screenReader') === 'on',
        leave: () => buttons.current.get(id)?.focus(),
        ready: () => {
          performance.mark('hopwise-prompt');
          panel.dataset.ready = 'true';
        },
        ended: (now) => {
          ended.value = { ...ended.value, [id]: now };
        },
        running: (program) => {
          clearTimeout(timers.current.get(id));
          const tell = () => {
            programs.value = { ...programs.value, [id]: program };
          };
          timers.current.set(id, setTimeout(tell, program === null ? 0 : NAME_AFTER_MS));
        },
      });
    });
    screens.current.set(id, opening);
    return opening;
  };

  const show = (id: string) => {
    active.value = id;
    requestAnimationFrame(() => {
      buttons.current.get(id)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
      void screenOf(id).then((screen) => screen.focus());
    });
  };

  const open = (place: string) => {
    choosing.value = false;
    const tab = tabs.open(place);
    if (tab) show(tab.id);
    else world.notify(words.tabs.many);
  };

  const close = (tab: Tab) => {
    if (tab.fixed) return;
    const at = tabs.all.value.findIndex((t) => t.id === tab.id);
    const next = tabs.all.value[at + 1] ?? tabs.all.value[at - 1];
    void screenOf(tab.id).then((screen) => screen.dispose());
    screens.current.delete(tab.id);
    if (next) active.value = next.id;
    tabs.close(tab.id);
    if (next) buttons.current.get(next.id)?.focus();
  };

  useSignalEffect(() => {
    const id = active.value;
    if (world.status.value !== 'ready' && world.status.value !== 'starting') return;
    if (panels.current.has(id)) void screenOf(id).then((screen) => screen.fit());
  });

  useEffect(() => {
    const last = preference(`tab.${world.lab}`);
    if (last !== null && tabs.at(last)) active.value = tabs.at(last)?.id ?? front;
  }, []);

  // Shells that go on get their tabs back, and the one that was in front comes to the front.
  useSignalEffect(() => {
    const { value } = world.terminals;
    untracked(() => {
      const last = preference(`tab.${world.lab}`);
      for (const place of new Set(value)) {
        const there = tabs.all.value.filter((t) => t.place === place).length;
        for (let n = there; n < value.filter((p) => p === place).length; n++) {
          const tab = tabs.open(place);
          if (tab && there === 0 && place === last) active.value = tab.id;
        }
      }
    });
  });

  useSignalEffect(() => {
    const tab = current.value;
    if (tab && world.status.value === 'ready') setPreference(`tab.${world.lab}`, tab.place);
  });

  useSignalEffect(() => {
    if (world.generation.value === 0) return;
    for (const screen of screens.current.values()) void screen.then((s) => s.clear());
  });

  useEffect(
    () =>
      onRunRequest(({ host, command }) => {
        const place = world.info.value.hosts.some((h) => h.id === host) ? host : `pod ${host}`;
        void world.start();
        const tab = tabs.at(place) ?? tabs.open(place);
        if (!tab) return world.notify(words.tabs.many);
        active.value = tab.id;
        // A tab that was opened just now has its panel in the next frame.
        requestAnimationFrame(() => {
          panels.current.get(tab.id)?.scrollIntoView({ block: 'nearest' });
          void screenOf(tab.id).then((screen) => {
            screen.type(`${command}\r`);
            screen.focus();
          });
        });
      }),
    [],
  );

  useEffect(
    () =>
      onOpenRequest(({ place }) => {
        void world.start();
        const tab = tabs.at(place);
        if (tab) show(tab.id);
        else open(place);
      }),
    [],
  );

  const choose = async () => {
    choosing.value = !choosing.value;
    Places.value ??= (await import('./Places.tsx')).Places;
  };

  const move = (event: KeyboardEvent) => {
    const all = tabs.all.value;
    const at = all.findIndex((t) => t.id === active.value);
    if (event.key === 'Delete' && all[at]) close(all[at]);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = all[(to + all.length) % all.length];
    if (!next) return;
    active.value = next.id;
    buttons.current.get(next.id)?.focus();
  };

  const List = Places.value;
  const nameOf = (tab: Tab): string => {
    const program = programs.value[tab.id];
    return program ? words.tabs.running(tab.title, program) : tab.title;
  };
  return (
    <div class="ws-terminals">
      <div class="ws-tab-row">
        <div class="ws-tabs" role="tablist" aria-label={words.workspace.hosts} onKeyDown={move}>
          {tabs.all.value.map((tab) => (
            <button
              type="button"
              role="tab"
              key={tab.id}
              id={`tab-${tab.id}`}
              aria-selected={active.value === tab.id}
              aria-controls={`panel-${tab.id}`}
              aria-keyshortcuts={tab.fixed ? undefined : 'Delete'}
              tabIndex={active.value === tab.id ? 0 : -1}
              ref={(el) => {
                if (el) buttons.current.set(tab.id, el);
                else buttons.current.delete(tab.id);
              }}
              onClick={() => {
                active.value = tab.id;
                void screenOf(tab.id).then((s) => s.focus());
              }}
              onAuxClick={(event) => {
                if (event.button === 1) close(tab);
              }}
            >
              <span class={`ws-kind ws-kind-${tab.kind}`} aria-hidden="true" />
              {nameOf(tab)}
            </button>
          ))}
        </div>
        {current.value && !current.value.fixed && (
          <button
            type="button"
            class="ws-tab-button"
            aria-label={words.tabs.close(current.value.title)}
            title={words.tabs.close(current.value.title)}
            onClick={() => current.value && close(current.value)}
          >
            <span aria-hidden="true">×</span>
          </button>
        )}
        <button
          type="button"
          class="ws-tab-button"
          ref={more}
          aria-label={words.tabs.more}
          title={words.tabs.more}
          aria-expanded={choosing.value}
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => void choose()}
        >
          <span aria-hidden="true">+</span>
        </button>
        <Undo world={world} />
      </div>
      {choosing.value && List && (
        <List
          world={world}
          choose={open}
          dismiss={() => {
            choosing.value = false;
            more.current?.focus();
          }}
        />
      )}
      {tabs.all.value.map((tab) => (
        <div
          role="tabpanel"
          key={tab.id}
          id={`panel-${tab.id}`}
          aria-labelledby={`tab-${tab.id}`}
          class="ws-panel"
          hidden={active.value !== tab.id}
        >
          <div
            class="ws-screen"
            data-host={tab.place}
            ref={(el) => {
              if (el) panels.current.set(tab.id, el);
              else panels.current.delete(tab.id);
            }}
          >
            <p class="ws-starting">{words.workspace.starting}</p>
          </div>
          {ended.value[tab.id] && !tab.fixed && (
            <p class="ws-ended" role="status">
              {words.tabs.ended}{' '}
              <button type="button" class="ws-button" onClick={() => close(tab)}>
                {words.tabs.closeIt}
              </button>
            </p>
          )}
        </div>
      ))}
      <Keys
        press={(data) =>
          void screenOf(active.value).then((s) => {
            s.type(data);
            s.focus();
          })
        }
        paste={(text) =>
          void screenOf(active.value).then((s) => {
            s.paste(text);
            s.focus();
          })
        }
        screenReader={(on) => {
          setPreference('screenReader', on ? 'on' : 'off');
          for (const screen of screens.current.values())
            void screen.then((s) => {
              s.terminal.options.screenReaderMode = on;
            });
        }}
      />
    </div>
  );
}

/** Beside the tabs: the last command undone, and done again. */
function Undo({ world }: { world: World }) {
  const { moments, present, travelling } = world;
  const last = moments.value.slice(0, present.value).findLast((m) => m.kind === 'command');
  const label = last ? words.timeline.undoNamed(last.text.split('\n')[0]?.slice(0, 80) ?? '') : words.timeline.undo;
  const ways = () => import('../timeline/travel.ts');
  return (
    <span class="ws-undo">
      <button
        type="button"
        class="ws-tab-button"
        aria-label={words.timeline.undo}
        title={label}
        disabled={!last || travelling.value}
        onClick={() => void ways().then(({ undo }) => undo(world))}
      >
        <span aria-hidden="true">↶</span>
      </button>
      {present.value < moments.value.length && (
        <button
          type="button"
          class="ws-tab-button"
          aria-label={words.timeline.redo}
          title={words.timeline.redo}
          disabled={travelling.value}
          onClick={() => void ways().then(({ redo }) => redo(world))}
        >
          <span aria-hidden="true">↷</span>
        </button>
      )}
    </span>
  );
}
