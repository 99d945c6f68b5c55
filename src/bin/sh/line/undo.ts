/** What undo takes back: one list a line. Models undo.c */

export type Change =
  | { readonly kind: 'insert'; readonly at: number; length: number }
  | { readonly kind: 'delete'; readonly at: number; readonly text: readonly string[] }
  | { readonly kind: 'begin' | 'end' };

/** Characters typed one after the other that are one step. */
const RUN = 20;
const MAX_STEPS = 4096;

export class Undo {
  private readonly list: Change[] = [];

  get size(): number {
    return this.list.length;
  }

  typed(at: number, length: number): void {
    const last = this.list[this.list.length - 1];
    if (last?.kind === 'insert' && length === 1 && last.at + last.length === at && last.length < RUN) last.length += length;
    else this.push({ kind: 'insert', at, length });
  }

  deleted(at: number, text: readonly string[]): void {
    this.push({ kind: 'delete', at, text });
  }

  begin(): void {
    this.push({ kind: 'begin' });
  }

  end(): void {
    this.push({ kind: 'end' });
  }

  private push(change: Change): void {
    this.list.push(change);
    if (this.list.length > MAX_STEPS) this.list.shift();
  }

  /** The changes of the last step, the last one first; null when there is none. */
  step(): (Change & { kind: 'insert' | 'delete' })[] | null {
    const out: (Change & { kind: 'insert' | 'delete' })[] = [];
    let depth = 0;
    for (;;) {
      const change = this.list.pop();
      if (!change) return out.length > 0 ? out : null;
      if (change.kind === 'end') depth++;
      else if (change.kind === 'begin') depth--;
      else out.push(change as Change & { kind: 'insert' | 'delete' });
      if (depth <= 0 && out.length > 0) return out;
    }
  }
}
