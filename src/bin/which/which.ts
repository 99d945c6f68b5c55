/** which, readlink, realpath, clear: tools that print one thing. */

import type { Command } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { specs } from '../getopt.ts';
import { options } from '../text.ts';

export const which: Command = {
  name: 'which',
  *main(p) {
    let status = 0;
    for (const name of p.argv.slice(1).filter((a) => !a.startsWith('-'))) {
      const r = p.which(name);
      if (r.ok) yield* p.out(`${r.value}\n`);
      else status = 1;
    }
    return status;
  },
};

export const readlink: Command = {
  name: 'readlink',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('f.canonicalize n.no-newline q.quiet s. v.verbose z.zero'),
      help: 'Usage: readlink [OPTION]... FILE...\nPrint value of a symbolic link or canonical file name\n',
    });
    if (typeof o === 'number') return o;
    if (o.operands.length === 0) {
      yield* p.err("readlink: missing operand\nTry 'readlink --help' for more information.\n");
      return 1;
    }
    const on = new Set(o.options.map(([k]) => k));
    const canonical = on.has('canonicalize');
    let status = 0;
    for (const path of o.operands) {
      const r = canonical ? p.resolve(path) : p.readlink(path);
      if (r.ok) yield* p.out(`${r.value}${on.has('no-newline') ? '' : on.has('zero') ? '\0' : '\n'}`);
      else {
        if (on.has('verbose')) yield* p.err(`readlink: ${path}: ${strerror(r.errno)}\n`);
        status = 1;
      }
    }
    return status;
  },
};

export const realpath: Command = {
  name: 'realpath',
  *main(p) {
    let status = 0;
    for (const path of p.argv.slice(1).filter((a) => !a.startsWith('-'))) {
      const r = p.resolve(path);
      if (r.ok) yield* p.out(`${r.value}\n`);
      else {
        yield* p.err(`realpath: ${path}: ${strerror(r.errno)}\n`);
        status = 1;
      }
    }
    return status;
  },
};

export const clear: Command = {
  name: 'clear',
  *main(p) {
    yield* p.out('\x1b[H\x1b[2J\x1b[3J');
    return 0;
  },
};
