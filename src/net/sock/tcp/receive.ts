/** Where TCP segments arrive: to connections, to listeners' handshakes, to nobody; and ICMP errors about them. Models tcp_ipv4.c, tcp_minisocks.c */

import { isMulticast } from '../../../wire/addr.ts';
import { u16, u32 } from '../../../wire/bytes.ts';
import { IPPROTO_TCP } from '../../../wire/ipv4.ts';
import { l4ChecksumOk } from '../../../wire/pseudo.ts';
import { ACK, FIN, parseTcp, RST, SYN, type Tcp } from '../../../wire/tcp.ts';
import type { IcmpErrorInfo } from '../../ip/protocols.ts';
import { updatePmtu } from '../../ip/route.ts';
import type { Skb } from '../../skb.ts';
import { type IpSpan, icmpErrno, routeFor, spanIp, viewIp } from '../output.ts';
import { simpleRetransmit } from './ack.ts';
import { TCP_INVALID_RATELIMIT } from './const.ts';
import { ecnRequested } from './ecn.ts';
import { established, receiveSegment, synAcked, takeSynOptions, timeWait } from './input.ts';
import { advertisedMss, chooseNumbers, countSynRetrans, resendSyn, syncMss } from './output.ts';
import { sendReset } from './reset.ts';
import { add, between } from './seq.ts';
import { TcpSocket } from './tcp.ts';
import { armRto } from './timer.ts';
import { initialWindow } from './window.ts';

/** An answer that comes sooner, in µs, comes inside the system call. */
const CONNECT_HOLDS = 1000;

/** Handler for protocol 6; `skb.data` is the whole IP packet. */
export function tcpReceive(skb: Skb): void {
  const dev = skb.dev;
  const ip = spanIp(skb.data);
  if (!dev || !ip) return;
  const { ns } = dev;
  ns.snmp.inc('TcpInSegs');
  const t = parseTcp(skb.data, ip.at, ip.end);
  if (!t || skb.type === 'otherhost') return;
  if (skb.csumBytes === 0 && !l4ChecksumOk(skb.data.subarray(ip.at, ip.end), ip.src, ip.dst, IPPROTO_TCP)) {
    ns.snmp.inc('TcpInCsumErrors');
    ns.snmp.inc('TcpInErrs');
    return;
  }
  const tuple = { laddr: ip.dst, lport: t.dstPort, raddr: ip.src, rport: t.srcPort };
  const sk = ns.sockets.findTcp(tuple);
  const iif = skb.inetIif();
  if (sk?.acceptsDevice(iif)) {
    if (sk.state === 'SYN_RECV' && sk.parent) {
      request(sk, t, skb);
      return;
    }
    if (sk.state !== 'TIME_WAIT') {
      receiveSegment(sk, t, skb);
      return;
    }
    if (timeWait(sk, t) === 'done') return;
  }
  const listener = ns.sockets.findListener(tuple, iif);
  if (!listener) {
    sendReset(skb);
    return;
  }
  if (sk?.state === 'TIME_WAIT') sk.destroy();
  listening(listener, t, ip, skb);
}

/** A segment for a listener: only a plain SYN begins something. Models tcp_conn_request(). */
function listening(listener: TcpSocket, t: Tcp, ip: IpSpan, skb: Skb): void {
  if ((t.flags & ACK) !== 0) {
    sendReset(skb);
    return;
  }
  if ((t.flags & RST) !== 0 || (t.flags & SYN) === 0 || (t.flags & FIN) !== 0) return;
  if (skb.type === 'broadcast' || skb.type === 'multicast' || isMulticast(ip.dst)) return;
  const { ns } = listener;
  if (listener.acceptQueue.length > listener.backlog) {
    ns.snmp.inc('TcpExtListenOverflows');
    ns.snmp.inc('TcpExtListenDrops');
    return;
  }
  const child = new TcpSocket(ns, listener.family as 4 | 6);
  child.local = { addr: ip.dst, port: t.dstPort };
  child.remote = { addr: ip.src, port: t.srcPort };
  Object.assign(child.opt, listener.opt);
  if (child.opt.mark === 0 && ns.sysctl.int('net.ipv4.tcp_fwmark_accept') !== 0) child.opt.mark = skb.mark;
  child.uid = listener.uid;
  child.gid = listener.gid;
  child.rcvBuf = listener.opt.rcvBuf ?? child.rcvBuf;
  child.state = 'SYN_RECV';
  child.parent = listener;
  const route = routeFor(child, { dst: ip.src, src: ip.dst, sport: t.dstPort, dport: t.srcPort, oif: null });
  if (!route.ok || !ns.sockets.hashTcp(child).ok) {
    ns.sockets.all.delete(child);
    return;
  }
  ns.sockets.take(child, t.dstPort);
  listener.synQueue.add(child);
  const on = (key: string): boolean => ns.sysctl.int(key) !== 0;
  child.tsOk = on('net.ipv4.tcp_timestamps');
  child.sackOk = on('net.ipv4.tcp_sack');
  child.wscaleOk = on('net.ipv4.tcp_window_scaling');
  ecnRequested(child, t, ip.tos);
  takeSynOptions(child, t);
  chooseNumbers(child);
  child.advMss = advertisedMss(child, route.value);
  syncMss(child, route.value);
  initialWindow(child, child.advMss - (child.tsOk ? 12 : 0), child.wscaleOk);
  child.sndWl1 = t.seq;
  child.sndWnd = t.window;
  child.maxWindow = t.window;
  child.writeSeq = add(child.iss, 1);
  child.sndNxt = child.writeSeq;
  child.pushedSeq = child.writeSeq;
  child.sndSml = child.writeSeq;
  child.rtxQueue.push({
    seq: child.iss,
    end: child.writeSeq,
    parts: [new Uint8Array(0)],
    len: 0,
    flags: SYN,
    sentAt: child.sim.now,
    retrans: 0,
    sacked: false,
    lost: false,
  });
  resendSyn(child);
  armRto(child, child.rto);
}

/** A segment for a handshake in progress. Models tcp_check_req(). */
function request(child: TcpSocket, t: Tcp, skb: Skb): void {
  const listener = child.parent as TcpSocket;
  const flags = t.flags & (RST | SYN | ACK);
  if (flags === SYN && t.seq === child.irs) {
    // The peer missed our SYN-ACK: it has it again, at most twice a second, and our own timer starts anew.
    if (child.sim.now - child.lastOow < TCP_INVALID_RATELIMIT) return;
    child.lastOow = child.sim.now;
    countSynRetrans(child);
    resendSyn(child);
    armRto(child, child.rto);
    return;
  }
  if ((t.flags & RST) !== 0) {
    if (between(t.seq, child.rcvNxt, add(child.rcvNxt, child.rcvWnd))) {
      listener.ns.snmp.inc('TcpAttemptFails');
      listener.ns.snmp.inc('TcpExtEmbryonicRsts');
      child.destroy();
    }
    return;
  }
  if ((t.flags & ACK) === 0) return;
  if (t.ack !== child.sndNxt) {
    sendReset(skb);
    return;
  }
  if (listener.acceptQueue.length > listener.backlog) {
    listener.ns.snmp.inc('TcpExtListenOverflows');
    listener.ns.snmp.inc('TcpExtListenDrops');
    if (listener.ns.sysctl.int('net.ipv4.tcp_abort_on_overflow') !== 0) {
      sendReset(skb);
      child.destroy();
    }
    return;
  }
  listener.ns.snmp.inc('TcpPassiveOpens');
  synAcked(child, t.ack);
  if (child.tsOk && t.options.timestamps) child.tsRecent = t.options.timestamps[0];
  child.sndWl1 = t.seq;
  child.sndWnd = t.window * 2 ** child.sndWscale;
  child.maxWindow = child.sndWnd;
  established(child);
  listener.synQueue.delete(child);
  listener.acceptQueue.push(child);
  receiveSegment(child, t, skb);
  listener.wq.wakeAll();
}

/** An ICMP error about a segment of ours; `quoted` starts at its IP header. Models tcp_v4_err(). */
export function tcpError(skb: Skb, quoted: Uint8Array, info: IcmpErrorInfo): void {
  const ns = skb.dev?.ns ?? skb.sk?.ns;
  const ip = viewIp(quoted);
  if (!ns || !ip || ip.l4.length < 8) return;
  const sk = ns.sockets.findTcp({ laddr: ip.src, lport: u16(ip.l4, 0), raddr: ip.dst, rport: u16(ip.l4, 2) });
  if (!sk) ns.snmp.inc(info.family === 4 ? 'IcmpInErrors' : 'Icmp6InErrors');
  if (!sk || sk.state === 'TIME_WAIT' || sk.state === 'CLOSE') return;
  const seq = u32(ip.l4, 4);
  if (!between(seq, sk.sndUna, sk.sndNxt)) {
    ns.snmp.inc('TcpExtOutOfWindowIcmps');
    return;
  }
  const what = icmpErrno(info);
  if (!what) return;
  if (what.errno === 'EMSGSIZE') {
    if (sk.parent && sk.state === 'SYN_RECV') return;
    if (info.info >= sk.pmtu && sk.pmtu !== 0) return;
    updatePmtu(ns, ip.dst, info.info);
    const r = routeFor(sk, { dst: ip.dst, src: ip.src, sport: sk.local.port, dport: sk.remote?.port ?? 0 });
    if (!r.ok || sk.opt.mtuDiscover === 'dont') return;
    const before = sk.pmtu;
    syncMss(sk, r.value);
    if (sk.pmtu < before && sk.rtxQueue.length > 0) simpleRetransmit(sk);
    return;
  }
  if (sk.parent && sk.state === 'SYN_RECV') {
    if (info.family === 6 ? what.fatal : info.type !== 3 || info.code < 2) sk.destroy();
    return;
  }
  if (sk.state === 'SYN_SENT' || sk.state === 'SYN_RECV') {
    // While connect() still holds the socket, the error is only noted: the next SYN's answer ends it. A program that does not block asks for it at once with IPv4.
    const held = sk.sim.now - (sk.rtxQueue[0]?.sentAt ?? 0) <= CONNECT_HOLDS;
    if (held && (info.family === 6 || sk.blocking) && sk.state === 'SYN_SENT' && sk.retransmits === 0) {
      sk.softError = what.errno;
      return;
    }
    sk.abort(what.errno, !held);
    if (sk.orphan) sk.destroy();
    return;
  }
  if (sk.opt.recvErr && !sk.closed) sk.setError(what.errno);
  else sk.softError = what.errno;
}
