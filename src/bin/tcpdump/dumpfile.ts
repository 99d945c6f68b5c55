/** What -w writes: one file, or several with -C, -G and -W. Models dump_packet_and_trunc(), MakeFilename() */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { emitPcapHeader, emitPcapPacket, type PcapPacket } from '../../wire/pcap.ts';
import { strftime } from '../strftime.ts';
import { Fatal } from './compile.ts';
import type { TcpdumpOptions } from './options.ts';

export class DumpFile {
  private readonly p: Process;
  private readonly o: TcpdumpOptions;
  private readonly linktype: number;
  private fd = 1;
  private size = 0;
  private count = 0;
  /** Second at which the present file began (-G). */
  private began: number;
  private turns = 0;

  constructor(p: Process, o: TcpdumpOptions, linktype: number) {
    this.p = p;
    this.o = o;
    this.linktype = linktype;
    this.began = this.seconds();
  }

  private seconds(): number {
    return Math.floor((this.p.sim.epochMs * 1000 + this.p.sim.now) / 1_000_000);
  }

  *begin(): Task<void> {
    yield* this.open(this.o.rotateBytes > 0 && this.o.files > 0 ? this.name(0) : this.name(null));
  }

  private name(count: number | null): string {
    const { o } = this;
    const width = o.rotateBytes > 0 && o.files > 0 ? String(o.files - 1).length : 0;
    const base = o.rotateSeconds > 0 ? strftime(o.write as string, this.began) : (o.write as string);
    return count === null || (count === 0 && width === 0) ? base : base + String(count).padStart(width, '0');
  }

  private *open(path: string): Task<void> {
    if (path !== '-') {
      const r = this.p.open(path, 'w');
      if (!r.ok) throw new Fatal(`${path}: ${strerror(r.errno)}`);
      this.fd = r.value;
    }
    const header = emitPcapHeader(this.linktype, this.o.snaplen, this.o.nano);
    this.size = header.length;
    yield* this.p.write(this.fd, header);
  }

  private *next(path: string): Task<void> {
    if (this.fd !== 1) this.p.close(this.fd);
    yield* this.open(path);
  }

  /** False when -W's number of -G files is used up. */
  *write(packet: PcapPacket): Task<boolean> {
    const { o } = this;
    if (o.rotateSeconds > 0 && this.seconds() - this.began >= o.rotateSeconds) {
      this.began = this.seconds();
      this.turns++;
      if (o.rotateBytes === 0 && o.files > 0 && this.turns >= o.files) {
        yield* this.p.err(`Maximum file limit reached: ${o.files}\n`);
        return false;
      }
      this.count = 0;
      yield* this.next(this.name(o.rotateBytes > 0 ? 0 : null));
    }
    if (o.rotateBytes > 0 && this.size > o.rotateBytes) {
      this.count++;
      if (o.files > 0 && this.count >= o.files) this.count = 0;
      yield* this.next(this.name(this.count));
    }
    const bytes = emitPcapPacket(packet, o.nano);
    this.size += bytes.length;
    yield* this.p.write(this.fd, bytes);
    return true;
  }
}
