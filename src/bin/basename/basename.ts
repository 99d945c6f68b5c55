/** basename and dirname. */

import type { Command } from '../../os/program.ts';
import { specs } from '../getopt.ts';
import { options } from '../text.ts';

export const basename: Command = {
  name: 'basename',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('a.multiple s:suffix z.zero'),
      help: 'Usage: basename NAME [SUFFIX]\n  or:  basename OPTION... NAME...\nPrint NAME with any leading directory components removed.\n',
    });
    if (typeof o === 'number') return o;
    if (o.operands.length === 0) {
      yield* p.err("basename: missing operand\nTry 'basename --help' for more information.\n");
      return 1;
    }
    const on = new Map(o.options);
    const many = on.has('multiple') || on.has('suffix');
    const suffix = on.get('suffix') ?? (many ? '' : (o.operands[1] ?? ''));
    for (const name of many ? o.operands : o.operands.slice(0, 1)) {
      const base = name.replace(/\/+$/, '').replace(/^.*\//, '') || (name.startsWith('/') ? '/' : name);
      yield* p.out(`${suffix !== '' && base.endsWith(suffix) && base !== suffix ? base.slice(0, -suffix.length) : base}\n`);
    }
    return 0;
  },
};

export const dirname: Command = {
  name: 'dirname',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('z.zero'),
      help: 'Usage: dirname [OPTION] NAME...\nOutput each NAME with its last non-slash component and trailing slashes removed.\n',
    });
    if (typeof o === 'number') return o;
    if (o.operands.length === 0) {
      yield* p.err("dirname: missing operand\nTry 'dirname --help' for more information.\n");
      return 1;
    }
    for (const name of o.operands) {
      const trimmed = name.replace(/\/+$/, '');
      const at = trimmed.lastIndexOf('/');
      yield* p.out(`${at < 0 ? (trimmed === '' && name !== '' ? '/' : '.') : trimmed.slice(0, at).replace(/\/+$/, '') || '/'}\n`);
    }
    return 0;
  },
};
