/** What all parts of kubelet share: its process, clients, informers, the runtime, the workers of its pods. Models pkg/kubelet.Kubelet */

import type { Process } from '../../../os/process.ts';
import { type Micros, SEC, type Sim } from '../../../sim/sim.ts';
import { utf8 } from '../../../wire/bytes.ts';
import type { Client } from '../../api/client.ts';
import { Informer } from '../../api/informer.ts';
import type { ConfigMap, KubeObject, Node, Pod, Secret, Service } from '../../api/object.ts';
import { timestamp } from '../../api/time.ts';
import type { V1Container } from '../../api/types.ts';
import { Recorder } from '../../controllers/events.ts';
import { logTime } from '../runtime/logs.ts';
import { type Runtime, runtimeOf } from '../runtime/runtime.ts';
import type { Container } from '../runtime/types.ts';
import type { KubeletConfig } from './config.ts';
import type { DnsSettings } from './dns.ts';
import { type PodFacts, serviceVariables } from './env.ts';
import { ImagePuller } from './images.ts';
import type { VolumeSources } from './volumes.ts';
import { PodWorker } from './worker.ts';

/** How often the runtime is asked what has changed (PLEG relist). */
const RELIST = 1 * SEC;
/** How often config maps and secrets in volumes are looked at. */
const REFRESH = 60 * SEC;

export class Kubelet {
  readonly p: Process;
  readonly sim: Sim;
  readonly client: Client;
  readonly runtime: Runtime;
  readonly recorder: Recorder;
  readonly config: KubeletConfig;
  readonly images: ImagePuller;
  readonly workers = new Map<string, PodWorker>();
  readonly services: Informer<Service>;
  readonly pods: Informer<Pod>;
  /** The node's object as it was last written or seen. */
  node: Node | null = null;
  /** Static pods by namespace/name, as kubelet made them from their files. */
  readonly staticPods = new Map<string, Pod>();
  /** When it was started, as manifests were first seen. */
  readonly started: string;
  private readonly born: Micros;

  constructor(p: Process, client: Client, config: KubeletConfig) {
    this.p = p;
    this.sim = p.sim;
    this.client = client;
    this.config = config;
    this.runtime = runtimeOf(p.machine);
    this.recorder = new Recorder(p.sim, client, 'kubelet', config.nodeName);
    this.images = new ImagePuller(this);
    this.born = p.sim.now;
    this.started = timestamp(p.sim);
    this.runtime.listeners.add(this.containerChanged);
    this.services = new Informer<Service>(client, 'services');
    const changed = (): void => this.linkMaps.clear();
    this.services.on({ add: changed, update: changed, delete: changed });
    this.pods = new Informer<Pod>(client, 'pods', { fieldSelector: `spec.nodeName=${config.nodeName}` });
    this.pods.on({
      add: (pod) => this.podSeen(pod),
      update: (_, pod) => this.podSeen(pod),
      delete: (pod) => this.podGone(pod),
    });
  }

  // ---- pods

  private podSeen(pod: Pod): void {
    // A mirror of a static pod is only an image of it; what it says changes nothing here.
    if (pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) return;
    this.assign(pod);
  }

  assign(pod: Pod): void {
    const known = this.workers.get(pod.metadata.uid);
    if (known) {
      known.update(pod);
      return;
    }
    this.log('I', 'kubelet.go:2537', `SyncLoop ADD`, {
      source: pod.metadata.annotations?.['kubernetes.io/config.source'] ?? 'api',
      pods: `${pod.metadata.namespace}/${pod.metadata.name}`,
    });
    const worker = new PodWorker(this, pod);
    this.workers.set(pod.metadata.uid, worker);
    worker.start();
  }

  podGone(pod: Pod): void {
    this.workers.get(pod.metadata.uid)?.gone(pod);
  }

  /** The worker has nothing left to do. */
  finished(worker: PodWorker): void {
    this.workers.delete(worker.pod.metadata.uid);
    this.images.forget(worker.pod);
  }

  private readonly containerChanged = (c: Container): void => {
    const worker = this.workers.get(c.sandbox.config.uid);
    if (worker) this.sim.at(this.nextRelist(), () => worker.wake());
  };

  /** When kubelet hears of what happens now. */
  nextRelist(): Micros {
    const passed = this.sim.now - this.born;
    return this.born + (Math.floor(passed / RELIST) + 1) * RELIST;
  }

  get refreshPeriod(): Micros {
    return REFRESH;
  }

  stop(): void {
    this.runtime.listeners.delete(this.containerChanged);
    this.pods.stop();
    this.services.stop();
    for (const w of this.workers.values()) w.abandon();
  }

  // ---- facts

  get hostIPs(): readonly string[] {
    return this.config.nodeIPs;
  }

  facts(ips: readonly string[]): PodFacts {
    return { hostIP: this.hostIPs[0] ?? '', podIPs: ips, nodeName: this.config.nodeName };
  }

  get dns(): DnsSettings {
    const { clusterDNS, clusterDomain } = this.config;
    return { clusterDNS, clusterDomain, host: this.p.readText('/etc/resolv.conf') ?? '' };
  }

  readonly sources: VolumeSources = {
    configMap: (namespace, name) => this.object<ConfigMap>('configmaps', namespace, name),
    secret: (namespace, name) => this.object<Secret>('secrets', namespace, name),
    links: (namespace, own) => this.links(namespace, own),
    allocatable: { cpu: '4', memory: '8Gi', 'ephemeral-storage': '45Gi' },
    token: (pod, audience, seconds) => this.token(pod, audience, seconds),
  };

  private readonly linkMaps = new Map<string, ReadonlyMap<string, string>>();

  private links(namespace: string, own: boolean): ReadonlyMap<string, string> {
    const key = `${namespace} ${own}`;
    const known = this.linkMaps.get(key);
    if (known) return known;
    const made = sharedLinks(this.services.store, namespace, own);
    this.linkMaps.set(key, made);
    return made;
  }

  private object<T>(resource: string, namespace: string, name: string): T | null {
    const r = this.client.get<T>(resource, namespace, name);
    return r.ok ? r.value : null;
  }

  private token(pod: Pod, audience: string, seconds: number): { token: string } | { error: string } {
    const name = pod.spec?.serviceAccountName || 'default';
    const namespace = pod.metadata.namespace ?? '';
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: { name, namespace },
      spec: {
        audiences: audience ? [audience] : [],
        expirationSeconds: seconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid: pod.metadata.uid },
      },
    };
    const r = this.client.create(request as KubeObject, { subresource: 'token' });
    if (!r.ok) return { error: r.status.message ?? '' };
    return { token: (r.value as unknown as { status?: { token?: string } }).status?.token ?? '' };
  }

  // ---- saying

  event(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.recorder.event(pod, type, reason, message);
  }

  /** About a container: with the path of its field. */
  containerEvent(pod: Pod, c: V1Container, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.recorder.event(pod, type, reason, message, fieldPath(pod, c.name));
  }

  get now(): string {
    return timestamp(this.sim);
  }

  /** A line of klog in the journal: severity, date, time, process, place, text with its keys. */
  log(severity: 'I' | 'W' | 'E', place: string, text: string, keys: Readonly<Record<string, string>> = {}): void {
    const { sim, p } = this;
    const iso = logTime(sim);
    let line = `${severity}${iso.slice(5, 7)}${iso.slice(8, 10)} ${iso.slice(11, 26)} ${String(p.pid).padStart(7)} ${place}] ${JSON.stringify(text)}`;
    for (const key in keys) line += ` ${key}=${JSON.stringify(keys[key])}`;
    p.file(2)?.write(utf8(`${line}\n`), p);
  }

  /** A pod could not be brought to where it should be. */
  syncFailed(pod: Pod, what: string, name: string, reason: string, text: string): void {
    const { namespace, name: podName, uid } = pod.metadata;
    this.log('E', 'pod_workers.go:1324', 'Error syncing pod, skipping', {
      err: `failed to ${JSON.stringify(what)} for ${JSON.stringify(name)} with ${reason}: ${JSON.stringify(text)}`,
      pod: `${namespace}/${podName}`,
      podUID: uid,
    });
  }
}

interface Links {
  readonly count: number;
  readonly maps: Map<string, ReadonlyMap<string, string>>;
}

/** By the newest Service: nodes that have seen the same Services share their variables. */
const linksOf = new WeakMap<Service, Links>();

function sharedLinks(services: ReadonlyMap<string, Service>, namespace: string, own: boolean): ReadonlyMap<string, string> {
  let newest: Service | null = null;
  for (const s of services.values())
    if (!newest || Number(s.metadata.resourceVersion) > Number(newest.metadata.resourceVersion)) newest = s;
  if (!newest) return new Map();
  let links = linksOf.get(newest);
  if (links?.count !== services.size) {
    links = { count: services.size, maps: new Map() };
    linksOf.set(newest, links);
  }
  const key = `${namespace} ${own}`;
  const known = links.maps.get(key);
  if (known) return known;
  const made = new Map(serviceVariables(services.values(), namespace, own));
  links.maps.set(key, made);
  return made;
}

function fieldPath(pod: Pod, name: string): string {
  if (pod.spec?.initContainers?.some((c) => c.name === name)) return `spec.initContainers{${name}}`;
  if (pod.spec?.ephemeralContainers?.some((c) => c.name === name)) return `spec.ephemeralContainers{${name}}`;
  return `spec.containers{${name}}`;
}
