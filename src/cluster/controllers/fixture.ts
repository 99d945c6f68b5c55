/** A cluster without machines, for tests: API, controllers, scheduler, and nodes whose pods become ready after a while. */

import { MS, SEC, Sim } from '../../sim/sim.ts';
import type { Client } from '../api/client.ts';
import { Informer } from '../api/informer.ts';
import { type Deployment, type KubeObject, keyOf, type Pod } from '../api/object.ts';
import { ApiServer } from '../api/server.ts';
import type { V1PodCondition, V1PodStatus } from '../api/types.ts';
import { startScheduler } from '../scheduler/scheduler.ts';
import { nowText } from './clock.ts';
import type { ControllerOptions } from './context.ts';
import { startControllers } from './index.ts';
import { setPodCondition } from './podstatus.ts';

export interface FixtureOptions {
  readonly nodes?: number;
  readonly seed?: number;
  readonly options?: ControllerOptions;
  /** µs from scheduled to ready; undefined: never. */
  readonly readyAfter?: (pod: Pod) => number | undefined;
  /** Seen at each change of a pod. */
  readonly onPods?: (pods: ReadonlyMap<string, Pod>) => void;
}

export class Fixture {
  readonly sim: Sim;
  readonly server: ApiServer;
  readonly client: Client;
  readonly pods: Informer<Pod>;
  private nextIp = 2;

  constructor(o: FixtureOptions = {}) {
    this.sim = new Sim(o.seed ?? 1);
    this.server = new ApiServer(this.sim);
    this.client = this.server.client();
    for (let i = 1; i <= (o.nodes ?? 3); i++) this.addNode(`node-${i}`, `zone-${'abc'[(i - 1) % 3]}`);
    this.pods = new Informer<Pod>(this.client, 'pods');
    const readyAfter = o.readyAfter ?? (() => 200 * MS);
    this.pods.on({
      add: (p) => this.kubelet(undefined, p, readyAfter),
      update: (old, p) => this.kubelet(old, p, readyAfter),
    });
    if (o.onPods) {
      const { onPods } = o;
      const look = (): void => onPods(this.pods.store);
      this.pods.on({ add: look, update: look, delete: look });
    }
    startControllers({
      sim: this.sim,
      client: this.server.client({ name: 'system:kube-controller-manager', groups: [] }),
      options: { nodeMonitorGraceSeconds: 1e6, ...o.options },
      resources: () => this.server.scheme.all(),
    });
    startScheduler({ sim: this.sim, client: this.server.client({ name: 'system:kube-scheduler', groups: [] }), host: 'cp' });
  }

  addNode(name: string, zone: string): void {
    const amounts = { cpu: '4', memory: '8Gi', pods: '110', 'ephemeral-storage': '45Gi' };
    const conditions = [
      {
        type: 'Ready',
        status: 'True',
        reason: 'KubeletReady',
        message: 'kubelet is posting ready status',
        lastHeartbeatTime: nowText(this.sim),
        lastTransitionTime: nowText(this.sim),
      },
    ];
    const labels = { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': zone };
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, spec: {} };
    this.must(this.client.create(node));
    this.must(
      this.client.patch(
        'nodes',
        '',
        name,
        'strategic',
        { status: { capacity: amounts, allocatable: amounts, conditions } },
        { subresource: 'status' },
      ),
    );
  }

  private kubelet(old: Pod | undefined, pod: Pod, readyAfter: (pod: Pod) => number | undefined): void {
    if (!pod.spec?.nodeName) return;
    if (pod.metadata.deletionTimestamp !== undefined) {
      if (old?.metadata.deletionTimestamp !== undefined) return;
      const wait = Math.min(pod.metadata.deletionGracePeriodSeconds ?? 0, 1) * SEC;
      this.sim.schedule(wait, () => {
        this.client.delete('pods', pod.metadata.namespace ?? '', pod.metadata.name, { gracePeriodSeconds: 0 });
      });
      return;
    }
    if (old?.spec?.nodeName) return;
    const after = readyAfter(pod);
    const ip = `10.244.${Math.floor(this.nextIp / 250)}.${(this.nextIp++ % 250) + 1}`;
    this.setStatus(
      pod,
      { phase: 'Running', startTime: nowText(this.sim), podIP: ip, podIPs: [{ ip }] },
      { type: 'Ready', status: 'False', lastTransitionTime: nowText(this.sim) },
    );
    if (after !== undefined) this.sim.schedule(after, () => this.ready(keyOf(pod), true));
  }

  setStatus(pod: Pod, status: V1PodStatus, condition: V1PodCondition): void {
    setPodCondition(this.client, pod, condition, status);
  }

  ready(key: string, ready: boolean): void {
    const pod = this.pods.get(key);
    if (pod) this.setStatus(pod, {}, { type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: nowText(this.sim) });
  }

  /** Gives a Deployment's, DaemonSet's or StatefulSet's only container another image. */
  setImage(resource: string, name: string, image: string, spec: object = {}): void {
    const o = this.must(this.client.get<Deployment>(resource, 'default', name));
    const template = {
      ...o.spec?.template,
      spec: { ...o.spec?.template.spec, containers: [{ ...o.spec?.template.spec?.containers[0], name: 'c', image }] },
    };
    this.must(this.client.update({ ...o, spec: { ...o.spec, ...spec, template } } as Deployment));
  }

  must<T>(r: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly status: { readonly message?: string } }): T {
    if (!r.ok) throw new Error(r.status.message);
    return r.value;
  }

  create(object: KubeObject & Readonly<Record<string, unknown>>): void {
    this.must(this.client.create(object));
  }

  run(seconds: number): void {
    this.sim.runUntil(this.sim.now + seconds * SEC);
  }

  list<T = KubeObject>(resource: string, namespace = 'default'): readonly T[] {
    return this.must(this.client.list<T>(resource, { namespace })).items;
  }

  /** `Normal Scheduled pod/x: text`, in order of making. */
  events(namespace = 'default'): string[] {
    return this.list<
      KubeObject & {
        readonly type?: string;
        readonly reason?: string;
        readonly message?: string;
        readonly involvedObject?: { readonly kind?: string; readonly name?: string };
      }
    >('events', namespace)
      .slice()
      .sort(
        (a, b) =>
          Number((a.metadata as { resourceVersion?: string }).resourceVersion) -
          Number((b.metadata as { resourceVersion?: string }).resourceVersion),
      )
      .map((e) => `${e.type} ${e.reason} ${e.involvedObject?.kind}/${e.involvedObject?.name}: ${e.message}`);
  }
}

export function deploymentObject(
  name: string,
  replicas: number,
  image = 'nginx',
  spec: object = {},
): KubeObject & Readonly<Record<string, unknown>> {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default', labels: { app: name } },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image }] } },
      ...spec,
    },
  };
}
