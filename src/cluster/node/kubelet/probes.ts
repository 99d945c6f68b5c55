/** The probes of one pod: when they are sent and what their results mean. Models pkg/kubelet/prober */

import type { Task } from '../../../os/process.ts';
import { startThread, type Thread } from '../../../os/thread.ts';
import { type Micros, MS, SEC } from '../../../sim/sim.ts';
import type { V1Container, V1Probe } from '../../api/types.ts';
import { type Container, rpcError } from '../runtime/types.ts';
import { grpcProbe } from './grpc.ts';
import { httpProbe, type ProbeResult, portOf, tcpProbe } from './probe.ts';
import type { PodWorker } from './worker.ts';

const KINDS = ['startup', 'readiness', 'liveness'] as const;
type Kind = (typeof KINDS)[number];
const TITLE: Readonly<Record<Kind, string>> = { startup: 'Startup', readiness: 'Readiness', liveness: 'Liveness' };

const specOf = (c: V1Container, kind: Kind): V1Probe | undefined =>
  kind === 'startup' ? c.startupProbe : kind === 'readiness' ? c.readinessProbe : c.livenessProbe;

interface State {
  readonly threads: Thread[];
  readonly results: Map<Kind, boolean>;
  doomed: 'liveness' | 'startup' | null;
}

export class Probes {
  private readonly w: PodWorker;
  private readonly states = new Map<string, State>();

  constructor(w: PodWorker) {
    this.w = w;
  }

  /** Begins with the probes of a container that runs. */
  watch(c: Container, spec: V1Container): void {
    if (this.states.has(c.id)) return;
    const state: State = { threads: [], results: new Map(), doomed: null };
    this.states.set(c.id, state);
    for (const kind of KINDS) {
      const probe = specOf(spec, kind);
      if (probe) state.threads.push(startThread(this.w.kubelet.p, this.loop(state, c, spec, kind, probe)));
    }
  }

  ready(c: Container, spec: V1Container): boolean {
    if (!this.started(c, spec)) return false;
    return !spec.readinessProbe || this.states.get(c.id)?.results.get('readiness') === true;
  }

  started(c: Container, spec: V1Container): boolean {
    return !spec.startupProbe || this.states.get(c.id)?.results.get('startup') === true;
  }

  /** Which probe has failed for good; the container is to be killed. */
  doomed(c: Container): 'liveness' | 'startup' | null {
    return this.states.get(c.id)?.doomed ?? null;
  }

  stop(): void {
    for (const s of this.states.values()) for (const t of s.threads) t.stop();
    this.states.clear();
  }

  private *loop(state: State, c: Container, spec: V1Container, kind: Kind, probe: V1Probe): Task<void> {
    const { kubelet } = this.w;
    const { sim } = kubelet;
    const period = Math.max(1, probe.periodSeconds ?? 10) * SEC;
    // The first one comes at once after the delay, the others by the ticker.
    let next: Micros = c.startedAt + (probe.initialDelaySeconds ?? 0) * SEC + 300 * MS + sim.rng('prober').below(400 * MS);
    let run = 0;
    let last: boolean | null = null;
    while (c.state === 'Running') {
      while (sim.now < next) yield { until: next };
      if (c.state !== 'Running') return;
      next = sim.now + period;
      const started = this.started(c, spec);
      if (kind === 'startup' && started) return;
      if (kind !== 'startup' && !started) {
        next = sim.now + Math.min(period, SEC);
        continue;
      }
      if (kind !== 'readiness' && this.w.mustEnd()) return;
      let result = yield* this.once(c, spec, probe);
      for (let tries = 1; tries < 3 && result.result === 'unknown'; tries++) result = yield* this.once(c, spec, probe);
      if (c.state !== 'Running') return;
      if (result.result === 'unknown') {
        kubelet.containerEvent(
          this.w.pod,
          spec,
          'Warning',
          'Unhealthy',
          `${TITLE[kind]} probe errored and resulted in unknown state: ${result.output}`,
        );
        continue;
      }
      const good = result.result === 'success';
      if (!good) kubelet.containerEvent(this.w.pod, spec, 'Warning', 'Unhealthy', `${TITLE[kind]} probe failed: ${result.output}`);
      if (!good)
        kubelet.log('I', 'prober.go:120', 'Probe failed', {
          probeType: TITLE[kind],
          pod: `${this.w.pod.metadata.namespace}/${this.w.pod.metadata.name}`,
          podUID: this.w.pod.metadata.uid,
          containerName: spec.name,
          probeResult: 'failure',
          output: result.output,
        });
      if (last === good) run++;
      else run = 1;
      last = good;
      if (run < (good ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3))) continue;
      const before = state.results.get(kind);
      state.results.set(kind, good);
      if (kind !== 'readiness' && !good) {
        state.doomed = kind;
        this.w.wake();
        return;
      }
      if (before !== good) this.w.wake();
    }
  }

  private *once(c: Container, spec: V1Container, probe: V1Probe): Task<ProbeResult> {
    const { kubelet } = this.w;
    const timeout = Math.max(1, probe.timeoutSeconds ?? 1);
    const ip = this.w.ips[0] ?? '';
    const { exec, httpGet, tcpSocket, grpc } = probe;
    if (exec) {
      const argv = exec.command ?? [];
      const r = yield* kubelet.runtime.execSync(c.id, argv, timeout);
      if (!r.ok) return { result: 'failure', output: rpcError(r) };
      if (r.value.timedOut)
        return { result: 'failure', output: `command timed out: ${JSON.stringify(argv.join(' '))} timed out after ${timeout}s` };
      return { result: r.value.exitCode === 0 ? 'success' : 'failure', output: (r.value.stdout + r.value.stderr).slice(0, 10 << 10) };
    }
    const wanted = httpGet?.port ?? tcpSocket?.port ?? grpc?.port;
    if (wanted === undefined)
      return {
        result: 'unknown',
        output: `missing probe handler for ${this.w.pod.metadata.namespace}/${this.w.pod.metadata.name}: ${spec.name}`,
      };
    const port = portOf(wanted, spec);
    if (port === null) return { result: 'unknown', output: `couldn't find port: ${JSON.stringify(wanted)}` };
    if (httpGet) return yield* httpProbe(kubelet.p, { ...httpGet, address: httpGet.host || ip, port, timeout: timeout * SEC });
    if (tcpSocket) return yield* tcpProbe(kubelet.p, tcpSocket.host || ip, port, timeout * SEC);
    return yield* grpcProbe(kubelet.p, ip, port, grpc?.service ?? '', timeout * SEC);
  }
}
