/** Deployment, ReplicaSet, DaemonSet, StatefulSet: validation. Models pkg/apis/apps/validation. */

import { equal } from '../equal.ts';
import { type FieldError, forbidden, GoText, goJson, invalid, notSupported, required } from '../field.ts';
import { dns1123Label, percent } from '../names.ts';
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../object.ts';
import type {
  V1DaemonSetSpec,
  V1DeploymentSpec,
  V1DeploymentStrategy,
  V1LabelSelector,
  V1PodTemplateSpec,
  V1ReplicaSetSpec,
  V1StatefulSetSpec,
} from '../types.ts';
import {
  annotations,
  bad,
  type Errors,
  immutable,
  internalText,
  isEmptySelector,
  labelSelector,
  labels,
  nonNegative,
  selectorText,
  selects,
  usableSelector,
} from './common.ts';
import { validatePodSpec, validatePodTemplate } from './podspec.ts';

export type IntOrPercent = number | string | undefined;

export function positiveIntOrPercent(field: string, value: IntOrPercent): Errors {
  return typeof value === 'string' ? bad(field, value, percent(value)) : nonNegative(field, value);
}

/** A percentage's number, or the number. */
function amount(value: IntOrPercent): number {
  if (typeof value !== 'string') return value ?? 0;
  return percent(value).length === 0 ? Number(value.slice(0, -1)) : Number.parseInt(value, 10) || 0;
}

export function notMoreThan100Percent(field: string, value: IntOrPercent): Errors {
  return typeof value === 'string' && percent(value).length === 0 && amount(value) > 100
    ? [invalid(field, value, 'must not be greater than 100%')]
    : [];
}

/** Shown as its internal type: `{"Type":"x","RollingUpdate":null}`. */
function strategyText(type: string, rolling: object | undefined, names: readonly string[]): GoText {
  const from = rolling as Readonly<Record<string, unknown>> | undefined;
  const lower = (n: string): string => n.charAt(0).toLowerCase() + n.slice(1);
  const inner = from === undefined ? null : internalText(names.map((n) => [n, from[lower(n)] ?? null] as const));
  return internalText([
    ['Type', type],
    ['RollingUpdate', inner],
  ]);
}

function requiredSelector(field: string, selector: V1LabelSelector | undefined, kind: string): Errors {
  if (!selector) return [required(field)];
  const out = labelSelector(field, selector);
  if (isEmptySelector(selector)) out.push(invalid(field, selectorText(selector), `empty selector is invalid for ${kind}`));
  return out;
}

const LABELS = '`selector` does not match template `labels`';
const labelsText = (t: V1PodTemplateSpec): GoText => new GoText(goJson(t.metadata?.labels ?? null));

function matchesTemplate(selector: V1LabelSelector | undefined, template: V1PodTemplateSpec): Errors {
  // No selector selects nothing, an empty one everything.
  if (selector && (isEmptySelector(selector) || selects(selector, template.metadata?.labels))) return [];
  return [invalid('spec.template.metadata.labels', labelsText(template), LABELS)];
}

function runsForever(template: V1PodTemplateSpec, kind: string): Errors {
  const out: Errors = [];
  const policy = template.spec?.restartPolicy;
  if (policy !== 'Always') out.push(notSupported('spec.template.spec.restartPolicy', policy ?? '', ['Always']));
  if (template.spec?.activeDeadlineSeconds !== undefined)
    out.push(forbidden('spec.template.spec.activeDeadlineSeconds', `activeDeadlineSeconds in ${kind} is not Supported`));
  return out;
}

/** Selector and template of a ReplicaSet, and of a Deployment that makes ReplicaSets. */
function replicaTemplate(selector: V1LabelSelector | undefined, template: V1PodTemplateSpec): Errors {
  if (!usableSelector(selector)) return [invalid('spec.selector', selector ? selectorText(selector) : null, 'invalid label selector')];
  return [
    ...matchesTemplate(selector, template),
    ...validatePodTemplate('spec.template', template),
    ...runsForever(template, 'ReplicaSet'),
  ];
}

function deploymentStrategy(s: V1DeploymentStrategy): Errors {
  const field = 'spec.strategy';
  const rolling = s.rollingUpdate;
  if (s.type === 'Recreate')
    return rolling ? [forbidden(`${field}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'")] : [];
  if (s.type !== 'RollingUpdate')
    return [notSupported(field, strategyText(s.type ?? '', rolling, ['MaxUnavailable', 'MaxSurge']), ['Recreate', 'RollingUpdate'])];
  const at = `${field}.rollingUpdate`;
  if (!rolling) return [required(at, 'this should be defaulted and never be nil')];
  const out = [
    ...positiveIntOrPercent(`${at}.maxUnavailable`, rolling.maxUnavailable),
    ...positiveIntOrPercent(`${at}.maxSurge`, rolling.maxSurge),
  ];
  if (amount(rolling.maxUnavailable) === 0 && amount(rolling.maxSurge) === 0)
    out.push(invalid(`${at}.maxUnavailable`, rolling.maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  return [...out, ...notMoreThan100Percent(`${at}.maxUnavailable`, rolling.maxUnavailable)];
}

export function validateDeployment(d: Deployment): FieldError[] {
  const spec = d.spec as V1DeploymentSpec;
  const out = [
    ...nonNegative('spec.replicas', spec.replicas),
    ...requiredSelector('spec.selector', spec.selector ?? undefined, 'deployment'),
  ];
  out.push(...replicaTemplate(spec.selector ?? undefined, spec.template), ...deploymentStrategy(spec.strategy ?? {}));
  out.push(
    ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
  );
  const deadline = spec.progressDeadlineSeconds;
  out.push(...nonNegative('spec.progressDeadlineSeconds', deadline));
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0))
    out.push(invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'));
  return out;
}

export function fixedSelector(now: V1LabelSelector | undefined, before: V1LabelSelector | undefined): Errors {
  return immutable('spec.selector', now, before).map((e) => ({ ...e, bad: now ? selectorText(now) : null }));
}
export const validateDeploymentUpdate = (d: Deployment, old: Deployment): FieldError[] => [
  ...validateDeployment(d),
  ...fixedSelector(d.spec?.selector, old.spec?.selector),
];

export function validateReplicaSet(rs: ReplicaSet): FieldError[] {
  const spec = rs.spec as V1ReplicaSetSpec;
  return [
    ...nonNegative('spec.replicas', spec.replicas),
    ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...requiredSelector('spec.selector', spec.selector ?? undefined, 'deployment'),
    ...replicaTemplate(spec.selector ?? undefined, spec.template ?? {}),
  ];
}
export const validateReplicaSetUpdate = (rs: ReplicaSet, old: ReplicaSet): FieldError[] => [
  ...validateReplicaSet(rs),
  ...fixedSelector(rs.spec?.selector, old.spec?.selector),
];

function daemonStrategy(spec: V1DaemonSetSpec): Errors {
  const field = 'spec.updateStrategy';
  const { type, rollingUpdate: rolling } = spec.updateStrategy ?? {};
  if (type === 'OnDelete') return [];
  if (type !== 'RollingUpdate')
    return [notSupported(field, strategyText(type ?? '', rolling, ['MaxUnavailable', 'MaxSurge']), ['RollingUpdate', 'OnDelete'])];
  const at = `${field}.rollingUpdate`;
  if (!rolling) return [required(at)];
  const out: Errors = [];
  for (const check of [positiveIntOrPercent, notMoreThan100Percent])
    for (const key of ['maxUnavailable', 'maxSurge'] as const) out.push(...check(`${at}.${key}`, rolling[key]));
  const unavailable = amount(rolling.maxUnavailable) !== 0;
  const surge = amount(rolling.maxSurge) !== 0;
  if (unavailable && surge) out.push(invalid(`${at}.maxSurge`, rolling.maxSurge, 'may not be set when maxUnavailable is non-zero'));
  if (!unavailable && !surge) out.push(required(`${at}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
  return out;
}

export function validateDaemonSet(ds: DaemonSet): FieldError[] {
  const spec = ds.spec as V1DaemonSetSpec;
  const selector = spec.selector ?? undefined;
  const out = labelSelector('spec.selector', selector);
  if (usableSelector(selector) && !selects(selector, spec.template.metadata?.labels))
    out.push(invalid('spec.template.metadata.labels', labelsText(spec.template), LABELS));
  if (selector && isEmptySelector(selector))
    out.push(invalid('spec.selector', selectorText(selector), 'empty selector is invalid for daemonset'));
  out.push(...validatePodTemplate('spec.template', spec.template), ...runsForever(spec.template, 'DaemonSet'));
  out.push(...nonNegative('spec.minReadySeconds', spec.minReadySeconds), ...daemonStrategy(spec));
  return [...out, ...nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit)];
}
export const validateDaemonSetUpdate = (ds: DaemonSet, old: DaemonSet): FieldError[] => [
  ...validateDaemonSet(ds),
  ...fixedSelector(ds.spec?.selector, old.spec?.selector),
];

function statefulStrategy(spec: V1StatefulSetSpec): Errors {
  const field = 'spec.updateStrategy';
  const { type, rollingUpdate: rolling } = spec.updateStrategy ?? {};
  const at = `${field}.rollingUpdate`;
  const names = ['Partition', 'MaxUnavailable'];
  if (!type) return [required(field)];
  if (type === 'OnDelete')
    return rolling
      ? [
          invalid(
            at,
            internalText([
              ['Partition', rolling.partition ?? 0],
              ['MaxUnavailable', rolling.maxUnavailable ?? null],
            ]),
            "only allowed for updateStrategy 'RollingUpdate'",
          ),
        ]
      : [];
  if (type !== 'RollingUpdate') return [invalid(field, strategyText(type, rolling, names), "must be 'RollingUpdate' or 'OnDelete'")];
  if (!rolling) return [];
  const out = nonNegative(`${at}.partition`, rolling.partition);
  const most = rolling.maxUnavailable;
  if (most === undefined) return out;
  out.push(...positiveIntOrPercent(`${at}.maxUnavailable`, most));
  if (amount(most) === 0) out.push(invalid(`${at}.maxUnavailable`, most, 'cannot be 0'));
  return [...out, ...notMoreThan100Percent(`${at}.maxUnavailable`, most)];
}

export function validateStatefulSet(s: StatefulSet): FieldError[] {
  const spec = s.spec as V1StatefulSetSpec;
  const out: Errors = [];
  const order = spec.podManagementPolicy;
  if (!order) out.push(required('spec.podManagementPolicy'));
  else if (order !== 'OrderedReady' && order !== 'Parallel')
    out.push(invalid('spec.podManagementPolicy', order, "must be 'OrderedReady' or 'Parallel'"));
  out.push(...statefulStrategy(spec));
  for (const key of ['whenDeleted', 'whenScaled'] as const) {
    const value = spec.persistentVolumeClaimRetentionPolicy?.[key];
    if (spec.persistentVolumeClaimRetentionPolicy && value !== 'Retain' && value !== 'Delete')
      out.push(notSupported(`spec.persistentVolumeClaimRetentionPolicy.${key}`, value ?? '', ['Retain', 'Delete']));
  }
  out.push(...nonNegative('spec.replicas', spec.replicas), ...nonNegative('spec.minReadySeconds', spec.minReadySeconds));
  out.push(...nonNegative('spec.ordinals.start', spec.ordinals?.start));
  if (spec.serviceName) out.push(...bad('spec.serviceName', spec.serviceName, dns1123Label(spec.serviceName)));
  const selector = spec.selector ?? undefined;
  out.push(...requiredSelector('spec.selector', selector, 'statefulset'));
  if (!usableSelector(selector)) out.push(invalid('spec.selector', selector ? selectorText(selector) : null, ''));
  else out.push(...matchesTemplate(selector, spec.template), ...statefulTemplate(spec));
  return [...out, ...runsForever(spec.template, 'StatefulSet')];
}

/** Claims become volumes of the pods, so that containers may mount them. */
function statefulTemplate(spec: V1StatefulSetSpec): Errors {
  const { metadata = {}, spec: pod = { containers: [] } } = spec.template;
  const claims = (spec.volumeClaimTemplates ?? []).map((c) => ({
    name: c.metadata?.name ?? '',
    persistentVolumeClaim: { claimName: c.metadata?.name || 'claim' },
  }));
  const own = (pod.volumes ?? []).filter((v) => !claims.some((c) => c.name === v.name));
  return [
    ...labels('spec.template.labels', metadata.labels),
    ...annotations('spec.template.annotations', metadata.annotations),
    ...validatePodSpec('spec.template.spec', { ...pod, volumes: [...own, ...claims] }, { isPod: false, podName: '' }),
  ];
}

const CHANGEABLE = [
  'replicas',
  'template',
  'updateStrategy',
  'minReadySeconds',
  'ordinals',
  'persistentVolumeClaimRetentionPolicy',
  'revisionHistoryLimit',
] as const;

export function validateStatefulSetUpdate(s: StatefulSet, old: StatefulSet): FieldError[] {
  const rest = (o: StatefulSet): object =>
    Object.fromEntries(Object.entries(o.spec ?? {}).filter(([k]) => !(CHANGEABLE as readonly string[]).includes(k)));
  const out = validateStatefulSet(s);
  if (!equal(rest(s), rest(old)))
    out.push(
      forbidden(
        'spec',
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
      ),
    );
  return out;
}
