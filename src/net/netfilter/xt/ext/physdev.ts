/** -m physdev: bridge ports of a bridged packet. Models libxt_physdev.c */

import { type MatchExt, type OptionSpec, Problem } from '../ext.ts';

interface Physdev {
  in: { name: string; invert: boolean } | null;
  out: { name: string; invert: boolean } | null;
  isIn: boolean | null;
  isOut: boolean | null;
  isBridged: boolean | null;
}

function iface(key: 'in' | 'out'): OptionSpec<Physdev> {
  return {
    name: `physdev-${key}`,
    invert: true,
    set: (o, arg, invert) => {
      if (arg.length > 15) throw new Problem(`interface name \`${arg}' must be shorter than IFNAMSIZ (15)`);
      o[key] = { name: arg, invert };
    },
  };
}

function flag(name: string, key: 'isIn' | 'isOut' | 'isBridged'): OptionSpec<Physdev> {
  return {
    name,
    arg: 'none',
    invert: true,
    set: (o, _arg, invert) => {
      o[key] = !invert;
    },
  };
}

function texts(o: Physdev): string {
  let s = '';
  const bool = (v: boolean | null, text: string): void => {
    if (v !== null) s += `${v ? '' : ' !'} --physdev-is-${text}`;
  };
  bool(o.isIn, 'in');
  if (o.in) s += `${o.in.invert ? ' !' : ''} --physdev-in ${o.in.name}`;
  bool(o.isOut, 'out');
  if (o.out) s += `${o.out.invert ? ' !' : ''} --physdev-out ${o.out.name}`;
  bool(o.isBridged, 'bridged');
  return s;
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

export const physdev: MatchExt<Physdev> = {
  kind: 'match',
  name: 'physdev',
  init: () => ({ in: null, out: null, isIn: null, isOut: null, isBridged: null }),
  options: [
    iface('in'),
    iface('out'),
    flag('physdev-is-in', 'isIn'),
    flag('physdev-is-out', 'isOut'),
    flag('physdev-is-bridged', 'isBridged'),
  ],
  check: (_o, given) => {
    if (given.size === 0) throw new Problem('PHYSDEV: no physdev option specified');
  },
  save: texts,
  list: (o) => ` PHYSDEV match${texts(o)}`,
  run: (o) => (p) => {
    const info = p.skb.bridge;
    const inDev = info?.physIn?.name ?? null;
    const outDev = info?.physOut?.name ?? null;
    if (!info) {
      if (o.isBridged === true || o.isIn === true || o.isOut === true) return false;
      if ((o.in && !o.in.invert) || (o.out && !o.out.invert)) return false;
      return true;
    }
    if (o.isBridged !== null && o.isBridged !== (outDev !== null)) return false;
    if (o.isIn !== null && o.isIn !== (inDev !== null)) return false;
    if (o.isOut !== null && o.isOut !== (outDev !== null)) return false;
    if (o.in && (inDev !== null && matches(o.in.name, inDev)) === o.in.invert) return false;
    if (o.out && (outDev !== null && matches(o.out.name, outDev)) === o.out.invert) return false;
    return true;
  },
};
