/** man, apropos, whatis: pages made of what a program itself says of its options, and of what is not emulated. Models man-db 2.11's layout */

import type { Process, Task } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { getopt, specs } from '../getopt.ts';
import { SUPPORT, supportOf } from './support.ts';

/** Seconds of virtual time and bytes that a usage text may take. */
const PATIENCE = 5e6;
const LIMIT = 256 << 10;

interface Page {
  readonly name: string;
  readonly section: number;
  readonly summary: string;
  readonly models: string | null;
  readonly missing: readonly string[];
  readonly argv: readonly string[] | null;
}

/** `man ip-route` is what `ip route help` says; `man iptables-save` shares iptables' entry. */
function pageOf(p: Process, name: string): Page | null {
  const object = /^(ip|bridge|tc)-(\w+)$/.exec(name);
  const known = supportOf(name);
  if (object && !known) {
    const base = supportOf(object[1] as string);
    if (!base || !p.which(object[1] as string).ok) return null;
    return {
      ...base,
      name,
      summary: `${object[2]} management with ${object[1]}`,
      argv: [object[1] as string, object[2] as string, 'help'],
      missing: [],
    };
  }
  if (!known || !p.which(name).ok) return null;
  return { ...known, name, argv: known.help ? [name, ...known.help] : null };
}

function* usageOf(p: Process, argv: readonly string[]): Task<string> {
  const [read, write] = p.pipe();
  const end = p.file(write);
  if (!end) return '';
  const child = p.spawn([...argv], {
    fds: new Map([
      [1, end],
      [2, end],
    ]),
  });
  p.close(write);
  let text = '';
  const until = p.sim.now + PATIENCE;
  if (child.ok) {
    for (;;) {
      const part = yield* p.read(read);
      if (!part.ok || part.value.length === 0 || text.length > LIMIT || p.sim.now > until) break;
      text += new TextDecoder().decode(part.value);
    }
    if (!child.value.dead) child.value.raise('KILL');
  }
  p.close(read);
  return text;
}

function wrapped(text: string, indent: number, width: number): string {
  const lead = ' '.repeat(indent);
  let out = '';
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > width) {
      out += `${lead}${line}\n`;
      line = word;
    } else line += (line === '' ? '' : ' ') + word;
  }
  return `${out}${lead}${line}\n`;
}

function render(page: Page, usage: string, width: number): string {
  const title = `${page.name.toUpperCase()}(${page.section})`;
  const middle = page.section === 8 ? 'System Administration' : 'User Commands';
  const gap = Math.max(2, width - 2 * title.length - middle.length);
  const left = Math.floor(gap / 2);
  let out = `${title}${' '.repeat(left)}${middle}${' '.repeat(gap - left)}${title}\n\n`;
  const section = (name: string, body: string): void => {
    out += `${name}\n${body}\n`;
  };
  section('NAME', `       ${page.name} - ${page.summary}\n`);
  if (usage.trim() !== '')
    section(
      'SYNOPSIS AND OPTIONS',
      usage
        .replace(/\t/g, '        ')
        .trimEnd()
        .split('\n')
        .map((l) => (l === '' ? '\n' : `       ${l}\n`))
        .join(''),
    );
  const emulation =
    page.models === null
      ? wrapped('This program exists only here.', 7, width)
      : wrapped(`Reproduces ${page.models}; its output is compared with recordings of the real program.`, 7, width);
  section(
    'EMULATION',
    emulation + (page.missing.length > 0 ? `\n       Not emulated:\n${page.missing.map((m) => wrapped(`- ${m}`, 9, width)).join('')}` : ''),
  );
  return out;
}

/** On a terminal a page goes through $MANPAGER, $PAGER or less, with man's own prompt. */
function* paged(p: Process, page: Page, text: string): Task<void> {
  const pager = p.env.get('MANPAGER') || p.env.get('PAGER') || 'less';
  if (!p.isatty(1) || !p.tty || !p.which(pager.split(/\s+/)[0] as string).ok) {
    yield* p.out(text);
    return;
  }
  const [read, write] = p.pipe();
  const input = p.file(read);
  const title = `${page.name}(${page.section})`.replace(/[?:.%\\]/g, '\\$&');
  const where = '?ltline %lt?L/%L.:byte %bB?s/%s..?e (END):?pB %pB\\%..';
  const env = new Map(p.env);
  env.set('LESS', `-ix8RmPm Manual page ${title} ${where} (press h for help or q to quit)$`);
  const fds = new Map(p.fds);
  if (input) fds.set(0, input);
  fds.delete(read);
  fds.delete(write);
  const child = p.spawn(['sh', '-c', pager], { env, fds });
  p.close(read);
  // A pager that leaves early closes the pipe.
  p.onSignal('PIPE', 'ignore');
  yield* p.write(write, text);
  p.close(write);
  if (child.ok) yield* p.waitPid(child.value);
}

export const man: Command = {
  name: 'man',
  aliases: ['apropos', 'whatis'],
  *main(p) {
    const o = getopt(p.argv.slice(1), specs('k.apropos f.whatis a.all w.where P:pager .help .version'));
    if (o.error !== null) {
      yield* p.err(`man: ${o.error}\nTry 'man --help' or 'man --usage' for more information.\n`);
      return 1;
    }
    const on = new Set(o.options.map(([k]) => k));
    const apropos = on.has('apropos') || p.name === 'apropos';
    const whatis = on.has('whatis') || p.name === 'whatis';
    const words = o.operands.filter((w, i) => !(i === 0 && o.operands.length > 1 && /^[1-9]$/.test(w)));
    const section = words.length < o.operands.length ? Number(o.operands[0]) : null;
    if (words.length === 0) {
      yield* p.err(apropos || whatis ? `${p.name} what?\n` : "What manual page do you want?\nFor example, try 'man man'.\n");
      return 1;
    }
    const line = (name: string): string => {
      const s = supportOf(name);
      return `${`${name} (${s?.section})`.padEnd(20)} - ${s?.summary}\n`;
    };
    let status = 0;
    for (const word of words) {
      if (apropos || whatis) {
        const names = Object.keys(SUPPORT)
          .filter((n) => p.which(n).ok && (whatis ? n === word : `${n} ${SUPPORT[n]?.summary}`.toLowerCase().includes(word.toLowerCase())))
          .sort();
        for (const n of names) yield* p.out(line(n));
        if (names.length > 0) continue;
        yield* p.err(`${word}: nothing appropriate.\n`);
        status = 16;
        continue;
      }
      const page = pageOf(p, word);
      if (!page || (section !== null && section !== page.section)) {
        yield* p.err(`No manual entry for ${word}${section === null ? '' : ` in section ${section}`}\n`);
        status = 16;
        continue;
      }
      const usage = page.argv ? yield* usageOf(p, page.argv) : '';
      yield* paged(p, page, render(page, usage, Math.min(100, p.winsize(1)?.cols ?? 80)));
    }
    return status;
  },
};
