/** Nodes that stopped reporting: conditions, taints, their pods not ready. Models pkg/controller/nodelifecycle. */

import { SEC } from '../../sim/sim.ts';
import { equal } from '../api/equal.ts';
import { WorkQueue } from '../api/informer.ts';
import { keyOf, type Lease, type Node, type Pod } from '../api/object.ts';
import type { V1NodeCondition, V1Taint } from '../api/types.ts';
import { nowText } from './clock.ts';
import type { Controller, ControllerContext, Running } from './context.ts';
import { Recorder } from './events.ts';
import { podCondition } from './pods.ts';
import { setPodCondition } from './podstatus.ts';

const NOT_READY = 'node.kubernetes.io/not-ready';
const UNREACHABLE = 'node.kubernetes.io/unreachable';
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';
const GRACE = 50;
const STARTUP_GRACE = 60;
const PERIOD = 5;

/** Taints of conditions, and of which status. */
const CONDITION_TAINTS: readonly (readonly [type: string, status: string, key: string])[] = [
  ['Ready', 'False', NOT_READY],
  ['Ready', 'Unknown', UNREACHABLE],
  ['MemoryPressure', 'True', 'node.kubernetes.io/memory-pressure'],
  ['DiskPressure', 'True', 'node.kubernetes.io/disk-pressure'],
  ['NetworkUnavailable', 'True', 'node.kubernetes.io/network-unavailable'],
  ['PIDPressure', 'True', 'node.kubernetes.io/pid-pressure'],
];
const BY_CONDITION: ReadonlySet<string> = new Set([...CONDITION_TAINTS.map((t) => t[2]), UNSCHEDULABLE]);
const WATCHED = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'] as const;

interface Health {
  heard: number;
  lease: string | undefined;
  heartbeat: string | undefined;
}

export function nodeCondition(node: Node, type: string): V1NodeCondition | undefined {
  return node.status?.conditions?.find((c) => c.type === type);
}

class NodeLifecycle implements Running {
  private readonly ctx: ControllerContext;
  private readonly events: Recorder;
  private readonly health = new Map<string, Health>();
  private readonly queue: WorkQueue;
  private readonly podQueue: WorkQueue;
  private stopped = false;
  /** No node is ready: then the fault is thought to be here, and no pod has to leave. */
  private disrupted = false;

  constructor(ctx: ControllerContext) {
    this.ctx = ctx;
    this.events = new Recorder(ctx.sim, ctx.client, 'node-controller');
    this.queue = new WorkQueue(ctx.sim, (key) => this.taints(key));
    this.podQueue = new WorkQueue(ctx.sim, (key) => this.podsNotReady(key));
    ctx.informers.podsByNode();
    ctx.informers.of<Node>('nodes').on({
      add: (node) => {
        this.events.event(
          node,
          'Normal',
          'RegisteredNode',
          `Node ${node.metadata.name} event: Registered Node ${node.metadata.name} in Controller`,
        );
        this.nodeSeen(undefined, node);
      },
      update: (old, node) => this.nodeSeen(old, node),
      delete: (node) => {
        this.health.delete(node.metadata.name);
        this.weigh();
        this.events.event(
          node,
          'Normal',
          'RemovingNode',
          `Node ${node.metadata.name} event: Removing Node ${node.metadata.name} from Controller`,
        );
      },
    });
    ctx.informers.of<Lease>('leases.coordination.k8s.io').on({ add: (l) => this.leaseSeen(l), update: (_, l) => this.leaseSeen(l) });
    this.monitor();
  }

  private entry(name: string): Health {
    let h = this.health.get(name);
    if (!h) {
      h = { heard: this.ctx.sim.now, lease: undefined, heartbeat: undefined };
      this.health.set(name, h);
    }
    return h;
  }

  private leaseSeen(lease: Lease): void {
    if (lease.metadata.namespace !== 'kube-node-lease') return;
    const h = this.entry(lease.metadata.name);
    if (h.lease === lease.spec?.renewTime) return;
    h.lease = lease.spec?.renewTime;
    h.heard = this.ctx.sim.now;
  }

  private nodeSeen(old: Node | undefined, node: Node): void {
    const h = this.entry(node.metadata.name);
    const ready = nodeCondition(node, 'Ready');
    if (ready?.lastHeartbeatTime !== undefined && ready.lastHeartbeatTime !== h.heartbeat) {
      h.heartbeat = ready.lastHeartbeatTime;
      h.heard = this.ctx.sim.now;
    }
    if (!old || old.spec !== node.spec || old.status?.conditions !== node.status?.conditions) this.queue.add(node.metadata.name);
    const before = old && nodeCondition(old, 'Ready');
    if (before?.status !== ready?.status) this.weigh();
    if (before?.status === 'True' && ready?.status !== 'True') this.fell(node);
  }

  private weigh(): void {
    const nodes = this.ctx.informers.of<Node>('nodes');
    const disrupted = ![...nodes.values()].some((n) => nodeCondition(n, 'Ready')?.status === 'True');
    if (disrupted === this.disrupted) return;
    this.disrupted = disrupted;
    for (const name of nodes.store.keys()) this.queue.add(name);
  }

  private fell(node: Node): void {
    const { name } = node.metadata;
    this.events.event(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
    for (const pod of this.ctx.informers.podsByNode().get(name)) this.podQueue.add(keyOf(pod));
  }

  private podsNotReady(key: string): 'done' | 'again' {
    const pod = this.ctx.informers.of<Pod>('pods').get(key);
    const node = pod && this.ctx.informers.of<Node>('nodes').get(pod.spec?.nodeName ?? '');
    const ready = pod && podCondition(pod, 'Ready');
    if (!pod || !node || ready?.status !== 'True' || nodeCondition(node, 'Ready')?.status === 'True') return 'done';
    const condition = { ...ready, status: 'False', lastTransitionTime: nowText(this.ctx.sim) };
    const written = setPodCondition(this.ctx.client, pod, condition);
    this.events.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
    return written ? 'done' : 'again';
  }

  /** Once in a while: who has not been heard of for too long. */
  private monitor(): void {
    if (this.stopped) return;
    const { nodeMonitorGraceSeconds = GRACE, nodeMonitorSeconds = PERIOD } = this.ctx.options;
    for (const node of this.ctx.informers.of<Node>('nodes').values()) {
      const h = this.entry(node.metadata.name);
      const grace = nodeCondition(node, 'Ready') ? nodeMonitorGraceSeconds : STARTUP_GRACE;
      if (this.ctx.sim.now - h.heard > grace * SEC) this.lost(node);
    }
    this.ctx.sim.schedule(nodeMonitorSeconds * SEC, () => this.monitor());
  }

  private lost(node: Node): void {
    const now = nowText(this.ctx.sim);
    let changed = false;
    const conditions = [...(node.status?.conditions ?? [])];
    for (const type of WATCHED) {
      const i = conditions.findIndex((c) => c.type === type);
      const c = conditions[i];
      if (c?.status === 'Unknown') continue;
      changed = true;
      if (!c)
        conditions.push({
          type,
          status: 'Unknown',
          reason: 'NodeStatusNeverUpdated',
          message: 'Kubelet never posted node status.',
          lastHeartbeatTime: node.metadata.creationTimestamp,
          lastTransitionTime: now,
        });
      else
        conditions[i] = {
          ...c,
          status: 'Unknown',
          reason: 'NodeStatusUnknown',
          message: 'Kubelet stopped posting node status.',
          lastTransitionTime: now,
        };
    }
    if (!changed) return;
    const h = this.entry(node.metadata.name);
    const written = this.ctx.client.update({ ...node, status: { ...node.status, conditions } }, { subresource: 'status' });
    if (written.ok) h.heartbeat = nodeCondition(written.value as Node, 'Ready')?.lastHeartbeatTime;
  }

  private taints(name: string): 'done' | 'again' {
    const node = this.ctx.informers.of<Node>('nodes').get(name);
    if (!node) return 'done';
    const now = nowText(this.ctx.sim);
    const have = node.spec?.taints ?? [];
    const ready = nodeCondition(node, 'Ready')?.status;
    const want: V1Taint[] = [];
    const keep = (key: string, effect: string): V1Taint =>
      have.find((t) => t.key === key && t.effect === effect) ?? { key, effect, timeAdded: now };
    for (const [type, status, key] of CONDITION_TAINTS)
      if (nodeCondition(node, type)?.status === status) want.push(keep(key, 'NoSchedule'));
    if (node.spec?.unschedulable) want.push(keep(UNSCHEDULABLE, 'NoSchedule'));
    if (ready === 'False' && !this.disrupted) want.push(keep(NOT_READY, 'NoExecute'));
    if (ready === 'Unknown' && !this.disrupted) want.push(keep(UNREACHABLE, 'NoExecute'));
    const managed = (t: V1Taint): boolean =>
      (t.effect === 'NoSchedule' && BY_CONDITION.has(t.key)) ||
      (t.effect === 'NoExecute' && (t.key === NOT_READY || t.key === UNREACHABLE));
    const stay = have.filter(
      (t) => !managed(t) || (ready === undefined && t.key === NOT_READY) || want.some((w) => w.key === t.key && w.effect === t.effect),
    );
    const next = [...stay, ...want.filter((w) => !stay.some((t) => t.key === w.key && t.effect === w.effect))];
    if (equal(have, next)) return 'done';
    const { taints: _old, ...spec } = node.spec ?? {};
    const written = this.ctx.client.update({ ...node, spec: next.length > 0 ? { ...spec, taints: next } : spec });
    return written.ok || written.status.code === 404 ? 'done' : 'again';
  }

  stop(): void {
    this.stopped = true;
    this.queue.stop();
    this.podQueue.stop();
  }
}

export const nodeLifecycle: Controller = { name: 'node-lifecycle-controller', start: (ctx) => new NodeLifecycle(ctx) };
