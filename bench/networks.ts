/** The networks of the bench as lists of commands: the emulator and the real kernel run the very same lines. */

import { type FixedService, fixedRules } from '../src/cluster/proxy/fixed.ts';

/** Namespaces in the order of creation, and `[namespace, command line]` to run after. `@` stands before every namespace's name. */
export interface Network {
  readonly namespaces: readonly string[];
  readonly lines: readonly (readonly [string, string])[];
  /** Where the client runs, where the server runs, and the server's address. */
  readonly client: string;
  readonly server: string;
  readonly address: string;
  /** The client's node: where Services are. */
  readonly node: string;
}

/** A pod behind a veth pair whose other end is a port of the bridge `bridge` in namespace `node`. */
function pod(node: string, bridge: string, name: string, addr: string, gateway: string): [string, string][] {
  return [
    [node, `ip link add v-${name} type veth peer name eth0 netns @${name}`],
    [node, `ip link set v-${name} master ${bridge} up`],
    [name, 'ip link set lo up'],
    [name, 'ip link set eth0 up'],
    [name, `ip addr add ${addr}/24 dev eth0`],
    [name, `ip route add default via ${gateway}`],
  ];
}

/** Two pods on one bridge. */
export const BRIDGE: Network = {
  namespaces: ['n', 'a', 'b'],
  lines: [
    ['n', 'ip link set lo up'],
    ['n', 'sysctl -qw net.ipv4.ip_forward=1'],
    ['n', 'ip link add cni0 type bridge'],
    ['n', 'ip addr add 10.244.1.1/24 dev cni0'],
    ['n', 'ip link set cni0 up'],
    ...pod('n', 'cni0', 'a', '10.244.1.5', '10.244.1.1'),
    ...pod('n', 'cni0', 'b', '10.244.1.6', '10.244.1.1'),
  ],
  client: 'a',
  server: 'b',
  address: '10.244.1.6',
  node: 'n',
};

/** One of two nodes as flannel sets them up: a bridge for pods, and a VXLAN device to the other node. */
function node(name: string, own: number, other: number): [string, string][] {
  return [
    [name, 'ip link set lo up'],
    [name, `ip addr add 192.168.56.${own}/24 dev eth0`],
    [name, 'ip link set eth0 up'],
    [name, 'sysctl -qw net.ipv4.ip_forward=1'],
    [name, 'ip link add cni0 mtu 1450 type bridge'],
    [name, `ip addr add 10.244.${own}.1/24 dev cni0`],
    [name, 'ip link set cni0 up'],
    [name, `ip link add flannel.1 address 5e:00:00:00:00:0${own} type vxlan id 1 dev eth0 local 192.168.56.${own} dstport 8472 nolearning`],
    [name, `ip addr add 10.244.${own}.0/32 dev flannel.1`],
    [name, 'ip link set flannel.1 up'],
    [name, `ip neigh replace 10.244.${other}.0 lladdr 5e:00:00:00:00:0${other} dev flannel.1 nud permanent`],
    [name, `ip route add 10.244.${other}.0/24 via 10.244.${other}.0 dev flannel.1 onlink`],
    [name, `bridge fdb append 5e:00:00:00:00:0${other} dev flannel.1 dst 192.168.56.${other}`],
  ];
}

/** Two nodes with a pod each, flannel's VXLAN between them. */
export const VXLAN: Network = {
  namespaces: ['n1', 'n2', 'a', 'b'],
  lines: [
    ['n1', 'ip link add eth0 type veth peer name eth0 netns @n2'],
    ...node('n1', 1, 2),
    ...node('n2', 2, 1),
    ...pod('n1', 'cni0', 'a', '10.244.1.5', '10.244.1.1'),
    ...pod('n2', 'cni0', 'b', '10.244.2.6', '10.244.2.1'),
  ],
  client: 'a',
  server: 'b',
  address: '10.244.2.6',
  node: 'n1',
};

/** Rules of kube-proxy for `count` Services of two endpoints each (8 rules a Service); the last one is nginx in the server's pod. */
export function serviceRules(net: Network, count: number): { input: string; address: string } {
  const services: FixedService[] = Array.from({ length: count }, (_, i) => {
    const last = i === count - 1;
    return {
      name: `bench/s${i}:http`,
      protocol: 'tcp',
      clusterIP: `10.96.${(i + 1) >> 8}.${(i + 1) & 255}`,
      port: 80,
      endpoints: [80, 8080].map((port) => (last ? `${net.address}:${port}` : `10.245.${i >> 8}.${i & 255}:${port}`)),
    };
  });
  return { input: fixedRules('10.244.0.0/16', services), address: (services.at(-1) as FixedService).clusterIP };
}

/** `count` rules in the pods' way that no packet of theirs matches. */
export function chainRules(count: number): string {
  const rules = Array.from({ length: count }, (_, i) => `-A FORWARD -s 10.99.${i >> 8}.${i & 255}/32 -j DROP`);
  return ['*filter', ':FORWARD ACCEPT [0:0]', ...rules, 'COMMIT', ''].join('\n');
}

/** nginx as both sides start it: one small page, no access log. */
export function nginxConf(dir: string): string {
  return `daemon off;
worker_processes 1;
pid ${dir}/nginx.pid;
error_log ${dir}/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  server {
    listen 80;
    listen 8080;
    location / { root ${dir}; }
  }
}
`;
}

export const PAGE = 'Hello from the bench: one page of sixty-four bytes and no more.\n';
