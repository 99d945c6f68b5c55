/** stat, truncate, chown: what a file is, how long, whose. Models coreutils 9.1 */

import type { Process } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { specs } from '../getopt.ts';
import { strftime } from '../strftime.ts';
import { options } from '../text.ts';

const KINDS: Record<string, [letter: string, words: string]> = {
  file: ['-', 'regular file'],
  dir: ['d', 'directory'],
  symlink: ['l', 'symbolic link'],
  char: ['c', 'character special file'],
  fifo: ['p', 'fifo'],
  socket: ['s', 'socket'],
};

function permissions(mode: number, kind: string): string {
  const bits = ['r', 'w', 'x'];
  let out = KINDS[kind]?.[0] ?? '?';
  for (let i = 8; i >= 0; i--) out += mode & (1 << i) ? (bits[2 - (i % 3)] as string) : '-';
  return mode & 0o1000 ? out.slice(0, 9) + (mode & 1 ? 't' : 'T') : out;
}

const DEFAULT =
  '  File: %N\n  Size: %-10s\tBlocks: %-10b IO Block: %-6o %F\nDevice: %Hd,%Ld\tInode: %-11i Links: %h\nAccess: (%04a/%10.10A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)\nAccess: %x\nModify: %y\nChange: %z\n Birth: %w\n';

export const stat: Command = {
  name: 'stat',
  *main(p) {
    const o = yield* options(p, { specs: specs('L.dereference c:format :printf t.terse'), help: 'Usage: stat [OPTION]... FILE...\n' });
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    if (o.operands.length === 0) {
      yield* p.err("stat: missing operand\nTry 'stat --help' for more information.\n");
      return 1;
    }
    const given = on.get('format') ?? on.get('printf');
    const format =
      given === undefined
        ? DEFAULT
        : on.has('format')
          ? `${given}\n`
          : given.replace(/\\n/g, '\n').replace(/\\t/g, '\t').replace(/\\\\/g, '\\');
    let status = 0;
    for (const path of o.operands) {
      const r = on.has('dereference') ? p.stat(path) : p.lstat(path);
      if (!r.ok) {
        yield* p.err(`stat: cannot statx '${path}': ${strerror(r.errno)}\n`);
        status = 1;
        continue;
      }
      yield* p.out(fill(p, format, path, r.value));
    }
    return status;
  },
};

function fill(
  p: Process,
  format: string,
  path: string,
  s: { kind: string; ino: number; mode: number; uid: number; gid: number; size: number; nlink: number; mtime: number },
): string {
  const us = p.sim.epochMs * 1000 + s.mtime;
  const when = `${strftime('%Y-%m-%d %H:%M:%S', us / 1e6)}.${String(us % 1e6).padStart(6, '0')}000 +0000`;
  const target = s.kind === 'symlink' ? p.readlink(path) : null;
  const user = (uid: number): string => p.machine.users(p).find((u) => u.uid === uid)?.name ?? 'UNKNOWN';
  const values: Record<string, string | number> = {
    n: path,
    N: target?.ok ? `'${path}' -> '${target.value}'` : given(format) ? `'${path}'` : path,
    s: s.size,
    b: Math.ceil(s.size / 4096) * 8,
    B: 512,
    o: 4096,
    F: s.kind === 'file' && s.size === 0 ? 'regular empty file' : (KINDS[s.kind]?.[1] ?? s.kind),
    d: 65024,
    Hd: 254,
    Ld: 0,
    i: s.ino,
    h: s.nlink,
    a: (s.mode & 0o7777).toString(8),
    A: permissions(s.mode, s.kind),
    f: ((s.kind === 'dir' ? 0o040000 : s.kind === 'symlink' ? 0o120000 : 0o100000) | s.mode).toString(16),
    u: s.uid,
    U: user(s.uid),
    g: s.gid,
    G: s.gid === 0 ? 'root' : user(s.gid),
    x: when,
    y: when,
    z: when,
    w: when,
    X: Math.floor(us / 1e6),
    Y: Math.floor(us / 1e6),
    Z: Math.floor(us / 1e6),
    W: Math.floor(us / 1e6),
    t: 0,
    T: 0,
    m: '/',
  };
  return format.replace(
    /%([-0]?)(\d*)(?:\.(\d+))?([HL]d|[a-zA-Z%])/g,
    (whole: string, flag: string, width: string, precision: string | undefined, key: string) => {
      if (key === '%') return '%';
      const v = values[key];
      if (v === undefined) return whole;
      const text = precision === undefined ? String(v) : String(v).slice(0, Number(precision));
      const n = Number(width || 0);
      return flag === '-' ? text.padEnd(n) : text.padStart(n, flag === '0' ? '0' : ' ');
    },
  );
}

const given = (format: string): boolean => format !== DEFAULT;

/** `10`, `4K`, `+1M`: a size, and how it changes the present one. */
function size(text: string): { op: string; n: number } | null {
  const m = /^([+\-<>/%]?)(\d+)([KMGT]?)(i?B)?$/.exec(text);
  if (!m) return null;
  const step = m[4] === 'B' ? 1000 : 1024;
  return { op: m[1] as string, n: Number(m[2]) * step ** (m[3] ? 'KMGT'.indexOf(m[3]) + 1 : 0) };
}

/** A file may grow to this many bytes. */
const FILE_LIMIT = 64 << 20;

export const truncate: Command = {
  name: 'truncate',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('c.no-create s:size'),
      help: 'Usage: truncate OPTION... FILE...\n',
    });
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    const asked = size(on.get('size') ?? '');
    if (!asked) {
      yield* p.err(
        on.has('size')
          ? `truncate: Invalid number: ‘${on.get('size')}’\n`
          : "truncate: you must specify either ‘--size’ or ‘--reference’\nTry 'truncate --help' for more information.\n",
      );
      return 1;
    }
    let status = 0;
    for (const path of o.operands) {
      const old = p.readFile(path);
      if (!old.ok && (old.errno !== 'ENOENT' || on.has('no-create'))) {
        if (old.errno !== 'ENOENT') {
          yield* p.err(`truncate: cannot open '${path}' for writing: ${strerror(old.errno)}\n`);
          status = 1;
        }
        continue;
      }
      const now = old.ok ? old.value.length : 0;
      const { op, n } = asked;
      const length =
        {
          '': n,
          '+': now + n,
          '-': Math.max(0, now - n),
          '<': Math.min(now, n),
          '>': Math.max(now, n),
          '/': now - (now % (n || 1)),
          '%': Math.ceil(now / (n || 1)) * n,
        }[op] ?? n;
      if (length > FILE_LIMIT) {
        yield* p.err(`truncate: failed to truncate '${path}' at ${length} bytes: File too large\n`);
        status = 1;
        continue;
      }
      const data = new Uint8Array(length);
      if (old.ok) data.set(old.value.subarray(0, length));
      const r = p.writeFile(path, data);
      if (!r.ok) {
        yield* p.err(`truncate: cannot open '${path}' for writing: ${strerror(r.errno)}\n`);
        status = 1;
      }
    }
    return status;
  },
};

export const chown: Command = {
  name: 'chown',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('R.recursive f.silent'),
      help: 'Usage: chown [OPTION]... [OWNER][:[GROUP]] FILE...\n',
    });
    if (typeof o === 'number') return o;
    const [owner, ...files] = o.operands;
    if (owner === undefined || files.length === 0) {
      yield* p.err(`chown: missing operand${owner === undefined ? '' : ` after ‘${owner}’`}\nTry 'chown --help' for more information.\n`);
      return 1;
    }
    const [user = '', group] = owner.split(/[:.]/);
    const uid = user === '' ? -1 : /^\d+$/.test(user) ? Number(user) : p.machine.users(p).find((u) => u.name === user)?.uid;
    const gid = !group ? -1 : /^\d+$/.test(group) ? Number(group) : p.machine.groups(p).find((g) => g.name === group)?.gid;
    if (uid === undefined || gid === undefined) {
      yield* p.err(`chown: invalid ${uid === undefined ? 'user' : 'group'}: ‘${owner}’\n`);
      return 1;
    }
    let status = 0;
    const queue = [...files];
    const recursive = o.options.some(([k]) => k === 'recursive');
    const silent = o.options.some(([k]) => k === 'silent');
    for (let i = 0; i < queue.length && i < 100_000; i++) {
      const path = queue[i] as string;
      const r = p.chown(path, uid, gid);
      if (!r.ok) {
        if (!silent)
          yield* p.err(
            r.errno === 'ENOENT'
              ? `chown: cannot access '${path}': ${strerror(r.errno)}\n`
              : `chown: changing ownership of '${path}': ${strerror(r.errno)}\n`,
          );
        status = 1;
        continue;
      }
      const s = p.lstat(path);
      const names = recursive && s.ok && s.value.kind === 'dir' ? p.readdir(path) : null;
      if (names?.ok) queue.push(...names.value.map((n) => `${path}/${n}`));
    }
    return status;
  },
};
