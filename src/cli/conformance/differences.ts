/** The differences between a recording and our run of it, as text. */

import type { Scored } from '../linux.ts';

export function differences(s: Scored): string {
  let out = s.crash ? `${s.crash}\n` : '';
  for (const r of s.results) {
    if (r.ok) continue;
    const step = s.recording.steps[r.i];
    out += `\n#${r.i} @${step?.ns} ${step?.command}\n   ${r.why.join('; ')}\n`;
    for (const key of ['stdout', 'stderr'] as const) {
      if (r.a[key] === r.b[key]) continue;
      out += ` ${key}:\n${lines(r.a[key], r.b[key])}`;
    }
  }
  return out;
}

/** Recorded lines with -, ours with +, common ones left out, by longest common subsequence. */
export function lineDifferences(a: string, b: string): string {
  return a === b ? '' : lines(a, b);
}

function lines(a: string, b: string): string {
  const x = a.split('\n');
  const y = b.split('\n');
  if (x.length * y.length > 250_000) return `  (${x.length} lines against ${y.length})\n`;
  const l = Array.from({ length: x.length + 1 }, () => new Uint16Array(y.length + 1));
  const at = (i: number, j: number): number => l[i]?.[j] ?? 0;
  for (let i = x.length - 1; i >= 0; i--)
    for (let j = y.length - 1; j >= 0; j--)
      (l[i] as Uint16Array)[j] = x[i] === y[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  let out = '';
  for (let i = 0, j = 0; i < x.length || j < y.length; ) {
    if (i < x.length && j < y.length && x[i] === y[j]) {
      i++;
      j++;
    } else if (j >= y.length || (i < x.length && at(i + 1, j) >= at(i, j + 1))) out += `  - ${x[i++]}\n`;
    else out += `  + ${y[j++]}\n`;
  }
  return out;
}
