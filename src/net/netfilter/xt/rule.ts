/** A rule: the part that every rule has, matches, target, counters; compiled into one test. Models struct ipt_entry */

import type { IpAddr } from '../../../wire/addr.ts';
import type { Netns } from '../../netns.ts';
import type { MatchExt, TargetExt, TargetVerdict } from './ext.ts';
import type { XtPacket } from './packet.ts';

export interface AddrMatch {
  readonly addr: IpAddr;
  readonly mask: IpAddr;
  readonly invert: boolean;
}

export interface IfaceMatch {
  /** As given; a trailing `+` matches every name that begins so. */
  readonly name: string;
  readonly invert: boolean;
}

export type StandardVerdict = 'ACCEPT' | 'DROP' | 'RETURN' | 'QUEUE';

export type RuleTarget =
  | { readonly kind: 'none' }
  | { readonly kind: 'verdict'; readonly verdict: StandardVerdict }
  | { readonly kind: 'jump'; readonly chain: string; readonly goto: boolean }
  | { readonly kind: 'ext'; readonly ext: TargetExt; readonly opt: unknown };

export interface RuleMatch {
  readonly ext: MatchExt;
  readonly opt: unknown;
}

export interface RuleSpec {
  src: AddrMatch | null;
  dst: AddrMatch | null;
  in: IfaceMatch | null;
  out: IfaceMatch | null;
  /** Protocol number, 0 for all. */
  proto: number;
  protoInvert: boolean;
  /** `-f`: second and further fragments; null when not asked. */
  frag: { invert: boolean } | null;
  matches: RuleMatch[];
  target: RuleTarget;
  packets: number;
  bytes: number;
}

export function emptyRule(): RuleSpec {
  return {
    src: null,
    dst: null,
    in: null,
    out: null,
    proto: 0,
    protoInvert: false,
    frag: null,
    matches: [],
    target: { kind: 'none' },
    packets: 0,
    bytes: 0,
  };
}

export type RuleTest = (p: XtPacket) => boolean;

/** A rule in a chain of the kernel: its spec, counters and compiled code. */
export class Rule {
  readonly spec: RuleSpec;
  packets: number;
  bytes: number;
  /** Stable identity for nft handles and traces. */
  readonly handle: number;
  private readonly ns: Netns;
  private code: RuleTest | null;
  private targetCode: ((p: XtPacket) => TargetVerdict) | null;
  /** An IPv4 packet that the rule can match has these bits: looked at before anything is called. */
  readonly srcMask: number;
  readonly srcBits: number;
  readonly dstMask: number;
  readonly dstBits: number;
  /** Some part of it may stand at certain hooks only. */
  readonly hooked: boolean;
  /** How many of its parts need connection tracking. */
  readonly ctUsers: number;

  constructor(spec: RuleSpec, ns: Netns, handle: number) {
    this.spec = spec;
    this.packets = spec.packets;
    this.bytes = spec.bytes;
    this.handle = handle;
    const src = plainAddr(spec.src);
    const dst = plainAddr(spec.dst);
    this.srcMask = src ? (src.mask as number) | 0 : 0;
    this.srcBits = src ? (src.addr as number) & (src.mask as number) : 0;
    this.dstMask = dst ? (dst.mask as number) | 0 : 0;
    this.dstBits = dst ? (dst.addr as number) & (dst.mask as number) : 0;
    this.ns = ns;
    // Of ten thousand Services' rules few ever meet a packet: what keeps nothing between packets is compiled when the first one comes.
    let hooked = false;
    let users = 0;
    let stateless = true;
    for (const { ext } of spec.matches) {
      if (ext.hooks || ext.hooksFor) hooked = true;
      if (ext.conntrack) users++;
      if (!STATELESS.has(ext.name)) stateless = false;
    }
    this.code = stateless ? null : compileTests(spec, ns);
    this.targetCode = null;
    if (spec.target.kind === 'ext') {
      const { ext, opt } = spec.target;
      if (ext.hooks || ext.hooksFor) hooked = true;
      if (ext.conntrack) users++;
      if (!STATELESS.has(ext.name)) this.targetCode = ext.run(opt, ns);
    }
    this.hooked = hooked;
    this.ctUsers = users;
  }

  /** What must hold besides the addresses' bits. */
  test(p: XtPacket): boolean {
    this.code ??= compileTests(this.spec, this.ns);
    return this.code(p);
  }

  /** Runs the target extension. */
  action(p: XtPacket): TargetVerdict {
    const { target } = this.spec;
    if (this.targetCode === null) {
      if (target.kind !== 'ext') return 'continue';
      this.targetCode = target.ext.run(target.opt, this.ns);
    }
    return this.targetCode(p);
  }
}

/** Extensions whose code has no memory and does nothing when it is made. */
const STATELESS: ReadonlySet<string> = new Set([
  ...['comment', 'tcp', 'udp', 'icmp', 'multiport', 'conntrack', 'state', 'mark', 'addrtype', 'physdev', 'statistic'],
  ...['ACCEPT', 'DROP', 'DNAT', 'SNAT', 'MASQUERADE', 'MARK', 'REJECT', 'REDIRECT'],
]);

function plainAddr(m: AddrMatch | null): AddrMatch | null {
  return m && !m.invert && typeof m.addr === 'number' ? m : null;
}

function addrTest(m: AddrMatch, side: 'src' | 'dst'): RuleTest {
  const { addr, mask, invert } = m;
  if (typeof addr === 'number') {
    const want = (addr & (mask as number)) >>> 0;
    const bits = mask as number;
    if (side === 'src') return (p) => (((p.src as number) & bits) >>> 0 === want) !== invert;
    return (p) => (((p.dst as number) & bits) >>> 0 === want) !== invert;
  }
  const bits = mask as bigint;
  const want = addr & bits;
  if (side === 'src') return (p) => (((p.src as bigint) & bits) === want) !== invert;
  return (p) => (((p.dst as bigint) & bits) === want) !== invert;
}

function ifaceTest(m: IfaceMatch, side: 'in' | 'out'): RuleTest {
  const { invert } = m;
  const plus = m.name.endsWith('+');
  const name = plus ? m.name.slice(0, -1) : m.name;
  const same = plus ? (dev: string) => dev.startsWith(name) : (dev: string) => dev === name;
  return (p) => same((side === 'in' ? p.in?.name : p.out?.name) ?? '') !== invert;
}

function compileTests(spec: RuleSpec, ns: Netns): RuleTest {
  const tests: RuleTest[] = [];
  if (spec.dst && !plainAddr(spec.dst)) tests.push(addrTest(spec.dst, 'dst'));
  if (spec.src && !plainAddr(spec.src)) tests.push(addrTest(spec.src, 'src'));
  if (spec.in) tests.push(ifaceTest(spec.in, 'in'));
  if (spec.out) tests.push(ifaceTest(spec.out, 'out'));
  if (spec.proto !== 0) {
    const { proto, protoInvert } = spec;
    tests.push((p) => (p.proto === proto) !== protoInvert);
  }
  if (spec.frag) {
    const { invert } = spec.frag;
    tests.push((p) => p.frag > 0 !== invert);
  }
  for (const m of spec.matches) tests.push(m.ext.run(m.opt, ns));
  const [a, b, c] = tests;
  if (!a) return () => true;
  if (!b) return a;
  if (!c) return (p) => a(p) && b(p);
  if (tests.length === 3) return (p) => a(p) && b(p) && c(p);
  return (p) => {
    for (const test of tests) if (!test(p)) return false;
    return true;
  };
}
