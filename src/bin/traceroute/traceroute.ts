/** traceroute: finds the routers on a path by packets whose TTL runs out. Models traceroute 2.1.2 traceroute.c */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { gaiStrerror, getaddrinfo, gethostbyaddr } from '../../os/resolver.ts';
import { routeOutput } from '../../os/uapi.ts';
import { strerror } from '../../sim/errno.ts';
import { formatIp } from '../../wire/addr.ts';
import { type Broken, methodFor, type Probe, type ProbeMethod } from './methods.ts';
import { parseTraceroute, type TraceOptions } from './options.ts';
import { HELP } from './usage.ts';

const VERSION = 'Modern traceroute for Linux, version 2.1.2\nCopyright (c) 2016  Dmitry Butskoy,   License: GPL v2 or any later\n';
/** Shortest wait that a quick answer of a neighbour may lead to, seconds. */
const MIN_WAIT = 0.005;
/** A DCCP request with its IPv4 header. */
const DCCP_LEN = 40;
/** CPU time of one probe, µs. */
const PROBE_COST = 15;

class Traceroute {
  private readonly p: Process;
  private readonly o: TraceOptions;
  private readonly method: ProbeMethod;
  private readonly probes: Probe[];
  private end: number;

  constructor(p: Process, o: TraceOptions) {
    this.p = p;
    this.o = o;
    this.method = methodFor(p, o);
    this.end = o.maxHops * o.queries;
    this.probes = Array.from({ length: this.end }, (_, index) => ({
      index,
      done: false,
      final: false,
      from: null,
      sentAt: null,
      receivedAt: null,
      error: '',
      flags: '',
      ttl: 0,
      seq: -1,
      sock: null,
    }));
  }

  *run(): Task<number> {
    const { p, o, method } = this;
    const shown = formatIp(o.addr);
    const problem = method.init();
    if (problem) return yield* this.fail(problem);
    if (o.method === 'raw') o.simultaneous = 1;
    yield* p.out(
      `traceroute to ${o.host} (${shown}), ${o.maxHops} hops max, ${o.method === 'dccp' ? (o.packetLen ?? DCCP_LEN) : method.headerLen + method.dataLen} byte packets`,
    );
    if (o.method === 'dccp') return yield* this.fail({ call: 'socket', errno: 'ESOCKTNOSUPPORT' });
    if (o.direct) {
      const r = routeOutput(p.ns, { dst: o.addr, src: null, oif: null, mark: 0, tos: 0, proto: 17, sport: 0, dport: 0, uid: p.uid });
      if (!r.ok || r.value.gateway !== null) return yield* this.fail({ call: 'connect', errno: 'ENETUNREACH' });
    }
    let start = (o.firstHop - 1) * o.queries;
    let lastSend = 0;
    while (start < this.end) {
      let underway = 0;
      let next: number | null = null;
      for (let n = start; n < this.end; n++) {
        const probe = this.probes[n] as Probe;
        if (!probe.done && probe.sentAt !== null && p.sim.now - probe.sentAt >= this.timeout(probe)) method.expire(probe);
        if (probe.done) {
          if (n === start) {
            const status = yield* this.print(probe);
            if (status !== 0) return status;
            start++;
          }
          if (probe.final) this.end = (Math.floor(n / o.queries) + 1) * o.queries;
          continue;
        }
        if (probe.sentAt === null) {
          const earliest = lastSend + o.sendWait * 1e6;
          if (o.sendWait > 0 && lastSend > 0 && p.sim.now < earliest) {
            next = next === null ? earliest : Math.min(next, earliest);
            break;
          }
          const r = method.send(probe, Math.floor(n / o.queries) + 1);
          if (typeof r === 'object') return yield* this.fail(r);
          if (!r) {
            next ??= p.sim.now + 10_000;
            break;
          }
          lastSend = p.sim.now;
          yield* p.charge(PROBE_COST);
        }
        if (next === null) next = (probe.sentAt ?? p.sim.now) + this.timeout(probe);
        underway++;
        if (underway >= o.simultaneous) break;
      }
      if (next === null) continue;
      const socks = method.socks(this.probes);
      if (!socks.some((s) => s.readable()) && next > p.sim.now) yield* p.wait({ on: socks.map((s) => s.wq), until: Math.ceil(next) });
      method.poll(this.probes);
    }
    yield* p.out('\n');
    return 0;
  }

  private *fail(b: Broken): Task<number> {
    yield* this.p.err(`\n${b.call}: ${strerror(b.errno)}\n`);
    return 1;
  }

  /** How long to wait for a probe, µs: less when others of its hop, or of a later hop, have answered. Models get_timeout(). */
  private timeout(probe: Probe): number {
    const { o } = this;
    const limit = o.wait * 1e6;
    const trip = (x: Probe): number | null => (x.receivedAt === null || x.sentAt === null ? null : x.receivedAt - x.sentAt);
    if (o.hereFactor > 0) {
      const first = Math.floor(probe.index / o.queries) * o.queries;
      const trips = this.probes.slice(first, first + o.queries).flatMap((x) => trip(x) ?? []);
      const longest = trips.length > 0 ? Math.max(...trips) * o.hereFactor : null;
      if (longest !== null) return Math.min(limit, Math.max(longest, MIN_WAIT * 1e6));
    }
    if (o.nearFactor > 0) {
      for (let n = probe.index + 1; n < this.end; n++) {
        const x = this.probes[n] as Probe;
        if (x.sentAt === null) break;
        const t = trip(x);
        if (t !== null) return Math.min(limit, Math.max(t * o.nearFactor, MIN_WAIT * 1e6));
      }
    }
    return limit;
  }

  private *print(probe: Probe): Task<number> {
    const { o } = this;
    const np = probe.index % o.queries;
    let out = np === 0 ? `\n${String(Math.floor(probe.index / o.queries) + 1).padStart(2)} ` : '';
    if (probe.from === null) out += ' *';
    else {
      let before: Probe | null = null;
      for (let k = 1; k <= np && !before; k++) {
        const x = this.probes[probe.index - k] as Probe;
        if (x.from !== null) before = x;
      }
      if (before?.from !== probe.from) {
        const addr = formatIp(probe.from);
        out += o.numeric ? ` ${addr}` : ` ${(yield* gethostbyaddr(this.p, probe.from))?.name ?? addr} (${addr})`;
        if (o.asPath) {
          // The whois registry is asked for the first address already.
          const r = yield* getaddrinfo(this.p, 'whois.radb.net');
          const why = r.ok ? 'look-ups in registries are not emulated' : gaiStrerror(r.error);
          yield* this.p.out(out);
          yield* this.p.err(`whois.radb.net/nicname: ${why}\n`);
          return 2;
        }
      }
      if (probe.flags !== '' && before?.flags !== probe.flags) out += ` <${probe.flags}>`;
      const hops = backHops(probe.ttl);
      if (o.back && probe.ttl > 0 && hops !== Math.floor(probe.index / o.queries) + 1) out += ` '-${hops}'`;
    }
    if (probe.receivedAt !== null && probe.sentAt !== null) out += `  ${((probe.receivedAt - probe.sentAt) / 1000).toFixed(3)} ms`;
    if (probe.error !== '') out += ` ${probe.error}`;
    yield* this.p.out(out);
    return 0;
  }
}

/** Hops that a packet has come, guessed from what is left of its TTL. */
function backHops(ttl: number): number {
  return (ttl <= 64 ? 65 : ttl <= 128 ? 129 : 256) - ttl;
}

function* main(p: Process): Task<number> {
  if (p.name === 'tcptraceroute') {
    const args = ['-T', '-O', 'info', ...p.argv.slice(1)];
    yield* p.err(`Running:\n\ttraceroute ${args.join(' ')} \n`);
    p.argv = [p.name, ...args];
  } else if (p.name === 'traceroute6') p.argv = [p.name, '-6', ...p.argv.slice(1)];
  const parsed = yield* parseTraceroute(p);
  if ('help' in parsed) {
    yield* p.err(HELP);
    return 0;
  }
  if ('version' in parsed) {
    yield* p.err(VERSION);
    return 0;
  }
  if ('error' in parsed) {
    yield* p.err(`${parsed.error}\n`);
    return 2;
  }
  return yield* new Traceroute(p, parsed.options).run();
}

export const traceroute: Command = { name: 'traceroute', main, path: '/usr/sbin/traceroute', aliases: ['traceroute6', 'tcptraceroute'] };
