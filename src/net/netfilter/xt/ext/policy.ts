/** -m policy: the IPsec policy of a packet; no packet here has one. Models libxt_policy.c and xt_policy.c */

import { formatIp, type IpAddr } from '../../../../wire/addr.ts';
import { type MatchExt, type OptionSpec, Problem } from '../ext.ts';
import { protocolName, protocolNumber } from '../names.ts';
import { hex, host, mask, maskLen, number, uint } from '../parse.ts';

interface Value<T> {
  value: T;
  invert: boolean;
}

interface Net {
  addr: IpAddr;
  len: number | null;
}

interface Element {
  reqid?: Value<number>;
  spi?: Value<number>;
  proto?: Value<number>;
  mode?: Value<'transport' | 'tunnel'>;
  src?: Value<Net>;
  dst?: Value<Net>;
}

interface Policy {
  dir: 'in' | 'out' | null;
  none: boolean;
  strict: boolean;
  elements: Element[];
}

/** XT_POLICY_MAX_ELEM */
const MAX = 4;

const last = (o: Policy): Element => o.elements[o.elements.length - 1] as Element;

function part<K extends keyof Element>(
  name: string,
  key: K,
  parse: (arg: string, family: 4 | 6) => NonNullable<Element[K]>['value'],
): OptionSpec<Policy> {
  return {
    name,
    invert: true,
    multi: true,
    set: (o, arg, invert, cx) => {
      const e = last(o);
      const value = parse(arg, cx.family);
      if (e[key]) throw new Problem(`policy match: double --${name} option`);
      e[key] = { value, invert } as NonNullable<Element[K]> as Element[K];
    },
  };
}

function parseNet(arg: string, family: 4 | 6): Net {
  const slash = arg.indexOf('/');
  const addr = host(slash < 0 ? arg : arg.slice(0, slash), family);
  const bits = slash < 0 ? null : mask(arg.slice(slash + 1), family);
  return { addr, len: bits === null ? (family === 4 ? 32 : 128) : maskLen(bits) };
}

function netText(n: Net): string {
  const full = typeof n.addr === 'number' ? 32 : 128;
  return n.len === null || n.len === full ? formatIp(n.addr) : `${formatIp(n.addr)}/${n.len}`;
}

function elementText(e: Element, dashes: string, numeric: boolean): string {
  const one = <T>(v: Value<T> | undefined, name: string, show: (value: T) => string): string =>
    v ? `${v.invert ? ' !' : ''} ${dashes}${name} ${show(v.value)}` : '';
  return (
    one(e.reqid, 'reqid', String) +
    one(e.spi, 'spi', hex) +
    one(e.proto, 'proto', (v) => (numeric ? String(v) : (protocolName(v) ?? String(v)))) +
    one(e.mode, 'mode', String) +
    one(e.dst, 'tunnel-dst', netText) +
    one(e.src, 'tunnel-src', netText)
  );
}

const empty = (e: Element): boolean => Object.keys(e).length === 0;

/** Elements as the kernel gets them; `none` has no use for any. */
const shown = (o: Policy): Element[] => (o.none ? [] : o.elements);

export const policy: MatchExt<Policy> = {
  kind: 'match',
  name: 'policy',
  init: () => ({ dir: null, none: false, strict: false, elements: [{}] }),
  options: [
    {
      name: 'dir',
      set: (o, arg) => {
        if (arg !== 'in' && arg !== 'out') throw new Problem(`policy_match: invalid dir "${arg}"`);
        o.dir = arg;
      },
    },
    {
      name: 'pol',
      set: (o, arg) => {
        if (arg !== 'none' && arg !== 'ipsec') throw new Problem(`policy match: invalid policy "${arg}"`);
        o.none = arg === 'none';
      },
    },
    {
      name: 'strict',
      arg: 'none',
      set: (o) => {
        o.strict = true;
      },
    },
    part('reqid', 'reqid', (arg) => uint('policy', 'reqid', arg, 0, 0xffffffff)),
    part('spi', 'spi', (arg) => uint('policy', 'spi', arg, 0, 0xffffffff)),
    part('tunnel-src', 'src', parseNet),
    part('tunnel-dst', 'dst', parseNet),
    part('proto', 'proto', (arg) => {
      const proto = number(arg, 0, 255) ?? protocolNumber(arg);
      if (proto === null) throw new Problem(`unknown protocol "${arg}" specified`);
      if (proto !== 50 && proto !== 51 && proto !== 108) throw new Problem('policy match: protocol must be ah/esp/ipcomp');
      return proto;
    }),
    part('mode', 'mode', (arg) => {
      if (arg !== 'transport' && arg !== 'tunnel') throw new Problem(`policy match: invalid mode "${arg}"`);
      return arg;
    }),
    {
      name: 'next',
      arg: 'none',
      multi: true,
      requires: ['strict'],
      set: (o) => {
        if (o.elements.length >= MAX) throw new Problem('policy match: maximum policy depth reached');
        o.elements.push({});
      },
    },
  ],
  check: (o, given) => {
    if (o.dir === null) throw new Problem('policy match: neither --dir in nor --dir out specified');
    if (o.none && o.strict) throw new Problem('policy match: policy none but --strict given');
    if (given.has('next') && !o.strict) return;
    for (const [i, e] of shown(o).entries()) {
      if (o.strict && empty(e))
        throw new Problem(
          `policy match: empty policy element ${i}. --strict is in effect, but at least one of reqid, spi, tunnel-src, tunnel-dst, proto or mode is required.`,
        );
      const tunnel = (e.mode?.value === 'tunnel') !== (e.mode?.invert ?? false);
      if ((e.src || e.dst) && !tunnel) throw new Problem('policy match: --tunnel-src/--tunnel-dst is only valid in tunnel mode');
    }
  },
  hooksFor: (o) => (o.dir === 'in' ? ['PREROUTING', 'INPUT', 'FORWARD'] : ['FORWARD', 'OUTPUT', 'POSTROUTING']),
  save: (o) =>
    ` --dir ${o.dir} --pol ${o.none ? 'none' : 'ipsec'}${o.strict ? ' --strict' : ''}${shown(o)
      .map((e) => elementText(e, '--', false))
      .join(' --next')}`,
  list: (o, cx) => {
    const many = shown(o).length > 1;
    const head = ` policy match dir ${o.dir} pol ${o.none ? 'none' : 'ipsec'}${o.strict ? ' strict' : ''}`;
    return `${head}${shown(o)
      .map((e, i) => (many ? ` [${i}]` : '') + elementText(e, '', cx.numeric))
      .join('')}`;
  },
  nft: (o) => (o.dir === 'in' && !o.strict && o.elements.every(empty) ? `meta secpath ${o.none ? 'missing' : 'exists'}` : null),
  run: (o) => () => o.none,
};
