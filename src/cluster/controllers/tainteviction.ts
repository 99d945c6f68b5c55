/** Pods leave nodes with NoExecute taints once their toleration ends. Models pkg/controller/tainteviction. */

import { SEC, type Timer } from '../../sim/sim.ts';
import { keyOf, type Node, type Pod } from '../api/object.ts';
import type { V1PodCondition, V1Taint } from '../api/types.ts';
import { tolerates } from '../scheduler/nodematch.ts';
import { nowText, untilAfter } from './clock.ts';
import type { Controller, ControllerContext, Running } from './context.ts';
import { Recorder } from './events.ts';
import { setPodCondition } from './podstatus.ts';

class TaintEviction implements Running {
  private readonly ctx: ControllerContext;
  private readonly events: Recorder;
  private readonly timers = new Map<string, { readonly at: number; readonly timer: Timer }>();

  constructor(ctx: ControllerContext) {
    this.ctx = ctx;
    this.events = new Recorder(ctx.sim, ctx.client, 'taint-eviction-controller');
    ctx.informers.podsByNode();
    ctx.informers.of<Node>('nodes').on({
      add: (node) => this.node(node),
      update: (old, node) => {
        if (old.spec?.taints !== node.spec?.taints) this.node(node);
      },
    });
    ctx.informers.of<Pod>('pods').on({
      add: (pod) => this.pod(pod),
      update: (old, pod) => {
        if (old.spec?.nodeName !== pod.spec?.nodeName || old.spec?.tolerations !== pod.spec?.tolerations) this.pod(pod);
      },
      delete: (pod) => this.drop(keyOf(pod)),
    });
  }

  private drop(key: string): boolean {
    const entry = this.timers.get(key);
    if (!entry) return false;
    this.ctx.sim.cancel(entry.timer);
    this.timers.delete(key);
    return true;
  }

  private taintsOf(node: Node | undefined): readonly V1Taint[] {
    return (node?.spec?.taints ?? []).filter((t) => t.effect === 'NoExecute');
  }

  private node(node: Node): void {
    const taints = this.taintsOf(node);
    if (taints.length === 0 && this.timers.size === 0) return;
    for (const pod of this.ctx.informers.podsByNode().get(node.metadata.name)) this.process(pod, taints);
  }

  private pod(pod: Pod): void {
    if (!pod.spec?.nodeName) return;
    const taints = this.taintsOf(this.ctx.informers.of<Node>('nodes').get(pod.spec.nodeName));
    if (taints.length > 0) this.process(pod, taints);
  }

  private process(pod: Pod, taints: readonly V1Taint[]): void {
    const key = keyOf(pod);
    if (pod.metadata.deletionTimestamp !== undefined) return;
    let least = Number.POSITIVE_INFINITY;
    for (const taint of taints) {
      const mine = (pod.spec?.tolerations ?? []).filter((t) => tolerates(t, taint));
      if (mine.length === 0) {
        least = 0;
        break;
      }
      for (const t of mine)
        if (t.tolerationSeconds !== undefined)
          least = Math.min(
            least,
            t.tolerationSeconds <= 0
              ? 0
              : Math.max(0, untilAfter(this.ctx.sim, taint.timeAdded ?? nowText(this.ctx.sim), t.tolerationSeconds)),
          );
    }
    if (!Number.isFinite(least)) {
      if (this.drop(key)) this.events.event(pod, 'Normal', 'TaintManagerEviction', `Cancelling deletion of Pod ${key}`);
      return;
    }
    const at = this.ctx.sim.now + least;
    const before = this.timers.get(key);
    if (before && Math.abs(before.at - at) < SEC) return;
    this.drop(key);
    const timer = this.ctx.sim.schedule(least, () => {
      this.timers.delete(key);
      this.evict(key, pod.metadata.uid);
    });
    this.timers.set(key, { at, timer });
  }

  private evict(key: string, uid: string): void {
    const pod = this.ctx.informers.of<Pod>('pods').get(key);
    if (!pod || pod.metadata.uid !== uid) return;
    const { namespace = '', name } = pod.metadata;
    this.events.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key}`);
    const condition: V1PodCondition = {
      type: 'DisruptionTarget',
      status: 'True',
      lastTransitionTime: nowText(this.ctx.sim),
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
    };
    setPodCondition(this.ctx.client, pod, condition);
    this.ctx.client.delete('pods', namespace, name);
  }

  stop(): void {
    for (const e of this.timers.values()) this.ctx.sim.cancel(e.timer);
    this.timers.clear();
  }
}

export const taintEviction: Controller = { name: 'taint-eviction-controller', start: (ctx) => new TaintEviction(ctx) };
