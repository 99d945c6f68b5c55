/** alias, unalias, history. */

import { type Builtin, complain, options, output } from './types.ts';

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
  [
    'history',
    function* (sh, argv) {
      const o = yield* options(
        sh,
        argv,
        'cd:anrwps',
        'history [-c] [-d offset] [n] or history -anrw [filename] or history -ps arg [arg...]',
      );
      if (!o) return 2;
      if (o.flags.has('c')) {
        sh.history.length = 0;
        return 0;
      }
      const d = o.flags.get('d');
      if (d !== undefined) {
        if (Number(d) >= 1 && Number(d) <= sh.history.length) sh.history.splice(Number(d) - 1, 1);
        return 0;
      }
      if (o.flags.has('s')) {
        sh.history.push(o.rest.join(' '));
        return 0;
      }
      const count = o.rest[0] === undefined ? sh.history.length : Number(o.rest[0]);
      if (Number.isNaN(count)) {
        yield* complain(sh, 'history', `${o.rest[0]}: numeric argument required`);
        return 1;
      }
      const from = Math.max(0, sh.history.length - count);
      return yield* output(
        sh,
        'history',
        sh.history
          .slice(from)
          .map((line, i) => `${String(from + i + 1).padStart(5)}  ${line}\n`)
          .join(''),
      );
    },
  ],
];
