/** ss' table: columns as wide as their content, on a terminal spread over its width. Models render() of iproute2's misc/ss.c */

export interface Column {
  readonly head: string;
  readonly right: boolean;
  readonly delim: string;
}

export const COLUMNS: readonly Column[] = [
  { head: 'Netid', right: false, delim: '' },
  { head: 'State', right: false, delim: ' ' },
  { head: 'Recv-Q', right: false, delim: ' ' },
  { head: 'Send-Q', right: false, delim: ' ' },
  { head: 'Local Address:', right: true, delim: ' ' },
  { head: 'Port', right: false, delim: '' },
  { head: 'Peer Address:', right: true, delim: ' ' },
  { head: 'Port', right: false, delim: '' },
  { head: 'Process', right: false, delim: '' },
];

/** `rows` have a cell for each of COLUMNS; `hidden` columns are left out. `screen` null: not a terminal, nothing is stretched. */
export function render(rows: readonly (readonly string[])[], hidden: ReadonlySet<number>, header: boolean, screen: number | null): string {
  const all = header ? [COLUMNS.map((c) => c.head), ...rows] : rows;
  if (all.length === 0) return '';
  const shown = COLUMNS.map((_, i) => i).filter((i) => !hidden.has(i));
  const widths = new Map<number, number>();
  let first = true;
  for (const i of shown) {
    const longest = Math.max(0, ...all.map((r) => (r[i] as string).length));
    widths.set(
      i,
      Math.min(longest > 0 && !first ? longest + (COLUMNS[i] as Column).delim.length : longest, screen ?? Number.POSITIVE_INFINITY),
    );
    if (longest > 0) first = false;
  }
  if (screen !== null)
    spread(
      shown.filter((i) => (widths.get(i) as number) > 0),
      widths,
      screen,
    );
  let out = '';
  for (const row of all) {
    shown.forEach((i, n) => {
      const column = COLUMNS[i] as Column;
      const width = widths.get(i) as number;
      const delim = n > 0 ? column.delim : '';
      const cell = row[i] as string;
      out += delim;
      if (column.right) out += ' '.repeat(Math.max(0, width - cell.length - delim.length)) + cell;
      else out += cell + ' '.repeat(Math.max(0, width - cell.length - delim.length));
    });
    out += '\n';
  }
  return out;
}

/** Second pass on a terminal: what is left of each screen line is shared out, the last columns first. */
function spread(shown: readonly number[], widths: Map<number, number>, screen: number): void {
  let line: number[] = [];
  let len = 0;
  for (let n = 0; n < shown.length; n++) {
    const i = shown[n] as number;
    const width = widths.get(i) as number;
    line.push(i);
    len += width;
    const last = n === shown.length - 1;
    if (!last && len < screen) continue;
    if (len !== screen) {
      if (len > screen && line.length > 1) {
        line.pop();
        len -= width;
        n--;
      }
      const pad = Math.max(0, screen - len);
      const share = Math.floor(pad / line.length);
      let rest = pad % line.length;
      for (const j of line.reverse()) {
        widths.set(j, (widths.get(j) as number) + share + (rest > 0 ? 1 : 0));
        rest--;
      }
    }
    line = [];
    len = 0;
  }
}
