/** KYAML: YAML with braces and brackets, its strings always in quotes. Models sigs.k8s.io/yaml/kyaml */

import { isArray, isObject, type Json, sortedKeys } from './json.ts';

const AMBIGUOUS_WORDS = new Set([
  'null',
  '~',
  '',
  'true',
  'y',
  'yes',
  'on',
  'false',
  'n',
  'no',
  'off',
  't',
  'f',
  '.inf',
  '-.inf',
  '+.inf',
  '.nan',
]);
const NUMBER = /^[-+]?(0x[0-9a-fA-F]+|0b[01]+|0o?[0-7]+|\d+|(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|inf|infinity|nan)$/i;
const SEXAGESIMAL = /^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$/;
const TIMESTAMP = /^\d{4}-\d{1,2}-\d{1,2}([Tt ]+\d{1,2}:\d\d:\d\d(\.\d*)?[ \t]*(Z|[-+]\d{1,2}(:?\d\d)?)?)?$/;
const BARE = /^[\p{L}\p{N}_]([\p{L}\p{N}_./-]*[\p{L}\p{N}_])?$/u;

const ambiguous = (s: string): boolean =>
  AMBIGUOUS_WORDS.has(s.toLowerCase()) || NUMBER.test(s.replaceAll('_', '')) || SEXAGESIMAL.test(s) || TIMESTAMP.test(s);

const SHORT: Readonly<Record<string, string>> = {
  '\x07': 'a',
  '\b': 'b',
  '\f': 'f',
  '\r': 'r',
  '\t': 't',
  '\v': 'v',
  '\0': '0',
  '\x1b': 'e',
  '\x85': 'N',
  '\xa0': '_',
  '\u2028': 'L',
  '\u2029': 'P',
  '"': '"',
  '\\': '\\',
};

function escaped(c: string): string {
  const known = SHORT[c];
  if (known !== undefined) return `\\${known}`;
  const code = c.codePointAt(0) as number;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  return /[\p{C}\p{Z}]/u.test(c) && c !== ' '
    ? `\\${code > 0xffff ? `U${code.toString(16).padStart(8, '0')}` : `u${code.toString(16).padStart(4, '0')}`}`
    : c;
}

/** A name of a mapping: without quotes where nothing can be mistaken. */
const name = (s: string): string =>
  BARE.test(s) && !ambiguous(s) ? s : `"${[...s].map((c) => (c === '\n' ? '\\n' : escaped(c))).join('')}"`;

/** Text of several lines is folded, each line under the other. */
function string(s: string, pad: string): string {
  if (!s.includes('\n')) return `"${[...s].map((c) => (c === '\t' ? '\t' : escaped(c))).join('')}"`;
  let out = '"\\\n';
  for (const c of s) {
    if (out.endsWith('\n')) out += pad + (/\s/.test(c) && c !== '\n' ? '\\' : ' ');
    out += c === '\n' ? '\\n\\\n' : c === '\t' ? '\t' : escaped(c);
  }
  return `${out}${out.endsWith('\n') ? '' : '\\\n'}${pad}"`;
}

function node(v: Json | undefined, pad: string): string {
  if (v === null || v === undefined) return 'null';
  if (typeof v === 'string') return string(v, `${pad}  `);
  const inner = `${pad}  `;
  if (isArray(v)) {
    if (v.length === 0) return '[]';
    if (v.every((x) => isObject(x) || isArray(x))) return `[${v.map((x) => node(x, pad)).join(', ')}]`;
    return `[\n${v.map((x) => `${inner}${node(x, inner)},\n`).join('')}${pad}]`;
  }
  if (!isObject(v)) return String(v);
  const keys = sortedKeys(v);
  return keys.length === 0 ? '{}' : `{\n${keys.map((k) => `${inner}${name(k)}: ${node(v[k], inner)},\n`).join('')}${pad}}`;
}

export const toKyaml = (v: Json): string => `---\n${node(v, '')}\n`;
