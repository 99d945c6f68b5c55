/** ip tuntap: persistent TUN and TAP devices. Models ip/iptuntap.c */

import { delTun, linkMsg, newTun, strerror, type TunOptions } from '../../os/uapi.ts';
import type { Ctx, Verb } from './ctx.ts';
import { Args, duparg2, Exit, invarg, matches, validIfname } from './lib/args.ts';
import { TUNTAP_USAGE } from './usagemore.ts';

interface Request {
  name: string;
  options: TunOptions;
}

/** A number, or a name looked up in the first and third field of a file. */
function identity(ctx: Ctx, what: 'user' | 'group', word: string): number {
  if (/^[-+]?\d+$/.test(word)) return Number(word);
  const r = ctx.p.readFile(what === 'user' ? '/etc/passwd' : '/etc/group');
  const lines = r.ok ? new TextDecoder().decode(r.value).split('\n') : [];
  const found = lines.map((l) => l.split(':')).find((f) => f[0] === word);
  if (!found) throw new Exit(255, `invalid ${what} "${word}"\n`);
  return Number(found[2]);
}

function parse(ctx: Ctx, words: readonly string[], owners: boolean): Request | number {
  const args = new Args(words);
  let name = '';
  let type: TunOptions['type'] | null = null;
  let [owner, group] = [-1, -1];
  let pi = false;
  let vnetHdr = false;
  let multiQueue = false;
  let oneQueue = false;
  const ifname = (msg: string): string => (validIfname(args.word) ? args.word : invarg(msg, args.word));
  for (; args.more; args.step()) {
    if (args.matches('mode')) {
      const word = args.next();
      const wanted = (['tun', 'tap'] as const).find((t) => matches(word, t));
      if (!wanted) throw new Exit(255, `Unknown tunnel mode "${word}"\n`);
      if (type !== null && type !== wanted) throw new Exit(255, 'You managed to ask for more than one tunnel mode.\n');
      type = wanted;
    } else if (owners && args.matches('user')) owner = identity(ctx, 'user', args.next());
    else if (owners && args.matches('group')) group = identity(ctx, 'group', args.next());
    else if (args.matches('pi')) pi = true;
    else if (args.matches('one_queue')) oneQueue = true;
    else if (args.matches('vnet_hdr')) vnetHdr = true;
    else if (args.matches('multi_queue')) multiQueue = true;
    else if (args.matches('dev')) {
      args.next();
      name = ifname('"dev" not a valid ifname');
    } else {
      if (args.matches('name')) args.next();
      else if (args.matches('help')) throw new Exit(255, TUNTAP_USAGE);
      if (name !== '') duparg2('name', args.word);
      name = ifname('"name" not a valid ifname');
    }
  }
  if (type === null) {
    ctx.complain('You failed to specify a tunnel mode\n');
    return 1;
  }
  return { name, options: { type, pi, vnetHdr, multiQueue, oneQueue, owner, group } };
}

function add(ctx: Ctx, words: readonly string[]): number {
  const r = parse(ctx, words, true);
  if (typeof r === 'number') return r;
  const made = newTun(ctx.ns, r.name || undefined, r.options);
  if (made.ok) return 0;
  ctx.complain(`ioctl(TUNSETIFF): ${strerror(made.errno)}\n`);
  return 1;
}

function del(ctx: Ctx, words: readonly string[]): number {
  const r = parse(ctx, words, false);
  if (typeof r === 'number') return r;
  const done = delTun(ctx.ns, r.name || undefined, r.options.type);
  if (done.ok) return 0;
  ctx.complain(`ioctl(TUNSETIFF): ${strerror(done.errno)}\n`);
  return 1;
}

function show(ctx: Ctx): number {
  const { pr } = ctx;
  ctx.newJson();
  for (const dev of ctx.ns.devices.values()) {
    const { data } = linkMsg(dev);
    if (data?.kind !== 'tun') continue;
    const o = data.options;
    pr.openObject();
    pr.any('ifname', dev.name, `${dev.name}:`, 'ifname');
    pr.openArray('flags');
    for (const [on, word] of [
      [true, o.type],
      [o.pi, 'pi'],
      [o.oneQueue, 'one_queue'],
      [o.multiQueue, 'multi_queue'],
      [o.vnetHdr, 'vnet_hdr'],
      [true, 'persist'],
      // The same bit as "no packet information", the other way round.
      [o.pi, 'filter'],
    ] as const) {
      if (on) pr.any(null, word, ` ${word}`);
    }
    pr.closeArray();
    if (o.owner >= 0) pr.any('user', o.owner, ` user ${o.owner}`);
    if (o.group >= 0) pr.any('group', o.group, ` group ${o.group}`);
    if (ctx.details > 0) {
      pr.fp(`${pr.sl}\tAttached to processes:`);
      pr.openArray('processes');
      pr.closeArray();
    }
    pr.fp('\n');
    pr.closeObject();
  }
  ctx.deleteJson();
  return 0;
}

function run(ctx: Ctx, words: readonly string[]): number {
  const verb = words[0];
  if (verb === undefined) return show(ctx);
  const rest = words.slice(1);
  if (matches(verb, 'add')) return add(ctx, rest);
  if (matches(verb, 'delete')) return del(ctx, rest);
  if (matches(verb, 'show') || matches(verb, 'lst') || matches(verb, 'list')) return show(ctx);
  if (matches(verb, 'help')) throw new Exit(255, TUNTAP_USAGE);
  throw new Exit(255, `Command "${verb}" is unknown, try "ip tuntap help".\n`);
}

export const tuntapObject: Verb = { name: 'tuntap', run };
