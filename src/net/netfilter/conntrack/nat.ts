/** Network address translation of connections: choosing a unique tuple, rewriting packets. Models net/netfilter/nf_nat_core.c */

import { familyOf, type IpAddr } from '../../../wire/addr.ts';
import { fold16, put16, sum16 } from '../../../wire/bytes.ts';
import { ICMP_REDIRECT } from '../../../wire/icmp.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from '../../../wire/ipv4.ts';
import { pseudo } from '../../../wire/pseudo.ts';
import type { Netns } from '../../netns.ts';
import type { HookVerdict } from '../netfilter.ts';
import { refreshView, type XtPacket } from '../xt/packet.ts';
import type { Connection, Direction } from './connection.ts';
import { type Manip, manipPacket } from './manip.ts';
import { hasPorts, invertTuple, isIcmp, readQuoted, sameTuple, type Tuple, tupleKey } from './tuple.ts';

/** Where one side of a connection may be translated to. Null addresses keep the present one. Models struct nf_nat_range2 */
export interface NatRange {
  readonly min: IpAddr | null;
  readonly max: IpAddr | null;
  /** Ports; null when not given. */
  readonly ports: { readonly min: number; readonly max: number; readonly base?: number } | null;
  readonly random?: boolean;
  readonly fullyRandom?: boolean;
  readonly persistent?: boolean;
  /** NETMAP: bits of `min` that replace the address's own. */
  readonly netmap?: boolean;
}

declare module '../../../sim/trace.ts' {
  interface TraceEvents {
    /** Packets of a connection get this side rewritten; tuples before and after. */
    'net.nat': { skb: number; host: string; ns: string; hook: string; manip: Manip; from: string; to: string };
  }
}

const other = (dir: Direction): Direction => (dir === 'original' ? 'reply' : 'original');

/** Binds a side of an unconfirmed connection. `drop`: no free tuple is left at confirmation, as in Linux. */
export function natSetup(ns: Netns, ct: Connection, range: NatRange, manip: Manip, p: XtPacket): HookVerdict {
  if (ct.confirmed) return 'accept';
  if (manip === 'src' ? ct.srcNatDone : ct.dstNatDone) return 'accept';
  const current = invertTuple(ct.reply);
  if (!current) return 'accept';
  const tuple = uniqueTuple(ns, ct, current, range, manip);
  if (!sameTuple(tuple, current)) {
    ct.reply = invertTuple(tuple) ?? ct.reply;
    if (manip === 'src') ct.srcNat = true;
    else ct.dstNat = true;
    if (ns.kernel.sim.trace.on) {
      const at = { host: ns.kernel.hostname, ns: ns.kernel.nameOf(ns) ?? '', hook: p.hook };
      const event = { skb: p.skb.id, ...at, manip, from: tupleKey(current), to: tupleKey(tuple) };
      ns.kernel.sim.trace.emit('net.nat', event, p.skb, ct);
    }
  }
  if (manip === 'src') ct.srcNatDone = true;
  else ct.dstNatDone = true;
  return 'accept';
}

/** No rule spoke: keep the address, but never share a tuple with another connection. */
export function nullBinding(ns: Netns, ct: Connection, manip: Manip, p: XtPacket): HookVerdict {
  const addr = manip === 'src' ? ct.reply.dst : ct.reply.src;
  return natSetup(ns, ct, { min: addr, max: addr, ports: null }, manip, p);
}

/** get_unique_tuple(): the first acceptable tuple that no other connection's replies use. */
function uniqueTuple(ns: Netns, ct: Connection, current: Tuple, range: NatRange, manip: Manip): Tuple {
  const used = (t: Tuple): boolean => {
    const reply = invertTuple(t);
    return reply !== null && ns.ct.taken(reply, ct);
  };
  const random = range.random === true || range.fullyRandom === true;
  if (manip === 'src' && !random && inRange(current, range, manip) && !used(current)) return current;
  let tuple = pickAddress(current, range, manip);
  if (!random) {
    const port = portOf(tuple, manip);
    if (range.ports && range.ports.base === undefined) {
      if (port >= range.ports.min && port <= range.ports.max && (range.ports.min === range.ports.max || !used(tuple))) return tuple;
    } else if (!range.ports && !used(tuple)) return tuple;
  }
  if (!hasPorts(tuple.proto) && !isIcmp(tuple.proto)) return tuple;
  const span = portSpan(tuple, range, manip);
  if (!span) return tuple;
  const [min, size] = span;
  const rng = ns.kernel.sim.rng('nf_nat');
  let offset = range.ports?.base !== undefined ? portOf(current, manip) - range.ports.base : rng.below(65536);
  let attempts = Math.min(size, 128);
  for (;;) {
    for (let i = 0; i < attempts; i++, offset++) {
      tuple = withPort(tuple, manip, min + (((offset % size) + size) % size));
      if (!used(tuple) || (attempts - i <= HARDER && evicts(ns, ct, tuple))) return tuple;
    }
    if (attempts >= size || attempts < 16) return tuple;
    attempts = Math.floor(attempts / 2);
    offset = rng.below(65536);
  }
}

/** The last so many attempts also take tuples of connections that are over: NF_NAT_HARDER_THRESH. */
const HARDER = 32;

/** nf_nat_used_tuple_harder(): ends a closed TCP connection whose tuple a later one may use. True when it did. */
function evicts(ns: Netns, ct: Connection, tuple: Tuple): boolean {
  if (ct.tcp?.state !== 'SYN_SENT') return false;
  const reply = invertTuple(tuple);
  const entry = reply === null ? null : ns.ct.find(reply, ct.zone);
  const old = entry?.ct;
  if (!old?.tcp || entry?.dir === 'original' || old === ct || !old.srcNat) return false;
  if (old.tcp.state !== 'TIME_WAIT' && old.tcp.state !== 'CLOSE') return false;
  if (((ct.tcp.original.end - old.tcp.original.end) | 0) <= 0) return false;
  ns.ct.destroy(old);
  return true;
}

/** Which ports may be tried: those of the rule, or Linux' classes (below 512, below 1024, the rest). Null: none. */
function portSpan(tuple: Tuple, range: NatRange, manip: Manip): [number, number] | null {
  if (range.ports) return [range.ports.min, Math.max(1, range.ports.max - range.ports.min + 1)];
  if (isIcmp(tuple.proto)) return [0, 65536];
  if (manip === 'dst') return null;
  if (tuple.sport < 512) return [1, 511];
  if (tuple.sport < 1024) return [600, 424];
  return [1024, 64512];
}

function portOf(t: Tuple, manip: Manip): number {
  return manip === 'src' ? t.sport : t.dport;
}

function withPort(t: Tuple, manip: Manip, port: number): Tuple {
  if (isIcmp(t.proto)) return { ...t, sport: port, dport: port };
  return manip === 'src' ? { ...t, sport: port } : { ...t, dport: port };
}

function inRange(t: Tuple, range: NatRange, manip: Manip): boolean {
  const addr = manip === 'src' ? t.src : t.dst;
  if (range.netmap) return false;
  if (range.min !== null && range.max !== null && (addr < range.min || addr > range.max)) return false;
  if (!range.ports || (!hasPorts(t.proto) && !isIcmp(t.proto))) return true;
  const port = portOf(t, manip);
  return port >= range.ports.min && port <= range.ports.max;
}

/** find_best_ips_proto(): one address of the range, the same for the same client. */
function pickAddress(t: Tuple, range: NatRange, manip: Manip): Tuple {
  if (range.min === null || range.max === null) return t;
  let addr = range.min;
  if (range.min !== range.max) {
    const seed = range.persistent ? `${t.src}` : `${t.src}/${t.dst}`;
    let h = 0x811c9dc5;
    for (let i = 0; i < seed.length; i++) h = Math.imul(h ^ seed.charCodeAt(i), 0x01000193);
    h ^= h >>> 15;
    if (typeof range.min === 'number') addr = range.min + ((h >>> 0) % ((range.max as number) - range.min + 1));
    else addr = range.min + (BigInt(h >>> 0) % ((range.max as bigint) - range.min + 1n));
  }
  return manip === 'src' ? { ...t, src: addr } : { ...t, dst: addr };
}

/** nf_nat_packet(): rewrites this packet as its connection's bindings say. True when something was rewritten. */
export function natPacket(p: XtPacket, ct: Connection, dir: Direction, manip: Manip): boolean {
  const bit: Manip = dir === 'original' ? manip : manip === 'src' ? 'dst' : 'src';
  if (!(bit === 'src' ? ct.srcNat : ct.dstNat)) return false;
  const target = invertTuple(ct.tuple(other(dir)));
  if (!target) return false;
  const to = manip === 'src' ? { addr: target.src, port: target.sport } : { addr: target.dst, port: target.dport };
  manipPacket(
    p.skb.data,
    p.family,
    0,
    p.l4,
    p.frag > 0 ? 0 : p.proto,
    manip,
    to,
    undefined,
    p.skb.csumBytes > 0 && p.skb.csumBytes === p.skb.data.length - p.l4,
  );
  refreshView(p);
  return true;
}

/** An ICMP error's quoted packet, and its own address, as the receiver knows them. False: not to be sent. Models nf_nat_icmp_reply_translation() */
export function natIcmpError(p: XtPacket, ct: Connection, dir: Direction, manip: Manip): boolean {
  // A redirect names addresses that the other end does not know by these names.
  if (p.family === 4 && p.skb.data[p.l4] === ICMP_REDIRECT && (ct.srcNat || ct.dstNat)) return false;
  const bit: Manip = dir === 'original' ? manip : manip === 'src' ? 'dst' : 'src';
  if (!(bit === 'src' ? ct.srcNat : ct.dstNat)) return true;
  const b = p.skb.data;
  const quoted = readQuoted(b, p.family, p.l4);
  if (!quoted) return true;
  const inner = ct.tuple(other(dir));
  const innerManip: Manip = manip === 'src' ? 'dst' : 'src';
  const innerTo = innerManip === 'src' ? { addr: inner.src, port: inner.sport } : { addr: inner.dst, port: inner.dport };
  manipPacket(b, p.family, quoted.ip, quoted.l4, quoted.tuple.proto, innerManip, innerTo);
  const outer = invertTuple(inner);
  if (!outer) return true;
  manipPacket(b, p.family, 0, p.l4, 0, manip, { addr: manip === 'src' ? outer.src : outer.dst, port: 0 });
  refreshView(p);
  put16(b, p.l4 + 2, 0);
  const start = p.family === 6 ? pseudo(p.src, p.dst, IPPROTO_ICMPV6, b.length - p.l4) : 0;
  put16(b, p.l4 + 2, fold16(sum16(b, p.l4, b.length, start)));
  return true;
}

export function isIcmpOf(p: XtPacket): boolean {
  return p.proto === (familyOf(p.src) === 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}
