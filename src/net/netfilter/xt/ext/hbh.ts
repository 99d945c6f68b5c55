/** -m hbh, -m dst: options for every hop and for the destination. Models libip6t_hbh.c, libip6t_dst.c, ip6t_hbh.c */

import { type MatchExt, Problem } from '../ext.ts';
import { DEST, findHeader, HOP, headerLength } from '../ipv6hdr.ts';
import { uint } from '../parse.ts';

interface Options {
  length: { value: number; invert: boolean } | null;
  /** Type, and length where one was given. */
  list: { type: number; length: number | null }[] | null;
}

const MAX = 16;

/** strtoul() with its own words for what it is no number. */
function parseNumber(ext: string, text: string, what: string): number {
  const m = /^\s*([-+]?)(0[xX][0-9a-fA-F]+|\d+)/.exec(text);
  if (!m) throw new Problem(`${ext}: no valid digits in ${what} \`${text}'`);
  if (m[0].length < text.length) throw new Problem(`${ext}: error parsing ${what} \`${text}'`);
  const digits = m[2] as string;
  const value = /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  return (m[1] === '-' ? -value : value) & 0xff;
}

function parseList(ext: string, text: string): NonNullable<Options['list']> {
  const items = text.split(',');
  const out: NonNullable<Options['list']> = [];
  for (const item of items) {
    if (out.length === MAX) throw new Problem('too many addresses specified');
    const colon = item.indexOf(':');
    if (colon >= 0 && out.length === MAX - 1) throw new Problem('too many ports specified');
    const type = parseNumber(ext, colon < 0 ? item : item.slice(0, colon), 'opt');
    const length = colon < 0 ? 0xff : parseNumber(ext, item.slice(colon + 1), 'length');
    out.push({ type, length: length === 0xff ? null : length });
  }
  return out;
}

const listText = (list: NonNullable<Options['list']>): string =>
  list.map((o) => (o.length === null ? String(o.type) : `${o.type}:${o.length}`)).join(',');

/** The options wanted stand at the header's beginning, in that order. */
function begins(b: Uint8Array, from: number, end: number, wanted: NonNullable<Options['list']>): boolean {
  let at = from;
  for (const { type, length } of wanted) {
    if (at >= end || b[at] !== type) return false;
    if (type === 0) {
      at++;
      continue;
    }
    if (at + 1 >= end || (length !== null && b[at + 1] !== length)) return false;
    at += (b[at + 1] as number) + 2;
  }
  return true;
}

function make(name: 'hbh' | 'dst', header: number): MatchExt<Options> {
  return {
    kind: 'match',
    name,
    families: [6],
    init: () => ({ length: null, list: null }),
    options: [
      {
        name: `${name}-len`,
        invert: true,
        set: (o, arg, invert) => {
          o.length = { value: uint(name, `${name}-len`, arg, 0, 0xffffffff), invert };
        },
      },
      {
        name: `${name}-opts`,
        set: (o, arg) => {
          o.list = parseList(name, arg);
        },
      },
    ],
    save: (o) =>
      (o.length ? `${o.length.invert ? ' !' : ''} --${name}-len ${o.length.value}` : '') +
      (o.list ? ` --${name}-opts ${listText(o.list)}` : ''),
    list: (o) =>
      ` ${name}${o.length ? ` length:${o.length.invert ? '!' : ''}${o.length.value}` : ''}${o.list ? ` opts ${listText(o.list)}` : ''}`,
    run: (o) => (p) => {
      const at = findHeader(p, header);
      if (at < 0) return false;
      const b = p.skb.data;
      const length = headerLength(b, at, header);
      if (at + length > b.length) return false;
      if (o.length && (length === o.length.value) === o.length.invert) return false;
      return o.list === null || begins(b, at + 2, at + length, o.list);
    },
  };
}

export const hbh = make('hbh', HOP);
export const dst = make('dst', DEST);
