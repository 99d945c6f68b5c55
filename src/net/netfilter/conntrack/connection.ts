/** One tracked connection: two immutable tuples, status, timeout, marks, counters. Models struct nf_conn */

import type { Micros } from '../../../sim/sim.ts';
import type { TcpTrack } from './proto_tcp.ts';
import type { Tuple } from './tuple.ts';

export type Direction = 'original' | 'reply';
export type CtState = 'NEW' | 'ESTABLISHED' | 'RELATED' | 'INVALID';

/** What a packet is to its connection: enum ip_conntrack_info, as state and direction. */
export interface CtInfo {
  readonly state: CtState;
  readonly dir: Direction;
}

export class Connection {
  readonly id: number;
  readonly original: Tuple;
  /** Replaced (by a new tuple) only by NAT, before the connection is confirmed. */
  reply: Tuple;
  readonly zone: number;
  /** IPS_CONFIRMED: in the hash table. */
  confirmed = false;
  seenReply = false;
  assured = false;
  dying = false;
  /** The connection that expected this one (helpers), when RELATED. */
  master: Connection | null = null;
  mark = 0;
  /** 128 bits that `-m connlabel --set` sets. */
  labels = 0n;
  readonly created: Micros;
  /** Absolute end of life once confirmed, µs; a duration before that. */
  expires: Micros = 0;
  tcp: TcpTrack | null = null;
  /** State of an SCTP association made by hand; packets do not move it. */
  sctp: string | null = null;
  /** Made while nf_conntrack_timestamp was on. */
  stamped = false;
  /** UDP: since when it may count as a stream. */
  streamAt: Micros = 0;
  /** IPS_SRC_NAT, IPS_DST_NAT: that side of the packets is rewritten. */
  srcNat = false;
  dstNat = false;
  /** The nat table was asked for that side, or a null binding made. */
  srcNatDone = false;
  dstNatDone = false;
  /** Output interface of MASQUERADE: the connection ends when it is left or loses its address. */
  masqIfindex = 0;
  /** Changes that listeners were not told yet. */
  pending = false;
  packets = { original: 0, reply: 0 };
  bytes = { original: 0, reply: 0 };

  constructor(id: number, original: Tuple, reply: Tuple, created: Micros, zone = 0) {
    this.id = id;
    this.original = original;
    this.reply = reply;
    this.created = created;
    this.zone = zone;
  }

  tuple(dir: Direction): Tuple {
    return dir === 'original' ? this.original : this.reply;
  }
}
