/** ping: echo requests, replies and statistics. Models iputils 20221126 ping/ping.c, ping_common.c */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { gaiStrerror, getaddrinfo, inetAton, nameInfo } from '../../os/resolver.ts';
import { closeSocket, openRaw } from '../../os/sockcalls.ts';
import type { RawSocket } from '../../os/uapi.ts';
import { strerror } from '../../sim/errno.ts';
import { formatIp, type IpAddr, isLinkLocal, isMulticast, parseIp6, readIp4 } from '../../wire/addr.ts';
import { u16, u32 } from '../../wire/bytes.ts';
import { emitIcmp, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_REDIRECT, parseIcmp } from '../../wire/icmp.ts';
import { emitIcmp6, ICMPV6_ECHO_REPLY, ICMPV6_ECHO_REQUEST } from '../../wire/icmp6.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, ip4HeaderLen } from '../../wire/ipv4.ts';
import { describeIcmp4, describeIcmp6 } from './icmptext.ts';
import { ICMPV6_NI_QUERY, niQuery } from './nodeinfo.ts';
import { type PingOptions, parsePing } from './options.ts';
import { configure, findSource, IPOPT_RR } from './setup.ts';
import { USAGE } from './usage.ts';

const VERSION = 'ping from iputils 20221126\nlibcap: yes, IDN: yes, NLS: no, error.h: yes, getrandom(): yes, __fpending(): yes\n';
/** Shortest pause of a flood, ms. */
const MIN_INTERVAL = 10;

interface Target {
  addr: IpAddr;
  hostname: string;
  source: IpAddr;
  /** Interface name after `%`. */
  zone: string | null;
}

function putLe32(b: Uint8Array, at: number, v: number): void {
  b[at] = v;
  b[at + 1] = v >>> 8;
  b[at + 2] = v >>> 16;
  b[at + 3] = v >>> 24;
}

function le32(b: Uint8Array, at: number): number {
  return (((b[at + 3] as number) << 24) | ((b[at + 2] as number) << 16) | ((b[at + 1] as number) << 8) | (b[at] as number)) >>> 0;
}

/** fill(): the pattern, or 0, 1, 2 …; zeroes where the time comes. */
function filled({ size, pattern }: PingOptions): Uint8Array {
  // More than a packet holds is refused when it is sent.
  const b = new Uint8Array(Math.min(size, 0x10000));
  for (let i = 0; i < b.length; i++) b[i] = pattern && pattern.length > 0 ? (pattern[i % pattern.length] as number) : i;
  if (size >= 16) b.fill(0, 0, 16);
  return b;
}

class Ping {
  private readonly p: Process;
  private readonly o: PingOptions;
  private readonly sock: RawSocket;
  private readonly t: Target;
  private readonly ident: number;
  /** What every request carries; the time is written anew into the first 16 bytes. */
  private readonly payload: Uint8Array;
  private readonly name: string;
  private sent = 0;
  private received = 0;
  private repeats = 0;
  private errors = 0;
  private acked = 0;
  private pipe = 0;
  private readonly seen = new Set<number>();
  private rtt = { min: Number.POSITIVE_INFINITY, max: 0, sum: 0, squares: 0, ewma: 0 };
  private start = 0;
  private last: number | null = null;
  private tokens = 0;
  /** How often in a row the device's queue was full. */
  private full = 0;
  private exiting = false;
  private lastRoute = '';
  private snapshot = false;
  private exitAt: number | null = null;

  constructor(p: Process, o: PingOptions, sock: RawSocket, t: Target) {
    this.p = p;
    this.o = o;
    this.sock = sock;
    this.t = t;
    this.name = p.name;
    this.payload = filled(o);
    this.ident = o.ident ?? p.getpid() & 0xffff;
  }

  private get v4(): boolean {
    return typeof this.t.addr === 'number';
  }

  private get timing(): boolean {
    return this.o.size >= 16;
  }

  *run(): Task<number> {
    const { p, o } = this;
    p.onSignal('INT', () => {
      this.exiting = true;
    });
    p.onSignal('QUIT', () => {
      this.snapshot = true;
    });
    yield* this.banner();
    this.start = p.sim.now;
    const deadline = o.deadline > 0 ? this.start + o.deadline * 1e6 : null;
    for (;;) {
      if (this.exiting) break;
      if (o.count > 0 && this.received + this.errors >= o.count) break;
      if (o.deadline > 0 && this.errors > 0) break;
      if (this.snapshot) yield* this.status();
      let next: number;
      do next = this.scheduleExit(yield* this.pinger());
      while (next <= 0);
      const limits = [p.sim.now + Math.round(next * 1000)];
      if (deadline !== null) limits.push(deadline);
      if (this.exitAt !== null) limits.push(this.exitAt);
      const until = Math.min(...limits);
      if (!this.sock.readable()) {
        const wake = yield { on: [this.sock.wq], until };
        if (wake === 'signal') continue;
      }
      while (this.sock.readable()) {
        yield* this.receive();
        // With nothing in flight the sender has its turn, and may find that all is done.
        if (this.inFlight() === 0) break;
      }
      const now = p.sim.now;
      if ((deadline !== null && now >= deadline) || (this.exitAt !== null && now >= this.exitAt)) this.exiting = true;
    }
    return yield* this.finish();
  }

  private *banner(): Task<void> {
    const { p, o, t } = this;
    if (o.pattern) yield* p.out(`PATTERN: 0x${o.patternText}\n`);
    const shown = this.v4 ? ` (${formatIp(t.addr)}) ` : `(${yield* this.peer(t.addr)}) `;
    let from = '';
    if (o.device !== null || o.strict || o.source4 !== null || o.source6 !== null)
      from = `from ${yield* this.own(t.source)} ${o.device ?? ''}: `;
    const options = o.recordRoute || o.timestamp ? 40 : 0;
    const flow = this.v4 || o.flowLabel === null ? '' : `, flow 0x${o.flowLabel.toString(16).padStart(5, '0')}, `;
    const size = this.v4 ? `${o.size}(${o.size + 8 + options + 20}) bytes of data.` : `${o.size} data bytes`;
    yield* p.out(`PING ${t.hostname}${shown}${from}${flow}${size}\n`);
  }

  private *own(addr: IpAddr): Task<string> {
    return typeof addr === 'number' ? formatIp(addr) : yield* this.peer(addr);
  }

  /** `name (address)`, or the address alone with -n. */
  private *peer(addr: IpAddr, dev: string | null = this.t.zone): Task<string> {
    const zone = dev !== null && typeof addr === 'bigint' && (isLinkLocal(addr) || isMulticast(addr)) ? `%${dev}` : '';
    if (this.o.numeric || this.exiting) return formatIp(addr) + zone;
    const name = yield* nameInfo(this.p, addr);
    return name === null ? formatIp(addr) : `${name} (${formatIp(addr)})`;
  }

  private inFlight(): number {
    const diff = (this.sent - this.acked) & 0xffff;
    return diff <= 0x7fff ? diff : this.sent - this.received - this.errors;
  }

  /** Sends when it is time to; returns the ms until then. */
  private *pinger(): Task<number> {
    const { o, p } = this;
    if (this.exiting || (o.count > 0 && this.sent >= o.count && o.deadline === 0)) return 1000;
    const now = p.sim.now;
    if (this.last === null) {
      this.last = now;
      this.tokens = o.interval * (o.preload - 1);
    } else {
      let tokens = (now - this.last) / 1000;
      if (o.interval === 0 && tokens < MIN_INTERVAL && this.inFlight() >= o.preload) return MIN_INTERVAL - tokens;
      tokens = Math.min(tokens + this.tokens, o.interval * o.preload);
      if (tokens < o.interval) return o.interval - tokens;
      this.last = now;
      this.tokens = tokens - o.interval;
    }
    if (o.outstanding && this.sent > 0 && !this.seen.has(this.sent & 0xffff)) {
      yield* p.out(`${this.stamp()}no answer yet for icmp_seq=${this.sent % 65536}\n`);
    }
    // rcvd_clear(): the number may come round again.
    this.seen.delete((this.sent + 1) & 0xffff);
    const r = this.sock.sendTo(this.probe(this.sent + 1), this.t.addr);
    this.sent++;
    if (r.ok) {
      this.full = 0;
      if (!o.quiet && o.flood) yield* p.out('.');
      return o.interval - this.tokens;
    }
    if (r.errno === 'ENOBUFS') {
      this.tokens = 0;
      const pause = Math.min(500, o.interval / 2);
      this.full++;
      if (this.full * pause < o.linger) {
        this.sent--;
        return pause;
      }
      if (!o.quiet) yield* o.flood ? p.out('E') : p.err(`${this.name}: sendmsg: ${strerror(r.errno)}\n`);
      return o.interval;
    }
    // With an empty error queue receive_error_msg() returns -1, and then "sendmsg: …" is not printed.
    // An answer of this host's own firewall is there before the call returns.
    if (r.errno === 'EPERM') for (let n = 0; n < 8 && !this.sock.readable(); n++) yield {};
    const e = this.sock.recvError();
    if (e.ok) {
      // An ICMP error that is there already: the packet left in some way, and the call failed all the same.
      if (e.value.origin === 'icmp') {
        yield* this.icmpError(e.value);
        if (!o.quiet) {
          if (o.flood) yield* p.out('E');
          else yield* p.err(`${this.name}: sendmsg: ${strerror(r.errno)}\n`);
        }
      } else {
        this.errors++;
        if (!o.quiet) {
          const text =
            e.value.errno === 'EMSGSIZE' ? `message too long, mtu${this.v4 ? '=' : ': '}${e.value.info}` : strerror(e.value.errno);
          yield* p.err(`${this.name}: local error: ${text}\n`);
        }
      }
    }
    this.tokens = 0;
    return o.interval;
  }

  private probe(seq: number): Uint8Array {
    const { payload } = this;
    if (this.timing) {
      const { now, epochMs } = this.p.sim;
      putLe32(payload, 0, Math.floor(epochMs / 1000) + Math.floor(now / 1e6));
      putLe32(payload, 8, now % 1_000_000);
    }
    const rest = ((this.ident << 16) | (seq & 0xffff)) >>> 0;
    if (this.v4) return emitIcmp({ type: ICMP_ECHO, code: 0, rest, payload });
    if (this.o.nodeInfo?.query) {
      const target = new Uint8Array(16);
      for (let i = 0; i < 16; i++) target[i] = Number(((this.t.addr as bigint) >> BigInt(120 - 8 * i)) & 0xffn);
      return emitIcmp6(
        { type: ICMPV6_NI_QUERY, ...niQuery(this.o.nodeInfo, target, this.ident, seq) },
        this.t.source as bigint,
        this.t.addr as bigint,
      );
    }
    return emitIcmp6({ type: ICMPV6_ECHO_REQUEST, code: 0, rest, payload }, this.t.source as bigint, this.t.addr as bigint);
  }

  /** Once all is sent: how long to wait for what is still under way. */
  private scheduleExit(next: number): number {
    const { o } = this;
    if (o.count === 0 || this.sent < o.count || o.deadline > 0 || this.exitAt !== null) return next;
    const wait = this.received > 0 ? Math.max((2 * this.rtt.max) / 1000, o.interval) : o.linger;
    // setitimer() with zero never goes off.
    if (wait === 0) return Math.max(next, 1000);
    this.exitAt = this.p.sim.now + Math.round(wait * 1000);
    return Math.max(next, wait);
  }

  private *receive(): Task<void> {
    const e = this.sock.recvError();
    if (e.ok) {
      this.sock.takeError();
      if (e.value.origin === 'icmp') yield* this.icmpError(e.value);
      return;
    }
    const r = this.sock.recv();
    if (!r.ok) return;
    const { data, from, ttl, time } = r.value;
    const dev = r.value.dev?.name ?? null;
    const message = this.v4 ? data.subarray(ip4HeaderLen(data)) : data;
    if (this.v4 && message[0] === ICMP_REDIRECT) yield* this.redirected(message, from);
    if (message.length < 8 || message[0] !== (this.v4 ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY) || u16(message, 4) !== this.ident) return;
    if (this.v4 && !parseIcmp(message)) return;
    yield* this.reply(message, from, dev, ttl, time, this.v4 ? this.route(data) : '');
  }

  /** A router knows a shorter way for one of our requests. */
  private *redirected(message: Uint8Array, from: IpAddr): Task<void> {
    const quoted = message.subarray(8);
    if (this.o.quiet || this.o.flood || quoted.length < 28) return;
    const inner = quoted.subarray(ip4HeaderLen(quoted));
    if (inner[0] !== ICMP_ECHO || readIp4(quoted, 16) !== this.t.addr || u16(inner, 4) !== this.ident) return;
    const what = ['Redirect Network', 'Redirect Host', 'Redirect Type of Service and Network', 'Redirect Type of Service and Host'][
      message[1] as number
    ];
    const hop = formatIp(readIp4(message, 4));
    yield* this.p.out(
      `${this.stamp()}From ${yield* this.peer(from)}: icmp_seq=${u16(inner, 6)} ${what ?? `Redirect, Bad Code: ${message[1]}`}(New nexthop: ${hop})\n`,
    );
  }

  /** The recorded route of a reply, as pr_options() shows it. */
  private route(packet: Uint8Array): string {
    const end = ip4HeaderLen(packet);
    for (let i = 20; i < end && packet[i] !== 0; ) {
      if (packet[i] === 1) {
        i++;
        continue;
      }
      const len = Math.max(2, packet[i + 1] as number);
      if (packet[i] === IPOPT_RR) {
        const used = Math.min(packet[i + 2] as number, len) - 4;
        const hops: string[] = [];
        for (let at = i + 3; at < i + 3 + used; at += 4) hops.push(formatIp(readIp4(packet, at)));
        if (hops.length === 0) return '';
        const text = hops.map((h) => `\t${h}\n`).join('');
        if (text === this.lastRoute && !this.o.flood) return '\t(same route)';
        this.lastRoute = text;
        return `\nRR: ${text}`;
      }
      i += len;
    }
    return '';
  }

  private *reply(message: Uint8Array, from: IpAddr, dev: string | null, ttl: number, time: number, route: string): Task<void> {
    const { o, p } = this;
    const seq = u16(message, 6);
    this.acknowledge(seq);
    this.received++;
    let trip = 0;
    if (this.timing && message.length >= 24) {
      const base = Math.floor(p.sim.epochMs / 1000);
      trip = Math.max(0, time - ((le32(message, 8) - base) * 1e6 + le32(message, 16)));
      this.rtt.sum += trip;
      this.rtt.squares += trip * trip;
      this.rtt.min = Math.min(this.rtt.min, trip);
      this.rtt.max = Math.max(this.rtt.max, trip);
      this.rtt.ewma = this.rtt.ewma === 0 ? trip * 8 : this.rtt.ewma + trip - this.rtt.ewma / 8;
    }
    const duplicate = this.seen.has(seq);
    if (duplicate) {
      this.repeats++;
      this.received--;
    }
    this.seen.add(seq);
    if (o.quiet) return;
    if (o.flood) {
      yield* p.out('\b \b');
      return;
    }
    let line = `${this.stamp()}${message.length} bytes from ${yield* this.peer(from, dev)}: icmp_seq=${seq}`;
    if (o.verbose) line += ` ident=${this.ident}`;
    line += ` ttl=${ttl}`;
    if (message.length < o.size + 8) line += ' (truncated)';
    else {
      if (this.timing) line += ` time=${tripText(trip)} ms`;
      if (duplicate) line += ' (DUP!)';
    }
    yield* p.out(`${line}${o.audible ? '\x07' : ''}${route}\n`);
  }

  private *icmpError(e: {
    type: number;
    code: number;
    info: number;
    offender: IpAddr | null;
    dev?: { name: string } | null;
    dst: { addr: IpAddr };
    data: Uint8Array;
  }): Task<void> {
    const { o, p } = this;
    const echo = this.v4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST;
    if (e.dst.addr !== this.t.addr || e.data.length < 8 || e.data[0] !== echo || u32(e.data, 4) >>> 16 !== this.ident) return;
    const seq = u16(e.data, 6);
    this.acknowledge(seq);
    this.errors++;
    if (o.quiet) return;
    if (o.flood) {
      yield* p.out('\bE');
      return;
    }
    const text = this.v4 ? describeIcmp4(e.type, e.code, e.info) : describeIcmp6(e.type, e.code, e.info);
    yield* p.out(`${this.stamp()}From ${yield* this.peer(e.offender ?? this.t.addr, e.dev?.name ?? null)} icmp_seq=${seq} ${text}\n`);
  }

  private acknowledge(seq: number): void {
    const diff = (this.sent - seq) & 0xffff;
    if (diff > 0x7fff) return;
    this.pipe = Math.max(this.pipe, diff + 1);
    if (((seq - this.acked) & 0xffff) < 0x8000 || ((this.sent - this.acked) & 0xffff) > 0x7fff) this.acked = seq;
  }

  private stamp(): string {
    if (!this.o.timestamps) return '';
    const now = this.p.sim.epochMs * 1000 + this.p.sim.now;
    return `[${Math.floor(now / 1e6)}.${String(now % 1_000_000).padStart(6, '0')}] `;
  }

  private *status(): Task<void> {
    this.snapshot = false;
    const loss = this.sent > 0 ? Math.floor(((this.sent - this.received) * 100) / this.sent) : 0;
    let line = `\r${this.received}/${this.sent} packets, ${loss}% loss`;
    if (this.received > 0 && this.timing) {
      const avg = Math.floor(this.rtt.sum / (this.received + this.repeats));
      line += `, min/avg/ewma/max = ${[this.rtt.min, avg, Math.floor(this.rtt.ewma / 8), this.rtt.max].map(millis).join('/')} ms`;
    }
    yield* this.p.err(`${line}\n`);
  }

  private *finish(): Task<number> {
    const { o, p } = this;
    let text = `\n--- ${this.t.hostname} ping statistics ---\n${this.sent} packets transmitted, ${this.received} received`;
    if (this.repeats > 0) text += `, +${this.repeats} duplicates`;
    if (this.errors > 0) text += `, +${this.errors} errors`;
    if (this.sent > 0) {
      const loss = Number((((this.sent - this.received) * 100) / this.sent).toPrecision(6));
      text += `, ${loss}% packet loss, time ${Math.floor(((this.last ?? this.start) - this.start) / 1000)}ms`;
    }
    text += '\n';
    let comma = '';
    if (this.received > 0 && this.timing) {
      const total = this.received + this.repeats;
      const avg = Math.floor(this.rtt.sum / total);
      const mdev = Math.floor(Math.sqrt(Math.max(0, this.rtt.squares / total - (this.rtt.sum / total) ** 2)));
      text += `rtt min/avg/max/mdev = ${[this.rtt.min, avg, this.rtt.max, mdev].map(millis).join('/')} ms`;
      comma = ', ';
    }
    if (this.pipe > 1) {
      text += `${comma}pipe ${this.pipe}`;
      comma = ', ';
    }
    if (this.received > 0 && (o.interval === 0 || o.flood || o.adaptive) && this.sent > 1) {
      const ipg = Math.floor(((this.last ?? this.start) - this.start) / (this.sent - 1));
      text += `${comma}ipg/ewma ${millis(ipg)}/${millis(Math.floor(this.rtt.ewma / 8))} ms`;
    }
    yield* p.out(`${text}\n`);
    return this.received === 0 || (o.deadline > 0 && this.received < o.count) ? 1 : 0;
  }
}

function millis(us: number): string {
  return `${Math.floor(us / 1000)}.${String(us % 1000).padStart(3, '0')}`;
}

/** Three significant digits, as gather_statistics() rounds. */
function tripText(us: number): string {
  if (us >= 99_950) return String(Math.floor((us + 500) / 1000));
  if (us >= 9_995) return `${Math.floor((us + 50) / 1000)}.${Math.floor(((us + 50) % 1000) / 100)}`;
  if (us >= 1_000) return `${Math.floor((us + 5) / 1000)}.${String(Math.floor(((us + 5) % 1000) / 10)).padStart(2, '0')}`;
  return millis(us);
}

function* main(p: Process): Task<number> {
  const parsed = parsePing(p.argv.slice(1), p.name);
  if (!parsed.ok) {
    if (parsed.kind === 'version') {
      yield* p.out(VERSION);
      return 0;
    }
    if (parsed.kind === 'help') {
      yield* parsed.code === 0 ? p.out(parsed.text) : p.err(parsed.text);
      return parsed.code;
    }
    if (parsed.kind === 'usage') yield* p.err(parsed.text + USAGE);
    else yield* p.err(parsed.text);
    return parsed.kind === 'usage' ? 2 : parsed.code;
  }
  const o = parsed.options;
  if (parsed.warnings) yield* p.err(parsed.warnings);
  const sockets = { 4: openRaw(p, 4, IPPROTO_ICMP), 6: openRaw(p, 6, IPPROTO_ICMPV6) };
  if (!sockets[4].ok || !sockets[6].ok) {
    yield* p.err(
      `${p.name}: socktype: SOCK_RAW\n${p.name}: socket: Operation not permitted\n${p.name}: => missing cap_net_raw+p capability or setuid?\n`,
    );
    return 2;
  }
  if (o.verbose) {
    const hint = o.family === 4 ? 'AF_INET' : o.family === 6 ? 'AF_INET6' : 'AF_UNSPEC';
    yield* p.err(`${p.name}: sock4.fd: 3 (socktype: SOCK_RAW), sock6.fd: 4 (socktype: SOCK_RAW), hints.ai_family: ${hint}\n\n`);
  }
  const found = yield* getaddrinfo(p, o.target, o.family ? { family: o.family, canonName: true } : { canonName: true });
  if (!found.ok) {
    yield* p.err(`${p.name}: ${o.target}: ${gaiStrerror(found.error)}\n`);
    return 2;
  }
  const [bare, scope] = o.target.split('%') as [string, string | undefined];
  if (inetAton(o.target) !== null || parseIp6(bare) !== null) o.numeric = true;
  const zone = scope ?? null;
  if (zone !== null && !p.ns.device(zone)) {
    yield* p.err(`${p.name}: ${o.target}: ${gaiStrerror('EAI_NONAME')}\n`);
    return 2;
  }
  for (const [i, first] of found.addrs.entries()) {
    let addr = first;
    if (o.verbose)
      yield* p.out(`ai->ai_family: ${typeof addr === 'number' ? 'AF_INET' : 'AF_INET6'}, ai->ai_canonname: '${found.canonical}'\n`);
    const s = yield* findSource(p, o, addr, zone, i + 1 < found.addrs.length);
    if (s === 'next') continue;
    if ('code' in s) return s.code;
    if (addr === 0) addr = s.source;
    const family = typeof addr === 'number' ? 4 : 6;
    const other = sockets[family === 4 ? 6 : 4];
    if (other.ok) closeSocket(p, other.value);
    const chosen = sockets[family];
    if (!chosen.ok) return 2;
    const error = configure(o, chosen.value, addr, zone);
    if (error) {
      yield* p.err(`${p.name}: ${error}\n`);
      return 2;
    }
    return yield* new Ping(p, o, chosen.value, { addr, hostname: family === 4 ? found.canonical : o.target, source: s.source, zone }).run();
  }
  return 2;
}

export const ping: Command = { name: 'ping', main, aliases: ['ping4', 'ping6'] };
