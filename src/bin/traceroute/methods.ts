/** How traceroute probes: UDP to rising ports or one port, ICMP echo, TCP SYN. Models traceroute 2.1.2 mod-udp.c, mod-icmp.c, mod-tcp.c */

import type { Process } from '../../os/process.ts';
import { closeSocket, openRaw, openTcp, openUdp } from '../../os/sockcalls.ts';
import { dstMtu, type RawSocket, routeOutput, type Sock, type SockError, type TcpSocket, type UdpSocket } from '../../os/uapi.ts';
import { type Errno, type Result, strerror } from '../../sim/errno.ts';
import type { IpAddr } from '../../wire/addr.ts';
import { u16 } from '../../wire/bytes.ts';
import { emitIcmp, ICMP_ECHO, ICMP_ECHOREPLY } from '../../wire/icmp.ts';
import { emitIcmp6, ICMPV6_ECHO_REPLY, ICMPV6_ECHO_REQUEST } from '../../wire/icmp6.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, ip4HeaderLen } from '../../wire/ipv4.ts';
import { ACK, CWR, ECE, emitTcp, parseTcp, RST, SYN } from '../../wire/tcp.ts';
import type { TraceOptions } from './options.ts';

export interface Probe {
  readonly index: number;
  done: boolean;
  final: boolean;
  from: IpAddr | null;
  sentAt: number | null;
  receivedAt: number | null;
  error: string;
  /** TCP flags of the answer, with -O info. */
  flags: string;
  /** TTL that the answer had left; 0 when not known. */
  ttl: number;
  /** Sequence number or source port that tells replies apart. */
  seq: number;
  sock: UdpSocket | TcpSocket | null;
}

/** A system call that failed for good, as perror() names it. */
export interface Broken {
  call: string;
  errno: Errno;
}

export interface ProbeMethod {
  readonly headerLen: number;
  readonly dataLen: number;
  init(): Broken | null;
  /** False: nothing was sent, to be tried later. */
  send(probe: Probe, ttl: number): Broken | boolean;
  /** Sockets to wait on. */
  socks(probes: readonly Probe[]): Sock[];
  /** Takes in what has come; settles probes. */
  poll(probes: readonly Probe[]): void;
  expire(probe: Probe): void;
}

/** What an ICMP error says about the probe. Models parse_icmp_res(). */
function verdict(v4: boolean, e: SockError): { final: boolean; text: string } {
  const { type, code, info } = e;
  if (e.origin === 'local') return { final: true, text: e.errno === 'EMSGSIZE' ? `!F-${info}` : strerror(e.errno) };
  if (v4) {
    if (type === 11) return { final: code !== 0, text: code === 0 ? '' : `!<${type}-${code}>` };
    if (type !== 3) return { final: true, text: `!<${type}-${code}>` };
    const letters: Record<number, string> = {
      0: '!N',
      6: '!N',
      8: '!N',
      11: '!N',
      1: '!H',
      7: '!H',
      12: '!H',
      9: '!X',
      10: '!X',
      13: '!X',
      3: '',
      2: '!P',
      5: '!S',
      14: '!V',
      15: '!C',
    };
    return { final: true, text: code === 4 ? `!F-${info}` : (letters[code] ?? `!<${code}>`) };
  }
  if (type === 3) return { final: code !== 0, text: code === 0 ? '' : `!<${type}-${code}>` };
  if (type === 2) return { final: true, text: `!F-${info}` };
  const letters: Record<number, string> = { 0: '!N', 1: '!X', 2: '!X', 3: '!H', 4: '' };
  return { final: true, text: type === 1 ? (letters[code] ?? `!<${code}>`) : type === 4 && code === 1 ? '!P' : `!<${type}-${code}>` };
}

function settle(probe: Probe, from: IpAddr | null, time: number, v: { final: boolean; text: string }, ttl = 0): void {
  if (probe.done) return;
  probe.ttl = ttl;
  probe.from = from;
  probe.receivedAt = time;
  probe.error = [probe.error, v.text].filter((x) => x !== '').join(' ');
  probe.final = v.final;
  probe.done = true;
}

function broken(call: string, r: Result<unknown>): Broken | null {
  return r.ok ? null : { call, errno: r.errno };
}

abstract class Base {
  protected readonly p: Process;
  protected readonly o: TraceOptions;
  protected readonly v4: boolean;
  readonly headerLen: number;
  dataLen: number;

  constructor(p: Process, o: TraceOptions, l4: number, defaultLen: number) {
    this.p = p;
    this.o = o;
    this.v4 = typeof o.addr === 'number';
    this.headerLen = (this.v4 ? 20 : 40) + l4;
    this.dataLen = o.packetLen === null ? defaultLen : Math.max(0, o.packetLen - this.headerLen);
  }

  protected get family(): 4 | 6 {
    return this.v4 ? 4 : 6;
  }

  /** Ties a socket to device and source address, and sets what all probes share. */
  protected tune(sock: UdpSocket | TcpSocket | RawSocket): Broken | null {
    const { o } = this;
    if (o.device !== null) {
      const b = broken('setsockopt SO_BINDTODEVICE', sock.bindToDevice(o.device));
      if (b) return b;
    }
    sock.opt.mtuDiscover = o.dontFragment ? 'probe' : 'dont';
    if (o.tos !== null) sock.opt.tos = o.tos;
    if (o.mark !== 0) sock.opt.mark = o.mark;
    sock.opt.recvErr = true;
    const any = this.v4 ? 0 : 0n;
    if (sock.kind === 'raw') return o.source === null ? null : broken('bind', sock.bind(o.source));
    if (o.source === null && o.sourcePort === 0 && sock.kind === 'udp') return null;
    return broken('bind', sock.bind(o.source ?? any, o.sourcePort));
  }

  /** --mtu: a probe that was too big tells the MTU of the hop before and is sent again, smaller. */
  protected shrunk(probe: Probe, e: SockError): boolean {
    const tooBig = e.errno === 'EMSGSIZE' && e.info >= this.headerLen && e.info < this.headerLen + this.dataLen;
    if (!this.o.mtu || !tooBig || probe.done) return false;
    this.dataLen = e.info - this.headerLen;
    probe.sentAt = null;
    probe.error = `F=${e.info}`;
    return true;
  }

  protected drop(probe: Probe): void {
    if (probe.sock) closeSocket(this.p, probe.sock);
    probe.sock = null;
  }

  expire(probe: Probe): void {
    probe.done = true;
    this.drop(probe);
  }
}

export class UdpMethod extends Base implements ProbeMethod {
  private port: number;
  private readonly rising: boolean;

  constructor(p: Process, o: TraceOptions) {
    super(p, o, 8, 32);
    this.rising = o.method === 'default';
    this.port = o.port ?? (this.rising ? 33434 : 53);
  }

  init(): Broken | null {
    return null;
  }

  send(probe: Probe, ttl: number): Broken | boolean {
    const sock = openUdp(this.p, this.family);
    probe.sock = sock;
    const b = this.tune(sock) ?? broken('connect', sock.connect(this.o.addr, this.port));
    if (b) return b;
    sock.opt.ttl = ttl;
    if (this.rising) this.port = (this.port + 1) & 0xffff;
    const data = Uint8Array.from({ length: this.dataLen }, (_, i) => 0x40 + (i & 0x3f));
    probe.sentAt = this.p.sim.now;
    const r = sock.send(data);
    if (!r.ok && r.errno !== 'EMSGSIZE') {
      if (r.errno !== 'ENOBUFS' && r.errno !== 'EAGAIN') return { call: 'send', errno: r.errno };
      probe.sentAt = null;
      this.drop(probe);
      return false;
    }
    return true;
  }

  socks(probes: readonly Probe[]): Sock[] {
    return probes.flatMap((x) => (x.sock ? [x.sock] : []));
  }

  poll(probes: readonly Probe[]): void {
    for (const probe of probes) {
      const { sock } = probe;
      if (sock?.kind !== 'udp' || !sock.readable()) continue;
      const e = sock.recvError();
      if (e.ok) {
        sock.takeError();
        if (!this.shrunk(probe, e.value)) settle(probe, e.value.offender, e.value.time, verdict(this.v4, e.value), e.value.ttl);
      } else {
        const d = sock.recvFrom();
        if (!d.ok) continue;
        settle(probe, d.value.from.addr, d.value.time, { final: true, text: '' });
      }
      this.drop(probe);
    }
  }
}

abstract class RawBase extends Base {
  protected raw: RawSocket | null = null;
  protected readonly proto: number;

  constructor(p: Process, o: TraceOptions, proto: number, l4: number, defaultLen: number) {
    super(p, o, l4, defaultLen);
    this.proto = proto;
  }

  init(): Broken | null {
    const r = openRaw(this.p, this.family, this.proto);
    if (!r.ok) return { call: 'socket', errno: r.errno };
    this.raw = r.value;
    return this.tune(r.value) ?? broken('connect', r.value.connect(this.o.addr));
  }

  socks(): Sock[] {
    return this.raw ? [this.raw] : [];
  }

  protected emit(bytes: Uint8Array, ttl: number): Broken | boolean {
    const r = (this.raw as RawSocket).send(bytes, { ttl });
    if (r.ok || r.errno === 'EMSGSIZE') return true;
    return r.errno === 'ENOBUFS' || r.errno === 'EAGAIN' ? false : { call: 'send', errno: r.errno };
  }

  poll(probes: readonly Probe[]): void {
    const raw = this.raw as RawSocket;
    while (raw.readable()) {
      const e = raw.recvError();
      if (e.ok) {
        raw.takeError();
        const hit = this.quoted(probes, e.value.data);
        if (hit && !this.shrunk(hit, e.value)) settle(hit, e.value.offender, e.value.time, verdict(this.v4, e.value), e.value.ttl);
        if (hit) this.drop(hit);
        continue;
      }
      const r = raw.recv();
      if (!r.ok) {
        if (r.errno === 'EAGAIN') break;
        continue;
      }
      const l4 = this.v4 ? r.value.data.subarray(ip4HeaderLen(r.value.data)) : r.value.data;
      const hit = this.answered(probes, l4);
      if (hit) settle(hit, r.value.from, r.value.time, { final: true, text: '' }, r.value.ttl);
      if (hit) this.drop(hit);
    }
  }

  protected abstract quoted(probes: readonly Probe[], l4: Uint8Array): Probe | undefined;
  protected abstract answered(probes: readonly Probe[], l4: Uint8Array): Probe | undefined;
}

export class IcmpMethod extends RawBase implements ProbeMethod {
  private seq: number;
  private readonly ident: number;

  constructor(p: Process, o: TraceOptions) {
    super(p, o, typeof o.addr === 'number' ? IPPROTO_ICMP : IPPROTO_ICMPV6, 8, 32);
    this.seq = o.port ?? 1;
    this.ident = p.getpid() & 0xffff;
  }

  send(probe: Probe, ttl: number): Broken | boolean {
    const payload = Uint8Array.from({ length: this.dataLen }, (_, i) => 0x40 + (i & 0x3f));
    const rest = ((this.ident << 16) | this.seq) >>> 0;
    const source = (this.raw as RawSocket).local.addr;
    const bytes = this.v4
      ? emitIcmp({ type: ICMP_ECHO, code: 0, rest, payload })
      : emitIcmp6({ type: ICMPV6_ECHO_REQUEST, code: 0, rest, payload }, source as bigint, this.o.addr as bigint);
    probe.sentAt = this.p.sim.now;
    const r = this.emit(bytes, ttl);
    if (r === true) {
      probe.seq = this.seq;
      this.seq = (this.seq + 1) & 0xffff;
    } else if (r === false) probe.sentAt = null;
    return r;
  }

  private match(probes: readonly Probe[], l4: Uint8Array, type: number): Probe | undefined {
    if (l4.length < 8 || l4[0] !== type || u16(l4, 4) !== this.ident) return undefined;
    return probes.find((x) => x.sentAt !== null && !x.done && x.seq === u16(l4, 6));
  }

  protected quoted(probes: readonly Probe[], l4: Uint8Array): Probe | undefined {
    return this.match(probes, l4, this.v4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST);
  }

  protected answered(probes: readonly Probe[], l4: Uint8Array): Probe | undefined {
    return this.match(probes, l4, this.v4 ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY);
  }
}

export class TcpMethod extends RawBase implements ProbeMethod {
  private readonly port: number;

  /** Without flags of one's own the SYN carries what a kernel's SYN carries, else only its MSS. */
  private readonly synOptions: { sackPermitted: boolean; timestamps: boolean; wscale: boolean };

  constructor(p: Process, o: TraceOptions) {
    const on = (key: string): boolean => !o.tcp.flags && p.ns.sysctl.int(`net.ipv4.tcp_${key}`) !== 0;
    const syn = { sackPermitted: on('sack'), timestamps: on('timestamps'), wscale: on('window_scaling') };
    const size = 4 + (syn.timestamps ? 12 : syn.sackPermitted ? 4 : 0) + (syn.wscale ? 4 : 0);
    super(p, { ...o, packetLen: null }, IPPROTO_TCP, 20, size);
    this.synOptions = syn;
    this.port = o.port ?? 80;
  }

  /** IP_MTU of the connected raw socket. */
  private pathMtu(): number {
    const { p, o } = this;
    const r = routeOutput(p.ns, { dst: o.addr, src: null, oif: null, mark: 0, tos: 0, proto: IPPROTO_TCP, uid: p.uid });
    return r.ok ? Math.min(dstMtu(r.value, o.addr), 65_535) : 1500;
  }

  /** The bound but idle socket keeps its port; what answers the SYN finds nobody listening and is reset by the kernel. */
  send(probe: Probe, ttl: number): Broken | boolean {
    const holder = openTcp(this.p, this.family);
    probe.sock = holder;
    const b = this.tune(holder);
    if (b) return b;
    const raw = this.raw as RawSocket;
    const rng = this.p.sim.rng('traceroute');
    const mss = this.o.tcp.mss ?? this.pathMtu() - (this.v4 ? 40 : 60);
    const syn = emitTcp(
      {
        srcPort: holder.local.port,
        dstPort: this.port,
        seq: rng.below(0x100000000),
        ack: 0,
        flags: this.o.tcp.flags || (this.p.ns.sysctl.int('net.ipv4.tcp_ecn') === 1 ? SYN | ECE | CWR : SYN),
        window: (4 * mss) & 0xffff,
        urgent: 0,
        payload: new Uint8Array(0),
        options: {
          mss,
          ...(this.synOptions.sackPermitted ? { sackPermitted: true } : {}),
          ...(this.synOptions.timestamps ? { timestamps: [Math.floor(this.p.sim.now / 1000) >>> 0, 0] as [number, number] } : {}),
          ...(this.synOptions.wscale ? { wscale: 2 } : {}),
        },
      },
      raw.local.addr,
      this.o.addr,
    );
    probe.sentAt = this.p.sim.now;
    const r = this.emit(syn, ttl);
    if (r === true) probe.seq = holder.local.port;
    else if (r === false) {
      probe.sentAt = null;
      this.drop(probe);
    }
    return r;
  }

  private match(probes: readonly Probe[], near: number, far: number): Probe | undefined {
    return far === this.port ? probes.find((x) => x.sentAt !== null && !x.done && x.seq === near) : undefined;
  }

  protected quoted(probes: readonly Probe[], l4: Uint8Array): Probe | undefined {
    return l4.length < 8 ? undefined : this.match(probes, u16(l4, 0), u16(l4, 2));
  }

  protected answered(probes: readonly Probe[], l4: Uint8Array): Probe | undefined {
    const t = parseTcp(l4);
    if (!t || ((t.flags & RST) === 0 && (t.flags & (SYN | ACK)) !== (SYN | ACK))) return undefined;
    const hit = this.match(probes, t.dstPort, t.srcPort);
    if (hit && this.o.tcp.info)
      hit.flags = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr'].filter((_, i) => (t.flags >> i) & 1).join(',');
    return hit;
  }
}

/** -P: packets of any protocol, one at a time, since nothing in them tells them apart. */
export class RawMethod extends RawBase implements ProbeMethod {
  constructor(p: Process, o: TraceOptions) {
    super(p, o, o.protocol, 0, 40);
  }

  send(probe: Probe, ttl: number): Broken | boolean {
    probe.sentAt = this.p.sim.now;
    const r = this.emit(
      Uint8Array.from({ length: this.dataLen }, (_, i) => 0x40 + (i & 0x3f)),
      ttl,
    );
    if (r === false) probe.sentAt = null;
    return r;
  }

  protected quoted(probes: readonly Probe[]): Probe | undefined {
    return probes.find((x) => x.sentAt !== null && !x.done);
  }

  protected answered(probes: readonly Probe[]): Probe | undefined {
    return this.quoted(probes);
  }
}

export function methodFor(p: Process, o: TraceOptions): ProbeMethod {
  if (o.method === 'icmp') return new IcmpMethod(p, o);
  if (o.method === 'raw') return new RawMethod(p, o);
  return o.method === 'tcp' ? new TcpMethod(p, o) : new UdpMethod(p, o);
}
