/** HorizontalPodAutoscaler. Models pkg/apis/autoscaling/{v2/defaults.go,validation} and formatHPAMetrics. */

import { forbidden, invalid, notSupported, required } from '../field.ts';
import { registerKind } from '../kind.ts';
import { dns1123Label, pathSegmentName } from '../names.ts';
import type { Stored } from '../object.ts';
import { nanosOf } from '../quantity.ts';
import type {
  V2CrossVersionObjectReference,
  V2HorizontalPodAutoscaler,
  V2HPAScalingRules,
  V2MetricSpec,
  V2MetricStatus,
  V2MetricTarget,
  V2MetricValueStatus,
} from '../types.ts';
import { age, columns } from './columns.ts';
import { bad, type Errors, withMembers } from './common.ts';

type Hpa = Stored<V2HorizontalPodAutoscaler>;

const UP: V2HPAScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
};
const DOWN: V2HPAScalingRules = { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] };

function scaling(field: string, rules: V2HPAScalingRules | undefined): Errors {
  if (!rules) return [];
  const out: Errors = [];
  const window = rules.stabilizationWindowSeconds;
  const at = `${field}.stabilizationWindowSeconds`;
  if (window !== undefined && window < 0) out.push(invalid(at, window, 'must be greater than or equal to zero'));
  if (window !== undefined && window > 3600) out.push(invalid(at, window, 'must be less than or equal to 3600'));
  const select = rules.selectPolicy;
  if (select !== undefined && !['Max', 'Min', 'Disabled'].includes(select))
    out.push(notSupported(`${field}.selectPolicy`, select, ['Disabled', 'Max', 'Min']));
  const policies = rules.policies ?? [];
  if (policies.length === 0) out.push(required(`${field}.policies`, 'must specify at least one Policy'));
  policies.forEach((p, i) => {
    const here = `${field}.policies[${i}]`;
    if (p.type !== 'Pods' && p.type !== 'Percent') out.push(notSupported(`${here}.type`, p.type, ['Percent', 'Pods']));
    if (p.value <= 0) out.push(invalid(`${here}.value`, p.value, 'must be greater than zero'));
    if (p.periodSeconds <= 0) out.push(invalid(`${here}.periodSeconds`, p.periodSeconds, 'must be greater than zero'));
    if (p.periodSeconds > 1800) out.push(invalid(`${here}.periodSeconds`, p.periodSeconds, 'must be less than or equal to 1800'));
  });
  return out;
}

function reference(field: string, ref: V2CrossVersionObjectReference): Errors {
  const segment = (key: 'kind' | 'name'): Errors =>
    ref[key] ? bad(`${field}.${key}`, ref[key], pathSegmentName(ref[key])) : [required(`${field}.${key}`)];
  const out = [...segment('kind'), ...segment('name')];
  const version = ref.apiVersion ?? '';
  if (version.split('/').length > 2) out.push(invalid(`${field}.apiVersion`, version, `unexpected GroupVersion string: ${version}`));
  return out;
}

function target(field: string, t: V2MetricTarget): Errors {
  const out: Errors = [];
  if (!t.type) out.push(required(`${field}.type`, 'must specify a metric target type'));
  if (!['Utilization', 'Value', 'AverageValue'].includes(t.type))
    out.push(invalid(`${field}.type`, t.type, 'must be either Utilization, Value, or AverageValue'));
  for (const key of ['value', 'averageValue'] as const)
    if (t[key] !== undefined && nanosOf(t[key]) <= 0n) out.push(invalid(`${field}.${key}`, t[key], 'must be positive'));
  if (t.averageUtilization !== undefined && t.averageUtilization < 1)
    out.push(invalid(`${field}.averageUtilization`, t.averageUtilization, 'must be greater than 0'));
  return out;
}

const metricName = (field: string, name: string | undefined): Errors =>
  name ? bad(`${field}.name`, name, pathSegmentName(name)) : [required(`${field}.name`, 'must specify a metric name')];

function rawOrUtilization(field: string, t: V2MetricTarget): Errors {
  const out = target(`${field}.target`, t);
  if (t.averageUtilization === undefined && t.averageValue === undefined)
    out.push(required(`${field}.target.averageUtilization`, 'must set either a target raw value or a target utilization'));
  if (t.averageUtilization !== undefined && t.averageValue !== undefined)
    out.push(forbidden(`${field}.target.averageValue`, 'may not set both a target raw value and a target utilization'));
  return out;
}

const SOURCES: Readonly<Record<string, 'object' | 'pods' | 'resource' | 'external' | 'containerResource'>> = {
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
  External: 'external',
  ContainerResource: 'containerResource',
};
const TYPES = Object.keys(SOURCES).sort();

function source(field: string, m: V2MetricSpec): Errors {
  if (m.object) {
    const at = `${field}.object`;
    const t = m.object.target;
    return [
      ...reference(`${at}.describedObject`, m.object.describedObject),
      ...metricName(`${at}.metric`, m.object.metric.name),
      ...target(`${at}.target`, t),
      ...(t.value === undefined && t.averageValue === undefined
        ? [required(`${at}.target.averageValue`, 'must set either a target value or averageValue')]
        : []),
    ];
  }
  if (m.external) {
    const at = `${field}.external`;
    const t = m.external.target;
    const out = [...metricName(`${at}.metric`, m.external.metric.name), ...target(`${at}.target`, t)];
    if (t.value === undefined && t.averageValue === undefined)
      out.push(required(`${at}.target.averageValue`, 'must set either a target value for metric or a per-pod target'));
    if (t.value !== undefined && t.averageValue !== undefined)
      out.push(forbidden(`${at}.target.value`, 'may not set both a target value for metric and a per-pod target'));
    return out;
  }
  if (m.pods) {
    const at = `${field}.pods`;
    const missing =
      m.pods.target.averageValue === undefined
        ? [required(`${at}.target.averageValue`, 'must specify a positive target averageValue')]
        : [];
    return [...metricName(`${at}.metric`, m.pods.metric.name), ...target(`${at}.target`, m.pods.target), ...missing];
  }
  if (m.resource)
    return [
      ...(m.resource.name ? [] : [required(`${field}.resource.name`, 'must specify a resource name')]),
      ...rawOrUtilization(`${field}.resource`, m.resource.target),
    ];
  const c = m.containerResource;
  if (!c) return [];
  const at = `${field}.containerResource`;
  return [
    ...(c.name ? [] : [required(`${at}.name`, 'must specify a resource name')]),
    ...(c.container
      ? bad(`${at}.container`, c.container, dns1123Label(c.container))
      : [required(`${at}.container`, 'must specify a container')]),
    ...rawOrUtilization(at, c.target),
  ];
}

function metric(field: string, m: V2MetricSpec): Errors {
  const out: Errors = [];
  if (!m.type) out.push(required(`${field}.type`, 'must specify a metric source type'));
  if (!TYPES.includes(m.type)) out.push(notSupported(`${field}.type`, m.type, TYPES));
  out.push(...source(field, m));
  const expected = SOURCES[m.type];
  const present = Object.values(SOURCES).filter((k) => m[k] !== undefined);
  if (expected === undefined) out.push(notSupported(`${field}.type`, m.type, TYPES));
  else if (m[expected] === undefined) out.push(required(`${field}.${expected}`, 'must populate information for the given metric source'));
  if (present.length !== 1)
    for (const k of present) if (k !== expected) out.push(forbidden(`${field}.${k}`, 'must populate the given metric source only'));
  return out;
}

function validate(h: Hpa): Errors {
  const spec = h.spec as NonNullable<Hpa['spec']>;
  const out: Errors = [];
  const { minReplicas: min, maxReplicas: max } = spec;
  if (min !== undefined && min < 1) out.push(invalid('spec.minReplicas', min, 'must be greater than or equal to 1'));
  if (max < 1) out.push(invalid('spec.maxReplicas', max, 'must be greater than 0'));
  if (min !== undefined && max < min) out.push(invalid('spec.maxReplicas', max, 'must be greater than or equal to `minReplicas`'));
  out.push(
    ...reference('spec.scaleTargetRef', spec.scaleTargetRef),
    ...(spec.metrics ?? []).flatMap((m, i) => metric(`spec.metrics[${i}]`, m)),
  );
  return [
    ...out,
    ...scaling('spec.behavior.scaleUp', spec.behavior?.scaleUp),
    ...scaling('spec.behavior.scaleDown', spec.behavior?.scaleDown),
  ];
}

function shown(m: V2MetricSpec, status: V2MetricStatus | undefined): string {
  const unknown = '<unknown>';
  const now = (v: V2MetricValueStatus | undefined, key: 'value' | 'averageValue'): string => v?.[key] ?? unknown;
  const pair = (t: V2MetricTarget, current: V2MetricValueStatus | undefined): string =>
    t.averageValue === undefined ? `${now(current, 'value')}/${t.value ?? ''}` : `${now(current, 'averageValue')}/${t.averageValue} (avg)`;
  const usage = (name: string, t: V2MetricTarget, current: V2MetricValueStatus | undefined): string => {
    if (t.averageValue !== undefined) return `${name}: ${now(current, 'averageValue')}/${t.averageValue}`;
    const used = current?.averageUtilization === undefined ? unknown : `${current.averageUtilization}%`;
    return `${name}: ${used}/${t.averageUtilization === undefined ? '<auto>' : `${t.averageUtilization}%`}`;
  };
  if (m.type === 'External' && m.external) return pair(m.external.target, status?.external?.current);
  if (m.type === 'Object' && m.object) return pair(m.object.target, status?.object?.current);
  if (m.type === 'Pods' && m.pods) return `${now(status?.pods?.current, 'averageValue')}/${m.pods.target.averageValue ?? ''}`;
  if (m.type === 'Resource' && m.resource) return usage(m.resource.name, m.resource.target, status?.resource?.current);
  if (m.type === 'ContainerResource' && m.containerResource)
    return usage(m.containerResource.name, m.containerResource.target, status?.containerResource?.current);
  return '<unknown type>';
}

function targets(h: Hpa): string {
  const list = (h.spec?.metrics ?? []).map((m, i) => shown(m, h.status?.currentMetrics?.[i] ?? undefined));
  if (list.length === 0) return '<none>';
  return list.length > 2 ? `${list.slice(0, 2).join(', ')} + ${list.length - 2} more...` : list.join(', ');
}

registerKind<Hpa>('HorizontalPodAutoscaler.autoscaling', {
  defaults(h) {
    const spec = h.spec as NonNullable<Hpa['spec']>;
    const b = spec.behavior;
    const fill = (own: V2HPAScalingRules | undefined, base: V2HPAScalingRules): V2HPAScalingRules =>
      withMembers(own ?? base, { ...base, ...own });
    const made = withMembers(spec, {
      minReplicas: spec.minReplicas ?? 1,
      metrics: spec.metrics?.length
        ? spec.metrics
        : [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }],
      behavior: b && withMembers(b, { scaleUp: fill(b.scaleUp, UP), scaleDown: fill(b.scaleDown, DOWN) }),
    });
    return made === h.spec ? h : { ...h, spec: made };
  },
  prepareForCreate: (h) => ({ ...h, status: { currentMetrics: null, desiredReplicas: 0 } as unknown as NonNullable<Hpa['status']> }),
  validate,
  columns: columns('Name|Reference|Targets|MinPods|MaxPods|Replicas|Age'),
  row: (h, now) => [
    h.metadata.name,
    `${h.spec?.scaleTargetRef.kind ?? ''}/${h.spec?.scaleTargetRef.name ?? ''}`,
    targets(h),
    h.spec?.minReplicas === undefined ? '<unset>' : String(h.spec.minReplicas),
    h.spec?.maxReplicas ?? 0,
    h.status?.currentReplicas ?? 0,
    age(h, now),
  ],
});
