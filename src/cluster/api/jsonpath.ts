/** The simple JSONPath of printer columns: `.spec.a[0].b`, `.status.conditions[?(@.type=="Ready")].status`, `.x[*].y`. */

import { isObject } from './equal.ts';

type Step = (values: readonly unknown[]) => readonly unknown[];

const field =
  (name: string): Step =>
  (values) =>
    values.flatMap((v) => (isObject(v) && v[name] !== undefined && v[name] !== null ? [v[name]] : []));

function filter(path: string, operator: string, wanted: string): Step {
  const inner = jsonPath(path);
  return (values) =>
    values
      .flatMap((v) => (Array.isArray(v) ? (v as readonly unknown[]) : []))
      .filter((item) => {
        const [found] = inner(item);
        return operator === '' ? found !== undefined : (String(found) === wanted) === (operator === '==');
      });
}

/** What the path finds in an object. A path that cannot be read finds nothing. */
export function jsonPath(text: string): (object: unknown) => readonly unknown[] {
  const steps: Step[] = [];
  let rest = text.replace(/^\{|\}$/g, '').replace(/^\$/, '');
  while (rest !== '') {
    const m =
      /^\.((?:[^.[\\]|\\.)+)/.exec(rest) ??
      /^\[\?\(\s*@((?:\.[^=!\s)]+)+)\s*(==|!=)?\s*(?:"([^"]*)"|'([^']*)'|([^)\s]*))\s*\)\]/.exec(rest) ??
      /^\[(\d+|\*|'[^']*'|"[^"]*")\]/.exec(rest);
    if (!m) return () => [];
    const token = m[0];
    rest = rest.slice(token.length);
    if (token.startsWith('.'))
      steps.push(
        m[1] === '*'
          ? (values) => values.flatMap((v) => (isObject(v) ? Object.values(v) : []))
          : field((m[1] as string).replace(/\\(.)/g, '$1')),
      );
    else if (token.startsWith('[?')) steps.push(filter(m[1] as string, m[2] ?? '', m[3] ?? m[4] ?? m[5] ?? ''));
    else if (m[1] === '*') steps.push((values) => values.flatMap((v) => (Array.isArray(v) ? (v as readonly unknown[]) : [])));
    else if (/^\d/.test(m[1] as string))
      steps.push((values) =>
        values.flatMap((v) => (Array.isArray(v) && v[Number(m[1])] !== undefined ? [v[Number(m[1])] as unknown] : [])),
      );
    else steps.push(field((m[1] as string).slice(1, -1)));
  }
  return (object) => steps.reduce<readonly unknown[]>((values, step) => step(values), [object]);
}
