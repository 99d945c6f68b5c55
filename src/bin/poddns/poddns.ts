/** poddns: a small DNS server that answers in the shape CoreDNS does. Models linux/tools/poddns */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { acceptTcp, closeSocket, openTcp, openUdp, recvTcp, recvUdp, sendTcp } from '../../os/sockcalls.ts';
import { Threads } from '../../os/threads.ts';
import type { TcpSocket, UdpSocket } from '../../os/uapi.ts';
import { strerror } from '../../sim/errno.ts';
import { formatIp, parseIp4, parseIp6, writeIp4, writeIp6 } from '../../wire/addr.ts';
import { concat, put16, put32, text, u16, utf8 } from '../../wire/bytes.ts';
import { DNS_AA, DNS_QR, DNS_RD, DNS_TYPES, emitRecord, encodeName } from '../../wire/dns.ts';

const TYPES: Record<string, number> = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33, ANY: 255 };
const TYPE_NAMES = new Map(Object.entries(TYPES).map(([k, v]) => [v, k]));
const RCODES: Record<number, string> = { 0: 'NOERROR', 3: 'NXDOMAIN', 5: 'REFUSED' };
const TTL = 30;
const UDP_SIZE = 1232;

interface ZoneRecord {
  name: string;
  type: string;
  data: string[];
}

function parseZone(source: string): ZoneRecord[] {
  const records: ZoneRecord[] = [];
  for (const line of source.split('\n')) {
    const words = (line.split('#')[0] as string).split(/\s+/).filter((w) => w !== '');
    const [name, type, ...data] = words;
    if (name !== undefined && type !== undefined && data.length > 0)
      records.push({ name: name.replace(/\.+$/, '').toLowerCase(), type: type.toUpperCase(), data });
  }
  return records;
}

function encode(name: string): Uint8Array {
  return encodeName(name.replace(/\.+$/, '')) ?? new Uint8Array(1);
}

function rdata(type: string, d: readonly string[]): Uint8Array {
  const first = d[0] as string;
  const numbers = (n: number): Uint8Array => {
    const b = new Uint8Array(n * 2);
    for (let i = 0; i < n; i++) put16(b, i * 2, Number(d[i]));
    return b;
  };
  switch (type) {
    case 'A': {
      const b = new Uint8Array(4);
      writeIp4(b, 0, parseIp4(first) ?? 0);
      return b;
    }
    case 'AAAA': {
      const b = new Uint8Array(16);
      writeIp6(b, 0, parseIp6(first) ?? 0n);
      return b;
    }
    case 'TXT': {
      const s = utf8(d.join(' '));
      return concat([Uint8Array.of(s.length), s]);
    }
    case 'SRV':
      return concat([numbers(3), encode(d[3] as string)]);
    case 'MX':
      return concat([numbers(1), encode(d[1] as string)]);
    default:
      return encode(first);
  }
}

class Zone {
  private readonly records: readonly ZoneRecord[];
  private readonly zone: string;

  constructor(records: readonly ZoneRecord[], zone: string) {
    this.records = records;
    this.zone = zone;
  }

  private soa(): Uint8Array {
    const numbers = new Uint8Array(20);
    [1700000000, 7200, 1800, 86400, 30].forEach((n, i) => {
      put32(numbers, i * 4, n);
    });
    const data = concat([encode(`ns.dns.${this.zone}`), encode(`hostmaster.${this.zone}`), numbers]);
    return emitRecord({ name: this.zone, type: DNS_TYPES.SOA, class: 1, ttl: TTL, data });
  }

  private record(name: string, r: ZoneRecord): Uint8Array {
    return emitRecord({ name, type: TYPES[r.type] ?? 0, class: 1, ttl: TTL, data: rdata(r.type, r.data) });
  }

  /** The reply and the log line without the client; null for a message that cannot be read. */
  answer(q: Uint8Array): { reply: Uint8Array; log: string } | null {
    const labels: string[] = [];
    let i = 12;
    for (let n = q[i]; n; n = q[i]) {
      labels.push([...q.subarray(i + 1, i + 1 + n)].map((c) => String.fromCharCode(c)).join(''));
      i += n + 1;
    }
    i++;
    if (i + 4 > q.length) return null;
    const name = labels.join('.');
    const qtype = u16(q, i);
    i += 4;
    const question = q.subarray(12, i);
    const opt = this.opt(q, i);
    const lower = name.toLowerCase();
    const type = TYPE_NAMES.get(qtype) ?? String(qtype);
    const out = this.lookup(name, lower, type);
    const known = this.records.some((r) => r.name === lower || r.name.endsWith(`.${lower}`));
    const inside = lower === this.zone || lower.endsWith(`.${this.zone}`) || lower.endsWith('.in-addr.arpa');
    let rcode = 0;
    let authority: Uint8Array | null = null;
    if (out.length === 0) {
      if (inside || known) {
        rcode = known ? 0 : 3;
        authority = this.soa();
      } else rcode = 5;
    }
    const extra: ZoneRecord[] = [];
    if (type === 'SRV') {
      for (const [, r] of out) {
        const target = r.data[3]?.replace(/\.+$/, '').toLowerCase();
        if (r.type === 'SRV') extra.push(...this.records.filter((x) => x.name === target && x.type === 'A'));
      }
    }
    const head = new Uint8Array(12);
    put16(head, 0, u16(q, 0));
    put16(head, 2, DNS_QR | (rcode === 5 ? 0 : DNS_AA) | (u16(q, 2) & DNS_RD) | rcode);
    put16(head, 4, 1);
    put16(head, 6, out.length);
    put16(head, 8, authority ? 1 : 0);
    put16(head, 10, extra.length + (opt.length > 0 ? 1 : 0));
    const parts = [head, question, ...out.map(([n, r]) => this.record(n, r))];
    if (authority) parts.push(authority);
    parts.push(...extra.map((r) => this.record(r.name, r)), opt);
    return { reply: concat(parts), log: `${name}. ${type} ${RCODES[rcode]}` };
  }

  private opt(q: Uint8Array, at: number): Uint8Array {
    if (u16(q, 10) === 0 || q[at] !== 0 || at + 11 > q.length || u16(q, at + 1) !== DNS_TYPES.OPT) return new Uint8Array(0);
    const length = u16(q, at + 9);
    const head = new Uint8Array(11);
    put16(head, 1, DNS_TYPES.OPT);
    put16(head, 3, UDP_SIZE);
    put16(head, 9, length);
    return concat([head, q.subarray(at + 11, at + 11 + length)]);
  }

  /** Follows up to eight CNAMEs. */
  private lookup(name: string, lower: string, type: string): [string, ZoneRecord][] {
    const out: [string, ZoneRecord][] = [];
    let current = lower;
    for (let n = 0; n < 8; n++) {
      const owner = current === lower ? name : current;
      const hit = this.records.filter((r) => r.name === current && (r.type === type || type === 'ANY'));
      if (hit.length > 0) {
        for (const r of hit) out.push([owner, r]);
        break;
      }
      const alias = this.records.find((r) => r.name === current && r.type === 'CNAME');
      if (!alias) break;
      out.push([owner, alias]);
      current = (alias.data[0] as string).replace(/\.+$/, '').toLowerCase();
    }
    return out;
  }
}

function* serveUdp(p: Process, zone: Zone, sock: UdpSocket): Task<void> {
  for (;;) {
    const d = yield* recvUdp(sock);
    if (!d.ok) continue;
    const a = zone.answer(d.value.data);
    if (!a) continue;
    yield* p.out(`${formatIp(d.value.from.addr)} ${a.log}\n`);
    sock.sendTo(a.reply, d.value.from.addr, d.value.from.port);
  }
}

function* serveOne(p: Process, zone: Zone, sock: TcpSocket): Task<void> {
  const r = yield* recvTcp(sock, 4096);
  const a = r.ok && r.value.length > 2 ? zone.answer(r.value.subarray(2)) : null;
  if (a) {
    yield* p.out(`${formatIp(sock.remote?.addr ?? 0)} ${a.log}\n`);
    const length = new Uint8Array(2);
    put16(length, 0, a.reply.length);
    yield* sendTcp(sock, concat([length, a.reply]));
    yield* recvTcp(sock, 1);
  }
  closeSocket(p, sock);
}

function* serveTcp(p: Process, zone: Zone, sock: TcpSocket, threads: Threads): Task<void> {
  for (;;) {
    const r = yield* acceptTcp(p, sock);
    if (r.ok) threads.start(serveOne(p, zone, r.value));
    else if (r.errno !== 'EINTR' && r.errno !== 'ECONNABORTED') return;
  }
}

function* main(p: Process): Task<number> {
  const args = p.argv.slice(1);
  const option = (name: string, value: string): string => {
    const i = args.indexOf(name);
    return i < 0 ? value : (args.splice(i, 2)[1] ?? value);
  };
  const port = Number(option('--port', '53'));
  const bind = option('--bind', '0.0.0.0');
  const zoneName = option('--zone', 'cluster.local');
  const file = args[0];
  if (file === undefined) {
    yield* p.err('usage: poddns ZONEFILE [--port 53] [--bind ADDR] [--zone cluster.local] [--refuse]\n');
    return 2;
  }
  const source = p.readFile(file);
  if (!source.ok) {
    yield* p.err(`poddns: ${file}: ${strerror(source.errno)}\n`);
    return 1;
  }
  const zone = new Zone(parseZone(text(source.value)), zoneName);
  const addr = parseIp4(bind) ?? 0;
  const udp = openUdp(p);
  const tcp = openTcp(p);
  tcp.opt.reuseAddr = true;
  for (const step of [() => udp.bind(addr, port), () => tcp.bind(addr, port), () => tcp.listen(16)]) {
    const r = step();
    if (!r.ok) {
      yield* p.err(`poddns: bind ${bind}:${port}: ${strerror(r.errno)}\n`);
      return 1;
    }
  }
  yield* p.out(`poddns listening on ${bind}:${port}\n`);
  const threads = new Threads(p);
  threads.start(serveTcp(p, zone, tcp, threads));
  threads.start(serveUdp(p, zone, udp));
  yield* threads.run();
  return 0;
}

export const poddns: Command = { name: 'poddns', main, path: '/usr/local/bin/poddns' };
