/** Whether an object's metadata would decode into ObjectMeta, with encoding/json's texts. Models metadataValidatingDecoder of cli-runtime */

import { isArray, isObject, type Json, type JsonObject } from './json.ts';

type Shape = 'string' | 'int64' | 'map' | 'strings';

const FIELDS: Readonly<Record<string, Shape>> = {
  name: 'string',
  generateName: 'string',
  namespace: 'string',
  selfLink: 'string',
  uid: 'string',
  resourceVersion: 'string',
  generation: 'int64',
  deletionGracePeriodSeconds: 'int64',
  labels: 'map',
  annotations: 'map',
  finalizers: 'strings',
};

const kind = (v: Json): string =>
  typeof v === 'boolean' ? 'bool' : isArray(v) ? 'array' : isObject(v) ? 'object' : typeof v === 'number' ? 'number' : 'string';

/** Null, or the error. */
export function checkMetadata(doc: JsonObject): string | null {
  const meta = doc.metadata;
  if (meta === undefined || meta === null) return null;
  if (!isObject(meta)) return `json: cannot unmarshal ${kind(meta)} into Go struct field metadataOnlyObject.metadata of type v1.ObjectMeta`;
  for (const [name, shape] of Object.entries(FIELDS)) {
    const v = meta[name];
    if (v === undefined || v === null) continue;
    const bad = (found: Json, type: string): string =>
      `json: cannot unmarshal ${kind(found)} into Go struct field ObjectMeta.metadata.${name} of type ${type}`;
    if (shape === 'string' && typeof v !== 'string') return bad(v, name === 'uid' ? 'types.UID' : 'string');
    if (shape === 'int64' && typeof v !== 'number') return bad(v, 'int64');
    if (shape === 'map') {
      if (!isObject(v)) return bad(v, 'map[string]string');
      for (const x of Object.values(v)) if (x !== undefined && x !== null && typeof x !== 'string') return bad(x, 'string');
    }
    if (shape === 'strings') {
      if (!isArray(v)) return bad(v, '[]string');
      for (const x of v) if (x !== null && typeof x !== 'string') return bad(x, 'string');
    }
  }
  return null;
}
