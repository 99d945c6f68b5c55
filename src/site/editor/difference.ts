/** Lines that differ, as `diff -u` would show them. */

export interface DiffLine {
  readonly kind: 'same' | 'out' | 'in' | 'gap';
  readonly text: string;
}

/** Lines around a difference. */
const CONTEXT = 3;
/** Beyond this many pairs of lines the middle is shown as replaced. */
const MAX_PAIRS = 4_000_000;

function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** Longest common subsequence of the parts that differ. */
function middle(a: readonly string[], b: readonly string[]): DiffLine[] {
  const out = (text: string): DiffLine => ({ kind: 'out', text });
  const into = (text: string): DiffLine => ({ kind: 'in', text });
  if (a.length * b.length > MAX_PAIRS) return [...a.map(out), ...b.map(into)];
  const width = b.length + 1;
  const best = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      best[i * width + j] =
        a[i] === b[j]
          ? (best[(i + 1) * width + j + 1] as number) + 1
          : Math.max(best[(i + 1) * width + j] as number, best[i * width + j + 1] as number);
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ kind: 'same', text: a[i] as string });
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && (best[(i + 1) * width + j] as number) >= (best[i * width + j + 1] as number)))
      lines.push(out(a[i++] as string));
    else lines.push(into(b[j++] as string));
  }
  return lines;
}

export function difference(from: string, to: string): DiffLine[] {
  const a = linesOf(from);
  const b = linesOf(to);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const same = (text: string): DiffLine => ({ kind: 'same', text });
  const all = [
    ...a.slice(0, start).map(same),
    ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...a.slice(a.length - end).map(same),
  ];
  const near = new Set<number>();
  for (const [i, line] of all.entries()) if (line.kind !== 'same') for (let d = -CONTEXT; d <= CONTEXT; d++) near.add(i + d);
  const shown: DiffLine[] = [];
  for (const [i, line] of all.entries()) {
    if (near.has(i)) shown.push(line);
    else if (near.has(i - 1) && shown.length > 0) shown.push({ kind: 'gap', text: '' });
  }
  if (shown.at(-1)?.kind === 'gap') shown.pop();
  return shown;
}
