/** Brace expansion on the source text of a word: {a,b}, {1..10..2}, {a..e}. Models braces.c of bash */

const MAX_WORDS = 100_000;

/** End of a quoted or substituted part that starts at `i`, or `i` when none does. */
function skipQuoted(s: string, i: number): number {
  const c = s[i];
  if (c === '\\') return i + 2;
  if (c === "'") {
    const end = s.indexOf("'", i + 1);
    return end < 0 ? s.length : end + 1;
  }
  if (c === '`') {
    let j = i + 1;
    while (j < s.length && s[j] !== '`') j += s[j] === '\\' ? 2 : 1;
    return j + 1;
  }
  if (c === '"') {
    let j = i + 1;
    while (j < s.length && s[j] !== '"') {
      const k = s[j] === "'" ? j : skipQuoted(s, j);
      j = k === j ? j + 1 : k;
    }
    return j + 1;
  }
  if (c === '$' && (s[i + 1] === '(' || s[i + 1] === '{')) {
    const open = s[i + 1];
    const close = open === '(' ? ')' : '}';
    let level = 0;
    let j = i + 1;
    while (j < s.length) {
      if (s[j] === open) level++;
      else if (s[j] === close && --level === 0) return j + 1;
      else {
        const k = skipQuoted(s, j);
        if (k > j) {
          j = k;
          continue;
        }
      }
      j++;
    }
    return s.length;
  }
  return i;
}

/** The words that a word's text expands to; the text itself when there is nothing to expand. */
export function braceExpand(text: string): string[] {
  for (let i = 0; i < text.length; ) {
    const skipped = skipQuoted(text, i);
    if (skipped > i) {
      i = skipped;
      continue;
    }
    if (text[i] === '{') {
      const body = parseBrace(text, i);
      if (body) {
        const before = text.slice(0, i);
        const after = braceExpand(text.slice(body.end));
        const out: string[] = [];
        for (const item of body.items) {
          for (const rest of after) {
            out.push(before + item + rest);
            if (out.length > MAX_WORDS) return [text];
          }
        }
        return out;
      }
    }
    i++;
  }
  return [text];
}

function parseBrace(text: string, start: number): { items: string[]; end: number } | null {
  const cuts: number[] = [];
  let level = 0;
  let i = start + 1;
  for (; i < text.length; ) {
    const skipped = skipQuoted(text, i);
    if (skipped > i) {
      i = skipped;
      continue;
    }
    const c = text[i];
    if (c === '{') level++;
    else if (c === '}') {
      if (level === 0) break;
      level--;
    } else if (c === ',' && level === 0) cuts.push(i);
    i++;
  }
  if (text[i] !== '}') return null;
  if (cuts.length === 0) {
    const items = sequence(text.slice(start + 1, i));
    return items ? { items, end: i + 1 } : null;
  }
  const items: string[] = [];
  let from = start + 1;
  for (const cut of [...cuts, i]) {
    items.push(...braceExpand(text.slice(from, cut)));
    from = cut + 1;
  }
  return { items, end: i + 1 };
}

function sequence(body: string): string[] | null {
  const m = /^(-?\d+|[A-Za-z])\.\.(-?\d+|[A-Za-z])(?:\.\.(-?\d+))?$/.exec(body);
  if (!m) return null;
  const [, a, b, s] = m as unknown as [string, string, string, string | undefined];
  const numeric = /\d/.test(a) && /\d/.test(b);
  if (!numeric && (/\d/.test(a) || /\d/.test(b))) return null;
  const from = numeric ? Number(a) : a.charCodeAt(0);
  const to = numeric ? Number(b) : b.charCodeAt(0);
  const step = Math.abs(Number(s ?? 1)) || 1;
  const padded = numeric && (/^-?0\d/.test(a) || /^-?0\d/.test(b));
  const width = padded ? Math.max(a.length, b.length) : 0;
  const out: string[] = [];
  for (let v = from; from <= to ? v <= to : v >= to; v += from <= to ? step : -step) {
    if (out.length >= MAX_WORDS) return null;
    if (!numeric) out.push(String.fromCharCode(v));
    else out.push(v < 0 ? `-${String(-v).padStart(width - 1, '0')}` : String(v).padStart(width, '0'));
  }
  return out;
}
