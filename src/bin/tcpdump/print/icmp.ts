/** Models print-icmp.c */

import { checksum } from '../../../wire/bytes.ts';
import { printIp4, shouldBe } from './ip.ts';
import { hex, type Ndo } from './ndo.ts';

const UNREACH: Record<number, (to: string) => string> = {
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
const REDIRECT = ['redirect %s to net', 'redirect %s to host', 'redirect-tos %s to net', 'redirect-tos %s to host'];
const NAMES: Record<number, string> = {
  4: 'source quench',
  10: 'router solicitation',
  15: 'information request',
  16: 'information reply',
  17: 'address mask request',
};
const ERRORS = [3, 4, 5, 11, 12];

export function printIcmp(n: Ndo, at: number, length: number, fragmented: boolean): void {
  n.protocol = 'icmp';
  const [type, code] = [n.u8(at), n.u8(at + 1)];
  const quoted = at + 8;
  const to = (): string => n.ip4(quoted + 16);
  let text: string;
  switch (type) {
    case 0:
    case 8:
      text = `echo ${type === 8 ? 'request' : 'reply'}, id ${n.u16(at + 4)}, seq ${n.u16(at + 6)}`;
      break;
    case 3:
      text = unreachable(n, at, code, to);
      break;
    case 5: {
      const form = REDIRECT[code] ?? `redirect-#${code} %s to`;
      text = `${form.replace('%s', to())} ${n.ip4(at + 4)}`;
      break;
    }
    case 9:
      text = advertisement(n, at);
      break;
    case 11:
      n.check(quoted + 16, 4);
      text = code === 0 ? 'time exceeded in-transit' : code === 1 ? 'ip reassembly time exceeded' : `time exceeded-#${code}`;
      break;
    case 12:
      text = code !== 0 ? `parameter problem - code ${code}` : `parameter problem - octet ${n.u8(at + 4)}`;
      break;
    case 13:
      text = `time stamp query id ${n.u16(at + 4)} seq ${n.u16(at + 6)}`;
      break;
    case 14:
      n.check(at + 16, 4);
      text = `time stamp reply id ${n.u16(at + 4)} seq ${n.u16(at + 6)}: org ${clock(n.u32(at + 8))}, recv ${clock(n.u32(at + 12))}, xmit ${clock(n.u32(at + 16))}`;
      break;
    case 18:
      text = `address mask is 0x${hex(n.u32(at + 8), 8)}`;
      break;
    default:
      text = NAMES[type] ?? `type-#${type}`;
  }
  n.print(`ICMP ${text}, length ${length}`);
  if (n.o.verbose === 0) return;
  if (!fragmented && n.has(at, length) && checksum(n.b, at, at + length) !== 0)
    n.print(` (wrong icmp cksum ${hex(n.u16(at + 2))} (->${hex(shouldBe(n.b, at, length, at + 2))})!)`);
  if (ERRORS.includes(type)) {
    n.print('\n\t');
    const inner = n.u16(quoted + 2);
    n.within(quoted, inner, () => printIp4(n, quoted, inner));
  }
}

function unreachable(n: Ndo, at: number, code: number, to: () => string): string {
  const quoted = at + 8;
  if (code === 2) return `${to()} protocol ${n.u8(quoted + 9)} unreachable`;
  if (code === 3) {
    const proto = n.u8(quoted + 9);
    const port = n.u16(quoted + (n.u8(quoted) & 15) * 4 + 2);
    if (proto === 6) return `${to()} tcp port ${n.names.port(port, 'tcp')} unreachable`;
    if (proto === 17) return `${to()} udp port ${n.names.port(port, 'udp')} unreachable`;
    return `${to()} protocol ${proto} port ${port} unreachable`;
  }
  if (code === 4) {
    const mtu = n.u16(at + 6);
    return `${to()} unreachable - need to frag${mtu ? ` (mtu ${mtu})` : ''}`;
  }
  return UNREACH[code]?.(to()) ?? `${to()} unreachable - #${code}`;
}

function advertisement(n: Ndo, at: number): string {
  const [count, size, lifetime] = [n.u8(at + 4), n.u8(at + 5), n.u16(at + 6)];
  const two = (x: number): string => String(x).padStart(2, '0');
  let out = 'router advertisement lifetime ';
  if (lifetime < 60) out += lifetime;
  else if (lifetime < 3600) out += `${Math.floor(lifetime / 60)}:${two(lifetime % 60)}`;
  else out += `${Math.floor(lifetime / 3600)}:${two(Math.floor((lifetime % 3600) / 60))}:${two(lifetime % 60)}`;
  out += ` ${count}:`;
  if (size !== 2) return `${out} [size ${size}]`;
  for (let i = 0; i < count; i++) out += ` {${n.ip4(at + 8 + i * 8)} ${n.u32(at + 12 + i * 8)}}`;
  return out;
}

/** Milliseconds since midnight. */
function clock(ms: number): string {
  const two = (x: number): string => String(x).padStart(2, '0');
  const s = Math.floor(ms / 1000);
  return `${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}.${String(ms % 1000).padStart(3, '0')}`;
}
