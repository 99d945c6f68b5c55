/** One BGP session over a real connection to port 179. Models BIRD proto/bgp; MetalLB's internal/bgp/native is the active side of it */

import type { Process, Task } from '../../../os/process.ts';
import { closeSocket, connectTcp, openTcp, sendTcp } from '../../../os/sockcalls.ts';
import type { Errno, TcpSocket } from '../../../os/uapi.ts';
import { SEC } from '../../../sim/sim.ts';
import { WaitQueue } from '../../../sim/wait.ts';
import {
  type Attributes,
  BGP_PORT,
  type Capability,
  emitBgp,
  FOUR_OCTETS,
  type Message,
  octets,
  type Prefix4,
  parseBgp,
} from './message.ts';

export type State = 'Idle' | 'Passive' | 'Connect' | 'Active' | 'OpenSent' | 'OpenConfirm' | 'Established';

const CONNECT_LIMIT = 10 * SEC;
/** Between keepalives while the hold time is not agreed on. */
const OPENING = 240 * SEC;
const CEASE = 6;

/** Codes and subcodes of a NOTIFICATION that can come or go here. */
const ERRORS: Readonly<Record<string, string>> = {
  '1.2': 'Bad message length',
  '2.2': 'Bad peer AS',
  '2.6': 'Unacceptable hold time',
  '4.0': 'Hold timer expired',
  '6.2': 'Administrative shutdown',
  '6.3': 'Peer de-configured',
  '6.4': 'Administrative reset',
  '6.5': 'Connection rejected',
};

const SOCKET_ERRORS: Partial<Record<Errno, string>> = {
  ECONNREFUSED: 'Connection refused',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  ECONNRESET: 'Connection reset by peer',
};

const errorText = (code: number, subcode: number): string => ERRORS[`${code}.${subcode}`] ?? `Unknown error ${code}.${subcode}`;

export interface Announcement extends Prefix4 {
  readonly localPref?: number;
}

/** What a session asks of its daemon and tells it. */
export interface Speaker {
  readonly announced: () => readonly Announcement[];
  /** Woken when `announced` gives something else. */
  readonly changed: WaitQueue;
  learned(session: Session, prefixes: readonly Prefix4[], attributes: Attributes): void;
  withdrawn(session: Session, prefixes: readonly Prefix4[]): void;
  lost(session: Session): void;
  log?(session: Session, text: string): void;
}

export interface Neighbor {
  readonly peer: number;
  readonly as: number;
  readonly peerAs: number;
  readonly port?: number;
  /** BGP identifier; the connection's own address when not given. */
  readonly id?: number | undefined;
  /** The own address of a connection that is made. */
  readonly source?: number | undefined;
  /** Who connects. */
  readonly role: 'active' | 'passive' | 'both';
  /** Hold time that is asked for, s. */
  readonly hold: number;
  readonly capabilities: readonly Capability[];
  readonly origin?: number;
  /** µs before a connection is tried again, after so many that did not become a session. */
  readonly retry: (failures: number) => number;
  /** µs before the first attempt. */
  readonly delay?: number;
  /** µs in which nobody is heard after an error that a message told of. */
  readonly errorWait?: number;
  /** A new connection takes the place of one that stands: graceful restart. */
  readonly replaces?: boolean;
  /** The connection is closed without a word when the session is no longer wanted. */
  readonly silent?: boolean;
  /** An empty UPDATE tells the end of the first ones. */
  readonly endOfRib?: boolean;
}

const keyOf = ({ addr, len }: Prefix4): string => `${addr}/${len}`;

export class Session {
  readonly neighbor: Neighbor;
  readonly peer: number;
  state: State = 'Idle';
  /** What ended the last connection. */
  error = '';
  /** Virtual time of the last change to or from Established, or of the last error. */
  since: number;
  gone = false;
  /** What the neighbour's OPEN said. */
  open: (Message & { type: 'open' }) | null = null;
  /** Agreed hold time, s. */
  hold = 0;
  holdUntil = 0;
  keepaliveAt = 0;
  errorUntil = 0;
  own = 0;
  updates = { received: 0, withdraws: 0 };
  readonly closed = new WaitQueue();
  private accepted: TcpSocket | null = null;
  private readonly p: Process;
  private readonly speaker: Speaker;
  private told = new Map<string, Announcement>();
  private failures = 0;
  private farewell = 3;

  constructor(p: Process, speaker: Speaker, neighbor: Neighbor) {
    this.p = p;
    this.speaker = speaker;
    this.neighbor = neighbor;
    this.peer = neighbor.peer;
    this.since = p.sim.now;
  }

  /** A connection that the peer made. */
  accept(sock: TcpSocket): void {
    const busy = this.state === 'Established' || this.state === 'OpenConfirm' || this.state === 'OpenSent';
    if (this.neighbor.role === 'active' || this.p.sim.now < this.errorUntil || (busy && !this.neighbor.replaces)) {
      closeSocket(this.p, sock);
      return;
    }
    if (this.accepted) closeSocket(this.p, this.accepted);
    this.accepted = sock;
    this.closed.wakeAll();
  }

  /** `subcode` of the Cease that the peer is sent: 3, it is no longer configured; 2, the daemon is taken down; 4, it is started anew. */
  stop(subcode = 3): void {
    this.gone = true;
    this.farewell = subcode;
    this.closed.wakeAll();
  }

  private get internal(): boolean {
    return this.neighbor.as === this.neighbor.peerAs;
  }

  /** AS numbers have four octets on this connection. */
  private get wide(): boolean {
    const has = (list: readonly Capability[]): boolean => list.some((c) => c.code === FOUR_OCTETS);
    return has(this.neighbor.capabilities) && has(this.open?.capabilities ?? []);
  }

  private to(state: State): void {
    if ((state === 'Established') !== (this.state === 'Established')) this.since = this.p.sim.now;
    this.state = state;
  }

  private fail(error: string): void {
    this.error = error;
    this.since = this.p.sim.now;
  }

  *run(): Task<void> {
    const { p, neighbor } = this;
    let connectAt = p.sim.now + (neighbor.delay ?? 0);
    while (!this.gone) {
      const sock = yield* this.connection(connectAt);
      if (sock) {
        this.failures++;
        yield* this.talk(sock);
        closeSocket(p, sock);
        if (this.state === 'Established') this.fail(this.error || 'Socket: Connection closed');
        this.speaker.lost(this);
        this.told = new Map();
        this.open = null;
        this.to('Idle');
        if (this.errorUntil > p.sim.now) yield* this.rest(this.errorUntil);
      }
      if (!this.gone) connectAt = p.sim.now + neighbor.retry(this.failures);
    }
    this.speaker.lost(this);
  }

  private *rest(until: number): Task<void> {
    while (!this.gone && this.p.sim.now < until) yield { on: [this.closed], until };
  }

  /** One that the peer made, or that is made when its time has come. */
  private *connection(connectAt: number): Task<TcpSocket | null> {
    const { p, neighbor } = this;
    const active = neighbor.role !== 'passive';
    this.to(active ? 'Active' : 'Passive');
    while (!this.gone) {
      if (this.accepted) {
        const sock = this.accepted;
        this.accepted = null;
        return sock;
      }
      if (!active) yield { on: [this.closed] };
      else if (p.sim.now < connectAt) yield { on: [this.closed], until: connectAt };
      else return yield* this.connect();
    }
    return null;
  }

  private *connect(): Task<TcpSocket | null> {
    const { p, neighbor } = this;
    this.to('Connect');
    const sock = openTcp(p);
    if (neighbor.source !== undefined) sock.bind(neighbor.source, 0);
    const r = yield* connectTcp(sock, this.peer, neighbor.port ?? BGP_PORT, p.sim.now + CONNECT_LIMIT);
    if (r.ok) return sock;
    closeSocket(p, sock);
    this.failures++;
    this.to('Active');
    this.error = `Socket: ${SOCKET_ERRORS[r.errno] ?? 'Connection timed out'}`;
    return null;
  }

  private *send(sock: TcpSocket, m: Message): Task<boolean> {
    const wait = this.hold > 0 ? (this.hold / 3) * SEC : OPENING;
    const r = yield* sendTcp(sock, emitBgp(m, this.wide), this.p.sim.now + wait);
    return r.ok;
  }

  /** Tells the peer what is wrong with it and ends the connection. */
  private *refuse(sock: TcpSocket, code: number, subcode: number, data: readonly number[] = []): Task<false> {
    yield* this.send(sock, { type: 'notification', code, subcode, data });
    this.fail(`BGP Error: ${errorText(code, subcode)}`);
    this.errorUntil = this.p.sim.now + (this.neighbor.errorWait ?? 0);
    const detail = code === 2 && subcode === 2 ? `: ${this.open?.as}` : '';
    this.speaker.log?.(this, `Error: ${errorText(code, subcode)}${detail}`);
    return false;
  }

  private *talk(sock: TcpSocket): Task<void> {
    const { p, neighbor } = this;
    const { sim } = p;
    this.to('OpenSent');
    this.own = typeof sock.local.addr === 'number' ? sock.local.addr : 0;
    this.hold = 0;
    this.holdUntil = sim.now + OPENING;
    this.keepaliveAt = Number.POSITIVE_INFINITY;
    this.updates = { received: 0, withdraws: 0 };
    const { as, capabilities } = neighbor;
    if (!(yield* this.send(sock, { type: 'open', as, hold: neighbor.hold, id: neighbor.id ?? this.own, capabilities }))) return;
    let buffer: Uint8Array = new Uint8Array(0);
    while (!this.gone && !this.accepted) {
      const r = sock.recv(65536);
      if (r.ok) {
        if (r.value.length === 0) return this.fail('Socket: Connection closed');
        const both = new Uint8Array(buffer.length + r.value.length);
        both.set(buffer);
        both.set(r.value, buffer.length);
        buffer = both;
        for (let next = parseBgp(buffer, this.wide); next; next = parseBgp(buffer, this.wide)) {
          if (next === 'bad') {
            yield* this.refuse(sock, 1, 2);
            return;
          }
          buffer = buffer.subarray(next.used);
          if (!(yield* this.take(sock, next.message))) return;
          this.holdUntil = this.hold > 0 ? sim.now + this.hold * SEC : Number.POSITIVE_INFINITY;
        }
        continue;
      }
      if (r.errno !== 'EAGAIN') return this.fail(`Socket: ${SOCKET_ERRORS[r.errno] ?? 'Connection timed out'}`);
      if (this.state === 'Established' && !(yield* this.tellChanges(sock))) return;
      if (sim.now >= this.holdUntil) {
        yield* this.refuse(sock, 4, 0);
        return;
      }
      if (sim.now >= this.keepaliveAt) {
        this.keepaliveAt = sim.now + (this.hold / 3) * SEC;
        if (!(yield* this.send(sock, { type: 'keepalive' }))) return;
      }
      if (sock.readable()) continue;
      const until = Math.min(this.holdUntil, this.keepaliveAt);
      yield { on: [sock.wq, this.speaker.changed, this.closed], ...(Number.isFinite(until) && { until }) };
    }
    if (this.gone && !neighbor.silent) yield* this.send(sock, { type: 'notification', code: CEASE, subcode: this.farewell });
  }

  /** False when the connection must end. */
  private *take(sock: TcpSocket, m: Message): Task<boolean> {
    const { p, neighbor } = this;
    if (m.type === 'notification') {
      const text = errorText(m.code, m.subcode);
      this.fail(`Received: ${text}`);
      if (m.code !== CEASE) this.errorUntil = p.sim.now + (neighbor.errorWait ?? 0);
      this.speaker.log?.(this, `Received: ${text}`);
      return false;
    }
    if (m.type === 'open') {
      this.open = m;
      if (m.as !== neighbor.peerAs) return yield* this.refuse(sock, 2, 2, octets(m.as));
      if (m.hold > 0 && m.hold < 3) return yield* this.refuse(sock, 2, 6);
      this.hold = Math.min(m.hold, neighbor.hold);
      if (this.hold > 0) this.keepaliveAt = p.sim.now + (this.hold / 3) * SEC;
      this.to('OpenConfirm');
      return yield* this.send(sock, { type: 'keepalive' });
    }
    if (m.type === 'keepalive') {
      if (this.state !== 'OpenConfirm') return true;
      this.error = '';
      this.failures = 0;
      this.to('Established');
      if (!neighbor.endOfRib) return true;
      if (!(yield* this.tellChanges(sock))) return false;
      return yield* this.send(sock, { type: 'update', withdrawn: [], attributes: null, nlri: [] });
    }
    if (this.state !== 'Established') return true;
    if (m.withdrawn.length > 0) this.speaker.withdrawn(this, m.withdrawn);
    this.updates.withdraws += m.withdrawn.length;
    // A path that has been here before has made a circle.
    if (m.attributes === null || m.nlri.length === 0) return true;
    this.updates.received += m.nlri.length;
    if (m.attributes.asPath.includes(neighbor.as)) this.speaker.withdrawn(this, m.nlri);
    else this.speaker.learned(this, m.nlri, m.attributes);
    return true;
  }

  /** Routes of one UPDATE have the same attributes: one for each local preference. */
  private *tellChanges(sock: TcpSocket): Task<boolean> {
    const now = new Map(this.speaker.announced().map((x) => [keyOf(x), x]));
    const withdrawn = [...this.told].filter(([k]) => !now.has(k)).map(([, x]) => x);
    const fresh = [...now].filter(([k, x]) => this.told.get(k)?.localPref !== x.localPref || !this.told.has(k)).map(([, x]) => x);
    if (withdrawn.length === 0 && fresh.length === 0) return true;
    this.told = now;
    const preferences = [...new Set(fresh.map((x) => x.localPref ?? 100))];
    const { as, origin = 0 } = this.neighbor;
    for (const [i, preference] of (preferences.length > 0 ? preferences : [null]).entries()) {
      const nlri = fresh.filter((x) => (x.localPref ?? 100) === preference);
      const path = this.internal ? { asPath: [], localPref: preference } : { asPath: [as], localPref: null };
      const attributes = nlri.length > 0 ? { origin, nexthop: this.own, med: null, ...path } : null;
      if (!(yield* this.send(sock, { type: 'update', withdrawn: i === 0 ? withdrawn : [], attributes, nlri }))) return false;
    }
    return true;
  }
}
