/** -m addrtype: what the addresses are to this host's routing. Models libxt_addrtype.c */

import { fail, ok } from '../../../../sim/errno.ts';
import type { NetDevice } from '../../../dev/device.ts';
import type { RouteType } from '../../../ip/fib.ts';
import { addrType } from '../../../ip/route.ts';
import type { Hook } from '../../netfilter.ts';
import { type MatchExt, Problem } from '../ext.ts';
import type { XtPacket } from '../packet.ts';

const TYPES = [
  'UNSPEC',
  'UNICAST',
  'LOCAL',
  'BROADCAST',
  'ANYCAST',
  'MULTICAST',
  'BLACKHOLE',
  'UNREACHABLE',
  'PROHIBIT',
  'THROW',
  'NAT',
  'XRESOLVE',
] as const;
type TypeName = (typeof TYPES)[number];

const NOT_IPV6: readonly TypeName[] = ['BROADCAST', 'BLACKHOLE', 'PROHIBIT', 'THROW', 'NAT', 'XRESOLVE'];

const HOOKS: readonly Hook[] = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];

interface Side {
  types: TypeName[];
  invert: boolean;
}

interface AddrTypeMatch {
  src: Side | null;
  dst: Side | null;
  limit: 'in' | 'out' | null;
}

function parseTypes(arg: string): TypeName[] {
  const out = new Set<TypeName>();
  for (const word of arg.split(',')) {
    const hit = word === '' ? undefined : TYPES.find((t) => t.toLowerCase() === word.toLowerCase());
    if (!hit) throw new Problem(`addrtype: bad type "${word}"`);
    out.add(hit);
  }
  return TYPES.filter((t) => out.has(t));
}

export const addrtype: MatchExt<AddrTypeMatch> = {
  kind: 'match',
  name: 'addrtype',
  hooksFor: (o) => {
    if (o.limit === 'in') return ['PREROUTING', 'INPUT', 'FORWARD'];
    return o.limit === 'out' ? ['FORWARD', 'OUTPUT', 'POSTROUTING'] : HOOKS;
  },
  init: () => ({ src: null, dst: null, limit: null }),
  options: [
    {
      name: 'src-type',
      invert: true,
      set: (o, arg, invert) => {
        o.src = { types: parseTypes(arg), invert };
      },
    },
    {
      name: 'dst-type',
      invert: true,
      set: (o, arg, invert) => {
        o.dst = { types: parseTypes(arg), invert };
      },
    },
    {
      name: 'limit-iface-in',
      arg: 'none',
      excludes: ['limit-iface-out'],
      set: (o) => {
        o.limit = 'in';
      },
    },
    {
      name: 'limit-iface-out',
      arg: 'none',
      excludes: ['limit-iface-in'],
      set: (o) => {
        o.limit = 'out';
      },
    },
  ],
  check: (o) => {
    if (!o.src && !o.dst) throw new Problem('addrtype: you must specify --src-type or --dst-type');
  },
  checkentry: (o, _ns, _proto, _table, family) => {
    const refused = [...(o.src?.types ?? []), ...(o.dst?.types ?? [])].some((t) => NOT_IPV6.includes(t));
    return family === 6 && refused ? fail('EINVAL') : ok();
  },
  save: (o) =>
    (o.src ? `${o.src.invert ? ' !' : ''} --src-type ${o.src.types.join(',')}` : '') +
    (o.dst ? `${o.dst.invert ? ' !' : ''} --dst-type ${o.dst.types.join(',')}` : '') +
    (o.limit ? ` --limit-iface-${o.limit}` : ''),
  list: (o) =>
    ' ADDRTYPE match' +
    (o.src ? ` src-type ${o.src.invert ? '!' : ''}${o.src.types.join(',')}` : '') +
    (o.dst ? ` dst-type ${o.dst.invert ? '!' : ''}${o.dst.types.join(',')}` : '') +
    (o.limit ? ` limit-${o.limit}` : ''),
  nft: (o) => {
    const iface = o.limit === 'in' ? ' . iif' : o.limit === 'out' ? ' . oif' : '';
    const one = (side: Side | null, word: string): string => {
      if (!side) return '';
      const types = side.types.map((t) => t.toLowerCase());
      return `fib ${word}${iface} type ${side.invert ? '!= ' : ''}${types.length > 1 ? `{ ${types.join(', ')} }` : types[0]}`;
    };
    return [one(o.src, 'saddr'), one(o.dst, 'daddr')].filter((t) => t !== '').join(' ');
  },
  run: (o, ns) => {
    const is = (side: Side, addr: XtPacket['src'], dev: NetDevice | undefined): boolean => {
      const type: RouteType = addrType(ns, addr, dev);
      return (side.types as string[]).includes(type.toUpperCase()) !== side.invert;
    };
    return (p) => {
      const dev = (o.limit === 'in' ? p.in : o.limit === 'out' ? p.out : null) ?? undefined;
      return (!o.src || is(o.src, p.src, dev)) && (!o.dst || is(o.dst, p.dst, dev));
    };
  },
};
