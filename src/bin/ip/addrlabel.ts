/** ip addrlabel: labels of IPv6 prefixes. Models ip/ipaddrlabel.c */

import { addAddrLabel, delAddrLabel, listAddrLabels, type NetDevice } from '../../os/uapi.ts';
import { formatIp, type Prefix } from '../../wire/addr.ts';
import type { Ctx, Verb } from './ctx.ts';
import { Args, Exit, invarg, matches, unsigned } from './lib/args.ts';
import { getPrefix, toPrefix } from './lib/inet.ts';
import { ADDRLABEL_USAGE } from './usagemore.ts';

function list(ctx: Ctx): number {
  const { pr } = ctx;
  ctx.newJson();
  for (const l of listAddrLabels(ctx.ns)) {
    pr.openObject();
    pr.any('address', formatIp(l.prefix.addr), `prefix ${formatIp(l.prefix.addr)}`, 'inet6');
    pr.any('prefixlen', l.prefix.len, `/${l.prefix.len} `);
    if (l.dev) pr.any('ifname', l.dev.name, `${l.dev.name} `, 'ifname', 'dev ');
    pr.any('label', l.label, `label ${l.label} `);
    pr.fp('\n');
    pr.closeObject();
  }
  ctx.deleteJson();
  return 0;
}

function modify(ctx: Ctx, words: readonly string[], add: boolean): number {
  const args = new Args(words);
  let prefix: Prefix | null = null;
  let dev: NetDevice | null = null;
  let devName: string | null = null;
  let label: number | null = null;
  for (; args.more; args.step()) {
    if (args.is('prefix')) prefix = toPrefix(getPrefix(args.next(), ctx.family));
    else if (args.is('dev')) devName = args.next();
    else if (args.is('label')) label = unsigned(args.next()) ?? invarg('bad label value', args.word);
  }
  if (devName !== null) {
    dev = ctx.device(devName) ?? null;
    if (!dev) invarg('dev is invalid', devName);
  }
  const missing = !prefix ? 'prefix' : label === null ? 'label' : null;
  if (missing || !prefix) {
    ctx.complain(`Not enough information: "${missing}" argument is required.\n`);
    return 1;
  }
  if (typeof prefix.addr === 'number') return ctx.talk({ ok: false, errno: 'EINVAL' });
  return ctx.talk(add ? addAddrLabel(ctx.ns, prefix, dev, label as number) : delAddrLabel(ctx.ns, prefix, dev));
}

function flush(ctx: Ctx): number {
  for (const l of listAddrLabels(ctx.ns)) delAddrLabel(ctx.ns, l.prefix, l.dev);
  return 0;
}

export const addrlabelObject: Verb = {
  name: 'addrlabel',
  run(ctx, words) {
    const verb = words[0];
    if (verb === undefined) return list(ctx);
    if (matches(verb, 'list') || matches(verb, 'show')) return list(ctx);
    if (matches(verb, 'add')) return modify(ctx, words.slice(1), true);
    if (matches(verb, 'delete')) return modify(ctx, words.slice(1), false);
    if (matches(verb, 'flush')) return flush(ctx);
    if (matches(verb, 'help')) throw new Exit(255, ADDRLABEL_USAGE);
    throw new Exit(255, `Command "${verb}" is unknown, try "ip addrlabel help".\n`);
  },
};
