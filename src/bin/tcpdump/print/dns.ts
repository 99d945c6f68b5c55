/** Models print-domain.c */

import { formatIp4, formatIp6, readIp4, readIp6 } from '../../../wire/addr.ts';
import { u16, u32 } from '../../../wire/bytes.ts';
import { DNS_TYPES, readName } from '../../../wire/dns.ts';
import type { Context } from './context.ts';

const OPS = [
  '',
  ' inv_q',
  ' stat',
  ' op3',
  ' notify',
  ' update',
  ' op6',
  ' op7',
  ' op8',
  ' updateA',
  ' updateD',
  ' updateDA',
  ' updateM',
  ' updateMA',
  ' zoneInit',
  ' zoneRef',
];
const RESPONSES = [
  '',
  ' FormErr',
  ' ServFail',
  ' NXDomain',
  ' NotImp',
  ' Refused',
  ' YXDomain',
  ' YXRRSet',
  ' NXRRSet',
  ' NotAuth',
  ' NotZone',
  ' Resp11',
  ' Resp12',
  ' Resp13',
  ' Resp14',
  ' Resp15',
];
const TYPES = new Map<number, string>(Object.entries(DNS_TYPES).map(([k, v]) => [v, k]));
const CLASSES: Record<number, string> = { 1: 'IN', 3: 'CHAOS', 4: 'HS', 255: 'ANY' };

class Truncated extends Error {}

const typeName = (t: number): string => TYPES.get(t) ?? `Type${t}`;

/** 90 as `1m30s`. */
function duration(seconds: number): string {
  if (seconds === 0) return '0s';
  let rest = seconds;
  let out = '';
  for (const [unit, size] of [
    ['w', 604800],
    ['d', 86400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    if (rest >= size) {
      out += `${Math.floor(rest / size)}${unit}`;
      rest %= size;
    }
  }
  return out;
}

class Printer {
  private readonly c: Context;
  private readonly b: Uint8Array;
  private at = 12;

  constructor(c: Context, b: Uint8Array) {
    this.c = c;
    this.b = b;
  }

  private need(n: number): void {
    if (this.at + n > this.b.length) throw new Truncated();
  }

  private name(): string {
    const r = readName(this.b, this.at);
    if (!r) throw new Truncated();
    this.at = r.next;
    return `${r.name.replace(/\\(.)/g, '$1')}.`;
  }

  question(): string {
    const name = this.name();
    this.need(4);
    const type = u16(this.b, this.at);
    const klass = u16(this.b, this.at + 2);
    this.at += 4;
    return ` ${typeName(type)}${klass === 1 ? '' : ` ${CLASSES[klass] ?? `(Class ${klass})`}`}? ${name}`;
  }

  skipQuestion(): void {
    this.name();
    this.need(4);
    this.at += 4;
  }

  record(): string {
    const { b } = this;
    const v = this.c.o.verbose;
    const name = this.name();
    this.need(10);
    const [type, klass, ttl, len] = [u16(b, this.at), u16(b, this.at + 2), u32(b, this.at + 4), u16(b, this.at + 8)];
    this.at += 10;
    const end = this.at + len;
    let out = v > 0 ? ` ${name}` : '';
    if (klass !== 1 && type !== DNS_TYPES.OPT) out += ` ${CLASSES[klass] ?? `(Class ${klass})`}`;
    if (v > 2 && type !== DNS_TYPES.OPT) out += ` [${duration(ttl)}]`;
    out += ` ${typeName(type)}`;
    if (end > b.length) throw new Truncated();
    switch (type) {
      case DNS_TYPES.A:
        if (len === 4) out += ` ${formatIp4(readIp4(b, this.at))}`;
        break;
      case DNS_TYPES.AAAA:
        if (len === 16) out += ` ${formatIp6(readIp6(b, this.at))}`;
        break;
      case DNS_TYPES.NS:
      case DNS_TYPES.CNAME:
      case DNS_TYPES.PTR:
        out += ` ${this.name()}`;
        break;
      case DNS_TYPES.SOA:
        if (v > 0) {
          out += ` ${this.name()} ${this.name()}`;
          this.need(20);
          for (let i = 0; i < 5; i++) out += ` ${u32(b, this.at + i * 4)}`;
        }
        break;
      case DNS_TYPES.MX: {
        const preference = u16(b, this.at);
        this.at += 2;
        out += ` ${this.name()} ${preference}`;
        break;
      }
      case DNS_TYPES.SRV: {
        const [priority, weight, port] = [u16(b, this.at), u16(b, this.at + 2), u16(b, this.at + 4)];
        this.at += 6;
        out += ` ${this.name()}:${port} ${priority} ${weight}`;
        break;
      }
      case DNS_TYPES.TXT:
        for (let i = this.at; i < end; i += 1 + (b[i] as number))
          out += ` "${String.fromCharCode(...b.subarray(i + 1, i + 1 + (b[i] as number)))}"`;
        break;
      case DNS_TYPES.OPT:
        out += ` UDPsize=${klass}${(ttl & 0x8000) !== 0 ? ' DO' : ''}`;
        if (v > 1) out += this.options(end);
        break;
      default:
        break;
    }
    this.at = end;
    return out;
  }

  private options(end: number): string {
    const parts: string[] = [];
    for (let i = this.at; i + 4 <= end; ) {
      const code = u16(this.b, i);
      const len = u16(this.b, i + 2);
      const hex = [...this.b.subarray(i + 4, i + 4 + len)].map((x) => x.toString(16).padStart(2, '0')).join('');
      parts.push(code === 10 ? `[COOKIE ${hex}]` : `[Opt${code} ${hex}]`);
      i += 4 + len;
    }
    return parts.length > 0 ? ` ${parts.join(',')}` : '';
  }

  section(count: number): string {
    let out = '';
    for (let i = 0; i < count; i++) {
      if (this.at >= this.b.length) throw new Truncated();
      out += `${i > 0 ? ',' : ''}${this.record()}`;
    }
    return out;
  }
}

export function printDns(c: Context, b: Uint8Array, length: number, overTcp = false): string {
  if (b.length < 12) return overTcp ? ' [|domain]' : `domain${length < 12 ? ` [length ${length} < 12] (invalid)` : ' [|domain]'}`;
  const flags = u16(b, 2);
  const [qd, an, ns, ar] = [u16(b, 4), u16(b, 6), u16(b, 8), u16(b, 10)];
  const op = OPS[(flags >> 11) & 15] as string;
  let out = `${u16(b, 0)}${op}`;
  const p = new Printer(c, b);
  const v = c.o.verbose;
  try {
    if ((flags & 0x8000) !== 0) {
      out += `${RESPONSES[flags & 15]}${flags & 0x400 ? '*' : ''}${flags & 0x80 ? '' : '-'}${flags & 0x200 ? '|' : ''}${flags & 0x20 ? '$' : ''}`;
      if (qd !== 1) out += ` [${qd}q]`;
      for (let i = 0; i < qd; i++) {
        if (v > 1) out += `${i > 0 ? ',' : ' q:'}${p.question()}`;
        else p.skipQuestion();
      }
      out += ` ${an}/${ns}/${ar}`;
      out += p.section(an);
      if (v > 1) {
        if (ns > 0) out += ` ns:${p.section(ns)}`;
        if (ar > 0) out += ` ar:${p.section(ar)}`;
      }
    } else {
      out += `${flags & 0x100 ? '+' : ''}${flags & 0x10 ? '%' : ''}`;
      if ((flags & 0x6cf) !== 0) out += ` [b2&3=0x${flags.toString(16)}]`;
      if (an > 0) out += ` [${an}a]`;
      if (qd !== 1) out += ` [${qd}q]`;
      if (ns > 0) out += ` [${ns}n]`;
      if (ar > 0) out += ` [${ar}au]`;
      for (let i = 0; i < qd; i++) out += p.question();
      if (v > 1) {
        if (an > 0) out += p.section(an);
        if (ns > 0) out += ` ns:${p.section(ns)}`;
        if (ar > 0) out += ` ar:${p.section(ar)}`;
      }
    }
  } catch (e) {
    if (!(e instanceof Truncated)) throw e;
    return `${out} [|domain]`;
  }
  return `${out} (${length})`;
}
