/** NAT statements and tproxy: the range that a connection may be translated to. Models net/netfilter/nft_{nat,masq,redir,tproxy}.c */

import type { IpAddr } from '../../../wire/addr.ts';
import { selectAddr } from '../../ip/route.ts';
import { type NatRange, natSetup } from '../conntrack/nat.ts';
import type { XtPacket } from '../xt/packet.ts';
import type { Value } from './datatype.ts';
import type { Expr } from './expr.ts';
import { type CompileCx, compileFind, compileLoad } from './load.ts';
import type { Run, Step } from './run.ts';
import { spansOf } from './set.ts';
import type { NatStmt, TproxyStmt } from './stmt.ts';

interface Bounds {
  readonly min: Value;
  readonly max: Value;
}

/** Address and port bounds that an expression gives for a packet. */
function compileBounds(e: Expr, cx: CompileCx): (p: XtPacket) => readonly Bounds[] | null {
  if (e.k === 'value' || e.k === 'range' || e.k === 'prefix' || (e.k === 'concat' && e.items.every((i) => i.k !== 'payload'))) {
    const bounds = spansOf(e).map((s) => ({ min: s.low, max: s.high }));
    return () => bounds;
  }
  if (e.k === 'map') {
    const find = compileFind(e.key, cx.setOf(e.table), cx);
    return (p) => {
      const data = find(p)?.elem.data;
      return data ? spansOf(data).map((s) => ({ min: s.low, max: s.high })) : null;
    };
  }
  const load = compileLoad(e, cx);
  return (p) => {
    const v = load(p);
    return v === null ? null : [{ min: v, max: v }];
  };
}

const isDst = (s: NatStmt): boolean => s.what === 'dnat' || s.what === 'redirect';

function ownAddress(s: NatStmt, cx: CompileCx, p: XtPacket): IpAddr | null {
  if (s.what === 'masquerade') {
    if (!p.out || p.src === 0 || p.src === 0n) return null;
    return selectAddr(p.out, p.skb.dst?.gateway ?? p.dst, 0);
  }
  if (p.hook === 'OUTPUT') return p.family === 4 ? 0x7f000001 : 1n;
  void cx;
  const list = p.family === 4 ? p.in?.addrs4 : p.in?.addrs6;
  return list?.[0]?.local ?? null;
}

export function compileNat(s: NatStmt, cx: CompileCx): Run {
  const addr = s.addr ? compileBounds(s.addr, cx) : null;
  const port = s.port ? compileBounds(s.port, cx) : null;
  const flags = {
    random: s.flags.includes('random'),
    fullyRandom: s.flags.includes('fully-random'),
    persistent: s.flags.includes('persistent'),
  };
  const family = s.family === 'ip' ? 4 : s.family === 'ip6' ? 6 : null;
  const manip = isDst(s) ? 'dst' : 'src';
  const plain = s.what === 'masquerade' || s.what === 'redirect';
  return (p): Step => {
    const { ct } = p.skb;
    if (!ct) return 'accept';
    if (family !== null && p.family !== family) return 'break';
    let min: IpAddr | null = null;
    let max: IpAddr | null = null;
    let ports: NatRange['ports'] = null;
    if (plain) {
      min = ownAddress(s, cx, p);
      if (min === null) return s.what === 'masquerade' && p.out ? 'drop' : 'drop';
      max = min;
      if (s.what === 'masquerade' && p.out) ct.masqIfindex = p.out.ifindex;
    } else if (addr) {
      const b = addr(p);
      if (!b) return 'break';
      const [first, second] = b;
      min = (first?.min ?? null) as IpAddr | null;
      max = (first?.max ?? null) as IpAddr | null;
      if (s.concat && second) ports = { min: Number(second.min), max: Number(second.max) };
    }
    if (port) {
      const b = port(p);
      if (!b?.[0]) return 'break';
      ports = { min: Number(b[0].min), max: Number(b[0].max) };
    }
    if (s.form === 'prefix' && min !== null && max !== null) {
      const netmapped = mapPrefix(manip === 'dst' ? p.dst : p.src, min, max);
      return natSetup(cx.ns, ct, { min: netmapped, max: netmapped, ports, ...flags, netmap: true }, manip, p) === 'accept'
        ? 'accept'
        : 'drop';
    }
    return natSetup(cx.ns, ct, { min, max, ports, ...flags }, manip, p) === 'accept' ? 'accept' : 'drop';
  };
}

/** The host part stays, the network is replaced. */
function mapPrefix(own: IpAddr, min: IpAddr, max: IpAddr): IpAddr {
  if (typeof own === 'number' && typeof min === 'number' && typeof max === 'number') {
    const host = (min ^ max) >>> 0;
    return ((min & ~host) | (own & host)) >>> 0;
  }
  const host = BigInt(min) ^ BigInt(max);
  return (BigInt(min) & ~host) | (BigInt(own) & host);
}

/** No socket of this kind listens for it: the packet is dropped as when none is found. */
export function compileTproxy(s: TproxyStmt, cx: CompileCx): Run {
  void s;
  void cx;
  return () => 'break';
}
