/** Loss found by time: RACK marks what was sent before something that arrived, a tail loss probe asks when nothing comes back (RFC 8985). Models tcp_recovery.c */

import { segments, TCP_RTO_MIN, TCP_TIMEOUT_INIT, type TxSkb } from './const.ts';
import { currentMss, packetsOut, pushPending, retransmit, split } from './output.ts';
import { before } from './seq.ts';
import type { TcpSocket } from './tcp.ts';
import { armRto, armTimer } from './timer.ts';

/** Two jiffies. */
const TIMEOUT_MIN = 8_000;
const REORDERING = 3;

/** `s` has arrived, by ACK or SACK: anything sent earlier should have too. */
export function rackArrived(sk: TcpSocket, s: TxSkb): void {
  const rtt = sk.sim.now - s.sentAt;
  if (s.retrans > 0 && rtt < sk.minRtt) return;
  sk.rackRtt = rtt;
  if (s.sentAt > sk.rackTime || (s.sentAt === sk.rackTime && before(sk.rackEnd, s.end))) {
    sk.rackTime = s.sentAt;
    sk.rackEnd = s.end;
  }
}

function reorderWindow(sk: TcpSocket): number {
  if (sk.caState !== 'open') return 0;
  const mss = currentMss(sk);
  let sacked = 0;
  for (const s of sk.rtxQueue) if (s.sacked) sacked += segments(s, mss);
  return sacked >= REORDERING ? 0 : Math.min(sk.minRtt / 4, sk.srtt);
}

/** Marks what is overdue. Returns whether something was found; what may still come is looked at again a little later. */
export function rackDetect(sk: TcpSocket): boolean {
  if (!sk.sackOk || sk.rackTime < 0) return false;
  const window = reorderWindow(sk);
  let found = false;
  let wait = 0;
  for (const s of sk.rtxQueue) {
    if (s.sacked || (s.lost && s.retrans === 0)) continue;
    if (!(s.sentAt < sk.rackTime || (s.sentAt === sk.rackTime && before(s.end, sk.rackEnd)))) continue;
    const left = s.sentAt + sk.rackRtt + window - sk.sim.now;
    if (left <= 0) {
      s.lost = true;
      s.retrans = 0;
      found = true;
    } else wait = Math.max(wait, left);
  }
  if (wait > 0) armTimer(sk, 'reorder', wait + TIMEOUT_MIN);
  return found;
}

/** Replaces the retransmission timer by an earlier probe while all is well. Models tcp_schedule_loss_probe(). */
export function scheduleProbe(sk: TcpSocket, restart: boolean): boolean {
  const mode = sk.ns.sysctl.int('net.ipv4.tcp_early_retrans');
  if ((mode !== 3 && mode !== 4) || !sk.sackOk || sk.caState !== 'open' || sk.rtxQueue.length === 0) return false;
  let delay = TCP_TIMEOUT_INIT;
  if (sk.srtt > 0) delay = 2 * sk.srtt + (packetsOut(sk) === 1 ? TCP_RTO_MIN : TIMEOUT_MIN);
  const left = restart ? sk.rto : (sk.rtxQueue[0] as TxSkb).sentAt + sk.rto - sk.sim.now;
  if (left > 0) delay = Math.min(delay, left);
  armTimer(sk, 'loss', delay);
  return true;
}

/** The probe is due: new data when there is some, else the last segment again. Models tcp_send_loss_probe(). */
export function sendLossProbe(sk: TcpSocket): void {
  const last = sk.rtxQueue.length - 1;
  if (sk.tlpHighSeq === null && last >= 0) {
    const before = sk.rtxQueue.length;
    sk.tlpRetrans = false;
    if (sk.writeQueue.length > 0) pushPending(sk, true);
    if (sk.rtxQueue.length === before) {
      const mss = currentMss(sk);
      const skb = sk.rtxQueue[last] as TxSkb;
      const count = segments(skb, mss);
      if (count > 1) split(sk.rtxQueue, last, (count - 1) * mss);
      // The time after which a connection is given up does not begin with a probe.
      const stamp = sk.retransStamp;
      retransmit(sk, sk.rtxQueue.length - 1);
      sk.retransStamp = stamp;
      sk.tlpRetrans = true;
    }
    sk.tlpHighSeq = sk.sndNxt;
    sk.ns.snmp.inc('TcpExtTCPLossProbes');
  }
  armRto(sk, sk.rto);
}

/** An ACK after a probe: it tells whether the tail had been lost. Models tcp_process_tlp_ack(). */
export function probeAcked(sk: TcpSocket, ack: number, advanced: boolean, sacked: boolean): void {
  if (sk.tlpHighSeq === null || before(ack, sk.tlpHighSeq)) return;
  if (sk.tlpRetrans && before(sk.tlpHighSeq, ack)) {
    sk.cong.recover();
    sk.ns.snmp.inc('TcpExtTCPLossProbeRecovery');
    sk.tlpHighSeq = null;
  } else if (!sk.tlpRetrans || (!advanced && !sacked)) sk.tlpHighSeq = null;
  else if (sk.rtxQueue.length === 0) sk.tlpHighSeq = null;
}
