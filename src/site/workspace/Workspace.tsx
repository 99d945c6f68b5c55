/** The pane beside the prose: a terminal tab per host, the tasks under them, reset and solution. */

import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { LabInfo } from '../../lab/session.ts';
import { words } from '../words/en.ts';
import { Clock } from './Clock.tsx';
import { Controls } from './Controls.tsx';
import { HostTabs } from './HostTabs.tsx';
import { acceptDrops, lookAt } from './look.ts';
import { Notices } from './Notices.tsx';
import { Review } from './Review.tsx';
import { preference, setPreference } from './store.ts';
import { Tasks } from './Tasks.tsx';
import { Views } from './Views.tsx';
import { createWorld } from './world.ts';

export interface WorkspaceProps {
  readonly lab: string;
  readonly info: LabInfo;
  readonly front?: string | undefined;
}

/** Starts the fragment of a link to a submission. */
const LINK = '#s=';

export default function Workspace({ lab, info: first, front }: WorkspaceProps) {
  const world = useMemo(() => createWorld(lab, first), [lab]);
  const pane = useRef<HTMLDivElement>(null);
  const large = useSignal(false);
  const over = useSignal(false);
  const info = world.info.value;

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

  useEffect(() => (pane.current ? acceptDrops(pane.current, world, over) : undefined), [world]);

  useEffect(() => {
    const follow = () => {
      if (location.hash.startsWith(LINK)) void lookAt(world, location.hash, world.notify);
    };
    follow();
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, [world]);

  useSignalEffect(() => {
    if (world.news.value === words.workspace.allDone) pane.current?.classList.add('ws-solved');
  });

  const passed = (id: string) => world.tasks.value.get(id)?.passed === true;
  const score = world.report.value?.score;
  const done = info.tasks.filter((t) => passed(t.id)).length;
  return (
    <div class={`ws ${large.value ? 'ws-large' : ''} ${over.value ? 'ws-over' : ''}`} ref={pane} data-status={world.status.value}>
      <div class="ws-head">
        <h2 class="ws-title">{info.title}</h2>
        <p class="ws-progress">
          <span class="ws-meter" aria-hidden="true">
            {info.tasks.map((t) => (
              <span class={passed(t.id) ? 'ws-hop ws-hop-done' : 'ws-hop'} key={t.id} />
            ))}
          </span>
          <span data-testid="progress">{words.workspace.progress(done, info.tasks.length)}</span>
          <strong data-testid="score">{score !== undefined && words.workspace.percent(score)}</strong>
        </p>
        <Clock world={world} />
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
      <Review world={world} />
      <Views world={world} />
      <HostTabs world={world} front={front ?? info.hosts[0]?.id ?? ''} />
      <Tasks world={world} />
      <p class="sr-only" role="status" aria-live="polite">
        {world.news.value}
      </p>
    </div>
  );
}
