/** ls: names and details of files. */

import type { Process } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { specs } from '../getopt.ts';
import { strftime } from '../strftime.ts';
import { options } from '../text.ts';

const USAGE = {
  specs: specs(
    '1. a.all A.almost-all C. d.directory F.classify h.human-readable l. n.numeric-uid-gid r.reverse R.recursive S. t. U. o. g. ?color',
  ),
  help: 'Usage: ls [OPTION]... [FILE]...\nList information about the FILEs (the current directory by default).\n',
  status: 2,
};

interface Entry {
  name: string;
  path: string;
}

export const ls: Command = {
  name: 'ls',
  path: '/bin/ls',
  *main(p) {
    p.argv = p.argv.map((a) => (a === '--color' ? '--color=always' : a));
    const o = yield* options(p, USAGE);
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    const long = on.has('l') || on.has('numeric-uid-gid') || on.has('o') || on.has('g');
    const color = ['always', ''].includes(on.get('color') ?? 'never') || (on.get('color') === 'auto' && p.isatty(1));
    const order = (list: Entry[]): Entry[] => {
      const key = (e: Entry): number => {
        const s = p.lstat(e.path);
        return s.ok ? (on.has('S') ? s.value.size : s.value.mtime) : 0;
      };
      const sorted = on.has('U')
        ? list
        : [...list].sort((a, b) => (on.has('S') || on.has('t') ? key(b) - key(a) : 0) || collate(a.name, b.name));
      return on.has('reverse') ? sorted.reverse() : sorted;
    };
    const files: Entry[] = [];
    const dirs: Entry[] = [];
    let status = 0;
    for (const name of o.operands.length > 0 ? o.operands : ['.']) {
      const s = long ? p.lstat(name) : p.stat(name).ok ? p.stat(name) : p.lstat(name);
      if (!s.ok) {
        yield* p.err(`ls: cannot access '${name}': ${strerror(s.errno)}\n`);
        status = 2;
      } else (s.value.kind === 'dir' && !on.has('directory') ? dirs : files).push({ name, path: name });
    }
    const blocks: string[] = [];
    if (files.length > 0) blocks.push(render(p, order(files), { long, on, color }));
    const queue = order(dirs);
    const titled = dirs.length + files.length > 1 || on.has('recursive') || o.operands.length > 1;
    for (let i = 0; i < queue.length && i < 10_000; i++) {
      const dir = queue[i] as Entry;
      const names = p.readdir(dir.path);
      if (!names.ok) {
        yield* p.err(`ls: cannot open directory '${dir.path}': ${strerror(names.errno)}\n`);
        status = 2;
        continue;
      }
      const shown = names.value
        .filter((n) => on.has('all') || on.has('almost-all') || !n.startsWith('.'))
        .map((n) => ({ name: n, path: `${dir.path.replace(/\/$/, '')}/${n}` }));
      const list = order(shown);
      if (on.has('all')) list.unshift({ name: '.', path: dir.path }, { name: '..', path: `${dir.path}/..` });
      const total = long ? `total ${list.reduce((n, e) => n + blocksOf(p, e.path), 0)}\n` : '';
      blocks.push(`${titled ? `${dir.name}:\n` : ''}${total}${render(p, list, { long, on, color })}`);
      if (on.has('recursive'))
        queue.splice(
          i + 1,
          0,
          ...list
            .filter(
              (e) =>
                e.name !== '.' &&
                e.name !== '..' &&
                p.lstat(e.path).ok &&
                (p.lstat(e.path) as { value: { kind: string } }).value.kind === 'dir',
            )
            .map((e) => ({ name: e.path, path: e.path })),
        );
    }
    yield* p.out(blocks.join('\n'));
    return status;
  },
};

function collate(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function blocksOf(p: Process, path: string): number {
  const s = p.lstat(path);
  return s.ok && s.value.kind === 'file' ? Math.ceil(s.value.size / 4096) * 4 : 0;
}

const TYPE: Record<string, string> = { dir: 'd', link: 'l', symlink: 'l', char: 'c', fifo: 'p', socket: 's', file: '-' };

function modeText(kind: string, mode: number): string {
  let out = TYPE[kind] ?? '-';
  for (let i = 8; i >= 0; i--) out += mode & (1 << i) ? 'rwx'[(8 - i) % 3] : '-';
  return out;
}

function render(p: Process, list: Entry[], o: { long: boolean; on: Map<string, string>; color: boolean }): string {
  const paint = (e: Entry): string => {
    const s = p.lstat(e.path);
    const kind = s.ok ? (s.value.kind as string) : 'file';
    const exec = s.ok && kind === 'file' && (s.value.mode & 0o111) !== 0;
    const mark = o.on.has('classify') ? (kind === 'dir' ? '/' : TYPE[kind] === 'l' ? (o.long ? '' : '@') : exec ? '*' : '') : '';
    if (!o.color) return e.name + mark;
    const code = kind === 'dir' ? '01;34' : TYPE[kind] === 'l' ? '01;36' : exec ? '01;32' : '';
    return `${code ? `\x1b[${code}m${e.name}\x1b[0m` : e.name}${mark}`;
  };
  if (!o.long) {
    if (list.length === 0) return '';
    if ((!p.isatty(1) && !o.on.has('C')) || o.on.has('1')) return list.map((e) => `${paint(e)}\n`).join('');
    return columns(
      list.map((e) => [paint(e), e.name.length + (paint(e).length > e.name.length && !o.color ? 1 : 0)]),
      p.winsize(1)?.cols ?? 80,
    );
  }
  const users = p.machine.users(p);
  const groups = p.machine.groups(p);
  const rows = list.map((e) => {
    const s = p.lstat(e.path);
    if (!s.ok) return ['??????????', '?', '? ', '? ', '?', '?', e.name];
    const v = s.value;
    const numeric = o.on.has('numeric-uid-gid');
    const link = p.readlink(e.path);
    const owner = numeric ? String(v.uid) : (users.find((u) => u.uid === v.uid)?.name ?? String(v.uid));
    const group = numeric ? String(v.gid) : (groups.find((g) => g.gid === v.gid)?.name ?? String(v.gid));
    const size = v.rdev ? `${v.rdev[0]}, ${v.rdev[1]}` : o.on.has('human-readable') ? human(v.size) : String(v.size);
    const when = strftime('%b %e %H:%M', p.sim.epochMs / 1000 + v.mtime / 1e6);
    return [
      modeText(v.kind, v.mode),
      String(v.nlink),
      o.on.has('g') ? '' : `${owner} `,
      o.on.has('o') ? '' : `${group} `,
      size,
      when,
      paint(e) + (link.ok ? ` -> ${link.value}` : ''),
    ];
  });
  const width = (i: number): number => Math.max(0, ...rows.map((r) => (r[i] as string).length));
  const [w1, w2, w3, w4] = [width(1), width(2), width(3), width(4)];
  return rows
    .map((r) => `${r[0]} ${r[1]?.padStart(w1)} ${r[2]?.padEnd(w2)}${r[3]?.padEnd(w3)}${r[4]?.padStart(w4)} ${r[5]} ${r[6]}\n`)
    .join('');
}

function human(n: number): string {
  if (n < 1024) return String(n);
  const units = ['K', 'M', 'G'];
  let v = n;
  let u = -1;
  while (v >= 1024 && u < 2) {
    v /= 1024;
    u++;
  }
  return `${v < 10 ? (Math.ceil(v * 10) / 10).toFixed(1) : Math.ceil(v)}${units[u]}`;
}

/** Names down the columns, two spaces apart, as many columns as fit. */
export function columns(items: [text: string, width: number][], width: number): string {
  for (let cols = Math.min(items.length, Math.max(1, Math.floor(width / 3))); cols >= 1; cols--) {
    const rows = Math.ceil(items.length / cols);
    if (Math.ceil(items.length / rows) < cols) continue;
    const widths = Array.from({ length: cols }, (_, c) => Math.max(0, ...items.slice(c * rows, (c + 1) * rows).map(([, w]) => w)) + 2);
    if (cols > 1 && widths.reduce((a, b) => a + b, 0) - 2 > width) continue;
    let out = '';
    for (let r = 0; r < rows; r++) {
      const line = Array.from({ length: cols }, (_, c) => items[c * rows + r])
        .map((item, c) => (item ? item[0] + ' '.repeat(items[(c + 1) * rows + r] ? (widths[c] as number) - item[1] : 0) : ''))
        .join('');
      out += `${line}\n`;
    }
    return out;
  }
  return items.map(([t]) => `${t}\n`).join('');
}
