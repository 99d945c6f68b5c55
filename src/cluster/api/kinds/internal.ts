/** The internal form of pod types, which some messages show: Go's names, nothing left out. Models pkg/apis/core/types.go. */

import { goText } from '../decode.ts';
import { GoText } from '../field.ts';
import INTERNAL from '../schema/internal.json' with { type: 'json' };
import type { V1PodSpec, V1PodTemplateSpec } from '../types.ts';
import { unifiedDiff } from './diff.ts';

type Json = Readonly<Record<string, unknown>>;
/** Struct -> its fields in order: `Go name`, `v1 JSON name`, `type` (struct, `[]struct`, `{}` map, or a scalar's zero). */
const TABLE = INTERNAL as unknown as Readonly<Record<string, readonly (readonly [string, string, string])[]>>;

/** Fields that the internal PodSpec keeps in its security context. */
const MOVED = ['hostNetwork', 'hostPID', 'hostIPC', 'shareProcessNamespace', 'hostUsers'] as const;

function value(type: string, given: unknown): unknown {
  if (type.startsWith('[]')) return Array.isArray(given) && given.length > 0 ? given.map((v) => value(type.slice(2), v)) : null;
  if (type.startsWith('*')) return given === undefined || given === null ? null : value(type.slice(1), given);
  const fields = TABLE[type];
  if (fields) {
    const from = (given ?? {}) as Json;
    return Object.fromEntries(fields.map(([go, name, of]) => [go, value(of, from[name])]));
  }
  if (given !== undefined) return given;
  return type === 'string' ? '' : type === 'int' ? 0 : type === 'bool' ? false : null;
}

export function internalPodSpec(spec: V1PodSpec): Json {
  const moved = Object.fromEntries(MOVED.map((k) => [k, spec[k]]));
  return value('PodSpec', { ...spec, securityContext: spec.securityContext && { ...spec.securityContext, ...moved } }) as Json;
}

/** A template's metadata has JSON names, its spec has none. */
export function internalTemplate(template: V1PodTemplateSpec): GoText {
  const meta = goText('V1ObjectMeta', template.metadata ?? {}).text.slice(1, -1);
  const spec = escaped(JSON.stringify(internalPodSpec(template.spec ?? { containers: [] })));
  return new GoText(`{${meta}${meta === '' ? '' : ','}"Spec":${spec}}`);
}

const escaped = (json: string): string => json.replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);

export function podSpecDiff(before: V1PodSpec, now: V1PodSpec): string {
  const text = (s: V1PodSpec): string => escaped(JSON.stringify(internalPodSpec(s), null, 1));
  return unifiedDiff(text(before), text(now));
}
