/** IP addresses and CIDRs in fields: what is accepted, what is wrong, what is warned of. Models apimachinery/pkg/util/validation/ip.go. */

import { formatIp4, formatIp6, parseIp6 } from '../../wire/addr.ts';
import { type FieldError, goQuote, invalid } from './field.ts';

export interface Address {
  readonly family: 4 | 6;
  /** The number; of a mapped address (`::ffff:1.2.3.4`) the IPv4 one. */
  readonly value: bigint;
  readonly zeros: boolean;
  readonly mapped: boolean;
}

const OCTETS = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/;

function octets(text: string): { value: bigint; zeros: boolean } | undefined {
  const m = OCTETS.exec(text);
  if (!m) return undefined;
  let value = 0n;
  let zeros = false;
  for (const part of m.slice(1)) {
    if (part.length > 1 && part.startsWith('0')) zeros = true;
    const n = part.length > 12 ? 256 : Number(part);
    if (n > 255) return undefined;
    value = (value << 8n) | BigInt(n);
  }
  return { value, zeros };
}

/** As Kubernetes reads addresses since ever: zeros before an octet are overlooked. */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) {
    const v4 = octets(text);
    return v4 && { family: 4, value: v4.value, zeros: v4.zeros, mapped: false };
  }
  let plain = text;
  let zeros = false;
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (tail) {
    const v4 = octets(tail[2] as string);
    if (!v4) return undefined;
    zeros = v4.zeros;
    plain = (tail[1] as string) + formatIp4(Number(v4.value));
  }
  const v6 = parseIp6(plain);
  if (v6 === null) return undefined;
  if (v6 >> 32n === 0xffffn) return { family: 4, value: v6 & 0xffffffffn, zeros, mapped: true };
  return { family: 6, value: v6, zeros, mapped: false };
}

export const addressText = (a: Address): string => (a.family === 4 ? formatIp4(Number(a.value)) : formatIp6(a.value));
export const isIPv6Text = (text: string): boolean => parseAddress(text)?.family === 6;
export const isIPv4Text = (text: string): boolean => parseAddress(text)?.family === 4;

export interface Cidr {
  readonly address: Address;
  readonly bits: number;
  /** 32 or 128. */
  readonly width: number;
  /** First address. */
  readonly network: bigint;
  readonly zeros: boolean;
}

export function parseCidr(text: string): Cidr | undefined {
  const m = /^([^/]+)\/(\d{1,5})$/.exec(text);
  if (!m) return undefined;
  const address = parseAddress(m[1] as string);
  if (!address) return undefined;
  const mappedBits = address.mapped ? 96 : 0;
  const width = address.family === 4 && !address.mapped ? 32 : 128;
  const raw = Number(m[2]);
  if (raw > width || raw < mappedBits) return undefined;
  const bits = raw - mappedBits;
  const size = address.family === 4 ? 32 : 128;
  const host = BigInt(size - bits);
  const prefixZeros = (m[2] as string).length > 1 && (m[2] as string).startsWith('0');
  return { address, bits, width: size, network: (address.value >> host) << host, zeros: address.zeros || prefixZeros };
}

export const cidrText = (c: Cidr): string => `${addressText({ ...c.address, value: c.network })}/${c.bits}`;
export const contains = (c: Cidr, a: Address): boolean =>
  c.address.family === a.family && a.value >> BigInt(c.width - c.bits) === c.network >> BigInt(c.width - c.bits);

const BAD_IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const BAD_CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

/** Fields older than strict parsing; `known` are values that the stored object has, which pass. */
export function legacyIP(field: string, text: string, known: readonly string[] = []): FieldError[] {
  return known.includes(text) ? [] : strictIP(field, text);
}

function strictIP(field: string, text: string): FieldError[] {
  const a = parseAddress(text);
  if (!a) return [invalid(field, text, BAD_IP)];
  if (a.zeros) return [invalid(field, text, 'must not have leading 0s')];
  return a.mapped ? [invalid(field, text, 'must not be an IPv4-mapped IPv6 address')] : [];
}

/** Newer fields: the canonical form only. */
export function canonicalIP(field: string, text: string): FieldError[] {
  const errors = strictIP(field, text);
  if (errors.length > 0) return errors;
  const canonical = addressText(parseAddress(text) as Address);
  return canonical === text ? [] : [invalid(field, text, `must be in canonical form (${goQuote(canonical)})`)];
}

export function legacyCIDR(field: string, text: string, known: readonly string[] = []): FieldError[] {
  if (known.includes(text)) return [];
  const c = parseCidr(text);
  if (!c) return [invalid(field, text, BAD_CIDR)];
  if (c.zeros) return [invalid(field, text, 'must not have leading 0s in IP or prefix length')];
  if (c.address.mapped) return [invalid(field, text, 'must not have an IPv4-mapped IPv6 address')];
  return c.network === c.address.value ? [] : [invalid(field, text, 'must not have bits set beyond the prefix length')];
}

export function canonicalCIDR(field: string, text: string): FieldError[] {
  const errors = legacyCIDR(field, text);
  if (errors.length > 0) return errors;
  const canonical = cidrText(parseCidr(text) as Cidr);
  return canonical === text ? [] : [invalid(field, text, `must be in canonical form (${goQuote(canonical)})`)];
}

export function warningsForIP(field: string, text: string): string[] {
  const a = parseAddress(text);
  if (!a) return [];
  const canonical = addressText(a);
  if (a.zeros || a.mapped) return [`${field}: non-standard IP address ${goQuote(text)} is invalid: use ${goQuote(canonical)}`];
  if (a.family === 6 && canonical !== text)
    return [`${field}: IPv6 address ${goQuote(text)} should be in RFC 5952 canonical format (${goQuote(canonical)})`];
  return [];
}

export function warningsForCIDR(field: string, text: string): string[] {
  const c = parseCidr(text);
  if (!c) return [];
  const out: string[] = [];
  const canonical = cidrText(c);
  if (c.network !== c.address.value)
    out.push(
      `${field}: CIDR value ${goQuote(text)} is ambiguous in this context (should be ${goQuote(canonical)} or ${goQuote(`${addressText(c.address)}/${c.width}`)}?)`,
    );
  if (c.zeros || c.address.mapped) out.push(`${field}: non-standard CIDR value ${goQuote(text)} is invalid: use ${goQuote(canonical)}`);
  if (out.length === 0 && c.address.family === 6 && `${addressText(c.address)}/${c.bits}` !== text)
    out.push(`${field}: IPv6 CIDR value ${goQuote(text)} should be in RFC 5952 canonical format (${goQuote(canonical)})`);
  return out;
}

/** Addresses that no endpoint, external IP or load balancer can have. */
export function endpointIP(field: string, text: string): FieldError[] {
  const a = parseAddress(text);
  if (!a) return [invalid(field, text, BAD_IP)];
  const v = a.value;
  const errors: FieldError[] = [];
  const is = (bad: boolean, detail: string): void => {
    if (bad) errors.push(invalid(field, text, detail));
  };
  const four = a.family === 4;
  is(v === 0n, `may not be unspecified (${text})`);
  is(four ? v >> 24n === 127n : v === 1n, 'may not be in the loopback range (127.0.0.0/8, ::1/128)');
  is(four ? v >> 16n === 0xa9fen : v >> 118n === 0x3fan, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)');
  is(
    four ? v >> 8n === 0xe00000n : v >> 120n === 0xffn && ((v >> 112n) & 0xfn) === 2n,
    'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
  );
  return errors;
}
