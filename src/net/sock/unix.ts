/** Unix domain sockets: stream and datagram, by path, abstract name or pair. Models net/unix/af_unix.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import type { Netns } from '../netns.ts';
import { Sock } from './sock.ts';

const SNDBUF = 212_992;

export interface UnixDatagram {
  data: Uint8Array;
  /** Name of the sender, null when it has none. */
  from: string | null;
}

/** Names beginning with `@` are abstract; others are paths, whose directory entries are the file system's business. */
export class UnixSocket extends Sock {
  readonly kind = 'unix' as const;
  readonly type: 'stream' | 'dgram';
  name: string | null = null;
  peer: UnixSocket | null = null;
  state: 'CLOSE' | 'LISTEN' | 'ESTABLISHED' = 'CLOSE';
  private chunks: Uint8Array[] = [];
  private grams: UnixDatagram[] = [];
  private queued = 0;
  private pending: UnixSocket[] = [];
  private backlog = 0;
  private eof = false;
  private shutWrite = false;

  constructor(ns: Netns, type: 'stream' | 'dgram') {
    super(ns, 'unix', 0);
    this.type = type;
    ns.sockets.all.add(this);
  }

  /** socketpair(2). */
  static pair(ns: Netns, type: 'stream' | 'dgram'): [UnixSocket, UnixSocket] {
    const a = new UnixSocket(ns, type);
    const b = new UnixSocket(ns, type);
    a.join(b);
    return [a, b];
  }

  private join(other: UnixSocket): void {
    this.peer = other;
    other.peer = this;
    this.state = 'ESTABLISHED';
    other.state = 'ESTABLISHED';
  }

  bind(name: string): Result {
    if (this.name !== null) return fail('EINVAL');
    if (name.length > 107) return fail('ENAMETOOLONG');
    if (this.ns.sockets.unix.has(name)) return fail('EADDRINUSE');
    this.name = name;
    this.ns.sockets.unix.set(name, this);
    return ok();
  }

  listen(backlog: number): Result {
    if (this.type !== 'stream') return fail('EOPNOTSUPP');
    if (this.name === null) return fail('EINVAL');
    this.backlog = Math.max(0, backlog);
    this.state = 'LISTEN';
    return ok();
  }

  /** ECONNREFUSED when nobody listens there; a path without a file is ENOENT, which the file system knows. */
  connect(name: string): Result {
    if (this.state === 'ESTABLISHED' && this.type === 'stream') return fail('EISCONN');
    return this.connectTo(this.ns.sockets.unix.get(name));
  }

  /** The same for a socket that a directory entry leads to. */
  connectTo(other: UnixSocket | undefined): Result {
    if (this.state === 'ESTABLISHED' && this.type === 'stream') return fail('EISCONN');
    if (!other || other.closed) return fail('ECONNREFUSED');
    if (other.type !== this.type) return fail('EPROTOTYPE');
    if (this.type === 'dgram') {
      this.peer = other;
      this.state = 'ESTABLISHED';
      return ok();
    }
    if (other.state !== 'LISTEN') return fail('ECONNREFUSED');
    if (other.pending.length > other.backlog) return fail('EAGAIN');
    const child = new UnixSocket(other.ns, 'stream');
    child.name = other.name;
    child.uid = other.uid;
    this.join(child);
    other.pending.push(child);
    other.wq.wakeAll();
    return ok();
  }

  accept(): Result<UnixSocket> {
    if (this.state !== 'LISTEN') return fail('EINVAL');
    const child = this.pending.shift();
    if (!child) return fail('EAGAIN');
    this.wq.wakeAll();
    return ok(child);
  }

  send(data: Uint8Array): Result<number> {
    const e = this.checkError();
    if (!e.ok) return e;
    if (this.shutWrite) return fail('EPIPE');
    if (this.type === 'dgram') return this.peer ? this.give(this.peer, data) : fail('ENOTCONN');
    if (this.state !== 'ESTABLISHED') return fail('ENOTCONN');
    const peer = this.peer;
    if (!peer || peer.closed) return fail('EPIPE');
    const room = SNDBUF - peer.queued;
    if (room <= 0) return fail('EAGAIN');
    const n = Math.min(room, data.length);
    peer.chunks.push(data.slice(0, n));
    peer.queued += n;
    peer.wq.wakeAll();
    return ok(n);
  }

  sendTo(data: Uint8Array, name: string): Result<number> {
    if (this.type !== 'dgram') return fail('EOPNOTSUPP');
    const other = this.ns.sockets.unix.get(name);
    return other && !other.closed ? this.give(other, data) : fail('ECONNREFUSED');
  }

  private give(other: UnixSocket, data: Uint8Array): Result<number> {
    if (other.closed) return fail('ECONNREFUSED');
    if (other.type !== 'dgram') return fail('EPROTOTYPE');
    if (data.length > SNDBUF) return fail('EMSGSIZE');
    if (other.queued + data.length > SNDBUF || other.grams.length > 512) return fail('EAGAIN');
    other.grams.push({ data: data.slice(), from: this.name });
    other.queued += data.length;
    other.wq.wakeAll();
    return ok(data.length);
  }

  recv(max = 65_536): Result<Uint8Array> {
    if (this.type === 'dgram') {
      const g = this.recvFrom();
      return g.ok ? ok(g.value.data.subarray(0, max)) : g;
    }
    const head = this.chunks[0];
    if (!head) {
      const e = this.checkError();
      if (!e.ok) return e;
      if (this.eof) return ok(new Uint8Array(0));
      return this.state === 'ESTABLISHED' ? fail('EAGAIN') : fail('ENOTCONN');
    }
    const part = head.subarray(0, max);
    if (part.length === head.length) this.chunks.shift();
    else this.chunks[0] = head.subarray(part.length);
    this.queued -= part.length;
    this.peer?.wq.wakeAll();
    return ok(part);
  }

  recvFrom(): Result<UnixDatagram> {
    const g = this.grams.shift();
    if (!g) return this.eof ? ok({ data: new Uint8Array(0), from: null }) : fail('EAGAIN');
    this.queued -= g.data.length;
    this.peer?.wq.wakeAll();
    return ok(g);
  }

  shutdown(how: 'read' | 'write' | 'both'): Result {
    if (this.state !== 'ESTABLISHED') return fail('ENOTCONN');
    if (how !== 'read') {
      this.shutWrite = true;
      this.peer?.hangUp();
    }
    if (how !== 'write') this.eof = true;
    this.wq.wakeAll();
    return ok();
  }

  private hangUp(): void {
    if (this.type === 'stream') this.eof = true;
    this.wq.wakeAll();
  }

  readable(): boolean {
    return this.chunks.length > 0 || this.grams.length > 0 || this.pending.length > 0 || this.eof || this.failed();
  }

  writable(): boolean {
    if (this.type === 'dgram') return !this.peer || this.peer.queued < SNDBUF;
    if (this.state !== 'ESTABLISHED') return false;
    return !this.peer || this.peer.closed || this.peer.queued < SNDBUF;
  }

  queues(): { rx: number; tx: number } {
    if (this.state === 'LISTEN') return { rx: this.pending.length, tx: this.backlog };
    return { rx: this.queued, tx: this.peer?.queued ?? 0 };
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.name !== null && this.ns.sockets.unix.get(this.name) === this) this.ns.sockets.unix.delete(this.name);
    this.ns.sockets.all.delete(this);
    for (const child of this.pending) child.close();
    if (this.type === 'stream' && this.peer) {
      if (this.chunks.length > 0) this.peer.error = 'ECONNRESET';
      this.peer.hangUp();
    }
    this.wq.wakeAll();
  }
}
