/** Explicit congestion notification for TCP (RFC 3168). Models tcp_ecn_* of net/ipv4/tcp_output.c and tcp_input.c */

import { ACK, CWR, ECE, SYN, type Tcp } from '../../../wire/tcp.ts';
import type { TcpSocket } from './tcp.ts';

/** In the IP header's TOS: ECT(0), and the two bits that say CE together. */
const ECT0 = 2;
const ECN_MASK = 3;

/** tcp_ecn_send_syn(): asks for ECN where tcp_ecn is 1; not again once SYNs were lost (tcp_ecn_fallback). */
export function ecnOnSyn(sk: TcpSocket): number {
  if (sk.ns.sysctl.int('net.ipv4.tcp_ecn') !== 1) return 0;
  if (sk.retransmits > 0 && sk.ns.sysctl.int('net.ipv4.tcp_ecn_fallback') !== 0) return 0;
  sk.ecnOk = true;
  return ECE | CWR;
}

/** tcp_ecn_create_request(): both bits in a SYN that is not itself marked ask for ECN; tcp_ecn 1 and 2 agree. */
export function ecnRequested(sk: TcpSocket, t: Tcp, tos: number): void {
  const asks = (t.flags & (ECE | CWR)) === (ECE | CWR) && (tos & ECN_MASK) === 0;
  sk.ecnOk = asks && sk.ns.sysctl.int('net.ipv4.tcp_ecn') !== 0;
}

/** tcp_ecn_rcv_synack() */
export function ecnAnswered(sk: TcpSocket, t: Tcp): void {
  if ((t.flags & ECE) === 0 || (t.flags & CWR) !== 0) sk.ecnOk = false;
}

/** Flags and TOS bits that a segment carries. New data is marked as capable; what was seen congested is echoed until CWR comes. */
export function ecnOnSend(sk: TcpSocket, flags: number, fresh: boolean): { flags: number; tos: number } {
  if (!sk.ecnOk) return { flags, tos: 0 };
  if ((flags & SYN) !== 0) return { flags: (flags & ACK) !== 0 ? flags | ECE : flags, tos: 0 };
  let bits = flags;
  if (fresh && sk.ecnQueueCwr) {
    sk.ecnQueueCwr = false;
    bits |= CWR;
  }
  if (sk.ecnDemandCwr) bits |= ECE;
  return { flags: bits, tos: fresh ? ECT0 : 0 };
}

/** What a segment of the peer says: CE on its way here, CWR that our echo was heard, ECE that ours met congestion. */
export function ecnReceived(sk: TcpSocket, t: Tcp, tos: number): void {
  if (!sk.ecnOk) return;
  if ((t.flags & CWR) !== 0) sk.ecnDemandCwr = false;
  if ((tos & ECN_MASK) === ECN_MASK && t.payload.length > 0) {
    sk.ecnDemandCwr = true;
    sk.ackNow = true;
    sk.ackScheduled = true;
  }
  if ((t.flags & ECE) !== 0 && (t.flags & SYN) === 0 && sk.caState === 'open' && !sk.ecnQueueCwr) {
    sk.cong.recover();
    sk.ecnQueueCwr = true;
  }
}
