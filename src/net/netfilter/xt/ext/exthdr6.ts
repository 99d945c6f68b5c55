/** -m ah, frag, ipv6header, mh, eui64 of IPv6. Models libip6t_ah.c, libip6t_frag.c, libip6t_ipv6header.c, libip6t_mh.c, libip6t_eui64.c and the kernel's ip6t_*.c */

import { u16, u32 } from '../../../../wire/bytes.ts';
import { type MatchExt, type OptionSpec, Problem } from '../ext.ts';
import { AUTH, DEST, ESP, FRAGMENT, findHeader, HOP, headerLength, isExtension, NONE, ROUTING } from '../ipv6hdr.ts';
import { protocolNumber } from '../names.ts';
import { hasL4 } from '../packet.ts';
import { number, uint, uintRange } from '../parse.ts';

export const ALL = 0xffffffff;

export interface Span {
  min: number;
  max: number;
  invert: boolean;
}

export const anySpan = (): Span => ({ min: 0, max: ALL, invert: false });
export const inSpan = (s: Span, n: number): boolean => (n >= s.min && n <= s.max) !== s.invert;

export function spanOption<O>(ext: string, name: string, of: (o: O) => Span): OptionSpec<O> {
  return {
    name,
    invert: true,
    set: (o, arg, invert) => {
      const [min, max] = uintRange(ext, name, arg, ALL);
      Object.assign(of(o), { min, max, invert });
    },
  };
}

const spanText = (s: Span): string => (s.min === s.max ? `${s.min}` : `${s.min}:${s.max}`);
const whole = (s: Span): boolean => s.min === 0 && s.max === ALL;
export const saveSpan = (s: Span, name: string): string => (whole(s) ? '' : `${s.invert ? ' !' : ''} --${name} ${spanText(s)}`);
export const listSpan = (s: Span, word: string): string =>
  whole(s) && !s.invert ? '' : `${word}${s.min === s.max ? '' : 's'}:${s.invert ? '!' : ''}${spanText(s)}`;

export interface Wanted {
  value: number;
  invert: boolean;
}

export const saveWanted = (w: Wanted | null, name: string): string => (w ? `${w.invert ? ' !' : ''} --${name} ${w.value}` : '');
export const listWanted = (w: Wanted | null, word: string): string => (w ? `${word}:${w.invert ? '!' : ''}${w.value}` : '');

interface Ah {
  spi: Span;
  length: Wanted | null;
  reserved: boolean;
}

export const ah6: MatchExt<Ah> = {
  kind: 'match',
  name: 'ah',
  families: [6],
  init: () => ({ spi: anySpan(), length: null, reserved: false }),
  options: [
    spanOption('ah', 'ahspi', (o) => o.spi),
    {
      name: 'ahlen',
      invert: true,
      set: (o, arg, invert) => {
        const value = uint('ah', 'ahlen', arg, 0, ALL);
        o.length = value === 0 && !invert ? null : { value, invert };
      },
    },
    {
      name: 'ahres',
      arg: 'none',
      set: (o) => {
        o.reserved = true;
      },
    },
  ],
  save: (o) => saveSpan(o.spi, 'ahspi') + saveWanted(o.length, 'ahlen') + (o.reserved ? ' --ahres' : ''),
  list: (o) => ` ah ${listSpan(o.spi, 'spi')}${listWanted(o.length, 'length')}${o.reserved ? ' reserved' : ''}`,
  run: (o) => (p) => {
    const at = findHeader(p, AUTH);
    const b = p.skb.data;
    if (at < 0 || at + 12 > b.length) return false;
    if (!inSpan(o.spi, u32(b, at + 4)) || (o.reserved && u16(b, at + 2) !== 0)) return false;
    return o.length === null || (headerLength(b, at, AUTH) === o.length.value) !== o.length.invert;
  },
};

interface Frag {
  id: Span;
  /** Written down, never looked at. */
  length: Wanted | null;
  reserved: boolean;
  first: boolean;
  rest: '' | 'more' | 'last';
}

const flag = <O>(name: string, set: (o: O) => void, excludes: readonly string[] = []): OptionSpec<O> => ({
  name,
  arg: 'none',
  excludes,
  set,
});

export const frag: MatchExt<Frag> = {
  kind: 'match',
  name: 'frag',
  families: [6],
  init: () => ({ id: anySpan(), length: null, reserved: false, first: false, rest: '' }),
  options: [
    spanOption('frag', 'fragid', (o) => o.id),
    {
      name: 'fraglen',
      invert: true,
      set: (o, arg, invert) => {
        o.length = { value: uint('frag', 'fraglen', arg, 0, ALL), invert };
      },
    },
    flag('fragres', (o) => {
      o.reserved = true;
    }),
    flag('fragfirst', (o) => {
      o.first = true;
    }),
    flag(
      'fragmore',
      (o) => {
        o.rest = 'more';
      },
      ['fraglast'],
    ),
    flag(
      'fraglast',
      (o) => {
        o.rest = 'last';
      },
      ['fragmore'],
    ),
  ],
  save: (o) =>
    saveSpan(o.id, 'fragid') +
    saveWanted(o.length, 'fraglen') +
    (o.reserved ? ' --fragres' : '') +
    (o.first ? ' --fragfirst' : '') +
    (o.rest === '' ? '' : ` --frag${o.rest}`),
  list: (o) =>
    ` frag ${listSpan(o.id, 'id')}${o.length ? ` ${listWanted(o.length, 'length')}` : ''}${o.reserved ? ' reserved' : ''}` +
    `${o.first ? ' first' : ''}${o.rest === '' ? '' : ` ${o.rest}`}`,
  run: (o) => (p) => {
    const at = findHeader(p, FRAGMENT);
    if (at < 0) return false;
    const b = p.skb.data;
    const bits = u16(b, at + 2);
    if (!inSpan(o.id, u32(b, at + 4)) || (o.reserved && (b[at + 1] !== 0 || (bits & 6) !== 0))) return false;
    if (o.first && (bits & 0xfff8) !== 0) return false;
    return o.rest === '' || ((bits & 1) !== 0) === (o.rest === 'more');
  },
};

/** Long name, short name, number and bit of each header. */
const HEADERS: readonly (readonly [string, string, number, number])[] = [
  ['hop-by-hop', 'hop', HOP, 0x80],
  ['ipv6-opts', 'dst', DEST, 0x40],
  ['ipv6-route', 'route', ROUTING, 0x20],
  ['ipv6-frag', 'frag', FRAGMENT, 0x10],
  ['ah', 'auth', AUTH, 0x08],
  ['esp', 'esp', ESP, 0x04],
  ['ipv6-nonxt', 'none', NONE, 0x02],
  ['protocol', 'prot', 255, 0x01],
];

interface Headers {
  bits: number;
  invert: boolean;
  soft: boolean;
}

function headerBits(text: string): number {
  if (text === '') throw new Problem('ip6t_ipv6header: cannot parse header names');
  let bits = 0;
  const names = text.split(',');
  if (names[names.length - 1] === '') names.pop();
  for (const name of names) {
    const known = HEADERS.find(([long, short]) => name === long || name === short);
    const value = known ? known[2] : (number(name, 0, 255) ?? protocolNumber(name));
    const found = HEADERS.find(([, , n]) => n === value);
    if (!found) throw new Problem(`unknown header \`${value ?? name}' specified`);
    bits |= found[3];
  }
  return bits;
}

const headerNames = (bits: number): string =>
  HEADERS.filter(([, , , bit]) => bits & bit)
    .map(([long]) => long)
    .join(',');

export const ipv6header: MatchExt<Headers> = {
  kind: 'match',
  name: 'ipv6header',
  families: [6],
  init: () => ({ bits: 0, invert: false, soft: false }),
  options: [
    {
      name: 'header',
      mandatory: true,
      invert: true,
      set: (o, arg, invert) => {
        o.bits = headerBits(arg);
        o.invert = invert;
      },
    },
    flag('soft', (o) => {
      o.soft = true;
    }),
  ],
  save: (o) => `${o.invert ? ' !' : ''} --header ${headerNames(o.bits)}${o.soft ? ' --soft' : ''}`,
  list: (o, cx) => {
    const flags = cx.numeric ? `0x${o.bits.toString(16).toUpperCase().padStart(2, '0')}` : headerNames(o.bits);
    return ` ipv6header flags:${o.invert ? '!' : ''}${flags}${o.soft ? ' soft' : ''}`;
  },
  run: (o) => (p) => {
    const b = p.skb.data;
    let header = b[6] as number;
    let seen = 0;
    for (let at = 40; isExtension(header) && header !== NONE && at + 8 <= b.length; ) {
      seen |= HEADERS.find(([, , n]) => n === header)?.[3] ?? 0;
      const next = b[at] as number;
      at += headerLength(b, at, header);
      header = next;
    }
    seen |= header === NONE ? 0x02 : header === ESP ? 0x04 : 0x01;
    const wanted = o.bits ^ (o.invert ? 0xff : 0);
    return o.soft ? ((seen ^ wanted) & o.bits) === 0 : seen === wanted;
  },
};

const MH_TYPES: readonly (readonly [string, string])[] = [
  ['binding-refresh-request', 'brr'],
  ['home-test-init', 'hoti'],
  ['careof-test-init', 'coti'],
  ['home-test', 'hot'],
  ['careof-test', 'cot'],
  ['binding-update', 'bu'],
  ['binding-acknowledgement', 'ba'],
  ['binding-error', 'be'],
];

/** A whole name, else the first that begins so, else a number. */
function mhType(text: string): number {
  const name = text.toLowerCase();
  const exact = MH_TYPES.findIndex((names) => names.includes(name));
  const type = exact >= 0 ? exact : MH_TYPES.findIndex((names) => names.some((n) => n.startsWith(name)));
  const value = type >= 0 ? type : number(text, 0, 255);
  if (value === null) throw new Problem(`Invalid MH type \`${text}'`);
  return value;
}

interface Mh {
  min: number;
  max: number;
  invert: boolean;
}

export const mh: MatchExt<Mh> = {
  kind: 'match',
  name: 'mh',
  families: [6],
  protos: [135],
  init: () => ({ min: 0, max: 255, invert: false }),
  options: [
    {
      name: 'mh-type',
      invert: true,
      set: (o, arg, invert) => {
        const colon = arg.indexOf(':');
        if (colon < 0) {
          o.min = mhType(arg);
          o.max = o.min;
        } else {
          o.min = colon === 0 ? 0 : mhType(arg.slice(0, colon));
          o.max = colon === arg.length - 1 ? 255 : mhType(arg.slice(colon + 1));
          if (o.min > o.max) throw new Problem('Invalid MH type range (min > max)');
        }
        o.invert = invert;
      },
    },
  ],
  save: (o) => (o.min === 0 && o.max === 255 ? '' : `${o.invert ? ' !' : ''} --mh-type ${o.min === o.max ? o.min : `${o.min}:${o.max}`}`),
  list: (o, cx) => {
    if (o.min === 0 && o.max === 255 && !o.invert) return ' mh';
    const name = (n: number): string => (cx.numeric ? String(n) : (MH_TYPES[n]?.[0] ?? String(n)));
    return ` mh ${o.invert ? '!' : ''}${o.min === o.max ? name(o.min) : `${name(o.min)}:${name(o.max)}`}`;
  },
  native: true,
  run: (o) => (p) => {
    if (!hasL4(p, 6) || p.skb.data[p.l4] !== NONE) return false;
    const type = p.skb.data[p.l4 + 2] as number;
    return (type >= o.min && type <= o.max) !== o.invert;
  },
};

export const eui64: MatchExt<null> = {
  kind: 'match',
  name: 'eui64',
  families: [6],
  hooks: ['PREROUTING', 'INPUT', 'FORWARD'],
  init: () => null,
  options: [],
  save: () => '',
  list: () => '',
  run: () => (p) => {
    const mac = p.skb.ethSrc;
    if (mac === null || mac === undefined) return false;
    const m = BigInt(mac);
    const id = (((m >> 24n) ^ 0x020000n) << 40n) | 0xfffe000000n | (m & 0xffffffn);
    return ((p.src as bigint) & 0xffffffffffffffffn) === id;
  },
};
