/** BGP messages. Models RFC 4271, RFC 5492 (capabilities), RFC 6793 (AS numbers of four octets) */

import { parseIp4, readIp4, writeIp4 } from '../../../wire/addr.ts';
import { put16, u16, u32 } from '../../../wire/bytes.ts';

export const BGP_PORT = 179;
const HEADER = 19;
const MAX_MESSAGE = 4096;
/** Stands in two octets for a number that needs four. */
const AS_TRANS = 23456;

export interface Prefix4 {
  readonly addr: number;
  readonly len: number;
}

export interface Capability {
  readonly code: number;
  readonly value: readonly number[];
}

export const MULTIPROTOCOL = 1;
export const FOUR_OCTETS = 65;
export const IPV4_UNICAST: Capability = { code: MULTIPROTOCOL, value: [0, 1, 0, 1] };
export const IPV6_UNICAST: Capability = { code: MULTIPROTOCOL, value: [0, 2, 0, 1] };
export const ROUTE_REFRESH: Capability = { code: 2, value: [] };

/** What a route says of itself. */
export interface Attributes {
  /** 0 IGP, 1 EGP, 2 Incomplete. */
  readonly origin: number;
  readonly asPath: readonly number[];
  readonly nexthop: number;
  readonly localPref: number | null;
  readonly med: number | null;
}

export type Message =
  | { readonly type: 'open'; readonly as: number; readonly hold: number; readonly id: number; readonly capabilities: readonly Capability[] }
  | {
      readonly type: 'update';
      readonly withdrawn: readonly Prefix4[];
      readonly attributes: Attributes | null;
      readonly nlri: readonly Prefix4[];
    }
  | { readonly type: 'notification'; readonly code: number; readonly subcode: number; readonly data?: readonly number[] }
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

/** A number in four octets. */
export const octets = (n: number): number[] => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];

/** All capabilities in one parameter, that of the AS number among them. */
function openBody(m: Message & { type: 'open' }): Uint8Array {
  const caps = m.capabilities.flatMap((c) => {
    const value = c.code === FOUR_OCTETS ? octets(m.as) : c.value;
    return [c.code, value.length, ...value];
  });
  const out = new Uint8Array(12 + caps.length);
  out[0] = 4;
  put16(out, 1, m.as > 0xffff ? AS_TRANS : m.as);
  put16(out, 3, m.hold);
  writeIp4(out, 5, m.id);
  out[9] = caps.length + 2;
  out[10] = 2;
  out[11] = caps.length;
  out.set(caps, 12);
  return out;
}

function prefixBytes({ addr, len }: Prefix4): number[] {
  const bytes = [len];
  for (let i = 0; i < Math.ceil(len / 8); i++) bytes.push((addr >>> (24 - 8 * i)) & 255);
  return bytes;
}

function attributeBytes({ origin, asPath, nexthop, localPref }: Attributes, wide: boolean): number[] {
  const numbers = asPath.flatMap((n) => (wide ? octets(n) : octets(n > 0xffff ? AS_TRANS : n).slice(2)));
  const path = asPath.length === 0 ? [] : [2, asPath.length, ...numbers];
  const preference = localPref === null ? [] : [0x40, 5, 4, ...octets(localPref)];
  return [0x40, 1, 1, origin, 0x40, 2, path.length, ...path, 0x40, 3, 4, ...octets(nexthop), ...preference];
}

function updateBody(m: Message & { type: 'update' }, wide: boolean): Uint8Array {
  const withdrawn = m.withdrawn.flatMap(prefixBytes);
  const attrs = m.attributes === null ? [] : attributeBytes(m.attributes, wide);
  const size = (n: number): number[] => [n >> 8, n & 255];
  return Uint8Array.from([...size(withdrawn.length), ...withdrawn, ...size(attrs.length), ...attrs, ...m.nlri.flatMap(prefixBytes)]);
}

/** `wide`: both sides said that they know AS numbers of four octets. */
export function emitBgp(m: Message, wide = true): Uint8Array {
  if (m.type === 'open') return frame('open', openBody(m));
  if (m.type === 'update') return frame('update', updateBody(m, wide));
  if (m.type === 'notification') return frame('notification', Uint8Array.from([m.code, m.subcode, ...(m.data ?? [])]));
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

function pathOf(b: Uint8Array, wide: boolean): number[] {
  const out: number[] = [];
  const size = wide ? 4 : 2;
  for (let at = 0; at + 2 <= b.length; ) {
    const n = b[at + 1] as number;
    at += 2;
    for (let i = 0; i < n && at + size <= b.length; i++, at += size) out.push(wide ? u32(b, at) : u16(b, at));
  }
  return out;
}

/** Null when there is no next hop. */
function attributesOf(attrs: Uint8Array, wide: boolean): Attributes | null {
  const found = {
    origin: 2,
    asPath: [] as number[],
    nexthop: null as number | null,
    localPref: null as number | null,
    med: null as number | null,
  };
  for (let at = 0; at + 3 <= attrs.length; ) {
    const long = ((attrs[at] as number) & 0x10) !== 0;
    const type = attrs[at + 1] as number;
    const len = long ? u16(attrs, at + 2) : (attrs[at + 2] as number);
    at += long ? 4 : 3;
    const value = attrs.subarray(at, at + len);
    if (type === 1 && len === 1) found.origin = value[0] ?? 2;
    else if (type === 2) found.asPath = pathOf(value, wide);
    else if (value.length === 4 && type === 3) found.nexthop = readIp4(value, 0);
    else if (value.length === 4 && type === 4) found.med = u32(value, 0);
    else if (value.length === 4 && type === 5) found.localPref = u32(value, 0);
    at += len;
  }
  const { nexthop } = found;
  return nexthop === null ? null : { ...found, nexthop };
}

function openOf(b: Uint8Array): Message & { type: 'open' } {
  const capabilities: Capability[] = [];
  for (let at = 10; at + 2 <= b.length; at += 2 + (b[at + 1] as number)) {
    if (b[at] !== 2) continue;
    const end = Math.min(b.length, at + 2 + (b[at + 1] as number));
    for (let c = at + 2; c + 2 <= end; c += 2 + (b[c + 1] as number))
      capabilities.push({ code: b[c] as number, value: [...b.subarray(c + 2, Math.min(end, c + 2 + (b[c + 1] as number)))] });
  }
  const four = capabilities.find((c) => c.code === FOUR_OCTETS && c.value.length === 4);
  return {
    type: 'open',
    as: four ? u32(Uint8Array.from(four.value), 0) : u16(b, 1),
    hold: u16(b, 3),
    id: readIp4(b, 5),
    capabilities,
  };
}

/** The first whole message and how many bytes it took; null for too few, 'bad' for what is no BGP. */
export function parseBgp(b: Uint8Array, wide = true): { readonly message: Message; readonly used: number } | null | 'bad' {
  if (b.length < HEADER) return null;
  const used = u16(b, 16);
  if (used < HEADER || used > MAX_MESSAGE) return 'bad';
  if (b.length < used) return null;
  const body = b.subarray(HEADER, used);
  const type = TYPES[b[18] as number];
  if (type === 'keepalive') return { message: { type }, used };
  if (type === 'notification') return { message: { type, code: body[0] ?? 0, subcode: body[1] ?? 0, data: [...body.subarray(2)] }, used };
  if (type === 'open' && body.length >= 10) return { message: openOf(body), used };
  if (type !== 'update' || body.length < 4) return 'bad';
  const w = u16(body, 0);
  if (4 + w > body.length) return 'bad';
  const a = u16(body, 2 + w);
  if (4 + w + a > body.length) return 'bad';
  const attributes = attributesOf(body.subarray(4 + w, 4 + w + a), wide);
  return { message: { type, withdrawn: prefixes(body.subarray(2, 2 + w)), attributes, nlri: prefixes(body.subarray(4 + w + a)) }, used };
}

export const ip4 = (text: string): number => parseIp4(text) ?? 0;
