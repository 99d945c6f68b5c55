/** Sets and maps: elements, intervals, concatenations, timeouts, look-up. Models nft_set_hash.c, nft_set_rbtree.c, nft_set_pipapo.c and segtree.c */

import { type DataType, fromBig, type Value } from './datatype.ts';
import type { Elem, Expr } from './expr.ts';
import type { ObjKind, Stmt } from './stmt.ts';

/** From low to high, both included, for each part of a concatenation. */
export interface Span {
  readonly low: Value;
  readonly high: Value;
}

export interface SetElem {
  readonly elem: Elem;
  /** Null: catch-all. */
  readonly spans: readonly Span[] | null;
  /** Absolute end of life, µs; null for ever. */
  expires: number | null;
  readonly timeout: number | null;
  /** Per-element statements with their own state. */
  readonly stmts: readonly Stmt[];
  /** What user space compiled into it: data and statements as functions. */
  run: unknown;
}

export interface SetSpec {
  readonly name: string;
  readonly kind: 'set' | 'map';
  readonly keyType: DataType;
  readonly dataType: DataType | null;
  /** Maps of named objects. */
  readonly objType: ObjKind | null;
  /** Data are ranges (`type … : interval ipv4_addr`). */
  readonly dataInterval: boolean;
  readonly flags: readonly ('constant' | 'interval' | 'timeout' | 'dynamic')[];
  readonly timeout: number | null;
  readonly gcInterval: number | null;
  readonly size: number | null;
  readonly policy: 'memory' | 'performance' | null;
  readonly autoMerge: boolean;
  readonly comment: string | null;
  readonly typeofKey: Expr | null;
  readonly typeofData: Expr | null;
  readonly stmts: readonly Stmt[];
  readonly anonymous: boolean;
  readonly meter?: boolean;
}

/** Elements a dynamic set may take when no size was given. */
export const DYNAMIC_SIZE = 65535;

const big = (v: Value): bigint => (typeof v === 'string' ? 0n : BigInt(v));

/** What a constant covers, as low and high value of each part. */
export function spansOf(key: Expr): Span[] {
  if (key.k === 'concat') return key.items.flatMap((i) => spansOf(i));
  return [spanOf(key)];
}

function spanOf(e: Expr): Span {
  if (e.k === 'value') return { low: e.v, high: e.v };
  if (e.k === 'range') return { low: spanOf(e.left).low, high: spanOf(e.right).high };
  if (e.k === 'prefix') {
    const base = spanOf(e.base).low;
    if (typeof base === 'string') return { low: base, high: base };
    const host = (1n << BigInt(e.bits - e.len)) - 1n;
    const low = big(base) & ~host;
    return { low: fromBig(low), high: fromBig(low | host) };
  }
  if (e.k === 'binop') {
    const a = big(spanOf(e.left).low);
    const b = big(spanOf(e.right).low);
    const v = fromBig(e.op === '|' ? a | b : e.op === '&' ? a & b : a ^ b);
    return { low: v, high: v };
  }
  if (e.k === 'list') {
    const v = fromBig(e.items.reduce((sum, i) => sum | big(spanOf(i).low), 0n));
    return { low: v, high: v };
  }
  return { low: 0, high: 0 };
}

const isWild = (s: Span): boolean => typeof s.low === 'string' && s.low.endsWith('*') && !s.low.endsWith('\\*');
const isPoint = (s: Span): boolean => s.low === s.high && !isWild(s);

function covers(s: Span, v: Value): boolean {
  if (typeof s.low === 'string') {
    if (isWild(s)) return typeof v === 'string' && v.startsWith(s.low.slice(0, -1));
    return s.low.replace('\\*', '*') === v;
  }
  return compareValues(v, s.low) >= 0 && compareValues(v, s.high) <= 0;
}

export const keyText = (parts: readonly Value[]): string => parts.join('|');

export class NftSet {
  spec: SetSpec;
  readonly handle: number;
  elems: SetElem[] = [];
  /** Rules and other sets' elements that use it. */
  users = 0;
  private points: Map<Value, SetElem> | null = null;
  private sorted: SetElem[] | null = null;
  private wide: SetElem[] = [];
  private catchAll: SetElem | null = null;

  constructor(spec: SetSpec, handle: number) {
    this.spec = spec;
    this.handle = handle;
  }

  get name(): string {
    return this.spec.name;
  }

  get interval(): boolean {
    return this.spec.flags.includes('interval');
  }

  changed(): void {
    this.points = null;
    this.sorted = null;
  }

  /** A copy for a transaction: what it changes is not seen here. */
  fork(): NftSet {
    const s = new NftSet(this.spec, this.handle);
    s.elems = [...this.elems];
    s.users = this.users;
    return s;
  }

  private build(): void {
    const points = new Map<Value, SetElem>();
    const ranges: SetElem[] = [];
    this.wide = [];
    this.catchAll = null;
    for (const e of this.elems) {
      if (!e.spans) this.catchAll = e;
      else if (e.spans.every(isPoint)) points.set(e.spans.length === 1 ? plain(e.spans[0] as Span) : keyText(e.spans.map(plain)), e);
      else if (e.spans.length === 1 && typeof e.spans[0]?.low !== 'string') ranges.push(e);
      else this.wide.push(e);
    }
    this.points = points;
    this.sorted = ranges.sort((a, b) => compareValues((a.spans as Span[])[0]?.low as Value, (b.spans as Span[])[0]?.low as Value));
  }

  /** The living element that covers the value (one part). */
  find(v: Value, now: number): SetElem | null {
    if (!this.points) this.build();
    const hit = (this.points as Map<Value, SetElem>).get(v) ?? this.inRanges(v) ?? this.inWide1(v) ?? this.catchAll;
    return hit && hit.expires !== null && hit.expires <= now ? null : hit;
  }

  /** The same for a concatenation. */
  findParts(parts: readonly Value[], now: number): SetElem | null {
    if (!this.points) this.build();
    let hit = (this.points as Map<Value, SetElem>).get(keyText(parts)) ?? null;
    if (!hit) {
      for (const e of this.wide) {
        const spans = e.spans as Span[];
        let all = true;
        for (let i = 0; i < spans.length && all; i++) all = covers(spans[i] as Span, parts[i] as Value);
        if (all) {
          hit = e;
          break;
        }
      }
      hit ??= this.catchAll;
    }
    return hit && hit.expires !== null && hit.expires <= now ? null : hit;
  }

  private inRanges(v: Value): SetElem | null {
    const list = this.sorted as SetElem[];
    let low = 0;
    let high = list.length - 1;
    while (low <= high) {
      const mid = (low + high) >> 1;
      const s = (list[mid] as SetElem).spans?.[0] as Span;
      if (v < s.low) high = mid - 1;
      else if (v > s.high) low = mid + 1;
      else return list[mid] as SetElem;
    }
    return null;
  }

  private inWide1(v: Value): SetElem | null {
    for (const e of this.wide) if (e.spans?.length === 1 && covers(e.spans[0] as Span, v)) return e;
    return null;
  }

  /** The element with exactly these bounds. */
  exact(spans: readonly Span[] | null, now: number): SetElem | null {
    for (const e of this.elems) {
      if (e.expires !== null && e.expires <= now) continue;
      if (sameSpans(e.spans, spans)) return e;
    }
    return null;
  }

  alive(now: number): SetElem[] {
    return this.elems.filter((e) => e.expires === null || e.expires > now);
  }

  /** Drops what is over. */
  sweep(now: number): void {
    if (!this.elems.some((e) => e.expires !== null && e.expires <= now)) return;
    this.elems = this.alive(now);
    this.changed();
  }

  append(e: SetElem): void {
    this.elems.push(e);
    if (!this.points) return;
    if (e.spans?.every(isPoint)) this.points.set(e.spans.length === 1 ? plain(e.spans[0] as Span) : keyText(e.spans.map(plain)), e);
    else this.points = null;
  }

  remove(e: SetElem): void {
    this.elems = this.elems.filter((x) => x !== e);
    this.changed();
  }
}

const plain = (s: Span): Value => (typeof s.low === 'string' ? s.low.replace('\\*', '*') : s.low);

export function compareValues(a: Value, b: Value): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function sameSpans(a: readonly Span[] | null, b: readonly Span[] | null): boolean {
  if (!a || !b) return a === b;
  return a.length === b.length && a.every((s, i) => s.low === b[i]?.low && s.high === b[i]?.high);
}

/** True when some value is in both. */
export function overlap(a: readonly Span[] | null, b: readonly Span[] | null): boolean {
  if (!a || !b) return a === b;
  return a.every((s, i) => {
    const o = b[i] as Span;
    return s.low <= o.high && o.low <= s.high;
  });
}
