/** A pod's status from what the runtime has. Models pkg/kubelet/kubelet_pods.go and pkg/kubelet/status/generate.go */

import type { Sim } from '../../../sim/sim.ts';
import type { Pod } from '../../api/object.ts';
import { timestamp } from '../../api/time.ts';
import type { V1Container, V1ContainerState, V1ContainerStatus, V1PodCondition, V1PodStatus } from '../../api/types.ts';
import type { Container, Sandbox } from '../runtime/types.ts';

/** Why a container is not running although it should be. */
export interface WaitReason {
  readonly reason: string;
  readonly message: string;
}

export interface StatusInput {
  readonly sim: Sim;
  readonly pod: Pod;
  readonly hostIPs: readonly string[];
  readonly sandbox: Sandbox | null;
  /** Of this pod, oldest first. */
  readonly containers: readonly Container[];
  readonly waiting: ReadonlyMap<string, WaitReason>;
  readonly startTime: string;
  /** Results of probes by container ID; no entry: no such probe has said anything yet. */
  readonly ready: (c: Container, spec: V1Container) => boolean;
  readonly started: (c: Container, spec: V1Container) => boolean;
  /** Kubelet has decided to end it; phase and reason are final. */
  readonly ended: { readonly phase: 'Succeeded' | 'Failed'; readonly reason?: string; readonly message?: string } | null;
}

const NEVER: V1ContainerState = {};

export const isSidecar = (c: V1Container): boolean => c.restartPolicy === 'Always';

/** Whether what ended with that code is to be started again. */
export function restarts(pod: Pod, spec: V1Container, exitCode: number, init: boolean): boolean {
  if (spec.restartPolicy === 'Always') return true;
  const policy = spec.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always';
  if (policy === 'Never') return false;
  if (policy === 'OnFailure' || init) return exitCode !== 0;
  return true;
}

function terminated(sim: Sim, c: Container): V1ContainerState {
  return {
    terminated: {
      containerID: `containerd://${c.id}`,
      exitCode: c.exitCode,
      finishedAt: timestamp(sim, c.finishedAt),
      ...(c.message ? { message: c.message } : {}),
      reason: c.reason || (c.exitCode === 0 ? 'Completed' : 'Error'),
      startedAt: timestamp(sim, c.startedAt),
    },
  };
}

/** Attempts of a container, oldest first. */
export const attemptsOf = (all: readonly Container[], name: string): Container[] => all.filter((c) => c.config.name === name);

function one(input: StatusInput, spec: V1Container, init: boolean, hasInit: boolean): V1ContainerStatus {
  const { sim, pod } = input;
  const attempts = attemptsOf(input.containers, spec.name);
  const now = attempts.at(-1);
  const before = attempts.at(-2);
  const wait = input.waiting.get(spec.name);
  const initial: V1ContainerState = { waiting: { reason: hasInit ? 'PodInitializing' : 'ContainerCreating' } };
  let state: V1ContainerState = initial;
  let lastState: V1ContainerState = before?.state === 'Exited' ? terminated(sim, before) : NEVER;
  let ready = false;
  let started = false;
  if (now?.state === 'Running') {
    state = { running: { startedAt: timestamp(sim, now.startedAt) } };
    started = input.started(now, spec);
    ready = init && !isSidecar(spec) ? false : input.ready(now, spec);
  } else if (now?.state === 'Exited') {
    state = terminated(sim, now);
    ready = init && !isSidecar(spec) && now.exitCode === 0;
    if (wait && input.ended === null && restarts(pod, spec, now.exitCode, init)) {
      lastState = state;
      state = { waiting: { reason: wait.reason, ...(wait.message ? { message: wait.message } : {}) } };
    }
  } else if (wait) state = { waiting: { reason: wait.reason, ...(wait.message ? { message: wait.message } : {}) } };
  const mounts = (spec.volumeMounts ?? []).map((m) => ({
    mountPath: m.mountPath,
    name: m.name,
    ...(m.readOnly ? { readOnly: true, recursiveReadOnly: 'Disabled' } : {}),
  }));
  const resources = spec.resources && Object.keys(spec.resources).length > 0 ? spec.resources : undefined;
  const uid = now ? (now.config.uid ?? Number(/^\d+/.exec(now.image.user ?? '0')?.[0] ?? 0)) : 0;
  const gid = now ? (now.config.gid ?? Number(/:(\d+)/.exec(now.image.user ?? '')?.[1] ?? 0)) : 0;
  return {
    ...(resources?.requests ? { allocatedResources: resources.requests } : {}),
    ...(now ? { containerID: `containerd://${now.id}` } : {}),
    image: now ? now.imageName : (spec.image ?? ''),
    imageID: now ? now.imageRef : '',
    lastState,
    name: spec.name,
    ready,
    ...(resources ? { resources } : now ? { resources: {} } : {}),
    restartCount: now?.config.attempt ?? 0,
    started,
    state,
    ...(now ? { user: { linux: { gid, supplementalGroups: [gid], uid } } } : {}),
    ...(mounts.length > 0 ? { volumeMounts: mounts } : {}),
  };
}

function phaseOf(pod: Pod, statuses: readonly V1ContainerStatus[], inits: readonly V1ContainerStatus[]): string {
  const spec = pod.spec;
  const initSpecs = spec?.initContainers ?? [];
  let pendingInit = 0;
  let failedInit = 0;
  inits.forEach((s, i) => {
    const c = initSpecs[i] as V1Container;
    if (isSidecar(c)) {
      if (!s.started && s.state?.terminated === undefined && s.lastState?.terminated === undefined) pendingInit++;
      return;
    }
    const ended = s.state?.terminated;
    if (ended) {
      if (ended.exitCode !== 0) failedInit++;
      if (ended.exitCode !== 0 && spec?.restartPolicy !== 'Never') pendingInit++;
    } else pendingInit++;
  });
  let waiting = 0;
  let running = 0;
  let stopped = 0;
  let succeeded = 0;
  for (const s of statuses) {
    if (s.state?.running) running++;
    else if (s.state?.terminated) {
      stopped++;
      if (s.state.terminated.exitCode === 0) succeeded++;
    } else if (s.lastState?.terminated) stopped++;
    else waiting++;
  }
  if (failedInit > 0 && spec?.restartPolicy === 'Never') return 'Failed';
  if (pendingInit > 0 || waiting > 0) return 'Pending';
  if (running > 0) return 'Running';
  if (stopped > 0) {
    if (spec?.restartPolicy === 'Always') return 'Running';
    if (stopped === succeeded && statuses.every((s) => s.state?.terminated)) return 'Succeeded';
    if (spec?.restartPolicy === 'Never') return 'Failed';
    return 'Running';
  }
  return 'Pending';
}

/** What of an old condition stays: the time when it last changed. */
function condition(input: StatusInput, type: string, status: boolean, reason = '', message = ''): V1PodCondition {
  const old = input.pod.status?.conditions?.find((c) => c.type === type);
  const text = status ? 'True' : 'False';
  return {
    lastProbeTime: null as unknown as string,
    lastTransitionTime: old?.status === text && old.lastTransitionTime ? old.lastTransitionTime : timestamp(input.sim),
    ...(message ? { message } : {}),
    ...(input.pod.metadata.generation ? { observedGeneration: input.pod.metadata.generation } : {}),
    ...(reason ? { reason } : {}),
    status: text,
    type,
  } as V1PodCondition;
}

const list = (names: readonly string[]): string => `[${names.join(' ')}]`;

function conditions(
  input: StatusInput,
  phase: string,
  statuses: readonly V1ContainerStatus[],
  inits: readonly V1ContainerStatus[],
): V1PodCondition[] {
  const { pod } = input;
  const initSpecs = pod.spec?.initContainers ?? [];
  const unfinished = inits
    .filter((s, i) => (isSidecar(initSpecs[i] as V1Container) ? !s.started : !(s.state?.terminated?.exitCode === 0)))
    .map((s) => s.name);
  const notReady = [
    ...inits.filter((s, i) => isSidecar(initSpecs[i] as V1Container) && !s.ready).map((s) => s.name),
    ...statuses.filter((s) => !s.ready).map((s) => s.name),
  ];
  const unknown = statuses.length === 0;
  const done = phase === 'Succeeded';
  const initialized =
    done && unfinished.length > 0
      ? condition(input, 'Initialized', true, 'PodCompleted')
      : unfinished.length > 0
        ? condition(input, 'Initialized', false, 'ContainersNotInitialized', `containers with incomplete status: ${list(unfinished)}`)
        : condition(input, 'Initialized', true, done ? 'PodCompleted' : '');
  const [reason, message] = done
    ? ['PodCompleted', '']
    : phase === 'Failed'
      ? ['PodFailed', '']
      : notReady.length > 0 || unknown
        ? ['ContainersNotReady', `containers with unready status: ${list(notReady)}`]
        : ['', ''];
  const containersReady = reason === '';
  const gates = (pod.spec?.readinessGates ?? []).filter(
    (g) => pod.status?.conditions?.find((c) => c.type === g.conditionType)?.status !== 'True',
  );
  const ready = containersReady
    ? gates.length > 0
      ? condition(
          input,
          'Ready',
          false,
          'ReadinessGatesNotReady',
          gates
            .map((g) => {
              const c = pod.status?.conditions?.find((x) => x.type === g.conditionType);
              return c
                ? `the status of pod readiness gate "${g.conditionType}" is not "True", but ${c.status}`
                : `corresponding condition of pod readiness gate "${g.conditionType}" does not exist.`;
            })
            .join(', '),
        )
      : condition(input, 'Ready', true)
    : condition(input, 'Ready', false, reason, message);
  const own = new Set(['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled']);
  const others = (pod.status?.conditions ?? []).filter((c) => !own.has(c.type));
  return [
    condition(input, 'PodReadyToStartContainers', input.sandbox?.state === 'Ready'),
    initialized,
    ready,
    condition(input, 'ContainersReady', containersReady, reason, message),
    condition(input, 'PodScheduled', true),
    ...others,
  ];
}

const quantitySet = (r: Readonly<Record<string, string>> | undefined, key: string): string | undefined => {
  const v = r?.[key];
  return v === undefined || v === '0' ? undefined : v;
};

/** Guaranteed, Burstable or BestEffort. */
export function qosClass(pod: Pod): string {
  if (pod.status?.qosClass) return pod.status.qosClass;
  let any = false;
  let guaranteed = true;
  for (const c of [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])])
    for (const key of ['cpu', 'memory']) {
      const request = quantitySet(c.resources?.requests, key);
      const limit = quantitySet(c.resources?.limits, key);
      if (request !== undefined || limit !== undefined) any = true;
      if (limit === undefined || (request !== undefined && request !== limit)) guaranteed = false;
    }
  return !any ? 'BestEffort' : guaranteed ? 'Guaranteed' : 'Burstable';
}

export function podStatus(input: StatusInput): V1PodStatus {
  const { pod, sandbox } = input;
  const initSpecs = pod.spec?.initContainers ?? [];
  const ephemeral = pod.spec?.ephemeralContainers ?? [];
  const statuses = (pod.spec?.containers ?? []).map((c) => one(input, c, false, initSpecs.length > 0));
  const inits = initSpecs.map((c) => one(input, c, true, true));
  const debug = ephemeral.map((c) => one(input, c as unknown as V1Container, false, false));
  const phase = input.ended?.phase ?? phaseOf(pod, statuses, inits);
  const ips = pod.spec?.hostNetwork ? (sandbox ? input.hostIPs : []) : (sandbox?.ips ?? []);
  const reason = input.ended?.reason;
  return {
    conditions: conditions(input, phase, statuses, inits),
    containerStatuses: statuses,
    ...(debug.length > 0 ? { ephemeralContainerStatuses: debug.map(({ started: _, ...s }) => s) } : {}),
    hostIP: input.hostIPs[0] ?? '',
    hostIPs: input.hostIPs.map((ip) => ({ ip })),
    ...(inits.length > 0 ? { initContainerStatuses: inits } : {}),
    ...(input.ended?.message ? { message: input.ended.message } : {}),
    ...(pod.metadata.generation ? { observedGeneration: pod.metadata.generation } : {}),
    phase,
    ...(ips.length > 0 ? { podIP: ips[0] as string, podIPs: ips.map((ip) => ({ ip })) } : {}),
    qosClass: qosClass(pod),
    ...(reason ? { reason } : {}),
    startTime: input.startTime,
  };
}
