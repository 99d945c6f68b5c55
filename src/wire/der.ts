/** DER, the encoding of certificates and keys: tag, length, value. ITU-T X.690 */

import { concat, utf8 } from './bytes.ts';

const INTEGER = 0x02;
export const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
export const NULL = 0x05;
export const OID = 0x06;
export const UTF8_STRING = 0x0c;
export const SEQUENCE = 0x30;
export const SET = 0x31;
export const PRINTABLE_STRING = 0x13;
export const IA5_STRING = 0x16;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
export const BOOLEAN = 0x01;

export interface Tlv {
  tag: number;
  value: Uint8Array;
  /** With tag and length. */
  raw: Uint8Array;
}

/** All elements of a string of bytes; null when it is no DER. */
export function derItems(b: Uint8Array): Tlv[] | null {
  const out: Tlv[] = [];
  for (let i = 0; i < b.length; ) {
    const start = i;
    const tag = b[i++] as number;
    let length = b[i++];
    if (length === undefined) return null;
    if (length & 0x80) {
      const n = length & 0x7f;
      if (n === 0 || n > 4 || i + n > b.length) return null;
      length = 0;
      for (let k = 0; k < n; k++) length = length * 256 + (b[i++] as number);
    }
    if (i + length > b.length) return null;
    out.push({ tag, value: b.subarray(i, i + length), raw: b.subarray(start, i + length) });
    i += length;
  }
  return out;
}

export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const value = concat(parts);
  const n = value.length;
  const length = n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : n < 0x10000 ? [0x82, n >> 8, n & 255] : [0x83, n >> 16, (n >> 8) & 255, n & 255];
  return concat([Uint8Array.from([tag, ...length]), value]);
}

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array => der(SEQUENCE, ...parts);

/** Big-endian, without a sign. */
export function bigToBytes(n: bigint, length?: number): Uint8Array {
  let hex = n.toString(16);
  if (hex.length % 2) hex = `0${hex}`;
  const b = Uint8Array.from(hex.match(/../g) ?? [], (h) => Number.parseInt(h, 16));
  if (length === undefined || b.length >= length) return b;
  const out = new Uint8Array(length);
  out.set(b, length - b.length);
  return out;
}

export function bytesToBig(b: Uint8Array): bigint {
  let hex = '';
  for (const x of b) hex += x.toString(16).padStart(2, '0');
  return hex === '' ? 0n : BigInt(`0x${hex}`);
}

export function derInteger(n: bigint): Uint8Array {
  const b = bigToBytes(n);
  return der(INTEGER, (b[0] as number) & 0x80 ? concat([new Uint8Array(1), b]) : b);
}

export const derBits = (b: Uint8Array): Uint8Array => der(BIT_STRING, new Uint8Array(1), b);
export const derOctets = (b: Uint8Array): Uint8Array => der(OCTET_STRING, b);
export const derText = (tag: number, text: string): Uint8Array => der(tag, utf8(text));

export function derOid(text: string): Uint8Array {
  const [a, b, ...rest] = text.split('.').map(Number) as [number, number, ...number[]];
  const out = [a * 40 + b];
  for (const n of rest) {
    const digits = [n & 127];
    for (let v = n >>> 7; v > 0; v >>>= 7) digits.unshift((v & 127) | 128);
    out.push(...digits);
  }
  return der(OID, Uint8Array.from(out));
}

export function oidText(b: Uint8Array): string {
  const out: number[] = [];
  let n = 0;
  for (const x of b) {
    n = n * 128 + (x & 127);
    if (x & 128) continue;
    if (out.length === 0) out.push(Math.min(2, Math.floor(n / 40)), n - 40 * Math.min(2, Math.floor(n / 40)));
    else out.push(n);
    n = 0;
  }
  return out.join('.');
}

/** UTCTime up to 2049, GeneralizedTime after it (RFC 5280 4.1.2.5). `ms` since 1970. */
export function derTime(ms: number): Uint8Array {
  const text = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
  return Number(text.slice(0, 4)) < 2050 ? derText(UTC_TIME, text.slice(2)) : derText(GENERALIZED_TIME, text);
}

export function timeOf(t: Tlv): number {
  const digits = String.fromCharCode(...t.value);
  const full = t.tag === UTC_TIME ? `${Number(digits.slice(0, 2)) < 50 ? '20' : '19'}${digits}` : digits;
  const m = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full);
  if (!m) return 0;
  const [, y, mo, d, h, mi, s] = m.map(Number) as [number, number, number, number, number, number, number];
  return Date.UTC(y, mo - 1, d, h, mi, s);
}

const ABC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

export function toBase64(b: Uint8Array): string {
  let out = '';
  for (let i = 0; i < b.length; i += 3) {
    const n = ((b[i] as number) << 16) | ((b[i + 1] ?? 0) << 8) | (b[i + 2] ?? 0);
    out += [18, 12, 6, 0].map((s, k) => (i + k - 1 < b.length || k < 2 ? ABC[(n >> s) & 63] : '=')).join('');
  }
  return out;
}

export function fromBase64(text: string): Uint8Array {
  const out: number[] = [];
  let bits = 0;
  let n = 0;
  for (const c of text) {
    const v = ABC.indexOf(c);
    if (v < 0) continue;
    n = ((n << 6) | v) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push((n >> bits) & 255);
    }
  }
  return Uint8Array.from(out);
}

export interface Pem {
  label: string;
  der: Uint8Array;
}

/** Every block of a PEM file, RFC 7468. */
export function parsePem(text: string): Pem[] {
  return [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/g)].map((m) => ({
    label: m[1] as string,
    der: fromBase64(m[2] as string),
  }));
}

export function emitPem(label: string, data: Uint8Array): string {
  return `-----BEGIN ${label}-----\n${(toBase64(data).match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${label}-----\n`;
}
