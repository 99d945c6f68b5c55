/** TCP's timers: retransmission, window probe, delayed ACK, keepalive, FIN_WAIT2 and TIME_WAIT. Models net/ipv4/tcp_timer.c, kernel/time/timer.c */

import type { Micros } from '../../../sim/sim.ts';
import { SEC } from '../../../sim/sim.ts';
import { wheelTime } from '../../wheel.ts';
import { reorderFired } from './ack.ts';
import { TCP_RTO_MAX, TCP_RTO_MIN, TCP_TIMEWAIT_LEN } from './const.ts';
import { inFlight, retransmit, sendAck, sendActiveReset, sendPartial, sendProbe } from './output.ts';
import { sendLossProbe } from './rack.ts';
import { add, before, diff } from './seq.ts';
import type { TcpSocket } from './tcp.ts';

export function armRto(sk: TcpSocket, delay: Micros): void {
  armTimer(sk, 'retrans', delay);
}

/** One timer serves four purposes, as icsk_pending says in Linux; the latest wins. */
export function armTimer(sk: TcpSocket, mode: TcpSocket['rtoMode'], delay: Micros): void {
  sk.sim.cancel(sk.rtoTimer);
  sk.rtoMode = mode;
  sk.rtoTimer = sk.sim.call(wheelTime(sk.sim.now, Math.min(delay, TCP_RTO_MAX)), rtoFired, sk, undefined);
}

export function cancelRto(sk: TcpSocket): void {
  sk.sim.cancel(sk.rtoTimer);
  sk.rtoTimer = null;
}

export function armProbe(sk: TcpSocket): void {
  armTimer(sk, 'probe', Math.max(sk.rto, TCP_RTO_MIN) * 2 ** Math.min(sk.backoff, 12));
}

export function stopTimers(sk: TcpSocket): void {
  sk.sim.cancel(sk.rtoTimer);
  sk.sim.cancel(sk.delackTimer);
  sk.sim.cancel(sk.keepTimer);
  sk.sim.cancel(sk.twTimer);
  sk.rtoTimer = null;
  sk.delackTimer = null;
  sk.keepTimer = null;
  sk.twTimer = null;
}

function limit(sk: TcpSocket, key: string, fallback: number): number {
  return sk.ns.sysctl.numbers(key)[0] ?? fallback;
}

/** Time after which `boundary` retransmissions with exponential back-off have failed. Models tcp_model_timeout(). */
function modelTimeout(boundary: number): Micros {
  const linear = Math.floor(Math.log2(TCP_RTO_MAX / TCP_RTO_MIN));
  if (boundary <= linear) return (2 ** (boundary + 1) - 1) * TCP_RTO_MIN;
  return (2 ** (linear + 1) - 1) * TCP_RTO_MIN + (boundary - linear) * TCP_RTO_MAX;
}

/** True, and the connection is gone, when it is time to give up. Models tcp_write_timeout(). */
function gaveUp(sk: TcpSocket): boolean {
  let expired: boolean;
  if (sk.state === 'SYN_SENT') {
    const tries = sk.opt.synCnt ?? limit(sk, 'net.ipv4.tcp_syn_retries', 6);
    expired = sk.retransmits >= tries + limit(sk, 'net.ipv4.tcp_syn_linear_timeouts', 4);
  } else if (sk.state === 'SYN_RECV') {
    expired = sk.retransmits >= limit(sk, 'net.ipv4.tcp_synack_retries', 5);
  } else {
    const tries = sk.orphan ? limit(sk, 'net.ipv4.tcp_orphan_retries', 0) || 8 : limit(sk, 'net.ipv4.tcp_retries2', 15);
    const most = sk.opt.userTimeout !== null && sk.opt.userTimeout > 0 ? sk.opt.userTimeout * 1000 : modelTimeout(tries);
    expired = sk.retransmits > 0 && sk.retransStamp > 0 && sk.sim.now - sk.retransStamp >= most;
  }
  if (!expired) return false;
  sk.ns.snmp.inc('TcpExtTCPAbortOnTimeout');
  if (sk.parent && sk.state === 'SYN_RECV') sk.destroy();
  else sk.abort(sk.softError ?? 'ETIMEDOUT');
  return true;
}

function rtoFired(sk: TcpSocket): void {
  sk.rtoTimer = null;
  if (sk.state === 'CLOSE' || sk.state === 'LISTEN' || sk.state === 'TIME_WAIT') return;
  if (sk.rtoMode === 'probe') {
    probeFired(sk);
    return;
  }
  if (sk.rtxQueue.length === 0) return;
  if (sk.rtoMode === 'loss') {
    sendLossProbe(sk);
    return;
  }
  if (sk.rtoMode === 'reorder') {
    reorderFired(sk);
    return;
  }
  if (sk.parent === null) sk.ns.snmp.inc('TcpExtTCPTimeouts');
  if (gaveUp(sk)) return;
  sk.newTxHash();
  enterLoss(sk);
  retransmit(sk, 0);
  sk.retransmits++;
  const linear = sk.state === 'SYN_SENT' && sk.retransmits <= limit(sk, 'net.ipv4.tcp_syn_linear_timeouts', 4);
  if (!linear) {
    sk.backoff++;
    sk.rto = Math.min(sk.rto * 2, TCP_RTO_MAX);
  }
  armRto(sk, sk.rto);
}

/** After a time-out everything outstanding counts as lost (RFC 5681 3.1). Models tcp_enter_loss(). */
function enterLoss(sk: TcpSocket): void {
  if (sk.caState !== 'loss' || sk.sndUna === sk.highSeq) sk.cong.timeout();
  else sk.cong.cwnd = 1;
  sk.caState = 'loss';
  sk.tlpHighSeq = null;
  sk.highSeq = sk.sndNxt;
  sk.dupAcks = 0;
  for (const s of sk.rtxQueue) {
    if (s.sacked) continue;
    s.lost = true;
    s.retrans = 0;
  }
}

/** Zero window: ask again and again whether it has opened (RFC 9293 3.8.6.1). */
function probeFired(sk: TcpSocket): void {
  const head = sk.writeQueue[0];
  if (!head || sk.rtxQueue.length > 0) {
    sk.probes = 0;
    return;
  }
  const most = sk.orphan ? 8 : limit(sk, 'net.ipv4.tcp_retries2', 15);
  if (sk.probes >= most) {
    sk.abort(sk.softError ?? 'ETIMEDOUT');
    return;
  }
  if (before(head.seq, windowEnd(sk))) {
    sendPartial(sk, diff(windowEnd(sk), head.seq));
    return;
  }
  sendProbe(sk);
  sk.probes++;
  sk.backoff++;
  armProbe(sk);
}

/** The delayed ACK is due. */
export function delackTimer(sk: TcpSocket): void {
  sk.delackTimer = null;
  if (sk.state === 'CLOSE' || sk.state === 'LISTEN' || !sk.ackScheduled) return;
  if (sk.pingpong === 0) {
    sk.ato = Math.min(sk.ato * 2, sk.rto);
  } else {
    sk.pingpong = 0;
    sk.ato = 40_000;
  }
  sk.ns.snmp.inc('TcpExtDelayedACKs');
  sendAck(sk);
}

/** (Re)starts or stops the keepalive timer after SO_KEEPALIVE was set. */
export function keepaliveTimer(sk: TcpSocket): void {
  sk.sim.cancel(sk.keepTimer);
  sk.keepTimer = null;
  if (!sk.opt.keepalive || sk.state === 'CLOSE' || sk.state === 'LISTEN' || sk.state === 'SYN_SENT') return;
  sk.keepProbes = 0;
  armKeepalive(sk, keepIdle(sk));
}

function keepIdle(sk: TcpSocket): Micros {
  return (sk.opt.keepIdle ?? limit(sk, 'net.ipv4.tcp_keepalive_time', 7200)) * SEC;
}

function armKeepalive(sk: TcpSocket, delay: Micros): void {
  sk.keepTimer = sk.sim.at(wheelTime(sk.sim.now, delay), () => keepaliveFired(sk));
}

function keepaliveFired(sk: TcpSocket): void {
  sk.keepTimer = null;
  if (sk.state === 'CLOSE' || sk.state === 'LISTEN' || sk.state === 'SYN_SENT' || sk.state === 'TIME_WAIT') return;
  const idle = keepIdle(sk);
  if (inFlight(sk) > 0 || sk.writeQueue.length > 0) {
    armKeepalive(sk, idle);
    return;
  }
  const elapsed = sk.sim.now - Math.max(sk.lastReceived, sk.lastHeard);
  if (elapsed < idle) {
    sk.keepProbes = 0;
    armKeepalive(sk, idle - elapsed);
    return;
  }
  if (sk.keepProbes >= (sk.opt.keepCnt ?? limit(sk, 'net.ipv4.tcp_keepalive_probes', 9))) {
    sendActiveReset(sk);
    sk.abort(sk.softError ?? 'ETIMEDOUT');
    return;
  }
  sendProbe(sk);
  sk.keepProbes++;
  armKeepalive(sk, (sk.opt.keepIntvl ?? limit(sk, 'net.ipv4.tcp_keepalive_intvl', 75)) * SEC);
}

/** From here on Linux keeps a smaller socket of it; counted once. */
function countTimeWait(sk: TcpSocket): void {
  if (!sk.timeWaited) sk.ns.snmp.inc('TcpExtTW');
  sk.timeWaited = true;
}

/** An orphan waits for the peer's FIN only so long (tcp_fin_timeout). */
export function finWait2Timer(sk: TcpSocket): void {
  countTimeWait(sk);
  sk.sim.cancel(sk.twTimer);
  const delay = limit(sk, 'net.ipv4.tcp_fin_timeout', 60) * SEC;
  sk.twTimer = sk.sim.at(wheelTime(sk.sim.now, delay), () => {
    sk.twTimer = null;
    sk.destroy();
  });
}

/** 60 seconds in which late segments of the connection are still known (RFC 9293 3.6.1). */
export function enterTimeWait(sk: TcpSocket): void {
  countTimeWait(sk);
  stopTimers(sk);
  sk.writeQueue.length = 0;
  sk.rtxQueue.length = 0;
  sk.writeShutdown = true;
  sk.setState('TIME_WAIT');
  restartTimeWait(sk);
  sk.wq.wakeAll();
}

export function restartTimeWait(sk: TcpSocket): void {
  sk.sim.cancel(sk.twTimer);
  sk.twTimer = sk.sim.call(wheelTime(sk.sim.now, TCP_TIMEWAIT_LEN), timeWaitOver, sk, undefined);
}

function timeWaitOver(sk: TcpSocket): void {
  sk.twTimer = null;
  if (sk.orphan) sk.destroy();
  else sk.done();
}

/** The right edge of what may be sent. */
function windowEnd(sk: TcpSocket): number {
  return add(sk.sndUna, sk.sndWnd);
}
