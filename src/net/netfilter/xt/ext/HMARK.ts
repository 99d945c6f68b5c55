/** -j HMARK: a mark from a hash of the flow. Models libxt_HMARK.c and xt_HMARK.c */

import { type IpAddr, mask4, mask6 } from '../../../../wire/addr.ts';
import { u16, u32 } from '../../../../wire/bytes.ts';
import { type OptionSpec, Problem, type TargetExt } from '../ext.ts';
import { jhash2, jhashWords, scale } from '../jhash.ts';
import { hasL4, type XtPacket } from '../packet.ts';
import { hex, mask, maskLen, number } from '../parse.ts';

/** Absent fields take no part in the hash. */
interface Hmark {
  srcPrefix?: number;
  dstPrefix?: number;
  sportMask?: number;
  dportMask?: number;
  spiMask?: number;
  sport?: number;
  dport?: number;
  spi?: number;
  protoMask?: number;
  rnd?: number;
  mod?: number;
  offset?: number;
  ct: boolean;
  /** What has been said, by --hmark-tuple or by the option itself. */
  seen: Set<string>;
}

type Key = Exclude<keyof Hmark, 'ct' | 'seen'>;

function once(o: Hmark, option: string): void {
  if (o.seen.has(option)) throw new Problem(`HMARK: option "--${option}" can only be used once.\n`);
  o.seen.add(option);
}

function value(name: string, key: Key, min: number, max: number): OptionSpec<Hmark> {
  const option = `hmark-${name}`;
  return {
    name: option,
    multi: true,
    set: (o, arg) => {
      once(o, option);
      const n = number(arg, min, max);
      if (n === null) throw new Problem(`HMARK: bad value for option "--${option}", or out of range (${min}-${max}).\n`);
      o[key] = n;
    },
  };
}

function prefix(name: string, key: 'srcPrefix' | 'dstPrefix'): OptionSpec<Hmark> {
  const option = `hmark-${name}`;
  return {
    name: option,
    multi: true,
    set: (o, arg, _invert, cx) => {
      once(o, option);
      const max = cx.family === 4 ? 32 : 128;
      const bits = /^\d+$/.test(arg) ? null : mask(arg, cx.family);
      const len = /^\d+$/.test(arg) ? Math.min(Number(arg), max) : bits === null ? null : maskLen(bits);
      if (len === null)
        throw new Problem(`HMARK: bad value for option "--${option}", neither a valid network mask nor valid CIDR (0-${max}).\n`);
      o[key] = len;
    },
  };
}

/** What a word of --hmark-tuple stands for. */
const TUPLE: Readonly<Record<string, { key: Key; option: string; full(family: 4 | 6): number } | null>> = {
  src: { key: 'srcPrefix', option: 'hmark-src-prefix', full: (f) => (f === 4 ? 32 : 128) },
  dst: { key: 'dstPrefix', option: 'hmark-dst-prefix', full: (f) => (f === 4 ? 32 : 128) },
  sport: { key: 'sportMask', option: 'hmark-sport-mask', full: () => 0xffff },
  dport: { key: 'dportMask', option: 'hmark-dport-mask', full: () => 0xffff },
  spi: { key: 'spiMask', option: 'hmark-spi-mask', full: () => 0xffffffff },
  proto: { key: 'protoMask', option: 'hmark-proto-mask', full: () => 0xffff },
  ct: null,
};

const hexPad = (n: number, width: number): string => `0x${n.toString(16).padStart(width, '0')}`;

/** Options in the order of the output: name, key, digits of -S (0: decimal). */
const SHOWN: readonly (readonly [string, Key, number])[] = [
  ['src-prefix', 'srcPrefix', 0],
  ['dst-prefix', 'dstPrefix', 0],
  ['sport-mask', 'sportMask', 4],
  ['dport-mask', 'dportMask', 4],
  ['spi-mask', 'spiMask', 8],
  ['sport', 'sport', 4],
  ['dport', 'dport', 4],
  ['spi', 'spi', 8],
  ['proto-mask', 'protoMask', 2],
  ['rnd', 'rnd', 8],
];

export const HMARK: TargetExt<Hmark> = {
  kind: 'target',
  name: 'HMARK',
  init: () => ({ ct: false, seen: new Set() }),
  options: [
    {
      name: 'hmark-tuple',
      set: (o, arg, _invert, cx) => {
        for (const word of arg.split(',')) {
          if (word === '') throw new Problem('"--hmark-tuple" requires a list of types with no spaces, e.g. src,dst,sport,dport,proto');
          const field = TUPLE[word];
          if (field === undefined) throw new Problem(`Bad type "${word}"`);
          if (field === null) {
            o.ct = true;
            continue;
          }
          o.seen.add(field.option);
          o[field.key] = field.full(cx.family);
        }
      },
    },
    prefix('src-prefix', 'srcPrefix'),
    prefix('dst-prefix', 'dstPrefix'),
    value('sport-mask', 'sportMask', 0, 0xffff),
    value('dport-mask', 'dportMask', 0, 0xffff),
    value('spi-mask', 'spiMask', 0, 0xffffffff),
    value('sport', 'sport', 0, 0xffff),
    value('dport', 'dport', 0, 0xffff),
    value('spi', 'spi', 0, 0xffffffff),
    value('proto-mask', 'protoMask', 0, 0xffff),
    value('rnd', 'rnd', 0, 0xffffffff),
    value('mod', 'mod', 1, 0xffffffff),
    value('offset', 'offset', 0, 0xffffffff),
  ],
  check: (o) => {
    const has = (name: string): boolean => o.seen.has(`hmark-${name}`);
    if (!has('mod')) throw new Problem('--hmark-mod is mandatory');
    if (!has('rnd')) throw new Problem('--hmark-rnd is mandatory');
    if (has('spi-mask') && (has('sport-mask') || has('dport-mask')))
      throw new Problem('you cannot use --hmark-spi-mask and --hmark-?port-mask,at the same time');
    if (!o.ct && !SHOWN.some(([name]) => name !== 'rnd' && has(name))) throw new Problem('you have to specify --hmark-tuple at least');
  },
  checkentry: (o) =>
    o.spi !== undefined && (o.sport !== undefined || o.dport !== undefined)
      ? { ok: false, errno: 'EINVAL' }
      : { ok: true, value: undefined },
  save: (o) =>
    SHOWN.map(([name, key, digits]) => {
      const v = o[key];
      return v === undefined ? '' : ` --hmark-${name} ${digits ? hexPad(v, digits) : v}`;
    }).join('') + ` --hmark-mod ${o.mod}${o.offset !== undefined ? ` --hmark-offset ${o.offset}` : ''}${o.ct ? ' --hmark-tuple ct' : ''}`,
  // A whole IPv6 address has no text for its mask.
  list: (o, cx) =>
    ` HMARK mod ${o.mod}${o.offset !== undefined ? ` + ${hex(o.offset)}` : ''}${o.ct ? ' ct,' : ''}${SHOWN.map(([name, key, digits]) => {
      const v = o[key];
      return v === undefined ? '' : ` ${name} ${digits ? hex(v) : cx.family === 6 && v === 128 ? '' : v}`;
    }).join('')} `,
  run: (o) => (p) => {
    const h = hash(o, p);
    if (h !== null) p.skb.mark = (scale(h, o.mod ?? 1) + (o.offset ?? 0)) >>> 0;
    return 'continue';
  },
};

/** hmark_addr_mask(): one word of an address. IPv6 is folded by jhash2() over its masked words. */
function word(addr: IpAddr, prefixLen: number | undefined): number {
  if (prefixLen === undefined) return 0;
  if (typeof addr === 'number') return (addr & mask4(prefixLen)) >>> 0;
  const bits = addr & mask6(prefixLen);
  return jhash2(
    [96n, 64n, 32n, 0n].map((s) => Number((bits >> s) & 0xffffffffn)),
    0,
  );
}

function hash(o: Hmark, p: XtPacket): number | null {
  let src: number;
  let dst: number;
  let proto = p.proto;
  let ports: readonly [number, number] | null = null;
  if (o.ct) {
    const { ct } = p.skb;
    if (!ct) return null;
    src = word(ct.original.src, o.srcPrefix);
    dst = word(ct.reply.src, o.dstPrefix);
    proto = ct.original.proto;
    if (proto !== 1) ports = [ct.original.sport, ct.reply.sport];
  } else {
    src = word(p.src, o.srcPrefix);
    dst = word(p.dst, o.dstPrefix);
    if (proto === 1 || p.frag > 0 || p.moreFrags) return null;
    if (proto === 50 || proto === 51) {
      const at = p.l4 + (proto === 51 ? 4 : 0);
      if (at + 4 <= p.skb.data.length) {
        const spi = ((u32(p.skb.data, at) & (o.spiMask ?? 0)) | (o.spi ?? 0)) >>> 0;
        return finish(o, src, dst, spi, proto);
      }
    } else if (hasL4(p, 4)) ports = [u16(p.skb.data, p.l4), u16(p.skb.data, p.l4 + 2)];
  }
  let both = 0;
  if (ports) {
    const a = (ports[0] & (o.sportMask ?? 0)) | (o.sport ?? 0);
    const b = (ports[1] & (o.dportMask ?? 0)) | (o.dport ?? 0);
    both = ((Math.max(a, b) << 16) | Math.min(a, b)) >>> 0;
  }
  return finish(o, src, dst, both, proto);
}

/** hmark_hash(): both directions of a flow have the same one. */
function finish(o: Hmark, src: number, dst: number, ports: number, proto: number): number {
  const h = jhashWords([Math.min(src, dst), Math.max(src, dst), ports], o.rnd ?? 0);
  return (h ^ (proto & (o.protoMask ?? 0))) >>> 0;
}
