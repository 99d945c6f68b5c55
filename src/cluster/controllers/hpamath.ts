/** How many replicas a metric asks for, and how fast a target may change. Models podautoscaler's replica calculator and behaviors. */

import type { Pod } from '../api/object.ts';
import { milliValue, wholeValue } from '../api/quantity.ts';
import type { V2HorizontalPodAutoscalerBehavior, V2HPAScalingRules } from '../api/types.ts';
import { parseTime } from './clock.ts';
import type { MetricsSource } from './context.ts';
import { isPodReady, podCondition } from './pods.ts';

export const TOLERANCE = 0.1;
const READINESS_DELAY = 30_000;

export interface Calculation {
  readonly replicas: number;
  /** Percent of the requests, where the target is one. */
  readonly utilization: number | undefined;
  readonly averageMillis: number;
}

export interface Target {
  readonly resource: string;
  readonly container: string | undefined;
  /** Percent of requests. */
  readonly utilization: number | undefined;
  readonly averageMillis: number | undefined;
}

const amount = (resource: string, text: string | undefined): number => (resource === 'cpu' ? milliValue(text) : wholeValue(text) * 1000);

function usageOf(source: MetricsSource, pod: Pod, t: Target): number | undefined {
  const m = source.pod(pod);
  if (!m) return undefined;
  let sum = 0;
  let found = false;
  for (const c of m.containers) {
    if (t.container !== undefined && c.name !== t.container) continue;
    found = true;
    sum += t.resource === 'cpu' ? c.cpuMillis : c.memoryBytes * 1000;
  }
  return found ? sum : undefined;
}

function requestOf(pod: Pod, t: Target): number | undefined {
  let sum = 0;
  const sidecars = (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always');
  for (const c of [...(pod.spec?.containers ?? []), ...sidecars]) {
    if (t.container !== undefined && c.name !== t.container) continue;
    const text = (c.resources?.requests as Readonly<Record<string, string>> | undefined)?.[t.resource];
    if (text === undefined) return undefined;
    sum += amount(t.resource, text);
  }
  return sum;
}

/** The text of an error, or what the metric says. `now` in ms since 1970. */
export function calculate(source: MetricsSource, pods: readonly Pod[], current: number, t: Target, now: number): Calculation | string {
  const usage = new Map<Pod, number>();
  const missing: Pod[] = [];
  const unready: Pod[] = [];
  for (const pod of pods) {
    if (pod.metadata.deletionTimestamp !== undefined || pod.status?.phase === 'Failed') continue;
    if (pod.status?.phase === 'Pending') {
      unready.push(pod);
      continue;
    }
    const used = usageOf(source, pod, t);
    if (used === undefined) {
      missing.push(pod);
      continue;
    }
    const ready = podCondition(pod, 'Ready');
    const never =
      !isPodReady(pod) &&
      parseTime(ready?.lastTransitionTime) < parseTime(pod.status?.startTime) + READINESS_DELAY &&
      now < parseTime(pod.status?.startTime) + 300_000;
    if (t.resource === 'cpu' && (ready === undefined || never)) unready.push(pod);
    else usage.set(pod, used);
  }
  if (usage.size === 0 && missing.length === 0 && unready.length === 0)
    return 'no pods returned by selector while calculating replica count';
  if (usage.size === 0)
    return unready.length > 0 && missing.length === 0
      ? 'did not receive metrics for targeted pods (pods might be unready)'
      : `unable to get metrics for resource ${t.resource}: no metrics returned from resource metrics API`;
  const requests = new Map<Pod, number>();
  for (const pod of [...usage.keys(), ...missing, ...unready]) {
    if (t.utilization === undefined) break;
    const r = requestOf(pod, t);
    if (r === undefined)
      return `missing request for ${t.resource} in container ${t.container ?? pod.spec?.containers.find((c) => (c.resources?.requests as Readonly<Record<string, string>> | undefined)?.[t.resource] === undefined)?.name} of Pod ${pod.metadata.name}`;
    requests.set(pod, r);
  }
  const ratioOf = (): readonly [number, number, number] => {
    let used = 0;
    let asked = 0;
    for (const [pod, n] of usage) {
      used += n;
      asked += requests.get(pod) ?? 0;
    }
    if (t.utilization !== undefined) {
      const percent = asked === 0 ? 0 : Math.floor((used * 100) / asked);
      return [percent / t.utilization, percent, used / usage.size];
    }
    return [used / usage.size / (t.averageMillis ?? 1), 0, used / usage.size];
  };
  const [ratio, percent, average] = ratioOf();
  const utilization = t.utilization === undefined ? undefined : percent;
  const ready = usage.size;
  if (unready.length === 0 && missing.length === 0) {
    if (Math.abs(1 - ratio) <= TOLERANCE) return { replicas: current, utilization, averageMillis: average };
    return { replicas: Math.ceil(ratio * ready), utilization, averageMillis: average };
  }
  if (ratio < 1) for (const pod of missing) usage.set(pod, t.utilization !== undefined ? (requests.get(pod) ?? 0) : (t.averageMillis ?? 0));
  else for (const pod of missing) usage.set(pod, 0);
  if (ratio > 1) for (const pod of unready) usage.set(pod, 0);
  const [again] = ratioOf();
  if (Math.abs(1 - again) <= TOLERANCE || (ratio < 1 && again > 1) || (ratio > 1 && again < 1))
    return { replicas: current, utilization, averageMillis: average };
  const replicas = Math.ceil(again * usage.size);
  if ((again < 1 && replicas > current) || (again > 1 && replicas < current))
    return { replicas: current, utilization, averageMillis: average };
  return { replicas, utilization, averageMillis: average };
}

export interface Change {
  readonly at: number;
  readonly by: number;
}

export interface Rules {
  readonly stabilization: number;
  readonly select: string;
  readonly policies: readonly { readonly type: string; readonly value: number; readonly periodSeconds: number }[];
}

function rules(given: V2HPAScalingRules | undefined, usual: Rules): Rules {
  return {
    stabilization: given?.stabilizationWindowSeconds ?? usual.stabilization,
    select: given?.selectPolicy ?? usual.select,
    policies: given?.policies && given.policies.length > 0 ? given.policies : usual.policies,
  };
}

export function upRules(b: V2HorizontalPodAutoscalerBehavior | undefined): Rules {
  return rules(b?.scaleUp, {
    stabilization: 0,
    select: 'Max',
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
  });
}

export function downRules(b: V2HorizontalPodAutoscalerBehavior | undefined): Rules {
  return rules(b?.scaleDown, { stabilization: 300, select: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] });
}

function changed(changes: readonly Change[], period: number, now: number): number {
  return changes.reduce((n, c) => (c.at > now - period * 1000 ? n + c.by : n), 0);
}

/** The highest number that growth allows now. */
export function upLimit(current: number, ups: readonly Change[], downs: readonly Change[], r: Rules, now: number): number {
  if (r.select === 'Disabled') return current;
  const all = r.policies.map((p) => {
    const start = current - changed(ups, p.periodSeconds, now) + changed(downs, p.periodSeconds, now);
    return p.type === 'Pods' ? start + p.value : Math.ceil(start * (1 + p.value / 100));
  });
  return r.select === 'Min' ? Math.min(...all) : Math.max(...all);
}

/** The lowest number that shrinking allows now. */
export function downLimit(current: number, ups: readonly Change[], downs: readonly Change[], r: Rules, now: number): number {
  if (r.select === 'Disabled') return current;
  const all = r.policies.map((p) => {
    const start = current - changed(ups, p.periodSeconds, now) + changed(downs, p.periodSeconds, now);
    return p.type === 'Pods' ? start - p.value : Math.floor(start * (1 - p.value / 100));
  });
  return r.select === 'Min' ? Math.max(...all) : Math.min(...all);
}
