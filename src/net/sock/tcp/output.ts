/** Sending: segments, options, Nagle, super-packets, SYN, FIN, RST. Models net/ipv4/tcp_output.c */

import { hash32 } from '../../../sim/rng.ts';
import { ACK, emitTcp, FIN, PSH, RST, SYN, type Tcp, type TcpOptions } from '../../../wire/tcp.ts';
import { type Dst, dstMtu } from '../../ip/route.ts';
import { wheelTime } from '../../wheel.ts';
import { ipSend, routeFor } from '../output.ts';
import {
  bytesOf,
  GSO_MAX,
  segments,
  TCP_ATO_MIN,
  TCP_DELACK_MAX,
  TCP_DELACK_MIN,
  TCP_MIN_MSS,
  TCP_MSS_DEFAULT,
  TCP_TIMEOUT_INIT,
  type TxSkb,
} from './const.ts';
import { ecnOnSend, ecnOnSyn } from './ecn.ts';
import { scheduleProbe } from './rack.ts';
import { add, after, before, diff } from './seq.ts';
import type { TcpSocket } from './tcp.ts';
import { armProbe, armRto, delackTimer } from './timer.ts';
import { initialWindow, selectWindow } from './window.ts';

const NOTHING = new Uint8Array(0);

function ipHeaderLen(sk: TcpSocket): number {
  return typeof sk.remote?.addr === 'bigint' ? 40 : 20;
}

/** Timestamp clock: milliseconds with an offset for each pair of hosts (RFC 7323 5.4). */
export function timestamp(sk: TcpSocket): number {
  return (Math.floor(sk.sim.now / 1000) + sk.tsOffset) >>> 0;
}

/** Initial sequence number and timestamp offset: a hash of the connection, so both only grow for the same pair (RFC 6528). */
export function chooseNumbers(sk: TcpSocket): void {
  const { laddr, lport, raddr, rport } = sk.tuple();
  const { seed, now } = sk.sim;
  sk.iss = (hash32(`${seed}/iss/${laddr} ${lport} ${raddr} ${rport}`) + Math.floor((now * 1000) / 64)) >>> 0;
  sk.tsOffset = hash32(`${seed}/ts/${laddr} ${raddr}`);
  sk.sndUna = sk.iss;
  sk.sndNxt = sk.iss;
  sk.writeSeq = sk.iss;
  sk.sndSml = sk.iss;
  sk.pushedSeq = sk.iss;
}

/** Segment sizes that the route allows. Models tcp_sync_mss(); `advMss` is what this side asks for. */
export function syncMss(sk: TcpSocket, route: Dst | null): void {
  if (!route || !sk.remote) return;
  const pmtu = dstMtu(route, sk.remote.addr);
  sk.pmtu = pmtu;
  const header = ipHeaderLen(sk) + 20;
  let mss = Math.min(pmtu - header, sk.mssClamp);
  if (sk.opt.maxSeg !== null) mss = Math.min(mss, sk.opt.maxSeg);
  mss = Math.max(TCP_MIN_MSS, mss) - (sk.tsOk ? 12 : 0);
  sk.mssCache = halfWindow(sk, mss);
}

export function advertisedMss(sk: TcpSocket, route: Dst): number {
  const header = ipHeaderLen(sk) + 20;
  const mss = Math.max(256, dstMtu(route, sk.remote?.addr ?? 0) - header);
  const most = header === 40 ? Math.min(mss, 65_535 - header) : mss;
  return sk.opt.maxSeg !== null ? Math.min(most, sk.opt.maxSeg) : most;
}

/** Never more than half of the largest window that the peer has offered. */
function halfWindow(sk: TcpSocket, size: number): number {
  const cut = sk.maxWindow > TCP_MSS_DEFAULT ? sk.maxWindow >> 1 : sk.maxWindow;
  return cut > 0 && size > cut ? Math.max(cut, 68 - 40) : size;
}

function sackBlocks(sk: TcpSocket): [number, number][] {
  if (!sk.sackOk || sk.ofo.length === 0) return [];
  const blocks: [number, number][] = [];
  for (const o of sk.ofo) {
    const last = blocks.at(-1);
    if (last && !after(o.seq, last[1])) {
      if (after(o.end, last[1])) last[1] = o.end;
    } else blocks.push([o.seq, o.end]);
  }
  const newest = blocks.findIndex(([l, r]) => !before(sk.ofoLast, l) && before(sk.ofoLast, r));
  if (newest > 0) blocks.unshift(...blocks.splice(newest, 1));
  return blocks.slice(0, sk.tsOk ? 3 : 4);
}

/** Payload that fits into a segment now, options counted. */
export function currentMss(sk: TcpSocket): number {
  const blocks = sackBlocks(sk).length;
  return Math.max(1, sk.mssCache - (blocks > 0 ? 4 + 8 * blocks : 0));
}

/** How much one queue entry may gather: a whole number of segments below 64 KiB and half the peer's window. */
export function sizeGoal(sk: TcpSocket): number {
  const mss = currentMss(sk);
  const goal = halfWindow(sk, GSO_MAX - ipHeaderLen(sk) - 20);
  return Math.max(mss, goal - (goal % mss));
}

/** Builds and sends one segment (or super-packet). SYN carries its own options. */
export function transmit(
  sk: TcpSocket,
  seq: number,
  flags: number,
  data: Uint8Array,
  options: TcpOptions | null = null,
  windowOverride?: number,
  again = false,
): void {
  if (!sk.remote) return;
  const found = routeFor(sk, { dst: sk.remote.addr, src: sk.local.addr, sport: sk.local.port, dport: sk.remote.port });
  const opts: TcpOptions = options ?? {};
  if (!options) {
    if (sk.tsOk) opts.timestamps = [timestamp(sk), sk.tsRecent];
    const blocks = sackBlocks(sk);
    if (blocks.length > 0) opts.sack = blocks;
  }
  const window = windowOverride ?? selectWindow(sk);
  const mss = currentMss(sk);
  const ecn = ecnOnSend(sk, data.length > mss ? flags | PSH : flags, data.length > 0 && !again);
  const segment: Tcp = {
    srcPort: sk.local.port,
    dstPort: sk.remote.port,
    seq,
    ack: (flags & ACK) !== 0 ? sk.rcvNxt : 0,
    flags: ecn.flags,
    window,
    urgent: 0,
    options: opts,
    payload: data,
  };
  if ((flags & ACK) !== 0) ackSent(sk);
  if (data.length > 0) dataSent(sk);
  const { snmp } = sk.ns;
  snmp.inc('TcpOutSegs', data.length > mss ? Math.ceil(data.length / mss) : 1);
  if (!found.ok) {
    sk.softError = found.errno;
    return;
  }
  const synAck = (flags & (SYN | ACK)) === (SYN | ACK);
  ipSend(sk.ns, {
    src: sk.local.addr,
    dst: sk.remote.addr,
    proto: sk.proto,
    payload: emitTcp(segment, sk.local.addr, sk.remote.addr, true),
    ttl: sk.opt.ttl ?? undefined,
    tos: sk.opt.tos | ecn.tos,
    df: sk.opt.mtuDiscover !== 'dont',
    id: synAck && sk.parent ? 0 : sk.nextIpId(Math.ceil(data.length / mss)),
    oif: sk.boundDevice() ?? null,
    mark: sk.mark,
    priority: sk.opt.priority,
    sk,
    route: found.value,
    gsoSize: data.length > mss ? mss : 0,
    csumOffset: 16,
  });
}

/** tcp_event_ack_sent() */
function ackSent(sk: TcpSocket): void {
  if (sk.ackQuick > 0 && sk.ackScheduled) {
    sk.ackQuick--;
    if (sk.ackQuick === 0) sk.ato = TCP_ATO_MIN;
  }
  sk.ackScheduled = false;
  sk.ackNow = false;
  sk.ackPushed = 0;
  sk.sim.cancel(sk.delackTimer);
  sk.delackTimer = null;
}

/** tcp_event_data_sent(): an answer soon after data came makes the connection interactive, and its ACKs wait for the next answer. */
function dataSent(sk: TcpSocket): void {
  const { now } = sk.sim;
  sk.lastSent = now;
  if (now - sk.lastReceived < sk.ato) sk.pingpong = Math.min(255, sk.pingpong + 1);
}

export function sendAck(sk: TcpSocket): void {
  if (sk.state === 'CLOSE' || sk.state === 'LISTEN') return;
  transmit(sk, sk.sndNxt, ACK, NOTHING);
}

/** Acknowledges within the adaptive time-out unless data goes out before. Models tcp_send_delayed_ack(). */
export function sendDelayedAck(sk: TcpSocket): void {
  let { ato } = sk;
  if (ato > TCP_DELACK_MIN) {
    let most = sk.pingpong > 0 || sk.ackPushed > 0 ? TCP_DELACK_MAX : 500_000;
    if (sk.srtt > 0) most = Math.min(most, Math.max(sk.srtt, TCP_DELACK_MIN));
    ato = Math.min(ato, most);
  }
  ato = Math.min(ato, TCP_DELACK_MAX);
  let at = ato > 0 ? sk.sim.now + ato : wheelTime(sk.sim.now, 0);
  if (sk.delackTimer?.run) {
    if (sk.delackTimer.time <= sk.sim.now + ato / 4) {
      sendAck(sk);
      return;
    }
    at = Math.min(at, sk.delackTimer.time);
    sk.sim.cancel(sk.delackTimer);
  }
  sk.ackScheduled = true;
  sk.delackTimer = sk.sim.call(Math.round(at), delackTimer, sk, undefined);
}

function synOptions(sk: TcpSocket, mss: number, echo: number | null): TcpOptions {
  const o: TcpOptions = { mss };
  if (sk.sackOk) o.sackPermitted = true;
  if (sk.tsOk) o.timestamps = [timestamp(sk), echo ?? 0];
  if (sk.wscaleOk) o.wscale = sk.rcvWscale;
  return o;
}

/** The first segment of an active open. */
export function sendSyn(sk: TcpSocket, route: Dst): void {
  chooseNumbers(sk);
  const on = (key: string): boolean => sk.ns.sysctl.int(key) !== 0;
  sk.tsOk = on('net.ipv4.tcp_timestamps');
  sk.sackOk = on('net.ipv4.tcp_sack');
  sk.wscaleOk = on('net.ipv4.tcp_window_scaling');
  sk.advMss = advertisedMss(sk, route);
  sk.mssClamp = 65_535;
  syncMss(sk, route);
  sk.rcvMss = Math.max(TCP_MIN_MSS, Math.min(sk.mssCache, TCP_MSS_DEFAULT));
  sk.windowClamp = 0;
  if (sk.opt.rcvBuf !== null) sk.rcvBuf = sk.opt.rcvBuf;
  initialWindow(sk, sk.advMss, sk.wscaleOk);
  sk.rto = TCP_TIMEOUT_INIT;
  sk.retransmits = 0;
  sk.backoff = 0;
  sk.writeShutdown = false;
  sk.readShutdown = false;
  sk.finReceived = false;
  sk.writeSeq = add(sk.iss, 1);
  sk.sndNxt = sk.writeSeq;
  sk.pushedSeq = sk.writeSeq;
  sk.ns.snmp.inc('TcpActiveOpens');
  sk.rtxQueue.push({
    seq: sk.iss,
    end: sk.writeSeq,
    parts: [NOTHING],
    len: 0,
    flags: SYN,
    sentAt: sk.sim.now,
    retrans: 0,
    sacked: false,
    lost: false,
  });
  resendSyn(sk);
  armRto(sk, sk.rto);
}

/** SYN or, after the peer's SYN, SYN-ACK; for the first time or again. The window in a SYN is never scaled. */
export function resendSyn(sk: TcpSocket): void {
  const answer = sk.state === 'SYN_RECV';
  const window = Math.min(sk.rcvWnd, 65_535);
  const flags = answer ? SYN | ACK : SYN | ecnOnSyn(sk);
  transmit(sk, sk.iss, flags, NOTHING, synOptions(sk, sk.advMss, answer ? sk.tsRecent : null), window);
}

/** A SYN or SYN-ACK goes out again. */
export function countSynRetrans(sk: TcpSocket): void {
  sk.ns.snmp.inc('TcpRetransSegs');
  sk.ns.snmp.inc('TcpExtTCPSynRetrans');
}

/** Puts FIN behind everything that is queued and sends it. */
export function sendFin(sk: TcpSocket): void {
  const tail = sk.writeQueue.at(-1);
  if (tail && tail.len > 0) {
    tail.flags |= FIN;
    tail.end = add(tail.end, 1);
  } else {
    sk.writeQueue.push({
      seq: sk.writeSeq,
      end: add(sk.writeSeq, 1),
      parts: [NOTHING],
      len: 0,
      flags: FIN,
      sentAt: -1,
      retrans: 0,
      sacked: false,
      lost: false,
    });
  }
  sk.writeSeq = add(sk.writeSeq, 1);
  pushPending(sk, true);
}

/** A reset for a connection of ours. */
export function sendActiveReset(sk: TcpSocket): void {
  sk.ns.snmp.inc('TcpOutRsts');
  const edge = add(sk.sndUna, sk.sndWnd);
  const seq = before(edge, sk.sndNxt) && sk.sndWnd > 0 ? edge : sk.sndNxt;
  transmit(sk, seq, RST | ACK, NOTHING);
}

export function packetsOut(sk: TcpSocket): number {
  const mss = currentMss(sk);
  let n = 0;
  for (const s of sk.rtxQueue) n += segments(s, mss);
  return n;
}

/** Segments in the network: sent, not acknowledged, not thought lost. */
export function inFlight(sk: TcpSocket): number {
  const mss = currentMss(sk);
  let n = 0;
  for (const s of sk.rtxQueue) if (!s.sacked && (!s.lost || s.retrans > 0)) n += segments(s, mss);
  return n;
}

function nagleHolds(sk: TcpSocket, partial: boolean): boolean {
  if (!partial) return false;
  if (sk.opt.cork) return true;
  if (sk.opt.noDelay || sk.rtxQueue.length === 0) return false;
  return after(sk.sndSml, sk.sndUna) && !after(sk.sndSml, sk.sndNxt);
}

/** Sends what window, congestion window and Nagle's rule allow. Models tcp_write_xmit(). */
export function pushPending(sk: TcpSocket, push = false): void {
  if (sk.state === 'CLOSE' || sk.state === 'SYN_SENT' || sk.state === 'SYN_RECV' || sk.state === 'LISTEN') return;
  if (sk.writeQueue.length > 0 && sk.remote) {
    const found = routeFor(sk, { dst: sk.remote.addr, src: sk.local.addr, sport: sk.local.port, dport: sk.remote.port });
    if (found.ok && dstMtu(found.value, sk.remote.addr) !== sk.pmtu) syncMss(sk, found.value);
  }
  const mss = currentMss(sk);
  let flight = inFlight(sk);
  let sent = false;
  for (;;) {
    const skb = sk.writeQueue[0];
    if (!skb) break;
    // Half the window at most in one super-packet, so that two are under way (tcp_cwnd_test).
    const quota = Math.max(0, Math.min(sk.cong.cwnd - flight, Math.max(sk.cong.cwnd >> 1, 1)));
    if (quota === 0) {
      sk.cwndLimited = true;
      break;
    }
    const most = Math.min(Math.max(2, Math.floor(GSO_MAX / mss)), quota) * mss;
    if (most > skb.len) grow(sk.writeQueue, most - skb.len);
    const window = diff(add(sk.sndUna, sk.sndWnd), skb.seq);
    if (skb.len > 0 ? Math.min(skb.len, mss) > window : window < 0) break;
    const last = sk.writeQueue.length === 1;
    const isFin = (skb.flags & FIN) !== 0;
    if (skb.len <= mss) {
      if (last && !push && !isFin && nagleHolds(sk, skb.len < mss)) break;
    }
    let limit = Math.min(most, Math.max(window, 0));
    if (limit < skb.len || last) {
      const needed = Math.min(skb.len, limit);
      const partial = needed % mss;
      limit = needed > mss && partial !== 0 && !isFin && !push && nagleHolds(sk, true) ? needed - partial : needed;
      if (needed < skb.len && needed > mss) limit = needed - partial;
    }
    if (skb.len > limit && limit > 0) split(sk.writeQueue, 0, limit);
    const head = sk.writeQueue.shift() as TxSkb;
    sendQueued(sk, head, mss);
    flight += segments(head, mss);
    sent = true;
  }
  if (sent) scheduleProbe(sk, false);
  if (sk.writeQueue.length > 0 && sk.rtxQueue.length === 0 && !sk.rtoTimer?.run) armProbe(sk);
}

/** Fills the first entry of the queue from the second, when more may be sent than the first holds. Models tcp_grow_skb(). */
function grow(queue: TxSkb[], amount: number): void {
  const [head, next] = queue as [TxSkb, TxSkb | undefined];
  if (!next || next.len === 0 || head.len === 0 || (head.flags & FIN) !== 0) return;
  const n = Math.min(amount, next.len);
  const bytes = bytesOf(next);
  head.parts.push(bytes.subarray(0, n));
  head.len += n;
  if (n === next.len) {
    head.end = next.end;
    head.flags |= next.flags;
    queue.splice(1, 1);
    return;
  }
  head.end = add(head.end, n);
  next.seq = add(next.seq, n);
  next.parts = [bytes.subarray(n)];
  next.len -= n;
}

function sendQueued(sk: TcpSocket, skb: TxSkb, mss: number): void {
  const first = sk.rtxQueue.length === 0;
  skb.sentAt = sk.sim.now;
  sk.rtxQueue.push(skb);
  sk.sndNxt = skb.end;
  sk.ns.snmp.inc('TcpExtTCPOrigDataSent', segments(skb, mss));
  if (skb.len > 0 && skb.len % mss !== 0) sk.sndSml = skb.end;
  transmit(sk, skb.seq, skb.flags | ACK, bytesOf(skb));
  if (first || !sk.rtoTimer?.run || sk.rtoMode === 'probe') armRto(sk, sk.rto);
}

/** The window stayed below one segment for a whole time-out: what fits goes out all the same. Models tcp_write_wakeup(). */
export function sendPartial(sk: TcpSocket, room: number): void {
  const mss = currentMss(sk);
  const size = Math.min(room, mss);
  if ((sk.writeQueue[0] as TxSkb).len > size) split(sk.writeQueue, 0, size);
  const head = sk.writeQueue.shift() as TxSkb;
  head.flags |= PSH;
  sendQueued(sk, head, mss);
}

/** Cuts queue[index] after `len` bytes; PSH and FIN stay with the rest. */
export function split(queue: TxSkb[], index: number, len: number): void {
  const skb = queue[index] as TxSkb;
  const all = bytesOf(skb);
  const rest: TxSkb = { ...skb, seq: add(skb.seq, len), parts: [all.subarray(len)], len: skb.len - len };
  skb.parts = [all.subarray(0, len)];
  skb.len = len;
  skb.end = add(skb.seq, len);
  skb.flags &= ~(FIN | PSH);
  queue.splice(index + 1, 0, rest);
}

/** Sends queue entry `index` again, at most `most` segments of it: what is more becomes an entry of its own. */
export function retransmit(sk: TcpSocket, index: number, most = 1): void {
  // skb_still_in_host_queue(): what has not left yet is not sent again.
  if (sk.inHostQueue > 0) {
    sk.ns.snmp.inc('TcpExtTCPSpuriousRtxHostQueues');
    return;
  }
  const found = sk.remote ? routeFor(sk, { dst: sk.remote.addr, src: sk.local.addr, sport: sk.local.port, dport: sk.remote.port }) : null;
  if (found?.ok) syncMss(sk, found.value);
  const mss = currentMss(sk);
  const skb = sk.rtxQueue[index];
  if (!skb) return;
  if ((skb.flags & SYN) !== 0) {
    sk.totalRetrans++;
    countSynRetrans(sk);
    resendSyn(sk);
    return;
  }
  if (before(skb.seq, sk.sndUna)) {
    const gone = diff(sk.sndUna, skb.seq);
    const rest = bytesOf(skb).subarray(gone);
    skb.parts = [rest];
    skb.len = rest.length;
    skb.seq = sk.sndUna;
  }
  if (skb.len > mss * most) split(sk.rtxQueue, index, mss * most);
  const count = segments(skb, mss);
  skb.retrans++;
  skb.sentAt = sk.sim.now;
  sk.totalRetrans += count;
  sk.prrOut += count;
  if (sk.retransStamp === 0) sk.retransStamp = sk.sim.now;
  sk.ns.snmp.inc('TcpRetransSegs', count);
  transmit(sk, skb.seq, skb.flags | ACK, bytesOf(skb), null, undefined, true);
}

/** A window probe: the byte before the window, without data. */
export function sendProbe(sk: TcpSocket, urgent = false): void {
  transmit(sk, urgent ? sk.sndUna : add(sk.sndUna, -1 >>> 0), ACK, NOTHING);
}
