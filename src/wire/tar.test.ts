import { expect, test } from 'vitest';
import { concat, text, utf8 } from './bytes.ts';
import { readTar, type TarEntry, tarEnd, tarEntry } from './tar.ts';

const entry = (name: string, more: Partial<TarEntry> = {}): TarEntry => ({
  name,
  kind: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: 1_700_000_000,
  target: '',
  data: new Uint8Array(0),
  ...more,
});

function archive(entries: readonly TarEntry[]): Uint8Array {
  const body = concat(entries.flatMap(tarEntry));
  return concat([body, tarEnd(body.length)]);
}

test('what was written is read', () => {
  const long = `${'d/'.repeat(80)}file`;
  const b = archive([
    entry('a.txt', { data: utf8('hello\n') }),
    entry('dir', { kind: 'dir', mode: 0o755 }),
    entry('l', { kind: 'symlink', mode: 0o777, target: 'a.txt' }),
    entry(long, { uid: 1000, data: new Uint8Array(512) }),
  ]);
  expect(b.length % 10240).toBe(0);
  const { entries, good } = readTar(b);
  expect(good).toBe(true);
  expect(entries.map((e) => [e.name, e.kind, e.mode, e.uid, e.target, e.data.length, e.mtime])).toEqual([
    ['a.txt', 'file', 0o644, 0, '', 6, 1_700_000_000],
    ['dir/', 'dir', 0o755, 0, '', 0, 1_700_000_000],
    ['l', 'symlink', 0o777, 0, 'a.txt', 0, 1_700_000_000],
    [long, 'file', 0o644, 1000, '', 512, 1_700_000_000],
  ]);
  expect(text((entries[0] as TarEntry).data)).toBe('hello\n');
});

test('what is no archive, and one that ends early', () => {
  expect(readTar(utf8('x'.repeat(2000))).good).toBe(false);
  expect(readTar(new Uint8Array(0)).good).toBe(false);
  const b = archive([entry('a', { data: new Uint8Array(3000) })]);
  expect(readTar(b.subarray(0, 1024))).toEqual({ entries: [], good: false });
});
