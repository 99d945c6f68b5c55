/** arping: ARP requests by hand. Models Thomas Habets' ARPing 2.23 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { getaddrinfo } from '../../os/resolver.ts';
import { openPacket } from '../../os/sockcalls.ts';
import { IFF_LOOPBACK, type NetDevice, type PacketSocket } from '../../os/uapi.ts';
import { strerror } from '../../sim/errno.ts';
import { formatIp4, inPrefix, parseIp4 } from '../../wire/addr.ts';
import { ARP_REPLY, ARP_REQUEST, emitArp, parseArp } from '../../wire/arp.ts';
import { ETH_P_ARP, emitEthernet } from '../../wire/ethernet.ts';
import { formatMac, MAC_BROADCAST, type Mac, parseMac } from '../../wire/mac.ts';
import { getoptShort } from '../getopt.ts';

const USAGE = `ARPing 2.23, by Thomas Habets <thomas@habets.se>
usage: arping [ -0aAbdDeFpPqrRuUvzZ ] [ -w <sec> ] [ -W <sec> ] [ -S <host/ip> ]
              [ -T <host/ip ] [ -s <MAC> ] [ -t <MAC> ] [ -c <count> ]
              [ -C <count> ] [ -i <interface> ] [ -m <type> ] [ -g <group> ]
              [ -V <vlan> ] [ -Q <priority> ] <host/ip/MAC | -B>
For complete usage info, use --help or check the manpage.
`;
/** ARPing pads its requests to the smallest Ethernet frame without the checksum less two. */
const FRAME_PAYLOAD = 44;

interface Options {
  count: number;
  maxReplies: number;
  device: string | null;
  /** Seconds for everything, and between two requests. */
  deadline: number | null;
  wait: number;
  findDuplicates: boolean;
  dots: boolean;
  gratuitous: boolean;
  reply: boolean;
  quiet: boolean;
  /** -r and -R: only the MAC, only the IP address. */
  raw: boolean;
  rawIp: boolean;
  verbose: boolean;
  /** -u: received/sent. */
  showSent: boolean;
  bell: boolean;
  bellMissing: boolean;
  source: number | null;
  sourceMac: Mac | null;
  targetMac: Mac | null;
}

class Fatal extends Error {}

function findDevice(p: Process, dst: number): { dev: NetDevice; source: number } | null {
  for (const dev of p.ns.devices.values()) {
    if (!dev.up || (dev.flags & IFF_LOOPBACK) !== 0) continue;
    for (const a of dev.addrs4) if (typeof a.local === 'number' && inPrefix(dst, a.local, a.len)) return { dev, source: a.local };
  }
  return null;
}

class Arping {
  private readonly p: Process;
  private readonly o: Options;
  private readonly sock: PacketSocket;
  private readonly dev: NetDevice;
  private readonly target: number;
  private readonly source: number;
  private sent = 0;
  private received = 0;
  private extra = 0;
  private readonly macs = new Set<Mac>();
  private readonly times: number[] = [];
  private stop = false;

  constructor(p: Process, o: Options, sock: PacketSocket, dev: NetDevice, target: number, source: number) {
    this.p = p;
    this.o = o;
    this.sock = sock;
    this.dev = dev;
    this.target = target;
    this.source = source;
  }

  private request(): Uint8Array {
    const { o } = this;
    const mac = o.sourceMac ?? this.dev.mac;
    const arp = emitArp({
      op: o.reply ? ARP_REPLY : ARP_REQUEST,
      senderMac: mac,
      senderIp: this.source,
      targetMac: o.gratuitous ? MAC_BROADCAST : 0,
      targetIp: this.target,
    });
    const payload = new Uint8Array(FRAME_PAYLOAD);
    payload.set(arp);
    return emitEthernet({ dst: o.targetMac ?? MAC_BROADCAST, src: mac, type: ETH_P_ARP, payload });
  }

  *run(): Task<number> {
    const { p, o } = this;
    p.onSignal('INT', () => {
      this.stop = true;
    });
    if (o.verbose) {
      // drop_uid() looks for a user to become.
      if (!/^sshd:/m.test(p.readText('/etc/passwd') ?? '')) yield* p.out('arping: getpwnam(sshd): Success\n');
      yield* p.out(
        `This box:   Interface: ${this.dev.name}  IP: ${formatIp4(this.source)}   MAC address: ${formatMac(o.sourceMac ?? this.dev.mac)}\n`,
      );
    }
    if (!o.dots && !this.silent) yield* p.out(`ARPING ${formatIp4(this.target)}\n`);
    const end = o.deadline === null ? Number.POSITIVE_INFINITY : p.sim.now + o.deadline * 1e6;
    while (!this.stop && (o.count < 0 || this.sent < o.count)) yield* this.round(end);
    yield* this.statistics();
    if (o.findDuplicates) return this.macs.size > 1 ? 1 : 0;
    return this.received > 0 ? 0 : 1;
  }

  /** One request and the time until the next one. */
  private *round(end: number): Task<void> {
    const { p, o } = this;
    const began = p.sim.now;
    const r = this.sock.send(this.request());
    if (!r.ok) throw new Fatal(`arping: libnet_write(): ${strerror(r.errno)}\n`);
    this.sent++;
    const until = began + Math.round(o.wait * 1e6);
    let answered = false;
    while (!this.stop && p.sim.now < until) {
      if (p.sim.now >= end) {
        this.stop = true;
        break;
      }
      const got = this.sock.recv();
      if (!got.ok) {
        yield { on: [this.sock.wq], until: Math.min(until, end) };
        continue;
      }
      const a = got.value.direction === 'outgoing' ? null : parseArp(got.value.frame.subarray(14));
      if (!a || a.op !== ARP_REPLY || a.senderIp !== this.target) continue;
      this.macs.add(a.senderMac);
      if (answered) this.extra++;
      else this.received++;
      const time = got.value.time - began;
      this.times.push(time);
      if (!o.quiet) yield* this.say(a.senderMac, time, got.value.length, answered);
      answered = true;
      if (o.maxReplies > 0 && this.received >= o.maxReplies) this.stop = true;
    }
    if (answered || this.stop) return;
    if (o.bellMissing) yield* p.out('\x07');
    if (!this.silent) yield* p.out(o.dots ? '.' : 'Timeout\n');
  }

  /** Neither lines for what is missing nor statistics. */
  private get silent(): boolean {
    return this.o.quiet || this.o.raw || this.o.rawIp;
  }

  private *say(mac: Mac, time: number, length: number, again: boolean): Task<void> {
    const { p, o } = this;
    if (o.dots) {
      if (!again) yield* p.out('!');
      return;
    }
    if (o.raw || o.rawIp) {
      const parts = [...(o.raw ? [formatMac(mac)] : []), ...(o.rawIp ? [formatIp4(this.target)] : [])];
      yield* p.out(`${parts.join(' ')}\n`);
      return;
    }
    if (o.bell) yield* p.out('\x07');
    const index = this.received - 1 + this.extra;
    const text =
      time < 1000 ? `${time.toFixed(3)} usec` : time < 1e6 ? `${(time / 1000).toFixed(3)} msec` : `${(time / 1e6).toFixed(3)} sec`;
    yield* p.out(
      `${length} bytes from ${formatMac(mac)} (${formatIp4(this.target)}): index=${o.showSent ? `${index}/${this.sent - 1}` : index} time=${text}\n`,
    );
  }

  private *statistics(): Task<void> {
    const { p, o } = this;
    if (this.silent) return;
    const lost = this.sent === 0 ? '-nan' : ((100 * (this.sent - this.received)) / this.sent).toFixed(0).padStart(3);
    if (o.dots) {
      yield* p.out(`\t${lost}% packet loss (${this.extra} extra)\n`);
      return;
    }
    let text = `\n--- ${formatIp4(this.target)} statistics ---\n${this.sent} packets transmitted, ${this.received + this.extra} packets received, ${lost}% unanswered (${this.extra} extra)\n`;
    if (this.times.length > 0) {
      const n = this.times.length;
      const avg = this.times.reduce((a, b) => a + b, 0) / n;
      const deviation = Math.sqrt(this.times.reduce((a, t) => a + (t - avg) ** 2, 0) / n);
      text += `rtt min/avg/max/std-dev = ${[Math.min(...this.times), avg, Math.max(...this.times), deviation].map((t) => (t / 1000).toFixed(3)).join('/')} ms`;
    }
    yield* p.out(`${text}\n`);
  }
}

function* parse(p: Process): Task<{ o: Options; target: string } | number> {
  const g = getoptShort(p.argv.slice(1), '0aAbBC:c:dDeFg:hi:I:m:pPqQ:rRs:S:t:T:uUvV:w:W:zZ');
  if (g.error) yield* p.err(`arping: ${g.error}\n`);
  if (g.error || g.operands.length !== 1) {
    yield* p.out(USAGE);
    return 1;
  }
  const o: Options = {
    count: -1,
    maxReplies: -1,
    device: null,
    deadline: null,
    wait: 1,
    findDuplicates: false,
    dots: false,
    gratuitous: false,
    reply: false,
    quiet: false,
    raw: false,
    rawIp: false,
    verbose: false,
    showSent: false,
    bell: false,
    bellMissing: false,
    source: null,
    sourceMac: null,
    targetMac: null,
  };
  for (const [key, value] of g.options) {
    if (key === 'c') o.count = Math.trunc(Number.parseInt(value, 10)) || 0;
    else if (key === 'C') o.maxReplies = Number.parseInt(value, 10) || 0;
    else if (key === 'i' || key === 'I') o.device = value;
    else if (key === 'w') o.deadline = Number(value) || 0;
    else if (key === 'W') o.wait = Number(value) || 0;
    else if (key === 'd') o.findDuplicates = true;
    else if (key === 'D') o.dots = true;
    else if (key === 'U') o.gratuitous = true;
    else if (key === 'P') o.reply = true;
    else if (key === 'q') o.quiet = true;
    else if (key === 'r') o.raw = true;
    else if (key === '0') o.source = 0;
    else if (key === 'b') o.source = 0xffffffff;
    else if (key === 'S') o.source = parseIp4(value);
    else if (key === 's') o.sourceMac = parseMac(value);
    else if (key === 't') o.targetMac = parseMac(value);
    else if (key === 'R') o.rawIp = true;
    else if (key === 'v') o.verbose = true;
    else if (key === 'u') o.showSent = true;
    else if (key === 'a') o.bell = true;
    else if (key === 'e') o.bellMissing = true;
    else if (key === 'h') {
      yield* p.out(USAGE);
      return 0;
    } else if ('TVQmg'.includes(key)) throw new Fatal(`arping: -${key} is not emulated\n`);
  }
  return { o, target: g.operands[0] as string };
}

function* start(p: Process): Task<number> {
  const parsed = yield* parse(p);
  if (typeof parsed === 'number') return parsed;
  const { o } = parsed;
  if (parseMac(parsed.target) !== null) throw new Fatal('arping: pinging a MAC address is not emulated\n');
  if (parsed.target.includes(':')) throw new Fatal(`arping: Illegal mac addr ${parsed.target}\n`);
  let target = parseIp4(parsed.target);
  if (target === null) {
    const r = yield* getaddrinfo(p, parsed.target, { family: 4 });
    if (!r.ok) throw new Fatal(`arping: Can't resolve ${parsed.target}\n`);
    target = r.addrs[0] as number;
  }
  let dev: NetDevice | undefined;
  let source = o.source;
  if (o.device !== null) {
    dev = p.ns.device(o.device);
    if (!dev) throw new Fatal(`arping: libnet_init(LIBNET_LINK, ${o.device}): libnet_check_iface() ioctl: No such device\n`);
    const own = dev.addrs4.find((a) => typeof a.local === 'number' && inPrefix(target, a.local, a.len)) ?? dev.addrs4[0];
    if (source === null && own) source = own.local as number;
  } else {
    const found = findDevice(p, target);
    if (!found) {
      const guess = [...p.ns.devices.values()].filter((d) => d.up && (d.flags & IFF_LOOPBACK) === 0).at(-1);
      yield* p.err(
        'arping: lookup dev: No matching interface found using getifaddrs().\narping: Unable to automatically find interface to use. Is it on the local LAN?\n',
      );
      if (!guess) throw new Fatal('arping: Use -i to manually specify interface.\n');
      yield* p.err(`arping: Use -i to manually specify interface. Guessing interface ${guess.name}.\n`);
      dev = guess;
      if (source === null && guess.addrs4[0]) source = guess.addrs4[0].local as number;
    } else {
      dev = found.dev;
      source ??= found.source;
      if (o.verbose) yield* p.out(`arping: Autodetected interface ${dev.name}\n`);
    }
  }
  if (source === null && !o.gratuitous) {
    throw new Fatal(
      `arping: Unable to get the IPv4 address of interface ${dev.name}:\narping: libnet_get_ipaddr4(): ioctl(): Cannot assign requested address\narping: Use -S to specify address manually.\n`,
    );
  }
  const opened = openPacket(p, ETH_P_ARP);
  if (!opened.ok)
    throw new Fatal(`arping: libnet_init(LIBNET_LINK, ${dev.name}): libnet_open_link(): UID/EUID 0 or capability CAP_NET_RAW required\n`);
  if (!dev.up) throw new Fatal(`arping: libnet_init(LIBNET_LINK, ${dev.name}): libnet_check_iface(): ${dev.name} is down\n`);
  opened.value.bind(dev);
  return yield* new Arping(p, o, opened.value, dev, target, source ?? target).run();
}

function* main(p: Process): Task<number> {
  try {
    return yield* start(p);
  } catch (e) {
    if (!(e instanceof Fatal)) throw e;
    yield* p.err(e.message);
    return 1;
  }
}

export const arping: Command = { name: 'arping', main, path: '/usr/sbin/arping' };
