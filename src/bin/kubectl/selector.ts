/** Label selectors of equalities as kubectl reads them. Models metav1.ParseToLabelSelector and labels.Set */

import { Failure, failure } from './errors.ts';
import { type JsonObject, list, obj, sortedKeys, str } from './json.ts';
import { quote } from './strconv.ts';
import { labelValue, qualifiedName } from './validation.ts';

interface Requirement {
  readonly key: string;
  readonly op: '=' | '!=' | 'in' | 'notin' | 'exists' | '!';
  readonly values: readonly string[];
}

/** labels.ParseToRequirements() */
export function requirements(selector: string): readonly Requirement[] | Failure {
  const out: Requirement[] = [];
  let rest = selector.trim();
  while (rest !== '') {
    const set = /^([^\s,=!()]+)\s+(in|notin)\s*\(([^)]*)\)\s*(?:,\s*|$)/.exec(rest);
    const pair = set ? null : /^([^\s,=!()]+)\s*(==|=|!=)\s*([^\s,=!()]*)\s*(?:,\s*|$)/.exec(rest);
    const one = set || pair ? null : /^(!?)\s*([^\s,=!()]+)\s*(?:,\s*|$)/.exec(rest);
    const m = set ?? pair ?? one;
    if (!m) return failure(`unable to parse requirement: found '${/^\S+/.exec(rest)?.[0] ?? ''}', expected: identifier`);
    if (set) out.push({ key: set[1] as string, op: set[2] as 'in', values: (set[3] as string).split(',').map((v) => v.trim()) });
    else if (pair) out.push({ key: pair[1] as string, op: pair[2] === '!=' ? '!=' : '=', values: [pair[3] as string] });
    else out.push({ key: m[2] as string, op: m[1] === '!' ? '!' : 'exists', values: [] });
    rest = rest.slice(m[0].length);
  }
  for (const r of out) {
    const wrong = qualifiedName(r.key);
    if (wrong.length > 0) return failure(`unable to parse requirement: <nil>: Invalid value: ${quote(r.key)}: ${wrong.join('; ')}`);
    for (const v of r.values) {
      const bad = labelValue(v);
      if (bad.length > 0) return failure(`unable to parse requirement: values[0][${r.key}]: Invalid value: ${quote(v)}: ${bad.join('; ')}`);
    }
  }
  return out;
}

const OPERATORS: Readonly<Record<string, string>> = { '!=': 'NotIn', in: 'In', notin: 'NotIn', exists: 'Exists', '!': 'DoesNotExist' };

/** ParseToLabelSelector() */
export function labelSelector(selector: string): JsonObject | Failure {
  const reqs = requirements(selector);
  if (reqs instanceof Failure) return failure(`couldn't parse the selector string "${selector}": ${reqs.message}`);
  const matchLabels: Record<string, string> = {};
  const matchExpressions: JsonObject[] = [];
  for (const r of reqs) {
    if (r.op === '=') matchLabels[r.key] = r.values[0] as string;
    else matchExpressions.push({ key: r.key, operator: OPERATORS[r.op], ...(r.values.length > 0 ? { values: r.values } : {}) });
  }
  return {
    ...(Object.keys(matchLabels).length > 0 ? { matchLabels } : {}),
    ...(matchExpressions.length > 0 ? { matchExpressions } : {}),
  };
}

/** Whether labels fulfil what a selector says. */
export function matchesSelector(reqs: readonly Requirement[], labels: JsonObject): boolean {
  return reqs.every(({ key, op, values }) => {
    const has = key in labels;
    const value = String(labels[key]);
    if (op === 'exists') return has;
    if (op === '!') return !has;
    if (op === '=' || op === 'in') return has && values.includes(value);
    return !has || !values.includes(value);
  });
}

/** LabelSelectorAsSelector().String(): a LabelSelector as -l takes it. */
export function selectorText(s: JsonObject): string {
  const parts = sortedKeys(obj(s, 'matchLabels')).map((k) => ({ key: k, text: `${k}=${str(s, 'matchLabels', k)}` }));
  for (const e of list(s, 'matchExpressions')) {
    const key = str(e, 'key');
    const values = list(e, 'values').map(String).sort().join(',');
    const op = str(e, 'operator');
    parts.push({
      key,
      text: op === 'In' ? `${key} in (${values})` : op === 'NotIn' ? `${key} notin (${values})` : op === 'Exists' ? key : `!${key}`,
    });
  }
  return parts
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map((p) => p.text)
    .join(',');
}
