/** A process's end of a terminal: what a descriptor on /dev/pts/N is. */

import type { Result } from '../sim/errno.ts';
import type { WaitQueue } from '../sim/wait.ts';
import { OpenFile } from './file.ts';
import type { Tty } from './tty.ts';

export class Endpoint extends OpenFile {
  readonly kind = 'tty';
  readonly tty: Tty;

  constructor(tty: Tty) {
    super();
    this.tty = tty;
  }

  get name(): string {
    return this.tty.path;
  }

  override get readers(): WaitQueue {
    return this.tty.readers;
  }

  override get writers(): WaitQueue {
    return this.tty.writers;
  }

  override read(max: number): Result<Uint8Array> {
    return this.tty.read(max);
  }

  override write(data: Uint8Array): Result<number> {
    return this.tty.write(data);
  }

  override readable(): boolean {
    return this.tty.readable();
  }

  override writable(): boolean {
    return this.tty.writable();
  }
}
