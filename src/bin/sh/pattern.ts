/** Shell patterns as regular expressions, extended globs included. Models lib/glob of bash */

/** A piece of a word: quoted text stands for itself, unquoted text may be a pattern. */
export interface Piece {
  text: string;
  quoted: boolean;
}

export interface PatternOptions {
  extglob: boolean;
  nocase: boolean;
  /** * and ? do not match a slash, as in file names. */
  pathname?: boolean;
}

const CLASSES: Record<string, string> = {
  alpha: 'A-Za-z',
  digit: '0-9',
  alnum: 'A-Za-z0-9',
  upper: 'A-Z',
  lower: 'a-z',
  space: '\\s',
  blank: ' \\t',
  punct: '!-\\/:-@\\[-`{-~',
  print: ' -~',
  graph: '!-~',
  cntrl: '\\x00-\\x1f\\x7f',
  xdigit: '0-9A-Fa-f',
  word: 'A-Za-z0-9_',
};

/** Each character with a mark whether it is quoted. */
function chars(pieces: readonly Piece[]): { c: string; q: boolean }[] {
  const out: { c: string; q: boolean }[] = [];
  for (const p of pieces) {
    const all = [...p.text];
    for (let i = 0; i < all.length; i++) {
      const c = all[i] as string;
      if (!p.quoted && c === '\\' && i + 1 < all.length) out.push({ c: all[++i] as string, q: true });
      else out.push({ c, q: p.quoted });
    }
  }
  return out;
}

export function hasMagic(pieces: readonly Piece[], extglob: boolean): boolean {
  return pieces.some((p) => !p.quoted && (/[*?]|\[.*\]/s.test(p.text) || p.text.includes('[') || (extglob && /[?*+@!]\(/.test(p.text))));
}

function quoteChar(c: string): string {
  return /[\\^$.*+?()[\]{}|/-]/.test(c) ? `\\${c}` : c;
}

/** The body of a regular expression, not anchored. */
export function patternSource(pieces: readonly Piece[], opts: PatternOptions): string {
  return source(chars(pieces), opts);
}

function source(cs: { c: string; q: boolean }[], opts: PatternOptions): string {
  const any = opts.pathname ? '[^/]' : '[^]';
  let out = '';
  let i = 0;
  while (i < cs.length) {
    const { c, q } = cs[i] as { c: string; q: boolean };
    if (q) {
      out += quoteChar(c);
      i++;
      continue;
    }
    if (opts.extglob && '?*+@!'.includes(c) && cs[i + 1]?.c === '(' && !cs[i + 1]?.q) {
      const close = closing(cs, i + 1);
      if (close > 0) {
        const alternatives = split(cs.slice(i + 2, close)).map((a) => source(a, opts));
        const group = `(?:${alternatives.join('|')})`;
        if (c === '!')
          out += `(?:(?!(?:${alternatives.join('|')})${close + 1 >= cs.length ? '$' : source(cs.slice(close + 1), opts)})${any}*)`;
        else out += group + (c === '@' ? '' : c);
        i = close + 1;
        continue;
      }
    }
    if (c === '*') {
      while (cs[i + 1]?.c === '*' && !cs[i + 1]?.q) i++;
      out += `${any}*`;
    } else if (c === '?') out += any;
    else if (c === '[') {
      const set = bracket(cs, i);
      if (set) {
        out += set.text;
        i = set.end;
        continue;
      }
      out += '\\[';
    } else out += quoteChar(c);
    i++;
  }
  return out;
}

function closing(cs: { c: string; q: boolean }[], open: number): number {
  let level = 0;
  for (let i = open; i < cs.length; i++) {
    const { c, q } = cs[i] as { c: string; q: boolean };
    if (q) continue;
    if (c === '(') level++;
    else if (c === ')' && --level === 0) return i;
  }
  return -1;
}

function split(cs: { c: string; q: boolean }[]): { c: string; q: boolean }[][] {
  const out: { c: string; q: boolean }[][] = [[]];
  let level = 0;
  for (const x of cs) {
    if (!x.q && x.c === '(') level++;
    else if (!x.q && x.c === ')') level--;
    if (!x.q && x.c === '|' && level === 0) out.push([]);
    else (out[out.length - 1] as { c: string; q: boolean }[]).push(x);
  }
  return out;
}

function bracket(cs: { c: string; q: boolean }[], start: number): { text: string; end: number } | null {
  let i = start + 1;
  let text = '[';
  const first = cs[i];
  if (first && !first.q && (first.c === '!' || first.c === '^')) {
    text += '^';
    i++;
  }
  let empty = true;
  while (i < cs.length) {
    const { c, q } = cs[i] as { c: string; q: boolean };
    if (!q && c === ']' && !empty) return { text: `${text}]`, end: i + 1 };
    empty = false;
    if (!q && c === '[' && cs[i + 1]?.c === ':') {
      const rest = cs
        .slice(i + 2)
        .map((x) => x.c)
        .join('');
      const end = rest.indexOf(':]');
      const set = end >= 0 ? CLASSES[rest.slice(0, end)] : undefined;
      if (set !== undefined) {
        text += set;
        i += [...rest.slice(0, end)].length + 4;
        continue;
      }
    }
    text += !q && c === '-' ? '-' : /[\\\]^[-]/.test(c) ? `\\${c}` : c;
    i++;
  }
  return null;
}

const cache = new Map<string, RegExp>();

/** Matches a whole string. */
export function patternRegExp(
  pieces: readonly Piece[],
  opts: PatternOptions,
  anchored: 'both' | 'start' | 'end' | 'none' = 'both',
  flags = '',
): RegExp {
  let body = patternSource(pieces, opts);
  if (anchored === 'both' || anchored === 'start') body = `^(?:${body})`;
  if (anchored === 'both' || anchored === 'end') body = `(?:${body})$`;
  const all = `s${opts.nocase ? 'i' : ''}${flags}`;
  const key = `${all}/${body}`;
  let re = cache.get(key);
  if (!re) {
    try {
      re = new RegExp(body, all);
    } catch {
      re = /(?!)/;
    }
    if (cache.size > 500) cache.clear();
    cache.set(key, re);
  }
  re.lastIndex = 0;
  return re;
}

export function matches(text: string, pieces: readonly Piece[], opts: PatternOptions): boolean {
  return patternRegExp(pieces, opts).test(text);
}
