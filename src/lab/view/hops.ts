/** A packet's way cut into hops: its stay in one namespace after the other, with what was done to it there. */

import type { Dst, FibResult } from '../../net/ip/route.ts';
import type { NftRule } from '../../net/netfilter/nft/table.ts';
import { Rule } from '../../net/netfilter/xt/rule.ts';
import { formatMac, readMac } from '../../wire/mac.ts';
import { packetOf, rawPacketOf } from '../probe/flow.ts';
import { tupleArrow } from '../probe/journey.ts';
import { diff, dissect } from './dissect.ts';
import { isAside, reasonOf } from './reasons.ts';
import type { Seen, Traced } from './recorder.ts';
import { type Texts, tableName } from './texts.ts';
import type { HeaderDiff, HopView, LayerView, StepView } from './told.ts';
import { spaceOf, tunnelText } from './traffic.ts';

/** Gives a rule or route its number. */
export type Number = (about: unknown) => number;

/** One stay while it is put together. */
interface Stay {
  readonly space: string;
  readonly from: Stay | null;
  readonly seen: Seen[];
}

const MAX_HOPS = 200;

/** Steps through the events: a stay goes on while a packet, or what was made of it, is in the same namespace. */
export function stays(packet: Traced): Stay[] {
  const out: Stay[] = [];
  const now = new Map<number, Stay>();
  for (const s of packet.seen) {
    const { e } = s;
    const space = spaceOf(e);
    const before = now.get(e.skb) ?? now.get(s.parent);
    let stay = before?.space === space ? before : null;
    if (!stay) {
      if (out.length >= MAX_HOPS) break;
      stay = { space, from: before ?? null, seen: [] };
      out.push(stay);
    }
    stay.seen.push(s);
    now.set(e.skb, stay);
  }
  return out;
}

const fatal = (s: Seen): boolean => s.e.kind === 'net.drop' && !isAside(s.e.reason);
/** Handed to a program, or to a protocol that is no tunnel's. */
const arrives = (s: Seen): boolean => s.e.kind === 'net.deliver';

/** The stays that lead to where the packet ended; what other copies saw is beside the way. */
function mainWay(all: readonly Stay[]): ReadonlySet<Stay> {
  const leaf = (s: Stay): boolean => !all.some((x) => x.from === s);
  const ends = all.filter(leaf);
  const good = ends.filter((s) => s.seen.some(arrives));
  const bad = ends.filter((s) => s.seen.some(fatal));
  const chosen = good.length > 0 || bad.length > 0 ? [...good, ...bad] : ends.filter((s) => !s.seen.some((x) => x.e.kind === 'net.drop'));
  const picked = chosen.length > 0 ? chosen : ends;
  const main = new Set<Stay>();
  for (const end of picked) for (let s: Stay | null = end; s && !main.has(s); s = s.from) main.add(s);
  return main;
}

const isFrame = (s: Seen): s is Seen & { e: { kind: 'net.tx' | 'net.rx'; bytes: Uint8Array } } =>
  s.e.kind === 'net.tx' || s.e.kind === 'net.rx';

const layersAt = (s: Seen): LayerView[] | null => (isFrame(s) ? dissect(s.e.bytes, true) : s.data ? dissect(s.data, false) : null);

export class Hops {
  private readonly texts: Texts;
  private readonly number: Number;
  private readonly titleOf: (space: string) => string;

  constructor(texts: Texts, number: Number, titleOf: (space: string) => string) {
    this.texts = texts;
    this.number = number;
    this.titleOf = titleOf;
  }

  of(packet: Traced): HopView[] {
    const all = stays(packet);
    const main = mainWay(all);
    return all.map((s) => this.hop(s, !main.has(s)));
  }

  private hop(stay: Stay, aside: boolean): HopView {
    const { seen, space } = stay;
    const first = seen.find((s) => layersAt(s) !== null);
    const lastOut = seen.findLast((s) => s.e.kind === 'net.tx');
    const dropped = seen.some(fatal) || (aside && seen.some((s) => s.e.kind === 'net.drop'));
    const ended = seen.at(-1) as Seen;
    const delivered = !dropped && seen.some((s) => arrives(s) && !this.tunnelled(s, seen));
    const end = dropped ? 'dropped' : delivered ? 'delivered' : lastOut ? 'sent' : 'seen';
    const before = first ? (layersAt(first) ?? []) : [];
    const lastSeen = end === 'sent' ? lastOut : seen.findLast((s) => layersAt(s) !== null);
    const after = lastSeen && lastSeen !== first ? layersAt(lastSeen) : null;
    const changes = diff(before, after ?? before);
    const conntrack = entries(seen);
    return {
      space,
      title: this.titleOf(space),
      began: (seen[0] as Seen).e.time,
      ended: ended.e.time,
      steps: translated(this.steps(seen), changes, seen),
      before,
      after,
      diff: changes,
      conntrack,
      end,
      aside,
    };
  }

  /** Handed to a tunnel device, which unwraps it. */
  private tunnelled(s: Seen, seen: readonly Seen[]): boolean {
    return seen.some((x) => x.e.kind === 'net.rx' && x.parent === s.e.skb && x.seq > s.seq);
  }

  private steps(seen: readonly Seen[]): StepView[] {
    const steps: StepView[] = [];
    let tunnels = -1;
    const told = ordered(seen);
    for (const s of told) {
      if (isFrame(s) || s.data) {
        const p = isFrame(s) ? packetOf(s.e.bytes) : rawPacketOf(s.data as Uint8Array);
        const depth = p?.tunnels.length ?? 0;
        if (tunnels >= 0 && depth !== tunnels && p) {
          const around = depth > tunnels ? p.tunnels[0] : null;
          const text = around ? `wrapped in ${tunnelText(around)}` : 'unwrapped: the outer headers are taken off';
          steps.push({ ...this.plain(s), kind: depth > tunnels ? 'wrap' : 'unwrap', text });
        }
        tunnels = depth;
      }
      if (s.e.kind === 'net.tx') {
        const neighbour = this.neighbour(s, told);
        if (neighbour) steps.push(neighbour);
      }
      const step = this.step(s, told);
      if (step) steps.push(step);
    }
    return steps;
  }

  /** Whose MAC address a routed packet was given. */
  private neighbour(s: Seen, all: readonly Seen[]): StepView | null {
    if (s.e.kind !== 'net.tx') return null;
    const { skb, dev, bytes } = s.e;
    const route = all.findLast((x) => x.e.kind === 'net.route' && x.e.skb === skb && x.seq < s.seq);
    if (route?.e.kind !== 'net.route' || route.e.dev !== dev || dev === 'lo') return null;
    if (all.some((x) => x.e.kind === 'net.tx' && x.e.skb === skb && x.seq < s.seq && x.seq > route.seq)) return null;
    const ip = route.e.via || route.e.dst;
    const mac = formatMac(readMac(bytes, 0));
    return { ...this.plain(s), kind: 'neigh', text: `next hop ${ip} is at ${mac}`, code: `${ip} dev ${dev} lladdr ${mac}` };
  }

  private plain(s: Seen): StepView {
    const hook = s.e.kind === 'net.hook' || s.e.kind === 'net.nat' ? s.e.hook : '';
    const dev = 'dev' in s.e ? s.e.dev : '';
    return { kind: 'in', time: s.e.time, hook, dev, text: '', code: '', more: '', ref: 0, table: '', chain: '', minor: false };
  }

  private step(s: Seen, all: readonly Seen[]): StepView | null {
    const { e } = s;
    const base = this.plain(s);
    switch (e.kind) {
      case 'net.rx':
        return { ...base, kind: 'in', text: `in by ${e.dev}` };
      case 'net.tx':
        return { ...base, kind: 'out', text: `out by ${e.dev}`, more: macs(e.bytes) };
      case 'net.deliver':
        return { ...base, kind: 'deliver', text: this.tunnelled(s, all) ? 'handed to the tunnel device' : 'handed to this host' };
      case 'net.nat':
        return {
          ...base,
          kind: 'nat',
          text: `${e.manip === 'src' ? 'source' : 'destination'} rewritten: ${tupleArrow(e.from, e.to, e.manip)}`,
        };
      case 'net.hook':
        return this.hookStep(base, s, e);
      case 'net.route':
        return this.routeStep(base, s, e);
      case 'net.neigh':
        return { ...base, kind: 'neigh', text: neighText(e.state, e.ip, e.dev) };
      case 'net.drop': {
        const rejects = all.some((x) => x.e.kind === 'net.hook' && x.e.skb === e.skb && isReject(x.about));
        const { what, why } = reasonOf(e.reason, rejects);
        return { ...base, kind: 'drop', text: what, more: why, code: this.dropCode(s, all), minor: isAside(e.reason) };
      }
      default:
        return null;
    }
  }

  private dropCode(s: Seen, all: readonly Seen[]): string {
    if (s.e.kind !== 'net.drop') return '';
    if (s.e.reason === 'RP_FILTER') {
      const back = s.about as FibResult | null;
      const ns = this.texts.ns(spaceOf(s.e));
      return back && ns ? this.texts.route(back.route, ns) : '';
    }
    if (!s.e.reason.startsWith('NETFILTER ')) return '';
    const rule = all.findLast((x) => x.e.kind === 'net.hook' && x.e.skb === s.e.skb && x.seq < s.seq);
    return rule?.e.kind === 'net.hook' ? this.ruleCode(rule, rule.e) : '';
  }

  private ruleCode(s: Seen, e: Seen['e'] & { kind: 'net.hook' }): string {
    if (e.rule === 0) return `-P ${e.chain} ${e.verdict.toUpperCase()}`;
    const about = s.about as Rule | NftRule;
    const ns = this.texts.ns(spaceOf(e));
    return this.texts.rule(about, e.chain, s.v6, ns);
  }

  private hookStep(base: StepView, s: Seen, e: Seen['e'] & { kind: 'net.hook' }): StepView {
    const place = { table: e.table, chain: e.chain };
    const code = this.ruleCode(s, e);
    const ref = this.number(s.about);
    if (e.rule === 0)
      return {
        ...base,
        ...place,
        kind: 'policy',
        text: `policy of ${e.table} ${e.chain}: ${e.verdict}`,
        code,
        ref,
        minor: e.verdict !== 'drop',
      };
    const minor = /^(jump|goto|continue|return)/.test(e.verdict);
    return { ...base, ...place, kind: 'rule', text: `${e.table} ${e.chain} rule ${e.rule}: ${e.verdict}`, code, ref, minor };
  }

  private routeStep(base: StepView, s: Seen, e: Seen['e'] & { kind: 'net.route' }): StepView {
    const dst = s.about as Dst;
    const code = this.texts.dst(dst);
    const more = dst.rule ? `table ${tableName(e.table)}, by rule ${this.texts.fibRule(dst.rule, dst.ns)}` : `table ${tableName(e.table)}`;
    const way =
      e.type === 'local' && dst.kind !== 'output'
        ? 'for this host'
        : e.type === 'broadcast' || e.type === 'multicast'
          ? `${e.type}`
          : e.via === ''
            ? `on the link of ${e.dev}`
            : `next hop ${e.via} by ${e.dev}`;
    return {
      ...base,
      kind: 'route',
      text: `route for ${e.dst}: ${way}`,
      code,
      more,
      ref: dst.route ? this.number(dst.route) : 0,
      table: tableName(e.table),
    };
  }
}

/** Entries of connection tracking that the packet had here, the last sight of each. */
function entries(seen: readonly Seen[]): string[] {
  const last = new Map<unknown, () => string>();
  for (const { ct } of seen) if (ct?.confirmed) last.set(ct.ct, ct.text);
  return [...last.values()].map((text) => text());
}

const ENDS = { dst: ['destination', 'destination port'], src: ['source', 'source port'] } as const;

/** Only the first packet of a connection meets the rules of NAT: the others, and all answers, are rewritten as its entry says. */
function translated(steps: readonly StepView[], changes: HeaderDiff, seen: readonly Seen[]): StepView[] {
  const entry = seen.findLast((s) => s.ct !== null && (s.ct.ct.srcNat || s.ct.ct.dstNat))?.ct;
  if (!entry || steps.some((s) => s.kind === 'nat')) return [...steps];
  const out = [...steps];
  // Within its tunnel nobody touches it.
  const bare = out.findLastIndex((s) => s.kind === 'unwrap') + 1;
  for (const side of ['src', 'dst'] as const) {
    const [address, port] = ENDS[side].map((field) =>
      changes.changed.findLast((c) => c.field === field && (field === ENDS[side][1] || c.layer === 'IPv4' || c.layer === 'IPv6')),
    );
    if (!address && !port) continue;
    const show = (when: 'before' | 'after'): string => [address?.[when], port?.[when]].filter((x) => x !== undefined).join(':');
    const what = `${side === 'dst' ? 'destination' : 'source'}${address ? '' : ' port'}`;
    const text = `${what} rewritten: ${show('before')} -> ${show('after')}, as the connection's entry says`;
    const leaves = side === 'src' ? /^(neigh|out|deliver|drop)$/ : /^(?!in$)/;
    const found = out.findIndex((s, i) => i >= bare && leaves.test(s.kind));
    const at = found < 0 ? out.length : found;
    const near = out[Math.min(at, out.length - 1)] as StepView;
    const came = out[bare]?.kind === 'in';
    const hook = side === 'dst' ? (came ? 'PREROUTING' : 'OUTPUT') : near.kind === 'deliver' ? 'INPUT' : 'POSTROUTING';
    out.splice(at, 0, {
      ...near,
      kind: 'nat',
      hook,
      dev: '',
      text,
      code: entry.text(),
      more: '',
      ref: 0,
      table: '',
      chain: '',
      minor: false,
    });
  }
  return out;
}

/** A rewriting is told before the rule that asked for it; to people the rule comes first. */
function ordered(seen: readonly Seen[]): Seen[] {
  const out = [...seen];
  for (let i = 0; i + 1 < out.length; i++) {
    const [a, b] = [out[i] as Seen, out[i + 1] as Seen];
    if (a.e.kind === 'net.nat' && b.e.kind === 'net.hook' && a.e.skb === b.e.skb) {
      out[i] = b;
      out[i + 1] = a;
      i++;
    }
  }
  return out;
}

function isReject(about: unknown): boolean {
  if (about instanceof Rule) return about.spec.target.kind === 'ext' && about.spec.target.ext.name === 'REJECT';
  const stmts = (about as Partial<NftRule> | null)?.stmts;
  return stmts?.some((x) => (x as { s: string }).s === 'reject') ?? false;
}

function macs(frame: Uint8Array): string {
  return frame.length >= 12 ? `${formatMac(readMac(frame, 6))} > ${formatMac(readMac(frame, 0))}` : '';
}

function neighText(state: string, ip: string, dev: string): string {
  if (state === 'INCOMPLETE') return `asks by ARP who has ${ip} on ${dev}`;
  if (state === 'FAILED') return `nobody answered ARP for ${ip} on ${dev}`;
  return `neighbour ${ip} on ${dev}: ${state}`;
}
