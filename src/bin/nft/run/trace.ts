/** Traced packets in the words of `nft monitor trace`. Models trace_print_packet() of nftables/src/netlink.c */

import * as nft from '../../../os/nft.ts';
import type { xt } from '../../../os/uapi.ts';
import { formatIp } from '../../../wire/addr.ts';
import { u16, u32 } from '../../../wire/bytes.ts';
import { formatMac } from '../../../wire/mac.ts';
import type { Format } from '../print/expr.ts';

/** How much of the transport header comes along. */
const HEADER = 20;

function field(proto: string, name: string, v: xt.NftValue, f: Format): string {
  const desc = nft.protoByName(proto);
  const found = desc && nft.fieldOf(desc, name);
  return `${proto} ${name} ${found ? nft.printValue(found.type, v, f) : v}`;
}

function network(p: xt.TracedPacket, f: Format): string[] {
  const b = p.bytes;
  if (p.family === 4) {
    return [
      `ip saddr ${formatIp(u32(b, 12) >>> 0)}`,
      `ip daddr ${formatIp(u32(b, 16) >>> 0)}`,
      field('ip', 'dscp', (b[1] as number) >> 2, f),
      field('ip', 'ecn', (b[1] as number) & 3, f),
      field('ip', 'ttl', b[8] as number, f),
      field('ip', 'id', u16(b, 4), f),
      field('ip', 'protocol', b[9] as number, f),
      field('ip', 'length', u16(b, 2), f),
    ];
  }
  const tc = (((b[0] as number) & 15) << 4) | ((b[1] as number) >> 4);
  const address = (at: number): string => {
    let v = 0n;
    for (let i = 0; i < 16; i++) v = (v << 8n) | BigInt(b[at + i] as number);
    return formatIp(v);
  };
  return [
    `ip6 saddr ${address(8)}`,
    `ip6 daddr ${address(24)}`,
    field('ip6', 'dscp', tc >> 2, f),
    field('ip6', 'ecn', tc & 3, f),
    field('ip6', 'hoplimit', b[7] as number, f),
    field('ip6', 'flowlabel', u32(b, 0) & 0xfffff, f),
    field('ip6', 'nexthdr', b[6] as number, f),
    field('ip6', 'length', u16(b, 4), f),
  ];
}

/** What is behind the fields that have names, as one number. */
function rest(p: xt.TracedPacket, from: number): string[] {
  const at = p.l4 + from;
  const end = Math.min(p.bytes.length, p.l4 + HEADER);
  if (end <= at) return [];
  const hex = [...p.bytes.subarray(at, end)].map((x) => x.toString(16).padStart(2, '0')).join('');
  return [`@th,${from * 8},${(end - at) * 8} 0x${hex.replace(/^0+(?=.)/, '')}`];
}

function transport(p: xt.TracedPacket, f: Format): string[] {
  const { bytes: b, l4 } = p;
  if (p.frag !== 0 || l4 + 8 > b.length) return [];
  if (p.l4proto === 6 && l4 + 20 <= b.length) {
    const flags = nft.bitsOf(b[l4 + 13] as number);
    const names = flags.map((x) => nft.printValue(nft.TYPES.tcp_flag, x, f));
    return [
      `tcp sport ${u16(b, l4)}`,
      `tcp dport ${u16(b, l4 + 2)}`,
      `tcp flags ${names.length === 1 ? `== ${names[0]}` : `== ${f.numeric ? names.join(' | ') : `0x${(b[l4 + 13] as number).toString(16)}`}`}`,
      `tcp window ${u16(b, l4 + 14)}`,
    ];
  }
  if (p.l4proto === 17) return [`udp sport ${u16(b, l4)}`, `udp dport ${u16(b, l4 + 2)}`, `udp length ${u16(b, l4 + 4)}`, ...rest(p, 8)];
  if (p.l4proto === 1) {
    const echo = b[l4] === 8 || b[l4] === 0 ? [`icmp id ${u16(b, l4 + 4)}`, `icmp sequence ${u16(b, l4 + 6)}`] : [];
    return [
      field('icmp', 'type', b[l4] as number, f),
      field('icmp', 'code', b[l4 + 1] as number, f),
      ...echo,
      ...rest(p, echo.length > 0 ? 8 : 4),
    ];
  }
  if (p.l4proto === 58) {
    return [
      field('icmpv6', 'type', b[l4] as number, f),
      field('icmpv6', 'code', b[l4 + 1] as number, f),
      `icmpv6 parameter-problem ${u32(b, l4 + 4) >>> 0}`,
      ...rest(p, 8),
    ];
  }
  return rest(p, 0);
}

function packetText(p: xt.TracedPacket, f: Format): string {
  const parts: string[] = [];
  if (p.iif !== null) parts.push(`iif "${p.iif}"`);
  if (p.oif !== null) parts.push(`oif "${p.oif}"`);
  if (p.iif !== null && p.iif !== 'lo') {
    parts.push(`ether saddr ${formatMac(p.ethSrc)}`, `ether daddr ${formatMac(p.ethDst)}`);
    if (p.vlan !== null) parts.push(`vlan id ${p.vlan & 0xfff}`);
  }
  parts.push(...network(p, f), ...transport(p, f));
  return parts.join(' ');
}

/** The lines of one event. */
export function traceText(e: xt.NftTrace, rule: string, f: Format): string {
  const head = `trace id ${e.id.toString(16).padStart(8, '0')} ${e.family} ${e.table} ${e.chain}`;
  const mark = e.mark !== 0 ? `meta mark 0x${(e.mark >>> 0).toString(16).padStart(8, '0')} ` : '';
  const packet = e.packet ? `${head} packet: ${packetText(e.packet, f)} \n` : '';
  if (e.type === 'policy') return `${packet}${head} policy ${e.verdict} ${mark}\n`;
  return `${packet}${head} rule ${rule} (verdict ${e.verdict})\n`;
}
