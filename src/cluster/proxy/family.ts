/** IPv4 and IPv6 as kube-proxy tells them apart: addresses and CIDRs by family. Models pkg/proxy/util/utils.go */

import { type Family, formatIp, type IpAddr, inPrefix, maxLen, network, parseIp } from '../../wire/addr.ts';

export type { Family } from '../../wire/addr.ts';

export const FAMILIES: readonly Family[] = [4, 6];

export const FAMILY_NAME: Readonly<Record<Family, string>> = { 4: 'IPv4', 6: 'IPv6' };

/** Of an address or CIDR in text. */
export function familyOfText(text: string): Family {
  return text.includes(':') ? 6 : 4;
}

export function ofFamily(list: readonly string[] | undefined, family: Family): string[] {
  return (list ?? []).map((s) => s.trim()).filter((s) => s !== '' && familyOfText(s) === family);
}

export interface Cidr {
  readonly text: string;
  readonly addr: IpAddr;
  readonly len: number;
}

/** The network without host bits, as Go's ParseCIDR gives it; null when the text is none. */
export function parseCidr(text: string): Cidr | null {
  const [ip = '', bits = ''] = text.split('/');
  const addr = parseIp(ip);
  if (addr === null || !/^\d{1,3}$/.test(bits)) return null;
  const len = Number(bits);
  if (len > maxLen(familyOfText(ip))) return null;
  const net = network(addr, len);
  return { text: `${formatIp(net)}/${len}`, addr: net, len };
}

export function contains(cidr: Cidr, ip: string): boolean {
  const addr = parseIp(ip);
  return addr !== null && typeof addr === typeof cidr.addr && inPrefix(addr, cidr.addr, cidr.len);
}

/** `ip:port`, with brackets around an IPv6 address. Models net.JoinHostPort() */
export function joinHostPort(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
