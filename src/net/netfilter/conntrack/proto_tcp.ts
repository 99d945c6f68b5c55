/** TCP connection states as a middlebox sees them. Models net/netfilter/nf_conntrack_proto_tcp.c */

import { ACK, FIN, RST, SYN } from '../../../wire/tcp.ts';
import type { Connection, Direction } from './connection.ts';
import { before, inWindow, newSide, openWindow, segmentEnd, type TcpSide } from './tcp_window.ts';

export type TcpState =
  | 'NONE'
  | 'SYN_SENT'
  | 'SYN_RECV'
  | 'ESTABLISHED'
  | 'FIN_WAIT'
  | 'CLOSE_WAIT'
  | 'LAST_ACK'
  | 'TIME_WAIT'
  | 'CLOSE'
  | 'SYN_SENT2';

export interface TcpTrack {
  state: TcpState;
  /** Last packet that was ignored (a SYN in an odd place): what its answer means depends on it. */
  lastDir: Direction;
  lastIndex: FlagIndex;
  lastSeq: number;
  lastEnd: number;
  /** Retransmissions seen since the last new packet, for the shorter timeout. */
  retrans: number;
  lastAck: number;
  lastWin: number;
  lastScale: number;
  /** Both ends sent a SYN. */
  simultaneous: boolean;
  /** The windows of both ends. */
  readonly original: TcpSide;
  readonly reply: TcpSide;
}

type Next = TcpState | 'IGNORE' | 'INVALID';
type FlagIndex = 'syn' | 'synack' | 'fin' | 'ack' | 'rst' | 'none';

const NO = 'NONE';
const SS = 'SYN_SENT';
const SR = 'SYN_RECV';
const ES = 'ESTABLISHED';
const FW = 'FIN_WAIT';
const CW = 'CLOSE_WAIT';
const LA = 'LAST_ACK';
const TW = 'TIME_WAIT';
const CL = 'CLOSE';
const S2 = 'SYN_SENT2';
const IG = 'IGNORE';
const IV = 'INVALID';

const STATES: readonly TcpState[] = [NO, SS, SR, ES, FW, CW, LA, TW, CL, S2];

/** tcp_conntracks[]: by direction, flags and present state (columns in the order of STATES). */
const TABLE: Readonly<Record<Direction, Readonly<Record<FlagIndex, readonly Next[]>>>> = {
  original: {
    syn: [SS, SS, IG, IG, IG, IG, IG, SS, SS, S2],
    synack: [IV, IV, SR, IV, IV, IV, IV, IV, IV, SR],
    fin: [IV, IV, FW, FW, LA, LA, LA, TW, CL, IV],
    ack: [ES, IV, ES, ES, CW, CW, TW, TW, CL, IV],
    rst: [IV, CL, CL, CL, CL, CL, CL, CL, CL, CL],
    none: [IV, IV, IV, IV, IV, IV, IV, IV, IV, IV],
  },
  reply: {
    syn: [IV, S2, IG, IG, IG, IG, IG, SS, IG, S2],
    synack: [IV, SR, IG, IG, IG, IG, IG, IG, IG, SR],
    fin: [IV, IV, FW, FW, LA, LA, LA, TW, CL, IV],
    ack: [IV, IG, SR, ES, CW, CW, TW, TW, CL, IG],
    rst: [IV, CL, CL, CL, CL, CL, CL, CL, CL, CL],
    none: [IV, IV, IV, IV, IV, IV, IV, IV, IV, IV],
  },
};

/** sysctl net.netfilter.nf_conntrack_tcp_timeout_*, with the defaults in seconds. */
export const TCP_TIMEOUT: Readonly<Record<TcpState, readonly [string, number]>> = {
  NONE: ['tcp_timeout_syn_sent', 120],
  SYN_SENT: ['tcp_timeout_syn_sent', 120],
  SYN_RECV: ['tcp_timeout_syn_recv', 60],
  ESTABLISHED: ['tcp_timeout_established', 432000],
  FIN_WAIT: ['tcp_timeout_fin_wait', 120],
  CLOSE_WAIT: ['tcp_timeout_close_wait', 60],
  LAST_ACK: ['tcp_timeout_last_ack', 30],
  TIME_WAIT: ['tcp_timeout_time_wait', 120],
  CLOSE: ['tcp_timeout_close', 10],
  SYN_SENT2: ['tcp_timeout_syn_sent', 120],
};

function flagIndex(flags: number): FlagIndex {
  if (flags & RST) return 'rst';
  if (flags & SYN) return flags & ACK ? 'synack' : 'syn';
  if (flags & FIN) return 'fin';
  if (flags & ACK) return 'ack';
  return 'none';
}

/** Flag combinations that a TCP may send (tcp_valid_flags[]), PSH, ECE, CWR left out. */
export function validFlags(flags: number): boolean {
  switch (flags & (FIN | SYN | RST | ACK | 32)) {
    case SYN:
    case SYN | 32:
    case SYN | ACK:
    case RST:
    case RST | ACK:
    case FIN | ACK:
    case FIN | ACK | 32:
    case ACK:
    case ACK | 32:
      return true;
    default:
      return false;
  }
}

export interface TcpSegment {
  flags: number;
  seq: number;
  ack: number;
  window: number;
  /** Payload bytes. */
  length: number;
  wscale?: number | undefined;
  sackPermitted?: boolean | undefined;
  /** Right edge of the highest SACK block. */
  sack?: number | undefined;
}

/** nf_conntrack_tcp_be_liberal, nf_conntrack_tcp_ignore_invalid_rst */
export interface TcpRules {
  readonly liberal: boolean;
  readonly ignoreInvalidRst: boolean;
}

const STRICT: TcpRules = { liberal: false, ignoreInvalidRst: false };

/** State of a connection that this packet opens, or null: it cannot (INVALID). `loose` = nf_conntrack_tcp_loose. */
export function tcpNew(s: TcpSegment, loose: boolean): TcpTrack | null {
  const next = TABLE.original[flagIndex(s.flags)][0] as Next;
  if (next === IV || next === IG) return null;
  if (next !== SS && !loose) return null;
  const t = tcpTrack(NO);
  openWindow(t, s, next !== SS);
  return t;
}

export function tcpTrack(state: TcpState): TcpTrack {
  return {
    state,
    lastDir: 'original',
    lastIndex: 'none',
    lastSeq: 0,
    lastEnd: 0,
    retrans: 0,
    lastAck: 0,
    lastWin: 0,
    lastScale: 0,
    simultaneous: false,
    original: newSide(),
    reply: newSide(),
  };
}

/**
 * `reopen`: the old connection is over, look the packet up again as a new one; `kill`: drop the entry, let the packet pass;
 * `ignore`: the packet belongs to it and changes nothing.
 */
export type TcpVerdict = 'ok' | 'ignore' | 'invalid' | 'reopen' | 'kill';

function remember(t: TcpTrack, dir: Direction, index: FlagIndex, s: TcpSegment): void {
  t.lastIndex = index;
  t.lastDir = dir;
  t.lastSeq = s.seq;
  t.lastEnd = segmentEnd(s);
  t.lastWin = s.window;
}

/** The SYN that this SYN-ACK answers was ignored: both ends are in step, we were not. */
function resync(t: TcpTrack, s: TcpSegment): void {
  const side = t.lastDir === 'original' ? t.original : t.reply;
  side.end = t.lastEnd;
  side.maxend = t.lastEnd;
  side.maxwin = t.lastWin || 1;
  side.scale = t.lastScale;
  side.hasScale = true;
  side.sackPermitted = s.sackPermitted === true;
  const other = t.lastDir === 'original' ? t.reply : t.original;
  Object.assign(other, newSide());
}

/** Whether a RST closes the connection; `null`: it is invalid. `exact`: it need not be in the window. */
function resets(ct: Connection, t: TcpTrack, dir: Direction, s: TcpSegment, rules: TcpRules): { closes: boolean; exact: boolean } | null {
  const established = t.state === ES;
  const peer = (dir === 'original' ? t.reply : t.original).maxack;
  let closes = true;
  if (peer !== null && !(s.seq === 0 && !established)) {
    if (before(s.seq, peer) && !rules.ignoreInvalidRst) return null;
    const train = t.lastIndex === 'ack' && t.lastDir === dir && s.seq === t.lastEnd;
    // Not exactly what the peer waits for: it may answer with a challenge ACK, so the connection lives on.
    if (established && s.seq !== peer && !train) closes = false;
  }
  const exact =
    ((ct.seenReply && t.lastIndex === 'syn') || (!ct.assured && t.lastIndex === 'ack')) && (s.flags & ACK) !== 0 && s.ack === t.lastEnd;
  return { closes, exact };
}

/** Moves the state on. Only an `ok` packet may refresh the timeout. */
export function tcpPacket(ct: Connection, dir: Direction, s: TcpSegment, rules: TcpRules = STRICT): TcpVerdict {
  const t = ct.tcp as TcpTrack;
  const index = flagIndex(s.flags);
  let old = t.state;
  let next = TABLE[dir][index][STATES.indexOf(old)] as Next;
  if (next === IV) return 'invalid';
  if (next === IG) {
    if (index === 'synack' && t.lastIndex === 'syn' && t.lastDir !== dir && s.ack === t.lastEnd) {
      resync(t, s);
      old = SS;
      next = SR;
      t.state = SS;
    } else {
      remember(t, dir, index, s);
      t.lastScale = s.wscale ?? 0;
      return 'ignore';
    }
  }
  if (next === SS && (old === TW || old === CL) && index === 'syn') return 'reopen';
  if (next === S2) t.simultaneous = true;
  if (next === SR && dir === 'reply' && index === 'ack' && t.simultaneous) next = ES;
  let state: TcpState = next as TcpState;
  let exact = false;
  if (index === 'rst' && state === CL) {
    const reset = resets(ct, t, dir, s, rules);
    if (!reset) return 'invalid';
    if (!reset.closes) state = old;
    exact = reset.exact;
  }
  if (!exact) {
    const verdict = inWindow(t, dir, s, rules.liberal);
    if (verdict !== 'accept') return verdict;
  }
  if (index === 'ack') {
    const same = t.lastDir === dir && t.lastSeq === s.seq && t.lastAck === s.ack && t.lastEnd === segmentEnd(s) && t.lastWin === s.window;
    t.retrans = same ? t.retrans + 1 : 0;
    t.lastAck = s.ack;
    remember(t, dir, index, s);
  }
  t.lastIndex = index;
  t.lastDir = dir;
  t.state = state;
  if (!ct.seenReply && index === 'rst') return 'kill';
  if (ct.seenReply && !ct.assured && (old === SR || old === ES) && state === ES) ct.assured = true;
  return 'ok';
}
