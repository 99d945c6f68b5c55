/** Delay distributions of netem, as /usr/lib/tc holds them. Models netem/normal.c, pareto.c, paretonormal.c */

import { strerror } from '../../os/uapi.ts';
import type { TcCtx } from './common.ts';

const SIZE = 4096;
const SCALE = 8192;

/** The table, or why there is none. */
export function distribution(ctx: TcCtx, name: string): Int16Array | string {
  const make = TABLES[name];
  if (make) return make();
  const path = `/usr/lib/tc/${name}.dist`;
  const file = ctx.p.readFile(path);
  if (!file.ok) return `No distribution data for ${name} (${path}: ${strerror(file.errno)})\n`;
  const numbers = new TextDecoder()
    .decode(file.value)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .flatMap((line) => line.trim().split(/\s+/).map(Number))
    .filter((n) => Number.isFinite(n));
  if (numbers.length > 16 * 1024) return `${path}: too much data\n`;
  return Int16Array.from(numbers);
}

const TABLES: Readonly<Record<string, () => Int16Array>> = {
  normal: () => table((p) => probit(p)),
  pareto: () => table(pareto),
  paretonormal: () => table((p, i) => 0.25 * probit((((i * 7919) % SIZE) + 0.5) / SIZE) + 0.75 * pareto(p)),
};

function table(at: (p: number, i: number) => number): Int16Array {
  const t = new Int16Array(SIZE);
  for (let i = 0; i < SIZE; i++) t[i] = Math.max(-32767, Math.min(32767, Math.round(at((i + 0.5) / SIZE, i) * SCALE)));
  return t;
}

/** Pareto with shape 3, moved and stretched to mean 0 and deviation 1. */
function pareto(p: number): number {
  const shape = 3;
  const x = (1 - p) ** (-1 / shape);
  const mean = shape / (shape - 1);
  const deviation = Math.sqrt(shape / ((shape - 1) ** 2 * (shape - 2)));
  return (x - mean) / deviation;
}

/** Inverse of the normal distribution (Acklam). */
function probit(p: number): number {
  const a = [-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239] as const;
  const b = [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572] as const;
  const c = [
    -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968, 2.938163982698783,
  ] as const;
  const d = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416] as const;
  if (p > 0.97575) return -probit(1 - p);
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    return horner(c, q) / (horner(d, q) * q + 1);
  }
  const q = p - 0.5;
  const r = q * q;
  return (horner(a, r) * q) / (horner(b, r) * r + 1);
}

function horner(c: readonly number[], x: number): number {
  return c.reduce((sum, k) => sum * x + k, 0);
}
