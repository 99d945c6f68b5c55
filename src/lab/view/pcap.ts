/** Frames of chosen packets as a capture file: of one device as tcpdump -i DEVICE writes it, of all of them as -i any does. */

import type { NetDevice } from '../../net/dev/device.ts';
import { concat, put16, put32 } from '../../wire/bytes.ts';
import { emitPcapHeader, emitPcapPacket, LINKTYPE_ETHERNET, LINKTYPE_LINUX_SLL2, LINKTYPE_RAW } from '../../wire/pcap.ts';
import type { Seen, Traced } from './recorder.ts';
import { spaceOf } from './traffic.ts';

const COOKED = 20;
const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;
const OUTGOING = 4;

type Frame = Seen & { readonly e: { readonly kind: 'net.tx' | 'net.rx'; readonly bytes: Uint8Array; readonly dev: string } };

const isFrame = (s: Seen): s is Frame => s.e.kind === 'net.tx' || s.e.kind === 'net.rx';

/** Linux cooked header, version 2, and what follows the Ethernet header. */
function cooked(s: Frame, dev: NetDevice | null): Uint8Array {
  const { bytes, kind } = s.e;
  const out = new Uint8Array(COOKED + bytes.length - 14);
  out.set(bytes.subarray(12, 14), 0);
  put32(out, 4, dev?.ifindex ?? 0);
  put16(out, 8, dev?.hardware === 'loopback' ? ARPHRD_LOOPBACK : ARPHRD_ETHER);
  const to = bytes[0] as number;
  const all = bytes.subarray(0, 6).every((b) => b === 255);
  out[10] = kind === 'net.tx' ? OUTGOING : all ? 1 : to & 1 ? 2 : 0;
  out[11] = 6;
  out.set(bytes.subarray(6, 12), 12);
  out.set(bytes.subarray(14), COOKED);
  return out;
}

/** `at`: one device of one namespace; null: all of them. `find` tells the device of a namespace as it is now. */
export function pcapOf(
  packets: readonly Traced[],
  at: { readonly space: string; readonly dev: string } | null,
  find: (space: string, dev: string) => NetDevice | null,
  epochMs: number,
): { bytes: Uint8Array; packets: number } {
  const frames = packets
    .flatMap((p) => p.seen.filter(isFrame))
    .filter((s) => at === null || (spaceOf(s.e) === at.space && s.e.dev === at.dev))
    .sort((a, b) => a.seq - b.seq);
  const device = at ? find(at.space, at.dev) : null;
  const bare = device !== null && device.hardware !== 'ether' && device.hardware !== 'loopback';
  const linktype = at === null ? LINKTYPE_LINUX_SLL2 : bare ? LINKTYPE_RAW : LINKTYPE_ETHERNET;
  const parts = [emitPcapHeader(linktype)];
  for (const s of frames) {
    const data = at === null ? cooked(s, find(spaceOf(s.e), s.e.dev)) : bare ? s.e.bytes.subarray(14) : s.e.bytes;
    parts.push(emitPcapPacket({ time: epochMs * 1000 + s.e.time, length: data.length, data }));
  }
  return { bytes: concat(parts), packets: frames.length };
}
