/** Open file descriptions: what a file descriptor points at. Models struct file and its operations */

import { fail, type Result } from '../sim/errno.ts';
import { WaitQueue } from '../sim/wait.ts';
import type { Process } from './process.ts';

export type OpenKind = 'file' | 'dir' | 'pipe' | 'tty' | 'char' | 'socket';

/** Shared by all descriptors that dup() or fork() made of it; released when the last one is closed. */
export abstract class OpenFile {
  refs = 0;
  abstract readonly kind: OpenKind;
  /** Shown by /proc/PID/fd: a path, or `pipe:[4711]`. */
  abstract readonly name: string;
  private readonly readQueue = new WaitQueue();
  private readonly writeQueue = new WaitQueue();

  /** Woken when a read that gave EAGAIN may succeed. */
  get readers(): WaitQueue {
    return this.readQueue;
  }

  /** Woken when a write that gave EAGAIN may succeed. */
  get writers(): WaitQueue {
    return this.writeQueue;
  }

  /** Never blocks: EAGAIN when there is nothing yet; empty bytes are the end of the file. */
  read(_max: number, _p: Process): Result<Uint8Array> {
    return fail('EBADF');
  }

  /** Never blocks: the number of bytes taken, or EAGAIN when none can be. */
  write(_data: Uint8Array, _p: Process): Result<number> {
    return fail('EBADF');
  }

  /** Whether a read would not block. */
  readable(): boolean {
    return true;
  }

  writable(): boolean {
    return true;
  }

  seek(_offset: number): Result<number> {
    return fail('ESPIPE');
  }

  /** The last descriptor is gone. */
  protected release(): void {}

  acquire(): this {
    this.refs++;
    return this;
  }

  close(): void {
    if (--this.refs === 0) this.release();
  }
}
