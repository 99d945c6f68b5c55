/** Ending containers: preStop, SIGTERM, grace, SIGKILL. Models kuberuntime's killContainer and killContainersWithSyncResult */

import type { Task } from '../../../os/process.ts';
import { startThread, type Thread } from '../../../os/thread.ts';
import { SEC } from '../../../sim/sim.ts';
import { WaitQueue } from '../../../sim/wait.ts';
import type { V1Container } from '../../api/types.ts';
import type { Container } from '../runtime/types.ts';
import { runHook } from './hooks.ts';
import { isSidecar } from './status.ts';
import type { PodWorker } from './worker.ts';

/** What is left for SIGTERM after a long preStop. */
const MINIMUM_GRACE = 2;

function graceOf(w: PodWorker): number {
  const { metadata, spec } = w.pod;
  const grace = metadata.deletionGracePeriodSeconds ?? spec?.terminationGracePeriodSeconds ?? 30;
  return Math.max(1, grace);
}

export function* killContainer(w: PodWorker, c: Container, spec: V1Container, message: string, seconds?: number): Task<void> {
  const { kubelet } = w;
  if (c.state !== 'Running') return;
  let grace = seconds ?? graceOf(w);
  kubelet.containerEvent(w.pod, spec, 'Normal', 'Killing', message);
  const preStop = spec.lifecycle?.preStop;
  if (preStop && grace > 0) {
    const begun = kubelet.sim.now;
    const failed = yield* runHook(w, c, spec, preStop, grace);
    if (failed !== null) kubelet.containerEvent(w.pod, spec, 'Warning', 'FailedPreStopHook', failed);
    grace = Math.max(MINIMUM_GRACE, grace - Math.floor((kubelet.sim.now - begun) / SEC));
  }
  yield* kubelet.runtime.stopContainer(c.id, grace);
}

/** Ends all containers at once; sidecars follow in reverse order when the others have ended. */
export function* killAll(w: PodWorker, verb: string): Task<void> {
  const { pod, kubelet } = w;
  const specs = new Map<string, V1Container>();
  for (const c of [
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.initContainers ?? []),
    ...((pod.spec?.ephemeralContainers ?? []) as unknown as V1Container[]),
  ])
    specs.set(c.name, c);
  const running = w.containers().filter((c) => c.state === 'Running');
  const specOf = (c: Container): V1Container => specs.get(c.config.name) ?? { name: c.config.name };
  const text = (c: Container): string => `${verb} container ${c.config.name}`;
  const sidecars = running.filter((c) => isSidecar(specOf(c)));
  const mains = running.filter((c) => !sidecars.includes(c));
  const ended = new WaitQueue();
  const threads: Thread[] = mains.map((c) =>
    startThread(
      kubelet.p,
      (function* (): Task<void> {
        yield* killContainer(w, c, specOf(c), text(c));
        ended.wakeAll();
      })(),
    ),
  );
  while (mains.some((c) => c.state === 'Running')) yield { on: [ended], until: kubelet.sim.now + SEC };
  for (const t of threads) t.stop();
  for (const c of sidecars.reverse()) yield* killContainer(w, c, specOf(c), text(c));
}
