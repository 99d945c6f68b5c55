/** --sort-by: objects or rows of a table by a JSONPath. Models kubectl/pkg/cmd/get/sorter.go */

import { Failure, failure } from './errors.ts';
import { isArray, type Json, type JsonObject, list, obj } from './json.ts';
import { JsonPath, relaxed } from './jsonpath.ts';
import { parseQuantity } from './quantity.ts';
import { quote } from './strconv.ts';

/** Whether a belongs before b; a Failure for what has no order. */
function isLess(a: Json, b: Json): boolean | Failure {
  if (a === null || b === null) return a === null && b !== null;
  if (typeof a === 'number') return typeof b === 'number' ? a < b : failure('unsortable interface: interface');
  if (typeof a === 'string') {
    if (typeof b !== 'string') return failure('unsortable interface: interface');
    const x = parseQuantity(a);
    const y = parseQuantity(b);
    return x instanceof Failure || y instanceof Failure ? a < b : x.nano < y.nano;
  }
  if (isArray(a) && isArray(b)) {
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      const r = isLess(a[i] as Json, b[i] as Json);
      if (r !== true) return r;
    }
    return true;
  }
  return failure(`unsortable type: ${typeof a === 'boolean' ? 'bool' : 'map[string]interface {}'}`);
}

/** Up to here Go's sort.Sort inserts one by one; beyond, equal ones keep their order here. */
const INSERTION = 12;

interface Keyed<T> {
  readonly item: T;
  readonly key: Json | undefined;
}

function sortKeyed<T>(items: Keyed<T>[]): Failure | null {
  let wrong: Failure | null = null;
  const less = (a: Keyed<T>, b: Keyed<T>): boolean => {
    if (a.key === undefined) return true;
    if (b.key === undefined) return false;
    const r = isLess(a.key, b.key);
    if (!(r instanceof Failure)) return r;
    wrong ??= r;
    return false;
  };
  if (items.length > INSERTION)
    items.sort((a, b) => (a.key === undefined && b.key === undefined ? 0 : less(a, b) ? -1 : less(b, a) ? 1 : 0));
  else
    for (let i = 1; i < items.length; i++)
      for (let j = i; j > 0 && less(items[j] as Keyed<T>, items[j - 1] as Keyed<T>); j--) {
        const swap = items[j] as Keyed<T>;
        items[j] = items[j - 1] as Keyed<T>;
        items[j - 1] = swap;
      }
  return wrong;
}

export function sortBy<T>(items: readonly T[], field: string, objectOf: (item: T) => Json): readonly T[] | Failure {
  if (items.length === 0) return items;
  const path = relaxed(field);
  if (path instanceof Failure) return path;
  const parsed = JsonPath.parse(path);
  if (parsed instanceof Failure) return failure(`sorting error: ${parsed.message}`);
  const keyed: Keyed<T>[] = [];
  for (const item of items) {
    const found = parsed.find(objectOf(item));
    if (found instanceof Failure) return found;
    keyed.push({ item, key: found[0]?.[0] });
  }
  if (keyed.every((k) => k.key === undefined)) return failure(`couldn't find any field with path ${quote(path)} in the list of objects`);
  return sortKeyed(keyed) ?? keyed.map((k) => k.item);
}

/** Rows of a table, by the objects that they carry. */
export function sortTable(table: JsonObject, field: string): JsonObject | Failure {
  const rows = sortBy(list(table, 'rows'), field, (r) => obj(r, 'object'));
  return rows instanceof Failure ? rows : { ...table, rows };
}
