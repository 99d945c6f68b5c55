/** bridge: ports, forwarding databases, monitor. Models bridge/bridge.c of iproute2 6.1 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { fdbMsgOf, mdbMsg, type NetEvent } from '../../os/uapi.ts';
import { WaitQueue } from '../../sim/wait.ts';
import { Ctx, type Outcome } from '../ip/ctx.ts';
import { Exit, matches } from '../ip/lib/args.ts';
import { netnsSwitch } from '../ip/netns.ts';
import { bridgeFdb, printFdb } from './fdb.ts';
import { bridgeLink, printBridgeLink, printPlainLink } from './link.ts';
import { bridgeMdb, printMdb } from './mdb.ts';
import { BRIDGE_USAGE, MONITOR_USAGE } from './usage.ts';
import { bridgeVlan } from './vlan.ts';

function* monitor(ctx: Ctx, words: readonly string[]): Task<number> {
  const kinds = new Set<NetEvent['type']>();
  let banner = false;
  let chosen = false;
  for (const word of words) {
    if (matches(word, 'file')) {
      ctx.complain('bridge monitor file: not emulated\n');
      return 255;
    }
    chosen = word !== 'all';
    if (matches(word, 'link')) {
      kinds.add('link');
      kinds.add('brport');
    } else if (matches(word, 'fdb')) kinds.add('fdb');
    else if (matches(word, 'mdb')) kinds.add('mdb');
    else if (matches(word, 'vlan') || word === 'vni') continue;
    else if (word === 'all') banner = true;
    else if (matches(word, 'help')) throw new Exit(255, MONITOR_USAGE);
    else throw new Exit(255, `Argument "${word}" is unknown, try "bridge monitor help".\n`);
  }
  const say = (label: string): void => {
    if (banner) ctx.pr.out += label;
  };
  // Its cache of links is filled at the start: flags of others stay what they were.
  const known = new Map([...ctx.ns.devices.values()].map((d) => [d.ifindex, d.up]));
  // Groups are printed without a flush: into a pipe they go together with whatever is printed next.
  const tty = ctx.p.isatty(1);
  let held = '';
  const queue = new WaitQueue();
  const stop = ctx.ns.events.observe((e) => {
    if (chosen && !banner && !kinds.has(e.type)) return;
    if (e.type === 'link') {
      say('[LINK]');
      printPlainLink(ctx, e.dev, e.action === 'unregister');
    } else if (e.type === 'brport') {
      say('[LINK]');
      printBridgeLink(ctx, e.dev, { deleted: e.deleted, known });
    } else if (e.type === 'fdb') {
      if (e.action === 'miss') return;
      const msg = fdbMsgOf(e.dev, e.entry);
      if (msg) say('[NEIGH]');
      if (msg) printFdb(ctx, msg, { deleted: e.action === 'del' });
    } else if (e.type === 'mdb') {
      say('[MDB]');
      printMdb(ctx, mdbMsg(e.dev, e.entry), e.action === 'del');
      if (!tty) held += ctx.pr.out;
      if (!tty) ctx.pr.out = '';
      return;
    }
    if (held !== '') ctx.pr.out = held + ctx.pr.out;
    held = '';
    queue.wakeAll();
  });
  try {
    for (;;) {
      if (ctx.pr.out !== '') yield* ctx.flush();
      else yield { on: [queue] };
    }
  } finally {
    stop();
  }
}

const OBJECTS: readonly (readonly [string, (ctx: Ctx, words: readonly string[]) => Outcome])[] = [
  ['link', bridgeLink],
  ['fdb', bridgeFdb],
  ['mdb', bridgeMdb],
  ['vlan', bridgeVlan],
  ['monitor', monitor],
  [
    'help',
    () => {
      throw new Exit(255, BRIDGE_USAGE);
    },
  ],
];

function options(ctx: Ctx, argv: readonly string[]): readonly string[] {
  let i = 0;
  for (; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word === '--') {
      i++;
      break;
    }
    if (!word.startsWith('-')) break;
    const opt = word.startsWith('--') ? word.slice(1) : word;
    if (matches(opt, '-help')) throw new Exit(255, BRIDGE_USAGE);
    else if (matches(opt, '-Version')) {
      ctx.pr.out += 'bridge utility, 6.1.0\n';
      throw new Exit(0);
    } else if (matches(opt, '-statistics') || matches(opt, '-stats')) ctx.stats++;
    else if (matches(opt, '-details')) ctx.details++;
    else if (matches(opt, '-oneline')) ctx.pr.oneline = true;
    else if (matches(opt, '-timestamp')) ctx.timestamp = 'long';
    else if (matches(opt, '-family')) i++;
    else if (opt === '-4' || opt === '-6') continue;
    else if (matches(opt, '-netns')) netnsSwitch(ctx, argv[++i] ?? '');
    else if (matches(opt.split('=')[0] as string, '-color')) ctx.pr.colored = opt.includes('=') ? !opt.endsWith('=never') : true;
    else if (matches(opt, '-compressvlans')) ctx.compressVlans = true;
    else if (matches(opt, '-force')) continue;
    else if (matches(opt, '-json')) ctx.json++;
    else if (matches(opt, '-pretty')) ctx.pretty++;
    else throw new Exit(255, `Option "${opt}" is unknown, try "bridge help".\n`);
  }
  if (ctx.json) ctx.pr.colored = false;
  return argv.slice(i);
}

function run(ctx: Ctx): Outcome {
  const words = options(ctx, ctx.p.argv.slice(1));
  const name = words[0];
  if (name === undefined) throw new Exit(255, BRIDGE_USAGE);
  const object = OBJECTS.find(([n]) => matches(name, n));
  if (object) return object[1](ctx, words.slice(1));
  ctx.complain(`Object "${name}" is unknown, try "bridge help".\n`);
  return 255;
}

function* main(p: Process): Task<number> {
  const ctx = new Ctx(p);
  let status: number;
  try {
    const outcome = run(ctx);
    status = typeof outcome === 'number' ? outcome : yield* outcome;
  } catch (e) {
    if (!(e instanceof Exit)) throw e;
    ctx.complain(e.text);
    status = e.status;
  }
  yield* ctx.flush();
  return status;
}

export const bridge: Command = { name: 'bridge', main, path: '/usr/sbin/bridge' };
