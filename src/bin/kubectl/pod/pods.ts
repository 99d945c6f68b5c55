/** Which pod, and which container of it. Models kubectl/pkg/cmd/util/podcmd and polymorphichelpers (attachablepodforobject, helpers) */

import type { Task } from '../../../os/program.ts';
import type { Info } from '../builder.ts';
import { Failure, failure } from '../errors.ts';
import { at, isObject, type Json, type JsonObject, list, num, obj, sortedKeys, str } from '../json.ts';
import type { Mapping } from '../rest.ts';
import { selectorText } from '../selector.ts';
import { quote } from '../strconv.ts';
import { sleep } from '../until.ts';
import type { Ctx } from '../verb.ts';

const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';

const GROUPS = ['containers', 'initContainers', 'ephemeralContainers'] as const;

/** A container by name, and the list that it stands in. */
export function findContainer(pod: JsonObject, name: string): { container: Json; list: (typeof GROUPS)[number] } | null {
  for (const group of GROUPS) {
    const container = list(pod, 'spec', group).find((c) => str(c, 'name') === name);
    if (container !== undefined) return { container, list: group };
  }
  return null;
}

/** AllContainerNames() */
export function allContainerNames(pod: JsonObject): string {
  return [
    ...list(pod, 'spec', 'containers').map((c) => str(c, 'name')),
    ...list(pod, 'spec', 'ephemeralContainers').map((c) => `${str(c, 'name')} (ephem)`),
    ...list(pod, 'spec', 'initContainers').map((c) => `${str(c, 'name')} (init)`),
  ].join(', ');
}

const notValid = (pod: JsonObject, name: string): Failure =>
  failure(`container ${name} is not valid for pod ${str(pod, 'metadata', 'name')} out of: ${allContainerNames(pod)}`);

/** FindOrDefaultContainerByName() */
export function* containerOf(ctx: Ctx, pod: JsonObject, wanted: string, quiet: boolean): Task<Json | Failure> {
  const containers = list(pod, 'spec', 'containers');
  const first = containers[0];
  if (first === undefined)
    return failure(`pod ${str(pod, 'metadata', 'namespace')}/${str(pod, 'metadata', 'name')} does not have any containers`);
  const name = wanted || str(pod, 'metadata', 'annotations', DEFAULT_CONTAINER);
  if (name !== '') return findContainer(pod, name)?.container ?? notValid(pod, name);
  const more =
    containers.length > 1 || list(pod, 'spec', 'initContainers').length > 0 || list(pod, 'spec', 'ephemeralContainers').length > 0;
  if (!quiet && more) yield* ctx.err(`Defaulted container ${quote(str(first, 'name'))} out of: ${allContainerNames(pod)}\n`);
  return first;
}

/** SelectorsForObject(): namespace and label selector of what stands behind an object. */
export function selectorOf(m: Mapping, o: JsonObject): { namespace: string; selector: string } | Failure {
  const namespace = str(o, 'metadata', 'namespace');
  const equalities = (labels: JsonObject): string =>
    sortedKeys(labels)
      .map((k) => `${k}=${labels[k]}`)
      .join(',');
  if (m.group === '' && (m.kind === 'Service' || m.kind === 'ReplicationController')) {
    const labels = obj(o, 'spec', 'selector');
    if (m.kind === 'Service' && Object.keys(labels).length === 0)
      return failure(`invalid service '${str(o, 'metadata', 'name')}': Service is defined without a selector`);
    return { namespace, selector: equalities(labels) };
  }
  if ((m.group === 'apps' && m.kind !== 'ControllerRevision') || (m.group === 'batch' && m.kind === 'Job'))
    return { namespace, selector: selectorText(obj(o, 'spec', 'selector')) };
  return failure(`selector for *${m.group === '' ? 'core' : m.group}.${m.kind} not implemented`);
}

const ready = (pod: JsonObject): boolean =>
  list(pod, 'status', 'conditions').some((c) => str(c, 'type') === 'Ready' && str(c, 'status') === 'True');
const PHASES: readonly string[] = ['Pending', 'Unknown', 'Running'];
const restarts = (pod: JsonObject): number => Math.max(0, ...list(pod, 'status', 'containerStatuses').map((c) => num(c, 'restartCount')));

/** ActivePods: the best one last. */
export function byActivity(a: JsonObject, b: JsonObject): number {
  const rank = (pod: JsonObject): readonly number[] => [
    str(pod, 'spec', 'nodeName') === '' ? 0 : 1,
    PHASES.indexOf(str(pod, 'status', 'phase')),
    ready(pod) ? 1 : 0,
  ];
  const [x, y] = [rank(a), rank(b)];
  for (const [i, v] of x.entries()) if (v !== y[i]) return v - (y[i] as number);
  const readySince = (pod: JsonObject): string =>
    str(list(pod, 'status', 'conditions').find((c) => str(c, 'type') === 'Ready') ?? null, 'lastTransitionTime');
  if (ready(a) && ready(b) && readySince(a) !== readySince(b)) return readySince(a) < readySince(b) ? 1 : -1;
  if (restarts(a) !== restarts(b)) return restarts(b) - restarts(a);
  const [ca, cb] = [str(a, 'metadata', 'creationTimestamp'), str(b, 'metadata', 'creationTimestamp')];
  return ca === cb ? 0 : ca < cb ? 1 : -1;
}

/** ByLogging: the first one is what logs look at. */
export function byLogging(a: JsonObject, b: JsonObject): number {
  const assigned = (pod: JsonObject): number => (str(pod, 'spec', 'nodeName') === '' ? 1 : 0);
  if (assigned(a) !== assigned(b)) return assigned(a) - assigned(b);
  const phase = (pod: JsonObject): number => PHASES.indexOf(str(pod, 'status', 'phase'));
  if (phase(a) !== phase(b)) return phase(b) - phase(a);
  if (ready(a) !== ready(b)) return ready(a) ? -1 : 1;
  if (restarts(a) !== restarts(b)) return restarts(b) - restarts(a);
  const [ca, cb] = [str(a, 'metadata', 'creationTimestamp'), str(b, 'metadata', 'creationTimestamp')];
  return ca === cb ? 0 : ca < cb ? 1 : -1;
}

/** GetFirstPod(): waits until there is one. */
export function* firstPod(
  ctx: Ctx,
  namespace: string,
  labelSelector: string,
  seconds: number,
  order: (a: JsonObject, b: JsonObject) => number,
): Task<{ pods: JsonObject[] } | Failure> {
  const deadline = ctx.p.sim.now + seconds * 1e6;
  for (;;) {
    const r = yield* ctx.rest.json('GET', `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`, { query: { labelSelector } });
    if (r instanceof Failure) return r;
    const pods = list(r, 'items')
      .filter(isObject)
      .map((pod) => ({ apiVersion: 'v1', kind: 'Pod', ...pod }));
    if (pods.length > 0) return { pods: pods.sort(order) };
    if (ctx.p.sim.now >= deadline) return failure('timed out waiting for the condition');
    yield* sleep(ctx, 1);
  }
}

/** AttachablePodForObject() */
export function* attachablePod(ctx: Ctx, info: Info, seconds: number): Task<JsonObject | Failure> {
  const m = info.mapping as Mapping;
  const o = info.object as JsonObject;
  if (m.group === '' && m.kind === 'Pod') return o;
  const s = selectorOf(m, o);
  if (s instanceof Failure) return failure(`cannot attach to *${m.version}.${m.kind}: ${s.message}`);
  const found = yield* firstPod(ctx, s.namespace, s.selector, seconds, (a, b) => byActivity(b, a));
  return found instanceof Failure ? found : (found.pods[0] as JsonObject);
}

/** Where a pod's subresource lies. */
export const podPath = (pod: JsonObject, sub = ''): string =>
  `/api/v1/namespaces/${encodeURIComponent(str(pod, 'metadata', 'namespace'))}/pods/${encodeURIComponent(str(pod, 'metadata', 'name'))}${sub === '' ? '' : `/${sub}`}`;

export const phaseOf = (pod: JsonObject): string => str(pod, 'status', 'phase');
export const completed = (pod: JsonObject): boolean => ['Succeeded', 'Failed'].includes(phaseOf(pod));
export const wantsTty = (container: Json): boolean => at(container, 'tty') === true;
