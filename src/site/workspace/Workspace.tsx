/** The pane beside the prose: a terminal tab per host, the tasks under them, reset and solution. */

import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { LabInfo } from '../../lab/session.ts';
import { words } from '../words/en.ts';
import { Controls } from './Controls.tsx';
import { HostTabs } from './HostTabs.tsx';
import { Notices } from './Notices.tsx';
import { preference, setPreference } from './store.ts';
import { Tasks } from './Tasks.tsx';
import { createWorld } from './world.ts';

export interface WorkspaceProps {
  readonly lab: string;
  readonly info: LabInfo;
  readonly front?: string | undefined;
}

export default function Workspace({ lab, info, front }: WorkspaceProps) {
  const world = useMemo(() => createWorld(lab, info), [lab]);
  const pane = useRef<HTMLDivElement>(null);
  const large = useSignal(false);

  useEffect(() => {
    large.value = preference('terminal') === 'large';
    const observer = new IntersectionObserver(
      (entries) => {
        const seen = entries.some((e) => e.isIntersecting);
        document.documentElement.toggleAttribute('data-workspace-seen', seen);
        if (seen) void world.start();
      },
      { rootMargin: '-80px' },
    );
    if (pane.current) observer.observe(pane.current);
    return () => observer.disconnect();
  }, [world]);

  useSignalEffect(() => {
    if (world.news.value === words.workspace.allDone) pane.current?.classList.add('ws-solved');
  });

  const passed = (id: string) => world.reports.value.get(id)?.passed === true;
  const done = info.tasks.filter((t) => passed(t.id)).length;
  return (
    <div class={`ws ${large.value ? 'ws-large' : ''}`} ref={pane} data-status={world.status.value}>
      <div class="ws-head">
        <h2 class="ws-title">{info.title}</h2>
        <p class="ws-progress">
          <span class="ws-meter" aria-hidden="true">
            {info.tasks.map((t) => (
              <span class={passed(t.id) ? 'ws-hop ws-hop-done' : 'ws-hop'} key={t.id} />
            ))}
          </span>
          <span data-testid="progress">{words.workspace.progress(done, info.tasks.length)}</span>
          <strong data-testid="score">{world.score.value !== null && words.workspace.percent(world.score.value)}</strong>
        </p>
        <Controls
          world={world}
          large={large.value}
          onSize={() => {
            large.value = !large.value;
            setPreference('terminal', large.value ? 'large' : 'normal');
          }}
        />
      </div>
      <Notices world={world} />
      <HostTabs world={world} front={front ?? info.hosts[0]?.id ?? ''} />
      <Tasks world={world} />
      <p class="sr-only" role="status" aria-live="polite">
        {world.news.value}
      </p>
    </div>
  );
}
