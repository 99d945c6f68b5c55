/** What an expression is worth for a packet: each compiled to a function. Models the eval functions of net/netfilter/nft_{payload,meta,ct,fib,rt,exthdr,numgen,hash,socket}.c */

import { readIp4, readIp6 } from '../../../wire/addr.ts';
import { u16, u32 } from '../../../wire/bytes.ts';
import { addrType, fibLookup } from '../../ip/route.ts';
import type { Netns } from '../../netns.ts';
import { hasL4, type XtPacket } from '../xt/packet.ts';
import { fromBig, type Value } from './datatype.ts';
import type { CtExpr, Expr, FibExpr, HashExpr, MetaExpr, NumgenExpr, PayloadExpr } from './expr.ts';
import { loadExt } from './exthdr.ts';
import type { NftPacket } from './frame.ts';
import type { Base } from './proto.ts';
import { runElem } from './run.ts';
import type { NftSet } from './set.ts';

/** Null: there is no such thing, the rule does not match. */
export type Load = (p: XtPacket) => Value | null;

/** Sets of rules and how anonymous ones are made. */
export interface CompileCx {
  readonly ns: Netns;
  setOf(e: Expr): NftSet;
}

const NOTHING: Load = () => null;

/** Where a layer begins in `skb.data`; -1 when it is not there. */
function begin(p: XtPacket, base: Base): number {
  if (base === 'nh') return 0;
  if (p.frag !== 0 || p.proto < 0) return -1;
  if (base === 'th') return p.l4;
  const b = p.skb.data;
  if (p.proto === 6) return hasL4(p, 20) ? p.l4 + ((b[p.l4 + 12] as number) >> 4) * 4 : -1;
  if (p.proto === 17) return p.l4 + 8;
  return p.proto === 1 || p.proto === 58 ? p.l4 + 8 : p.l4;
}

/** Bits of big-endian bytes. */
export function readBits(b: Uint8Array, at: number, off: number, len: number): number | bigint | null {
  const first = at + (off >> 3);
  const last = at + ((off + len + 7) >> 3);
  if (last > b.length || len === 0) return null;
  if (last - first <= 6) {
    let v = 0;
    for (let i = first; i < last; i++) v = v * 256 + (b[i] as number);
    const drop = (last - at) * 8 - off - len;
    if (drop > 0) v = Math.floor(v / 2 ** drop);
    return len < 48 ? v % 2 ** len : v;
  }
  let v = 0n;
  for (let i = first; i < last; i++) v = (v << 8n) | BigInt(b[i] as number);
  v >>= BigInt((last - at) * 8 - off - len);
  return fromBig(v & ((1n << BigInt(len)) - 1n));
}

/** The Ethernet header that the packet came with, as bytes. */
function linkHeader(p: XtPacket): Uint8Array {
  const { skb } = p;
  const b = new Uint8Array(18);
  for (let i = 0; i < 6; i++) {
    b[i] = Math.floor(skb.ethDst / 2 ** (40 - 8 * i)) & 255;
    b[6 + i] = Math.floor(skb.ethSrc / 2 ** (40 - 8 * i)) & 255;
  }
  if (skb.vlan !== null) {
    b[12] = 0x81;
    b[14] = skb.vlan >> 8;
    b[15] = skb.vlan & 255;
    b[16] = skb.proto >> 8;
    b[17] = skb.proto & 255;
    return b;
  }
  b[12] = skb.proto >> 8;
  b[13] = skb.proto & 255;
  return b;
}

function loadPayload(e: PayloadExpr): Load {
  const { base, off, len } = e;
  if (base === 'll') {
    const from = off + (e.desc?.name === 'vlan' ? 112 : 0);
    if (e.desc?.name === 'ether' && e.field?.name === 'saddr') return (p) => p.skb.ethSrc;
    if (e.desc?.name === 'ether' && e.field?.name === 'daddr') return (p) => p.skb.ethDst;
    return (p) => readBits(linkHeader(p), 0, from, len);
  }
  if (e.desc?.name === 'ip' && e.field?.name === 'saddr') return (p) => (p.family === 4 ? p.src : null);
  if (e.desc?.name === 'ip' && e.field?.name === 'daddr') return (p) => (p.family === 4 ? p.dst : null);
  if (e.desc?.name === 'ip6' && e.field?.name === 'saddr') return (p) => (p.family === 6 ? p.src : null);
  if (e.desc?.name === 'ip6' && e.field?.name === 'daddr') return (p) => (p.family === 6 ? p.dst : null);
  if (base === 'th' && len === 16 && off % 8 === 0) {
    const at = off / 8;
    return (p) => (p.frag === 0 && p.l4 + at + 2 <= p.skb.data.length ? u16(p.skb.data, p.l4 + at) : null);
  }
  if (base === 'th' && len === 8 && off % 8 === 0) {
    const at = off / 8;
    return (p) => (p.frag === 0 && p.l4 + at < p.skb.data.length ? (p.skb.data[p.l4 + at] as number) : null);
  }
  return (p) => {
    const at = begin(p, base);
    return at < 0 ? null : readBits(p.skb.data, at, off, len);
  };
}

const DAY = 86400;
const HW_TYPES: Readonly<Record<string, number>> = { loopback: 772, ipip: 768, tun: 65534, sit: 776, gre: 778 };

function loadMeta(e: MetaExpr, ns: Netns): Load {
  const { kernel } = ns;
  const seconds = (): number => Math.floor((kernel.sim.epochMs + kernel.sim.now / 1000) / 1000);
  switch (e.key) {
    case 'l4proto':
      return (p) => (p.proto < 0 ? null : p.proto);
    case 'nfproto':
      return (p: NftPacket) => p.pf ?? (p.family === 4 ? 2 : 10);
    case 'protocol':
      return (p) => p.skb.proto;
    case 'mark':
      return (p) => p.skb.mark >>> 0;
    case 'length':
      return (p) => p.len;
    case 'priority':
      return (p) => p.skb.priority >>> 0;
    // Where there is no device, number and name are there all the same: 0 and empty.
    case 'iif':
      return (p) => p.in?.ifindex ?? 0;
    case 'oif':
      return (p) => p.out?.ifindex ?? 0;
    case 'iifname':
      return (p) => p.in?.name ?? '';
    case 'oifname':
      return (p) => p.out?.name ?? '';
    case 'iiftype':
      return (p) => (p.in ? (HW_TYPES[p.in.kind] ?? 1) : null);
    case 'oiftype':
      return (p) => (p.out ? (HW_TYPES[p.out.kind] ?? 1) : null);
    case 'iifgroup':
      return (p) => p.in?.group ?? null;
    case 'oifgroup':
      return (p) => p.out?.group ?? null;
    case 'iifkind':
      return (p) => p.in?.kind ?? null;
    case 'oifkind':
      return (p) => p.out?.kind ?? null;
    case 'ibrname':
      return (p) => (p.skb.bridge?.physIn ?? p.in)?.master?.name ?? null;
    case 'obrname':
      return (p) => (p.skb.bridge?.physOut ?? p.out)?.master?.name ?? null;
    case 'skuid':
      return (p) => p.skb.sk?.uid ?? null;
    case 'skgid':
      return (p) => p.skb.sk?.gid ?? null;
    case 'nftrace':
      return (p) => (p.skb.nfTrace ? 1 : 0);
    case 'pkttype':
      return (p) => pktType(p);
    case 'cpu':
      return () => 0;
    case 'random': {
      const rng = kernel.sim.rng('nft_meta_random');
      return () => rng.below(0x100000000);
    }
    case 'cgroup':
    case 'rtclassid':
    case 'secmark':
      return () => 0;
    case 'ipsec':
      return () => 0;
    case 'time':
      return () => fromBig(BigInt(seconds()) * 1000000000n);
    case 'day':
      return () => (Math.floor(seconds() / DAY) + 4) % 7;
    case 'hour':
      return () => seconds() % DAY;
    case 'sdif':
      return (p) => p.in?.ifindex ?? null;
    case 'sdifname':
      return (p) => p.in?.name ?? null;
    default:
      return NOTHING;
  }
}

function pktType(p: XtPacket): number {
  const { type } = p.skb;
  if (type === 'broadcast') return 1;
  if (type === 'multicast') return 2;
  return type === 'otherhost' ? 3 : 0;
}

const STATE_BITS = { INVALID: 1, ESTABLISHED: 2, RELATED: 4, NEW: 8 } as const;

function ctStatus(p: XtPacket): number | null {
  const { ct } = p.skb;
  if (!ct) return null;
  const natDone = (ct.srcNatDone ? 128 : 0) | (ct.dstNatDone ? 256 : 0);
  return (
    (ct.master ? 1 : 0) |
    (ct.seenReply ? 2 : 0) |
    (ct.assured ? 4 : 0) |
    (ct.confirmed ? 8 : 0) |
    (ct.srcNat ? 16 : 0) |
    (ct.dstNat ? 32 : 0) |
    natDone |
    (ct.dying ? 512 : 0)
  );
}

function loadCt(e: CtExpr, ns: Netns): Load {
  const { dir } = e;
  const tuple = dir ?? 'original';
  const sum =
    (what: 'packets' | 'bytes') =>
    (p: XtPacket): number | null => {
      const { ct } = p.skb;
      if (!ct) return null;
      return dir ? ct[what][dir] : ct[what].original + ct[what].reply;
    };
  switch (e.key) {
    case 'state':
      return (p) => (p.skb.ctInfo ? STATE_BITS[p.skb.ctInfo.state] : p.skb.untracked ? 64 : 1);
    case 'direction':
      return (p) => (p.skb.ctInfo ? (p.skb.ctInfo.dir === 'original' ? 0 : 1) : null);
    case 'status':
      return ctStatus;
    case 'mark':
      return (p) => (p.skb.ct ? p.skb.ct.mark >>> 0 : null);
    case 'expiration':
      return (p) => {
        const { ct } = p.skb;
        if (!ct) return null;
        return Math.max(0, Math.floor((ct.confirmed ? ct.expires - ns.kernel.sim.now : ct.expires) / 1000));
      };
    case 'helper':
      return NOTHING;
    case 'label':
      return (p) => (p.skb.ct ? fromBig(p.skb.ct.labels) : null);
    case 'id':
      return (p) => p.skb.ct?.id ?? null;
    case 'zone':
      return (p) => p.skb.ct?.zone ?? null;
    case 'packets':
      return sum('packets');
    case 'bytes':
      return sum('bytes');
    case 'avgpkt': {
      const packets = sum('packets');
      const bytes = sum('bytes');
      return (p) => {
        const n = packets(p);
        return n === null ? null : n === 0 ? 0 : Math.floor((bytes(p) ?? 0) / n);
      };
    }
    case 'protocol':
      return (p) => p.skb.ct?.original.proto ?? null;
    case 'l3proto':
      return (p) => (p.skb.ct ? (typeof p.skb.ct.original.src === 'number' ? 2 : 10) : null);
    case 'ip saddr':
    case 'ip6 saddr':
      return (p) => p.skb.ct?.tuple(tuple).src ?? null;
    case 'ip daddr':
    case 'ip6 daddr':
      return (p) => p.skb.ct?.tuple(tuple).dst ?? null;
    case 'proto-src':
      return (p) => p.skb.ct?.tuple(tuple).sport ?? null;
    case 'proto-dst':
      return (p) => p.skb.ct?.tuple(tuple).dport ?? null;
    default:
      return () => 0;
  }
}

const FIB_TYPES: Readonly<Record<string, number>> = {
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
};

function loadFib(e: FibExpr, ns: Netns): Load {
  const source = e.flags.includes('saddr');
  const withMark = e.flags.includes('mark');
  const iif = e.flags.includes('iif');
  const oif = e.flags.includes('oif');
  const subject = (p: XtPacket) => (source ? p.src : p.dst);
  if (e.result === 'type') {
    return (p) => FIB_TYPES[addrType(ns, subject(p), (iif ? p.in : oif ? p.out : undefined) ?? undefined)] ?? 0;
  }
  const device = (p: XtPacket) => {
    const r = fibLookup(ns, {
      dst: subject(p),
      src: source ? p.dst : p.src,
      mark: withMark ? p.skb.mark : 0,
      iif: ns.lo,
      ignoreLinkstate: true,
    });
    if (!r.ok || (r.value.route.type !== 'unicast' && r.value.route.type !== 'local')) return null;
    const nexthops = r.value.route.nexthops;
    const want = iif ? p.in : oif ? p.out : null;
    const hop = want ? nexthops.find((n) => n.dev === want) : nexthops[0];
    return hop?.dev ?? null;
  };
  if (e.result === 'oifname') return (p) => device(p)?.name ?? '';
  if (e.type.name === 'boolean') return (p) => (device(p) ? 1 : 0);
  return (p) => device(p)?.ifindex ?? 0;
}

function loadNumgen(e: NumgenExpr, ns: Netns): Load {
  const { mod, offset } = e;
  if (e.mode === 'random') {
    const rng = ns.kernel.sim.rng('nft_ng_random');
    return () => rng.below(mod) + offset;
  }
  let count = mod - 1;
  return () => {
    count = count + 1 < mod ? count + 1 : 0;
    return count + offset;
  };
}

/** Not the kernel's function, but as even and as steady. */
function mix(hash: number, v: Value): number {
  let h = hash >>> 0;
  const text = String(v);
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) >>> 0;
  h ^= h >>> 15;
  return Math.imul(h, 0x2c1b3c6d) >>> 0;
}

function loadHash(e: HashExpr, cx: CompileCx): Load {
  const { mod, offset } = e;
  const seed = e.seed ?? cx.ns.kernel.sim.rng('nft_hash_seed').below(0x100000000);
  const reduce = (h: number): number => Math.floor((h / 0x100000000) * mod) + offset;
  if (e.what === 'symhash' || !e.expr) {
    return (p) => {
      const ports = hasL4(p, 4) ? [u16(p.skb.data, p.l4), u16(p.skb.data, p.l4 + 2)] : [0, 0];
      const ends = [`${p.src}/${ports[0]}`, `${p.dst}/${ports[1]}`].sort();
      return reduce(mix(mix(seed, ends[0] as string), ends[1] as string));
    };
  }
  const parts = loadParts(e.expr, cx);
  return (p) => {
    let h = seed;
    for (const part of parts) {
      const v = part(p);
      if (v === null) return null;
      h = mix(h, v);
    }
    return reduce(h);
  };
}

export function loadParts(e: Expr, cx: CompileCx): Load[] {
  return e.k === 'concat' ? e.items.map((i) => compileLoad(i, cx)) : [compileLoad(e, cx)];
}

function loadBinop(e: Expr & { k: 'binop' }, cx: CompileCx): Load {
  const left = compileLoad(e.left, cx);
  const right = e.right.k === 'value' && typeof e.right.v !== 'string' ? e.right.v : 0;
  const bits = e.bits || 32;
  if (bits <= 32 && typeof right === 'number') {
    const c = right;
    const f = {
      '&': (v: number) => (v & c) >>> 0,
      '|': (v: number) => (v | c) >>> 0,
      '^': (v: number) => (v ^ c) >>> 0,
      '<<': (v: number) => (v << c) >>> 0,
      '>>': (v: number) => v >>> c,
    }[e.op];
    return (p) => {
      const v = left(p);
      return typeof v === 'number' ? f(v) : null;
    };
  }
  const c = BigInt(right);
  const mask = (1n << BigInt(bits)) - 1n;
  return (p) => {
    const v = left(p);
    if (v === null || typeof v === 'string') return null;
    const b = BigInt(v);
    const r = e.op === '&' ? b & c : e.op === '|' ? b | c : e.op === '^' ? b ^ c : e.op === '<<' ? b << c : b >> c;
    const out = r & mask;
    return typeof v === 'bigint' ? out : fromBig(out);
  };
}

function socketOf(e: Expr & { k: 'socket' }, ns: Netns): Load {
  void ns;
  return (p) => {
    const { sk } = p.skb;
    if (!sk) return null;
    if (e.key === 'transparent') return sk.opt.transparent ? 1 : 0;
    if (e.key === 'mark') return sk.opt.mark;
    return e.key === 'wildcard' ? (sk.local.addr === 0 || sk.local.addr === 0n ? 1 : 0) : null;
  };
}

/** The looked-up data of a map. */
function loadMap(e: Expr & { k: 'map' }, cx: CompileCx): Load {
  const find = compileFind(e.key, cx.setOf(e.table), cx);
  return (p) => {
    const el = find(p);
    if (!el?.elem.data || !runElem(el, p, cx)) return null;
    const { data } = el.elem;
    return data.k === 'value' ? data.v : null;
  };
}

/** The element of a set that the packet's key is in. */
export function compileFind(key: Expr, set: NftSet, cx: CompileCx): (p: XtPacket) => ReturnType<NftSet['find']> {
  const { sim } = cx.ns.kernel;
  if (key.k !== 'concat') {
    const load = compileLoad(key, cx);
    return (p) => {
      const v = load(p);
      return v === null ? null : set.find(v, sim.now);
    };
  }
  const parts = loadParts(key, cx);
  const n = parts.length;
  return (p) => {
    const values: Value[] = [];
    for (let i = 0; i < n; i++) {
      const v = (parts[i] as Load)(p);
      if (v === null) return null;
      values.push(v);
    }
    return set.findParts(values, sim.now);
  };
}

export function compileLoad(e: Expr, cx: CompileCx): Load {
  switch (e.k) {
    case 'value': {
      const { v } = e;
      return () => v;
    }
    case 'payload':
      return loadPayload(e);
    case 'meta':
      return loadMeta(e, cx.ns);
    case 'ct':
      return loadCt(e, cx.ns);
    case 'fib':
      return loadFib(e, cx.ns);
    case 'ext':
      return loadExt(e);
    case 'numgen':
      return loadNumgen(e, cx.ns);
    case 'hash':
      return loadHash(e, cx);
    case 'binop':
      return loadBinop(e, cx);
    case 'socket':
      return socketOf(e, cx.ns);
    case 'map':
      return loadMap(e, cx);
    case 'rt':
      if (e.key === 'mtu') return (p) => routeMss(p);
      if (e.key === 'classid' || e.key === 'ipsec') return () => 0;
      return (p) => p.skb.dst?.gateway ?? p.dst;
    default:
      return NOTHING;
  }
}

/** TCP MSS that the route's MTU leaves. */
function routeMss(p: XtPacket): number {
  const mtu = p.skb.dst?.dev.mtu ?? p.out?.mtu ?? 1500;
  const back = p.in?.mtu ?? mtu;
  return Math.min(mtu, back) - (p.family === 4 ? 40 : 60);
}

export { readIp4, readIp6, u32 };
