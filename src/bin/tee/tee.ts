/** tee: standard input to standard output and files. */

import type { Command } from '../../os/program.ts';
import { specs } from '../getopt.ts';
import { complain, options } from '../text.ts';

const USAGE = {
  specs: specs('a.append i.ignore-interrupts p.'),
  help: 'Usage: tee [OPTION]... [FILE]...\nCopy standard input to each FILE, and also to standard output.\n',
};

export const tee: Command = {
  name: 'tee',
  *main(p) {
    const o = yield* options(p, USAGE);
    if (typeof o === 'number') return o;
    const append = o.options.some(([k]) => k === 'append');
    const fds: number[] = [];
    let status = 0;
    for (const name of o.operands) {
      const r = p.open(name, append ? 'a' : 'w');
      if (r.ok) fds.push(r.value);
      else {
        yield* complain(p, name, r.errno);
        status = 1;
      }
    }
    for (;;) {
      const r = yield* p.read(0);
      if (!r.ok && r.errno === 'EINTR') continue;
      if (!r.ok || r.value.length === 0) return status;
      for (const fd of [1, ...fds]) {
        const w = yield* p.write(fd, r.value);
        if (!w.ok && fd !== 1) {
          yield* complain(p, o.operands[fds.indexOf(fd)] ?? '', w.errno);
          status = 1;
        }
      }
    }
  },
};
