/** The way of a probe's packets: every device, rule and rewriting in order, and where it ended. */

import { formatIp } from '../../wire/addr.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_UDP } from '../../wire/ipv4.ts';
import { nameOf, type Spot } from '../place.ts';
import { ARP, type Packet } from './flow.ts';
import type { PacketEvent, Watch } from './watch.ts';

export interface Step {
  /** Virtual µs. */
  readonly time: number;
  /** Host name of the machine. */
  readonly host: string;
  /** Name under /run/netns; empty for the machine's own. */
  readonly ns: string;
  /** Empty at hooks. */
  readonly device: string;
  readonly what: 'tx' | 'rx' | 'hook' | 'route' | 'nat' | 'deliver' | 'drop' | 'neigh';
  /** What it says beyond that: rule and verdict, next hop, reason. */
  readonly detail: string;
  readonly skb: number;
  /** What it looked like here, or where it was seen last before. */
  readonly packet: Packet | null;
  /** Away from where the probe started, or back. */
  readonly way: 'there' | 'back';
}

export class Journey {
  private readonly watch: Watch;
  private readonly spot: Spot;
  private made: readonly Step[] | null = null;

  constructor(spot: Spot, watch: Watch) {
    this.spot = spot;
    this.watch = watch;
  }

  /** All that happened to the probe's own packets. */
  get steps(): readonly Step[] {
    this.made ??= this.build();
    return this.made;
  }

  /** Only those of packets that carry the probe itself, neither ARP nor what came back. */
  get there(): readonly Step[] {
    return this.steps.filter((s) => s.way === 'there' && s.packet?.proto !== ARP);
  }

  /** As people call it: `node-1`, `pod web-a`. */
  placeName(step: { readonly host: string; readonly ns: string }): string {
    return nameOf(this.spot.world, step.host, step.ns);
  }

  /** The rule that asked for a rewriting, as `table/CHAIN#number`: it is told after what it did. */
  ruleOf(nat: Step): string {
    const i = this.steps.indexOf(nat);
    const hook = this.steps.find((s, n) => n > i && s.what === 'hook' && s.skb === nat.skb);
    return (hook?.detail ?? '').replace(/ .*$/, '');
  }

  /** The packet that this one was made from, copy by copy. */
  root(skb: number): number {
    return this.watch.root(skb);
  }

  /** The first drop that ended a packet: copies of a flooded frame that are for nobody end nothing while another one arrives. */
  get end(): Step | undefined {
    const { steps } = this;
    const drops = steps.filter((s) => s.what === 'drop');
    const fatal = drops.find((s) => !quiet(s.detail));
    if (fatal) return fatal;
    const arrived = new Set(steps.filter((s) => s.what === 'deliver' && s.packet?.tunnels.length === 0).map((s) => this.root(s.skb)));
    return drops.find((s) => s.packet?.proto !== ARP && !arrived.has(this.root(s.skb)));
  }

  /** Where a packet ended when it was dropped, or else the last place where one was seen. */
  get hop(): string | undefined {
    const { steps, end } = this;
    if (end) return `${this.placeName(end)} ${end.device}: ${end.detail}`;
    const last = steps.findLast((s) => s.what === 'rx' || s.what === 'tx');
    return last && `${this.placeName(last)} ${last.device}: last seen here`;
  }

  private build(): Step[] {
    const { watch } = this;
    const { kernel } = this.spot.machine;
    const home = { host: kernel.hostname, ns: kernel.nameOf(this.spot.ns) ?? '' };
    const seen = new Map<number, Packet>();
    // What a packet looks like is known only when it first passes a device: for the hooks before that, from then on back.
    const later = new Map<number, Packet>();
    const own = watch.events.filter((e) => watch.isOwn(e.skb));
    for (const e of own) {
      const packet = watch.frames.get(e);
      if (packet && !later.has(e.skb)) later.set(e.skb, packet);
    }
    const begun = firstOf([...later.values()]);
    const ways = new Map<number, 'there' | 'back'>();
    const steps: Step[] = [];
    for (const e of own) {
      const parent = watch.parentOf(e.skb);
      const frame = watch.frames.get(e);
      if (frame) seen.set(e.skb, frame);
      const packet = seen.get(e.skb) ?? later.get(e.skb) ?? seen.get(parent) ?? null;
      let way = ways.get(e.skb);
      if (way === undefined) {
        const begins = e.host === home.host && e.ns === home.ns && e.kind !== 'net.rx' && e.kind !== 'net.deliver';
        const copied = parent !== 0 && !packet?.quoted && !answers(packet, seen.get(parent) ?? null) ? ways.get(parent) : undefined;
        way = copied ?? (begins && !packet?.quoted && !answers(packet, begun) ? 'there' : 'back');
        ways.set(e.skb, way);
      }
      const step = stepOf(e, packet, way);
      if (step) steps.push(step);
    }
    // Once the name is known, the questions for it are no part of the way.
    const named = steps.some((s) => s.packet !== null && s.packet.proto !== ARP && !asksForName(s.packet));
    return named ? steps.filter((s) => s.packet === null || !asksForName(s.packet)) : steps;
  }
}

/** The first packet of what was asked, past questions for a name. */
function firstOf(seen: readonly Packet[]): Packet | null {
  const all = seen.filter((p) => p.proto !== ARP);
  return all.find((p) => !asksForName(p)) ?? all[0] ?? null;
}

function asksForName(packet: Packet): boolean {
  const p = packet.quoted ?? packet;
  return p.proto === IPPROTO_UDP && (p.dport === 53 || p.sport === 53);
}

/** Whether a packet goes against the first one: on the loopback both begin in the same place. */
function answers(p: Packet | null, first: Packet | null): boolean {
  if (!p || !first || p.proto !== first.proto) return false;
  if (p.proto === IPPROTO_ICMP) return p.code === 0 && first.code === 8;
  if (p.proto === IPPROTO_ICMPV6) return p.code === 129 && first.code === 128;
  if (p.src === p.dst) return p.sport === first.dport && p.sport !== p.dport;
  return p.src === first.dst && p.dst === first.src && p.sport === first.dport && p.dport === first.sport;
}

/** Drops of copies that were for nobody. */
export function quiet(reason: string): boolean {
  return /^(OTHERHOST|BRIDGE_|NOT_FOR_ME|ARP_)/.test(reason);
}

function stepOf(e: PacketEvent, packet: Packet | null, way: Step['way']): Step | null {
  const base = { time: e.time, host: e.host, ns: e.ns, skb: e.skb, packet, way };
  switch (e.kind) {
    case 'net.tx':
      return { ...base, device: e.dev, what: 'tx', detail: '' };
    case 'net.rx':
      return { ...base, device: e.dev, what: 'rx', detail: '' };
    case 'net.drop':
      return { ...base, device: e.dev, what: 'drop', detail: e.reason };
    case 'net.deliver':
      return { ...base, device: e.dev, what: 'deliver', detail: '' };
    case 'net.route':
      return { ...base, device: e.dev, what: 'route', detail: e.via === '' ? e.type : `via ${e.via}` };
    case 'net.nat':
      return { ...base, device: '', what: 'nat', detail: `${e.manip === 'src' ? 'SNAT' : 'DNAT'} ${tupleArrow(e.from, e.to, e.manip)}` };
    case 'net.hook':
      return { ...base, device: '', what: 'hook', detail: `${e.table}/${e.chain}#${e.rule} ${e.verdict}` };
    case 'net.neigh':
      return { ...base, device: e.dev, what: 'neigh', detail: `${e.ip} ${e.state}` };
    default:
      return null;
  }
}

/** Of two tuples as net.nat has them, the side that was rewritten. */
export function tupleArrow(from: string, to: string, manip: string): string {
  const side = (tuple: string): string => {
    const [, proto, src = '0', dst = '0', sport, dport] = tuple.split('/');
    const [ip, port] = manip === 'src' ? [src, sport] : [dst, dport];
    const address = ip.length > 10 ? formatIp(BigInt(ip)) : formatIp(Number(ip));
    return proto === '6' || proto === '17' ? `${address}:${port}` : address;
  };
  return `${side(from)} -> ${side(to)}`;
}
