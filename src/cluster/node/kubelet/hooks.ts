/** Lifecycle hooks: exec, httpGet, sleep. Models pkg/kubelet/lifecycle */

import type { Task } from '../../../os/process.ts';
import { SEC } from '../../../sim/sim.ts';
import type { V1Container, V1LifecycleHandler } from '../../api/types.ts';
import { type Container, rpcError } from '../runtime/types.ts';
import { httpProbe, portOf } from './probe.ts';
import type { PodWorker } from './worker.ts';

/** Null when it went well, else the text of the event. `seconds`: what it may take, 0 for any time. */
export function* runHook(w: PodWorker, c: Container, spec: V1Container, hook: V1LifecycleHandler, seconds: number): Task<string | null> {
  const { kubelet } = w;
  const { sim } = kubelet;
  if (hook.exec) {
    const r = yield* kubelet.runtime.execSync(c.id, hook.exec.command ?? [], seconds);
    if (!r.ok) return rpcError(r);
    if (r.value.timedOut)
      return `rpc error: code = DeadlineExceeded desc = failed to exec in container: timeout ${seconds}s exceeded: context deadline exceeded`;
    return r.value.exitCode === 0
      ? null
      : `command '${(hook.exec.command ?? []).join(' ')}' exited with ${r.value.exitCode}: ${r.value.stderr || r.value.stdout}`;
  }
  if (hook.sleep) {
    const until = sim.now + Math.min(hook.sleep.seconds, seconds > 0 ? seconds : hook.sleep.seconds) * SEC;
    while (sim.now < until && c.state === 'Running') yield { until };
    return null;
  }
  if (hook.httpGet) {
    const port = portOf(hook.httpGet.port, spec);
    if (port === null) return `failed to find port ${JSON.stringify(hook.httpGet.port)}`;
    const host = hook.httpGet.host || w.ips[0] || '';
    const r = yield* httpProbe(kubelet.p, { ...hook.httpGet, address: host, port, timeout: 30 * SEC });
    return r.result === 'failure' ? r.output : null;
  }
  return null;
}
