/** DNS messages (RFC 1035, 2782, 3596, 6891): parse with compression, emit without it. */

import { formatIp4, formatIp6, readIp4, readIp6 } from './addr.ts';
import { concat, put16, put32, u16, u32 } from './bytes.ts';

export const DNS_TYPES = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DS: 43,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  OPT: 41,
  SVCB: 64,
  HTTPS: 65,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  CAA: 257,
} as const;

const TYPE_NAMES = new Map<number, string>(Object.entries(DNS_TYPES).map(([name, n]) => [n, name]));

export function dnsTypeName(type: number): string {
  return TYPE_NAMES.get(type) ?? `TYPE${type}`;
}

/** `A`, `aaaa`, `TYPE65`; null when unknown. */
export function dnsTypeNumber(name: string): number | null {
  const upper = name.toUpperCase();
  const known = (DNS_TYPES as Record<string, number>)[upper];
  if (known !== undefined) return known;
  const m = /^TYPE(\d+)$/.exec(upper);
  return m && Number(m[1]) < 65536 ? Number(m[1]) : null;
}

export const DNS_RCODES = [
  'NOERROR',
  'FORMERR',
  'SERVFAIL',
  'NXDOMAIN',
  'NOTIMP',
  'REFUSED',
  'YXDOMAIN',
  'YXRRSET',
  'NXRRSET',
  'NOTAUTH',
  'NOTZONE',
] as const;

export const DNS_QR = 0x8000;
export const DNS_AA = 0x0400;
export const DNS_TC = 0x0200;
export const DNS_RD = 0x0100;
export const DNS_RA = 0x0080;
export const DNS_AD = 0x0020;
export const DNS_CD = 0x0010;

export interface DnsQuestion {
  /** Labels joined with dots, no final dot; the root is the empty string. Dots and backslashes within a label carry a backslash. */
  name: string;
  type: number;
  class: number;
}

export interface DnsRecord extends DnsQuestion {
  ttl: number;
  /** Names within it are written out (uncompressed) after parsing. */
  data: Uint8Array;
}

export interface DnsMessage {
  id: number;
  /** The second header word: QR, opcode, AA … RCODE. */
  flags: number;
  questions: DnsQuestion[];
  answers: DnsRecord[];
  authority: DnsRecord[];
  additional: DnsRecord[];
}

export function dnsRcode(flags: number): number {
  return flags & 15;
}

/** Null for an empty label or a label or name that is too long. A final dot is allowed. */
export function encodeName(name: string): Uint8Array | null {
  const out: number[] = [];
  for (const label of splitName(name)) {
    if (label.length === 0 || label.length > 63) return null;
    out.push(label.length);
    for (let i = 0; i < label.length; i++) out.push(label.charCodeAt(i) & 255);
  }
  out.push(0);
  return out.length > 255 ? null : Uint8Array.from(out);
}

/** Labels with escapes taken away. */
function splitName(name: string): string[] {
  const labels: string[] = [];
  let label = '';
  for (let i = 0; i < name.length; i++) {
    const c = name[i] as string;
    if (c === '\\' && i + 1 < name.length) label += name[++i] as string;
    else if (c === '.') {
      labels.push(label);
      label = '';
    } else label += c;
  }
  if (label !== '') labels.push(label);
  if (labels.length === 1 && labels[0] === '') return [];
  return labels;
}

/** Name at `at` and the offset behind it in the message; null when it runs out of the message or loops. */
export function readName(b: Uint8Array, at: number): { name: string; next: number } | null {
  const labels: string[] = [];
  let i = at;
  let next = -1;
  let total = 0;
  for (let jumps = 0; jumps < 64; ) {
    const n = b[i];
    if (n === undefined) return null;
    if (n === 0) return { name: labels.join('.'), next: next < 0 ? i + 1 : next };
    if (n >= 0xc0) {
      if (i + 1 >= b.length) return null;
      if (next < 0) next = i + 2;
      i = ((n & 63) << 8) | (b[i + 1] as number);
      jumps++;
      continue;
    }
    if (n > 63 || i + 1 + n > b.length) return null;
    total += n + 1;
    if (total > 254) return null;
    let label = '';
    for (let k = i + 1; k <= i + n; k++) {
      const c = String.fromCharCode(b[k] as number);
      label += c === '.' || c === '\\' ? `\\${c}` : c;
    }
    labels.push(label);
    i += n + 1;
  }
  return null;
}

function expandData(b: Uint8Array, type: number, at: number, len: number): Uint8Array | null {
  const raw = b.subarray(at, at + len);
  const prefix = type === DNS_TYPES.MX ? 2 : type === DNS_TYPES.SRV ? 6 : 0;
  const names =
    type === DNS_TYPES.SOA ? 2 : type === DNS_TYPES.NS || type === DNS_TYPES.CNAME || type === DNS_TYPES.PTR || prefix > 0 ? 1 : 0;
  if (names === 0) return raw;
  const parts = [raw.subarray(0, prefix)];
  let i = at + prefix;
  for (let n = 0; n < names; n++) {
    const r = readName(b, i);
    if (!r || r.next > at + len) return null;
    parts.push(encodeName(r.name) ?? new Uint8Array(1));
    i = r.next;
  }
  parts.push(b.subarray(i, at + len));
  return concat(parts);
}

/** Null when malformed anywhere. */
export function parseDns(b: Uint8Array): DnsMessage | null {
  if (b.length < 12) return null;
  const m: DnsMessage = { id: u16(b, 0), flags: u16(b, 2), questions: [], answers: [], authority: [], additional: [] };
  let i = 12;
  for (let n = u16(b, 4); n > 0; n--) {
    const r = readName(b, i);
    if (!r || r.next + 4 > b.length) return null;
    m.questions.push({ name: r.name, type: u16(b, r.next), class: u16(b, r.next + 2) });
    i = r.next + 4;
  }
  for (const [section, count] of [
    [m.answers, u16(b, 6)],
    [m.authority, u16(b, 8)],
    [m.additional, u16(b, 10)],
  ] as const) {
    for (let n = count; n > 0; n--) {
      const r = readName(b, i);
      if (!r || r.next + 10 > b.length) return null;
      const type = u16(b, r.next);
      const len = u16(b, r.next + 8);
      i = r.next + 10;
      if (i + len > b.length) return null;
      const data = expandData(b, type, i, len);
      if (!data) return null;
      section.push({ name: r.name, type, class: u16(b, r.next + 2), ttl: u32(b, r.next + 4), data });
      i += len;
    }
  }
  return m;
}

function emitQuestion(q: DnsQuestion): Uint8Array {
  const tail = new Uint8Array(4);
  put16(tail, 0, q.type);
  put16(tail, 2, q.class);
  return concat([encodeName(q.name) ?? new Uint8Array(1), tail]);
}

export function emitRecord(r: DnsRecord): Uint8Array {
  const head = new Uint8Array(10);
  put16(head, 0, r.type);
  put16(head, 2, r.class);
  put32(head, 4, r.ttl);
  put16(head, 8, r.data.length);
  return concat([encodeName(r.name) ?? new Uint8Array(1), head, r.data]);
}

export function emitDns(m: DnsMessage): Uint8Array {
  const head = new Uint8Array(12);
  put16(head, 0, m.id);
  put16(head, 2, m.flags);
  put16(head, 4, m.questions.length);
  put16(head, 6, m.answers.length);
  put16(head, 8, m.authority.length);
  put16(head, 10, m.additional.length);
  return concat([head, ...m.questions.map(emitQuestion), ...[...m.answers, ...m.authority, ...m.additional].map(emitRecord)]);
}

/** Emits with names compressed (RFC 1035 4.1.4): owners, and the names in the data of NS, CNAME, PTR, MX and SOA. */
export function emitDnsCompressed(m: DnsMessage): Uint8Array {
  const out: number[] = [...emitDns({ ...m, questions: [], answers: [], authority: [], additional: [] })];
  out.splice(4, 8, ...[m.questions, m.answers, m.authority, m.additional].flatMap((s) => [s.length >> 8, s.length & 255]));
  const known = new Map<string, number>();
  const name = (text: string): void => {
    const labels = splitName(text);
    for (let i = 0; i < labels.length; i++) {
      const rest = labels.slice(i).join('\u0000').toLowerCase();
      const at = known.get(rest);
      if (at !== undefined) {
        out.push(0xc0 | (at >> 8), at & 255);
        return;
      }
      if (out.length < 0x4000) known.set(rest, out.length);
      const label = labels[i] as string;
      out.push(label.length);
      for (let k = 0; k < label.length; k++) out.push(label.charCodeAt(k) & 255);
    }
    out.push(0);
  };
  const word = (v: number): void => {
    out.push((v >> 8) & 255, v & 255);
  };
  for (const q of m.questions) {
    name(q.name);
    word(q.type);
    word(q.class);
  }
  for (const r of [...m.answers, ...m.authority, ...m.additional]) {
    name(r.name);
    word(r.type);
    word(r.class);
    word(r.ttl >>> 16);
    word(r.ttl & 0xffff);
    const lengthAt = out.length;
    word(0);
    compressData(r, out, name);
    const length = out.length - lengthAt - 2;
    out[lengthAt] = length >> 8;
    out[lengthAt + 1] = length & 255;
  }
  return Uint8Array.from(out);
}

function compressData(r: DnsRecord, out: number[], name: (text: string) => void): void {
  const T = DNS_TYPES;
  const names = r.type === T.SOA ? 2 : r.type === T.NS || r.type === T.CNAME || r.type === T.PTR || r.type === T.MX ? 1 : 0;
  let at = r.type === T.MX ? 2 : 0;
  for (let i = 0; names > 0 && i < at; i++) out.push(r.data[i] as number);
  for (let n = 0; n < names; n++) {
    const read = readName(r.data, at);
    if (!read) break;
    name(read.name);
    at = read.next;
  }
  for (let i = at; i < r.data.length; i++) out.push(r.data[i] as number);
}

/** `www.example.com.`: with the final dot, and the root as `.`. */
export function dotted(name: string): string {
  const escaped = name
    .replace(/\.$/, '')
    .replace(/[^\x21-\x7e]|["();@$\\]/g, (c) => (c > ' ' && c < '\x7f' ? `\\${c}` : `\\${String(c.charCodeAt(0) & 255).padStart(3, '0')}`));
  return `${escaped}.`;
}

/** RDATA as in a zone file, as dig prints it. */
export function describeRdata(type: number, d: Uint8Array): string {
  const nameAt = (at: number): string => dotted(readName(d, at)?.name ?? '');
  const T = DNS_TYPES;
  if (type === T.A && d.length === 4) return formatIp4(readIp4(d, 0));
  if (type === T.AAAA && d.length === 16) return formatIp6(readIp6(d, 0));
  if (type === T.CNAME || type === T.NS || type === T.PTR) return nameAt(0);
  if (type === T.MX && d.length > 2) return `${u16(d, 0)} ${nameAt(2)}`;
  if (type === T.SRV && d.length > 6) return `${u16(d, 0)} ${u16(d, 2)} ${u16(d, 4)} ${nameAt(6)}`;
  if (type === T.SOA) {
    const mname = readName(d, 0);
    const rname = mname && readName(d, mname.next);
    if (mname && rname && rname.next + 20 <= d.length) {
      const numbers = [0, 4, 8, 12, 16].map((o) => u32(d, rname.next + o));
      return `${dotted(mname.name)} ${dotted(rname.name)} ${numbers.join(' ')}`;
    }
  }
  if (type === T.TXT)
    return txtStrings(d)
      .map((s) => `"${s.replace(/["\\]/g, '\\$&')}"`)
      .join(' ');
  return `\\# ${d.length} ${hex(d).toUpperCase()}`;
}

function txtStrings(d: Uint8Array): string[] {
  const out: string[] = [];
  for (let i = 0; i < d.length; i += 1 + (d[i] as number)) {
    out.push(String.fromCharCode(...d.subarray(i + 1, i + 1 + (d[i] as number))));
  }
  return out;
}

function hex(d: Uint8Array): string {
  return [...d].map((x) => x.toString(16).padStart(2, '0')).join('');
}

/** `4.3.2.1.in-addr.arpa` or the nibble form under ip6.arpa. */
export function reverseName(addr: number | bigint): string {
  if (typeof addr === 'number') return `${formatIp4(addr).split('.').reverse().join('.')}.in-addr.arpa`;
  return `${addr.toString(16).padStart(32, '0').split('').reverse().join('.')}.ip6.arpa`;
}
