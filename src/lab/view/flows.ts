/** Which packets belong together: a conversation both ways, whatever addresses it had on the way. */

import { u16 } from '../../wire/bytes.ts';
import { ETH_P_IP } from '../../wire/ethernet.ts';
import { IPPROTO_UDP } from '../../wire/ipv4.ts';
import { ARP, conversation, describe, type Packet } from '../probe/flow.ts';
import type { Recorder, Seen, Traced } from './recorder.ts';
import { packetAt } from './traffic.ts';

/** What is known of a packet from its bytes. */
export interface Known {
  readonly packet: Traced;
  /** As of this version of the packet. */
  version: number;
  /** As it began, and as it was seen last. */
  first: Packet | null;
  last: Packet | null;
  /** All conversations that it looked like. */
  talks: string[];
  flow: number;
  own: boolean;
}

export class Flows {
  private readonly recorder: Recorder;
  private readonly known = new Map<Traced, Known>();
  /** Conversation -> flow. */
  private readonly flowOf = new Map<string, number>();
  /** Flow -> the flow that it turned out to be. */
  private readonly same = new Map<number, number>();
  private readonly ownFlows = new Set<number>();
  private next = 1;

  constructor(recorder: Recorder) {
    this.recorder = recorder;
  }

  /** All packets with what is known of them, the oldest first. */
  all(): Known[] {
    const { packets } = this.recorder;
    if (packets.size === 0) {
      this.known.clear();
      this.flowOf.clear();
      this.same.clear();
      this.ownFlows.clear();
    }
    const out: Known[] = [];
    for (const p of packets.values()) out.push(this.of(p));
    if (this.known.size > 2 * packets.size + 100) {
      const live = new Set(packets.values());
      for (const p of this.known.keys()) if (!live.has(p)) this.known.delete(p);
    }
    for (const k of out) {
      k.flow = this.find(k.flow);
      if (k.packet.login !== 0) this.ownFlows.add(k.flow);
    }
    // What a host did because of one of these packets is part of the story.
    for (const k of out) {
      const cause = k.packet.cause ? this.known.get(k.packet.cause) : undefined;
      k.own = this.isOwn(k.flow) || (cause?.own ?? false);
    }
    return out;
  }

  of(packet: Traced): Known {
    let k = this.known.get(packet);
    if (k?.version === packet.version) return k;
    const first = k?.first ?? null;
    if (!k) {
      k = { packet, version: 0, first, last: null, talks: [], flow: 0, own: false };
      this.known.set(packet, k);
    }
    k.version = packet.version;
    const talks = new Set<string>();
    k.first = null;
    let same: Uint8Array | null = null;
    for (const s of packet.seen) {
      if (same !== null && looksLike(s, same)) continue;
      const p = packetAt(s);
      if (!p) continue;
      if (p.tunnels.length === 0 && 'bytes' in s.e) same = s.e.bytes;
      k.first ??= p;
      k.last = p;
      talks.add(conversation(p.quoted ?? p));
    }
    k.talks = [...talks];
    k.flow = this.join(k.talks);
    return k;
  }

  isOwn(flow: number): boolean {
    return this.ownFlows.has(flow);
  }

  private find(flow: number): number {
    let f = flow;
    for (let next = this.same.get(f); next !== undefined; next = this.same.get(f)) f = next;
    return f;
  }

  /** One flow for all of them. */
  private join(talks: readonly string[]): number {
    let flow = 0;
    for (const talk of talks) {
      const known = this.flowOf.get(talk);
      if (known === undefined) continue;
      const f = this.find(known);
      if (flow === 0) flow = f;
      else if (f !== flow) {
        const [older, younger] = f < flow ? [f, flow] : [flow, f];
        this.same.set(younger, older);
        if (this.ownFlows.has(younger)) this.ownFlows.add(older);
        flow = older;
      }
    }
    if (flow === 0) flow = this.next++;
    for (const talk of talks) this.flowOf.set(talk, flow);
    return flow;
  }
}

/** Where the addresses and ports of IPv4 without options lie in a frame. */
const ENDS_AT = 26;
const ENDS_TO = 38;
const TUNNEL_PORTS = [4789, 8472, 6081];

/** Says nothing new about whom it is between: the same addresses and ports as `before`, or a frame around it. */
function looksLike(s: Seen, before: Uint8Array): boolean {
  if (s.e.kind !== 'net.tx' && s.e.kind !== 'net.rx') return s.data === null;
  const { bytes } = s.e;
  if (bytes.length < ENDS_TO || u16(bytes, 12) !== ETH_P_IP || bytes[14] !== 0x45) return false;
  const proto = bytes[23];
  if (proto === IPPROTO_UDP && TUNNEL_PORTS.includes(u16(bytes, 36))) return true;
  for (let i = ENDS_AT; i < ENDS_TO; i++) if (bytes[i] !== before[i]) return false;
  return proto === before[23];
}

/** Whether a packet goes against the one that its flow began with. */
export function answers(k: Known, opening: Packet): boolean {
  const p = k.last;
  if (!p || p.quoted || p.proto === ARP || p.proto !== opening.proto) return false;
  if (p.src === p.dst) return p.sport === opening.dport && p.sport !== p.dport;
  return p.src === opening.dst && p.dst === opening.src && p.sport === opening.dport && p.dport === opening.sport && !echo(p, opening);
}

/** Echo requests in both directions with the same identifier are no answers of one another. */
const echo = (p: Packet, opening: Packet): boolean => (p.proto === 1 || p.proto === 58) && p.code === opening.code;

export const flowLabel = (p: Packet | null): string => (p ? describe(p).replace(/ (SYN|ACK|FIN|RST)(,(SYN|FIN|RST))*$/, '') : 'unknown');
