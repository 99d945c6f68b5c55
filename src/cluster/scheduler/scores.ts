/** Which of the nodes that fit is best. Models the score plugins of the default profile with their weights. */

import type { Pod } from '../api/object.ts';
import type { V1LabelSelector, V1TopologySpreadConstraint } from '../api/types.ts';
import { matchesTerm, tolerates } from './nodematch.ts';
import { type NodeInfo, needsOf } from './resources.ts';
import { type Namespaces, spreadSelector, termMatches } from './terms.ts';

const MAX = 100;
const MIB = 1024 * 1024;
const HOSTNAME = 'kubernetes.io/hostname';
const ZONE = 'topology.kubernetes.io/zone';

export interface ScoreContext {
  readonly pod: Pod;
  readonly nodes: readonly NodeInfo[];
  readonly all: readonly NodeInfo[];
  readonly namespaces: Namespaces;
  /** Selector of the pod's Services and workload, for the spreading that is on by default. */
  readonly ownSelector: V1LabelSelector | undefined;
  readonly podsMatching: (selector: V1LabelSelector) => readonly Pod[];
  readonly anyAffinity: boolean;
}

function highestIs100(scores: number[], reverse: boolean): void {
  const most = Math.max(0, ...scores);
  for (let i = 0; i < scores.length; i++) {
    const s = scores[i] as number;
    if (most === 0) scores[i] = reverse ? MAX : 0;
    else {
      const n = Math.floor((MAX * s) / most);
      scores[i] = reverse ? MAX - n : n;
    }
  }
}

function leastAllocated(pod: Pod, info: NodeInfo): number {
  const needs = needsOf(pod).counted;
  let sum = 0;
  let weights = 0;
  for (const name of ['cpu', 'memory']) {
    const all = info.allocatable.get(name) ?? 0;
    if (all === 0) continue;
    const used = (info.counted.get(name) ?? 0) + (needs.get(name) ?? 0);
    sum += used > all ? 0 : Math.floor(((all - used) * MAX) / all);
    weights++;
  }
  return weights === 0 ? 0 : Math.floor(sum / weights);
}

function balanced(pod: Pod, info: NodeInfo): number {
  const needs = needsOf(pod).requests;
  const fractions: number[] = [];
  for (const name of ['cpu', 'memory']) {
    const all = info.allocatable.get(name) ?? 0;
    if (all > 0) fractions.push(Math.min(1, ((info.requested.get(name) ?? 0) + (needs.get(name) ?? 0)) / all));
  }
  const [a = 0, b = a] = fractions;
  return Math.floor((1 - Math.abs(a - b) / 2) * MAX);
}

function imageLocality(ctx: ScoreContext, info: NodeInfo): number {
  const containers = [...(ctx.pod.spec?.initContainers ?? []), ...(ctx.pod.spec?.containers ?? [])];
  let sum = 0;
  for (const c of containers) {
    const image = c.image ?? '';
    const name = image.lastIndexOf(':') > image.lastIndexOf('/') ? image : `${image}:latest`;
    const size = info.images.get(name);
    if (size === undefined) continue;
    let have = 0;
    for (const other of ctx.all) if (other.images.has(name)) have++;
    sum += Math.floor((size * have) / ctx.all.length);
  }
  const least = 23 * MIB;
  const most = 1000 * MIB * Math.max(1, containers.length);
  return Math.floor((MAX * (Math.min(Math.max(sum, least), most) - least)) / (most - least));
}

const DEFAULT_SPREAD: readonly V1TopologySpreadConstraint[] = [
  { maxSkew: 3, topologyKey: HOSTNAME, whenUnsatisfiable: 'ScheduleAnyway' },
  { maxSkew: 5, topologyKey: ZONE, whenUnsatisfiable: 'ScheduleAnyway' },
];

function spreadScores(ctx: ScoreContext): number[] | undefined {
  const own = ctx.pod.spec?.topologySpreadConstraints ?? [];
  const byDefault = own.length === 0;
  const constraints = byDefault ? (ctx.ownSelector ? DEFAULT_SPREAD : []) : own.filter((c) => c.whenUnsatisfiable === 'ScheduleAnyway');
  if (constraints.length === 0) return undefined;
  const ignored = ctx.nodes.map((n) => !byDefault && constraints.some((c) => n.node.metadata.labels?.[c.topologyKey] === undefined));
  const scores = ctx.nodes.map(() => 0);
  for (const c of constraints) {
    const selector = byDefault ? ctx.ownSelector : spreadSelector(c, ctx.pod);
    const onNode = new Map<string, number>();
    for (const pod of selector ? ctx.podsMatching(selector) : [])
      if (pod.spec?.nodeName && pod.metadata.deletionTimestamp === undefined)
        onNode.set(pod.spec.nodeName, (onNode.get(pod.spec.nodeName) ?? 0) + 1);
    const byValue = new Map<string, number>();
    const values = new Set<string>();
    ctx.nodes.forEach((n, i) => {
      const v = n.node.metadata.labels?.[c.topologyKey];
      if (v !== undefined && !ignored[i]) values.add(v);
    });
    for (const n of ctx.all) {
      const v = n.node.metadata.labels?.[c.topologyKey];
      const count = onNode.get(n.node.metadata.name) ?? 0;
      if (v !== undefined && count > 0) byValue.set(v, (byValue.get(v) ?? 0) + count);
    }
    const weight = Math.log((c.topologyKey === HOSTNAME ? ctx.nodes.length - ignored.filter(Boolean).length : values.size) + 2);
    ctx.nodes.forEach((n, i) => {
      const v = n.node.metadata.labels?.[c.topologyKey];
      if (v === undefined) return;
      const count = c.topologyKey === HOSTNAME ? (onNode.get(n.node.metadata.name) ?? 0) : (byValue.get(v) ?? 0);
      scores[i] = (scores[i] as number) + count * weight + (c.maxSkew - 1);
    });
  }
  const rounded = scores.map((s) => Math.round(s));
  const counted = rounded.filter((_, i) => !ignored[i]);
  const least = Math.min(...counted);
  const most = Math.max(...counted);
  return rounded.map((s, i) => (ignored[i] ? 0 : most === 0 ? MAX : Math.floor((MAX * (most + least - s)) / most)));
}

function interPodScores(ctx: ScoreContext): number[] | undefined {
  const { pod, namespaces } = ctx;
  const prefers = pod.spec?.affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const shuns = pod.spec?.affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  if (!ctx.anyAffinity && prefers.length === 0 && shuns.length === 0) return undefined;
  const points = new Map<string, number>();
  const give = (info: NodeInfo, key: string, weight: number): void => {
    const v = info.node.metadata.labels?.[key];
    if (v !== undefined) points.set(`${key}=${v}`, (points.get(`${key}=${v}`) ?? 0) + weight);
  };
  for (const info of ctx.all) {
    if (prefers.length > 0 || shuns.length > 0)
      for (const other of info.pods.values()) {
        for (const p of prefers)
          if (termMatches(p.podAffinityTerm, pod, other, namespaces)) give(info, p.podAffinityTerm.topologyKey, p.weight);
        for (const p of shuns)
          if (termMatches(p.podAffinityTerm, pod, other, namespaces)) give(info, p.podAffinityTerm.topologyKey, -p.weight);
      }
    for (const other of info.withAffinity.values()) {
      const a = other.spec?.affinity;
      for (const t of a?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [])
        if (termMatches(t, other, pod, namespaces)) give(info, t.topologyKey, 1);
      for (const p of a?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
        if (termMatches(p.podAffinityTerm, other, pod, namespaces)) give(info, p.podAffinityTerm.topologyKey, p.weight);
      for (const p of a?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
        if (termMatches(p.podAffinityTerm, other, pod, namespaces)) give(info, p.podAffinityTerm.topologyKey, -p.weight);
    }
  }
  if (points.size === 0) return undefined;
  const raw = ctx.nodes.map((n) => {
    let sum = 0;
    const labels = n.node.metadata.labels ?? {};
    for (const k in labels) sum += points.get(`${k}=${labels[k]}`) ?? 0;
    return sum;
  });
  const least = Math.min(...raw);
  const range = Math.max(...raw) - least;
  return raw.map((s) => (range > 0 ? Math.floor((MAX * (s - least)) / range) : 0));
}

/** Total score of each node, in order of `ctx.nodes`. */
export function scoreNodes(ctx: ScoreContext): number[] {
  const { pod, nodes } = ctx;
  const bestEffort = needsOf(pod).requests.size === 0;
  const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const totals = nodes.map((n) => leastAllocated(pod, n) + (bestEffort ? 0 : balanced(pod, n)) + imageLocality(ctx, n));
  const add = (scores: number[] | undefined, weight: number): void => {
    scores?.forEach((s, i) => {
      totals[i] = (totals[i] as number) + s * weight;
    });
  };
  const soft = (pod.spec?.tolerations ?? []).filter((t) => !t.effect || t.effect === 'PreferNoSchedule');
  const taints = nodes.map(
    (n) => (n.node.spec?.taints ?? []).filter((t) => t.effect === 'PreferNoSchedule' && !soft.some((s) => tolerates(s, t))).length,
  );
  highestIs100(taints, true);
  add(taints, 3);
  if (preferred.length > 0) {
    const affinity = nodes.map((n) => preferred.reduce((sum, p) => sum + (matchesTerm(p.preference, n.node) ? p.weight : 0), 0));
    highestIs100(affinity, false);
    add(affinity, 2);
  }
  add(spreadScores(ctx), 2);
  add(interPodScores(ctx), 2);
  return totals;
}
