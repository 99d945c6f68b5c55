/** Status of PodDisruptionBudgets: how many pods may go now. Models pkg/controller/disruption. */

import { SEC } from '../../sim/sim.ts';
import { equal } from '../api/equal.ts';
import { WorkQueue } from '../api/informer.ts';
import { controllerOf, type KubeObject, keyOf, type Pod, type ReplicaSet, type Stored } from '../api/object.ts';
import { matchesSelector } from '../api/selectors.ts';
import type { V1Condition, V1PodDisruptionBudget } from '../api/types.ts';
import { nowMs, nowText, parseTime } from './clock.ts';
import type { Controller, ControllerContext, Running } from './context.ts';
import { scaledValue } from './deploymentutil.ts';
import { Recorder } from './events.ts';
import { isPodReady, isPodTerminal } from './pods.ts';

const BUDGETS = 'poddisruptionbudgets.policy';
const DELETION_TIMEOUT = 120;

type Budget = Stored<V1PodDisruptionBudget>;
interface Scaled {
  readonly spec?: { readonly replicas?: number };
}

class Disruption implements Running {
  private readonly ctx: ControllerContext;
  private readonly queue: WorkQueue;
  private readonly events: Recorder;

  constructor(ctx: ControllerContext) {
    this.ctx = ctx;
    this.events = new Recorder(ctx.sim, ctx.client, 'controllermanager');
    this.queue = new WorkQueue(ctx.sim, (key) => this.sync(key));
    const budgets = ctx.informers.of<Budget>(BUDGETS);
    const byNamespace = ctx.informers.byNamespace<Budget>(BUDGETS);
    budgets.on({ add: (b) => this.queue.add(keyOf(b)), update: (_, b) => this.queue.add(keyOf(b)) });
    const touch = (pod: Pod): void => {
      if (!byNamespace.has(pod.metadata.namespace ?? '')) return;
      for (const b of byNamespace.get(pod.metadata.namespace ?? ''))
        if (matchesSelector(b.spec?.selector, pod.metadata.labels)) this.queue.add(keyOf(b));
    };
    ctx.informers.of<Pod>('pods').on({
      add: touch,
      update: (old, pod) => {
        touch(pod);
        if (old.metadata.labels !== pod.metadata.labels) touch(old);
      },
      delete: touch,
    });
  }

  /** Sum of what the pods' workloads want to have. */
  private scale(pods: readonly Pod[]): number | string {
    const wanted = new Map<string, number>();
    for (const pod of pods) {
      let ref = controllerOf(pod);
      const ns = pod.metadata.namespace ?? '';
      if (!ref) return `found no controller ref for pod "${pod.metadata.name}"`;
      if (ref.kind === 'ReplicaSet') {
        const rs = this.ctx.client.get<ReplicaSet>('replicasets.apps', ns, ref.name);
        const up = rs.ok ? controllerOf(rs.value) : undefined;
        if (up?.kind === 'Deployment') ref = up;
      }
      if (wanted.has(ref.uid)) continue;
      const found = ref;
      const def = this.ctx
        .resources()
        .find((d) => d.kind === found.kind && (d.group === '' ? d.version : `${d.group}/${d.version}`) === found.apiVersion);
      const owner =
        def && this.ctx.client.get<KubeObject & Scaled>(def.group === '' ? def.plural : `${def.plural}.${def.group}`, ns, ref.name);
      const replicas = owner?.ok ? owner.value.spec?.replicas : undefined;
      if (replicas === undefined)
        return `${ref.kind.toLowerCase()}s.${ref.apiVersion.split('/')[0]} does not implement the scale subresource`;
      wanted.set(ref.uid, replicas);
    }
    let sum = 0;
    for (const n of wanted.values()) sum += n;
    return sum;
  }

  private sync(key: string): 'done' | 'again' | number {
    const b = this.ctx.informers.of<Budget>(BUDGETS).get(key);
    if (!b) return 'done';
    const pods = this.ctx.informers.selected<Pod>('pods', b.metadata.namespace ?? '', b.spec?.selector).filter((p) => !isPodTerminal(p));
    if (pods.length === 0) this.events.event(b, 'Normal', 'NoPods', 'No matching pods found');
    const { maxUnavailable, minAvailable } = b.spec ?? {};
    const byScale = maxUnavailable !== undefined || typeof (minAvailable as unknown) === 'string';
    const expected = byScale ? this.scale(pods) : pods.length;
    if (typeof expected === 'string') {
      this.events.event(b, 'Warning', 'CalculateExpectedPodCountFailed', `Failed to calculate the number of expected pods: ${expected}`);
      const failed = this.condition(b, 'False', 'SyncFailed', expected);
      const status = {
        ...b.status,
        currentHealthy: b.status?.currentHealthy ?? 0,
        desiredHealthy: b.status?.desiredHealthy ?? 0,
        expectedPods: b.status?.expectedPods ?? 0,
        disruptionsAllowed: 0,
        conditions: failed,
      };
      if (!equal(b.status, status)) this.ctx.client.update({ ...b, status }, { subresource: 'status' });
      return 'done';
    }
    const desired =
      maxUnavailable !== undefined
        ? Math.max(0, expected - scaledValue(maxUnavailable as number | string, expected, true))
        : scaledValue(minAvailable as number | string | undefined, expected, true);
    const now = nowMs(this.ctx.sim);
    const disrupted: Record<string, string> = {};
    let again = Number.POSITIVE_INFINITY;
    for (const pod of pods) {
      const since = b.status?.disruptedPods?.[pod.metadata.name];
      if (since === undefined || pod.metadata.deletionTimestamp !== undefined) continue;
      const left = parseTime(since) + DELETION_TIMEOUT * 1000 - now;
      if (left <= 0) continue;
      disrupted[pod.metadata.name] = since;
      again = Math.min(again, left);
    }
    const healthy = pods.filter(
      (p) => p.metadata.deletionTimestamp === undefined && disrupted[p.metadata.name] === undefined && isPodReady(p),
    ).length;
    const allowed = expected <= 0 ? 0 : Math.max(0, healthy - desired);
    const status = {
      ...(b.metadata.generation !== undefined && { observedGeneration: b.metadata.generation }),
      ...(Object.keys(disrupted).length > 0 && { disruptedPods: disrupted }),
      disruptionsAllowed: allowed,
      currentHealthy: healthy,
      desiredHealthy: desired,
      expectedPods: expected,
      conditions: allowed > 0 ? this.condition(b, 'True', 'SufficientPods', '') : this.condition(b, 'False', 'InsufficientPods', ''),
    };
    if (!equal(b.status, status)) {
      const written = this.ctx.client.update({ ...b, status }, { subresource: 'status' });
      if (!written.ok && written.status.code !== 404) return 'again';
    }
    return Number.isFinite(again) ? Math.ceil(again / 1000) * SEC : 'done';
  }

  private condition(b: Budget, status: string, reason: string, message: string): readonly V1Condition[] {
    const had = b.status?.conditions?.find((c) => c.type === 'DisruptionAllowed');
    const next: V1Condition = {
      type: 'DisruptionAllowed',
      status,
      ...(b.metadata.generation !== undefined && { observedGeneration: b.metadata.generation }),
      lastTransitionTime: had?.status === status ? had.lastTransitionTime : nowText(this.ctx.sim),
      reason,
      message,
    };
    return [...(b.status?.conditions ?? []).filter((c) => c.type !== 'DisruptionAllowed'), next];
  }

  stop(): void {
    this.queue.stop();
  }
}

export const disruption: Controller = { name: 'disruption-controller', start: (ctx) => new Disruption(ctx) };
