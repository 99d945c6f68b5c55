/** IPv6 headers and extension headers. Models print-ip6.c, print-ip6opts.c, print-frag6.c, print-rt6.c */

import { IP_PROTO_NAMES } from '../names.ts';
import { demux } from './ip.ts';
import { hex, type Ndo } from './ndo.ts';

export function printIp6(n: Ndo, at: number, length: number): void {
  n.protocol = 'ip6';
  if (!n.has(at, 40)) {
    n.truncated();
    return;
  }
  if (length < 40) {
    n.print(`truncated-ip6 ${length}`);
    return;
  }
  if (!n.o.link) n.print('IP6 ');
  const flow = n.u32(at);
  if (flow >>> 28 !== 6) {
    n.print(`version error: ${flow >>> 28} != 6`);
    return;
  }
  const payload = n.u16(at + 4);
  let size = length + 40;
  if (payload !== 0) {
    size = payload + 40;
    if (length < size) n.print(`truncated-ip6 - ${size - length} bytes missing!`);
  }
  const next = n.u8(at + 6);
  if (n.o.verbose > 0) {
    n.print('(');
    if ((flow & 0x0ff00000) !== 0) n.print(`class 0x${hex((flow & 0x0ff00000) >>> 20, 2)}, `);
    if ((flow & 0xfffff) !== 0) n.print(`flowlabel 0x${hex(flow & 0xfffff, 5)}, `);
    n.print(`hlim ${n.u8(at + 7)}, next-header ${IP_PROTO_NAMES[next] ?? 'unknown'} (${next}) payload length: ${payload}) `);
  }
  n.within(at, size, () => headers(n, at, size, payload, next));
}

function headers(n: Ndo, ip: number, size: number, payload: number, first: number): void {
  let next = first;
  let at = ip;
  let left = size;
  let advance = 40;
  let previous = 255;
  let extended = false;
  let fragmented = false;
  while (at < n.end && advance > 0) {
    if (left < advance) {
      n.truncated();
      return;
    }
    at += advance;
    left -= advance;
    if (at === ip + 40 && next !== 6 && next !== 17 && next !== 33 && next !== 132) n.print(`${n.ip6(ip + 8)} > ${n.ip6(ip + 24)}: `);
    const kind = next;
    switch (kind) {
      case 0:
        if (previous !== 255) {
          n.print(
            previous === 0
              ? '[The Hop-by-Hop Options header was already found]'
              : "[The Hop-by-Hop Options header don't follow the IPv6 header]",
          );
          n.invalid();
          return;
        }
        advance = optionHeader(n, at, 'HBH');
        if (payload === 0) {
          n.print('[No valid Jumbo Payload Hop-by-Hop option found]');
          n.invalid();
          return;
        }
        break;
      case 60:
        advance = optionHeader(n, at, 'DSTOPT');
        break;
      case 44:
        advance = fragment(n, at, ip);
        if (advance < 0 || n.end <= at + advance) return;
        fragmented = true;
        break;
      case 43:
        n.check(at, 1);
        advance = routing(n, at);
        break;
      default:
        if (payload === 0) {
          if (extended) {
            n.truncated();
            return;
          }
          n.end = Math.min(n.end, ip + 40);
          left = 0;
        }
        demux(n, at, left, 6, fragmented, n.u8(ip + 7), kind, ip);
        return;
    }
    if (advance < 0) return;
    extended = true;
    next = n.u8(at);
    previous = kind;
    n.protocol = 'ip6';
  }
}

function optionHeader(n: Ndo, at: number, name: string): number {
  n.protocol = name === 'HBH' ? 'hbhopt' : 'dstopt';
  const length = (n.u8(at + 1) + 1) * 8;
  n.check(at, length);
  n.print(`${name} `);
  if ((name === 'HBH' || n.o.verbose > 0) && !options(n, at + 2, length - 2)) {
    n.truncated();
    return -1;
  }
  return length;
}

/** ip6_opt_process(): false when an option is cut or malformed. */
function options(n: Ndo, from: number, size: number): boolean {
  const verbose = n.o.verbose > 0;
  const say = (text: string): void => {
    if (verbose) n.print(text);
  };
  for (let i = 0; i < size; ) {
    const kind = n.u8(from + i);
    if (kind !== 0 && i + 1 >= size) return false;
    const len = kind === 0 ? 1 : n.u8(from + i + 1) + 2;
    if (i + len > size) return false;
    const data = from + i + 2;
    const known = KNOWN[kind];
    if (known && size - i < known.length) {
      n.print(`(${known.name}: trunc)`);
      return false;
    }
    if (known && (kind === 0xc9 ? len < known.length : len !== known.length)) {
      n.print(`(${known.name}: invalid len ${len - 2})`);
      return false;
    }
    if (kind === 0) say('(pad1)');
    else if (kind === 1) say('(padn)');
    else if (kind === 5) say(`(rtalert: 0x${hex(n.u16(data), 4)}) `);
    else if (kind === 0xc2) say(`(jumbo: ${n.u32(data)} - payload len != 0) `);
    else if (kind === 0xc9) say(`(homeaddr: ${n.ip6(data)})`);
    else say(`(opt_type 0x${hex(kind, 2)}: len=${len - 2})`);
    i += len;
  }
  say(' ');
  return true;
}

/** Options whose length is given. */
const KNOWN: Readonly<Record<number, { name: string; length: number }>> = {
  5: { name: 'rtalert', length: 4 },
  194: { name: 'jumbo', length: 6 },
  201: { name: 'homeaddr', length: 18 },
};

function fragment(n: Ndo, at: number, ip: number): number {
  n.protocol = 'frag6';
  const offset = n.u16(at + 2) & 0xfff8;
  const length = 40 + n.u16(ip + 4) - (at - ip) - 8;
  n.print(n.o.verbose > 0 ? `frag (0x${hex(n.u32(at + 4), 8)}:${offset}|${length})` : `frag (${offset}|${length})`);
  if (offset !== 0) return -1;
  n.print(' ');
  return 8;
}

function routing(n: Ndo, at: number): number {
  n.protocol = 'rt6';
  const len = n.u8(at + 1);
  const type = n.u8(at + 2);
  n.print(`RT6 (len=${len}, type=${type}${type === 0 ? ' [Deprecated]' : ''}, segleft=${n.u8(at + 3)}`);
  if (type === 0 || type === 2) {
    if (n.u32(at + 4) !== 0 || n.o.verbose > 0) n.print(`, rsv=0x${hex(n.u32(at + 4))}`);
  } else if (type === 4) {
    n.print(`, last-entry=${n.u8(at + 4)}`);
    if (n.u8(at + 5) !== 0 || n.o.verbose > 0) n.print(`, flags=0x${hex(n.u8(at + 5))}`);
    n.print(`, tag=${hex(n.u16(at + 6))}`);
  } else {
    n.print(' (unknown type)');
    n.invalid();
    return -1;
  }
  if (len % 2 === 1) {
    n.print(` (invalid length ${len})`);
    n.invalid();
    return -1;
  }
  for (let i = 0; i < len / 2; i++) n.print(`, [${i}]${n.ip6(at + 8 + i * 16)}`);
  n.print(') ');
  return (len + 1) * 8;
}
