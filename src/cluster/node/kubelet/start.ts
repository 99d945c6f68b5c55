/** Creating and starting one container. Models kuberuntime's startContainer */

import { RegularFile } from '../../../os/inode.ts';
import type { Task } from '../../../os/process.ts';
import { type Micros, MS, SEC } from '../../../sim/sim.ts';
import type { V1Container } from '../../api/types.ts';
import type { Sandbox } from '../runtime/types.ts';
import { environment, expand } from './env.ts';
import { runHook } from './hooks.ts';
import { killContainer } from './terminate.ts';
import { podDirectory } from './volumes.ts';
import type { PodWorker } from './worker.ts';

/** What a container waits for that could not be made. */
const RETRY = 10 * SEC;

/** `started`, or when to try again. */
export function* startContainer(w: PodWorker, sandbox: Sandbox, spec: V1Container, attempt: number): Task<Micros | 'started' | undefined> {
  const { kubelet, pod } = w;
  const { sim, runtime } = kubelet;
  const say = (type: 'Normal' | 'Warning', reason: string, message: string): void =>
    kubelet.containerEvent(w.pod, spec, type, reason, message);
  if (!runtime.daemon) return sim.now + RETRY;
  const image = yield* kubelet.images.ensure(pod, spec);
  if (w.mustEnd()) return undefined;
  const fail = (reason: string, message: string, event: string): Micros => {
    say('Warning', 'Failed', `Error: ${event}`);
    w.waiting.set(spec.name, { reason, message });
    kubelet.syncFailed(w.pod, 'StartContainer', spec.name, reason, message);
    w.report();
    return sim.now + RETRY;
  };
  if (image) {
    fail(image.reason, image.message, image.reason);
    const next = kubelet.images.nextTry(pod, spec);
    // The first look after a failed pull says that it is being backed off.
    return image.reason === 'ErrImagePull' ? sim.now + 2 * SEC + sim.rng('kubelet').below(10 * SEC) : Math.max(next, sim.now + RETRY);
  }
  const facts = kubelet.facts(w.ips);
  const wrong = w.volumes.setUp(pod, kubelet.sources, facts);
  if (wrong !== null) {
    kubelet.event(pod, 'Warning', 'FailedMount', wrong);
    return sim.now + 2 * SEC;
  }
  const env = environment(pod, spec, kubelet.sources, facts);
  if (!env.ok) return fail('CreateContainerConfigError', env.text, env.text);
  const own = new Map(env.env);
  const known = { get: (name: string) => own.get(name) ?? env.links.get(name) };
  const mounts = w.volumes.mountsOf(pod, spec, w.hosts, known);
  if (typeof mounts === 'string') return fail('CreateContainerConfigError', mounts, mounts);
  const security = { ...pod.spec?.securityContext, ...spec.securityContext };
  const local = runtime.imageOf(spec.image ?? '');
  if (security.runAsNonRoot && security.runAsUser === undefined && /^(0|root)?(:|$)/.test(local?.found.image.user ?? '')) {
    const text = `container has runAsNonRoot and image will run as root (pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${spec.name})`;
    return fail('CreateContainerConfigError', text, text);
  }
  const message = new RegularFile(undefined, 0o666);
  const folder = `${podDirectory(pod)}/containers/${spec.name}`;
  kubelet.p.machine.directory(folder).link(String(attempt), message);
  const messagePath = spec.terminationMessagePath || '/dev/termination-log';
  yield { until: sim.now + 20 * MS + sim.rng('containerd/time').below(20 * MS) };
  const target = (spec as { targetContainerName?: string }).targetContainerName;
  const targetId = target ? (w.containers().find((c) => c.config.name === target && c.state === 'Running')?.id ?? '') : '';
  const created = runtime.createContainer(sandbox.id, {
    name: spec.name,
    attempt,
    image: spec.image ?? '',
    command: (spec.command ?? []).map((s) => expand(s, known)),
    args: (spec.args ?? []).map((s) => expand(s, known)),
    workingDir: spec.workingDir ?? '',
    env: env.env,
    links: env.links,
    mounts: [...mounts, { containerPath: messagePath, hostPath: `${folder}/${attempt}`, node: message, readonly: false }],
    labels: {
      'io.kubernetes.container.name': spec.name,
      'io.kubernetes.pod.name': pod.metadata.name,
      'io.kubernetes.pod.namespace': pod.metadata.namespace ?? '',
      'io.kubernetes.pod.uid': pod.metadata.uid,
    },
    annotations: { 'io.kubernetes.container.restartCount': String(attempt) },
    logPath: `${spec.name}/${attempt}.log`,
    stdin: spec.stdin === true,
    stdinOnce: spec.stdinOnce === true,
    tty: spec.tty === true,
    uid: security.runAsUser ?? null,
    gid: security.runAsGroup ?? null,
    privileged: spec.securityContext?.privileged === true,
    targetId,
  });
  if (!created.ok) return fail('CreateContainerError', created.text, created.text);
  const container = created.value;
  say('Normal', 'Created', 'Container created');
  yield { until: sim.now + 30 * MS + sim.rng('containerd/time').below(30 * MS) };
  const started = runtime.startContainer(container.id);
  if (!started.ok) {
    say('Warning', 'Failed', `Error: ${started.text}`);
    w.waiting.set(spec.name, { reason: 'RunContainerError', message: started.text });
    return 'started';
  }
  w.waiting.delete(spec.name);
  say('Normal', 'Started', 'Container started');
  w.probes.watch(container, spec);
  if (spec.lifecycle?.postStart) {
    const failed = yield* runHook(w, container, spec, spec.lifecycle.postStart, 0);
    if (failed !== null) {
      say('Warning', 'FailedPostStartHook', failed);
      yield* killContainer(w, container, spec, `FailedPostStartHook`);
      w.waiting.set(spec.name, { reason: 'PostStartHookError', message: failed });
    }
  }
  return 'started';
}
