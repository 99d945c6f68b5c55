/** curl's `{a,b}` and `[1-3]` in URLs, and `#1` in file names. Models src/tool_urlglob.c */

import { parseIp6 } from '../../wire/addr.ts';

export interface Globbed {
  url: string;
  /** What each glob stands for here, for `#1` and so on. */
  parts: string[];
}

export type GlobResult = { ok: true; urls: Globbed[] } | { ok: false; message: string };

/** The most URLs that one pattern may stand for. */
const LIMIT = 100_000;

class Bad extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

type Piece = { literal: string } | { items: string[] };

function parse(text: string): Piece[] {
  const pieces: Piece[] = [];
  let literal = '';
  for (let i = 0; i < text.length; ) {
    const c = text[i] as string;
    if (c === '\\' && /[{}[\]]/.test(text[i + 1] ?? '')) {
      literal += text[i + 1];
      i += 2;
      continue;
    }
    if (c === '[') {
      const close = text.indexOf(']', i);
      if (close > 0 && parseIp6(text.slice(i + 1, close).replace(/%.*$/, '')) !== null) {
        literal += text.slice(i, close + 1);
        i = close + 1;
        continue;
      }
    }
    if (c === ']' || c === '}') throw new Bad('unmatched close brace/bracket', i + 1);
    if (c !== '{' && c !== '[') {
      literal += c;
      i++;
      continue;
    }
    pieces.push({ literal });
    literal = '';
    const [items, end] = c === '{' ? set(text, i) : range(text, i);
    pieces.push({ items });
    i = end;
  }
  pieces.push({ literal });
  return pieces;
}

function set(text: string, start: number): [string[], number] {
  const items: string[] = [];
  let word = '';
  for (let i = start + 1; ; i++) {
    const c = text[i];
    if (c === undefined) throw new Bad('unmatched brace', start + 1);
    if (c === '{' || c === '[') throw new Bad('nested brace', i + 1);
    if (c === ']') throw new Bad('unexpected close bracket', i + 1);
    if (c === '\\' && text[i + 1] !== undefined) word += text[++i];
    else if (c === ',' || c === '}') {
      if (c === '}' && word === '' && items.length === 0) throw new Bad('empty string within braces', i + 1);
      items.push(word);
      word = '';
      if (c === '}') return [items, i + 1];
    } else word += c;
  }
}

function range(text: string, start: number): [string[], number] {
  const rest = text.slice(start + 1);
  const at = start + 2;
  if (/^[A-Za-z]/.test(rest)) {
    const m = /^([A-Za-z])-([A-Za-z])(?::(\d+))?\]/.exec(rest);
    const used = m ? m[0].length : /^.-../.test(rest) ? 4 : 0;
    const step = Number(m?.[3] ?? 1);
    const [low, high] = [m?.[1]?.charCodeAt(0) ?? 0, m?.[2]?.charCodeAt(0) ?? 0];
    if (!m || step < 1 || high < low || high - low > 25) throw new Bad('bad range', at + used);
    return [Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, k) => String.fromCharCode(low + k * step)), start + 1 + used];
  }
  if (/^\d/.test(rest)) {
    const m = /^(\d+)-\s*(\d+)(?::(\d+))?\]/.exec(rest);
    const step = Number(m?.[3] ?? 1);
    const [low, high] = [Number(m?.[1]), Number(m?.[2])];
    if (!m || step < 1 || high < low) throw new Bad('bad range', at + (m ? m[0].length : (/^\d+(-\d*)?/.exec(rest)?.[0].length ?? 0)));
    const first = m[1] as string;
    const width = first.startsWith('0') ? first.length : 1;
    const count = Math.min(LIMIT, Math.floor((high - low) / step) + 1);
    return [Array.from({ length: count }, (_, k) => String(low + k * step).padStart(width, '0')), start + 1 + m[0].length];
  }
  throw new Bad('bad range specification', at);
}

/** All URLs that a pattern stands for. The message is curl's, with the pattern and a caret below the place. */
export function globUrl(text: string): GlobResult {
  try {
    let urls: Globbed[] = [{ url: '', parts: [] }];
    for (const piece of parse(text)) {
      urls =
        'literal' in piece
          ? urls.map((u) => ({ url: u.url + piece.literal, parts: u.parts }))
          : urls.flatMap((u) => piece.items.map((item) => ({ url: u.url + item, parts: [...u.parts, item] })));
      if (urls.length > LIMIT) throw new Bad('too many globs', 0);
    }
    return { ok: true, urls };
  } catch (e) {
    if (!(e instanceof Bad)) throw e;
    return { ok: false, message: e.at > 0 ? `${e.message} in URL position ${e.at}:\n${text}\n${' '.repeat(e.at - 1)}^` : e.message };
  }
}

/** `#1` in a file name is what the first glob stands for. */
export function fillIn(name: string, parts: readonly string[]): string {
  return name.replace(/#(\d+)/g, (all, n: string) => parts[Number(n) - 1] ?? all);
}
