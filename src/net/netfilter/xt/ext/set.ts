/** -m set and -j SET: membership in an ipset, and adding to or deleting from one. Models libxt_set.c, libxt_SET.c, xt_set.c */

import { fail, ok } from '../../../../sim/errno.ts';
import { formatMac } from '../../../../wire/mac.ts';
import type { Netns } from '../../../netns.ts';
import type { IpSet, Part, Element as SetElement } from '../../ipset/ipset.ts';
import { type MatchExt, type OptionSpec, type ParseCx, Problem, type TargetExt } from '../ext.ts';
import { dportOf, hasL4, sportOf, type XtPacket } from '../packet.ts';
import { number } from '../parse.ts';

type Dir = 'src' | 'dst';

function parseSet(name: string, cx: ParseCx, option: string): { setName: string; dirs: Dir[] } {
  const flags = cx.next();
  if (flags === null) throw new Problem(`--${option} requires two args.`);
  if (!cx.setExists(name)) throw new Problem(`Set ${name} doesn't exist.\n`);
  const dirs = flags.split(',').map((f) => {
    if (f !== 'src' && f !== 'dst') throw new Problem("You must spefify (the comma separated list of) 'src' or 'dst'.");
    return f as Dir;
  });
  return { setName: name, dirs };
}

/** The element that a packet stands for in this set; null when it has no such parts. */
function packetParts(set: IpSet, dirs: readonly Dir[], p: XtPacket): Part[] | null {
  const parts: Part[] = [];
  for (const [i, dimension] of set.type.dimensions.entries()) {
    const dir = dirs[i] ?? dirs[dirs.length - 1] ?? 'src';
    if (dimension === 'ip' || dimension === 'net') parts.push({ kind: 'ip', addr: dir === 'src' ? p.src : p.dst });
    else if (dimension === 'iface') {
      const dev = dir === 'src' ? p.in : p.out;
      if (!dev) return null;
      parts.push({ kind: 'iface', name: dev.name, physical: false, wildcard: false });
    } else if (dimension === 'port') {
      if (p.proto === 6 || p.proto === 17 || p.proto === 132) {
        if (!hasL4(p, 4)) return null;
        parts.push({ kind: 'port', proto: set.type.name === 'bitmap:port' ? 0 : p.proto, port: dir === 'src' ? sportOf(p) : dportOf(p) });
      } else if (p.proto === 1 || p.proto === 58) {
        if (!hasL4(p, 2)) return null;
        parts.push({ kind: 'port', proto: p.proto, port: ((p.skb.data[p.l4] as number) << 8) | (p.skb.data[p.l4 + 1] as number) });
      } else return null;
    } else if (dimension === 'mac') parts.push({ kind: 'mac', mac: dir === 'src' && p.in ? formatMac(p.skb.ethSrc) : null });
    else return null;
  }
  return parts;
}

type Compare = 'eq' | 'lt' | 'gt';

interface Count {
  op: Compare;
  value: number;
  invert: boolean;
}

interface Lookup {
  /** Counters of the element, and of the members of a list, go up. */
  update: boolean;
  updateMembers: boolean;
  /** A `nomatch` element counts as a hit of its own kind. */
  nomatch: boolean;
  packets: Count | null;
  bytes: Count | null;
}

const PLAIN: Lookup = { update: true, updateMembers: true, nomatch: false, packets: null, bytes: null };

function counts(c: Count | null, value: number): boolean {
  if (!c) return true;
  const hit = c.op === 'eq' ? value === c.value : c.op === 'lt' ? value < c.value : value > c.value;
  return hit !== c.invert;
}

/** The element of a set that a packet hits; of a list of sets the first member's. */
function hitOf(ns: Netns, name: string, dirs: readonly Dir[], p: XtPacket, how: Lookup): SetElement | null {
  const set = ns.nf.sets.get(name);
  if (!set) return null;
  if (set.type.name === 'list:set') {
    const inner = { ...how, update: how.update && how.updateMembers };
    for (const e of set.list()) {
      const hit = e.parts[0]?.kind === 'set' ? hitOf(ns, e.parts[0].name, dirs, p, inner) : null;
      if (!hit) continue;
      if (set.options.counters && how.update) count(e, p);
      return hit;
    }
    return null;
  }
  if (set.options.family !== p.family && set.type.name !== 'bitmap:port') return null;
  const parts = packetParts(set, dirs, p);
  const hit = parts && set.find(parts, how.nomatch);
  if (!hit || !counts(how.packets, hit.packets) || !counts(how.bytes, hit.bytes)) return null;
  if (set.options.counters && how.update) count(hit, p);
  return hit;
}

function count(e: SetElement, p: XtPacket): void {
  e.packets++;
  e.bytes += p.len;
}

interface SetMatch extends Lookup {
  setName: string;
  dirs: Dir[];
  invert: boolean;
}

function counter(name: string, key: 'packets' | 'bytes', op: Compare): OptionSpec<SetMatch> {
  return {
    name,
    invert: op === 'eq',
    set: (o, arg, invert) => {
      const value = number(arg, 0, Number.MAX_SAFE_INTEGER);
      if (value === null) throw new Problem(`Cannot parse ${arg} as a counter value`);
      o[key] = { op, value, invert };
    },
  };
}

function matchText(o: SetMatch, dashes: string): string {
  const one = (c: Count | null, word: string): string => (c ? `${c.invert ? ' !' : ''} ${dashes}${word}-${c.op} ${c.value}` : '');
  return (
    `${o.invert ? ' !' : ''} ${dashes}match-set ${o.setName} ${o.dirs.join(',')}` +
    (o.nomatch ? ` ${dashes}return-nomatch` : '') +
    (o.update ? '' : ` ! ${dashes}update-counters`) +
    (o.updateMembers ? '' : ` ! ${dashes}update-subcounters`) +
    one(o.packets, 'packets') +
    one(o.bytes, 'bytes')
  );
}

export const set: MatchExt<SetMatch> = {
  kind: 'match',
  name: 'set',
  init: () => ({ ...PLAIN, setName: '', dirs: [], invert: false }),
  options: [
    {
      name: 'match-set',
      invert: true,
      multi: true,
      set: (o, arg, invert, cx) => {
        if (o.setName !== '') throw new Problem('--match-set can be specified only once');
        Object.assign(o, parseSet(arg, cx, 'match-set'), { invert });
      },
    },
    {
      name: 'set',
      invert: true,
      set: (o, arg, invert, cx) => {
        cx.warn('--set option deprecated, please use --match-set\n');
        Object.assign(o, parseSet(arg, cx, 'match-set'), { invert });
      },
    },
    {
      name: 'return-nomatch',
      arg: 'none',
      set: (o) => {
        o.nomatch = true;
      },
    },
    {
      name: 'update-counters',
      arg: 'none',
      invert: true,
      set: (o, _arg, invert) => {
        o.update = !invert;
      },
    },
    {
      name: 'update-subcounters',
      arg: 'none',
      invert: true,
      set: (o, _arg, invert) => {
        o.updateMembers = !invert;
      },
    },
    counter('packets-eq', 'packets', 'eq'),
    counter('packets-lt', 'packets', 'lt'),
    counter('packets-gt', 'packets', 'gt'),
    counter('bytes-eq', 'bytes', 'eq'),
    counter('bytes-lt', 'bytes', 'lt'),
    counter('bytes-gt', 'bytes', 'gt'),
  ],
  check: (o) => {
    if (o.setName === '') throw new Problem("You must specify `--match-set' with proper arguments");
  },
  checkentry: (o, ns) => (ns.nf.sets.get(o.setName) ? ok() : fail('ENOENT')),
  save: (o) => matchText(o, '--'),
  list: (o) => matchText(o, ''),
  run: (o, ns) => (p) => {
    const hit = hitOf(ns, o.setName, o.dirs, p, o);
    return (hit !== null) !== o.invert;
  },
};

interface SetUse {
  op: 'add' | 'del' | 'map';
  setName: string;
  dirs: Dir[];
}

interface SetTarget {
  sets: SetUse[];
  exist: boolean;
  timeout: number | null;
  mapMark: boolean;
  mapPrio: boolean;
  mapQueue: boolean;
}

const OPS = ['add', 'del', 'map'] as const;

function use(op: SetUse['op']): OptionSpec<SetTarget> {
  return {
    name: `${op}-set`,
    set: (o, arg, _invert, cx) => {
      o.sets.push({ op, ...parseSet(arg, cx, `${op}-set`) });
    },
  };
}

const flag = (name: string, key: 'exist' | 'mapMark' | 'mapPrio' | 'mapQueue'): OptionSpec<SetTarget> => ({
  name,
  arg: 'none',
  set: (o) => {
    o[key] = true;
  },
});

function targetText(o: SetTarget, dashes: string): string {
  let s = '';
  for (const op of OPS) for (const u of o.sets) if (u.op === op) s += ` ${dashes}${op}-set ${u.setName} ${u.dirs.join(',')}`;
  if (o.exist) s += ` ${dashes}exist`;
  if (o.timeout !== null) s += ` ${dashes}timeout ${o.timeout}`;
  if (o.mapMark) s += ` ${dashes}map-mark`;
  if (o.mapPrio) s += ` ${dashes}map-prio`;
  return o.mapQueue ? `${s} ${dashes}map-queue` : s;
}

function change(ns: Netns, u: SetUse, o: SetTarget, p: XtPacket): void {
  const target = ns.nf.sets.get(u.setName);
  const parts = target && packetParts(target, u.dirs, p);
  if (!target || !parts) return;
  const whole = parts.map((part, i): Part => {
    if (part.kind === 'ip' && target.type.dimensions[i] === 'net') return { kind: 'net', addr: part.addr, len: p.family === 4 ? 32 : 128 };
    return target.masked(part);
  });
  if (u.op === 'del') {
    target.del(whole, true);
    return;
  }
  const seconds = o.timeout ?? target.options.timeout ?? 0;
  const expires = target.options.timeout === null || seconds === 0 ? 0 : ns.kernel.sim.now + seconds * 1_000_000;
  const element = { parts: whole, expires, packets: 0, bytes: 0, comment: null, nomatch: false, mark: null, prio: null, queue: null };
  if (o.exist || !target.find(parts)) target.add(element, true);
}

/** --map-set: the marks and priorities of the element go to the packet. */
function map(ns: Netns, u: SetUse, o: SetTarget, p: XtPacket): void {
  const hit = hitOf(ns, u.setName, u.dirs, p, PLAIN);
  if (!hit) return;
  if (o.mapMark && hit.mark) p.skb.mark = ((p.skb.mark & ~hit.mark.mask) | hit.mark.value) >>> 0;
  if (o.mapPrio && hit.prio) {
    const [major, minor] = hit.prio.split(':').map((part) => Number.parseInt(part, 16));
    p.skb.priority = (major ?? 0) * 65536 + (minor ?? 0);
  }
}

export const SET: TargetExt<SetTarget> = {
  kind: 'target',
  name: 'SET',
  init: () => ({ sets: [], exist: false, timeout: null, mapMark: false, mapPrio: false, mapQueue: false }),
  options: [
    use('add'),
    use('del'),
    use('map'),
    flag('exist', 'exist'),
    {
      name: 'timeout',
      set: (o, arg) => {
        const seconds = number(arg, 0, 0xffffffff);
        if (seconds === null) throw new Problem(`Invalid value for option --timeout or out of range 0-${0xffffffff - 1}`);
        o.timeout = seconds;
      },
    },
    flag('map-mark', 'mapMark'),
    flag('map-prio', 'mapPrio'),
    flag('map-queue', 'mapQueue'),
  ],
  check: (o) => {
    if (o.sets.length === 0) throw new Problem("You must specify either `--add-set' or `--del-set' or `--map-set'");
  },
  checkentry: (o, ns, _proto, table) => {
    if (o.sets.some((u) => !ns.nf.sets.get(u.setName))) return fail('ENOENT');
    if (!o.sets.some((u) => u.op === 'map')) return ok();
    // Marks may be mapped in the mangle table alone, priorities and queues only where the packet leaves.
    return table !== 'mangle' ? fail('EINVAL') : ok();
  },
  hooksFor: (o) =>
    o.sets.some((u) => u.op === 'map') && (o.mapPrio || o.mapQueue)
      ? ['FORWARD', 'OUTPUT', 'POSTROUTING']
      : ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  save: (o) => targetText(o, '--'),
  list: (o) => targetText(o, ''),
  run: (o, ns) => (p) => {
    for (const u of o.sets) {
      if (u.op === 'map') map(ns, u, o, p);
      else change(ns, u, o, p);
    }
    return 'continue';
  },
};
