/** Expressions of a rule as the kernel keeps them and the tool reads and lists them. Models nftables/src/expression.h */

import type { DataType, Value } from './datatype.ts';
import type { Base, ExtHeader, ExtKind, Field, Proto } from './proto.ts';
import type { NftSet } from './set.ts';
import type { Stmt } from './stmt.ts';

/** Where in the input something stood. */
export interface Loc {
  readonly line: number;
  readonly from: number;
  readonly to: number;
}

export type BinOp = '&' | '|' | '^' | '<<' | '>>';
export type Op = '==' | '!=' | '<' | '>' | '<=' | '>=' | 'implicit' | '!';
export type VerdictName = 'accept' | 'drop' | 'continue' | 'return' | 'jump' | 'goto' | 'queue' | 'stolen';

interface Typed {
  readonly type: DataType;
  /** Length of the value in bits. */
  readonly bits: number;
  readonly loc?: Loc;
}

export type ValueExpr = Typed & { readonly k: 'value'; readonly v: Value };
export type VerdictExpr = Typed & { readonly k: 'verdict'; readonly verdict: VerdictName; chain: string | null };
export type PrefixExpr = Typed & { readonly k: 'prefix'; readonly base: Expr; readonly len: number };
export type RangeExpr = Typed & { readonly k: 'range'; readonly left: Expr; readonly right: Expr };
export type ConcatExpr = Typed & { readonly k: 'concat'; readonly items: readonly Expr[] };
/** `a,b` of a bit mask. */
export type ListExpr = Typed & { readonly k: 'list'; readonly items: readonly Expr[] };
export type BinExpr = Typed & { readonly k: 'binop'; readonly op: BinOp; readonly left: Expr; readonly right: Expr };
export type PayloadExpr = Typed & {
  readonly k: 'payload';
  readonly base: Base;
  readonly off: number;
  readonly len: number;
  readonly desc: Proto | null;
  readonly field: Field | null;
};
export type ExtExpr = Typed & {
  readonly k: 'ext';
  readonly kind: ExtKind;
  readonly header: ExtHeader;
  /** Null: the presence is asked. */
  readonly field: Field | null;
  /** Bits from the option's begin, for `@off,len` of TCP options. */
  readonly raw?: { readonly off: number; readonly len: number };
};
export type MetaExpr = Typed & { readonly k: 'meta'; readonly key: string };
export type CtExpr = Typed & { readonly k: 'ct'; readonly key: string; readonly dir: 'original' | 'reply' | null };
export type RtExpr = Typed & { readonly k: 'rt'; readonly key: string };
export type SocketExpr = Typed & { readonly k: 'socket'; readonly key: string; readonly level: number };
export type OsfExpr = Typed & { readonly k: 'osf'; readonly ttl: string | null; readonly version: boolean };
export type FibExpr = Typed & { readonly k: 'fib'; readonly flags: readonly string[]; readonly result: string };
export type NumgenExpr = Typed & { readonly k: 'numgen'; readonly mode: 'inc' | 'random'; readonly mod: number; readonly offset: number };
export type HashExpr = Typed & {
  readonly k: 'hash';
  readonly what: 'jhash' | 'symhash';
  readonly expr: Expr | null;
  readonly mod: number;
  readonly seed: number | null;
  readonly offset: number;
};
export type XfrmExpr = Typed & { readonly k: 'xfrm'; readonly dir: 'in' | 'out'; readonly spnum: number; readonly key: string };
/** Elements between braces. */
export type SetExpr = Typed & { readonly k: 'set'; readonly elems: readonly Elem[] };
export type SetRefExpr = Typed & { readonly k: 'setref'; readonly name: string; readonly set: NftSet };
export type MapExpr = Typed & { readonly k: 'map'; readonly key: Expr; readonly table: SetExpr | SetRefExpr };
/** A word that is not understood yet. */
export type SymbolExpr = Typed & { readonly k: 'symbol'; readonly text: string; readonly quoted: boolean };
/** `@name` that is not looked up yet. */
export type RefExpr = Typed & { readonly k: 'ref'; readonly name: string };

export type Expr =
  | ValueExpr
  | VerdictExpr
  | PrefixExpr
  | RangeExpr
  | ConcatExpr
  | ListExpr
  | BinExpr
  | PayloadExpr
  | ExtExpr
  | MetaExpr
  | CtExpr
  | RtExpr
  | SocketExpr
  | OsfExpr
  | FibExpr
  | NumgenExpr
  | HashExpr
  | XfrmExpr
  | SetExpr
  | SetRefExpr
  | MapExpr
  | SymbolExpr
  | RefExpr;

/** An element of a set or map; times in ms. */
export interface Elem {
  /** Null: the catch-all `*`. */
  readonly key: Expr | null;
  readonly data: Expr | null;
  readonly comment: string | null;
  readonly timeout: number | null;
  readonly expires: number | null;
  readonly stmts: readonly Stmt[];
  readonly loc?: Loc;
}
