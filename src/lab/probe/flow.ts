/** The packet within a frame: past VLAN tags and tunnels, with what identifies its conversation. */

import { formatIp, type IpAddr, readIp4, readIp6 } from '../../wire/addr.ts';
import { u16, u32 } from '../../wire/bytes.ts';
import { ETH_P_8021Q, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 } from '../../wire/ethernet.ts';
import { IPPROTO_GRE, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_IPIP, IPPROTO_TCP, IPPROTO_UDP } from '../../wire/ipv4.ts';

export type Encapsulation = 'vxlan' | 'ipip' | 'gre';

export interface Packet {
  readonly proto: number;
  readonly src: IpAddr;
  readonly dst: IpAddr;
  /** Ports; of an echo both are its identifier. */
  readonly sport: number;
  readonly dport: number;
  /** Of ARP: 1 asks, 2 answers. Of ICMP: the type. Of TCP: the flags. */
  readonly code: number;
  /** Of ICMP: the code. */
  readonly detail: number;
  /** What tells one packet of a conversation from another: identification, offset, sequence. */
  readonly serial: string;
  /** The packet that an ICMP error quotes. */
  readonly quoted: Packet | null;
  readonly ttl: number;
  /** From the outside in. */
  readonly tunnels: readonly Tunnel[];
}

export interface Tunnel {
  readonly kind: Encapsulation;
  readonly src: IpAddr;
  readonly dst: IpAddr;
  /** 0 where there is none. */
  readonly vni: number;
}

/** Stands for the protocol of ARP. */
export const ARP = -1;
const MAX_LAYERS = 6;
const NONE: readonly Tunnel[] = [];

/** The innermost packet of an Ethernet frame; null when it is none that a probe makes. */
export function packetOf(frame: Uint8Array): Packet | null {
  return ethernet(frame, 0, NONE, 0);
}

/** The same of a packet that begins with its network header: IP, or ARP. */
export function rawPacketOf(b: Uint8Array): Packet | null {
  const first = (b[0] ?? 0) >> 4;
  return first === 4 || first === 6 ? ip(b, 0, NONE, 0) : b.length >= 28 && u16(b, 2) === ETH_P_IP ? arp(b, 0, NONE) : null;
}

function arp(b: Uint8Array, at: number, tunnels: readonly Tunnel[]): Packet {
  const src = readIp4(b, at + 14);
  const dst = readIp4(b, at + 24);
  return { proto: ARP, src, dst, sport: 0, dport: 0, code: u16(b, at + 6), detail: 0, serial: '', quoted: null, ttl: 0, tunnels };
}

function ethernet(b: Uint8Array, at: number, tunnels: readonly Tunnel[], depth: number): Packet | null {
  let type = u16(b, at + 12);
  let l3 = at + 14;
  while (type === ETH_P_8021Q && l3 + 4 <= b.length) {
    type = u16(b, l3 + 2);
    l3 += 4;
  }
  if (type === ETH_P_ARP && b.length >= l3 + 28) return arp(b, l3, tunnels);
  return type === ETH_P_IP || type === ETH_P_IPV6 ? ip(b, l3, tunnels, depth) : null;
}

function ip(b: Uint8Array, at: number, tunnels: readonly Tunnel[], depth: number): Packet | null {
  if (depth > MAX_LAYERS || at + 20 > b.length) return null;
  const v6 = (b[at] as number) >> 4 === 6;
  if (v6 && at + 40 > b.length) return null;
  const proto = b[at + (v6 ? 6 : 9)] as number;
  const src = v6 ? readIp6(b, at + 8) : readIp4(b, at + 12);
  const dst = v6 ? readIp6(b, at + 24) : readIp4(b, at + 16);
  const ttl = b[at + (v6 ? 7 : 8)] as number;
  const l4 = at + (v6 ? 40 : ((b[at] as number) & 15) * 4);
  const offset = v6 ? 0 : u16(b, at + 6) & 0x1fff;
  const id = v6 ? 0 : u16(b, at + 4);
  if (offset === 0 && proto === IPPROTO_IPIP) return ip(b, l4, [...tunnels, { kind: 'ipip', src, dst, vni: 0 }], depth + 1);
  if (offset === 0 && proto === IPPROTO_GRE && b.length >= l4 + 4 && u16(b, l4 + 2) === ETH_P_IP)
    return ip(b, l4 + 4, [...tunnels, { kind: 'gre', src, dst, vni: 0 }], depth + 1);
  if (offset === 0 && proto === IPPROTO_UDP && vxlanAt(b, l4 + 8)) {
    const inner = ethernet(b, l4 + 16, [...tunnels, { kind: 'vxlan', src, dst, vni: u32(b, l4 + 12) >>> 8 }], depth + 1);
    if (inner) return inner;
  }
  let sport = 0;
  let dport = 0;
  let code = 0;
  let detail = 0;
  let quoted: Packet | null = null;
  let sequence = 0;
  if (offset === 0 && b.length >= l4 + 8) {
    if (proto === IPPROTO_TCP || proto === IPPROTO_UDP) {
      sport = u16(b, l4);
      dport = u16(b, l4 + 2);
      if (proto === IPPROTO_TCP && b.length >= l4 + 14) {
        sequence = u32(b, l4 + 4);
        code = b[l4 + 13] as number;
      }
    } else if (proto === IPPROTO_ICMP || proto === IPPROTO_ICMPV6) {
      code = b[l4] as number;
      detail = b[l4 + 1] as number;
      const echo = proto === IPPROTO_ICMP ? code === 8 || code === 0 : code === 128 || code === 129;
      if (echo) {
        sport = dport = u16(b, l4 + 4);
        sequence = u16(b, l4 + 6);
      } else if (proto === IPPROTO_ICMP ? code === 3 || code === 11 || code === 12 || code === 5 : code < 128)
        quoted = ip(b, l4 + 8, NONE, depth + 1);
    }
  }
  return { proto, src, dst, sport, dport, code, detail, serial: `${id} ${offset} ${sequence}`, quoted, ttl, tunnels };
}

/** The flags and reserved octets of a VXLAN header, and an Ethernet frame of IP or ARP behind it. */
function vxlanAt(b: Uint8Array, at: number): boolean {
  if (b.length < at + 8 + 34 || b[at] !== 8 || b[at + 1] !== 0 || b[at + 2] !== 0 || b[at + 3] !== 0 || b[at + 7] !== 0) return false;
  const type = u16(b, at + 20);
  return type === ETH_P_IP || type === ETH_P_IPV6 || type === ETH_P_ARP || type === ETH_P_8021Q;
}

/** The same text for both directions of a conversation. */
export function conversation(p: Packet): string {
  const a = `${p.src}:${p.sport}`;
  const b = `${p.dst}:${p.dport}`;
  return a < b ? `${p.proto} ${a} ${b}` : `${p.proto} ${b} ${a}`;
}

const FLAGS: readonly (readonly [number, string])[] = [
  [2, 'SYN'],
  [1, 'FIN'],
  [4, 'RST'],
];

function words(p: Packet): string {
  if (p.proto === IPPROTO_TCP) {
    const flags = FLAGS.flatMap(([bit, name]) => (p.code & bit ? [name] : [])).join(',');
    return ` TCP${flags === '' ? '' : ` ${flags}`}`;
  }
  if (p.proto === IPPROTO_UDP) return ' UDP';
  if (p.quoted) return p.code === 11 || (p.proto === IPPROTO_ICMPV6 && p.code === 3) ? ' ICMP time exceeded' : ' ICMP unreachable';
  if (p.proto === IPPROTO_ICMP) return p.code === 8 ? ' echo request' : p.code === 0 ? ' echo reply' : ` ICMP type ${p.code}`;
  if (p.proto === IPPROTO_ICMPV6) return p.code === 128 ? ' echo request' : p.code === 129 ? ' echo reply' : ` ICMPv6 type ${p.code}`;
  return '';
}

function end(ip: IpAddr, port: number, ports: boolean): string {
  const text = formatIp(ip);
  return !ports || port === 0 ? text : text.includes(':') ? `[${text}]:${port}` : `${text}:${port}`;
}

/** `10.244.1.9:40000 -> 10.244.2.7:8080 TCP SYN`, ARP as a question or an answer. */
export function describe(p: Packet): string {
  if (p.proto === ARP)
    return p.code === 1 ? `ARP who has ${formatIp(p.dst)}, tell ${formatIp(p.src)}` : `ARP ${formatIp(p.src)} answers ${formatIp(p.dst)}`;
  const ports = p.proto === IPPROTO_TCP || p.proto === IPPROTO_UDP;
  return `${end(p.src, p.sport, ports)} -> ${end(p.dst, p.dport, ports)}${words(p)}`;
}
