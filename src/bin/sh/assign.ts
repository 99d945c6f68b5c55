/** Assignments: scalars, elements, whole arrays, +=. Models arrayfunc.c of bash */

import type { ArrayValue, Assignment, Word } from 'unbash';
import type { Task } from '../../os/process.ts';
import { arithmetic } from './arithmetic.ts';
import { expandString, expandWords } from './expand.ts';
import { wordFromText } from './source.ts';
import { Abandon, type Shell } from './state.ts';
import { assign, cased, MAX_VALUE, OutOfMemory, ReadonlyError, type Variable } from './vars.ts';

/** Sets one element, making an indexed array of a scalar or of nothing. */
export function assignElement(sh: Shell, name: string, key: string, value: string): void {
  const v = sh.vars.ensure(name);
  if (v.readonly) throw new ReadonlyError(name);
  setElement(v, key, value);
}

function setElement(v: Variable, key: string, value: string): void {
  const text = cased(v, value);
  if (text.length > MAX_VALUE) throw new OutOfMemory(text.length);
  if (v.assoc) {
    v.assoc.set(key, text);
    return;
  }
  const array = toArray(v);
  const n = Number(key);
  array[n < 0 ? array.length + n : n] = text;
}

export function toArray(v: Variable): string[] {
  if (!v.array) {
    v.array = v.value === undefined ? [] : [v.value];
    v.value = undefined;
  }
  return v.array;
}

/** A subscript's text as a key of that variable. */
export function* subscript(sh: Shell, v: Variable | undefined, index: Word): Task<string> {
  const text = yield* expandString(sh, index);
  if (v?.assoc) return text;
  return String(yield* arithmetic(sh, text));
}

/** The value with the variable's attributes: integer variables evaluate it. */
export function* attributed(sh: Shell, v: Variable, value: string, append: boolean, old: string | undefined): Task<string> {
  if (v.integer) {
    const n = yield* arithmetic(sh, value);
    return String(append ? BigInt(old === undefined || old === '' ? '0' : old) + n : n);
  }
  return append ? (old ?? '') + value : value;
}

/** Performs one assignment on `v`, the variable that it means. */
export function* performAssignment(sh: Shell, a: Assignment, pick: (name: string) => Variable = (n) => sh.vars.ensure(n)): Task<string> {
  const dynamic = sh.vars.dynamic.get(a.name);
  if (dynamic && !a.index && a.value.type === 'Word') {
    const value = yield* expandString(sh, a.value, 'assign');
    dynamic.set?.(value);
    return value;
  }
  if (a.value.type === 'Word') {
    // The value is expanded before the variable is made: x=${x-unset}.
    const raw = yield* expandString(sh, a.value, 'assign');
    const v = pick(a.name);
    yield* checkWritable(sh, a.name, v);
    if (a.index) {
      const key = yield* subscript(sh, v, a.index);
      if (!v.assoc && Number(key) < 0 && Number(key) + (v.array?.length ?? 0) < 0) {
        yield* sh.warn(`${a.name}[${a.index.text}]: bad array subscript`);
        throw new Abandon(1);
      }
      const old = v.assoc ? v.assoc.get(key) : (v.array ?? [v.value])[Number(key)];
      setElement(v, key, yield* attributed(sh, v, raw, a.append === true, old));
    } else {
      const old = v.array ? v.array[0] : v.assoc ? v.assoc.get('0') : v.value;
      assign(v, cased(v, yield* attributed(sh, v, raw, a.append === true, old)));
    }
    if (sh.on('allexport')) v.exported = true;
    return raw;
  }
  const items = yield* arrayItems(sh, a.value, sh.vars.find(a.name)?.assoc !== undefined || undefined);
  const v = pick(a.name);
  yield* checkWritable(sh, a.name, v);
  yield* fillArray(sh, v, a.append === true, items);
  return '';
}

function* checkWritable(sh: Shell, name: string, v: Variable): Task<void> {
  if (!v.readonly) return;
  yield* sh.warn(`${name}: readonly variable`);
  throw new Abandon(1);
}

interface Item {
  /** Null: the next index. */
  key: Word | null;
  append: boolean;
  value: string;
}

function* arrayItems(sh: Shell, value: ArrayValue, _assoc: boolean | undefined): Task<Item[]> {
  const items: Item[] = [];
  for (const element of joinSubscripts(value.elements)) {
    const m = /^\[((?:[^\][]|\[[^\]]*\])*)\](\+?)=([\s\S]*)$/.exec(element.text);
    if (m) {
      const value = m[3] === '' ? '' : yield* expandString(sh, wordFromText(m[3] as string), 'assign');
      items.push({ key: m[1] === '' ? wordFromText("''") : wordFromText(m[1] as string), append: m[2] === '+', value });
      continue;
    }
    for (const text of yield* expandWords(sh, [element])) items.push({ key: null, append: false, value: text });
  }
  return items;
}

/** The parser cuts `[two words]=x` at the blank. */
function joinSubscripts(elements: readonly Word[]): readonly Word[] {
  if (!elements.some((e) => /^\[[^\]]*$/.test(e.text))) return elements;
  const out: Word[] = [];
  let open: string | null = null;
  for (const e of elements) {
    if (open === null && !/^\[[^\]]*$/.test(e.text)) out.push(e);
    else {
      open = open === null ? e.text : `${open} ${e.text}`;
      if (!/\]\+?=/.test(open)) continue;
      out.push({ type: 'Word', pos: e.pos, end: e.end, text: open, value: open });
      open = null;
    }
  }
  return out;
}

function* fillArray(sh: Shell, v: Variable, append: boolean, items: readonly Item[]): Task<void> {
  if (v.assoc) {
    if (!append) v.assoc = new Map();
    let pendingKey: string | null = null;
    for (const item of items) {
      if (item.key) {
        const key = yield* expandString(sh, item.key);
        const value = item.append ? (v.assoc.get(key) ?? '') + item.value : item.value;
        v.assoc.set(key, cased(v, value));
      } else if (pendingKey === null) pendingKey = item.value;
      else {
        v.assoc.set(pendingKey, cased(v, item.value));
        pendingKey = null;
      }
    }
    if (pendingKey !== null) v.assoc.set(pendingKey, '');
    return;
  }
  const array: string[] = append ? toArray(v) : [];
  if (!append) {
    v.array = array;
    v.value = undefined;
  }
  let next = array.length;
  for (const item of items) {
    if (item.key) next = Number(yield* subscript(sh, v, item.key));
    const value = item.append ? (array[next] ?? '') + item.value : item.value;
    array[next] = cased(v, yield* attributed(sh, v, value, false, undefined));
    next++;
  }
}
