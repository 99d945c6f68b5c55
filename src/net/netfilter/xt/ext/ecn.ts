/** -m ecn: explicit congestion notification bits of IP and TCP. Models libxt_ecn.c */

import { fail, ok } from '../../../../sim/errno.ts';
import { type MatchExt, type OptionSpec, Problem } from '../ext.ts';
import { hasL4 } from '../packet.ts';
import { uint } from '../parse.ts';
import { tosOf } from './dscp.ts';

interface Ecn {
  /** Wanted bit; null when not asked. */
  cwr: boolean | null;
  ece: boolean | null;
  ect: { value: number; invert: boolean } | null;
}

const flag = (name: string, key: 'cwr' | 'ece'): OptionSpec<Ecn> => ({
  name,
  arg: 'none',
  invert: true,
  set: (o, _arg, invert) => {
    o[key] = !invert;
  },
});

function texts(o: Ecn, dashes: string): string {
  const bool = (v: boolean | null, list: string, save: string): string =>
    v === null ? '' : `${v ? '' : ' !'} ${dashes === '' ? list : save}`;
  return (
    bool(o.ece, 'ECE', '--ecn-tcp-ece') +
    bool(o.cwr, 'CWR', '--ecn-tcp-cwr') +
    (o.ect ? `${o.ect.invert ? ' !' : ''} ${dashes === '' ? 'ECT=' : '--ecn-ip-ect '}${o.ect.value}` : '')
  );
}

export const ecn: MatchExt<Ecn> = {
  kind: 'match',
  name: 'ecn',
  init: () => ({ cwr: null, ece: null, ect: null }),
  options: [
    flag('ecn-tcp-cwr', 'cwr'),
    flag('ecn-tcp-ece', 'ece'),
    {
      name: 'ecn-ip-ect',
      invert: true,
      set: (o, arg, invert) => Object.assign(o, { ect: { value: uint('ecn', 'ecn-ip-ect', arg, 0, 3), invert } }),
    },
  ],
  check: (_o, given) => {
    if (given.size === 0) throw new Problem('ECN match: some option required');
  },
  checkentry: (o, _ns, proto) => ((o.cwr !== null || o.ece !== null) && proto !== 6 ? fail('EINVAL') : ok()),
  save: (o) => texts(o, '--'),
  list: (o) => ` ECN match${texts(o, '')}`,
  run: (o) => (p) => {
    if (o.ect && ((tosOf(p) & 3) === o.ect.value) === o.ect.invert) return false;
    if (o.cwr === null && o.ece === null) return true;
    if (p.proto !== 6 || !hasL4(p, 20)) return false;
    const flags = p.skb.data[p.l4 + 13] as number;
    if (o.ece !== null && ((flags & 64) !== 0) !== o.ece) return false;
    return o.cwr === null || ((flags & 128) !== 0) === o.cwr;
  },
};
