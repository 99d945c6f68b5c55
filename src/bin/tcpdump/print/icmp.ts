/** Models print-icmp.c */

import { type IpAddr, readIp4 } from '../../../wire/addr.ts';
import { checksum, fold16, sum16, u16 } from '../../../wire/bytes.ts';
import { isIcmpError } from '../../../wire/icmp.ts';
import { ip4HeaderLen } from '../../../wire/ipv4.ts';
import type { Context } from './context.ts';

type Unreach = (to: string) => string;

const UNREACH: Record<number, Unreach> = {
  0: (to) => `net ${to} unreachable`,
  1: (to) => `host ${to} unreachable`,
  5: (to) => `${to} unreachable - source route failed`,
  6: (to) => `net ${to} unreachable - unknown`,
  7: (to) => `host ${to} unreachable - unknown`,
  8: (to) => `${to} unreachable - source host isolated`,
  9: (to) => `net ${to} unreachable - admin prohibited`,
  10: (to) => `host ${to} unreachable - admin prohibited`,
  11: (to) => `net ${to} unreachable - tos prohibited`,
  12: (to) => `host ${to} unreachable - tos prohibited`,
  13: (to) => `host ${to} unreachable - admin prohibited filter`,
  14: (to) => `host ${to} unreachable - host precedence violation`,
  15: (to) => `host ${to} unreachable - precedence cutoff`,
};
const REDIRECT = ['net', 'host', 'net', 'host'];
const TYPES: Record<number, string> = {
  4: 'source quench',
  9: 'router advertisement',
  10: 'router solicitation',
  15: 'information request',
  16: 'information reply',
  17: 'address mask request',
  18: 'address mask reply',
};

export function printIcmp(c: Context, b: Uint8Array, length: number, src: IpAddr, dst: IpAddr, fragmented: boolean): string {
  let out = `${c.host(src)} > ${c.host(dst)}: ICMP `;
  if (b.length < 8) return `${out}[|icmp]`;
  const [type, code] = [b[0] as number, b[1] as number];
  const quoted = b.subarray(8);
  const to = quoted.length >= 20 ? c.host(readIp4(quoted, 16)) : '';
  const seq = (): string => `id ${u16(b, 4)}, seq ${u16(b, 6)}`;
  let text: string;
  switch (type) {
    case 0:
      text = `echo reply, ${seq()}`;
      break;
    case 8:
      text = `echo request, ${seq()}`;
      break;
    case 3:
      text = unreachable(c, code, b, quoted, to);
      break;
    case 5: {
      const tos = code >= 2 ? '-tos' : '';
      text =
        code < 4
          ? `redirect${tos} ${to} to ${REDIRECT[code]} ${c.host(readIp4(b, 4))}`
          : `redirect-#${code} ${to} to net ${c.host(readIp4(b, 4))}`;
      break;
    }
    case 11:
      text = code === 0 ? 'time exceeded in-transit' : code === 1 ? 'ip reassembly time exceeded' : `time exceeded-#${code}`;
      break;
    case 12:
      text = code !== 0 ? `parameter problem - code ${code}` : `parameter problem - octet ${b[4]}`;
      break;
    case 13:
      text = `time stamp query id ${u16(b, 4)} seq ${u16(b, 6)}`;
      break;
    default:
      text = TYPES[type] ?? `type-#${type}`;
  }
  out += `${text}, length ${length}`;
  if (c.o.verbose > 0 && !fragmented && b.length >= length) {
    if (checksum(b, 0, length) !== 0) {
      const field = u16(b, 2);
      const right = fold16(sum16(Uint8Array.of(...b.subarray(0, 2), 0, 0, ...b.subarray(4, length)), 0, length));
      out += ` (wrong icmp cksum ${field.toString(16)} (->${right.toString(16)})!)`;
    }
  }
  if (c.o.verbose > 0 && isIcmpError(type)) out += `\n\t${c.ip4(quoted, quoted.length >= 4 ? u16(quoted, 2) : 0, true)}`;
  return out;
}

function unreachable(c: Context, code: number, b: Uint8Array, quoted: Uint8Array, to: string): string {
  if (code === 2) return `${to} protocol ${quoted[9]} unreachable`;
  if (code === 3) {
    const hlen = ip4HeaderLen(quoted);
    const proto = quoted[9];
    if (quoted.length < hlen + 4) return `${to} unreachable`;
    const port = u16(quoted, hlen + 2);
    if (proto === 6) return `${to} tcp port ${c.port(port, 'tcp')} unreachable`;
    if (proto === 17) return `${to} udp port ${c.port(port, 'udp')} unreachable`;
    return `${to} protocol ${proto} port ${port} unreachable`;
  }
  if (code === 4) return u16(b, 6) > 0 ? `${to} unreachable - need to frag (mtu ${u16(b, 6)})` : `${to} unreachable - need to frag`;
  return UNREACH[code]?.(to) ?? `${to} unreachable - #${code}`;
}
