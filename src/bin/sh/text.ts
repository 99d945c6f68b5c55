/** Shell source text and the numbers of its lines. */

/** A text that syntax trees index, and what its lines are called in messages. */
export class Source {
  readonly text: string;
  /** Number of the first line. */
  readonly firstLine: number;
  private starts: number[] | null = null;

  constructor(text: string, firstLine = 1) {
    this.text = text;
    this.firstLine = firstLine;
  }

  line(pos: number): number {
    if (!this.starts) {
      this.starts = [0];
      for (let i = this.text.indexOf('\n'); i >= 0; i = this.text.indexOf('\n', i + 1)) this.starts.push(i + 1);
    }
    let lo = 0;
    let hi = this.starts.length - 1;
    while (lo < hi) {
      const mid = (lo + hi + 1) >> 1;
      if ((this.starts[mid] as number) <= pos) lo = mid;
      else hi = mid - 1;
    }
    return this.firstLine + lo;
  }

  lineText(line: number): string {
    return this.text.split('\n')[line - this.firstLine] ?? '';
  }
}
