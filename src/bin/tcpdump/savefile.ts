/** Reading capture files, also through a pipe while they are being written. Models pcap_open_offline(), sf-pcap.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { type PcapFormat, type PcapPacket, parsePcapHeader, parsePcapPacket } from '../../wire/pcap.ts';
import { type Compiled, compile, Fatal } from './compile.ts';
import { DumpFile } from './dumpfile.ts';
import { LINK_NAMES } from './live.ts';
import type { TcpdumpOptions } from './options.ts';
import { Output } from './output.ts';

const CHUNK = 65_536;
/** Larger packets are a sign of a broken file. */
const MAX_PACKET = 262_144;

class Savefile {
  private readonly p: Process;
  private readonly fd: number;
  private bytes = new Uint8Array(0);
  private at = 0;
  format: PcapFormat = { little: true, nano: false, linktype: 1, snaplen: 0 };
  /** Why reading ended, null at a file's proper end. */
  error: string | null = null;

  constructor(p: Process, fd: number) {
    this.p = p;
    this.fd = fd;
  }

  /** Reads until `n` bytes are there; false at the end of the file or on an error, which `error` tells. */
  private *need(n: number): Task<boolean> {
    while (this.bytes.length - this.at < n) {
      const r = yield* this.p.read(this.fd, CHUNK);
      if (!r.ok) {
        this.error = `error reading dump file: ${strerror(r.errno)}`;
        return false;
      }
      if (r.value.length === 0) return false;
      const rest = this.bytes.subarray(this.at);
      const joined = new Uint8Array(rest.length + r.value.length);
      joined.set(rest);
      joined.set(r.value, rest.length);
      this.bytes = joined;
      this.at = 0;
    }
    return true;
  }

  *open(): Task<void> {
    for (const [n, what] of [
      [4, 4],
      [24, 20],
    ] as const) {
      if (yield* this.need(n)) continue;
      if (this.error) throw new Fatal(this.error);
      throw new Fatal(`truncated dump file; tried to read ${what} file header bytes, only got ${this.bytes.length - (n - what)}`);
    }
    const format = parsePcapHeader(this.bytes);
    if (!format) throw new Fatal('unknown file format');
    this.format = format;
    this.at = 24;
  }

  *packet(): Task<PcapPacket | null> {
    const cut = (size: number, what: string): null => {
      const got = this.bytes.length - this.at;
      if (!this.error && got > 0) this.error = `truncated dump file; tried to read ${size} ${what} bytes, only got ${got}`;
      return null;
    };
    if (!(yield* this.need(16))) return cut(16, 'header');
    const { size } = parsePcapPacket(this.format, this.bytes, this.at);
    if (size - 16 > MAX_PACKET) {
      this.error = `invalid packet capture length ${size - 16}, bigger than snaplen of ${this.format.snaplen}`;
      return null;
    }
    if (!(yield* this.need(size))) {
      this.at += 16;
      return cut(size - 16, 'captured');
    }
    const { packet } = parsePcapPacket(this.format, this.bytes, this.at);
    this.at += size;
    return packet;
  }
}

function* open(p: Process, path: string): Task<Savefile> {
  let fd = 0;
  if (path !== '-') {
    const r = p.open(path, 'r');
    if (!r.ok) throw new Fatal(`${path}: ${strerror(r.errno)}`);
    fd = r.value;
  }
  const f = new Savefile(p, fd);
  yield* f.open();
  const { linktype, snaplen } = f.format;
  yield* p.err(`reading from file ${path}, link-type ${LINK_NAMES[linktype] ?? linktype}, snapshot length ${snaplen}\n`);
  if (LINK_NAMES[linktype]?.startsWith('LINUX_SLL2')) yield* p.err('Warning: interface names might be incorrect\n');
  return f;
}

/** The files that -V names, one a line. */
function fileList(p: Process, path: string): string[] {
  const r = p.readFile(path);
  if (!r.ok) throw new Fatal(`Unable to open file: ${strerror(r.errno)}\n`);
  const lines = new TextDecoder().decode(r.value).split('\n');
  if (lines.at(-1) === '') lines.pop();
  if (lines.length === 0) throw new Fatal(`Nothing in ${path}\n`);
  return lines;
}

export function* readSavefiles(p: Process, o: TcpdumpOptions): Task<number> {
  // cleanup() only breaks the loop: a read that waits on a pipe is interrupted and says so.
  for (const signal of ['INT', 'TERM', 'HUP', 'PIPE'] as const) p.onSignal(signal, () => {});
  const paths = o.readList === null ? [o.read as string] : fileList(p, o.readList);
  const output = new Output(p, o);
  let filter: Compiled | null = null;
  let file: DumpFile | null = null;
  let linktype = -1;
  let count = 0;
  let status = 0;
  for (const path of paths) {
    const f = yield* open(p, path);
    if (f.format.linktype !== linktype) {
      if (file) throw new Fatal(`${path}: new dlt does not match original`);
      linktype = f.format.linktype;
      filter = yield* compile(p, o, { linktype, offline: true });
      if (o.dump > 0) {
        yield* p.out(filter.listing(o.dump));
        return 0;
      }
      if (o.write !== null) {
        file = new DumpFile(p, { ...o, snaplen: f.format.snaplen }, linktype);
        yield* file.begin();
      }
    }
    let here = 0;
    while (o.count < 0 || here < o.count) {
      const packet = yield* f.packet();
      if (!packet) break;
      if (filter?.run && !filter.run({ data: packet.data, length: packet.length, outgoing: false })) continue;
      count++;
      here++;
      if (file) {
        yield* file.write(packet);
        if (o.print) yield* output.packet(linktype, packet.data, packet.length, packet.time, count);
      } else if (!o.countOnly) yield* output.packet(linktype, packet.data, packet.length, packet.time, count);
    }
    yield* output.flush();
    if (f.error) {
      yield* p.err(`tcpdump: pcap_loop: ${f.error}\n`);
      status = 1;
    }
  }
  if (o.countOnly) yield* p.out(`${count} packet${count === 1 ? '' : 's'}\n`);
  return status;
}
