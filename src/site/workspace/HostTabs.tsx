/** One tab and one terminal per host; a host's shell starts when its tab is first opened. */

import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { words } from '../words/en.ts';
import { onRunRequest } from './bus.ts';
import { Keys } from './Keys.tsx';
import type { Screen } from './screen.ts';
import { preference, setPreference } from './store.ts';
import type { World } from './world.ts';

export function HostTabs({ world, front }: { world: World; front: string }) {
  const { hosts } = world.info.value;
  const active = useSignal(front);
  const screens = useRef(new Map<string, Promise<Screen>>());
  const panels = useRef(new Map<string, HTMLElement>());
  const tabs = useRef(new Map<string, HTMLButtonElement>());

  const screenOf = (host: string): Promise<Screen> => {
    const known = screens.current.get(host);
    if (known) return known;
    const opening = import('./screen.ts').then(({ openScreen }) => {
      const panel = panels.current.get(host);
      if (!panel) throw new Error(`no panel for ${host}`);
      panel.replaceChildren();
      return openScreen(panel, {
        client: world.client(),
        host,
        screenReader: preference('screenReader') === 'on',
        leave: () => tabs.current.get(host)?.focus(),
        ready: () => {
          performance.mark('hopwise-prompt');
          panel.dataset.ready = 'true';
        },
      });
    });
    screens.current.set(host, opening);
    return opening;
  };

  useSignalEffect(() => {
    const host = active.value;
    if (world.status.value !== 'ready' && world.status.value !== 'starting') return;
    void screenOf(host).then((screen) => screen.fit());
  });

  useSignalEffect(() => {
    if (world.generation.value === 0) return;
    for (const screen of screens.current.values()) void screen.then((s) => s.clear());
  });

  useEffect(
    () =>
      onRunRequest(({ host, command }) => {
        const target = hosts.some((h) => h.id === host) ? host : front;
        void world.start();
        active.value = target;
        panels.current.get(target)?.scrollIntoView({ block: 'nearest' });
        void screenOf(target).then((screen) => {
          screen.type(`${command}\r`);
          screen.focus();
        });
      }),
    [],
  );

  const move = (event: KeyboardEvent) => {
    const at = hosts.findIndex((h) => h.id === active.value);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: hosts.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = hosts[(to + hosts.length) % hosts.length];
    if (!next) return;
    active.value = next.id;
    tabs.current.get(next.id)?.focus();
  };

  return (
    <div class="ws-terminals">
      <div class="ws-tabs" role="tablist" aria-label={words.workspace.hosts} onKeyDown={move}>
        {hosts.map((host) => (
          <button
            type="button"
            role="tab"
            key={host.id}
            id={`tab-${host.id}`}
            aria-selected={active.value === host.id}
            aria-controls={`panel-${host.id}`}
            tabIndex={active.value === host.id ? 0 : -1}
            ref={(el) => {
              if (el) tabs.current.set(host.id, el);
            }}
            onClick={() => {
              active.value = host.id;
              void screenOf(host.id).then((s) => s.focus());
            }}
          >
            <span class={`ws-kind ws-kind-${host.kind}`} aria-hidden="true" />
            {host.title}
          </button>
        ))}
      </div>
      {hosts.map((host) => (
        <div
          role="tabpanel"
          key={host.id}
          id={`panel-${host.id}`}
          aria-labelledby={`tab-${host.id}`}
          class="ws-panel"
          hidden={active.value !== host.id}
        >
          <div
            class="ws-screen"
            data-host={host.id}
            ref={(el) => {
              if (el) panels.current.set(host.id, el);
            }}
          >
            <p class="ws-starting">{words.workspace.starting}</p>
          </div>
        </div>
      ))}
      <Keys
        press={(data) =>
          void screenOf(active.value).then((s) => {
            s.type(data);
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
