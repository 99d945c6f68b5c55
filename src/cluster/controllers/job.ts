/** Jobs: pods until enough have succeeded. Models pkg/controller/job. */

import { SEC } from '../../sim/sim.ts';
import { equal } from '../api/equal.ts';
import { WorkQueue } from '../api/informer.ts';
import { type Job, type KubeObject, keyOf, type Pod } from '../api/object.ts';
import type { V1JobCondition, V1JobStatus, V1PodFailurePolicyRule, V1PodTemplateSpec } from '../api/types.ts';
import { nowText, parseTime, untilAfter } from './clock.ts';
import type { Controller, ControllerContext, Running } from './context.ts';
import { claim, Expectations, ownerKey, PodControl } from './control.ts';
import { isPodActive, isPodReady } from './pods.ts';

const JOBS = 'jobs.batch';
const TRACKING = 'batch.kubernetes.io/job-tracking';
const INDEX = 'batch.kubernetes.io/job-completion-index';
const BURST = 500;
const BACKOFF = 10 * SEC;
const MAX_BACKOFF = 600 * SEC;

/** `1,3-5` of sorted numbers. */
export function compressIndexes(indexes: readonly number[]): string {
  const out: string[] = [];
  for (let i = 0; i < indexes.length; ) {
    let j = i;
    while (j + 1 < indexes.length && indexes[j + 1] === (indexes[j] as number) + 1) j++;
    out.push(i === j ? `${indexes[i]}` : j === i + 1 ? `${indexes[i]},${indexes[j]}` : `${indexes[i]}-${indexes[j]}`);
    i = j + 1;
  }
  return out.join(',');
}

export function parseIndexes(text: string | undefined): Set<number> {
  const out = new Set<number>();
  for (const part of (text ?? '').split(',')) {
    const m = /^(\d{1,7})(?:-(\d{1,7}))?$/.exec(part);
    if (m) for (let i = Number(m[1]); i <= Number(m[2] ?? m[1]); i++) out.add(i);
  }
  return out;
}

const indexOf = (pod: Pod): number => Number(pod.metadata.annotations?.[INDEX] ?? -1);

export function jobFinished(job: Job): V1JobCondition | undefined {
  return job.status?.conditions?.find((c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True');
}

interface Verdict {
  readonly reason: string;
  readonly message: string;
}

class Jobs implements Running {
  private readonly ctx: ControllerContext;
  private readonly queue: WorkQueue;
  private readonly pods: PodControl;
  private readonly expected: Expectations;

  constructor(ctx: ControllerContext) {
    this.ctx = ctx;
    this.pods = new PodControl(ctx, 'job-controller');
    this.expected = new Expectations(ctx.sim);
    this.queue = new WorkQueue(ctx.sim, (key) => this.sync(key));
    ctx.informers.byController<Pod>('pods');
    const enqueue = (o: KubeObject): void => this.queue.add(keyOf(o));
    ctx.informers.of<Job>(JOBS).on({
      add: enqueue,
      update: (_, j) => enqueue(j),
      delete: (j) => {
        this.expected.forget(keyOf(j));
        enqueue(j);
      },
    });
    const seen = (pod: Pod, fresh: boolean, gone: boolean): void => {
      const key = ownerKey(ctx, pod, 'Job', JOBS);
      if (key === undefined) {
        if (gone || pod.metadata.deletionTimestamp !== undefined) this.untrack(pod);
        return;
      }
      if (fresh) this.expected.created(key);
      if (gone || pod.metadata.deletionTimestamp !== undefined) this.expected.deleted(key, keyOf(pod));
      this.queue.add(key);
    };
    ctx.informers
      .of<Pod>('pods')
      .on({ add: (p) => seen(p, true, false), update: (_, p) => seen(p, false, false), delete: (p) => seen(p, false, true) });
  }

  /** Lets a pod go whose end was counted. */
  private untrack(pod: Pod): void {
    const live = this.ctx.client.get<Pod>('pods', pod.metadata.namespace ?? '', pod.metadata.name);
    if (!live.ok || live.value.metadata.uid !== pod.metadata.uid || !live.value.metadata.finalizers?.includes(TRACKING)) return;
    const finalizers = live.value.metadata.finalizers.filter((f) => f !== TRACKING);
    this.ctx.client.update({
      ...live.value,
      metadata: { ...live.value.metadata, finalizers: finalizers.length > 0 ? finalizers : undefined },
    });
  }

  private sync(key: string): 'done' | 'again' | number {
    const job = this.ctx.informers.of<Job>(JOBS).get(key);
    if (!job) return 'done';
    const all = claim<Pod>(this.ctx, 'pods', job, job.spec?.selector);
    if (jobFinished(job)) {
      for (const pod of all) this.untrack(pod);
      return 'done';
    }
    const now = nowText(this.ctx.sim);
    const indexed = job.spec?.completionMode === 'Indexed';
    const suspended = job.spec?.suspend === true;
    const active = all.filter(isPodActive);
    const ended = all.filter((p) => p.metadata.finalizers?.includes(TRACKING) && this.over(p));
    const succeeded = ended.filter((p) => p.status?.phase === 'Succeeded');
    const failed = ended.filter((p) => p.status?.phase !== 'Succeeded');
    const counted = failed.filter((p) => this.rule(job, p)?.action !== 'Ignore');
    const before = job.status ?? {};
    const done = parseIndexes(before.completedIndexes);
    for (const p of succeeded) if (indexed && indexOf(p) >= 0 && indexOf(p) < (job.spec?.completions ?? 0)) done.add(indexOf(p));
    const completed = [...done].sort((a, b) => a - b);
    const succeededCount = indexed ? completed.length : (before.succeeded ?? 0) + succeeded.length;
    const failedCount = (before.failed ?? 0) + counted.length;
    const startTime = before.startTime ?? (suspended ? undefined : now);
    const verdict = this.failure(job, failed, failedCount, startTime);
    const completions = job.spec?.completions;
    const complete = !verdict && this.complete(job, completions, completed, succeededCount, active.length);
    let result: 'done' | 'again' | number = 'done';
    let live = active;
    if (verdict || complete || suspended) live = this.stopAll(key, job, active, suspended && !verdict && !complete);
    else if (this.expected.satisfied(key) && job.metadata.deletionTimestamp === undefined) {
      const [more, wait] = this.manage(key, job, active, done, succeededCount, failedCount, all);
      live = [...active.slice(0, Math.max(0, active.length + Math.min(0, more)))];
      if (wait !== undefined) result = wait;
      if (more > 0) live = [...active, ...Array.from({ length: more }, () => undefined as unknown as Pod)];
    }
    const conditions = this.conditions(job, verdict, complete, suspended, now);
    const ready = live.filter((p) => p !== undefined && isPodReady(p)).length;
    const terminating =
      all.filter((p) => p.metadata.deletionTimestamp !== undefined && !this.over(p)).length +
      (active.length - Math.min(active.length, live.length));
    const final = verdict !== undefined || complete;
    const next: V1JobStatus = {
      ...(!final && live.length > 0 && { active: live.length }),
      ...(indexed && completed.length > 0 && { completedIndexes: compressIndexes(completed) }),
      ...(complete && { completionTime: now }),
      ...(conditions.length > 0 && { conditions }),
      ...(failedCount > 0 && { failed: failedCount }),
      ready: final ? 0 : ready,
      ...(startTime !== undefined && !(suspended && !final) && { startTime }),
      ...(succeededCount > 0 && { succeeded: succeededCount }),
      terminating: final ? 0 : terminating,
      uncountedTerminatedPods: {},
    };
    if (!equal(job.status, next)) {
      const written = this.ctx.client.update({ ...job, status: next }, { subresource: 'status' });
      if (!written.ok) return written.status.code === 404 ? 'done' : 'again';
      this.tell(job, verdict, complete, suspended);
    }
    for (const p of ended) this.untrack(p);
    const deadline = job.spec?.activeDeadlineSeconds;
    if (result === 'done' && deadline !== undefined && startTime !== undefined && !final)
      return Math.max(1, untilAfter(this.ctx.sim, startTime, deadline));
    return result;
  }

  private over(p: Pod): boolean {
    const phase = p.status?.phase;
    return phase === 'Succeeded' || phase === 'Failed' || (p.metadata.deletionTimestamp !== undefined && !p.spec?.nodeName);
  }

  private rule(job: Job, pod: Pod): V1PodFailurePolicyRule | undefined {
    for (const rule of job.spec?.podFailurePolicy?.rules ?? []) {
      const codes = rule.onExitCodes;
      if (codes) {
        const hit = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])].some((c) => {
          const code = c.state?.terminated?.exitCode;
          if (code === undefined || code === 0 || (codes.containerName !== undefined && codes.containerName !== c.name)) return false;
          return codes.values.includes(code) === (codes.operator === 'In');
        });
        if (hit) return rule;
      } else if (
        rule.onPodConditions?.some((want) =>
          pod.status?.conditions?.some((c) => c.type === want.type && c.status === (want.status ?? 'True')),
        )
      )
        return rule;
    }
    return undefined;
  }

  private failure(job: Job, failed: readonly Pod[], failedCount: number, startTime: string | undefined): Verdict | undefined {
    for (const p of failed) {
      const rule = this.rule(job, p);
      if (rule?.action !== 'FailJob') continue;
      const i = job.spec?.podFailurePolicy?.rules.indexOf(rule) ?? 0;
      const status = [...(p.status?.containerStatuses ?? [])].find((c) => (c.state?.terminated?.exitCode ?? 0) !== 0);
      const what = rule.onExitCodes
        ? `Container ${status?.name} for pod ${keyOf(p)} failed with exit code ${status?.state?.terminated?.exitCode}`
        : `Pod ${keyOf(p)} has condition ${rule.onPodConditions?.[0]?.type}`;
      return { reason: 'PodFailurePolicy', message: `${what} matching FailJob rule at index ${i}` };
    }
    const limit = job.spec?.backoffLimit ?? 6;
    const onFailure = job.spec?.template.spec?.restartPolicy === 'OnFailure';
    let restarts = 0;
    if (onFailure)
      for (const p of this.ctx.informers.byController<Pod>('pods').get(job.metadata.uid))
        if (p.status?.phase === 'Running' || p.status?.phase === 'Pending')
          for (const c of [...(p.status.initContainerStatuses ?? []), ...(p.status.containerStatuses ?? [])]) restarts += c.restartCount;
    const past = onFailure ? (limit === 0 ? restarts > 0 : restarts >= limit) : false;
    if (failedCount > limit || past) return { reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
    const deadline = job.spec?.activeDeadlineSeconds;
    if (
      deadline !== undefined &&
      startTime !== undefined &&
      untilAfter(this.ctx.sim, startTime, deadline) <= 0 &&
      job.spec?.suspend !== true
    )
      return { reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' };
    return undefined;
  }

  private complete(job: Job, completions: number | undefined, done: readonly number[], succeeded: number, active: number): boolean {
    if (job.spec?.completionMode === 'Indexed') return done.length >= (completions ?? 0) && active === 0;
    if (completions === undefined) return succeeded > 0 && active === 0;
    return succeeded >= completions && active === 0;
  }

  private conditions(
    job: Job,
    verdict: Verdict | undefined,
    complete: boolean,
    suspended: boolean,
    now: string,
  ): readonly V1JobCondition[] {
    const out = [...(job.status?.conditions ?? [])];
    const set = (type: string, status: string, reason: string, message: string): void => {
      const i = out.findIndex((c) => c.type === type);
      const c: V1JobCondition = { type, status, lastProbeTime: now, lastTransitionTime: now, reason, message };
      if (i < 0) out.push(c);
      else if (out[i]?.status !== status || out[i]?.reason !== reason) out[i] = c;
    };
    if (verdict) {
      set('FailureTarget', 'True', verdict.reason, verdict.message);
      set('Failed', 'True', verdict.reason, verdict.message);
    } else if (complete) {
      const text = 'Reached expected number of succeeded pods';
      set('SuccessCriteriaMet', 'True', 'CompletionsReached', text);
      set('Complete', 'True', 'CompletionsReached', text);
    } else if (suspended) set('Suspended', 'True', 'JobSuspended', 'Job suspended');
    else if (out.some((c) => c.type === 'Suspended' && c.status === 'True')) set('Suspended', 'False', 'JobResumed', 'Job resumed');
    return out;
  }

  private tell(job: Job, verdict: Verdict | undefined, complete: boolean, suspended: boolean): void {
    const was = job.status?.conditions?.some((c) => c.type === 'Suspended' && c.status === 'True') === true;
    if (verdict) this.pods.events.event(job, 'Warning', verdict.reason, verdict.message);
    else if (complete) this.pods.events.event(job, 'Normal', 'Completed', 'Job completed');
    else if (suspended && !was) this.pods.events.event(job, 'Normal', 'Suspended', 'Job suspended');
    else if (!suspended && was) this.pods.events.event(job, 'Normal', 'Resumed', 'Job resumed');
  }

  private stopAll(key: string, job: Job, active: readonly Pod[], suspended: boolean): Pod[] {
    for (const pod of active) {
      if (!this.pods.delete(pod, job)) continue;
      this.expected.expectDeletion(key, keyOf(pod));
      if (suspended) this.untrack(pod);
    }
    return [];
  }

  /** How many pods were made (or, negative, deleted), and when to look again. */
  private manage(
    key: string,
    job: Job,
    active: readonly Pod[],
    done: ReadonlySet<number>,
    succeeded: number,
    failed: number,
    all: readonly Pod[],
  ): readonly [number, number | undefined] {
    const { completions } = job.spec ?? {};
    const parallelism = job.spec?.parallelism ?? 1;
    let want: number;
    if (completions === undefined) want = succeeded > 0 ? active.length : parallelism;
    else want = Math.min(parallelism, Math.max(0, completions - succeeded));
    if (active.length > want) {
      const surplus = [...active]
        .sort(
          (a, b) => Number(isPodReady(a)) - Number(isPodReady(b)) || (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? 1 : -1),
        )
        .slice(0, active.length - want);
      for (const pod of surplus) if (this.pods.delete(pod, job)) this.expected.expectDeletion(key, keyOf(pod));
      return [-surplus.length, undefined];
    }
    const replace = job.spec?.podReplacementPolicy ?? (job.spec?.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed');
    const terminating = all.filter((p) => p.metadata.deletionTimestamp !== undefined && !this.over(p)).length;
    const taken = active.length + (replace === 'Failed' ? terminating : 0);
    const count = Math.min(BURST, want - taken);
    if (count <= 0) return [0, undefined];
    const wait = this.backoff(failed, all);
    if (wait > 0) return [0, wait];
    const free = job.spec?.completionMode === 'Indexed' ? this.freeIndexes(job, active, done, count) : undefined;
    let made = 0;
    for (let n = 0; n < (free?.length ?? count); n++) {
      const index = free?.[n];
      const pod = this.pods.create(
        this.template(job, index),
        job,
        index === undefined ? undefined : { generateName: `${job.metadata.name}-${index}-`, ...this.meta(job, index) },
      );
      if (!pod) break;
      this.expected.expectCreation(key);
      made++;
    }
    return [made, undefined];
  }

  private backoff(failed: number, all: readonly Pod[]): number {
    if (failed === 0) return 0;
    let last = Number.NEGATIVE_INFINITY;
    for (const p of all) {
      if (p.status?.phase !== 'Failed') continue;
      const ends = (p.status.containerStatuses ?? [])
        .map((c) => parseTime(c.state?.terminated?.finishedAt))
        .filter((t) => !Number.isNaN(t));
      last = Math.max(last, ends.length > 0 ? Math.max(...ends) : parseTime(p.metadata.creationTimestamp));
    }
    if (!Number.isFinite(last)) return 0;
    const wait = Math.min(MAX_BACKOFF, BACKOFF * 2 ** Math.min(failed - 1, 10));
    return (last - this.ctx.sim.epochMs) * 1000 + wait - this.ctx.sim.now;
  }

  private freeIndexes(job: Job, active: readonly Pod[], done: ReadonlySet<number>, count: number): number[] {
    const busy = new Set(active.map(indexOf));
    const out: number[] = [];
    for (let i = 0; i < (job.spec?.completions ?? 0) && out.length < count; i++) if (!done.has(i) && !busy.has(i)) out.push(i);
    return out;
  }

  private meta(
    job: Job,
    index: number,
  ): {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
    readonly finalizers: readonly string[];
  } {
    const template = job.spec?.template.metadata;
    return {
      labels: { ...template?.labels, [INDEX]: String(index) },
      annotations: { ...template?.annotations, [INDEX]: String(index) },
      finalizers: [...(template?.finalizers ?? []), TRACKING],
    };
  }

  private template(job: Job, index: number | undefined): V1PodTemplateSpec {
    const template = job.spec?.template ?? {};
    const finalizers = [...(template.metadata?.finalizers ?? []), TRACKING];
    if (index === undefined || !template.spec) return { ...template, metadata: { ...template.metadata, finalizers } };
    const env = { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { fieldPath: `metadata.labels['${INDEX}']` } } };
    const withIndex = <C extends { readonly name: string; readonly env?: readonly { readonly name: string }[] }>(c: C): C =>
      c.env?.some((e) => e.name === env.name) ? c : { ...c, env: [...(c.env ?? []), env] };
    return {
      ...template,
      metadata: { ...template.metadata, finalizers },
      spec: {
        ...template.spec,
        hostname: `${job.metadata.name}-${index}`,
        containers: template.spec.containers.map(withIndex),
        ...(template.spec.initContainers && { initContainers: template.spec.initContainers.map(withIndex) }),
      },
    };
  }

  stop(): void {
    this.queue.stop();
  }
}

export const job: Controller = { name: 'job-controller', start: (ctx) => new Jobs(ctx) };
