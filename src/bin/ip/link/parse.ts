/** The attributes of a link on the command line, for `ip link add|set` and for the peer of a veth. Models iplink_parse() */

import {
  IFF_ALLMULTI,
  IFF_DYNAMIC,
  IFF_MULTICAST,
  IFF_NOARP,
  IFF_NOTRAILERS,
  IFF_PROMISC,
  IFF_UP,
  type LinkAttrs,
} from '../../../os/uapi.ts';
import type { Ctx } from '../ctx.ts';
import { type Args, duparg, duparg2, Exit, integer, invarg, missarg, mustBeOneOf, unsigned, validIfname } from '../lib/args.ts';
import { getLladdr } from '../lib/inet.ts';
import { findNetns } from '../lib/netns.ts';
import { LINK_USAGE } from '../usage.ts';

export interface ParsedLink {
  attrs: LinkAttrs;
  dev: string | null;
  link: string | null;
  type: string | null;
}

const ADDR_GEN: readonly NonNullable<LinkAttrs['addrGenMode']>[] = ['eui64', 'none', 'stable_secret', 'random'];

/** `group` alone, without a device, is left to the caller: `dev` is null then. */
export function parseLink(ctx: Ctx, args: Args, create: boolean): ParsedLink | number {
  const a: LinkAttrs = {};
  let name: string | null = null;
  let dev: string | null = null;
  let link: string | null = null;
  let type: string | null = null;
  let addrLen = 0;
  const change = (bit: number, on: boolean): void => {
    a.set = on ? (a.set ?? 0) | bit : (a.set ?? 0) & ~bit;
    a.clear = on ? (a.clear ?? 0) & ~bit : (a.clear ?? 0) | bit;
  };
  const onOff = (key: string): boolean => {
    const word = args.next();
    if (word === 'on' || word === 'off') return word === 'on';
    throw new Exit(1, `Error: argument of "${key}" must be "on" or "off", not "${word}"\n`);
  };

  for (; args.more; args.step()) {
    if (args.is('up')) change(IFF_UP, true);
    else if (args.is('down')) change(IFF_UP, false);
    else if (args.is('name')) {
      const word = args.next();
      if (name !== null) duparg('name', word);
      if (!validIfname(word)) invarg('"name" not a valid ifname', word);
      name = word;
      dev ??= name;
    } else if (args.is('index')) {
      const n = integer(args.next());
      if (n === null || n <= 0) invarg('Invalid "index" value', args.word);
      a.index = n;
    } else if (args.matches('link')) link = args.next();
    else if (args.matches('address')) {
      const ll = getLladdr(args.next());
      addrLen = ll.len;
      if (ll.mac !== null) a.address = ll.mac;
    } else if (args.matches('broadcast') || args.is('brd')) {
      const ll = getLladdr(args.next());
      if (ll.mac !== null) a.broadcast = ll.mac;
    } else if (args.matches('txqueuelen', 'txqlen') || args.is('qlen')) {
      const word = args.next();
      if (a.txqlen !== undefined) duparg('txqueuelen', word);
      a.txqlen = integer(word) ?? invarg('Invalid "txqueuelen" value\n', word);
    } else if (args.is('mtu')) {
      const word = args.next();
      if (a.mtu !== undefined) duparg('mtu', word);
      a.mtu = integer(word) ?? invarg('Invalid "mtu" value\n', word);
    } else if (args.is('netns')) {
      const word = args.next();
      if (a.netns) duparg('netns', word);
      a.netns = findNetns(ctx.p, word) ?? invarg('Invalid "netns" value\n', word);
    } else if (args.is('multicast')) change(IFF_MULTICAST, onOff('multicast'));
    else if (args.is('allmulticast')) change(IFF_ALLMULTI, onOff('allmulticast'));
    else if (args.is('promisc')) change(IFF_PROMISC, onOff('promisc'));
    else if (args.is('arp')) change(IFF_NOARP, !onOff('arp'));
    else if (args.is('trailers')) change(IFF_NOTRAILERS, !onOff('trailers'));
    else if (args.is('carrier')) {
      const on = oneOfOnOff(ctx, args, 'carrier');
      if (on === null) return 22;
      a.carrier = on;
    } else if (args.is('vf')) {
      if (integer(args.next()) === null) invarg('Invalid "vf" value\n', args.word);
      if (dev === null) missarg('dev');
      readVf(args);
      a.vf = true;
    } else if (args.matches('master')) {
      const master = ctx.device(args.next());
      a.master = master ?? invarg('Device does not exist\n', args.word);
    } else if (args.is('vrf')) {
      const vrf = ctx.device(args.next());
      a.master = vrf && vrf.l3table !== 0 ? vrf : invarg('Not a valid VRF name\n', args.word);
    } else if (args.matches('nomaster')) a.master = null;
    else if (args.matches('dynamic')) change(IFF_DYNAMIC, onOff('dynamic'));
    else if (args.matches('type')) {
      type = args.next();
      args.step();
      break;
    } else if (args.matches('alias')) {
      const word = args.next();
      if (word.length >= 256) invarg('alias too long\n', word);
      a.alias = word;
    } else if (args.is('group')) {
      const word = args.next();
      if (a.group !== undefined) duparg('group', word);
      a.group = groupNumber(ctx, word);
    } else if (args.is('mode')) {
      const word = args.next().toLowerCase();
      const mode = (['default', 'dormant'] as const).find((m) => m === word);
      a.linkMode = mode ?? invarg('Invalid link mode\n', args.word);
    } else if (args.is('state')) {
      if (!OPERSTATES.includes(args.next().toLowerCase())) invarg('Invalid operstate\n', args.word);
    } else if (args.matches('numtxqueues')) a.numTxQueues = queues(args, 'numtxqueues');
    else if (args.matches('numrxqueues')) a.numRxQueues = queues(args, 'numrxqueues');
    else if (args.matches('addrgenmode')) {
      const word = args.next();
      const mode = ADDR_GEN.find((m) => m === word);
      a.addrGenMode = mode ?? invarg('Invalid address generation mode\n', word);
    } else if (args.is('protodown')) {
      const on = oneOfOnOff(ctx, args, 'protodown');
      if (on === null) return 22;
      a.protoDown = on;
    } else if (args.is('gso_max_size', 'gso_max_segs', 'gro_max_size')) {
      const what = args.word;
      const n = unsigned(args.next(), what === 'gso_max_segs' ? 65535 : 0xffffffff) ?? invarg(`Invalid "${what}" value\n`, args.word);
      if (what === 'gso_max_size') a.gsoMaxSize = n;
      else if (what === 'gso_max_segs') a.gsoMaxSegs = n;
      else a.groMaxSize = n;
    } else if (args.matches('link-netnsid')) {
      a.linkNetnsid = integer(args.next()) ?? invarg('Invalid "link-netnsid" value\n', args.word);
    } else if (args.matches('link-netns')) {
      if (!findNetns(ctx.p, args.next())) invarg('Invalid "link-netns" value\n', args.word);
    } else if (args.is('xdp', 'xdpgeneric', 'xdpdrv', 'xdpoffload')) {
      if (args.peek !== 'off' && args.peek !== 'none') {
        ctx.complain('ip link: XDP programs are not emulated\n');
        return 1;
      }
      args.next();
    } else if (args.is('protodown_reason', 'inet', 'parentdev')) {
      ctx.complain(`ip link: option "${args.word}" is not emulated\n`);
      return 1;
    } else {
      if (args.matches('help')) throw new Exit(255, LINK_USAGE);
      if (args.is('dev')) args.next();
      if (dev !== name) duparg2('dev', args.word);
      if (args.word.length >= 128 || /[/\s]/.test(args.word) || args.word === '') invarg('"dev" not a valid ifname', args.word);
      dev = args.word;
    }
  }

  if (name === null) name = dev;
  else if (dev === null) dev = name;

  if (dev !== null && addrLen > 0 && !create && ctx.device(dev) && addrLen !== 6) {
    ctx.complain(`Invalid address length ${addrLen} - must be 6 bytes\n`);
    return 1;
  }
  if (!create && a.index !== undefined && !a.netns)
    throw new Exit(255, 'index can be used only when creating devices or when moving device to another netns.\n');
  if (a.group !== undefined && dev === null) return { attrs: a, dev, link, type };
  if (!create) {
    if (dev === null) throw new Exit(255, 'Not enough information: "dev" argument is required.\n');
    if (!ctx.device(dev)) return ctx.nodev(dev);
    if (name !== null && name !== dev) a.name = name;
  } else {
    if (name !== dev) throw new Exit(255, 'both "name" and "dev" cannot be used when creating devices.\n');
    if (link !== null) {
      const lower = ctx.device(link);
      if (!lower) return ctx.nodev(link);
      a.link = lower;
    }
    if (name !== null) a.name = name;
  }
  return { attrs: a, dev, link, type };
}

const OPERSTATES = ['unknown', 'notpresent', 'down', 'lowerlayerdown', 'testing', 'dormant', 'up'];

/** parse_on_off(): null, and its complaint, when the word is neither; the program then ends with 22. */
function oneOfOnOff(ctx: Ctx, args: Args, key: string): boolean | null {
  const word = args.next();
  if (word === 'on' || word === 'off') return word === 'on';
  ctx.complain(mustBeOneOf(key, word, ['off', 'on']));
  return null;
}

/** strtol() into 32 bits. */
function groupNumber(ctx: Ctx, word: string): number {
  return (ctx.names.groups.number(word, Number.MAX_SAFE_INTEGER) ?? invarg('Invalid "group" value\n', word)) >>> 0;
}

const VF_WORDS = [
  'mac',
  'vlan',
  'qos',
  'proto',
  'rate',
  'max_tx_rate',
  'min_tx_rate',
  'spoofchk',
  'query_rss',
  'state',
  'trust',
  'node_guid',
  'port_guid',
];

/** Settings of a virtual function: word and value, over and over. */
function readVf(args: Args): void {
  while (args.peek !== undefined && VF_WORDS.includes(args.peek)) {
    args.step();
    args.next();
  }
}

function queues(args: Args, key: string): number {
  const n = integer(args.next());
  return n === null || n < 1 ? invarg(`Invalid "${key}" value\n`, args.word) : n;
}
