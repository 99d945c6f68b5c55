/** ip maddress: multicast addresses of devices. Models ip/ipmaddr.c */

import type { NetDevice } from '../../os/uapi.ts';
import { formatMac } from '../../wire/mac.ts';
import type { Ctx, Verb } from './ctx.ts';
import { Args, Exit, matches } from './lib/args.ts';
import { MADDR_USAGE } from './usage.ts';

/** Group memberships of a device: what its state and addresses imply (all hosts, solicited-node). */
function groups(dev: NetDevice): { link: string[]; inet: string[]; inet6: string[] } {
  const inet = dev.up && (dev.kind !== 'loopback' || dev.addrs4.length > 0) ? ['224.0.0.1'] : [];
  const inet6: string[] = [];
  if (dev.ns.sysctl.conf6(dev, 'disable_ipv6') === 0) {
    for (const a of dev.addrs6) {
      const low = Number((a.local as bigint) & 0xffffffn)
        .toString(16)
        .padStart(6, '0');
      inet6.unshift(`ff02::1:ff${low.slice(0, 2)}:${Number.parseInt(low.slice(2), 16).toString(16)}`);
    }
  }
  if (dev.up && dev.kind === 'bridge') {
    inet.push('224.0.0.106');
    inet6.push('ff02::6a');
  }
  inet6.push('ff02::1', 'ff01::1');
  return { link: dev.mc.list().map(formatMac), inet, inet6 };
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
    pr.any('ifindex', dev.ifindex, `${dev.ifindex}:`);
    pr.any('ifname', dev.name, `\t${dev.name}`, 'ifname');
    pr.nl();
    pr.openArray('maddr');
    for (const [family, address] of list) {
      pr.openObject();
      pr.any(family === 'link' ? 'link' : 'family', family === 'link' ? address : family, `\t${family.padEnd(5)} ${address}`);
      if (family !== 'link') pr.jsonOnly('address', address);
      pr.nl();
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
    if (matches(verb, 'add') || matches(verb, 'delete')) {
      ctx.complain(`ip maddress ${verb}: not emulated\n`);
      return 1;
    }
    throw new Exit(255, `Command "${verb}" is unknown, try "ip maddr help".\n`);
  },
};
