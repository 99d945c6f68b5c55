/** IPv4 options that routers act on: Record Route (RFC 791 3.1). Source routes and timestamps pass untouched. Models net/ipv4/ip_options.c */

import { type Ip4, writeIp4 } from '../../wire/addr.ts';
import { ip4HeaderLen, refreshIp4Checksum } from '../../wire/ipv4.ts';

const IPOPT_END = 0;
const IPOPT_NOOP = 1;
const IPOPT_RR = 7;

/** Where Record Route begins in the packet, -1 when there is none or it is malformed. */
export function recordRouteAt(b: Uint8Array): number {
  const end = ip4HeaderLen(b);
  for (let i = 20; i < end; ) {
    const kind = b[i] as number;
    if (kind === IPOPT_END) return -1;
    if (kind === IPOPT_NOOP) {
      i++;
      continue;
    }
    const len = b[i + 1] ?? 0;
    if (len < 2 || i + len > end) return -1;
    if (kind === IPOPT_RR) return len >= 3 && (b[i + 2] as number) >= 4 ? i : -1;
    i += len;
  }
  return -1;
}

/** Writes the address into the next free slot, when there is one. */
export function recordRoute(b: Uint8Array, addr: Ip4): void {
  if (b.length < 24 || ip4HeaderLen(b) === 20) return;
  const at = recordRouteAt(b);
  if (at < 0) return;
  const pointer = b[at + 2] as number;
  if (pointer + 3 > (b[at + 1] as number)) return;
  writeIp4(b, at + pointer - 1, addr);
  b[at + 2] = pointer + 4;
  refreshIp4Checksum(b);
}

/** __ip_options_echo(): the options of an answer; undefined when it needs none. */
export function echoOptions(b: Uint8Array): Uint8Array | undefined {
  if (ip4HeaderLen(b) === 20) return undefined;
  const at = recordRouteAt(b);
  if (at < 0) return undefined;
  const len = b[at + 1] as number;
  const out = new Uint8Array((len + 3) & ~3);
  out.set(b.subarray(at, at + len));
  return out;
}
