/** pod-template-hash and revision hashes: FNV over Go's dump of the object, as safe letters. Models controller.ComputeHash and k8s.io/utils/dump. */

import type { V1PodTemplateSpec } from '../api/types.ts';
import { ROWS } from './podtemplate.ts';

const SAFE = 'bcdfghjklmnpqrstvwxz2456789';

type Field = readonly [name: string, json: string, type: string];
type Shape = string | readonly Field[];

let shapes: Map<string, Shape> | undefined;

function readShapes(): Map<string, Shape> {
  const out = new Map<string, Shape>();
  const words = ROWS.join(' ').split(' ');
  let i = 0;
  while (i < words.length) {
    const name = words[i++] ?? '';
    const next = words[i++] ?? '';
    if (next !== '{') {
      out.set(name, next);
      continue;
    }
    const fields: Field[] = [];
    for (; i < words.length && words[i] !== '}'; i++) {
      const [go = '', type = '', json] = (words[i] ?? '').split(':');
      fields.push([go, json ?? go.charAt(0).toLowerCase() + go.slice(1), type]);
    }
    i++;
    out.set(name, fields);
  }
  return out;
}

const BASIC = new Set(['string', 'bool', 'int32', 'int64', 'byte', 'int']);

/** Go's name of a type: package and name, `meta` being a v1 as well. */
function goName(type: string): string {
  if (type.startsWith('*')) return `*${goName(type.slice(1))}`;
  if (type.startsWith('[]')) return `[]${goName(type.slice(2))}`;
  const map = /^map\[([^\]]+)\](.+)$/.exec(type);
  if (map) return `map[${goName(map[1] ?? '')}]${goName(map[2] ?? '')}`;
  if (type === 'byte') return 'uint8';
  if (BASIC.has(type)) return type;
  if (type.startsWith('meta.')) return `v1.${type.slice(5)}`;
  return type.includes('.') ? type : `v1.${type}`;
}

const BINARY: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };

/** resource.Quantity as ParseQuantity leaves it: the text is kept only where it surely is the canonical one. */
function quantity(text: string): string {
  const m = /^([+-]?)(\d*)(?:\.(\d*))?(.*)$/.exec(text);
  const sign = m?.[1] === '-' ? '-' : '';
  const digits = (m?.[2] ?? '').replace(/^0+(?=\d)/, '');
  const fraction = m?.[3] ?? '';
  const suffix = m?.[4] ?? '';
  const shifted = `${digits}${fraction}`;
  let scale = 0;
  let value = BigInt(shifted || '0');
  let format = 'DecimalSI';
  let kept: boolean;
  const shift = BINARY[suffix];
  if (shift !== undefined) {
    format = 'BinarySI';
    kept = (value & 7n) !== 0n;
    value <<= BigInt(shift);
  } else {
    const known = DECIMAL[suffix];
    if (known === undefined) format = 'DecimalExponent';
    scale = (known ?? Number(suffix.slice(1))) - fraction.length;
    kept = text === '0' || (scale % 3 === 0 && !shifted.endsWith('000') && !shifted.startsWith('0'));
  }
  return `{i:(resource.int64Amount){value:(int64)${sign}${value} scale:(resource.Scale)${scale}} d:(resource.infDecAmount){Dec:(*inf.Dec)<nil>} s:(string)${kept ? text : ''} Format:(resource.Format)${format}}`;
}

type Value = unknown;

function isRecord(v: Value): v is Readonly<Record<string, Value>> {
  return typeof v === 'object' && v !== null && !Array.isArray(v);
}

/** `bare`: without the type in front, as in a list, a map or behind a pointer. */
function dump(type: string, value: Value, bare: boolean, into: string[]): void {
  if (type.startsWith('*')) {
    const inner = type.slice(1);
    if (value === undefined || value === null) {
      into.push(bare ? '<nil>' : `(${goName(type)})<nil>`);
      return;
    }
    into.push(bare ? '<*>' : `(*${goName(inner)})`);
    dump(inner, value, true, into);
    return;
  }
  if (!bare) into.push(`(${goName(type)})`);
  shapes ??= readShapes();
  const shape = BASIC.has(type) ? undefined : shapes.get(type);
  const under = typeof shape === 'string' ? shape : type;
  if (under.startsWith('[]')) {
    if (!Array.isArray(value) || value.length === 0) {
      into.push('<nil>');
      return;
    }
    into.push('[');
    value.forEach((v, i) => {
      if (i > 0) into.push(' ');
      dump(under.slice(2), v, true, into);
    });
    into.push(']');
    return;
  }
  const map = /^map\[([^\]]+)\](.+)$/.exec(under);
  if (map) {
    const keys = isRecord(value) ? Object.keys(value).sort((a, b) => (a < b ? -1 : 1)) : [];
    if (!isRecord(value) || keys.length === 0) {
      into.push('<nil>');
      return;
    }
    into.push('map[');
    keys.forEach((k, i) => {
      into.push(`${i > 0 ? ' ' : ''}${k}:`);
      dump(map[2] ?? '', value[k], true, into);
    });
    into.push(']');
    return;
  }
  if (type === 'resource.Quantity') {
    into.push(quantity(String(value ?? '0')));
    return;
  }
  if (type === 'intstr.IntOrString') {
    const text = typeof value === 'string';
    into.push(`{Type:(intstr.Type)${text ? 1 : 0} IntVal:(int32)${text ? 0 : (value ?? 0)} StrVal:(string)${text ? value : ''}}`);
    return;
  }
  if (type === 'meta.Time') {
    into.push('{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}');
    return;
  }
  if (Array.isArray(shape)) {
    const fields = shape as readonly Field[];
    const record = isRecord(value) ? value : {};
    into.push('{');
    fields.forEach(([name, json, t], i) => {
      into.push(`${i > 0 ? ' ' : ''}${name}:`);
      dump(t, json === '-' ? record : record[json], false, into);
    });
    into.push('}');
    return;
  }
  if (value === undefined || value === null) into.push(under === 'string' ? '' : under === 'bool' ? 'false' : '0');
  else into.push(String(value));
}

/** What Go's spew prints of a v1.PodTemplateSpec with types. */
export function dumpTemplate(template: V1PodTemplateSpec): string {
  const out: string[] = [];
  dump('PodTemplateSpec', template, false, out);
  return out.join('');
}

/** `xorFirst` is FNV-1a, otherwise FNV-1; over UTF-8. */
function fnv32(bytes: Uint8Array, xorFirst: boolean): number {
  let h = 0x811c9dc5 | 0;
  if (xorFirst) for (let i = 0; i < bytes.length; i++) h = Math.imul(h ^ (bytes[i] as number), 0x01000193);
  else for (let i = 0; i < bytes.length; i++) h = Math.imul(h, 0x01000193) ^ (bytes[i] as number);
  return h >>> 0;
}

/** Numbers and letters become ones that cannot spell words. */
export function safeEncode(text: string): string {
  let out = '';
  for (let i = 0; i < text.length; i++) out += SAFE[text.charCodeAt(i) % SAFE.length];
  return out;
}

const utf8 = new TextEncoder();

const known = new WeakMap<V1PodTemplateSpec, string>();

/** controller.ComputeHash: the hash of a template, another one after each collision. */
export function templateHash(template: V1PodTemplateSpec, collisions?: number): string {
  const before = collisions === undefined ? known.get(template) : undefined;
  if (before !== undefined) return before;
  const text = utf8.encode(dumpTemplate(template));
  const bytes = new Uint8Array(text.length + (collisions === undefined ? 0 : 8));
  bytes.set(text);
  if (collisions !== undefined) new DataView(bytes.buffer).setUint32(text.length, collisions, true);
  const hash = safeEncode(String(fnv32(bytes, true)));
  if (collisions === undefined) known.set(template, hash);
  return hash;
}

/** history.HashControllerRevision: over the JSON of the revision's data and the collision count. */
export function revisionHash(data: string, collisions: number): string {
  return safeEncode(String(fnv32(utf8.encode(`${data}${collisions}`), false)));
}
