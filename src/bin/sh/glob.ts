/** Pathname expansion: which files a pattern names. */

import type { Process } from '../../os/process.ts';
import { hasMagic, type PatternOptions, type Piece, patternRegExp } from './pattern.ts';

export interface GlobOptions extends PatternOptions {
  dotglob: boolean;
  globstar: boolean;
}

/** The pattern cut at unquoted and quoted slashes. */
function components(pieces: readonly Piece[]): Piece[][] {
  const out: Piece[][] = [[]];
  for (const piece of pieces) {
    const parts = piece.text.split('/');
    parts.forEach((text, i) => {
      if (i > 0) out.push([]);
      if (text !== '') (out[out.length - 1] as Piece[]).push({ text, quoted: piece.quoted });
    });
  }
  return out;
}

function literal(pieces: readonly Piece[]): string {
  return pieces.map((p) => (p.quoted ? p.text : p.text.replace(/\\(.)/gs, '$1'))).join('');
}

/** Matching paths in order; empty when there is none. */
export function glob(p: Process, pieces: readonly Piece[], opts: GlobOptions): string[] {
  const parts = components(pieces);
  let found = [''];
  parts.forEach((part, i) => {
    const last = i === parts.length - 1;
    if (i === 0 && part.length === 0) {
      found = ['/'];
      return;
    }
    if (part.length === 0) {
      if (last) found = found.filter((f) => p.stat(f).ok).map((f) => (f.endsWith('/') ? f : `${f}/`));
      return;
    }
    const join = (dir: string, name: string): string => (dir === '' || dir.endsWith('/') ? dir + name : `${dir}/${name}`);
    if (!hasMagic(part, opts.extglob)) {
      const name = literal(part);
      found = found.map((f) => join(f, name)).filter((f) => p.lstat(f).ok);
      return;
    }
    if (opts.globstar && literal(part) === '**') {
      found = found.flatMap((f) => [...(last ? [] : [f]), ...descend(p, f, join, last)]);
      return;
    }
    const re = patternRegExp(part, { ...opts, pathname: true });
    const firstPiece = part[0] as Piece;
    const dots = opts.dotglob || firstPiece.text.startsWith('.') || firstPiece.text.startsWith('\\.');
    const next: string[] = [];
    for (const dir of found) {
      const names = p.readdir(dir === '' ? '.' : dir);
      if (!names.ok) continue;
      for (const name of names.value) {
        if (name.startsWith('.') && !dots) continue;
        if (!re.test(name)) continue;
        const path = join(dir, name);
        if (!last) {
          const s = p.stat(path);
          if (!s.ok || s.value.kind !== 'dir') continue;
        }
        next.push(path);
      }
    }
    found = next;
  });
  return found.filter((f) => f !== '').sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

function descend(p: Process, dir: string, join: (d: string, n: string) => string, files: boolean): string[] {
  const out: string[] = [];
  const names = p.readdir(dir === '' ? '.' : dir);
  if (!names.ok) return out;
  for (const name of names.value) {
    if (name.startsWith('.')) continue;
    const path = join(dir, name);
    const s = p.lstat(path);
    if (!s.ok) continue;
    if (s.value.kind === 'dir') out.push(path, ...descend(p, path, join, files));
    else if (files) out.push(path);
  }
  return out;
}
