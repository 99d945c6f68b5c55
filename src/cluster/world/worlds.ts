/** The reference worlds, as cluster files. */

import type { KubeObject } from '../api/object.ts';
import { SPEAKER_IMAGE } from '../controllers/metallb.ts';
import type { ClusterFile, InterfaceSpec, KubernetesSpec, MachineSpec } from './file.ts';

const ROUTER_SYSCTLS = { 'net.ipv4.ip_forward': '1' };
const LAN_GATEWAY = '192.168.56.1';
const TAINT = [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }] as const;

const eth0 = (network: string, address: string, mac?: string): InterfaceSpec => ({
  name: 'eth0',
  network,
  addresses: [address],
  ...(mac ? { mac } : {}),
});

function node(name: string, n: number, podCIDR: string, role: 'control-plane' | 'worker'): MachineSpec {
  return {
    name,
    kind: 'node',
    role,
    interfaces: [eth0('lan', `192.168.56.${n}/24`, `52:54:00:00:00:${n}`)],
    routes: [{ to: 'default', via: LAN_GATEWAY }],
    podCIDRs: [podCIDR],
    files: { '/etc/resolv.conf': 'nameserver 203.0.113.10\n' },
    ...(role === 'control-plane' ? { taints: TAINT } : {}),
  };
}

const ROUTER: MachineSpec = {
  name: 'rtr',
  kind: 'router',
  interfaces: [
    { name: 'eth0', network: 'lan', addresses: [`${LAN_GATEWAY}/24`] },
    { name: 'wan', network: 'wan', addresses: ['203.0.113.1/24'] },
  ],
  sysctls: ROUTER_SYSCTLS,
};

const CLIENT: MachineSpec = {
  name: 'client',
  title: 'client (LAN)',
  kind: 'host',
  interfaces: [eth0('lan', '192.168.56.50/24', '52:54:00:00:00:50')],
  routes: [{ to: 'default', via: LAN_GATEWAY }],
};

/** What the internet's name server answers. */
const ZONE = `example.com A 203.0.113.10
www.example.com CNAME example.com
internet.example A 203.0.113.10
`;

const INTERNET: MachineSpec = {
  name: 'internet',
  title: 'internet',
  kind: 'host',
  interfaces: [eth0('wan', '203.0.113.10/24')],
  routes: [{ to: '192.168.56.0/24', via: '203.0.113.1' }],
  files: { '/etc/dns.zone': ZONE },
  run: [
    ['podserver', 'internet', '80'],
    ['poddns', '/etc/dns.zone', '--zone', '.'],
  ],
};

const NETWORKS = [
  { name: 'lan', delay: 40 },
  { name: 'wan', delay: 4000, cable: true },
] as const;

const ECHO = 'hopwise/echo:1.0';
const TOOLBOX = 'hopwise/toolbox:1.0';

export function pod(
  name: string,
  nodeName: string,
  image: string,
  labels: Readonly<Record<string, string>>,
  args: readonly string[],
  namespace = 'default',
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels },
    spec: {
      ...(nodeName ? { nodeName } : {}),
      containers: [{ name, image, ...(args.length > 0 ? { args } : {}) }],
    },
  } as KubeObject;
}

function service(
  name: string,
  clusterIP: string,
  selector: Readonly<Record<string, string>>,
  port: object,
  type = 'ClusterIP',
  namespace = 'default',
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { type, clusterIP, selector, ports: [port] },
  } as KubeObject;
}

const web = (name: string, on: string): KubeObject =>
  ({
    ...pod(name, on, ECHO, { app: 'web' }, [name, '8080']),
    spec: {
      nodeName: on,
      containers: [{ name: 'web', image: ECHO, args: [name, '8080'], ports: [{ name: 'http', containerPort: 8080 }] }],
    },
  }) as KubeObject;

const KUBERNETES: KubernetesSpec = {
  cni: 'flannel-vxlan',
  proxyMode: 'iptables',
  clusterCIDRs: ['10.244.0.0/16'],
  serviceCIDRs: ['10.96.0.0/12'],
  clusterDNS: '10.96.0.10',
  dnsReplicas: 2,
  images: [
    ECHO,
    TOOLBOX,
    'registry.k8s.io/coredns/coredns:v1.14.2',
    'registry.k8s.io/kube-proxy:v1.36.3',
    'registry.k8s.io/kube-apiserver:v1.36.3',
    'registry.k8s.io/kube-controller-manager:v1.36.3',
    'registry.k8s.io/kube-scheduler:v1.36.3',
    'registry.k8s.io/etcd:3.6.6-0',
  ],
};

export const W1: ClusterFile = {
  name: 'w1',
  title: 'flannel-vxlan',
  networks: NETWORKS,
  machines: [
    ROUTER,
    INTERNET,
    CLIENT,
    node('cp-1', 10, '10.244.0.0/24', 'control-plane'),
    node('node-1', 11, '10.244.1.0/24', 'worker'),
    node('node-2', 12, '10.244.2.0/24', 'worker'),
  ],
  kubernetes: { ...KUBERNETES, dnsNodes: ['cp-1', 'node-2'] },
  manifests: [
    service('web', '10.96.10.20', { app: 'web' }, { name: 'http', port: 80, targetPort: 8080, nodePort: 30080 }, 'NodePort'),
    service('empty', '10.96.10.99', { app: 'nothing' }, { name: 'http', port: 80, targetPort: 8080, nodePort: 30099 }, 'NodePort'),
    web('web-a', 'node-1'),
    web('web-b', 'node-1'),
    web('web-c', 'node-2'),
    pod('client-pod', 'node-1', TOOLBOX, { app: 'client' }, []),
  ],
  pins: {
    'default/web-a': '10.244.1.5',
    'default/web-b': '10.244.1.6',
    'default/web-c': '10.244.2.7',
    'default/client-pod': '10.244.1.9',
    'kube-system/coredns-*@cp-1': '10.244.0.2',
    'kube-system/coredns-*@node-2': '10.244.2.2',
  },
  terminals: [
    'cp-1',
    'node-1',
    'pod default/client-pod',
    'pod default/web-a',
    'pod default/web-b',
    'node-2',
    'pod default/web-c',
    'client',
    'internet',
  ],
};

export const W1_HGW: ClusterFile = {
  ...W1,
  name: 'w1-hgw',
  title: 'flannel host-gw',
  kubernetes: { ...KUBERNETES, cni: 'flannel-host-gw', dnsNodes: ['cp-1', 'node-2'] },
};

const BIRD_CONF = `log stderr all;
router id ${LAN_GATEWAY};

protocol device {
}

protocol kernel {
	ipv4 {
		export all;
	};
	merge paths on;
}

template bgp node {
	local ${LAN_GATEWAY} as 64513;
	passive;
	ipv4 {
		import all;
		export none;
	};
}
${['cp-1', 'node-1', 'node-2'].map((name, i) => `\nprotocol bgp ${name.replace('-', '_')} from node {\n\tneighbor 192.168.56.${10 + i} as 64512;\n}\n`).join('')}`;

const metallb = (kind: string, version: string, name: string, spec: object): KubeObject =>
  ({ apiVersion: `metallb.io/${version}`, kind, metadata: { name, namespace: 'metallb-system' }, spec }) as KubeObject;

/** W1 with load balancer addresses that the nodes announce to the router by BGP. */
export const W1_BGP: ClusterFile = {
  ...W1,
  name: 'w1-bgp',
  title: 'load balancers by BGP',
  machines: W1.machines.map((m) => {
    if (m.name === 'internet') return { ...m, routes: [...(m.routes ?? []), { to: '192.168.70.0/24', via: '203.0.113.1' }] };
    if (m.name !== 'rtr') return m;
    // Ports count for the choice of the next hop: else one client has one node.
    const sysctls = { ...m.sysctls, 'net.ipv4.fib_multipath_hash_policy': '1' };
    return { ...m, sysctls, files: { '/etc/bird/bird.conf': BIRD_CONF }, run: [['bird', '-f']] };
  }),
  kubernetes: {
    ...KUBERNETES,
    dnsNodes: ['cp-1', 'node-2'],
    images: [...(KUBERNETES.images ?? []), SPEAKER_IMAGE],
    loadBalancerPool: ['192.168.70.240/28'],
  },
  manifests: [
    metallb('BGPPeer', 'v1beta2', 'rtr', { myASN: 64512, peerASN: 64513, peerAddress: LAN_GATEWAY }),
    metallb('BGPAdvertisement', 'v1beta1', 'pool', { ipAddressPools: ['pool'] }),
    ...(W1.manifests ?? []),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'front', namespace: 'default' },
      spec: {
        type: 'LoadBalancer',
        externalTrafficPolicy: 'Local',
        clusterIP: '10.96.10.70',
        selector: { app: 'web' },
        ports: [{ name: 'http', port: 80, targetPort: 8080, nodePort: 30070 }],
      },
    } as KubeObject,
  ],
  terminals: [...W1.terminals, 'rtr'],
};

/** Routed pods with a /32 each, IPIP between nodes; addresses come from Calico's blocks. */
export const W2: ClusterFile = {
  ...W1,
  name: 'w2',
  title: 'Calico, IPIP',
  kubernetes: { ...KUBERNETES, cni: 'calico-ipip' },
  pins: {},
};

export const W2_BGP: ClusterFile = {
  ...W2,
  name: 'w2-bgp',
  title: 'Calico, BGP without encapsulation',
  kubernetes: { ...KUBERNETES, cni: 'calico-bgp' },
};

/** One node, one pod with two containers. */
export const W_000: ClusterFile = {
  name: 'w-000',
  title: 'one node, one pod',
  networks: NETWORKS,
  machines: [ROUTER, INTERNET, CLIENT, { ...node('node-1', 11, '10.244.1.0/24', 'control-plane'), taints: [] }],
  kubernetes: { ...KUBERNETES, cni: 'bridge', images: [...(KUBERNETES.images ?? []), 'nginx:1.29', 'busybox:1.37'] },
  manifests: [
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'example-pod', namespace: 'default', labels: { app: 'example' } },
      spec: {
        nodeName: 'node-1',
        containers: [
          { name: 'container-1', image: 'nginx:1.29', ports: [{ containerPort: 80 }] },
          { name: 'container-2', image: TOOLBOX },
        ],
      },
    } as KubeObject,
  ],
  pins: { 'default/example-pod': '10.244.1.5' },
  terminals: ['node-1', 'pod default/example-pod', 'client', 'internet'],
};

/** Pods with large ranges on three nodes. */
export const W_001: ClusterFile = {
  name: 'w-001',
  title: 'three nodes, one Service',
  networks: NETWORKS,
  machines: [
    ROUTER,
    INTERNET,
    CLIENT,
    { ...node('node-1', 11, '10.1.0.0/16', 'control-plane'), taints: [] },
    node('node-2', 12, '10.2.0.0/16', 'worker'),
    node('node-3', 13, '10.3.0.0/16', 'worker'),
  ],
  kubernetes: { ...KUBERNETES, cni: 'bridge', clusterCIDRs: ['10.0.0.0/13'], serviceCIDRs: ['10.23.0.0/16'], clusterDNS: '10.23.0.10' },
  manifests: [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'my-namespace' } },
    service('my-svc', '10.23.1.2', { app: 'my-app' }, { name: 'http', port: 80, targetPort: 8080 }, 'ClusterIP', 'my-namespace'),
    ...(['node-1', 'node-2', 'node-3'] as const).map((on, i) =>
      pod(`my-pod-${i + 1}`, on, ECHO, { app: 'my-app' }, [`my-pod-${i + 1}`, '8080'], 'my-namespace'),
    ),
  ],
  pins: { 'my-namespace/my-pod-1': '10.1.0.3', 'my-namespace/my-pod-2': '10.2.3.5', 'my-namespace/my-pod-3': '10.3.5.6' },
  terminals: [
    'node-1',
    'node-2',
    'node-3',
    'pod my-namespace/my-pod-1',
    'pod my-namespace/my-pod-2',
    'pod my-namespace/my-pod-3',
    'client',
    'internet',
  ],
};

/** Front end, back end, a worker without a Service; Services from 172.31.0.0/16. */
export const W_003: ClusterFile = {
  name: 'w-003',
  title: 'Services in front of pods',
  networks: NETWORKS,
  machines: W1.machines,
  kubernetes: { ...KUBERNETES, serviceCIDRs: ['172.31.0.0/16'], clusterDNS: '172.31.0.10' },
  manifests: [
    service('front-end', '172.31.10.1', { app: 'front-end' }, { name: 'http', port: 80, targetPort: 8080 }),
    service('back-end', '172.31.10.2', { app: 'back-end' }, { name: 'http', port: 80, targetPort: 8080 }),
    service('service-a', '172.31.0.2', { app: 'pod-a' }, { name: 'http', port: 80, targetPort: 8080 }),
    pod('front-end', 'node-1', ECHO, { app: 'front-end' }, ['front-end', '8080']),
    pod('back-end', 'node-2', ECHO, { app: 'back-end' }, ['back-end', '8080']),
    pod('worker', 'node-2', TOOLBOX, { app: 'worker' }, []),
    pod('pod-a-1', 'node-1', ECHO, { app: 'pod-a' }, ['PodA-1', '8080']),
    pod('pod-a-2', 'node-2', ECHO, { app: 'pod-a' }, ['PodA-2', '8080']),
    pod('pod-b-1', 'node-1', TOOLBOX, { app: 'pod-b' }, []),
  ],
  terminals: ['node-1', 'node-2', 'cp-1', 'pod default/pod-b-1', 'pod default/pod-a-2', 'pod default/worker', 'client', 'internet'],
};

/** A Linux machine with the tools and nothing else. */
export const W_LIN: ClusterFile = {
  name: 'w-lin',
  title: 'one Linux machine',
  networks: NETWORKS,
  machines: [ROUTER, INTERNET, CLIENT, { ...node('node-1', 11, '10.244.1.0/24', 'worker'), kind: 'host' }],
  terminals: ['node-1', 'client', 'internet'],
};

export const REFERENCE_WORLDS: readonly ClusterFile[] = [W1, W1_HGW, W1_BGP, W2, W2_BGP, W_000, W_001, W_003, W_LIN];
