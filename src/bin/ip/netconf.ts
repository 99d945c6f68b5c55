/** ip netconf: settings that rtnetlink tells of. Models ip/ipnetconf.c */

import type { NetDevice } from '../../os/uapi.ts';
import type { Ctx, Verb } from './ctx.ts';
import { Args, Exit, matches } from './lib/args.ts';
import { NETCONF_USAGE } from './usagemore.ts';

type Where = NetDevice | 'all' | 'default';

const RP_FILTER = ['off', 'strict', 'loose'];

function printNetconf(ctx: Ctx, family: 4 | 6, where: Where): void {
  const { pr } = ctx;
  const s = ctx.ns.sysctl;
  const get = (name: string): number => (family === 4 ? s.conf4(where, name) : s.conf6(where, name));
  const onOff = (key: string, name: string): void => pr.any(key, get(name) !== 0, `${key} ${get(name) ? 'on' : 'off'} `);
  const inet = family === 4 ? 'inet' : 'inet6';
  const name = typeof where === 'string' ? where : where.name;
  pr.openObject();
  pr.any('family', inet, `${inet} `);
  pr.any('interface', name, `${name} `);
  onOff('forwarding', 'forwarding');
  if (family === 4) {
    const rp = RP_FILTER[get('rp_filter')] ?? 'off';
    pr.any('rp_filter', rp, `rp_filter ${rp} `);
  }
  onOff('mc_forwarding', 'mc_forwarding');
  onOff('proxy_neigh', family === 4 ? 'proxy_arp' : 'proxy_ndp');
  onOff('ignore_routes_with_linkdown', 'ignore_routes_with_linkdown');
  pr.closeObject();
  pr.fp('\n');
}

function show(ctx: Ctx, words: readonly string[]): number {
  const args = new Args(words);
  let dev: NetDevice | null = null;
  for (; args.more; args.step()) {
    if (!args.is('dev')) continue;
    const name = args.next();
    const found = ctx.device(name);
    if (!found) throw new Exit(1, `Device "${name}" does not exist.\n`);
    dev = found;
  }
  ctx.newJson();
  for (const family of [4, 6] as const) {
    if (ctx.family !== 0 && ctx.family !== family) continue;
    const all: Where[] = dev ? [dev] : [...ctx.ns.devices.values(), 'all', 'default'];
    for (const where of all) printNetconf(ctx, family, where);
  }
  ctx.deleteJson();
  return 0;
}

export const netconfObject: Verb = {
  name: 'netconf',
  run(ctx, words) {
    const verb = words[0];
    if (verb === undefined) return show(ctx, []);
    if (matches(verb, 'show') || matches(verb, 'list') || matches(verb, 'lst')) return show(ctx, words.slice(1));
    if (matches(verb, 'help')) throw new Exit(255, NETCONF_USAGE);
    throw new Exit(255, `Command "${verb}" is unknown, try "ip netconf help".\n`);
  },
};
