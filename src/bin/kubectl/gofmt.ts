/** Values as Go's fmt prints them: %v, %#v, and fmt.Sprintf. Models fmt/print.go */

import { compareStrings, goJson, isArray, isObject, type Json } from './json.ts';
import { quote } from './strconv.ts';

/** fmt.Sprint() of a decoded JSON value: `map[a:1 b:[x y]]`, `<nil>`. */
export function goValue(v: Json | undefined): string {
  if (v === null || v === undefined) return '<nil>';
  if (isArray(v)) return `[${v.map(goValue).join(' ')}]`;
  if (isObject(v))
    return `map[${Object.keys(v)
      .sort(compareStrings)
      .map((k) => `${k}:${goValue(v[k])}`)
      .join(' ')}]`;
  if (typeof v === 'number') return number(v);
  return String(v);
}

/** %v of float64: exponent from 21 on. */
const number = (n: number): string => (Number.isInteger(n) && Math.abs(n) < 1e21 ? String(n) : String(n).replace(/e([-+])(\d)$/, 'e$10$2'));

/** %#v */
export function goSyntax(v: Json | undefined): string {
  if (v === null || v === undefined) return 'interface {}(nil)';
  if (typeof v === 'string') return quote(v);
  if (isArray(v)) return `[]interface {}{${v.map(goSyntax).join(', ')}}`;
  if (isObject(v))
    return `map[string]interface {}{${Object.keys(v)
      .sort(compareStrings)
      .map((k) => `${quote(k)}:${goSyntax(v[k])}`)
      .join(', ')}}`;
  return typeof v === 'number' ? number(v) : String(v);
}

const kind = (v: Json): string =>
  typeof v === 'string'
    ? 'string'
    : typeof v === 'number'
      ? Number.isInteger(v)
        ? 'int'
        : 'float64'
      : typeof v === 'boolean'
        ? 'bool'
        : v === null
          ? '<nil>'
          : isArray(v)
            ? '[]interface {}'
            : 'map[string]interface {}';

/** fmt.Sprintf() over values of templates. */
export function sprintf(format: string, args: readonly Json[]): string {
  let next = 0;
  let out = format.replace(
    /%(%|([-+# 0]*)(\d+|\*)?(?:\.(\d+))?([a-zA-Z]))/g,
    (all, body: string, flags = '', width = '', precision: string | undefined, verb = '') => {
      if (body === '%') return '%';
      if (next >= args.length) return `%!${verb}(MISSING)`;
      const v = args[next++] as Json;
      let text: string;
      const bad = `%!${verb}(${kind(v)}=${goValue(v)})`;
      switch (verb) {
        case 'v':
          text = flags.includes('#') ? goSyntax(v) : goValue(v);
          break;
        case 's':
          text = typeof v === 'string' ? v : typeof v === 'object' && v !== null ? goValue(v) : bad;
          break;
        case 'q':
          text = typeof v === 'string' ? quote(v) : bad;
          break;
        case 'd':
          text = typeof v === 'number' && Number.isInteger(v) ? String(v) : bad;
          break;
        case 'f':
        case 'F':
          text = typeof v === 'number' ? v.toFixed(precision === undefined ? 6 : Number(precision)) : bad;
          break;
        case 'g':
        case 'e':
          text = typeof v === 'number' ? number(v) : bad;
          break;
        case 'x':
          text =
            typeof v === 'number'
              ? v.toString(16)
              : typeof v === 'string'
                ? [...new TextEncoder().encode(v)].map((b) => b.toString(16).padStart(2, '0')).join('')
                : bad;
          break;
        case 't':
          text = typeof v === 'boolean' ? String(v) : bad;
          break;
        case 'T':
          text = kind(v);
          break;
        default:
          return all === '' ? '' : bad;
      }
      if (verb === 's' && precision !== undefined) text = [...text].slice(0, Number(precision)).join('');
      if (flags.includes('+') && typeof v === 'number' && v >= 0 && verb !== 'v') text = `+${text}`;
      const w = Number(width || 0);
      if (flags.includes('-')) return text.padEnd(w);
      return flags.includes('0') && typeof v === 'number' ? text.padStart(w, '0') : text.padStart(w);
    },
  );
  if (next < args.length)
    out += `%!(EXTRA ${args
      .slice(next)
      .map((a) => `${kind(a)}=${goValue(a)}`)
      .join(', ')})`;
  return out;
}

/** json.Marshal() of what a template shows. */
export const compactJson = (v: Json | undefined): string => goJson(v);
