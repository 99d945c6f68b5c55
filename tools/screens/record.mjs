// Screens of the real programs of this machine: node tools/screens/record.mjs FILE.golden.json plays its scenarios again and says what differs;
// with --write it writes them anew. Needs python3, bash 5.2, less 590, watch of procps 4.0.2 and more of util-linux 2.38 (Debian 12).

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import headless from '@xterm/headless';

const DATE = /\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}/;
const OPEN = { i: '⟦', b: '⟦b:', u: '⟦u:' };

function screenOf(terminal) {
  const b = terminal.buffer.active;
  const lines = [];
  for (let y = 0; y < b.length; y++) {
    const cells = [];
    for (let x = 0; x < terminal.cols; x++) {
      const c = b.getLine(y).getCell(x);
      if (c.getWidth() > 0) cells.push([c.getChars() || ' ', c.isInverse() ? 'i' : c.isBold() ? 'b' : c.isUnderline() ? 'u' : '']);
    }
    while (cells.length > 0 && cells.at(-1).join('|') === ' |') cells.pop();
    let text = '';
    let look = '';
    for (const [c, a] of cells) {
      if (a !== look) text += (look === '' ? '' : '⟧') + (OPEN[a] ?? '');
      look = a;
      text += c;
    }
    lines.push((text + (look === '' ? '' : '⟧')).replace(DATE, 'D'.repeat(24)));
  }
  while (lines.at(-1) === '' && lines.length > b.baseY + b.cursorY + 1) lines.pop();
  return { lines, cursor: [b.cursorX, b.cursorY + b.baseY] };
}

const [file, write] = process.argv.slice(2);
const scenarios = JSON.parse(readFileSync(file, 'utf8'));
const input = scenarios.map((s) => ({
  ...s,
  argv: s.argv ?? ['/bin/bash', '--noprofile', '--rcfile', 'rc', '-i'],
  files: { rc: s.rc ?? "PS1='$ '\nHISTFILE=~/hist\n", hist: (s.history ?? []).map((l) => `${l}\n`).join(''), ...s.files },
}));
const run = spawnSync('python3', [join(import.meta.dirname, 'onpty.py')], { input: JSON.stringify(input), maxBuffer: 1 << 28 });
if (run.status !== 0) throw new Error(run.stderr.toString());
const rows = [];
for (const [i, parts] of JSON.parse(run.stdout.toString()).entries()) {
  const s = scenarios[i];
  const terminal = new headless.Terminal({ cols: s.cols ?? 80, rows: s.rows ?? 24, allowProposedApi: true, scrollback: 500 });
  for (const [n, part] of parts.entries()) {
    const key = s.keys[n - 1];
    if (Array.isArray(key)) terminal.resize(key[0], key[1]);
    await new Promise((done) => terminal.write(Buffer.from(part, 'base64'), done));
  }
  const now = screenOf(terminal);
  if (!isDeepStrictEqual(now, { lines: s.lines, cursor: s.cursor }))
    console.log(`differs: ${s.name}\n${now.lines.join('\n')}\n@${now.cursor}`);
  rows.push({ ...s, ...now });
}
if (write === '--write') writeFileSync(file, `[\n${rows.map((r) => JSON.stringify(r)).join(',\n')}\n]\n`);
