/** One BGP session of the mesh over a real connection to port 179. Models BIRD proto/bgp */

import type { Process, Task } from '../../../os/process.ts';
import { closeSocket, connectTcp, openTcp, sendTcp } from '../../../os/sockcalls.ts';
import type { TcpSocket } from '../../../os/uapi.ts';
import { SEC } from '../../../sim/sim.ts';
import { WaitQueue } from '../../../sim/wait.ts';
import { AS, BGP_PORT, emitBgp, HOLD_TIME, type Message, type Prefix4, parseBgp } from './bgp.ts';

export type State = 'Idle' | 'Connect' | 'Active' | 'OpenSent' | 'OpenConfirm' | 'Established';

const RETRY = 5 * SEC;
const CONNECT_LIMIT = 10 * SEC;
const KEEPALIVE = (HOLD_TIME / 3) * SEC;

/** What a session asks of the node and tells it. */
export interface Speaker {
  readonly own: number;
  readonly announced: () => readonly Prefix4[];
  /** Woken when `announced` gives something else. */
  readonly changed: WaitQueue;
  learned(peer: number, prefixes: readonly Prefix4[], nexthop: number): void;
  withdrawn(peer: number, prefixes: readonly Prefix4[]): void;
  lost(peer: number): void;
}

const keyOf = ({ addr, len }: Prefix4): string => `${addr}/${len}`;

export class Session {
  readonly peer: number;
  state: State = 'Idle';
  info = '';
  /** Virtual time of the last change of `state` to or from Established. */
  since: number;
  gone = false;
  readonly closed = new WaitQueue();
  private accepted: TcpSocket | null = null;
  private readonly p: Process;
  private readonly speaker: Speaker;
  private told = new Map<string, Prefix4>();

  constructor(p: Process, speaker: Speaker, peer: number) {
    this.p = p;
    this.speaker = speaker;
    this.peer = peer;
    this.since = p.sim.now;
  }

  /** A connection that the peer made. */
  accept(sock: TcpSocket): void {
    if (this.accepted) closeSocket(this.p, this.accepted);
    this.accepted = sock;
    this.closed.wakeAll();
  }

  /** The peer's node has gone, or the daemon ends. */
  stop(): void {
    this.gone = true;
    this.closed.wakeAll();
  }

  private to(state: State, info = state as string): void {
    if ((state === 'Established') !== (this.state === 'Established')) this.since = this.p.sim.now;
    this.state = state;
    this.info = info;
  }

  /** Of two nodes the one with the higher address connects; the other's side is passive. */
  *run(): Task<void> {
    const active = this.speaker.own > this.peer;
    while (!this.gone) {
      const sock = active ? yield* this.connect() : yield* this.awaitPeer();
      if (!sock) continue;
      yield* this.talk(sock);
      closeSocket(this.p, sock);
      if (this.state === 'Established') this.to('Active', 'Connection closed');
      this.speaker.lost(this.peer);
      this.told = new Map();
      if (active && !this.gone) yield { on: [this.closed], until: this.p.sim.now + RETRY };
    }
    this.speaker.lost(this.peer);
  }

  private *connect(): Task<TcpSocket | null> {
    this.to('Connect');
    const sock = openTcp(this.p);
    sock.bind(this.speaker.own, 0);
    const r = yield* connectTcp(sock, this.peer, BGP_PORT, this.p.sim.now + CONNECT_LIMIT);
    if (r.ok) return sock;
    closeSocket(this.p, sock);
    this.to(
      'Active',
      `Socket: ${r.errno === 'ECONNREFUSED' ? 'Connection refused' : r.errno === 'EHOSTUNREACH' ? 'Host is unreachable' : 'Connection timed out'}`,
    );
    yield { on: [this.closed], until: this.p.sim.now + RETRY };
    return null;
  }

  private *awaitPeer(): Task<TcpSocket | null> {
    if (this.state === 'Idle') this.to('Active', 'Passive');
    while (!this.accepted && !this.gone) yield { on: [this.closed] };
    const sock = this.accepted;
    this.accepted = null;
    return sock;
  }

  private *send(sock: TcpSocket, m: Message): Task<boolean> {
    const r = yield* sendTcp(sock, emitBgp(m), this.p.sim.now + KEEPALIVE);
    return r.ok;
  }

  private *talk(sock: TcpSocket): Task<void> {
    const { p } = this;
    const { sim } = p;
    this.to('OpenSent');
    if (!(yield* this.send(sock, { type: 'open', as: AS, hold: HOLD_TIME, id: this.speaker.own }))) return;
    let buffer: Uint8Array = new Uint8Array(0);
    let hold = sim.now + HOLD_TIME * SEC;
    let keepalive = sim.now + KEEPALIVE;
    while (!this.gone && !this.accepted) {
      const r = sock.recv(65536);
      if (r.ok) {
        if (r.value.length === 0) return;
        const both = new Uint8Array(buffer.length + r.value.length);
        both.set(buffer);
        both.set(r.value, buffer.length);
        buffer = both;
        for (let next = parseBgp(buffer); next; next = parseBgp(buffer)) {
          if (next === 'bad') {
            yield* this.send(sock, { type: 'notification', code: 1, subcode: 2 });
            return;
          }
          buffer = buffer.subarray(next.used);
          hold = sim.now + HOLD_TIME * SEC;
          if (!(yield* this.take(sock, next.message))) return;
        }
        continue;
      }
      if (r.errno !== 'EAGAIN') return;
      if (this.state === 'Established' && !(yield* this.tellChanges(sock))) return;
      if (sim.now >= hold) {
        yield* this.send(sock, { type: 'notification', code: 4, subcode: 0 });
        return;
      }
      if (sim.now >= keepalive) {
        keepalive = sim.now + KEEPALIVE;
        if (!(yield* this.send(sock, { type: 'keepalive' }))) return;
      }
      if (!sock.readable()) yield { on: [sock.wq, this.speaker.changed, this.closed], until: Math.min(hold, keepalive) };
    }
    if (this.gone) yield* this.send(sock, { type: 'notification', code: 6, subcode: 3 });
  }

  /** False when the session must end. */
  private *take(sock: TcpSocket, m: Message): Task<boolean> {
    if (m.type === 'notification') return false;
    if (m.type === 'open') {
      if (m.as !== AS) return yield* this.refuse(sock);
      this.to('OpenConfirm');
      return yield* this.send(sock, { type: 'keepalive' });
    }
    if (m.type === 'keepalive') {
      if (this.state === 'OpenConfirm') this.to('Established');
      return true;
    }
    if (this.state !== 'Established') return true;
    if (m.withdrawn.length > 0) this.speaker.withdrawn(this.peer, m.withdrawn);
    if (m.nexthop !== null && m.nlri.length > 0) this.speaker.learned(this.peer, m.nlri, m.nexthop);
    return true;
  }

  private *refuse(sock: TcpSocket): Task<boolean> {
    yield* this.send(sock, { type: 'notification', code: 2, subcode: 2 });
    return false;
  }

  private *tellChanges(sock: TcpSocket): Task<boolean> {
    const now = new Map(this.speaker.announced().map((x) => [keyOf(x), x]));
    const withdrawn = [...this.told].filter(([k]) => !now.has(k)).map(([, x]) => x);
    const nlri = [...now].filter(([k]) => !this.told.has(k)).map(([, x]) => x);
    if (withdrawn.length === 0 && nlri.length === 0) return true;
    this.told = now;
    return yield* this.send(sock, { type: 'update', withdrawn, nexthop: nlri.length > 0 ? this.speaker.own : null, nlri });
  }
}
