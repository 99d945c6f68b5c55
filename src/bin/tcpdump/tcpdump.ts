/** tcpdump: capture, filter, print, save and read packets. Models tcpdump 4.99.3 and libpcap's pcap-linux.c */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { getaddrinfo, nameOrAddress } from '../../os/resolver.ts';
import { openPacket } from '../../os/sockcalls.ts';
import { type Captured, IFF_LOOPBACK, type NetDevice, type PacketSocket } from '../../os/uapi.ts';
import { strerror } from '../../sim/errno.ts';
import { formatIp, type IpAddr } from '../../wire/addr.ts';
import { put16, put32, utf8 } from '../../wire/bytes.ts';
import { emitPcapHeader, emitPcapPacket, LINKTYPE_ETHERNET, LINKTYPE_LINUX_SLL2, parsePcap } from '../../wire/pcap.ts';
import { FilterError, type Node, parseFilter, unresolvedHosts } from './filter.ts';
import { matches } from './match.ts';
import { SERVICE_PORTS } from './names.ts';
import { parseTcpdump, type TcpdumpOptions } from './options.ts';
import type { Context } from './print/context.ts';
import { asciiDump, hexAsciiDump, hexDump, makeContext, printPacket } from './print/link.ts';
import { USAGE, VERSION } from './usage.ts';

const LINK_NAMES: Record<number, string> = {
  1: 'EN10MB (Ethernet)',
  101: 'RAW (Raw IP)',
  113: 'LINUX_SLL (Linux cooked v1)',
  276: 'LINUX_SLL2 (Linux cooked v2)',
};
/** stdio's buffer when the output is no terminal. */
const BUFFER = 4096;
const PKT_TYPES: Record<string, number> = { host: 0, broadcast: 1, multicast: 2, otherhost: 3, outgoing: 4, loopback: 5 };

/** A failure that ends tcpdump with its text on stderr and status 1. */
class Fatal extends Error {}

class Output {
  private readonly p: Process;
  private readonly o: TcpdumpOptions;
  private readonly c: Context;
  private readonly names = new Map<IpAddr, string>();
  private readonly missing = new Set<IpAddr>();
  private readonly ifnames: (ifindex: number) => string;
  private buffer = '';
  private first: number | null = null;
  private previous: number | null = null;
  printed = 0;

  constructor(p: Process, o: TcpdumpOptions) {
    this.p = p;
    this.o = o;
    const services = o.numeric ? null : readServices(p);
    this.ifnames = (i) => p.ns.deviceByIndex(i)?.name ?? `if${i}`;
    this.c = makeContext({
      o: { link: o.link, verbose: o.verbose, quick: o.quick, absoluteSeq: o.absoluteSeq },
      host: (a) => {
        if (o.numeric) return formatIp(a);
        const known = this.names.get(a);
        if (known === undefined) this.missing.add(a);
        return known ?? formatIp(a);
      },
      port: (n, proto) => services?.get(`${n}/${proto}`) ?? String(n),
    });
  }

  /** `time` in µs since 1970. */
  *packet(linktype: number, data: Uint8Array, length: number, time: number): Task<void> {
    const saved = new Map(this.c.conversations);
    let text = printPacket(this.c, linktype, data, length, this.ifnames);
    if (this.missing.size > 0) {
      for (const a of this.missing) this.names.set(a, yield* nameOrAddress(this.p, a));
      this.missing.clear();
      this.c.conversations.clear();
      for (const [k, v] of saved) this.c.conversations.set(k, v);
      text = printPacket(this.c, linktype, data, length, this.ifnames);
    }
    this.printed++;
    const number = this.o.number ? `${String(this.printed).padStart(5)}  ` : '';
    yield* this.write(`${number}${this.stamp(time)}${text}\n${this.dump(linktype, data)}`);
  }

  private dump(linktype: number, data: Uint8Array): string {
    const { o } = this;
    const header = linktype === LINKTYPE_ETHERNET ? 14 : linktype === LINKTYPE_LINUX_SLL2 ? 20 : 0;
    const from = (level: number): Uint8Array => (level > 1 ? data : data.subarray(header));
    if (o.hexAscii) return `${hexAsciiDump(from(o.hexAscii))}\n`;
    if (o.hex) return `${hexDump(from(o.hex))}\n`;
    if (o.ascii) return `${asciiDump(from(o.ascii))}\n`;
    return '';
  }

  private stamp(time: number): string {
    const micros = (t: number): string => String(t % 1_000_000).padStart(6, '0');
    const clock = (t: number): string => {
      const s = Math.floor(t / 1_000_000) % 86_400;
      return `${[Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60].map((n) => String(n).padStart(2, '0')).join(':')}.${micros(t)}`;
    };
    const { stamp } = this.o;
    this.first ??= time;
    const base = stamp === 3 ? (this.previous ?? time) : this.first;
    this.previous = time;
    switch (stamp) {
      case 0:
        return `${clock(time)} `;
      case 1:
        return '';
      case 2:
        return `${Math.floor(time / 1_000_000)}.${micros(time)} `;
      case 4:
        return `${day(time)} ${clock(time)} `;
      default:
        return ` ${clock(Math.max(0, time - base))} `;
    }
  }

  *write(text: string): Task<void> {
    this.buffer += text;
    if (this.o.lineBuffered || this.o.packetBuffered || this.buffer.length >= BUFFER || this.p.isatty(1)) yield* this.flush();
  }

  *flush(): Task<void> {
    const text = this.buffer;
    this.buffer = '';
    if (text !== '') yield* this.p.out(utf8(text));
  }
}

/** `2026-11-20` of µs since 1970. Days to civil date after Howard Hinnant. */
function day(time: number): string {
  const z = Math.floor(time / 86_400_000_000) + 719_468;
  const era = Math.floor(z / 146_097);
  const doe = z - era * 146_097;
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36_524) - Math.floor(doe / 146_096)) / 365);
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const month = mp < 10 ? mp + 3 : mp - 9;
  const year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  const date = doy - Math.floor((153 * mp + 2) / 5) + 1;
  return `${year}-${String(month).padStart(2, '0')}-${String(date).padStart(2, '0')}`;
}

function readServices(p: Process): Map<string, string> {
  const map = new Map<string, string>();
  for (const [name, port] of Object.entries(SERVICE_PORTS)) for (const proto of ['tcp', 'udp']) map.set(`${port}/${proto}`, name);
  for (const line of (p.readText('/etc/services') ?? '').split('\n')) {
    const m = /^([^\s#]+)\s+(\d+\/(?:tcp|udp))/.exec(line);
    if (m) map.set(m[2] as string, m[1] as string);
  }
  return map;
}

function* compile(p: Process, o: TcpdumpOptions): Task<Node | null> {
  let source = o.filter;
  if (o.filterFile !== null) {
    const r = p.readFile(o.filterFile);
    if (!r.ok) throw new Fatal(`can't open ${o.filterFile}: ${strerror(r.errno)}`);
    source = new TextDecoder().decode(r.value);
  }
  try {
    const node = parseFilter(source);
    for (const host of unresolvedHosts(node)) {
      const r = yield* getaddrinfo(p, host.text);
      if (!r.ok) throw new FilterError(`unknown host '${host.text}'`);
      host.addrs.push(...r.addrs);
    }
    return node;
  } catch (e) {
    if (!(e instanceof FilterError)) throw e;
    throw new Fatal(e.message === 'syntax error' ? "can't parse filter expression: syntax error" : e.message);
  }
}

/** Linux cooked capture v2 header (LINKTYPE_LINUX_SLL2), then the network packet. */
function cooked(c: Captured): Uint8Array {
  const payload = c.frame.subarray(14);
  const b = new Uint8Array(20 + payload.length);
  put16(b, 0, ((c.frame[12] as number) << 8) | (c.frame[13] as number));
  put32(b, 4, c.dev.ifindex);
  put16(b, 8, (c.dev.flags & IFF_LOOPBACK) !== 0 ? 772 : 1);
  b[10] = PKT_TYPES[c.direction] ?? 0;
  b[11] = 6;
  b.set(c.frame.subarray(6, 12), 12);
  b.set(payload, 20);
  return b;
}

function plural(n: number, what: string): string {
  return `${n} packet${n === 1 ? '' : 's'} ${what}\n`;
}

class Live {
  private readonly p: Process;
  private readonly o: TcpdumpOptions;
  private stop = false;

  constructor(p: Process, o: TcpdumpOptions) {
    this.p = p;
    this.o = o;
  }

  *run(): Task<number> {
    const { p, o } = this;
    const name = o.device ?? defaultDevice(p) ?? 'any';
    const any = name === 'any';
    const dev = any ? null : (p.ns.device(name) ?? byNumber(p, name));
    const opened = openPacket(p);
    if (!opened.ok)
      throw new Fatal(`${name}: You don't have permission to perform this capture on that device\n(socket: Operation not permitted)`);
    if (dev === undefined) throw new Fatal(`${name}: No such device exists\n(No such device exists)`);
    const sock = opened.value;
    if (dev && !dev.up) throw new Fatal(`${dev.name}: That device is not up`);
    if (any) yield* p.err('tcpdump: data link type LINUX_SLL2\n');
    const linktype = any ? LINKTYPE_LINUX_SLL2 : LINKTYPE_ETHERNET;
    const filter = yield* compile(p, o);
    sock.snaplen = o.snaplen;
    sock.filter = (frame, skb) => {
      const outgoing = skb.type === 'outgoing';
      if (filter === null) return true;
      const data =
        any && skb.dev
          ? cooked({ time: 0, dev: skb.dev, direction: skb.type, proto: skb.proto, frame, length: frame.length, skb: skb.id, gsoSize: 0 })
          : frame;
      return matches(filter, { linktype, data, length: data.length, outgoing });
    };
    const bound = sock.bind(dev);
    if (!bound.ok) throw new Fatal(`${name}: ${strerror(bound.errno)}`);
    for (const signal of ['INT', 'TERM', 'HUP'] as const) {
      p.onSignal(signal, () => {
        this.stop = true;
      });
    }
    if (o.promiscuous) sock.setPromisc(true);
    try {
      return yield* this.capture(sock, dev, linktype, name);
    } finally {
      sock.setPromisc(false);
    }
  }

  private *capture(sock: PacketSocket, dev: NetDevice | null, linktype: number, name: string): Task<number> {
    const { p, o } = this;
    const file = o.write === null ? null : openOutput(p, o.write);
    if (file !== null) yield* p.write(file, emitPcapHeader(linktype, o.snaplen));
    const prefix =
      o.verbose > 0 || o.write !== null ? 'tcpdump: ' : 'tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n';
    yield* p.err(`${prefix}listening on ${name}, link-type ${LINK_NAMES[linktype]}, snapshot length ${o.snaplen} bytes\n`);
    const output = new Output(p, o);
    let captured = 0;
    let gone: string | null = null;
    while (!this.stop && (o.count < 0 || captured < o.count)) {
      const r = sock.recv();
      if (r.ok) {
        // libpcap drops the outgoing copy on a loopback, and what -Q does not want, after the kernel has counted it.
        const outgoing = r.value.direction === 'outgoing';
        if (outgoing && (r.value.dev.flags & IFF_LOOPBACK) !== 0) continue;
        if (o.direction !== 'inout' && (o.direction === 'out') !== outgoing) continue;
        captured++;
        const data = linktype === LINKTYPE_LINUX_SLL2 ? cooked(r.value) : r.value.frame;
        const length = r.value.length + (linktype === LINKTYPE_LINUX_SLL2 ? 6 : 0);
        const time = p.sim.epochMs * 1000 + r.value.time;
        if (file !== null) yield* p.write(file, emitPcapPacket({ time, length, data }));
        if (file === null || o.print) yield* output.packet(linktype, data, length, time);
        continue;
      }
      if (r.errno !== 'EAGAIN') {
        gone = r.errno === 'ENETDOWN' ? 'The interface went down' : 'The interface disappeared';
        break;
      }
      if (dev && p.ns.deviceByIndex(dev.ifindex) !== dev) {
        gone = 'The interface disappeared';
        break;
      }
      yield { on: [sock.wq] };
    }
    if (this.stop && file === null) yield* output.write('\n');
    yield* output.flush();
    if (gone) yield* p.err(`tcpdump: pcap_loop: ${gone}\n`);
    yield* p.err(plural(captured, 'captured') + plural(sock.received, 'received by filter') + plural(sock.dropped, 'dropped by kernel'));
    return gone ? 1 : 0;
  }
}

function openOutput(p: Process, path: string): number {
  if (path === '-') return 1;
  const r = p.open(path, 'w');
  if (!r.ok) throw new Fatal(`${path}: ${strerror(r.errno)}`);
  return r.value;
}

function* readFile(p: Process, o: TcpdumpOptions, path: string): Task<number> {
  const r = path === '-' ? yield* p.readAll(0) : p.readFile(path);
  if (!r.ok) throw new Fatal(`${path}: ${strerror(r.errno)}`);
  if (r.value.length < 4) throw new Fatal(`truncated dump file; tried to read 4 file header bytes, only got ${r.value.length}`);
  const f = parsePcap(r.value);
  if (!f) throw new Fatal('unknown file format');
  yield* p.err(`reading from file ${path}, link-type ${LINK_NAMES[f.linktype] ?? `${f.linktype}`}, snapshot length ${f.snaplen}\n`);
  const filter = yield* compile(p, o);
  const output = new Output(p, o);
  const file = o.write === null ? null : openOutput(p, o.write);
  if (file !== null) yield* p.write(file, emitPcapHeader(f.linktype, f.snaplen));
  let count = 0;
  for (const packet of f.packets) {
    if (
      !matches(filter, {
        linktype: f.linktype,
        data: packet.data,
        length: packet.length,
        outgoing: packet.data[10] === 4 && f.linktype === LINKTYPE_LINUX_SLL2,
      })
    )
      continue;
    count++;
    if (file !== null) yield* p.write(file, emitPcapPacket(packet));
    if (!o.countOnly && (file === null || o.print)) yield* output.packet(f.linktype, packet.data, packet.length, packet.time);
    if (o.count > 0 && count >= o.count) break;
  }
  yield* output.flush();
  if (o.countOnly) yield* p.out(`${count} packet${count === 1 ? '' : 's'}\n`);
  return 0;
}

function defaultDevice(p: Process): string | null {
  return listDevices(p).find((d) => d.up && (d.flags & IFF_LOOPBACK) === 0)?.name ?? null;
}

/** Those that are up and running first, the loopback after them, the rest last. */
function listDevices(p: Process): NetDevice[] {
  const rank = (d: NetDevice): number => (d.up ? 0 : 4) + (d.carrier() ? 0 : 2) + ((d.flags & IFF_LOOPBACK) !== 0 ? 1 : 0);
  return [...p.ns.devices.values()].sort((a, b) => rank(a) - rank(b) || a.ifindex - b.ifindex);
}

const PSEUDO = [
  'bluetooth-monitor (Bluetooth Linux Monitor) [Wireless]',
  'nflog (Linux netfilter log (NFLOG) interface) [none]',
  'nfqueue (Linux netfilter queue (NFQUEUE) interface) [none]',
  'dbus-system (D-Bus system bus) [none]',
  'dbus-session (D-Bus session bus) [none]',
];

/** -D and -i NUMBER: devices, with `any` before the loopback. */
function deviceLines(p: Process): { name: string; text: string }[] {
  const lines = listDevices(p).map((d) => {
    const lo = (d.flags & IFF_LOOPBACK) !== 0;
    const flags = [
      ...(d.up ? ['Up'] : []),
      ...(d.up && d.carrier() ? ['Running'] : []),
      ...(lo ? ['Loopback'] : [d.up && d.carrier() ? 'Connected' : 'Disconnected']),
    ];
    return {
      name: d.name,
      text: `${d.name} [${d.up || lo ? flags.join(', ') : `none, ${flags.join(', ')}`}]`,
      first: d.up && d.carrier() && !lo,
    };
  });
  const split = lines.filter((l) => l.first).length;
  return [
    ...lines.slice(0, split),
    { name: 'any', text: 'any (Pseudo-device that captures on all interfaces) [Up, Running]' },
    ...lines.slice(split),
    ...PSEUDO.map((text) => ({ name: text.split(' ')[0] as string, text })),
  ];
}

function byNumber(p: Process, text: string): NetDevice | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const line = deviceLines(p)[Number(text) - 1];
  return line && p.ns.device(line.name);
}

function* main(p: Process): Task<number> {
  const parsed = parseTcpdump(p.argv.slice(1));
  if (!parsed.ok) {
    if (parsed.kind === 'version' || parsed.kind === 'help') {
      yield* p.out(VERSION + (parsed.kind === 'help' ? USAGE : ''));
      return 0;
    }
    yield* p.err(parsed.kind === 'usage' ? parsed.text + VERSION + USAGE : `tcpdump: ${parsed.text}\n`);
    return 1;
  }
  const o = parsed.options;
  try {
    if (o.list) {
      yield* p.out(
        deviceLines(p)
          .map((l, i) => `${i + 1}.${l.text}\n`)
          .join(''),
      );
      return 0;
    }
    if (o.dump) throw new Fatal('-d is not emulated: filters run without BPF code');
    if (o.read !== null) return yield* readFile(p, o, o.read);
    return yield* new Live(p, o).run();
  } catch (e) {
    if (!(e instanceof Fatal)) throw e;
    yield* p.err(`tcpdump: ${e.message}\n`);
    return 1;
  }
}

export const tcpdump: Command = { name: 'tcpdump', main };
