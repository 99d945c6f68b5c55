/** tar archives: headers of 512 bytes, each followed by its file. Models POSIX.1-1988 ustar with GNU's long names */

import { alloc, text, utf8 } from './bytes.ts';

const BLOCK = 512;
/** GNU tar writes records of 20 blocks. */
const RECORD = 20 * BLOCK;
const NAME = 100;
const LONG_NAME = 'L';
const LONG_LINK = 'K';

export type TarKind = 'file' | 'dir' | 'symlink';

export interface TarEntry {
  readonly name: string;
  readonly kind: TarKind;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Where a symlink points. */
  readonly target: string;
  readonly data: Uint8Array;
}

const FLAGS: Readonly<Record<TarKind, string>> = { file: '0', symlink: '2', dir: '5' };

const padded = (size: number): number => Math.ceil(size / BLOCK) * BLOCK;

function header(name: Uint8Array, link: Uint8Array, flag: string, size: number, e: TarEntry): Uint8Array {
  const b = alloc(BLOCK);
  const put = (at: number, value: string): void => b.set(utf8(value), at);
  const octal = (at: number, width: number, value: number): void => put(at, value.toString(8).padStart(width - 1, '0'));
  b.set(name.subarray(0, NAME), 0);
  octal(100, 8, e.mode);
  octal(108, 8, e.uid);
  octal(116, 8, e.gid);
  octal(124, 12, size);
  octal(136, 12, Math.max(0, Math.floor(e.mtime)));
  put(148, '        ');
  put(156, flag);
  b.set(link.subarray(0, NAME), 157);
  put(257, 'ustar  ');
  if (e.uid === 0) put(265, 'root');
  if (e.gid === 0) put(297, 'root');
  put(
    148,
    `${b
      .reduce((sum, v) => sum + v, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
  );
  return b;
}

function withData(head: Uint8Array, data: Uint8Array): Uint8Array {
  const out = alloc(BLOCK + padded(data.length));
  out.set(head);
  out.set(data, BLOCK);
  return out;
}

/** An entry as it stands in an archive; names of more than 100 bytes go ahead of it. */
export function tarEntry(e: TarEntry): Uint8Array[] {
  const name = utf8(e.kind === 'dir' && !e.name.endsWith('/') ? `${e.name}/` : e.name);
  const link = utf8(e.kind === 'symlink' ? e.target : '');
  const out: Uint8Array[] = [];
  const long = (flag: string, value: Uint8Array): void => {
    if (value.length <= NAME) return;
    const data = alloc(value.length + 1);
    data.set(value);
    out.push(withData(header(utf8('././@LongLink'), alloc(0), flag, data.length, { ...e, uid: 0, gid: 0, mode: 0, mtime: 0 }), data));
  };
  long(LONG_LINK, link);
  long(LONG_NAME, name);
  const data = e.kind === 'file' ? e.data : alloc(0);
  out.push(withData(header(name, link, FLAGS[e.kind], data.length, e), data));
  return out;
}

/** What ends an archive of `size` bytes: two empty blocks, filled up to a whole record. */
export const tarEnd = (size: number): Uint8Array => alloc(Math.ceil((size + 2 * BLOCK) / RECORD) * RECORD - size);

function field(b: Uint8Array, at: number, width: number): string {
  const end = b.subarray(at, at + width).indexOf(0);
  return text(b.subarray(at, at + (end < 0 ? width : end)));
}

/** Entries of an archive, and whether all of it could be read; kinds other than these three are left out. */
export function readTar(b: Uint8Array): { readonly entries: TarEntry[]; readonly good: boolean } {
  const entries: TarEntry[] = [];
  let [longName, longLink] = ['', ''];
  let at = 0;
  while (at + BLOCK <= b.length) {
    const h = b.subarray(at, at + BLOCK);
    if (h.every((v) => v === 0)) return { entries, good: true };
    const number = (from: number, width: number): number => Number.parseInt(field(h, from, width).trim() || '0', 8);
    const sum = h.reduce((total, v, i) => total + (i >= 148 && i < 156 ? 32 : v), 0);
    const size = number(124, 12);
    if (number(148, 8) !== sum || !(size >= 0)) return { entries, good: false };
    const from = at + BLOCK;
    if (from + size > b.length) return { entries, good: false };
    const data = b.subarray(from, from + size);
    at = from + padded(size);
    const flag = String.fromCharCode(h[156] as number);
    if (flag === LONG_NAME) longName = field(data, 0, data.length);
    else if (flag === LONG_LINK) longLink = field(data, 0, data.length);
    else {
      const prefix = field(h, 257, 8) === 'ustar' ? field(h, 345, 155) : '';
      const name = longName || (prefix === '' ? '' : `${prefix}/`) + field(h, 0, NAME);
      const kind = flag === '5' ? 'dir' : flag === '2' ? 'symlink' : flag === '0' || flag === '\0' ? 'file' : null;
      const head = { mode: number(100, 8) & 0o7777, uid: number(108, 8), gid: number(116, 8), mtime: number(136, 12) };
      if (kind) entries.push({ name, kind, ...head, target: longLink || field(h, 157, NAME), data });
      [longName, longLink] = ['', ''];
    }
  }
  return { entries, good: b.length === 0 ? false : at >= b.length };
}
