/** What nf_tables tells those who watch: the way of traced packets, and changes of tables. Models nf_tables_trace.c and the NFNLGRP_NFTABLES group */

import type { Family } from '../../wire/addr.ts';
import type { Chain } from './xt/chain.ts';
import type { XtPacket } from './xt/packet.ts';
import type { Rule } from './xt/rule.ts';

/** One step of a packet with `meta nftrace set 1` (the TRACE target). */
export interface NfTraceStep {
  /** The same for all steps of one packet. */
  readonly id: number;
  readonly p: XtPacket;
  readonly table: string;
  readonly chain: string;
  /** The first step in a base chain comes with the packet as it is there. */
  readonly first: boolean;
  /** null: the base chain's policy. */
  readonly rule: Rule | null;
  /** `accept`, `drop`, `continue`, `return`, `jump X`, `goto X` */
  readonly verdict: string;
}

/** A committed transaction on one table of iptables-nft. */
export interface NfTableChange {
  readonly family: Family;
  readonly table: string;
  readonly tableHandle: number;
  readonly created: boolean;
  readonly before: ReadonlyMap<string, Chain>;
  readonly after: ReadonlyMap<string, Chain>;
}

export class NfWatchers {
  readonly steps = new Set<(step: NfTraceStep) => void>();
  readonly changes = new Set<(change: NfTableChange) => void>();
  /** Transactions so far: the generation id. */
  generation = 1;

  step(step: NfTraceStep): void {
    for (const tell of this.steps) tell(step);
  }

  changed(change: NfTableChange): void {
    this.generation++;
    for (const tell of this.changes) tell(change);
  }
}

/** nft_trace_init(): a number that looks like the kernel's hash of the packet. */
export function traceId(p: XtPacket): number {
  return Math.imul(p.skb.id + 1, 0x9e3779b1) >>> 0;
}
