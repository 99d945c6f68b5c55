/** Rules of Pod and PodTemplate: life from creation to deletion, and how tables show it. Models pkg/registry/core/pod, printPod. */

import { forbidden, invalid } from '../field.ts';
import { registerKind } from '../kind.ts';
import type { Pod, Stored } from '../object.ts';
import { wholeValue } from '../quantity.ts';
import type { V1ContainerStatus, V1PodSpec, V1PodStatus, V1PodTemplate } from '../types.ts';
import { age, columns, containerImages, containerNames, labelText, since } from './columns.ts';
import type { Errors } from './common.ts';
import { imageWhitespace } from './container.ts';
import { admitPod } from './pod-admit.ts';
import { podDefaults, templateDefaults } from './pod-defaults.ts';
import { podEphemeralUpdate, podUpdate } from './pod-update.ts';
import { validatePodSpec, validatePodTemplate } from './podspec.ts';

const specOf = (p: Pod): V1PodSpec => p.spec ?? { containers: [] };

/** Guaranteed, Burstable or BestEffort, by requests and limits of CPU and memory. */
export function qosClass(spec: V1PodSpec): string {
  const all = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  const sets = spec.resources ? [spec.resources] : all.map((c) => c.resources ?? {});
  let some = false;
  let guaranteed = sets.length > 0;
  for (const r of sets)
    for (const name of ['cpu', 'memory']) {
      const request = r.requests?.[name];
      const limit = r.limits?.[name];
      const positive = (t: string | undefined): boolean => t !== undefined && wholeValue(t) > 0;
      if (positive(request) || positive(limit)) some = true;
      if (!positive(limit) || (request !== undefined && request !== limit)) guaranteed = false;
    }
  return !some ? 'BestEffort' : guaranteed ? 'Guaranteed' : 'Burstable';
}

function prepared(pod: Pod): Pod {
  const spec = specOf(pod);
  const gated: Partial<V1PodStatus> = spec.schedulingGates?.length
    ? {
        conditions: [
          {
            lastProbeTime: null,
            lastTransitionTime: null,
            message: 'Scheduling is blocked due to non-empty scheduling gates',
            reason: 'SchedulingGated',
            status: 'False',
            type: 'PodScheduled',
          } as unknown as NonNullable<V1PodStatus['conditions']>[number],
        ],
      }
    : {};
  return { ...pod, status: { phase: 'Pending', qosClass: qosClass(spec), ...gated } };
}

/** Of a pod itself; a template lacks the first and the last of these checks. */
function validate(pod: Pod): Errors {
  const spec = specOf(pod);
  const cost = pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'];
  const out: Errors = [];
  if (cost !== undefined && !/^(0|-?[1-9]\d{0,9}|\+[1-9]\d{0,9})$/.test(cost))
    out.push(invalid('metadata.annotations[controller.kubernetes.io/pod-deletion-cost]', cost, 'must be a 32bit integer'));
  out.push(...validatePodSpec('spec', spec, { isPod: true, podName: pod.metadata.name }));
  if (!spec.serviceAccountName)
    (spec.volumes ?? []).forEach((v, i) => {
      (v.projected?.sources ?? []).forEach((s, j) => {
        if (s.serviceAccountToken)
          out.push(
            forbidden(
              `spec.volumes[${i}].projected.sources[${j}].serviceAccountToken`,
              'must not be specified when serviceAccountName is not set',
            ),
          );
      });
    });
  out.push(...(spec.containers ?? []).flatMap((c, i) => imageWhitespace(`spec.containers[${i}]`, c)));
  out.push(...(spec.initContainers ?? []).flatMap((c, i) => imageWhitespace(`spec.initContainers[${i}]`, c)));
  return out;
}

function validateCreate(pod: Pod): Errors {
  const spec = specOf(pod);
  const out = validate(pod);
  if (spec.ephemeralContainers?.length) out.push(forbidden('spec.ephemeralContainers', 'cannot be set on create'));
  if (spec.nodeName && spec.schedulingGates?.length)
    out.push(forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'));
  return out;
}

interface Shown {
  reason: string;
  restarts: number;
  last: string;
  ready: number;
}

function noteRestart(shown: Shown, s: V1ContainerStatus): void {
  shown.restarts += s.restartCount;
  const finished = s.lastState?.terminated?.finishedAt;
  if (finished && finished > shown.last) shown.last = finished;
}

const ended = (t: { readonly signal?: number; readonly exitCode: number }): string =>
  t.signal ? `Signal:${t.signal}` : `ExitCode:${t.exitCode}`;

/** False while init containers are still at work. */
function showInit(pod: Pod, shown: Shown, sidecars: Shown): boolean {
  const spec = specOf(pod);
  const statuses = pod.status?.initContainerStatuses ?? [];
  for (let i = 0; i < statuses.length; i++) {
    const s = statuses[i] as V1ContainerStatus;
    const sidecar = spec.initContainers?.find((c) => c.name === s.name)?.restartPolicy === 'Always';
    noteRestart(shown, s);
    if (sidecar) noteRestart(sidecars, s);
    const done = s.state?.terminated;
    const waiting = s.state?.waiting?.reason;
    if (done?.exitCode === 0) continue;
    if (sidecar && s.started) {
      if (s.ready) shown.ready++;
      continue;
    }
    if (done) shown.reason = `Init:${done.reason || ended(done)}`;
    else if (waiting && waiting !== 'PodInitializing') shown.reason = `Init:${waiting}`;
    else shown.reason = `Init:${i}/${spec.initContainers?.length ?? 0}`;
    return false;
  }
  return true;
}

function showContainers(pod: Pod, shown: Shown): void {
  const statuses = pod.status?.containerStatuses ?? [];
  let running = false;
  for (let i = statuses.length - 1; i >= 0; i--) {
    const s = statuses[i] as V1ContainerStatus;
    noteRestart(shown, s);
    const { waiting, terminated } = s.state ?? {};
    if (waiting?.reason) shown.reason = waiting.reason;
    else if (terminated) shown.reason = terminated.reason || ended(terminated);
    else if (s.ready && s.state?.running) {
      running = true;
      shown.ready++;
    }
  }
  if (shown.reason === 'Completed' && running)
    shown.reason = pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ? 'Running' : 'NotReady';
}

function row(pod: Pod, now: string): readonly unknown[] {
  const spec = specOf(pod);
  const status = pod.status ?? {};
  const shown: Shown = { reason: status.reason || status.phase || '', restarts: 0, last: '', ready: 0 };
  const sidecars: Shown = { reason: '', restarts: 0, last: '', ready: 0 };
  if (status.conditions?.some((c) => c.type === 'PodScheduled' && c.reason === 'SchedulingGated')) shown.reason = 'SchedulingGated';
  const total = (spec.containers ?? []).length + (spec.initContainers ?? []).filter((c) => c.restartPolicy === 'Always').length;
  const initialized = showInit(pod, shown, sidecars);
  if (initialized || status.conditions?.some((c) => c.type === 'Initialized' && c.status === 'True')) {
    shown.restarts = sidecars.restarts;
    shown.last = sidecars.last;
    showContainers(pod, shown);
  }
  if (pod.metadata.deletionTimestamp !== undefined) {
    if (status.reason === 'NodeLost') shown.reason = 'Unknown';
    else if (status.phase !== 'Failed' && status.phase !== 'Succeeded') shown.reason = 'Terminating';
  }
  const restarts = shown.restarts !== 0 && shown.last !== '' ? `${shown.restarts} (${since(shown.last, now)} ago)` : `${shown.restarts}`;
  const gates = spec.readinessGates ?? [];
  const passed = gates.filter((g) => status.conditions?.some((c) => c.type === g.conditionType && c.status === 'True')).length;
  return [
    pod.metadata.name,
    `${shown.ready}/${total}`,
    shown.reason,
    restarts,
    age(pod, now),
    status.podIPs?.[0]?.ip || '<none>',
    spec.nodeName || '<none>',
    status.nominatedNodeName || '<none>',
    gates.length > 0 ? `${passed}/${gates.length}` : '<none>',
  ];
}

registerKind<Pod>('Pod', {
  defaults: podDefaults,
  prepareForCreate: prepared,
  admit: admitPod,
  validate: validateCreate,
  validateUpdate: (pod, old, context) => [
    ...validate(pod),
    ...(context.subresource === 'ephemeralcontainers' ? podEphemeralUpdate(pod, old) : podUpdate(pod, old)),
  ],
  columns: columns('Name|Ready|Status|Restarts|Age|+IP|+Node|+Nominated Node|+Readiness Gates'),
  row,
  selectableFields: {
    'spec.nodeName': (p) => specOf(p).nodeName ?? '',
    'spec.restartPolicy': (p) => specOf(p).restartPolicy ?? '',
    'spec.schedulerName': (p) => specOf(p).schedulerName ?? '',
    'spec.serviceAccountName': (p) => specOf(p).serviceAccountName ?? '',
    'spec.hostNetwork': (p) => String(specOf(p).hostNetwork === true),
    'status.phase': (p) => p.status?.phase ?? '',
    'status.podIP': (p) => p.status?.podIP ?? '',
    'status.podIPs': (p) => p.status?.podIP ?? '',
    'status.nominatedNodeName': (p) => p.status?.nominatedNodeName ?? '',
  },
  deletionGrace(pod, asked) {
    const given = asked ?? specOf(pod).terminationGracePeriodSeconds ?? 30;
    if (!specOf(pod).nodeName || pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded') return 0;
    return given < 0 ? 1 : given;
  },
});

type PodTemplate = Stored<V1PodTemplate>;
registerKind<PodTemplate>('PodTemplate', {
  defaults: (t) => {
    const template = templateDefaults(t.template ?? {});
    return template === t.template ? t : { ...t, template };
  },
  validate: (t) => validatePodTemplate('template', t.template ?? {}),
  columns: columns('Name|Containers|Images|Pod Labels'),
  row: (t) => [
    t.metadata.name,
    containerNames(t.template?.spec?.containers),
    containerImages(t.template?.spec?.containers),
    labelText(t.template?.metadata?.labels),
  ],
});
