/** Filter language: a table of filters against packets, and libpcap's error texts. */

import { describe, expect, test } from 'vitest';
import { parseIp } from '../../wire/addr.ts';
import { emitArp } from '../../wire/arp.ts';
import { emitEthernet } from '../../wire/ethernet.ts';
import { emitIcmp } from '../../wire/icmp.ts';
import { emitIpv4 } from '../../wire/ipv4.ts';
import { emitIpv6 } from '../../wire/ipv6.ts';
import { emitTcp, SYN } from '../../wire/tcp.ts';
import { emitUdp } from '../../wire/udp.ts';
import { parseFilter } from './filter.ts';
import { matches } from './match.ts';

const A = parseIp('10.0.0.1') as number;
const B = parseIp('10.0.1.2') as number;
const none = new Uint8Array(0);
const ip = (proto: number, payload: Uint8Array): Uint8Array =>
  emitIpv4({ tos: 0, id: 1, df: true, mf: false, offset: 0, ttl: 64, proto, src: A, dst: B, options: none, payload });
const frame = (type: number, payload: Uint8Array): Uint8Array => emitEthernet({ dst: 0x020000000002, src: 0x020000000001, type, payload });

const packets: Record<string, Uint8Array> = {
  syn: frame(
    0x800,
    ip(6, emitTcp({ srcPort: 40000, dstPort: 80, seq: 1, ack: 0, flags: SYN, window: 1, urgent: 0, options: {}, payload: none }, A, B)),
  ),
  dns: frame(0x800, ip(17, emitUdp({ srcPort: 50000, dstPort: 53, payload: none }, A, B))),
  ping: frame(0x800, ip(1, emitIcmp({ type: 8, code: 0, rest: 1, payload: none }))),
  arp: frame(0x806, emitArp({ op: 1, senderMac: 1, senderIp: A, targetMac: 0, targetIp: B })),
  six: frame(
    0x86dd,
    emitIpv6({
      trafficClass: 0,
      flowLabel: 0,
      proto: 17,
      hopLimit: 1,
      src: 1n,
      dst: 2n,
      payload: emitUdp({ srcPort: 1, dstPort: 53, payload: none }, 1n, 2n),
    }),
  ),
  vlan: frame(0x8100, Uint8Array.of(0, 10, 8, 0, ...ip(1, emitIcmp({ type: 0, code: 0, rest: 1, payload: none })))),
};

const table: [string, string][] = [
  ['', 'syn dns ping arp six vlan'],
  ['tcp', 'syn'],
  ['icmp', 'ping'],
  ['icmp or arp', 'ping arp'],
  ['not icmp and not arp', 'syn dns six vlan'],
  ['host 10.0.0.1', 'syn dns ping arp'],
  ['src host 10.0.0.1 and dst port 80', 'syn'],
  ['dst 10.0.0.1', ''],
  ['ip host 10.0.0.1', 'syn dns ping'],
  ['net 10.0.1.0/24', 'syn dns ping arp'],
  ['net 10.0.1', 'syn dns ping arp'],
  ['dst net 10.0.0.0/24', ''],
  ['net 10.0.0.0 mask 255.255.0.0', 'syn dns ping arp'],
  ['port 53', 'dns six'],
  ['udp port 53 or 80', 'dns six'],
  ['port domain or http', 'syn dns six'],
  ['ip6 port 53', 'six'],
  ['portrange 79-81', 'syn'],
  ['tcp[tcpflags] & tcp-syn != 0', 'syn'],
  ['tcp[13] & 2 == 2', 'syn'],
  ['tcp[tcpflags] == tcp-syn|tcp-ack', ''],
  ['icmp[icmptype] == icmp-echo', 'ping'],
  ['ip[8] < 65 and ip[9] = 17', 'dns'],
  ['ip[2:2] > 28', 'syn'],
  ['ether src 02:00:00:00:00:01 and arp', 'arp'],
  ['ether proto 0x0806', 'arp'],
  ['ether proto \\ip', 'syn dns ping'],
  ['ip proto \\icmp', 'ping'],
  ['proto 17', 'dns six'],
  ['vlan', 'vlan'],
  ['vlan 10 and icmp', 'vlan'],
  ['vlan 11', ''],
  ['icmp and vlan', ''],
  ['less 42', 'dns ping arp'],
  ['tcp and (port 80 or port 8080)', 'syn'],
  ['tcp port 80 or udp port 53', 'syn dns six'],
  ['host ::1', 'six'],
  ['src or dst host 10.0.1.2 && !arp', 'syn dns ping'],
];

describe('filters', () => {
  for (const [text, want] of table) {
    test(text, () => {
      const node = parseFilter(text);
      const got = Object.keys(packets).filter((k) =>
        matches(node, { linktype: 1, data: packets[k] as Uint8Array, length: (packets[k] as Uint8Array).length, outgoing: false }),
      );
      expect(got.join(' ')).toBe(want);
    });
  }
});

test.each([
  ['bogus filter', 'syntax error'],
  ['port', 'syntax error'],
  ['host and', 'syntax error'],
  ['port nosuch', "unknown port 'nosuch'"],
  ['port 99999', 'illegal port number 99999 > 65535'],
  ['net 10.0.0.1/24', 'non-network bits set in "10.0.0.1/24"'],
])('%s: %s', (text, message) => {
  expect(() => parseFilter(text)).toThrow(message);
});
