/** Requests and limits: names, quantities, their order. Models validateResourceRequirements (pkg/apis/core/validation). */

import { duplicate, type FieldError, forbidden, invalid, notFound, notSupported, required } from '../field.ts';
import { dns1123Label, NEGATIVE, qualifiedName } from '../names.ts';
import { compareQuantities, nanosOf } from '../quantity.ts';
import type { V1ResourceRequirements } from '../types.ts';
import { bad, type Errors } from './common.ts';

const COMPUTE = new Set(['cpu', 'memory', 'ephemeral-storage', 'storage']);
const STANDARD = new Set([
  ...COMPUTE,
  ...['cpu', 'memory', 'ephemeral-storage', 'storage'].flatMap((r) => [`requests.${r}`, `limits.${r}`]),
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'persistentvolumeclaims',
  'configmaps',
  'services.nodeports',
  'services.loadbalancers',
]);
const isHuge = (name: string): boolean => name.startsWith('hugepages-');
const isNative = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');
const isExtended = (name: string): boolean =>
  !isNative(name) && !name.startsWith('requests.') && qualifiedName(`requests.${name}`).length === 0;
const overcommits = (name: string): boolean => isNative(name) && !isHuge(name);
/** Counted in ones. */
export const isInteger = (name: string): boolean =>
  isExtended(name) ||
  [
    'pods',
    'services',
    'replicationcontrollers',
    'resourcequotas',
    'secrets',
    'configmaps',
    'persistentvolumeclaims',
    'services.nodeports',
    'services.loadbalancers',
  ].includes(name);

export function resourceName(field: string, name: string): Errors {
  const errors = bad(field, name, qualifiedName(name));
  if (errors.length > 0) return errors;
  if (!name.includes('/') && !STANDARD.has(name) && !isHuge(name) && !name.startsWith('requests.hugepages-'))
    return [invalid(field, name, 'must be a standard resource type or fully qualified')];
  return [];
}

function containerResourceName(field: string, name: string): Errors {
  const errors = resourceName(field, name);
  if (!name.includes('/')) {
    if (!['cpu', 'memory', 'ephemeral-storage'].includes(name) && !isHuge(name))
      errors.push(invalid(field, name, 'must be a standard resource for containers'));
  } else if (!isNative(name) && !isExtended(name)) errors.push(invalid(field, name, "doesn't follow extended resource name standard"));
  return errors;
}

function podResourceName(field: string, name: string): Errors {
  const errors = resourceName(field, name);
  if (errors.length > 0) return errors;
  return name === 'cpu' || name === 'memory' || isHuge(name) ? [] : [notSupported(field, name, ['cpu', 'hugepages-', 'memory'])];
}

export function quantityValue(field: string, name: string, text: string): Errors {
  const nanos = nanosOf(text);
  const errors: Errors = nanos < 0n ? [invalid(field, text, NEGATIVE)] : [];
  if (isInteger(name) && nanos % 1_000_000_000n !== 0n) errors.push(invalid(field, text, 'must be an integer'));
  return errors;
}

const sorted = (list: Readonly<Record<string, string>> | undefined): [string, string][] =>
  Object.entries(list ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));

function hugeValue(field: string, name: string, text: string): Errors {
  const page = nanosOf(name.slice('hugepages-'.length));
  return page > 0n && nanosOf(text) % page === 0n ? [] : [invalid(field, text, `${text} is not positive integer multiple of ${name}`)];
}

function requirements(
  field: string,
  r: V1ResourceRequirements,
  claims: readonly string[],
  check: (field: string, name: string) => Errors,
): Errors {
  const out: Errors = [];
  let huge = false;
  let compute = false;
  const note = (at: string, name: string, value: string): void => {
    if (isHuge(name)) {
      huge = true;
      out.push(...hugeValue(at, name, value));
    }
    if (name === 'cpu' || name === 'memory') compute = true;
  };
  for (const [name, value] of sorted(r.limits)) {
    const at = `${field}.limits[${name}]`;
    out.push(...check(at, name), ...quantityValue(at, name, value));
    note(at, name, value);
  }
  for (const [name, value] of sorted(r.requests)) {
    const at = `${field}.requests[${name}]`;
    out.push(...check(at, name), ...quantityValue(at, name, value));
    const limit = r.limits?.[name];
    if (limit !== undefined) {
      const order = compareQuantities(value, limit);
      if (order !== 0 && !overcommits(name)) out.push(invalid(`${field}.requests`, value, `must be equal to ${name} limit of ${limit}`));
      else if (order > 0) out.push(invalid(`${field}.requests`, value, `must be less than or equal to ${name} limit of ${limit}`));
    } else if (!overcommits(name)) out.push(required(`${field}.limits`, 'Limit must be set for non overcommitable resources'));
    note(at, name, value);
  }
  if (huge && !compute) out.push(forbidden(field, 'HugePages require cpu or memory'));
  return [...out, ...claimNames(`${field}.claims`, r, claims)];
}

function claimNames(field: string, r: V1ResourceRequirements, known: readonly string[]): Errors {
  const seen = new Set<string>();
  return (r.claims ?? []).flatMap((claim, i) => {
    const at = `${field}[${i}]`;
    if (!claim.name) return [required(at)];
    const out: FieldError[] = [];
    const key = claim.request ? `${claim.name}/${claim.request}` : claim.name;
    if (seen.has(claim.name)) out.push(duplicate(at, claim.name));
    else {
      if (claim.request) out.push(...bad(`${at}.request`, claim.request, dns1123Label(claim.request)));
      if (seen.has(key) || (!claim.request && [...seen].some((s) => s.startsWith(`${claim.name}/`)))) out.push(duplicate(at, key));
      seen.add(key);
    }
    if (!known.includes(claim.name)) {
      const list = known.length === 0 ? ' which is empty' : `: ${[...known].sort().join(', ')}`;
      out.push({ ...notFound(at, claim.name), detail: `must be one of the names in pod.spec.resourceClaims${list}` });
    }
    return out;
  });
}

export const containerResources = (field: string, r: V1ResourceRequirements, claims: readonly string[]): Errors =>
  requirements(field, r, claims, containerResourceName);
export const podResources = (field: string, r: V1ResourceRequirements, claims: readonly string[]): Errors => [
  ...(r.claims ? [forbidden(`${field}.claims`, 'claims may not be set for Resources at pod-level')] : []),
  ...requirements(field, r, claims, podResourceName),
];
