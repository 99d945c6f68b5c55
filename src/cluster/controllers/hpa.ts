/** HorizontalPodAutoscalers. Models pkg/controller/podautoscaler. */

import { SEC } from '../../sim/sim.ts';
import { equal } from '../api/equal.ts';
import { WorkQueue } from '../api/informer.ts';
import { type KubeObject, keyOf, type Pod, type Stored } from '../api/object.ts';
import { milliValue, quantityText } from '../api/quantity.ts';
import type {
  V1LabelSelector,
  V2HorizontalPodAutoscaler,
  V2HorizontalPodAutoscalerCondition,
  V2HorizontalPodAutoscalerStatus,
  V2MetricSpec,
  V2MetricStatus,
} from '../api/types.ts';
import { nowMs, nowText } from './clock.ts';
import type { Controller, ControllerContext, Running } from './context.ts';
import { Recorder } from './events.ts';
import { type Calculation, type Change, calculate, downLimit, downRules, type Target, upLimit, upRules } from './hpamath.ts';

const AUTOSCALERS = 'horizontalpodautoscalers.autoscaling';
const PERIOD = 15 * SEC;

type Autoscaler = Stored<V2HorizontalPodAutoscaler>;
type Scalable = Stored<KubeObject> & {
  readonly spec?: { readonly replicas?: number; readonly selector?: V1LabelSelector };
  readonly status?: { readonly replicas?: number };
};

interface Memory {
  readonly recommendations: Change[];
  readonly ups: Change[];
  readonly downs: Change[];
}

interface Proposal {
  readonly replicas: number;
  readonly name: string;
  readonly status: V2MetricStatus;
}

class Autoscalers implements Running {
  private readonly ctx: ControllerContext;
  private readonly queue: WorkQueue;
  private readonly events: Recorder;
  private readonly memory = new Map<string, Memory>();

  constructor(ctx: ControllerContext) {
    this.ctx = ctx;
    this.events = new Recorder(ctx.sim, ctx.client, 'horizontal-pod-autoscaler');
    this.queue = new WorkQueue(ctx.sim, (key) => this.sync(key));
    ctx.informers.of<Autoscaler>(AUTOSCALERS).on({
      add: (h) => this.queue.add(keyOf(h)),
      update: (old, h) => {
        if (old.spec !== h.spec) this.queue.add(keyOf(h));
      },
      delete: (h) => {
        this.memory.delete(keyOf(h));
      },
    });
  }

  private target(h: Autoscaler): { readonly object: Scalable } | string {
    const ref = h.spec?.scaleTargetRef;
    const [group = '', version] = ref?.apiVersion?.includes('/') ? (ref.apiVersion.split('/') as [string, string]) : ['', ref?.apiVersion];
    const def = this.ctx
      .resources()
      .find((d) => d.kind === ref?.kind && d.group === group && (version === undefined || d.version === version));
    if (!def) return `no matches for kind "${ref?.kind}" in group "${group}"`;
    const got = this.ctx.client.get<Scalable>(
      def.group === '' ? def.plural : `${def.plural}.${def.group}`,
      h.metadata.namespace ?? '',
      ref?.name ?? '',
    );
    return got.ok ? { object: got.value } : (got.status.message ?? '');
  }

  private sync(key: string): 'done' | number {
    const h = this.ctx.informers.of<Autoscaler>(AUTOSCALERS).get(key);
    if (!h) return 'done';
    const conditions = [...(h.status?.conditions ?? [])];
    const now = nowText(this.ctx.sim);
    const set = (type: string, status: string, reason: string, message: string): void => {
      const i = conditions.findIndex((c) => c.type === type);
      const had = conditions[i];
      const next: V2HorizontalPodAutoscalerCondition = {
        type,
        status,
        reason,
        message,
        lastTransitionTime: had?.status === status ? had.lastTransitionTime : now,
      };
      if (i < 0) conditions.push(next);
      else conditions[i] = next;
    };
    const target = this.target(h);
    if (typeof target === 'string') {
      this.events.event(h, 'Warning', 'FailedGetScale', target);
      set('AbleToScale', 'False', 'FailedGetScale', `the HPA controller was unable to get the target's current scale: ${target}`);
      this.write(h, { ...h.status, desiredReplicas: h.status?.desiredReplicas ?? 0, conditions });
      return PERIOD;
    }
    set('AbleToScale', 'True', 'SucceededGetScale', "the HPA controller was able to get the target's current scale");
    const { object } = target;
    const current = object.spec?.replicas ?? 1;
    const observed = object.status?.replicas ?? 0;
    const least = h.spec?.minReplicas ?? 1;
    const most = h.spec?.maxReplicas ?? 1;
    let desired = current;
    let metrics: readonly V2MetricStatus[] = h.status?.currentMetrics ?? [];
    let reason = '';
    if (current === 0 && least !== 0)
      set('ScalingActive', 'False', 'ScalingDisabled', 'scaling is disabled since the replica count of the target is zero');
    else if (current > most) {
      reason = 'Current number of replicas above Spec.MaxReplicas';
      desired = most;
    } else if (current < least) {
      reason = 'Current number of replicas below Spec.MinReplicas';
      desired = least;
    } else {
      const proposals = this.propose(h, object, current, set);
      if (!proposals) {
        this.write(h, { ...h.status, currentReplicas: observed, desiredReplicas: h.status?.desiredReplicas ?? 0, conditions });
        return PERIOD;
      }
      metrics = proposals.map((p) => p.status);
      const best = proposals.reduce((a, b) => (b.replicas > a.replicas ? b : a));
      set('ScalingActive', 'True', 'ValidMetricFound', `the HPA was able to successfully calculate a replica count from ${best.name}`);
      if (best.replicas > current) reason = `${best.name} above target`;
      if (best.replicas < current) reason = 'All metrics below target';
      desired = this.normalize(h, key, current, best.replicas, least, most, set);
    }
    let lastScaleTime = h.status?.lastScaleTime;
    if (desired !== current) {
      const written = this.ctx.client.update({ ...object, spec: { ...object.spec, replicas: desired } });
      if (!written.ok) {
        this.events.event(h, 'Warning', 'FailedRescale', `New size: ${desired}; reason: ${reason}; error: ${written.status.message}`);
        set(
          'AbleToScale',
          'False',
          'FailedUpdateScale',
          `the HPA controller was unable to update the target scale: ${written.status.message}`,
        );
        desired = current;
      } else {
        set('AbleToScale', 'True', 'SucceededRescale', `the HPA controller was able to update the target scale to ${desired}`);
        this.events.event(h, 'Normal', 'SuccessfulRescale', `New size: ${desired}; reason: ${reason}`);
        const change: Change = { at: nowMs(this.ctx.sim), by: Math.abs(desired - current) };
        (desired > current ? this.of(key).ups : this.of(key).downs).push(change);
        lastScaleTime = now;
      }
    }
    this.write(h, {
      ...(h.metadata.generation !== undefined && { observedGeneration: h.metadata.generation }),
      ...(lastScaleTime !== undefined && { lastScaleTime }),
      currentReplicas: observed,
      desiredReplicas: desired,
      ...(metrics.length > 0 && { currentMetrics: metrics }),
      conditions,
    });
    return PERIOD;
  }

  private of(key: string): Memory {
    let m = this.memory.get(key);
    if (!m) {
      m = { recommendations: [], ups: [], downs: [] };
      this.memory.set(key, m);
    }
    return m;
  }

  private write(h: Autoscaler, status: V2HorizontalPodAutoscalerStatus): void {
    if (!equal(h.status, status)) this.ctx.client.update({ ...h, status }, { subresource: 'status' });
  }

  private propose(
    h: Autoscaler,
    object: Scalable,
    current: number,
    set: (type: string, status: string, reason: string, message: string) => void,
  ): readonly Proposal[] | undefined {
    const specs = h.spec?.metrics ?? [];
    const pods = this.ctx.informers.selected<Pod>('pods', h.metadata.namespace ?? '', object.spec?.selector);
    const out: Proposal[] = [];
    let invalid = 0;
    let first: readonly [string, string] | undefined;
    for (const spec of specs) {
      const p = this.metric(spec, pods, current);
      if (!Array.isArray(p)) {
        out.push(p as Proposal);
        continue;
      }
      invalid++;
      first ??= p as readonly [string, string];
      this.events.event(h, 'Warning', p[0] as string, p[1] as string);
    }
    const highest = out.reduce((n, p) => Math.max(n, p.replicas), 0);
    if (first && (out.length === 0 || (invalid > 0 && highest < current))) {
      set('ScalingActive', 'False', first[0], `the HPA was unable to compute the replica count: ${first[1]}`);
      this.events.event(
        h,
        'Warning',
        'FailedComputeMetricsReplicas',
        `invalid metrics (${invalid} invalid out of ${specs.length}), first error is: ${first[1]}`,
      );
      return undefined;
    }
    return out;
  }

  private metric(spec: V2MetricSpec, pods: readonly Pod[], current: number): Proposal | readonly [reason: string, message: string] {
    const container = spec.type === 'ContainerResource' ? spec.containerResource : undefined;
    const source = container ?? spec.resource;
    if ((spec.type !== 'Resource' && spec.type !== 'ContainerResource') || !source) {
      const kind = spec.type === 'Object' ? 'Object' : spec.type === 'External' ? 'External' : 'Pods';
      const name = spec.pods?.metric.name ?? spec.object?.metric.name ?? spec.external?.metric.name ?? '';
      const api = spec.type === 'External' ? 'external' : 'custom';
      return [
        `FailedGet${kind}Metric`,
        `failed to get ${kind === 'Pods' ? 'pods' : kind.toLowerCase()} metric value: unable to get metric ${name}: unable to fetch metrics from ${api} metrics API: the server could not find the metric ${name} for pods`,
      ];
    }
    const what = source.target.averageUtilization !== undefined ? `failed to get ${source.name} utilization: ` : '';
    const fail = (text: string): readonly [string, string] => [
      container ? 'FailedGetContainerResourceMetric' : 'FailedGetResourceMetric',
      `failed to get ${source.name} ${container ? 'container ' : ''}${container ? 'resource ' : 'resource '}metric value: ${what}${text}`,
    ];
    const metrics = this.ctx.options.metrics;
    if (!metrics || metrics.available?.() === false)
      return fail(
        `unable to get metrics for resource ${source.name}: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)`,
      );
    const isCpu = source.name === 'cpu';
    const average = source.target.averageValue;
    const target: Target = {
      resource: source.name,
      container: container?.container,
      utilization: source.target.averageUtilization,
      averageMillis: average === undefined ? undefined : milliValue(average),
    };
    const c: Calculation | string = calculate(metrics, pods, current, target, nowMs(this.ctx.sim));
    if (typeof c === 'string') return fail(c);
    const value = quantityText({ nanos: BigInt(Math.round(c.averageMillis)) * 1_000_000n, format: isCpu ? 'DecimalSI' : 'BinarySI' });
    const state = { ...(c.utilization !== undefined && { averageUtilization: c.utilization }), averageValue: value };
    const status: V2MetricStatus = container
      ? { type: 'ContainerResource', containerResource: { name: source.name, container: container.container, current: state } }
      : { type: 'Resource', resource: { name: source.name, current: state } };
    const kind = container ? 'container resource' : 'resource';
    return {
      replicas: c.replicas,
      name: target.utilization !== undefined ? `${source.name} ${kind} utilization (percentage of request)` : `${source.name} ${kind}`,
      status,
    };
  }

  private normalize(
    h: Autoscaler,
    key: string,
    current: number,
    proposed: number,
    least: number,
    most: number,
    set: (type: string, status: string, reason: string, message: string) => void,
  ): number {
    const now = nowMs(this.ctx.sim);
    const m = this.of(key);
    const up = upRules(h.spec?.behavior);
    const down = downRules(h.spec?.behavior);
    const keep = Math.max(up.stabilization, down.stabilization, 1800) * 1000;
    for (const list of [m.recommendations, m.ups, m.downs]) while (list[0] && list[0].at < now - keep) list.shift();
    const within = (seconds: number): number[] => m.recommendations.filter((r) => r.at > now - seconds * 1000).map((r) => r.by);
    const low = Math.min(proposed, ...within(up.stabilization));
    const high = Math.max(proposed, ...within(down.stabilization));
    m.recommendations.push({ at: now, by: proposed });
    let stable = current;
    if (stable < low) stable = low;
    if (stable > high) stable = high;
    if (stable !== proposed) {
      if (proposed < stable)
        set(
          'AbleToScale',
          'True',
          'ScaleDownStabilized',
          'recent recommendations were higher than current one, applying the highest recent recommendation',
        );
      else
        set(
          'AbleToScale',
          'True',
          'ScaleUpStabilized',
          'recent recommendations were lower than current one, applying the lowest recent recommendation',
        );
    } else set('AbleToScale', 'True', 'ReadyForNewScale', 'recommended size matches current size');
    const limit = (to: number, reason: string, message: string): number => {
      set('ScalingLimited', 'True', reason, message);
      return to;
    };
    if (stable > current) {
      const rate = Math.max(current, upLimit(current, m.ups, m.downs, up, now));
      const top = Math.min(most, rate);
      if (stable > top)
        return rate < most
          ? limit(top, 'ScaleUpLimit', 'the desired replica count is increasing faster than the maximum scale rate')
          : limit(top, 'TooManyReplicas', 'the desired replica count is more than the maximum replica count');
    } else if (stable < current) {
      const rate = Math.min(current, downLimit(current, m.ups, m.downs, down, now));
      const bottom = Math.max(least, rate);
      if (stable < bottom)
        return rate > least
          ? limit(bottom, 'ScaleDownLimit', 'the desired replica count is decreasing faster than the maximum scale rate')
          : limit(bottom, 'TooFewReplicas', 'the desired replica count is less than the minimum replica count');
    } else {
      if (proposed < least)
        return limit(Math.max(least, stable), 'TooFewReplicas', 'the desired replica count is less than the minimum replica count');
      if (proposed > most)
        return limit(Math.min(most, stable), 'TooManyReplicas', 'the desired replica count is more than the maximum replica count');
    }
    set('ScalingLimited', 'False', 'DesiredWithinRange', 'the desired count is within the acceptable range');
    return stable;
  }

  stop(): void {
    this.queue.stop();
  }
}

export const horizontalPodAutoscaler: Controller = { name: 'horizontal-pod-autoscaler-controller', start: (ctx) => new Autoscalers(ctx) };
