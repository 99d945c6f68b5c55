/** `type vxlan id …`. Models ip/iplink_vxlan.c */

import { VXLAN_DEFAULTS, type VxlanData, type VxlanOptions } from '../../../os/uapi.ts';
import { familyOf, formatIp, isMulticast, zeroOf } from '../../../wire/addr.ts';
import type { Ctx } from '../ctx.ts';
import { duparg2, Exit, invarg, matches, unsigned } from '../lib/args.ts';
import { getAddr } from '../lib/inet.ts';
import { dsfield } from './tunnel.ts';
import type { LinkType } from './types.ts';
import { TYPE_USAGE } from './usage.ts';

type Flags = VxlanData['options'];

/** Words that switch something on, with `no` before them off again. */
const SWITCHES: Record<string, keyof Flags> = {
  learning: 'learning',
  proxy: 'proxy',
  rsc: 'rsc',
  l2miss: 'l2miss',
  l3miss: 'l3miss',
  udpcsum: 'udpCsum',
  udp6zerocsumtx: 'zeroCsum6Tx',
  udp6zerocsumrx: 'zeroCsum6Rx',
  remcsumtx: 'remcsumTx',
  remcsumrx: 'remcsumRx',
  external: 'external',
  vnifilter: 'vnifilter',
};

/** As iproute2 tries them: a beginning of `nolearning` or `learning`, and so on; `vnifilter` in full. */
function switchOf(word: string): { name: keyof Flags; on: boolean } | null {
  for (const [full, name] of Object.entries(SWITCHES)) {
    if (full === 'vnifilter' ? word === 'novnifilter' : matches(word, `no${full}`)) return { name, on: false };
    if (full === 'vnifilter' ? word === full : matches(word, full)) return { name, on: true };
  }
  return null;
}

export const vxlan: LinkType = {
  name: 'vxlan',
  parse(ctx, args, req, create) {
    const o: Flags = {};
    const data: VxlanData = { kind: 'vxlan', options: o };
    let dstport: number | null = null;
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
        if (data.remote !== undefined && !isMulticast(data.remote)) return both(ctx);
        const a = getAddr(value('group'), 0);
        if (!isMulticast(a)) invarg('invalid group address', args.word);
        data.remote = a;
      } else if (args.matches('remote')) {
        if (data.remote !== undefined && isMulticast(data.remote)) return both(ctx);
        const a = getAddr(value('group'), 0);
        if (isMulticast(a)) invarg('invalid remote address', args.word);
        data.remote = a;
      } else if (args.matches('local')) {
        const a = getAddr(value('local'), 0);
        if (isMulticast(a)) invarg('invalid local address', args.word);
        data.local = a;
      } else if (args.matches('dev')) {
        const dev = ctx.device(value('dev'));
        if (!dev) throw new Exit(255, `Cannot find device "${args.word}"\n`);
        data.link = dev.ifindex;
        req.link = dev;
      } else if (args.matches('ttl', 'hoplimit')) {
        const word = value('ttl');
        if (word === 'inherit') o.ttlInherit = true;
        else {
          o.ttl = word === 'auto' ? 0 : (unsigned(word) ?? invarg('invalid TTL', word));
          if (o.ttl > 255) invarg('TTL must be <= 255', word);
        }
      } else if (args.matches('tos', 'dsfield')) {
        o.tos = dsfield(ctx, value('tos'));
      } else if (args.matches('df')) {
        const word = value('df');
        if (word !== 'unset' && word !== 'set' && word !== 'inherit') invarg("DF must be 'unset', 'set' or 'inherit'", word);
        o.df = word;
      } else if (args.matches('label', 'flowlabel')) {
        o.label = unsigned(value('flowlabel'), 0xfffff) ?? invarg('invalid flowlabel', args.word);
      } else if (args.matches('ageing')) {
        o.ageing = value('ageing') === 'none' ? 0 : (unsigned(args.word) ?? invarg('ageing timer', args.word));
      } else if (args.matches('maxaddress')) {
        o.limit = value('maxaddress') === 'unlimited' ? 0 : (unsigned(args.word) ?? invarg('max addresses', args.word));
      } else if (args.matches('port', 'srcport')) {
        value('srcport');
        const low = unsigned(args.word, 65535) ?? invarg('min port', args.word);
        const high = number('max port', 65535);
        if (low !== 0 || high !== 0) {
          o.srcportMin = low;
          o.srcportMax = high;
        }
      } else if (args.matches('dstport')) {
        dstport = unsigned(value('dstport'), 65535) ?? invarg('dst port', args.word);
      } else if (switchOf(args.word)) {
        const { name, on } = switchOf(args.word) as { name: keyof Flags; on: boolean };
        once(name);
        Object.assign(o, { [name]: on });
        if (name === 'external' && on) o.learning = false;
      } else if (args.matches('gbp')) {
        once('gbp');
        o.gbp = true;
      } else if (args.matches('gpe')) {
        once('gpe');
        o.gpe = true;
      } else if (args.matches('help')) {
        ctx.complain(TYPE_USAGE.vxlan as string);
        return 1;
      } else {
        ctx.complain(`vxlan: unknown command "${args.word}"?\n${TYPE_USAGE.vxlan}`);
        return 1;
      }
    }
    const refuse = (text: string): number => {
      ctx.complain(`vxlan: ${text}\n`);
      return 1;
    };
    if (!o.external && o.vnifilter) return refuse("vnifilter is valid only when 'external' is set");
    if (o.external && data.id !== undefined) return refuse("both 'external' and vni cannot be specified");
    if (!o.external && data.id === undefined && create) return refuse('missing virtual network identifier');
    if (data.remote !== undefined && isMulticast(data.remote) && data.link === undefined)
      return refuse("'group' requires 'dev' to be specified");
    if (dstport === null && o.gpe) dstport = 4790;
    else if (dstport === null && create) {
      ctx.complain(
        "vxlan: destination port not specified\nWill use Linux kernel default (non-standard value)\nUse 'dstport 4789' to get the IANA assigned value\nUse 'dstport 0' to get default and quiet this message\n",
      );
    }
    if (dstport) o.dstport = dstport;
    if (create) o.learning ??= true;
    req.data = data;
    return 0;
  },
  print(ctx, m) {
    const d = m.data;
    if (d?.kind !== 'vxlan') return;
    const { pr } = ctx;
    const o: Omit<VxlanOptions, 'vni'> = { ...VXLAN_DEFAULTS, ...d.options };
    const flag = (on: boolean, key: string, text = key): void => {
      if (on) pr.any(key, true, `${text} `);
    };
    flag(o.external, 'external');
    if (o.vnifilter) pr.any('vnifilter', true, 'vnifilter');
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
    pr.any('low', o.srcportMin, `srcport ${o.srcportMin} `);
    pr.any('high', o.srcportMax, `${o.srcportMax} `);
    pr.closeObject();
    pr.any('port', o.dstport, `dstport ${o.dstport} `);
    if (ctx.json) pr.jsonOnly('learning', o.learning);
    else if (!o.learning) pr.fp('nolearning ');
    flag(o.proxy, 'proxy');
    flag(o.rsc, 'rsc');
    flag(o.l2miss, 'l2miss');
    flag(o.l3miss, 'l3miss');
    const hex = (n: number): string => `0x${n.toString(16)}`;
    if (o.tos === 1) ctx.json ? pr.jsonOnly('tos', hex(1)) : pr.fp('tos inherit ');
    else if (o.tos) pr.any('tos', hex(o.tos), `tos ${hex(o.tos)} `);
    if (o.ttlInherit) pr.fp('ttl inherit ');
    else if (ctx.json || o.ttl) pr.any('ttl', o.ttl, `ttl ${o.ttl} `);
    else pr.fp('ttl auto ');
    if (o.df === 'unset') pr.jsonOnly('df', o.df);
    else pr.any('df', o.df, `df ${o.df} `);
    if (o.label) pr.any('label', hex(o.label), `flowlabel ${hex(o.label)} `);
    pr.any('ageing', o.ageing, o.ageing === 0 ? 'ageing none ' : `ageing ${o.ageing} `);
    if (o.limit) pr.any('limit', o.limit, `maxaddr ${o.limit} `);
    const onOff = (key: string, name: string, on: boolean): void => pr.any(key, on, `${on ? '' : 'no'}${name} `);
    onOff('udp_csum', 'udpcsum', o.udpCsum);
    onOff('udp_zero_csum6_tx', 'udp6zerocsumtx', o.zeroCsum6Tx);
    onOff('udp_zero_csum6_rx', 'udp6zerocsumrx', o.zeroCsum6Rx);
    flag(o.remcsumTx, 'remcsum_tx', 'remcsumtx');
    flag(o.remcsumRx, 'remcsum_rx', 'remcsumrx');
    flag(o.gbp, 'gbp');
    flag(o.gpe, 'gpe');
  },
};

function both(ctx: Ctx): number {
  ctx.complain('vxlan: both group and remote cannot be specified\n');
  return 1;
}
