/** Values as YAML in go-yaml v2's style: sorted keys, sequences not indented, quotes only where needed. Models emitterc.go, encode.go and sigs.k8s.io/yaml */

import { isArray, isObject, type Json, type JsonObject, sortedKeys } from './json.ts';
import { resolveScalar } from './yaml.ts';

const TIMESTAMP = /^\d{4}-\d{1,2}-\d{1,2}([Tt ]+\d{1,2}:\d\d:\d\d(\.\d*)?[ \t]*(Z|[-+]\d{1,2}(:?\d\d)?)?)?$/;
const BASE60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;
const SPECIAL_FLOAT = /^[-+]?\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$/;
const WIDTH = 80;

/** Whether the text alone would be read as something else than a string. */
function ambiguous(s: string): boolean {
  if (s === '<<') return true;
  if (typeof resolveScalar(s) !== 'string') return true;
  if (SPECIAL_FLOAT.test(s)) return true;
  return /^\d/.test(s) ? TIMESTAMP.test(s) || BASE60.test(s) : /^[-+]\d/.test(s) && BASE60.test(s);
}

const printable = (code: number): boolean =>
  code === 0x0a ||
  (code >= 0x20 && code <= 0x7e) ||
  (code >= 0xa0 && code !== 0xfeff && !(code >= 0xd800 && code <= 0xdfff) && code !== 0xfffe && code !== 0xffff) ||
  code > 0xffff;

interface Analysis {
  readonly multiline: boolean;
  readonly plain: boolean;
  readonly single: boolean;
  readonly block: boolean;
}

/** yaml_emitter_analyze_scalar() outside flow context. */
function analyze(s: string): Analysis {
  let indicators = s.startsWith('---') || s.startsWith('...');
  let breaks = false;
  let special = false;
  let leadSpace = false;
  let trailSpace = false;
  let leadBreak = false;
  let trailBreak = false;
  let breakSpace = false;
  let spaceBreak = false;
  let previousSpace = false;
  let previousBreak = false;
  const chars = [...s];
  let precededByWhite = true;
  chars.forEach((c, i) => {
    const next = chars[i + 1];
    const followed = next === undefined || ' \t\n\r'.includes(next);
    if (i === 0) {
      if ('#,[]{}&*!|>\'"%@`'.includes(c)) indicators = true;
      else if ('?:-'.includes(c) && followed) indicators = true;
    } else if (c === ':' && followed) indicators = true;
    else if (c === '#' && precededByWhite) indicators = true;
    if (!printable(c.codePointAt(0) as number)) special = true;
    const isBreak = c === '\n' || c === '\r' || c === '\x85' || c === '\u2028' || c === '\u2029';
    if (isBreak) breaks = true;
    if (c === ' ') {
      if (i === 0) leadSpace = true;
      if (i === chars.length - 1) trailSpace = true;
      if (previousBreak) breakSpace = true;
      previousSpace = true;
      previousBreak = false;
    } else if (isBreak) {
      if (i === 0) leadBreak = true;
      if (i === chars.length - 1) trailBreak = true;
      if (previousSpace) spaceBreak = true;
      previousSpace = false;
      previousBreak = true;
    } else {
      previousSpace = false;
      previousBreak = false;
    }
    precededByWhite = c === ' ' || c === '\t' || isBreak;
  });
  const bad = spaceBreak || special;
  return {
    multiline: breaks,
    plain: !(indicators || breaks || leadSpace || leadBreak || trailSpace || trailBreak || breakSpace || bad),
    single: !(breakSpace || bad),
    block: !(trailSpace || bad),
  };
}

const DOUBLE: Readonly<Record<string, string>> = {
  '\0': '0',
  '\x07': 'a',
  '\b': 'b',
  '\t': 't',
  '\n': 'n',
  '\v': 'v',
  '\f': 'f',
  '\r': 'r',
  '\x1b': 'e',
  '"': '"',
  '\\': '\\',
  '\x85': 'N',
  '\xa0': '_',
  '\u2028': 'L',
  '\u2029': 'P',
};

/** Words at single blanks; a line that has grown beyond the width goes on in the next, indented. */
function fold(text: string, start: number, indent: number, wrap: boolean, shown: (c: string) => string): string {
  let out = '';
  let col = start;
  let spaces = false;
  const chars = [...text];
  chars.forEach((c, i) => {
    if (c === ' ') {
      if (wrap && !spaces && col > WIDTH && i > 0 && i < chars.length - 1 && chars[i + 1] !== ' ') {
        out += `\n${' '.repeat(indent)}`;
        col = indent;
      } else {
        out += ' ';
        col++;
      }
      spaces = true;
    } else {
      const e = shown(c);
      out += e;
      col += [...e].length;
      spaces = false;
    }
  });
  return out;
}

function doubleQuoted(s: string, col: number, indent: number, wrap: boolean): string {
  let out = '"';
  let at = col + 1;
  let spaces = false;
  const chars = [...s];
  chars.forEach((c, i) => {
    const code = c.codePointAt(0) as number;
    if (!printable(code) || c === '\n' || c === '"' || c === '\\') {
      const known = DOUBLE[c];
      const e =
        known !== undefined
          ? `\\${known}`
          : code <= 0xff
            ? `\\x${code.toString(16).toUpperCase().padStart(2, '0')}`
            : code <= 0xffff
              ? `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`
              : `\\U${code.toString(16).toUpperCase().padStart(8, '0')}`;
      out += e;
      at += e.length;
      spaces = false;
    } else if (c === ' ') {
      if (wrap && !spaces && at > WIDTH && i > 0 && i < chars.length - 1) {
        out += `\n${' '.repeat(indent)}`;
        at = indent;
        if (chars[i + 1] === ' ') {
          out += '\\';
          at++;
        }
      } else {
        out += ' ';
        at++;
      }
      spaces = true;
    } else {
      out += c;
      at++;
      spaces = false;
    }
  });
  return `${out}"`;
}

function literal(s: string, indent: number): string {
  let hint = s.startsWith(' ') || s.startsWith('\n') ? '2' : '';
  if (!s.endsWith('\n')) hint += '-';
  else if (s === '\n' || s.endsWith('\n\n')) hint += '+';
  const pad = ' '.repeat(indent);
  const lines = s.replace(/\n$/, '').split('\n');
  return `|${hint}\n${lines.map((l) => (l === '' ? '' : pad + l)).join('\n')}`;
}

/** A string at column `col`; what runs over goes on at `indent`. */
function scalar(s: string, col: number, indent: number, key: boolean): string {
  if (s.includes('\n') && !key) {
    const a = analyze(s);
    return a.block ? literal(s, indent) : doubleQuoted(s, col, indent, true);
  }
  if (ambiguous(s)) return doubleQuoted(s, col, indent, !key);
  const a = analyze(s);
  if (a.plain && !(a.multiline && key)) return fold(s, col, indent, !key, (c) => c);
  if (a.single && !(a.multiline && key)) return `'${fold(s, col + 1, indent, !key, (c) => (c === "'" ? "''" : c))}'`;
  return doubleQuoted(s, col, indent, !key);
}

/** strconv.FormatFloat(f, 'g', -1, 64) */
export function goFloat(n: number): string {
  if (Number.isInteger(n) && Math.abs(n) < 1e21) return String(n);
  return String(n).replace(/e([-+])(\d)$/, 'e$10$2');
}

function inline(v: Json | undefined, col: number, indent: number): string | null {
  if (v === null || v === undefined) return 'null';
  if (typeof v === 'string') return scalar(v, col, indent, false);
  if (typeof v === 'number') return goFloat(v);
  if (typeof v === 'boolean') return String(v);
  if (isArray(v)) return v.length === 0 ? '[]' : null;
  return sortedKeys(v).length === 0 ? '{}' : null;
}

/** Lines of a block value at an indentation; the first one without it. */
function block(v: Json, indent: number): string {
  const pad = ' '.repeat(indent);
  if (isArray(v))
    return v
      .map((item) => {
        const short = inline(item, indent + 2, indent + 2);
        return `- ${short ?? block(item, indent + 2)}`;
      })
      .join(`\n${pad}`);
  return sortedKeys(v as JsonObject)
    .map((k) => {
      const item = (v as JsonObject)[k];
      const key = scalar(k, indent, indent, true);
      const short = inline(item, indent + [...key].length + 2, indent + 2);
      if (short !== null) return `${key}: ${short}`;
      const inner = isArray(item) ? indent : indent + 2;
      return `${key}:\n${' '.repeat(inner)}${block(item as Json, inner)}`;
    })
    .join(`\n${pad}`);
}

/** yaml.Marshal(): ends with a newline. */
export function toYaml(v: Json): string {
  return `${inline(v, 0, isObject(v) || isArray(v) ? 0 : 2) ?? block(v, 0)}\n`;
}
