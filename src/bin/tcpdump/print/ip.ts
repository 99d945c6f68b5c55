/** Models print-ip.c and print-ip6.c */

import { readIp4, readIp6 } from '../../../wire/addr.ts';
import { checksum, u16, u32 } from '../../../wire/bytes.ts';
import { ip4HeaderLen } from '../../../wire/ipv4.ts';
import { IP_PROTO_NAMES } from '../names.ts';
import type { Context } from './context.ts';
import { printIcmp } from './icmp.ts';
import { printIcmp6 } from './icmp6.ts';
import { printTcp } from './tcp.ts';
import { printUdp } from './udp.ts';

const hex = (n: number): string => n.toString(16);
const NAMES: Record<number, string> = {
  2: 'igmp',
  47: 'GREv0',
  50: 'ESP',
  51: 'AH',
  89: 'OSPFv2',
  103: 'PIMv2',
  112: 'VRRPv2',
  132: 'sctp',
};

export function printIp4(c: Context, b: Uint8Array, length: number, nested = false): string {
  let out = c.o.link ? '' : 'IP ';
  if (b.length < 20) return `${out}[|ip]`;
  if ((b[0] as number) >> 4 !== 4)
    return `IP${(b[0] as number) >> 4} ${(b[0] as number) >> 4 === 6 ? 'wrong link-layer encapsulation' : ''} (invalid)`;
  const hlen = ip4HeaderLen(b);
  const total = u16(b, 2);
  if (hlen < 20) return `${out}bad-hlen ${hlen}`;
  if (length < total && total > b.length && !nested) out += `truncated-ip - ${total - length} bytes missing! `;
  const frag = u16(b, 6);
  const offset = (frag & 0x1fff) * 8;
  const proto = b[9] as number;
  if (c.o.verbose > 0) {
    const tos = b[1] as number;
    out += `(tos 0x${hex(tos)}${['', ',ECT(1)', ',ECT(0)', ',CE'][tos & 3]}`;
    if ((b[8] as number) >= 1) out += `, ttl ${b[8]}`;
    const bits = [...(frag & 0x2000 ? ['+'] : []), ...(frag & 0x4000 ? ['DF'] : []), ...(frag & 0x8000 ? ['rsvd'] : [])];
    out += `, id ${u16(b, 4)}, offset ${offset}, flags [${bits.join(', ') || 'none'}], proto ${IP_PROTO_NAMES[proto] ?? 'unknown'} (${proto}), length ${total}`;
    if (hlen > 20) out += `, options (${options(c, b.subarray(20, hlen))})`;
    if (b.length >= hlen) {
      const sum = checksum(b, 0, hlen);
      if (sum !== 0) {
        const copy = b.slice(0, hlen);
        copy[10] = 0;
        copy[11] = 0;
        out += `, bad cksum ${hex(u16(b, 10))} (->${hex(checksum(copy))})!`;
      }
    }
    out += ')\n    ';
  }
  const src = readIp4(b, 12);
  const dst = readIp4(b, 16);
  const payload = b.subarray(hlen, Math.max(hlen, Math.min(b.length, total)));
  const plen = total - hlen;
  const ends = `${c.host(src)} > ${c.host(dst)}:`;
  if (offset > 0) return `${out}${ends} ip-proto-${proto}`;
  const fragmented = (frag & 0x3fff) !== 0;
  switch (proto) {
    case 1:
      return out + printIcmp(c, payload, plen, src, dst, fragmented);
    case 6:
      return out + printTcp(c, payload, plen, src, dst, fragmented);
    case 17:
      return out + printUdp(c, payload, plen, src, dst, fragmented);
    case 4:
      return `${out}${ends} ${c.ip4(payload, plen)}`;
    case 41:
      return `${out}${ends} ${c.ip6(payload, plen)}`;
    default:
      return `${out}${ends} ${NAMES[proto] ?? ` ip-proto-${proto}`}${NAMES[proto] ? '' : ` ${plen}`}`.replace(':  ', ':  ');
  }
}

const OPTION_NAMES: Record<number, string> = { 0: 'EOL', 1: 'NOP', 7: 'RR', 68: 'timestamp', 131: 'LSRR', 137: 'SSRR', 148: 'RA' };

function options(c: Context, b: Uint8Array): string {
  const parts: string[] = [];
  for (let i = 0; i < b.length; ) {
    const kind = b[i] as number;
    const name = OPTION_NAMES[kind] ?? `unknown ${kind}`;
    if (kind < 2) {
      parts.push(name);
      if (kind === 0) break;
      i++;
      continue;
    }
    const len = b[i + 1] ?? 0;
    if (len < 2) break;
    let text = name;
    if (kind === 7 || kind === 131 || kind === 137) {
      const pointer = (b[i + 2] as number) - 1;
      let separator = ' ';
      for (let j = 3; j + 4 <= len; j += 4) {
        text += `${separator}${c.host(readIp4(b, i + j))}`;
        separator = pointer > j ? ', ' : ' ';
      }
    }
    parts.push(text);
    i += len;
  }
  return parts.join(',');
}

export function printIp6(c: Context, b: Uint8Array, _length: number): string {
  let out = c.o.link ? '' : 'IP6 ';
  if (b.length < 40) return `${out}[|ip6]`;
  const word = u32(b, 0);
  const plen = u16(b, 4);
  let next = b[6] as number;
  if (c.o.verbose > 0) {
    const klass = (word >>> 20) & 255;
    const label = word & 0xfffff;
    out += `(${klass ? `class 0x${hex(klass).padStart(2, '0')}, ` : ''}${label ? `flowlabel 0x${hex(label).padStart(5, '0')}, ` : ''}hlim ${b[7]}, `;
    out += `next-header ${IP_PROTO_NAMES[next] ?? 'unknown'} (${next}) payload length: ${plen}) `;
  }
  const src = readIp6(b, 8);
  const dst = readIp6(b, 24);
  let payload = b.subarray(40, Math.min(b.length, 40 + plen));
  let left = plen;
  let fragmented = false;
  const ends = `${c.host(src)} > ${c.host(dst)}: `;
  let before = '';
  for (;;) {
    if ((next === 0 || next === 60 || next === 43) && payload.length >= 8) {
      const len = ((payload[1] as number) + 1) * 8;
      before += next === 0 ? hopByHop(c, payload.subarray(0, len)) : next === 60 ? 'DSTOPT ' : 'srcrt ';
      next = payload[0] as number;
      payload = payload.subarray(len);
      left -= len;
    } else if (next === 44 && payload.length >= 8) {
      const word16 = u16(payload, 2);
      const more = (word16 & 1) !== 0;
      const offset = word16 & 0xfff8;
      before +=
        c.o.verbose > 0 ? `frag (0x${hex(u32(payload, 4)).padStart(8, '0')}:${offset}|${left - 8}) ` : `frag (${offset}|${left - 8}) `;
      next = payload[0] as number;
      payload = payload.subarray(8);
      left -= 8;
      if (offset > 0) return `${out}${ends}${before}`.trimEnd();
      fragmented = more;
    } else break;
  }
  switch (next) {
    case 6:
      return before === ''
        ? out + printTcp(c, payload, left, src, dst, fragmented)
        : out +
            ends +
            before +
            printTcp(c, payload, left, src, dst, fragmented)
              .slice(ends.length - 2)
              .replace(/^[^:]*: /, '');
    case 17:
      return out + (before ? `${ends}${before}` : '') + printUdp(c, payload, left, src, dst, fragmented);
    case 58:
      return `${out}${ends}${before}${printIcmp6(c, payload, left, src, dst, fragmented)}`;
    case 4:
      return `${out}${ends}${c.ip4(payload, left)}`;
    case 59:
      return `${out}${ends}no next header`;
    default:
      return `${out}${ends}ip-proto-${next} ${left}`;
  }
}

function hopByHop(c: Context, b: Uint8Array): string {
  if (c.o.verbose === 0) return 'HBH ';
  let out = 'HBH ';
  for (let i = 2; i < b.length; ) {
    const kind = b[i] as number;
    if (kind === 0) {
      out += '(pad1) ';
      i++;
      continue;
    }
    if (kind === 1) out += '(padn) ';
    else if (kind === 5) out += `(rtalert: 0x${hex(u16(b, i + 2)).padStart(4, '0')}) `;
    else out += `(opt_type 0x${hex(kind).padStart(2, '0')}: len=${b[i + 1]}) `;
    i += 2 + (b[i + 1] ?? 0);
  }
  return out;
}
