/** `type vxlan id …`. Models ip/iplink_vxlan.c */

import type { VxlanData } from '../../../os/uapi.ts';
import { familyOf, formatIp, isMulticast, zeroOf } from '../../../wire/addr.ts';
import { duparg2, invarg, unsigned } from '../lib/args.ts';
import { getAddr } from '../lib/inet.ts';
import type { LinkType } from './types.ts';
import { TYPE_USAGE } from './usage.ts';

/** Options without effect here; their defaults are what the emulated device does. */
const IGNORED = [
  'noproxy',
  'norsc',
  'nol2miss',
  'nol3miss',
  'noudp6zerocsumtx',
  'noudp6zerocsumrx',
  'noremcsumtx',
  'noremcsumrx',
  'noexternal',
  'novnifilter',
];

export const vxlan: LinkType = {
  name: 'vxlan',
  parse(ctx, args, req, create) {
    const data: VxlanData = { kind: 'vxlan' };
    const seen = new Set<string>();
    const once = (name: string): void => {
      if (seen.has(name)) duparg2(name, args.word);
      seen.add(name);
    };
    const number = (msg: string, max: number): number => unsigned(args.next(), max) ?? invarg(msg, args.word);
    /** The value of an option that may be given once; the complaint names the value. */
    const value = (name: string): string => {
      args.next();
      once(name);
      return args.word;
    };
    for (; args.more; args.step()) {
      if (args.matches('id', 'vni')) {
        const n = unsigned(value('id'));
        if (n === null || n >= 1 << 24) invarg('invalid id', args.word);
        data.id = n;
      } else if (args.matches('group')) {
        const a = getAddr(value('group'), 0);
        if (!isMulticast(a)) invarg('invalid group address', args.word);
        data.remote = a;
      } else if (args.matches('remote')) {
        const a = getAddr(value('group'), 0);
        if (isMulticast(a)) invarg('invalid remote address', args.word);
        data.remote = a;
      } else if (args.matches('local')) {
        const a = getAddr(value('local'), 0);
        if (isMulticast(a)) invarg('invalid local address', args.word);
        data.local = a;
      } else if (args.matches('dev')) {
        const dev = ctx.device(value('dev'));
        if (!dev) return ctx.nodev(args.word);
        data.link = dev.ifindex;
        req.link = dev;
      } else if (args.matches('ttl', 'hoplimit')) {
        const word = value('ttl');
        data.ttl = word === 'inherit' || word === 'auto' ? 0 : (unsigned(word, 255) ?? invarg('invalid TTL', word));
      } else if (args.matches('tos', 'dsfield')) {
        data.tos = value('tos') === 'inherit' ? 1 : (unsigned(args.word, 255) ?? invarg('bad TOS value', args.word));
      } else if (args.matches('ageing')) {
        data.ageing = value('ageing') === 'none' ? 0 : (unsigned(args.word) ?? invarg('ageing timer', args.word));
      } else if (args.matches('port', 'srcport')) {
        once('srcport');
        data.srcportMin = number('min port', 65535);
        data.srcportMax = number('max port', 65535);
      } else if (args.matches('dstport')) {
        data.dstport = unsigned(value('dstport'), 65535) ?? invarg('dst port', args.word);
      } else if (args.is('nolearning')) {
        once('learning');
        data.learning = false;
      } else if (args.is('learning')) {
        once('learning');
        data.learning = true;
      } else if (args.is('udpcsum', 'noudpcsum')) {
        once('udpcsum');
        data.udpCsum = args.is('udpcsum');
      } else if (args.is(...IGNORED)) once(args.word);
      else if (args.is('proxy', 'rsc', 'l2miss', 'l3miss', 'external', 'gbp', 'gpe', 'df', 'flowlabel', 'maxaddress', 'vnifilter')) {
        ctx.complain(`vxlan: option "${args.word}" is not emulated\n`);
        return 1;
      } else if (args.matches('help')) {
        ctx.complain(TYPE_USAGE.vxlan as string);
        return 1;
      } else {
        ctx.complain(`vxlan: unknown command "${args.word}"?\n${TYPE_USAGE.vxlan}`);
        return 1;
      }
    }
    if (create && data.id === undefined) {
      ctx.complain('vxlan: missing virtual network identifier\n');
      return 1;
    }
    if (create && data.remote !== undefined && isMulticast(data.remote) && data.link === undefined) {
      ctx.complain("vxlan: 'group' requires 'dev' to be specified\n");
      return 1;
    }
    if (create && data.dstport === undefined) {
      ctx.complain(
        "vxlan: destination port not specified\nWill use Linux kernel default (non-standard value)\nUse 'dstport 4789' to get the IANA assigned value\nUse 'dstport 0' to get default and quiet this message\n",
      );
    }
    if (data.dstport === 0) data.dstport = 8472;
    req.data = data;
    return 0;
  },
  print(ctx, m) {
    const d = m.data;
    if (d?.kind !== 'vxlan') return;
    const { pr } = ctx;
    pr.any('id', d.id ?? 0, `id ${d.id} `);
    if (d.remote !== undefined && d.remote !== zeroOf(familyOf(d.remote))) {
      const word = isMulticast(d.remote) ? 'group' : 'remote';
      pr.any(typeof d.remote === 'number' ? word : `${word}6`, formatIp(d.remote), `${word} ${formatIp(d.remote)} `);
    }
    if (d.local !== undefined && d.local !== zeroOf(familyOf(d.local))) {
      pr.any(typeof d.local === 'number' ? 'local' : 'local6', formatIp(d.local), `local ${formatIp(d.local)} `);
    }
    if (d.linkName !== undefined) pr.any('link', d.linkName, `dev ${d.linkName} `);
    pr.openObject('port_range');
    pr.any('low', d.srcportMin ?? 0, `srcport ${d.srcportMin ?? 0} `);
    pr.any('high', d.srcportMax ?? 0, `${d.srcportMax ?? 0} `);
    pr.closeObject();
    pr.any('port', d.dstport ?? 8472, `dstport ${d.dstport ?? 8472} `);
    if (ctx.json) pr.jsonOnly('learning', d.learning !== false);
    else if (d.learning === false) pr.fp('nolearning ');
    if (d.tos)
      pr.any('tos', d.tos === 1 ? 'inherit' : `0x${d.tos.toString(16)}`, d.tos === 1 ? 'tos inherit ' : `tos 0x${d.tos.toString(16)} `);
    if (d.ttl) pr.any('ttl', d.ttl, `ttl ${d.ttl} `);
    else pr.fp('ttl auto ');
    pr.jsonOnly('df', 'unset');
    if (d.ageing === 0) pr.any('ageing', 0, 'ageing none ');
    else pr.any('ageing', d.ageing ?? 300, `ageing ${d.ageing ?? 300} `);
    const onOff = (key: string, name: string, on: boolean): void => pr.any(key, on, `${on ? '' : 'no'}${name} `);
    onOff('udp_csum', 'udpcsum', d.udpCsum !== false);
    onOff('udp_zero_csum6_tx', 'udp6zerocsumtx', false);
    onOff('udp_zero_csum6_rx', 'udp6zerocsumrx', false);
  },
};
