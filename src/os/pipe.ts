/** Pipes: 64 KiB of buffer, end of file without writers, SIGPIPE without readers. Models fs/pipe.c */

import { fail, ok, type Result } from '../sim/errno.ts';
import type { Sim } from '../sim/sim.ts';
import { OpenFile } from './file.ts';

export const PIPE_SIZE = 65536;

/** A bounded queue of bytes. */
export class ByteQueue {
  private chunks: Uint8Array[] = [];
  private head = 0;
  size = 0;

  push(data: Uint8Array): void {
    if (data.length === 0) return;
    this.chunks.push(data);
    this.size += data.length;
  }

  /** Puts bytes in front of all others. */
  unshift(data: Uint8Array): void {
    if (data.length === 0) return;
    const first = this.chunks[0];
    if (first) this.chunks[0] = first.subarray(this.head);
    this.chunks.unshift(data);
    this.head = 0;
    this.size += data.length;
  }

  take(max: number): Uint8Array {
    const n = Math.min(max, this.size);
    const first = this.chunks[0];
    if (!first || n === 0) return new Uint8Array(0);
    if (first.length - this.head >= n) {
      const out = first.subarray(this.head, this.head + n);
      this.head += n;
      if (this.head === first.length) {
        this.chunks.shift();
        this.head = 0;
      }
      this.size -= n;
      return out;
    }
    const out = new Uint8Array(n);
    let done = 0;
    let used = 0;
    while (done < n) {
      const chunk = this.chunks[used] as Uint8Array;
      const part = chunk.subarray(this.head, this.head + n - done);
      out.set(part, done);
      done += part.length;
      this.head += part.length;
      if (this.head === chunk.length) {
        used++;
        this.head = 0;
      }
    }
    this.chunks.splice(0, used);
    this.size -= n;
    return out;
  }
}

class PipeEnd extends OpenFile {
  readonly kind = 'pipe';
  readonly name: string;
  readonly queue: ByteQueue;
  readonly isWriter: boolean;
  peer: PipeEnd | null = null;
  open = true;

  constructor(name: string, queue: ByteQueue, isWriter: boolean) {
    super();
    this.name = name;
    this.queue = queue;
    this.isWriter = isWriter;
  }

  override read(max: number): Result<Uint8Array> {
    if (this.isWriter) return fail('EBADF');
    if (this.queue.size === 0) return this.peer?.open ? fail('EAGAIN') : ok(new Uint8Array(0));
    const data = this.queue.take(max);
    this.peer?.writers.wakeAll();
    return ok(data);
  }

  override write(data: Uint8Array): Result<number> {
    if (!this.isWriter) return fail('EBADF');
    if (!this.peer?.open) return fail('EPIPE');
    const room = PIPE_SIZE - this.queue.size;
    if (data.length === 0) return ok(0);
    // Writes of up to PIPE_BUF (4096) bytes are atomic (pipe(7)).
    if (room === 0 || (data.length <= 4096 && room < data.length)) return fail('EAGAIN');
    const part = data.length <= room ? data : data.subarray(0, room);
    this.queue.push(part.slice());
    this.peer.readers.wakeAll();
    return ok(part.length);
  }

  override readable(): boolean {
    return this.queue.size > 0 || !this.peer?.open;
  }

  override writable(): boolean {
    return this.queue.size < PIPE_SIZE || !this.peer?.open;
  }

  protected override release(): void {
    this.open = false;
    this.peer?.readers.wakeAll();
    this.peer?.writers.wakeAll();
  }
}

/** [read end, write end], both without references yet. */
export function makePipe(sim: Sim): [OpenFile, OpenFile] {
  const name = `pipe:[${20000 + sim.serial('pipe')}]`;
  const queue = new ByteQueue();
  const r = new PipeEnd(name, queue, false);
  const w = new PipeEnd(name, queue, true);
  r.peer = w;
  w.peer = r;
  return [r, w];
}

/** A source of bytes that are all there from the start (here-documents, a caller's stdin). */
export class BytesFile extends OpenFile {
  readonly kind = 'pipe';
  readonly name = 'pipe:[0]';
  private data: Uint8Array;

  constructor(data: Uint8Array) {
    super();
    this.data = data;
  }

  override read(max: number): Result<Uint8Array> {
    const part = this.data.subarray(0, max);
    this.data = this.data.subarray(part.length);
    return ok(part);
  }
}

/** Collects what is written, up to `limit` bytes; what comes later is thrown away and `truncated` is set. */
export class Collector extends OpenFile {
  readonly kind = 'pipe';
  readonly name = 'pipe:[1]';
  private readonly queue = new ByteQueue();
  private total = 0;
  readonly limit: number;
  truncated = false;

  constructor(limit = 16 << 20) {
    super();
    this.limit = limit;
  }

  override write(data: Uint8Array): Result<number> {
    const room = this.limit - this.total;
    if (room < data.length) this.truncated = true;
    const part = data.subarray(0, room);
    this.queue.push(part.slice());
    this.total += part.length;
    return ok(data.length);
  }

  override readable(): boolean {
    return false;
  }

  /** What came since the last call. */
  take(): Uint8Array {
    return this.queue.take(Number.POSITIVE_INFINITY);
  }
}
