/** Columns as Go's text/tabwriter sets them with a least width of 20 and a padding of 3: crictl's tables. */

const LEAST = 20;
const PADDING = 3;

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(LEAST, ...all.map((r) => (r[i] ?? '').length + PADDING)));
  return all.map((r) => `${r.map((cell, i) => (i === r.length - 1 ? cell : cell.padEnd(widths[i] ?? LEAST))).join('')}\n`).join('');
}
