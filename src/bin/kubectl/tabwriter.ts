/** Text in columns. Models text/tabwriter and liggitt/tabwriter with RememberWidths */

export class TabWriter {
  private readonly minWidth: number;
  private readonly padding: number;
  private readonly remember: boolean;
  private widths: number[] = [];
  private text = '';

  /** kubectl get: 6, 3, remembered; kubectl describe: 0, 2. */
  constructor(minWidth: number, padding: number, remember = false) {
    this.minWidth = minWidth;
    this.padding = padding;
    this.remember = remember;
  }

  write(text: string): void {
    this.text += text;
  }

  /** Forgets the widths of before. */
  forget(): void {
    this.widths = [];
  }

  /** What has been written since the last flush, aligned. */
  flush(): string {
    if (this.text === '') return '';
    const lines = this.text.split('\n').map((l) => l.split('\t'));
    this.text = '';
    const out: string[] = lines.map(() => '');
    this.format(lines, out, 0, lines.length, []);
    return out.join('\n');
  }

  /** Cells that a tab ends, in one column of consecutive lines, are as wide as the widest. */
  private format(lines: readonly string[][], out: string[], from: number, to: number, widths: readonly number[]): void {
    const column = widths.length;
    const cells = (i: number): readonly string[] => lines[i] as string[];
    let start = from;
    for (let i = from; i < to; i++) {
      if (column >= cells(i).length - 1) continue;
      this.emit(lines, out, start, i, widths);
      let end = i;
      let width = this.minWidth;
      for (; end < to && column < cells(end).length - 1; end++) {
        const w = [...(cells(end)[column] as string)].length + this.padding;
        if (w > width) width = w;
      }
      if (this.remember) {
        width = Math.max(width, this.widths[column] ?? 0);
        this.widths[column] = width;
      }
      this.format(lines, out, i, end, [...widths, width]);
      start = end;
      i = end - 1;
    }
    this.emit(lines, out, start, to, widths);
  }

  private emit(lines: readonly string[][], out: string[], from: number, to: number, widths: readonly number[]): void {
    for (let i = from; i < to; i++) {
      const row = lines[i] as string[];
      out[i] = row
        .map((cell, j) =>
          j < widths.length && j < row.length - 1 ? cell + ' '.repeat(Math.max(0, (widths[j] as number) - [...cell].length)) : cell,
        )
        .join('');
    }
  }
}
