/** `type geneve id …`. Models ip/iplink_geneve.c */

import type { GeneveData } from '../../../os/uapi.ts';
import { formatIp, isMulticast } from '../../../wire/addr.ts';
import { duparg2, invarg, unsigned } from '../lib/args.ts';
import { getAddr } from '../lib/inet.ts';
import { dsfield } from './tunnel.ts';
import type { LinkType } from './types.ts';
import { TYPE_USAGE } from './usage.ts';

const DF = ['unset', 'set', 'inherit'] as const;

export const geneve: LinkType = {
  name: 'geneve',
  parse(ctx, args, req, create) {
    const o: GeneveData['options'] = {};
    const seen = new Set<string>();
    const once = (name: string): void => {
      if (seen.has(name)) duparg2(name, args.word);
      seen.add(name);
    };
    const value = (name: string): string => {
      const word = args.next();
      once(name);
      return word;
    };
    const flag = (name: string, set: (on: boolean) => void): boolean => {
      if (!args.matches(name, `no${name}`)) return false;
      once(name);
      set(!args.word.startsWith('no'));
      return true;
    };
    for (; args.more; args.step()) {
      if (args.matches('id', 'vni')) {
        const n = unsigned(value('id'));
        if (n === null || n >= 1 << 24) invarg('invalid id', args.word);
        o.vni = n;
      } else if (args.matches('remote')) {
        const a = getAddr(value('remote'), 0);
        if (isMulticast(a)) invarg('invalid remote address', args.word);
        o.remote = a;
      } else if (args.matches('ttl', 'hoplimit')) {
        const word = value('ttl');
        o.ttl = word === 'inherit' ? 'inherit' : word === 'auto' ? 0 : ttl(word);
      } else if (args.matches('tos', 'dsfield')) o.tos = dsfield(ctx, value('tos'));
      else if (args.matches('df')) {
        const word = value('df');
        o.df = DF.find((d) => d === word) ?? invarg("DF must be 'unset', 'set' or 'inherit'", word);
      } else if (args.matches('label', 'flowlabel'))
        o.label = unsigned(value('flowlabel'), 0xfffff) ?? invarg('invalid flowlabel', args.word);
      else if (args.matches('dstport')) o.dstport = unsigned(value('dstport'), 65535) ?? invarg('dstport', args.word);
      else if (flag('external', (on) => (o.external = on))) continue;
      else if (flag('udpcsum', (on) => (o.udpCsum = on))) continue;
      else if (flag('udp6zerocsumtx', (on) => (o.zeroCsum6Tx = on))) continue;
      else if (flag('udp6zerocsumrx', (on) => (o.zeroCsum6Rx = on))) continue;
      else if (args.is('innerprotoinherit')) o.innerProtoInherit = true;
      else {
        if (!args.matches('help')) ctx.complain(`geneve: unknown command "${args.word}"?\n`);
        ctx.complain(TYPE_USAGE.geneve as string);
        return 1;
      }
    }
    const complain = (text: string): number => {
      ctx.complain(`geneve: ${text}\n`);
      return 1;
    };
    if (o.external && seen.has('id')) return complain("both 'external' and vni cannot be specified");
    if (!o.external) {
      if (!seen.has('id')) return complain('missing virtual network identifier');
      if (create && o.remote === undefined) return complain('remote link partner not specified');
    }
    if (o.dstport === 0) delete o.dstport;
    req.data = { kind: 'geneve', options: o };
    return 0;
  },
  print(ctx, m) {
    if (m.data?.kind !== 'geneve') return;
    const o = m.data.options;
    const { pr } = ctx;
    if (o.external) pr.any('external', true, 'external ');
    pr.any('id', o.vni ?? 0, `id ${o.vni ?? 0} `);
    if (o.remote) pr.any(typeof o.remote === 'number' ? 'remote' : 'remote6', formatIp(o.remote), `remote ${formatIp(o.remote)} `);
    if (o.ttl === 'inherit') pr.fp('ttl inherit ');
    else if (ctx.json || o.ttl) pr.any('ttl', o.ttl ?? 0, `ttl ${o.ttl} `);
    else pr.fp('ttl auto ');
    if (o.tos) {
      if (ctx.json || o.tos !== 1) pr.any('tos', `0x${o.tos.toString(16)}`, `tos 0x${o.tos.toString(16)} `);
      else pr.fp('tos inherit ');
    }
    if (o.df === 'unset') pr.jsonOnly('df', 'unset');
    else pr.any('df', o.df ?? 'unset', `df ${o.df} `);
    if (o.label) pr.any('label', `0x${o.label.toString(16)}`, `flowlabel 0x${o.label.toString(16)} `);
    pr.any('port', o.dstport ?? 6081, `dstport ${o.dstport ?? 6081} `);
    const onOff = (key: string, name: string, on: boolean | undefined): void => pr.any(key, on === true, `${on ? '' : 'no'}${name} `);
    // Each is told for the family it concerns; without a remote for both.
    const v6 = typeof o.remote === 'bigint';
    if (!v6) onOff('udp_csum', 'udpcsum', o.udpCsum);
    if (v6 || o.external) onOff('udp_zero_csum6_tx', 'udp6zerocsumtx', o.zeroCsum6Tx);
    onOff('udp_zero_csum6_rx', 'udp6zerocsumrx', o.zeroCsum6Rx);
    if (o.innerProtoInherit) pr.any('inner_proto_inherit', true, 'innerprotoinherit ');
  },
};

function ttl(word: string): number {
  const n = unsigned(word) ?? invarg('invalid TTL', word);
  return n > 255 ? invarg('TTL must be <= 255', word) : n;
}
