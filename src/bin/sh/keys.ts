/** Terminal input as keys: UTF-8, control characters, escape sequences, bracketed paste. */

export type Key =
  | { kind: 'text'; text: string }
  | { kind: 'paste'; text: string }
  /** `C-a`, `M-b`, `Up`, `Home`, `Tab`, `Enter`, `Backspace` … */
  | { kind: 'key'; name: string };

const CSI: Record<string, string> = {
  A: 'Up',
  B: 'Down',
  C: 'Right',
  D: 'Left',
  F: 'End',
  H: 'Home',
  '1~': 'Home',
  '3~': 'Delete',
  '4~': 'End',
  '7~': 'Home',
  '8~': 'End',
  '1;5C': 'M-f',
  '1;5D': 'M-b',
  '1;3C': 'M-f',
  '1;3D': 'M-b',
  '3;5~': 'M-d',
};

const CONTROL: Record<number, string> = { 8: 'Backspace', 9: 'Tab', 10: 'Enter', 13: 'Enter', 127: 'Backspace' };

const PASTE_END = '\x1b[201~';

/** Feeds on bytes as they come; sequences may be cut anywhere. */
export class KeyDecoder {
  private pending = '';
  private pasting = false;
  private readonly decoder = new TextDecoder();

  feed(bytes: Uint8Array): Key[] {
    this.pending += this.decoder.decode(bytes, { stream: true });
    const keys: Key[] = [];
    while (this.pending !== '') {
      const used = this.pasting ? this.paste(keys) : this.one(keys);
      if (used === 0) break;
      this.pending = this.pending.slice(used);
    }
    return keys;
  }

  private paste(keys: Key[]): number {
    const end = this.pending.indexOf(PASTE_END);
    if (end >= 0) {
      if (end > 0) keys.push({ kind: 'paste', text: this.pending.slice(0, end) });
      this.pasting = false;
      return end + PASTE_END.length;
    }
    // The end mark may be cut: keep what could be its beginning.
    const keep = Math.min(PASTE_END.length - 1, this.pending.length);
    const used = this.pending.length - keep;
    if (used > 0) keys.push({ kind: 'paste', text: this.pending.slice(0, used) });
    return used;
  }

  private one(keys: Key[]): number {
    const s = this.pending;
    const code = s.charCodeAt(0);
    if (code === 27) return this.escape(keys);
    if (code < 32 || code === 127) {
      keys.push({ kind: 'key', name: CONTROL[code] ?? `C-${String.fromCharCode(code + 96)}` });
      return 1;
    }
    let end = 1;
    while (end < s.length && s.charCodeAt(end) >= 32 && s.charCodeAt(end) !== 127) end++;
    keys.push({ kind: 'text', text: s.slice(0, end) });
    return end;
  }

  private escape(keys: Key[]): number {
    const s = this.pending;
    if (s.length === 1) return 0;
    const next = s[1] as string;
    if (next === '[' || next === 'O') {
      const m = /^\x1b[[O]([0-9;]*[A-Za-z~])/.exec(s);
      if (!m) return s.length > 16 ? 2 : 0;
      const body = m[1] as string;
      if (body === '200~') this.pasting = true;
      else {
        const name = CSI[body];
        if (name) keys.push({ kind: 'key', name });
      }
      return m[0].length;
    }
    const code = next.charCodeAt(0);
    keys.push({ kind: 'key', name: code === 127 || code === 8 ? 'M-Backspace' : `M-${next}` });
    return 2;
  }
}
