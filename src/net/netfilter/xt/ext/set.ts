/** -m set and -j SET: membership in an ipset, and adding to or deleting from one. Models libxt_set.c, libxt_SET.c, xt_set.c */

import { fail, ok } from '../../../../sim/errno.ts';
import type { Netns } from '../../../netns.ts';
import type { IpSet, Part } from '../../ipset/ipset.ts';
import { type MatchExt, type ParseCx, Problem, type TargetExt } from '../ext.ts';
import { dportOf, hasL4, sportOf, type XtPacket } from '../packet.ts';

type Dir = 'src' | 'dst';

interface SetMatch {
  setName: string;
  dirs: Dir[];
  invert: boolean;
}

function parseSet(name: string, cx: ParseCx, option: string): { setName: string; dirs: Dir[] } {
  const flags = cx.next();
  if (flags === null) throw new Problem(`--${option} requires two args.`);
  if (!cx.setExists(name)) throw new Problem(`Set ${name} doesn't exist.\n`);
  const dirs = flags.split(',').map((f) => {
    if (f !== 'src' && f !== 'dst') throw new Problem(`You must spececify (the comma separated list of) 'src' or 'dst'.`);
    return f as Dir;
  });
  return { setName: name, dirs };
}

/** The element that a packet stands for in this set; null when it has no such parts. */
export function packetParts(set: IpSet, dirs: readonly Dir[], p: XtPacket): Part[] | null {
  const parts: Part[] = [];
  for (const [i, dimension] of set.type.dimensions.entries()) {
    const dir = dirs[i] ?? dirs[dirs.length - 1] ?? 'src';
    if (dimension === 'ip' || dimension === 'net') parts.push({ kind: 'ip', addr: dir === 'src' ? p.src : p.dst });
    else if (dimension === 'iface') {
      const dev = dir === 'src' ? p.in : p.out;
      if (!dev) return null;
      parts.push({ kind: 'iface', name: dev.name });
    } else if (dimension === 'port') {
      if (p.proto === 6 || p.proto === 17 || p.proto === 132) {
        if (!hasL4(p, 4)) return null;
        parts.push({ kind: 'port', proto: set.type.name === 'bitmap:port' ? 0 : p.proto, port: dir === 'src' ? sportOf(p) : dportOf(p) });
      } else if (p.proto === 1 || p.proto === 58) {
        if (!hasL4(p, 2)) return null;
        parts.push({ kind: 'port', proto: p.proto, port: ((p.skb.data[p.l4] as number) << 8) | (p.skb.data[p.l4 + 1] as number) });
      } else return null;
    } else return null;
  }
  return parts;
}

/** A list of sets matches when one of its members does. */
function inSet(ns: Netns, name: string, dirs: readonly Dir[], p: XtPacket): boolean {
  const set = ns.nf.sets.get(name);
  if (!set) return false;
  if (set.type.name === 'list:set') {
    return set.list().some((e) => e.parts[0]?.kind === 'set' && inSet(ns, e.parts[0].name, dirs, p));
  }
  if (set.options.family !== p.family && set.type.name !== 'bitmap:port') return false;
  const parts = packetParts(set, dirs, p);
  const hit = parts && set.find(parts);
  if (!hit) return false;
  if (set.options.counters) {
    hit.packets++;
    hit.bytes += p.len;
  }
  return true;
}

export const set: MatchExt<SetMatch> = {
  kind: 'match',
  name: 'set',
  init: () => ({ setName: '', dirs: [], invert: false }),
  options: [
    { name: 'match-set', invert: true, set: (o, arg, invert, cx) => Object.assign(o, parseSet(arg, cx, 'match-set'), { invert }) },
    {
      name: 'return-nomatch',
      arg: 'none',
      set: () => {
        throw new Problem('set: --return-nomatch is not emulated');
      },
    },
  ],
  check: (_o, given) => {
    if (given.size === 0) throw new Problem("You must specify `--match-set' with proper arguments");
  },
  checkentry: (o, ns) => (ns.nf.sets.get(o.setName) ? ok() : fail('ENOENT')),
  save: (o) => `${o.invert ? ' !' : ''} --match-set ${o.setName} ${o.dirs.join(',')}`,
  list: (o) => `${o.invert ? ' !' : ''} match-set ${o.setName} ${o.dirs.join(',')}`,
  run: (o, ns) => (p) => inSet(ns, o.setName, o.dirs, p) !== o.invert,
};

interface SetTarget {
  setName: string;
  dirs: Dir[];
  op: 'add' | 'del';
  exist: boolean;
  timeout: number | null;
}

export const SET: TargetExt<SetTarget> = {
  kind: 'target',
  name: 'SET',
  init: () => ({ setName: '', dirs: [], op: 'add', exist: false, timeout: null }),
  options: [
    { name: 'add-set', set: (o, arg, _inv, cx) => Object.assign(o, parseSet(arg, cx, 'add-set'), { op: 'add' }) },
    { name: 'del-set', set: (o, arg, _inv, cx) => Object.assign(o, parseSet(arg, cx, 'del-set'), { op: 'del' }) },
    { name: 'exist', arg: 'none', set: (o) => Object.assign(o, { exist: true }) },
    { name: 'timeout', set: (o, arg) => Object.assign(o, { timeout: Number(arg) }) },
    {
      name: 'map-set',
      set: () => {
        throw new Problem('SET: --map-set is not emulated');
      },
    },
  ],
  check: (_o, given) => {
    if (given.size === 0) throw new Problem("You must specify either `--add-set' or `--del-set' or `--map-set'");
  },
  checkentry: (o, ns) => (ns.nf.sets.get(o.setName) ? ok() : fail('ENOENT')),
  save: (o) =>
    ` --${o.op}-set ${o.setName} ${o.dirs.join(',')}${o.exist ? ' --exist' : ''}${o.timeout !== null ? ` --timeout ${o.timeout}` : ''}`,
  list: (o) =>
    ` ${o.op}-set ${o.setName} ${o.dirs.join(',')}${o.exist ? ' exist' : ''}${o.timeout !== null ? ` timeout ${o.timeout}` : ''}`,
  run: (o, ns) => (p) => {
    const target = ns.nf.sets.get(o.setName);
    const parts = target && packetParts(target, o.dirs, p);
    if (!target || !parts) return 'continue';
    const whole = parts.map((part, i): Part => {
      if (part.kind === 'ip' && target.type.dimensions[i] === 'net')
        return { kind: 'net', addr: part.addr, len: p.family === 4 ? 32 : 128 };
      return target.masked(part);
    });
    if (o.op === 'del') target.del(whole, true);
    else {
      const seconds = o.timeout ?? target.options.timeout ?? 0;
      const expires = target.options.timeout === null || seconds === 0 ? 0 : ns.kernel.sim.now + seconds * 1_000_000;
      const element = { parts: whole, expires, packets: 0, bytes: 0, comment: null, nomatch: false };
      if (o.exist || !target.find(parts)) target.add(element, true);
    }
    return 'continue';
  },
};
