/** Incoming acknowledgements: window, round trip, selective ACKs, loss recovery. Models tcp_ack() of net/ipv4/tcp_input.c */

import { FIN, SYN, type Tcp } from '../../../wire/tcp.ts';
import { routeFor } from '../output.ts';
import { rttSample } from './cong.ts';
import { segments, type TxSkb } from './const.ts';
import { expectPlain } from './input.ts';
import { currentMss, inFlight, pushPending, retransmit, split, syncMss, timestamp } from './output.ts';
import { probeAcked, rackArrived, rackDetect, scheduleProbe } from './rack.ts';
import { add, after, before, diff } from './seq.ts';
import type { TcpSocket } from './tcp.ts';
import { armProbe, armRto, cancelRto } from './timer.ts';

/** Segments that must be seen beyond a hole before it counts as loss. */
const REORDERING = 3;

/** 'bad': an ACK for what was never sent, or far too old; the segment is dropped. */
export function processAck(sk: TcpSocket, t: Tcp, fast = false): 'ok' | 'old' | 'bad' {
  const ack = t.ack;
  if (before(ack, sk.sndUna)) {
    if (before(ack, add(sk.sndUna, -sk.maxWindow >>> 0))) return 'bad';
    markSacked(sk, t);
    return 'old';
  }
  if (after(ack, sk.sndNxt)) return 'bad';
  sk.lastHeard = sk.sim.now;
  sk.keepProbes = 0;
  const advanced = after(ack, sk.sndUna);
  if (advanced) {
    sk.retransmits = 0;
    sk.confirmPending = true;
  }
  if (sk.tsOk && t.options.timestamps && !after(t.seq, sk.rcvWup)) {
    if (diff(t.options.timestamps[0], sk.tsRecent) >= 0) {
      sk.tsRecent = t.options.timestamps[0];
      sk.tsRecentAt = sk.sim.now;
    }
  }
  if (fast && advanced) sk.ns.snmp.inc('TcpExtTCPHPAcks');
  else if (t.payload.length === 0 && (t.flags & (SYN | FIN)) === 0) sk.ns.snmp.inc('TcpExtTCPPureAcks');
  const priorWindow = sk.sndWnd;
  updateWindow(sk, t);
  const wasFlight = inFlight(sk);
  sk.sndUna = ack;
  const acked = advanced ? cleanRtxQueue(sk, t) : 0;
  const newlySacked = markSacked(sk, t);
  if (acked + newlySacked > 0) sk.ns.snmp.inc('TcpExtTCPDelivered', acked + newlySacked);
  const dup = !advanced && t.payload.length === 0 && sk.rtxQueue.length > 0 && sk.sndWnd === priorWindow;
  if (advanced) sk.dupAcks = 0;
  else if (dup || newlySacked > 0) sk.dupAcks++;
  probeAcked(sk, ack, advanced, newlySacked > 0);
  recover(sk, advanced);
  if (sk.caState === 'recovery') reduceRate(sk, acked + newlySacked, advanced);
  if (acked > 0 && sk.caState !== 'recovery')
    sk.cong.ack(sk, acked, sk.cwndLimited || wasFlight >= sk.cong.cwnd || sk.cong.cwnd < 2 * wasFlight);
  if (advanced) sk.cwndLimited = false;
  rearm(sk, advanced);
  resendLost(sk);
  if (advanced) sk.spaceFreed();
  return 'ok';
}

/** Models tcp_ack_update_window(). The window in a SYN is not scaled. */
function updateWindow(sk: TcpSocket, t: Tcp): void {
  const window = (t.flags & 2) !== 0 ? t.window : t.window * 2 ** sk.sndWscale;
  if (!after(t.ack, sk.sndUna) && !after(t.seq, sk.sndWl1) && !(t.seq === sk.sndWl1 && window > sk.sndWnd)) return;
  sk.sndWl1 = t.seq;
  if (sk.sndWnd === window) return;
  sk.sndWnd = window;
  expectPlain(sk);
  if (window > sk.maxWindow) {
    sk.maxWindow = window;
    if (sk.remote) {
      const r = routeFor(sk, { dst: sk.remote.addr, src: sk.local.addr, sport: sk.local.port, dport: sk.remote.port });
      if (r.ok) syncMss(sk, r.value);
    }
  }
}

/** Forgets what is acknowledged and measures the round trip. Returns acknowledged segments. */
function cleanRtxQueue(sk: TcpSocket, t: Tcp): number {
  const mss = currentMss(sk);
  let acked = 0;
  let sample = -1;
  let repeated = false;
  while (sk.rtxQueue.length > 0) {
    const s = sk.rtxQueue[0] as TxSkb;
    if (after(s.end, sk.sndUna)) {
      if (after(sk.sndUna, s.seq) && s.len > 0) {
        const n = diff(sk.sndUna, s.seq);
        acked += Math.floor(n / mss);
        split(sk.rtxQueue, 0, n);
        sk.rtxQueue.shift();
      }
      break;
    }
    if (!s.sacked && s.sentAt >= 0) rackArrived(sk, s);
    if (s.retrans > 0 || s.lost) repeated = true;
    else if (s.sentAt >= 0) sample = sk.sim.now - s.sentAt;
    if (!s.sacked) acked += segments(s, mss);
    sk.rtxQueue.shift();
  }
  const echo = t.options.timestamps?.[1];
  if (sample >= 0 && !repeated) rttSample(sk, sample);
  else if (sk.tsOk && echo !== undefined && echo !== 0) {
    const ms = diff(timestamp(sk), echo);
    if (ms >= 0) rttSample(sk, Math.max(1, ms) * 1000);
  }
  sk.backoff = 0;
  if (sk.rtxQueue.length === 0 || !repeated) sk.retransStamp = 0;
  return acked;
}

function markSacked(sk: TcpSocket, t: Tcp): number {
  const blocks = t.options.sack;
  if (!sk.sackOk || !blocks || sk.rtxQueue.length === 0) return 0;
  let n = 0;
  for (const [left, right] of blocks) {
    if (!after(right, sk.sndUna) || !before(left, sk.sndNxt) || before(left, sk.sndUna)) continue;
    for (let i = 0; i < sk.rtxQueue.length; i++) {
      const s = sk.rtxQueue[i] as TxSkb;
      if (s.sacked || !before(s.seq, right) || !after(s.end, left)) continue;
      if (before(s.seq, left)) {
        split(sk.rtxQueue, i, diff(left, s.seq));
        continue;
      }
      if (after(s.end, right) && diff(right, s.seq) < s.len) split(sk.rtxQueue, i, diff(right, s.seq));
      rackArrived(sk, s);
      s.sacked = true;
      s.lost = false;
      n += segments(s, currentMss(sk));
    }
  }
  return n;
}

/** Finds losses and moves between open, recovery and loss. Models tcp_fastretrans_alert(). */
function recover(sk: TcpSocket, advanced: boolean): void {
  if (sk.caState !== 'open' && !before(sk.sndUna, sk.highSeq)) {
    if (sk.caState === 'recovery') sk.cong.cwnd = Math.max(1, Math.min(sk.cong.ssthresh, sk.cong.cwnd));
    sk.caState = 'open';
  }
  if (sk.rtxQueue.length === 0) return;
  const mss = currentMss(sk);
  let found = rackDetect(sk);
  let beyond = 0;
  for (let i = sk.rtxQueue.length - 1; i >= 0; i--) {
    const s = sk.rtxQueue[i] as TxSkb;
    if (s.sacked) beyond += segments(s, mss);
    else if (!s.lost && beyond >= REORDERING) {
      s.lost = true;
      s.retrans = 0;
      found = true;
    }
  }
  const head = sk.rtxQueue[0] as TxSkb;
  const newReno = !sk.sackOk && sk.dupAcks >= REORDERING;
  const partial = sk.caState === 'recovery' && advanced && !sk.sackOk;
  if ((newReno || partial) && !head.lost && !head.sacked) {
    if (head.len > mss) split(sk.rtxQueue, 0, mss);
    head.lost = true;
    head.retrans = 0;
    found = true;
  }
  if (found && sk.caState === 'open') {
    sk.caState = 'recovery';
    sk.highSeq = sk.sndNxt;
    sk.tlpHighSeq = null;
    sk.prrDelivered = 0;
    sk.prrOut = 0;
    sk.cong.recover();
    sk.ns.snmp.inc(sk.sackOk ? 'TcpExtTCPSackRecovery' : 'TcpExtTCPRenoRecovery');
  }
}

/** Proportional rate reduction: what arrives decides how much goes out (RFC 6937). Models tcp_cwnd_reduction(). */
function reduceRate(sk: TcpSocket, delivered: number, advanced: boolean): void {
  sk.prrDelivered += delivered;
  const flight = inFlight(sk);
  const room = sk.cong.ssthresh - flight;
  let count = Math.max(sk.prrDelivered - sk.prrOut, delivered) + (advanced ? 1 : 0);
  if (room < 0) count = Math.max(0, Math.ceil((sk.prrDelivered * sk.cong.ssthresh) / Math.max(1, sk.cong.priorCwnd)) - sk.prrOut);
  else count = Math.min(room, count);
  sk.cong.cwnd = flight + Math.max(count, sk.prrOut > 0 ? 0 : 1);
}

/** The reordering window has passed: what has not come by now is lost. */
export function reorderFired(sk: TcpSocket): void {
  recover(sk, false);
  if (sk.caState === 'recovery') reduceRate(sk, 0, false);
  resendLost(sk);
  if (!sk.rtoTimer?.run && sk.rtxQueue.length > 0) armRto(sk, sk.rto);
}

function resendLost(sk: TcpSocket): void {
  for (let i = 0; i < sk.rtxQueue.length; i++) {
    const s = sk.rtxQueue[i] as TxSkb;
    if (!s.lost || s.sacked || s.retrans > 0) continue;
    const room = sk.cong.cwnd - inFlight(sk);
    if (room <= 0) break;
    retransmit(sk, i, room);
  }
}

function rearm(sk: TcpSocket, advanced: boolean): void {
  if (sk.rtxQueue.length > 0) {
    if (sk.rtoMode === 'reorder' && sk.rtoTimer?.run) return;
    if ((advanced || !sk.rtoTimer?.run) && !scheduleProbe(sk, true)) armRto(sk, sk.rto);
    return;
  }
  if (sk.rtoMode !== 'probe') cancelRto(sk);
  const head = sk.writeQueue[0];
  if (!head) {
    cancelRto(sk);
    sk.probes = 0;
    return;
  }
  const room = diff(add(sk.sndUna, sk.sndWnd), head.seq);
  if (room >= Math.min(head.len, currentMss(sk))) {
    sk.probes = 0;
    cancelRto(sk);
  } else if (sk.rtoMode === 'probe' || !sk.rtoTimer?.run) {
    if (sk.rtoTimer?.run) sk.probes = 0;
    armProbe(sk);
  }
}

/** A smaller path MTU was learned: what is too large goes out again in smaller pieces, without blame to congestion. */
export function simpleRetransmit(sk: TcpSocket): void {
  const mss = currentMss(sk);
  for (const s of sk.rtxQueue) {
    if (s.sacked || s.len <= mss) continue;
    s.lost = true;
    s.retrans = 0;
  }
  if (sk.caState !== 'loss') {
    sk.caState = 'loss';
    sk.highSeq = sk.sndNxt;
  }
  resendLost(sk);
  pushPending(sk);
}
