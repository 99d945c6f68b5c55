/** The pod networks that a cluster file may name: CNI configuration and what each node needs beside it. */

import { formatIp, parseIp } from '../../wire/addr.ts';
import type { KubeObject } from '../api/object.ts';
import { CALICO_CNI_IMAGE, CALICO_NODE_IMAGE, calicoManifests } from '../network/calico/manifest.ts';
import { FLANNEL_IMAGE, FLANNEL_PLUGIN_IMAGE, flannelManifests } from '../network/flannel/manifest.ts';
import type { KubernetesSpec, MachineSpec, NetworkKind } from './file.ts';

/** Range number `index` of a cluster range: a /24 of an IPv4 range, a /64 of an IPv6 range. */
export function rangeOf(cidr: string, index: number): string {
  if (!cidr.includes(':')) return `${hostOf(cidr, index * 256)}/24`;
  return `${formatIp((parseIp(first(cidr)) as bigint) + (BigInt(index) << 64n))}/64`;
}

export interface NodePlace {
  readonly machine: MachineSpec;
  /** First address of its first interface. */
  readonly ip: string;
  /** The first of each family. */
  readonly ips: readonly string[];
  readonly index: number;
  readonly podCIDRs: readonly string[];
}

export interface PodNetwork {
  /** Text of the configuration list in /etc/cni/net.d, or null when a daemon writes it. */
  conflist(node: NodePlace, k: KubernetesSpec): { readonly name: string; readonly text: string } | null;
  /** Set-up lines (see setup.ts) of a node. */
  links(node: NodePlace, all: readonly NodePlace[]): string[];
  /** What an administrator applies. */
  manifests(k: KubernetesSpec): readonly KubeObject[];
  /** Images that are on every node. */
  readonly images: readonly string[];
  /** What the node's object says from the beginning: what a daemon of it wrote in its life before. */
  annotations(node: NodePlace): Readonly<Record<string, string>>;
}

const two = (n: number): string => n.toString(16).padStart(2, '0');
const first = (cidr: string): string => cidr.split('/')[0] as string;

/** Address number `n` of an IPv4 prefix. */
export function hostOf(cidr: string, n: number): string {
  const parts = first(cidr).split('.').map(Number);
  const value = parts.reduce((a, b) => a * 256 + b, 0) + n;
  return [24, 16, 8, 0].map((s) => Math.floor(value / 2 ** s) % 256).join('.');
}

function bridgeConflist(node: NodePlace, k: KubernetesSpec): { name: string; text: string } {
  const six = node.podCIDRs.some((c) => c.includes(':'));
  const routes = [{ dst: '0.0.0.0/0' }, ...(six ? [{ dst: '::/0' }] : []), ...k.clusterCIDRs.map((dst) => ({ dst }))];
  const text = `${JSON.stringify(
    {
      name: 'cbr0',
      cniVersion: '0.3.1',
      plugins: [
        {
          type: 'bridge',
          bridge: 'cni0',
          hairpinMode: true,
          isGateway: true,
          ipMasq: false,
          ipam: { type: 'host-local', ranges: node.podCIDRs.map((subnet) => [{ subnet }]), routes },
        },
        { type: 'portmap', capabilities: { portMappings: true } },
      ],
    },
    null,
    2,
  )}\n`;
  return { name: '10-bridge.conflist', text };
}

const vtep = (node: NodePlace): string => `5e:00:00:00:${two(node.index)}:01`;

const flannel = (backend: 'vxlan' | 'host-gw'): PodNetwork => ({
  conflist: () => null,
  links: () => [],
  manifests: (k) => flannelManifests(backend, { clusterCIDR: k.clusterCIDRs.find((c) => !c.includes(':')) ?? '' }),
  images: [FLANNEL_IMAGE, FLANNEL_PLUGIN_IMAGE],
  annotations: (node): Readonly<Record<string, string>> =>
    backend === 'vxlan' ? { 'flannel.alpha.coreos.com/backend-data': JSON.stringify({ VNI: 1, VtepMAC: vtep(node) }) } : {},
});

const calico = (ipip: boolean): PodNetwork => ({
  conflist: () => null,
  links: () => [],
  manifests: (k) => calicoManifests(ipip, { clusterCIDR: k.clusterCIDRs.find((c) => !c.includes(':')) ?? '' }),
  images: [CALICO_NODE_IMAGE, CALICO_CNI_IMAGE],
  annotations: () => ({}),
});

const NETWORKS: Readonly<Record<NetworkKind, PodNetwork>> = {
  none: { conflist: () => null, links: () => [], manifests: () => [], images: [], annotations: () => ({}) },
  bridge: {
    conflist: bridgeConflist,
    links: (node, all) =>
      all
        .filter((n) => n !== node)
        .flatMap((n) =>
          n.podCIDRs.flatMap((c) => {
            const via = n.ips.find((ip) => ip.includes(':') === c.includes(':'));
            return via ? [`route add ${c} via ${via} dev ${node.machine.interfaces[0]?.name}`] : [];
          }),
        ),
    manifests: () => [],
    images: [],
    annotations: () => ({}),
  },
  'flannel-vxlan': flannel('vxlan'),
  'flannel-host-gw': flannel('host-gw'),
  'calico-ipip': calico(true),
  'calico-bgp': calico(false),
};

export const networkOf = (kind: NetworkKind): PodNetwork => NETWORKS[kind];
