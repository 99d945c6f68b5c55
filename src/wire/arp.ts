/** ARP for IPv4 over Ethernet (RFC 826): 28 bytes. */

import { type Ip4, readIp4, writeIp4 } from './addr.ts';
import { alloc, put16, u16 } from './bytes.ts';
import { type Mac, readMac, writeMac } from './mac.ts';

export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;

export interface Arp {
  op: number;
  senderMac: Mac;
  senderIp: Ip4;
  targetMac: Mac;
  targetIp: Ip4;
}

/** Null when too short or not Ethernet / IPv4. */
export function parseArp(b: Uint8Array): Arp | null {
  if (b.length < 28 || u16(b, 0) !== 1 || u16(b, 2) !== 0x0800 || b[4] !== 6 || b[5] !== 4) return null;
  return { op: u16(b, 6), senderMac: readMac(b, 8), senderIp: readIp4(b, 14), targetMac: readMac(b, 18), targetIp: readIp4(b, 24) };
}

export function emitArp(a: Arp): Uint8Array {
  const b = alloc(28);
  put16(b, 0, 1);
  put16(b, 2, 0x0800);
  b[4] = 6;
  b[5] = 4;
  put16(b, 6, a.op);
  writeMac(b, 8, a.senderMac);
  writeIp4(b, 14, a.senderIp);
  writeMac(b, 18, a.targetMac);
  writeIp4(b, 24, a.targetIp);
  return b;
}
