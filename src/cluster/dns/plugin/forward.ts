/** The forward plugin: sends what is left to upstream servers, checks their health. Models plugin/forward and plugin/pkg/proxy */

import type { Process } from '../../../os/process.ts';
import type { Task } from '../../../os/program.ts';
import { closeSocket, connectTcp, openTcp, openUdp, recvTcp, sendTcp, waitFor } from '../../../os/sockcalls.ts';
import type { Errno } from '../../../os/uapi.ts';
import { strerror } from '../../../sim/errno.ts';
import { SEC } from '../../../sim/sim.ts';
import { formatIp, type IpAddr } from '../../../wire/addr.ts';
import { concat, put16 } from '../../../wire/bytes.ts';
import { DNS_RD, DNS_TC, DNS_TYPES, type DnsMessage, emitDns, parseDns } from '../../../wire/dns.ts';
import {
  FORMERR,
  failure,
  type Handler,
  isSubdomain,
  matchZone,
  type Plugin,
  type Query,
  REFUSED,
  type Reply,
  SERVFAIL,
} from '../query.ts';

export interface Upstream {
  readonly addr: IpAddr;
  readonly port: number;
}

export interface ForwardOptions {
  readonly from: string;
  readonly to: readonly Upstream[];
  readonly except: readonly string[];
  readonly forceTcp: boolean;
  readonly preferUdp: boolean;
  /** Failures after which an upstream counts as down; 0: never. */
  readonly maxFails: number;
  readonly policy: 'random' | 'round_robin' | 'sequential';
  /** Queries at a time; 0: no limit. */
  readonly maxConcurrent: number;
}

/** Whole time for a query, and for one reply. */
const DEADLINE = 5 * SEC;
const READ_TIMEOUT = 2 * SEC;
const HEALTH_INTERVAL = 0.5 * SEC;

class UpstreamState {
  readonly to: Upstream;
  fails = 0;
  checking = false;

  constructor(to: Upstream) {
    this.to = to;
  }

  get text(): string {
    return hostPort(this.to.addr, this.to.port);
  }
}

function hostPort(addr: IpAddr, port: number): string {
  return typeof addr === 'number' ? `${formatIp(addr)}:${port}` : `[${formatIp(addr)}]:${port}`;
}

type Exchange = { ok: true; message: DnsMessage } | { ok: false; error: string };

export class ForwardPlugin implements Plugin {
  readonly name = 'forward';
  private readonly o: ForwardOptions;
  private readonly proxies: readonly UpstreamState[];
  private readonly start: (task: Task<void>) => void;
  private active = 0;
  private turn = 0;

  /** `start` runs a task beside the queries: health checks. */
  constructor(options: ForwardOptions, start: (task: Task<void>) => void) {
    this.o = options;
    this.proxies = options.to.map((to) => new UpstreamState(to));
    this.start = start;
  }

  private order(p: Process): readonly UpstreamState[] {
    const n = this.proxies.length;
    if (n < 2 || this.o.policy === 'sequential') return this.proxies;
    const first = this.o.policy === 'round_robin' ? this.turn++ % n : p.sim.rng('coredns/forward').below(n);
    return [...this.proxies.slice(first), ...this.proxies.slice(0, first)];
  }

  *serve(q: Query, next: Handler): Task<Reply> {
    const { o } = this;
    const ignored = q.name !== o.from && matchZone(o.except, q.name) !== null;
    if (!isSubdomain(o.from, q.name) || ignored) return yield* next(q);
    if (o.maxConcurrent > 0 && this.active >= o.maxConcurrent)
      return failure(REFUSED, `concurrent queries exceeded maximum ${o.maxConcurrent}`);
    this.active++;
    try {
      return yield* this.ask(q);
    } finally {
      this.active--;
    }
  }

  private *ask(q: Query): Task<Reply> {
    const list = this.order(q.p);
    const deadline = q.p.sim.now + DEADLINE;
    let error = 'no healthy proxies';
    let attempts = 0;
    let fails = 0;
    for (let i = 0; q.p.sim.now < deadline && attempts < 2 * list.length; i++) {
      if (i % list.length === 0) fails = 0;
      let proxy = list[i % list.length] as UpstreamState;
      if (this.o.maxFails > 0 && proxy.fails >= this.o.maxFails) {
        if (++fails < list.length) continue;
        proxy = list[q.p.sim.rng('coredns/forward').below(list.length)] as UpstreamState;
      }
      let tcp = this.o.forceTcp || (q.proto === 'tcp' && !this.o.preferUdp);
      let r = yield* this.exchange(q, proxy, tcp);
      if (r.ok && (r.message.flags & DNS_TC) !== 0 && this.o.preferUdp && !tcp) {
        tcp = true;
        r = yield* this.exchange(q, proxy, tcp);
      }
      if (!r.ok) {
        error = r.error;
        attempts++;
        if (this.o.maxFails > 0) this.check(q.p, proxy);
        continue;
      }
      const asked = r.message.questions[0];
      if (!asked || asked.type !== q.type || asked.name.toLowerCase() !== q.name) return failure(FORMERR);
      return { rcode: r.message.flags & 15, message: { ...r.message, id: q.request.id, questions: [...q.request.questions] } };
    }
    return failure(SERVFAIL, error);
  }

  private *exchange(q: Query, proxy: UpstreamState, tcp: boolean): Task<Exchange> {
    const id = q.p.sim.rng('coredns/id').below(65536);
    const bytes = emitDns({ ...q.request, id, answers: [], authority: [] });
    const until = q.p.sim.now + READ_TIMEOUT;
    return tcp ? yield* overTcp(q.p, proxy.to, bytes, id, until) : yield* overUdp(q.p, proxy.to, bytes, id, until);
  }

  /** Asks the upstream for `. NS` every half second until it answers. */
  private check(p: Process, proxy: UpstreamState): void {
    if (proxy.checking) return;
    proxy.checking = true;
    const query = emitDns({
      id: 1,
      flags: DNS_RD,
      questions: [{ name: '', type: DNS_TYPES.NS, class: 1 }],
      answers: [],
      authority: [],
      additional: [],
    });
    const forward = this;
    function* run(): Task<void> {
      for (;;) {
        const begin = p.sim.now;
        const r = yield* overUdp(p, proxy.to, query, 1, begin + SEC);
        if (r.ok) break;
        proxy.fails++;
        const next = begin + HEALTH_INTERVAL * Math.min(2 ** Math.min(proxy.fails, 6), 60);
        while (p.sim.now < next) yield { until: next };
        if (forward.stopped) return;
      }
      proxy.fails = 0;
      proxy.checking = false;
    }
    this.start(run());
  }

  private stopped = false;

  stop(): void {
    this.stopped = true;
  }
}

/** As Go words it: `read udp 10.244.0.2:40551->192.168.56.1:53: i/o timeout`. */
function goError(op: string, proto: string, local: string, remote: string, errno: Errno): string {
  const what = errno === 'EAGAIN' ? 'i/o timeout' : `${op}: ${strerror(errno).toLowerCase()}`;
  return op === 'connect' ? `dial ${proto} ${remote}: ${what}` : `${op} ${proto} ${local}->${remote}: ${what}`;
}

function* overUdp(p: Process, to: Upstream, bytes: Uint8Array, id: number, until: number): Task<Exchange> {
  const sock = openUdp(p, typeof to.addr === 'number' ? 4 : 6);
  const remote = hostPort(to.addr, to.port);
  try {
    const c = sock.connect(to.addr, to.port);
    if (!c.ok) return { ok: false, error: goError('connect', 'udp', '', remote, c.errno) };
    const local = sock.local ? hostPort(sock.local.addr, sock.local.port) : '';
    const sent = sock.send(bytes);
    if (!sent.ok) return { ok: false, error: goError('write', 'udp', local, remote, sent.errno) };
    for (;;) {
      const w = yield* waitFor(sock, () => sock.readable(), until);
      if (!w.ok && w.errno === 'EINTR') continue;
      const r = w.ok ? sock.recv() : w;
      if (!r.ok) return { ok: false, error: goError('read', 'udp', local, remote, r.errno) };
      const m = parseDns(r.value);
      if (m && m.id === id) return { ok: true, message: m };
    }
  } finally {
    closeSocket(p, sock);
  }
}

function* overTcp(p: Process, to: Upstream, bytes: Uint8Array, id: number, until: number): Task<Exchange> {
  const sock = openTcp(p, typeof to.addr === 'number' ? 4 : 6);
  const remote = hostPort(to.addr, to.port);
  try {
    const c = yield* connectTcp(sock, to.addr, to.port, until);
    if (!c.ok) return { ok: false, error: goError('connect', 'tcp', '', remote, c.errno) };
    const local = sock.local ? hostPort(sock.local.addr, sock.local.port) : '';
    const head = new Uint8Array(2);
    put16(head, 0, bytes.length);
    const sent = yield* sendTcp(sock, concat([head, bytes]), until);
    if (!sent.ok) return { ok: false, error: goError('write', 'tcp', local, remote, sent.errno) };
    let got: Uint8Array = new Uint8Array(0);
    while (got.length < 2 || got.length < 2 + (((got[0] as number) << 8) | (got[1] as number))) {
      const r = yield* recvTcp(sock, 65536, until);
      if (!r.ok) return { ok: false, error: goError('read', 'tcp', local, remote, r.errno) };
      if (r.value.length === 0) return { ok: false, error: 'EOF' };
      got = concat([got, r.value]);
    }
    const m = parseDns(got.subarray(2));
    return m && m.id === id ? { ok: true, message: m } : { ok: false, error: 'dns: bad reply' };
  } finally {
    closeSocket(p, sock);
  }
}
