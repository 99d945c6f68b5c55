/** Node information queries, RFC 4620: what -N asks and the message. Models iputils' ping/node_info.c */

import { parseIp4, parseIp6, readIp6 } from '../../wire/addr.ts';
import { concat } from '../../wire/bytes.ts';
import { encodeName } from '../../wire/dns.ts';

export const ICMPV6_NI_QUERY = 139;

export interface NodeInfo {
  /** Qtype and flags of the query; null when only the subject was given, which makes it an ordinary ping. */
  query: { type: number; flags: number } | null;
  /** Code (what kind of subject) and the subject itself. */
  subject: { code: number; data: Uint8Array } | null;
}

const QTYPE_NAME = 2;
const QTYPE_IPV6 = 3;
const QTYPE_IPV4 = 4;

const QUERIES: Readonly<Record<string, { type: number; flags: number }>> = {
  name: { type: QTYPE_NAME, flags: 0 },
  ipv6: { type: QTYPE_IPV6, flags: 0 },
  'ipv6-all': { type: QTYPE_IPV6, flags: 0x02 },
  'ipv6-compatible': { type: QTYPE_IPV6, flags: 0x04 },
  'ipv6-linklocal': { type: QTYPE_IPV6, flags: 0x08 },
  'ipv6-sitelocal': { type: QTYPE_IPV6, flags: 0x10 },
  'ipv6-global': { type: QTYPE_IPV6, flags: 0x20 },
  ipv4: { type: QTYPE_IPV4, flags: 0 },
  'ipv4-all': { type: QTYPE_IPV4, flags: 0x02 },
};

export const NODEINFO_HELP = `ping -6 -N <nodeinfo opt>
Help:
  help
Query:
  name
  ipv6
  ipv6-all
  ipv6-compatible
  ipv6-global
  ipv6-linklocal
  ipv6-sitelocal
  ipv4
  ipv4-all
Subject:
  subject-ipv6=addr
  subject-ipv4=addr
  subject-name=name
  subject-fqdn=name
`;

/** Null for an option that is not known. */
export function nodeInfo(text: string): NodeInfo | null {
  const query = QUERIES[text];
  if (query) return { query, subject: null };
  const m = /^subject-(ipv6|ipv4|name|fqdn)=(.*)$/.exec(text);
  if (!m) return null;
  const value = m[2] as string;
  if (m[1] === 'ipv6') {
    const a = parseIp6(value);
    if (a === null) return null;
    const data = new Uint8Array(16);
    for (let i = 0; i < 16; i++) data[i] = Number((a >> BigInt(120 - 8 * i)) & 0xffn);
    return readIp6(data, 0) === a ? { query: null, subject: { code: 0, data } } : null;
  }
  if (m[1] === 'ipv4') {
    const a = parseIp4(value);
    return a === null ? null : { query: null, subject: { code: 2, data: new Uint8Array([a >>> 24, a >>> 16, a >>> 8, a]) } };
  }
  const data = encodeName(value);
  return data ? { query: null, subject: { code: 1, data } } : null;
}

/** The part of the query behind type, code and checksum. The nonce carries the sequence number, as ping's does. */
export function niQuery(n: NodeInfo, target: Uint8Array, ident: number, seq: number): { code: number; rest: number; payload: Uint8Array } {
  const nonce = new Uint8Array(8);
  new DataView(nonce.buffer).setUint16(0, seq & 0xffff);
  new DataView(nonce.buffer).setUint16(2, ident);
  const q = n.query ?? { type: 0, flags: 0 };
  return { code: n.subject?.code ?? 0, rest: ((q.type << 16) | (q.flags << 8)) >>> 0, payload: concat([nonce, n.subject?.data ?? target]) };
}
