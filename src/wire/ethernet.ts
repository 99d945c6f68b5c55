/** Ethernet II frames (IEEE 802.3 clause 3, RFC 894): destination, source, EtherType, payload. */

import { put16, u16 } from './bytes.ts';
import { type Mac, readMac, writeMac } from './mac.ts';

export const ETH_HLEN = 14;
export const ETH_P_IP = 0x0800;
export const ETH_P_ARP = 0x0806;
export const ETH_P_8021Q = 0x8100;
export const ETH_P_IPV6 = 0x86dd;

export interface Ethernet {
  dst: Mac;
  src: Mac;
  /** EtherType. */
  type: number;
  payload: Uint8Array;
}

/** Null when shorter than a header. The payload is a view, not a copy. */
export function parseEthernet(b: Uint8Array): Ethernet | null {
  if (b.length < ETH_HLEN) return null;
  return { dst: readMac(b, 0), src: readMac(b, 6), type: u16(b, 12), payload: b.subarray(ETH_HLEN) };
}

export function emitEthernet(f: Ethernet): Uint8Array {
  const b = new Uint8Array(ETH_HLEN + f.payload.length);
  writeMac(b, 0, f.dst);
  writeMac(b, 6, f.src);
  put16(b, 12, f.type);
  b.set(f.payload, ETH_HLEN);
  return b;
}
