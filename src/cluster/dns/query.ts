/** What runs through CoreDNS' chain of plugins: a question with its circumstances, and a reply. Models request/ and plugin/plugin.go */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import type { IpAddr } from '../../wire/addr.ts';
import { concat, put16, put32 } from '../../wire/bytes.ts';
import {
  DNS_AA,
  DNS_QR,
  DNS_RD,
  DNS_TC,
  DNS_TYPES,
  type DnsMessage,
  type DnsRecord,
  emitDns,
  emitDnsCompressed,
  encodeName,
} from '../../wire/dns.ts';

export const NOERROR = 0;
export const FORMERR = 1;
export const SERVFAIL = 2;
export const NXDOMAIN = 3;
export const NOTIMP = 4;
export const REFUSED = 5;

export interface Query {
  readonly p: Process;
  readonly proto: 'udp' | 'tcp';
  readonly client: { readonly addr: IpAddr; readonly port: number };
  readonly request: DnsMessage;
  /** As it was asked, no final dot. */
  readonly qname: string;
  /** The same in lower case. */
  readonly name: string;
  readonly type: number;
  /** Bytes that a reply may have. */
  readonly size: number;
  readonly dnssecOk: boolean;
}

/** A written reply, or a code that leaves the reply to the server; `error` is what the errors plugin logs. */
export interface Reply {
  readonly rcode: number;
  readonly message: DnsMessage | null;
  readonly error?: string;
}

export type Handler = (q: Query) => Task<Reply>;

/** One directive of a server block, set up. */
export interface Plugin {
  readonly name: string;
  serve?(q: Query, next: Handler): Task<Reply>;
  /** False: `/ready` names it as not ready yet. */
  ready?(): boolean;
  stop?(): void;
}

export function failure(rcode: number, error?: string): Reply {
  return error === undefined ? { rcode, message: null } : { rcode, message: null, error };
}

export function questionOf(q: Query, name: string, type: number): Query {
  return {
    ...q,
    qname: name,
    name: name.toLowerCase(),
    type,
    request: { ...q.request, questions: [{ name, type, class: 1 }] },
  };
}

export interface Sections {
  readonly answers?: readonly DnsRecord[];
  readonly authority?: readonly DnsRecord[];
  readonly additional?: readonly DnsRecord[];
  readonly truncated?: boolean;
}

/** An authoritative reply to the question. */
export function answer(q: Query, rcode: number, s: Sections): Reply {
  const message: DnsMessage = {
    id: q.request.id,
    flags: DNS_QR | DNS_AA | (q.request.flags & (DNS_RD | 0x7800)) | rcode | (s.truncated ? DNS_TC : 0),
    questions: [...q.request.questions],
    answers: [...(s.answers ?? [])],
    authority: [...(s.authority ?? [])],
    additional: [...(s.additional ?? [])],
  };
  return { rcode, message };
}

// ---- names; zones are names in lower case without a final dot, the root is the empty string

export function labelsOf(name: string): string[] {
  return name === '' ? [] : name.split('.');
}

export function isSubdomain(zone: string, name: string): boolean {
  return zone === '' || name === zone || name.endsWith(`.${zone}`);
}

/** The longest zone that the name lies in; null for none. */
export function matchZone(zones: readonly string[], name: string): string | null {
  let best: string | null = null;
  for (const z of zones) if (isSubdomain(z, name) && (best === null || z.length > best.length)) best = z;
  return best;
}

export function zoneArgument(text: string): string {
  return text.toLowerCase().replace(/\.$/, '');
}

// ---- records

export function rr(name: string, type: number, ttl: number, data: Uint8Array): DnsRecord {
  return { name, type, class: 1, ttl, data };
}

function nameData(name: string): Uint8Array {
  return encodeName(name) ?? new Uint8Array(1);
}

export function addressRecord(name: string, ttl: number, addr: IpAddr): DnsRecord {
  if (typeof addr === 'number') {
    const d = new Uint8Array(4);
    put32(d, 0, addr);
    return rr(name, DNS_TYPES.A, ttl, d);
  }
  const d = new Uint8Array(16);
  for (let i = 0; i < 16; i++) d[i] = Number((addr >> BigInt(8 * (15 - i))) & 255n);
  return rr(name, DNS_TYPES.AAAA, ttl, d);
}

export function nameRecord(name: string, type: number, ttl: number, target: string): DnsRecord {
  return rr(name, type, ttl, nameData(target));
}

export function srvRecord(name: string, ttl: number, weight: number, port: number, target: string): DnsRecord {
  const head = new Uint8Array(6);
  put16(head, 2, weight);
  put16(head, 4, port);
  return rr(name, DNS_TYPES.SRV, ttl, concat([head, nameData(target)]));
}

export function txtRecord(name: string, ttl: number, text: string): DnsRecord {
  const parts: Uint8Array[] = [];
  const bytes = new TextEncoder().encode(text);
  for (let i = 0; i === 0 || i < bytes.length; i += 255) {
    const piece = bytes.subarray(i, i + 255);
    parts.push(Uint8Array.of(piece.length), piece);
  }
  return rr(name, DNS_TYPES.TXT, ttl, concat(parts));
}

/** Start of authority with CoreDNS' fixed intervals. */
export function soaRecord(zone: string, serial: number, ttl: number): DnsRecord {
  const tail = new Uint8Array(20);
  [serial, 7200, 1800, 86400, ttl].forEach((v, i) => {
    put32(tail, 4 * i, v >>> 0);
  });
  const join = (label: string): string => (zone === '' ? label : `${label}.${zone}`);
  return rr(zone, DNS_TYPES.SOA, Math.min(ttl, 300), concat([nameData(join('ns.dns')), nameData(join('hostmaster')), tail]));
}

// ---- size

/** Bytes for the client: compressed only when they do not fit otherwise, cut and marked when that does not help. */
export function fitted(message: DnsMessage, size: number): Uint8Array {
  let bytes = emitDns(message);
  const limit = Math.max(512, size);
  if (bytes.length <= limit && bytes.length <= 1480) return bytes;
  bytes = emitDnsCompressed(message);
  if (bytes.length <= limit) return bytes;
  const m: DnsMessage = {
    ...message,
    answers: [...message.answers],
    authority: [...message.authority],
    additional: [...message.additional],
  };
  const opt = m.additional.filter((r) => r.type === DNS_TYPES.OPT);
  m.flags |= DNS_TC;
  m.additional = opt;
  m.authority = [];
  bytes = emitDnsCompressed(m);
  // Whole records from the front that fit, by halving.
  let low = 0;
  let high = m.answers.length;
  const all = m.answers;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    m.answers = all.slice(0, middle);
    if (emitDnsCompressed(m).length <= limit) low = middle;
    else high = middle - 1;
  }
  m.answers = all.slice(0, low);
  return emitDnsCompressed(m);
}
