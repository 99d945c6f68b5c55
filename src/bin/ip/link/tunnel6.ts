/** `type ip6tnl`, `ip6gre`, `ip6gretap`: tunnels over IPv6. Models ip/link_ip6tnl.c, link_gre6.c */

import type { LinkMsg, Tunnel6Data } from '../../../os/uapi.ts';
import { formatIp, formatIp4, type Ip6 } from '../../../wire/addr.ts';
import type { Ctx } from '../ctx.ts';
import { Exit, invarg, unsigned } from '../lib/args.ts';
import { getAddr } from '../lib/inet.ts';
import { tunnelKey } from './tunnel.ts';
import type { LinkType } from './types.ts';
import { TYPE_USAGE } from './usage.ts';

const PROTOS: Readonly<Record<string, number>> = {
  'ipv6/ipv6': 41,
  ip6ip6: 41,
  'ip/ipv6': 4,
  'ipv4/ipv6': 4,
  ipip6: 4,
  ip4ip6: 4,
  'any/ipv6': 0,
  any: 0,
};

function type(kind: Tunnel6Data['kind']): LinkType {
  const gre = kind !== 'ip6tnl';
  return {
    name: kind,
    parse(ctx, args, req) {
      const p: Tunnel6Data['parms'] = {};
      const hex = (max: number, msg: string): number | 'inherit' => {
        const word = args.next();
        if (word === 'inherit') return word;
        const n = /^(0x)?[0-9a-f]+$/i.test(word) ? Number.parseInt(word, 16) : -1;
        return n >= 0 && n <= max ? n : invarg(msg, word);
      };
      for (; args.more; args.step()) {
        if (!gre && args.matches('mode')) p.proto = PROTOS[args.next()] ?? invarg('Cannot guess tunnel mode.', args.word);
        else if (args.is('remote')) p.remote = getAddr(args.next(), 6) as Ip6;
        else if (args.is('local')) p.local = getAddr(args.next(), 6) as Ip6;
        else if (args.matches('dev')) {
          const dev = ctx.device(args.next());
          if (!dev) throw new Exit(1, `Cannot find device "${args.word}"\n`);
          p.link = dev;
        } else if (args.is('hoplimit', 'ttl', 'hlim')) {
          p.hopLimit = args.next() === 'inherit' ? 0 : (unsigned(args.word, 255) ?? invarg('invalid HLIM\n', args.word));
        } else if (args.is('encaplimit')) {
          p.encapLimit = args.next() === 'none' ? null : (unsigned(args.word, 255) ?? invarg('invalid ELIM', args.word));
        } else if (args.is('tclass', 'tc', 'tos', 'traffic_class') || args.matches('dsfield')) p.trafficClass = hex(0xff, 'invalid TClass');
        else if (args.is('flowlabel', 'fl')) p.flowLabel = hex(0xfffff, 'invalid Flowlabel');
        else if (args.is('dscp')) {
          if (args.next() !== 'inherit') invarg('not inherit', args.word);
          p.dscpInherit = true;
        } else if (args.is('allow-localremote', 'noallow-localremote')) p.allowLocalRemote = args.is('allow-localremote');
        else if (args.is('fwmark')) p.fwmark = unsigned(args.next()) ?? invarg('invalid fwmark\n', args.word);
        else if (args.is('external')) p.external = true;
        else if (gre && args.is('key')) p.ikey = p.okey = tunnelKey('key', args.next());
        else if (gre && args.is('ikey')) p.ikey = tunnelKey('ikey', args.next());
        else if (gre && args.is('okey')) p.okey = tunnelKey('okey', args.next());
        else if (args.is('noencap')) continue;
        else if (args.is('encap', 'encap-sport', 'encap-dport', 'seq', 'iseq', 'oseq', 'csum', 'icsum', 'ocsum')) {
          ctx.complain(`ip link: option "${args.word}" is not emulated\n`);
          return 1;
        } else {
          ctx.complain(TYPE_USAGE[kind] as string);
          return 1;
        }
      }
      req.data = { kind, parms: p };
      if (p.link) req.link = p.link;
      return 0;
    },
    print: (ctx, m) => print(ctx, m, gre),
  };
}

function print(ctx: Ctx, m: LinkMsg, gre: boolean): void {
  const p = (m.data as Tunnel6Data).parms;
  const { pr } = ctx;
  if (p.external) pr.any('external', true, 'external ');
  const proto = p.proto === 4 ? 'ipip6' : p.proto === 41 ? 'ip6ip6' : 'any';
  if (!gre) pr.any('proto', proto, `${proto} `);
  for (const [name, a] of [
    ['remote', p.remote],
    ['local', p.local],
  ] as const) {
    const text = a ? formatIp(a) : 'any';
    pr.any(name, text, `${name} ${text} `);
  }
  if (p.link) pr.any('link', p.link.name, `dev ${p.link.name} `);
  if (ctx.json || p.hopLimit) pr.any('ttl', p.hopLimit ?? 64, `hoplimit ${p.hopLimit ?? 64} `);
  else pr.fp('hoplimit inherit ');
  if (p.encapLimit === null) pr.any('ip6_tnl_f_ign_encap_limit', true, 'encaplimit none ');
  else pr.any('encap_limit', p.encapLimit ?? 4, `encaplimit ${p.encapLimit ?? 4} `);
  if (p.trafficClass === 'inherit') pr.any('ip6_tnl_f_use_orig_tclass', true, 'tclass inherit ');
  else {
    const text = `0x${(p.trafficClass ?? 0).toString(16).padStart(2, '0')}`;
    pr.any('tclass', text, `tclass ${text} `);
  }
  if (p.flowLabel === 'inherit') pr.any('ip6_tnl_f_use_orig_flowlabel', true, 'flowlabel inherit ');
  else {
    const text = `0x${(p.flowLabel ?? 0).toString(16).padStart(5, '0')}`;
    pr.any('flowlabel', text, `flowlabel ${text} `);
  }
  if (p.dscpInherit) pr.any('ip6_tnl_f_rcv_dscp_copy', true, 'dscp inherit ');
  if (gre) {
    for (const name of ['ikey', 'okey'] as const) {
      const key = p[name] ?? null;
      if (key !== null) pr.any(name, formatIp4(key), `${name} ${formatIp4(key)} `);
    }
  }
  if (p.allowLocalRemote) pr.any('ip6_tnl_f_allow_local_remote', true, 'allow-localremote ');
  if (p.fwmark) pr.any('fwmark', `0x${p.fwmark.toString(16)}`, `fwmark 0x${p.fwmark.toString(16)} `);
}

export const tunnel6Types: readonly LinkType[] = (['ip6tnl', 'ip6gre', 'ip6gretap'] as const).map(type);
