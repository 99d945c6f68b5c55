/** Is a segment inside the windows that both ends announced? Models tcp_in_window() of nf_conntrack_proto_tcp.c */

import { ACK, RST, SYN } from '../../../wire/tcp.ts';
import type { Direction } from './connection.ts';
import type { TcpSegment, TcpTrack } from './proto_tcp.ts';

/** What one end has sent and may send: ip_ct_tcp_state. */
export interface TcpSide {
  /** Highest end of what it sent. */
  end: number;
  /** Highest sequence number that the other end lets it send. */
  maxend: number;
  /** Largest window it offered, scaled; 0: nothing seen of it. */
  maxwin: number;
  /** Highest acknowledgement it sent; null before the first. */
  maxack: number | null;
  scale: number;
  hasScale: boolean;
  sackPermitted: boolean;
  liberal: boolean;
  /** It sent data that is not acknowledged yet. */
  unacked: boolean;
}

export type WindowVerdict = 'accept' | 'ignore' | 'invalid';

/** MAXACKWINCONST: acknowledgements may be this far behind. */
const MAX_ACK_WINDOW = 66000;

export const before = (a: number, b: number): boolean => ((a - b) | 0) < 0;
export const after = (a: number, b: number): boolean => before(b, a);

export function newSide(): TcpSide {
  return {
    end: 0,
    maxend: 0,
    maxwin: 0,
    maxack: null,
    scale: 0,
    hasScale: false,
    sackPermitted: false,
    liberal: false,
    unacked: false,
  };
}

/** End of the segment in sequence space: SYN and FIN count one each. */
export function segmentEnd(s: TcpSegment): number {
  return (s.seq + s.length + (s.flags & SYN ? 1 : 0) + (s.flags & 1)) >>> 0;
}

function takeOptions(side: TcpSide, s: TcpSegment): void {
  side.sackPermitted = s.sackPermitted === true;
  side.hasScale = s.wscale !== undefined;
  side.scale = Math.min(14, s.wscale ?? 0);
}

/** The first packet of a connection. `midstream`: no SYN was seen, so windows are not known. */
export function openWindow(t: TcpTrack, s: TcpSegment, midstream: boolean): void {
  const side = t.original;
  side.end = segmentEnd(s);
  side.maxwin = s.window || 1;
  if (!midstream) {
    side.maxend = side.end;
    takeOptions(side, s);
    return;
  }
  side.maxend = (side.end + side.maxwin) >>> 0;
  for (const both of [t.original, t.reply]) {
    both.sackPermitted = true;
    both.liberal = true;
  }
}

function initSender(sender: TcpSide, receiver: TcpSide, s: TcpSegment, end: number, dir: Direction): void {
  sender.end = end;
  sender.maxend = end;
  sender.maxwin = s.window || 1;
  takeOptions(sender, s);
  // Both ends must offer window scaling for either to use it.
  if (dir === 'reply' && !(sender.hasScale && receiver.hasScale)) {
    sender.scale = 0;
    receiver.scale = 0;
  }
}

/** `liberal`: nf_conntrack_tcp_be_liberal. Moves the windows on when the segment is accepted. */
export function inWindow(t: TcpTrack, dir: Direction, s: TcpSegment, liberal: boolean): WindowVerdict {
  const sender = dir === 'original' ? t.original : t.reply;
  const receiver = dir === 'original' ? t.reply : t.original;
  const { flags } = s;
  const refuse = (verdict: WindowVerdict): WindowVerdict => (liberal || sender.liberal ? 'accept' : verdict);
  let end = segmentEnd(s);
  let { seq, ack } = s;
  let sack = receiver.sackPermitted && s.sack !== undefined && after(s.sack, ack) ? s.sack : ack;
  if (sender.maxwin === 0) {
    if (flags & SYN) {
      initSender(sender, receiver, s, end, dir);
      if (!(flags & ACK)) return 'accept';
    } else {
      sender.end = end;
      const win = s.window * 2 ** sender.scale;
      sender.maxwin = win || 1;
      sender.maxend = (end + sender.maxwin) >>> 0;
      if (receiver.maxwin === 0) {
        receiver.end = sack;
        receiver.maxend = sack;
      } else if (sack === (receiver.end + 1) >>> 0) receiver.end = sack;
    }
  } else if (flags & SYN && after(end, sender.end) && (t.state === 'SYN_SENT' || t.state === 'SYN_RECV')) {
    initSender(sender, receiver, s, end, dir);
    if (dir === 'reply' && !(flags & ACK)) return 'accept';
  }
  if (!(flags & ACK) || (flags & RST && ack === 0)) {
    ack = receiver.end;
    sack = ack;
  }
  if (flags & RST && seq === 0 && t.state === 'SYN_SENT') {
    seq = sender.end;
    end = seq;
  }
  const slack = Math.max(sender.maxwin, MAX_ACK_WINDOW);
  if (!before(seq, sender.maxend + 1)) {
    const overshot = (end - sender.maxend + 1) >>> 0;
    const ackOk = after(sack, receiver.end - slack - 1);
    const inReceive = receiver.maxwin !== 0 && after(end, sender.end - receiver.maxwin - 1);
    if (inReceive && ackOk && overshot <= receiver.maxwin && before(sack, receiver.end + 1)) {
      sender.end = end;
      sender.unacked = true;
    }
    return refuse('invalid');
  }
  if (!before(sack, receiver.end + 1)) return refuse('invalid');
  if (receiver.maxwin !== 0 && !after(end, sender.end - receiver.maxwin - 1)) return refuse('ignore');
  if (!after(sack, receiver.end - slack - 1)) return refuse('ignore');
  const win = flags & SYN ? s.window : s.window * 2 ** sender.scale;
  const offered = win + ((sack - ack) >>> 0);
  if (sender.maxwin < offered) sender.maxwin = offered;
  if (after(end, sender.end)) {
    sender.end = end;
    sender.unacked = true;
  }
  if (flags & ACK && (sender.maxack === null || after(ack, sender.maxack))) sender.maxack = ack;
  if (receiver.maxwin !== 0 && after(end, sender.maxend)) receiver.maxwin += (end - sender.maxend) >>> 0;
  if (after(sack + win, receiver.maxend - 1)) receiver.maxend = (sack + win + (win === 0 ? 1 : 0)) >>> 0;
  if (ack === receiver.end) receiver.unacked = false;
  return 'accept';
}
