/** Targets DNAT, SNAT, MASQUERADE, REDIRECT, NETMAP. Models libxt_NAT.c, xt_nat.c, xt_MASQUERADE.c, xt_REDIRECT.c, xt_NETMAP.c */

import { formatIp, formatIp6, type IpAddr, parseIp4, parseIp6 } from '../../../../wire/addr.ts';
import { selectAddr } from '../../../ip/route.ts';
import type { Netns } from '../../../netns.ts';
import { type NatRange, natSetup } from '../../conntrack/nat.ts';
import { type ParseCx, Problem, type TargetExt, type TargetVerdict } from '../ext.ts';
import { servicePort } from '../names.ts';
import type { XtPacket } from '../packet.ts';
import { host, maskLen, number, mask as parseMask } from '../parse.ts';

export interface NatTarget {
  min: IpAddr | null;
  max: IpAddr | null;
  ports: { min: number; max: number; base?: number } | null;
  random: boolean;
  fullyRandom: boolean;
  persistent: boolean;
}

const PORT_PROTOS: readonly number[] = [6, 17, 132, 33, 1, 58];

function needPorts(cx: ParseCx): void {
  if (!PORT_PROTOS.includes(cx.proto) || cx.protoInvert) throw new Problem('Need TCP, UDP, SCTP or DCCP with port specification');
}

/** `/BASE` after a port range: DNAT shifts by it, SNAT of this kernel loses it, elsewhere it is an error. */
type Shift = 'yes' | 'ignored' | 'no';

/** `80`, `80-90`, `80-90/1000` (with a base, where the kernel shifts). */
function parsePorts(text: string, cx: ParseCx, shift: Shift): NonNullable<NatTarget['ports']> {
  if (/^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65535) return { min: Number(text), max: Number(text) };
  const [range, base] = text.split('/');
  const parts = (range as string).split('-');
  const named = servicePort(range as string, cx.proto) ?? servicePort(range as string, 6);
  const one = (t: string): number => {
    const n = number(t, 0, 65535) ?? named;
    if (n === null) throw new Problem(`Port \`${text}' not valid`);
    return n;
  };
  const first = parts[0] as string;
  let min: number;
  let max: number;
  if (named === null && parts.length === 2) {
    const low = number(first, 0, 65535);
    const high = number(parts[1] as string, 0, 65535);
    if (low === null) throw new Problem(`Port \`${/^\d+$/.test(first) ? first : text}' not valid`);
    if (high === null) throw new Problem(`Port \`${parts[1]}' not valid`);
    min = low;
    max = high;
    if (min > max) throw new Problem(`Port range \`${parts[1]}' funky`);
  } else {
    min = one(range as string);
    max = min;
  }
  if (base === undefined) return { min, max };
  if (shift === 'no' && parts.length < 2) throw new Problem(`Garbage after port value: \`/${base}'`);
  if (shift === 'no') throw new Problem('Shifted portmap ranges not supported with this kernel');
  if (shift === 'ignored') return { min, max, base: 0 };
  const b = number(base, 1, 65535) ?? servicePort(base, cx.proto);
  if (b === null) throw new Problem(`Port \`${base}' not valid`);
  return { min, max, base: b };
}

/** `1.2.3.4`, `1.2.3.4-1.2.3.9`, with `:ports`; IPv6 with ports in brackets. */
function parseTo(o: NatTarget, arg: string, cx: ParseCx, shift: Shift): void {
  let hosts = arg;
  let colon = arg.indexOf(':');
  const open = arg.indexOf('[');
  if (open >= 0) {
    const close = arg.indexOf(']', open);
    if (close < 0 || cx.family === 4) throw new Problem('Invalid address format');
    hosts = arg.slice(open + 1, close);
    colon = arg.indexOf(':', close);
  } else if (colon >= 0 && arg.includes(':', colon + 1)) colon = -1;
  if (colon >= 0) {
    needPorts(cx);
    o.ports = parsePorts(arg.slice(colon + 1), cx, shift);
    // `:80` and `[]:80` say nothing about addresses.
    if (colon === 0 || colon === 2) return;
    if (open < 0) hosts = arg.slice(0, colon);
  }
  const [low, high] = hosts.split('-');
  const parse = cx.family === 4 ? parseIp4 : parseIp6;
  const min = parse(low as string);
  if (min === null) throw new Problem(`Bad IP address "${low}"`);
  const max = high === undefined ? min : parse(high);
  if (max === null) throw new Problem(`Bad IP address "${high}"`);
  o.min = min;
  o.max = max;
}

function portText(p: NonNullable<NatTarget['ports']>): string {
  return `${p.min}${p.max !== p.min ? `-${p.max}` : ''}${p.base !== undefined ? `/${p.base}` : ''}`;
}

function toText(o: NatTarget): string {
  let s = '';
  if (o.min !== null) {
    const brackets = typeof o.min === 'bigint' && o.ports !== null;
    s = brackets ? `[${formatIp6(o.min as bigint)}` : formatIp(o.min);
    if (o.max !== null && o.max !== o.min) s += `-${formatIp(o.max)}`;
    if (brackets) s += ']';
  }
  return o.ports ? `${s}:${portText(o.ports)}` : s;
}

const flagsText = (o: NatTarget, dashes: string): string =>
  (o.random ? ` ${dashes}random` : '') + (o.fullyRandom ? ` ${dashes}random-fully` : '') + (o.persistent ? ` ${dashes}persistent` : '');

function nftFlags(o: NatTarget): string {
  const flags = [o.random ? 'random' : '', o.fullyRandom ? 'fully-random' : '', o.persistent ? 'persistent' : ''].filter((f) => f !== '');
  return flags.length > 0 ? ` ${flags.join(',')}` : '';
}

const flag = (name: string, key: 'random' | 'fullyRandom' | 'persistent') => ({
  name,
  arg: 'none' as const,
  set: (o: NatTarget): void => {
    o[key] = true;
  },
});

const init = (): NatTarget => ({ min: null, max: null, ports: null, random: false, fullyRandom: false, persistent: false });

function rangeOf(o: NatTarget): NatRange {
  return { min: o.min, max: o.max, ports: o.ports, random: o.random, fullyRandom: o.fullyRandom, persistent: o.persistent };
}

function bind(ns: Netns, p: XtPacket, range: NatRange, manip: 'src' | 'dst'): TargetVerdict {
  const { ct } = p.skb;
  if (!ct) return 'accept';
  return natSetup(ns, ct, range, manip, p) === 'accept' ? 'accept' : 'drop';
}

export const DNAT: TargetExt<NatTarget> = {
  kind: 'target',
  name: 'DNAT',
  tables: ['nat'],
  hooks: ['PREROUTING', 'OUTPUT'],
  conntrack: true,
  init,
  options: [
    { name: 'to-destination', mandatory: true, set: (o, arg, _inv, cx) => parseTo(o, arg, cx, 'yes') },
    flag('random', 'random'),
    flag('persistent', 'persistent'),
  ],
  save: (o) => ` --to-destination ${toText(o)}${flagsText(o, '--')}`,
  list: (o) => ` to:${toText(o)}${flagsText(o, '')}`,
  nft: (o) => `dnat to ${toText(o)}${nftFlags(o)}`,
  run: (o, ns) => {
    const range = rangeOf(o);
    return (p) => bind(ns, p, range, 'dst');
  },
};

export const SNAT: TargetExt<NatTarget> = {
  kind: 'target',
  name: 'SNAT',
  tables: ['nat'],
  hooks: ['INPUT', 'POSTROUTING'],
  conntrack: true,
  init,
  options: [
    { name: 'to-source', mandatory: true, set: (o, arg, _inv, cx) => parseTo(o, arg, cx, 'ignored') },
    flag('random', 'random'),
    flag('random-fully', 'fullyRandom'),
    flag('persistent', 'persistent'),
  ],
  save: (o) => ` --to-source ${toText(o)}${flagsText(o, '--')}`,
  list: (o) => ` to:${toText(o)}${flagsText(o, '')}`,
  nft: (o) => `snat to ${toText(o)}${nftFlags(o)}`,
  run: (o, ns) => {
    const range = rangeOf(o);
    return (p) => bind(ns, p, range, 'src');
  },
};

const toPorts = {
  name: 'to-ports',
  set: (o: NatTarget, arg: string, _inv: boolean, cx: ParseCx): void => {
    needPorts(cx);
    o.ports = parsePorts(arg, cx, 'no');
  },
};

export const MASQUERADE: TargetExt<NatTarget> = {
  kind: 'target',
  name: 'MASQUERADE',
  tables: ['nat'],
  hooks: ['POSTROUTING'],
  conntrack: true,
  init,
  options: [toPorts, flag('random', 'random'), flag('random-fully', 'fullyRandom')],
  save: (o) => `${o.ports ? ` --to-ports ${portText(o.ports)}` : ''}${flagsText(o, '--')}`,
  list: (o) => `${o.ports ? ` masq ports: ${portText(o.ports)}` : ''}${flagsText(o, '')}`,
  nft: (o) => `masquerade${o.ports ? ` to :${portText(o.ports)}` : ''}${nftFlags(o)}`,
  run: (o, ns) => (p) => {
    const { ct, dst } = p.skb;
    if (!ct || !p.out) return 'accept';
    if (p.src === 0 || p.src === 0n) return 'accept';
    const addr = selectAddr(p.out, dst?.gateway ?? p.dst, 0);
    if (addr === null) {
      ns.kernel.printk(`${p.out.name} ate my IP address`);
      return 'drop';
    }
    ct.masqIfindex = p.out.ifindex;
    return bind(ns, p, { ...rangeOf(o), min: addr, max: addr }, 'src');
  },
};

export const REDIRECT: TargetExt<NatTarget> = {
  kind: 'target',
  name: 'REDIRECT',
  tables: ['nat'],
  hooks: ['PREROUTING', 'OUTPUT'],
  conntrack: true,
  init,
  options: [toPorts, flag('random', 'random')],
  save: (o) => `${o.ports ? ` --to-ports ${portText(o.ports)}` : ''}${flagsText(o, '--')}`,
  list: (o) => `${o.ports ? ` redir ports ${portText(o.ports)}` : ''}${flagsText(o, '')}`,
  nft: (o) => `redirect${o.ports ? ` to :${portText(o.ports)}` : ''}${nftFlags(o)}`,
  run: (o, ns) => (p) => {
    let addr: IpAddr;
    if (p.hook === 'OUTPUT') addr = p.family === 4 ? 0x7f000001 : 1n;
    else {
      const addrs = p.family === 4 ? p.in?.addrs4 : p.in?.addrs6;
      const first = addrs?.[0];
      if (!first) return 'drop';
      addr = first.local;
    }
    return bind(ns, p, { ...rangeOf(o), min: addr, max: addr }, 'dst');
  },
};

interface Netmap {
  addr: IpAddr;
  len: number;
}

export const NETMAP: TargetExt<Netmap> = {
  kind: 'target',
  name: 'NETMAP',
  tables: ['nat'],
  hooks: ['PREROUTING', 'POSTROUTING', 'OUTPUT', 'INPUT'],
  conntrack: true,
  init: ({ family }) => ({ addr: family === 4 ? 0 : 0n, len: 0 }),
  options: [
    {
      name: 'to',
      mandatory: true,
      set: (o, arg, _inv, cx) => {
        const [text, maskText] = arg.split('/');
        const addr = host(text as string, cx.family);
        const bits = maskText === undefined ? null : parseMask(maskText, cx.family);
        // What is no prefix counts as none.
        const len = (bits === null ? null : maskLen(bits)) ?? (cx.family === 4 ? 32 : 128);
        o.addr = addr;
        o.len = len;
      },
    },
  ],
  save: (o) => ` --to ${netmapText(o)}`,
  list: (o) => ` to:${netmapText(o)}`,
  run: (o, ns) => (p) => {
    const manip = p.hook === 'PREROUTING' || p.hook === 'OUTPUT' ? 'dst' : 'src';
    const own = manip === 'dst' ? p.dst : p.src;
    const addr = mapped(own, o);
    return bind(ns, p, { min: addr, max: addr, ports: null, netmap: true }, manip);
  },
};

function netmapText(o: Netmap): string {
  return `${formatIp(o.addr)}/${o.len}`;
}

function mapped(own: IpAddr, o: Netmap): IpAddr {
  if (typeof own === 'number') {
    const bits = o.len === 0 ? 0 : (-1 << (32 - o.len)) >>> 0;
    return ((own & ~bits) | ((o.addr as number) & bits)) >>> 0;
  }
  const host = (1n << BigInt(128 - o.len)) - 1n;
  return (own & host) | ((o.addr as bigint) & ~host);
}
