/** What `nft monitor trace` is told: each rule that a traced packet met, and how it ended. Models net/netfilter/nf_tables_trace.c */

import { traceId } from '../nftrace.ts';
import type { XtPacket } from '../xt/packet.ts';
import type { NftChain, NftFamily, NftRule, NftTable } from './table.ts';

export interface TracedPacket {
  readonly iif: string | null;
  readonly oif: string | null;
  readonly bytes: Uint8Array;
  readonly ethSrc: number;
  readonly ethDst: number;
  readonly vlan: number | null;
  readonly proto: number;
  readonly l4: number;
  readonly l4proto: number;
  readonly frag: number;
  readonly family: 4 | 6;
}

export interface NftTrace {
  /** The same for all events of a packet. */
  readonly id: number;
  readonly type: 'rule' | 'policy';
  readonly family: NftFamily;
  readonly table: string;
  readonly chain: string;
  readonly rule: NftRule | null;
  readonly verdict: string;
  readonly mark: number;
  /** With the first event of a packet in a base chain: its headers and devices. */
  readonly packet: TracedPacket | null;
}

export type TraceSink = (event: NftTrace) => void;

export function traceEvent(
  p: XtPacket,
  type: NftTrace['type'],
  table: NftTable,
  chain: NftChain,
  rule: NftRule | null,
  verdict: string,
  withPacket: boolean,
): NftTrace {
  const { skb } = p;
  return {
    id: traceId(p),
    type,
    family: table.family,
    table: table.name,
    chain: chain.name,
    rule,
    verdict,
    mark: skb.mark,
    packet: withPacket
      ? {
          iif: p.in?.name ?? null,
          oif: p.out?.name ?? null,
          bytes: skb.data.slice(),
          ethSrc: skb.ethSrc,
          ethDst: skb.ethDst,
          vlan: skb.vlan,
          proto: skb.proto,
          l4: p.l4,
          l4proto: p.proto,
          frag: p.frag,
          family: p.family,
        }
      : null,
  };
}
