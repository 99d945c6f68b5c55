/** `type ipip`, `sit`, `gre`, `gretap`: tunnels over IPv4. Models ip/link_iptnl.c, link_gre.c */

import type { LinkMsg, TunnelData } from '../../../os/uapi.ts';
import { formatIp4, type Ip4, isMulticast, parseIp4 } from '../../../wire/addr.ts';
import type { Ctx } from '../ctx.ts';
import { type Args, Exit, invarg, unsigned } from '../lib/args.ts';
import { getAddr } from '../lib/inet.ts';
import type { LinkType } from './types.ts';
import { TYPE_USAGE } from './usage.ts';

type Kind = TunnelData['kind'];
export type Parms = TunnelData['parms'];

const IPIP = 4;
const IPV6 = 41;
const MPLS = 137;

/** Word after `mode`, by kind. */
function mode(kind: Kind, word: string): number {
  if (kind === 'sit' && (word === 'ipv6/ipv4' || word === 'ip6ip')) return IPV6;
  if (['ipv4/ipv4', 'ipip', 'ip4ip4'].includes(word)) return IPIP;
  if (['mpls/ipv4', 'mplsip'].includes(word)) return MPLS;
  if (['any/ipv4', 'any'].includes(word)) return 0;
  return invarg('Cannot guess tunnel mode.', word);
}

/** A dotted quad or a number. */
export function tunnelKey(name: string, word: string): number {
  if (word.includes('.'))
    return parseIp4(word) ?? invarg(`invalid value for "${name}": "${word}"; it should be an unsigned integer\n`, word);
  const n = unsigned(word);
  if (n === null) throw new Exit(255, `invalid value for "${name}": "${word}"; it should be an unsigned integer\n`);
  return n;
}

/** `inherit`, a name of rt_dsfield, or hexadecimal. */
export function dsfield(ctx: Ctx, word: string): number {
  if (word === 'inherit') return 1;
  return ctx.names.dsfields.number(word) ?? readHex(word) ?? invarg('bad TOS value', word);
}

function readHex(word: string): number | null {
  return /^(0x)?[0-9a-f]{1,2}$/i.test(word) ? Number.parseInt(word, 16) : null;
}

/** `fou` and `gue` headers have no counterpart here. */
const ENCAP = ['encap', 'encap-sport', 'encap-dport'];
const ENCAP_FLAGS = ['encap-csum', 'noencap-csum', 'encap-udp6-csum', 'noencap-udp6-csum', 'encap-remcsum', 'noencap-remcsum'];

/** What all of them share; false when the word is none of it. `prefix`: words may be cut short. */
function common(ctx: Ctx, args: Args, p: Parms, prefix: boolean): boolean {
  const is = (...names: string[]): boolean => (prefix ? args.matches(...names) : args.is(...names));
  if (is('nopmtudisc')) p.pmtudisc = false;
  else if (is('pmtudisc')) p.pmtudisc = true;
  else if (is('remote')) p.remote = getAddr(args.next(), 4) as Ip4;
  else if (is('local')) p.local = getAddr(args.next(), 4) as Ip4;
  else if (args.matches('dev')) {
    const dev = ctx.device(args.next());
    if (!dev) throw new Exit(1, `Cannot find device "${args.word}"\n`);
    p.link = dev;
  } else if (is('ttl', 'hoplimit', 'hlim'))
    p.ttl = args.next() === 'inherit' ? 0 : (unsigned(args.word, 255) ?? invarg('invalid TTL\n', args.word));
  else if (is('tos', 'tclass', 'tc') || args.matches('dsfield')) p.tos = dsfield(ctx, args.next());
  else if (args.is('external')) p.external = true;
  else if (args.is('fwmark')) p.fwmark = unsigned(args.next()) ?? invarg('invalid fwmark\n', args.word);
  else return false;
  return true;
}

function refused(ctx: Ctx, args: Args): boolean {
  if (args.is('noencap')) return false;
  if (args.is('encap') && args.peek === 'none') return false;
  if (!args.is(...ENCAP, ...ENCAP_FLAGS, '6rd-prefix', '6rd-relay_prefix', '6rd-reset')) return false;
  ctx.complain(`ip link: option "${args.word}" is not emulated\n`);
  return true;
}

const SIDES = [
  ['', ['i', 'o']],
  ['i', ['i']],
  ['o', ['o']],
] as const;

/** GRE's flags: `key`, `ikey`, `okey`, `seq` … and their negations. */
function greFlag(args: Args, p: Parms): boolean {
  for (const what of ['key', 'seq', 'csum'] as const) {
    for (const [name, sides] of SIDES) {
      const on = args.matches(`${name}${what}`);
      if (!on && !args.matches(`no${name}${what}`)) continue;
      const value = what === 'key' ? (on ? tunnelKey(`${name}key`, args.next()) : null) : on;
      for (const side of sides) Object.assign(p, { [`${side}${what}`]: value });
      return true;
    }
  }
  return false;
}

function tunnelType(kind: Kind): LinkType {
  const gre = kind === 'gre' || kind === 'gretap';
  return {
    name: kind,
    parse(ctx, args, req) {
      const p: Parms = {};
      for (; args.more; args.step()) {
        if (!gre && args.is('mode')) p.proto = mode(kind, args.next());
        else if (kind === 'sit' && args.is('isatap')) p.isatap = true;
        else if (gre && greFlag(args, p)) continue;
        else if (common(ctx, args, p, gre)) continue;
        else if (gre && args.is('ignore-df', 'noignore-df')) p.ignoreDf = args.is('ignore-df');
        else if (args.is('noencap')) continue;
        else if (args.is('encap') && args.peek === 'none') args.step();
        else if (refused(ctx, args)) return 1;
        else {
          ctx.complain(TYPE_USAGE[kind] as string);
          return 1;
        }
      }
      if (!gre && p.ttl && p.pmtudisc === false) throw new Exit(255, 'ttl != 0 and nopmtudisc are incompatible\n');
      if (gre && p.remote !== undefined && isMulticast(p.remote)) {
        p.ikey ??= p.remote;
        p.okey ??= p.remote;
        if (!p.local) {
          ctx.complain('A broadcast tunnel requires a source address.\n');
          return 1;
        }
      }
      // sit by itself carries what it is told to: any, when nothing was said.
      if (!gre) p.proto ??= 0;
      req.data = { kind, parms: p };
      if (p.link) req.link = p.link;
      return 0;
    },
    print: (ctx, m) => print(ctx, m, gre),
  };
}

const PROTO_NAMES: Readonly<Record<number, string>> = { [IPIP]: 'ipip', [IPV6]: 'ip6ip', [MPLS]: 'mplsip', 0: 'any' };

function print(ctx: Ctx, m: LinkMsg, gre: boolean): void {
  const p = (m.data as TunnelData).parms;
  const { pr } = ctx;
  if (p.external) pr.any('external', true, 'external ');
  if (!gre) pr.any('proto', PROTO_NAMES[p.proto ?? 0] ?? 'any', `${PROTO_NAMES[p.proto ?? 0] ?? 'any'} `);
  const end = (name: string, a: Ip4 | undefined): void => {
    const text = a ? formatIp4(a) : 'any';
    if (ctx.json && !a) pr.jsonOnly(name, 'any');
    else pr.any(name, text, `${name} ${text} `);
  };
  end('remote', p.remote);
  end('local', p.local);
  if (p.link) pr.any('link', p.link.name, `dev ${p.link.name} `);
  if (ctx.json || p.ttl) pr.any('ttl', p.ttl ?? 0, `ttl ${p.ttl} `);
  else pr.fp('ttl inherit ');
  if (p.tos) {
    if (ctx.json || p.tos !== 1) pr.any('tos', `0x${p.tos.toString(16)}`, `tos 0x${p.tos.toString(16)} `);
    else pr.fp('tos inherit ');
  }
  if (gre) {
    if (p.pmtudisc === false) pr.any('pmtudisc', false, 'nopmtudisc ');
    else pr.jsonOnly('pmtudisc', true);
    if (p.ignoreDf) pr.any('ignore_df', true, 'ignore-df ');
    for (const name of ['ikey', 'okey'] as const) {
      const key = p[name] ?? null;
      if (key !== null) pr.any(name, formatIp4(key), `${name} ${formatIp4(key)} `);
    }
    for (const name of ['iseq', 'oseq', 'icsum', 'ocsum'] as const) if (p[name]) pr.any(name, true, `${name} `);
  } else {
    pr.any('pmtudisc', p.pmtudisc !== false, p.pmtudisc === false ? 'nopmtudisc ' : 'pmtudisc ');
    if (p.isatap) pr.any('isatap', true, 'isatap ');
  }
  if (p.fwmark) pr.any('fwmark', `0x${p.fwmark.toString(16)}`, `fwmark 0x${p.fwmark.toString(16)} `);
}

export const tunnelTypes: readonly LinkType[] = (['ipip', 'sit', 'gre', 'gretap'] as const).map(tunnelType);
