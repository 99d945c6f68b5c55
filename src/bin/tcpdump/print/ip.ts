/** IPv4 headers, and the protocols in IP. Models print-ip.c, print-ip-demux.c */

import { readIp4 } from '../../../wire/addr.ts';
import { checksum, fold16, sum16 } from '../../../wire/bytes.ts';
import { pseudo4 } from '../../../wire/ipv4.ts';
import { IP_PROTO_NAMES } from '../names.ts';
import { printIcmp } from './icmp.ts';
import { printIcmp6 } from './icmp6.ts';
import { printIgmp } from './igmp.ts';
import { printIp6 } from './ip6.ts';
import { printEthernet } from './link.ts';
import { bits, hex, type Ndo, Truncated } from './ndo.ts';
import { printAh, printEsp, printIpcomp, printSctp, printVrrp } from './rare.ts';
import { printTcp } from './tcp.ts';
import { printGre } from './tunnel.ts';
import { printUdp } from './udp.ts';

const MAX_DEPTH = 24;
const FRAGMENT = [
  [0x2000, '+'],
  [0x4000, 'DF'],
  [0x8000, 'rsvd'],
] as const;

export function printIp4(n: Ndo, at: number, length: number): void {
  n.protocol = 'ip';
  const version = n.u8(at) >> 4;
  if (version !== 4) {
    n.print(version === 6 ? 'IP6, wrong link-layer encapsulation' : `IP${version}`);
    n.invalid();
    return;
  }
  if (!n.o.link) n.print('IP ');
  n.check(at, 20);
  if (length < 20) {
    n.print(`truncated-ip ${length}`);
    return;
  }
  const hlen = (n.u8(at) & 15) * 4;
  if (hlen < 20) {
    n.print(`bad-hlen ${hlen}`);
    return;
  }
  let total = n.u16(at + 2);
  if (length < total) n.print(`truncated-ip - ${total - length} bytes missing! `);
  if (total < hlen) {
    if (total !== 0) {
      n.print(`bad-len ${total}`);
      return;
    }
    total = length;
  }
  n.within(at, total, () => body(n, at, hlen, total));
}

function body(n: Ndo, at: number, hlen: number, total: number): void {
  const off = n.u16(at + 6);
  const proto = n.u8(at + 9);
  if (n.o.verbose > 0) {
    const tos = n.u8(at + 1);
    n.print(`(tos 0x${hex(tos)}${['', ',ECT(1)', ',ECT(0)', ',CE'][tos & 3]}`);
    if (n.u8(at + 8) >= 1) n.print(`, ttl ${n.u8(at + 8)}`);
    n.print(`, id ${n.u16(at + 4)}, offset ${(off & 0x1fff) * 8}, flags [${bits(FRAGMENT, off & 0xe000)}]`);
    n.print(`, proto ${IP_PROTO_NAMES[proto] ?? 'unknown'} (${proto}), length ${n.u16(at + 2)}`);
    let cut = false;
    if (hlen > 20) {
      n.print(', options (');
      if (!cutOptions(n, at + 20, hlen - 20)) {
        n.print(' [truncated-option]');
        cut = true;
      }
      n.print(')');
    }
    if (!n.o.noChecksum && n.has(at, hlen)) {
      if (checksum(n.b, at, at + hlen) !== 0) {
        const field = n.u16(at + 10);
        n.print(`, bad cksum ${hex(field)} (->${hex(shouldBe(n.b, at, hlen, at + 10))})!`);
      }
    }
    n.print(')\n    ');
    if (cut) {
      n.print(`${n.ip4(at + 12)} > ${n.ip4(at + 16)}: `);
      n.truncated();
      return;
    }
  }
  if ((off & 0x1fff) !== 0) {
    n.print(`${n.ip4(at + 12)} > ${n.ip4(at + 16)}:`);
    const name = n.names.protocol?.(proto) ?? null;
    n.print(name ? ` ${name}` : ` ip-proto-${proto}`);
    return;
  }
  if (proto !== 6 && proto !== 17 && proto !== 132 && proto !== 33) n.print(`${n.ip4(at + 12)} > ${n.ip4(at + 16)}: `);
  if (!n.has(at, hlen)) {
    n.print(` [remaining caplen(${n.left(at)}) < header length(${hlen})]`);
    throw new Truncated();
  }
  demux(n, at + hlen, total - hlen, 4, (off & 0x2000) !== 0, n.u8(at + 8), proto, at);
}

/** The checksum that the bytes from `at` on should carry at `field`. */
export function shouldBe(b: Uint8Array, at: number, length: number, field: number, start = 0): number {
  const before = sum16(b, at, field, start);
  return fold16(sum16(b, field + 2, at + length, before));
}

/** Sum over the pseudo header of the IP header at `ip` and `length` bytes from `at` on; 0 when the checksum in them is right. */
export function l4Start(n: Ndo, ip: number, length: number, proto: number): number {
  if (n.u8(ip) >> 4 === 4) return pseudo4(readIp4(n.b, ip + 12), readIp4(n.b, ip + 16), proto, length);
  const dst = finalDestination(n, ip);
  let sum = 0;
  for (let i = 0; i < 16; i += 2) sum += n.u16(ip + 8 + i) + n.u16(dst + i);
  return sum + proto + (length & 0xffff) + (length >>> 16);
}

/** ip6_finddst(): where the address stands that a routing header leads to, else the header's own destination. */
function finalDestination(n: Ndo, ip: number): number {
  let next = n.u8(ip + 6);
  for (let at = ip + 40, i = 0; i < 8 && n.has(at, 4); i++) {
    const length = (n.u8(at + 1) + 1) * 8;
    if (next === 43) {
      const type = n.u8(at + 2);
      const count = n.u8(at + 1) >> 1;
      if ((type === 0 || type === 2) && count > 0 && n.has(at + 8, count * 16)) return at + 8 + (count - 1) * 16;
      return type === 4 && n.has(at + 8, 16) ? at + 8 : ip + 24;
    }
    if (next !== 0 && next !== 60 && next !== 44) break;
    next = n.u8(at);
    at += next === 44 ? 8 : length;
  }
  return ip + 24;
}

export function l4Sum(n: Ndo, ip: number, at: number, length: number, proto: number): number {
  return fold16(sum16(n.b, at, at + length, l4Start(n, ip, length, proto)));
}

/** What IP carries; `ip` is where its header starts. */
export function demux(
  n: Ndo,
  start: number,
  size: number,
  version: 4 | 6,
  fragmented: boolean,
  ttl: number,
  protocol: number,
  ip: number,
): void {
  let at = start;
  let length = size;
  let proto = protocol;
  if (++n.depth > MAX_DEPTH) throw new Truncated();
  for (let i = 0; i < 8 && proto === 51; i++) {
    if (!n.has(at, 1)) {
      n.protocol = 'ah';
      n.truncated();
      return;
    }
    const next = n.u8(at);
    const advance = printAh(n, at);
    if (advance <= 0) return;
    at += advance;
    length -= advance;
    proto = next;
  }
  const wrong = (family: string): void => {
    n.print(`[${IP_PROTO_NAMES[proto] ?? 'unknown'} requires ${family}]`);
    n.invalid();
  };
  switch (proto) {
    case 6:
      printTcp(n, at, length, ip, fragmented);
      break;
    case 17:
      printUdp(n, at, length, ip, fragmented);
      break;
    case 1:
      if (version === 4) printIcmp(n, at, length, fragmented);
      else wrong('IPv4');
      break;
    case 58:
      if (version === 6) printIcmp6(n, at, length, ip, fragmented);
      else wrong('IPv6');
      break;
    case 2:
      if (version === 4) printIgmp(n, at, length);
      else wrong('IPv4');
      break;
    case 4:
      printIp4(n, at, length);
      break;
    case 41:
      printIp6(n, at, length);
      break;
    case 47:
      printGre(n, at, length);
      break;
    case 50:
      printEsp(n, at, length);
      break;
    case 108:
      printIpcomp(n, at);
      break;
    case 112:
      printVrrp(n, at, length, ttl, version);
      break;
    case 132:
      printSctp(n, at, length, ip);
      break;
    case 143:
      if (version === 6) printEthernet(n, at, length);
      else wrong('IPv6');
      break;
    case 59:
      n.print('no next header');
      break;
    default: {
      const name = n.names.protocol?.(proto) ?? null;
      n.print(`${name ? ` ${name}` : ` ip-proto-${proto}`} ${length}`);
    }
  }
  n.depth--;
}

const OPTION_NAMES: Record<number, string> = {
  0: 'EOL',
  1: 'NOP',
  7: 'RR',
  68: 'timestamp',
  82: 'traceroute',
  130: 'security',
  131: 'LSRR',
  137: 'SSRR',
  148: 'RA',
};

/** False when the capture ends within an option. */
function cutOptions(n: Ndo, at: number, size: number): boolean {
  try {
    return options(n, at, size);
  } catch (e) {
    if (!(e instanceof Truncated)) throw e;
    return false;
  }
}

function options(n: Ndo, from: number, size: number): boolean {
  let separator = '';
  for (let at = from, left = size; left > 0; ) {
    n.print(separator);
    separator = ',';
    const kind = n.u8(at);
    n.print(OPTION_NAMES[kind] ?? `unknown ${kind}`);
    const len = kind < 2 ? 1 : n.u8(at + 1);
    if ((kind >= 2 && len < 2) || len > left) {
      n.print(` [bad length ${len}]`);
      return true;
    }
    if (!n.has(at, len)) return false;
    if (kind === 0) return true;
    if (kind === 68) timestamps(n, at, len);
    else if (kind === 7 || kind === 131 || kind === 137) route(n, at, len);
    else if (kind === 148) {
      if (len < 4) n.print(` [bad length ${len}]`);
      else if (n.u16(at + 2) !== 0) n.print(` value ${n.u16(at + 2)}`);
    }
    at += len;
    left -= len;
  }
  return true;
}

function route(n: Ndo, at: number, length: number): void {
  if (length < 3) {
    n.print(` [bad length ${length}]`);
    return;
  }
  if (((length + 1) & 3) !== 0) n.print(` [bad length ${length}]`);
  const pointer = n.u8(at + 2) - 1;
  if (pointer < 3 || ((pointer + 1) & 3) !== 0 || pointer > length + 1) n.print(` [bad ptr ${n.u8(at + 2)}]`);
  for (let i = 3; i < length; i += 4) n.print(` ${n.ip4(at + i)}${pointer > i ? ',' : ''}`);
}

function timestamps(n: Ndo, at: number, length: number): void {
  if (length < 4) {
    n.print(`[bad length ${length}]`);
    return;
  }
  n.print(' TS{');
  const type = n.u8(at + 3) & 15;
  const hop = type === 0 ? 4 : 8;
  if (((length - 4) & (hop - 1)) !== 0) n.print(`[bad length ${length}]`);
  const pointer = n.u8(at + 2) - 1;
  let i = 0;
  if (pointer < 4 || ((pointer - 4) & (hop - 1)) !== 0 || pointer > length + 1) n.print(`[bad ptr ${n.u8(at + 2)}]`);
  const name = type === 0 ? 'TSONLY' : type === 1 ? 'TS+ADDR' : type === 3 ? 'PRESPEC' : null;
  if (name === null) n.print(`[bad ts type ${type}]`);
  else {
    n.print(name);
    for (i = 4; i < length; i += hop) n.print(`${pointer === i ? ' ^ ' : ' '}${n.u32(at + i + hop - 4)}@${hop === 8 ? n.ip4(at + i) : ''}`);
  }
  n.print(pointer === i ? ' ^ ' : '');
  const missed = n.u8(at + 3) >> 4;
  n.print(missed ? ` [${missed} hops not recorded]} ` : '}');
}
