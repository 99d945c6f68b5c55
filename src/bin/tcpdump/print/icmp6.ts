/** Models print-icmp6.c */

import { formatIp6, type IpAddr, readIp6 } from '../../../wire/addr.ts';
import { fold16, sum16, u16, u32 } from '../../../wire/bytes.ts';
import { parseNdOptions } from '../../../wire/icmp6.ts';
import { formatMac, readMac } from '../../../wire/mac.ts';
import { pseudo } from '../../../wire/pseudo.ts';
import type { Context } from './context.ts';

const NAMES: Record<number, string> = {
  1: 'destination unreachable',
  2: 'packet too big',
  3: 'time exceeded',
  4: 'parameter problem',
  128: 'echo request',
  129: 'echo reply',
  130: 'multicast listener query',
  131: 'multicast listener report',
  132: 'multicast listener done',
  133: 'router solicitation',
  134: 'router advertisement',
  135: 'neighbor solicitation',
  136: 'neighbor advertisement',
  137: 'redirect',
  143: 'multicast listener report v2',
};
const UNREACH = [
  'unreachable route',
  'unreachable prohibited',
  'beyond scope, source address',
  'unreachable address',
  'unreachable port',
  'ingress/egress policy',
  'reject route',
];
const OPTIONS: Record<number, string> = {
  1: 'source link-address',
  2: 'destination link-address',
  3: 'prefix info',
  4: 'redirected header',
  5: 'mtu',
  25: 'rdnss',
  31: 'dnssl',
};

export function printIcmp6(c: Context, b: Uint8Array, length: number, src: IpAddr, dst: IpAddr, fragmented: boolean): string {
  let out = '';
  if (c.o.verbose > 0 && !fragmented && b.length >= length && length >= 8) {
    const sum = fold16(sum16(b, 0, length, pseudo(src, dst, 58, length)));
    const copy = b.slice(0, length);
    copy[2] = 0;
    copy[3] = 0;
    const right = fold16(sum16(copy, 0, length, pseudo(src, dst, 58, length)));
    out +=
      sum === 0
        ? '[icmp6 sum ok] '
        : `[bad icmp6 cksum 0x${u16(b, 2).toString(16).padStart(4, '0')} -> 0x${right.toString(16).padStart(4, '0')}!] `;
  }
  if (b.length < 8) return `${out}ICMP6 [|icmp6]`;
  const [type, code] = [b[0] as number, b[1] as number];
  out += `ICMP6, ${NAMES[type] ?? `unknown icmp6 type (${type})`}`;
  const v = c.o.verbose;
  // Neighbour and router messages say their length before the details when verbose.
  const early = v > 0 && ((type >= 133 && type <= 137) || type === 143);
  if (early && type !== 143) out += `, length ${length}`;
  switch (type) {
    case 1:
      out += unreachable(c, b, code);
      break;
    case 2:
      out += `, mtu ${u32(b, 4)}`;
      if (v > 0) out += quoted(c, b);
      break;
    case 3:
      out += code === 0 ? ` for ${b.length >= 48 ? c.host(readIp6(b, 32)) : ''}` : ', reassembly';
      if (v > 0) out += quoted(c, b);
      break;
    case 128:
    case 129:
      out += `, id ${u16(b, 4)}, seq ${u16(b, 6)}`;
      break;
    case 130:
    case 131:
    case 132:
      if (b.length >= 24)
        out += `max resp delay: ${u16(b, 4)} addr: ${formatIp6(readIp6(b, 8))}`.replace(/^/, type === 130 && b.length >= 28 ? ' v2 ' : '');
      break;
    case 133:
      if (v > 0) out += options(b, 8, v);
      break;
    case 135:
      out += `, who has ${c.host(readIp6(b, 8))}`;
      if (v > 0) out += options(b, 24, v);
      break;
    case 136: {
      out += `, tgt is ${c.host(readIp6(b, 8))}`;
      if (v > 0) {
        const bits = b[4] as number;
        const names = [...(bits & 0x80 ? ['router'] : []), ...(bits & 0x40 ? ['solicited'] : []), ...(bits & 0x20 ? ['override'] : [])];
        out += `, Flags [${names.join(', ') || 'none'}]${options(b, 24, v)}`;
      }
      break;
    }
    case 143: {
      const n = u16(b, 6);
      out += `, ${n} group record(s)`;
      if (v > 0) {
        for (let i = 0, at = 8; i < n && at + 20 <= b.length; i++) {
          const sources = u16(b, at + 2);
          const kind = ['', 'is_in', 'is_ex', 'to_in', 'to_ex', 'allow', 'block'][b[at] as number] ?? `[v2-report-#${b[at]}]`;
          out += ` [gaddr ${c.host(readIp6(b, at + 4))} ${kind}${v > 1 ? ` {${list(c, b, at + 20, sources)} }` : `, ${sources} source(s)`}]`;
          at += 20 + sources * 16 + (b[at + 1] as number) * 4;
        }
      }
      break;
    }
    default:
      break;
  }
  return v > 0 ? out : `${out}, length ${length}`;
}

function list(c: Context, b: Uint8Array, at: number, n: number): string {
  let out = '';
  for (let i = 0; i < n && at + i * 16 + 16 <= b.length; i++) out += ` ${c.host(readIp6(b, at + i * 16))}`;
  return out;
}

function unreachable(c: Context, b: Uint8Array, code: number): string {
  const inner = b.subarray(8);
  if (inner.length < 40) return `, ${UNREACH[code] ?? `unknown unreach code (${code})`}`;
  const to = c.host(readIp6(inner, 24));
  let out = `, ${UNREACH[code] ?? `unknown unreach code (${code})`} ${to}`;
  if (code === 4 && inner.length >= 44) {
    const port = u16(inner, 42);
    if (inner[6] === 17) out = `, unreachable port, ${to} udp port ${c.port(port, 'udp')}`;
    else if (inner[6] === 6) out = `, unreachable port, ${to} tcp port ${c.port(port, 'tcp')}`;
    else out = `, unreachable port, ${to} protocol ${inner[6]} port ${port} unreachable`;
  }
  return c.o.verbose > 0 ? out + quoted(c, b) : out;
}

function quoted(c: Context, b: Uint8Array): string {
  return b.length > 48 && c.o.verbose > 1 ? '' : '';
}

function options(b: Uint8Array, start: number, v: number): string {
  let out = '';
  for (const o of parseNdOptions(b, start)) {
    const len = o.data.length + 2;
    out += `\n\t  ${OPTIONS[o.type] ?? 'unknown'} option (${o.type}), length ${len} (${len / 8}): `;
    if (o.type === 1 || o.type === 2) out += formatMac(readMac(o.data, 0));
    else if (o.type === 5) out += ` ${u32(o.data, 2)}`;
    else if (v < 2) out += `\n\t  0x0000:  ${words(o.data)}`;
    if (v > 1) out += `\n\t    0x0000:  ${words(o.data)}`;
  }
  return out;
}

function words(b: Uint8Array): string {
  return (
    [...b]
      .map((x) => x.toString(16).padStart(2, '0'))
      .join('')
      .match(/.{1,4}/g) ?? []
  ).join(' ');
}
