/** Statements of a rule, with what they keep between packets. Models nftables/src/statement.c and the nft_* modules' private data */

import type { CtExpr, Expr, ExtExpr, Loc, MetaExpr, Op, PayloadExpr } from './expr.ts';

export type MatchStmt = { readonly s: 'match'; readonly op: Op; readonly left: Expr; readonly right: Expr; readonly loc?: Loc };
/** A verdict or a verdict map. */
export type VerdictStmt = { readonly s: 'verdict'; readonly expr: Expr };
export type CounterStmt = { readonly s: 'counter'; packets: number; bytes: number };
export type LimitStmt = {
  readonly s: 'limit';
  /** Packets or bytes in a unit. */
  readonly rate: number;
  readonly unit: LimitUnit;
  readonly burst: number;
  readonly bytes: boolean;
  readonly over: boolean;
};
export type LimitUnit = 'second' | 'minute' | 'hour' | 'day' | 'week';
export type QuotaStmt = { readonly s: 'quota'; readonly bytes: number; readonly over: boolean; used: number };
/** When the rule was met last, µs; null for never. */
export type LastStmt = { readonly s: 'last'; at: number | null };
export type ConnlimitStmt = { readonly s: 'connlimit'; readonly count: number; readonly over: boolean };
export type LogStmt = {
  readonly s: 'log';
  readonly prefix: string | null;
  readonly level: number | null;
  readonly flags: number;
  readonly group: number | null;
  readonly snaplen: number | null;
  readonly threshold: number | null;
};
export type RejectStmt = {
  readonly s: 'reject';
  readonly kind: 'icmp' | 'icmpv6' | 'icmpx' | 'tcp' | null;
  readonly code: number;
  /** The code as written, not understood yet. */
  readonly symbol?: Expr;
  readonly loc?: Loc;
};
export type NatKind = 'snat' | 'dnat' | 'masquerade' | 'redirect';
export type NatStmt = {
  readonly s: 'nat';
  readonly what: NatKind;
  readonly family: 'ip' | 'ip6' | null;
  readonly addr: Expr | null;
  readonly port: Expr | null;
  readonly flags: readonly ('random' | 'fully-random' | 'persistent')[];
  /** `prefix to`, `interval to` */
  readonly form: 'prefix' | 'interval' | null;
  /** The address expression carries the port as well: a map to concatenations. */
  readonly concat: boolean;
  readonly loc?: Loc;
};
export type TproxyStmt = {
  readonly s: 'tproxy';
  readonly family: 'ip' | 'ip6' | null;
  readonly addr: Expr | null;
  readonly port: Expr | null;
  readonly loc?: Loc;
};
export type QueueStmt = {
  readonly s: 'queue';
  readonly num: Expr | null;
  readonly flags: readonly ('bypass' | 'fanout')[];
  readonly to: boolean;
};
export type DupStmt = { readonly s: 'dup'; readonly addr: Expr | null; readonly dev: Expr | null };
export type FwdStmt = { readonly s: 'fwd'; readonly family: 'ip' | 'ip6' | null; readonly addr: Expr | null; readonly dev: Expr };
export type NotrackStmt = { readonly s: 'notrack' };
/** `meta mark set …`, `tcp dport set …` */
export type AssignStmt = {
  readonly s: 'assign';
  readonly target: MetaExpr | CtExpr | PayloadExpr | ExtExpr;
  readonly value: Expr;
  readonly loc?: Loc;
};
export type ResetOptStmt = { readonly s: 'resetopt'; readonly target: ExtExpr };
export type SetStmt = {
  readonly s: 'setop';
  readonly op: 'add' | 'update' | 'delete';
  readonly set: Expr;
  readonly key: Expr;
  readonly data: Expr | null;
  readonly timeout: number | null;
  readonly stmts: readonly Stmt[];
  /** Written as `meter NAME size N { … }`. */
  readonly meter: boolean;
  readonly comment: string | null;
  readonly loc?: Loc;
};
export type ObjKind = 'counter' | 'quota' | 'limit' | 'ct helper' | 'ct timeout' | 'ct expectation' | 'synproxy' | 'secmark';
export type ObjrefStmt = { readonly s: 'objref'; readonly kind: ObjKind; readonly expr: Expr; readonly loc?: Loc };
export type SynproxyStmt = {
  readonly s: 'synproxy';
  readonly mss: number | null;
  readonly wscale: number | null;
  readonly timestamp: boolean;
  readonly sackPerm: boolean;
};
export type FlowStmt = { readonly s: 'flow'; readonly name: string; readonly loc?: Loc };
/** An extension of iptables that nft cannot translate. */
export type XtStmt = { readonly s: 'xt'; readonly kind: 'match' | 'target'; readonly name: string };
/** Text that an extension of iptables gives for itself. */
export type TextStmt = { readonly s: 'text'; readonly text: string };

export type Stmt =
  | MatchStmt
  | VerdictStmt
  | CounterStmt
  | LimitStmt
  | QuotaStmt
  | LastStmt
  | ConnlimitStmt
  | LogStmt
  | RejectStmt
  | NatStmt
  | TproxyStmt
  | QueueStmt
  | DupStmt
  | FwdStmt
  | NotrackStmt
  | AssignStmt
  | ResetOptStmt
  | SetStmt
  | ObjrefStmt
  | SynproxyStmt
  | FlowStmt
  | XtStmt
  | TextStmt;
