/** Models print-udp.c, print-vxlan.c, print-otv.c, print-geneve.c */

import type { IpAddr } from '../../../wire/addr.ts';
import { fold16, sum16, u16, u32 } from '../../../wire/bytes.ts';
import { pseudo } from '../../../wire/pseudo.ts';
import type { Context } from './context.ts';
import { printDns } from './dns.ts';

const hex2 = (n: number): string => n.toString(16).padStart(2, '0');

export function printUdp(c: Context, b: Uint8Array, length: number, src: IpAddr, dst: IpAddr, fragmented: boolean): string {
  if (b.length < 8) return `${c.host(src)} > ${c.host(dst)}: [|udp]`;
  const [sport, dport] = [u16(b, 0), u16(b, 2)];
  const ulen = u16(b, 4);
  let out = `${c.host(src)}.${c.port(sport, 'udp')} > ${c.host(dst)}.${c.port(dport, 'udp')}: `;
  if (ulen < 8) return `${out}truncated-udplength ${ulen}`;
  const data = Math.min(ulen, length) - 8;
  if (c.o.quick) return `${out}UDP, length ${data}`;
  if (c.o.verbose > (typeof src === 'bigint' ? 0 : 1) && !fragmented && b.length >= ulen) {
    const field = u16(b, 6);
    if (field === 0) out += '[no cksum] ';
    else {
      const sum = fold16(sum16(b, 0, ulen, pseudo(src, dst, 17, ulen)));
      const right = fold16(sum16(Uint8Array.of(...b.subarray(0, 6), 0, 0, ...b.subarray(8, ulen)), 0, ulen, pseudo(src, dst, 17, ulen)));
      out +=
        sum === 0
          ? '[udp sum ok] '
          : `[bad udp cksum 0x${hex2(field >> 8)}${hex2(field & 255)} -> 0x${right.toString(16).padStart(4, '0')}!] `;
    }
  }
  const payload = b.subarray(8, 8 + data);
  const is = (port: number): boolean => sport === port || dport === port;
  if (data > 0) {
    if (is(53) || is(5353)) return out + printDns(c, payload, data);
    if (is(4789)) return out + printVxlan(c, payload, data);
    if (is(8472)) return out + printOtv(c, payload, data);
    if (is(6081)) return out + printGeneve(c, payload, data);
  }
  return `${out}UDP, length ${data}`;
}

function printVxlan(c: Context, b: Uint8Array, length: number): string {
  if (b.length < 8) return 'VXLAN [|VXLAN]';
  return `VXLAN, flags ${(b[0] as number) & 8 ? '[I]' : '[.]'} (0x${hex2(b[0] as number)}), vni ${u32(b, 4) >>> 8}\n${c.ethernet(b.subarray(8), length - 8)}`;
}

/** 8472 is OTV to tcpdump; flannel's VXLAN looks alike. */
function printOtv(c: Context, b: Uint8Array, length: number): string {
  if (b.length < 8) return 'OTV [|OTV]';
  return `OTV, flags ${(b[0] as number) & 8 ? '[I]' : '[.]'} (0x${hex2(b[0] as number)}), overlay ${u32(b, 0) & 0xffffff}, instance ${u32(b, 4) >>> 8}\n${c.ethernet(b.subarray(8), length - 8)}`;
}

function printGeneve(c: Context, b: Uint8Array, length: number): string {
  if (b.length < 8) return 'Geneve [|geneve]';
  const first = b[0] as number;
  const bits = b[1] as number;
  const names = [...(bits & 0x80 ? ['O'] : []), ...(bits & 0x40 ? ['C'] : [])];
  const proto = u16(b, 2);
  const skip = 8 + (first & 63) * 4;
  let out = `Geneve, Flags [${names.join('') || 'none'}], vni 0x${(u32(b, 4) >>> 8).toString(16)}`;
  if (c.o.verbose > 0) out += `, proto ${proto === 0x6558 ? 'TEB' : 'unknown'} (0x${proto.toString(16).padStart(4, '0')})`;
  out += c.o.verbose > 0 ? '\n\t' : ': ';
  if (proto === 0x6558) return out + c.ethernet(b.subarray(skip), length - skip);
  return out + (proto === 0x86dd ? c.ip6(b.subarray(skip), length - skip) : c.ip4(b.subarray(skip), length - skip));
}
