/** What may change of a pod once it is there. Models ValidatePodUpdate (pkg/apis/core/validation). */

import { equal } from '../equal.ts';
import { forbidden, invalid, required } from '../field.ts';
import { inclusiveRange } from '../names.ts';
import type { Pod } from '../object.ts';
import type { V1Container, V1PodSpec, V1Toleration } from '../types.ts';
import type { Errors } from './common.ts';
import { imageWhitespace } from './container.ts';
import { podSpecDiff } from './internal.ts';
import { tolerations } from './scheduling.ts';

const UPDATABLE =
  '`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

function images(
  field: string,
  now: readonly V1Container[] | undefined,
  before: readonly V1Container[] | undefined,
): { errors: Errors; stop: boolean } {
  const list = now ?? [];
  if (list.length !== (before ?? []).length)
    return { errors: [forbidden(field, 'pod updates may not add or remove containers')], stop: true };
  const errors = list.flatMap((c, i) => [...(c.image ? [] : [required(`${field}[${i}].image`)]), ...imageWhitespace(`${field}[${i}]`, c)]);
  return { errors, stop: false };
}

function onlyAdded(field: string, now: readonly V1Toleration[] | undefined, before: readonly V1Toleration[] | undefined): Errors {
  const { length } = (before ?? []).filter((t) => !(now ?? []).some((n) => equal({ ...t, tolerationSeconds: n.tolerationSeconds }, n)));
  return length > 0 ? [forbidden(field, 'existing toleration can not be modified except its tolerationSeconds')] : tolerations(field, now);
}

export function podUpdate(pod: Pod, old: Pod): Errors {
  const spec = pod.spec as V1PodSpec;
  const before = old.spec as V1PodSpec;
  const out: Errors = [];
  for (const key of ['containers', 'initContainers'] as const) {
    const { errors, stop } = images(`spec.${key}`, spec[key], before[key]);
    out.push(...errors);
    if (stop) return out;
  }
  const deadline = spec.activeDeadlineSeconds;
  const at = 'spec.activeDeadlineSeconds';
  if (deadline !== undefined) {
    if (deadline < 0 || deadline > 0x7fffffff) return [...out, invalid(at, deadline, inclusiveRange(0, 0x7fffffff))];
    if (before.activeDeadlineSeconds !== undefined && before.activeDeadlineSeconds < deadline)
      return [...out, invalid(at, deadline, 'must be less than or equal to previous value')];
  } else if (before.activeDeadlineSeconds !== undefined)
    out.push(invalid(at, null, 'must not update from a positive integer to nil value'));
  out.push(...onlyAdded('spec.tolerations', spec.tolerations, before.tolerations));
  const gates = before.schedulingGates ?? [];
  (spec.schedulingGates ?? []).forEach((g, i) => {
    if (!gates.some((o) => o.name === g.name))
      out.push(forbidden(`spec.schedulingGates[${i}].name`, `only deletion is allowed, but found new scheduling gate '${g.name}'`));
  });
  if (equal(spec, before)) return out;
  const sameImages = (
    now: readonly V1Container[] | undefined,
    was: readonly V1Container[] | undefined,
  ): readonly V1Container[] | undefined => now?.map((c, i) => ({ ...c, image: was?.[i]?.image }));
  const grace = spec.terminationGracePeriodSeconds;
  let munged: V1PodSpec = {
    ...spec,
    containers: sameImages(spec.containers, before.containers) ?? [],
    initContainers: sameImages(spec.initContainers, before.initContainers),
    activeDeadlineSeconds: before.activeDeadlineSeconds,
    schedulingGates: before.schedulingGates,
    tolerations: before.tolerations,
    terminationGracePeriodSeconds:
      (before.terminationGracePeriodSeconds ?? 0) < 0 && grace === 1 ? before.terminationGracePeriodSeconds : grace,
  };
  if (gates.length > 0) {
    for (const [k, v] of Object.entries(before.nodeSelector ?? {}))
      if (spec.nodeSelector?.[k] !== v) {
        out.push(
          invalid(
            'spec.nodeSelector',
            spec.nodeSelector ?? null,
            'only additions to spec.nodeSelector are allowed (no mutations or deletions)',
          ),
        );
        break;
      }
    munged = { ...munged, nodeSelector: before.nodeSelector, affinity: before.affinity };
  }
  if (!equal(munged, before))
    out.push(forbidden('spec', `pod updates may not change fields other than ${UPDATABLE}\n${podSpecDiff(before, munged)}`));
  return out;
}

/** ValidatePodEphemeralContainersUpdate(): ephemeral containers are added, and stay as they are. */
export function podEphemeralUpdate(pod: Pod, old: Pod): Errors {
  const next = new Map((pod.spec?.ephemeralContainers ?? []).map((c) => [c.name, c]));
  const out: Errors[number][] = [];
  for (const c of old.spec?.ephemeralContainers ?? []) {
    const now = next.get(c.name);
    if (!now)
      out.push(forbidden('spec.ephemeralContainers', `existing ephemeral containers ${JSON.stringify(c.name)} may not be removed\n`));
    else if (!equal(now, c))
      out.push(forbidden('spec.ephemeralContainers', `existing ephemeral containers ${JSON.stringify(c.name)} may not be changed\n`));
  }
  return out;
}
