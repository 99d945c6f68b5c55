/** kubectl create quota | poddisruptionbudget | priorityclass. Models kubectl/pkg/cmd/create/create_{quota,pdb,priorityclass}.go */

import { intOrString } from '../common.ts';
import { Failure, failure } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { canonicalQuantity } from '../quantity.ts';
import { labelSelector } from '../selector.ts';
import { builtin, createVerb, head } from './spec.ts';

/** `cpu=1,memory=1Gi` */
export function resourceList(spec: string): Record<string, string> | Failure | null {
  if (spec === '') return null;
  const out: Record<string, string> = {};
  for (const one of spec.split(',')) {
    const parts = one.split('=');
    if (parts.length !== 2) return failure(`Invalid argument syntax ${one}, expected <resource>=<value>`);
    const q = canonicalQuantity(parts[1] as string);
    if (q instanceof Failure) return q;
    out[parts[0] as string] = q;
  }
  return out;
}

export const createQuotaVerb = createVerb({
  name: 'quota',
  aliases: ['resourcequota'],
  use: 'quota NAME [--hard=key1=value1,key2=value2] [--scopes=Scope1,Scope2] [--dry-run=server|client|none]',
  short: 'Create a quota with the specified name',
  long: 'Create a resource quota with the specified name, hard limits, and optional scopes.',
  example:
    '  # Create a new resource quota named my-quota\n  kubectl create quota my-quota --hard=cpu=1,memory=1G,pods=2,services=3,replicationcontrollers=2,resourcequotas=1,secrets=5,persistentvolumeclaims=10\n  \n  # Create a new resource quota named best-effort\n  kubectl create quota best-effort --hard=pods=100 --scopes=BestEffort',
  flags: [
    { name: 'hard', type: 'string', usage: 'A comma-delimited set of resource=quantity pairs that define a hard limit.' },
    {
      name: 'scopes',
      type: 'string',
      usage: 'A comma-delimited set of quota scopes that must all match each object tracked by the quota.',
    },
  ],
  mapping: builtin('', 'v1', 'ResourceQuota', 'resourcequotas'),
  failed: 'failed to create quota: ',
  generate(ctx, name) {
    if (name === '') return failure('name must be specified');
    const hard = resourceList(ctx.str('hard'));
    if (hard instanceof Failure) return hard;
    const scopes = ctx.str('scopes') === '' ? [] : ctx.str('scopes').split(',');
    if (scopes.includes('')) return failure('invalid resource quota scope ""');
    const spec: JsonObject = { ...(hard ? { hard } : {}), ...(scopes.length > 0 ? { scopes } : {}) };
    return { ...head('v1', 'ResourceQuota', { name }), spec, status: {} };
  },
});

export const createPdbVerb = createVerb({
  name: 'poddisruptionbudget',
  aliases: ['pdb'],
  use: 'poddisruptionbudget NAME --selector=SELECTOR --min-available=N [--dry-run=server|client|none]',
  short: 'Create a pod disruption budget with the specified name',
  long: 'Create a pod disruption budget with the specified name, selector, and desired minimum available pods.',
  example:
    '  # Create a pod disruption budget named my-pdb that will select all pods with the app=rails label\n  # and require at least one of them being available at any point in time\n  kubectl create poddisruptionbudget my-pdb --selector=app=rails --min-available=1\n  \n  # Create a pod disruption budget named my-pdb that will select all pods with the app=nginx label\n  # and require at least half of the pods selected to be available at any point in time\n  kubectl create pdb my-pdb --selector=app=nginx --min-available=50%',
  flags: [
    { name: 'min-available', type: 'string', usage: 'The minimum number or percentage of available pods this budget requires.' },
    { name: 'max-unavailable', type: 'string', usage: 'The maximum number or percentage of unavailable pods this budget requires.' },
    {
      name: 'selector',
      type: 'string',
      usage: 'A label selector to use for this budget. Only equality-based selector requirements are supported.',
    },
  ],
  mapping: builtin('policy', 'v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  failed: 'failed to create poddisruptionbudgets: ',
  generate(ctx, name) {
    const [min, max, selector] = [ctx.str('min-available'), ctx.str('max-unavailable'), ctx.str('selector')];
    if (name === '') return failure('name must be specified');
    if (selector === '') return failure('a selector must be specified');
    if (max === '' && min === '') return failure('one of min-available or max-unavailable must be specified');
    if (max !== '' && min !== '') return failure('min-available and max-unavailable cannot be both specified');
    const shape = /^[0-9]+%?$/;
    if (min !== '' && !shape.test(min)) return failure('invalid format specified for min-available');
    if (max !== '' && !shape.test(max)) return failure('invalid format specified for max-unavailable');
    const parsed = labelSelector(selector);
    if (parsed instanceof Failure) return parsed;
    return {
      ...head('policy/v1', 'PodDisruptionBudget', { name }),
      spec: {
        ...(min === '' ? {} : { minAvailable: intOrString(min) }),
        selector: parsed,
        ...(max === '' ? {} : { maxUnavailable: intOrString(max) }),
      },
      status: { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 },
    };
  },
});

export const createPriorityClassVerb = createVerb({
  name: 'priorityclass',
  aliases: ['pc'],
  use: 'priorityclass NAME --value=VALUE --global-default=BOOL [--dry-run=server|client|none]',
  short: 'Create a priority class with the specified name',
  long: 'Create a priority class with the specified name, value, globalDefault and description.',
  example:
    '  # Create a priority class named high-priority\n  kubectl create priorityclass high-priority --value=1000 --description="high priority"\n  \n  # Create a priority class named default-priority that is considered as the global default priority\n  kubectl create priorityclass default-priority --value=1000 --global-default=true --description="default priority"\n  \n  # Create a priority class named high-priority that cannot preempt pods with lower priority\n  kubectl create priorityclass high-priority --value=1000 --description="high priority" --preemption-policy="Never"',
  flags: [
    { name: 'value', type: 'int32', usage: 'the value of this priority class.' },
    {
      name: 'global-default',
      type: 'bool',
      usage: 'global-default specifies whether this PriorityClass should be considered as the default priority.',
    },
    {
      name: 'description',
      type: 'string',
      usage: 'description is an arbitrary string that usually provides guidelines on when this priority class should be used.',
    },
    {
      name: 'preemption-policy',
      type: 'string',
      def: 'PreemptLowerPriority',
      usage: 'preemption-policy is the policy for preempting pods with lower priority.',
    },
  ],
  mapping: builtin('scheduling.k8s.io', 'v1', 'PriorityClass', 'priorityclasses', false),
  failed: 'failed to create priorityclass: ',
  generate(ctx, name) {
    return {
      ...head('scheduling.k8s.io/v1', 'PriorityClass', { name }),
      value: ctx.int('value'),
      ...(ctx.bool('global-default') ? { globalDefault: true } : {}),
      ...(ctx.str('description') === '' ? {} : { description: ctx.str('description') }),
      preemptionPolicy: ctx.str('preemption-policy'),
    };
  },
});
