/** Quantities as the API writes them: `1Gi`, `500m`, `2`. Models apimachinery/pkg/api/resource/quantity.go */

import { type Failure, failure } from './errors.ts';

const BINARY: readonly string[] = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL: readonly string[] = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const NANO = 1_000_000_000n;

type Format = 'binary' | 'decimal' | 'exponent';

export interface Quantity {
  /** In units of 1e-9. */
  readonly nano: bigint;
  readonly format: Format;
}

/** ParseQuantity() */
export function parseQuantity(s: string): Quantity | Failure {
  if (s === '') return failure("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  const m = /^([+-]?)(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)$/.exec(s);
  if (!m || ((m[2] ?? '') === '' && (m[3] ?? '') === ''))
    return failure("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  const [, sign, whole = '', fraction = '', suffix = ''] = m;
  const scaled = scale(suffix);
  if (!scaled) return failure("unable to parse quantity's suffix");
  const digits = BigInt(`${whole}${fraction}` || '0');
  const top = digits * NANO * scaled.by;
  const bottom = 10n ** BigInt(fraction.length) * scaled.over;
  const nano = top / bottom + (top % bottom === 0n ? 0n : 1n);
  return { nano: sign === '-' ? -nano : nano, format: scaled.format };
}

function scale(suffix: string): { by: bigint; over: bigint; format: Format } | null {
  const b = BINARY.indexOf(suffix);
  if (b > 0) return { by: 1n << BigInt(10 * b), over: 1n, format: 'binary' };
  const d = DECIMAL.indexOf(suffix);
  if (d >= 0) {
    const e = (d - 3) * 3;
    return e >= 0 ? { by: 10n ** BigInt(e), over: 1n, format: 'decimal' } : { by: 1n, over: 10n ** BigInt(-e), format: 'decimal' };
  }
  const x = /^[eE]([-+]?\d{1,3})$/.exec(suffix);
  if (!x) return null;
  const e = Number(x[1]);
  return e >= 0 ? { by: 10n ** BigInt(e), over: 1n, format: 'exponent' } : { by: 1n, over: 10n ** BigInt(-e), format: 'exponent' };
}

/** Quantity.String(): the largest suffix that leaves an integer. */
export function quantityText(q: Quantity): string {
  const negative = q.nano < 0n;
  let n = negative ? -q.nano : q.nano;
  const sign = negative ? '-' : '';
  if (n === 0n) return '0';
  if (q.format === 'binary' && n % NANO === 0n && n >= 1024n * NANO) {
    n /= NANO;
    let i = 0;
    while (n % 1024n === 0n && i < BINARY.length - 1) {
      n /= 1024n;
      i++;
    }
    return `${sign}${n}${BINARY[i]}`;
  }
  let i = 0;
  while (n % 1000n === 0n && i < DECIMAL.length - 1) {
    n /= 1000n;
    i++;
  }
  if (q.format === 'exponent') return i === 3 ? `${sign}${n}` : `${sign}${n}e${(i - 3) * 3}`;
  return `${sign}${n}${DECIMAL[i]}`;
}

/** A quantity's canonical text. */
export function canonicalQuantity(s: string): string | Failure {
  const q = parseQuantity(s);
  return 'nano' in q ? quantityText(q) : q;
}
