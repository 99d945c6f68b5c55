/** VXLAN (RFC 7348): flags, VNI, and the inner Ethernet frame. */

import { alloc, put32, u32 } from './bytes.ts';

export const VXLAN_PORT = 4789;
/** Flannel's and Linux' historic default. */
export const VXLAN_PORT_LINUX = 8472;

export const VXLAN_HLEN = 8;
/** The I flag in the first byte: the VNI is valid. */
export const VXLAN_HAS_VNI = 0x08;

export interface Vxlan {
  /** Null when the I flag is not set. */
  vni: number | null;
  /** Inner Ethernet frame. */
  payload: Uint8Array;
}

export function parseVxlan(b: Uint8Array): Vxlan | null {
  if (b.length < 8) return null;
  return { vni: ((b[0] as number) & VXLAN_HAS_VNI) !== 0 ? u32(b, 4) >>> 8 : null, payload: b.subarray(8) };
}

export function emitVxlan(v: Vxlan): Uint8Array {
  const b = alloc(8 + v.payload.length);
  if (v.vni !== null) {
    b[0] = VXLAN_HAS_VNI;
    put32(b, 4, v.vni * 256);
  }
  b.set(v.payload, 8);
  return b;
}
