/** object: what the API says of objects: how many, how many ready, and their fields, also against another object's. */

import { parsePath, same, shown, valuesAt, within } from '../fields.ts';
import type { Check } from '../lab.ts';
import { operationsOf } from '../operate.ts';
import { matches, patternFault } from '../pattern.ts';
import type { CheckKind, Finding, Scene } from './kind.ts';

export interface Reference {
  /** KIND/NAME in the same namespace. */
  readonly get: string;
  readonly path: string;
}

export interface FieldWish {
  readonly path: string;
  readonly equals?: unknown;
  readonly matches?: string;
  readonly exists?: boolean;
  /** Of a number; of all of them when the path leads to several. */
  readonly min?: number;
  readonly max?: number;
  /** Of values that the path leads to. */
  readonly count?: number;
  /** The other object's field has the same value. */
  readonly 'same-as'?: Reference;
  /** All its fields are in the other's, as a selector fits labels. */
  readonly within?: Reference;
}

export type Amount = number | { readonly min?: number; readonly max?: number };

export interface ObjectCheck extends Check {
  /** KIND/NAME, or KIND for all of it that the selector takes; as kubectl knows kinds. */
  readonly get: string;
  readonly namespace: string;
  /** Of labels, as kubectl's -l. */
  readonly selector?: string;
  readonly absent: boolean;
  readonly count?: Amount;
  /** How many of them are Ready (pods), or Available. */
  readonly ready?: Amount;
  readonly has: readonly FieldWish[];
}

interface Thing {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

function fits(n: number, want: Amount): boolean {
  if (typeof want === 'number') return n === want;
  return n >= (want.min ?? 0) && n <= (want.max ?? Number.POSITIVE_INFINITY);
}

function amount(want: Amount): string {
  if (typeof want === 'number') return String(want);
  if (want.max === undefined) return `at least ${want.min ?? 0}`;
  return want.min === undefined ? `at most ${want.max}` : `${want.min} to ${want.max}`;
}

const isReady = (o: Thing): boolean =>
  o.status?.conditions?.some((c) => (c.type === 'Ready' || c.type === 'Available') && c.status === 'True') ?? false;

/** The objects, or why there are none. */
function find({ world }: Scene, get: string, namespace: string, selector?: string): readonly Thing[] | string {
  const { api, resource } = operationsOf(world);
  if (!api) return 'there is no Kubernetes in this world';
  const [kind = '', name] = get.split('/');
  const known = resource(kind);
  if (!known) return `the API has no kind "${kind}"`;
  if (name !== undefined && !name.includes('*')) {
    const r = api.get<Thing>(known.name, known.namespaced ? namespace : '', name);
    return r.ok ? [r.value] : [];
  }
  const r = api.list<Thing>(known.name, {
    ...(known.namespaced ? { namespace } : {}),
    ...(selector === undefined ? {} : { labelSelector: selector }),
  });
  if (!r.ok) return r.status.message ?? 'the API refuses';
  return r.value.items.filter((o) => name === undefined || o.metadata.name.startsWith(name.replace(/\*.*/, '')));
}

const words = (r: Reference): string => `${r.path} of ${r.get}`;

/** How a field must be, and what it is when it is not so. */
function wish(scene: Scene, check: ObjectCheck, o: Thing, w: FieldWish): { want: string; problem: string | null } {
  const values = valuesAt(o, w.path);
  const [first] = values;
  const is = values.length === 0 ? 'it is not set' : `it is ${values.map(shown).join(', ')}`;
  const say = (holds: boolean, want: string): { want: string; problem: string | null } => ({
    want: `${w.path} ${want}`,
    problem: holds ? null : is,
  });
  if (w.exists !== undefined) return say(values.length > 0 === w.exists, w.exists ? 'is set' : 'is not set');
  if (w.count !== undefined) return say(values.length === w.count, `has ${w.count} values`);
  const other = w['same-as'] ?? w.within;
  if (other) {
    const found = find(scene, other.get, check.namespace);
    const theirs = typeof found === 'string' ? undefined : valuesAt(found[0], other.path)[0];
    const holds = first !== undefined && theirs !== undefined && (w.within ? within(first, theirs) : same(first, theirs));
    const result = say(holds, w.within ? `fits ${words(other)}` : `is the same as ${words(other)}`);
    return holds ? result : { ...result, problem: `${is}, ${words(other)} is ${theirs === undefined ? 'not set' : shown(theirs)}` };
  }
  if (w.matches !== undefined)
    return say(
      values.some((v) => matches(w.matches as string, shown(v))),
      `matches ${w.matches}`,
    );
  if (w.min !== undefined || w.max !== undefined) {
    const [low, high] = [w.min ?? Number.NEGATIVE_INFINITY, w.max ?? Number.POSITIVE_INFINITY];
    return say(values.length > 0 && values.every((v) => Number(v) >= low && Number(v) <= high), `is ${amount(w as Amount)}`);
  }
  return say(
    values.some((v) => same(v, w.equals)),
    `is ${shown(w.equals)}`,
  );
}

function run(scene: Scene, check: ObjectCheck): Finding {
  const which = `${check.get}${check.selector ? ` with ${check.selector}` : ''}`;
  const found = find(scene, check.get, check.namespace, check.selector);
  if (typeof found === 'string') return { passed: false, expected: `${which} is found`, actual: found };
  const names = found.map((o) => o.metadata.name);
  const there = names.length === 0 ? 'there is none' : `there is ${names.slice(0, 8).join(', ')}`;
  if (check.absent) return { passed: names.length === 0, expected: `there is no ${which}`, actual: there };
  if (check.count !== undefined && !fits(names.length, check.count))
    return { passed: false, expected: `${which}: ${amount(check.count)} of it`, actual: `${names.length}: ${there}` };
  if (check.count === undefined && names.length === 0) return { passed: false, expected: `there is ${which}`, actual: there };
  if (check.ready !== undefined) {
    const ready = found.filter(isReady);
    const waiting = found.filter((o) => !isReady(o)).map((o) => `${o.metadata.name} is not ready`);
    if (!fits(ready.length, check.ready))
      return {
        passed: false,
        expected: `${which}: ${amount(check.ready)} ready`,
        actual: `${ready.length} of ${names.length} are`,
        log: waiting.slice(0, 8),
      };
  }
  const wants: string[] = [];
  for (const o of found) {
    for (const w of check.has) {
      const { want, problem } = wish(scene, check, o, w);
      if (problem !== null) return { passed: false, expected: `${want} in ${check.get.split('/')[0]} ${o.metadata.name}`, actual: problem };
      if (o === found[0]) wants.push(want);
    }
  }
  return { passed: true, expected: [`there is ${which}`, ...wants].join('; '), actual: there };
}

export const objectKind: CheckKind<ObjectCheck> = {
  kind: 'object',
  defaults: { namespace: 'default', absent: false, has: [] },
  run,
  faults(check) {
    return check.has.flatMap((w, i) => {
      const field = `has.${i}`;
      const paths = [w.path, w['same-as']?.path, w.within?.path].filter((p) => p !== undefined);
      const wrong = paths.find((p) => parsePath(p) === null);
      return [
        ...(wrong === undefined ? [] : [{ field: `${field}.path`, problem: `"${wrong}" is no path; write it like spec.ports[0].port` }]),
        ...patternFault(`${field}.matches`, w.matches),
      ];
    });
  },
};
