import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { emitIcmp } from '../../../wire/icmp.ts';
import { emitIpv4, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, parseIpv4 } from '../../../wire/ipv4.ts';
import { emitIpv6 } from '../../../wire/ipv6.ts';
import { l4ChecksumOk } from '../../../wire/pseudo.ts';
import { emitTcp } from '../../../wire/tcp.ts';
import { emitUdp } from '../../../wire/udp.ts';
import { manipPacket } from './manip.ts';
import { invertTuple, readTuple, sameTuple } from './tuple.ts';

const ip4 = fc.nat(0xffffffff);
const ip6 = fc.bigInt(0n, (1n << 128n) - 1n);
const port = fc.nat(65535);
const payload = fc.uint8Array({ maxLength: 40 });
const none = new Uint8Array(0);

function packet4(proto: number, src: number, dst: number, sport: number, dport: number, data: Uint8Array): Uint8Array {
  const l4 =
    proto === IPPROTO_TCP
      ? emitTcp({ srcPort: sport, dstPort: dport, seq: 1, ack: 2, flags: 16, window: 3, urgent: 0, options: {}, payload: data }, src, dst)
      : proto === IPPROTO_UDP
        ? emitUdp({ srcPort: sport, dstPort: dport, payload: data }, src, dst)
        : emitIcmp({ type: 8, code: 0, rest: sport * 65536 + 1, payload: data });
  return emitIpv4({ tos: 0, id: 7, df: true, mf: false, offset: 0, ttl: 64, proto, src, dst, options: none, payload: l4 });
}

describe('rewriting packets', () => {
  test('checksums stay right, and undoing gives the same bytes', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP),
        ip4,
        ip4,
        ip4,
        port,
        port,
        port,
        payload,
        fc.constantFrom('src' as const, 'dst' as const),
        (proto, src, dst, to, sport, dport, toPort, data, manip) => {
          const b = packet4(proto, src, dst, sport, dport, data);
          const before = b.slice();
          manipPacket(b, 4, 0, 20, proto, manip, { addr: to, port: toPort });
          const p = parseIpv4(b);
          expect(p).not.toBeNull();
          if (!p) return;
          expect(manip === 'src' ? p.src : p.dst).toBe(to);
          if (proto !== IPPROTO_ICMP) expect(l4ChecksumOk(p.payload, p.src, p.dst, proto)).toBe(true);
          const back = manip === 'src' || proto === IPPROTO_ICMP ? sport : dport;
          manipPacket(b, 4, 0, 20, proto, manip, { addr: manip === 'src' ? src : dst, port: back });
          expect(b).toEqual(before);
        },
      ),
    );
  });

  test('IPv6 too', () => {
    fc.assert(
      fc.property(ip6, ip6, ip6, port, port, payload, (src, dst, to, sport, toPort, data) => {
        const udp = emitUdp({ srcPort: sport, dstPort: 53, payload: data }, src, dst);
        const b = emitIpv6({ trafficClass: 0, flowLabel: 0, proto: IPPROTO_UDP, hopLimit: 64, src, dst, payload: udp });
        const before = b.slice();
        manipPacket(b, 6, 0, 40, IPPROTO_UDP, 'src', { addr: to, port: toPort });
        expect(l4ChecksumOk(b.subarray(40), to, dst, IPPROTO_UDP)).toBe(true);
        manipPacket(b, 6, 0, 40, IPPROTO_UDP, 'src', { addr: src, port: sport });
        expect(b).toEqual(before);
      }),
    );
  });

  test('a tuple inverted twice is itself', () => {
    fc.assert(
      fc.property(fc.constantFrom(IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP), ip4, ip4, port, port, (proto, src, dst, sport, dport) => {
        const tuple = readTuple(packet4(proto, src, dst, sport, dport, none), 4, 0, 20, proto);
        const inverse = tuple && invertTuple(tuple);
        const back = inverse && invertTuple(inverse);
        expect(tuple && back && sameTuple(tuple, back)).toBe(true);
      }),
    );
  });
});
