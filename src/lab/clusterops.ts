/** The grader's hands in a cluster: through the API where a person would go there, at the components where they would be restarted. */

import type { KubeObject, Pod } from '../cluster/api/object.ts';
import { resourceName } from '../cluster/api/resources.ts';
import { runtimeOf } from '../cluster/node/runtime/runtime.ts';
import { type KubeProxy, kubeProxyOf } from '../cluster/proxy/kube-proxy.ts';
import type { Cluster } from '../cluster/world/boot.ts';
import type { Machine } from '../os/machine.ts';
import { drive } from '../os/run.ts';
import { type Micros, MS, SEC } from '../sim/sim.ts';
import type { NewPod, Operations } from './operations.ts';
import { passUntil } from './passing.ts';
import { fits } from './pattern.ts';
import { reboot } from './reboot.ts';

const WEB = 'hopwise/echo:1.0';
const TOOLBOX = 'hopwise/toolbox:1.0';
const RESYNC_SECONDS = 5;
const POD_SECONDS = 60;
/** A pod that is not ready so long after it was made is waited for no more. */
const YOUNG_SECONDS = 20;
/** Between two looks at what has changed, and how many of them must find nothing. */
const LOOK = 100 * MS;
const QUIET_LOOKS = 2;
const MAX_EVENTS = 150_000;
/** Pods are looked at after so many events: that costs more than an event. */
const EVENTS_PER_LOOK = 64;

const isReady = (p: Pod): boolean =>
  p.metadata.deletionTimestamp === undefined &&
  (p.status?.phase === 'Succeeded' || p.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true);

export class ClusterOperations implements Operations {
  private readonly cluster: Cluster;
  private readonly machines: ReadonlyMap<string, Machine>;

  constructor(cluster: Cluster, machines: ReadonlyMap<string, Machine>) {
    this.cluster = cluster;
    this.machines = machines;
  }

  get api() {
    return this.cluster.admin;
  }

  get controlPlane(): Machine | null {
    const node = this.cluster.nodes.find((n) => n.machine.role === 'control-plane') ?? this.cluster.nodes[0];
    return (node && this.machines.get(node.machine.name)) ?? null;
  }

  resource = (kind: string): { name: string; namespaced: boolean } | null => {
    const [word = '', ...group] = kind.toLowerCase().split('.');
    const def = this.cluster.api.scheme
      .all()
      .find(
        (d) =>
          (d.plural === word || d.singular === word || d.shortNames.includes(word)) && (group.length === 0 || d.group === group.join('.')),
      );
    return def ? { name: resourceName(def), namespaced: def.namespaced } : null;
  };

  private get sim() {
    return (this.machines.values().next().value as Machine).sim;
  }

  private until(done: () => boolean, seconds: number): boolean {
    let n = 0;
    let held = false;
    const look = (): boolean => {
      if (n++ % EVENTS_PER_LOOK === 0) held = done();
      return held;
    };
    return drive(this.sim, look, { micros: seconds * SEC, steps: MAX_EVENTS }) || done();
  }

  addPod(pod: NewPod): string | null {
    const { name, node, ip, serves, labels = {}, namespace = 'default' } = pod;
    const machine = this.machines.get(node);
    if (!machine) return `there is no node ${node}; there are: ${this.cluster.nodes.map((n) => n.machine.name).join(', ')}`;
    const image = serves ? WEB : TOOLBOX;
    const object = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace, labels },
      spec: {
        nodeName: node,
        tolerations: [{ operator: 'Exists' }],
        containers: [{ name, image, ...(serves ? { args: [name, '8080'], ports: [{ name: 'http', containerPort: 8080 }] } : {}) }],
      },
    } as KubeObject;
    return this.create(object, node, ip);
  }

  /** Creates a pod at an address, and waits until it is ready. */
  private create(object: KubeObject, node: string, ip: string | undefined): string | null {
    const { name, namespace = 'default' } = object.metadata;
    const runtime = runtimeOf(this.machines.get(node) as Machine);
    for (const image of [WEB, TOOLBOX]) runtime.addImage(image);
    if (ip !== undefined) runtime.pins.set(`${namespace}/${name}`, ip);
    const r = this.api.create(object);
    if (!r.ok) return `${object.kind} ${name}: ${r.status.message}`;
    const pod = (): Pod | null => {
      const now = this.api.get<Pod>('pods', namespace, name as string);
      return now.ok ? now.value : null;
    };
    const done = this.until(() => isReady((pod() ?? object) as Pod), POD_SECONDS);
    return done ? null : `the pod ${name} on ${node} is not ready after ${POD_SECONDS} seconds: ${this.lastEvent(pod()?.metadata.uid)}`;
  }

  private lastEvent(uid: string | undefined): string {
    const events = this.api.list<{ involvedObject: { uid?: string }; message?: string }>('events');
    const own = events.ok ? events.value.items.filter((e) => e.involvedObject.uid === uid) : [];
    return own.at(-1)?.message ?? 'nothing was said about it';
  }

  /** With a second to end in: one that is not asked but forced away goes on running for a while, and answers. */
  deletePod(name: string, namespace: string): string | null {
    const all = this.api.list<Pod>('pods', { namespace });
    const gone = all.ok ? all.value.items.filter((p) => fits(name, p.metadata.name)) : [];
    if (gone.length === 0) return `there is no pod ${name}`;
    for (const { metadata } of gone) {
      const r = this.api.delete('pods', namespace, metadata.name, { gracePeriodSeconds: 1 });
      if (!r.ok) return r.status.message ?? `pod ${metadata.name} cannot be deleted`;
    }
    const there = (p: Pod): boolean => {
      const now = this.api.get<Pod>('pods', namespace, p.metadata.name);
      return now.ok && now.value.metadata.uid === p.metadata.uid;
    };
    return this.until(() => !gone.some(there), POD_SECONDS) ? null : `the pod ${name} does not end`;
  }

  scale(name: string, namespace: string, replicas: number): string | null {
    const r = this.api.patch('deployments.apps', namespace, name, 'merge', { spec: { replicas } });
    return r.ok ? null : (r.status.message ?? `deployment ${name} cannot be scaled`);
  }

  restart(kind: string, name: string, namespace: string): string | null {
    const known = this.resource(kind);
    if (!known) return `the API has no kind "${kind}"`;
    const restartedAt = new Date(this.sim.epochMs + Math.floor(this.sim.now / 1000)).toISOString();
    const annotations = { 'kubectl.kubernetes.io/restartedAt': restartedAt };
    const r = this.api.patch(known.name, namespace, name, 'merge', { spec: { template: { metadata: { annotations } } } });
    return r.ok ? null : (r.status.message ?? `${kind} ${name} cannot be restarted`);
  }

  movePod(name: string, namespace: string, node: string, ip: string | undefined): string | null {
    const found = this.api.get<Pod>('pods', namespace, name);
    if (!found.ok) return found.status.message ?? `there is no pod ${name}`;
    const { metadata, spec } = found.value;
    if (!this.machines.get(node)) return `there is no node ${node}`;
    const gone = this.deletePod(name, namespace);
    if (gone !== null) return gone;
    if (!this.until(() => !this.api.get('pods', namespace, name).ok, POD_SECONDS)) return `the pod ${name} does not end`;
    // Whoever owns it makes another one.
    if ((metadata.ownerReferences ?? []).length > 0) return this.ready(POD_SECONDS);
    const copy = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace, labels: metadata.labels },
      spec: { ...spec, nodeName: node },
    };
    return this.create(copy as KubeObject, node, ip);
  }

  private proxies(): KubeProxy[] {
    return [...this.machines.values()].flatMap((m) => [...m.processes.values()].flatMap((p) => kubeProxyOf(p) ?? []));
  }

  /** Waits, that long at most, until the API has been quiet for a moment and all that is looked at is fine. */
  private quiet(micros: Micros, fine: (pods: readonly Pod[]) => boolean): boolean {
    const proxies = this.proxies();
    let version = '';
    let looks = 0;
    return passUntil(this.sim, LOOK, micros, () => {
      const pods = this.api.list<Pod>('pods');
      if (!pods.ok) return true;
      const { items, resourceVersion } = pods.value;
      const staying = items.filter((p) => p.metadata.deletionTimestamp === undefined);
      looks = resourceVersion === version && proxies.every((p) => p.settled) && fine(staying) ? looks + 1 : 0;
      version = resourceVersion;
      return looks >= QUIET_LOOKS;
    });
  }

  settle(): void {
    const { sim } = this;
    const born = (p: Pod): number => (Date.parse(p.metadata.creationTimestamp ?? '') - sim.epochMs) * 1000;
    const settled = (p: Pod): boolean => isReady(p) || born(p) + YOUNG_SECONDS * SEC <= sim.now;
    this.quiet(YOUNG_SECONDS * SEC, (pods) => pods.every(settled));
  }

  resync(touched = false): string | null {
    const proxies = this.proxies();
    for (const proxy of proxies) proxy.resync(touched);
    const settled = (): boolean => proxies.every((p) => p.settled);
    return drive(this.sim, settled, { micros: RESYNC_SECONDS * SEC, steps: MAX_EVENTS })
      ? null
      : `kube-proxy has not written its rules after ${RESYNC_SECONDS} seconds`;
  }

  reboot(node: string): string | null {
    const { file, nodes } = this.cluster;
    const machine = this.machines.get(node);
    const spec = file.machines.find((m) => m.name === node);
    if (!machine || !spec || !file.kubernetes) return `there is no node ${node}`;
    if (spec.role === 'control-plane') return `${node} is the control plane: to start that again is not emulated`;
    reboot(machine, spec, file.kubernetes, nodes);
    return null;
  }

  ready(seconds: number): string | null {
    if (this.quiet(seconds * SEC, (pods) => pods.every(isReady))) return null;
    const pods = this.api.list<Pod>('pods');
    const waiting = pods.ok ? pods.value.items.filter((p) => p.metadata.deletionTimestamp === undefined && !isReady(p)) : [];
    return `not all pods are ready after ${seconds} seconds: ${waiting
      .slice(0, 3)
      .map((p) => `${p.metadata.name}: ${this.lastEvent(p.metadata.uid)}`)
      .join('; ')}`;
  }
}
