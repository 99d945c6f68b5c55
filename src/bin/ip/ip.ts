/** ip: global options and the table of objects. Models ip/ip.c of iproute2 6.1 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { text as decode } from '../../wire/bytes.ts';
import { addressObject } from './address.ts';
import { addrlabelObject } from './addrlabel.ts';
import { Ctx, type Outcome, type Verb } from './ctx.ts';
import { readFamily } from './family.ts';
import { Exit, matches, unsigned } from './lib/args.ts';
import { AF_MPLS } from './lib/inet.ts';
import { linkObject } from './link.ts';
import { maddressObject } from './maddress.ts';
import {
  fouObject,
  ilaObject,
  ioamObject,
  l2tpObject,
  macsecObject,
  mptcpObject,
  mrouteObject,
  mruleObject,
  srObject,
  tcpMetricsObjects,
  xfrmObject,
} from './minor.ts';
import { monitorObject } from './monitor.ts';
import { neighbourObject } from './neighbour.ts';
import { netconfObject } from './netconf.ts';
import { netnsObject, netnsSwitch } from './netns.ts';
import { nexthopObject } from './nexthop.ts';
import { ntableObject } from './ntable.ts';
import { routeObject } from './route.ts';
import { ruleObject } from './rule.ts';
import { statsObject } from './stats.ts';
import { tokenObject } from './token.ts';
import { tunnelObject } from './tunnel.ts';
import { tuntapObject } from './tuntap.ts';
import { IP_USAGE } from './usage.ts';
import { vrfObject } from './vrf.ts';

/** Table order decides what an abbreviation means: `ip m` is maddress. */
export const objects: readonly Verb[] = [
  { ...addressObject, name: 'address' },
  addrlabelObject,
  maddressObject,
  routeObject,
  ruleObject,
  { ...neighbourObject, name: 'neighbor' },
  neighbourObject,
  ntableObject,
  { ...ntableObject, name: 'ntbl' },
  linkObject,
  l2tpObject,
  fouObject,
  ilaObject,
  macsecObject,
  tunnelObject,
  { ...tunnelObject, name: 'tunl' },
  tuntapObject,
  { ...tuntapObject, name: 'tap' },
  tokenObject,
  ...tcpMetricsObjects,
  monitorObject,
  xfrmObject,
  mrouteObject,
  mruleObject,
  netnsObject,
  netconfObject,
  vrfObject,
  srObject,
  nexthopObject,
  mptcpObject,
  ioamObject,
  {
    name: 'help',
    run() {
      throw new Exit(255, IP_USAGE);
    },
  },
  statsObject,
];

function runObject(ctx: Ctx, name: string, words: readonly string[]): Outcome {
  const object = objects.find((o) => matches(name, o.name));
  if (object) return object.run(ctx, words);
  ctx.complain(`Object "${name}" is unknown, try "ip help".\n`);
  return 1;
}

type Flag = readonly [name: string, exact: boolean, set: (ctx: Ctx) => void];

/** Options without a value, in the order in which a prefix is tried. */
const FLAGS: readonly Flag[] = [
  [
    '-4',
    true,
    (c) => {
      c.family = 4;
    },
  ],
  [
    '-6',
    true,
    (c) => {
      c.family = 6;
    },
  ],
  [
    '-0',
    true,
    (c) => {
      c.family = 17;
    },
  ],
  [
    '-B',
    true,
    (c) => {
      c.family = 7;
    },
  ],
  [
    '-human',
    false,
    (c) => {
      c.human = true;
    },
  ],
  [
    '-human-readable',
    false,
    (c) => {
      c.human = true;
    },
  ],
  ['-iec', false, () => {}],
  [
    '-stats',
    false,
    (c) => {
      c.stats++;
    },
  ],
  [
    '-statistics',
    false,
    (c) => {
      c.stats++;
    },
  ],
  [
    '-details',
    false,
    (c) => {
      c.details++;
    },
  ],
  [
    '-resolve',
    false,
    (c) => {
      c.resolve = true;
    },
  ],
  [
    '-oneline',
    false,
    (c) => {
      c.pr.oneline = true;
    },
  ],
  [
    '-timestamp',
    false,
    (c) => {
      c.timestamp = 'long';
    },
  ],
  [
    '-tshort',
    false,
    (c) => {
      c.timestamp = 'short';
    },
  ],
  [
    '-force',
    false,
    (c) => {
      c.force = true;
    },
  ],
  [
    '-brief',
    false,
    (c) => {
      c.brief++;
    },
  ],
  [
    '-json',
    false,
    (c) => {
      c.json++;
    },
  ],
  [
    '-pretty',
    false,
    (c) => {
      c.pretty++;
    },
  ],
  [
    '-Numeric',
    false,
    (c) => {
      c.setNumeric();
    },
  ],
  [
    '-all',
    false,
    (c) => {
      c.all = true;
    },
  ],
];

interface Parsed {
  words: readonly string[];
  batch: string | null;
}

function options(ctx: Ctx, argv: readonly string[]): Parsed {
  let i = 0;
  let batch: string | null = null;
  let color: string | null = null;
  const value = (): string => {
    i++;
    const v = argv[i];
    if (v === undefined) throw new Exit(255, IP_USAGE);
    return v;
  };
  for (; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word === '--') {
      i++;
      break;
    }
    if (!word.startsWith('-')) break;
    const opt = word.startsWith('--') ? word.slice(1) : word;
    if (matches(opt, '-loops')) value();
    else if (matches(opt, '-family')) {
      const f = argv[++i];
      if (f === undefined || f === 'help') throw new Exit(255, IP_USAGE);
      ctx.family = readFamily(f);
    } else if (matches(opt, '-batch') && opt !== '-br') batch = value();
    else if (matches(opt, '-Version')) {
      ctx.pr.out += 'ip utility, iproute2-6.1.0, libbpf 1.1.2\n';
      throw new Exit(0);
    } else if (matches(opt, '-netns')) netnsSwitch(ctx, argv[++i] ?? '(null)');
    else if (matches(opt, '-rcvbuf') && opt !== '-r') {
      const size = value();
      if (unsigned(size) === null) throw new Exit(255, `Invalid rcvbuf size '${size}'\n`);
    } else if (opt === '-M') ctx.family = AF_MPLS;
    else if (opt === '-echo') ctx.echo = true;
    else if (/^-c[olr]*(=(always|auto|never))?$/.test(opt) && matches(opt.split('=')[0] as string, '-color'))
      color = opt.includes('=') ? opt.slice(opt.indexOf('=') + 1) : 'always';
    else {
      const flag = FLAGS.find(([name, exact]) => (exact ? opt === name : matches(opt, name)));
      if (flag) flag[2](ctx);
      else if (matches(opt, '-help')) throw new Exit(255, IP_USAGE);
      else throw new Exit(255, `Option "${opt}" is unknown, try "ip -help".\n`);
    }
  }
  ctx.pr.colored = !ctx.json && (color === 'always' || (color === 'auto' && ctx.p.isatty(1)));
  return { words: argv.slice(i), batch };
}

function* settle(outcome: Outcome): Task<number> {
  return typeof outcome === 'number' ? outcome : yield* outcome;
}

/** Runs `body`, turns an Exit into its text and status. */
export function* guarded(ctx: Ctx, body: () => Outcome): Task<number> {
  let status: number;
  try {
    status = yield* settle(body());
  } catch (e) {
    if (!(e instanceof Exit)) throw e;
    if (e.status !== 0) ctx.pr.json = null;
    ctx.complain(e.text);
    status = e.status;
  }
  yield* ctx.flush();
  return status;
}

/** Splits a batch line into words with quotes; null for comments and empty lines. */
export function batchWords(line: string): string[] | null {
  if (!/["'#]/.test(line)) {
    const plain = line.trim();
    return plain === '' ? null : plain.split(/\s+/);
  }
  const words = [...line.replace(/^\s*#.*/, '').matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2] ?? (m[3] as string));
  return words.length > 0 ? words : null;
}

/** Lines up to their `#`, joined where one ends with a backslash; they have the number of their last part. Models getcmdline() */
export function batchLines(text: string): { line: string; number: number }[] {
  const out: { line: string; number: number }[] = [];
  let joined = '';
  for (const [i, raw] of text.split('\n').entries()) {
    const more = !raw.includes('#') && raw.endsWith('\\');
    joined += more ? raw.slice(0, -1) : (raw.split('#')[0] as string);
    if (more) continue;
    out.push({ line: joined, number: i + 1 });
    joined = '';
  }
  if (joined !== '') out.push({ line: joined, number: out.length + 1 });
  return out;
}

function* batchRun(ctx: Ctx, file: string): Task<number> {
  let text: string;
  if (file === '-') {
    const r = yield* ctx.p.readAll(0);
    text = r.ok ? decode(r.value) : '';
  } else {
    const r = ctx.p.readFile(file);
    if (!r.ok) {
      ctx.complain(`Cannot open file "${file}" for reading: No such file or directory\n`);
      yield* ctx.flush();
      return 1;
    }
    text = decode(r.value);
  }
  ctx.batch = true;
  let status = 0;
  const { family } = ctx;
  for (const { line, number } of batchLines(text)) {
    const words = batchWords(line);
    if (!words) continue;
    ctx.family = family;
    const r = yield* guarded(ctx, () => runObject(ctx, words[0] as string, words.slice(1)));
    if (r === 0) continue;
    yield* ctx.p.err(`Command failed ${file}:${number}\n`);
    status = 1;
    if (!ctx.force) break;
  }
  return status;
}

function* main(p: Process): Task<number> {
  const ctx = new Ctx(p);
  let parsed: Parsed | null = null;
  const early = yield* guarded(ctx, () => {
    parsed = options(ctx, p.argv.slice(1));
    return 0;
  });
  if (!parsed) return early;
  const { words, batch } = parsed as Parsed;
  if (batch !== null) return yield* batchRun(ctx, batch);
  return yield* guarded(ctx, () => {
    if (words.length === 0) throw new Exit(255, IP_USAGE);
    return runObject(ctx, words[0] as string, words.slice(1));
  });
}

export const ip: Command = { name: 'ip', main, path: '/usr/sbin/ip' };
