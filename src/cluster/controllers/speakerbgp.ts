/** Load balancer addresses as routes for routers: a BGP session of its own from each node. Models MetalLB's speaker/bgp_controller.go and internal/bgp/native */

import type { Process } from '../../os/process.ts';
import { startThread } from '../../os/thread.ts';
import { SEC } from '../../sim/sim.ts';
import { WaitQueue } from '../../sim/wait.ts';
import { parseIp4 } from '../../wire/addr.ts';
import { type EndpointSlice, type KubeObject, keyOf, type Node, type Service } from '../api/object.ts';
import { type Capability, FOUR_OCTETS, IPV4_UNICAST, IPV6_UNICAST, type Prefix4 } from '../network/bgp/message.ts';
import { type Announcement, Session, type Speaker } from '../network/bgp/session.ts';
import type { Informers } from './context.ts';
import type { Recorder } from './events.ts';
import {
  type AddressPool,
  BGP_ADVERTISEMENTS,
  BGP_PEERS,
  type BgpAdvertisement,
  type BgpPeer,
  POOLS,
  poolOf,
  selectsNode,
  selectsPool,
} from './metallb.ts';

const EXCLUDED = 'node.kubernetes.io/exclude-from-external-load-balancers';
const SERVICE_NAME = 'kubernetes.io/service-name';
const SLICES = 'endpointslices.discovery.k8s.io';
const HOLD_TIME = 90;
const LONGEST_PAUSE = 120;
const CAPABILITIES: readonly Capability[] = [IPV4_UNICAST, IPV6_UNICAST, { code: FOUR_OCTETS, value: [] }];

/** `90s`, `1m30s` in seconds. */
function secondsOf(text: string | undefined): number {
  const m = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text ?? '');
  return m && text ? Number(m[1] ?? 0) * 3600 + Number(m[2] ?? 0) * 60 + Number(m[3] ?? 0) : HOLD_TIME;
}

const serves = (e: NonNullable<EndpointSlice['endpoints']>[number]): boolean =>
  (e.addresses?.length ?? 0) > 0 && (e.conditions?.serving ?? e.conditions?.ready ?? true);

/** Whether a node may announce a Service: there is an endpoint that serves, on this node where the policy asks for it. */
export function mayAnnounce(service: Service, node: Node | undefined, slices: readonly EndpointSlice[]): boolean {
  if (!node || node.metadata.labels?.[EXCLUDED] !== undefined) return false;
  if (node.status?.conditions?.some((c) => c.type === 'NetworkUnavailable' && c.status === 'True')) return false;
  const local = service.spec?.externalTrafficPolicy === 'Local';
  return slices.some((s) => (s.endpoints ?? []).some((e) => serves(e) && (!local || e.nodeName === node.metadata.name)));
}

interface Ad extends Announcement {
  /** Names of the peers that hear of it; all when empty. */
  readonly peers: readonly string[];
}

class Peer implements Speaker {
  readonly changed = new WaitQueue();
  readonly session: Session;
  readonly spec: BgpPeer['spec'];
  list: readonly Ad[] = [];

  constructor(p: Process, spec: BgpPeer['spec']) {
    this.spec = spec;
    this.session = new Session(p, this, {
      peer: parseIp4(spec.peerAddress) ?? 0,
      port: spec.peerPort ?? 179,
      as: spec.myASN,
      peerAs: spec.peerASN,
      id: parseIp4(spec.routerID ?? '') ?? undefined,
      source: parseIp4(spec.sourceAddress ?? '') ?? undefined,
      role: 'active',
      hold: secondsOf(spec.holdTime),
      capabilities: CAPABILITIES,
      retry: (failures) => (failures < 2 ? 0 : Math.min(LONGEST_PAUSE, 2 ** Math.min(failures - 2, 10)) * SEC),
      silent: true,
    });
    startThread(p, this.session.run());
  }

  announced(): readonly Announcement[] {
    return this.list;
  }

  /** Routes that the router tells are not heard. */
  learned(): void {}
  withdrawn(): void {}
  lost(): void {}
}

const cut = (ip: number, len: number): Prefix4 => ({ addr: len === 0 ? 0 : (ip & (0xffffffff << (32 - len))) >>> 0, len });

export class BgpSpeaker {
  private readonly p: Process;
  private readonly node: string;
  private readonly informers: Informers;
  private readonly events: Recorder;
  private readonly peers = new Map<string, Peer>();
  /** Services that are announced. */
  private announced = new Set<string>();

  constructor(p: Process, node: string, informers: Informers, events: Recorder, wake: { add(): void; update(): void; delete(): void }) {
    this.p = p;
    this.node = node;
    this.informers = informers;
    this.events = events;
    for (const resource of [BGP_PEERS, BGP_ADVERTISEMENTS]) informers.of<KubeObject>(resource).on(wake);
  }

  /** Sessions and what they announce become what the objects say. */
  decide(): void {
    const node = this.informers.of<Node>('nodes').get(this.node);
    this.meetPeers(node);
    const ads: Ad[] = [];
    const announced = new Set<string>();
    for (const service of this.informers.of<Service>('services').values()) {
      const own = this.adsOf(service, node);
      if (own.length === 0) continue;
      ads.push(...own);
      announced.add(keyOf(service));
      if (!this.announced.has(keyOf(service)))
        this.events.event(service, 'Normal', 'nodeAssigned', `announcing from node "${this.node}" with protocol "bgp"`);
    }
    this.announced = announced;
    for (const [name, peer] of this.peers) {
      peer.list = ads.filter((a) => a.peers.length === 0 || a.peers.includes(name));
      peer.changed.wakeAll();
    }
  }

  private adsOf(service: Service, node: Node | undefined): Ad[] {
    if (service.spec?.type !== 'LoadBalancer') return [];
    const slices = this.informers.withLabels<EndpointSlice>(SLICES, service.metadata.namespace ?? '', {
      [SERVICE_NAME]: service.metadata.name,
    });
    if (!mayAnnounce(service, node, slices)) return [];
    const out: Ad[] = [];
    for (const { ip } of service.status?.loadBalancer?.ingress ?? []) {
      const number = ip === undefined ? null : parseIp4(ip);
      const pool = ip === undefined ? undefined : poolOf(this.informers.of<AddressPool>(POOLS).values(), ip);
      if (number === null || !pool) continue;
      for (const { spec } of this.informers.of<BgpAdvertisement>(BGP_ADVERTISEMENTS).values())
        if (selectsPool(spec, pool) && selectsNode(spec, node?.metadata.labels))
          out.push({ ...cut(number, spec?.aggregationLength ?? 32), localPref: spec?.localPref ?? 0, peers: spec?.peers ?? [] });
    }
    return out;
  }

  private meetPeers(node: Node | undefined): void {
    const wanted = new Map<string, BgpPeer['spec']>();
    for (const { metadata, spec } of this.informers.of<BgpPeer>(BGP_PEERS).values())
      if (node && selectsNode(spec, node.metadata.labels)) wanted.set(metadata.name, spec);
    for (const [name, peer] of this.peers) {
      const spec = wanted.get(name);
      if (spec && JSON.stringify(spec) === JSON.stringify(peer.spec)) continue;
      peer.session.stop();
      this.peers.delete(name);
    }
    for (const [name, spec] of wanted) if (!this.peers.has(name)) this.peers.set(name, new Peer(this.p, spec));
  }
}
