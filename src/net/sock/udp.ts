/** UDP sockets and the UDP packet handler for both families. Models net/ipv4/udp.c, net/ipv6/udp.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { type IpAddr, isMulticast, readIp4 } from '../../wire/addr.ts';
import { copy, fold16, sum16, u16 } from '../../wire/bytes.ts';
import { IPPROTO_UDP, ip4HeaderLen, pseudo4 } from '../../wire/ipv4.ts';
import { l4ChecksumOk } from '../../wire/pseudo.ts';
import { emitUdp, parseUdp } from '../../wire/udp.ts';
import type { NetDevice } from '../dev/device.ts';
import { icmpSend } from '../ip/icmp.ts';
import { icmp6Send } from '../ip/icmp6.ts';
import type { IcmpErrorInfo } from '../ip/protocols.ts';
import { dstMtu } from '../ip/route.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { icmpErrno, ipSend, sourceFor, viewIp } from './output.ts';
import { type Endpoint, isAny, Sock, unmap } from './sock.ts';

export interface Datagram {
  data: Uint8Array;
  from: Endpoint;
  /** Destination address of the packet (IP_PKTINFO). */
  to: IpAddr;
  dev: NetDevice | null;
  ttl: number;
  tos: number;
  /** Virtual time of arrival, µs. */
  time: number;
}

const RCVBUF = 212_992;
/** Longest packet behind the IPv4 header, UDP header and all; IPv6 counts its own header apart. */
const MAX_LENGTH = 65_535;

export class UdpSocket extends Sock {
  readonly kind = 'udp' as const;
  private readonly queue: Datagram[] = [];
  private queued = 0;
  private shutRead = false;
  private shutWrite = false;
  drops = 0;
  /** Set by a tunnel (VXLAN) whose socket this is: it takes the datagrams. Models udp_sock.encap_rcv. */
  encapReceive: ((skb: Skb, at: number, end: number, from: IpAddr) => void) | null = null;
  /** Whether a tunnel of this port sent what an ICMP error quotes (a tunnel's own source port is a hash). Models encap_err_lookup. */
  encapSent: ((payload: Uint8Array) => boolean) | null = null;

  constructor(ns: Netns, family: 4 | 6 = 4) {
    super(ns, family, IPPROTO_UDP);
    ns.sockets.all.add(this);
  }

  get state(): 'ESTABLISHED' | 'CLOSE' {
    return this.remote ? 'ESTABLISHED' : 'CLOSE';
  }

  bind(addr: IpAddr, port: number): Result {
    const r = this.ns.sockets.bind(this, addr, port);
    return r.ok ? ok() : r;
  }

  /** Fixes the peer: only its datagrams are received and its ICMP errors are reported. `null` dissolves it. */
  connect(address: IpAddr | null, port: number): Result {
    if (address === null) {
      this.remote = null;
      return ok();
    }
    const addr = this.target(address);
    if (!addr.ok) return addr;
    const from = sourceFor(this, {
      connect: true,
      dst: addr.value,
      src: isAny(this.local.addr) ? null : this.local.addr,
      sport: this.local.port,
      dport: port,
    });
    if (!from.ok) return from;
    this.newTxHash();
    if (isAny(this.local.addr)) this.local = { addr: from.value.src, port: this.local.port };
    const bound = this.autobind();
    if (!bound.ok) return bound;
    this.remote = { addr: addr.value, port };
    return ok();
  }

  /** Address of a peer as it goes on the wire; the wildcard means this host. */
  private target(address: IpAddr): Result<IpAddr> {
    const addr = unmap(address);
    if (typeof addr === 'bigint' && this.family === 4) return fail('EAFNOSUPPORT');
    if (typeof addr === 'number' && this.family === 6 && this.opt.v6only) return fail('ENETUNREACH');
    if (!isAny(addr)) return ok(addr);
    return ok(typeof addr === 'number' ? 0x7f000001 : 1n);
  }

  private autobind(): Result {
    if (this.local.port !== 0) return ok();
    const port = this.ns.sockets.connectPort(this, { addr: 0, port: 0 });
    return port.ok ? ok() : fail('EAGAIN');
  }

  send(data: Uint8Array): Result<number> {
    return this.remote ? this.sendTo(data, this.remote.addr, this.remote.port) : fail('EDESTADDRREQ');
  }

  /** sendto(2). `options` override the socket's own for this datagram (ancillary data). */
  sendTo(data: Uint8Array, address: IpAddr, port: number, options: { ttl?: number; src?: IpAddr; dev?: NetDevice } = {}): Result<number> {
    if (this.closed) return fail('EBADF');
    const pending = this.checkError();
    if (!pending.ok) return pending;
    if (this.shutWrite) return fail('EPIPE');
    if (port === 0) return fail('EINVAL');
    if (data.length > MAX_LENGTH && this.family === 4) return fail('EMSGSIZE');
    const target = this.target(address);
    if (!target.ok) return target;
    const dst = target.value;
    const bound = this.autobind();
    if (!bound.ok) return bound;
    const own = options.src ?? (isAny(this.local.addr) ? null : this.local.addr);
    const multicast = isMulticast(dst);
    const oif = options.dev ?? (multicast && this.opt.multicastDevice !== null ? (this.ns.device(this.opt.multicastDevice) ?? null) : null);
    const from = sourceFor(this, { dst, src: own, sport: this.local.port, dport: port, oif });
    if (!from.ok) return from;
    const { route, src } = from.value;
    const length = data.length + 8;
    const header = typeof dst === 'number' ? 20 : 40;
    const mtu = this.opt.mtuDiscover === 'probe' ? route.dev.mtu : dstMtu(route, dst);
    const fits = length + header <= mtu;
    const huge = length + (typeof dst === 'number' ? 20 : 0) > MAX_LENGTH;
    const must = this.opt.mtuDiscover === 'do' || this.opt.mtuDiscover === 'probe';
    if ((must && !fits) || huge) {
      if (this.opt.recvErr) {
        this.queueError({
          errno: 'EMSGSIZE',
          origin: 'local',
          type: 0,
          code: 0,
          info: mtu,
          offender: null,
          dst: { addr: dst, port: typeof dst === 'number' ? (this.remote?.port ?? 0) : port },
          data,
          time: this.sim.now,
          ttl: 0,
        });
      }
      return fail('EMSGSIZE');
    }
    const payload = emitUdp({ srcPort: this.local.port, dstPort: port, payload: data }, src, dst, fits);
    // IP_PMTUDISC_WANT leaves DF to the IP layer, and such packets carry an identification of their own.
    const df = must ? { df: true } : this.opt.mtuDiscover === 'dont' ? { df: false } : {};
    const ttl = options.ttl ?? (multicast ? this.opt.multicastTtl : (this.opt.ttl ?? undefined));
    this.ns.snmp.inc(typeof dst === 'number' ? 'UdpOutDatagrams' : 'Udp6OutDatagrams');
    const sent = ipSend(this.ns, {
      src,
      dst,
      proto: IPPROTO_UDP,
      payload,
      ttl,
      tos: this.opt.tos,
      ...df,
      probe: this.opt.mtuDiscover === 'probe',
      ...(this.remote ? { id: this.nextIpId() } : {}),
      oif: oif ?? this.boundDevice() ?? null,
      mark: this.mark,
      priority: this.opt.priority,
      sk: this,
      route,
      // A datagram that is to be cut carries its checksum from the start.
      csumOffset: fits ? 6 : 0,
    });
    return sent.ok ? ok(data.length) : sent;
  }

  recvFrom(peek = false): Result<Datagram> {
    const d = peek ? this.queue[0] : this.queue.shift();
    if (d) {
      if (!peek) this.queued -= d.data.length;
      return ok(d);
    }
    const pending = this.checkError();
    if (!pending.ok) return pending;
    if (this.shutRead)
      return ok({ data: new Uint8Array(0), from: { addr: 0, port: 0 }, to: 0, dev: null, ttl: 0, tos: 0, time: this.sim.now });
    return fail('EAGAIN');
  }

  recv(): Result<Uint8Array> {
    const d = this.recvFrom();
    return d.ok ? ok(d.value.data) : d;
  }

  shutdown(how: 'read' | 'write' | 'both'): Result {
    if (!this.remote) return fail('ENOTCONN');
    if (how !== 'write') this.shutRead = true;
    if (how !== 'read') this.shutWrite = true;
    this.wq.wakeAll();
    return ok();
  }

  /** Called by the packet handler. */
  deliver(d: Datagram): void {
    const full = this.queued + d.data.length > (this.opt.rcvBuf ?? RCVBUF);
    if (this.closed || full) {
      this.drops++;
      const mib = udpMib(d.to);
      this.ns.snmp.inc(`${mib}RcvbufErrors`);
      this.ns.snmp.inc(`${mib}InErrors`);
      return;
    }
    this.queue.push(d);
    this.queued += d.data.length;
    this.ns.snmp.inc(typeof d.to === 'number' ? 'UdpInDatagrams' : 'Udp6InDatagrams');
    this.wq.wakeAll();
  }

  readable(): boolean {
    return this.queue.length > 0 || this.shutRead || this.failed();
  }

  writable(): boolean {
    return true;
  }

  queues(): { rx: number; tx: number } {
    return { rx: this.queued, tx: 0 };
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.ns.sockets.drop(this);
    this.wq.wakeAll();
  }
}

/** A sound datagram for the only socket of its port, a tunnel's, goes on without being taken apart. False: for the ordinary way. */
function encapsulated(skb: Skb, dev: NetDevice): boolean {
  const b = skb.data;
  if ((b[0] as number) >> 4 !== 4 || skb.type !== 'host') return false;
  const l4 = ip4HeaderLen(b);
  if (b.length < l4 + 8) return false;
  const sk = dev.ns.sockets.tunnel(u16(b, l4 + 2));
  if (!sk?.encapReceive) return false;
  const length = u16(b, l4 + 4);
  const end = l4 + length;
  if (length < 8 || end > b.length) return false;
  const src = readIp4(b, 12);
  const summed = skb.csumBytes === 0 && (b[l4 + 6] !== 0 || b[l4 + 7] !== 0);
  if (summed && fold16(sum16(b, l4, end, pseudo4(src, readIp4(b, 16), IPPROTO_UDP, length))) !== 0) return false;
  dev.ns.snmp.inc('UdpInDatagrams');
  sk.encapReceive(skb, l4 + 8, end, src);
  return true;
}

/** IPv6 counts its datagrams apart. */
function udpMib(addr: IpAddr): 'Udp' | 'Udp6' {
  return typeof addr === 'number' ? 'Udp' : 'Udp6';
}

/** Handler for protocol 17; `skb.data` is the whole IP packet. */
export function udpReceive(skb: Skb): void {
  const dev = skb.dev;
  if (!dev || encapsulated(skb, dev)) return;
  const ip = viewIp(skb.data);
  if (!ip) return;
  const ns = dev.ns;
  const u = parseUdp(ip.l4);
  const summed = skb.csumBytes === 0 && ip.l4.length >= 8 && (ip.l4[6] !== 0 || ip.l4[7] !== 0);
  if (!u || (summed && !l4ChecksumOk(ip.l4.subarray(0, 8 + u.payload.length), ip.src, ip.dst, IPPROTO_UDP))) {
    const mib = udpMib(ip.dst);
    if (u) ns.snmp.inc(`${mib}InCsumErrors`);
    ns.snmp.inc(`${mib}InErrors`);
    return;
  }
  const tuple = { laddr: ip.dst, lport: u.dstPort, raddr: ip.src, rport: u.srcPort };
  const datagram = (): Datagram => ({
    data: copy(u.payload),
    from: { addr: ip.src, port: u.srcPort },
    to: ip.dst,
    dev,
    ttl: ip.ttl,
    tos: ip.tos,
    time: skb.sim.now,
  });
  if (isMulticast(ip.dst) || skb.type === 'broadcast' || skb.type === 'multicast') {
    for (const sk of ns.sockets.allUdp(tuple, skb.inetIif())) {
      if (sk.encapReceive) hand(sk, skb, u.payload, ip.src);
      else sk.deliver(datagram());
    }
    return;
  }
  const sk = ns.sockets.findUdp(tuple, skb.inetIif());
  if (sk?.encapReceive) {
    hand(sk, skb, u.payload, ip.src);
    return;
  }
  if (sk) {
    sk.deliver(datagram());
    return;
  }
  ns.snmp.inc(`${udpMib(ip.dst)}NoPorts`);
  if (ip.family === 4) icmpSend(skb, 3, 3);
  else icmp6Send(skb, 1, 4);
}

/** To a tunnel's socket. */
function hand(sk: UdpSocket, skb: Skb, payload: Uint8Array, from: IpAddr): void {
  sk.ns.snmp.inc(`${udpMib(from)}InDatagrams`);
  const at = payload.byteOffset - skb.data.byteOffset;
  sk.encapReceive?.(skb, at, at + payload.length, from);
}

/** An ICMP error about a datagram of ours. Models __udp4_lib_err(). */
export function udpError(skb: Skb, quoted: Uint8Array, info: IcmpErrorInfo): void {
  const ip = viewIp(quoted);
  const ns = skb.dev?.ns ?? skb.sk?.ns;
  const what = icmpErrno(info);
  if (!ip || !ns || !what || ip.l4.length < 8) return;
  const lport = ((ip.l4[0] as number) << 8) | (ip.l4[1] as number);
  const rport = ((ip.l4[2] as number) << 8) | (ip.l4[3] as number);
  const sk = ns.sockets.findUdp({ laddr: ip.src, lport, raddr: ip.dst, rport }, skb.dev);
  if (!sk) {
    const tunnel = ns.sockets.findUdp({ laddr: ip.src, lport: rport, raddr: ip.dst, rport: lport }, skb.dev);
    if (!tunnel?.encapSent?.(ip.l4.subarray(8))) ns.snmp.inc(info.family === 4 ? 'IcmpInErrors' : 'Icmp6InErrors');
    return;
  }
  const tooBig = what.errno === 'EMSGSIZE';
  if (tooBig && sk.opt.mtuDiscover === 'dont') return;
  if (sk.opt.recvErr) {
    sk.queueError({
      errno: what.errno,
      origin: 'icmp',
      type: info.type,
      code: info.code,
      info: info.info,
      offender: info.from,
      dst: { addr: ip.dst, port: rport },
      data: ip.l4.slice(8),
      time: sk.sim.now,
      ttl: viewIp(skb.data)?.ttl ?? 0,
    });
  } else if ((!what.fatal && !tooBig) || !sk.remote) {
    return;
  }
  sk.setError(what.errno);
}
