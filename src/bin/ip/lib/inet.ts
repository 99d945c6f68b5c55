/** Addresses and prefixes on the command line with iproute2's complaints. Models lib/utils.c get_addr_1(), get_prefix_1() */

import { type Family, formatIp, type IpAddr, maxLen, type Prefix, parseIp6, zeroOf } from '../../../wire/addr.ts';
import type { Mac } from '../../../wire/mac.ts';
import { Exit, unsigned } from './args.ts';

export type AddrFamily = 0 | 4 | 6 | 17 | 7 | 28;

export const AF_UNSPEC = 0;
export const AF_BRIDGE = 7;
/** Known, and without any routes or addresses. */
export const AF_MPLS = 28;

function familyName(f: AddrFamily): string {
  return f === 4 ? 'inet' : f === 6 ? 'inet6' : f === 17 ? 'link' : f === 7 ? 'bridge' : f === AF_MPLS ? 'mpls' : 'any valid';
}

/** Dotted quad with up to four parts: `10.5` is 10.5.0.0, as iproute2 reads it. */
function quad(text: string): number | null {
  const parts = text.split('.');
  if (parts.length > 4) return null;
  let a = 0;
  for (let i = 0; i < 4; i++) {
    const part = parts[i];
    const n = part === undefined ? 0 : unsigned(part, 255);
    if (n === null) return null;
    a = a * 256 + n;
  }
  return a;
}

/** null when it is no address of the family. `any`, `all`, `default` are zero. */
export function parseAddr(text: string, family: AddrFamily): IpAddr | null {
  if (text === 'default' || text === 'all' || text === 'any') return family === 6 ? 0n : 0;
  if (text.includes(':')) return family === 0 || family === 6 ? parseIp6(text) : null;
  return family === 0 || family === 4 ? quad(text) : null;
}

export function getAddr(text: string, family: AddrFamily): IpAddr {
  const a = parseAddr(text, family);
  if (a === null)
    throw new Exit(1, `Error: ${family === 0 ? 'any valid' : familyName(family)} address is expected rather than "${text}".\n`);
  return a;
}

/** A prefix as written: `len` is null when no length was given (a host), `any` for default/all/any. */
export interface WrittenPrefix {
  addr: IpAddr;
  len: number | null;
  any: boolean;
}

export function parsePrefix(text: string, family: AddrFamily): WrittenPrefix | null {
  if (text === 'default' || text === 'any' || text === 'all') return { addr: zeroOf(family === 6 ? 6 : 4), len: 0, any: true };
  const slash = text.indexOf('/');
  const addr = parseAddr(slash < 0 ? text : text.slice(0, slash), family);
  if (addr === null) return null;
  if (slash < 0) return { addr, len: null, any: false };
  const max = typeof addr === 'number' ? 32 : 128;
  const bits = text.slice(slash + 1);
  let len = unsigned(bits, max);
  if (len === null && typeof addr === 'number') len = maskLen(bits);
  return len === null ? null : { addr, len, any: false };
}

/** `255.255.255.0` → 24; null when it is no contiguous mask. */
export function maskLen(text: string): number | null {
  const m = /^\d+\.\d+\.\d+\.\d+$/.test(text) ? quad(text) : null;
  if (m === null) return null;
  for (let len = 0; len <= 32; len++) if (m === (len === 0 ? 0 : (-1 << (32 - len)) >>> 0)) return len;
  return null;
}

export function getPrefix(text: string, family: AddrFamily): WrittenPrefix {
  const p = parsePrefix(text, family);
  if (p === null)
    throw new Exit(1, `Error: ${family === 0 ? 'any valid' : familyName(family)} prefix is expected rather than "${text}".\n`);
  return p;
}

export function toPrefix(p: WrittenPrefix): Prefix {
  return { addr: p.addr, len: p.len ?? maxLen(typeof p.addr === 'number' ? 4 : 6) };
}

export function familyOfPrefix(p: WrittenPrefix, preferred: AddrFamily): Family {
  if (p.any) return preferred === 6 ? 6 : 4;
  return typeof p.addr === 'number' ? 4 : 6;
}

export function formatPrefix(p: Prefix, family: Family): string {
  return p.len === maxLen(family) ? formatIp(p.addr) : `${formatIp(p.addr)}/${p.len}`;
}

/** ll_addr_a2n() with its text; the length error is the caller's ("Invalid address length"). */
export function getLladdr(text: string): { mac: Mac | null; len: number } {
  const parts = text.split(':');
  if (/^\d+\.\d+\.\d+\.\d+$/.test(text)) return { mac: quad(text), len: 4 };
  let mac = 0;
  for (const part of parts) {
    // As sscanf("%x") reads it: what follows the digits does not matter.
    const digits = /^\s*(?:0[xX])?([0-9a-fA-F]+)/.exec(part)?.[1];
    if (digits === undefined || Number.parseInt(digits, 16) > 255) throw new Exit(1, `"${part}" is invalid lladdr.\n`);
    mac = mac * 256 + Number.parseInt(digits, 16);
  }
  return { mac: parts.length === 6 ? mac : null, len: parts.length };
}
