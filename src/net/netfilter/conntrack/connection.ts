/** One tracked connection: two immutable tuples, status, timeout, marks, counters. Models struct nf_conn */

import type { Micros, Timer } from '../../../sim/sim.ts';
import type { NatBinding } from './nat.ts';
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
  /** Changed (to a new tuple) only by NAT, before the connection is confirmed. */
  reply: Tuple;
  readonly zone: number;
  /** IPS_CONFIRMED: in the hash table. */
  confirmed = false;
  seenReply = false;
  assured = false;
  dying = false;
  /** The connection that expected or caused this one, when RELATED. */
  master: Connection | null = null;
  mark = 0;
  readonly created: Micros;
  /** Absolute end of life, once confirmed; a duration before that. */
  expires: Micros = 0;
  timer: Timer | null = null;
  tcp: TcpTrack | null = null;
  /** UDP stream start for the two timeouts of nf_conntrack_proto_udp.c */
  streamAt: Micros = 0;
  nat: NatBinding = { src: null, dst: null, srcDone: false, dstDone: false, masqIfindex: 0 };
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
