/** BGP messages of a mesh of nodes in one autonomous system. Models RFC 4271, RFC 6793 and what BIRD sends */

import { parseIp4, readIp4, writeIp4 } from '../../../wire/addr.ts';
import { put16, put32, u16 } from '../../../wire/bytes.ts';

export const BGP_PORT = 179;
export const AS = 64512;
export const HOLD_TIME = 240;
const HEADER = 19;
const MAX_MESSAGE = 4096;

export interface Prefix4 {
  readonly addr: number;
  readonly len: number;
}

export type Message =
  | { readonly type: 'open'; readonly as: number; readonly hold: number; readonly id: number }
  | { readonly type: 'update'; readonly withdrawn: readonly Prefix4[]; readonly nexthop: number | null; readonly nlri: readonly Prefix4[] }
  | { readonly type: 'notification'; readonly code: number; readonly subcode: number }
  | { readonly type: 'keepalive' };

const TYPES = ['', 'open', 'update', 'notification', 'keepalive'] as const;

function frame(type: Message['type'], body: Uint8Array): Uint8Array {
  const out = new Uint8Array(HEADER + body.length);
  out.fill(0xff, 0, 16);
  put16(out, 16, out.length);
  out[18] = TYPES.indexOf(type);
  out.set(body, HEADER);
  return out;
}

/** Capabilities: IPv4 unicast, route refresh, AS numbers of four octets. */
const CAPABILITIES = [2, 14, 1, 4, 0, 1, 0, 1, 2, 0, 65, 4];

function openBody(m: Message & { type: 'open' }): Uint8Array {
  const params = new Uint8Array(CAPABILITIES.length + 4);
  params.set(CAPABILITIES);
  put32(params, CAPABILITIES.length, m.as);
  const out = new Uint8Array(10 + params.length);
  out[0] = 4;
  put16(out, 1, m.as);
  put16(out, 3, m.hold);
  writeIp4(out, 5, m.id);
  out[9] = params.length;
  out.set(params, 10);
  return out;
}

function prefixBytes({ addr, len }: Prefix4): number[] {
  const bytes = [len];
  for (let i = 0; i < Math.ceil(len / 8); i++) bytes.push((addr >>> (24 - 8 * i)) & 255);
  return bytes;
}

function updateBody(m: Message & { type: 'update' }): Uint8Array {
  const withdrawn = m.withdrawn.flatMap(prefixBytes);
  const nh = new Uint8Array(4);
  if (m.nexthop !== null) writeIp4(nh, 0, m.nexthop);
  // ORIGIN IGP, an empty AS_PATH, NEXT_HOP, LOCAL_PREF 100.
  const attrs = m.nexthop === null ? [] : [0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 3, 4, ...nh, 0x40, 5, 4, 0, 0, 0, 100];
  const size = (n: number): number[] => [n >> 8, n & 255];
  return Uint8Array.from([...size(withdrawn.length), ...withdrawn, ...size(attrs.length), ...attrs, ...m.nlri.flatMap(prefixBytes)]);
}

export function emitBgp(m: Message): Uint8Array {
  if (m.type === 'open') return frame('open', openBody(m));
  if (m.type === 'update') return frame('update', updateBody(m));
  if (m.type === 'notification') return frame('notification', Uint8Array.from([m.code, m.subcode]));
  return frame('keepalive', new Uint8Array(0));
}

function prefixes(b: Uint8Array): Prefix4[] {
  const out: Prefix4[] = [];
  for (let at = 0; at < b.length; ) {
    const len = b[at++] as number;
    let addr = 0;
    const n = Math.ceil(len / 8);
    if (len > 32 || at + n > b.length) break;
    for (let i = 0; i < n; i++) addr |= (b[at + i] as number) << (24 - 8 * i);
    out.push({ addr: addr >>> 0, len });
    at += n;
  }
  return out;
}

function nexthopOf(attrs: Uint8Array): number | null {
  for (let at = 0; at + 3 <= attrs.length; ) {
    const long = ((attrs[at] as number) & 0x10) !== 0;
    const type = attrs[at + 1] as number;
    const len = long ? u16(attrs, at + 2) : (attrs[at + 2] as number);
    at += long ? 4 : 3;
    if (type === 3 && len === 4 && at + 4 <= attrs.length) return readIp4(attrs, at);
    at += len;
  }
  return null;
}

/** The first whole message and how many bytes it took; null for too few, 'bad' for what is no BGP. */
export function parseBgp(b: Uint8Array): { readonly message: Message; readonly used: number } | null | 'bad' {
  if (b.length < HEADER) return null;
  const used = u16(b, 16);
  if (used < HEADER || used > MAX_MESSAGE) return 'bad';
  if (b.length < used) return null;
  const body = b.subarray(HEADER, used);
  const type = TYPES[b[18] as number];
  if (type === 'keepalive') return { message: { type }, used };
  if (type === 'notification') return { message: { type, code: body[0] ?? 0, subcode: body[1] ?? 0 }, used };
  if (type === 'open' && body.length >= 10) return { message: { type, as: u16(body, 1), hold: u16(body, 3), id: readIp4(body, 5) }, used };
  if (type !== 'update' || body.length < 4) return 'bad';
  const w = u16(body, 0);
  if (4 + w > body.length) return 'bad';
  const a = u16(body, 2 + w);
  if (4 + w + a > body.length) return 'bad';
  const attrs = body.subarray(4 + w, 4 + w + a);
  return {
    message: { type, withdrawn: prefixes(body.subarray(2, 2 + w)), nexthop: nexthopOf(attrs), nlri: prefixes(body.subarray(4 + w + a)) },
    used,
  };
}

export const ip4 = (text: string): number => parseIp4(text) ?? 0;
