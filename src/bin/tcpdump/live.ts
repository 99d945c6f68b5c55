/** Capturing from a device. Models open_interface() and the loop of tcpdump.c, pcap-linux.c */

import { packetCaptured } from '../../os/audit.ts';
import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { openPacket } from '../../os/sockcalls.ts';
import { type Captured, IFF_LOOPBACK, type NetDevice, type PacketSocket } from '../../os/uapi.ts';
import { strerror } from '../../sim/errno.ts';
import { put16, put32 } from '../../wire/bytes.ts';
import { LINKTYPE_ETHERNET, LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2 } from '../../wire/pcap.ts';
import { compile, Fatal, type Predicate } from './compile.ts';
import { listDevices } from './devices.ts';
import { DumpFile } from './dumpfile.ts';
import { DATALINKS, type TcpdumpOptions } from './options.ts';
import { Output } from './output.ts';

export const LINK_NAMES: Record<number, string> = {
  1: 'EN10MB (Ethernet)',
  101: 'RAW (Raw IP)',
  113: 'LINUX_SLL (Linux cooked v1)',
  143: 'DOCSIS (DOCSIS)',
  276: 'LINUX_SLL2 (Linux cooked v2)',
};
const PKT_TYPES: Record<string, number> = { host: 0, broadcast: 1, multicast: 2, otherhost: 3, outgoing: 4, loopback: 5 };
/** How often -v with -w says what it got. */
const REPORT_INTERVAL = 1_000_000;
/** What tcpdump asks libpcap for: frames wait up to a second to be read together. */
const BLOCK_TIMEOUT = 1_000_000;
const WATCHED_TIMEOUT = 100_000;

/** Linux cooked header (v1 or v2), then the network packet. */
function cooked(c: Captured, linktype: number): Uint8Array {
  const payload = c.frame.subarray(14);
  const v2 = linktype === LINKTYPE_LINUX_SLL2;
  const header = v2 ? 20 : 16;
  const b = new Uint8Array(header + payload.length);
  const hatype = (c.dev.flags & IFF_LOOPBACK) !== 0 ? 772 : 1;
  const type = PKT_TYPES[c.direction] ?? 0;
  const proto = ((c.frame[12] as number) << 8) | (c.frame[13] as number);
  if (v2) {
    put16(b, 0, proto);
    put32(b, 4, c.dev.ifindex);
    put16(b, 8, hatype);
    b[10] = type;
    b[11] = 6;
    b.set(c.frame.subarray(6, 12), 12);
  } else {
    put16(b, 0, type);
    put16(b, 2, hatype);
    put16(b, 4, 6);
    b.set(c.frame.subarray(6, 12), 6);
    put16(b, 14, proto);
  }
  b.set(payload, header);
  return b;
}

function plural(n: number, what: string): string {
  return `${n} packet${n === 1 ? '' : 's'} ${what}`;
}

function hasUser(p: Process, name: string): boolean {
  const r = p.readFile('/etc/passwd');
  return (
    r.ok &&
    new TextDecoder()
      .decode(r.value)
      .split('\n')
      .some((line) => line.startsWith(`${name}:`))
  );
}

/** The device of -i: by name, or by its number in -D. */
function resolveDevice(p: Process, o: TcpdumpOptions): { name: string; dev: NetDevice | null } {
  const asked = o.device ?? listDevices(p)[0]?.name ?? 'any';
  const find = (name: string): NetDevice | null | undefined => (name === 'any' ? null : p.ns.device(name));
  const found = find(asked);
  if (found !== undefined) return { name: asked, dev: found };
  const missing = `${asked}: No such device exists\n(No such device exists)`;
  if (!/^\s*[-+]?\d+$/.test(asked)) throw new Fatal(missing);
  const row = Number(asked) > 0 ? listDevices(p)[Number(asked) - 1] : undefined;
  if (!row) throw new Fatal('Invalid adapter index');
  const dev = find(row.name);
  if (dev === undefined) throw new Fatal(`${row.name}: capturing on this device is not emulated`);
  return { name: row.name, dev };
}

/** Opens a device for -L, -d and capturing, and says what speaks on it. */
function* openDevice(p: Process, o: TcpdumpOptions): Task<{ name: string; dev: NetDevice | null; sock: PacketSocket; linktype: number }> {
  const opened = openPacket(p);
  if (!opened.ok) {
    const name = o.device ?? listDevices(p)[0]?.name ?? 'any';
    throw new Fatal(`${name}: You don't have permission to perform this capture on that device\n(socket: Operation not permitted)`);
  }
  const sock = opened.value;
  const { name, dev } = resolveDevice(p, o);
  if (o.monitor) throw new Fatal(`${name}: That device doesn't support monitor mode`);
  if (dev && !dev.up) throw new Fatal(`${dev.name}: That device is not up`);
  const own = dev === null ? [LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2] : [LINKTYPE_ETHERNET];
  const loopback = dev !== null && (dev.flags & IFF_LOOPBACK) !== 0;
  if (o.listTypes) {
    const offered = dev === null || loopback ? own : [...own, DATALINKS.DOCSIS as number];
    yield* p.err(`Data link types for ${name} (use option -y to set):\n`);
    for (const t of offered) yield* p.err(`  ${LINK_NAMES[t]}${t === DATALINKS.DOCSIS ? ' (printing not supported)' : ''}\n`);
    return { name, dev, sock, linktype: -1 };
  }
  let linktype: number = dev === null ? LINKTYPE_LINUX_SLL2 : LINKTYPE_ETHERNET;
  const wanted = o.datalink ?? (o.device?.startsWith('any') ? 'LINUX_SLL2' : null);
  if (wanted !== null) {
    linktype = DATALINKS[wanted] as number;
    if (!own.includes(linktype)) throw new Fatal(`${wanted} is not one of the DLTs supported by this device`);
    yield* p.err(`tcpdump: data link type ${wanted}\n`);
  }
  return { name, dev, sock, linktype };
}

export class Live {
  private readonly p: Process;
  private readonly o: TcpdumpOptions;
  private stop = false;
  /** SIGUSR1 came: say the counts. */
  private asked = false;
  private captured = 0;

  constructor(p: Process, o: TcpdumpOptions) {
    this.p = p;
    this.o = o;
  }

  *run(): Task<number> {
    const { p, o } = this;
    const { name, dev, sock, linktype } = yield* openDevice(p, o);
    if (o.listTypes) return 0;
    const filter = yield* compile(p, o, { linktype, offline: false }, true);
    if (o.dump > 0) {
      yield* p.out(filter.listing(o.dump));
      return 0;
    }
    if (o.user !== null && !hasUser(p, o.user)) throw new Fatal(`Couldn't find user '${o.user}'`);
    this.attach(sock, filter.run, linktype);
    const bound = sock.bind(dev);
    if (!bound.ok) throw new Fatal(`${name}: ${strerror(bound.errno)}`);
    for (const signal of ['INT', 'TERM', 'HUP', 'PIPE'] as const) {
      p.onSignal(signal, () => {
        this.stop = true;
      });
    }
    p.onSignal('USR1', () => {
      this.asked = true;
    });
    p.onSignal('USR2', () => {});
    // Somebody who watches gets to see packets soon.
    const watched = (o.write === null || o.print) && (o.lineBuffered || p.isatty(1));
    if (!o.immediate) sock.useBlocks(watched ? WATCHED_TIMEOUT : BLOCK_TIMEOUT);
    if (o.promiscuous) sock.setPromisc(true);
    try {
      return yield* this.capture(sock, dev, linktype, name);
    } finally {
      sock.setPromisc(false);
    }
  }

  private attach(sock: PacketSocket, filter: Predicate | null, linktype: number): void {
    sock.snaplen = this.o.snaplen;
    if (filter === null) return;
    sock.filter = (frame, skb) => {
      const outgoing = skb.type === 'outgoing';
      if (linktype === LINKTYPE_ETHERNET || !skb.dev) return filter({ data: frame, length: frame.length, outgoing });
      const data = cooked(
        { time: 0, dev: skb.dev, direction: skb.type, proto: skb.proto, frame, length: frame.length, skb: skb.id, gsoSize: 0 },
        linktype,
      );
      return filter({ data, length: data.length, outgoing });
    };
  }

  private counts(sock: PacketSocket, separator: string): string {
    const rows = [
      plural(this.captured, 'captured'),
      plural(sock.received, 'received by filter'),
      plural(sock.dropped, 'dropped by kernel'),
    ];
    return `${rows.join(separator)}\n`;
  }

  private *capture(sock: PacketSocket, dev: NetDevice | null, linktype: number, name: string): Task<number> {
    const { p, o } = this;
    const file = o.write === null ? null : new DumpFile(p, o, linktype);
    if (file) yield* file.begin();
    const prefix = o.verbose > 0 || file ? 'tcpdump: ' : 'tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n';
    yield* p.err(`${prefix}listening on ${name}, link-type ${LINK_NAMES[linktype]}, snapshot length ${o.snaplen} bytes\n`);
    const output = new Output(p, o);
    const header = linktype === LINKTYPE_LINUX_SLL2 ? 20 - 14 : linktype === LINKTYPE_LINUX_SLL ? 16 - 14 : 0;
    let gone: string | null = null;
    let told: number | null = null;
    let nextReport = o.verbose > 0 && file && !o.print ? p.sim.now + REPORT_INTERVAL : null;
    while (!this.stop && (o.count < 0 || this.captured < o.count)) {
      if (this.asked) {
        this.asked = false;
        yield* p.err(`tcpdump: ${this.counts(sock, ', ')}`);
      }
      if (nextReport !== null && p.sim.now >= nextReport) {
        nextReport += REPORT_INTERVAL;
        if (told !== this.captured) yield* p.err(`Got ${this.captured}\r`);
        told = this.captured;
      }
      const r = sock.recv();
      if (r.ok) {
        // libpcap drops the outgoing copy on a loopback, and what -Q does not want, after the kernel has counted it.
        const outgoing = r.value.direction === 'outgoing';
        if (outgoing && (r.value.dev.flags & IFF_LOOPBACK) !== 0) continue;
        if (o.direction !== 'inout' && (o.direction === 'out') !== outgoing) continue;
        this.captured++;
        const data = linktype === LINKTYPE_ETHERNET ? r.value.frame : cooked(r.value, linktype);
        const length = r.value.length + header;
        const time = p.sim.epochMs * 1000 + r.value.time;
        if (file && !(yield* file.write({ time, length, data }))) break;
        if (!file || o.print) yield* output.packet(linktype, data, length, time, this.captured);
        packetCaptured(p, name, r.value.dev.name, o.filter, r.value.frame);
        continue;
      }
      // A device that goes down may come up again; only its end ends the capture.
      if (dev && p.ns.deviceByIndex(dev.ifindex) !== dev) {
        gone = 'The interface disappeared';
        break;
      }
      yield nextReport === null ? { on: [sock.wq] } : { on: [sock.wq], until: nextReport };
    }
    if (this.stop && !file) yield* output.write('\n');
    yield* output.flush();
    if (gone) yield* p.err(`tcpdump: pcap_loop: ${gone}\n`);
    yield* p.err(this.counts(sock, '\n'));
    return gone ? 1 : 0;
  }
}
