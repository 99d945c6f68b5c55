/** iptables, ip6tables, their -save and -restore, over nf_tables and legacy alike. Models iptables 1.8.9 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { strerror, xt } from '../../os/uapi.ts';
import { text, utf8 } from '../../wire/bytes.ts';
import { Batch } from './commands.ts';
import { type Env, Exit, problemText, Refused } from './env.ts';
import { xtablesMonitor } from './monitor.ts';
import { CommandParser } from './options.ts';
import { restoreOptions, runRestore } from './restore.ts';
import { runSave, type SaveResult } from './save.ts';
import { translate, translateRestore } from './translate.ts';

export interface Outcome {
  out: string;
  err: string;
  status: number;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** ctime(): `Fri Nov 20 09:00:00 2026`. */
function ctime(ms: number): string {
  const d = new Date(ms);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${DAYS[d.getUTCDay()]} ${MONTHS[d.getUTCMonth()]} ${String(d.getUTCDate()).padStart(2)} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())} ${d.getUTCFullYear()}`;
}

export function makeEnv(p: Process, prog: string, family: 4 | 6, legacy: boolean): Env {
  const { sim } = p.ns.kernel;
  return {
    prog,
    family,
    legacy,
    tables: legacy ? p.ns.nf.legacy : p.ns.nf.xt,
    ns: p.ns,
    readText: (path) => p.readText(path),
    date: ctime(sim.epochMs + Math.floor(sim.now / 1000)),
  };
}

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

function* finish(p: Process, r: Outcome): Task<number> {
  if (r.out !== '') yield* p.out(r.out);
  if (r.err !== '') yield* p.err(r.err);
  return r.status;
}

function notRoot(p: Process, env: Env): Outcome | null {
  if (p.uid === 0) return null;
  const table = env.legacy
    ? `can't initialize iptables table \`filter': Permission denied (you must be root)\nPerhaps ${env.prog} or your kernel needs to be upgraded.\n`
    : '';
  if (table !== '') return { out: '', err: `${env.prog} v1.8.9 (legacy): ${table}`, status: 3 };
  return {
    out: '',
    err: `${env.prog} v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n`,
    status: 4,
  };
}

function variant(base: 'iptables' | 'ip6tables', suffix: '' | '-legacy' | '-nft'): Command[] {
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
    {
      name: `${base}${suffix}-restore`,
      path: path(`${base}${suffix}-restore`),
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
    },
  ];
}

/** iptables-translate and ip6tables-translate. */
function translator(base: 'iptables' | 'ip6tables'): Command {
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
function restoreTranslator(base: 'iptables' | 'ip6tables'): Command {
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
