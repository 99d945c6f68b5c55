/** Random networks: hosts, routers, bridges, tunnels between namespaces, with the addresses and routes that join them. */

import type { Random } from './random.ts';

export interface Host {
  ns: string;
  /** Interfaces with an address, loopback apart. */
  ports: { dev: string; addr: string; len: number }[];
}

export interface Network {
  ipv6: boolean;
  hosts: Host[];
  /** Namespaces that forward. */
  routers: Host[];
  /** [namespace, command] */
  setup: [string, string][];
  /** Addresses that somebody has, and some that nobody has. */
  addresses: string[];
  strangers: string[];
  bridges: { ns: string; dev: string }[];
}

const mac = (n: number): string => `02:00:00:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`;

class Builder {
  readonly net: Network;
  private cables = 0;
  private readonly index = new Map<string, number>();

  constructor(ipv6: boolean) {
    this.net = { ipv6, hosts: [], routers: [], setup: [], addresses: [], strangers: [], bridges: [] };
  }

  host(ns: string, router = false): Host {
    const h: Host = { ns, ports: [] };
    this.net.hosts.push(h);
    if (router) this.net.routers.push(h);
    this.run(ns, 'ip link set lo up');
    if (router) this.run(ns, `sysctl -w net.ipv4.ip_forward=1${this.net.ipv6 ? ' net.ipv6.conf.all.forwarding=1' : ''}`);
    return h;
  }

  run(ns: string, command: string): void {
    this.net.setup.push([ns, command]);
  }

  dev(ns: string): string {
    const n = this.index.get(ns) ?? 0;
    this.index.set(ns, n + 1);
    return `eth${n}`;
  }

  cable(a: string, b: string, name?: string): [string, string] {
    const [x, y] = [name ?? this.dev(a), this.dev(b)];
    const n = ++this.cables;
    this.run(a, `ip link add ${x} address ${mac(n * 2)} type veth peer name ${y} address ${mac(n * 2 + 1)} netns ${b}`);
    return [x, y];
  }

  address(h: Host, dev: string, addr: string, len: number, up = true): void {
    h.ports.push({ dev, addr, len });
    this.net.addresses.push(addr);
    this.run(h.ns, `ip addr add ${addr}/${len} dev ${dev}${up ? ` && ip link set ${dev} up` : ''}`);
    this.net.strangers.push(addr.replace(/\.\d+$/, '.250'));
  }
}

/** Hosts at the ends of a row of routers. */
function row(r: Random, b: Builder): void {
  const routers = Array.from({ length: r.between(1, 2) }, (_, i) => b.host(`r${i + 1}`, true));
  const left = b.host('a');
  const right = b.host('b');
  const chain = [left, ...routers, right];
  const nets: string[] = [];
  for (let i = 0; i + 1 < chain.length; i++) {
    const [x, y] = [chain[i] as Host, chain[i + 1] as Host];
    const net = `10.${i + 1}.0`;
    nets.push(net);
    const [dx, dy] = b.cable(x.ns, y.ns);
    b.address(x, dx, `${net}.1`, 24);
    b.address(y, dy, `${net}.2`, 24);
  }
  chain.forEach((h, i) => {
    if (i === 0) b.run(h.ns, 'ip route add default via 10.1.0.2');
    else if (i === chain.length - 1) b.run(h.ns, `ip route add default via ${nets[i - 1]}.1`);
    else {
      for (let n = 0; n < nets.length; n++) {
        if (n < i - 1) b.run(h.ns, `ip route add ${nets[n]}.0/24 via ${nets[i - 1]}.1`);
        if (n > i) b.run(h.ns, `ip route add ${nets[n]}.0/24 via ${nets[i]}.2`);
      }
    }
  });
  if (r.chance(0.4)) {
    b.address(left, 'lo', '192.0.2.1', 32, false);
    for (const [i, h] of routers.entries()) b.run(h.ns, `ip route add 192.0.2.1 via 10.${i + 1}.0.1`);
  }
}

/** A node with pods on a bridge, and an outside host. */
function node(r: Random, b: Builder): void {
  const n = b.host('node', true);
  b.run('node', 'ip link add cni0 type bridge');
  b.address(n, 'cni0', '10.244.1.1', 24);
  b.net.bridges.push({ ns: 'node', dev: 'cni0' });
  for (let i = 0; i < r.between(2, 3); i++) {
    const pod = b.host(`p${i + 1}`);
    const [v, eth] = b.cable('node', pod.ns, `veth${i + 1}`);
    b.run('node', `ip link set ${v} master cni0 up`);
    b.address(pod, eth, `10.244.1.${10 + i}`, 24);
    b.run(pod.ns, 'ip route add default via 10.244.1.1');
  }
  const out = b.host('ext');
  const [x, y] = b.cable('node', 'ext');
  b.address(n, x, '192.168.0.1', 24);
  b.address(out, y, '192.168.0.9', 24);
  if (r.chance(0.7)) b.run('ext', 'ip route add 10.244.1.0/24 via 192.168.0.1');
  if (r.chance(0.3)) b.run('node', `sysctl -w net.bridge.bridge-nf-call-iptables=${r.of('0|1')}`);
  b.net.strangers.push('10.96.0.10', '10.96.0.1');
}

/** Two nodes whose pods meet over VXLAN or routes. */
function nodes(r: Random, b: Builder): void {
  const vxlan = r.chance(0.5);
  const [n1, n2] = [b.host('n1', true), b.host('n2', true)];
  const [x, y] = b.cable('n1', 'n2');
  b.address(n1, x, '192.168.0.1', 24);
  b.address(n2, y, '192.168.0.2', 24);
  for (const [i, n] of [n1, n2].entries()) {
    const pod = b.host(`p${i + 1}`);
    const [v, eth] = b.cable(n.ns, pod.ns, 'veth1');
    b.address(n, v, `10.244.${i + 1}.1`, 24);
    b.address(pod, eth, `10.244.${i + 1}.10`, 24);
    b.run(pod.ns, `ip route add default via 10.244.${i + 1}.1`);
    const other = 2 - i;
    const peer = `192.168.0.${other}`;
    if (vxlan) {
      b.run(
        n.ns,
        `ip link add vx0 address ${mac(0xf00 + i)} type vxlan id 7 dev eth0 dstport ${r.of('4789|8472')} local 192.168.0.${i + 1} nolearning`,
      );
      b.run(n.ns, `ip addr add 10.244.${i + 1}.0/32 dev vx0 && ip link set vx0 up`);
      b.run(n.ns, `bridge fdb append ${mac(0xf00 + 1 - i)} dev vx0 dst ${peer}`);
      b.run(n.ns, `ip neigh add 10.244.${other}.0 lladdr ${mac(0xf00 + 1 - i)} dev vx0 nud permanent`);
      b.run(n.ns, `ip route add 10.244.${other}.0/24 via 10.244.${other}.0 dev vx0 onlink`);
    } else b.run(n.ns, `ip route add 10.244.${other}.0/24 via ${peer}`);
  }
}

/** Two ways from one host to another. */
function diamond(r: Random, b: Builder): void {
  const a = b.host('a');
  const [r1, r2] = [b.host('r1', true), b.host('r2', true)];
  const z = b.host('b');
  for (const [i, router] of [r1, r2].entries()) {
    const [ax, rx] = b.cable('a', router.ns);
    b.address(a, ax, `10.${i + 1}.0.1`, 24);
    b.address(router, rx, `10.${i + 1}.0.2`, 24);
    const [ry, bx] = b.cable(router.ns, 'b');
    b.address(router, ry, `10.${i + 3}.0.2`, 24);
    b.address(z, bx, `10.${i + 3}.0.1`, 24);
    b.run(router.ns, `ip route add 10.9.0.1 via 10.${i + 3}.0.1`);
  }
  b.address(z, 'lo', '10.9.0.1', 32, false);
  b.run('a', 'ip route add 10.9.0.1 via 10.1.0.2');
  b.run('a', `ip route add 10.9.0.1 via 10.2.0.2 metric ${r.between(10, 200)}`);
  b.run('a', 'ip route add 10.3.0.0/24 via 10.1.0.2 && ip route add 10.4.0.0/24 via 10.2.0.2');
  b.run('b', `ip route add 10.1.0.0/24 via 10.${r.of('3|4')}.0.2`);
  b.run('b', `ip route add 10.2.0.0/24 via 10.${r.of('3|4')}.0.2`);
  for (const [i, router] of [r1, r2].entries()) b.run(router.ns, `ip route add default via 10.${i + 3}.0.1`);
}

/** A flat network on a bridge without addresses, and a MACVLAN child. */
function lan(r: Random, b: Builder): void {
  b.host('sw');
  b.run('sw', 'ip link add br0 type bridge && ip link set br0 up');
  b.net.bridges.push({ ns: 'sw', dev: 'br0' });
  const n = r.between(2, 3);
  for (let i = 0; i < n; i++) {
    const h = b.host(`h${i + 1}`, i === 0);
    const [p, eth] = b.cable('sw', h.ns, `p${i + 1}`);
    b.run('sw', `ip link set ${p} master br0 up`);
    b.address(h, eth, `10.0.0.${i + 1}`, 24);
    if (i > 0 && r.chance(0.6)) b.run(h.ns, 'ip route add default via 10.0.0.1');
    if (i === 1 && r.chance(0.4)) {
      const m = b.host('mv');
      b.run(
        h.ns,
        `ip link add mv0 link eth0 address ${mac(0xe00)} type macvlan mode ${r.of('bridge|private|vepa')} && ip link set mv0 netns mv`,
      );
      b.address(m, 'mv0', '10.0.0.77', 24);
    }
  }
}

const SHAPES = [row, row, node, nodes, diamond, lan];

export function network(r: Random): Network {
  const b = new Builder(false);
  r.pick(SHAPES)(r, b);
  return b.net;
}
