/** Codec properties: parse(emit(x)) = x for every protocol. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatIp6, parseIp6 } from './addr.ts';
import { emitArp, parseArp } from './arp.ts';
import { emitDns, encodeName, parseDns } from './dns.ts';
import { emitEthernet, parseEthernet } from './ethernet.ts';
import { emitIcmp, parseIcmp } from './icmp.ts';
import { emitIcmp6, emitNeighbour6, linkAddrOption, parseIcmp6, parseNeighbour6, solicitedNode } from './icmp6.ts';
import { emitIpv4, parseIpv4 } from './ipv4.ts';
import { emitIpv6, parseIpv6 } from './ipv6.ts';
import { emitPcap, parsePcap } from './pcap.ts';
import { l4ChecksumOk } from './pseudo.ts';
import { emitTcp, parseTcp } from './tcp.ts';
import { emitUdp, parseUdp } from './udp.ts';
import { emitVxlan, parseVxlan } from './vxlan.ts';

const u8 = fc.integer({ min: 0, max: 255 });
const u16 = fc.integer({ min: 0, max: 65535 });
const u32 = fc.integer({ min: 0, max: 4294967295 });
const mac = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const ip6 = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n });
const bytes = fc.uint8Array({ maxLength: 80 });
const label = fc.stringMatching(/^[a-z0-9_-]{1,12}$/);
const name = fc.array(label, { maxLength: 5 }).map((l) => l.join('.'));

function roundTrip<T>(arb: fc.Arbitrary<T>, trip: (x: T) => unknown): void {
  fc.assert(
    fc.property(arb, (x) => {
      expect(trip(x)).toEqual(x);
    }),
  );
}

test('ethernet', () => roundTrip(fc.record({ dst: mac, src: mac, type: u16, payload: bytes }), (x) => parseEthernet(emitEthernet(x))));

test('arp', () =>
  roundTrip(fc.record({ op: u16, senderMac: mac, senderIp: u32, targetMac: mac, targetIp: u32 }), (x) => parseArp(emitArp(x))));

test('ipv4', () => {
  const options = fc.integer({ min: 0, max: 10 }).map((n) => new Uint8Array(n * 4).fill(1));
  const offset = fc.integer({ min: 0, max: 0x1fff }).map((n) => n * 8);
  roundTrip(
    fc.record({
      tos: u8,
      id: u16,
      df: fc.boolean(),
      mf: fc.boolean(),
      offset,
      ttl: u8,
      proto: u8,
      src: u32,
      dst: u32,
      options,
      payload: bytes,
    }),
    (x) => parseIpv4(emitIpv4(x)),
  );
});

test('ipv6', () =>
  roundTrip(
    fc.record({
      trafficClass: u8,
      flowLabel: fc.integer({ min: 0, max: 0xfffff }),
      proto: u8,
      hopLimit: u8,
      src: ip6,
      dst: ip6,
      payload: bytes,
    }),
    (x) => parseIpv6(emitIpv6(x)),
  ));

test('ipv6 text', () => roundTrip(ip6, (x) => parseIp6(formatIp6(x))));

test('icmp', () => roundTrip(fc.record({ type: u8, code: u8, rest: u32, payload: bytes }), (x) => parseIcmp(emitIcmp(x))));

test('icmp6', () =>
  roundTrip(fc.record({ type: u8, code: u8, rest: u32, payload: bytes }), (x) => parseIcmp6(emitIcmp6(x, 1n, 2n), 1n, 2n)));

test('neighbour discovery', () => {
  const options = fc.array(mac, { maxLength: 3 }).map((m) => m.map((x) => linkAddrOption(1, x)));
  roundTrip(fc.record({ target: ip6, options }), (x) => parseNeighbour6(emitNeighbour6(x)));
  expect(formatIp6(solicitedNode(parseIp6('fe80::a:bcff:fe12:3456') as bigint))).toBe('ff02::1:ff12:3456');
});

test('udp', () =>
  fc.assert(
    fc.property(fc.record({ srcPort: u16, dstPort: u16, payload: bytes }), u32, u32, (x, s, d) => {
      const b = emitUdp(x, s, d);
      expect(parseUdp(b)).toEqual(x);
      expect(l4ChecksumOk(b, s, d, 17)).toBe(true);
    }),
  ));

test('tcp', () => {
  const pair = fc.tuple(u32, u32);
  const options = fc.record(
    {
      mss: u16,
      wscale: fc.integer({ min: 0, max: 14 }),
      sackPermitted: fc.constant(true),
      timestamps: pair,
      sack: fc.array(pair, { minLength: 1, maxLength: 1 }),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(
      fc.record({ srcPort: u16, dstPort: u16, seq: u32, ack: u32, flags: u8, window: u16, urgent: u16, options, payload: bytes }),
      ip6,
      ip6,
      (x, s, d) => {
        const b = emitTcp(x, s, d);
        expect(parseTcp(b)).toEqual(x);
        expect(l4ChecksumOk(b, s, d, 6)).toBe(true);
      },
    ),
  );
});

test('vxlan', () =>
  roundTrip(fc.record({ vni: fc.option(fc.integer({ min: 0, max: 0xffffff })), payload: bytes }), (x) => parseVxlan(emitVxlan(x))));

test('dns', () => {
  const question = fc.record({ name, type: u16, class: u16 });
  const record = fc.record({ name, type: fc.constantFrom(1, 16, 28, 41, 99), class: u16, ttl: u32, data: bytes });
  const section = fc.array(record, { maxLength: 3 });
  roundTrip(
    fc.record({
      id: u16,
      flags: u16,
      questions: fc.array(question, { maxLength: 2 }),
      answers: section,
      authority: section,
      additional: section,
    }),
    (x) => parseDns(emitDns(x)),
  );
});

test('dns: compressed names are written out, loops refused', () => {
  const head = [0, 1, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0];
  const question = [3, 119, 119, 119, 0, 0, 5, 0, 1];
  const b = Uint8Array.from([...head, ...question, 0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 4, 1, 120, 0xc0, 12]);
  expect(parseDns(b)?.answers[0]).toEqual({ name: 'www', type: 5, class: 1, ttl: 9, data: encodeName('x.www') });
  expect(parseDns(Uint8Array.from([...head.slice(0, 6), 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1]))).toBe(null);
});

test('pcap', () => {
  const packet = fc.record({
    time: fc.integer({ min: 0, max: 2 ** 52 / 2 }).map((n) => n % (4294967295 * 1_000_000)),
    length: u32,
    data: bytes,
  });
  roundTrip(fc.record({ linktype: fc.constantFrom(1, 113, 276), snaplen: u32, packets: fc.array(packet, { maxLength: 4 }) }), (x) =>
    parsePcap(emitPcap(x)),
  );
});
