/** Packets as text on standard output: time stamps, numbers, hex dumps, names. Models print.c, util-print.c, addrtoname.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { nameOrAddress } from '../../os/resolver.ts';
import { formatIp, type IpAddr } from '../../wire/addr.ts';
import { utf8 } from '../../wire/bytes.ts';
import { PROTOCOL_NAMES } from './names.ts';
import type { TcpdumpOptions } from './options.ts';
import { printPacket } from './print/link.ts';
import { asciiDump, hexAsciiDump, hexDump, type Names } from './print/ndo.ts';

/** stdio's buffer when the output is no terminal. */
const BUFFER = 4096;

export class Output {
  private readonly p: Process;
  private readonly o: TcpdumpOptions;
  private readonly printer: Names;
  private conversations = new Map<string, { seq: number; ack: number }>();
  private readonly names = new Map<IpAddr, string>();
  private readonly missing = new Set<IpAddr>();
  private readonly ifnames: (ifindex: number) => string;
  private buffer = '';
  private first: number | null = null;
  private previous: number | null = null;

  constructor(p: Process, o: TcpdumpOptions) {
    this.p = p;
    this.o = o;
    const services = o.numeric > 0 ? null : readServices(p);
    this.ifnames = (i) => p.ns.deviceByIndex(i)?.name ?? '?';
    this.printer = {
      o: {
        link: o.link,
        verbose: o.verbose,
        quick: o.quick,
        absoluteSeq: o.absoluteSeq,
        noChecksum: o.noChecksum,
        type: o.type,
        suppressDefault: o.quick || o.hex > 0 || o.hexAscii > 0,
      },
      host: (a) => {
        if (o.numeric > 0) return formatIp(a);
        const known = this.names.get(a);
        if (known === undefined) this.missing.add(a);
        return known ?? formatIp(a);
      },
      port: (n, proto) => services?.get(`${n}/${proto}`) ?? String(n),
      protocol: (n) => (o.numeric > 0 ? null : (PROTOCOL_NAMES[n] ?? null)),
    };
  }

  /** `time` in µs since 1970; `count` is the packet's number. */
  *packet(linktype: number, data: Uint8Array, length: number, time: number, count: number): Task<void> {
    const saved = new Map(this.conversations);
    let r = printPacket(this.printer, this.conversations, linktype, data, length, this.ifnames);
    if (this.missing.size > 0) {
      for (const a of this.missing) this.names.set(a, yield* this.lookUp(a));
      this.missing.clear();
      this.conversations = saved;
      r = printPacket(this.printer, this.conversations, linktype, data, length, this.ifnames);
    }
    const number = this.o.number ? `${String(count).padStart(5)}  ` : '';
    yield* this.write(`${number}${this.stamp(time)}${r.text}\n${this.dump(data, r.header)}`);
  }

  private *lookUp(a: IpAddr): Task<string> {
    const name = yield* nameOrAddress(this.p, a);
    return this.o.shortNames && /[a-z]/i.test(name) && !name.includes(':') ? (name.split('.')[0] as string) : name;
  }

  /** The dump behind a packet; with one letter it begins behind the link header. */
  private dump(data: Uint8Array, header: number): string {
    const { o } = this;
    const shown = (level: number): Uint8Array => (level > 1 ? data : data.subarray(header));
    const level = o.hexAscii || o.hex || o.ascii;
    if (level === 0 || shown(level).length === 0) return '';
    if (o.hexAscii) return `${hexAsciiDump(shown(o.hexAscii))}\n`;
    if (o.hex) return `${hexDump(shown(o.hex))}\n`;
    return `${asciiDump(shown(o.ascii))}\n`;
  }

  private stamp(time: number): string {
    const tail = this.o.nano ? '000' : '';
    const micros = (t: number): string => String(t % 1_000_000).padStart(6, '0') + tail;
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
        return time < base ? `-${clock(base - time)} ` : ` ${clock(time - base)} `;
    }
  }

  *write(text: string): Task<void> {
    this.buffer += text;
    if (this.o.lineBuffered || this.buffer.length >= BUFFER || this.p.isatty(1)) yield* this.flush();
    else if (this.o.packetBuffered) yield* this.flush();
  }

  *flush(): Task<void> {
    const text = this.buffer;
    this.buffer = '';
    if (text !== '') yield* this.p.out(utf8(text));
  }
}

/** `2026-11-20` of µs since 1970. Days to civil date after Howard Hinnant. */
export function day(time: number): string {
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
  for (const line of (p.readText('/etc/services') ?? '').split('\n')) {
    const m = /^([^\s#]+)\s+(\d+\/(?:tcp|udp))/.exec(line);
    if (m) map.set(m[2] as string, m[1] as string);
  }
  return map;
}
