/** -m srh: segment routing headers. Models libip6t_srh.c, ip6t_srh.c */

import { formatIp6, readIp6 } from '../../../../wire/addr.ts';
import { u16 } from '../../../../wire/bytes.ts';
import type { MatchExt, OptionSpec } from '../ext.ts';
import { findHeader, headerLength, ROUTING } from '../ipv6hdr.ts';
import { hostMask, maskLen, uint } from '../parse.ts';

type Field = 'next-hdr' | 'hdr-len' | 'segs-left' | 'last-entry' | 'tag';
type Sid = 'psid' | 'nsid' | 'lsid';

interface Srh {
  /** The tool keeps one number for eq, gt and lt of a field: the last one given counts for all. */
  readonly values: Map<Field, number>;
  /** Names of the options given, and whether inverted. */
  readonly given: Map<string, boolean>;
  readonly sids: Map<Sid, { addr: bigint; mask: bigint }>;
}

/** Options in the order they are printed in. */
const TESTS: readonly (readonly [string, Field, (have: number, want: number) => boolean])[] = [
  ['next-hdr', 'next-hdr', (a, b) => a === b],
  ...(['hdr-len', 'segs-left', 'last-entry'] as const).flatMap(
    (f) =>
      [
        [`${f}-eq`, f, (a: number, b: number) => a === b],
        [`${f}-gt`, f, (a: number, b: number) => a > b],
        [`${f}-lt`, f, (a: number, b: number) => a < b],
      ] as const,
  ),
  ['tag', 'tag', (a, b) => a === b],
];
const SIDS: readonly Sid[] = ['psid', 'nsid', 'lsid'];

const sidText = (s: { addr: bigint; mask: bigint }): string => `${formatIp6(s.addr)}/${maskLen(s.mask) ?? 128}`;

function words(
  o: Srh,
  number: (name: string, invert: boolean, n: number) => string,
  sid: (name: Sid, invert: boolean, text: string) => string,
) {
  let s = '';
  for (const [name, field] of TESTS) {
    const invert = o.given.get(name);
    if (invert !== undefined) s += number(name, invert, o.values.get(field) as number);
  }
  for (const name of SIDS) {
    const value = o.sids.get(name);
    if (value) s += sid(name, o.given.get(name) === true, sidText(value));
  }
  return s;
}

const options: OptionSpec<Srh>[] = [
  ...TESTS.map(
    ([name, field]): OptionSpec<Srh> => ({
      name: `srh-${name}`,
      invert: true,
      set: (o, arg, invert) => {
        o.values.set(field, uint('srh', `srh-${name}`, arg, 0, field === 'tag' ? 65535 : 255));
        o.given.set(name, invert);
      },
    }),
  ),
  ...SIDS.map(
    (name): OptionSpec<Srh> => ({
      name: `srh-${name}`,
      invert: true,
      set: (o, arg, invert) => {
        const { addr, mask } = hostMask('srh', `srh-${name}`, arg, 6);
        o.sids.set(name, { addr: addr as bigint, mask: mask as bigint });
        o.given.set(name, invert);
      },
    }),
  ),
];

export const srh: MatchExt<Srh> = {
  kind: 'match',
  name: 'srh',
  families: [6],
  init: () => ({ values: new Map(), given: new Map(), sids: new Map() }),
  options,
  save: (o) =>
    words(
      o,
      (name, invert, n) => `${invert ? ' !' : ''} --srh-${name} ${n}`,
      (name, invert, text) => `${invert ? ' !' : ''} --srh-${name} ${text}`,
    ),
  list: (o) =>
    ` srh${words(
      o,
      (name, invert, n) => ` ${name}:${invert ? '!' : ''}${n}`,
      (name, invert, text) => ` ${name} ${invert ? '!' : ''} ${text}`,
    )}`,
  run: (o) => (p) => {
    const at = findHeader(p, ROUTING);
    const b = p.skb.data;
    if (at < 0 || b[at + 2] !== 4 || at + headerLength(b, at, ROUTING) > b.length) return false;
    const left = b[at + 3] as number;
    const last = b[at + 4] as number;
    if (left > last) return false;
    const have: Readonly<Record<Field, number>> = {
      'next-hdr': b[at] as number,
      'hdr-len': b[at + 1] as number,
      'segs-left': left,
      'last-entry': last,
      tag: u16(b, at + 6),
    };
    for (const [name, field, holds] of TESTS) {
      const invert = o.given.get(name);
      if (invert !== undefined && holds(have[field], o.values.get(field) as number) === invert) return false;
    }
    const place: Readonly<Record<Sid, number>> = { psid: left + 1, nsid: left - 1, lsid: 0 };
    for (const [name, { addr, mask }] of o.sids) {
      const i = place[name];
      if (i < 0 || i > last) return false;
      const equal = ((readIp6(b, at + 8 + i * 16) ^ addr) & mask) === 0n;
      if (equal === o.given.get(name)) return false;
    }
    return true;
  },
};
