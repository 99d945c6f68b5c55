/** ip maddress: multicast addresses of devices. Models ip/ipmaddr.c */

import { groups, type NetDevice } from '../../os/uapi.ts';
import { type Mac, parseMac } from '../../wire/mac.ts';
import type { Ctx, Verb } from './ctx.ts';
import { Args, duparg, Exit, matches } from './lib/args.ts';
import { getLladdr } from './lib/inet.ts';
import { MADDR_USAGE } from './usage.ts';

function printHead(ctx: Ctx, dev: NetDevice): void {
  if (ctx.pr.json) {
    ctx.pr.jsonOnly('ifindex', dev.ifindex);
    ctx.pr.jsonOnly('ifname', dev.name);
    return;
  }
  ctx.pr.any('ifindex', dev.ifindex, `${dev.ifindex}:`);
  ctx.pr.any('ifname', dev.name, `\t${dev.name}`, 'ifname');
  ctx.pr.nl();
}

/** Link-layer groups that a user joined (`static`). */
const byHand = new WeakMap<NetDevice, Set<Mac>>();

/** SIOCADDMULTI, SIOCDELMULTI */
function modify(ctx: Ctx, words: readonly string[], add: boolean): number {
  const args = new Args(words);
  let name: string | null = null;
  let address: string | null = null;
  for (; args.more; args.step()) {
    if (args.is('dev')) {
      if (name !== null) duparg('dev', args.next());
      name = args.next();
    } else {
      if (args.matches('address')) args.next();
      if (args.matches('help')) throw new Exit(255, MADDR_USAGE);
      if (address !== null) duparg('address', args.word);
      const { len } = getLladdr(args.word);
      if (len !== 6) {
        ctx.complain(`Error: Invalid address length ${len} - must be 6 bytes\n`);
        return 1;
      }
      address = args.word;
    }
  }
  if (name === null) throw new Exit(255, 'Not enough information: "dev" is required.\n');
  const dev = ctx.device(name);
  const mac = address === null ? null : getLladdr(address).mac;
  const refuse = (why: string): number => {
    ctx.complain(`ioctl: ${why}\n`);
    return 1;
  };
  if (!dev) return refuse('No such device');
  if (mac === null) return refuse('Invalid argument');
  const mine = byHand.get(dev) ?? new Set<Mac>();
  byHand.set(dev, mine);
  if (add) {
    if (mine.has(mac)) return refuse('File exists');
    mine.add(mac);
    dev.mc.add(mac);
    return 0;
  }
  if (!mine.delete(mac)) return refuse('No such file or directory');
  dev.mc.del(mac);
  return 0;
}

function show(ctx: Ctx, words: readonly string[]): number {
  const args = new Args(words);
  let only: string | null = null;
  for (; args.more; args.step()) {
    if (args.is('dev')) args.next();
    else if (args.matches('help')) throw new Exit(255, MADDR_USAGE);
    only = args.word;
  }
  const { pr } = ctx;
  ctx.newJson();
  for (const dev of ctx.ns.devices.values()) {
    if (only !== null && dev.name !== only) continue;
    const g = groups(dev);
    const list: [string, string][] = [
      ...(ctx.family === 0 || ctx.family === 17 ? g.link.map((a): [string, string] => ['link', a]) : []),
      ...(ctx.family === 0 || ctx.family === 4 ? g.inet.map((a): [string, string] => ['inet', a]) : []),
      ...(ctx.family === 0 || ctx.family === 6 ? g.inet6.map((a): [string, string] => ['inet6', a]) : []),
    ];
    if (list.length === 0) continue;
    pr.openObject();
    printHead(ctx, dev);
    pr.openArray('maddr');
    for (const [i, [family, address]] of list.entries()) {
      // With -o every address has a line of its own.
      if (pr.oneline && i > 0) printHead(ctx, dev);
      const mac = family === 'link' ? parseMac(address) : null;
      const users = mac === null ? (g.users.get(address) ?? 1) : dev.mc.users(mac);
      pr.openObject();
      pr.any(family === 'link' ? 'link' : 'family', family === 'link' ? address : family, `\t${family.padEnd(5)} ${address}`);
      if (family !== 'link') pr.jsonOnly('address', address);
      if (users > 1) pr.any('users', users, ` users ${users}`);
      if (mac !== null && byHand.get(dev)?.has(mac)) pr.any('static', null, ' static');
      pr.fp('\n');
      pr.closeObject();
    }
    pr.closeArray();
    pr.closeObject();
  }
  ctx.deleteJson();
  return 0;
}

export const maddressObject: Verb = {
  name: 'maddress',
  run(ctx, words) {
    const verb = words[0];
    if (verb === undefined) return show(ctx, []);
    if (matches(verb, 'show') || matches(verb, 'lst') || matches(verb, 'list')) return show(ctx, words.slice(1));
    if (matches(verb, 'help')) throw new Exit(255, MADDR_USAGE);
    if (matches(verb, 'add')) return modify(ctx, words.slice(1), true);
    if (matches(verb, 'delete')) return modify(ctx, words.slice(1), false);
    throw new Exit(255, `Command "${verb}" is unknown, try "ip maddr help".\n`);
  },
};
