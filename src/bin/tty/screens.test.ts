/** Programs on a terminal, keys typed at them, and what the screen shows: as the real ones draw it (*.golden.json, recorded on a pty). */

import { readFileSync } from 'node:fs';
import { Terminal } from '@xterm/headless';
import { describe, expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import { drive } from '../../os/run.ts';
import { Sim } from '../../sim/sim.ts';
import { commands } from '../index.ts';

interface Scenario {
  readonly name: string;
  /** Text typed, [columns, rows] of a new window, or seconds to wait. */
  readonly keys: readonly (string | number | readonly [number, number])[];
  readonly argv?: readonly string[];
  readonly cols?: number;
  readonly rows?: number;
  readonly rc?: string;
  readonly history?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly quiet?: number;
}

/** Text rows with ⟦ ⟧ around what is reverse, ⟦b: ⟧ bold, ⟦u: ⟧ underlined; where the cursor is; whether the alternate screen shows. */
interface Screen {
  readonly lines: readonly string[];
  readonly cursor: readonly [number, number];
  readonly alt: boolean;
}

/** The time of a recording is another one. */
const DATE = /\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}/;

const OPEN: Readonly<Record<string, string>> = { i: '⟦', b: '⟦b:', u: '⟦u:' };

function read(t: Terminal): Screen {
  const b = t.buffer.active;
  const lines: string[] = [];
  for (let y = 0; y < b.length; y++) {
    const line = b.getLine(y);
    const cells: [string, string][] = [];
    for (let x = 0; x < t.cols; x++) {
      const c = line?.getCell(x);
      if (c && c.getWidth() > 0) cells.push([c.getChars() || ' ', c.isInverse() ? 'i' : c.isBold() ? 'b' : c.isUnderline() ? 'u' : '']);
    }
    while (cells.length > 0 && cells.at(-1)?.join('|') === ' |') cells.pop();
    let text = '';
    let look = '';
    for (const [c, a] of cells) {
      if (a !== look) text += (look === '' ? '' : '⟧') + (OPEN[a] ?? '');
      look = a;
      text += c;
    }
    lines.push(text + (look === '' ? '' : '⟧'));
  }
  while (lines.at(-1) === '' && lines.length > b.baseY + b.cursorY + 1) lines.pop();
  return { lines, cursor: [b.cursorX, b.cursorY + b.baseY], alt: b.type === 'alternate' };
}

async function played(s: Scenario): Promise<Screen> {
  const m = new Machine(new Kernel(new Sim(1), s.argv?.[0] === 'watch' ? 'vm' : 'host'), commands);
  const tty = m.newTty(s.cols ?? 80, s.rows ?? 24);
  for (const name of m.init.readdir('/root').ok ? ['.bashrc', '.profile'] : []) m.init.unlink(`/root/${name}`);
  const rc = s.rc ?? "PS1='$ '\nHISTFILE=~/hist\n";
  const files = { rc, hist: (s.history ?? []).map((l) => `${l}\n`).join(''), ...s.files };
  for (const [name, text] of Object.entries(files)) {
    if (name.includes('/')) m.init.mkdir(`/root/${name.slice(0, name.lastIndexOf('/'))}`);
    m.init.writeFile(`/root/${name}`, text);
  }
  if (!s.argv) m.init.writeFile('/root/.bashrc', rc);
  const env = m.baseEnv();
  env.set('HOME', '/root');
  env.set('TERM', 'xterm-256color');
  for (const [k, v] of Object.entries(s.env ?? {})) env.set(k, v);
  const decoder = new TextDecoder();
  let out = '';
  tty.onOutput = () => {
    out += decoder.decode(tty.take(), { stream: true });
  };
  m.login(tty, s.argv ?? ['/bin/bash'], { env, cwd: '/root' });
  const terminal = new Terminal({ cols: tty.cols, rows: tty.rows, allowProposedApi: true, scrollback: 500 });
  const draw = async (seconds: number): Promise<void> => {
    drive(m.sim, () => false, { micros: seconds * 1e6 });
    const text = out;
    out = '';
    await new Promise<void>((done) => terminal.write(text, done));
  };
  await draw(0.35);
  if (!s.argv) m.init.unlink('/root/.bashrc');
  for (const key of s.keys) {
    if (typeof key === 'string') tty.type(key);
    else if (typeof key !== 'number') {
      tty.resize(key[0], key[1]);
      terminal.resize(key[0], key[1]);
    }
    await draw(typeof key === 'number' ? key : (s.quiet ?? 0.3));
  }
  const screen = read(terminal);
  return { ...screen, lines: screen.lines.map((l) => l.replace(DATE, 'D'.repeat(24))) };
}

const recorded = (path: string): (Scenario & Screen)[] =>
  JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as (Scenario & Screen)[];

describe.each([
  '../less/screens.golden.json',
  '../more/screens.golden.json',
  '../sh/line/screens.golden.json',
  '../watch/screens.golden.json',
])('%s', (path) => {
  test.each(recorded(path).map((s) => [`${s.name}: ${JSON.stringify(s.keys)}`.slice(0, 120), s] as const))('%s', async (_name, s) => {
    const { lines, cursor } = await played(s);
    expect({ lines, cursor }).toEqual({ lines: s.lines, cursor: s.cursor });
  });
});

test('a search ends at Esc alone, and Ctrl-S searches forward', async () => {
  const history = ['echo one', 'ls two'];
  expect((await played({ name: '', history, keys: ['\x12one', '\x1b'] })).lines).toEqual(['$ echo one']);
  expect((await played({ name: '', history, keys: ['\x1b<\x13two'] })).lines).toEqual(["(i-search)`two': ls ⟦two⟧"]);
});

test('vi mode is not emulated, and says so', async () => {
  expect((await played({ name: '', keys: ['set -o vi\r'] })).lines).toContain(
    'bash: set: vi: this editing mode is not emulated, emacs mode stays',
  );
});

test('a long paste is inserted and not run, and costs no more than its length', async () => {
  const text = 'echo 0123456789\n'.repeat(2000);
  const { lines } = await played({ name: '', keys: [`\x1b[200~${text}\x1b[201~`, '\x03', 'echo done\r'] });
  expect(lines.at(-2)).toBe('done');
});
