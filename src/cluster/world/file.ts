/** The cluster file: machines and cables, Kubernetes on some of them, objects to begin with, faults. What a lab's world is made of. */

import type { KubeObject } from '../api/object.ts';

/** A switch with as many ports as there are interfaces on it; `cable` joins two cards directly. */
export interface NetworkSpec {
  readonly name: string;
  /** One way between a machine and the switch, or between the ends of a cable, in µs. */
  readonly delay?: number;
  readonly cable?: boolean;
}

export interface InterfaceSpec {
  readonly name: string;
  readonly network: string;
  /** With prefix length, of both families. */
  readonly addresses?: readonly string[];
  readonly mac?: string;
  readonly mtu?: number;
}

export interface RouteSpec {
  /** `default` or a prefix. */
  readonly to: string;
  readonly via: string;
}

export interface MachineSpec {
  readonly name: string;
  readonly title?: string;
  /** `node` belongs to the cluster, `router` forwards, `host` is anything else. */
  readonly kind: 'node' | 'router' | 'host';
  readonly role?: 'control-plane' | 'worker';
  readonly interfaces: readonly InterfaceSpec[];
  readonly routes?: readonly RouteSpec[];
  readonly sysctls?: Readonly<Record<string, string>>;
  /** Text by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Command lines that go on running: servers. */
  readonly run?: readonly (readonly string[])[];
  /** Command lines that end before the world begins. */
  readonly setup?: readonly (readonly string[])[];
  readonly podCIDRs?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
}

export type NetworkKind = 'bridge' | 'flannel-vxlan' | 'flannel-host-gw' | 'calico-ipip' | 'calico-bgp' | 'none';

export interface KubernetesSpec {
  readonly cni: NetworkKind;
  readonly proxyMode: 'iptables' | 'nftables' | 'none';
  readonly clusterCIDRs: readonly string[];
  readonly serviceCIDRs: readonly string[];
  readonly clusterDNS: string;
  readonly clusterDomain?: string;
  /** CoreDNS as a Deployment of so many; 0 for none. */
  readonly dnsReplicas?: number;
  /** The nodes that CoreDNS may run on; any when not given. */
  readonly dnsNodes?: readonly string[];
  /** Images that are on every node. */
  readonly images?: readonly string[];
  /** Brings MetalLB with one IPAddressPool; it is announced by ARP unless the manifests have advertisements. */
  readonly loadBalancerPool?: readonly string[];
}

export interface ClusterFile {
  readonly name: string;
  readonly title: string;
  readonly networks: readonly NetworkSpec[];
  readonly machines: readonly MachineSpec[];
  readonly kubernetes?: KubernetesSpec;
  /** Objects that are created when the API is there, in this order. */
  readonly manifests?: readonly KubeObject[];
  /** Objects that are created once all pods are ready, after the faults; nobody waits for theirs, which may never be. */
  readonly later?: readonly KubeObject[];
  /** Addresses that pods get first, by `namespace/name` or `namespace/prefix*@node`. */
  readonly pins?: Readonly<Record<string, string>>;
  /** Commands that break something once all pods are ready. */
  readonly faults?: readonly { readonly on: string; readonly run: string }[];
  /** Terminals in the order in which they are offered: names of machines, `pod NAMESPACE/NAME`. */
  readonly terminals: readonly string[];
}
