/** The keys of emacs mode, as `bind -p` of bash 5.2 lists them; key sequences in readline's notation. Models emacs_keymap.c and bind.c */

import type { Binding } from './types.ts';

/** Function: its key sequences. */
export const EMACS: Readonly<Record<string, readonly string[]>> = {
  abort: ['\\C-g', '\\C-x\\C-g', '\\e\\C-g'],
  'accept-line': ['\\C-j', '\\C-m'],
  'backward-char': ['\\C-b', '\\eOD', '\\e[D'],
  'backward-delete-char': ['\\C-h', '\\C-?'],
  'backward-kill-line': ['\\C-x\\C-?'],
  'backward-kill-word': ['\\e\\C-h', '\\e\\C-?'],
  'backward-word': ['\\e\\e[D', '\\e[1;3D', '\\e[1;5D', '\\e[5D', '\\eb'],
  'beginning-of-history': ['\\e<'],
  'beginning-of-line': ['\\C-a', '\\eOH', '\\e[1~', '\\e[H'],
  'bracketed-paste-begin': ['\\e[200~'],
  'call-last-kbd-macro': ['\\C-xe'],
  'capitalize-word': ['\\ec'],
  'character-search': ['\\C-]'],
  'character-search-backward': ['\\e\\C-]'],
  'clear-display': ['\\e\\C-l'],
  'clear-screen': ['\\C-l'],
  complete: ['\\C-i'],
  'complete-command': ['\\e!'],
  'complete-filename': ['\\e/'],
  'complete-hostname': ['\\e@'],
  'complete-into-braces': ['\\e{'],
  'complete-username': ['\\e~'],
  'complete-variable': ['\\e$'],
  'delete-char': ['\\C-d', '\\e[3~'],
  'delete-horizontal-space': ['\\e\\\\'],
  'digit-argument': ['\\e-', '\\e0', '\\e1', '\\e2', '\\e3', '\\e4', '\\e5', '\\e6', '\\e7', '\\e8', '\\e9'],
  'display-shell-version': ['\\C-x\\C-v'],
  'downcase-word': ['\\el'],
  'dynamic-complete-history': ['\\e\\C-i'],
  'edit-and-execute-command': ['\\C-x\\C-e'],
  'end-kbd-macro': ['\\C-x)'],
  'end-of-history': ['\\e>'],
  'end-of-line': ['\\C-e', '\\eOF', '\\e[4~', '\\e[F'],
  'exchange-point-and-mark': ['\\C-x\\C-x'],
  'forward-char': ['\\C-f', '\\eOC', '\\e[C'],
  'forward-search-history': ['\\C-s'],
  'forward-word': ['\\e\\e[C', '\\e[1;3C', '\\e[1;5C', '\\e[5C', '\\ef'],
  'glob-complete-word': ['\\eg'],
  'glob-expand-word': ['\\C-x*'],
  'glob-list-expansions': ['\\C-xg'],
  'history-expand-line': ['\\e^'],
  'history-search-backward': ['\\e[5~'],
  'history-search-forward': ['\\e[6~'],
  'insert-comment': ['\\e#'],
  'insert-completions': ['\\e*'],
  'kill-line': ['\\C-k'],
  'kill-word': ['\\e[3;5~', '\\ed'],
  'next-history': ['\\C-n', '\\eOB', '\\e[B'],
  'non-incremental-forward-search-history': ['\\en'],
  'non-incremental-reverse-search-history': ['\\ep'],
  'operate-and-get-next': ['\\C-o'],
  'possible-command-completions': ['\\C-x!'],
  'possible-completions': ['\\e=', '\\e?'],
  'possible-filename-completions': ['\\C-x/'],
  'possible-hostname-completions': ['\\C-x@'],
  'possible-username-completions': ['\\C-x~'],
  'possible-variable-completions': ['\\C-x$'],
  'previous-history': ['\\C-p', '\\eOA', '\\e[A'],
  'quoted-insert': ['\\C-q', '\\C-v', '\\e[2~'],
  're-read-init-file': ['\\C-x\\C-r'],
  'reverse-search-history': ['\\C-r'],
  'revert-line': ['\\e\\C-r', '\\er'],
  'set-mark': ['\\C-@', '\\e '],
  'shell-backward-word': ['\\e\\C-b'],
  'shell-expand-line': ['\\e\\C-e'],
  'shell-forward-word': ['\\e\\C-f'],
  'shell-kill-word': ['\\e\\C-d'],
  'start-kbd-macro': ['\\C-x('],
  'tilde-expand': ['\\e&'],
  'transpose-chars': ['\\C-t'],
  'transpose-words': ['\\et'],
  undo: ['\\C-x\\C-u', '\\C-_'],
  'unix-line-discard': ['\\C-u'],
  'unix-word-rubout': ['\\C-w'],
  'upcase-word': ['\\eu'],
  yank: ['\\C-y'],
  'yank-last-arg': ['\\e.', '\\e_'],
  'yank-nth-arg': ['\\e\\C-y'],
  'yank-pop': ['\\ey'],
};

/** Functions that no key reaches until `bind` gives them one. */
export const UNBOUND = [
  'alias-expand-line',
  'backward-kill-word',
  'copy-backward-word',
  'copy-forward-word',
  'copy-region-as-kill',
  'delete-char-or-list',
  'dump-functions',
  'history-substring-search-backward',
  'history-substring-search-forward',
  'kill-region',
  'kill-whole-line',
  'menu-complete',
  'menu-complete-backward',
  'next-screen-line',
  'previous-screen-line',
  'self-insert',
  'tab-insert',
  'universal-argument',
  'unix-filename-rubout',
] as const;

const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', d: '\x7f', e: '\x1b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** `\C-x\e[A` as the characters that the terminal sends. */
export function keySequence(text: string): string {
  let out = '';
  let i = 0;
  let meta = false;
  while (i < text.length) {
    let control = false;
    for (;;) {
      const prefix = /^\\(C-|M-)/i.exec(text.slice(i))?.[1];
      if (!prefix) break;
      if (prefix.toUpperCase() === 'C-') control = true;
      else meta = true;
      i += 3;
    }
    let c = text[i++] ?? '';
    if (c === '\\') {
      const octal = /^[0-7]{1,3}/.exec(text.slice(i))?.[0];
      const hex = /^x([0-9a-fA-F]{1,2})/.exec(text.slice(i));
      if (octal) {
        c = String.fromCharCode(Number.parseInt(octal, 8));
        i += octal.length;
      } else if (hex) {
        c = String.fromCharCode(Number.parseInt(hex[1] as string, 16));
        i += hex[0].length;
      } else {
        const e = text[i++] ?? '';
        c = ESCAPES[e] ?? e;
      }
    }
    if (control) c = c === '?' ? '\x7f' : String.fromCharCode((c.toUpperCase().charCodeAt(0) || 0) & 0x1f);
    out += (meta ? '\x1b' : '') + c;
    meta = false;
  }
  return out;
}

/** As `bind -p` writes a sequence. */
export function shownSequence(keys: string): string {
  let out = '';
  for (const c of keys) {
    const code = c.charCodeAt(0);
    if (code === 27) out += '\\e';
    else if (code === 127) out += '\\C-?';
    else if (code < 32) out += `\\C-${String.fromCharCode(code + 64).toLowerCase()}`.replace('\\C-\\', '\\C-\\\\');
    else out += c === '"' || c === '\\' ? `\\${c}` : c;
  }
  return out;
}

let table: Map<string, Binding> | null = null;

/** Key sequence -> function, of emacs mode. */
export function emacsKeys(): ReadonlyMap<string, Binding> {
  if (table) return table;
  table = new Map();
  for (const [fn, keys] of Object.entries(EMACS)) for (const key of keys) table.set(keySequence(key), { fn });
  return table;
}
