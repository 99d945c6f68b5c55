/** ip token: interface identifiers for IPv6 autoconfiguration. Models ip/iptoken.c, inet6_set_iftoken() */

import { fail, IFF_NOARP, type NetDevice, ok, type Result } from '../../os/uapi.ts';
import { formatIp, type Ip6 } from '../../wire/addr.ts';
import type { Ctx, Verb } from './ctx.ts';
import { Args, duparg2, Exit, invarg, matches } from './lib/args.ts';
import { getPrefix } from './lib/inet.ts';
import { TOKEN_USAGE } from './usagemore.ts';

const tokens = new WeakMap<NetDevice, Ip6>();

function setToken(ctx: Ctx, dev: NetDevice, token: Ip6): Result {
  if (dev === ctx.ns.lo) return fail('EINVAL', 'Device is loopback');
  if (dev.flags & IFF_NOARP) return fail('EINVAL', 'Device does not do neighbour discovery');
  const { sysctl } = ctx.ns;
  const forwards = sysctl.conf6(dev, 'forwarding') !== 0;
  const acceptRa = sysctl.conf6(dev, 'accept_ra');
  if (forwards ? acceptRa !== 2 : acceptRa === 0) return fail('EINVAL', 'Router advertisement is disabled on device');
  if (sysctl.conf6(dev, 'router_solicitations') === 0) return fail('EINVAL', 'Router solicitation is disabled on device');
  tokens.set(dev, token & 0xffffffffffffffffn);
  return ok();
}

function list(ctx: Ctx, words: readonly string[]): number {
  const args = new Args(words);
  let only: NetDevice | null = null;
  for (; args.more; args.step()) {
    if (!args.is('dev')) continue;
    if (only) invarg('unknown', args.next());
    only = ctx.device(args.next()) ?? invarg('dev is invalid\n', args.word);
  }
  ctx.newJson();
  for (const dev of ctx.ns.devices.values()) {
    if (dev === ctx.ns.lo || dev.flags & IFF_NOARP || (only && dev !== only)) continue;
    const text = formatIp(tokens.get(dev) ?? 0n);
    ctx.pr.openObject();
    ctx.pr.any('token', text, `token ${text} `, 'inet6');
    ctx.pr.any('ifname', dev.name, `dev ${dev.name}`, 'ifname');
    ctx.pr.fp('\n');
    ctx.pr.closeObject();
  }
  ctx.deleteJson();
  return 0;
}

function set(ctx: Ctx, words: readonly string[], del: boolean): number {
  const args = new Args(words);
  let token: Ip6 | null = del ? 0n : null;
  let dev: NetDevice | null = null;
  for (; args.more; args.step()) {
    if (args.is('dev')) dev = ctx.device(args.next()) ?? invarg('dev is invalid\n', args.word);
    else {
      if (args.matches('help')) throw new Exit(255, TOKEN_USAGE);
      if (token !== null) duparg2('token', args.word);
      token = getPrefix(args.word, 6).addr as Ip6;
    }
  }
  const missing = token === null ? 'token' : dev === null ? 'dev' : null;
  if (token === null || dev === null) {
    ctx.complain(`Not enough information: ${missing === 'dev' ? '"dev" argument' : 'token'} is required.\n`);
    return 1;
  }
  return ctx.talk(setToken(ctx, dev, token));
}

export const tokenObject: Verb = {
  name: 'token',
  run(ctx, words) {
    const verb = words[0];
    if (verb === undefined) return list(ctx, []);
    if (matches(verb, 'list') || matches(verb, 'lst') || matches(verb, 'show')) return list(ctx, words.slice(1));
    if (matches(verb, 'set') || matches(verb, 'add')) return set(ctx, words.slice(1), false);
    if (matches(verb, 'get')) return list(ctx, words.slice(1));
    if (matches(verb, 'delete')) return set(ctx, words.slice(1), true);
    if (matches(verb, 'help')) throw new Exit(255, TOKEN_USAGE);
    throw new Exit(255, `Command "${verb}" is unknown, try "ip token help".\n`);
  },
};
