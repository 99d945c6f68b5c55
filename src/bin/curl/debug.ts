/** What -v, --trace and --trace-ascii show of a transfer. Models src/tool_cb_dbg.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { utf8 } from '../../wire/bytes.ts';
import { bytesOf, latin1 } from './http.ts';
import type { GlobalOptions } from './options.ts';

export type DataKind = 'dataIn' | 'dataOut' | 'sslIn' | 'sslOut';

const TITLES: Record<DataKind | 'headerIn' | 'headerOut', string> = {
  headerIn: '<= Recv header',
  headerOut: '=> Send header',
  dataIn: '<= Recv data',
  dataOut: '=> Send data',
  sslIn: '<= Recv SSL data',
  sslOut: '=> Send SSL data',
};

export class Debug {
  private readonly p: Process;
  private readonly g: GlobalOptions;
  private readonly toErr: (data: Uint8Array) => Task<void>;
  private readonly toOut: (data: Uint8Array) => Task<void>;
  verbose = false;
  /** The body goes to a terminal, so that what is sent and received is seen there. */
  tty = false;
  private traced = false;
  private fd: number | null = null;

  constructor(p: Process, g: GlobalOptions, toErr: (data: Uint8Array) => Task<void>, toOut: (data: Uint8Array) => Task<void>) {
    this.p = p;
    this.g = g;
    this.toErr = toErr;
    this.toOut = toOut;
  }

  get on(): boolean {
    return this.verbose || this.g.trace !== null;
  }

  private stamp(): string {
    if (!this.g.traceTime) return '';
    const now = this.p.sim.epochMs * 1000 + this.p.sim.now;
    const two = (n: number): string => String(Math.floor(n) % 60).padStart(2, '0');
    return `${String(Math.floor(now / 3.6e9) % 24).padStart(2, '0')}:${two(now / 6e7)}:${two(now / 1e6)}.${String(now % 1_000_000).padStart(6, '0')} `;
  }

  private *put(text: string): Task<void> {
    const bytes = /^[\x00-\xff]*$/.test(text) ? bytesOf(text) : utf8(text);
    const { trace } = this.g;
    if (!trace || trace.file === '%') return yield* this.toErr(bytes);
    if (trace.file === '-') return yield* this.toOut(bytes);
    if (this.fd === null) {
      const r = this.p.open(trace.file, 'w');
      this.fd = r.ok ? r.value : -1;
    }
    if (this.fd >= 0) yield* this.p.write(this.fd, bytes);
  }

  *info(text: string): Task<void> {
    this.traced = false;
    if (this.g.trace) yield* this.put(`${this.stamp()}== Info: ${text}\n`);
    else if (this.verbose) yield* this.put(`${this.stamp()}* ${text}\n`);
  }

  *headerOut(text: string): Task<void> {
    this.traced = false;
    if (this.g.trace) return yield* this.dump('headerOut', bytesOf(text));
    if (!this.verbose) return;
    const lines = text.split(/(?<=\n)/);
    yield* this.put(lines.map((l) => `${this.stamp()}> ${l}`).join(''));
  }

  *headerIn(line: string): Task<void> {
    this.traced = false;
    if (this.g.trace) yield* this.dump('headerIn', bytesOf(line));
    else if (this.verbose) yield* this.put(`${this.stamp()}< ${line}`);
  }

  *data(kind: DataKind, bytes: Uint8Array): Task<void> {
    if (this.g.trace) return yield* this.dump(kind, bytes);
    if (!this.verbose || this.traced || this.tty) return;
    this.traced = true;
    yield* this.put(`${this.stamp()}${kind.endsWith('In') ? '{' : '}'} [${bytes.length} bytes data]\n`);
  }

  private *dump(kind: keyof typeof TITLES, bytes: Uint8Array): Task<void> {
    const ascii = this.g.trace?.kind === 'ascii';
    const width = ascii ? 64 : 16;
    let out = `${this.stamp()}${TITLES[kind]}, ${bytes.length} bytes (0x${bytes.length.toString(16)})\n`;
    const crlf = (at: number): boolean => ascii && bytes[at] === 13 && bytes[at + 1] === 10;
    for (let i = 0; i < bytes.length; ) {
      const row = bytes.subarray(i, i + width);
      out += `${i.toString(16).padStart(4, '0')}: `;
      if (!ascii)
        out += Array.from({ length: width }, (_, c) =>
          c < row.length ? `${(row[c] as number).toString(16).padStart(2, '0')} ` : '   ',
        ).join('');
      let step = width;
      for (let c = 0; c < row.length; c++) {
        if (crlf(i + c)) {
          step = c + 2;
          break;
        }
        const ch = row[c] as number;
        out += ch >= 0x20 && ch < 0x7f ? latin1(row.subarray(c, c + 1)) : '.';
        if (crlf(i + c + 1)) {
          step = c + 3;
          break;
        }
      }
      out += '\n';
      i += step;
    }
    yield* this.put(out);
  }
}
