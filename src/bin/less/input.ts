/** Keys for full-screen programs: single characters and named ones, from the terminal itself. */

import type { Process, Task } from '../../os/process.ts';

const NAMED: Readonly<Record<string, string>> = {
  A: 'Up',
  B: 'Down',
  C: 'Right',
  D: 'Left',
  F: 'End',
  H: 'Home',
  '1~': 'Home',
  '4~': 'End',
  '5~': 'PageUp',
  '6~': 'PageDown',
  '3~': 'Delete',
};

/** Longer input than this waits in the terminal. */
const READ = 256;

export class Keyboard {
  private waiting = '';
  private readonly decoder = new TextDecoder();
  private readonly p: Process;

  constructor(p: Process) {
    this.p = p;
  }

  /** A key; '' when a signal came instead, null at the end of the terminal. */
  *key(): Task<string | null> {
    if (this.waiting === '') {
      const { tty } = this.p;
      if (!tty) return null;
      const r = tty.read(READ);
      if (!r.ok) {
        if (r.errno !== 'EAGAIN') return null;
        yield { on: [tty.readers] };
        const again = tty.read(READ);
        if (!again.ok) return again.errno === 'EAGAIN' ? '' : null;
        if (again.value.length === 0) return null;
        this.waiting += this.decoder.decode(again.value, { stream: true });
      } else if (r.value.length === 0) return null;
      else this.waiting += this.decoder.decode(r.value, { stream: true });
    }
    return this.take();
  }

  private take(): string {
    const s = this.waiting;
    if (s === '') return '';
    const m = /^\x1b(?:[[O]([0-9;]*[A-Za-z~])|([^\x1b]))/u.exec(s);
    const used = m ? m[0] : String.fromCodePoint(s.codePointAt(0) as number);
    this.waiting = s.slice(used.length);
    if (m) return m[1] !== undefined ? (NAMED[m[1]] ?? 'Unknown') : `ESC-${m[2]}`;
    return used;
  }

  giveBack(key: string): void {
    if (key.length === 1) this.waiting = key + this.waiting;
  }
}
