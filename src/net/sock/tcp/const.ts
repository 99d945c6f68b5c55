/** Constants of include/net/tcp.h, times in microseconds. */

import { MS, SEC } from '../../../sim/sim.ts';

export type TcpState =
  | 'CLOSE'
  | 'LISTEN'
  | 'SYN_SENT'
  | 'SYN_RECV'
  | 'ESTABLISHED'
  | 'FIN_WAIT1'
  | 'FIN_WAIT2'
  | 'CLOSE_WAIT'
  | 'CLOSING'
  | 'LAST_ACK'
  | 'TIME_WAIT';

export const TCP_RTO_MIN = 200 * MS;
export const TCP_RTO_MAX = 120 * SEC;
/** RFC 6298 2.1 */
export const TCP_TIMEOUT_INIT = 1 * SEC;
export const TCP_DELACK_MIN = 40 * MS;
export const TCP_DELACK_MAX = 200 * MS;
export const TCP_ATO_MIN = 40 * MS;
export const TCP_TIMEWAIT_LEN = 60 * SEC;
export const TCP_MAX_QUICKACKS = 16;
/** RFC 6928 */
export const TCP_INIT_CWND = 10;
export const TCP_MIN_MSS = 88;
export const TCP_MSS_DEFAULT = 536;
export const TCP_MAX_WSCALE = 14;
/** Answers to segments out of window go out at most once in this time (tcp_invalid_ratelimit). */
export const TCP_INVALID_RATELIMIT = 500 * MS;
/** Largest super-packet: 64 KiB less room for headers. */
export const GSO_MAX = 65_536 - 1 - 320;
export const TCP_PAWS_MSL = 60 * SEC;

/** One piece of the send queue: at most a super-packet. */
export interface TxSkb {
  seq: number;
  /** Sequence number after it, FIN and SYN counted. */
  end: number;
  parts: Uint8Array[];
  len: number;
  flags: number;
  /** When it was last sent, µs; -1 for not yet. */
  sentAt: number;
  retrans: number;
  sacked: boolean;
  lost: boolean;
}

/** The bytes of a queue entry, joined once. */
export function bytesOf(skb: TxSkb): Uint8Array {
  if (skb.parts.length === 1) return skb.parts[0] as Uint8Array;
  const out = new Uint8Array(skb.len);
  let at = 0;
  for (const p of skb.parts) {
    out.set(p, at);
    at += p.length;
  }
  skb.parts = [out];
  return out;
}

export function segments(skb: TxSkb, mss: number): number {
  return Math.max(1, Math.ceil(skb.len / mss));
}
