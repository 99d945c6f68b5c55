/** Everything a connection remembers: sequence space, windows, round trip, congestion, timers. Models struct tcp_sock and inet_connection_sock */

import type { Micros, Timer } from '../../../sim/sim.ts';
import { IPPROTO_TCP } from '../../../wire/ipv4.ts';
import type { Netns } from '../../netns.ts';
import { Sock } from '../sock.ts';
import { Cubic } from './cong.ts';
import { TCP_MSS_DEFAULT, TCP_TIMEOUT_INIT, type TcpState, type TxSkb } from './const.ts';
import type { TcpSocket } from './tcp.ts';
import { rmem, triple } from './window.ts';

/** Received bytes that wait for a gap to be filled. */
export interface OutOfOrder {
  seq: number;
  end: number;
  data: Uint8Array;
  fin: boolean;
}

const NO_HANDSHAKES: Set<TcpSocket> = new Set();

export abstract class TcpCore extends Sock {
  state: TcpState = 'CLOSE';
  /** No file descriptor refers to it any more. */
  orphan = false;
  readShutdown = false;
  writeShutdown = false;
  /** The peer's FIN was reached (SOCK_DONE). */
  finReceived = false;
  /** The program has read up to it. */
  finRead = false;

  // listening
  backlog = 0;
  readonly acceptQueue: TcpSocket[] = [];
  /** Handshakes in progress; only listeners have one of their own. */
  synQueue: Set<TcpSocket> = NO_HANDSHAKES;
  parent: TcpSocket | null = null;

  // sending: snd_una ≤ rtx queue < snd_nxt ≤ write queue < write_seq
  iss = 0;
  sndUna = 0;
  sndNxt = 0;
  writeSeq = 0;
  sndWnd = 0;
  sndWl1 = 0;
  maxWindow = 0;
  /** End of the last segment below MSS that was sent (Minshall's Nagle). */
  sndSml = 0;
  pushedSeq = 0;
  readonly writeQueue: TxSkb[] = [];
  readonly rtxQueue: TxSkb[] = [];
  sndBuf: number;
  lastSent: Micros = 0;

  // options agreed on in the handshake
  sndWscale = 0;
  rcvWscale = 0;
  wscaleOk = false;
  tsOk = false;
  sackOk = false;
  /** Header prediction: the window that the next plain segment is expected to carry, as it stands in the header; -1 when off. */
  predictedWindow = -1;
  /** Counted among those that wait out their end. */
  timeWaited = false;
  /** Both sides do ECN (RFC 3168); what came marked is echoed; our next data tells that the echo was heard. */
  ecnOk = false;
  ecnDemandCwr = false;
  ecnQueueCwr = false;
  tsOffset = 0;
  tsRecent = 0;
  tsRecentAt: Micros = 0;
  /** Largest segment that the peer takes. */
  mssClamp = TCP_MSS_DEFAULT;
  mssCache = TCP_MSS_DEFAULT;
  advMss = 1460;
  pmtu = 0;

  // round trip, congestion, loss
  srtt = 0;
  mdev = 0;
  rttvar = 0;
  minRtt = Number.POSITIVE_INFINITY;
  rto: Micros = TCP_TIMEOUT_INIT;
  backoff = 0;
  retransmits = 0;
  probes = 0;
  totalRetrans = 0;
  readonly cong = new Cubic();
  caState: 'open' | 'recovery' | 'loss' = 'open';
  highSeq = 0;
  dupAcks = 0;
  cwndLimited = false;
  retransStamp: Micros = 0;
  /** When and up to where the latest segment known to have arrived was sent, and how long it took. */
  rackTime: Micros = -1;
  rackEnd = 0;
  rackRtt: Micros = 0;
  /** End of what was out when a tail loss probe went; null: none under way. */
  tlpHighSeq: number | null = null;
  tlpRetrans = false;
  /** Proportional rate reduction (RFC 6937): segments delivered and sent since recovery began. */
  prrDelivered = 0;
  prrOut = 0;

  // receiving
  irs = 0;
  rcvNxt = 0;
  copiedSeq = 0;
  rcvWup = 0;
  rcvWnd = 0;
  rcvSsthresh = 0;
  windowClamp = 0;
  rcvBuf: number;
  /** Share of buffer memory that is payload, in 256ths (TCP_DEFAULT_SCALING_RATIO at first). */
  scalingRatio = 128;
  rcvSpace = 0;
  rcvSpaceAt: Micros = 0;
  rcvSpaceSeq = 0;
  rcvQueue: Uint8Array[] = [];
  rcvQueued = 0;
  ofo: OutOfOrder[] = [];
  ofoLast = 0;

  // acknowledging (icsk_ack)
  ackScheduled = false;
  ackNow = false;
  ackPushed = 0;
  ackQuick = 0;
  pingpong = 0;
  ato: Micros = 0;
  lastReceived: Micros = 0;
  /** Last time anything valid came (rcv_tstamp). */
  lastHeard: Micros = 0;
  rcvMss = TCP_MSS_DEFAULT;
  lastOow: Micros = Number.NEGATIVE_INFINITY;
  lastChallenge: Micros = Number.NEGATIVE_INFINITY;

  // timers
  rtoTimer: Timer | null = null;
  /** What the one retransmission timer stands for: RTO, window probe, tail loss probe, reordering. */
  rtoMode: 'retrans' | 'probe' | 'loss' | 'reorder' = 'retrans';
  delackTimer: Timer | null = null;
  keepTimer: Timer | null = null;
  twTimer: Timer | null = null;
  keepProbes = 0;
  softError: Sock['error'] = null;
  /** Its program sleeps in connect() (no O_NONBLOCK), and sees only an error that ends the attempt. */
  blocking = false;

  constructor(ns: Netns, family: 4 | 6) {
    super(ns, family, IPPROTO_TCP);
    this.rcvBuf = rmem(ns)[1];
    this.sndBuf = Math.max(87_040, triple(ns, 'net.ipv4.tcp_wmem', [4096, 16_384, 4_194_304])[1]);
  }
}
