/** awk's values: numbers, strings, and input text that is a number when it looks like one. */

export class StrNum {
  readonly text: string;
  readonly numeric: boolean;

  constructor(text: string) {
    this.text = text;
    this.numeric = /^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$/.test(text);
  }
}

/** Undefined is a variable never set: "" and 0 at once. */
export type Value = number | string | StrNum | undefined;

export function num(v: Value): number {
  if (typeof v === 'number') return v;
  if (v === undefined) return 0;
  const text = typeof v === 'string' ? v : v.text;
  const m = /^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?/.exec(text);
  return m ? Number(m[0]) : 0;
}

export function str(v: Value): string {
  if (typeof v === 'string') return v;
  if (v === undefined) return '';
  if (v instanceof StrNum) return v.text;
  if (Number.isInteger(v) && Math.abs(v) < 1e16) return String(v);
  return toGeneral(v, 6);
}

export function truth(v: Value): boolean {
  if (v === undefined) return false;
  if (typeof v === 'number') return v !== 0;
  if (typeof v === 'string') return v !== '';
  return v.numeric ? num(v) !== 0 : v.text !== '';
}

/** %g with `digits` significant digits. */
export function toGeneral(v: number, digits: number): string {
  if (!Number.isFinite(v)) return Number.isNaN(v) ? 'nan' : v < 0 ? '-inf' : 'inf';
  if (v === 0) return '0';
  const precision = Math.max(1, digits);
  const exponent = Number(v.toExponential(precision - 1).split('e')[1]);
  if (exponent < -4 || exponent >= precision) {
    const [m = '', e = ''] = v.toExponential(precision - 1).split('e');
    const mantissa = m.includes('.') ? m.replace(/\.?0+$/, '') : m;
    return `${mantissa}e${e.startsWith('-') ? '-' : '+'}${e.replace(/^[-+]/, '').padStart(2, '0')}`;
  }
  const fixed = v.toFixed(Math.max(0, precision - 1 - exponent));
  return fixed.includes('.') ? fixed.replace(/\.?0+$/, '') : fixed;
}
