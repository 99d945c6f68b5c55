/** The trace as a picture wants it: events as plain values, a bounded number at a time, whole packets rather than parts of all. */

import { formatIp } from '../../wire/addr.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from '../../wire/ipv4.ts';
import { reasonText, ruleText } from '../probe/evidence.ts';
import { ARP, describe, type Packet, packetOf, rawPacketOf } from '../probe/flow.ts';
import { tupleArrow } from '../probe/journey.ts';
import type { Recorder, Seen, Traced } from './recorder.ts';
import type { TrafficEvent, TrafficKind } from './types.ts';

/** Events that one batch may have. */
export const MAX_BATCH = 250;
/** Events that wait for a batch: those of more packets than a picture can show are counted and left out. */
const MAX_WAITING = 4000;

const WHAT: Readonly<Record<Seen['e']['kind'], TrafficKind>> = {
  'net.tx': 'tx',
  'net.rx': 'rx',
  'net.deliver': 'deliver',
  'net.drop': 'drop',
  'net.hook': 'hook',
  'net.route': 'route',
  'net.nat': 'nat',
  'net.neigh': 'neigh',
  'net.ct': 'ct',
};

/** Id of the namespace where something happened. */
export const spaceOf = (e: { readonly host: string; readonly ns: string }): string => (e.ns === '' ? e.host : `${e.host}/${e.ns}`);

/** The packet as it was seen here: of a frame all of it, of what has not been at a device yet from its IP header on. */
export function packetAt(seen: Seen): Packet | null {
  const { e, data } = seen;
  if (e.kind === 'net.tx' || e.kind === 'net.rx') return packetOf(e.bytes);
  return data ? rawPacketOf(data) : null;
}

export function protoOf(p: Packet | null): TrafficEvent['proto'] {
  if (p?.proto === ARP) return 'arp';
  if (p?.proto === IPPROTO_ICMP || p?.proto === IPPROTO_ICMPV6) return 'icmp';
  return p?.proto === IPPROTO_TCP ? 'tcp' : p?.proto === IPPROTO_UDP ? 'udp' : 'other';
}

/** What an event says beyond its kind. */
export function textOf({ e }: Seen): string {
  switch (e.kind) {
    case 'net.drop':
      return reasonText(e.reason);
    case 'net.route':
      return e.type === 'local' ? 'for this host' : e.via === '' ? `${e.type === 'unicast' ? 'on link' : e.type}` : `via ${e.via}`;
    case 'net.nat':
      return `${e.manip === 'src' ? 'SNAT' : 'DNAT'} ${tupleArrow(e.from, e.to, e.manip)}`;
    case 'net.hook':
      return e.rule === 0 ? `${e.table} ${e.chain} policy: ${e.verdict}` : `${ruleText(`${e.table}/${e.chain}#${e.rule}`)}: ${e.verdict}`;
    case 'net.neigh':
      return `${e.ip} ${e.state}`;
    case 'net.ct':
      return `${e.event} ${e.state}`.trim();
    default:
      return '';
  }
}

/** Collects what happens until the next batch. */
export class Traffic {
  private waiting: { readonly packet: Traced; readonly seen: Seen }[] = [];
  private left = 0;
  /** Descriptions of skbs as they were last seen. */
  private readonly last = new Map<number, Packet | null>();
  private readonly recorder: Recorder;

  constructor(recorder: Recorder) {
    this.recorder = recorder;
    recorder.onSeen = (packet, seen) => {
      if (this.waiting.length < MAX_WAITING) this.waiting.push({ packet, seen });
      else this.left++;
    };
  }

  get pending(): boolean {
    return this.waiting.length + this.left > 0;
  }

  stop(): void {
    this.recorder.onSeen = null;
  }

  /** Up to `max` events of as many whole packets as fit, the first ones first, and how many were left out. */
  take(max = MAX_BATCH): { events: TrafficEvent[]; left: number } {
    const { waiting } = this;
    this.waiting = [];
    let { left } = this;
    this.left = 0;
    let chosen: ReadonlySet<Traced> | null = null;
    if (waiting.length > max) {
      const sizes = new Map<Traced, number>();
      for (const { packet } of waiting) sizes.set(packet, (sizes.get(packet) ?? 0) + 1);
      const fit = new Set<Traced>();
      let room = max;
      // One that is bigger than all is shown as far as it goes.
      for (const [packet, size] of sizes) {
        if (fit.size > 0 && size > room) continue;
        fit.add(packet);
        room -= size;
        if (room <= 0) break;
      }
      chosen = fit;
    }
    const events: TrafficEvent[] = [];
    for (const { packet, seen } of waiting) {
      if (events.length >= max || (chosen !== null && !chosen.has(packet))) left++;
      else events.push(this.value(packet, seen));
    }
    if (this.last.size > 4 * MAX_WAITING) this.last.clear();
    return { events, left };
  }

  private value(traced: Traced, seen: Seen): TrafficEvent {
    const { e } = seen;
    const parent = 'parent' in e ? e.parent : 0;
    let packet = packetAt(seen);
    if (packet) this.last.set(e.skb, packet);
    else packet = this.last.get(e.skb) ?? this.last.get(parent) ?? this.last.get(traced.root) ?? null;
    return {
      seq: seen.seq,
      time: e.time,
      skb: e.skb,
      parent,
      root: traced.root,
      space: spaceOf(e),
      dev: 'dev' in e ? e.dev : '',
      what: WHAT[e.kind],
      proto: protoOf(packet),
      label: packet ? describe(packet) : '',
      tunnels: packet?.tunnels.map((t) => t.kind) ?? [],
      text: textOf(seen),
    };
  }
}

export const tunnelText = (t: Packet['tunnels'][number]): string =>
  `${t.kind.toUpperCase()}${t.kind === 'vxlan' ? ` ${t.vni}` : ''} ${formatIp(t.src)} -> ${formatIp(t.dst)}`;
