/** describe of what makes pods: Deployment, ReplicaSet, DaemonSet, StatefulSet, Job, CronJob, autoscaler, budget. Models describeDeployment and its like */

import type { Task } from '../../../os/program.ts';
import { Failure } from '../errors.ts';
import { goJson, isObject, type JsonObject, list, num, obj, str, withPath } from '../json.ts';
import { humanDuration, quote } from '../strconv.ts';
import { timeOf } from '../table.ts';
import { podTemplate } from './pod.ts';
import {
  controllerOf,
  type Describer,
  type Describing,
  describeEvents,
  itemsAt,
  labelsAndAnnotations,
  labelsText,
  meta,
  nameAndNamespace,
  rfc1123,
  selectorText,
} from './writer.ts';

/** A selector as the API takes it in a query; empty for none. */
const query = (o: JsonObject): string => {
  const text = selectorText(obj(o, 'spec', 'selector'));
  return text === '<none>' ? '' : text;
};

/** `2 Running / 0 Waiting / 0 Succeeded / 0 Failed` */
function* podsStatus(d: Describing): Task<string> {
  const pods = yield* itemsAt(d, `/api/v1/namespaces/${meta(d, 'namespace')}/pods`, { labelSelector: query(d.object) });
  if (pods instanceof Failure) return `error in fetching pods: ${pods.message}`;
  const own = pods.filter((p) =>
    list(p, 'metadata', 'ownerReferences').some((r) => isObject(r) && r.controller === true && str(r, 'uid') === meta(d, 'uid')),
  );
  const count = (phase: string): number => own.filter((p) => str(p, 'status', 'phase') === phase).length;
  return `${count('Running')} Running / ${count('Pending')} Waiting / ${count('Succeeded')} Succeeded / ${count('Failed')} Failed`;
}

function conditions(d: Describing): void {
  const all = list(d.object, 'status', 'conditions');
  if (all.length === 0) return;
  d.w.write(0, 'Conditions:\n  Type\tStatus\tReason\n');
  d.w.write(1, '----\t------\t------\n');
  for (const c of all) d.w.write(1, `${str(c, 'type')} \t${str(c, 'status')}\t${str(c, 'reason')}\n`);
}

const ownedBy = (o: JsonObject, uid: string): boolean =>
  list(o, 'metadata', 'ownerReferences').some((r) => isObject(r) && r.controller === true && str(r, 'uid') === uid);
const templateKey = (o: JsonObject): string =>
  goJson(withPath(obj(o, 'spec', 'template'), ['metadata', 'labels', 'pod-template-hash'], undefined));

export const describeDeployment: Describer = function* (d) {
  const { w } = d;
  const spec = obj(d.object, 'spec');
  const st = obj(d.object, 'status');
  nameAndNamespace(d);
  w.write(0, `CreationTimestamp:\t${rfc1123(meta(d, 'creationTimestamp'))}\n`);
  labelsAndAnnotations(d);
  w.write(0, `Selector:\t${selectorText(obj(spec, 'selector'))}\n`);
  w.write(
    0,
    `Replicas:\t${num(spec, 'replicas')} desired | ${num(st, 'updatedReplicas')} updated | ${num(st, 'replicas')} total | ${num(st, 'availableReplicas')} available | ${num(st, 'unavailableReplicas')} unavailable\n`,
  );
  w.write(0, `StrategyType:\t${str(spec, 'strategy', 'type')}\n`);
  w.write(0, `MinReadySeconds:\t${num(spec, 'minReadySeconds')}\n`);
  const rolling = obj(spec, 'strategy', 'rollingUpdate');
  if (Object.keys(rolling).length > 0)
    w.write(0, `RollingUpdateStrategy:\t${str(rolling, 'maxUnavailable')} max unavailable, ${str(rolling, 'maxSurge')} max surge\n`);
  podTemplate(w, obj(spec, 'template'));
  conditions(d);
  const sets = yield* itemsAt(d, `/apis/apps/v1/namespaces/${meta(d, 'namespace')}/replicasets`, { labelSelector: query(d.object) });
  if (!(sets instanceof Failure)) {
    const own = sets
      .filter((r) => ownedBy(r, meta(d, 'uid')))
      .sort((a, b) => timeOf(str(a, 'metadata', 'creationTimestamp')) - timeOf(str(b, 'metadata', 'creationTimestamp')));
    const key = templateKey(d.object);
    const current = own.find((r) => templateKey(r) === key);
    const text = (all: readonly JsonObject[]): string =>
      all
        .map((r) => `${str(r, 'metadata', 'name')} (${num(r, 'status', 'replicas')}/${num(r, 'spec', 'replicas')} replicas created)`)
        .join(', ') || '<none>';
    if (own.length > 0) {
      w.write(0, `OldReplicaSets:\t${text(own.filter((r) => r !== current))}\n`);
      w.write(0, `NewReplicaSet:\t${text(current ? [current] : [])}\n`);
    }
  }
  yield* describeEvents(d);
  return null;
};

export const describeReplicaSet: Describer = function* (d) {
  const { w } = d;
  nameAndNamespace(d);
  const selector = obj(d.object, 'spec', 'selector');
  w.write(0, `Selector:\t${str(d.object, 'kind') === 'ReplicationController' ? labelsText(selector) : selectorText(selector)}\n`);
  labelsAndAnnotations(d);
  const owner = controllerOf(d.object);
  if (owner !== '') w.write(0, `Controlled By:\t${owner}\n`);
  w.write(0, `Replicas:\t${num(d.object, 'status', 'replicas')} current / ${num(d.object, 'spec', 'replicas')} desired\n`);
  w.write(0, `Pods Status:\t${yield* podsStatus(d)}\n`);
  podTemplate(w, obj(d.object, 'spec', 'template'));
  conditions(d);
  yield* describeEvents(d);
  return null;
};

export const describeDaemonSet: Describer = function* (d) {
  const { w } = d;
  nameAndNamespace(d);
  w.write(0, `Selector:\t${selectorText(obj(d.object, 'spec', 'selector'))}\n`);
  w.write(0, `Node-Selector:\t${labelsText(obj(d.object, 'spec', 'template', 'spec', 'nodeSelector'))}\n`);
  labelsAndAnnotations(d);
  for (const [label, key] of [
    ['Desired Number of Nodes Scheduled', 'desiredNumberScheduled'],
    ['Current Number of Nodes Scheduled', 'currentNumberScheduled'],
    ['Number of Nodes Scheduled with Up-to-date Pods', 'updatedNumberScheduled'],
    ['Number of Nodes Scheduled with Available Pods', 'numberAvailable'],
    ['Number of Nodes Misscheduled', 'numberMisscheduled'],
  ] as const)
    w.write(0, `${label}: ${num(d.object, 'status', key)}\n`);
  w.write(0, `Pods Status:\t${yield* podsStatus(d)}\n`);
  podTemplate(w, obj(d.object, 'spec', 'template'));
  yield* describeEvents(d);
  return null;
};

export const describeStatefulSet: Describer = function* (d) {
  const { w } = d;
  const spec = obj(d.object, 'spec');
  nameAndNamespace(d);
  w.write(0, `CreationTimestamp:\t${rfc1123(meta(d, 'creationTimestamp'))}\n`);
  w.write(0, `Selector:\t${selectorText(obj(spec, 'selector'))}\n`);
  labelsAndAnnotations(d);
  if (str(spec, 'serviceName') !== '') w.write(0, `Service Name:\t${str(spec, 'serviceName')}\n`);
  if (str(spec, 'podManagementPolicy') !== '') w.write(0, `Pod Management Policy:\t${str(spec, 'podManagementPolicy')}\n`);
  w.write(0, `Replicas:\t${num(spec, 'replicas')} desired | ${num(d.object, 'status', 'replicas')} total\n`);
  w.write(0, `Update Strategy:\t${str(spec, 'updateStrategy', 'type')}\n`);
  const rolling = obj(spec, 'updateStrategy', 'rollingUpdate');
  if (rolling.partition !== undefined) w.write(1, `Partition:\t${num(rolling, 'partition')}\n`);
  if (rolling.maxUnavailable !== undefined) w.write(1, `MaxUnavailable:\t${str(rolling, 'maxUnavailable')}\n`);
  const retention = obj(spec, 'persistentVolumeClaimRetentionPolicy');
  if (Object.keys(retention).length > 0) {
    w.write(0, 'Persistent Volume Claim Retention Policy:\n');
    w.write(1, `WhenDeleted:\t${str(retention, 'whenDeleted')}\n`);
    w.write(1, `WhenScaled:\t${str(retention, 'whenScaled')}\n`);
  }
  w.write(0, `Pods Status:\t${yield* podsStatus(d)}\n`);
  podTemplate(w, obj(spec, 'template'));
  const claims = list(spec, 'volumeClaimTemplates');
  w.write(0, claims.length === 0 ? 'Volume Claims:\t<none>\n' : 'Volume Claims:\n');
  for (const c of claims) {
    w.write(1, `Name:\t${str(c, 'metadata', 'name')}\n`);
    w.write(1, `StorageClass:\t${str(c, 'spec', 'storageClassName')}\n`);
    w.labels('Labels', obj(c, 'metadata', 'labels'), '  ');
    w.labels('Annotations', obj(c, 'metadata', 'annotations'), '  ');
    w.write(1, `Capacity:\t${str(c, 'spec', 'resources', 'requests', 'storage') || '<default>'}\n`);
    w.write(1, `Access Modes:\t[${list(c, 'spec', 'accessModes').map(String).join(' ')}]\n`);
  }
  yield* describeEvents(d);
  return null;
};

export const describeJob: Describer = function* (d) {
  const { w } = d;
  const spec = obj(d.object, 'spec');
  const st = obj(d.object, 'status');
  nameAndNamespace(d);
  w.write(0, `Selector:\t${selectorText(obj(spec, 'selector'))}\n`);
  labelsAndAnnotations(d);
  const owner = controllerOf(d.object);
  if (owner !== '') w.write(0, `Controlled By:\t${owner}\n`);
  if (spec.parallelism !== undefined) w.write(0, `Parallelism:\t${num(spec, 'parallelism')}\n`);
  w.write(0, `Completions:\t${str(spec, 'completions') || '<unset>'}\n`);
  for (const [label, key] of [
    ['Completion Mode', 'completionMode'],
    ['Suspend', 'suspend'],
    ['Backoff Limit', 'backoffLimit'],
    ['TTL Seconds After Finished', 'ttlSecondsAfterFinished'],
  ] as const)
    if (spec[key] !== undefined) w.write(0, `${label}:\t${str(spec, key)}\n`);
  const [start, end] = [str(st, 'startTime'), str(st, 'completionTime')];
  if (start !== '') w.write(0, `Start Time:\t${rfc1123(start)}\n`);
  if (end !== '') w.write(0, `Completed At:\t${rfc1123(end)}\n`);
  if (start !== '' && end !== '') w.write(0, `Duration:\t${humanDuration(timeOf(end) - timeOf(start))}\n`);
  if (spec.activeDeadlineSeconds !== undefined) w.write(0, `Active Deadline Seconds:\t${num(spec, 'activeDeadlineSeconds')}s\n`);
  w.write(
    0,
    `Pods Statuses:\t${num(st, 'active')} Active${st.ready === undefined ? '' : ` (${num(st, 'ready')} Ready)`} / ${num(st, 'succeeded')} Succeeded / ${num(st, 'failed')} Failed\n`,
  );
  if (str(spec, 'completionMode') === 'Indexed') w.write(0, `Completed Indexes:\t${str(st, 'completedIndexes') || '<none>'}\n`);
  podTemplate(w, obj(spec, 'template'));
  yield* describeEvents(d);
  return null;
};

export const describeCronJob: Describer = function* (d) {
  const { w } = d;
  const spec = obj(d.object, 'spec');
  const job = obj(spec, 'jobTemplate', 'spec');
  const unset = (label: string, o: JsonObject, key: string, suffix = ''): void =>
    w.write(0, `${label}:\t${o[key] === undefined ? '<unset>' : `${str(o, key)}${suffix}`}\n`);
  nameAndNamespace(d);
  labelsAndAnnotations(d);
  w.write(0, `Schedule:\t${str(spec, 'schedule')}\n`);
  w.write(0, `Concurrency Policy:\t${str(spec, 'concurrencyPolicy')}\n`);
  w.write(0, `Suspend:\t${spec.suspend === undefined ? '<unset>' : spec.suspend === true ? 'True' : 'False'}\n`);
  unset('Time Zone', spec, 'timeZone');
  unset('Successful Job History Limit', spec, 'successfulJobsHistoryLimit');
  unset('Failed Job History Limit', spec, 'failedJobsHistoryLimit');
  unset('Starting Deadline Seconds', spec, 'startingDeadlineSeconds', 's');
  w.write(0, `Selector:\t${isObject(job.selector) ? selectorText(job.selector) : '<unset>'}\n`);
  unset('Parallelism', job, 'parallelism');
  unset('Completions', job, 'completions');
  if (job.activeDeadlineSeconds !== undefined) w.write(0, `Active Deadline Seconds:\t${num(job, 'activeDeadlineSeconds')}s\n`);
  podTemplate(w, obj(job, 'template'));
  const last = str(d.object, 'status', 'lastScheduleTime');
  w.write(0, `Last Schedule Time:\t${last === '' ? '<unset>' : rfc1123(last)}\n`);
  w.write(
    0,
    `Active Jobs:\t${
      list(d.object, 'status', 'active')
        .map((j) => str(j, 'name'))
        .join(', ') || '<none>'
    }\n`,
  );
  yield* describeEvents(d);
  return null;
};

function metric(d: Describing, m: JsonObject, current: JsonObject): void {
  const { w } = d;
  const type = str(m, 'type');
  const key = `${type.charAt(0).toLowerCase()}${type.slice(1)}`;
  const of = obj(m, key);
  const now = obj(current, key, 'current');
  const target = obj(of, 'target');
  const value = (field: string): string => str(now, field) || '<unknown>';
  const name = str(of, 'metric', 'name');
  switch (type) {
    case 'Resource':
    case 'ContainerResource': {
      const what = `resource ${str(of, 'name')}${type === 'Resource' ? '' : ` of container "${str(of, 'container')}"`} on pods`;
      if (target.averageValue !== undefined) w.write(1, `${what}:\t${value('averageValue')} / ${str(target, 'averageValue')}\n`);
      else {
        const shown =
          now.averageUtilization === undefined ? '<unknown>' : `${num(now, 'averageUtilization')}% (${str(now, 'averageValue')})`;
        w.write(
          1,
          `${what}  (as a percentage of request):\t${shown} / ${target.averageUtilization === undefined ? '<auto>' : `${num(target, 'averageUtilization')}%`}\n`,
        );
      }
      break;
    }
    case 'Pods':
      w.write(1, `${quote(name)} on pods:\t${value('averageValue')} / ${str(target, 'averageValue')}\n`);
      break;
    case 'Object': {
      const average = str(target, 'type') === 'AverageValue';
      w.write(
        1,
        `"${name}" on ${str(of, 'describedObject', 'kind')}/${str(of, 'describedObject', 'name')} (target ${average ? 'average value' : 'value'}):\t${value(average ? 'averageValue' : 'value')} / ${str(target, average ? 'averageValue' : 'value')}\n`,
      );
      break;
    }
    case 'External': {
      const average = target.averageValue !== undefined;
      w.write(
        1,
        `${quote(name)} (target ${average ? 'average value' : 'value'}):\t${value(average ? 'averageValue' : 'value')} / ${str(target, average ? 'averageValue' : 'value')}\n`,
      );
      break;
    }
    default:
      w.write(1, `<unknown metric type ${quote(type)}>\n`);
  }
}

export const describeAutoscaler: Describer = function* (d) {
  const { w } = d;
  const spec = obj(d.object, 'spec');
  const st = obj(d.object, 'status');
  nameAndNamespace(d);
  labelsAndAnnotations(d);
  w.write(0, `CreationTimestamp:\t${rfc1123(meta(d, 'creationTimestamp'))}\n`);
  w.write(0, `Reference:\t${str(spec, 'scaleTargetRef', 'kind')}/${str(spec, 'scaleTargetRef', 'name')}\n`);
  w.write(0, 'Metrics:\t( current / target )\n');
  const current = list(st, 'currentMetrics');
  list(spec, 'metrics').forEach((m, i) => {
    metric(d, obj(m), obj(current[i]));
  });
  w.write(0, `Min replicas:\t${str(spec, 'minReplicas') || '<unset>'}\n`);
  w.write(0, `Max replicas:\t${num(spec, 'maxReplicas')}\n`);
  if (isObject(spec.behavior)) {
    w.write(0, 'Behavior:\n');
    for (const [label, key] of [
      ['Scale Up', 'scaleUp'],
      ['Scale Down', 'scaleDown'],
    ] as const) {
      const rules = obj(spec, 'behavior', key);
      if (Object.keys(rules).length === 0) continue;
      w.write(1, `${label}:\n`);
      if (rules.stabilizationWindowSeconds !== undefined)
        w.write(2, `Stabilization Window: ${num(rules, 'stabilizationWindowSeconds')} seconds\n`);
      if (list(rules, 'policies').length > 0) {
        w.write(2, `Select Policy: ${str(rules, 'selectPolicy') || 'Max'}\n`);
        w.write(2, 'Policies:\n');
        for (const p of list(rules, 'policies'))
          w.write(3, `- Type: ${str(p, 'type')}\tValue: ${num(p, 'value')}\tPeriod: ${num(p, 'periodSeconds')} seconds\n`);
      }
    }
  }
  w.write(
    0,
    `${str(spec, 'scaleTargetRef', 'kind')} pods:\t${num(st, 'currentReplicas')} current / ${num(st, 'desiredReplicas')} desired\n`,
  );
  const all = list(st, 'conditions');
  if (all.length > 0) {
    w.write(0, 'Conditions:\n');
    w.write(1, 'Type\tStatus\tReason\tMessage\n');
    w.write(1, '----\t------\t------\t-------\n');
  }
  for (const c of all) w.write(1, `${str(c, 'type')}\t${str(c, 'status')}\t${str(c, 'reason')}\t${str(c, 'message')}\n`);
  yield* describeEvents(d);
  return null;
};

export const describeBudget: Describer = function* (d) {
  const { w } = d;
  const spec = obj(d.object, 'spec');
  nameAndNamespace(d);
  if (spec.minAvailable !== undefined) w.write(0, `Min available:\t${str(spec, 'minAvailable')}\n`);
  else if (spec.maxUnavailable !== undefined) w.write(0, `Max unavailable:\t${str(spec, 'maxUnavailable')}\n`);
  w.write(0, `Selector:\t${isObject(spec.selector) ? selectorText(spec.selector) : '<unset>'}\n`);
  w.write(0, 'Status:\n');
  for (const [label, key] of [
    ['Allowed disruptions', 'disruptionsAllowed'],
    ['Current', 'currentHealthy'],
    ['Desired', 'desiredHealthy'],
    ['Total', 'expectedPods'],
  ] as const)
    w.write(2, `${label}:\t${num(d.object, 'status', key)}\n`);
  yield* describeEvents(d);
  return null;
};
