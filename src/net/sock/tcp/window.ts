/** The receive window: first offer, growth, what is advertised. Models tcp_select_initial_window() and __tcp_select_window() */

import type { Netns } from '../../netns.ts';
import { TCP_INIT_CWND, TCP_MAX_WSCALE } from './const.ts';
import { add, diff } from './seq.ts';
import type { TcpSocket } from './tcp.ts';

/** Three numbers of a sysctl such as tcp_rmem. */
export function triple(ns: Netns, key: string, fallback: [number, number, number]): [number, number, number] {
  const n = ns.sysctl.numbers(key);
  return [n[0] ?? fallback[0], n[1] ?? fallback[1], n[2] ?? fallback[2]];
}

export function rmem(ns: Netns): [number, number, number] {
  return triple(ns, 'net.ipv4.tcp_rmem', [4096, 131_072, 33_554_432]);
}

/** sk_buff, its shared info and the header room of a locally made segment, in a 1 KiB block. */
export const SKB_OVERHEAD = 1280;

/** Memory that a received segment holds. */
export function truesize(len: number): number {
  return len + SKB_OVERHEAD;
}

/** tcp_win_from_space(): payload that fits into so much buffer. */
function winFromSpace(sk: TcpSocket, space: number): number {
  return Math.floor((space * sk.scalingRatio) / 256);
}

/** A segment larger than any before: how much of its memory is payload says how much window the buffer is good for. */
export function adjustScaling(sk: TcpSocket, len: number): void {
  const ratio = Math.min(255, Math.max(1, Math.floor((len * 256) / truesize(len))));
  if (ratio === sk.scalingRatio) return;
  sk.scalingRatio = ratio;
  const clamp = Math.max(1152, winFromSpace(sk, sk.rcvBuf));
  if (clamp < sk.windowClamp) sk.rcvSsthresh = Math.min(sk.rcvSsthresh, clamp);
  else sk.rcvSsthresh = Math.max(Math.min(sk.rcvWnd, clamp), sk.rcvSsthresh);
  sk.windowClamp = clamp;
  sk.rcvSpace = Math.min(sk.rcvSpace, clamp);
}

function alignUp(n: number, shift: number): number {
  const unit = 1 << shift;
  return Math.ceil(n / unit) * unit;
}

/** Sets the first window and the scale that this side offers; `mss` is the size that a full segment of the peer will have. */
export function initialWindow(sk: TcpSocket, mss: number, scaling: boolean): void {
  let space = winFromSpace(sk, sk.rcvBuf);
  if (sk.windowClamp === 0) sk.windowClamp = 65_535 * 2 ** TCP_MAX_WSCALE;
  space = Math.min(space, sk.windowClamp);
  if (space > mss) space -= space % mss;
  sk.rcvWnd = Math.min(space, 65_535);
  sk.rcvWscale = 0;
  if (scaling) {
    const most = Math.min(Math.max(space, rmem(sk.ns)[2], 212_992), sk.windowClamp);
    sk.rcvWscale = Math.min(TCP_MAX_WSCALE, Math.max(0, Math.floor(Math.log2(most)) - 15));
  }
  sk.windowClamp = Math.min(65_535 * 2 ** sk.rcvWscale, sk.windowClamp);
  sk.rcvSsthresh = sk.rcvWnd;
}

/** When the connection is established. Models tcp_init_buffer_space(). */
export function initBufferSpace(sk: TcpSocket): void {
  const full = winFromSpace(sk, sk.rcvBuf);
  if (sk.windowClamp >= full) {
    sk.windowClamp = full;
    if (full > 4 * sk.advMss) sk.windowClamp = Math.max(full - Math.floor(full / 2 ** 31), 4 * sk.advMss);
  }
  if (sk.windowClamp > 2 * sk.advMss && sk.windowClamp + sk.advMss > full) sk.windowClamp = Math.max(2 * sk.advMss, full - sk.advMss);
  sk.rcvSsthresh = Math.min(sk.rcvSsthresh, sk.windowClamp);
  sk.rcvSpace = Math.min(sk.rcvSsthresh, sk.rcvWnd, TCP_INIT_CWND * sk.advMss);
  sk.rcvSpaceAt = sk.sim.now;
  sk.rcvSpaceSeq = sk.copiedSeq;
}

/** What is left of the window last offered. */
export function receiveWindow(sk: TcpSocket): number {
  return Math.max(0, diff(add(sk.rcvWup, sk.rcvWnd), sk.rcvNxt));
}

/** tcp_space(): window that the free buffer is good for. */
function freeSpace(sk: TcpSocket): number {
  return winFromSpace(sk, Math.max(0, sk.rcvBuf - sk.rcvMem()));
}

export function wantedWindow(sk: TcpSocket): number {
  const allowed = winFromSpace(sk, sk.rcvBuf);
  const full = Math.min(sk.windowClamp, allowed);
  const mss = Math.min(sk.rcvMss, full);
  let free = freeSpace(sk);
  if (free < full >> 1) {
    sk.ackQuick = 0;
    free -= free % (1 << sk.rcvWscale);
    if (free < allowed >> 4 || free < mss) return 0;
  }
  free = Math.min(free, sk.rcvSsthresh);
  if (sk.rcvWscale > 0) return alignUp(free, sk.rcvWscale);
  let window = sk.rcvWnd;
  if (window <= free - mss || window > free) window = free - (free % mss);
  else if (mss === full && free > window + (full >> 1)) window = free;
  return window;
}

/** The 16 bits for the header; never takes back what was offered. Models tcp_select_window(). */
export function selectWindow(sk: TcpSocket): number {
  const current = receiveWindow(sk);
  let wanted = wantedWindow(sk);
  if (wanted < current) wanted = alignUp(current, sk.rcvWscale);
  sk.rcvWnd = wanted;
  sk.rcvWup = sk.rcvNxt;
  const most = sk.rcvWscale === 0 ? 65_535 : 65_535 * 2 ** sk.rcvWscale;
  return Math.min(wanted, most) >>> sk.rcvWscale;
}

/** A full-sized segment came: the offer may grow. Models tcp_grow_window(). */
export function growWindow(sk: TcpSocket, len: number): void {
  const room = Math.min(sk.windowClamp, freeSpace(sk)) - sk.rcvSsthresh;
  if (room <= 0) return;
  const step = winFromSpace(sk, truesize(len)) <= len ? 2 * sk.advMss : smallStep(sk, len);
  if (step === 0) return;
  sk.rcvSsthresh += Math.min(room, Math.max(step, 2 * len));
  sk.ackQuick |= 1;
}

/** Segments that are mostly overhead let the window grow only while it is small. Models __tcp_grow_window(). */
function smallStep(sk: TcpSocket, len: number): number {
  let size = winFromSpace(sk, truesize(len)) >> 1;
  let window = winFromSpace(sk, rmem(sk.ns)[2]) >> 1;
  while (sk.rcvSsthresh <= window) {
    if (size <= len) return 2 * sk.rcvMss;
    size >>= 1;
    window >>= 1;
  }
  return 0;
}

/** The reader keeps up: the buffer doubles as the sender's rate does. Models tcp_rcv_space_adjust(). */
export function spaceAdjust(sk: TcpSocket): void {
  const elapsed = sk.sim.now - sk.rcvSpaceAt;
  if (elapsed < Math.max(1, sk.srtt)) return;
  const copied = diff(sk.copiedSeq, sk.rcvSpaceSeq);
  if (copied > sk.rcvSpace) {
    if (sk.opt.rcvBuf === null) {
      const window = 2 * copied + 16 * sk.advMss;
      const grown = window + Math.floor((window * (copied - sk.rcvSpace)) / Math.max(1, sk.rcvSpace));
      const buffer = Math.min(Math.floor((grown * 256) / sk.scalingRatio), rmem(sk.ns)[2]);
      if (buffer > sk.rcvBuf) {
        sk.rcvBuf = buffer;
        sk.windowClamp = winFromSpace(sk, buffer);
      }
    }
    sk.rcvSpace = copied;
  }
  sk.rcvSpaceAt = sk.sim.now;
  sk.rcvSpaceSeq = sk.copiedSeq;
}
