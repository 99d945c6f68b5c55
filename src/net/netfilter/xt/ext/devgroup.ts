/** -m devgroup: the group of the input or output device (`ip link set group`). Models libxt_devgroup.c and xt_devgroup.c */

import type { Hook } from '../../netfilter.ts';
import { type MatchExt, type OptionSpec, Problem } from '../ext.ts';
import { hex, type NamedMask, namedMask, namedMaskText } from '../parse.ts';

/** /etc/iproute2/group */
const GROUPS: Readonly<Record<string, number>> = { default: 0 };

interface Group extends NamedMask {
  invert: boolean;
}

interface DevGroup {
  src: Group | null;
  dst: Group | null;
}

const side = (key: 'src' | 'dst'): OptionSpec<DevGroup> => ({
  name: `${key}-group`,
  invert: true,
  set: (o, arg, invert) => {
    o[key] = { ...namedMask('devgroup', `${key}-group`, arg, GROUPS), invert };
  },
});

function texts(o: DevGroup, dashes: string, numeric: boolean): string {
  const one = (g: Group | null, name: string): string =>
    g ? `${g.invert ? ' !' : ''} ${dashes}${name} ${namedMaskText(g, numeric ? {} : GROUPS)}` : '';
  return one(o.src, 'src-group') + one(o.dst, 'dst-group');
}

const INPUTS: readonly Hook[] = ['PREROUTING', 'INPUT', 'FORWARD'];
const OUTPUTS: readonly Hook[] = ['FORWARD', 'OUTPUT', 'POSTROUTING'];

export const devgroup: MatchExt<DevGroup> = {
  kind: 'match',
  name: 'devgroup',
  init: () => ({ src: null, dst: null }),
  options: [side('src'), side('dst')],
  check: (_o, given) => {
    if (given.size === 0) throw new Problem("devgroup match: You must specify either '--src-group' or '--dst-group'");
  },
  hooksFor: (o) => {
    if (o.src && o.dst) return ['FORWARD'];
    return o.src ? INPUTS : OUTPUTS;
  },
  save: (o) => texts(o, '--', false),
  list: (o, cx) => texts(o, '', cx.numeric),
  nft: (o) => {
    const one = (g: Group | null, name: string): string => {
      if (!g) return '';
      if (g.mask !== 0xffffffff) return `${name} and ${hex(g.mask)} ${g.invert ? '!=' : '=='} ${hex(g.value)}`;
      return `${name} ${g.invert ? '!= ' : ''}${namedMaskText(g, GROUPS)}`;
    };
    return [one(o.src, 'iifgroup'), one(o.dst, 'oifgroup')].filter((t) => t !== '').join(' ');
  },
  run: (o) => (p) => {
    const miss = (g: Group | null, group: number): boolean => g !== null && ((group & g.mask) >>> 0 === g.value) === g.invert;
    return !miss(o.src, p.in?.group ?? 0) && !miss(o.dst, p.out?.group ?? 0);
  },
};
