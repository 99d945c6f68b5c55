/** CronJobs make Jobs at times. Models pkg/controller/cronjob's controllerv2. */

import { SEC } from '../../sim/sim.ts';
import { equal } from '../api/equal.ts';
import { WorkQueue } from '../api/informer.ts';
import { controllerOf, type Job, type KubeObject, keyOf, type Stored } from '../api/object.ts';
import type { V1CronJob, V1CronJobStatus, V1Job, V1ObjectReference } from '../api/types.ts';
import { nowMs, parseTime, timeText } from './clock.ts';
import type { Controller, ControllerContext, Running } from './context.ts';
import { ownerKey } from './control.ts';
import { Recorder, referenceTo } from './events.ts';
import { jobFinished } from './job.ts';
import { ownerReference } from './pods.ts';
import { mostRecent, parseSchedule } from './schedule.ts';

const CRON_JOBS = 'cronjobs.batch';
const JOBS = 'jobs.batch';

type CronJob = Stored<V1CronJob>;

class CronJobs implements Running {
  private readonly ctx: ControllerContext;
  private readonly queue: WorkQueue;
  private readonly events: Recorder;

  constructor(ctx: ControllerContext) {
    this.ctx = ctx;
    this.events = new Recorder(ctx.sim, ctx.client, 'cronjob-controller');
    this.queue = new WorkQueue(ctx.sim, (key) => this.sync(key));
    ctx.informers.byController<Job>(JOBS);
    const enqueue = (o: KubeObject): void => this.queue.add(keyOf(o));
    ctx.informers.of<CronJob>(CRON_JOBS).on({ add: enqueue, update: (_, c) => enqueue(c) });
    const seen = (j: Job): void => {
      const key = ownerKey(ctx, j, 'CronJob', CRON_JOBS);
      if (key !== undefined) this.queue.add(key);
    };
    ctx.informers.of<Job>(JOBS).on({ add: seen, update: (_, j) => seen(j), delete: seen });
  }

  private sync(key: string): 'done' | 'again' | number {
    const cj = this.ctx.informers.of<CronJob>(CRON_JOBS).get(key);
    if (!cj) return 'done';
    const jobs = this.ctx.informers.byController<Job>(JOBS).get(cj.metadata.uid);
    let active: V1ObjectReference[] = [...(cj.status?.active ?? [])];
    let lastSuccessful = cj.status?.lastSuccessfulTime;
    for (const j of jobs) {
      const listed = active.some((r) => r.uid === j.metadata.uid);
      const end = jobFinished(j);
      if (!listed && !end)
        this.events.event(cj, 'Warning', 'UnexpectedJob', `Saw a job that the controller did not create or forgot: ${j.metadata.name}`);
      else if (listed && end) {
        active = active.filter((r) => r.uid !== j.metadata.uid);
        this.events.event(cj, 'Normal', 'SawCompletedJob', `Saw completed job: ${j.metadata.name}, condition: ${end.type}`);
      }
      if (
        end?.type === 'Complete' &&
        j.status?.completionTime !== undefined &&
        !(parseTime(j.status.completionTime) <= parseTime(lastSuccessful))
      )
        lastSuccessful = j.status.completionTime;
    }
    for (const r of [...active]) {
      if (jobs.some((j) => j.metadata.uid === r.uid)) continue;
      const live = this.ctx.client.get<Job>(JOBS, r.namespace ?? '', r.name ?? '');
      if (live.ok && live.value.metadata.uid === r.uid) continue;
      this.events.event(cj, 'Normal', 'MissingJob', `Active job went missing: ${r.name}`);
      active = active.filter((x) => x !== r);
    }
    this.history(cj, jobs);
    const status: { -readonly [K in keyof V1CronJobStatus]: V1CronJobStatus[K] } = {
      ...cj.status,
      active,
      lastSuccessfulTime: lastSuccessful,
    };
    const result = this.fire(cj, jobs, status);
    const next: V1CronJobStatus = {
      ...(status.active && status.active.length > 0 && { active: status.active }),
      ...(status.lastScheduleTime !== undefined && { lastScheduleTime: status.lastScheduleTime }),
      ...(status.lastSuccessfulTime !== undefined && { lastSuccessfulTime: status.lastSuccessfulTime }),
    };
    if (!equal(cj.status ?? {}, next)) {
      const written = this.ctx.client.update({ ...cj, status: next }, { subresource: 'status' });
      if (!written.ok && written.status.code !== 404) return 'again';
    }
    return result;
  }

  private fire(
    cj: CronJob,
    jobs: readonly Job[],
    status: { active?: readonly V1ObjectReference[]; lastScheduleTime?: string },
  ): 'done' | 'again' | number {
    if (cj.metadata.deletionTimestamp !== undefined || cj.spec?.suspend) return 'done';
    const schedule = parseSchedule(cj.spec?.schedule ?? '', zoneOffset(cj.spec?.timeZone));
    if (typeof schedule === 'string') {
      this.events.event(cj, 'Warning', 'UnparseableSchedule', `unparseable schedule: "${cj.spec?.schedule}" : ${schedule}`);
      return 'done';
    }
    const now = nowMs(this.ctx.sim);
    const wait = (): 'done' | number => {
      const t = schedule.next(now);
      return t === undefined ? 'done' : Math.max(1, Math.round((t - now) * 1000)) + SEC / 10;
    };
    let earliest = status.lastScheduleTime ?? cj.metadata.creationTimestamp;
    const deadline = cj.spec?.startingDeadlineSeconds;
    if (deadline !== undefined && parseTime(earliest) < now - deadline * 1000) earliest = timeText(now - deadline * 1000);
    const { time, missed } = mostRecent(schedule, earliest, now);
    if (missed > 100)
      this.events.event(
        cj,
        'Warning',
        'TooManyMissedTimes',
        'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew',
      );
    if (time === undefined) return wait();
    if (deadline !== undefined && time + deadline * 1000 < now) {
      this.events.event(cj, 'Warning', 'MissSchedule', `Missed scheduled time to start a job: ${new Date(time).toUTCString()}`);
      return wait();
    }
    const name = `${cj.metadata.name.slice(0, 52)}-${Math.floor(time / 60_000)}`;
    if (status.active?.some((r) => r.name === name) || parseTime(status.lastScheduleTime) === time) return wait();
    const policy = cj.spec?.concurrencyPolicy ?? 'Allow';
    if (policy === 'Forbid' && (status.active?.length ?? 0) > 0) {
      this.events.event(
        cj,
        'Normal',
        'JobAlreadyActive',
        'Not starting job because prior execution is running and concurrency policy is Forbid',
      );
      return wait();
    }
    if (policy === 'Replace')
      for (const r of status.active ?? []) {
        const j = jobs.find((x) => x.metadata.uid === r.uid);
        if (j && this.ctx.client.delete(JOBS, j.metadata.namespace ?? '', j.metadata.name, { propagationPolicy: 'Background' }).ok)
          this.events.event(cj, 'Normal', 'SuccessfulDelete', `Deleted job ${j.metadata.name}`);
        status.active = status.active?.filter((x) => x !== r);
      }
    const template = cj.spec?.jobTemplate;
    const made = this.ctx.client.create({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        name,
        namespace: cj.metadata.namespace,
        ...(template?.metadata?.labels && { labels: template.metadata.labels }),
        annotations: { ...template?.metadata?.annotations, 'batch.kubernetes.io/cronjob-scheduled-timestamp': timeText(time) },
        ownerReferences: [ownerReference(cj)],
      },
      spec: template?.spec,
    } as V1Job & KubeObject);
    if (!made.ok) {
      if (made.status.reason === 'AlreadyExists') return wait();
      if (made.status.code !== 403) this.events.event(cj, 'Warning', 'FailedCreate', `Error creating job: ${made.status.message}`);
      return wait();
    }
    this.events.event(cj, 'Normal', 'SuccessfulCreate', `Created job ${name}`);
    const { fieldPath: _f, ...ref } = referenceTo(made.value as KubeObject);
    status.active = [...(status.active ?? []), ref];
    status.lastScheduleTime = timeText(time);
    return wait();
  }

  private history(cj: CronJob, jobs: readonly Job[]): void {
    const keep = (type: string, limit: number): void => {
      const ended = jobs.filter((j) => jobFinished(j)?.type === type && controllerOf(j)?.uid === cj.metadata.uid);
      const start = (j: Job): string => j.status?.startTime ?? j.metadata.creationTimestamp;
      ended.sort((a, b) => (start(a) < start(b) ? -1 : start(a) > start(b) ? 1 : a.metadata.name < b.metadata.name ? -1 : 1));
      for (const j of ended.slice(0, Math.max(0, ended.length - limit)))
        if (this.ctx.client.delete(JOBS, j.metadata.namespace ?? '', j.metadata.name, { propagationPolicy: 'Background' }).ok)
          this.events.event(cj, 'Normal', 'SuccessfulDelete', `Deleted job ${j.metadata.name}`);
    };
    keep('Complete', cj.spec?.successfulJobsHistoryLimit ?? 3);
    keep('Failed', cj.spec?.failedJobsHistoryLimit ?? 1);
  }

  stop(): void {
    this.queue.stop();
  }
}

/** Minutes that a zone of the tz database is ahead of UTC. */
function zoneOffset(zone: string | undefined): (ms: number) => number {
  if (zone === undefined || zone === 'UTC' || zone === 'Etc/UTC') return () => 0;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  return (ms) => {
    const part: Record<string, number> = {};
    for (const p of format.formatToParts(ms)) part[p.type] = Number(p.value);
    const local = Date.UTC(part.year ?? 1970, (part.month ?? 1) - 1, part.day, part.hour, part.minute);
    return Math.round((local - Math.floor(ms / 60_000) * 60_000) / 60_000);
  };
}

export const cronJob: Controller = { name: 'cronjob-controller', start: (ctx) => new CronJobs(ctx) };
