/** Connection tracking of one namespace: the table, lookups, timeouts, confirmation. Models net/netfilter/nf_conntrack_core.c */

import { SEC, type Timer } from '../../../sim/sim.ts';
import { WaitQueue } from '../../../sim/wait.ts';
import type { Family } from '../../../wire/addr.ts';
import { u16, u32 } from '../../../wire/bytes.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from '../../../wire/ipv4.ts';
import { parseTcpOptions, SYN } from '../../../wire/tcp.ts';
import type { Netns } from '../../netns.ts';
import type { Skb } from '../../skb.ts';
import { type HookVerdict, PRIORITY } from '../netfilter.ts';
import type { XtPacket } from '../xt/packet.ts';
import { Connection, type CtInfo, type Direction } from './connection.ts';
import { NatHooks } from './nat_hooks.ts';
import { TCP_TIMEOUT, type TcpSegment, tcpNew, tcpPacket, validFlags } from './proto_tcp.ts';
import { type TupleEntry, TupleTable } from './table.ts';
import { after } from './tcp_window.ts';
import { invertTuple, isIcmp, opensIcmp, readQuoted, readTuple, type Tuple, tupleFamily, tupleKey } from './tuple.ts';

export type CtEventType = 'NEW' | 'UPDATE' | 'DESTROY';

/** What `conntrack -E` is told. `portid` names the process that deleted the entry, 0 when the kernel did. */
export interface CtEvent {
  readonly type: CtEventType;
  readonly ct: Connection;
  readonly portid: number;
  readonly time: number;
}

declare module '../../../sim/trace.ts' {
  interface TraceEvents {
    /** A connection was confirmed, changed its state, or ended. Tuples as `proto src:sport>dst:dport`. */
    'net.ct': { skb: number; host: string; ns: string; event: CtEventType; original: string; reply: string; state: string };
  }
}

const NEW: CtInfo = { state: 'NEW', dir: 'original' };
const ESTABLISHED: CtInfo = { state: 'ESTABLISHED', dir: 'original' };
const ESTABLISHED_REPLY: CtInfo = { state: 'ESTABLISHED', dir: 'reply' };
const RELATED: CtInfo = { state: 'RELATED', dir: 'original' };
const RELATED_REPLY: CtInfo = { state: 'RELATED', dir: 'reply' };

/** Per-CPU counters of /proc/net/stat/nf_conntrack and `conntrack -S`. */
export interface CtStats {
  found: number;
  invalid: number;
  insert: number;
  insertFailed: number;
  drop: number;
  earlyDrop: number;
  error: number;
  searchRestart: number;
  clashResolve: number;
  chaintoolong: number;
}

export class Conntrack {
  readonly ns: Netns;
  readonly nat: NatHooks;
  private readonly table = new TupleTable();
  private readonly users = { 4: 0, 6: 0 };
  private readonly hooks: Record<Family, (() => void)[]> = { 4: [], 6: [] };
  private readonly listeners = new Set<(event: CtEvent) => void>();
  private readonly zones = new WeakMap<Skb, number>();
  /** A CT target has set a zone. */
  private zoned = false;
  private readonly numbers = new Map<string, { readonly n: number }>();
  private gcTimer: Timer | null = null;
  private gcAt = 0;
  private ids = 0;
  /** Woken at every event. */
  readonly wq = new WaitQueue();
  readonly stats: CtStats = {
    found: 0,
    invalid: 0,
    insert: 0,
    insertFailed: 0,
    drop: 0,
    earlyDrop: 0,
    error: 0,
    searchRestart: 0,
    clashResolve: 0,
    chaintoolong: 0,
  };

  constructor(ns: Netns) {
    this.ns = ns;
    this.nat = new NatHooks(ns);
    ns.sysctl.provide('net.netfilter.nf_conntrack_count', () => String(this.count));
  }

  /** nf_ct_netns_get()/put(): tracking is on in a family while something there uses it. */
  use(family: Family, delta: number): void {
    const before = this.users[family];
    const now = before + delta;
    this.users[family] = now;
    if (before <= 0 && now > 0) {
      const track = (p: XtPacket): HookVerdict => this.in(p);
      const confirm = (p: XtPacket): HookVerdict => this.confirm(p);
      this.hooks[family] = [
        this.ns.nf.register({ family, hook: 'PREROUTING', priority: PRIORITY.conntrack, run: track }),
        this.ns.nf.register({ family, hook: 'OUTPUT', priority: PRIORITY.conntrack, run: track }),
        this.ns.nf.register({ family, hook: 'INPUT', priority: PRIORITY.confirm, run: confirm }),
        this.ns.nf.register({ family, hook: 'POSTROUTING', priority: PRIORITY.confirm, run: confirm }),
      ];
    } else if (before > 0 && now <= 0) {
      for (const off of this.hooks[family]) off();
      this.hooks[family] = [];
    }
  }

  active(family: Family): boolean {
    return this.users[family] > 0;
  }

  /** Told of every event until the returned function is called. */
  listen(listener: (event: CtEvent) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /** The CT target: the zone in which this packet will be tracked. */
  setZone(skb: Skb, zone: number): void {
    this.zones.set(skb, zone);
    this.zoned = true;
  }

  /** nf_conntrack_attach(): an ICMP error or reset made because of `cause` belongs to its connection, the other way round. */
  attach(skb: Skb, cause: Skb): void {
    if (!cause.ct || !cause.ctInfo) {
      skb.untracked = cause.untracked;
      return;
    }
    skb.ct = cause.ct;
    skb.ctInfo = cause.ctInfo.dir === 'original' ? RELATED_REPLY : RELATED;
  }

  find(tuple: Tuple, zone = 0): TupleEntry | null {
    const entry = this.table.find(tuple, zone);
    if (entry === null) return null;
    if (entry.ct.expires <= this.ns.kernel.sim.now) {
      this.destroy(entry.ct);
      return null;
    }
    return entry;
  }

  /** True when another connection's packets carry this tuple: nf_conntrack_tuple_taken(). */
  taken(tuple: Tuple, ignored: Connection): boolean {
    const entry = this.find(tuple, ignored.zone);
    return entry !== null && entry.ct !== ignored;
  }

  /** Living confirmed connections, oldest first. */
  list(family?: Family): Connection[] {
    const now = this.ns.kernel.sim.now;
    const out: Connection[] = [];
    for (const ct of this.table.connections) {
      if (ct.expires <= now) continue;
      if (family === undefined || tupleFamily(ct.original) === family) out.push(ct);
    }
    return out;
  }

  get count(): number {
    return this.list().length;
  }

  /** Deletes by order of a process (`portid`) or because it ended (0). */
  destroy(ct: Connection, portid = 0): void {
    if (ct.dying) return;
    ct.dying = true;
    this.table.remove(ct);
    if (ct.confirmed) this.emit('DESTROY', ct, portid, 0);
  }

  flush(portid: number, family?: Family): void {
    for (const ct of this.list(family)) this.destroy(ct, portid);
  }

  /** A connection made by hand (`conntrack -I`): EEXIST is the caller's to find out. */
  insert(ct: Connection, portid = 0): void {
    ct.confirmed = true;
    ct.stamped = this.seconds('timestamp', 0) !== 0;
    this.hash(ct);
    this.emit('NEW', ct, portid, 0);
    this.scheduleGc(ct.expires);
  }

  /** A process changed it (`conntrack -U`). */
  changed(ct: Connection, portid: number): void {
    this.emit('UPDATE', ct, portid, 0);
    this.scheduleGc(ct.expires);
  }

  newConnection(original: Tuple, reply: Tuple, zone = 0): Connection {
    return new Connection(++this.ids, original, reply, this.ns.kernel.sim.now, zone);
  }

  seconds(name: string, fallback: number): number {
    let cell = this.numbers.get(name);
    if (!cell) {
      const key = `net.netfilter.nf_conntrack_${name}`;
      cell = this.ns.sysctl.get(key) === undefined ? { n: fallback } : this.ns.sysctl.cell(key);
      this.numbers.set(name, cell);
    }
    return cell.n;
  }

  /** PREROUTING and OUTPUT: finds or makes the connection of a packet. Models nf_conntrack_in() */
  private in(p: XtPacket): HookVerdict {
    const { skb } = p;
    if (skb.ct || skb.untracked || p.frag > 0) return 'accept';
    const zone = this.zoned ? (this.zones.get(skb) ?? 0) : 0;
    if (isIcmp(p.proto)) {
      if (this.icmpError(p, zone)) return 'accept';
      if (p.family === 6 && isNeighbourDiscovery(skb.data[p.l4] as number)) {
        skb.untracked = true;
        return 'accept';
      }
    }
    for (let attempt = 0; attempt < 2; attempt++) {
      const tuple = readTuple(skb.data, p.family, 0, p.l4, p.proto);
      if (!tuple) break;
      const hit = this.find(tuple, zone);
      const ct = hit?.ct ?? this.open(p, tuple, zone);
      if (ct === 'full') return this.ns.nf.dropped('CONNTRACK_FULL');
      if (!ct) break;
      const dir = hit?.dir ?? 'original';
      const verdict = this.packet(p, ct, dir);
      if (verdict === 'reopen') {
        this.destroy(ct);
        continue;
      }
      if (verdict === 'invalid') break;
      skb.ct = ct;
      skb.ctInfo = dir === 'reply' ? ESTABLISHED_REPLY : ct.seenReply ? ESTABLISHED : ct.master ? RELATED : NEW;
      ct.packets[dir]++;
      ct.bytes[dir] += p.len;
      if (dir === 'reply' && !ct.seenReply) {
        ct.seenReply = true;
        ct.pending = true;
      }
      return 'accept';
    }
    this.stats.invalid++;
    return 'accept';
  }

  /** True when the packet is an ICMP error: it is RELATED to the quoted packet's connection, or INVALID. */
  private icmpError(p: XtPacket, zone: number): boolean {
    const type = p.skb.data[p.l4] as number;
    const error = p.proto === IPPROTO_ICMP ? type === 3 || type === 4 || type === 5 || type === 11 || type === 12 : type < 128;
    if (!error || (p.family === 4) !== (p.proto === IPPROTO_ICMP)) return false;
    const quoted = readQuoted(p.skb.data, p.family, p.l4);
    const inverse = quoted && invertTuple(quoted.tuple);
    const hit = inverse && this.find(inverse, zone);
    if (!hit) {
      this.stats.invalid++;
      return true;
    }
    p.skb.ct = hit.ct;
    p.skb.ctInfo = hit.dir === 'original' ? RELATED : RELATED_REPLY;
    return true;
  }

  /** init_conntrack(): null when such a packet cannot open a connection. */
  private open(p: XtPacket, tuple: Tuple, zone: number): Connection | 'full' | null {
    const reply = invertTuple(tuple);
    if (!reply) return null;
    const max = this.seconds('max', 262144);
    if (max > 0 && this.table.connections.size >= max) {
      this.ns.kernel.printk('nf_conntrack: nf_conntrack: table full, dropping packet');
      this.stats.drop++;
      return 'full';
    }
    const ct = new Connection(++this.ids, tuple, reply, this.ns.kernel.sim.now, zone);
    if (tuple.proto === IPPROTO_TCP) {
      const s = readSegment(p);
      ct.tcp = s && validFlags(s.flags) ? tcpNew(s, this.seconds('tcp_loose', 1) !== 0) : null;
      if (!ct.tcp) return null;
    } else if (isIcmp(tuple.proto) && !opensIcmp(tuple)) return null;
    ct.streamAt = this.ns.kernel.sim.now + 2 * SEC;
    return ct;
  }

  /** The protocol's own tracking: state and timeout. */
  private packet(p: XtPacket, ct: Connection, dir: Direction): 'ok' | 'invalid' | 'reopen' {
    if (ct.tcp) {
      const s = readSegment(p);
      if (!s || !validFlags(s.flags)) return 'invalid';
      const { state } = ct.tcp;
      const { assured } = ct;
      const verdict = tcpPacket(ct, dir, s, {
        liberal: this.seconds('tcp_be_liberal', 0) !== 0,
        ignoreInvalidRst: this.seconds('tcp_ignore_invalid_rst', 0) !== 0,
      });
      if (verdict === 'kill') {
        this.destroy(ct);
        return 'ok';
      }
      if (verdict === 'ignore') return 'ok';
      if (verdict !== 'ok') return verdict;
      if (ct.tcp.state !== state || ct.assured !== assured) ct.pending = true;
      const timeout = this.tcpTimeout(ct);
      // A repeated SYN does not make the wait longer.
      if (s.flags & SYN && state === 'SYN_SENT' && ct.tcp.state === 'SYN_SENT' && ct.confirmed && dir === 'original') return 'ok';
      this.refresh(ct, timeout);
      return 'ok';
    }
    if (ct.original.proto === IPPROTO_UDP) {
      const stream = ct.seenReply && this.ns.kernel.sim.now > ct.streamAt;
      this.refresh(ct, stream ? this.seconds('udp_timeout_stream', 120) : this.seconds('udp_timeout', 30));
      if (stream && !ct.assured) {
        ct.assured = true;
        ct.pending = true;
      }
      return 'ok';
    }
    if (ct.original.proto === IPPROTO_ICMP) this.refresh(ct, this.seconds('icmp_timeout', 30));
    else if (ct.original.proto === IPPROTO_ICMPV6) this.refresh(ct, this.seconds('icmpv6_timeout', 30));
    else this.refresh(ct, this.seconds('generic_timeout', 600));
    return 'ok';
  }

  private tcpTimeout(ct: Connection): number {
    const tcp = ct.tcp;
    if (!tcp) return 0;
    const [name, fallback] = TCP_TIMEOUT[tcp.state];
    const normal = this.seconds(name, fallback);
    if (tcp.retrans >= this.seconds('tcp_max_retrans', 3)) return Math.min(normal, this.seconds('tcp_timeout_max_retrans', 300));
    if (tcp.lastIndex === 'rst') return this.seconds('tcp_timeout_close', 10);
    const unacked = this.seconds('tcp_timeout_unacknowledged', 300);
    if (tcp.original.unacked || tcp.reply.unacked) return Math.min(normal, unacked);
    if (tcp.lastWin === 0) return Math.min(normal, this.seconds('tcp_timeout_max_retrans', 300));
    // Picked up in the middle: nobody has answered yet.
    return tcp.state === 'ESTABLISHED' && !ct.seenReply ? Math.min(normal, unacked) : normal;
  }

  private refresh(ct: Connection, seconds: number): void {
    const span = seconds * SEC;
    ct.expires = ct.confirmed ? this.ns.kernel.sim.now + span : span;
  }

  /** The packet leaves the box or reaches a socket: its connection becomes known. Models __nf_conntrack_confirm() */
  private confirm(p: XtPacket): HookVerdict {
    const { ct } = p.skb;
    if (!ct) return 'accept';
    if (!ct.confirmed && !ct.dying && p.skb.ctInfo?.dir === 'original') {
      if (this.find(ct.original, ct.zone) || this.find(ct.reply, ct.zone)) {
        this.stats.insertFailed++;
        this.stats.drop++;
        return this.ns.nf.dropped('CONNTRACK_CLASH');
      }
      ct.confirmed = true;
      ct.stamped = this.seconds('timestamp', 0) !== 0;
      ct.pending = false;
      ct.expires += this.ns.kernel.sim.now;
      this.hash(ct);
      this.scheduleGc(ct.expires);
      this.emit('NEW', ct, 0, p.skb.id);
    } else if (ct.pending && ct.confirmed && !ct.dying) {
      ct.pending = false;
      this.emit('UPDATE', ct, 0, p.skb.id);
    }
    return 'accept';
  }

  private hash(ct: Connection): void {
    this.table.add(ct);
    this.stats.insert++;
  }

  private emit(type: CtEventType, ct: Connection, portid: number, skb: number): void {
    const { kernel } = this.ns;
    if (this.listeners.size > 0) {
      const event: CtEvent = { type, ct, portid, time: kernel.sim.now };
      for (const listener of this.listeners) listener(event);
      this.wq.wakeAll();
    }
    if (kernel.sim.trace.on) {
      const tracked = {
        skb,
        host: kernel.hostname,
        ns: kernel.nameOf(this.ns) ?? '',
        event: type,
        original: tupleKey(ct.original, ct.zone),
        reply: tupleKey(ct.reply, ct.zone),
        state: ct.tcp?.state ?? '',
      };
      kernel.sim.trace.emit('net.ct', tracked, null, ct);
    }
  }

  /** Entries whose time is over are found by look-ups at once and swept up here. Models gc_worker() */
  private scheduleGc(at: number): void {
    const { sim } = this.ns.kernel;
    const time = Math.max(at, sim.now + SEC);
    if (this.gcTimer && this.gcAt <= time) return;
    sim.cancel(this.gcTimer);
    this.gcAt = time;
    this.gcTimer = sim.at(time, () => {
      this.gcTimer = null;
      if (!this.ns.alive) return;
      let next = Number.POSITIVE_INFINITY;
      for (const ct of [...this.table.connections]) {
        if (ct.expires <= sim.now) this.destroy(ct);
        else next = Math.min(next, ct.expires);
      }
      if (next !== Number.POSITIVE_INFINITY) this.scheduleGc(next);
    });
  }
}

function readSegment(p: XtPacket): TcpSegment | null {
  const b = p.skb.data;
  if (p.l4 + 20 > b.length) return null;
  const header = ((b[p.l4 + 12] as number) >> 4) * 4;
  return {
    flags: b[p.l4 + 13] as number,
    seq: u32(b, p.l4 + 4),
    ack: u32(b, p.l4 + 8),
    window: u16(b, p.l4 + 14),
    length: Math.max(0, b.length - p.l4 - header),
    ...(header > 20 ? segmentOptions(b, p.l4 + 20, Math.min(b.length, p.l4 + header)) : null),
  };
}

/** nop, nop, timestamps: what most segments carry. */
const ONLY_TIMESTAMPS = 0x0101080a;

function segmentOptions(b: Uint8Array, at: number, end: number): Partial<TcpSegment> | null {
  if (end - at === 12 && u32(b, at) === ONLY_TIMESTAMPS) return null;
  const o = parseTcpOptions(b, at, end);
  let sack: number | undefined;
  for (const [, right] of o.sack ?? []) if (sack === undefined || after(right, sack)) sack = right;
  return { wscale: o.wscale, sackPermitted: o.sackPermitted, sack };
}

function isNeighbourDiscovery(type: number): boolean {
  return (type >= 133 && type <= 137) || type === 130 || type === 131 || type === 132 || type === 143;
}
