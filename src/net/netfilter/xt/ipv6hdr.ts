/** Extension headers of IPv6: where they stand in a packet. Models ipv6_find_hdr() */

import { u16 } from '../../../wire/bytes.ts';
import type { XtPacket } from './packet.ts';

export const HOP = 0;
export const ROUTING = 43;
export const FRAGMENT = 44;
export const ESP = 50;
export const AUTH = 51;
export const NONE = 59;
export const DEST = 60;

/** Whether another header follows this one. */
export function isExtension(header: number): boolean {
  return header === HOP || header === ROUTING || header === FRAGMENT || header === AUTH || header === NONE || header === DEST;
}

/** Length of the header at `at`, which is there to read. */
export function headerLength(b: Uint8Array, at: number, header: number): number {
  if (header === FRAGMENT) return 8;
  return header === AUTH ? ((b[at + 1] as number) + 2) * 4 : ((b[at + 1] as number) + 1) * 8;
}

/** Offset of the first header of that number, -1 when there is none. */
export function findHeader(p: XtPacket, wanted: number): number {
  const b = p.skb.data;
  let header = b[6] as number;
  let at = 40;
  while (at + 8 <= b.length) {
    if (header === wanted) return at;
    if (!isExtension(header) || header === NONE) return -1;
    // Of a later fragment nothing more is known.
    if (header === FRAGMENT && (u16(b, at + 2) & 0xfff8) !== 0) return -1;
    const next = b[at] as number;
    at += headerLength(b, at, header);
    header = next;
  }
  return -1;
}
