/** Two namespaces on one cable, and a scripted TCP peer, for the socket tests. */

import type { Result } from '../../sim/errno.ts';
import { SEC, Sim } from '../../sim/sim.ts';
import { parseIp4 } from '../../wire/addr.ts';
import { ETH_HLEN, emitEthernet } from '../../wire/ethernet.ts';
import { emitIpv4, IPPROTO_TCP, parseIpv4 } from '../../wire/ipv4.ts';
import { ACK, emitTcp, FIN, PSH, parseTcp, RST, SYN, type Tcp, type TcpOptions } from '../../wire/tcp.ts';
import { Veth } from '../dev/veth.ts';
import { addAddr } from '../ip/ifaddr.ts';
import { Kernel } from '../kernel.ts';
import { NUD_PERMANENT } from '../neigh/nud.ts';
import type { Netns } from '../netns.ts';
import { type Captured, PacketSocket } from './packet.ts';

export function ip(text: string): number {
  return parseIp4(text) as number;
}

export function must<T>(r: Result<T>): T {
  if (!r.ok) throw new Error(r.errno + (r.msg ?? ''));
  return r.value;
}

export interface Lan {
  sim: Sim;
  kernel: Kernel;
  a: Netns;
  b: Netns;
  ethA: Veth;
  ethB: Veth;
}

/** a = 10.0.0.1, b = 10.0.0.2, each with lo up and eth0. `withB` false leaves b without an address: a scripted peer speaks for it. */
export function lan(withB = true, seed = 1): Lan {
  const sim = new Sim(seed);
  const kernel = new Kernel(sim, 'host');
  const a = kernel.newNetns();
  const b = kernel.newNetns();
  kernel.named.set('a', a);
  kernel.named.set('b', b);
  const ethA = new Veth(a, 'eth0');
  const ethB = new Veth(b, 'eth0');
  ethA.mac = 0x020000000001;
  ethB.mac = 0x020000000002;
  Veth.pair(ethA, ethB);
  for (const ns of [a, b]) {
    ns.sysctl.set('net.ipv6.conf.all.disable_ipv6', '1');
    ns.sysctl.set('net.ipv6.conf.default.disable_ipv6', '1');
    ns.lo.setUp();
  }
  must(addAddr(ethA, { local: ip('10.0.0.1'), len: 24 }));
  if (withB) must(addAddr(ethB, { local: ip('10.0.0.2'), len: 24 }));
  ethA.setUp();
  ethB.setUp();
  sim.runUntil(2 * SEC);
  return { sim, kernel, a, b, ethA, ethB };
}

/** `S` SYN, `.` ACK, `P` PSH, `F` FIN, `R` RST, as tcpdump prints them. */
export function flagText(flags: number): string {
  let s = '';
  if (flags & FIN) s += 'F';
  if (flags & SYN) s += 'S';
  if (flags & RST) s += 'R';
  if (flags & PSH) s += 'P';
  if (flags & ACK) s += '.';
  return s;
}

function flagBits(text: string): number {
  const bits: Record<string, number> = { F: FIN, S: SYN, R: RST, P: PSH, '.': ACK };
  return [...text].reduce((n, c) => n | (bits[c] as number), 0);
}

/** One TCP segment of a capture: `10.0.0.1 > 10.0.0.2 S win 64240 len 0` without addresses. */
export function tcpOf(c: Captured): Tcp | null {
  const packet = parseIpv4(c.frame.subarray(ETH_HLEN));
  return packet && packet.proto === IPPROTO_TCP ? parseTcp(packet.payload) : null;
}

/** A TCP peer at 10.0.0.2 that says exactly what the test tells it, and sees all that 10.0.0.1 sends. */
export class Peer {
  readonly net: Lan;
  readonly tap: PacketSocket;
  port: number;
  remotePort = 0;
  /** Our sequence numbers start at 1000; theirs are shown relative to their SYN. */
  seq = 1000;
  irs = 0;
  tsVal = 5000;
  tsRecent = 0;
  useTs = true;
  private first = true;

  constructor(net: Lan, port: number) {
    this.net = net;
    this.port = port;
    must(net.a.neigh.add(net.ethA, ip('10.0.0.2'), { mac: 0x020000000002, state: NUD_PERMANENT }, 'replace'));
    this.tap = new PacketSocket(net.b, 0x0800);
    must(this.tap.bind(net.ethB));
  }

  /** The next segment within `within` µs as `FLAGS seq:ack win len`, sequence numbers relative to both SYNs. */
  recv(within = 1000): string {
    const { sim } = this.net;
    const end = sim.now + within;
    for (;;) {
      const c = this.tap.recv();
      if (c.ok) {
        const t = tcpOf(c.value);
        if (!t) continue;
        if (t.options.timestamps) this.tsRecent = t.options.timestamps[0];
        this.remotePort = t.srcPort;
        if (t.flags & SYN && this.first) {
          this.first = false;
          this.irs = t.seq;
        }
        const ack = t.flags & ACK ? (t.ack - 1000) >>> 0 : 0;
        const sack = t.options.sack?.map(([l, r]) => ` sack ${l - 1000}-${r - 1000}`).join('') ?? '';
        return `${flagText(t.flags)} ${(t.seq - this.irs) >>> 0}:${ack} win ${t.window} len ${t.payload.length}${sack}`;
      }
      const next = sim.nextTime();
      if (next === null || next > end) {
        sim.runUntil(end);
        const late = this.tap.readable();
        if (!late) return 'nothing';
        continue;
      }
      sim.step();
    }
  }

  /** Milliseconds from now until the next segment, at most `ms`. */
  wait(ms: number): { after: number; got: string } {
    const start = this.net.sim.now;
    const got = this.recv(ms * 1000);
    return { after: Math.round((this.net.sim.now - start) / 1000), got };
  }

  /** Sends a segment; `seq` and `ack` relative to the SYNs. */
  send(
    flags: string,
    seq: number,
    ack: number,
    o: { len?: number; data?: Uint8Array; win?: number; options?: TcpOptions; to?: number } = {},
  ): void {
    const bits = flagBits(flags);
    const options: TcpOptions = { ...(o.options ?? {}) };
    if (this.useTs) options.timestamps ??= [++this.tsVal, this.tsRecent];
    const t: Tcp = {
      srcPort: this.port,
      dstPort: o.to ?? this.remotePort,
      seq: (1000 + seq) >>> 0,
      ack: bits & ACK ? (this.irs + ack) >>> 0 : 0,
      flags: bits,
      window: o.win ?? 1000,
      urgent: 0,
      options,
      payload: o.data ?? new Uint8Array(o.len ?? 0).fill(120),
    };
    const [src, dst] = [ip('10.0.0.2'), ip('10.0.0.1')];
    const packet = emitIpv4({
      tos: 0,
      id: 1,
      df: true,
      mf: false,
      offset: 0,
      ttl: 64,
      proto: IPPROTO_TCP,
      src,
      dst,
      options: new Uint8Array(0),
      payload: emitTcp(t, src, dst),
    });
    must(this.tap.send(emitEthernet({ dst: 0x020000000001, src: 0x020000000002, type: 0x0800, payload: packet })));
  }

  static readonly synOptions: TcpOptions = { mss: 1460, sackPermitted: true, wscale: 7 };
}
