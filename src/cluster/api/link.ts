/**
 * The connection of a program to the API server. Requests are answered within the world at once, but what goes over the connection
 * counts: each burst of requests and each batch of events is a segment there and back, and a connection on which nothing comes back
 * is a connection that does not work. Models client-go's transport with its HTTP/2 health check, and the reflector's relist.
 */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { closeSocket, connectTcp, openTcp } from '../../os/sockcalls.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { type Micros, MS, SEC, type Sim } from '../../sim/sim.ts';
import { WaitQueue } from '../../sim/wait.ts';
import { familyOf, type IpAddr } from '../../wire/addr.ts';
import { concat, u16, u32 } from '../../wire/bytes.ts';
import type { Watch, WatchEvent } from './client.ts';
import { type AnyObject, keyOf } from './object.ts';

/** A request that has not been answered for this long has failed. */
const STALLED = 2 * SEC;
/** Then the connection is given up. */
const DEAD = 30 * SEC;
const CONNECT = 10 * SEC;
const RETRY = 1 * SEC;
/** Events of so long go out together, and requests of so long are asked after once. */
const BATCH = 5 * MS;
const ASKED = 200 * MS;
/** How long a program that has just started is served before its first connection stands. */
const BEGINNING = 20 * SEC;

/** Frames look like records of TLS application data: type, version, length; then a code and a number. */
const RECORD = 0x17;
const HEAD = 5;
const HELLO = 1;
const PING = 2;
const PONG = 3;
const EVENTS = 4;
const SMALL = 64;

function frame(code: number, value: number, size = SMALL): Uint8Array {
  const b = new Uint8Array(HEAD + size);
  b[0] = RECORD;
  b[1] = 3;
  b[2] = 3;
  b[3] = size >> 8;
  b[4] = size & 255;
  b[HEAD] = code;
  new DataView(b.buffer).setUint32(HEAD + 1, value);
  return b;
}

/** Frames out of a stream of bytes. */
class Frames {
  private rest: Uint8Array = new Uint8Array(0);

  push(data: Uint8Array): { readonly code: number; readonly value: number }[] {
    this.rest = this.rest.length === 0 ? data : concat([this.rest, data]);
    const out: { code: number; value: number }[] = [];
    while (this.rest.length >= HEAD && this.rest.length >= HEAD + u16(this.rest, 3)) {
      out.push({ code: this.rest[HEAD] as number, value: u32(this.rest, HEAD + 1) });
      this.rest = this.rest.slice(HEAD + u16(this.rest, 3));
    }
    return out;
  }
}

interface Pending {
  readonly watch: LinkedWatch;
  readonly event: WatchEvent<AnyObject>;
}

export class LinkedWatch implements Watch {
  private readonly link: Link;
  private readonly on: (event: WatchEvent<AnyObject>) => void;
  inner: Watch | null = null;
  stopped = false;

  constructor(link: Link, on: (event: WatchEvent<AnyObject>) => void) {
    this.link = link;
    this.on = on;
  }

  tell(event: WatchEvent<AnyObject>): void {
    if (!this.stopped) this.on(event);
  }

  stop(): void {
    this.stopped = true;
    this.inner?.stop();
    this.link.watches.delete(this);
  }
}

/** Both ends of a connection; the server's finds it by the number in the first frame. */
export class Link {
  readonly id: number;
  private readonly sim: Sim;
  readonly watches = new Set<LinkedWatch>();
  /** Events that are to go out, and those under way. */
  private outbox: Pending[] = [];
  private readonly sent: Pending[] = [];
  readonly serverQueue = new WaitQueue();
  readonly clientQueue = new WaitQueue();
  private readonly began: Micros;
  private established = false;
  private ever = false;
  private ping = 0;
  private pong = 0;
  private oldest: Micros = 0;
  asked = false;

  constructor(sim: Sim, id: number) {
    this.sim = sim;
    this.id = id;
    this.began = sim.now;
  }

  /** Whether a request gets an answer. */
  get up(): boolean {
    if (!this.ever) return this.sim.now - this.began < BEGINNING;
    return this.established && (this.ping === this.pong || this.sim.now - this.oldest < STALLED);
  }

  /** Time at which a connection that does not answer is dead; undefined while it owes nothing. */
  get deadline(): Micros | undefined {
    return this.ping === this.pong ? undefined : this.oldest + DEAD;
  }

  /** A request goes out. */
  ask(): void {
    if (!this.established || this.asked) return;
    this.asked = true;
    this.clientQueue.wakeAll();
  }

  event(watch: LinkedWatch, event: WatchEvent<AnyObject>): void {
    if (!this.ever && this.up) {
      watch.tell(event);
      return;
    }
    this.outbox.push({ watch, event });
    if (this.established) this.serverQueue.wakeAll();
    else if (this.outbox.length > 1000 && this.outbox.length % 1000 === 0) this.outbox = compact(this.outbox);
  }

  get waiting(): number {
    return this.outbox.length;
  }

  /** Number of events of the next batch. */
  take(): number {
    const n = this.outbox.length;
    this.sent.push(...this.outbox);
    this.outbox = [];
    return n;
  }

  arrived(n: number): void {
    for (const { watch, event } of this.sent.splice(0, n)) watch.tell(event);
  }

  nextPing(): number {
    this.asked = false;
    if (this.ping === this.pong) this.oldest = this.sim.now;
    return ++this.ping;
  }

  answered(value: number): void {
    this.pong = value;
    this.oldest = this.sim.now;
  }

  connected(): void {
    this.established = true;
    this.ever = true;
  }

  /** What was under way comes again, each object once: as a new list would tell it. */
  lost(): void {
    this.established = false;
    this.ping = 0;
    this.pong = 0;
    this.asked = false;
    this.outbox = compact([...this.sent, ...this.outbox]);
    this.sent.length = 0;
  }

  close(): void {
    for (const w of [...this.watches]) w.stop();
    this.established = false;
    this.ever = true;
  }
}

/** The changes of each object in one, in the order in which the objects first changed. */
function compact(events: readonly Pending[]): Pending[] {
  const byWatch = new Map<LinkedWatch, Map<string, Pending | null>>();
  for (const pending of events) {
    if (pending.watch.stopped) continue;
    const known = byWatch.get(pending.watch) ?? new Map<string, Pending | null>();
    byWatch.set(pending.watch, known);
    const key = keyOf(pending.event.object);
    const before = known.get(key);
    if (!before) known.set(key, pending);
    else if (before.event.type === 'ADDED')
      known.set(key, pending.event.type === 'DELETED' ? null : { ...pending, event: { ...pending.event, type: 'ADDED' } });
    else if (before.event.type === 'DELETED' && pending.event.type !== 'DELETED')
      known.set(key, { ...pending, event: { ...pending.event, type: 'MODIFIED' } });
    else known.set(key, pending);
  }
  return [...byWatch.values()].flatMap((m) => [...m.values()].filter((x): x is Pending => x !== null));
}

const LINKS = new WeakMap<Sim, Map<number, Link>>();

export function newLink(sim: Sim): Link {
  const links = LINKS.get(sim) ?? new Map<number, Link>();
  LINKS.set(sim, links);
  const link = new Link(sim, sim.serial('api link'));
  links.set(link.id, link);
  return link;
}

export const isLinkRecord = (first: number | undefined): boolean => first === RECORD;

/** The client's end: connects, asks, hears; again and again until its process ends. */
export function* runLink(p: Process, link: Link, address: IpAddr, port: number): Task<void> {
  try {
    for (;;) {
      const sock = openTcp(p, familyOf(address));
      const r = yield* connectTcp(sock, address, port, p.sim.now + CONNECT);
      if (r.ok) yield* converse(p, sock, link);
      closeSocket(p, sock);
      link.lost();
      const until = p.sim.now + RETRY;
      while (p.sim.now < until) yield { until };
    }
  } finally {
    link.close();
    LINKS.get(p.sim)?.delete(link.id);
  }
}

function send(sock: TcpSocket, data: Uint8Array): boolean {
  const r = sock.send(data);
  return r.ok || r.errno === 'EAGAIN';
}

function* converse(p: Process, sock: TcpSocket, link: Link): Task<void> {
  sock.setNoDelay(true);
  const frames = new Frames();
  let next = 0;
  if (!send(sock, frame(HELLO, link.id))) return;
  for (;;) {
    const r = sock.recv(65_536);
    if (r.ok) {
      if (r.value.length === 0) return;
      for (const { code, value } of frames.push(r.value)) {
        if (code === HELLO) link.connected();
        else if (code === PONG) link.answered(value);
        else if (code === EVENTS) link.arrived(value);
      }
      continue;
    }
    if (r.errno !== 'EAGAIN') return;
    const { now } = p.sim;
    if (link.asked && now >= next) {
      if (!send(sock, frame(PING, link.nextPing(), 4 * SMALL))) return;
      next = now + ASKED;
    }
    const until = link.deadline;
    if (until !== undefined && until <= now) return;
    // A first request is asked after at once; those that follow it closely, together.
    yield { on: [sock.wq, link.clientQueue], until: link.asked && (until === undefined || next < until) ? next : until };
  }
}

/** The server's end; `first` is what has come already. */
export function* serveLink(p: Process, sock: TcpSocket, first: Uint8Array): Task<void> {
  const frames = new Frames();
  let link: Link | undefined;
  let data = first;
  let next = 0;
  for (;;) {
    for (const { code, value } of frames.push(data)) {
      if (code === HELLO) {
        link = LINKS.get(p.sim)?.get(value);
        if (!link || !send(sock, frame(HELLO, value))) return;
      } else if (code === PING && !send(sock, frame(PONG, value))) return;
    }
    data = new Uint8Array(0);
    const due = p.sim.now >= next;
    const n = due ? (link?.take() ?? 0) : 0;
    if (n > 0) {
      if (!send(sock, frame(EVENTS, n, Math.min(16 * SMALL, SMALL + 8 * n)))) return;
      next = p.sim.now + BATCH;
    }
    const r = sock.recv(65_536);
    if (r.ok) {
      if (r.value.length === 0) return;
      data = r.value;
      continue;
    }
    if (r.errno !== 'EAGAIN') return;
    if (!due && link && link.waiting > 0) yield { on: [sock.wq], until: next };
    else yield { on: link ? [sock.wq, link.serverQueue] : [sock.wq] };
  }
}
