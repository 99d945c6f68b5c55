/** Runs a capture filter over a packet's bytes. Models what libpcap's code generator makes of a filter (gencode.c). */

import { inPrefix, readIp4, readIp6 } from '../../wire/addr.ts';
import { u16, u32 } from '../../wire/bytes.ts';
import { isMulticastMac, MAC_BROADCAST, readMac } from '../../wire/mac.ts';
import { LINKTYPE_ETHERNET, LINKTYPE_LINUX_SLL2 } from '../../wire/pcap.ts';
import type { Arith, Dir, Node, Proto } from './filter.ts';

export interface Packet {
  linktype: number;
  data: Uint8Array;
  /** Length on the wire. */
  length: number;
  /** Seen when it was sent, not received. */
  outgoing: boolean;
}

interface View extends Packet {
  /** EtherType and where its header starts; `vlan` in the filter moves both. */
  type: number;
  net: number;
}

const TRANSPORT: Partial<Record<Proto, number>> = { tcp: 6, udp: 17, icmp: 1, icmp6: 58, sctp: 132, igmp: 2, ah: 51, esp: 50 };
const ETHER: Partial<Record<Proto, number>> = { ip: 0x0800, ip6: 0x86dd, arp: 0x0806, rarp: 0x8035 };

export function matches(node: Node | null, p: Packet): boolean {
  if (!node) return true;
  const view: View = { ...p, ...linkOf(p) };
  try {
    return run(node, view);
  } catch (e) {
    if (e instanceof OutOfPacket) return false;
    throw e;
  }
}

/** A load beyond the captured bytes: the whole filter says no. */
class OutOfPacket extends Error {}

function linkOf(p: Packet): { type: number; net: number } {
  if (p.linktype === LINKTYPE_LINUX_SLL2) return { type: u16(p.data, 0), net: 20 };
  if (p.linktype === LINKTYPE_ETHERNET) return { type: u16(p.data, 12), net: 14 };
  return { type: (p.data[0] as number) >> 4 === 6 ? 0x86dd : 0x0800, net: 0 };
}

function run(n: Node, v: View): boolean {
  switch (n.op) {
    case 'and':
      return run(n.left, v) && run(n.right, v);
    case 'or':
      return run(n.left, { ...v }) || run(n.right, v);
    case 'not':
      return !run(n.node, v);
    case 'proto':
      return isProto(n.proto, v);
    case 'host':
      return n.mac !== null
        ? macHost(n.mac, n.dir, v)
        : n.addrs.some((a) => network(n.proto, n.dir, a, typeof a === 'number' ? 32 : 128, v));
    case 'net':
      return network(n.proto, n.dir, n.addr, n.len, v);
    case 'port':
      return ports(n.proto, n.dir, n.low, n.high, v);
    case 'protocol':
      if (n.proto === 'ether' || n.proto === 'link') return v.type === n.number;
      if (n.proto === 'ip') return v.type === 0x0800 && transport(v) === n.number;
      if (n.proto === 'ip6') return v.type === 0x86dd && transport(v) === n.number;
      return transport(v) === n.number;
    case 'cast':
      return cast(n.proto, n.kind, v);
    case 'length':
      return n.cmp === '<=' ? v.length <= n.value : v.length >= n.value;
    case 'vlan': {
      if (v.type !== 0x8100 || (n.id !== null && (need(v, v.net, 2) & 0xfff) !== n.id)) return false;
      v.type = need(v, v.net + 2, 2);
      v.net += 4;
      return true;
    }
    case 'direction':
      return v.outgoing === (n.dir === 'out');
    case 'compare':
      return compare(n, v);
  }
}

/** Protocol number of the packet, null when it is neither IPv4 nor IPv6. Like libpcap, without walking extension headers (save a fragment's). */
function transport(v: View): number | null {
  if (v.type === 0x0800) return need(v, v.net + 9, 1);
  if (v.type !== 0x86dd) return null;
  const next = need(v, v.net + 6, 1);
  return next === 44 ? need(v, v.net + 40, 1) : next;
}

function isProto(p: Proto, v: View): boolean {
  const ether = ETHER[p];
  if (ether !== undefined) return v.type === ether;
  const number = TRANSPORT[p];
  if (number === undefined) return p === 'ether' || p === 'link';
  if (p === 'icmp' || p === 'igmp') return v.type === 0x0800 && transport(v) === number;
  if (p === 'icmp6') return v.type === 0x86dd && transport(v) === number;
  return transport(v) === number;
}

function either(dir: Dir, src: boolean, dst: boolean): boolean {
  if (dir === 'src') return src;
  if (dir === 'dst') return dst;
  return dir === 'src or dst' ? src || dst : src && dst;
}

function macHost(mac: number, dir: Dir, v: View): boolean {
  if (v.linktype !== LINKTYPE_ETHERNET) return false;
  return either(dir, readMac(v.data, 6) === mac, readMac(v.data, 0) === mac);
}

function network(proto: Proto | null, dir: Dir, addr: number | bigint, len: number, v: View): boolean {
  if (proto !== null && !isProto(proto, v)) return false;
  if (typeof addr === 'bigint') {
    if (v.type !== 0x86dd || v.data.length < v.net + 40) return false;
    return either(dir, inPrefix(readIp6(v.data, v.net + 8), addr, len), inPrefix(readIp6(v.data, v.net + 24), addr, len));
  }
  const at = v.type === 0x0800 ? [12, 16] : v.type === 0x0806 || v.type === 0x8035 ? [14, 24] : null;
  if (!at || v.data.length < v.net + (at[1] as number) + 4) return false;
  const [s, d] = at.map((o) => inPrefix(readIp4(v.data, v.net + o), addr, len)) as [boolean, boolean];
  return either(dir, s, d);
}

function ports(proto: Proto | null, dir: Dir, low: number, high: number, v: View): boolean {
  const number = transport(v);
  const wanted = proto === null || proto === 'ip' || proto === 'ip6' ? [6, 17, 132] : [TRANSPORT[proto]];
  if (number === null || !wanted.includes(number)) return false;
  if ((proto === 'ip' && v.type !== 0x0800) || (proto === 'ip6' && v.type !== 0x86dd)) return false;
  const at = transportAt(v);
  if (at === null) return false;
  const inside = (p: number): boolean => p >= low && p <= high;
  return either(dir, inside(need(v, at, 2)), inside(need(v, at + 2, 2)));
}

/** Where the transport header starts; null in a later fragment, which has none. */
function transportAt(v: View): number | null {
  if (v.type === 0x86dd) return v.net + 40;
  return (need(v, v.net + 6, 2) & 0x1fff) !== 0 ? null : v.net + (need(v, v.net, 1) & 15) * 4;
}

function cast(proto: Proto | null, kind: 'broadcast' | 'multicast', v: View): boolean {
  if (proto === 'ip' || proto === 'ip6') {
    if (proto === 'ip6') return v.type === 0x86dd && need(v, v.net + 24, 1) === 255;
    const dst = v.type === 0x0800 ? need(v, v.net + 16, 4) : 0;
    return kind === 'multicast' ? dst >>> 28 === 14 : dst === 0xffffffff || (v.type === 0x0800 && dst === 0);
  }
  if (v.linktype !== LINKTYPE_ETHERNET) return false;
  const mac = readMac(v.data, 0);
  return kind === 'broadcast' ? mac === MAC_BROADCAST : isMulticastMac(mac);
}

function compare(n: Extract<Node, { op: 'compare' }>, v: View): boolean {
  const left = value(n.left, v);
  const right = value(n.right, v);
  if (left === null || right === null) return false;
  switch (n.cmp) {
    case '<':
      return left < right;
    case '>':
      return left > right;
    case '<=':
      return left <= right;
    case '>=':
      return left >= right;
    case '=':
      return left === right;
    default:
      return left !== right;
  }
}

/**
 * Null when the packet has no such header. Arithmetic is unsigned in 32 bits. libpcap asks only for the protocol of the leftmost
 * operand (gen_arth() drops the other's test), so `checked` is false for the others.
 */
function value(a: Arith, v: View, checked = true): number | null {
  switch (a.op) {
    case 'number':
      return a.value >>> 0;
    case 'len':
      return v.length;
    case 'negate': {
      const x = value(a.value, v, checked);
      return x === null ? null : -x >>> 0;
    }
    case 'load': {
      const base = checked ? baseOf(a.proto, v) : uncheckedBase(a.proto, v);
      const index = value(a.index, v, checked);
      return base === null || index === null ? null : need(v, base + index, a.size);
    }
    case 'binary': {
      const l = value(a.left, v, checked);
      const r = value(a.right, v, false);
      return l === null || r === null ? null : arith(a.sign, l, r);
    }
  }
}

function arith(sign: string, l: number, r: number): number | null {
  switch (sign) {
    case '+':
      return (l + r) >>> 0;
    case '-':
      return (l - r) >>> 0;
    case '*':
      return Math.imul(l, r) >>> 0;
    case '/':
      return r === 0 ? null : Math.floor(l / r);
    case '%':
      return r === 0 ? null : l % r;
    case '&':
      return (l & r) >>> 0;
    case '|':
      return (l | r) >>> 0;
    case '^':
      return (l ^ r) >>> 0;
    case '<<':
      return r > 31 ? 0 : (l << r) >>> 0;
    default:
      return r > 31 ? 0 : l >>> r;
  }
}

function baseOf(proto: Proto, v: View): number | null {
  if (proto === 'ether' || proto === 'link') return 0;
  if (proto === 'ip' || proto === 'ip6' || proto === 'arp' || proto === 'rarp') return v.type === ETHER[proto] ? v.net : null;
  if (!isProto(proto, v)) return null;
  if (v.type === 0x86dd && proto !== 'icmp6') return null;
  return transportAt(v);
}

function uncheckedBase(proto: Proto, v: View): number {
  if (proto === 'ether' || proto === 'link') return 0;
  if (ETHER[proto] !== undefined) return v.net;
  return proto === 'icmp6' ? v.net + 40 : v.net + (need(v, v.net, 1) & 15) * 4;
}

function need(v: View, at: number, size: number): number {
  if (at + size > v.data.length) throw new OutOfPacket();
  return size === 1 ? (v.data[at] as number) : size === 2 ? u16(v.data, at) : u32(v.data, at);
}
