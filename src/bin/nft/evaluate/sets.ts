/** Elements made ready for the kernel: intervals joined and ordered, doubles left out. Models nftables/src/intervals.c */

import * as nft from '../../../os/nft.ts';
import type { xt } from '../../../os/uapi.ts';
import { NftError } from '../lexer.ts';

export function hasInterval(e: xt.Expr): boolean {
  if (e.k === 'concat') return e.items.some(hasInterval);
  return e.k === 'range' || e.k === 'prefix';
}

const big = (v: xt.NftValue): bigint => (typeof v === 'string' ? 0n : BigInt(v));

/** A pair of bounds as nft lists it: value, prefix (addresses) or range. */
export function intervalExpr(type: xt.DataType, bits: number, low: xt.NftValue, high: xt.NftValue): xt.Expr {
  const value = (v: xt.NftValue): xt.Expr => ({ k: 'value', v, type, bits });
  if (low === high) return value(low);
  const a = big(low);
  const size = big(high) - a + 1n;
  if (type.prefix && (size & (size - 1n)) === 0n && a % size === 0n) {
    let len = bits;
    for (let s = size; s > 1n; s >>= 1n) len--;
    return { k: 'prefix', base: value(low), len, type, bits };
  }
  return { k: 'range', left: value(low), right: value(high), type, bits };
}

interface Row {
  low: bigint;
  high: bigint;
  el: xt.Elem;
}

const isNumber = (key: xt.Expr): boolean => key.k !== 'concat' && nft.spansOf(key).every((s) => typeof s.low !== 'string');

/** What joinIntervals() gives back: elements by size, overlaps joined when they may be. */
export function joinIntervals(elems: readonly xt.Elem[], type: xt.DataType, bits: number, merge: boolean): xt.Elem[] {
  const others = elems.filter((el) => !el.key || !isNumber(el.key));
  const rows: Row[] = [];
  for (const el of elems) {
    if (!el.key || !isNumber(el.key)) continue;
    const [s] = nft.spansOf(el.key) as [xt.Span];
    rows.push({ low: big(s.low), high: big(s.high), el });
  }
  rows.sort((a, b) => (a.low < b.low ? -1 : a.low > b.low ? 1 : a.high > b.high ? -1 : a.high < b.high ? 1 : 0));
  const out: Row[] = [];
  for (const row of rows) {
    const last = out[out.length - 1];
    if (last && row.low <= last.high) {
      if (last.low === row.low && last.high === row.high && !row.el.data) continue;
      if (!merge) throw new NftError('conflicting intervals specified', row.el.loc ?? { line: 0, from: 0, to: 1 }, [last.el.loc]);
      if (row.high > last.high) last.high = row.high;
      continue;
    }
    if (merge && last && row.low === last.high + 1n) {
      last.high = row.high;
      continue;
    }
    out.push({ ...row });
  }
  return [...out.map((r) => ({ ...r.el, key: intervalExpr(type, bits, nft.fromBig(r.low), nft.fromBig(r.high)) })), ...others];
}

/** Ranges of concatenations as prefixes where they are such. */
export function concatKey(key: xt.Expr): xt.Expr {
  if (key.k !== 'concat') return key;
  return {
    ...key,
    items: key.items.map((i) => {
      if (i.k !== 'range') return i;
      const [s] = nft.spansOf(i) as [xt.Span];
      return intervalExpr(i.type, i.bits, s.low, s.high);
    }),
  };
}

export function unique(elems: readonly xt.Elem[]): xt.Elem[] {
  const seen = new Set<string>();
  return elems.filter((el) => {
    const key = el.key
      ? nft
          .spansOf(el.key)
          .map((s) => `${s.low}-${s.high}`)
          .join('|')
      : '*';
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** Little-endian number of the bytes as the kernel keeps them: nft sorts hash sets so when listing. */
function sortKey(e: xt.Expr): bigint {
  if (e.k === 'value') return typeof e.v === 'string' ? bytesLe(text(e.v)) : BigInt(e.v);
  if (e.k === 'prefix') return sortKey(e.base);
  if (e.k === 'range' || e.k === 'binop') return sortKey(e.left);
  if (e.k === 'concat') {
    const bytes: number[] = [];
    for (const i of e.items) bytes.push(...componentBytes(i));
    return bytesLe(bytes);
  }
  return 0n;
}

const text = (s: string): number[] => [...s].map((ch) => ch.charCodeAt(0));

function bytesLe(bytes: readonly number[]): bigint {
  let v = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) v = (v << 8n) | BigInt(bytes[i] as number);
  return v;
}

function componentBytes(e: xt.Expr): number[] {
  const size = Math.ceil((e.bits || e.type.bits) / 8);
  if (e.k !== 'value') return new Array(size).fill(0);
  if (typeof e.v === 'string') return [...text(e.v), ...new Array(Math.max(0, size - e.v.length)).fill(0)];
  const out: number[] = [];
  let rest = BigInt(e.v);
  for (let i = 0; i < size; i++) {
    out.push(Number(rest & 0xffn));
    rest >>= 8n;
  }
  return e.type.order === 'big' ? out.reverse() : out;
}

/** Masks of several bits sort by their first bit, and among equals the later given comes first. */
function maskKey(e: xt.Expr): bigint {
  if (e.k === 'value' && e.type.base === 'bitmask' && typeof e.v !== 'string') {
    const v = BigInt(e.v);
    return v & -v;
  }
  return sortKey(e);
}

const isWildcard = (el: xt.Elem): boolean =>
  el.key?.k === 'value' && typeof el.key.v === 'string' && el.key.v.endsWith('*') && !el.key.v.endsWith('\\*');

export function sortElems(elems: readonly xt.Elem[]): xt.Elem[] {
  if (elems.some(isWildcard)) {
    // Names with wildcards are intervals: they sort from the first letter on.
    const name = (el: xt.Elem): string => (el.key?.k === 'value' ? String(el.key.v) : '');
    return [...elems].sort((a, b) => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0));
  }
  const keyed = elems.map((el, i) => ({ el, i, key: el.key ? maskKey(el.key) : null }));
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return a.key === b.key ? 0 : a.key === null ? 1 : -1;
    if (a.key !== b.key) return a.key < b.key ? -1 : 1;
    return b.i - a.i;
  });
  return keyed.map((x) => x.el);
}
