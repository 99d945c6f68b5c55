/** The node's own object: registration, addresses, capacity, conditions, lease. Models pkg/kubelet/kubelet_node_status.go and nodelease */

import type { Task } from '../../../os/process.ts';
import { startThread } from '../../../os/thread.ts';
import { SEC } from '../../../sim/sim.ts';
import type { KubeObject, Lease, Node } from '../../api/object.ts';
import { microTimestamp } from '../../api/time.ts';
import type { V1NodeCondition, V1NodeStatus } from '../../api/types.ts';
import { KUBERNETES_VERSION } from '../../images/addons.ts';
import { hex, sha256 } from '../../sha256.ts';
import { clusterApiOf } from '../connect.ts';
import { RUNTIME_VERSION } from '../runtime/runtime.ts';
import { networkReady } from '../runtime/sandbox.ts';
import type { Kubelet } from './context.ts';

const LEASE_SECONDS = 40;
const LEASE_PERIOD = 10 * SEC;
/** The status is written when something has changed, else every five minutes. */
const STATUS_PERIOD = 10 * SEC;
const STATUS_REPORT = 300 * SEC;
/** How soon a node that waits for its network looks again. */
const NETWORK_PERIOD = SEC / 2;

/** How often a missing network is told of. */
const COMPLAINT_PERIOD = 5 * SEC;
const NOT_READY = 'NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized';

const LABELS = { 'kubernetes.io/arch': 'amd64', 'kubernetes.io/os': 'linux' };

function idOf(text: string, dashes: boolean): string {
  const h = hex(sha256(text)).slice(0, 32);
  return dashes ? `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}` : h;
}

export class NodeStatus {
  private readonly kubelet: Kubelet;
  private readonly bootId: string;
  private lastReport = Number.NEGATIVE_INFINITY;
  private ready = false;
  private complained = Number.NEGATIVE_INFINITY;

  constructor(kubelet: Kubelet) {
    this.kubelet = kubelet;
    this.bootId = idOf(`boot/${kubelet.sim.seed}/${kubelet.config.nodeName}`, true);
  }

  start(): void {
    startThread(this.kubelet.p, this.statusLoop());
    startThread(this.kubelet.p, this.leaseLoop());
  }

  private *statusLoop(): Task<void> {
    const { sim } = this.kubelet;
    for (;;) {
      const done = this.sync();
      yield { until: sim.now + (done ? (this.ready ? STATUS_PERIOD : NETWORK_PERIOD) : SEC) };
    }
  }

  private *leaseLoop(): Task<void> {
    const { sim } = this.kubelet;
    for (;;) {
      const done = this.renew();
      yield { until: sim.now + (done ? LEASE_PERIOD : SEC) };
    }
  }

  private conditions(before: readonly V1NodeCondition[] | undefined): V1NodeCondition[] {
    const { kubelet } = this;
    const { now } = kubelet;
    const { daemon } = kubelet.runtime;
    const ready = daemon !== null && networkReady(kubelet.p);
    this.ready = ready;
    if (!ready && daemon !== null && kubelet.sim.now - this.complained >= COMPLAINT_PERIOD) {
      this.complained = kubelet.sim.now;
      kubelet.log('E', 'kubelet.go:3011', 'Container runtime network not ready', { networkReady: NOT_READY });
    }
    const make = (type: string, status: string, reason: string, message: string): V1NodeCondition => {
      const old = before?.find((c) => c.type === type);
      return {
        lastHeartbeatTime: now,
        lastTransitionTime: old?.status === status && old.lastTransitionTime ? old.lastTransitionTime : now,
        message,
        reason,
        status,
        type,
      };
    };
    const why =
      daemon === null
        ? `[container runtime is down, container runtime status check may not have completed yet]`
        : `container runtime network not ready: ${NOT_READY}`;
    return [
      ...(before ?? []).filter((c) => !['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].includes(c.type)),
      make('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
      make('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
      make('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
      ready ? make('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status') : make('Ready', 'False', 'KubeletNotReady', why),
    ];
  }

  private status(before: V1NodeStatus | undefined): V1NodeStatus {
    const { kubelet } = this;
    const { nodeName, nodeIPs, maxPods } = kubelet.config;
    return {
      ...before,
      addresses: [...nodeIPs.map((address) => ({ address, type: 'InternalIP' })), { address: nodeName, type: 'Hostname' }],
      allocatable: { cpu: '4', 'ephemeral-storage': '45Gi', memory: '8Gi', pods: String(maxPods) },
      capacity: { cpu: '4', 'ephemeral-storage': '50Gi', memory: '8Gi', pods: String(maxPods) },
      conditions: this.conditions(before?.conditions),
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
      images: [...kubelet.runtime.images.values()].map((i) => ({ names: i.names, sizeBytes: i.found.image.size })).slice(0, 50),
      nodeInfo: {
        architecture: 'amd64',
        bootID: this.bootId,
        containerRuntimeVersion: `containerd://${RUNTIME_VERSION}`,
        kernelVersion: '6.18.44',
        kubeProxyVersion: '',
        kubeletVersion: KUBERNETES_VERSION,
        machineID: idOf(`machine/${nodeName}`, false),
        operatingSystem: 'linux',
        osImage: 'Debian GNU/Linux 12 (bookworm)',
        systemUUID: idOf(`system/${nodeName}`, true),
      },
    } as V1NodeStatus;
  }

  /** Makes or updates the object. False when the API did not answer. */
  private sync(): boolean {
    const { kubelet } = this;
    const { client, config, sim } = kubelet;
    const got = client.get<Node>('nodes', '', config.nodeName);
    if (!got.ok && got.status.reason !== 'NotFound') return false;
    if (!got.ok) {
      const given = clusterApiOf(sim)?.nodes.get(config.nodeName);
      const podCIDRs = given?.podCIDRs ?? [];
      const node = {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: {
          name: config.nodeName,
          labels: {
            'beta.kubernetes.io/arch': 'amd64',
            'beta.kubernetes.io/os': 'linux',
            ...LABELS,
            'kubernetes.io/hostname': config.nodeName,
            ...config.labels,
          },
          annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true', ...given?.annotations },
        },
        spec: {
          ...(podCIDRs[0] ? { podCIDR: podCIDRs[0], podCIDRs } : {}),
          ...(config.taints.length > 0
            ? { taints: config.taints.map(({ key, value, effect }) => ({ effect, key, ...(value ? { value } : {}) })) }
            : {}),
        },
        status: this.status(undefined),
      };
      const made = client.create(node as KubeObject);
      if (!made.ok) return false;
      kubelet.node = made.value as Node;
      kubelet.log('I', 'kubelet_node_status.go:78', 'Successfully registered node', { node: config.nodeName });
      this.lastReport = sim.now;
      this.event('Normal', 'Starting', 'Starting kubelet.');
      for (const [reason, message] of [
        ['NodeHasSufficientMemory', 'status is now: NodeHasSufficientMemory'],
        ['NodeHasNoDiskPressure', 'status is now: NodeHasNoDiskPressure'],
        ['NodeHasSufficientPID', 'status is now: NodeHasSufficientPID'],
      ] as const)
        this.event('Normal', reason, `Node ${config.nodeName} ${message}`);
      // A create does not take the status of every kind of API; it is written as such.
      return this.write(kubelet.node, this.status(undefined));
    }
    const node = got.value;
    const status = this.status(node.status);
    kubelet.node = node;
    if (!this.differs(node.status, status) && sim.now - this.lastReport < STATUS_REPORT) return true;
    const wasReady = node.status?.conditions?.find((c) => c.type === 'Ready')?.status;
    const written = this.write(node, status);
    const isReady = status.conditions?.find((c) => c.type === 'Ready')?.status;
    if (written && wasReady !== undefined && wasReady !== isReady)
      this.event(
        'Normal',
        isReady === 'True' ? 'NodeReady' : 'NodeNotReady',
        `Node ${config.nodeName} status is now: ${isReady === 'True' ? 'NodeReady' : 'NodeNotReady'}`,
      );
    return written;
  }

  private write(node: Node, status: V1NodeStatus): boolean {
    const { client, sim } = this.kubelet;
    const r = client.update({ ...node, status } as Node & KubeObject, { subresource: 'status' });
    if (r.ok) {
      this.kubelet.node = r.value as Node;
      this.lastReport = sim.now;
    }
    return r.ok;
  }

  /** Something besides the heartbeats. */
  private differs(a: V1NodeStatus | undefined, b: V1NodeStatus): boolean {
    const plain = (s: V1NodeStatus | undefined): string =>
      JSON.stringify([s?.addresses, s?.images?.length, s?.conditions?.map((c) => [c.type, c.status, c.reason, c.message])]);
    return plain(a) !== plain(b);
  }

  private event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    const { recorder, config } = this.kubelet;
    recorder.eventFor({ apiVersion: 'v1', kind: 'Node', name: config.nodeName, uid: config.nodeName }, type, reason, message);
  }

  private renew(): boolean {
    const { client, config, sim, node } = this.kubelet;
    if (!node) return false;
    const got = client.get<Lease>('leases.coordination.k8s.io', 'kube-node-lease', config.nodeName);
    const spec = { holderIdentity: config.nodeName, leaseDurationSeconds: LEASE_SECONDS, renewTime: microTimestamp(sim) };
    if (got.ok) return client.update({ ...got.value, spec: { ...got.value.spec, ...spec } } as Lease & KubeObject).ok;
    if (got.status.reason !== 'NotFound') return false;
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name: config.nodeName,
        namespace: 'kube-node-lease',
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: config.nodeName, uid: node.metadata.uid }],
      },
      spec,
    };
    return client.create(lease as KubeObject).ok;
  }
}
