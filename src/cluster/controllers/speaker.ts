/** The agent that announces load balancer addresses: by ARP from one node, by BGP from all that may. Models MetalLB's speaker. */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { openPacket } from '../../os/sockcalls.ts';
import { IFF_LOOPBACK, type NetDevice, type PacketSocket } from '../../os/uapi.ts';
import { MS } from '../../sim/sim.ts';
import { WaitQueue } from '../../sim/wait.ts';
import { parseIp4 } from '../../wire/addr.ts';
import { ARP_REPLY, ARP_REQUEST, emitArp, parseArp } from '../../wire/arp.ts';
import { ETH_HLEN, ETH_P_ARP, emitEthernet } from '../../wire/ethernet.ts';
import { MAC_BROADCAST, type Mac } from '../../wire/mac.ts';
import type { Client } from '../api/client.ts';
import { type EndpointSlice, type KubeObject, keyOf, type Node, type Service } from '../api/object.ts';
import type { V1DaemonSet } from '../api/types.ts';
import { hex, sha256 } from '../sha256.ts';
import { Informers } from './context.ts';
import { Recorder } from './events.ts';
import {
  type AddressPool,
  L2_ADVERTISEMENTS,
  type L2Advertisement,
  metallbDefinitions,
  NAMESPACE,
  POOLS,
  poolManifests,
  poolOf,
  SPEAKER_IMAGE,
  selectsNode,
  selectsPool,
} from './metallb.ts';
import { BgpSpeaker } from './speakerbgp.ts';

const EXCLUDED = 'node.kubernetes.io/exclude-from-external-load-balancers';
const SERVICE_NAME = 'kubernetes.io/service-name';
const SLICES = 'endpointslices.discovery.k8s.io';
/** Unasked announcements after an address came: so many, so far apart. */
const GRATUITOUS = 5;
const GRATUITOUS_EVERY = 1100 * MS;
const FRAME_PAYLOAD = 46;

/** The node that announces: first by the hash of its name and the address. */
export function electedNode(nodes: readonly string[], ip: string): string | undefined {
  let best: readonly [string, string] | undefined;
  for (const node of nodes) {
    const h = hex(sha256(`${node}#${ip}`));
    if (!best || h < best[0]) best = [h, node];
  }
  return best?.[1];
}

/** Nodes that may announce a Service: ready ones, and with a local endpoint where the policy asks for it. */
export function candidates(service: Service, nodes: Iterable<Node>, slices: readonly EndpointSlice[]): readonly string[] {
  const local = new Set<string>();
  let any = false;
  for (const slice of slices)
    for (const e of slice.endpoints ?? []) {
      if (e.conditions?.serving === false || (e.conditions?.serving === undefined && e.conditions?.ready === false)) continue;
      any = true;
      if (e.nodeName !== undefined) local.add(e.nodeName);
    }
  if (!any) return [];
  const out: string[] = [];
  for (const node of nodes) {
    const { name, labels } = node.metadata;
    if (labels?.[EXCLUDED] !== undefined) continue;
    if (node.status?.conditions?.some((c) => c.type === 'NetworkUnavailable' && c.status === 'True')) continue;
    if (!node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')) continue;
    if (service.spec?.externalTrafficPolicy === 'Local' && !local.has(name)) continue;
    out.push(name);
  }
  return out.sort();
}

class Speaker {
  private readonly p: Process;
  private readonly node: string;
  private readonly informers: Informers;
  private readonly events: Recorder;
  private readonly sock: PacketSocket;
  private readonly nudge = new WaitQueue();
  /** Addresses that this node announces, and for whom. */
  private readonly mine = new Map<number, string>();
  private readonly pending: { readonly ip: number; left: number; at: number }[] = [];
  private readonly bgp: BgpSpeaker;
  private changed = true;

  constructor(p: Process, client: Client, sock: PacketSocket) {
    this.p = p;
    this.node = p.env.get('METALLB_NODE_NAME') ?? p.hostname;
    this.sock = sock;
    this.informers = new Informers(client);
    this.events = new Recorder(p.sim, client, 'metallb-speaker');
    const wake = (): void => {
      this.changed = true;
      this.nudge.wakeAll();
    };
    const all = { add: wake, update: wake, delete: wake };
    this.bgp = new BgpSpeaker(p, this.node, this.informers, this.events, all);
    for (const resource of [POOLS, L2_ADVERTISEMENTS]) this.informers.of<KubeObject>(resource).on(all);
    this.informers.of<Service>('services').on(all);
    this.informers.of<EndpointSlice>(SLICES).on(all);
    this.informers.of<Node>('nodes').on({
      add: wake,
      update: (old, node) => {
        if (old.status?.conditions !== node.status?.conditions || old.metadata.labels !== node.metadata.labels) wake();
      },
      delete: wake,
    });
  }

  /** Nodes that an L2Advertisement lets announce the address. */
  private layer2(ip: string, nodes: readonly Node[]): readonly Node[] {
    const pool = poolOf(this.informers.of<AddressPool>(POOLS).values(), ip);
    if (!pool) return [];
    const specs = [...this.informers.of<L2Advertisement>(L2_ADVERTISEMENTS).values()]
      .map((a) => a.spec)
      .filter((s) => selectsPool(s, pool));
    return nodes.filter((n) => specs.some((s) => selectsNode(s, n.metadata.labels)));
  }

  private decide(): void {
    const wanted = new Map<number, Service>();
    const nodes = [...this.informers.of<Node>('nodes').values()];
    for (const service of this.informers.of<Service>('services').values()) {
      if (service.spec?.type !== 'LoadBalancer') continue;
      for (const { ip } of service.status?.loadBalancer?.ingress ?? []) {
        const number = ip === undefined ? null : parseIp4(ip);
        if (number === null || ip === undefined) continue;
        const slices = this.informers.withLabels<EndpointSlice>(SLICES, service.metadata.namespace ?? '', {
          [SERVICE_NAME]: service.metadata.name,
        });
        const may = this.layer2(ip, nodes);
        if (electedNode(candidates(service, may, slices), ip) === this.node) wanted.set(number, service);
      }
    }
    for (const ip of this.mine.keys()) if (!wanted.has(ip)) this.mine.delete(ip);
    for (const [ip, service] of wanted) {
      if (this.mine.has(ip)) continue;
      this.mine.set(ip, keyOf(service));
      this.pending.push({ ip, left: GRATUITOUS, at: this.p.sim.now });
      this.events.event(service, 'Normal', 'nodeAssigned', `announcing from node "${this.node}" with protocol "layer2"`);
    }
  }

  /** Devices with an address of their own on a shared medium. */
  private devices(): NetDevice[] {
    return [...this.p.ns.devices.values()].filter((d) => d.up && (d.flags & IFF_LOOPBACK) === 0 && d.addrs4.length > 0);
  }

  private send(dev: NetDevice, op: number, ip: number, targetMac: Mac, targetIp: number): void {
    const arp = emitArp({ op, senderMac: dev.mac, senderIp: ip, targetMac, targetIp });
    const payload = new Uint8Array(FRAME_PAYLOAD);
    payload.set(arp);
    this.sock.bind(dev);
    this.sock.send(emitEthernet({ dst: targetMac, src: dev.mac, type: ETH_P_ARP, payload }));
    this.sock.bind(null);
  }

  private gratuitous(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const g of this.pending) {
      if (g.left > 0 && g.at <= this.p.sim.now && this.mine.has(g.ip)) {
        for (const dev of this.devices()) {
          this.send(dev, ARP_REQUEST, g.ip, MAC_BROADCAST, g.ip);
          this.send(dev, ARP_REPLY, g.ip, MAC_BROADCAST, g.ip);
        }
        g.left--;
        g.at = this.p.sim.now + GRATUITOUS_EVERY;
      }
      if (!this.mine.has(g.ip)) g.left = 0;
      if (g.left > 0) next = Math.min(next, g.at);
    }
    for (let i = this.pending.length - 1; i >= 0; i--) if ((this.pending[i]?.left ?? 0) <= 0) this.pending.splice(i, 1);
    return next;
  }

  private answer(): void {
    for (let got = this.sock.recv(); got.ok; got = this.sock.recv()) {
      const { dev, direction, frame } = got.value;
      const a = direction === 'outgoing' ? null : parseArp(frame.subarray(ETH_HLEN));
      if (a?.op !== ARP_REQUEST || !this.mine.has(a.targetIp) || a.senderIp === a.targetIp || dev.addrs4.length === 0) continue;
      this.send(dev, ARP_REPLY, a.targetIp, a.senderMac, a.senderIp);
    }
  }

  *run(): Task<number> {
    try {
      for (;;) {
        if (this.changed) {
          this.changed = false;
          this.decide();
          this.bgp.decide();
        }
        this.answer();
        const next = this.gratuitous();
        yield { on: [this.nudge, this.sock.wq], ...(Number.isFinite(next) && { until: next }) };
      }
    } finally {
      this.informers.stop();
    }
  }
}

export function speakerCommand(clientOf: (p: Process) => Client | null): Command {
  return {
    name: 'speaker',
    path: '/speaker',
    *main(p) {
      const client = clientOf(p);
      if (!client) {
        yield* p.err('speaker: failed to create Kubernetes client: no API server\n');
        return 1;
      }
      const opened = openPacket(p, ETH_P_ARP);
      if (!opened.ok) {
        yield* p.err('speaker: failed to create ARP announcer: operation not permitted\n');
        return 1;
      }
      return yield* new Speaker(p, client, opened.value).run();
    },
  };
}

/** What brings MetalLB into a cluster, with a pool. */
export function metallbManifests(pool: readonly string[], manifests: readonly KubeObject[]): readonly KubeObject[] {
  const labels = { app: 'metallb', component: 'speaker' };
  const set: V1DaemonSet & KubeObject = {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'speaker', namespace: NAMESPACE, labels },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          hostNetwork: true,
          serviceAccountName: 'speaker',
          terminationGracePeriodSeconds: 2,
          tolerations: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' }],
          containers: [
            {
              name: 'speaker',
              image: SPEAKER_IMAGE,
              env: [{ name: 'METALLB_NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
              securityContext: {
                allowPrivilegeEscalation: false,
                capabilities: { add: ['NET_RAW'], drop: ['ALL'] },
                readOnlyRootFilesystem: true,
              },
            },
          ],
        },
      },
    },
  };
  return [
    ...metallbDefinitions(),
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'speaker', namespace: NAMESPACE } },
    ...poolManifests(pool, manifests),
    set,
  ];
}
