/** iptables-restore and ip6tables-restore as programs: of all of iptables what a world needs while it is built. Models iptables 1.8.9 */

import type { Command } from '../../os/program.ts';
import { text } from '../../wire/bytes.ts';
import { finish, makeEnv, notRoot } from './common.ts';
import { restoreOptions, runRestore } from './restore.ts';

export type Base = 'iptables' | 'ip6tables';
export type Suffix = '' | '-legacy' | '-nft';

export function restorer(base: Base, suffix: Suffix): Command {
  const family = base === 'iptables' ? 4 : 6;
  const legacy = suffix === '-legacy';
  return {
    name: `${base}${suffix}-restore`,
    path: `/usr/sbin/${base}${suffix}-restore`,
    *main(p) {
      const env = makeEnv(p, `${base}-restore`, family, legacy);
      const refused = notRoot(p, env);
      if (refused) return yield* finish(p, refused);
      const o = restoreOptions(env, p.argv.slice(1));
      if ('status' in o) return yield* finish(p, o);
      let input: string;
      if (o.file !== null && o.file !== '-') {
        const r = p.readFile(o.file);
        if (!r.ok) return yield* finish(p, { out: '', err: `Can't open ${o.file}: No such file or directory\n`, status: 1 });
        input = text(r.value);
      } else {
        const r = yield* p.readAll(0);
        input = r.ok ? text(r.value) : '';
      }
      return yield* finish(p, runRestore(env, o, input));
    },
  };
}

export const restorers: readonly Command[] = (['iptables', 'ip6tables'] as const).flatMap((base) =>
  (['', '-legacy', '-nft'] as const).map((suffix) => restorer(base, suffix)),
);
