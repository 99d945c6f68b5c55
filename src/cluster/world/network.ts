/** The pod networks that a cluster file may name: CNI configuration and what each node needs beside it. */

import { hex, sha256 } from '../sha256.ts';
import type { KubernetesSpec, MachineSpec, NetworkKind } from './file.ts';

export interface NodePlace {
  readonly machine: MachineSpec;
  /** First address of its first interface. */
  readonly ip: string;
  readonly index: number;
  readonly podCIDRs: readonly string[];
}

export interface PodNetwork {
  /** Text of the configuration list in /etc/cni/net.d, or null when a daemon writes it. */
  conflist(node: NodePlace, k: KubernetesSpec): { readonly name: string; readonly text: string } | null;
  /** Set-up lines (see setup.ts) of a node. */
  links(node: NodePlace, all: readonly NodePlace[]): string[];
  /** Rules for iptables-restore --noflush. */
  rules(node: NodePlace, k: KubernetesSpec): string;
}

const two = (n: number): string => n.toString(16).padStart(2, '0');
const first = (cidr: string): string => cidr.split('/')[0] as string;

/** Address number `n` of an IPv4 prefix. */
export function hostOf(cidr: string, n: number): string {
  const parts = first(cidr).split('.').map(Number);
  const value = parts.reduce((a, b) => a * 256 + b, 0) + n;
  return [24, 16, 8, 0].map((s) => Math.floor(value / 2 ** s) % 256).join('.');
}

function bridgeConflist(node: NodePlace, k: KubernetesSpec, mtu: number): { name: string; text: string } {
  const routes = [{ dst: '0.0.0.0/0' }, ...k.clusterCIDRs.filter((c) => !c.includes(':')).map((dst) => ({ dst }))];
  const text = `${JSON.stringify(
    {
      name: 'cbr0',
      cniVersion: '0.3.1',
      plugins: [
        {
          type: 'bridge',
          bridge: 'cni0',
          ...(mtu === 1500 ? {} : { mtu }),
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
  return { name: '10-flannel.conflist', text };
}

/** flannel's own chain for what leaves the cluster, and that it forwards. */
function masqueradeRules(node: NodePlace, k: KubernetesSpec): string {
  const cluster = k.clusterCIDRs.find((c) => !c.includes(':')) ?? '';
  const own = node.podCIDRs[0] ?? '';
  const masq = (rule: string): string => `-A FLANNEL-POSTRTG ${rule} -m comment --comment "flanneld masq" -j`;
  return [
    '*nat',
    ':FLANNEL-POSTRTG - [0:0]',
    '-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG',
    `${masq('-m mark --mark 0x4000/0x4000')} RETURN`,
    `${masq(`-s ${own} -d ${cluster}`)} RETURN`,
    `${masq(`-s ${cluster} -d ${own}`)} RETURN`,
    `${masq(`! -s ${cluster} -d ${own}`)} RETURN`,
    `${masq(`-s ${cluster} ! -d 224.0.0.0/4`)} MASQUERADE --random-fully`,
    `${masq(`! -s ${cluster} -d ${cluster}`)} MASQUERADE --random-fully`,
    'COMMIT',
    '*filter',
    ':FLANNEL-FWD - [0:0]',
    '-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD',
    `-A FLANNEL-FWD -s ${cluster} -m comment --comment "flanneld forward" -j ACCEPT`,
    `-A FLANNEL-FWD -d ${cluster} -m comment --comment "flanneld forward" -j ACCEPT`,
    'COMMIT',
    '',
  ].join('\n');
}

const vtep = (node: NodePlace): string => `5e:00:00:00:${two(node.index)}:01`;

const plainBridge: PodNetwork = {
  conflist: (node, k) => bridgeConflist(node, k, 1500),
  links: (node, all) =>
    all
      .filter((n) => n !== node)
      .flatMap((n) => n.podCIDRs.map((c) => `route add ${c} via ${n.ip} dev ${node.machine.interfaces[0]?.name}`)),
  rules: () => '',
};

const NETWORKS: Readonly<Record<NetworkKind, PodNetwork>> = {
  none: { conflist: () => null, links: () => [], rules: () => '' },
  bridge: plainBridge,
  'flannel-host-gw': { ...plainBridge, rules: masqueradeRules },
  'flannel-vxlan': {
    conflist: (node, k) => bridgeConflist(node, k, 1450),
    links: (node, all) => {
      const peers = all.filter((n) => n !== node);
      const dev = node.machine.interfaces[0]?.name ?? 'eth0';
      return [
        `link add flannel.1 address ${vtep(node)} mtu 1450 type vxlan id 1 dev ${dev} local ${node.ip} dstport 8472 nolearning`,
        'link set flannel.1 up',
        `addr add ${first(node.podCIDRs[0] ?? '')}/32 dev flannel.1`,
        ...peers.flatMap((n) => {
          const subnet = n.podCIDRs[0] ?? '';
          return [
            `neigh replace ${first(subnet)} lladdr ${vtep(n)} dev flannel.1 nud permanent`,
            `route add ${subnet} via ${first(subnet)} dev flannel.1 onlink`,
          ];
        }),
        ...peers.map((n) => `fdb append ${vtep(n)} dev flannel.1 dst ${n.ip}`),
      ];
    },
    rules: masqueradeRules,
  },
  'calico-ipip': plainBridge,
  'calico-bgp': plainBridge,
};

export const networkOf = (kind: NetworkKind): PodNetwork => NETWORKS[kind];

/** A stable hexadecimal name. */
export const digest = (text: string): string => hex(sha256(text));
