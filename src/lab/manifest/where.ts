/** Where in a YAML (or JSON) text a field stands that the API server names. */

import { type Document, isMap, isScalar, isSeq, LineCounter, type Pair, parseDocument } from 'yaml';

export interface Range {
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
}

/** `spec.containers[0].image`, `metadata.labels[app.kubernetes.io/name]` as names and indices. */
export function steps(path: string): string[] {
  const out: string[] = [];
  for (const m of path.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)) out.push((m[1] ?? m[2]) as string);
  return out;
}

interface Found {
  readonly start: number;
  readonly end: number;
  readonly depth: number;
}

const keyOf = (pair: Pair): { readonly text: string; readonly range: readonly number[] } | null =>
  isScalar(pair.key) && pair.key.range ? { text: String(pair.key.value), range: pair.key.range } : null;

/** As deep as the path goes; through lists without an index every item is tried. */
function descend(node: unknown, path: readonly string[], here: Found, depth: number, part: 'key' | 'value'): Found {
  if (path.length === 0) {
    const range = part === 'value' && isScalar(node) ? node.range : null;
    return range ? { start: range[0], end: Math.max(range[1], range[0] + 1), depth } : { ...here, depth };
  }
  if (isMap(node)) {
    // A key may hold dots: the longest that fits.
    for (let n = path.length; n > 0; n--) {
      const name = path.slice(0, n).join('.');
      for (const pair of node.items) {
        const key = keyOf(pair);
        if (key?.text !== name) continue;
        const at = { start: key.range[0] as number, end: key.range[1] as number, depth: depth + n };
        return descend(pair.value, path.slice(n), at, depth + n, part);
      }
    }
    return here;
  }
  if (isSeq(node)) {
    const index = /^\d+$/.test(path[0] as string) ? Number(path[0]) : -1;
    if (index >= 0) {
      const item = node.items[index] as { readonly range?: readonly number[] } | undefined;
      if (!item) return here;
      const start = item.range?.[0] ?? here.start;
      return descend(item, path.slice(1), { start, end: start + 1, depth: depth + 1 }, depth + 1, part);
    }
    let best = here;
    for (const item of node.items) {
      const found = descend(item, path, here, depth, part);
      if (found.depth > best.depth) best = found;
    }
    return best;
  }
  return here;
}

export class Places {
  private readonly document: Document;
  private readonly lines = new LineCounter();
  private readonly text: string;
  private readonly offset: number;

  /** `offset`: lines of the whole text before this part. */
  constructor(text: string, offset: number) {
    this.text = text;
    this.offset = offset;
    this.document = parseDocument(text, { lineCounter: this.lines, uniqueKeys: false, strict: false });
  }

  /** The field, or the nearest thing around it that there is. `base` leads to the object within the text. */
  of(path: string, base: readonly string[] = [], part: 'key' | 'value' = 'value'): Range {
    const start = Math.max(0, this.text.search(/^[^\s#]/m));
    const found = descend(this.document.contents, [...base, ...steps(path)], { start, end: start + 1, depth: 0 }, 0, part);
    return this.range(found.start, found.end);
  }

  private range(start: number, end: number): Range {
    const { line, col } = this.lines.linePos(start);
    const stop = this.text.indexOf('\n', start);
    const last = Math.max(start + 1, Math.min(end, stop < 0 ? this.text.length : stop));
    return { line: line + this.offset, column: col, endColumn: col + (last - start) };
  }
}
