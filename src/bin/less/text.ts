/** What less shows: the lines of a file or of a pipe, read as far as somebody looks. Models ch.c and line numbers of linenum.c */

import type { Process, Task } from '../../os/process.ts';

const CHUNK = 1 << 16;
/** More than this of a pipe is not kept. */
const MAX_BYTES = 64 << 20;

export class Text {
  readonly name: string;
  readonly lines: string[] = [];
  /** Byte where each line begins. */
  readonly starts: number[] = [];
  /** All was read. */
  ended = false;
  bytes = 0;
  /** Length of the file, null for a pipe. */
  size: number | null = null;
  private rest = '';
  private read = 0;
  private readonly fd: number;
  private readonly p: Process;
  private readonly decoder = new TextDecoder();

  constructor(p: Process, fd: number, name: string, size: number | null) {
    this.p = p;
    this.fd = fd;
    this.name = name;
    this.size = size;
  }

  /** A text that is there already. */
  static of(p: Process, name: string, text: string): Text {
    const made = new Text(p, -1, name, null);
    made.add(new TextEncoder().encode(text));
    made.end();
    return made;
  }

  /** Looks like no text: control characters that are none of a text's own. Models bin_file(). */
  binary(raw: boolean): boolean {
    let odd = 0;
    for (const c of this.lines.slice(0, 64).join('\n').slice(0, 256))
      if (/[\x00-\x07\x0b\x0e-\x1f]/.test(c) && !(raw && c === '\x1b')) odd++;
    return odd > 5 || this.lines.slice(0, 4).join('').includes('\0');
  }

  /** Reads until there are `count` lines or no more; false when `stop` says so. */
  *need(count: number, stop: () => boolean): Task<boolean> {
    while (this.lines.length < count && !this.ended) {
      if (stop()) return false;
      yield* this.more();
    }
    return true;
  }

  *more(): Task<void> {
    const r = yield* this.p.read(this.fd, CHUNK);
    if (!r.ok) {
      if (r.errno !== 'EINTR') this.end();
      return;
    }
    if (r.value.length === 0 || this.read > MAX_BYTES) {
      this.end();
      return;
    }
    this.add(r.value);
  }

  private add(data: Uint8Array): void {
    this.read += data.length;
    const parts = (this.rest + this.decoder.decode(data, { stream: true })).split('\n');
    this.rest = parts.pop() as string;
    for (const line of parts) this.push(line, 1);
  }

  private push(line: string, end: number): void {
    this.lines.push(line);
    this.starts.push(this.bytes);
    this.bytes += byteLength(line) + end;
  }

  private end(): void {
    this.ended = true;
    if (this.rest !== '') this.push(this.rest, 0);
    this.rest = '';
    this.size ??= this.bytes;
  }

  /** What was appended to a file since its end was seen; true when there was something. */
  *follow(): Task<boolean> {
    const before = this.read;
    for (;;) {
      const r = yield* this.p.read(this.fd, CHUNK);
      if (!r.ok || r.value.length === 0) break;
      const last = this.lines.length - 1;
      // A last line without its end goes on.
      if (last >= 0 && this.bytes === (this.starts[last] as number) + byteLength(this.lines[last] as string)) {
        this.rest = this.lines.pop() as string;
        this.bytes = this.starts.pop() as number;
      }
      this.add(r.value);
      this.end();
    }
    this.size = Math.max(this.size ?? 0, this.bytes);
    return this.read > before;
  }

  close(): void {
    if (this.fd > 0) this.p.close(this.fd);
  }
}

export function byteLength(text: string): number {
  let n = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    n += c < 0x80 ? 1 : c < 0x800 ? 2 : c >= 0xd800 && c < 0xdc00 ? 4 : c >= 0xdc00 && c < 0xe000 ? 0 : 3;
  }
  return n;
}
