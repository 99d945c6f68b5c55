/** head: the first lines or bytes. */

import type { Command } from '../../os/program.ts';
import { specs } from '../getopt.ts';
import { eachInput, Output, options } from '../text.ts';

const USAGE = {
  specs: specs('c:bytes n:lines q.quiet v.verbose'),
  help: 'Usage: head [OPTION]... [FILE]...\nPrint the first 10 lines of each FILE to standard output.\n',
};

export const head: Command = {
  name: 'head',
  *main(p) {
    p.argv = p.argv.map((a, i) => (i === 1 && /^-\d+$/.test(a) ? `-n${a.slice(1)}` : a));
    const o = yield* options(p, USAGE);
    if (typeof o === 'number') return o;
    let count = 10;
    let bytes = false;
    let headers = o.operands.length > 1;
    for (const [k, v] of o.options) {
      if (k === 'lines' || k === 'bytes') {
        bytes = k === 'bytes';
        if (!/^[-+]?\d+$/.test(v)) {
          yield* p.err(`head: invalid number of ${k}: ‘${v}’\n`);
          return 1;
        }
        count = v.startsWith('-') ? -Number(v.slice(1)) : Number(v);
      } else headers = k === 'verbose';
    }
    let first = true;
    return yield* eachInput(p, o.operands, function* (fd, name) {
      if (headers) yield* p.out(`${first ? '' : '\n'}==> ${name === '-' ? 'standard input' : name} <==\n`);
      first = false;
      if (bytes && count >= 0) {
        for (let left = count; left > 0; ) {
          const part = yield* p.read(fd, Math.min(left, 65_536));
          if (!part.ok || part.value.length === 0) break;
          yield* p.out(part.value.subarray(0, left));
          left -= part.value.length;
        }
        return undefined;
      }
      if (count < 0) {
        const all = yield* p.readAll(fd);
        if (!all.ok) return undefined;
        if (bytes) yield* p.out(all.value.slice(0, Math.max(0, all.value.length + count)));
        else {
          const lines = new TextDecoder().decode(all.value).split('\n');
          if (lines.at(-1) === '') lines.pop();
          yield* p.out(
            lines
              .slice(0, count)
              .map((l) => `${l}\n`)
              .join(''),
          );
        }
        return undefined;
      }
      const out = new Output(p);
      for (let n = 0; n < count; n++) {
        const line = yield* p.readLine(fd);
        if (line === null) break;
        yield* out.put(`${line}\n`);
        if (p.isatty(1)) yield* out.flush();
      }
      yield* out.flush();
      return undefined;
    });
  },
};
