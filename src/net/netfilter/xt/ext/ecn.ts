/** -m ecn, -j ECN: explicit congestion notification bits of IP and TCP. Models libxt_ecn.c, libipt_ECN.c, ipt_ECN.c */

import { fail, ok } from '../../../../sim/errno.ts';
import { fold16, put16, sum16 } from '../../../../wire/bytes.ts';
import { refreshIp4Checksum } from '../../../../wire/ipv4.ts';
import { pseudo } from '../../../../wire/pseudo.ts';
import { type MatchExt, type OptionSpec, Problem, type TargetExt } from '../ext.ts';
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
    v === null ? '' : dashes === '' ? ` ${v ? '' : '!'}${list}` : `${v ? '' : ' !'} ${save}`;
  return (
    bool(o.ece, 'ECE', '--ecn-tcp-ece') +
    bool(o.cwr, 'CWR', '--ecn-tcp-cwr') +
    (!o.ect
      ? ''
      : dashes === ''
        ? ` ${o.ect.invert ? '!' : ''}ECT=${o.ect.value}`
        : `${o.ect.invert ? ' !' : ''} --ecn-ip-ect ${o.ect.value}`)
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

interface EcnSet {
  ece: number | null;
  cwr: number | null;
  ect: number | null;
}

export const ECN: TargetExt<EcnSet> = {
  kind: 'target',
  name: 'ECN',
  families: [4],
  tables: ['mangle'],
  init: () => ({ ece: null, cwr: null, ect: null }),
  options: [
    {
      name: 'ecn-tcp-remove',
      arg: 'none',
      excludes: ['ecn-tcp-cwr', 'ecn-tcp-ece'],
      set: (o) => Object.assign(o, { ece: 0, cwr: 0 }),
    },
    {
      name: 'ecn-tcp-cwr',
      excludes: ['ecn-tcp-remove'],
      set: (o, arg) => {
        o.cwr = uint('ECN', 'ecn-tcp-cwr', arg, 0, 1);
      },
    },
    {
      name: 'ecn-tcp-ece',
      excludes: ['ecn-tcp-remove'],
      set: (o, arg) => {
        o.ece = uint('ECN', 'ecn-tcp-ece', arg, 0, 1);
      },
    },
    {
      name: 'ecn-ip-ect',
      set: (o, arg) => {
        o.ect = uint('ECN', 'ecn-ip-ect', arg, 0, 3);
      },
    },
  ],
  check: (_o, given) => {
    if (given.size === 0) throw new Problem('ECN target: An operation is required');
  },
  checkentry: (o, _ns, proto) => ((o.ece !== null || o.cwr !== null) && proto !== 6 ? fail('EINVAL') : ok()),
  save: (o) => {
    if (o.ece === 0 && o.cwr === 0 && o.ect === null) return ' --ecn-tcp-remove';
    return (
      (o.ece !== null ? ` --ecn-tcp-ece ${o.ece}` : '') +
      (o.cwr !== null ? ` --ecn-tcp-cwr ${o.cwr}` : '') +
      (o.ect !== null ? ` --ecn-ip-ect ${o.ect}` : '')
    );
  },
  list: (o) => {
    if (o.ece === 0 && o.cwr === 0 && o.ect === null) return ' ECN TCP remove';
    return (
      ' ECN' +
      (o.ece !== null ? ` ECE=${o.ece}` : '') +
      (o.cwr !== null ? ` CWR=${o.cwr}` : '') +
      (o.ect !== null ? ` ECT codepoint=${o.ect}` : '')
    );
  },
  run: (o) => (p) => {
    const b = p.skb.data;
    if (o.ect !== null && ((b[1] as number) & 3) !== o.ect) {
      b[1] = ((b[1] as number) & ~3) | o.ect;
      refreshIp4Checksum(b);
    }
    if ((o.ece === null && o.cwr === null) || p.proto !== 6 || !hasL4(p, 20)) return 'continue';
    let flags = b[p.l4 + 13] as number;
    if (o.ece !== null) flags = (flags & ~64) | (o.ece << 6);
    if (o.cwr !== null) flags = (flags & ~128) | (o.cwr << 7);
    if (flags === b[p.l4 + 13]) return 'continue';
    b[p.l4 + 13] = flags;
    put16(b, p.l4 + 16, 0);
    put16(b, p.l4 + 16, fold16(sum16(b, p.l4, b.length, pseudo(p.src, p.dst, 6, b.length - p.l4))));
    return 'continue';
  },
};
