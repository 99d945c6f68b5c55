/** One running configuration of coredns: sockets, server blocks, replies. Models core/dnsserver/server.go */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { acceptTcp, closeSocket, openTcp, openUdp, recvTcp, recvUdp, sendTcp } from '../../os/sockcalls.ts';
import { startThread, type Thread } from '../../os/thread.ts';
import type { TcpSocket, UdpSocket } from '../../os/uapi.ts';
import { strerror } from '../../sim/errno.ts';
import { type IpAddr, isLoopback } from '../../wire/addr.ts';
import { concat, put16 } from '../../wire/bytes.ts';
import { DNS_QR, DNS_RD, DNS_TYPES, type DnsMessage, type DnsRecord, dnsTypeName, parseDns } from '../../wire/dns.ts';
import type { Client } from '../api/client.ts';
import { parseCorefile } from './corefile.ts';
import { httpServer } from './httpd.ts';
import { LogPlugin } from './log.ts';
import { LoopPlugin } from './plugin/small.ts';
import { FORMERR, failure, fitted, type Handler, isSubdomain, type Query, questionOf, REFUSED, type Reply, rr, SERVFAIL } from './query.ts';
import { DIRECTIVES, type ServerChain, setUpServer } from './setup.ts';

export const COREDNS_VERSION = '1.14.2';
/** Queries being answered at a time; more are dropped. */
const MAX_QUERIES = 2000;

export class Instance {
  readonly chains: ServerChain[];
  readonly corefile: string;
  private readonly p: Process;
  private readonly threads = new Set<Thread>();
  private readonly sockets: (UdpSocket | TcpSocket)[] = [];
  private readonly counts = new Map<string, number>();
  private active = 0;

  /** @throws CorefileError or Error for what the configuration lacks. */
  constructor(
    p: Process,
    corefile: string,
    file: string,
    client: () => Client | null,
    print: (line: string) => void,
    fatal: (line: string) => void,
  ) {
    this.p = p;
    this.corefile = corefile;
    const blocks = parseCorefile(corefile, file, DIRECTIVES, (name) => p.env.get(name) ?? '');
    const setup = {
      p,
      client,
      local: () => localAddresses(p),
      lookup: (q: Query, name: string, type: number): Task<Reply> => this.dispatch(questionOf(q, name, type), 53),
      start: (task: Task<void>) => this.thread(task),
      log: print,
      fatal,
    };
    this.chains = blocks.flatMap((b) => setUpServer(b, setup));
    for (const c of this.chains)
      for (const plugin of c.plugins) if (plugin instanceof LogPlugin) plugin.print = (line) => print(`[INFO] ${line}`);
    this.print = print;
  }

  private readonly print: (line: string) => void;

  private thread(task: Task<void>): void {
    const t = startThread(this.p, task);
    this.threads.add(t);
  }

  /** Binds everything; the error text of the first that fails, else null. */
  listen(): string | null {
    const where = new Map<string, { addr: IpAddr; port: number }>();
    for (const c of this.chains)
      for (const addr of c.bind.length > 0 ? c.bind : [0n as IpAddr]) where.set(`${addr}:${c.port}`, { addr, port: c.port });
    for (const { addr, port } of where.values()) {
      const family = typeof addr === 'number' ? 4 : 6;
      const udp = openUdp(this.p, family);
      this.sockets.push(udp);
      const bound = udp.bind(addr, port);
      if (!bound.ok) return `listen udp :${port}: bind: ${strerror(bound.errno).toLowerCase()}`;
      const tcp = openTcp(this.p, family);
      this.sockets.push(tcp);
      const b = tcp.bind(addr, port);
      const l = b.ok ? tcp.listen(128) : b;
      if (!l.ok) return `listen tcp :${port}: bind: ${strerror(l.errno).toLowerCase()}`;
      this.thread(this.serveUdp(udp, port));
      this.thread(this.serveTcp(tcp, port));
    }
    const http = new Map<number, Map<string, () => { status: number; body: string }>>();
    const page = (port: number | undefined, path: string, body: () => { status: number; body: string }): void => {
      if (port === undefined) return;
      const pages = http.get(port) ?? new Map();
      pages.set(path, body);
      http.set(port, pages);
    };
    for (const c of this.chains) {
      page(c.http.health, '/health', () => ({ status: 200, body: 'OK' }));
      page(c.http.ready, '/ready', () => this.readiness());
      page(c.http.metrics, '/metrics', () => ({ status: 200, body: this.metrics() }));
    }
    for (const [port, pages] of http) {
      const server = httpServer(this.p, port, (path) => pages.get(path)?.() ?? { status: 404, body: '404 page not found\n' });
      if (typeof server === 'string') return server;
      this.sockets.push(server.socket);
      this.thread(server.run);
    }
    for (const c of this.chains)
      for (const plugin of c.plugins) if (plugin instanceof LoopPlugin) this.thread(this.probeLoop(plugin, c.port));
    return null;
  }

  private readiness(): { status: number; body: string } {
    const waiting = this.chains.flatMap((c) => c.plugins.filter((plugin) => plugin.ready?.() === false).map((plugin) => plugin.name));
    return waiting.length === 0 ? { status: 200, body: 'OK' } : { status: 503, body: [...new Set(waiting)].sort().join(',') };
  }

  private metrics(): string {
    const lines = [
      "# HELP coredns_build_info A metric with a constant '1' value labeled by version, revision, and goversion from which CoreDNS was built.",
      '# TYPE coredns_build_info gauge',
      `coredns_build_info{goversion="go1.25.5",revision="",version="${COREDNS_VERSION}"} 1`,
    ];
    lines.push(
      '# HELP coredns_dns_requests_total Counter of DNS requests made per zone, protocol and family.',
      '# TYPE coredns_dns_requests_total counter',
    );
    for (const [labels, n] of [...this.counts].sort(([a], [b]) => (a < b ? -1 : 1)))
      lines.push(`coredns_dns_requests_total{${labels}} ${n}`);
    return `${lines.join('\n')}\n`;
  }

  private *probeLoop(plugin: LoopPlugin, port: number): Task<void> {
    const sock = openUdp(this.p);
    sock.connect(0x7f000001, port);
    sock.send(
      fitted(
        {
          id: 1,
          flags: DNS_RD,
          questions: [{ name: plugin.question, type: DNS_TYPES.HINFO, class: 1 }],
          answers: [],
          authority: [],
          additional: [],
        },
        512,
      ),
    );
    yield* recvUdp(sock, this.p.sim.now + 30e6);
    closeSocket(this.p, sock);
    plugin.disable();
  }

  private *serveUdp(sock: UdpSocket, port: number): Task<void> {
    for (;;) {
      const r = yield* recvUdp(sock);
      if (!r.ok) {
        if (r.errno === 'EINTR' || r.errno === 'ECONNREFUSED' || r.errno === 'EHOSTUNREACH') continue;
        return;
      }
      const { data, from, to } = r.value;
      if (this.active >= MAX_QUERIES) continue;
      const me = this;
      this.thread(
        (function* (): Task<void> {
          const reply = yield* me.answer(data, 'udp', from, port);
          if (reply) sock.sendTo(reply, from.addr, from.port, { src: to });
        })(),
      );
    }
  }

  private *serveTcp(listener: TcpSocket, port: number): Task<void> {
    for (;;) {
      const r = yield* acceptTcp(this.p, listener);
      if (!r.ok) {
        if (r.errno === 'EINTR' || r.errno === 'ECONNABORTED') continue;
        return;
      }
      this.thread(this.connection(r.value, port));
    }
  }

  private *connection(sock: TcpSocket, port: number): Task<void> {
    const from = { addr: sock.remote?.addr ?? 0, port: sock.remote?.port ?? 0 };
    let got: Uint8Array = new Uint8Array(0);
    try {
      for (;;) {
        while (got.length < 2 || got.length < 2 + (((got[0] as number) << 8) | (got[1] as number))) {
          const r = yield* recvTcp(sock, 65536, this.p.sim.now + 10e6);
          if (!r.ok || r.value.length === 0) return;
          got = concat([got, r.value]);
        }
        const length = ((got[0] as number) << 8) | (got[1] as number);
        const reply = yield* this.answer(got.subarray(2, 2 + length), 'tcp', from, port);
        got = got.slice(2 + length);
        if (!reply) return;
        const head = new Uint8Array(2);
        put16(head, 0, reply.length);
        if (!(yield* sendTcp(sock, concat([head, reply]))).ok) return;
      }
    } finally {
      closeSocket(this.p, sock);
    }
  }

  private *answer(data: Uint8Array, proto: 'udp' | 'tcp', from: { addr: IpAddr; port: number }, port: number): Task<Uint8Array | null> {
    const request = parseDns(data);
    if (!request || (request.flags & DNS_QR) !== 0) return null;
    const question = request.questions[0];
    const opt = request.additional.find((r) => r.type === DNS_TYPES.OPT);
    const size = proto === 'tcp' ? 65535 : Math.max(512, opt?.class ?? 512);
    const dnssecOk = opt !== undefined && (opt.ttl & 0x8000) !== 0;
    const mapped = typeof from.addr === 'bigint' && from.addr >> 32n === 0xffffn;
    const client = { addr: mapped ? Number((from.addr as bigint) & 0xffffffffn) : from.addr, port: from.port };
    const q: Query = {
      p: this.p,
      proto,
      client,
      request,
      qname: question?.name ?? '',
      name: (question?.name ?? '').toLowerCase(),
      type: question?.type ?? 0,
      size,
      dnssecOk,
    };
    this.active++;
    let reply: Reply;
    try {
      if (!question) reply = failure(SERVFAIL);
      else if (question.class !== 1) reply = failure(REFUSED);
      else reply = yield* this.dispatch(q, port);
    } finally {
      this.active--;
    }
    const message: DnsMessage = reply.message ?? {
      id: request.id,
      flags: DNS_QR | (request.flags & (DNS_RD | 0x7800)) | (reply.rcode === 0 ? FORMERR : reply.rcode),
      questions: [...request.questions],
      answers: [],
      authority: [],
      additional: [],
    };
    const additional: DnsRecord[] = message.additional.filter((r) => r.type !== DNS_TYPES.OPT);
    if (opt) additional.push({ ...rr('', DNS_TYPES.OPT, dnssecOk ? 0x8000 : 0, new Uint8Array(0)), class: opt.class });
    return fitted({ ...message, id: request.id, additional }, size);
  }

  /** The server block with the longest zone that the name lies in. */
  private *dispatch(q: Query, port: number): Task<Reply> {
    let best: { chain: ServerChain; zone: string } | null = null;
    for (const chain of this.chains)
      if (chain.port === port)
        for (const zone of chain.zones) if (isSubdomain(zone, q.name) && (!best || zone.length > best.zone.length)) best = { chain, zone };
    if (!best) return failure(REFUSED);
    const { chain, zone } = best;
    const labels = `family="${typeof q.client.addr === 'number' ? 1 : 2}",proto="${q.proto}",server="dns://:${port}",type="${dnsTypeName(q.type)}",view="",zone="${zone}."`;
    this.counts.set(labels, (this.counts.get(labels) ?? 0) + 1);
    const { plugins } = chain;
    const next = (i: number): Handler =>
      function* (query) {
        for (let k = i; k < plugins.length; k++) {
          const plugin = plugins[k];
          if (plugin?.serve) return yield* plugin.serve(query, next(k + 1));
        }
        return failure(REFUSED);
      };
    const r = yield* next(0)(q);
    if (r.error !== undefined && chain.logsErrors)
      this.print(`[ERROR] plugin/errors: ${r.rcode} ${q.qname}. ${dnsTypeName(q.type)}: ${r.error}`);
    return r;
  }

  stop(): void {
    for (const c of this.chains) for (const plugin of c.plugins) plugin.stop?.();
    for (const t of this.threads) t.stop();
    for (const s of this.sockets) closeSocket(this.p, s);
  }
}

function localAddresses(p: Process): IpAddr[] {
  const out: IpAddr[] = [];
  for (const dev of p.ns.devices.values()) {
    for (const a of dev.addrs4) if (!isLoopback(a.local)) out.push(a.local);
    for (const a of dev.addrs6) if (!isLoopback(a.local)) out.push(a.local);
  }
  return out;
}
