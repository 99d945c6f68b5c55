/** ip vrf: virtual routing and forwarding devices, and programs whose sockets are bound to one. Models ip/ipvrf.c */

import type { Task } from '../../os/program.ts';
import type { Ctx, Outcome, Verb } from './ctx.ts';
import { Exit, matches } from './lib/args.ts';
import { VRF_USAGE } from './usagemore.ts';

function tableOf(ctx: Ctx, name: string): number {
  return ctx.device(name)?.l3table ?? 0;
}

function show(ctx: Ctx, words: readonly string[]): number {
  const [only] = words;
  const { pr } = ctx;
  if (only !== undefined) {
    const table = tableOf(ctx, only);
    if (words.length > 1) throw new Exit(255, VRF_USAGE);
    if (table === 0) {
      ctx.complain('Invalid VRF\n');
      return 1;
    }
    pr.out += `${only} ${table}\n`;
    return 0;
  }
  ctx.newJson();
  pr.fp(`${'Name'.padEnd(16)}  Table\n${'-'.repeat(23)}\n`);
  let count = 0;
  for (const dev of ctx.ns.devices.values()) {
    if (dev.l3table === 0) continue;
    count++;
    pr.openObject();
    pr.any('name', dev.name, dev.name.padEnd(16));
    pr.any('table', dev.l3table, ` ${String(dev.l3table).padStart(5)}`);
    pr.fp('\n');
    pr.closeObject();
  }
  if (count === 0) pr.fp('No VRF has been configured\n');
  ctx.deleteJson();
  return 0;
}

function identify(ctx: Ctx, words: readonly string[]): number {
  const pid = words[0] === undefined ? ctx.p.pid : /^\d+$/.test(words[0]) ? Number(words[0]) : null;
  if (words.length > 1) throw new Exit(255, 'Extra arguments specified\n');
  if (pid === null) throw new Exit(255, `Error: argument "${words[0]}" is wrong: Invalid pid\n`);
  const target = ctx.p.machine.processes.get(pid);
  if (!target) {
    ctx.complain('Failed to lookup vrf association: No such file or directory\n');
    return 1;
  }
  if (target.vrf !== null) ctx.pr.out += `${target.vrf}\n`;
  return 0;
}

function pids(ctx: Ctx, words: readonly string[]): number {
  const [name] = words;
  if (words.length !== 1 || name === undefined) {
    ctx.complain('Invalid arguments\n');
    return 1;
  }
  if (tableOf(ctx, name) === 0) {
    ctx.complain('Invalid VRF name\n');
    return 1;
  }
  for (const p of ctx.p.machine.processes.values())
    if (p.vrf === name && p.ns === ctx.ns) ctx.pr.out += `${String(p.pid).padStart(5)}  ${p.name}\n`;
  return 0;
}

function exec(ctx: Ctx, words: readonly string[]): Outcome {
  const [name, ...argv] = words;
  const refuse = (text: string, status = 1): number => {
    ctx.complain(`${text}\n`);
    return status;
  };
  if (name === undefined) return refuse('No VRF name specified');
  if (argv.length === 0) return refuse('No command specified');
  if (name !== 'default' && tableOf(ctx, name) === 0) return refuse('Invalid VRF name', 255);
  return execIn(ctx, name === 'default' ? null : name, argv);
}

function* execIn(ctx: Ctx, vrf: string | null, argv: readonly string[]): Task<number> {
  const { p } = ctx;
  yield* ctx.flush();
  p.vrf = vrf;
  p.kernel.socketVrf = vrf;
  const found = p.canRun(argv, p.env);
  if (!found.ok) {
    yield* p.err(`exec of "${argv[0]}" failed: ${found.errno === 'EACCES' ? 'Permission denied' : 'No such file or directory'}\n`);
    return 255;
  }
  return yield* p.exec(argv);
}

function run(ctx: Ctx, words: readonly string[]): Outcome {
  const verb = words[0];
  if (verb === undefined) return show(ctx, []);
  const rest = words.slice(1);
  if (matches(verb, 'identify')) return identify(ctx, rest);
  if (matches(verb, 'pids')) return pids(ctx, rest);
  if (matches(verb, 'exec')) return exec(ctx, rest);
  if (matches(verb, 'show') || matches(verb, 'lst') || matches(verb, 'list')) return show(ctx, rest);
  if (matches(verb, 'help')) throw new Exit(255, VRF_USAGE);
  throw new Exit(255, `Command "${verb}" is unknown, try "ip vrf help".\n`);
}

export const vrfObject: Verb = { name: 'vrf', run };
