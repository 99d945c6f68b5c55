/** cat: files one after the other. */

import type { Command } from '../../os/program.ts';
import { strerror } from '../../os/uapi.ts';
import { utf8 } from '../../wire/bytes.ts';
import { specs } from '../getopt.ts';
import { eachInput, eachLine, Output, options } from '../text.ts';

const USAGE = {
  specs: specs('A.show-all b.number-nonblank e. E.show-ends n.number s.squeeze-blank t. T.show-tabs u. v.show-nonprinting'),
  help: 'Usage: cat [OPTION]... [FILE]...\nConcatenate FILE(s) to standard output.\n\nWith no FILE, or when FILE is -, read standard input.\n',
};

/** Each byte that does not print as ^X, M-x or M-^X; tabs stay. */
function visible(line: string): string {
  let out = '';
  for (const b of utf8(line)) {
    const c = b & 0x7f;
    const plain = c < 32 ? `^${String.fromCharCode(c + 64)}` : c === 127 ? '^?' : String.fromCharCode(c);
    out += b === 9 ? '\t' : b < 128 ? plain : `M-${plain}`;
  }
  return out;
}

export const cat: Command = {
  name: 'cat',
  path: '/bin/cat',
  *main(p) {
    const o = yield* options(p, USAGE);
    if (typeof o === 'number') return o;
    const on = new Set(o.options.map(([k]) => k));
    const ends = on.has('show-ends') || on.has('show-all') || on.has('e');
    const tabs = on.has('show-tabs') || on.has('show-all') || on.has('t');
    const unprintable = ['show-nonprinting', 'show-all', 'e', 't'].some((k) => on.has(k));
    const numbers = on.has('number') || on.has('number-nonblank');
    if (!ends && !tabs && !unprintable && !numbers && !on.has('squeeze-blank')) {
      return yield* eachInput(p, o.operands, function* (fd, name) {
        for (;;) {
          const r = yield* p.read(fd);
          if (!r.ok && r.errno === 'EINTR') continue;
          if (!r.ok && r.errno === 'EINVAL') yield* p.err(`cat: ${name}: ${strerror(r.errno)}\n`);
          if (!r.ok || r.value.length === 0) return undefined;
          const w = yield* p.out(r.value);
          if (!w.ok) return true;
        }
      });
    }
    const out = new Output(p);
    let n = 0;
    let blank = false;
    const status = yield* eachInput(p, o.operands, function* (fd) {
      yield* eachLine(p, fd, function* (line, last) {
        if (on.has('squeeze-blank') && line === '' && blank) return undefined;
        blank = line === '';
        const numbered = numbers && !(on.has('number-nonblank') && line === '');
        const shown = unprintable ? visible(line) : line;
        const text = tabs ? shown.replaceAll('\t', '^I') : shown;
        yield* out.put(`${numbered ? `${String(++n).padStart(6)}\t` : ''}${text}${last ? '' : `${ends ? '$' : ''}\n`}`);
        return undefined;
      });
      return undefined;
    });
    yield* out.flush();
    return status;
  },
};
