/** Where a pod may run: affinity, tolerations, spread, gates. Models validateAffinity, ValidateTolerations, validateTopologySpreadConstraints. */

import { duplicate, forbidden, invalid, notSupported, required } from '../field.ts';
import { dns1123Label, dns1123Subdomain, labelValue, qualifiedName } from '../names.ts';
import type {
  V1Affinity,
  V1LabelSelector,
  V1NodeSelector,
  V1NodeSelectorRequirement,
  V1NodeSelectorTerm,
  V1PodAffinity,
  V1PodAffinityTerm,
  V1PodSchedulingGate,
  V1Toleration,
  V1TopologySpreadConstraint,
} from '../types.ts';
import { bad, type Errors, labelSelector } from './common.ts';

function nodeRequirement(field: string, r: V1NodeSelectorRequirement, checkValues: boolean): Errors {
  const out: Errors = [];
  const values = r.values ?? [];
  if (r.operator === 'In' || r.operator === 'NotIn') {
    if (values.length === 0) out.push(required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (r.operator === 'Exists' || r.operator === 'DoesNotExist') {
    if (values.length > 0) out.push(forbidden(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  } else if (r.operator === 'Gt' || r.operator === 'Lt') {
    if (values.length !== 1) out.push(required(`${field}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
  } else out.push(invalid(`${field}.operator`, r.operator, 'not a valid selector operator'));
  out.push(...bad(`${field}.key`, r.key, qualifiedName(r.key)));
  if (checkValues) out.push(...values.flatMap((v, i) => bad(`${field}.values[${i}]`, v, labelValue(v))));
  return out;
}

function nodeField(field: string, r: V1NodeSelectorRequirement): Errors {
  const out: Errors = [];
  const values = r.values ?? [];
  if (r.operator !== 'In' && r.operator !== 'NotIn') out.push(invalid(`${field}.operator`, r.operator, 'not a valid selector operator'));
  else if (values.length !== 1)
    out.push(required(`${field}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"));
  if (r.key !== 'metadata.name') return [...out, invalid(`${field}.key`, r.key, 'not a valid field selector key')];
  return [...out, ...values.flatMap((v, i) => bad(`${field}.values[${i}]`, v, dns1123Subdomain(v)))];
}

function nodeTerm(field: string, term: V1NodeSelectorTerm, checkValues: boolean): Errors {
  return [
    ...(term.matchExpressions ?? []).flatMap((r, i) => nodeRequirement(`${field}.matchExpressions[${i}]`, r, checkValues)),
    ...(term.matchFields ?? []).flatMap((r, i) => nodeField(`${field}.matchFields[${i}]`, r)),
  ];
}

export function nodeSelector(field: string, selector: V1NodeSelector): Errors {
  const terms = selector.nodeSelectorTerms ?? [];
  if (terms.length === 0) return [required(`${field}.nodeSelectorTerms`, 'must have at least one node selector term')];
  return terms.flatMap((t, i) => nodeTerm(`${field}.nodeSelectorTerms[${i}]`, t, true));
}

const weight = (field: string, w: number): Errors =>
  w > 0 && w <= 100 ? [] : [invalid(`${field}.weight`, w, 'must be in the range 1-100')];

function labelKeys(field: string, keys: readonly string[] | undefined, selector: V1LabelSelector | undefined): Errors {
  if (!keys?.length) return [];
  if (!selector) return [forbidden(field, 'must not be specified when labelSelector is not set')];
  return keys.flatMap((k, i) => bad(`${field}[${i}]`, k, qualifiedName(k)));
}

function matchKeys(
  field: string,
  keys: readonly string[] | undefined,
  not: readonly string[] | undefined,
  selector: V1LabelSelector | undefined,
): Errors {
  const out = [...labelKeys(`${field}.matchLabelKeys`, keys, selector), ...labelKeys(`${field}.mismatchLabelKeys`, not, selector)];
  const seen = new Set(Object.keys(selector?.matchLabels ?? {}));
  for (const { key } of selector?.matchExpressions ?? []) {
    const at = keys?.indexOf(key) ?? -1;
    if (at >= 0 && seen.has(key)) out.push(invalid(`${field}[${at}]`, key, 'exists in both matchLabelKeys and labelSelector'));
    seen.add(key);
  }
  (keys ?? []).forEach((k, i) => {
    if (not?.includes(k)) out.push(invalid(`${field}.matchLabelKeys[${i}]`, k, 'exists in both matchLabelKeys and mismatchLabelKeys'));
  });
  return out;
}

function podTerm(field: string, term: V1PodAffinityTerm): Errors {
  const key = term.topologyKey ?? '';
  return [
    ...labelSelector(`${field}.labelSelector`, term.labelSelector),
    ...labelSelector(`${field}.namespaceSelector`, term.namespaceSelector),
    ...(term.namespaces ?? []).flatMap((n) => bad(`${field}.namespace`, n, dns1123Label(n))),
    ...matchKeys(field, term.matchLabelKeys, term.mismatchLabelKeys, term.labelSelector),
    ...(key === '' ? [required(`${field}.topologyKey`, 'can not be empty')] : []),
    ...bad(`${field}.topologyKey`, key, qualifiedName(key)),
  ];
}

function podAffinity(field: string, a: V1PodAffinity | undefined): Errors {
  const required = `${field}.requiredDuringSchedulingIgnoredDuringExecution`;
  const preferred = `${field}.preferredDuringSchedulingIgnoredDuringExecution`;
  return [
    ...(a?.requiredDuringSchedulingIgnoredDuringExecution ?? []).flatMap((t, i) => podTerm(`${required}[${i}]`, t)),
    ...(a?.preferredDuringSchedulingIgnoredDuringExecution ?? []).flatMap((t, i) => [
      ...weight(`${preferred}[${i}]`, t.weight),
      ...podTerm(`${preferred}[${i}].podAffinityTerm`, t.podAffinityTerm),
    ]),
  ];
}

export function affinity(field: string, a: V1Affinity | undefined): Errors {
  const node = a?.nodeAffinity;
  const must = node?.requiredDuringSchedulingIgnoredDuringExecution;
  const preferred = `${field}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution`;
  return [
    ...(must ? nodeSelector(`${field}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution`, must) : []),
    ...(node?.preferredDuringSchedulingIgnoredDuringExecution ?? []).flatMap((t, i) => [
      ...weight(`${preferred}[${i}]`, t.weight),
      ...nodeTerm(`${preferred}[${i}].preference`, t.preference, false),
    ]),
    ...podAffinity(`${field}.podAffinity`, a?.podAffinity),
    ...podAffinity(`${field}.podAntiAffinity`, a?.podAntiAffinity),
  ];
}

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function taintEffect(field: string, effect: string | undefined, mayBeEmpty: boolean): Errors {
  if (!effect) return mayBeEmpty ? [] : [required(field)];
  return EFFECTS.includes(effect) ? [] : [notSupported(field, effect, EFFECTS)];
}

export function tolerations(field: string, list: readonly V1Toleration[] | undefined): Errors {
  return (list ?? []).flatMap((t, i) => {
    const at = `${field}[${i}]`;
    const out: Errors = t.key ? bad(`${at}.key`, t.key, qualifiedName(t.key)) : [];
    const operator = t.operator ?? '';
    if (!t.key && operator !== 'Exists')
      out.push(
        invalid(`${at}.operator`, operator, 'operator must be Exists when `key` is empty, which means "match all values and all keys"'),
      );
    if (t.tolerationSeconds !== undefined && t.effect !== 'NoExecute')
      out.push(invalid(`${at}.effect`, t.effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    if (operator === '' || operator === 'Equal') {
      const wrong = labelValue(t.value ?? '');
      if (wrong.length > 0) out.push(invalid(`${at}.operator`, t.value ?? '', wrong.join(';')));
    } else if (operator === 'Exists') {
      if (t.value) out.push(invalid(`${at}.operator`, t.value, "value must be empty when `operator` is 'Exists'"));
    } else out.push(notSupported(`${at}.operator`, operator, ['Equal', 'Exists']));
    return [...out, ...taintEffect(`${at}.effect`, t.effect, true)];
  });
}

export function topologySpread(field: string, list: readonly V1TopologySpreadConstraint[] | undefined): Errors {
  const all = list ?? [];
  const positive = (at: string, n: number): Errors => (n > 0 ? [] : [invalid(at, n, 'must be greater than zero')]);
  return all.flatMap((c, i) => {
    const at = `${field}[${i}]`;
    const out = positive(`${at}.maxSkew`, c.maxSkew);
    if (!c.topologyKey) out.push(required(`${at}.topologyKey`, 'can not be empty'));
    const actions = ['DoNotSchedule', 'ScheduleAnyway'];
    if (!actions.includes(c.whenUnsatisfiable)) out.push(notSupported(`${at}.whenUnsatisfiable`, c.whenUnsatisfiable, actions));
    if (all.slice(i + 1).some((o) => o.topologyKey === c.topologyKey && o.whenUnsatisfiable === c.whenUnsatisfiable))
      out.push(duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${c.topologyKey}, ${c.whenUnsatisfiable}}`));
    if (c.minDomains !== undefined) {
      out.push(...positive(`${at}.minDomains`, c.minDomains));
      if (c.whenUnsatisfiable !== 'DoNotSchedule')
        out.push(
          invalid(
            `${at}.minDomains`,
            c.minDomains,
            `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${c.whenUnsatisfiable}`,
          ),
        );
    }
    for (const name of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
      const value = c[name];
      if (value !== undefined && value !== 'Honor' && value !== 'Ignore')
        out.push(notSupported(`${at}.${name}`, value, ['Honor', 'Ignore']));
    }
    return [
      ...out,
      ...matchKeys(at, c.matchLabelKeys, undefined, c.labelSelector),
      ...labelSelector(`${at}.labelSelector`, c.labelSelector),
    ];
  });
}

export function schedulingGates(field: string, list: readonly V1PodSchedulingGate[] | undefined): Errors {
  const seen = new Set<string>();
  return (list ?? []).flatMap((gate, i) => {
    const out = bad(`${field}[${i}]`, gate.name, qualifiedName(gate.name));
    if (seen.has(gate.name)) out.push(duplicate(`${field}[${i}]`, gate.name));
    seen.add(gate.name);
    return out;
  });
}
