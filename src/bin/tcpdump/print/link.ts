/** Link headers and the whole packet. Models print-ether.c, print-sll.c */

import { u16, u32 } from '../../../wire/bytes.ts';
import { ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 } from '../../../wire/ethernet.ts';
import { formatMac, readMac } from '../../../wire/mac.ts';
import { LINKTYPE_ETHERNET, LINKTYPE_LINUX_SLL2 } from '../../../wire/pcap.ts';
import { printArp } from './arp.ts';
import type { Context } from './context.ts';
import { printIp4, printIp6 } from './ip.ts';

const ETHERTYPES: Record<number, string> = {
  2048: 'IPv4',
  2054: 'ARP',
  33024: '802.1Q',
  32821: 'Reverse ARP',
  34525: 'IPv6',
  34887: 'MPLS unicast',
  35020: 'LLDP',
  34984: '802.1Q-QinQ',
  34958: 'EAPOL',
  25944: 'TEB',
};

/** `IPv4 (0x0800)`. */
function ethertype(type: number): string {
  return `${ETHERTYPES[type] ?? 'Unknown'} (0x${type.toString(16).padStart(4, '0')})`;
}

/** Null when tcpdump knows no printer for it. */
function network(c: Context, type: number, b: Uint8Array, length: number): string | null {
  if (type === ETH_P_IP) return c.ip4(b, length);
  if (type === ETH_P_IPV6) return c.ip6(b, length);
  if (type === ETH_P_ARP) return printArp(c, b);
  return null;
}

function printEthernet(c: Context, b: Uint8Array, length: number): string {
  if (b.length < 14) return '[|ether]';
  let type = u16(b, 12);
  let at = 14;
  const macs = `${formatMac(readMac(b, 6))} > ${formatMac(readMac(b, 0))}`;
  let out = c.o.link ? `${macs}, ` : '';
  if (type < 0x600) {
    // 802.3 with LLC: spanning tree is what a bridge sends
    out = c.o.link ? `${macs}, 802.3, length ${type}: ` : '';
    return `${out}LLC, dsap STP (0x${(b[14] ?? 0).toString(16)}) Individual, ssap STP (0x${(b[15] ?? 0).toString(16)}) Command, ctrl 0x03, length ${type}`;
  }
  if (c.o.link) out += `ethertype ${ethertype(type)}, length ${length}: `;
  while (type === 0x8100 && b.length >= at + 4) {
    const tci = u16(b, at);
    type = u16(b, at + 2);
    at += 4;
    if (c.o.link) out += `vlan ${tci & 0xfff}, p ${tci >> 13}${tci & 0x1000 ? ', DEI' : ''}, ethertype ${ethertype(type)}, `;
    else out += `vlan ${tci & 0xfff}, p ${tci >> 13}${tci & 0x1000 ? ', DEI' : ''}, `;
  }
  const text = network(c, type, b.subarray(at), length - at);
  if (text !== null) return out + text;
  if (!c.o.link) out = `${macs}, ethertype ${ethertype(type)}, length ${length}: ${out}`;
  return `${out}\n${hexDump(b.subarray(at), '\t')}`;
}

const SLL_TYPES: Record<number, string> = { 0: 'In', 1: 'B', 2: 'M', 3: 'P', 4: 'Out' };

function printSll2(c: Context, b: Uint8Array, length: number, name: (ifindex: number) => string): string {
  if (b.length < 20) return '[|sll2]';
  const type = u16(b, 0);
  const ifindex = u32(b, 4);
  let out = `${name(ifindex).padEnd(5)} ${(SLL_TYPES[b[10] as number] ?? 'Unknown').padEnd(3)} `;
  if (c.o.link) {
    out += `ifindex ${ifindex} `;
    if (b[11] === 6) out += `${formatMac(readMac(b, 12))} `;
    out += `ethertype ${ethertype(type)}, length ${length}: `;
  }
  return out + (network(c, type, b.subarray(20), length - 20) ?? `ethertype ${ethertype(type)}, length ${length - 20}`);
}

/** Adds the printers of network headers to what the command line set. */
export function makeContext(base: Pick<Context, 'o' | 'host' | 'port'>): Context {
  const c: Context = {
    ...base,
    conversations: new Map(),
    ethernet: (b, length) => printEthernet(c, b, length),
    ip4: (b, length, nested) => printIp4(c, b, length, nested),
    ip6: (b, length) => printIp6(c, b, length),
  };
  return c;
}

export function printPacket(c: Context, linktype: number, b: Uint8Array, length: number, ifname: (ifindex: number) => string): string {
  if (linktype === LINKTYPE_ETHERNET) return c.ethernet(b, length);
  if (linktype === LINKTYPE_LINUX_SLL2) return printSll2(c, b, length, ifname);
  return (b[0] as number) >> 4 === 6 ? c.ip6(b, length) : c.ip4(b, length);
}

/** -x: 16 bytes a line in pairs. */
export function hexDump(b: Uint8Array, indent = '\t'): string {
  return lines(b, (row, at) => `${indent}0x${at.toString(16).padStart(4, '0')}:  ${pairs(row)}`);
}

/** -X: the same with text beside it. */
export function hexAsciiDump(b: Uint8Array): string {
  return lines(
    b,
    (row, at) =>
      `\t0x${at.toString(16).padStart(4, '0')}:  ${pairs(row).padEnd(39)}  ${[...row].map((x) => (x > 32 && x < 127 ? String.fromCharCode(x) : '.')).join('')}`,
  );
}

function lines(b: Uint8Array, line: (row: Uint8Array, at: number) => string): string {
  const out: string[] = [];
  for (let at = 0; at < b.length; at += 16) out.push(line(b.subarray(at, at + 16), at));
  return out.join('\n');
}

function pairs(row: Uint8Array): string {
  return (
    [...row]
      .map((x) => x.toString(16).padStart(2, '0'))
      .join('')
      .match(/.{1,4}/g) ?? []
  ).join(' ');
}

/** -A: text only; carriage returns before a line end vanish. */
export function asciiDump(b: Uint8Array): string {
  let out = '';
  for (const [i, x] of b.entries()) {
    if (x === 13) {
      if (b[i + 1] !== 10) out += '.';
    } else if (x === 10 || x === 9) out += String.fromCharCode(x);
    else out += x >= 32 && x < 127 ? String.fromCharCode(x) : '.';
  }
  return out;
}
