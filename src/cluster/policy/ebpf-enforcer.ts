/** Enforces policies by programs at the pods' devices on the node: a verdict by identity, with a connection table of its own. The way of Cilium */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import type { NetDevice, PacketProgram } from '../../os/uapi.ts';
import { type Micros, SEC } from '../../sim/sim.ts';
import { formatIp, type IpAddr } from '../../wire/addr.ts';
import type { Enforcer, PolicyState } from './enforcer.ts';
import { type CompiledPolicy, type Direction, inBlock, type PodView, type PolicyRule, portNumber } from './model.ts';
import { type PolicyPacket, packetOf, reversed } from './packet.ts';

const TCP = 6;
const PROTOCOL: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp', 132: 'sctp' };
/** Lifetimes and size of an endpoint's connection table. */
const TCP_LIFE: Micros = 6 * 3600 * SEC;
const OTHER_LIFE: Micros = 60 * SEC;
const MAX_CONNECTIONS = 65_536;

type Packet = Parameters<PacketProgram>[0];

/** Connections that were let pass in one direction of one pod, by tuple; the longest unused one goes first. */
class Connections {
  private readonly until = new Map<string, Micros>();

  has(key: string, now: Micros): boolean {
    const until = this.until.get(key);
    if (until === undefined) return false;
    if (until > now) return true;
    this.until.delete(key);
    return false;
  }

  add(key: string, until: Micros): void {
    this.until.delete(key);
    if (this.until.size >= MAX_CONNECTIONS) for (const oldest of this.until.keys()) if (this.until.delete(oldest)) break;
    this.until.set(key, until);
  }
}

interface Endpoint {
  pod: PodView;
  device: NetDevice;
  readonly seen: Readonly<Record<Direction, Connections>>;
  /** Policies that speak of the direction; null: everything passes. */
  policies: Record<Direction, readonly CompiledPolicy[] | null>;
}

const denied = (e: Endpoint, direction: Direction): string => `POLICY_DENIED ${direction} ${e.pod.key}`;

export class EbpfEnforcer implements Enforcer {
  private readonly p: Process;
  private readonly endpoints = new Map<string, Endpoint>();
  private identities = new Map<IpAddr, PodView>();
  private services: ReadonlySet<IpAddr> = new Set();
  /** Packets to a Service's address, which are judged when they leave with that of an endpoint. */
  private readonly deferred = new WeakMap<Packet, { readonly e: Endpoint; readonly key: string }>();

  constructor(p: Process) {
    this.p = p;
  }

  *apply({ model, policies, local, services }: PolicyState): Task<void> {
    this.identities = new Map(model.all().flatMap((pod) => pod.ips.map((ip) => [ip, pod] as const)));
    this.services = services;
    const here = new Set(local.map((pod) => pod.key));
    for (const [key, e] of this.endpoints) {
      if (here.has(key)) continue;
      e.device.tcx = null;
      this.endpoints.delete(key);
    }
    for (const pod of local) this.endpoint(pod, policies);
    for (const dev of this.p.ns.devices.values())
      if (dev.tcx === null && dev.peerNs() === null && dev.kind !== 'loopback')
        dev.tcx = { ingress: null, egress: (skb) => this.leave(skb) };
    yield {};
  }

  private endpoint(pod: PodView, policies: readonly CompiledPolicy[]): void {
    const device = this.hostDevice(pod);
    if (!device) return;
    const own = (direction: Direction): readonly CompiledPolicy[] | null => {
      const found = policies.filter((c) => c[direction] !== null && c.pods.has(pod.key));
      return found.length > 0 ? found : null;
    };
    const rules = { ingress: own('ingress'), egress: own('egress') };
    const known = this.endpoints.get(pod.key);
    const e: Endpoint = known ?? { pod, device, seen: { ingress: new Connections(), egress: new Connections() }, policies: rules };
    e.pod = pod;
    e.policies = rules;
    if (known && known.device !== device) known.device.tcx = null;
    e.device = device;
    this.endpoints.set(pod.key, e);
    // What the pod sends comes in at its device on the node, and what it is sent goes out there.
    device.tcx = { ingress: (skb) => this.judge(e, 'egress', skb), egress: (skb) => this.leave(skb) ?? this.judge(e, 'ingress', skb) };
  }

  /** The node's end of the pair whose other end has the pod's address. */
  private hostDevice(pod: PodView): NetDevice | null {
    for (const dev of this.p.ns.devices.values()) {
      const other = dev.peerNs()?.devices.get(dev.iflink());
      if (other && [...other.addrs4, ...other.addrs6].some((a) => pod.ips.includes(a.local))) return dev;
    }
    return null;
  }

  /** Why the packet ends, null when it goes on. */
  private judge(e: Endpoint, direction: Direction, skb: Packet): string | null {
    const policies = e.policies[direction];
    const packet = packetOf(skb.data, skb.proto);
    if (packet === null || packet.related) return null;
    const { now } = this.p.sim;
    const other: Direction = direction === 'egress' ? 'ingress' : 'egress';
    if (e.seen[other].has(reversed(packet), now)) return null;
    const life = now + (packet.proto === TCP ? TCP_LIFE : OTHER_LIFE);
    // Policies are asked for every packet of the connection's own direction: a new one ends connections that are there. Answers pass.
    if (policies === null || this.allowed(e, direction, policies, packet)) {
      e.seen[direction].add(packet.key, life);
      return null;
    }
    if (direction === 'egress' && this.services.has(packet.dst)) {
      this.deferred.set(skb, { e, key: packet.key });
      return null;
    }
    return denied(e, direction);
  }

  /** A packet that was to a Service leaves the node's stack, to whichever endpoint was chosen for it. */
  private leave(skb: Packet): string | null {
    const open = this.deferred.get(skb);
    if (!open) return null;
    this.deferred.delete(skb);
    const packet = packetOf(skb.data, skb.proto);
    const policies = open.e.policies.egress;
    if (packet === null || policies === null) return null;
    if (!this.allowed(open.e, 'egress', policies, packet)) return denied(open.e, 'egress');
    open.e.seen.egress.add(open.key, this.p.sim.now + (packet.proto === TCP ? TCP_LIFE : OTHER_LIFE));
    return null;
  }

  private allowed(e: Endpoint, direction: Direction, policies: readonly CompiledPolicy[], packet: PolicyPacket): boolean {
    const peerIp = direction === 'ingress' ? packet.src : packet.dst;
    // The node itself always reaches its pods.
    if (direction === 'ingress' && this.isOwn(peerIp)) return true;
    const peer = this.identities.get(peerIp) ?? null;
    const addressed = direction === 'ingress' ? e.pod : peer;
    return policies.some((c) => (c[direction] ?? []).some((r) => this.matches(r, peerIp, peer, addressed, packet)));
  }

  private matches(r: PolicyRule, ip: IpAddr, peer: PodView | null, addressed: PodView | null, packet: PolicyPacket): boolean {
    const { peers, ports } = r;
    if (peers !== null && !(peer !== null && peers.pods.includes(peer.key)) && !peers.blocks.some((b) => inBlock(b, ip))) return false;
    if (ports === null) return true;
    const protocol = PROTOCOL[packet.proto];
    return ports.some((port) => {
      if (port.protocol !== protocol) return false;
      if ('name' in port) return addressed !== null && portNumber(addressed, port) === packet.dport;
      return packet.dport >= port.from && packet.dport <= port.to;
    });
  }

  private isOwn(ip: IpAddr): boolean {
    for (const dev of this.p.ns.devices.values())
      for (const a of typeof ip === 'number' ? dev.addrs4 : dev.addrs6) if (a.local === ip) return true;
    return false;
  }

  /** Identities and verdicts as a person reads them. */
  describe(): string[] {
    return [...this.endpoints.values()].map(
      (e) =>
        `${e.pod.key} ${e.pod.ips.map(formatIp).join(',')} ${e.device.name} ingress=${e.policies.ingress ? 'enforced' : 'open'} egress=${e.policies.egress ? 'enforced' : 'open'}`,
    );
  }
}
