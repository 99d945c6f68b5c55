/** Models print-domain.c */

import { formatIp6, readIp6 } from '../../../wire/addr.ts';
import { duration, hex, type Ndo } from './ndo.ts';

const OPS = ',inv_q,stat,op3,notify,update,op6,op7,op8,updateA,updateD,updateDA,updateM,updateMA,zoneInit,zoneRef'
  .split(',')
  .map((s) => (s ? ` ${s}` : ''));
const RESPONSES = [
  '',
  ...' FormErr, ServFail, NXDomain, NotImp, Refused, YXDomain, YXRRSet, NXRRSet, NotAuth, NotZone, Resp11, Resp12, Resp13, Resp14, NoChange, BadVers,Resp17, Resp18, Resp19, Resp20,Resp21, Resp22, BadCookie'.split(
    ',',
  ),
];
const TYPES: Record<number, string> = Object.fromEntries(
  '1 A,2 NS,3 MD,4 MF,5 CNAME,6 SOA,7 MB,8 MG,9 MR,10 NULL,11 WKS,12 PTR,13 HINFO,14 MINFO,15 MX,16 TXT,17 RP,18 AFSDB,19 X25,20 ISDN,21 RT,22 NSAP,23 NSAP_PTR,24 SIG,25 KEY,26 PX,27 GPOS,28 AAAA,29 LOC,30 NXT,31 EID,32 NIMLOC,33 SRV,34 ATMA,35 NAPTR,36 KX,37 CERT,38 A6,39 DNAME,40 SINK,41 OPT,42 APL,43 DS,44 SSHFP,45 IPSECKEY,46 RRSIG,47 NSEC,48 DNSKEY,99 SPF,100 UINFO,101 UID,102 GID,103 UNSPEC,104 UNSPECA,249 TKEY,250 TSIG,251 IXFR,252 AXFR,253 MAILB,254 MAILA,255 ANY,256 URI'
    .split(',')
    .map((s) => s.split(' ') as [string, string]),
);
const CLASSES: Record<number, string> = { 1: 'IN', 3: 'CHAOS', 4: 'HS', 255: 'ANY' };
const EDNS: Record<number, string> = {
  1: 'LLQ',
  2: 'UL',
  3: 'NSID',
  5: 'DAU',
  6: 'DHU',
  7: 'N3U',
  8: 'ECS',
  9: 'EXPIRE',
  10: 'COOKIE',
  11: 'KEEPALIVE',
  12: 'PADDING',
  13: 'CHAIN',
  14: 'KEY-TAG',
  16: 'CLIENT-TAG',
  17: 'SERVER-TAG',
};
/** Algorithms of DNSSEC, of DS digests and of NSEC3 hashes, by EDNS option. */
const ALGORITHMS: Readonly<Record<number, Record<number, string>>> = {
  5: {
    0: 'DELETE',
    1: 'RSAMD5',
    2: 'DH',
    3: 'DS',
    5: 'RSASHA1',
    6: 'DSA-NSEC3-SHA1',
    7: 'RSASHA1-NSEC3-SHA1',
    8: 'RSASHA256',
    10: 'RSASHA512',
    12: 'ECC-GOST',
    13: 'ECDSAP256SHA256',
    14: 'ECDSAP384SHA384',
    15: 'ED25519',
    16: 'ED448',
    252: 'INDIRECT',
    253: 'PRIVATEDNS',
    254: 'PRIVATEOID',
  },
  6: { 1: 'SHA-1', 2: 'SHA-256', 3: 'GOST_R_34.11-94', 4: 'SHA-384' },
  7: { 1: 'SHA-1' },
};
const MAX_NAME = 255;

/** Where the name at `from` ends; null when it is cut or malformed. */
function skipName(n: Ndo, from: number): number | null {
  for (let at = from; ; ) {
    if (!n.has(at, 1)) return null;
    const length = n.u8(at++);
    if (length === 0) return at;
    if ((length & 0xc0) === 0xc0) return at + 1;
    if ((length & 0xc0) !== 0) return null;
    at += length;
  }
}

/** fqdn_print(): the name, and where it ends; null when it is cut or malformed. `base` is what pointers count from. */
export function printName(n: Ndo, from: number, base: number): number | null {
  let at = from;
  let end: number | null = null;
  let lowest = from - base;
  let chars = 0;
  if (!n.has(at, 1)) return null;
  if (n.u8(at) === 0) {
    n.print('.');
    return at + 1;
  }
  for (;;) {
    if (!n.has(at, 1)) return null;
    const length = n.u8(at);
    if (length === 0) break;
    const kind = length & 0xc0;
    if (kind === 0xc0) {
      if (!n.has(at + 1, 1)) return null;
      end ??= at + 2;
      const offset = ((length & 0x3f) << 8) | n.u8(at + 1);
      if (offset >= lowest) {
        n.print('<BAD PTR>');
        return null;
      }
      lowest = offset;
      at = base + offset;
      continue;
    }
    if (kind !== 0) {
      n.print(kind === 0x40 ? `<ELT ${length & 0x3f}>` : '<BAD LABEL TYPE>');
      return null;
    }
    if (chars < MAX_NAME) {
      const shown = Math.min(length, MAX_NAME - chars);
      n.text(at + 1, shown);
      if (!n.has(at + 1, shown)) return null;
    }
    chars += length;
    if (chars <= MAX_NAME) n.print('.');
    chars++;
    at += length + 1;
  }
  if (chars > MAX_NAME) n.print('<DOMAIN NAME TOO LONG>');
  return end ?? at + 1;
}

function question(n: Ndo, from: number, base: number, mdns: boolean): number | null {
  const at = skipName(n, from);
  if (at === null || !n.has(at, 4)) return null;
  const type = n.u16(at);
  const field = n.u16(at + 2);
  const klass = mdns ? field & 0x7fff : field;
  n.print(` ${TYPES[type] ?? `Type${type}`}`);
  if (klass !== 1) n.print(` ${CLASSES[klass] ?? `(Class ${klass})`}`);
  if (mdns) n.print(field & 0x8000 ? ' (QU)' : ' (QM)');
  n.print('? ');
  const end = printName(n, from, base);
  return end === null ? null : end + 4;
}

function record(n: Ndo, from: number, base: number, mdns: boolean): number | null {
  const v = n.o.verbose;
  let at: number | null;
  if (v > 0) {
    n.print(' ');
    at = printName(n, from, base);
    if (at === null) return null;
  } else at = skipName(n, from);
  if (at === null || !n.has(at, 10)) return n.end;
  const type = n.u16(at);
  const field = n.u16(at + 2);
  const klass = mdns ? field & 0x7fff : field;
  if (klass !== 1 && type !== 41) n.print(` ${CLASSES[klass] ?? `(Class ${klass})`}`);
  if (mdns && field & 0x8000) n.print(' (Cache flush)');
  const flags = n.u16(at + 6);
  if (type !== 41 && v > 2) n.print(` [${duration(n.u32(at + 4))}]`);
  const length = n.u16(at + 8);
  at += 10;
  const end = at + length;
  n.print(` ${TYPES[type] ?? `Type${type}`}`);
  if (end > n.end) return null;
  const name = (where: number): number | null => {
    n.print(' ');
    return printName(n, where, base);
  };
  switch (type) {
    case 1:
      if (!n.has(at, 4)) return null;
      n.print(` ${n.plainIp4(at)}`);
      break;
    case 28:
      if (!n.has(at, 16)) return null;
      n.print(` ${n.plainIp6(at)}`);
      break;
    case 2:
    case 5:
    case 12:
    case 39:
      if (name(at) === null) return null;
      break;
    case 6: {
      if (v === 0) break;
      const mailbox = name(at);
      const numbers = mailbox === null ? null : name(mailbox);
      if (numbers === null || !n.has(numbers, 20)) return null;
      for (let i = 0; i < 5; i++) n.print(` ${n.u32(numbers + i * 4)}`);
      break;
    }
    case 15:
      if (!n.has(at, 2) || name(at + 2) === null) return null;
      n.print(` ${n.u16(at)}`);
      break;
    case 16:
      for (let i = at; i < end; i += 1 + n.u8(i)) {
        n.print(' "');
        const size = n.u8(i);
        n.text(i + 1, size);
        if (!n.has(i + 1, size)) return null;
        n.print('"');
      }
      break;
    case 33:
      if (!n.has(at, 6) || name(at + 6) === null) return null;
      n.print(`:${n.u16(at + 4)} ${n.u16(at)} ${n.u16(at + 2)}`);
      break;
    case 41:
      n.print(` UDPsize=${klass}${flags & 0x8000 ? ' DO' : ''}`);
      if (at < end) {
        n.print(' [');
        for (let i = at; i < end; ) {
          const next = edns(n, i);
          if (next === null) return null;
          if (next < end) n.print(',');
          i = next;
        }
        n.print(']');
      }
      break;
    case 256:
      n.print(` ${n.u16(at)} ${n.u16(at + 2)} `);
      n.text(at + 4, length - 4);
      break;
    default:
      break;
  }
  return end;
}

function edns(n: Ndo, at: number): number | null {
  if (!n.has(at, 2)) return null;
  const code = n.u16(at);
  n.print(EDNS[code] ?? `Opt${code}`);
  if (!n.has(at + 2, 2)) return null;
  const length = n.u16(at + 2);
  const data = at + 4;
  if (!n.has(data, length)) return null;
  if (length === 0) return data;
  n.print(' ');
  const digits = (from: number, to: number): string => [...n.bytes(data + from, to - from)].map((x) => hex(x, 2)).join('');
  const only = (size: number, text: () => string): void => {
    if (length === size) n.print(text());
    else n.invalid();
  };
  switch (code) {
    case 8:
      subnet(n, data, length);
      break;
    case 9:
      only(4, () => `${n.u32(data)} sec`);
      break;
    case 10:
      if (length < 8 || (length > 8 && length < 16) || length > 40) n.invalid();
      else n.print(length > 8 ? `${digits(0, 8)} ${digits(8, length)}` : digits(0, 8));
      break;
    case 11:
      only(2, () => `${(n.u16(data) / 10).toFixed(1)} sec`);
      break;
    case 12:
      n.print(`(${length})`);
      break;
    case 14:
      for (let i = 0; i + 1 < length; i += 2) n.print(`${i > 0 ? ' ' : ''}${n.u16(data + i)}`);
      break;
    case 5:
    case 6:
    case 7: {
      const names = ALGORITHMS[code] as Record<number, string>;
      n.print([...n.bytes(data, length)].map((x) => names[x] ?? `Alg_${x}`).join(' '));
      break;
    }
    case 13:
      printName(n, data, data + length);
      break;
    default:
      n.print(digits(0, length));
  }
  return data + length;
}

function subnet(n: Ndo, at: number, length: number): void {
  const family = length >= 4 ? n.u16(at) : 0;
  const size = family === 1 ? 4 : family === 2 ? 16 : 0;
  const [source, scope] = length >= 4 ? [n.u8(at + 2), n.u8(at + 3)] : [0, 0];
  if (size === 0 || length - 4 > size || source > size * 8 || scope > size * 8 || (source + 7) >> 3 !== length - 4) {
    n.invalid();
    return;
  }
  const padded = new Uint8Array(16);
  padded.set(n.bytes(at + 4, length - 4));
  n.print(`${family === 1 ? padded.subarray(0, 4).join('.') : formatIp6(readIp6(padded, 0))}/${source}/${scope}`);
}

/** The response code with the upper bits that an OPT record carries. */
function responseCode(n: Ndo, base: number, flags: number, counts: readonly number[]): number {
  const code = flags & 15;
  let at: number | null = base + 12;
  const [qd, an, ns, ar] = counts as [number, number, number, number];
  for (let i = 0; i < qd; i++) {
    at = skipName(n, at);
    if (at === null) return code;
    at += 4;
    if (at >= n.end) return code;
  }
  for (let i = 0; i < an + ns + ar; i++) {
    at = skipName(n, at);
    if (at === null || !n.has(at, 10)) return code;
    if (i >= an + ns && n.u16(at) === 41) return code | (n.u8(at + 4) << 4);
    at += 10 + n.u16(at + 8);
    if (at >= n.end) return code;
  }
  return code;
}

export function printDns(n: Ndo, from: number, size: number, overTcp: boolean, mdns: boolean): void {
  n.protocol = 'domain';
  let base = from;
  let length = size;
  if (overTcp) {
    if (length < 2) {
      n.print(` [DNS over TCP: length ${length} < 2]`);
      n.invalid();
      return;
    }
    length -= 2;
    if (n.u16(base) !== length) {
      n.print(` [prefix length(${n.u16(base)}) != length(${length})]`);
      n.invalid();
      return;
    }
    base += 2;
    n.print(' ');
  }
  if (length < 12) {
    n.print(`domain [length ${length} < 12]`);
    n.invalid();
    return;
  }
  if (!n.has(base, 12)) {
    n.truncated();
    return;
  }
  const flags = n.u16(base + 2);
  const counts = [n.u16(base + 4), n.u16(base + 6), n.u16(base + 8), n.u16(base + 10)];
  const fine = (flags & 0x8000) !== 0 ? answer(n, base, flags, counts, mdns) : ask(n, base, flags, counts, mdns);
  if (fine) n.print(` (${length})`);
  else n.truncated();
}

/** Several records with commas between them; null when they are cut. */
function records(n: Ndo, from: number, count: number, base: number, mdns: boolean): number | null {
  let at: number | null = from;
  for (let i = 0; i < count; i++) {
    if (i > 0) {
      if (at >= n.end) return null;
      n.print(',');
    }
    at = record(n, at, base, mdns);
    if (at === null) return null;
  }
  return at;
}

function answer(n: Ndo, base: number, flags: number, counts: readonly number[], mdns: boolean): boolean {
  const [qd, an, ns, ar] = counts as [number, number, number, number];
  const code = responseCode(n, base, flags, counts);
  n.print(`${n.u16(base)}${OPS[(flags >> 11) & 15]}${RESPONSES[code] ?? ` Resp${code & 0xfff}`}`);
  n.print(`${flags & 0x400 ? '*' : ''}${flags & 0x80 ? '' : '-'}${flags & 0x200 ? '|' : ''}${flags & 0x20 ? '$' : ''}`);
  if (qd !== 1) n.print(` [${qd}q]`);
  let at: number | null = base + 12;
  for (let i = 0; i < qd; i++) {
    if (i !== 0) n.print(',');
    if (n.o.verbose > 1) {
      n.print(' q:');
      at = question(n, at, base, mdns);
    } else {
      at = skipName(n, at);
      if (at !== null) at += 4;
    }
    if (at === null) return false;
  }
  n.print(` ${an}/${ns}/${ar}`);
  at = records(n, at, an, base, mdns);
  if (at === null) return false;
  return n.o.verbose > 1 ? further(n, at, ns, ar, base, mdns) : true;
}

function further(n: Ndo, from: number, ns: number, ar: number, base: number, mdns: boolean): boolean {
  let at: number | null = from;
  for (const [label, count] of [
    [' ns:', ns],
    [' ar:', ar],
  ] as const) {
    if (count === 0) continue;
    if (at >= n.end) return false;
    n.print(label);
    at = records(n, at, count, base, mdns);
    if (at === null) return false;
  }
  return true;
}

function ask(n: Ndo, base: number, flags: number, counts: readonly number[], mdns: boolean): boolean {
  const [qd, an, ns, ar] = counts as [number, number, number, number];
  n.print(`${n.u16(base)}${OPS[(flags >> 11) & 15]}${flags & 0x100 ? '+' : ''}${flags & 0x10 ? '%' : ''}`);
  if ((flags & 0x6cf) !== 0) n.print(` [b2&3=0x${hex(flags)}]`);
  if (((flags >> 11) & 15) === 1) {
    if (qd > 0) n.print(` [${qd}q]`);
    if (an !== 1) n.print(` [${an}a]`);
  } else {
    if (an > 0) n.print(` [${an}a]`);
    if (qd !== 1) n.print(` [${qd}q]`);
  }
  if (ns > 0) n.print(` [${ns}n]`);
  if (ar > 0) n.print(` [${ar}au]`);
  let at: number | null = base + 12;
  for (let i = 0; i < qd; i++) {
    if (i > 0 && at >= n.end) return false;
    at = question(n, at, base, mdns);
    if (at === null) return false;
  }
  if (n.o.verbose < 2) return true;
  at = records(n, at, an, base, mdns);
  return at === null ? false : further(n, at, ns, ar, base, mdns);
}
