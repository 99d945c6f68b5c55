/** Reference world W1 "flannel-vxlan": three nodes, four pods, two Services, a client and an outside host, as data and as set-up scripts. */

import type { FixedService } from '../proxy/fixed.ts';
import { hex, sha256 } from '../sha256.ts';
import { KUBE_PROXY_RULES } from './w1rules.ts';

export const CLUSTER_CIDR = '10.244.0.0/16';

export interface NodeSpec {
  readonly name: string;
  readonly ip: string;
  readonly mac: string;
  /** Number N in the pod network 10.244.N.0/24. */
  readonly subnet: number;
}

export interface PodSpec {
  readonly name: string;
  readonly node: string;
  readonly ip: string;
  /** Fixed-output HTTP server, none for a toolbox pod. */
  readonly serves: boolean;
  /** Where it listens, 8080 when not given. */
  readonly port?: number;
  /** A second address of its eth0, with the prefix's length. */
  readonly also?: string;
}

/** What a lab lays over W1. */
export interface W1Overrides {
  /** Further pods; they serve unless they say otherwise. */
  readonly pods?: readonly (Omit<PodSpec, 'serves'> & { readonly serves?: boolean })[];
  /** Pod to a second address of its eth0, with the prefix's length. */
  readonly addresses?: Readonly<Record<string, string>>;
  /** Node to the MAC of its VTEP. */
  readonly vteps?: Readonly<Record<string, string>>;
  /** What else is done on a node: set-up lines, as src/cluster/setup.ts knows them, and input of `iptables-restore --noflush`. */
  readonly also?: readonly { readonly on: string; readonly lines?: readonly string[]; readonly rules?: string }[];
  /** False: kube-proxy never ran, so no Service has rules. */
  readonly 'kube-proxy'?: boolean;
}

export interface OutsideSpec {
  readonly name: string;
  readonly title: string;
}

export const NODES: readonly NodeSpec[] = [
  { name: 'cp-1', ip: '192.168.56.10', mac: '52:54:00:00:00:10', subnet: 0 },
  { name: 'node-1', ip: '192.168.56.11', mac: '52:54:00:00:00:11', subnet: 1 },
  { name: 'node-2', ip: '192.168.56.12', mac: '52:54:00:00:00:12', subnet: 2 },
];

export const PODS: readonly PodSpec[] = [
  { name: 'client-pod', node: 'node-1', ip: '10.244.1.9', serves: false },
  { name: 'web-a', node: 'node-1', ip: '10.244.1.5', serves: true },
  { name: 'web-b', node: 'node-1', ip: '10.244.1.6', serves: true },
  { name: 'web-c', node: 'node-2', ip: '10.244.2.7', serves: true },
];

export const SERVICES: readonly FixedService[] = [
  { name: 'default/kubernetes:https', protocol: 'tcp', clusterIP: '10.96.0.1', port: 443, endpoints: ['192.168.56.10:6443'] },
  {
    name: 'default/web:http',
    protocol: 'tcp',
    clusterIP: '10.96.10.20',
    port: 80,
    nodePort: 30080,
    endpoints: PODS.filter((p) => p.serves).map((p) => `${p.ip}:8080`),
  },
  { name: 'default/empty:http', protocol: 'tcp', clusterIP: '10.96.10.99', port: 80, nodePort: 30099, endpoints: [] },
];

const two = (n: number): string => n.toString(16).padStart(2, '0');

/** 0a:58 and the address' bytes, as the bridge plugin and flannel give their devices. */
export function podMac(ip: string): string {
  return `0a:58:${ip
    .split('.')
    .map((b) => two(Number(b)))
    .join(':')}`;
}

const digests = new Map<string, string>();

/** SHA-256 in hexadecimal digits, remembered: names are asked for in every world. */
function digest(text: string): string {
  const known = digests.get(text) ?? hex(sha256(text));
  digests.set(text, known);
  return known;
}

/** Name of a pod's end on the node: veth and 8 digits, as the CNI plugins make them. */
export function vethName(pod: string): string {
  return `veth${digest(`veth/${pod}`).slice(0, 8)}`;
}

/** Name of a pod's network namespace under /run/netns, as containerd makes them. */
export function netnsName(pod: string): string {
  const h = digest(`netns/${pod}`);
  return `cni-${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-a${h.slice(17, 20)}-${h.slice(20, 32)}`;
}

const vtepMac = (node: NodeSpec, vteps: W1Overrides['vteps'] = {}): string => vteps[node.name] ?? `5e:00:00:00:${two(node.subnet)}:01`;

/** Lines for `ip -batch -` in a node's first namespace, once its eth0 has a cable. */
export function nodeLinks(node: NodeSpec, vteps: W1Overrides['vteps'] = {}): string[] {
  const pods = `10.244.${node.subnet}`;
  const vtep = (n: NodeSpec): string => vtepMac(n, vteps);
  const peers = NODES.filter((n) => n.name !== node.name);
  return [
    `link set eth0 address ${node.mac}`,
    'link set eth0 up',
    `addr add ${node.ip}/24 brd + dev eth0`,
    'route add default via 192.168.56.1',
    `link add cni0 address ${podMac(`${pods}.1`)} mtu 1450 type bridge`,
    'link set cni0 up',
    `addr add ${pods}.1/24 brd + dev cni0`,
    `link add flannel.1 address ${vtep(node)} mtu 1450 type vxlan id 1 dev eth0 local ${node.ip} dstport 8472 nolearning`,
    'link set flannel.1 up',
    `addr add ${pods}.0/32 dev flannel.1`,
    ...peers.flatMap((n) => [
      `neigh replace 10.244.${n.subnet}.0 lladdr ${vtep(n)} dev flannel.1 nud permanent`,
      `route add 10.244.${n.subnet}.0/24 via 10.244.${n.subnet}.0 dev flannel.1 onlink`,
    ]),
  ];
}

/** Arguments of `bridge`: where flannel sends what is for another node's VTEP. */
export function nodeForwarding(node: NodeSpec, vteps: W1Overrides['vteps'] = {}): string[] {
  return NODES.filter((n) => n.name !== node.name).map((n) => `fdb append ${vtepMac(n, vteps)} dev flannel.1 dst ${n.ip}`);
}

/** flannel's own rules (ip-masq on): pod traffic that leaves the cluster is masqueraded. Models pkg/trafficmngr/iptables */
function flannelRestoreInput(clusterCIDR: string, podCIDR: string): string {
  const c = '-m comment --comment "flanneld masq"';
  const f = '-m comment --comment "flanneld forward"';
  return [
    '*filter',
    ':FLANNEL-FWD - [0:0]',
    `-A FORWARD ${f} -j FLANNEL-FWD`,
    `-A FLANNEL-FWD -s ${clusterCIDR} ${f} -j ACCEPT`,
    `-A FLANNEL-FWD -d ${clusterCIDR} ${f} -j ACCEPT`,
    'COMMIT',
    '*nat',
    ':FLANNEL-POSTRTG - [0:0]',
    `-A POSTROUTING ${c} -j FLANNEL-POSTRTG`,
    `-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 ${c} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${podCIDR} -d ${clusterCIDR} ${c} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${clusterCIDR} -d ${podCIDR} ${c} -j RETURN`,
    `-A FLANNEL-POSTRTG ! -s ${clusterCIDR} -d ${podCIDR} ${c} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${clusterCIDR} ! -d 224.0.0.0/4 ${c} -j MASQUERADE --random-fully`,
    `-A FLANNEL-POSTRTG ! -s ${clusterCIDR} -d ${clusterCIDR} ${c} -j MASQUERADE --random-fully`,
    'COMMIT',
    '',
  ].join('\n');
}

/** Input for iptables-restore --noflush: kube-proxy's and flannel's rules. */
export function nodeRules(node: NodeSpec, kubeProxy = true): string {
  return (kubeProxy ? KUBE_PROXY_RULES : '') + flannelRestoreInput(CLUSTER_CIDR, `10.244.${node.subnet}.0/24`);
}

/** What the CNI bridge plugin does for a pod, on the node: lines for `ip -batch -`, and those inside the pod. */
export function podLinks(pod: PodSpec, subnet: number): { node: string[]; pod: string[] } {
  const veth = vethName(pod.name);
  const gateway = `10.244.${subnet}.1`;
  return {
    node: [
      `link add ${veth} mtu 1450 type veth peer name eth0 address ${podMac(pod.ip)} mtu 1450 netns ${netnsName(pod.name)}`,
      `link set ${veth} master cni0`,
      `link set ${veth} up`,
    ],
    pod: [
      'link set lo up',
      'link set eth0 up',
      `addr add ${pod.ip}/24 brd + dev eth0`,
      `route add default via ${gateway}`,
      `route add ${CLUSTER_CIDR} via ${gateway}`,
      ...(pod.also === undefined ? [] : [`addr add ${pod.also} dev eth0`]),
    ],
  };
}

export const NODE_SYSCTLS: readonly (readonly [string, string])[] = [
  ['net.ipv4.ip_forward', '1'],
  ['net.bridge.bridge-nf-call-iptables', '1'],
  ['net.ipv4.conf.all.route_localnet', '1'],
  ['net.ipv4.conf.all.rp_filter', '0'],
  ['net.ipv4.conf.default.rp_filter', '0'],
];

export const HOSTS_FILE = NODES.map((n) => `${n.ip}\t${n.name}`).join('\n');
