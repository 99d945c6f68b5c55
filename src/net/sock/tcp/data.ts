/** Received data: in order, out of order, FIN, and when to acknowledge. Models tcp_data_queue() and friends of net/ipv4/tcp_input.c */

import { copy } from '../../../wire/bytes.ts';
import { TCP_ATO_MIN, TCP_MAX_QUICKACKS, TCP_MIN_MSS, TCP_MSS_DEFAULT } from './const.ts';
import { expectPlain } from './input.ts';
import { sendAck, sendDelayedAck } from './output.ts';
import { add, after, before, diff } from './seq.ts';
import type { TcpSocket } from './tcp.ts';
import { enterTimeWait } from './timer.ts';
import { adjustScaling, growWindow, receiveWindow, spaceAdjust, wantedWindow } from './window.ts';

/** First guess of the peer's segment size, before any was seen. */
export function initialRcvMss(sk: TcpSocket): void {
  const hint = Math.min(sk.advMss, sk.mssCache, sk.rcvWnd >> 1, TCP_MSS_DEFAULT);
  sk.rcvMss = Math.max(hint, TCP_MIN_MSS);
}

function raiseQuick(sk: TcpSocket, most: number): void {
  const quick = Math.min(Math.floor(sk.rcvWnd / (2 * sk.rcvMss)) || 2, most);
  if (quick > sk.ackQuick) sk.ackQuick = quick;
}

/** tcp_enter_quickack_mode(): the next ACKs go out at once. */
function quickAckMode(sk: TcpSocket, most: number): void {
  raiseQuick(sk, most);
  sk.pingpong = 0;
  sk.ato = TCP_ATO_MIN;
}

/** Learns how large the peer's segments are, and whether it pushes small ones. */
function measureRcvMss(sk: TcpSocket, len: number, gsoSize: number): void {
  const size = gsoSize > 0 ? gsoSize : len;
  if (size >= sk.rcvMss) {
    if (size !== sk.rcvMss) adjustScaling(sk, len);
    sk.rcvMss = Math.min(size, sk.advMss);
    return;
  }
  sk.ackPushed = Math.min(2, sk.ackPushed + 1);
}

/** tcp_event_data_recv(): adapts the delayed-ACK time-out to the spacing of data. */
function dataReceived(sk: TcpSocket, len: number, gsoSize: number): void {
  const { now } = sk.sim;
  sk.ackScheduled = true;
  measureRcvMss(sk, len, gsoSize);
  if (sk.ato === 0) {
    raiseQuick(sk, TCP_MAX_QUICKACKS);
    sk.ato = TCP_ATO_MIN;
  } else {
    const gap = now - sk.lastReceived;
    if (gap <= TCP_ATO_MIN / 2) sk.ato = sk.ato / 2 + TCP_ATO_MIN / 2;
    else if (gap < sk.ato) sk.ato = Math.min(sk.ato / 2 + gap, sk.rto);
    else if (gap > sk.rto) raiseQuick(sk, TCP_MAX_QUICKACKS);
  }
  sk.lastReceived = now;
  if (len >= 128) growWindow(sk, len);
}

function append(sk: TcpSocket, data: Uint8Array): void {
  if (data.length === 0) return;
  sk.rcvQueue.push(data);
  sk.rcvQueued += data.length;
}

/** A segment's payload and FIN. The segment is acceptable and its ACK was processed. */
export function queueData(sk: TcpSocket, seq: number, payload: Uint8Array, fin: boolean, gsoSize = 0): void {
  const end = add(seq, payload.length + (fin ? 1 : 0));
  if (seq === end) return;
  if (seq !== sk.rcvNxt && !after(end, sk.rcvNxt)) {
    sk.ns.snmp.inc('TcpExtDelayedACKLost');
    quickAckMode(sk, TCP_MAX_QUICKACKS);
    sk.ackScheduled = true;
    sk.ackNow = true;
    return;
  }
  if (!before(seq, add(sk.rcvNxt, receiveWindow(sk))) && payload.length > 0) {
    quickAckMode(sk, TCP_MAX_QUICKACKS);
    sk.ackScheduled = true;
    sk.ackNow = true;
    return;
  }
  if (after(seq, sk.rcvNxt)) {
    measureRcvMss(sk, payload.length, gsoSize);
    if (payload.length > 0) growWindow(sk, payload.length);
    queueOutOfOrder(sk, seq, end, payload, fin);
    return;
  }
  const skip = diff(sk.rcvNxt, seq);
  const data = skip > 0 ? payload.subarray(skip) : payload;
  append(sk, data);
  sk.rcvNxt = end;
  if (data.length > 0) dataReceived(sk, data.length, gsoSize);
  if (fin) finReached(sk);
  if (sk.ofo.length > 0) {
    drainOutOfOrder(sk);
    if (sk.ofo.length === 0) sk.ackNow = true;
  }
  expectPlain(sk);
  sk.wq.wakeAll();
}

function queueOutOfOrder(sk: TcpSocket, seq: number, end: number, data: Uint8Array, fin: boolean): void {
  sk.ns.snmp.inc('TcpExtTCPOFOQueue');
  sk.predictedWindow = -1;
  sk.ackScheduled = true;
  sk.ackNow = true;
  sk.ofoLast = seq;
  let at = sk.ofo.findIndex((o) => before(seq, o.seq));
  if (at < 0) at = sk.ofo.length;
  const left = sk.ofo[at - 1];
  if (left && !after(end, left.end)) return;
  sk.ofo.splice(at, 0, { seq, end, data, fin });
}

function drainOutOfOrder(sk: TcpSocket): void {
  while (sk.ofo.length > 0) {
    const o = sk.ofo[0] as TcpSocket['ofo'][number];
    if (after(o.seq, sk.rcvNxt)) return;
    sk.ofo.shift();
    if (!after(o.end, sk.rcvNxt)) continue;
    append(sk, o.data.subarray(diff(sk.rcvNxt, o.seq)));
    sk.rcvNxt = o.end;
    if (o.fin) finReached(sk);
  }
}

/** tcp_fin(): the peer sends nothing more. */
function finReached(sk: TcpSocket): void {
  sk.ackScheduled = true;
  sk.readShutdown = true;
  sk.finReceived = true;
  sk.ofo = [];
  switch (sk.state) {
    case 'SYN_RECV':
    case 'ESTABLISHED':
      sk.setState('CLOSE_WAIT');
      sk.pingpong = Math.max(1, sk.pingpong);
      break;
    case 'FIN_WAIT1':
      sendAck(sk);
      sk.setState('CLOSING');
      break;
    case 'FIN_WAIT2':
      sendAck(sk);
      enterTimeWait(sk);
      break;
    default:
      break;
  }
  sk.wq.wakeAll();
}

/** After a segment: acknowledge now, later, or not at all. Models __tcp_ack_snd_check(). */
export function ackCheck(sk: TcpSocket): void {
  if (!sk.ackScheduled || sk.state === 'CLOSE' || sk.state === 'TIME_WAIT') return;
  const unacked = diff(sk.rcvNxt, sk.rcvWup);
  const twoFrames = unacked > sk.rcvMss && (sk.rcvQueued === 0 || wantedWindow(sk) >= sk.rcvWnd);
  const quick = sk.ackQuick > 0 && sk.pingpong === 0;
  if (twoFrames || quick || sk.ackNow || sk.ofo.length > 0) sendAck(sk);
  else sendDelayedAck(sk);
}

/** Up to `max` bytes from the receive queue. */
export function takeBytes(sk: TcpSocket, max: number, peek: boolean): Uint8Array {
  const total = Math.min(max, sk.rcvQueued);
  const head = sk.rcvQueue[0] as Uint8Array;
  let out: Uint8Array;
  let used = 0;
  if (head.length >= total) {
    // Nobody else looks at a segment that was received, so that the whole of one is handed on as it is.
    out = head.length === total && !peek ? head : copy(head.subarray(0, total));
    if (!peek) {
      if (head.length === total) sk.rcvQueue.shift();
      else sk.rcvQueue[0] = head.subarray(total);
    }
  } else {
    out = new Uint8Array(total);
    let i = 0;
    while (used < total) {
      const chunk = sk.rcvQueue[i] as Uint8Array;
      const n = Math.min(chunk.length, total - used);
      out.set(chunk.subarray(0, n), used);
      used += n;
      if (n < chunk.length) {
        if (!peek) sk.rcvQueue[i] = chunk.subarray(n);
        break;
      }
      i++;
    }
    if (!peek) sk.rcvQueue.splice(0, i);
  }
  if (!peek) {
    sk.rcvQueued -= total;
    sk.copiedSeq = add(sk.copiedSeq, total);
  }
  return out;
}

/** The program has read: tell the peer about room, and about data that waits for its ACK. Models tcp_cleanup_rbuf(). */
export function cleanupReceive(sk: TcpSocket, copied: number): void {
  if (sk.state === 'CLOSE' || sk.state === 'TIME_WAIT' || copied === 0) return;
  spaceAdjust(sk);
  let now = false;
  if (sk.ackScheduled) {
    const drained = sk.rcvQueued === 0;
    now = diff(sk.rcvNxt, sk.rcvWup) > sk.rcvMss || (drained && (sk.ackPushed > 1 || (sk.ackPushed > 0 && sk.pingpong === 0)));
  }
  if (!now && !sk.finReceived) {
    const left = receiveWindow(sk);
    if (2 * left <= sk.windowClamp) {
      const wanted = wantedWindow(sk);
      if (wanted > 0 && wanted >= 2 * left) now = true;
    }
  }
  if (now) sendAck(sk);
}
