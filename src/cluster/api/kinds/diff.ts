/** Unified difference of two texts as Python's difflib makes it (matching blocks, three lines of context). Models go-difflib. */

interface Block {
  readonly a: number;
  readonly b: number;
  readonly size: number;
}

/** The longest common block within bounds, the earliest one of several. */
function longest(
  a: readonly string[],
  where: ReadonlyMap<string, readonly number[]>,
  alo: number,
  ahi: number,
  blo: number,
  bhi: number,
): Block {
  let best: Block = { a: alo, b: blo, size: 0 };
  let lengths = new Map<number, number>();
  for (let i = alo; i < ahi; i++) {
    const next = new Map<number, number>();
    for (const j of where.get(a[i] as string) ?? []) {
      if (j < blo) continue;
      if (j >= bhi) break;
      const k = (lengths.get(j - 1) ?? 0) + 1;
      next.set(j, k);
      if (k > best.size) best = { a: i - k + 1, b: j - k + 1, size: k };
    }
    lengths = next;
  }
  return best;
}

function matches(a: readonly string[], b: readonly string[]): Block[] {
  const where = new Map<string, number[]>();
  b.forEach((line, j) => {
    const list = where.get(line);
    if (list) list.push(j);
    else where.set(line, [j]);
  });
  // Lines that make up more than one in a hundred of a long text count as noise.
  if (b.length >= 200) for (const [line, list] of where) if (list.length * 100 > b.length) where.delete(line);
  const found: Block[] = [];
  const queue: [number, number, number, number][] = [[0, a.length, 0, b.length]];
  while (queue.length > 0) {
    const [alo, ahi, blo, bhi] = queue.pop() as [number, number, number, number];
    let { a: i, b: j, size } = longest(a, where, alo, ahi, blo, bhi);
    while (i > alo && j > blo && a[i - 1] === b[j - 1]) {
      i--;
      j--;
      size++;
    }
    while (i + size < ahi && j + size < bhi && a[i + size] === b[j + size]) size++;
    if (size === 0) continue;
    found.push({ a: i, b: j, size });
    if (alo < i && blo < j) queue.push([alo, i, blo, j]);
    if (i + size < ahi && j + size < bhi) queue.push([i + size, ahi, j + size, bhi]);
  }
  return [...found.sort((x, y) => x.a - y.a || x.b - y.b), { a: a.length, b: b.length, size: 0 }];
}

interface Step {
  readonly equal: boolean;
  readonly a1: number;
  readonly a2: number;
  readonly b1: number;
  readonly b2: number;
}

function steps(a: readonly string[], b: readonly string[]): Step[] {
  const out: Step[] = [];
  let i = 0;
  let j = 0;
  for (const block of matches(a, b)) {
    if (i < block.a || j < block.b) out.push({ equal: false, a1: i, a2: block.a, b1: j, b2: block.b });
    i = block.a + block.size;
    j = block.b + block.size;
    if (block.size > 0) out.push({ equal: true, a1: block.a, a2: i, b1: block.b, b2: j });
  }
  return out;
}

function range(from: number, to: number): string {
  if (to - from === 1) return `${from + 1}`;
  return `${to === from ? from : from + 1},${to - from}`;
}

const CONTEXT = 3;

/** Hunks of changes that lie near each other, with their context. */
function hunks(a: readonly string[], b: readonly string[]): Step[][] {
  const all = steps(a, b);
  const cut = (s: Step, head: boolean): Step => {
    const keep = Math.min(CONTEXT, s.a2 - s.a1);
    return head ? { ...s, a1: s.a2 - keep, b1: s.b2 - keep } : { ...s, a2: s.a1 + keep, b2: s.b1 + keep };
  };
  const out: Step[][] = [];
  let group: Step[] = [];
  all.forEach((s, n) => {
    if (!s.equal) {
      group.push(s);
      return;
    }
    const first = n === 0;
    const last = n === all.length - 1;
    if (first && last) return;
    if (first) group.push(cut(s, true));
    else if (last) group.push(cut(s, false));
    else if (s.a2 - s.a1 > 2 * CONTEXT) {
      group.push(cut(s, false));
      out.push(group);
      group = [cut(s, true)];
    } else group.push(s);
  });
  if (group.some((s) => !s.equal)) out.push(group);
  return out;
}

export function unifiedDiff(before: string, after: string): string {
  // The last line ends in a newline too, so that a newline more ends the result.
  const a = `${before}\n`.split(/(?<=\n)/);
  const b = `${after}\n`.split(/(?<=\n)/);
  let text = '';
  for (const group of hunks(a, b)) {
    const first = group[0] as Step;
    const last = group[group.length - 1] as Step;
    text += `@@ -${range(first.a1, last.a2)} +${range(first.b1, last.b2)} @@\n`;
    for (const s of group) {
      for (let i = s.a1; i < s.a2; i++) text += `${s.equal ? ' ' : '-'}${a[i]}`;
      if (!s.equal) for (let j = s.b1; j < s.b2; j++) text += `+${b[j]}`;
    }
  }
  return text;
}
