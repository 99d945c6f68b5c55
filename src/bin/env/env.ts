/** env: shows or changes the environment of a command; printenv. */

import type { Command } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { specs } from '../getopt.ts';
import { options } from '../text.ts';

const USAGE = {
  specs: specs('i.ignore-environment u:unset 0.null C:chdir'),
  help: 'Usage: env [OPTION]... [-] [NAME=VALUE]... [COMMAND [ARG]...]\nSet each NAME to VALUE in the environment and run COMMAND.\n',
  status: 125,
  posix: true,
};

export const env: Command = {
  name: 'env',
  *main(p) {
    const o = yield* options(p, USAGE);
    if (typeof o === 'number') return o;
    const vars = new Map(o.options.some(([k]) => k === 'ignore-environment') || o.operands[0] === '-' ? [] : p.env);
    for (const [k, v] of o.options) {
      if (k === 'unset') vars.delete(v);
      if (k === 'chdir') p.chdir(v);
    }
    const rest = o.operands.filter((a, i) => !(i === 0 && a === '-'));
    while (rest.length > 0 && /^[^=]+=/.test(rest[0] as string)) {
      const [pair] = rest.splice(0, 1) as [string];
      vars.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    if (rest.length === 0) {
      const end = o.options.some(([k]) => k === 'null') ? '\0' : '\n';
      for (const [k, v] of vars) yield* p.out(`${k}=${v}${end}`);
      return 0;
    }
    p.env = vars;
    const found = p.which(rest[0] as string);
    if (!found.ok) {
      yield* p.err(`env: ‘${rest[0]}’: ${strerror(found.errno)}\n`);
      return found.errno === 'ENOENT' ? 127 : 126;
    }
    return yield* p.exec(rest);
  },
};

export const printenv: Command = {
  name: 'printenv',
  *main(p) {
    const names = p.argv.slice(1);
    if (names.length === 0) {
      for (const [k, v] of p.env) yield* p.out(`${k}=${v}\n`);
      return 0;
    }
    let status = 0;
    for (const name of names) {
      const v = p.env.get(name);
      if (v === undefined) status = 1;
      else yield* p.out(`${v}\n`);
    }
    return status;
  },
};
