/** JSON values, paths into them, and their texts as Go's encoding/json and apimachinery's unstructured helpers make them. */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

export const isObject = (v: unknown): v is JsonObject => typeof v === 'object' && v !== null && !Array.isArray(v);
export const isArray = (v: unknown): v is readonly Json[] => Array.isArray(v);

/** Byte order of UTF-8, as Go sorts strings; UTF-16 order differs only beyond the BMP. */
export const compareStrings = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
export const sortedKeys = (o: JsonObject): string[] =>
  Object.keys(o)
    .filter((k) => o[k] !== undefined)
    .sort(compareStrings);

/** The value at a path of names; undefined when there is none. */
export function at(v: Json | undefined, ...path: readonly (string | number)[]): Json | undefined {
  let here: Json | undefined = v;
  for (const step of path) {
    if (typeof step === 'number' && isArray(here)) here = here[step];
    else if (typeof step === 'string' && isObject(here)) here = here[step];
    else return undefined;
  }
  return here;
}

export function str(v: Json | undefined, ...path: readonly (string | number)[]): string {
  const found = at(v, ...path);
  return typeof found === 'string' ? found : typeof found === 'number' || typeof found === 'boolean' ? String(found) : '';
}

export function num(v: Json | undefined, ...path: readonly (string | number)[]): number {
  const found = at(v, ...path);
  return typeof found === 'number' ? found : 0;
}

export function list(v: Json | undefined, ...path: readonly (string | number)[]): readonly Json[] {
  const found = at(v, ...path);
  return isArray(found) ? found : [];
}

export function obj(v: Json | undefined, ...path: readonly (string | number)[]): JsonObject {
  const found = at(v, ...path);
  return isObject(found) ? found : {};
}

/** A copy with the value at the path set (undefined takes it away); objects on the way are made. */
export function withPath(v: Json | undefined, path: readonly string[], value: Json | undefined): JsonObject {
  const [head, ...rest] = path as [string, ...string[]];
  const base = isObject(v) ? v : {};
  if (rest.length > 0) return { ...base, [head]: withPath(base[head], rest, value) };
  if (value !== undefined) return { ...base, [head]: value };
  const { [head]: _, ...others } = base;
  return others;
}

/** encoding/json escapes these in strings. */
const goString = (s: string): string =>
  JSON.stringify(s).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** json.Marshal(): compact, keys sorted (`sorted`) or in the order in which they were put (a Go struct). */
export function goJson(v: Json | undefined, options: { sorted?: boolean; escapeHtml?: boolean } = {}): string {
  const { sorted = true, escapeHtml = true } = options;
  const text = escapeHtml ? goString : (s: string): string => JSON.stringify(s);
  const write = (x: Json | undefined): string => {
    if (x === null || x === undefined) return 'null';
    if (typeof x === 'string') return text(x);
    if (isArray(x)) return `[${x.map(write).join(',')}]`;
    if (isObject(x)) {
      const keys = sorted ? sortedKeys(x) : Object.keys(x).filter((k) => x[k] !== undefined);
      return `{${keys.map((k) => `${text(k)}:${write(x[k])}`).join(',')}}`;
    }
    return String(x);
  };
  return write(v);
}

/** json.MarshalIndent() */
export function goJsonIndent(v: Json | undefined, indent = '    ', options: { sorted?: boolean; escapeHtml?: boolean } = {}): string {
  const { sorted = true, escapeHtml = true } = options;
  const text = escapeHtml ? goString : (s: string): string => JSON.stringify(s);
  const write = (x: Json | undefined, pad: string): string => {
    if (x === null || x === undefined) return 'null';
    if (typeof x === 'string') return text(x);
    const inner = pad + indent;
    if (isArray(x)) return x.length === 0 ? '[]' : `[\n${x.map((i) => inner + write(i, inner)).join(',\n')}\n${pad}]`;
    if (isObject(x)) {
      const keys = sorted ? sortedKeys(x) : Object.keys(x).filter((k) => x[k] !== undefined);
      return keys.length === 0 ? '{}' : `{\n${keys.map((k) => `${inner}${text(k)}: ${write(x[k], inner)}`).join(',\n')}\n${pad}}`;
    }
    return String(x);
  };
  return write(v, '');
}
