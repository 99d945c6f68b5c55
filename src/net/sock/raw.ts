/** Raw IP sockets: whole packets of one protocol, for ping and traceroute. Models net/ipv4/raw.c, net/ipv6/raw.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { type IpAddr, isMulticast, readIp4 } from '../../wire/addr.ts';
import { copy, fold16, put16, sum16 } from '../../wire/bytes.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from '../../wire/ipv4.ts';
import { pseudo } from '../../wire/pseudo.ts';
import type { NetDevice } from '../dev/device.ts';
import { countIcmp } from '../ip/icmpstat.ts';
import type { IcmpErrorInfo } from '../ip/protocols.ts';
import { dstMtu } from '../ip/route.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { icmpErrno, ipSend, sourceFor, viewIp } from './output.ts';
import { isAny, Sock, unmap } from './sock.ts';

const IPPROTO_RAW = 255;

export interface RawPacket {
  /** IPv4: from the IP header on. IPv6: the payload only. */
  data: Uint8Array;
  from: IpAddr;
  to: IpAddr;
  dev: NetDevice | null;
  ttl: number;
  tos: number;
  time: number;
  /** Identity in the trace. */
  skb: number;
}

const RCVBUF = 212_992;

export class RawSocket extends Sock {
  readonly kind = 'raw' as const;
  private readonly queue: RawPacket[] = [];
  private queued = 0;
  /** ICMP_FILTER: types that do not reach this socket. */
  readonly blockedTypes = new Set<number>();
  drops = 0;

  /** Only root may; the caller checks. */
  constructor(ns: Netns, family: 4 | 6, proto: number) {
    super(ns, family, proto);
    if (proto === IPPROTO_RAW) this.opt.hdrIncl = true;
    ns.sockets.all.add(this);
    ns.sockets.raw.add(this);
  }

  get state(): 'ESTABLISHED' | 'CLOSE' {
    return this.remote ? 'ESTABLISHED' : 'CLOSE';
  }

  bind(address: IpAddr): Result {
    const addr = unmap(address);
    if (!this.ns.sockets.addressOk(this, addr)) return fail('EADDRNOTAVAIL');
    this.local = { addr, port: this.proto };
    return ok();
  }

  connect(addr: IpAddr): Result {
    const from = sourceFor(this, { connect: true, dst: addr, src: isAny(this.local.addr) ? null : this.local.addr });
    if (!from.ok) return from;
    if (isAny(this.local.addr)) this.local = { addr: from.value.src, port: this.proto };
    this.remote = { addr, port: 0 };
    return ok();
  }

  send(data: Uint8Array, options: { ttl?: number; tos?: number; dev?: NetDevice } = {}): Result<number> {
    return this.remote ? this.sendTo(data, this.remote.addr, options) : fail('EDESTADDRREQ');
  }

  /** IPv4: an ICMP message with its checksum; IPv6: the kernel fills in the ICMPv6 checksum. With hdrIncl a whole IPv4 packet. */
  sendTo(data: Uint8Array, dst: IpAddr, options: { ttl?: number; tos?: number; dev?: NetDevice } = {}): Result<number> {
    if (this.closed) return fail('EBADF');
    // A pending error stops only sock_alloc_send_skb(), which __ip_append_data() leaves out without a transport header.
    if (this.opt.hdrIncl) {
      const pending = this.checkError();
      return pending.ok ? this.sendPacket(data, dst) : pending;
    }
    if (data.length > 0xffff) return fail('EMSGSIZE');
    const multicast = isMulticast(dst);
    const oif = options.dev ?? (multicast && this.opt.multicastDevice !== null ? (this.ns.device(this.opt.multicastDevice) ?? null) : null);
    const from = sourceFor(this, { dst, src: isAny(this.local.addr) ? null : this.local.addr, oif });
    if (!from.ok) return from;
    const { route, src } = from.value;
    const mtu = this.opt.mtuDiscover === 'probe' ? route.dev.mtu : dstMtu(route, dst);
    const fits = data.length + (typeof dst === 'number' ? 20 : 40) <= mtu;
    const huge = data.length > 65_515;
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
          dst: { addr: dst, port: 0 },
          data,
          time: this.sim.now,
          ttl: 0,
        });
        this.error = null;
      }
      return fail('EMSGSIZE');
    }
    // IP_PMTUDISC_WANT leaves DF to the IP layer, and such packets carry an identification of their own.
    const df = must ? { df: true } : this.opt.mtuDiscover === 'dont' ? { df: false } : {};
    let payload = data;
    if (this.family === 6 && this.proto === IPPROTO_ICMPV6) payload = withIcmp6Checksum(data, src, dst);
    if (this.family === 4 && this.proto === IPPROTO_ICMP) countIcmp(this.ns.snmp, 'Out', data[0] ?? 0);
    const sent = ipSend(this.ns, {
      src,
      dst,
      proto: this.proto,
      payload,
      ttl: options.ttl ?? (multicast ? this.opt.multicastTtl : (this.opt.ttl ?? undefined)),
      tos: options.tos ?? this.opt.tos,
      ...df,
      probe: this.opt.mtuDiscover === 'probe',
      options: this.opt.ipOptions,
      flowLabel: this.opt.flowLabel,
      ...(this.remote ? { id: this.nextIpId() } : {}),
      oif: oif ?? this.boundDevice() ?? null,
      mark: this.mark,
      priority: this.opt.priority,
      sk: this,
      route,
    });
    return sent.ok ? ok(data.length) : sent;
  }

  private sendPacket(packet: Uint8Array, dst: IpAddr): Result<number> {
    if (packet.length < 20) return fail('EINVAL');
    if (typeof dst !== 'number') return fail('EAFNOSUPPORT');
    const src = readIp4(packet, 12);
    const from = sourceFor(this, { dst, src: src === 0 ? null : src });
    if (!from.ok) return from;
    if (packet.length > from.value.route.dev.mtu) return fail('EMSGSIZE');
    const sent = this.ns.ip4.outputRaw(packet.slice(), {
      oif: this.boundDevice() ?? null,
      mark: this.mark,
      sk: this,
      priority: this.opt.priority,
    });
    return sent.ok ? ok(packet.length) : sent;
  }

  recv(): Result<RawPacket> {
    const p = this.queue.shift();
    if (p) {
      this.queued -= p.data.length;
      return ok(p);
    }
    const pending = this.checkError();
    return pending.ok ? fail('EAGAIN') : pending;
  }

  deliver(p: RawPacket): void {
    if (this.queued + p.data.length > (this.opt.rcvBuf ?? RCVBUF)) {
      this.drops++;
      return;
    }
    this.queue.push(p);
    this.queued += p.data.length;
    this.wq.wakeAll();
  }

  readable(): boolean {
    return this.queue.length > 0 || this.failed();
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
    this.ns.sockets.raw.delete(this);
    this.ns.sockets.all.delete(this);
    this.wq.wakeAll();
  }
}

function withIcmp6Checksum(message: Uint8Array, src: IpAddr, dst: IpAddr): Uint8Array {
  const b = copy(message);
  put16(b, 2, 0);
  put16(b, 2, fold16(sum16(b, 0, b.length, pseudo(src, dst, IPPROTO_ICMPV6, b.length))));
  return b;
}

/** Every locally delivered packet passes here before its protocol's handler. True when a socket took it: then no protocol unreachable is sent. */
export function rawReceive(skb: Skb): boolean {
  const dev = skb.dev;
  if (!dev || dev.ns.sockets.raw.size === 0) return false;
  const b = skb.data;
  if ((b[0] as number) >> 4 !== 4) return rawDeliver(skb, dev);
  // Most packets are of a protocol that no raw socket asked for.
  for (const sk of dev.ns.sockets.raw) if (sk.family === 4 && sk.proto === b[9]) return rawDeliver(skb, dev);
  return false;
}

function rawDeliver(skb: Skb, dev: NetDevice): boolean {
  const ip = viewIp(skb.data);
  if (!ip) return false;
  let taken = false;
  for (const sk of dev.ns.sockets.raw) {
    if (sk.family !== ip.family || sk.proto !== ip.proto || !sk.acceptsDevice(skb.inetIif())) continue;
    if (sk.remote && sk.remote.addr !== ip.src) continue;
    if (!isAny(sk.local.addr) && sk.local.addr !== ip.dst) continue;
    taken = true;
    if (sk.blockedTypes.size > 0 && sk.blockedTypes.has(ip.l4[0] as number)) continue;
    sk.deliver({
      data: copy(ip.family === 4 ? skb.data : ip.l4),
      from: ip.src,
      to: ip.dst,
      dev,
      ttl: ip.ttl,
      tos: ip.tos,
      time: skb.sim.now,
      skb: skb.id,
    });
  }
  return taken;
}

/** An ICMP error about a packet that a raw socket sent. Models raw_icmp_error(). */
export function rawError(skb: Skb, quoted: Uint8Array, info: IcmpErrorInfo): void {
  const ns = skb.dev?.ns ?? skb.sk?.ns;
  const ip = viewIp(quoted);
  const what = icmpErrno(info);
  if (!ns || !ip || !what) return;
  for (const sk of [...ns.sockets.raw]) {
    if (sk.family !== ip.family || sk.proto !== ip.proto) continue;
    if (sk.remote && sk.remote.addr !== ip.dst) continue;
    if (!isAny(sk.local.addr) && sk.local.addr !== ip.src) continue;
    // What this host itself reports comes in by lo, and a socket that is tied to another device does not hear it.
    if (ip.family === 4 && !sk.acceptsDevice(skb.dev)) continue;
    const tooBig = what.errno === 'EMSGSIZE';
    if (tooBig && sk.opt.mtuDiscover === 'dont') continue;
    if (!sk.opt.recvErr && !sk.remote) continue;
    if (sk.opt.recvErr) {
      sk.queueError({
        errno: what.errno,
        origin: 'icmp',
        type: info.type,
        code: info.code,
        info: info.info,
        offender: info.from,
        dev: skb.dev,
        dst: { addr: ip.dst, port: 0 },
        data: ip.l4.slice(),
        time: sk.sim.now,
        ttl: viewIp(skb.data)?.ttl ?? 0,
      });
    }
    if (sk.opt.recvErr || what.fatal || tooBig) sk.setError(what.errno);
  }
}
