/** read and mapfile. */

import type { Task } from '../../../os/process.ts';
import { strerror } from '../../../sim/errno.ts';
import { SEC } from '../../../sim/sim.ts';
import { toArray } from '../assign.ts';
import { callFunction } from '../simple.ts';
import { Interrupted, type Shell } from '../state.ts';
import { NAME } from '../vars.ts';
import { type Builtin, complain, options } from './types.ts';

interface ReadResult {
  /** Characters with a mark whether a backslash protects them from splitting. */
  chars: { c: string; q: boolean }[];
  /** 0 the delimiter came, 1 end of file, 142 time is up. */
  status: number;
}

/** Reads byte by byte from pipes and terminals, so that what follows is left to other programs. */
function* readChars(
  sh: Shell,
  fd: number,
  o: { delimiter: string; raw: boolean; limit: number; exact: boolean; until: number | undefined },
): Task<ReadResult> {
  const chars: ReadResult['chars'] = [];
  const pending: number[] = [];
  let escaped = false;
  const file = sh.p.file(fd);
  const delimiter = o.delimiter === '' ? '\0' : o.delimiter;
  for (;;) {
    if (chars.length >= o.limit) return { chars, status: 0 };
    while (o.until !== undefined && file && !file.readable()) {
      const wake = yield* sh.p.wait({ on: [file.readers], until: o.until });
      if (wake === 'timeout') return { chars, status: 142 };
      if (sh.interrupted || sh.pendingTraps.length > 0) return { chars, status: 130 };
    }
    const r = yield* sh.p.read(fd, 1);
    if (!r.ok) {
      if (r.errno === 'EINTR' && !sh.interrupted && sh.pendingTraps.length === 0) continue;
      if (r.errno !== 'EINTR') yield* complain(sh, 'read', `read error: ${fd}: ${strerror(r.errno)}`);
      return { chars, status: r.errno === 'EINTR' ? 130 : 1 };
    }
    if (r.value.length === 0) return { chars, status: 1 };
    pending.push(r.value[0] as number);
    const c = decodeChar(pending);
    if (c === null) continue;
    pending.length = 0;
    if (escaped) {
      escaped = false;
      if (c !== '\n') chars.push({ c, q: true });
      continue;
    }
    if (c === '\\' && !o.raw) {
      escaped = true;
      continue;
    }
    if (c === delimiter && !o.exact) return { chars, status: 0 };
    if (c !== '\0') chars.push({ c, q: false });
  }
}

function decodeChar(bytes: number[]): string | null {
  const first = bytes[0] as number;
  const need = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  if (bytes.length < need) return null;
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

type Chars = ReadResult['chars'];

const text = (chars: Chars): string => chars.map((x) => x.c).join('');

/** Splits at IFS into at most `max` fields; the last takes the rest, without IFS white space around it. */
function splitLine(chars: Chars, ifs: string, max: number): string[] {
  const isSpace = (x: { c: string; q: boolean } | undefined): boolean =>
    x !== undefined && !x.q && ' \t\n'.includes(x.c) && ifs.includes(x.c);
  const isOther = (x: { c: string; q: boolean } | undefined): boolean =>
    x !== undefined && !x.q && ifs.includes(x.c) && !' \t\n'.includes(x.c);
  const out: string[] = [];
  let i = 0;
  let end = chars.length;
  while (isSpace(chars[i])) i++;
  while (end > i && isSpace(chars[end - 1])) end--;
  while (i < end) {
    if (out.length === max - 1) {
      let rest = chars.slice(i, end);
      // One trailing delimiter goes when the rest is a single field.
      const inner = rest.slice(0, -1);
      if (isOther(rest[rest.length - 1]) && !inner.some((x) => isOther(x) || isSpace(x))) rest = inner;
      out.push(text(rest));
      return out;
    }
    let j = i;
    while (j < end && !isSpace(chars[j]) && !isOther(chars[j])) j++;
    out.push(text(chars.slice(i, j)));
    while (j < end && isSpace(chars[j])) j++;
    if (j < end && isOther(chars[j])) {
      j++;
      while (j < end && isSpace(chars[j])) j++;
    }
    i = j;
  }
  return out;
}

const READ_USAGE = 'read [-ers] [-a array] [-d delim] [-i text] [-n nchars] [-N nchars] [-p prompt] [-t timeout] [-u fd] [name ...]';

export const inputBuiltins: readonly (readonly [string, Builtin])[] = [
  [
    'read',
    function* (sh, argv) {
      const o = yield* options(sh, argv, 'ersa:d:i:n:N:p:t:u:', READ_USAGE);
      if (!o) return 2;
      for (const name of o.rest) {
        if (!NAME.test(name.replace(/\[.*\]$/, ''))) {
          yield* complain(sh, 'read', `\`${name}': not a valid identifier`);
          return 1;
        }
      }
      const fd = Number(o.flags.get('u') ?? 0);
      const file = sh.p.file(fd);
      if (!file) {
        yield* complain(sh, 'read', `${fd}: invalid file descriptor: Bad file descriptor`);
        return 1;
      }
      const timeout = o.flags.get('t');
      if (timeout !== undefined && !/^\d*\.?\d*$/.test(timeout)) {
        yield* complain(sh, 'read', `${timeout}: invalid timeout specification`);
        return 1;
      }
      if (timeout !== undefined && Number(timeout) === 0) return file.readable() ? 0 : 1;
      const prompt = o.flags.get('p');
      if (prompt !== undefined && sh.p.isatty(fd)) yield* sh.p.err(prompt);
      const exact = o.flags.has('N');
      const limit = Number(o.flags.get('N') ?? o.flags.get('n') ?? Number.POSITIVE_INFINITY);
      const tty = sh.p.isatty(fd) ? sh.p.tty : null;
      const saved = tty ? { ...tty.termios } : null;
      if (tty && o.flags.has('s')) tty.termios.echo = false;
      if (tty && Number.isFinite(limit)) tty.termios.icanon = false;
      let r: ReadResult;
      try {
        r = yield* readChars(sh, fd, {
          delimiter: o.flags.has('d') ? (o.flags.get('d') as string).slice(0, 1) : '\n',
          raw: o.flags.has('r'),
          limit,
          exact,
          until: timeout === undefined ? undefined : sh.p.sim.now + Number(timeout) * SEC,
        });
      } finally {
        if (tty && saved) tty.termios = saved;
      }
      if (sh.interrupted) throw new Interrupted();
      const array = o.flags.get('a');
      if (array !== undefined) {
        const v = sh.vars.ensure(array);
        v.array = splitLine(r.chars, sh.ifs, Number.POSITIVE_INFINITY);
        v.value = undefined;
        return r.status;
      }
      if (o.rest.length === 0) {
        yield* sh.assign('REPLY', text(r.chars));
        return r.status;
      }
      const names = o.rest;
      const fields = exact ? [text(r.chars)] : splitLine(r.chars, sh.ifs, names.length);
      for (let i = 0; i < names.length; i++) {
        const name = names[i] as string;
        const m = /^(\w+)\[(.*)\]$/.exec(name);
        if (m) {
          const v = sh.vars.ensure(m[1] as string);
          if (v.assoc) v.assoc.set(m[2] as string, fields[i] ?? '');
          else toArray(v)[Number(m[2])] = fields[i] ?? '';
        } else yield* sh.assign(name, fields[i] ?? '');
      }
      return r.status;
    },
  ],
  ['mapfile', mapfile],
  ['readarray', mapfile],
];

function* mapfile(sh: Shell, argv: readonly string[]): Task<number> {
  const name = argv[0] as string;
  const o = yield* options(
    sh,
    argv,
    'd:n:O:s:tu:C:c:',
    `${name} [-d delim] [-n count] [-O origin] [-s count] [-t] [-u fd] [-C callback] [-c quantum] [array]`,
  );
  if (!o) return 2;
  const fd = Number(o.flags.get('u') ?? 0);
  const all = yield* sh.p.readAll(fd);
  if (!all.ok) {
    yield* complain(
      sh,
      name,
      all.errno === 'EBADF' ? `${fd}: invalid file descriptor: Bad file descriptor` : `read error: ${fd}: ${strerror(all.errno)}`,
    );
    return 1;
  }
  const delimiter = o.flags.has('d') ? (o.flags.get('d') as string).slice(0, 1) || '\0' : '\n';
  const content = new TextDecoder().decode(all.value);
  let items = content.split(delimiter);
  const lastEmpty = items[items.length - 1] === '';
  if (lastEmpty) items.pop();
  if (!o.flags.has('t')) items = items.map((x, i) => (i === items.length - 1 && !lastEmpty ? x : x + delimiter));
  items = items.slice(Number(o.flags.get('s') ?? 0));
  const count = Number(o.flags.get('n') ?? 0);
  if (count > 0) items = items.slice(0, count);
  const v = sh.vars.ensure(o.rest[0] ?? 'MAPFILE');
  const origin = o.flags.get('O');
  if (origin === undefined) v.array = [];
  v.value = undefined;
  const array = toArray(v);
  const callback = o.flags.get('C');
  for (let i = 0; i < items.length; i++) {
    const index = Number(origin ?? 0) + i;
    if (callback && sh.functions.has(callback)) yield* callFunction(sh, callback, [String(index), items[i] as string]);
    array[index] = items[i] as string;
  }
  return 0;
}
