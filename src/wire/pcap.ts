/** libpcap capture files (pcap-savefile(5)), time stamps in micro- or nanoseconds. */

import { concat } from './bytes.ts';

export const LINKTYPE_ETHERNET = 1;
export const LINKTYPE_RAW = 101;
export const LINKTYPE_LINUX_SLL = 113;
export const LINKTYPE_LINUX_SLL2 = 276;
export const DEFAULT_SNAPLEN = 262144;

export interface PcapPacket {
  /** Microseconds since 1970. */
  time: number;
  /** Length on the wire; `data` may be shorter (snapshot length). */
  length: number;
  data: Uint8Array;
}

export interface PcapFile {
  linktype: number;
  snaplen: number;
  packets: PcapPacket[];
}

const MAGIC = 0xa1b2c3d4;
const MAGIC_NS = 0xa1b23c4d;

export function emitPcapHeader(linktype: number, snaplen: number = DEFAULT_SNAPLEN, nano = false): Uint8Array {
  const b = new Uint8Array(24);
  const v = new DataView(b.buffer);
  v.setUint32(0, nano ? MAGIC_NS : MAGIC, true);
  v.setUint16(4, 2, true);
  v.setUint16(6, 4, true);
  v.setUint32(16, snaplen, true);
  v.setUint32(20, linktype, true);
  return b;
}

export function emitPcapPacket(p: PcapPacket, nano = false): Uint8Array {
  const b = new Uint8Array(16 + p.data.length);
  const v = new DataView(b.buffer);
  const seconds = Math.floor(p.time / 1_000_000);
  v.setUint32(0, seconds, true);
  v.setUint32(4, (p.time - seconds * 1_000_000) * (nano ? 1000 : 1), true);
  v.setUint32(8, p.data.length, true);
  v.setUint32(12, p.length, true);
  b.set(p.data, 16);
  return b;
}

export function emitPcap(f: PcapFile): Uint8Array {
  return concat([emitPcapHeader(f.linktype, f.snaplen), ...f.packets.map((p) => emitPcapPacket(p))]);
}

export interface PcapFormat {
  little: boolean;
  nano: boolean;
  linktype: number;
  snaplen: number;
}

/** The first 24 bytes, in either byte order; null when they begin no capture file. */
export function parsePcapHeader(b: Uint8Array): PcapFormat | null {
  if (b.length < 24) return null;
  const v = new DataView(b.buffer, b.byteOffset, b.byteLength);
  const little = [MAGIC, MAGIC_NS].includes(v.getUint32(0, true));
  const magic = v.getUint32(0, little);
  if (magic !== MAGIC && magic !== MAGIC_NS) return null;
  return { little, nano: magic === MAGIC_NS, linktype: v.getUint32(20, little) & 0xfffffff, snaplen: v.getUint32(16, little) };
}

/** The packet whose 16-byte header is at `at`; null when it is not there in full, with the bytes it needs from `at` on. */
export function parsePcapPacket(f: PcapFormat, b: Uint8Array, at: number): { packet: PcapPacket | null; size: number } {
  if (at + 16 > b.length) return { packet: null, size: 16 };
  const v = new DataView(b.buffer, b.byteOffset, b.byteLength);
  const size = 16 + v.getUint32(at + 8, f.little);
  if (at + size > b.length) return { packet: null, size };
  const sub = v.getUint32(at + 4, f.little);
  const time = v.getUint32(at, f.little) * 1_000_000 + (f.nano ? Math.floor(sub / 1000) : sub);
  return { packet: { time, length: v.getUint32(at + 12, f.little), data: b.subarray(at + 16, at + size) }, size };
}

/** A whole file. Null when it is no capture file; a truncated last packet is left out. */
export function parsePcap(b: Uint8Array): PcapFile | null {
  const format = parsePcapHeader(b);
  if (!format) return null;
  const f: PcapFile = { linktype: format.linktype, snaplen: format.snaplen, packets: [] };
  for (let at = 24; ; ) {
    const { packet, size } = parsePcapPacket(format, b, at);
    if (!packet) return f;
    f.packets.push(packet);
    at += size;
  }
}
