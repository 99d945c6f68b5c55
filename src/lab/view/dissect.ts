/** A packet's headers field by field, and what differs between two sights of it. */

import { formatIp, readIp4, readIp6 } from '../../wire/addr.ts';
import { u16, u32 } from '../../wire/bytes.ts';
import { ETH_P_8021Q, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 } from '../../wire/ethernet.ts';
import { IPPROTO_GRE, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_IPIP, IPPROTO_TCP, IPPROTO_UDP } from '../../wire/ipv4.ts';
import { formatMac, readMac } from '../../wire/mac.ts';
import type { Change, FieldView, HeaderDiff, LayerView } from './told.ts';

const MAX_LAYERS = 10;
const VXLAN_PORTS = [4789, 8472];
const IPV6_NAMES: Readonly<Record<number, string>> = {
  1: 'ICMP',
  2: 'IGMP',
  4: 'IPIP',
  6: 'TCP',
  17: 'UDP',
  41: 'IPv6',
  47: 'GRE',
  58: 'ICMPv6',
};
const FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'];
const ICMP_TYPES: Readonly<Record<number, string>> = {
  0: 'echo reply',
  3: 'destination unreachable',
  5: 'redirect',
  8: 'echo request',
  11: 'time exceeded',
  12: 'parameter problem',
};
const ICMP6_TYPES: Readonly<Record<number, string>> = {
  1: 'destination unreachable',
  2: 'packet too big',
  3: 'time exceeded',
  128: 'echo request',
  129: 'echo reply',
  133: 'router solicitation',
  134: 'router advertisement',
  135: 'neighbour solicitation',
  136: 'neighbour advertisement',
};

const hex = (n: number, width: number): string => `0x${n.toString(16).padStart(width, '0')}`;
const named = (n: number, names: Readonly<Record<number, string>>): string => (names[n] ? `${n} (${names[n]})` : String(n));

class Dissector {
  readonly layers: LayerView[] = [];
  private readonly b: Uint8Array;

  constructor(b: Uint8Array) {
    this.b = b;
  }

  private has(at: number, size: number): boolean {
    return at + size <= this.b.length && this.layers.length < MAX_LAYERS;
  }

  private layer(name: string, at: number, size: number, fields: readonly (FieldView | null)[]): void {
    this.layers.push({ name, at, size, fields: fields.filter((f) => f !== null) });
  }

  private mac(name: string, at: number): FieldView {
    return { name, value: formatMac(readMac(this.b, at)), at, size: 6 };
  }

  private number(name: string, at: number, size: number, show: (n: number) => string = String): FieldView {
    const n = size === 1 ? (this.b[at] as number) : size === 2 ? u16(this.b, at) : u32(this.b, at);
    return { name, value: show(n), at, size };
  }

  ethernet(at: number): void {
    if (!this.has(at, 14)) {
      this.payload(at);
      return;
    }
    this.layer('Ethernet', at, 14, [
      this.mac('destination', at),
      this.mac('source', at + 6),
      this.number('type', at + 12, 2, (n) => hex(n, 4)),
    ]);
    let type = u16(this.b, at + 12);
    let next = at + 14;
    while ((type === ETH_P_8021Q || type === 0x88a8) && this.has(next, 4)) {
      this.layer(type === ETH_P_8021Q ? '802.1Q' : '802.1ad', next, 4, [
        this.number('VLAN', next, 2, (n) => String(n & 0xfff)),
        this.number('type', next + 2, 2, (n) => hex(n, 4)),
      ]);
      type = u16(this.b, next + 2);
      next += 4;
    }
    this.network(type, next);
  }

  network(type: number, at: number): void {
    if (type === ETH_P_ARP && this.has(at, 28)) {
      const ip = (name: string, where: number): FieldView => ({ name, value: formatIp(readIp4(this.b, where)), at: where, size: 4 });
      this.layer('ARP', at, 28, [
        this.number('operation', at + 6, 2, (n) => named(n, { 1: 'request', 2: 'reply' })),
        this.mac('sender MAC', at + 8),
        ip('sender IP', at + 14),
        this.mac('target MAC', at + 18),
        ip('target IP', at + 24),
      ]);
      this.payload(at + 28);
    } else if (type === ETH_P_IP) this.ip4(at);
    else if (type === ETH_P_IPV6) this.ip6(at);
    else this.payload(at);
  }

  private ip4(at: number): void {
    if (!this.has(at, 20)) {
      this.payload(at);
      return;
    }
    const { b } = this;
    const size = Math.max(20, ((b[at] as number) & 15) * 4);
    const bits = u16(b, at + 6);
    const flags = [bits & 0x4000 ? 'DF' : '', bits & 0x2000 ? 'MF' : ''].filter((f) => f !== '').join(', ') || 'none';
    this.layer('IPv4', at, size, [
      this.number('TOS', at + 1, 1, (n) => hex(n, 2)),
      this.number('length', at + 2, 2),
      this.number('identification', at + 4, 2),
      { name: 'flags', value: flags, at: at + 6, size: 1 },
      bits & 0x1fff ? { name: 'fragment offset', value: String((bits & 0x1fff) * 8), at: at + 6, size: 2 } : null,
      this.number('TTL', at + 8, 1),
      this.number('protocol', at + 9, 1, (n) => named(n, IPV6_NAMES)),
      this.number('checksum', at + 10, 2, (n) => hex(n, 4)),
      { name: 'source', value: formatIp(readIp4(b, at + 12)), at: at + 12, size: 4 },
      { name: 'destination', value: formatIp(readIp4(b, at + 16)), at: at + 16, size: 4 },
      size > 20 ? { name: 'options', value: `${size - 20} bytes`, at: at + 20, size: size - 20 } : null,
    ]);
    if (bits & 0x1fff) this.payload(at + size);
    else this.transport(b[at + 9] as number, at + size);
  }

  private ip6(at: number): void {
    if (!this.has(at, 40)) {
      this.payload(at);
      return;
    }
    const { b } = this;
    this.layer('IPv6', at, 40, [
      { name: 'traffic class', value: hex((u16(b, at) >> 4) & 0xff, 2), at, size: 2 },
      { name: 'flow label', value: hex(u32(b, at) & 0xfffff, 5), at: at + 1, size: 3 },
      this.number('payload length', at + 4, 2),
      this.number('next header', at + 6, 1, (n) => named(n, IPV6_NAMES)),
      this.number('hop limit', at + 7, 1),
      { name: 'source', value: formatIp(readIp6(b, at + 8)), at: at + 8, size: 16 },
      { name: 'destination', value: formatIp(readIp6(b, at + 24)), at: at + 24, size: 16 },
    ]);
    this.transport(b[at + 6] as number, at + 40);
  }

  private transport(proto: number, at: number): void {
    if (proto === IPPROTO_TCP && this.has(at, 20)) this.tcp(at);
    else if (proto === IPPROTO_UDP && this.has(at, 8)) this.udp(at);
    else if ((proto === IPPROTO_ICMP || proto === IPPROTO_ICMPV6) && this.has(at, 8)) this.icmp(proto === IPPROTO_ICMPV6, at);
    else if (proto === IPPROTO_IPIP) this.ip4(at);
    else if (proto === 41) this.ip6(at);
    else if (proto === IPPROTO_GRE && this.has(at, 4)) {
      const type = u16(this.b, at + 2);
      const size =
        4 + ((this.b[at] as number) & 0x80 ? 4 : 0) + ((this.b[at] as number) & 0x20 ? 4 : 0) + ((this.b[at] as number) & 0x10 ? 4 : 0);
      this.layer('GRE', at, size, [this.number('protocol', at + 2, 2, (n) => hex(n, 4))]);
      if (type === 0x6558) this.ethernet(at + size);
      else this.network(type, at + size);
    } else this.payload(at);
  }

  private tcp(at: number): void {
    const size = Math.max(20, ((this.b[at + 12] as number) >> 4) * 4);
    this.layer('TCP', at, size, [
      this.number('source port', at, 2),
      this.number('destination port', at + 2, 2),
      this.number('sequence', at + 4, 4),
      this.number('acknowledgment', at + 8, 4),
      this.number('flags', at + 13, 1, (n) => FLAGS.filter((_, i) => n & (1 << i)).join(', ') || 'none'),
      this.number('window', at + 14, 2),
      this.number('checksum', at + 16, 2, (n) => hex(n, 4)),
      size > 20 ? { name: 'options', value: `${size - 20} bytes`, at: at + 20, size: size - 20 } : null,
    ]);
    this.payload(at + size);
  }

  private udp(at: number): void {
    const { b } = this;
    this.layer('UDP', at, 8, [
      this.number('source port', at, 2),
      this.number('destination port', at + 2, 2),
      this.number('length', at + 4, 2),
      this.number('checksum', at + 6, 2, (n) => hex(n, 4)),
    ]);
    const next = at + 8;
    const vxlan = this.has(next, 8) && b[next] === 8 && b[next + 7] === 0 && u16(b, next + 2) === 0;
    if (vxlan && (VXLAN_PORTS.includes(u16(b, at + 2)) || (this.has(next + 8, 14) && u16(b, next + 20) === ETH_P_IP))) {
      this.layer('VXLAN', next, 8, [
        { name: 'flags', value: hex(b[next] as number, 2), at: next, size: 1 },
        { name: 'VNI', value: String(u32(b, next + 4) >>> 8), at: next + 4, size: 3 },
      ]);
      this.ethernet(next + 8);
    } else if (u16(b, at + 2) === 6081 && this.has(next, 8)) {
      const size = 8 + ((b[next] as number) & 0x3f) * 4;
      this.layer('Geneve', next, size, [{ name: 'VNI', value: String(u32(b, next + 4) >>> 8), at: next + 4, size: 3 }]);
      if (u16(b, next + 2) === 0x6558) this.ethernet(next + size);
      else this.payload(next + size);
    } else this.payload(next);
  }

  private icmp(v6: boolean, at: number): void {
    const type = this.b[at] as number;
    const echo = v6 ? type === 128 || type === 129 : type === 8 || type === 0;
    this.layer(v6 ? 'ICMPv6' : 'ICMP', at, 8, [
      this.number('type', at, 1, (n) => named(n, v6 ? ICMP6_TYPES : ICMP_TYPES)),
      this.number('code', at + 1, 1),
      this.number('checksum', at + 2, 2, (n) => hex(n, 4)),
      echo ? this.number('identifier', at + 4, 2) : null,
      echo ? this.number('sequence', at + 6, 2) : null,
    ]);
    this.payload(at + 8);
  }

  private payload(at: number): void {
    const size = this.b.length - at;
    if (size > 0) this.layers.push({ name: 'Data', at, size, fields: [{ name: 'length', value: `${size} bytes`, at, size }] });
  }
}

/** Headers from the outside in. `frame`: it begins with an Ethernet header, or else with the network header. */
export function dissect(b: Uint8Array, frame: boolean): LayerView[] {
  const d = new Dissector(b);
  if (frame) d.ethernet(0);
  else if (b.length > 0) {
    const version = (b[0] as number) >> 4;
    d.network(version === 4 ? ETH_P_IP : version === 6 ? ETH_P_IPV6 : ETH_P_ARP, 0);
  }
  return d.layers;
}

const header = (l: LayerView): boolean => l.name !== 'Data';

/** Layers of both, matched from the innermost one out: what is only before was taken off, what is only after was put around. */
export function diff(before: readonly LayerView[], after: readonly LayerView[]): HeaderDiff {
  const a = before.filter(header);
  const b = after.filter(header);
  let same = 0;
  while (same < a.length && same < b.length && a[a.length - 1 - same]?.name === b[b.length - 1 - same]?.name) same++;
  const removed = a.slice(0, a.length - same);
  const added = b.slice(0, b.length - same);
  const changed: Change[] = [];
  for (let i = 0; i < same; i++) {
    const was = a[a.length - same + i] as LayerView;
    const is = b[b.length - same + i] as LayerView;
    for (const f of is.fields) {
      const old = was.fields.find((x) => x.name === f.name);
      if (old && old.value !== f.value) changed.push({ layer: is.name, field: f.name, before: old.value, after: f.value });
    }
  }
  return { removed, added, changed };
}
