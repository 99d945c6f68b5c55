/** PodDisruptionBudget, PriorityClass, RuntimeClass, Lease. Models their validation, defaults and printers. */

import { forbidden, invalid, notSupported } from '../field.ts';
import { registerKind } from '../kind.ts';
import { dns1123Label } from '../names.ts';
import type { Lease, Stored } from '../object.ts';
import { forbidden as refused } from '../status.ts';
import type { V1PodDisruptionBudget, V1PriorityClass, V1RuntimeClass } from '../types.ts';
import { notMoreThan100Percent, positiveIntOrPercent } from './apps.ts';
import { age, columns } from './columns.ts';
import { bad, type Errors, immutable, internalText, labelSelector, selectorText, withMembers } from './common.ts';

type Budget = Stored<V1PodDisruptionBudget>;

function validateBudget(b: Budget): Errors {
  const spec = b.spec ?? {};
  const { minAvailable, maxUnavailable } = spec;
  const out: Errors = [];
  if (minAvailable !== undefined && maxUnavailable !== undefined)
    out.push(
      invalid(
        'spec',
        internalText([
          ['MinAvailable', minAvailable],
          ['Selector', spec.selector ? selectorText(spec.selector) : null],
          ['MaxUnavailable', maxUnavailable],
          ['UnhealthyPodEvictionPolicy', spec.unhealthyPodEvictionPolicy ?? null],
        ]),
        'minAvailable and maxUnavailable cannot be both set',
      ),
    );
  for (const key of ['minAvailable', 'maxUnavailable'] as const)
    if (spec[key] !== undefined)
      out.push(...positiveIntOrPercent(`spec.${key}`, spec[key]), ...notMoreThan100Percent(`spec.${key}`, spec[key]));
  const policy = spec.unhealthyPodEvictionPolicy;
  if (policy !== undefined && policy !== 'IfHealthyBudget' && policy !== 'AlwaysAllow')
    out.push(notSupported('spec.unhealthyPodEvictionPolicy', policy, ['AlwaysAllow', 'IfHealthyBudget']));
  return [...out, ...labelSelector('spec.selector', spec.selector)];
}

registerKind<Budget>('PodDisruptionBudget.policy', {
  prepareForCreate: (b) => ({ ...b, status: { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 } }),
  validate: validateBudget,
  columns: columns('Name|Min Available|Max Unavailable|Allowed Disruptions|Age'),
  row: (b, now) => [
    b.metadata.name,
    String(b.spec?.minAvailable ?? 'N/A'),
    String(b.spec?.maxUnavailable ?? 'N/A'),
    b.status?.disruptionsAllowed ?? 0,
    age(b, now),
  ],
});

type PriorityClass = Stored<V1PriorityClass>;
const HIGHEST = 1000000000;

registerKind<PriorityClass>('PriorityClass.scheduling.k8s.io', {
  defaults: (p) => withMembers(p, { preemptionPolicy: p.preemptionPolicy ?? 'PreemptLowerPriority' }),
  admit(p, old, context) {
    if (!p.globalDefault || old?.globalDefault) return { ok: true, value: p };
    const other = context
      .list<PriorityClass>('priorityclasses.scheduling.k8s.io')
      .find((c) => c.globalDefault && c.metadata.name !== p.metadata.name);
    if (!other) return { ok: true, value: p };
    return refused(
      { group: 'scheduling.k8s.io', plural: 'priorityclasses' },
      p.metadata.name,
      `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`,
    );
  },
  validate(p) {
    const out: Errors = [];
    const { name } = p.metadata;
    if (name.startsWith('system-')) {
      const known = { 'system-node-critical': 2000001000, 'system-cluster-critical': 2000000000 }[name];
      if (known === undefined || known !== p.value)
        out.push(
          forbidden(
            'metadata.name',
            "priority class names with 'system-' prefix are reserved for system use only. error: " +
              (known === undefined ? `${name} is not a known system priority class` : `value of ${name} PriorityClass must be ${known}`),
          ),
        );
    } else if ((p.value ?? 0) > HIGHEST) out.push(forbidden('value', `maximum allowed value of a user defined priority is ${HIGHEST}`));
    const policy = p.preemptionPolicy;
    if (policy !== undefined && policy !== 'Never' && policy !== 'PreemptLowerPriority')
      out.push(notSupported('preemptionPolicy', policy, ['PreemptLowerPriority', 'Never']));
    return out;
  },
  validateUpdate: (p, old) => [
    ...(p.value === old.value ? [] : [forbidden('value', 'may not be changed in an update.')]),
    ...immutable('preemptionPolicy', p.preemptionPolicy, old.preemptionPolicy),
  ],
  columns: columns('Name|Value|Global-Default|Age|PreemptionPolicy'),
  row: (p, now) => [p.metadata.name, p.value, p.globalDefault === true, age(p, now), p.preemptionPolicy ?? ''],
});

registerKind<Stored<V1RuntimeClass>>('RuntimeClass.node.k8s.io', {
  validate: (r) => bad('handler', r.handler, dns1123Label(r.handler)),
  validateUpdate: (r, old) => immutable('handler', r.handler, old.handler),
  columns: columns('Name|Handler|Age'),
  row: (r, now) => [r.metadata.name, r.handler, age(r, now)],
});

registerKind<Lease>('Lease.coordination.k8s.io', {
  validate(l) {
    const spec = l.spec ?? {};
    const out: Errors = [];
    if (spec.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0)
      out.push(invalid('spec.leaseDurationSeconds', spec.leaseDurationSeconds, 'must be greater than 0'));
    if (spec.leaseTransitions !== undefined && spec.leaseTransitions < 0)
      out.push(invalid('spec.leaseTransitions', spec.leaseTransitions, 'must be greater than or equal to 0'));
    return out;
  },
  columns: columns('Name|Holder|Age'),
  row: (l, now) => [l.metadata.name, l.spec?.holderIdentity ?? '', age(l, now)],
});
