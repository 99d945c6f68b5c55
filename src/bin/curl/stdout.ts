/** curl's standard output: stdio holds it back until 4096 bytes or the end when it is no terminal, so that -v comes first in a pipe. */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { concat, utf8 } from '../../wire/bytes.ts';

const BUFFER = 4096;

export class Stdout {
  private readonly p: Process;
  private parts: Uint8Array[] = [];
  private size = 0;
  /** -N: nothing is held back. */
  unbuffered: boolean;

  constructor(p: Process) {
    this.p = p;
    this.unbuffered = p.isatty(1);
  }

  /** False when nobody reads any more. */
  *write(data: Uint8Array | string): Task<boolean> {
    const bytes = typeof data === 'string' ? utf8(data) : data;
    this.parts.push(bytes);
    this.size += bytes.length;
    return this.unbuffered || this.size >= BUFFER ? yield* this.flush() : true;
  }

  *flush(): Task<boolean> {
    if (this.size === 0) return true;
    const all = concat(this.parts);
    this.parts = [];
    this.size = 0;
    return (yield* this.p.write(1, all)).ok;
  }
}
