/** Policy routing rules: which table a flow looks in. Models net/core/fib_rules.c, net/ipv4/fib_rules.c */

import { type Fail, fail, ok, type Result } from '../../sim/errno.ts';
import { type Family, inPrefix, type Prefix, zeroOf } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import type { Netns } from '../netns.ts';
import type { Flow } from './route.ts';

export type RuleAction = 'lookup' | 'goto' | 'nop' | 'blackhole' | 'unreachable' | 'prohibit';

/** Values are as netlink carries them; null means "not given". Prefix null is `from all`. */
export interface FibRule {
  family: Family;
  priority: number;
  not: boolean;
  src: Prefix | null;
  dst: Prefix | null;
  tos: number;
  fwmark: number;
  fwmask: number;
  iif: string | null;
  oif: string | null;
  /** Protocol number, 0 = any. */
  ipproto: number;
  sport: readonly [number, number] | null;
  dport: readonly [number, number] | null;
  uidrange: readonly [number, number] | null;
  /** Only flows inside a VRF match. */
  l3mdev: boolean;
  /** Tunnel key, 0 = any; a plain packet has none. */
  tunId: number;
  /** Routing realms, the source's in the upper half. */
  realms: number;
  suppressPrefixlen: number;
  suppressIfgroup: number;
  action: RuleAction;
  /** For `lookup`. */
  table: number;
  /** For `goto`: the priority to go on at. */
  target: number;
  protocol: number;
}

/** What `ip rule add` gives: everything optional; without priority it goes before the lowest one above 0. */
export type RuleSpec = Partial<FibRule> & { family: Family };

const RTPROT_KERNEL = 2;

export function makeRule(spec: RuleSpec): FibRule {
  const r: FibRule = {
    priority: 0,
    not: false,
    src: null,
    dst: null,
    tos: 0,
    fwmark: 0,
    fwmask: 0,
    iif: null,
    oif: null,
    ipproto: 0,
    sport: null,
    dport: null,
    uidrange: null,
    l3mdev: false,
    tunId: 0,
    realms: 0,
    suppressPrefixlen: -1,
    suppressIfgroup: -1,
    action: 'lookup',
    table: 0,
    target: 0,
    protocol: 0,
    ...spec,
  };
  if (r.fwmark !== 0 && spec.fwmask === undefined) r.fwmask = 0xffffffff;
  return r;
}

/** What fib_nl2rule() does not take. */
function objection(r: RuleSpec): Fail | null {
  const zero = zeroOf(r.family);
  if (r.src && typeof r.src.addr !== typeof zero) return fail('EINVAL', 'Invalid src address');
  if (r.dst && typeof r.dst.addr !== typeof zero) return fail('EINVAL', 'Invalid dst address');
  if (r.uidrange && r.uidrange[0] > r.uidrange[1]) return fail('EINVAL', 'Invalid uid range');
  if (badRange(r.sport)) return fail('EINVAL', 'Invalid sport range');
  if (badRange(r.dport)) return fail('EINVAL', 'Invalid dport range');
  if (r.family === 4 && (r.tos ?? 0) & 3) return fail('EINVAL', 'Invalid dsfield (tos): ECN bits must be 0');
  return null;
}

function badRange(range: FibRule['sport'] | undefined): boolean {
  return !!range && (range[0] === 0 || range[0] > range[1]);
}

function defaults(family: Family): FibRule[] {
  const base = { family, protocol: RTPROT_KERNEL };
  const list = [makeRule({ ...base, priority: 0, table: 255 }), makeRule({ ...base, priority: 32766, table: 254 })];
  if (family === 4) list.push(makeRule({ ...base, priority: 32767, table: 253 }));
  return list;
}

/** The rules of both families, each in order of priority. */
export class FibRules {
  readonly ns: Netns;
  /** Made when somebody looks: most namespaces keep to the kernel's own rules. */
  private readonly lists: Record<Family, FibRule[] | null> = { 4: null, 6: null };
  /** True while only the kernel's own rules exist (then lookups need not match). */
  plain: Record<Family, boolean> = { 4: true, 6: true };
  /** An IPv4 rule has come: from then on the local and the main table are kept apart (fib_unmerge()). */
  unmerged = false;

  constructor(ns: Netns) {
    this.ns = ns;
  }

  list(family: Family): readonly FibRule[] {
    return this.own(family);
  }

  private own(family: Family): FibRule[] {
    let list = this.lists[family];
    if (!list) {
      list = defaults(family);
      this.lists[family] = list;
    }
    return list;
  }

  /** EEXIST when the same rule is there, unless that does not matter (no NLM_F_EXCL). */
  add(spec: RuleSpec, exclusive = true): Result<FibRule> {
    const list = this.own(spec.family);
    const rule = makeRule(spec);
    const wrong = objection(rule);
    if (wrong) return wrong;
    if (spec.priority === undefined) {
      const first = list.find((r) => r.priority > 0);
      rule.priority = list.length > 0 && list[0]?.priority === 0 && first ? first.priority - 1 : 0;
    }
    if (rule.action === 'goto' && rule.target <= rule.priority) return fail('EINVAL', 'Backward goto not supported');
    if (exclusive && list.some((r) => sameRule(r, rule))) return fail('EEXIST');
    if (spec.family === 4) this.unmerged = true;
    let i = 0;
    while (i < list.length && (list[i] as FibRule).priority <= rule.priority) i++;
    list.splice(i, 0, rule);
    this.changed(rule, 'new');
    return ok(rule);
  }

  /** Deletes the first rule that agrees with every given field; ENOENT when none. */
  del(spec: RuleSpec): Result {
    const wrong = objection(spec);
    if (wrong) return wrong;
    const list = this.own(spec.family);
    const i = list.findIndex((r) => agrees(r, spec));
    if (i < 0) return fail('ENOENT');
    const [rule] = list.splice(i, 1) as [FibRule];
    this.changed(rule, 'del');
    return ok();
  }

  private changed(rule: FibRule, action: 'new' | 'del'): void {
    this.plain[rule.family] = false;
    this.ns.fib.generation++;
    this.ns.events.emit({ type: 'rule', action, rule });
  }
}

/** The VRF that the flow is in: its output device's, or its input device's. */
export function l3master(f: Flow): NetDevice | null {
  return f.oif?.l3master ?? f.iif?.l3master ?? null;
}

export function ruleMatches(r: FibRule, f: Flow, iif: NetDevice | null, oif: NetDevice | null): boolean {
  let hit = r.tunId === 0 && (!r.l3mdev || l3master(f) !== null);
  if (hit && r.src && !inPrefix(f.src ?? zeroOf(r.family), r.src.addr, r.src.len)) hit = false;
  if (hit && r.dst && !inPrefix(f.dst, r.dst.addr, r.dst.len)) hit = false;
  if (hit && r.iif !== null && iif?.name !== r.iif) hit = false;
  if (hit && r.oif !== null && oif?.name !== r.oif) hit = false;
  if (hit && r.fwmask !== 0 && (((f.mark ?? 0) ^ r.fwmark) & r.fwmask) !== 0) hit = false;
  if (hit && r.tos !== 0 && r.tos !== ((f.tos ?? 0) & 0x1c)) hit = false;
  if (hit && r.ipproto !== 0 && r.ipproto !== f.proto) hit = false;
  if (hit && r.sport && !within(f.sport, r.sport)) hit = false;
  if (hit && r.dport && !within(f.dport, r.dport)) hit = false;
  if (hit && r.uidrange && !within(f.uid ?? 0, r.uidrange)) hit = false;
  return hit !== r.not;
}

function within(v: number | undefined, range: readonly [number, number]): boolean {
  return v !== undefined && v >= range[0] && v <= range[1];
}

const FIELDS = [
  'priority',
  'not',
  'src',
  'dst',
  'tos',
  'fwmark',
  'fwmask',
  'iif',
  'oif',
  'ipproto',
  'sport',
  'dport',
  'uidrange',
  'l3mdev',
  'tunId',
  'realms',
  'suppressPrefixlen',
  'suppressIfgroup',
  'action',
  'table',
  'target',
] as const;

function text(v: unknown): string {
  if (typeof v === 'object' && v !== null) return Object.values(v).map(String).join('/');
  return String(v);
}

function sameRule(a: FibRule, b: FibRule): boolean {
  return FIELDS.every((k) => text(a[k]) === text(b[k]));
}

function agrees(r: FibRule, spec: RuleSpec): boolean {
  return FIELDS.every((k) => spec[k] === undefined || text(spec[k]) === text(r[k]));
}
