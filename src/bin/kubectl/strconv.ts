/** Go's ways with numbers, strings and durations: strconv.Quote, time.ParseDuration, duration.HumanDuration. Models strconv, time, apimachinery/pkg/util/duration */

const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
};

/** strconv.Quote(), `%q`. */
export function quote(s: string): string {
  return `"${s.replace(/[\x00-\x1f"\\\x7f\u200b-\u200f\u2028\u2029\ufeff]/g, (c) => {
    const known = ESCAPES[c];
    if (known) return known;
    const code = c.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  })}"`;
}

const UNITS: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, µs: 1e-6, μs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };

/** time.ParseDuration(): seconds, or the error's text. */
export function parseDuration(s: string): number | { readonly error: string } {
  if (s === '0' || s === '+0' || s === '-0') return 0;
  const m = /^([-+]?)(.*)$/.exec(s);
  const rest = m?.[2] ?? '';
  if (rest === '') return { error: `time: invalid duration ${quote(s)}` };
  let total = 0;
  let at = 0;
  while (at < rest.length) {
    const number = /^(\d+\.?\d*|\.\d+)/.exec(rest.slice(at))?.[0];
    if (number === undefined) return { error: `time: invalid duration ${quote(s)}` };
    at += number.length;
    const unit = /^[^\d.]+/.exec(rest.slice(at))?.[0];
    if (unit === undefined) return { error: `time: missing unit in duration ${quote(s)}` };
    const scale = UNITS[unit];
    if (scale === undefined) return { error: `time: unknown unit ${quote(unit)} in duration ${quote(s)}` };
    at += unit.length;
    total += Number(number) * scale;
  }
  return m?.[1] === '-' ? -total : total;
}

/** time.Duration.String() of seconds: `1m0s`, `1h0m0s`, `500ms`, `0s`. */
export function durationString(seconds: number): string {
  if (seconds === 0) return '0s';
  const sign = seconds < 0 ? '-' : '';
  const abs = Math.abs(seconds);
  if (abs < 1e-6) return `${sign}${trim(abs * 1e9)}ns`;
  if (abs < 1e-3) return `${sign}${trim(abs * 1e6)}µs`;
  if (abs < 1) return `${sign}${trim(abs * 1e3)}ms`;
  const h = Math.floor(abs / 3600);
  const m = Math.floor((abs % 3600) / 60);
  const s = `${trim(abs % 60)}s`;
  return sign + (h > 0 ? `${h}h${m}m${s}` : m > 0 ? `${m}m${s}` : s);
}

const trim = (n: number): string => String(Number(n.toFixed(9)));

/** duration.HumanDuration(): what stands in AGE. */
export function humanDuration(seconds: number): string {
  const s = Math.trunc(seconds);
  if (s < -1) return '<invalid>';
  if (s < 0) return '0s';
  if (s < 120) return `${s}s`;
  const m = Math.floor(s / 60);
  if (m < 10) return s % 60 === 0 ? `${m}m` : `${m}m${s % 60}s`;
  if (m < 180) return `${m}m`;
  const h = Math.floor(s / 3600);
  if (h < 8) return m % 60 === 0 ? `${h}h` : `${h}h${m % 60}m`;
  if (h < 48) return `${h}h`;
  if (h < 192) return h % 24 === 0 ? `${Math.floor(h / 24)}d` : `${Math.floor(h / 24)}d${h % 24}h`;
  if (h < 24 * 365 * 2) return `${Math.floor(h / 24)}d`;
  const d = Math.floor(h / 24);
  if (h < 24 * 365 * 8) return d % 365 === 0 ? `${Math.floor(d / 365)}y` : `${Math.floor(d / 365)}y${d % 365}d`;
  return `${Math.floor(d / 365)}y`;
}

/** strconv.ParseInt's complaint, or the number. */
export function parseInteger(s: string, bits: 32 | 64): number | { readonly error: string } {
  if (!/^[-+]?(0[xX][\da-fA-F_]+|0[oO]?[0-7_]*|0[bB][01_]+|[1-9][\d_]*)$/.test(s))
    return { error: `strconv.ParseInt: parsing ${quote(s)}: invalid syntax` };
  const negative = s.startsWith('-');
  const digits = s.replace(/^[-+]/, '').replaceAll('_', '');
  const octal = /^0[oO]?([0-7]+)$/.exec(digits);
  const n = octal ? BigInt(`0o${octal[1]}`) : BigInt(digits);
  const limit = 1n << BigInt(bits - 1);
  if (n > limit || (!negative && n === limit)) return { error: `strconv.ParseInt: parsing ${quote(s)}: value out of range` };
  return Number(negative ? -n : n);
}
