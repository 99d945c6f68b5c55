/** tc: queueing disciplines, classes, filters. Models tc/tc.c of iproute2 6.1 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { Ctx, type Outcome } from '../ip/ctx.ts';
import { Exit, matches } from '../ip/lib/args.ts';
import { netnsSwitch } from '../ip/netns.ts';
import { tcClass } from './class.ts';
import { BadOption, type TcCtx } from './common.ts';
import { tcFilter } from './filter.ts';
import { tcQdisc } from './qdisc.ts';

const USAGE = `Usage:	tc [ OPTIONS ] OBJECT { COMMAND | help }
	tc [-force] -batch filename
where  OBJECT := { qdisc | class | filter | chain |
		    action | monitor | exec }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] | -r[aw] |
		    -o[neline] | -j[son] | -p[retty] | -c[olor]
		    -b[atch] [filename] | -n[etns] name | -N[umeric] |
		     -nm | -nam[es] | { -cf | -conf } path
		     -br[ief] }
`;

class Context extends Ctx implements TcCtx {
  iec = false;
  raw = 0;
  graph = false;
  file: string | null = null;
}

function options(ctx: Context, argv: readonly string[]): readonly string[] {
  let i = 0;
  for (; i < argv.length; i++) {
    const word = argv[i] as string;
    if (!word.startsWith('-')) break;
    const is = (...names: string[]): boolean => names.some((n) => matches(word, n));
    if (is('-stats', '-statistics')) ctx.stats++;
    else if (is('-details')) ctx.details++;
    else if (is('-raw')) ctx.raw++;
    else if (is('-pretty')) ctx.pretty++;
    else if (is('-graph')) ctx.graph = true;
    else if (is('-Version')) {
      ctx.pr.out += 'tc utility, iproute2-6.1.0, libbpf 1.1.2\n';
      throw new Exit(0);
    } else if (is('-iec')) ctx.iec = true;
    else if (is('-help')) throw new Exit(0, USAGE);
    else if (is('-force')) ctx.force = true;
    else if (is('-batch')) {
      if (i + 1 >= argv.length) throw new Exit(0, USAGE);
      ctx.file = argv[++i] as string;
    } else if (is('-netns')) {
      if (i + 1 >= argv.length) throw new Exit(255, 'Command line is not complete. Try option "help"\n');
      netnsSwitch(ctx, argv[++i] as string);
    } else if (is('-Numeric')) ctx.setNumeric();
    else if (is('-names', '-nm')) continue;
    else if (is('-cf', '-conf')) i++;
    else if (matches(word.split('=')[0] as string, '-color')) ctx.pr.colored = word.includes('=') ? !word.endsWith('=never') : true;
    else if (is('-timestamp', '-tshort')) continue;
    else if (is('-json')) ctx.json++;
    else if (is('-oneline')) ctx.pr.oneline = true;
    else if (is('-brief')) ctx.brief++;
    else throw new Exit(255, `Option "${word}" is unknown, try "tc -help".\n`);
  }
  if (ctx.json) ctx.pr.colored = false;
  return argv.slice(i);
}

function object(ctx: TcCtx, words: readonly string[]): Outcome {
  const name = words[0] as string;
  const rest = words.slice(1);
  if (matches(name, 'qdisc')) return tcQdisc(ctx, rest);
  if (matches(name, 'class')) return tcClass(ctx, rest);
  if (matches(name, 'filter')) return tcFilter(ctx, rest);
  for (const missing of ['chain', 'actions', 'monitor', 'exec']) {
    if (matches(name, missing)) throw new BadOption(`tc ${missing}: not emulated\n`);
  }
  if (matches(name, 'help')) throw new Exit(0, USAGE);
  throw new Exit(255, `Object "${name}" is unknown, try "tc help".\n`);
}

function* command(ctx: TcCtx, words: readonly string[]): Task<number> {
  try {
    const outcome = object(ctx, words);
    return typeof outcome === 'number' ? outcome : yield* outcome;
  } catch (e) {
    if (!(e instanceof BadOption)) throw e;
    ctx.complain(e.text);
    return 1;
  }
}

function* batch(ctx: Context, name: string): Task<number> {
  const file = name === '-' ? yield* ctx.p.readAll(0) : ctx.p.readFile(name);
  if (!file.ok) {
    ctx.complain(`Cannot open file "${name}" for reading: No such file or directory\n`);
    return 1;
  }
  let status = 0;
  let n = 0;
  for (const line of new TextDecoder().decode(file.value).split('\n')) {
    n++;
    const words = line.replace(/#.*/, '').trim().split(/\s+/);
    if (words[0] === '') continue;
    if ((yield* command(ctx, words)) !== 0) {
      ctx.complain(`Command failed ${name}:${n}\n`);
      status = 1;
      if (!ctx.force) break;
    }
  }
  return status;
}

function* main(p: Process): Task<number> {
  const ctx = new Context(p);
  let status: number;
  try {
    const words = options(ctx, p.argv.slice(1));
    if (ctx.file !== null) status = yield* batch(ctx, ctx.file);
    else if (words.length === 0) throw new Exit(0, USAGE);
    else status = yield* command(ctx, words);
  } catch (e) {
    if (!(e instanceof Exit)) throw e;
    ctx.complain(e.text);
    status = e.status;
  }
  yield* ctx.flush();
  return status;
}

export const tc: Command = { name: 'tc', main, path: '/usr/sbin/tc' };
