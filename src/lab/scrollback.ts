/** What a terminal has shown last: kept while a log is carried out, so that a page that comes later can draw it again. */

import type { LoginTerminal } from './login.ts';

/** Bytes that are kept at least, if there were as many. */
const KEEP = 48 * 1024;
const NEWLINE = 10;

export class Scrollback {
  /** Who draws what comes from now on. */
  onData: ((data: Uint8Array) => void) | null = null;
  private chunks: Uint8Array[] = [];
  private size = 0;
  /** Private modes (alternate screen, bracketed paste …) that what was forgotten had set. */
  private readonly modes = new Map<string, boolean>();

  constructor(terminal: LoginTerminal) {
    terminal.onData = (data) => {
      this.chunks.push(data);
      this.size += data.length;
      if (this.size > 2 * KEEP) this.forget();
      this.onData?.(data);
    };
  }

  /** As bytes to be written to an empty terminal. */
  bytes(): Uint8Array {
    const set = [...this.modes].map(([mode, on]) => `\x1b[?${mode}${on ? 'h' : 'l'}`).join('');
    return joined([new TextEncoder().encode(set), ...this.chunks]);
  }

  /** Keeps the last lines. */
  private forget(): void {
    const all = joined(this.chunks);
    const from = all.indexOf(NEWLINE, all.length - KEEP) + 1 || all.length;
    const gone = new TextDecoder().decode(all.subarray(0, from));
    for (const [, mode, set] of gone.matchAll(/\x1b\[\?(\d{1,5})([hl])/g)) this.modes.set(mode as string, set === 'h');
    this.chunks = [all.slice(from)];
    this.size = all.length - from;
  }
}

/** Words to the page itself, which were heard when they were written: downloads, and edits that are over. */
export function silenced(shown: string): string {
  let open: { readonly id: string; readonly at: number } | null = null;
  for (const m of shown.matchAll(/\x1b\]1337;(Edit|EditEnd)=id=(\d+)[;:]/g)) {
    const [, word, id = ''] = m;
    if (word === 'Edit') open = { id, at: m.index };
    else if (open?.id === id) open = null;
  }
  return shown.replace(/\x1b\]1337;[^\x07]*\x07/g, (whole, at: number) => (open?.at === at ? whole : ''));
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((n, c) => n + c.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
