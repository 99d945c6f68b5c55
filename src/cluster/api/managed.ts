/** Who manages which fields. The record is kept as a chain of writes and worked out when somebody asks. Models fieldmanager. */

import { isObject, type Json } from './equal.ts';
import { compare, EMPTY, type FieldSet, fromFieldsV1, isEmpty, minus, toFieldsV1, union } from './fieldset.ts';
import type { AnyObject } from './object.ts';
import { groupVersion, type ResourceDef, typingOf } from './resources.ts';
import type { V1ManagedFieldsEntry } from './types.ts';
import type { Call } from './write.ts';

export interface Manager {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly subresource: string;
  readonly apiVersion: string;
  readonly time: string;
  readonly set: FieldSet;
}

interface Note {
  readonly manager: string;
  readonly subresource: string;
  readonly time: string;
  readonly def: ResourceDef;
  readonly old: AnyObject | undefined;
  /** The object before admission and strategy had their say. */
  readonly seen: AnyObject;
  /** Set when an apply has worked them out. */
  readonly managers: readonly Manager[] | undefined;
}

const NOTES = new WeakMap<AnyObject, Note>();
const KNOWN = new WeakMap<AnyObject, readonly Manager[]>();
/** How many writes are put off at most. */
const MAX_CHAIN = 8;
const DEPTH = new WeakMap<AnyObject, number>();
/** Managers that a server records at most before it lumps the oldest together. */
const MAX_UPDATERS = 10;

/** Binding tracks nothing. */
const UNTRACKED: ReadonlySet<string> = new Set(['binding']);

export function noteWrite(
  call: Call,
  def: ResourceDef,
  object: AnyObject,
  old: AnyObject | undefined,
  seen: AnyObject,
  managers?: readonly Manager[],
): void {
  const subresource = call.write.subresource ?? '';
  KNOWN.delete(object);
  NOTES.set(object, { manager: call.manager, subresource, time: call.server.now, def, old, seen, managers });
  const depth = old ? (DEPTH.get(old) ?? 0) + 1 : 0;
  if (depth < MAX_CHAIN) DEPTH.set(object, depth);
  else managersOf(object);
}

export function managersOf(object: AnyObject): readonly Manager[] {
  const known = KNOWN.get(object);
  if (known) return known;
  const note = NOTES.get(object);
  let managers: readonly Manager[] = [];
  if (note) managers = note.managers ?? updated(note, note.seen, note.old ? managersOf(note.old) : []);
  KNOWN.set(object, managers);
  if (note) NOTES.delete(object);
  DEPTH.set(object, 0);
  return managers;
}

/** Fields of a subresource's status alone, or of all but the status. */
function updated(note: Note, object: AnyObject, before: readonly Manager[]): readonly Manager[] {
  if (UNTRACKED.has(note.subresource)) return before;
  const schema = typingOf(note.def);
  const { written, removed } = compare(schema, (note.old ?? {}) as Json, object as unknown as Json);
  if (isEmpty(written) && isEmpty(removed)) return before;
  return record(
    before,
    {
      manager: note.manager,
      operation: 'Update',
      subresource: note.subresource,
      apiVersion: groupVersion(note.def),
      time: note.time,
      set: written,
    },
    removed,
  );
}

const same = (a: Manager, b: Manager): boolean =>
  a.manager === b.manager && a.operation === b.operation && a.subresource === b.subresource && a.apiVersion === b.apiVersion;

/** A write of `by`: its fields are its own from now on, and nobody's that it removed. */
export function record(before: readonly Manager[], by: Manager, removed: FieldSet): readonly Manager[] {
  const out: Manager[] = [];
  let found = false;
  for (const m of before) {
    if (same(m, by)) {
      found = true;
      const set = minus(union(m.set, by.set), removed);
      if (!isEmpty(set)) out.push({ ...by, set });
      continue;
    }
    const set = minus(minus(m.set, removed), by.set);
    if (!isEmpty(set)) out.push(set === m.set ? m : { ...m, set });
  }
  if (!found && !isEmpty(by.set)) out.push(by);
  const updaters = out.filter((m) => m.operation === 'Update');
  if (updaters.length > MAX_UPDATERS) {
    const oldest = updaters.slice(0, updaters.length - MAX_UPDATERS + 1);
    const lumped = oldest.reduce((set, m) => union(set, m.set), EMPTY);
    return [
      { ...(oldest[0] as Manager), manager: 'ancient-changes', subresource: '', set: lumped },
      ...out.filter((m) => !oldest.includes(m)),
    ];
  }
  return out;
}

/** metadata.managedFields: applied ones first, then by time and name. */
export function managedFieldsOf(object: AnyObject): readonly V1ManagedFieldsEntry[] {
  return [...managersOf(object)]
    .sort((a, b) =>
      a.operation !== b.operation
        ? a.operation === 'Apply'
          ? -1
          : 1
        : a.time !== b.time
          ? a.time < b.time
            ? -1
            : 1
          : a.manager < b.manager
            ? -1
            : a.manager > b.manager
              ? 1
              : a.subresource < b.subresource
                ? -1
                : 1,
    )
    .map((m) => ({
      apiVersion: m.apiVersion,
      fieldsType: 'FieldsV1',
      fieldsV1: toFieldsV1(m.set) as NonNullable<V1ManagedFieldsEntry['fieldsV1']>,
      manager: m.manager,
      operation: m.operation,
      ...(m.subresource ? { subresource: m.subresource } : {}),
      time: m.time,
    }));
}

/** metadata.managedFields as a client wrote it; `[{}]` forgets them all. */
export function managersFrom(entries: readonly unknown[]): readonly Manager[] {
  return entries.flatMap((entry): Manager[] => {
    if (!isObject(entry) || typeof entry.manager !== 'string') return [];
    return [
      {
        manager: entry.manager,
        operation: entry.operation === 'Apply' ? 'Apply' : 'Update',
        subresource: typeof entry.subresource === 'string' ? entry.subresource : '',
        apiVersion: String(entry.apiVersion ?? ''),
        time: String(entry.time ?? ''),
        set: isObject(entry.fieldsV1) ? fromFieldsV1(entry.fieldsV1) : EMPTY,
      },
    ];
  });
}

/** The object is the same but for its managers: what a write is counted on. */
export function withManagers(object: AnyObject, managers: readonly Manager[]): AnyObject {
  const copy = { ...object };
  KNOWN.set(copy, managers);
  return copy;
}
