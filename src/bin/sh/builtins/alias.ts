/** alias, unalias. */

import { type Builtin, complain, output } from './types.ts';

const quoted = (s: string): string => `'${s.replace(/'/g, "'\\''")}'`;

export const aliasBuiltins: readonly (readonly [string, Builtin])[] = [
  [
    'alias',
    function* (sh, argv) {
      const args = argv.slice(1).filter((a) => a !== '-p');
      if (args.length === 0)
        return yield* output(
          sh,
          'alias',
          [...sh.aliases]
            .sort((a, b) => (a[0] < b[0] ? -1 : 1))
            .map(([n, v]) => `alias ${n}=${quoted(v)}\n`)
            .join(''),
        );
      let status = 0;
      for (const a of args) {
        const eq = a.indexOf('=');
        if (eq > 0) sh.aliases.set(a.slice(0, eq), a.slice(eq + 1));
        else if (sh.aliases.has(a)) yield* output(sh, 'alias', `alias ${a}=${quoted(sh.aliases.get(a) as string)}\n`);
        else {
          yield* complain(sh, 'alias', `${a}: not found`);
          status = 1;
        }
      }
      return status;
    },
  ],
  [
    'unalias',
    function* (sh, argv) {
      let status = 0;
      for (const a of argv.slice(1)) {
        if (a === '-a') sh.aliases.clear();
        else if (!sh.aliases.delete(a)) {
          yield* complain(sh, 'unalias', `${a}: not found`);
          status = 1;
        }
      }
      return status;
    },
  ],
];
