/** iptables, ip6tables, their -save and -restore, over nf_tables and legacy alike. Models iptables 1.8.9 */

import type { Command } from '../../os/program.ts';
import { strerror, xt } from '../../os/uapi.ts';
import { text, utf8 } from '../../wire/bytes.ts';
import { Batch } from './commands.ts';
import { finish, makeEnv, notRoot, type Outcome } from './common.ts';
import { type Env, Exit, problemText, Refused } from './env.ts';
import { xtablesMonitor } from './monitor.ts';
import { CommandParser } from './options.ts';
import { type Base, restorer, type Suffix } from './restorers.ts';
import { runSave, type SaveResult } from './save.ts';
import { translate, translateRestore } from './translate.ts';

/** A legacy table in the namespace makes every listing of the nft tool warn. */
function legacyWarning(env: Env, other: string): string {
  if (env.legacy || env.ns.nf.legacy.list(env.family).length === 0) return '';
  return `# Warning: ${other} tables present, use ${other}${env.prog.endsWith('-save') ? '-save' : ''} to see them\n`;
}

/** One invocation of iptables or ip6tables. */
export function runIptables(env: Env, argv: readonly string[]): Outcome {
  let out = '';
  let err = '';
  const batch = new Batch(env);
  const short = env.prog;
  try {
    const parsed = new CommandParser(
      env,
      (t) => {
        out += t;
      },
      (t) => {
        err += t;
      },
    ).parse(argv);
    if (parsed.command === 'L' || parsed.command === 'S') err += legacyWarning(env, `${env.prog}-legacy`);
    batch.run(parsed);
    batch.commit();
    out += batch.out;
    return { out, err, status: 0 };
  } catch (e) {
    out += batch.out;
    if (e instanceof xt.Problem) return { out, err: err + problemText(env, e, null), status: e.status };
    if (e instanceof Refused) {
      const hint = e.errno === 'EINVAL' ? " Run `dmesg' for more information." : '';
      return { out, err: `${short}: ${e.text}.${hint}\n`, status: 1 };
    }
    if (e instanceof Exit) return { out, err: '', status: e.status };
    throw e;
  }
}

function variant(base: Base, suffix: Suffix): Command[] {
  const family = base === 'iptables' ? 4 : 6;
  const legacy = suffix === '-legacy';
  const path = (name: string): string => `/usr/sbin/${name}`;
  return [
    {
      name: `${base}${suffix}`,
      path: path(`${base}${suffix}`),
      *main(p) {
        const env = makeEnv(p, base, family, legacy);
        return yield* finish(p, notRoot(p, env) ?? runIptables(env, p.argv.slice(1)));
      },
    },
    {
      name: `${base}${suffix}-save`,
      path: path(`${base}${suffix}-save`),
      *main(p) {
        const env = makeEnv(p, `${base}-save`, family, legacy);
        const r: SaveResult = notRoot(p, env) ?? runSave(env, p.argv.slice(1));
        if (r.file !== undefined) {
          const written = p.writeFile(r.file, utf8(r.out));
          if (!written.ok)
            return yield* finish(p, { out: '', err: `Failed to open ${r.file}, error: ${strerror(written.errno)}\n`, status: 1 });
          r.out = '';
        }
        return yield* finish(p, { ...r, err: r.err + (r.status === 0 ? legacyWarning(env, `${base}-legacy`) : '') });
      },
    },
    restorer(base, suffix),
  ];
}

/** iptables-translate and ip6tables-translate. */
function translator(base: Base): Command {
  return {
    name: `${base}-translate`,
    path: `/usr/sbin/${base}-translate`,
    *main(p) {
      const env = makeEnv(p, `${base}-translate`, base === 'iptables' ? 4 : 6, false);
      let out = '';
      let err = '';
      try {
        const parsed = new CommandParser(
          env,
          (t) => {
            out += t;
          },
          (t) => {
            err += t;
          },
        ).parse(p.argv.slice(1));
        const r = translate(env, parsed);
        return yield* finish(p, { ...r, out: out + r.out, err: err + r.err });
      } catch (e) {
        if (e instanceof xt.Problem) return yield* finish(p, { out, err: err + problemText(env, e, null), status: e.status });
        if (e instanceof Exit) return yield* finish(p, { out, err, status: e.status });
        throw e;
      }
    },
  };
}

/** iptables-restore-translate and ip6tables-restore-translate. */
function restoreTranslator(base: Base): Command {
  const name = `${base}-restore-translate`;
  const usage =
    `${name} 1.8.9 (c) 2014 by Pablo Neira Ayuso <pablo@netfilter.org>\nUsage: ${name} [-h] [-f <FILE>] [-V]\n` +
    '\t[ --help ]\n\t[ --file=<FILE> ]\n\t[ --version ]\n';
  return {
    name,
    path: `/usr/sbin/${name}`,
    *main(p) {
      const argv = p.argv.slice(1);
      if (argv.includes('-V') || argv.includes('--version')) return yield* finish(p, { out: `${name} v1.8.9\n`, err: '', status: 0 });
      if (argv.includes('-h') || argv.includes('--help')) return yield* finish(p, { out: '', err: usage, status: 1 });
      const at = argv.findIndex((a) => a === '-f' || a === '--file');
      const file = at >= 0 ? argv[at + 1] : argv.find((a) => a.startsWith('--file='))?.slice(7);
      if (file === undefined) return yield* finish(p, { out: '', err: `ERROR: missing file name\n${usage}`, status: 1 });
      const r = p.readFile(file);
      if (!r.ok) return yield* finish(p, { out: '', err: `Cannot open file ${file}\n`, status: 1 });
      const env = makeEnv(p, `${base}-translate-restore`, base === 'iptables' ? 4 : 6, false);
      return yield* finish(p, translateRestore(env, name, text(r.value)));
    },
  };
}

export const iptablesCommands: readonly Command[] = [
  translator('iptables'),
  translator('ip6tables'),
  restoreTranslator('iptables'),
  restoreTranslator('ip6tables'),
  xtablesMonitor,
  ...variant('iptables', ''),
  ...variant('iptables', '-legacy'),
  ...variant('iptables', '-nft'),
  ...variant('ip6tables', ''),
  ...variant('ip6tables', '-legacy'),
  ...variant('ip6tables', '-nft'),
];
