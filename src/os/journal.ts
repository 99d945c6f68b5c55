/** The machine's journal: what services print and what the service manager says. Models systemd-journald */

import { ok, type Result } from '../sim/errno.ts';
import { WaitQueue } from '../sim/wait.ts';
import { OpenFile } from './file.ts';
import type { Machine } from './machine.ts';
import type { Process } from './process.ts';

export interface JournalEntry {
  /** Virtual µs. */
  readonly time: number;
  /** Unit that it is about, with its suffix. */
  readonly unit: string;
  /** Who says it: `systemd`, `nginx`, `kernel`. */
  readonly identifier: string;
  readonly pid: number | null;
  /** syslog priority: 3 error, 4 warning, 5 notice, 6 information. */
  readonly priority: number;
  readonly message: string;
}

/** Entries kept; older ones are forgotten. */
const LIMIT = 5000;

export class Journal {
  readonly entries: JournalEntry[] = [];
  /** Entries forgotten so far, so that a reader can keep its place. */
  forgotten = 0;
  readonly written = new WaitQueue();
  private readonly machine: Machine;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  add(entry: Omit<JournalEntry, 'time'>): void {
    this.entries.push({ time: this.machine.sim.now, ...entry });
    if (this.entries.length > LIMIT) {
      this.entries.shift();
      this.forgotten++;
    }
    this.written.wakeAll();
  }

  /** Standard output or error of a service: each line becomes an entry. */
  stream(unit: string): OpenFile {
    return new JournalStream(this, unit);
  }
}

class JournalStream extends OpenFile {
  readonly kind = 'socket';
  readonly name = 'socket:[journal]';
  private rest = '';
  private readonly decoder = new TextDecoder();
  private readonly journal: Journal;
  private readonly unit: string;

  constructor(journal: Journal, unit: string) {
    super();
    this.journal = journal;
    this.unit = unit;
  }

  override write(data: Uint8Array, p: Process): Result<number> {
    const lines = (this.rest + this.decoder.decode(data, { stream: true })).split('\n');
    this.rest = (lines.pop() ?? '').slice(-4096);
    for (const message of lines)
      if (message !== '') this.journal.add({ unit: this.unit, identifier: p.name.replace(/:$/, ''), pid: p.pid, priority: 6, message });
    return ok(data.length);
  }

  override readable(): boolean {
    return false;
  }
}
