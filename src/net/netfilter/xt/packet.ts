/** What matches and targets see of a packet at a hook: parsed once per hook. Models struct xt_action_param */

import { type Family, type IpAddr, readIp4, readIp6 } from '../../../wire/addr.ts';
import { u16 } from '../../../wire/bytes.ts';
import type { NetDevice } from '../../dev/device.ts';
import type { Netns } from '../../netns.ts';
import type { Skb } from '../../skb.ts';
import type { Hook } from '../netfilter.ts';

export interface XtPacket {
  readonly ns: Netns;
  readonly skb: Skb;
  readonly family: Family;
  readonly hook: Hook;
  readonly in: NetDevice | null;
  readonly out: NetDevice | null;
  src: IpAddr;
  dst: IpAddr;
  /** IPv4 addresses as 32-bit integers with sign, for the rules' first look. */
  src32: number;
  dst32: number;
  /** Layer 4 protocol, IPv6 extension headers skipped. */
  proto: number;
  /** Offset of the layer 4 header in skb.data. */
  l4: number;
  /** Fragment offset in bytes: layer 4 is only there when it is 0. */
  frag: number;
  moreFrags: boolean;
  /** Length that rules count: the IP total length. */
  len: number;
}

/** Null when the header is no header: such packets match no rule and pass. */
export function viewPacket(
  ns: Netns,
  skb: Skb,
  family: Family,
  hook: Hook,
  inDev: NetDevice | null,
  outDev: NetDevice | null,
): XtPacket | null {
  const b = skb.data;
  const p: XtPacket = {
    ns,
    skb,
    family,
    hook,
    in: inDev,
    out: outDev,
    src: 0,
    dst: 0,
    src32: 0,
    dst32: 0,
    proto: 0,
    l4: 0,
    frag: 0,
    moreFrags: false,
    len: b.length,
  };
  return refreshView(p) ? p : null;
}

/** Reads the header again after something rewrote it. */
export function refreshView(p: XtPacket): boolean {
  const b = p.skb.data;
  p.len = b.length;
  if (p.family === 4) {
    if (b.length < 20) return false;
    p.l4 = ((b[0] as number) & 15) * 4;
    p.proto = b[9] as number;
    p.src = readIp4(b, 12);
    p.dst = readIp4(b, 16);
    p.src32 = p.src | 0;
    p.dst32 = p.dst | 0;
    const frag = u16(b, 6);
    p.frag = (frag & 0x1fff) * 8;
    p.moreFrags = (frag & 0x2000) !== 0;
    return p.l4 >= 20 && p.l4 <= b.length;
  }
  if (b.length < 40) return false;
  p.src = readIp6(b, 8);
  p.dst = readIp6(b, 24);
  p.frag = 0;
  p.moreFrags = false;
  let next = b[6] as number;
  let at = 40;
  while (isExtension(next) && at + 8 <= b.length) {
    if (next === 44) {
      const frag = u16(b, at + 2);
      p.frag = frag & 0xfff8;
      p.moreFrags = (frag & 1) !== 0;
      next = b[at] as number;
      at += 8;
      if (p.frag > 0) break;
      continue;
    }
    const size = next === 51 ? ((b[at + 1] as number) + 2) * 4 : ((b[at + 1] as number) + 1) * 8;
    next = b[at] as number;
    at += size;
  }
  p.proto = next;
  p.l4 = at;
  return true;
}

function isExtension(next: number): boolean {
  return next === 0 || next === 43 || next === 44 || next === 51 || next === 60;
}

/** True when `bytes` of layer 4 are there to read. */
export function hasL4(p: XtPacket, bytes: number): boolean {
  return p.frag === 0 && p.l4 + bytes <= p.skb.data.length;
}

export function sportOf(p: XtPacket): number {
  return u16(p.skb.data, p.l4);
}

export function dportOf(p: XtPacket): number {
  return u16(p.skb.data, p.l4 + 2);
}
