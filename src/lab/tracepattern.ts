/** Patterns over trace events: what an author says of drops, NAT, routes and frames, tried on each event as it comes. */

import type { TraceEvent } from '../sim/trace.ts';
import { formatIp, type IpAddr, inPrefix, parseIp } from '../wire/addr.ts';
import { matches } from './pattern.ts';
import { nameOf } from './place.ts';
import { type Packet, packetOf } from './probe/flow.ts';
import type { World } from './world.ts';

export interface TracePattern {
  readonly event?: 'drop' | 'rx' | 'tx' | 'nat' | 'route' | 'hook' | 'deliver' | 'ct' | 'neigh' | 'tcp';
  /** Instead of `event`: a program of the learner's, regular expression over its command line. */
  readonly ran?: string;
  /** Machine (its first namespace), pod, or HOST/NETNS. */
  readonly host?: string;
  readonly device?: string;
  /** Regular expressions: of a drop; of ct, neigh, hook: state or verdict. */
  readonly reason?: string;
  readonly state?: string;
  /** Of a rule's verdict: TABLE/CHAIN, as far as given. */
  readonly chain?: string;
  /** Of NAT: which side is rewritten, and to what. */
  readonly manip?: 'src' | 'dst';
  readonly to?: string;
  /** Addresses or prefixes, and what else is known of the packet. */
  readonly src?: string;
  readonly dst?: string;
  readonly proto?: 'tcp' | 'udp' | 'icmp' | 'icmp6' | 'arp';
  readonly port?: number;
  readonly encapsulated?: boolean;
}

const PROTO = { tcp: 6, udp: 17, icmp: 1, icmp6: 58, arp: -1 } as const;
/** Packets whose addresses are remembered for events that do not say them. */
const MAX_PACKETS = 4096;

/** Whether an address is, or lies in, what is written. */
export function addressFits(address: IpAddr, want: string): boolean {
  const [text = '', bits] = want.split('/');
  const net = parseIp(text);
  if (net === null || typeof net !== typeof address) return false;
  return inPrefix(address, net, bits === undefined ? (typeof net === 'number' ? 32 : 128) : Number(bits));
}

interface Facts {
  readonly src: IpAddr;
  readonly dst: IpAddr;
  readonly proto: number;
  readonly sport: number;
  readonly dport: number;
  readonly encapsulated: boolean;
}

const factsOf = (p: Packet): Facts => ({ ...p, encapsulated: p.tunnels.length > 0 });

/** `zone/proto/src/dst/sport/dport/…` */
function tuple(key: string): Facts {
  const [, proto, src, dst, sport, dport] = key.split('/') as [string, string, string, string, string, string];
  const address = (t: string): IpAddr => (Number(t) > 0xffffffff ? BigInt(t) : Number(t));
  return { src: address(src), dst: address(dst), proto: Number(proto), sport: Number(sport), dport: Number(dport), encapsulated: false };
}

/** Remembers what the packets of skbs are, for events that only name the skb. */
export class Packets {
  private readonly known = new Map<number, Facts>();

  note(e: TraceEvent): Facts | null {
    if (e.kind === 'net.rx' || e.kind === 'net.tx') {
      const p = packetOf(e.bytes);
      const facts = p && factsOf(p);
      if (facts) {
        this.known.set(e.skb, facts);
        if (this.known.size > MAX_PACKETS) this.known.delete(this.known.keys().next().value as number);
      }
      return facts;
    }
    if (e.kind === 'net.nat') return tuple(e.from);
    if (e.kind === 'net.drop') return this.known.get(e.skb) ?? this.known.get(e.parent) ?? null;
    return 'skb' in e ? (this.known.get(e.skb) ?? null) : null;
  }
}

const KINDS: Record<NonNullable<TracePattern['event']>, TraceEvent['kind']> = {
  drop: 'net.drop',
  rx: 'net.rx',
  tx: 'net.tx',
  nat: 'net.nat',
  route: 'net.route',
  hook: 'net.hook',
  deliver: 'net.deliver',
  ct: 'net.ct',
  neigh: 'net.neigh',
  tcp: 'tcp.state',
};

/** Whether a namespace of a machine is what an author calls `node-1`, `web-a` or `node-1/blue`. */
export function isAt(world: World, host: string, ns: string, wanted: string): boolean {
  if (ns === '') return wanted === host;
  if (wanted === host) return false;
  if (wanted === `${host}/${ns}`) return true;
  const name = nameOf(world, host, ns);
  return name === wanted || name === `pod ${wanted}`;
}

export function fitsPattern(world: World, p: TracePattern, e: TraceEvent, facts: Facts | null): boolean {
  if (p.ran !== undefined) return e.kind === 'os.exec' && e.login !== 0 && matches(p.ran, e.argv.join(' '));
  if (p.event === undefined || e.kind !== KINDS[p.event]) return false;
  const field = (name: string): string => String((e as unknown as Record<string, unknown>)[name] ?? '');
  if (p.device !== undefined && field('dev') !== p.device) return false;
  if (p.host !== undefined && !isAt(world, field('host'), field('ns'), p.host)) return false;
  if (p.reason !== undefined && !matches(p.reason, field('reason'))) return false;
  if (p.state !== undefined && !matches(p.state, field(e.kind === 'net.hook' ? 'verdict' : e.kind === 'tcp.state' ? 'to' : 'state')))
    return false;
  if (p.chain !== undefined && !`${field('table')}/${field('chain')}`.endsWith(p.chain)) return false;
  if (p.manip !== undefined && field('manip') !== p.manip) return false;
  if (p.to !== undefined) {
    if (e.kind !== 'net.nat') return false;
    const after = tuple(e.to);
    if (!addressFits(e.manip === 'src' ? after.src : after.dst, p.to)) return false;
  }
  const { src, dst, proto, port, encapsulated } = p;
  if (src === undefined && dst === undefined && proto === undefined && port === undefined && encapsulated === undefined) return true;
  if (!facts) return false;
  return (
    (src === undefined || addressFits(facts.src, src)) &&
    (dst === undefined || addressFits(facts.dst, dst)) &&
    (proto === undefined || facts.proto === PROTO[proto]) &&
    (port === undefined || facts.sport === port || facts.dport === port) &&
    (encapsulated === undefined || facts.encapsulated === encapsulated)
  );
}

/** The pattern in words. */
export function patternText(p: TracePattern): string {
  if (p.ran !== undefined) return `the learner runs ${p.ran}`;
  const { event, ...rest } = p;
  const parts = Object.entries(rest).map(([key, value]) => `${key} ${value}`);
  return `${event}${parts.length > 0 ? ` (${parts.join(', ')})` : ''}`;
}

/** An event as a line of evidence; `begin` is when the learner came. */
export function eventText(world: World, e: TraceEvent, facts: Facts | null, begin: number): string {
  const at = `${((e.time - begin) / 1e6).toFixed(3)} s`;
  if (e.kind === 'os.exec') return `${at} ${e.host}: ${e.argv.join(' ').slice(0, 120)}`;
  const record = e as unknown as Record<string, unknown>;
  const place = `${nameOf(world, String(record.host), String(record.ns ?? ''))}${record.dev ? ` ${record.dev}` : ''}`;
  const what = record.reason ?? record.verdict ?? record.state ?? record.manip ?? '';
  const packet = facts ? ` ${formatIp(facts.src)} > ${formatIp(facts.dst)}` : '';
  return `${at} ${place}: ${e.kind.replace(/^net\./, '')} ${String(what)}${packet}`;
}
