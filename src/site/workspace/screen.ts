/** One xterm.js terminal joined to one shell of the emulator. Loaded when it is first seen. */

import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import type { Client, ClientTerminal } from '../../host/client.ts';
import { listenForEditors } from '../editor/requests.ts';
import { words } from '../words/en.ts';
import { saveFromTerminal } from './save.ts';

const theme = {
  background: '#0b1015',
  foreground: '#d6dee6',
  cursor: '#f7ad4b',
  cursorAccent: '#0b1015',
  selectionBackground: '#2f5f5a',
  black: '#1b242c',
  red: '#ff8b7e',
  green: '#5fd39a',
  yellow: '#f4c063',
  blue: '#7bb5ff',
  magenta: '#d6a1f5',
  cyan: '#5fd6cd',
  white: '#d6dee6',
  brightBlack: '#8796a5',
  brightRed: '#ffaaa0',
  brightGreen: '#86e6b5',
  brightYellow: '#ffd98f',
  brightBlue: '#a6ceff',
  brightMagenta: '#e7c4ff',
  brightCyan: '#93ece5',
  brightWhite: '#ffffff',
};

export interface ScreenOptions {
  readonly client: Client;
  readonly host: string;
  /** How its tab is called, where that is not the host. */
  readonly title?: string;
  readonly screenReader: boolean;
  /** Called when the keyboard asks to get out of the terminal (WCAG 2.1.2). */
  readonly leave: () => void;
  readonly fontSize?: number;
  /** First output has been drawn: the prompt is there. */
  readonly ready?: () => void;
  /** Its shell has ended, or goes on. */
  readonly ended?: (ended: boolean) => void;
  readonly running?: (program: string | null) => void;
}

export interface Screen {
  readonly terminal: Terminal;
  type(text: string): void;
  /** As if pasted. */
  paste(text: string): void;
  focus(): void;
  fit(): void;
  /** Empties the screen: the world starts over and the client attaches a new shell by itself. */
  clear(): void;
  dispose(): void;
}

export function openScreen(element: HTMLElement, options: ScreenOptions): Screen {
  const terminal = new Terminal({
    cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
    fontSize: options.fontSize ?? 13.5,
    fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--__sl-font-mono') || 'monospace',
    lineHeight: 1.2,
    scrollback: 5000,
    logLevel: 'off',
    screenReaderMode: options.screenReader,
    theme,
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(element);
  Object.assign(element, { text: () => textOf(terminal) });
  terminal.textarea?.setAttribute('aria-label', `${words.terminal.label(options.title ?? options.host)}. ${words.terminal.leave}`);
  fit.fit();

  terminal.parser.registerOscHandler(1337, saveFromTerminal);

  let shell: ClientTerminal;
  let ended = false;
  let first = true;
  const editors = listenForEditors({ terminal, client: options.client, type: (text) => !ended && shell.write(text) });
  const attach = () => {
    ended = false;
    shell = options.client.terminal(options.host, terminal.cols, terminal.rows, {
      draw: (data, drawn) =>
        terminal.write(data, () => {
          drawn();
          editors.drawn();
          if (!first) return;
          first = false;
          options.ready?.();
        }),
      exited: (why) => {
        ended = true;
        editors.over();
        terminal.write(`\r\n\x1b[90m${why === null ? words.terminal.exited : words.terminal.gone(why)}\x1b[0m\r\n`, () => {
          options.ready?.();
          options.ended?.(true);
        });
      },
      running: (program) => {
        if (program === null) editors.over();
        options.running?.(program);
      },
      again() {
        ended = false;
        editors.over();
        options.ended?.(false);
      },
    });
    options.ended?.(false);
  };
  attach();

  const send = (data: string) => {
    if (!ended) return shell.write(data);
    if (data !== '\r') return;
    shell.close();
    attach();
  };
  terminal.onData(send);
  terminal.onResize(({ cols, rows }) => shell.resize(cols, rows));
  terminal.attachCustomKeyEventHandler(keys(terminal, options.leave));

  let frame = 0;
  const observer = new ResizeObserver(() => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => element.offsetParent && fit.fit());
  });
  observer.observe(element);

  return {
    terminal,
    type: send,
    paste: (text) => terminal.paste(text),
    focus: () => terminal.focus(),
    fit: () => fit.fit(),
    clear() {
      ended = false;
      options.ended?.(false);
      editors.over();
      terminal.reset();
    },
    dispose() {
      observer.disconnect();
      shell.close();
      terminal.dispose();
    },
  };
}

/** The whole buffer as text; also reachable as `text()` of the element, for tests and for readers' own scripts. */
function textOf(terminal: Terminal): string {
  const { active } = terminal.buffer;
  let text = '';
  for (let i = 0; i < active.length; i++) {
    const line = active.getLine(i);
    if (!line) continue;
    text += `${line.isWrapped || i === 0 ? '' : '\n'}${line.translateToString(!active.getLine(i + 1)?.isWrapped)}`;
  }
  return text.trimEnd();
}

/** So long after Esc a Tab is the browser's … */
const ESCAPE_MS = 1500;
/** … and so long the Esc itself waits for it: whoever leaves should not leave half a key behind. */
const HOLD_MS = 400;

/** Ctrl+Shift+M (to its tab) and Esc-then-Tab leave the terminal; Ctrl+Shift+C copies, and Ctrl+C when text is selected. */
function keys(terminal: Terminal, leave: () => void): (event: KeyboardEvent) => boolean {
  let escaped = 0;
  let held: ReturnType<typeof setTimeout> | undefined;
  const give = (send: boolean) => {
    if (held === undefined) return;
    clearTimeout(held);
    held = undefined;
    if (send) terminal.input('\x1b');
  };
  return (event) => {
    if (event.type !== 'keydown') return true;
    const leaves = event.key === 'Tab' && event.timeStamp - escaped < ESCAPE_MS;
    give(!leaves);
    escaped = 0;
    // The browser moves on to what comes next on the page, or before.
    if (leaves) return false;
    if (event.key === 'Escape' && !event.ctrlKey && !event.altKey && !event.metaKey) {
      escaped = event.timeStamp;
      held = setTimeout(() => give(true), HOLD_MS);
      return false;
    }
    if (event.ctrlKey && event.shiftKey && event.code === 'KeyM') {
      event.preventDefault();
      leave();
      return false;
    }
    if (event.ctrlKey && event.code === 'KeyC' && (event.shiftKey || terminal.hasSelection())) {
      event.preventDefault();
      if (terminal.hasSelection()) void navigator.clipboard?.writeText(terminal.getSelection());
      terminal.clearSelection();
      return false;
    }
    // The browser's own paste comes as an event of its own.
    if (event.ctrlKey && event.shiftKey && event.code === 'KeyV') return false;
    return true;
  };
}
