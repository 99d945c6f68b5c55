/** Models print-tcp.c, and print-http.c for what follows */

import { formatIp, type IpAddr } from '../../../wire/addr.ts';
import { fold16, sum16, u16, u32 } from '../../../wire/bytes.ts';
import { pseudo } from '../../../wire/pseudo.ts';
import type { Context } from './context.ts';
import { printDns } from './dns.ts';

const FLAGS = ['F', 'S', 'R', 'P', '.', 'U', 'E', 'W'];
const HTTP_PORTS = [80, 8080, 3128];
const HTTP = /^(GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|HTTP\/\d|PROPFIND|NOTIFY|M-SEARCH|SUBSCRIBE|UNSUBSCRIBE)\b/;

export function printTcp(c: Context, b: Uint8Array, length: number, src: IpAddr, dst: IpAddr, fragmented: boolean): string {
  const ends = (s: string, d: string): string => `${c.host(src)}${s} > ${c.host(dst)}${d}: `;
  if (b.length < 20)
    return b.length < 4 ? `${ends('', '')} [|tcp]` : `${ends(`.${c.port(u16(b, 0), 'tcp')}`, `.${c.port(u16(b, 2), 'tcp')}`)} [|tcp]`;
  const [sport, dport] = [u16(b, 0), u16(b, 2)];
  const hlen = ((b[12] as number) >> 4) * 4;
  let out = ends(`.${c.port(sport, 'tcp')}`, `.${c.port(dport, 'tcp')}`);
  if (c.o.quick) return `${out}tcp ${length - hlen}`;
  const flags = b[13] as number;
  let seq = u32(b, 4);
  let ack = u32(b, 8);
  out += `Flags [${FLAGS.filter((_, i) => flags & (1 << i)).join('') || 'none'}]`;
  let base = { seq: 0, ack: 0 };
  let reverse = false;
  if (!c.o.absoluteSeq && (flags & 16) !== 0) {
    reverse = sport === dport ? formatIp(src) > formatIp(dst) : sport > dport;
    const a = `${formatIp(src)}.${sport}`;
    const z = `${formatIp(dst)}.${dport}`;
    const key = reverse ? `${a} ${z}` : `${z} ${a}`;
    const known = c.conversations.get(key);
    if (!known || (flags & 2) !== 0) {
      c.conversations.set(key, reverse ? { ack: seq, seq: (ack - 1) >>> 0 } : { seq, ack: (ack - 1) >>> 0 });
    } else {
      base = known;
      seq = (seq - (reverse ? known.ack : known.seq)) >>> 0;
      ack = (ack - (reverse ? known.seq : known.ack)) >>> 0;
    }
  }
  if (hlen < 20 || hlen > length) return `${out} [bad hdr length ${hlen} - too ${hlen < 20 ? 'short, < 20' : `long, > ${length}`}]`;
  if (c.o.verbose > 0 && !fragmented && b.length >= length) {
    const field = u16(b, 16);
    const sum = fold16(sum16(b, 0, length, pseudo(src, dst, 6, length)));
    const right = fold16(
      sum16(Uint8Array.of(...b.subarray(0, 16), 0, 0, ...b.subarray(18, length)), 0, length, pseudo(src, dst, 6, length)),
    );
    out += `, cksum 0x${field.toString(16).padStart(4, '0')} ${sum === 0 ? '(correct)' : `(incorrect -> 0x${right.toString(16).padStart(4, '0')})`}`;
  }
  const data = length - hlen;
  if (c.o.verbose > 1 || data > 0 || (flags & 7) !== 0) {
    out += `, seq ${seq}`;
    if (data > 0) out += `:${(seq + data) >>> 0}`;
  }
  if ((flags & 16) !== 0) out += `, ack ${ack}`;
  out += `, win ${u16(b, 14)}`;
  if ((flags & 32) !== 0) out += `, urg ${u16(b, 18)}`;
  if (hlen > 20) out += `, options [${options(b, hlen, reverse ? base.seq : base.ack)}]`;
  out += `, length ${data}`;
  if (data <= 0) return out;
  const payload = b.subarray(Math.min(hlen, b.length));
  if ((flags & 4) !== 0) return c.o.verbose > 0 ? `${out} [RST${payload.length > 0 ? ` ${String.fromCharCode(...payload)}` : ''}]` : out;
  if (payload.length > 2 && (sport === 53 || dport === 53)) return `${out} ${printDns(c, payload.subarray(2), u16(payload, 0), true)}`;
  if (HTTP_PORTS.some((p) => p === sport || p === dport)) return out + printHttp(c, payload, data);
  if (sport === 22 || dport === 22) return out + printSsh(payload);
  return out;
}

function options(b: Uint8Array, hlen: number, sackBase: number): string {
  const parts: string[] = [];
  for (let i = 20; i < hlen && i < b.length; ) {
    const kind = b[i] as number;
    if (kind === 0) {
      parts.push('eol');
      break;
    }
    if (kind === 1) {
      parts.push('nop');
      i++;
      continue;
    }
    const len = b[i + 1] ?? 0;
    if (len < 2 || i + len > b.length) {
      parts.push('[|tcp]');
      break;
    }
    if (kind === 2) parts.push(`mss ${u16(b, i + 2)}`);
    else if (kind === 3) parts.push(`wscale ${b[i + 2]}`);
    else if (kind === 4) parts.push('sackOK');
    else if (kind === 5) {
      let text = `sack ${(len - 2) / 8} `;
      for (let j = i + 2; j < i + len; j += 8) text += `{${(u32(b, j) - sackBase) >>> 0}:${(u32(b, j + 4) - sackBase) >>> 0}}`;
      parts.push(text);
    } else if (kind === 8) parts.push(`TS val ${u32(b, i + 2)} ecr ${u32(b, i + 6)}`);
    else parts.push(`unknown-${kind} 0x${[...b.subarray(i + 2, i + len)].map((x) => x.toString(16).padStart(2, '0')).join('')}`);
    i += len;
  }
  return parts.join(',');
}

/** Printable as it is, the rest as ^X or M-x. */
function safe(b: Uint8Array): string {
  let out = '';
  for (const c of b) {
    const low = c & 0x7f;
    const prefix = c > 127 ? 'M-' : '';
    out += prefix + (low >= 32 && low < 127 ? String.fromCharCode(low) : low === 127 ? '^?' : `^${String.fromCharCode(low ^ 0x40)}`);
  }
  return out;
}

function printHttp(c: Context, payload: Uint8Array, length: number): string {
  const text = String.fromCharCode(...payload.subarray(0, 4096));
  const request = HTTP.test(text);
  if (c.o.verbose === 0) return request ? `: HTTP: ${safe(payload.subarray(0, lineEnd(payload, 0)))}` : ': HTTP';
  if (!request) return ': HTTP';
  let out = `: HTTP, length: ${length}`;
  for (let at = 0; at < payload.length; ) {
    const end = lineEnd(payload, at);
    out += `\n\t${safe(payload.subarray(at, end))}`;
    if (end >= payload.length) return `${out} [|http]`;
    at = end + (payload[end] === 13 && payload[end + 1] === 10 ? 2 : 1);
  }
  return out;
}

function lineEnd(b: Uint8Array, from: number): number {
  let i = from;
  while (i < b.length && b[i] !== 13 && b[i] !== 10) i++;
  return i;
}

function printSsh(payload: Uint8Array): string {
  const end = lineEnd(payload, 0);
  return /^SSH-/.test(String.fromCharCode(...payload.subarray(0, 4))) ? `: SSH: ${safe(payload.subarray(0, end))}` : '';
}
