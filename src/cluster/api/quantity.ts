/** Resource quantities: `100m`, `1.5Gi`, `2e3`. Models apimachinery/pkg/api/resource. */

export interface Quantity {
  /** In billionths: the finest step that there is. */
  readonly nanos: bigint;
  readonly format: 'BinarySI' | 'DecimalSI' | 'DecimalExponent';
}

const NANO = 1_000_000_000n;
const BINARY: readonly string[] = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
/** Suffix by power of ten. */
const DECIMAL: ReadonlyMap<string, number> = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]);
const BY_POWER: ReadonlyMap<number, string> = new Map([...DECIMAL].map(([k, v]) => [v, k]));

export const QUANTITY_FORMAT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
export const QUANTITY_SUFFIX = "unable to parse quantity's suffix";
export const QUANTITY_NUMBER = 'unable to parse numeric part of quantity';

const LARGEST = 9223372036854775807n * NANO;

const parsed = new Map<string, Quantity | string>();

/** The quantity, or the message of a bad one. */
export function parseQuantity(text: string): Quantity | string {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const value = read(text);
  if (parsed.size > 4000) parsed.clear();
  parsed.set(text, value);
  return value;
}

function read(text: string): Quantity | string {
  const m = /^([+-]?)(\d*)(?:\.(\d*))?(.*)$/s.exec(text);
  if (!m || text === '' || (m[2] === '' && (m[3] ?? '') === '') || text.length > 200) return QUANTITY_FORMAT;
  const [, sign, whole = '', fraction = '', suffix = ''] = m;
  if (!/^[eEinumkKMGTP]*[-+]?[0-9]*$/.test(suffix)) return QUANTITY_FORMAT;
  const negative = sign === '-';
  let power = 0;
  let factor = 1n;
  let format: Quantity['format'] = 'DecimalSI';
  const binary = suffix === '' ? -1 : BINARY.indexOf(suffix);
  const exponent = /^[eE]([-+]?\d+)$/.exec(suffix);
  if (binary > 0) {
    factor = 1n << BigInt(10 * binary);
    format = 'BinarySI';
  } else if (DECIMAL.has(suffix)) power = DECIMAL.get(suffix) as number;
  else if (exponent) {
    power = Number(exponent[1]);
    format = 'DecimalExponent';
    if (power > 100 || power < -100) return QUANTITY_SUFFIX;
  } else return QUANTITY_SUFFIX;
  const scale = power - fraction.length + 9;
  let nanos = BigInt(whole + fraction || '0') * factor;
  if (scale >= 0) nanos *= 10n ** BigInt(scale);
  else {
    const divisor = 10n ** BigInt(-scale);
    nanos = (nanos + divisor - 1n) / divisor;
  }
  if (nanos > LARGEST) nanos = LARGEST;
  return { nanos: negative ? -nanos : nanos, format };
}

/** The canonical form: the largest suffix without a fraction. */
export function quantityText(q: Quantity): string {
  if (q.nanos === 0n) return '0';
  const negative = q.nanos < 0n;
  let n = negative ? -q.nanos : q.nanos;
  const sign = negative ? '-' : '';
  if (q.format === 'BinarySI' && n % NANO === 0n && n / NANO >= 1024n) {
    let i = 0;
    n /= NANO;
    while (i < BINARY.length - 1 && n % 1024n === 0n) {
      n /= 1024n;
      i++;
    }
    return `${sign}${n}${BINARY[i]}`;
  }
  let power = -9;
  while (power < 18 && n % 1000n === 0n) {
    n /= 1000n;
    power += 3;
  }
  if (q.format === 'DecimalExponent') return power === 0 ? `${sign}${n}` : `${sign}${n}e${power}`;
  return `${sign}${n}${BY_POWER.get(power)}`;
}

/** Rounded up to thousandths, as stored resource lists are. */
export function roundedToMilli(q: Quantity): Quantity {
  const step = NANO / 1000n;
  const rest = q.nanos % step;
  if (rest === 0n) return q;
  return { ...q, nanos: q.nanos - rest + (q.nanos > 0n ? step : 0n) };
}

/** Canonical text of a quantity's text; the text itself when it is none. */
export function canonicalQuantity(text: string): string {
  const q = parseQuantity(text);
  return typeof q === 'string' ? text : quantityText(q);
}

/** Nanos of a text that was validated; 0 of one that is none. */
export function nanosOf(text: string | undefined): bigint {
  const q = text === undefined ? QUANTITY_FORMAT : parseQuantity(text);
  return typeof q === 'string' ? 0n : q.nanos;
}

/** Value in thousandths, rounded up: CPU. */
export const milliValue = (text: string | undefined): number => ceilDiv(nanosOf(text), 1_000_000n);
/** Value in ones, rounded up: bytes, pods. */
export const wholeValue = (text: string | undefined): number => ceilDiv(nanosOf(text), NANO);

function ceilDiv(n: bigint, d: bigint): number {
  return Number(n >= 0n ? (n + d - 1n) / d : -(-n / d));
}

export function compareQuantities(a: string | undefined, b: string | undefined): -1 | 0 | 1 {
  const x = nanosOf(a);
  const y = nanosOf(b);
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Sum in the first one's format. */
export function addQuantities(a: string | undefined, b: string | undefined): string {
  const first = parseQuantity(a ?? b ?? '0');
  const format = typeof first === 'string' ? 'DecimalSI' : first.format;
  return quantityText({ nanos: nanosOf(a) + nanosOf(b), format });
}
