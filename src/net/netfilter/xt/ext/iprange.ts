/** -m iprange: addresses between two. Models libxt_iprange.c */

import { formatIp, type IpAddr } from '../../../../wire/addr.ts';
import { type MatchExt, type OptionSpec, Problem } from '../ext.ts';
import { address } from '../parse.ts';

interface Span {
  min: IpAddr;
  max: IpAddr;
  invert: boolean;
}

interface IpRange {
  src: Span | null;
  dst: Span | null;
}

function option(key: 'src' | 'dst'): OptionSpec<IpRange> {
  return {
    name: `${key}-range`,
    invert: true,
    set: (o, arg, invert, cx) => {
      const dash = arg.indexOf('-');
      const low = dash < 0 ? arg : arg.slice(0, dash);
      const min = address(low, cx.family);
      const max = dash < 0 ? min : address(arg.slice(dash + 1), cx.family);
      for (const [text, value] of [
        [low, min],
        [arg.slice(dash + 1), max],
      ] as const)
        if (value === null) throw new Problem(`iprange: Bad value for "--${key}-range" option: "${text}"`);
      if (min === null || max === null) return;
      if (min > max) cx.warn(`xt_iprange: range ${low}-${arg.slice(dash + 1)} is reversed and will never match\n`);
      o[key] = { min, max, invert };
    },
  };
}

const text = (s: Span): string => `${formatIp(s.min)}-${formatIp(s.max)}`;

export const iprange: MatchExt<IpRange> = {
  kind: 'match',
  name: 'iprange',
  init: () => ({ src: null, dst: null }),
  options: [option('src'), option('dst')],
  check: (_o, given) => {
    if (given.size === 0) throw new Problem("iprange match: You must specify `--src-range' or `--dst-range'");
  },
  save: (o) =>
    (o.src ? `${o.src.invert ? ' !' : ''} --src-range ${text(o.src)}` : '') +
    (o.dst ? `${o.dst.invert ? ' !' : ''} --dst-range ${text(o.dst)}` : ''),
  list: (o) =>
    (o.src ? ` source IP range${o.src.invert ? ' !' : ''} ${text(o.src)}` : '') +
    (o.dst ? ` destination IP range${o.dst.invert ? ' !' : ''} ${text(o.dst)}` : ''),
  run: (o) => (p) =>
    (!o.src || (p.src >= o.src.min && p.src <= o.src.max) !== o.src.invert) &&
    (!o.dst || (p.dst >= o.dst.min && p.dst <= o.dst.max) !== o.dst.invert),
};
