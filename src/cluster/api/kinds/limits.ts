/** LimitRange applied to pods: defaults, minima, maxima. Models plugin/pkg/admission/limitranger. */

import type { Admitted, RequestContext } from '../kind.ts';
import type { AnyObject, Pod } from '../object.ts';
import { compareQuantities } from '../quantity.ts';
import { forbidden } from '../status.ts';
import type { V1Container, V1LimitRangeItem, V1PodSpec } from '../types.ts';
import { mapSame, withMembers } from './common.ts';

interface LimitRange extends AnyObject {
  readonly spec?: { readonly limits?: readonly V1LimitRangeItem[] };
}
type Quantities = Readonly<Record<string, string>> | undefined;

function filled(c: V1Container, item: V1LimitRangeItem): V1Container {
  const merge = (own: Quantities, from: Quantities): Quantities => {
    const missing = Object.entries(from ?? {}).filter(([k]) => own?.[k] === undefined);
    return missing.length === 0 ? own : { ...Object.fromEntries(missing), ...own };
  };
  const r = c.resources ?? {};
  const limits = merge(r.limits, item.default);
  const requests = merge(r.requests, item.defaultRequest);
  return limits === r.limits && requests === r.requests ? c : { ...c, resources: { ...r, limits, requests } };
}

function broken(type: string, item: V1LimitRangeItem, requests: Quantities, limits: Quantities): string[] {
  const out: string[] = [];
  for (const [name, min] of Object.entries(item.min ?? {}).sort()) {
    const request = requests?.[name];
    const limit = limits?.[name];
    if (request === undefined) out.push(`minimum ${name} usage per ${type} is ${min}.  No request is specified`);
    else if (compareQuantities(request, min) < 0) out.push(`minimum ${name} usage per ${type} is ${min}, but request is ${request}`);
    if (limit !== undefined && compareQuantities(limit, min) < 0)
      out.push(`minimum ${name} usage per ${type} is ${min}, but limit is ${limit}`);
  }
  for (const [name, max] of Object.entries(item.max ?? {}).sort()) {
    const request = requests?.[name];
    const limit = limits?.[name];
    if (limit === undefined) out.push(`maximum ${name} usage per ${type} is ${max}.  No limit is specified`);
    else if (compareQuantities(limit, max) > 0) out.push(`maximum ${name} usage per ${type} is ${max}, but limit is ${limit}`);
    if (request !== undefined && compareQuantities(request, max) > 0)
      out.push(`maximum ${name} usage per ${type} is ${max}, but request is ${request}`);
  }
  return out;
}

export function limitRanger(pod: Pod, context: RequestContext): Admitted<Pod> {
  const ranges = context.list<LimitRange>('limitranges', pod.metadata.namespace);
  if (ranges.length === 0) return { ok: true, value: pod };
  let spec = pod.spec as V1PodSpec;
  const errors: string[] = [];
  for (const item of ranges.flatMap((r) => r.spec?.limits ?? [])) {
    if (item.type !== 'Container') continue;
    const fill = (c: V1Container): V1Container => filled(c, item);
    spec = withMembers(spec, { containers: mapSame(spec.containers, fill), initContainers: mapSame(spec.initContainers, fill) });
    for (const c of [...(spec.containers ?? []), ...(spec.initContainers ?? [])])
      errors.push(...broken('Container', item, c.resources?.requests, c.resources?.limits));
  }
  if (errors.length === 0) return { ok: true, value: spec === pod.spec ? pod : { ...pod, spec } };
  return forbidden(
    { group: '', plural: 'pods' },
    pod.metadata.name,
    errors.length === 1 ? (errors[0] as string) : `[${errors.join(', ')}]`,
  );
}
