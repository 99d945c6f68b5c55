/** Values of options as libxtables reads them, with its texts of refusal. Models libxtables/xtoptions.c */

import { type Family, formatIp, type IpAddr, mask4, mask6, maxLen, parseIp4, parseIp6 } from '../../../wire/addr.ts';
import { Problem } from './ext.ts';
import { servicePort } from './names.ts';

/** strtoul() with base 0: decimal, 0x hexadecimal, 0 octal; null when anything else remains. */
export function number(text: string, min = 0, max = 0xffffffff): number | null {
  const m = /^\s*\+?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/.exec(text);
  if (!m) return null;
  const digits = m[1] as string;
  const value = /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  return value >= min && value <= max ? value : null;
}

export function uint(ext: string, option: string, text: string, min: number, max: number): number {
  const value = number(text, min, max);
  if (value === null) throw new Problem(`${ext}: bad value for option "--${option}", or out of range (${min}-${max}).\n`);
  return value;
}

/** `EXT --OPTION` takes two numbers at most. */
function tooMany(text: string, option: string): void {
  const [ext, name] = option.split(' ');
  if (text.split(':').length > 2) throw new Problem(`${ext}: Too many components for option "${name}" (max: 2)\n`);
}

/** `5`, `5:`, `:9`, `5:9`. */
export function uintRange(ext: string, option: string, text: string, max: number): [number, number] {
  const bad = (near = text): never => {
    throw new Problem(`${ext}: bad value for option "--${option}" near "${near}", or out of range (0-${max}).\n`);
  };
  const parts = text.split(':');
  tooMany(text, `${ext} --${option}`);
  const low = parts[0] === '' && parts.length === 2 ? 0 : (number(parts[0] as string, 0, max) ?? bad());
  if (parts.length === 1) return [low, low];
  const high = parts[1] === '' ? max : (number(parts[1] as string, 0, max) ?? bad(parts[1]));
  return [low, high];
}

export interface Masked {
  value: number;
  mask: number;
}

/** XTTYPE_MARKMASK32: `0x1`, `0x1/0xff`. */
export function markMask(ext: string, option: string, text: string): Masked {
  const slash = text.indexOf('/');
  const value = number(slash < 0 ? text : text.slice(0, slash));
  if (value === null) throw new Problem(`${ext}: bad integer value for option "--${option}", or out of range.\n`);
  if (slash < 0) return { value, mask: 0xffffffff };
  const mask = number(text.slice(slash + 1));
  if (mask === null) throw new Problem(`${ext}: bad integer value for option "--${option}", or out of range.\n`);
  return { value, mask };
}

/** XTTYPE values with names from a file of /etc/iproute2. Models xtables_parse_val_mask() */
export interface NamedMask {
  value: number;
  mask: number;
}

export function namedMask(ext: string, option: string, text: string, names: Readonly<Record<string, number>>): NamedMask {
  if (/^\d/.test(text)) {
    const slash = text.indexOf('/');
    const value = number(slash < 0 ? text : text.slice(0, slash));
    const mask = slash < 0 ? 0xffffffff : number(text.slice(slash + 1));
    if (value === null || mask === null) throw new Problem(`${ext}: bad integer value for option "--${option}", or out of range.\n`);
    return { value, mask };
  }
  const value = names[text];
  if (value === undefined) throw new Problem(`${ext}: could not map name ${text} to an integer value for option "--${option}".\n`);
  return { value, mask: 0xffffffff };
}

export function namedMaskText(m: NamedMask, names: Readonly<Record<string, number>>): string {
  if (m.mask !== 0xffffffff) return `${hex(m.value)}/${hex(m.mask)}`;
  for (const [name, value] of Object.entries(names)) if (value === m.value) return name;
  return hex(m.value);
}

export function hex(n: number): string {
  return `0x${(n >>> 0).toString(16)}`;
}

/** ` 0x1` or ` 0x1/0xff`. */
export function markText(m: Masked): string {
  return m.mask === 0xffffffff ? hex(m.value) : `${hex(m.value)}/${hex(m.mask)}`;
}

/** xtables_parse_port(). */
export function port(text: string, proto: number): number {
  const value = number(text, 0, 65535) ?? servicePort(text, proto);
  if (value === null) throw new Problem(`invalid port/service \`${text}' specified`);
  return value;
}

/** parse_tcp_ports() of tcp, sctp, dccp: `80`, `80:90`, `:90`, `80:`. */
export function portRange(text: string, proto: number): [number, number] {
  const colon = text.indexOf(':');
  if (colon < 0) {
    const p = port(text, proto);
    return [p, p];
  }
  const low = colon === 0 ? 0 : port(text.slice(0, colon), proto);
  const high = colon === text.length - 1 ? 65535 : port(text.slice(colon + 1), proto);
  if (low > high) throw new Problem('invalid portrange (min > max)');
  return [low, high];
}

/** XTTYPE_PORTRC as udp has it. */
export function portRangeRc(text: string, proto: number, option = ''): [number, number] {
  if (option !== '') tooMany(text, option);
  const one = (part: string): number => {
    const value = /^ *\d+$/.test(part) ? Number(part) : servicePort(part, proto);
    if (value === null) throw new Problem(`Port "${part}" does not resolve to anything.\n`);
    return value & 0xffff;
  };
  const colon = text.indexOf(':');
  if (colon < 0) {
    const p = one(text);
    return [p, p];
  }
  const low = colon === 0 ? 0 : one(text.slice(0, colon));
  const high = colon === text.length - 1 ? 65535 : one(text.slice(colon + 1));
  return [low, high];
}

/** An address of the family without mask; null when it is none. */
export function address(text: string, family: Family): IpAddr | null {
  return family === 4 ? parseIp4(text) : parseIp6(text);
}

/** XTTYPE_HOST: the words of getaddrinfo() where names are of no use. */
export function host(text: string, family: Family): IpAddr {
  const addr = address(text, family);
  if (addr !== null) return addr;
  if (address(text, family === 4 ? 6 : 4) !== null) throw new Problem('getaddrinfo: Address family for hostname not supported\n');
  throw new Problem(`getaddrinfo: ${text.includes('/') ? 'Name or service not known' : 'Temporary failure in name resolution'}\n`);
}

/** XTTYPE_HOSTMASK: `2001:db8::/32`. */
export function hostMask(ext: string, option: string, text: string, family: Family): { addr: IpAddr; mask: IpAddr } {
  const slash = text.indexOf('/');
  const addr = host(slash < 0 ? text : text.slice(0, slash), family);
  return { addr, mask: optionMask(ext, option, slash < 0 ? String(maxLen(family)) : text.slice(slash + 1), family) };
}

function optionMask(ext: string, option: string, text: string, family: Family): IpAddr {
  const bits = mask(text, family);
  if (bits === null)
    throw new Problem(`${ext}: bad value for option "--${option}", neither a valid network mask nor valid CIDR (0-${maxLen(family)}).\n`);
  return bits;
}

/** XTTYPE_PLENMASK: what is no prefix is longer than any. */
export function prefixLen(ext: string, option: string, text: string, family: Family): number {
  return maskLen(optionMask(ext, option, text, family)) ?? 255;
}

/** Prefix length or mask text to a mask; null when it is neither. */
export function mask(text: string, family: Family): IpAddr | null {
  if (family === 4 && text === '32') return 0xffffffff;
  if (/^\d+$/.test(text)) {
    const len = Number(text);
    if (len > maxLen(family)) return null;
    return family === 4 ? mask4(len) : mask6(len);
  }
  return address(text, family);
}

/** Prefix length of a mask, null when its bits are not contiguous. */
export function maskLen(m: IpAddr): number | null {
  const family: Family = typeof m === 'number' ? 4 : 6;
  for (let len = 0; len <= maxLen(family); len++) if ((family === 4 ? mask4(len) : mask6(len)) === m) return len;
  return null;
}

/** `10.0.0.0/24`, `10.0.0.1/255.0.255.0`; `/32` only when `always`. */
export function addressMask(addr: IpAddr, m: IpAddr, always: boolean): string {
  const len = maskLen(m);
  if (len === null) return `${formatIp(addr)}/${formatIp(m)}`;
  return len === maxLen(typeof addr === 'number' ? 4 : 6) && !always ? formatIp(addr) : `${formatIp(addr)}/${len}`;
}

/** xtables_save_string(): quoted when it has anything but letters, digits, `_` and `-`. */
export function quote(text: string): string {
  if (/^[A-Za-z0-9_-]+$/.test(text)) return text;
  return /["\\']/.test(text) ? `"${text.replace(/["\\']/g, (c) => `\\${c}`)}"` : `"${text}"`;
}
