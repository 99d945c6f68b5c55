/** TCP sockets: what a program sees of a connection. Models net/ipv4/tcp.c */

import { fail, ok, type Result } from '../../../sim/errno.ts';
import type { Micros } from '../../../sim/sim.ts';
import { type IpAddr, isMulticast } from '../../../wire/addr.ts';
import { FIN, PSH } from '../../../wire/tcp.ts';
import type { Dst } from '../../ip/route.ts';
import type { Netns } from '../../netns.ts';
import { sourceFor } from '../output.ts';
import { isAny, unmap } from '../sock.ts';
import type { FourTuple } from '../table.ts';
import type { TcpState } from './const.ts';
import { cleanupReceive, takeBytes } from './data.ts';
import { currentMss, pushPending, sendActiveReset, sendFin, sendSyn, sizeGoal } from './output.ts';
import { add, diff } from './seq.ts';
import { TcpCore } from './state.ts';
import { finWait2Timer, keepaliveTimer, stopTimers } from './timer.ts';
import { SKB_OVERHEAD, triple, truesize } from './window.ts';

export type { TcpState } from './const.ts';

declare module '../../../sim/trace.ts' {
  interface TraceEvents {
    'tcp.state': { host: string; ns: string; sock: number; local: string; remote: string; from: TcpState; to: TcpState };
  }
}

export class TcpSocket extends TcpCore {
  readonly kind = 'tcp' as const;
  /** Result of a finished connect() that the program has not asked for yet. */
  private justConnected = false;
  private wantsRoom = false;

  constructor(ns: Netns, family: 4 | 6 = 4) {
    super(ns, family);
    this.newTxHash();
    ns.sockets.all.add(this);
  }

  tuple(): FourTuple {
    return { laddr: this.local.addr, lport: this.local.port, raddr: this.remote?.addr ?? 0, rport: this.remote?.port ?? 0 };
  }

  setState(to: TcpState): void {
    const from = this.state;
    this.state = to;
    const { trace } = this.sim;
    if (!trace.on || from === to) return;
    const { kernel } = this.ns;
    trace.emit('tcp.state', {
      host: kernel.hostname,
      ns: kernel.nameOf(this.ns) ?? '',
      sock: this.inode,
      from,
      to,
      local: `${this.local.addr} ${this.local.port}`,
      remote: this.remote ? `${this.remote.addr} ${this.remote.port}` : '',
    });
  }

  bind(addr: IpAddr, port: number): Result {
    const r = this.ns.sockets.bind(this, addr, port);
    return r.ok ? ok() : r;
  }

  listen(backlog: number): Result {
    if (this.state !== 'CLOSE' && this.state !== 'LISTEN') return fail('EINVAL');
    this.backlog = Math.min(backlog < 0 ? 4096 : backlog, this.ns.sysctl.int('net.core.somaxconn') || 4096);
    if (this.state === 'LISTEN') return ok();
    if (this.local.port === 0) {
      const r = this.ns.sockets.bind(this, this.local.addr, 0);
      if (!r.ok) return r;
    }
    if (this.ns.sockets.listenConflict(this)) return fail('EADDRINUSE');
    this.setState('LISTEN');
    this.synQueue = new Set();
    this.ns.sockets.addListener(this);
    return ok();
  }

  get connecting(): boolean {
    return this.state === 'SYN_SENT' || (this.state === 'SYN_RECV' && this.parent === null);
  }

  /**
   * Starts a connection. EINPROGRESS: wait on `wq` until `connecting` is false; then takeError() is null when it succeeded.
   * Errors of routing are returned at once.
   */
  connect(address: IpAddr, port: number): Result {
    if (this.justConnected) {
      this.justConnected = false;
      return ok();
    }
    if (this.connecting) return fail('EALREADY');
    const pending = this.checkError();
    if (!pending.ok) return pending;
    if (this.state !== 'CLOSE') return fail('EISCONN');
    let dst = unmap(address);
    if (typeof dst === 'bigint' && this.family === 4) return fail('EAFNOSUPPORT');
    if (typeof dst === 'number' && this.family === 6 && this.opt.v6only) return fail('ENETUNREACH');
    if (isAny(dst)) dst = typeof dst === 'number' ? 0x7f000001 : 1n;
    if (isMulticast(dst)) return fail('ENETUNREACH');
    const own = isAny(this.local.addr) ? null : this.local.addr;
    if (own !== null && typeof own !== typeof dst) return fail('EINVAL');
    const from = sourceFor(this, { connect: true, dst, src: own, sport: this.local.port, dport: port });
    if (!from.ok) return from;
    const { route, src } = from.value;
    if (route.type === 'broadcast' || route.type === 'multicast') return fail('ENETUNREACH');
    const before = this.local;
    this.local = { addr: src, port: before.port };
    this.remote = { addr: dst, port };
    const bound = before.port === 0 ? this.ns.sockets.connectPort(this, this.remote) : ok();
    const hashed = bound.ok ? this.ns.sockets.hashTcp(this) : bound;
    if (!hashed.ok) {
      this.local = before;
      this.remote = null;
      return hashed;
    }
    this.setState('SYN_SENT');
    sendSyn(this, route as Dst);
    return fail('EINPROGRESS');
  }

  /** The handshake is through. */
  connected(): void {
    this.justConnected = true;
    this.wq.wakeAll();
  }

  accept(): Result<TcpSocket> {
    if (this.state !== 'LISTEN') return fail('EINVAL');
    const child = this.acceptQueue.shift();
    if (!child) return fail('EAGAIN');
    child.parent = null;
    return ok(child);
  }

  /** Takes as much as the send buffer has room for. EPIPE after shutdown or on a connection that is gone. */
  send(data: Uint8Array): Result<number> {
    const pending = this.checkError();
    if (!pending.ok) return pending;
    this.justConnected = false;
    if (this.connecting) return fail('EAGAIN');
    if (this.writeShutdown || (this.state !== 'ESTABLISHED' && this.state !== 'CLOSE_WAIT')) return fail('EPIPE');
    if (data.length === 0) return ok(0);
    const room = this.sendRoom();
    if (room <= 0) {
      this.wantsRoom = true;
      return fail('EAGAIN');
    }
    const n = Math.min(room, data.length);
    this.enqueue(data.subarray(0, n));
    pushPending(this);
    return ok(n);
  }

  private enqueue(data: Uint8Array): void {
    const goal = sizeGoal(this);
    let at = 0;
    while (at < data.length) {
      let tail = this.writeQueue.at(-1);
      if (!tail || tail.len >= goal || (tail.flags & FIN) !== 0) {
        tail = { seq: this.writeSeq, end: this.writeSeq, parts: [], len: 0, flags: 0, sentAt: -1, retrans: 0, sacked: false, lost: false };
        this.writeQueue.push(tail);
      }
      const part = data.slice(at, at + goal - tail.len);
      tail.parts.push(part);
      tail.len += part.length;
      tail.end = add(tail.end, part.length);
      this.writeSeq = tail.end;
      at += part.length;
      if (at >= data.length || diff(this.writeSeq, this.pushedSeq) > this.maxWindow >> 1) {
        tail.flags |= PSH;
        this.pushedSeq = this.writeSeq;
      }
    }
  }

  private sendRoom(): number {
    const most = triple(this.ns, 'net.ipv4.tcp_wmem', [4096, 16_384, 4_194_304])[2];
    const wanted = this.opt.sndBuf ?? Math.min(most, Math.max(this.sndBuf, 4 * this.cong.cwnd * currentMss(this)));
    return wanted - diff(this.writeSeq, this.sndUna);
  }

  /** Acknowledged data made room. */
  spaceFreed(): void {
    if (this.wantsRoom && this.writable()) {
      this.wantsRoom = false;
      this.wq.wakeAll();
    }
  }

  /** Empty: the peer has closed its direction. */
  recv(max = 65_536, peek = false): Result<Uint8Array> {
    if (this.rcvQueued > 0) {
      const data = takeBytes(this, max, peek);
      if (!peek) cleanupReceive(this, data.length);
      return ok(data);
    }
    const pending = this.checkError();
    if (!pending.ok) return pending;
    if (this.finReceived || this.readShutdown) {
      if (!peek) this.finRead = true;
      return ok(new Uint8Array(0));
    }
    if (this.state === 'CLOSE' || this.state === 'LISTEN') return fail('ENOTCONN');
    return fail('EAGAIN');
  }

  shutdown(how: 'read' | 'write' | 'both'): Result {
    if (this.state === 'LISTEN' && how !== 'write') {
      this.stopListening();
      return ok();
    }
    if (this.state === 'CLOSE' || this.state === 'LISTEN') return fail('ENOTCONN');
    if (how !== 'write') this.readShutdown = true;
    if (how !== 'read' && !this.writeShutdown) {
      this.writeShutdown = true;
      this.closeSending();
    }
    this.wq.wakeAll();
    return ok();
  }

  /** tcp_close_state(): from here on this side sends nothing more than FIN. */
  private closeSending(): void {
    const next: Partial<Record<TcpState, TcpState>> = { ESTABLISHED: 'FIN_WAIT1', SYN_RECV: 'FIN_WAIT1', CLOSE_WAIT: 'LAST_ACK' };
    const to = next[this.state];
    if (to) {
      this.setState(to);
      sendFin(this);
    } else if (this.state === 'SYN_SENT') {
      this.done();
    }
  }

  /** close(2): with unread data, or with SO_LINGER 0, the peer gets a reset instead of FIN. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.orphan = true;
    this.owner = null;
    if (this.state === 'LISTEN') {
      this.stopListening();
      this.destroy();
      return;
    }
    const unread = this.rcvQueued > 0;
    this.rcvQueue = [];
    this.rcvQueued = 0;
    this.readShutdown = true;
    if (this.state === 'CLOSE' || this.state === 'SYN_SENT') {
      this.setState('CLOSE');
      this.destroy();
    } else if (unread || this.opt.linger === 0) {
      sendActiveReset(this);
      this.destroy();
    } else if (!this.writeShutdown) {
      this.writeShutdown = true;
      this.closeSending();
      this.sim.cancel(this.keepTimer);
      this.keepTimer = null;
    } else if (this.state === 'FIN_WAIT2') {
      finWait2Timer(this);
    }
    this.wq.wakeAll();
  }

  private stopListening(): void {
    this.ns.sockets.removeListener(this);
    for (const child of [...this.synQueue]) child.destroy();
    this.synQueue.clear();
    for (const child of this.acceptQueue.splice(0)) {
      child.orphan = true;
      sendActiveReset(child);
      child.destroy();
    }
    this.setState('CLOSE');
    this.wq.wakeAll();
  }

  /** tcp_done(): the connection is over; the descriptor may still be open and tell why. */
  done(failed = true): void {
    if (failed && (this.state === 'SYN_SENT' || (this.state === 'SYN_RECV' && this.parent === null))) this.ns.snmp.inc('TcpAttemptFails');
    stopTimers(this);
    this.ns.sockets.unhashTcp(this);
    this.parent?.synQueue.delete(this);
    this.writeQueue.length = 0;
    this.rtxQueue.length = 0;
    this.ofo = [];
    this.readShutdown = true;
    this.writeShutdown = true;
    this.setState('CLOSE');
    if (this.autobound || this.orphan) {
      this.ns.sockets.unbind(this);
      if (this.autobound) this.local = { addr: this.local.addr, port: 0 };
      this.autobound = false;
    }
    if (this.orphan) this.ns.sockets.all.delete(this);
    this.wq.wakeAll();
  }

  /** The connection ends with an error that the program will see. */
  abort(error: TcpSocket['error'], failed = true): void {
    this.error = error;
    this.finReceived = true;
    this.done(failed);
  }

  /** SOCK_DESTROY: the program sees ECONNABORTED, the other end a reset. Models tcp_abort() */
  kill(): void {
    if (this.state === 'LISTEN') this.stopListening();
    else if (this.state !== 'TIME_WAIT' && this.state !== 'SYN_SENT' && this.state !== 'CLOSE') sendActiveReset(this);
    if (this.orphan || this.state === 'TIME_WAIT') this.destroy();
    else this.abort('ECONNABORTED');
  }

  /** Removes it without a word on the wire. */
  destroy(): void {
    this.closed = true;
    if (this.state === 'LISTEN') this.ns.sockets.removeListener(this);
    this.orphan = true;
    this.done();
    this.ns.sockets.drop(this);
  }

  setKeepalive(on: boolean): void {
    this.opt.keepalive = on;
    keepaliveTimer(this);
  }

  /** TCP_NODELAY on sends what Nagle's rule held back. */
  setNoDelay(on: boolean): void {
    this.opt.noDelay = on;
    if (on && this.writeQueue.length > 0) pushPending(this);
  }

  setCork(on: boolean): void {
    this.opt.cork = on;
    if (!on && this.writeQueue.length > 0) pushPending(this);
  }

  /** Buffer memory in use, bytes and overhead. */
  rcvMem(): number {
    let n = this.rcvQueued + SKB_OVERHEAD * this.rcvQueue.length;
    for (const o of this.ofo) n += truesize(o.data.length);
    return n;
  }

  readable(): boolean {
    if (this.state === 'LISTEN') return this.acceptQueue.length > 0;
    if (this.connecting) return false;
    return this.rcvQueued > 0 || this.finReceived || this.readShutdown || this.state === 'CLOSE' || this.failed();
  }

  writable(): boolean {
    if (this.connecting || this.state === 'LISTEN') return false;
    if (this.state === 'CLOSE' || this.writeShutdown || this.failed()) return true;
    return this.sendRoom() >= diff(this.writeSeq, this.sndUna) >> 1 && this.sendRoom() > 0;
  }

  queues(): { rx: number; tx: number } {
    if (this.state === 'LISTEN') return { rx: this.acceptQueue.length, tx: this.backlog };
    const fin = this.finReceived && !this.finRead && this.state !== 'CLOSE' && this.state !== 'TIME_WAIT' ? 1 : 0;
    return { rx: this.rcvQueued + fin, tx: Math.max(0, diff(this.writeSeq, this.sndUna)) };
  }

  /** What `ss -o` shows: name, microseconds until it fires, tries so far. */
  timerInfo(): { name: 'on' | 'keepalive' | 'timewait' | 'persist'; left: Micros; retries: number } | null {
    const { now } = this.sim;
    if (this.state === 'TIME_WAIT' || (this.state === 'FIN_WAIT2' && this.twTimer)) {
      return this.twTimer ? { name: 'timewait', left: this.twTimer.time - now, retries: 0 } : null;
    }
    if (this.rtoTimer?.run) {
      const name = this.rtoMode === 'probe' ? 'persist' : 'on';
      return { name, left: this.rtoTimer.time - now, retries: this.rtoMode === 'probe' ? this.probes : this.retransmits };
    }
    if (this.keepTimer?.run) return { name: 'keepalive', left: this.keepTimer.time - now, retries: this.keepProbes };
    return null;
  }
}
