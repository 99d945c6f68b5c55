/** -m rt: routing headers. Models libip6t_rt.c, ip6t_rt.c */

import { formatIp6, parseIp6, readIp6 } from '../../../../wire/addr.ts';
import { u32 } from '../../../../wire/bytes.ts';
import { type MatchExt, Problem } from '../ext.ts';
import { findHeader, headerLength, ROUTING } from '../ipv6hdr.ts';
import { uint } from '../parse.ts';
import { ALL, anySpan, inSpan, listSpan, listWanted, type Span, saveSpan, saveWanted, spanOption, type Wanted } from './exthdr6.ts';

interface Rt {
  type: Wanted | null;
  left: Span;
  length: Wanted | null;
  reserved: boolean;
  addrs: bigint[] | null;
  notStrict: boolean;
}

const MAX = 16;

function parseAddrs(text: string): bigint[] {
  return text.split(',').map((item, i) => {
    if (i === MAX) throw new Problem('too many addresses specified');
    const addr = parseIp6(item);
    if (addr === null) throw new Problem(`bad address: ${item}`);
    return addr;
  });
}

function needType(o: Rt, option: string): void {
  if (o.type?.value !== 0 || o.type.invert) throw new Problem(`\`--rt-type 0' required before \`--${option}'`);
}

/** The addresses are those, or (not strict) appear in that order. */
function visits(b: Uint8Array, from: number, count: number, wanted: readonly bigint[], strict: boolean): boolean {
  if (strict && wanted.length !== count) return false;
  let met = 0;
  for (let i = 0; i < count && met < wanted.length; i++) {
    if (readIp6(b, from + i * 16) === wanted[met]) met++;
    else if (strict) return false;
  }
  return met === wanted.length;
}

export const rt: MatchExt<Rt> = {
  kind: 'match',
  name: 'rt',
  families: [6],
  init: () => ({ type: null, left: anySpan(), length: null, reserved: false, addrs: null, notStrict: false }),
  options: [
    {
      name: 'rt-type',
      invert: true,
      set: (o, arg, invert) => {
        o.type = { value: uint('rt', 'rt-type', arg, 0, ALL), invert };
      },
    },
    spanOption('rt', 'rt-segsleft', (o) => o.left),
    {
      name: 'rt-len',
      invert: true,
      set: (o, arg, invert) => {
        o.length = { value: uint('rt', 'rt-len', arg, 0, ALL), invert };
      },
    },
    {
      name: 'rt-0-res',
      arg: 'none',
      set: (o) => {
        needType(o, 'rt-0-res');
        o.reserved = true;
      },
    },
    {
      name: 'rt-0-addrs',
      set: (o, arg) => {
        needType(o, 'rt-0-addrs');
        o.addrs = parseAddrs(arg);
      },
    },
    {
      name: 'rt-0-not-strict',
      arg: 'none',
      set: (o) => {
        if (!o.addrs) throw new Problem("`--rt-0-addr ...' required before `--rt-0-not-strict'");
        o.notStrict = true;
      },
    },
  ],
  save: (o) =>
    saveWanted(o.type, 'rt-type') +
    saveSpan(o.left, 'rt-segsleft') +
    saveWanted(o.length, 'rt-len') +
    (o.reserved ? ' --rt-0-res' : '') +
    (o.addrs ? ` --rt-0-addrs ${o.addrs.map(formatIp6).join(',')}` : '') +
    (o.notStrict ? ' --rt-0-not-strict' : ''),
  list: (o) => {
    const type = o.type && { ...o.type, value: o.type.value | 0 };
    const left = listSpan(o.left, 'segsleft');
    return [
      ' rt',
      listWanted(type, 'type'),
      left,
      listWanted(o.length, 'length'),
      o.reserved ? 'reserved' : '',
      o.addrs ? `0-addrs ${o.addrs.map(formatIp6).join(',')}` : '',
      o.notStrict ? '0-not-strict' : '',
    ]
      .filter((word) => word !== '')
      .join(' ');
  },
  run: (o) => (p) => {
    const at = findHeader(p, ROUTING);
    if (at < 0) return false;
    const b = p.skb.data;
    const length = headerLength(b, at, ROUTING);
    if (at + length > b.length || !inSpan(o.left, b[at + 3] as number)) return false;
    if (o.type && (b[at + 2] === o.type.value) === o.type.invert) return false;
    if (o.length && (length === o.length.value) === o.length.invert) return false;
    if (o.reserved && u32(b, at + 4) !== 0) return false;
    return o.addrs === null || visits(b, at + 8, (length - 8) >> 4, o.addrs, !o.notStrict);
  },
};
