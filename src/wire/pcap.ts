/** libpcap capture files (pcap-savefile(5)), microsecond time stamps. */

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

export function emitPcapHeader(linktype: number, snaplen: number = DEFAULT_SNAPLEN): Uint8Array {
  const b = new Uint8Array(24);
  const v = new DataView(b.buffer);
  v.setUint32(0, MAGIC, true);
  v.setUint16(4, 2, true);
  v.setUint16(6, 4, true);
  v.setUint32(16, snaplen, true);
  v.setUint32(20, linktype, true);
  return b;
}

export function emitPcapPacket(p: PcapPacket): Uint8Array {
  const b = new Uint8Array(16 + p.data.length);
  const v = new DataView(b.buffer);
  const seconds = Math.floor(p.time / 1_000_000);
  v.setUint32(0, seconds, true);
  v.setUint32(4, p.time - seconds * 1_000_000, true);
  v.setUint32(8, p.data.length, true);
  v.setUint32(12, p.length, true);
  b.set(p.data, 16);
  return b;
}

export function emitPcap(f: PcapFile): Uint8Array {
  return concat([emitPcapHeader(f.linktype, f.snaplen), ...f.packets.map(emitPcapPacket)]);
}

/** Either byte order, micro- or nanoseconds. Null when it is no capture file; a truncated last packet is left out. */
export function parsePcap(b: Uint8Array): PcapFile | null {
  if (b.length < 24) return null;
  const v = new DataView(b.buffer, b.byteOffset, b.byteLength);
  const little = [MAGIC, MAGIC_NS].includes(v.getUint32(0, true));
  const magic = v.getUint32(0, little);
  if (magic !== MAGIC && magic !== MAGIC_NS) return null;
  const f: PcapFile = { linktype: v.getUint32(20, little) & 0xfffffff, snaplen: v.getUint32(16, little), packets: [] };
  for (let i = 24; i + 16 <= b.length; ) {
    const caplen = v.getUint32(i + 8, little);
    if (i + 16 + caplen > b.length) break;
    const sub = v.getUint32(i + 4, little);
    f.packets.push({
      time: v.getUint32(i, little) * 1_000_000 + (magic === MAGIC_NS ? Math.floor(sub / 1000) : sub),
      length: v.getUint32(i + 12, little),
      data: b.subarray(i + 16, i + 16 + caplen),
    });
    i += 16 + caplen;
  }
  return f;
}
