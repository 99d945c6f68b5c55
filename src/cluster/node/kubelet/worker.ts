/** One pod on its node: sandbox, init containers, containers, restarts, status, end. Models pkg/kubelet/pod_workers.go and kuberuntime's SyncPod */

import { RegularFile } from '../../../os/inode.ts';
import type { Task } from '../../../os/process.ts';
import { startThread, type Thread } from '../../../os/thread.ts';
import { type Micros, SEC } from '../../../sim/sim.ts';
import { WaitQueue } from '../../../sim/wait.ts';
import type { KubeObject, Pod } from '../../api/object.ts';
import type { V1Container, V1PodStatus } from '../../api/types.ts';
import { networkReady } from '../runtime/sandbox.ts';
import { type Container, type PortMapping, rpcError, type Sandbox } from '../runtime/types.ts';
import type { Kubelet } from './context.ts';
import { hostNames, hostsFile, resolvConf } from './dns.ts';
import { Probes } from './probes.ts';
import { startContainer } from './start.ts';
import { attemptsOf, isSidecar, podStatus, restarts, type WaitReason } from './status.ts';
import { killAll, killContainer } from './terminate.ts';
import { PodVolumes, podDirectory } from './volumes.ts';

const FIRST_BACKOFF = 10 * SEC;
const LONGEST_BACKOFF = 300 * SEC;
/** A container that ran for that long has its back-off forgotten. */
const BACKOFF_RESET = 600 * SEC;
/** What a failed sync waits for. */
const SYNC_RETRY = 10 * SEC;
const FIRST_MOUNT_RETRY = SEC / 2;
const LONGEST_MOUNT_RETRY = 122 * SEC;

interface BackOff {
  delay: Micros;
  updated: Micros;
}

export class PodWorker {
  readonly kubelet: Kubelet;
  pod: Pod;
  readonly waiting = new Map<string, WaitReason>();
  readonly volumes: PodVolumes;
  readonly probes: Probes;
  readonly hosts = new RegularFile();
  ended: { readonly phase: 'Succeeded' | 'Failed'; readonly reason?: string; readonly message?: string } | null = null;
  /** The object is no longer in the API. */
  removed = false;
  private readonly queue = new WaitQueue();
  private readonly backOffs = new Map<string, BackOff>();
  private dirty = true;
  private thread: Thread | null = null;
  private startTime = '';
  private mountRetry = FIRST_MOUNT_RETRY;
  private refreshed: Micros;
  private terminating = false;

  constructor(kubelet: Kubelet, pod: Pod) {
    this.kubelet = kubelet;
    this.pod = pod;
    this.volumes = new PodVolumes(kubelet.p.machine);
    this.probes = new Probes(this);
    this.refreshed = kubelet.sim.now;
  }

  start(): void {
    this.thread = startThread(this.kubelet.p, this.run());
  }

  /** Kubelet ends; what runs goes on. */
  abandon(): void {
    this.thread?.stop();
    this.probes.stop();
  }

  wake(): void {
    this.dirty = true;
    this.queue.wakeAll();
  }

  update(pod: Pod): void {
    const old = this.pod;
    this.pod = pod;
    const same =
      old.metadata.generation === pod.metadata.generation &&
      old.metadata.deletionTimestamp === pod.metadata.deletionTimestamp &&
      old.metadata.deletionGracePeriodSeconds === pod.metadata.deletionGracePeriodSeconds;
    if (!same || pod.metadata.generation === undefined || pod.spec?.readinessGates) this.wake();
  }

  gone(pod: Pod): void {
    this.pod = pod;
    this.removed = true;
    if (this.terminating)
      this.kubelet.sim.schedule(SEC, () => {
        for (const c of this.containers()) c.process?.raise('KILL');
      });
    this.wake();
  }

  // ---- what the runtime has

  /** The pod's newest sandbox. */
  get sandbox(): Sandbox | null {
    let newest: Sandbox | null = null;
    for (const s of this.kubelet.runtime.sandboxes.values()) if (s.config.uid === this.pod.metadata.uid) newest = s;
    return newest;
  }

  containers(): Container[] {
    const { uid } = this.pod.metadata;
    return [...this.kubelet.runtime.containers.values()].filter((c) => c.sandbox.config.uid === uid);
  }

  get ips(): readonly string[] {
    return this.pod.spec?.hostNetwork ? this.kubelet.hostIPs : (this.sandbox?.ips ?? []);
  }

  // ---- the loop

  private *run(): Task<void> {
    for (;;) {
      this.dirty = false;
      if (this.mustEnd()) {
        yield* this.terminate();
        return;
      }
      const again = yield* this.sync();
      if (!this.dirty) yield { on: [this.queue], until: again };
    }
  }

  mustEnd(): boolean {
    return this.removed || this.pod.metadata.deletionTimestamp !== undefined;
  }

  /** One look at the pod; the time of the next one when nothing happens before. */
  private *sync(): Task<Micros | undefined> {
    const { kubelet, pod } = this;
    const { sim } = kubelet;
    if (this.ended) {
      this.report();
      return undefined;
    }
    this.startTime ||= pod.status?.startTime ?? kubelet.now;
    const deadline = this.deadline();
    if (deadline !== undefined && sim.now >= deadline) {
      this.ended = {
        phase: 'Failed',
        reason: 'DeadlineExceeded',
        message: 'Pod was active on the node longer than the specified deadline',
      };
      kubelet.event(pod, 'Normal', 'DeadlineExceeded', 'Pod was active on the node longer than the specified deadline');
      yield* killAll(this, 'Stopping');
      yield* this.release();
      this.report();
      return undefined;
    }
    let { sandbox } = this;
    if (sandbox?.state !== 'Ready') {
      if (sandbox && this.isOver()) return this.settle();
      this.report();
      const wait = yield* this.makeSandbox(sandbox);
      if (wait !== null) return wait;
      sandbox = this.sandbox as Sandbox;
      if (this.mustEnd()) return undefined;
    }
    if (sim.now - this.refreshed >= kubelet.refreshPeriod) {
      this.refreshed = sim.now;
      this.volumes.refresh(pod, kubelet.sources, kubelet.facts(this.ips));
    }
    let next = yield* this.startWhatIsDue(sandbox);
    if (this.mustEnd()) return undefined;
    if (next === 'started') {
      // What was started is seen when the runtime is next asked.
      const seen = kubelet.nextRelist();
      while (sim.now < seen && !this.mustEnd()) yield { on: [this.queue], until: seen };
      if (this.mustEnd()) return undefined;
      next = sim.now;
    }
    this.report();
    if (this.isOver()) {
      yield* this.release();
      return this.settle();
    }
    const times = [next, deadline, this.hasChangingVolumes() ? this.refreshed + kubelet.refreshPeriod : undefined].filter(
      (t) => t !== undefined,
    );
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  private hasChangingVolumes(): boolean {
    return this.pod.spec?.volumes?.some((v) => v.configMap || v.secret || v.downwardAPI) === true;
  }

  private deadline(): Micros | undefined {
    const seconds = this.pod.spec?.activeDeadlineSeconds;
    if (seconds === undefined) return undefined;
    const first = this.containers()[0]?.startedAt ?? this.kubelet.sim.now;
    return first + seconds * SEC;
  }

  /** All containers have ended for good. */
  private isOver(): boolean {
    const { phase } = this.status();
    return phase === 'Succeeded' || phase === 'Failed';
  }

  private settle(): undefined {
    const status = this.status();
    if (status.phase === 'Succeeded' || status.phase === 'Failed') this.ended = { phase: status.phase };
    this.report();
    return undefined;
  }

  private *release(): Task<void> {
    const { sandbox, kubelet } = this;
    this.probes.stop();
    if (sandbox) yield* kubelet.runtime.stopPodSandbox(kubelet.runtime.daemon ?? kubelet.p, sandbox.id);
  }

  // ---- sandbox

  private *makeSandbox(old: Sandbox | null): Task<Micros | null> {
    const { kubelet, pod } = this;
    const { sim, runtime, p } = kubelet;
    if (!runtime.daemon) return sim.now + SYNC_RETRY;
    if (old) {
      kubelet.event(pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
      yield* runtime.stopPodSandbox(runtime.daemon, old.id);
    }
    const wrong = this.volumes.setUp(pod, kubelet.sources, kubelet.facts([]));
    if (wrong !== null) {
      kubelet.event(pod, 'Warning', 'FailedMount', wrong);
      const wait = this.mountRetry;
      this.mountRetry = Math.min(LONGEST_MOUNT_RETRY, wait * 2);
      kubelet.log('E', 'nestedpendingoperations.go:348', 'Operation for volume failed', {
        err: wrong,
        pod: `${pod.metadata.namespace}/${pod.metadata.name}`,
      });
      return sim.now + wait;
    }
    const { spec } = pod;
    if (!spec?.hostNetwork && !networkReady(p)) {
      kubelet.event(
        pod,
        'Warning',
        'NetworkNotReady',
        'network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized',
      );
      return sim.now + 2 * SEC;
    }
    const { hostname } = hostNames(pod, kubelet.config.clusterDomain);
    const resolv = resolvConf(pod, kubelet.dns);
    for (const text of resolv.warnings) kubelet.event(pod, 'Warning', 'DNSConfigForming', text);
    const annotations = pod.metadata.annotations ?? {};
    const rate = (key: string): number | undefined =>
      annotations[key] ? Number.parseInt(annotations[key] as string, 10) * unitOf(annotations[key] as string) : undefined;
    const [ingress, egress] = [rate('kubernetes.io/ingress-bandwidth'), rate('kubernetes.io/egress-bandwidth')];
    const made = yield* runtime.runPodSandbox(runtime.daemon, {
      name: pod.metadata.name,
      namespace: pod.metadata.namespace ?? '',
      uid: pod.metadata.uid,
      attempt: old ? old.config.attempt + 1 : 0,
      hostname: spec?.hostNetwork ? kubelet.p.machine.uts.hostname : hostname,
      logDirectory: `/var/log/pods/${pod.metadata.namespace}_${pod.metadata.name}_${pod.metadata.uid}`,
      labels: pod.metadata.labels ?? {},
      annotations,
      hostNetwork: spec?.hostNetwork === true,
      hostPid: spec?.hostPID === true,
      hostIpc: spec?.hostIPC === true,
      sharedPid: spec?.shareProcessNamespace === true,
      portMappings: portMappings(pod),
      resolvConf: resolv.text,
      sysctls: (spec?.securityContext?.sysctls ?? []).map((s) => [s.name, s.value] as const),
      ...(ingress !== undefined || egress !== undefined
        ? { bandwidth: { ...(ingress !== undefined && { ingress }), ...(egress !== undefined && { egress }) } }
        : {}),
    });
    if (!made.ok) {
      const why = rpcError(made);
      const name = `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;
      kubelet.event(pod, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${why}`);
      kubelet.log('E', 'log.go:32', 'RunPodSandbox from runtime service failed', { err: why });
      kubelet.log('E', 'kuberuntime_sandbox.go:70', 'Failed to create sandbox for pod', {
        err: why,
        pod: `${pod.metadata.namespace}/${pod.metadata.name}`,
      });
      kubelet.syncFailed(
        pod,
        'CreatePodSandbox',
        name,
        'CreatePodSandboxError',
        `Failed to create sandbox for pod ${JSON.stringify(name)}: ${why}`,
      );
      return sim.now + SYNC_RETRY + sim.rng('kubelet').below(5 * SEC);
    }
    this.writeHosts(made.value.ips);
    return null;
  }

  private writeHosts(ips: readonly string[]): void {
    const { kubelet, pod } = this;
    const node = pod.spec?.hostNetwork ? (kubelet.p.readText('/etc/hosts') ?? '') : null;
    const text = new TextEncoder().encode(hostsFile(pod, ips, kubelet.config.clusterDomain, node));
    this.hosts.truncate(0, kubelet.p);
    this.hosts.writeAt(0, text, kubelet.p);
    kubelet.p.machine.directory(podDirectory(pod)).link('etc-hosts', this.hosts);
  }

  // ---- containers

  /** Starts init containers one by one, then all others. `started`: something is new; a time: to be looked at then. */
  private *startWhatIsDue(sandbox: Sandbox): Task<Micros | 'started' | undefined> {
    const { pod } = this;
    let started = false;
    let next: Micros | undefined;
    const note = (r: Micros | 'started' | undefined): void => {
      if (r === 'started') started = true;
      else if (r !== undefined) next = next === undefined ? r : Math.min(next, r);
    };
    for (const c of pod.spec?.ephemeralContainers ?? []) {
      if (attemptsOf(this.containers(), c.name).length === 0) note(yield* startContainer(this, sandbox, c as unknown as V1Container, 0));
      if (this.mustEnd()) return undefined;
    }
    const mains = pod.spec?.containers ?? [];
    const begun = mains.some((c) => attemptsOf(this.containers(), c.name).length > 0);
    for (const c of pod.spec?.initContainers ?? []) {
      const last = attemptsOf(this.containers(), c.name).at(-1);
      if (last && last.state === 'Running') {
        if (!isSidecar(c)) return started ? 'started' : next;
        note(yield* this.look(c, sandbox, true));
        if (!this.probes.started(last, c) && !begun) return started ? 'started' : next;
        continue;
      }
      if (last?.state === 'Exited' && !isSidecar(c) && (last.exitCode === 0 || begun)) continue;
      note(yield* this.look(c, sandbox, true));
      if (this.mustEnd()) return undefined;
      if (!isSidecar(c) || !begun) return started ? 'started' : next;
    }
    for (const c of mains) {
      note(yield* this.look(c, sandbox, false));
      if (this.mustEnd()) return undefined;
    }
    return started ? 'started' : next;
  }

  /** One container: start it, start it again, or leave it. */
  private *look(spec: V1Container, sandbox: Sandbox, init: boolean): Task<Micros | 'started' | undefined> {
    const { kubelet, pod } = this;
    const { sim } = kubelet;
    const last = attemptsOf(this.containers(), spec.name).at(-1);
    if (!last) return yield* startContainer(this, sandbox, spec, 0);
    if (last.state === 'Running') {
      const why = this.probes.doomed(last);
      if (why === null && last.config.image === spec.image) {
        this.probes.watch(last, spec);
        return undefined;
      }
      const message =
        why === null
          ? `Container ${spec.name} definition changed, will be restarted`
          : `Container ${spec.name} failed ${why} probe, will be restarted`;
      const seconds = (why === 'startup' ? spec.startupProbe : spec.livenessProbe)?.terminationGracePeriodSeconds;
      yield* killContainer(this, last, spec, message, seconds);
      return 'started';
    }
    if (last.state !== 'Exited' || !restarts(pod, spec, last.exitCode, init)) return undefined;
    const key = spec.name;
    const b = this.backOffs.get(key);
    if (b && last.finishedAt - last.startedAt > BACKOFF_RESET) this.backOffs.delete(key);
    else if (b && sim.now < last.finishedAt + b.delay) {
      kubelet.containerEvent(
        pod,
        spec,
        'Warning',
        'BackOff',
        `Back-off restarting failed container ${spec.name} in pod ${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`,
      );
      this.waiting.set(spec.name, {
        reason: 'CrashLoopBackOff',
        message: `back-off ${backOffText(b.delay)} restarting failed container=${spec.name} pod=${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`,
      });
      kubelet.syncFailed(pod, 'StartContainer', spec.name, 'CrashLoopBackOff', this.waiting.get(spec.name)?.message ?? '');
      return last.finishedAt + b.delay;
    }
    const now = this.backOffs.get(key);
    this.backOffs.set(key, { delay: now ? Math.min(LONGEST_BACKOFF, now.delay * 2) : FIRST_BACKOFF, updated: sim.now });
    this.prune(spec.name);
    return yield* startContainer(this, sandbox, spec, last.config.attempt + 1);
  }

  /** The last attempt is kept for `logs --previous`, older ones go. */
  private prune(name: string): void {
    const attempts = attemptsOf(this.containers(), name);
    for (const c of attempts.slice(0, -1)) if (c.state === 'Exited') this.kubelet.runtime.removeContainer(c.id);
  }

  // ---- status

  status(): V1PodStatus {
    const { kubelet, pod } = this;
    return podStatus({
      sim: kubelet.sim,
      pod,
      hostIPs: kubelet.hostIPs,
      sandbox: this.sandbox,
      containers: this.containers(),
      waiting: this.waiting,
      startTime: this.startTime || pod.status?.startTime || kubelet.now,
      ready: (c, spec) => this.probes.ready(c, spec),
      started: (c, spec) => this.probes.started(c, spec),
      ended: this.ended,
    });
  }

  /** Writes the status when it differs from what the API has. */
  report(): void {
    const { kubelet, pod } = this;
    if (this.removed) return;
    const { client } = kubelet;
    const got = client.get<Pod>('pods', pod.metadata.namespace ?? '', pod.metadata.name);
    if (!got.ok) return;
    const mirror = got.value.metadata.annotations?.['kubernetes.io/config.mirror'];
    if (
      mirror === undefined
        ? got.value.metadata.uid !== pod.metadata.uid
        : mirror !== pod.metadata.annotations?.['kubernetes.io/config.hash']
    )
      return;
    this.pod = mirror === undefined ? { ...pod, status: got.value.status ?? {} } : { ...pod, status: got.value.status ?? {} };
    const status = this.status();
    if (JSON.stringify(status) === JSON.stringify(got.value.status)) return;
    const written = client.update({ ...got.value, status } as Pod & KubeObject, { subresource: 'status' });
    if (written.ok) this.pod = { ...this.pod, status };
    else if (written.status.reason === 'Conflict') this.wake();
  }

  // ---- the end

  private *terminate(): Task<void> {
    const { kubelet, pod } = this;
    const { runtime, client } = kubelet;
    this.terminating = true;
    this.startTime ||= pod.status?.startTime ?? kubelet.now;
    yield* killAll(this, 'Stopping');
    this.probes.stop();
    this.report();
    const { sandbox } = this;
    if (sandbox) {
      for (let tries = 0; tries < 100; tries++) {
        const stopped = yield* runtime.stopPodSandbox(runtime.daemon ?? kubelet.p, sandbox.id);
        if (stopped.ok) break;
        kubelet.event(
          pod,
          'Warning',
          'FailedKillPod',
          `error killing pod: failed to "KillPodSandbox" for "${pod.metadata.uid}" with KillPodSandboxError: ${JSON.stringify(rpcError(stopped))}`,
        );
        yield { until: kubelet.sim.now + SYNC_RETRY };
      }
    }
    const all = this.containers();
    const failed = all.some((c) => c.exitCode !== 0 && attemptsOf(all, c.config.name).at(-1) === c);
    const phase = this.ended ?? (all.length === 0 ? null : { phase: failed ? ('Failed' as const) : ('Succeeded' as const) });
    this.ended = phase;
    this.report();
    this.volumes.tearDown(pod);
    for (const s of [...runtime.sandboxes.values()])
      if (s.config.uid === pod.metadata.uid) yield* runtime.removePodSandbox(runtime.daemon ?? kubelet.p, s.id);
    if (!this.removed)
      client.delete('pods', pod.metadata.namespace ?? '', pod.metadata.name, {
        gracePeriodSeconds: 0,
        preconditions: { uid: pod.metadata.uid },
      });
    kubelet.finished(this);
  }
}

function backOffText(delay: Micros): string {
  const s = Math.round(delay / SEC);
  return s < 60 ? `${s}s` : `${Math.floor(s / 60)}m${s % 60}s`;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6, G: 1e9, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 };
const unitOf = (quantity: string): number => UNITS[quantity.replace(/^[\d.]+/, '')] ?? 1;

function portMappings(pod: Pod): PortMapping[] {
  if (pod.spec?.hostNetwork) return [];
  const out: PortMapping[] = [];
  for (const c of [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? []).filter(isSidecar)])
    for (const p of c.ports ?? [])
      if (p.hostPort)
        out.push({
          protocol: (p.protocol ?? 'TCP') as PortMapping['protocol'],
          containerPort: p.containerPort,
          hostPort: p.hostPort,
          hostIP: p.hostIP ?? '',
        });
  return out;
}
