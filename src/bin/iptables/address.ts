/** Addresses and interfaces of the rule itself. Models xtables_ipparse_multiple() and xtables_parse_interface() */

import { xt } from '../../os/uapi.ts';
import { type IpAddr, maxLen, parseIp4, parseIp6 } from '../../wire/addr.ts';
import { type Env, hostAddress } from './env.ts';

export function parseAddresses(env: Env, text: string, invert: boolean): xt.AddrMatch[] {
  return text.split(',').map((part) => {
    const slash = part.lastIndexOf('/');
    const host = slash < 0 ? part : part.slice(0, slash);
    let mask: IpAddr | null = null;
    if (slash >= 0) {
      const maskText = part.slice(slash + 1);
      mask = xt.parseMask(maskText, env.family);
      if (mask === null) throw new xt.Problem(`invalid mask \`${maskText}' specified`);
    } else mask = xt.parseMask(String(maxLen(env.family)), env.family);
    const zero = typeof mask === 'number' ? mask === 0 : mask === 0n;
    let addr = zero ? (env.family === 4 ? 0 : 0n) : env.family === 4 ? parseIp4Short(host) : parseIp6(host);
    if (addr === null) addr = hostAddress(env, host);
    if (addr === null) throw new xt.Problem(`host/network \`${host}' not found`);
    const m = mask as IpAddr;
    const masked = typeof addr === 'number' ? (addr & (m as number)) >>> 0 : addr & (m as bigint);
    return { addr: masked, mask: m, invert };
  });
}

/** `10.1` is 10.1.0.0 to iptables when a mask follows; the full form otherwise. */
function parseIp4Short(text: string): number | null {
  const full = parseIp4(text);
  if (full !== null) return full;
  // inet_aton(): one number for all 32 bits.
  if (/^(\d{4,10}|0x[\da-f]{1,8})$/i.test(text)) return Number(text) > 0xffffffff ? null : Number(text);
  if (!/^\d{1,3}(\.\d{1,3}){0,2}$/.test(text)) return null;
  const parts = text.split('.').map(Number);
  if (parts.some((p) => p > 255)) return null;
  while (parts.length < 4) parts.push(0);
  return parts.reduce((a, p) => a * 256 + p, 0);
}

export function parseInterface(name: string, invert: boolean, warn: (text: string) => void): xt.IfaceMatch {
  if (name.length > 15) throw new xt.Problem(`interface name \`${name}' must be shorter than IFNAMSIZ (15)`);
  if (/[/ ]/.test(name)) warn(`Warning: weird character in interface \`${name}' ('/' and ' ' are not allowed by the kernel).\n`);
  return { name, invert };
}
