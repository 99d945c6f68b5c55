import { expect, test } from 'vitest';
import { Sim } from '../../sim/sim.ts';
import { parseIp4, parseIp6 } from '../../wire/addr.ts';
import { emitIcmp } from '../../wire/icmp.ts';
import { refreshIp4Checksum } from '../../wire/ipv4.ts';
import { emitTcp, SYN } from '../../wire/tcp.ts';
import { emitUdp } from '../../wire/udp.ts';
import { netifReceive } from '../dev/core.ts';
import { Veth } from '../dev/veth.ts';
import { Kernel } from '../kernel.ts';
import { Skb } from '../skb.ts';
import { PacketSocket } from '../sock/packet.ts';
import { RawSocket } from '../sock/raw.ts';
import { TcpSocket } from '../sock/tcp/tcp.ts';
import { UdpSocket } from '../sock/udp.ts';
import { addAddr } from './ifaddr.ts';

const ip = (t: string): number => parseIp4(t) as number;
const [OURS, THEIRS] = [ip('10.0.0.1'), ip('10.0.0.2')];

function ip4(proto: number, payload: Uint8Array, options = 0): Uint8Array {
  const hlen = 20 + options;
  const b = new Uint8Array(hlen + payload.length);
  b[0] = 0x40 | (hlen / 4);
  new DataView(b.buffer).setUint16(2, b.length);
  b[8] = 64;
  b[9] = proto;
  new DataView(b.buffer).setUint32(12, THEIRS);
  new DataView(b.buffer).setUint32(16, OURS);
  b.set(payload, hlen);
  refreshIp4Checksum(b);
  return b;
}

function ip6(next: number, payload: Uint8Array): Uint8Array {
  const b = new Uint8Array(40 + payload.length);
  b[0] = 0x60;
  new DataView(b.buffer).setUint16(4, payload.length);
  b[6] = next;
  b[7] = 64;
  const write = (at: number, a: bigint): void => {
    for (let i = 0; i < 16; i++) b[at + i] = Number((a >> BigInt(120 - 8 * i)) & 0xffn);
  };
  write(8, parseIp6('fd00::2') as bigint);
  write(24, parseIp6('fd00::1') as bigint);
  b.set(payload, 40);
  return b;
}

/** Whole packets of each protocol, which are then spoilt. */
function seeds(): [number, Uint8Array][] {
  const syn = emitTcp(
    {
      srcPort: 4000,
      dstPort: 80,
      seq: 1,
      ack: 0,
      flags: SYN,
      window: 64240,
      urgent: 0,
      options: { mss: 1460, wscale: 7, sackPermitted: true, timestamps: [1, 0] },
      payload: new Uint8Array(0),
    },
    THEIRS,
    OURS,
  );
  const udp = emitUdp({ srcPort: 53, dstPort: 53, payload: new Uint8Array(20) }, THEIRS, OURS);
  const error = emitIcmp({ type: 3, code: 3, rest: 0, payload: ip4(17, udp) });
  const frag = ip4(17, udp);
  frag[6] = 0x20;
  refreshIp4Checksum(frag);
  return [
    [0x0800, ip4(6, syn)],
    [0x0800, ip4(17, udp)],
    [0x0800, ip4(1, emitIcmp({ type: 8, code: 0, rest: 1, payload: new Uint8Array(56) }))],
    [0x0800, ip4(1, error)],
    [0x0800, ip4(47, new Uint8Array(8), 40)],
    [0x0800, frag],
    [0x0806, Uint8Array.of(0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2, 10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1)],
    [0x86dd, ip6(58, Uint8Array.of(128, 0, 0, 0, 0, 1, 0, 1, 1, 2, 3, 4))],
    [0x86dd, ip6(58, new Uint8Array(24).fill(135, 0, 1))],
    [0x86dd, ip6(44, new Uint8Array(24).fill(58, 0, 1))],
    [0x86dd, ip6(0, new Uint8Array(16).fill(6, 0, 1))],
    [0x86dd, ip6(6, syn)],
    [0x88cc, new Uint8Array(30)],
  ];
}

test('20,000 spoilt packets: nothing throws, nothing stays behind', () => {
  const sim = new Sim(7);
  const ns = new Kernel(sim, 'h').newNetns();
  const [eth0, peer] = [new Veth(ns, 'eth0'), new Veth(ns, 'peer0')];
  Veth.pair(eth0, peer);
  ns.lo.setUp();
  eth0.setUp();
  peer.setUp();
  sim.runUntil(2_000_000);
  addAddr(eth0, { local: OURS, len: 24 });
  addAddr(eth0, { local: parseIp6('fd00::1') as bigint, len: 64 });
  ns.sysctl.set('net.ipv4.ip_forward', '1');
  ns.sysctl.set('net.ipv6.conf.all.forwarding', '1');
  const listener = new TcpSocket(ns);
  listener.bind(0, 80);
  listener.listen(8);
  new UdpSocket(ns).bind(0, 53);
  new RawSocket(ns, 4, 1);
  const tap = new PacketSocket(ns);
  const rng = sim.rng('spoil');
  const packets = seeds();
  for (let n = 0; n < 20_000; n++) {
    const [proto, whole] = packets[rng.below(packets.length)] as [number, Uint8Array];
    let b = whole.slice(0, rng.below(4) === 0 ? rng.below(whole.length + 1) : whole.length);
    for (let k = rng.below(6); k > 0 && b.length > 0; k--) b[rng.below(b.length)] = rng.below(256);
    if (rng.below(20) === 0) b = Uint8Array.from({ length: rng.below(120) }, () => rng.below(256));
    // Half of them with a header checksum that holds, so that they come further.
    if (proto === 0x0800 && b.length >= 20 && ((b[0] as number) & 15) * 4 <= b.length && ((b[0] as number) & 15) >= 5 && rng.below(2) === 0)
      refreshIp4Checksum(b);
    const skb = new Skb(sim, proto, b);
    skb.dev = eth0;
    skb.ethSrc = 0x020000000002;
    skb.ethDst = eth0.mac;
    skb.type = rng.below(10) === 0 ? 'broadcast' : 'host';
    netifReceive(skb);
    sim.runUntil(sim.now + 100);
    while (tap.recv().ok);
  }
  // Reassembly, handshakes and neighbours give up within two minutes.
  sim.runUntil(sim.now + 130_000_000);
  expect(listener.synQueue.size).toBe(0);
  expect(ns.ip4.reassembly.size).toBe(0);
  expect([...ns.sockets.all].length).toBeLessThan(20);
});
