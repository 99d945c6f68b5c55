/** Models print-tcp.c */

import { formatIp, type IpAddr, readIp4, readIp6 } from '../../../wire/addr.ts';
import { printDns } from './dns.ts';
import { l4Start, l4Sum, shouldBe } from './ip.ts';
import { bits, hex, type Ndo, safe, Truncated } from './ndo.ts';
import { printApplication } from './text.ts';

const FLAGS = [
  [1, 'F'],
  [2, 'S'],
  [4, 'R'],
  [8, 'P'],
  [16, '.'],
  [32, 'U'],
  [64, 'E'],
  [128, 'W'],
] as const;
const OPTIONS: Record<number, string> = {
  0: 'eol',
  1: 'nop',
  2: 'mss',
  3: 'wscale',
  4: 'sackOK',
  5: 'sack',
  6: 'echo',
  7: 'echoreply',
  8: 'TS',
  11: 'cc',
  12: 'ccnew',
  13: 'ccecho',
  19: 'md5',
  20: 'scps',
  28: 'uto',
  29: 'tcp-ao',
  30: 'mptcp',
  34: 'tfo',
  254: 'exp',
};

export function addresses(n: Ndo, ip: number): { src: IpAddr; dst: IpAddr } {
  if (n.u8(ip) >> 4 === 6) {
    n.check(ip, 40);
    return { src: readIp6(n.b, ip + 8), dst: readIp6(n.b, ip + 24) };
  }
  n.check(ip, 20);
  return { src: readIp4(n.b, ip + 12), dst: readIp4(n.b, ip + 16) };
}

/** `a.80 > b.1234: `; behind extension headers, which have said the addresses, the ports alone. */
export function printEnds(n: Ndo, ip: number, proto: 'tcp' | 'udp', sport: number, dport: number): void {
  const { src, dst } = addresses(n, ip);
  const [s, d] = [n.names.port(sport, proto), n.names.port(dport, proto)];
  const direct = n.u8(ip) >> 4 === 6 ? n.u8(ip + 6) : n.u8(ip + 9);
  if (direct === (proto === 'tcp' ? 6 : 17)) n.print(`${n.names.host(src)}.${s} > ${n.names.host(dst)}.${d}: `);
  else n.print(`${s} > ${d}: `);
}

/** Sequence numbers since the conversation's first ones, and those first ones as the options need them. */
function relative(n: Ndo, ip: number, sport: number, dport: number, flags: number, numbers: { seq: number; ack: number }): number {
  const { src, dst } = addresses(n, ip);
  const reverse = sport === dport ? src > dst : sport > dport;
  const a = `${formatIp(src)}.${sport}`;
  const z = `${formatIp(dst)}.${dport}`;
  const key = reverse ? `${z} ${a}` : `${a} ${z}`;
  let known = n.conversations.get(key);
  const { seq, ack } = numbers;
  if (!known || (flags & 2) !== 0) {
    known = reverse ? { ack: seq, seq: (ack - 1) >>> 0 } : { seq, ack: (ack - 1) >>> 0 };
    n.conversations.set(key, known);
  } else {
    numbers.seq = (seq - (reverse ? known.ack : known.seq)) >>> 0;
    numbers.ack = (ack - (reverse ? known.seq : known.ack)) >>> 0;
  }
  return reverse ? known.seq : known.ack;
}

export function printTcp(n: Ndo, at: number, size: number, ip: number, fragmented: boolean): void {
  n.protocol = 'tcp';
  let length = size;
  if (!n.has(at + 2, 2)) {
    const { src, dst } = addresses(n, ip);
    n.print(`${n.names.host(src)} > ${n.names.host(dst)}:`);
    n.truncated();
    return;
  }
  const [sport, dport] = [n.u16(at), n.u16(at + 2)];
  printEnds(n, ip, 'tcp', sport, dport);
  if (!n.has(at, 20)) {
    n.truncated();
    return;
  }
  const hlen = (n.u8(at + 12) >> 4) * 4;
  if (hlen < 20) {
    n.print(` tcp ${length - hlen} [bad hdr length ${hlen} - too short, < 20]`);
    return;
  }
  const tooLong = ` [bad hdr length ${hlen} - too long, > ${length}]`;
  if (n.o.quick) {
    n.print(`tcp ${(length - hlen) >>> 0}${hlen > length ? tooLong : ''}`);
    return;
  }
  const flags = n.u8(at + 13);
  n.print(`Flags [${bits(FLAGS, flags, '')}]`);
  const numbers = { seq: n.u32(at + 4), ack: n.u32(at + 8) };
  const sackBase = !n.o.absoluteSeq && (flags & 16) !== 0 ? relative(n, ip, sport, dport, flags, numbers) : 0;
  if (hlen > length) {
    n.print(tooLong);
    return;
  }
  if (n.o.verbose > 0 && !n.o.noChecksum && !fragmented && n.has(at, length)) {
    n.print(`, cksum 0x${hex(n.u16(at + 16), 4)}`);
    if (l4Sum(n, ip, at, length, 6) === 0) n.print(' (correct)');
    else n.print(` (incorrect -> 0x${hex(shouldBe(n.b, at, length, at + 16, l4Start(n, ip, length, 6)), 4)})`);
  }
  length -= hlen;
  if (n.o.verbose > 1 || length > 0 || (flags & 7) !== 0) {
    n.print(`, seq ${numbers.seq}`);
    if (length > 0) n.print(`:${(numbers.seq + length) >>> 0}`);
  }
  if ((flags & 16) !== 0) n.print(`, ack ${numbers.ack}`);
  n.print(`, win ${n.u16(at + 14)}`);
  if ((flags & 32) !== 0) n.print(`, urg ${n.u16(at + 18)}`);
  if (hlen > 20 && !options(n, at + 20, hlen - 20, sackBase)) return;
  n.print(`, length ${length}`);
  if (length === 0) return;
  if (!n.has(at, hlen)) {
    n.print(` [remaining caplen(${n.left(at)}) < header length(${hlen})]`);
    throw new Truncated();
  }
  const data = at + hlen;
  if ((flags & 4) !== 0 && n.o.verbose > 0) {
    const shown = Math.min(length, 30);
    n.print(`${n.has(data, length) ? ' [RST' : ' [!RST'}${length > 30 ? '+' : ''} ${safe(n.bytes(data, shown))}]`);
    return;
  }
  if (n.o.type) {
    if (n.o.type === 'domain') printDns(n, data, length, true, false);
    return;
  }
  printApplication(n, data, length, sport, dport);
}

/** False when an option is bad: nothing is said of the rest. */
function options(n: Ndo, from: number, size: number, sackBase: number): boolean {
  let at = from;
  let left = size;
  let comma = '';
  n.print(', options [');
  const bad = (): boolean => {
    n.print(`[bad opt]${comma ? ']' : ''}`);
    return false;
  };
  while (left > 0) {
    n.print(comma);
    const kind = n.u8(at++);
    let len = 1;
    if (kind > 1) {
      len = n.u8(at++);
      if (len < 2 || len > left) return bad();
      left--;
    }
    left--;
    n.print(OPTIONS[kind] ?? `unknown-${kind}`);
    const present = kind > 1 ? len - 2 : 0;
    let used = 0;
    const take = (bytes: number): boolean => {
      used = bytes;
      if (bytes > left) return false;
      n.check(at, bytes);
      return true;
    };
    switch (kind) {
      case 2:
        if (!take(2)) return bad();
        n.print(` ${n.u16(at)}`);
        break;
      case 3:
        if (!take(1)) return bad();
        n.print(` ${n.u8(at)}`);
        break;
      case 5:
        used = present;
        if (present % 8 !== 0) n.print(' invalid sack');
        else {
          n.print(` ${present / 8} `);
          for (let i = 0; i < present; i += 8) n.print(`{${(n.u32(at + i) - sackBase) >>> 0}:${(n.u32(at + i + 4) - sackBase) >>> 0}}`);
        }
        break;
      case 6:
      case 7:
      case 11:
      case 12:
      case 13:
        if (!take(4)) return bad();
        n.print(` ${n.u32(at)}`);
        break;
      case 8:
        if (!take(8)) return bad();
        n.print(` val ${n.u32(at)} ecr ${n.u32(at + 4)}`);
        break;
      case 19:
        if (!take(16)) return bad();
        n.print(` can't check - ${[...n.bytes(at, 16)].map((x) => hex(x, 2)).join('')}`);
        break;
      case 20:
        if (!take(2)) return bad();
        n.print(` cap ${hex(n.u8(at), 2)} id ${n.u8(at + 1)}`);
        break;
      case 28: {
        if (!take(2)) return bad();
        const value = n.u16(at);
        n.print(` 0x${hex(value)} ${value & 1 ? (value >> 1) * 60 : value >> 1}`);
        break;
      }
      case 29:
        used = present;
        if (present < 2) n.invalid();
        else {
          n.print(` keyid ${n.u8(at)} rnextkeyid ${n.u8(at + 1)}${present > 2 ? ' mac 0x' : ''}`);
          for (let i = 2; i < present; i++) n.print(hex(n.u8(at + i), 2));
        }
        break;
      case 0:
      case 1:
      case 4:
        break;
      case 34:
        if (!take(present)) return bad();
        n.print(' ');
        fastOpen(n, at, present);
        break;
      case 254: {
        if (!take(present) || present < 2) return bad();
        const magic = n.u16(at);
        n.print('-');
        if (magic === 0xf989) fastOpen(n, at + 2, present - 2, true);
        else n.print(hex(magic, 4));
        break;
      }
      default:
        if (present > 0) n.print(' 0x');
        for (let i = 0; i < present; i++) n.print(hex(n.u8(at + i), 2));
        used = present;
    }
    at += used;
    left -= used;
    if (used + (kind > 1 ? 2 : 1) !== len) n.print(`[len ${len}]`);
    comma = ',';
    if (kind === 0) break;
  }
  n.print(']');
  return true;
}

function fastOpen(n: Ndo, at: number, length: number, experimental = false): void {
  if (experimental) n.print('tfo');
  if (length === 0) n.print(' cookiereq');
  else if (length % 2 !== 0 || length < 4 || length > 16) n.print(' invalid');
  else n.print(` cookie ${[...n.bytes(at, length)].map((x) => hex(x, 2)).join('')}`);
}
