/** A segment for a connection: checks, state machine, answers. Models tcp_rcv_state_process() of net/ipv4/tcp_input.c */

import { ACK, FIN, PSH, RST, SYN, type Tcp } from '../../../wire/tcp.ts';
import type { Skb } from '../../skb.ts';
import { routeFor } from '../output.ts';
import { processAck } from './ack.ts';
import { rttSample } from './cong.ts';
import { TCP_INIT_CWND, TCP_INVALID_RATELIMIT, TCP_MAX_WSCALE, TCP_MSS_DEFAULT, TCP_PAWS_MSL } from './const.ts';
import { ackCheck, initialRcvMss, queueData } from './data.ts';
import { ecnAnswered, ecnReceived, ecnRequested } from './ecn.ts';
import { pushPending, resendSyn, sendAck, syncMss } from './output.ts';
import { sendReset } from './reset.ts';
import { add, after, before, diff } from './seq.ts';
import type { TcpSocket } from './tcp.ts';
import { armRto, cancelRto, enterTimeWait, finWait2Timer, keepaliveTimer, restartTimeWait } from './timer.ts';
import { initBufferSpace, receiveWindow } from './window.ts';

function endOf(t: Tcp): number {
  return add(t.seq, t.payload.length + ((t.flags & SYN) !== 0 ? 1 : 0) + ((t.flags & FIN) !== 0 ? 1 : 0));
}

/** Takes over what the peer's SYN says about options. Options count only when both sides sent them (RFC 7323). */
export function takeSynOptions(sk: TcpSocket, t: Tcp): void {
  const o = t.options;
  sk.mssClamp = Math.min(o.mss ?? TCP_MSS_DEFAULT, sk.opt.maxSeg ?? 65_535);
  sk.tsOk = sk.tsOk && o.timestamps !== undefined;
  sk.sackOk = sk.sackOk && o.sackPermitted === true;
  sk.wscaleOk = sk.wscaleOk && o.wscale !== undefined;
  sk.sndWscale = sk.wscaleOk ? Math.min(o.wscale ?? 0, TCP_MAX_WSCALE) : 0;
  if (!sk.wscaleOk) sk.rcvWscale = 0;
  if (sk.tsOk && o.timestamps) {
    sk.tsRecent = o.timestamps[0];
    sk.tsRecentAt = sk.sim.now;
  }
  sk.irs = t.seq;
  sk.rcvNxt = add(t.seq, 1);
  sk.rcvWup = sk.rcvNxt;
  sk.copiedSeq = sk.rcvNxt;
}

/** Both SYNs are acknowledged: sizes, buffers and congestion window for the transfer. */
export function established(sk: TcpSocket): void {
  if (sk.remote) {
    const r = routeFor(sk, { dst: sk.remote.addr, src: sk.local.addr, sport: sk.local.port, dport: sk.remote.port });
    if (r.ok) syncMss(sk, r.value);
  }
  initBufferSpace(sk);
  initialRcvMss(sk);
  sk.cong.cwnd = sk.totalRetrans > 1 ? 1 : TCP_INIT_CWND;
  sk.cong.ssthresh = Number.POSITIVE_INFINITY;
  sk.caState = 'open';
  sk.lastReceived = sk.sim.now;
  sk.lastHeard = sk.sim.now;
  sk.retransmits = 0;
  sk.backoff = 0;
  sk.retransStamp = 0;
  if (sk.parent !== null || sk.sndWscale === 0) expectPlain(sk);
  sk.setState('ESTABLISHED');
  keepaliveTimer(sk);
}

/** The SYN in the retransmission queue was acknowledged: its round trip is the first sample. */
export function synAcked(sk: TcpSocket, ack: number): void {
  const syn = sk.rtxQueue.shift();
  if (syn && sk.retransmits === 0) rttSample(sk, sk.sim.now - syn.sentAt);
  else sk.rto = 1_000_000;
  sk.sndUna = ack;
  sk.confirmPending = true;
  cancelRto(sk);
}

/** Everything but LISTEN, TIME_WAIT and handshakes of a listener. */
export function receiveSegment(sk: TcpSocket, t: Tcp, skb: Skb): void {
  if (sk.state === 'CLOSE') return;
  if (sk.state === 'SYN_SENT') {
    synSent(sk, t, skb);
    return;
  }
  if (!acceptable(sk, t)) return;
  if ((t.flags & ACK) === 0) return;
  if (sk.state === 'SYN_RECV') {
    if (t.ack !== sk.sndNxt) {
      sendReset(skb);
      return;
    }
    synAcked(sk, t.ack);
    sk.sndWl1 = t.seq;
    sk.sndWnd = t.window * 2 ** sk.sndWscale;
    sk.maxWindow = sk.sndWnd;
    established(sk);
    sk.connected();
  }
  ecnReceived(sk, t, skb.tos());
  const result = processAck(sk, t, predicted(sk, t));
  if (result === 'bad') {
    challengeAck(sk);
    return;
  }
  if (afterAck(sk, t, skb)) return;
  const payload = t.payload;
  if (
    sk.orphan &&
    payload.length > 0 &&
    after(add(t.seq, payload.length), sk.rcvNxt) &&
    (sk.state === 'FIN_WAIT1' || sk.state === 'FIN_WAIT2')
  ) {
    sk.ns.snmp.inc('TcpExtTCPAbortOnData');
    sk.destroy();
    sendReset(skb);
    return;
  }
  switch (sk.state) {
    case 'ESTABLISHED':
    case 'FIN_WAIT1':
    case 'FIN_WAIT2':
      queueData(sk, t.seq, payload, (t.flags & FIN) !== 0, skb.gsoSize);
      break;
    case 'CLOSE_WAIT':
    case 'CLOSING':
    case 'LAST_ACK':
      if (before(t.seq, sk.rcvNxt) && endOf(t) !== t.seq) {
        sk.ackScheduled = true;
        sk.ackNow = true;
      }
      break;
    default:
      break;
  }
  pushPending(sk);
  ackCheck(sk);
}

/** tcp_rcv_established()'s fast path: nothing but the expected next segment. */
function predicted(sk: TcpSocket, t: Tcp): boolean {
  return (
    sk.state === 'ESTABLISHED' &&
    sk.predictedWindow === t.window &&
    (t.flags & ~PSH) === ACK &&
    t.seq === sk.rcvNxt &&
    !after(t.ack, sk.sndNxt) &&
    t.options.sack === undefined
  );
}

/** tcp_fast_path_check() */
export function expectPlain(sk: TcpSocket): void {
  sk.predictedWindow = sk.ofo.length === 0 && sk.rcvWnd > 0 ? Math.floor(sk.sndWnd / 2 ** sk.sndWscale) : -1;
}

/** Our FIN may have been acknowledged. True when the segment needs nothing more. */
function afterAck(sk: TcpSocket, t: Tcp, skb: Skb): boolean {
  const finAcked = sk.sndUna === sk.writeSeq;
  switch (sk.state) {
    case 'FIN_WAIT1':
      if (!finAcked) return false;
      sk.setState('FIN_WAIT2');
      if (!sk.orphan) {
        sk.wq.wakeAll();
        return false;
      }
      if (t.payload.length > 0 && after(add(t.seq, t.payload.length), sk.rcvNxt)) {
        sk.destroy();
        sendReset(skb);
        return true;
      }
      finWait2Timer(sk);
      return false;
    case 'CLOSING':
      if (!finAcked) return false;
      enterTimeWait(sk);
      return true;
    case 'LAST_ACK':
      if (!finAcked) return false;
      if (sk.orphan) sk.destroy();
      else sk.done();
      return true;
    default:
      return false;
  }
}

/** tcp_validate_incoming(): PAWS, window, RST and SYN in a connection (RFC 9293 3.10.7.4, RFC 5961). */
function acceptable(sk: TcpSocket, t: Tcp): boolean {
  const rst = (t.flags & RST) !== 0;
  const ts = t.options.timestamps;
  if (sk.tsOk && ts && diff(ts[0], sk.tsRecent) < 0 && sk.sim.now - sk.tsRecentAt < 24 * 86_400_000_000 && !rst) {
    if (diff(ts[0], sk.tsRecent) < -1) {
      sk.ns.snmp.inc('TcpExtPAWSEstab');
      outOfWindow(sk, t);
      return false;
    }
  }
  const end = endOf(t);
  const inWindow = !before(end, sk.rcvWup) && !after(t.seq, add(sk.rcvNxt, receiveWindow(sk)));
  if (!inWindow) {
    if (rst) return false;
    if ((t.flags & SYN) !== 0) challengeAck(sk);
    else outOfWindow(sk, t);
    return false;
  }
  if (rst) {
    if (t.seq === sk.rcvNxt) reset(sk);
    else challengeAck(sk);
    return false;
  }
  if ((t.flags & SYN) !== 0) {
    if (sk.state === 'SYN_RECV' && t.seq === sk.irs) resendSyn(sk);
    else challengeAck(sk);
    return false;
  }
  return true;
}

/** A duplicate ACK tells the peer where we are; for segments without data only twice a second. */
function outOfWindow(sk: TcpSocket, t: Tcp): void {
  if (t.payload.length === 0 && (t.flags & SYN) === 0) {
    if (sk.sim.now - sk.lastOow < TCP_INVALID_RATELIMIT) return;
    sk.lastOow = sk.sim.now;
  }
  sendAck(sk);
}

function challengeAck(sk: TcpSocket): void {
  if (sk.sim.now - sk.lastChallenge < TCP_INVALID_RATELIMIT) return;
  sk.lastChallenge = sk.sim.now;
  sk.ns.snmp.inc('TcpExtTCPChallengeACK');
  sendAck(sk);
}

/** A valid reset came. */
function reset(sk: TcpSocket): void {
  if (sk.parent && sk.state === 'SYN_RECV') {
    sk.destroy();
    return;
  }
  sk.ns.snmp.inc('TcpEstabResets');
  sk.abort(sk.state === 'CLOSE_WAIT' ? 'EPIPE' : 'ECONNRESET');
  if (sk.orphan) sk.destroy();
}

/** tcp_rcv_synsent_state_process() */
function synSent(sk: TcpSocket, t: Tcp, skb: Skb): void {
  const hasAck = (t.flags & ACK) !== 0;
  if (hasAck && (!after(t.ack, sk.sndUna) || after(t.ack, sk.sndNxt))) {
    if ((t.flags & RST) === 0) sendReset(skb);
    return;
  }
  if ((t.flags & RST) !== 0) {
    if (hasAck) {
      sk.abort('ECONNREFUSED');
      if (sk.orphan) sk.destroy();
    }
    return;
  }
  if ((t.flags & SYN) === 0) return;
  takeSynOptions(sk, t);
  sk.sndWl1 = t.seq;
  sk.sndWnd = t.window;
  sk.maxWindow = t.window;
  if (!hasAck) {
    ecnRequested(sk, t, skb.tos());
    sk.setState('SYN_RECV');
    resendSyn(sk);
    armRto(sk, sk.rto);
    return;
  }
  ecnAnswered(sk, t);
  sk.ns.snmp.inc('TcpExtTCPDelivered');
  synAcked(sk, t.ack);
  established(sk);
  sk.connected();
  sendAck(sk);
}

/** A segment for a connection in TIME_WAIT. 'syn': a new connection may take its place. Models tcp_timewait_state_process(). */
export function timeWait(sk: TcpSocket, t: Tcp): 'done' | 'syn' {
  const ts = t.options.timestamps;
  const paws = sk.tsOk && ts !== undefined && diff(ts[0], sk.tsRecent) < 0 && sk.sim.now - sk.tsRecentAt < TCP_PAWS_MSL;
  const rst = (t.flags & RST) !== 0;
  if (!paws && t.seq === sk.rcvNxt && (endOf(t) === t.seq || rst)) {
    if (rst) sk.destroy();
    else restartTimeWait(sk);
    return 'done';
  }
  const newer = after(t.seq, sk.rcvNxt) || (sk.tsOk && ts !== undefined && diff(ts[0], sk.tsRecent) > 0);
  if ((t.flags & SYN) !== 0 && !rst && (t.flags & ACK) === 0 && !paws && newer) return 'syn';
  if (!rst && (paws || (t.flags & ACK) !== 0)) {
    if ((t.flags & ACK) !== 0) restartTimeWait(sk);
    if (sk.sim.now - sk.lastOow >= TCP_INVALID_RATELIMIT) {
      sk.lastOow = sk.sim.now;
      sendAck(sk);
    }
  }
  return 'done';
}
