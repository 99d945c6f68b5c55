/** Job and CronJob. Models pkg/apis/batch/{v1/defaults.go,validation}, pkg/registry/batch, printers. */

import { equal } from '../equal.ts';
import { GoText, goJson, invalid, notSupported, required } from '../field.ts';
import { registerKind } from '../kind.ts';
import { dns1123Label, nameIsSubdomain } from '../names.ts';
import type { Job, Stored } from '../object.ts';
import { humanDuration } from '../time.ts';
import type { V1CronJob, V1CronJobSpec, V1JobSpec, V1JobTemplateSpec, V1PodFailurePolicyRule } from '../types.ts';
import { age, columns, containerImages, containerNames, formatSelector, since } from './columns.ts';
import { type Errors, immutable, labelSelector, nonNegative, selectorText, selects, withMembers } from './common.ts';
import { parseCron } from './cron.ts';
import { internalTemplate } from './internal.ts';
import { templateDefaults } from './pod-defaults.ts';
import { validatePodTemplate } from './podspec.ts';

const UID = 'batch.kubernetes.io/controller-uid';
const NAME = 'batch.kubernetes.io/job-name';

function jobSpecDefaults(spec: V1JobSpec): V1JobSpec {
  const alone = spec.completions === undefined && spec.parallelism === undefined;
  return withMembers(spec, {
    completions: alone ? 1 : spec.completions,
    parallelism: spec.parallelism ?? 1,
    backoffLimit: spec.backoffLimit ?? (spec.backoffLimitPerIndex === undefined ? 6 : 0x7fffffff),
    completionMode: spec.completionMode ?? 'NonIndexed',
    suspend: spec.suspend ?? false,
    podReplacementPolicy: spec.podReplacementPolicy ?? (spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed'),
    manualSelector: spec.manualSelector ?? false,
    template: templateDefaults(spec.template ?? {}),
  });
}

function failureRule(field: string, rule: V1PodFailurePolicyRule, containers: readonly string[], perIndex: boolean): Errors {
  const out: Errors = [];
  const actions = ['FailJob', 'FailIndex', 'Ignore', 'Count'];
  if (!rule.action) out.push(required(`${field}.action`, 'valid values: "Count", "FailIndex", "FailJob", "Ignore"'));
  else if (!actions.includes(rule.action)) out.push(notSupported(`${field}.action`, rule.action, [...actions].sort()));
  if (rule.action === 'FailIndex' && !perIndex)
    out.push(invalid(`${field}.action`, rule.action, 'requires the backoffLimitPerIndex to be set'));
  const codes = rule.onExitCodes;
  const patterns = rule.onPodConditions ?? [];
  if (codes) {
    const at = `${field}.onExitCodes`;
    if (!codes.operator) out.push(required(`${at}.operator`, 'valid values: "In", "NotIn"'));
    else if (codes.operator !== 'In' && codes.operator !== 'NotIn')
      out.push(notSupported(`${at}.operator`, codes.operator, ['In', 'NotIn']));
    if (codes.containerName !== undefined && !containers.includes(codes.containerName))
      out.push(
        invalid(`${at}.containerName`, codes.containerName, 'must be one of the container or initContainer names in the pod template'),
      );
    const values = codes.values ?? [];
    if (values.length === 0) out.push(invalid(`${at}.values`, values, 'at least one value is required'));
    if (values.length > 255)
      out.push({ type: 'FieldValueTooMany', field: `${at}.values`, bad: values.length, detail: 'must have at most 255 items' });
    if (values.some((v, i) => i > 0 && v < (values[i - 1] as number))) out.push(invalid(`${at}.values`, values, 'must be ordered'));
    if (codes.operator === 'In' && values.includes(0))
      out.push(invalid(`${at}.values[${values.indexOf(0)}]`, 0, 'must not be 0 for the In operator'));
  }
  patterns.forEach((p, i) => {
    const at = `${field}.onPodConditions[${i}]`;
    if (!['True', 'False', 'Unknown'].includes(p.status ?? 'True'))
      out.push(notSupported(`${at}.status`, p.status, ['False', 'True', 'Unknown']));
  });
  if (codes && patterns.length > 0) out.push(invalid(field, null, 'specifying both OnExitCodes and OnPodConditions is not supported'));
  if (!codes && patterns.length === 0) out.push(invalid(field, null, 'specifying one of OnExitCodes and OnPodConditions is required'));
  return out;
}

function validateSpec(field: string, spec: V1JobSpec): Errors {
  const out: Errors = [];
  for (const key of [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
    'maxFailedIndexes',
  ] as const)
    out.push(...nonNegative(`${field}.${key}`, spec[key]));
  const mode = spec.completionMode;
  if (spec.backoffLimitPerIndex !== undefined && mode !== 'Indexed')
    out.push(invalid(`${field}.backoffLimitPerIndex`, spec.backoffLimitPerIndex, 'requires indexed completion mode'));
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined)
    out.push(required(`${field}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified'));
  if (spec.managedBy !== undefined && !spec.managedBy.includes('/'))
    out.push(invalid(`${field}.managedBy`, spec.managedBy, 'must be a domain-prefixed path (such as "acme.io/foo")'));
  if (mode !== undefined) {
    if (mode !== 'NonIndexed' && mode !== 'Indexed') out.push(notSupported(`${field}.completionMode`, mode, ['NonIndexed', 'Indexed']));
    if (mode === 'Indexed') {
      if (spec.completions === undefined) out.push(required(`${field}.completions`, 'when completion mode is Indexed'));
      if ((spec.parallelism ?? 0) > 100000)
        out.push(invalid(`${field}.parallelism`, spec.parallelism, 'must be less than or equal to 100000 when completion mode is Indexed'));
    }
  }
  const pods = spec.template.spec;
  if (spec.podFailurePolicy) {
    if (pods?.restartPolicy !== 'Never')
      out.push(
        invalid(
          `${field}.podFailurePolicy.restartPolicy`,
          pods?.restartPolicy ?? '',
          'only "Never" is supported when podFailurePolicy is specified',
        ),
      );
    const names = [...(pods?.containers ?? []), ...(pods?.initContainers ?? [])].map((c) => c.name);
    out.push(
      ...(spec.podFailurePolicy.rules ?? []).flatMap((r, i) =>
        failureRule(`${field}.podFailurePolicy.rules[${i}]`, r, names, spec.backoffLimitPerIndex !== undefined),
      ),
    );
  }
  const replace = spec.podReplacementPolicy;
  if (replace !== undefined) {
    if (spec.podFailurePolicy && replace !== 'Failed') out.push(notSupported(`${field}.podReplacementPolicy`, replace, ['Failed']));
    else if (replace !== 'Failed' && replace !== 'TerminatingOrFailed')
      out.push(notSupported(`${field}.podReplacementPolicy`, replace, ['Failed', 'TerminatingOrFailed']));
  }
  out.push(...validatePodTemplate(`${field}.template`, spec.template));
  const policy = pods?.restartPolicy ?? '';
  if (policy === '' || policy === 'Always')
    out.push(required(`${field}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"'));
  else if (policy !== 'OnFailure' && policy !== 'Never')
    out.push(notSupported(`${field}.template.spec.restartPolicy`, policy, ['OnFailure', 'Never']));
  return out;
}

function hasLabel(job: Job, key: string, value: string): Errors {
  const found = job.spec?.template.metadata?.labels?.[key];
  const field = `spec.template.metadata.labels[${key}]`;
  if (found === undefined) return [required(field, `must be '${value}'`)];
  return found === value ? [] : [invalid(field, job.spec?.template.metadata?.labels, `must be '${value}'`)];
}

function validateJob(job: Job): Errors {
  const spec = job.spec as V1JobSpec;
  const out: Errors = [];
  if (!spec.manualSelector && spec.selector) {
    const { uid, name } = job.metadata;
    for (const [key, value] of [
      [UID, uid],
      ['controller-uid', uid],
      [NAME, name],
      ['job-name', name],
    ] as const)
      out.push(...hasLabel(job, key, value ?? ''));
    const own = { [UID]: uid ?? '', 'controller-uid': uid ?? '', [NAME]: name, 'job-name': name };
    if (!selects(spec.selector, own)) out.push(invalid('spec.selector', selectorText(spec.selector), '`selector` not auto-generated'));
  }
  out.push(...validateSpec('spec', spec), ...(spec.selector ? labelSelector('spec.selector', spec.selector) : [required('spec.selector')]));
  const labels = spec.template.metadata?.labels;
  if (spec.selector && !selects(spec.selector, labels))
    out.push(invalid('spec.template.metadata.labels', new GoText(goJson(labels ?? null)), '`selector` does not match template `labels`'));
  return out;
}

/** A suspended job that never started may change what decides where its pods run. */
function templateFixed(job: Job, old: Job): Errors {
  const now = job.spec?.template;
  const before = old.spec?.template;
  if (equal(now, before)) return [];
  const free = old.spec?.suspend === true && old.status?.startTime === undefined;
  const scheduling = (t: typeof now): unknown => ({
    ...t,
    metadata: { ...t?.metadata, annotations: undefined, labels: undefined },
    spec: { ...t?.spec, nodeSelector: undefined, affinity: undefined, tolerations: undefined, schedulingGates: undefined },
  });
  if (free && equal(scheduling(now), scheduling(before))) return [];
  return [invalid('spec.template', internalTemplate(now ?? {}), 'field is immutable')];
}

function generateSelector(job: Job): Job {
  const spec = job.spec as V1JobSpec;
  if (spec.manualSelector) return job;
  const { uid = '', name } = job.metadata;
  const labels = { ...spec.template.metadata?.labels };
  for (const [key, value] of [
    ['controller-uid', uid],
    [UID, uid],
    ['job-name', name],
    [NAME, name],
  ] as const)
    labels[key] ??= value;
  const selector = spec.selector ?? {};
  const matchLabels = { ...selector.matchLabels, [UID]: selector.matchLabels?.[UID] ?? uid };
  return {
    ...job,
    spec: {
      ...spec,
      selector: { ...selector, matchLabels },
      template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
    },
  };
}

const is = (job: Job, type: string): boolean => job.status?.conditions?.some((c) => c.type === type && c.status === 'True') === true;

function jobStatus(job: Job): string {
  if (is(job, 'Complete')) return 'Complete';
  if (is(job, 'Failed')) return 'Failed';
  if (job.metadata.deletionTimestamp !== undefined) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find((t) => is(job, t)) ?? 'Running';
}

function completions(job: Job): string {
  const done = job.status?.succeeded ?? 0;
  const { completions: wanted, parallelism = 0 } = job.spec as V1JobSpec;
  if (wanted !== undefined) return `${done}/${wanted}`;
  return parallelism > 1 ? `${done}/1 of ${parallelism}` : `${done}/1`;
}

function duration(job: Job, now: string): string {
  const { startTime, completionTime } = job.status ?? {};
  return startTime === undefined ? '' : humanDuration((Date.parse(completionTime ?? now) - Date.parse(startTime)) / 1000);
}

registerKind<Job>('Job.batch', {
  defaults(job) {
    const spec = jobSpecDefaults(job.spec as V1JobSpec);
    const labels = spec.template.metadata?.labels;
    const bare = labels !== undefined && Object.keys(job.metadata.labels ?? {}).length === 0;
    return withMembers(job, { spec, metadata: bare ? { ...job.metadata, labels } : job.metadata });
  },
  prepareForCreate: (job) => ({ ...generateSelector(job), status: {} }),
  validate: validateJob,
  validateUpdate(job, old) {
    const spec = job.spec as V1JobSpec;
    const before = old.spec as V1JobSpec;
    const fixed = (['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'] as const).flatMap((k) =>
      immutable(`spec.${k}`, spec[k], before[k]),
    );
    const elastic = spec.completionMode === 'Indexed' && spec.completions === spec.parallelism;
    const count = elastic ? [] : immutable('spec.completions', spec.completions, before.completions);
    return [
      ...validateJob(job),
      ...count,
      ...immutable('spec.selector', spec.selector, before.selector),
      ...templateFixed(job, old),
      ...fixed,
    ];
  },
  columns: columns('Name|Status|Completions|Duration|Age|+Containers|+Images|+Selector'),
  row: (job, now) => [
    job.metadata.name,
    jobStatus(job),
    completions(job),
    duration(job, now),
    age(job, now),
    containerNames(job.spec?.template.spec?.containers),
    containerImages(job.spec?.template.spec?.containers),
    formatSelector(job.spec?.selector),
  ],
  selectableFields: { 'status.successful': (job) => String(job.status?.succeeded ?? 0) },
});

type CronJob = Stored<V1CronJob>;

function validateCronJob(c: CronJob): Errors {
  const spec = c.spec as V1CronJobSpec;
  const out: Errors = [];
  if (!spec.schedule) out.push(required('spec.schedule'));
  else {
    const zoned = /(^|\s)(CRON_)?TZ=/.test(spec.schedule);
    const parsed = zoned ? undefined : parseCron(spec.schedule);
    if (typeof parsed === 'string') out.push(invalid('spec.schedule', spec.schedule, parsed));
    if (zoned) out.push(invalid('spec.schedule', spec.schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'));
  }
  out.push(...nonNegative('spec.startingDeadlineSeconds', spec.startingDeadlineSeconds));
  const zone = spec.timeZone;
  if (zone !== undefined) {
    if (zone === '') out.push(invalid('spec.timeZone', zone, 'timeZone must be nil or non-empty string'));
    else if (zone.toLowerCase() === 'local')
      out.push(invalid('spec.timeZone', zone, 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones'));
    else if (!/^[A-Za-z_]+([/+-][A-Za-z0-9_+-]+)*$/.test(zone)) out.push(invalid('spec.timeZone', zone, `unknown time zone ${zone}`));
  }
  const policies = ['Allow', 'Forbid', 'Replace'];
  if (!spec.concurrencyPolicy) out.push(required('spec.concurrencyPolicy'));
  else if (!policies.includes(spec.concurrencyPolicy)) out.push(notSupported('spec.concurrencyPolicy', spec.concurrencyPolicy, policies));
  const job: V1JobTemplateSpec = spec.jobTemplate;
  const jobSpec = job.spec as V1JobSpec;
  out.push(...validateSpec('spec.jobTemplate.spec', jobSpec));
  if (jobSpec.selector)
    out.push(invalid('spec.jobTemplate.spec.selector', selectorText(jobSpec.selector), '`selector` will be auto-generated'));
  if (jobSpec.manualSelector) out.push(notSupported('spec.jobTemplate.spec.manualSelector', true, ['nil', 'false']));
  out.push(
    ...nonNegative('spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit),
    ...nonNegative('spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit),
  );
  if (c.metadata.name.length > 52) out.unshift(invalid('metadata.name', c.metadata.name, 'must be no more than 52 characters'));
  return out;
}

registerKind<CronJob>('CronJob.batch', {
  defaults(c) {
    const spec = c.spec as V1CronJobSpec;
    const job = spec.jobTemplate ?? {};
    const inner = (job.spec ?? {}) as V1JobSpec;
    const made = withMembers(spec, {
      concurrencyPolicy: spec.concurrencyPolicy || 'Allow',
      suspend: spec.suspend ?? false,
      successfulJobsHistoryLimit: spec.successfulJobsHistoryLimit ?? 3,
      failedJobsHistoryLimit: spec.failedJobsHistoryLimit ?? 1,
      jobTemplate: withMembers(job, { spec: withMembers(inner, { template: templateDefaults(inner.template ?? {}) }) }),
    });
    return made === c.spec ? c : { ...c, spec: made };
  },
  prepareForCreate: (c) => ({ ...c, status: {} }),
  nameCheck: (name, prefix) => (dns1123Label(name).length === 0 ? [] : nameIsSubdomain(name, prefix)),
  validate: validateCronJob,
  columns: columns('Name|Schedule|Timezone|Suspend|Active|Last Schedule|Age|+Containers|+Images|+Selector'),
  row: (c, now) => [
    c.metadata.name,
    c.spec?.schedule ?? '',
    c.spec?.timeZone ?? '<none>',
    c.spec?.suspend === true ? 'True' : c.spec?.suspend === false ? 'False' : '<unset>',
    (c.status?.active ?? []).length,
    c.status?.lastScheduleTime ? since(c.status.lastScheduleTime, now) : '<none>',
    age(c, now),
    containerNames(c.spec?.jobTemplate.spec?.template.spec?.containers),
    containerImages(c.spec?.jobTemplate.spec?.template.spec?.containers),
    formatSelector(c.spec?.jobTemplate.spec?.selector),
  ],
});
