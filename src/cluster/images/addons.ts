/** Images of the cluster's own parts. */

import type { Image } from './image.ts';

/** Version of Kubernetes and of what kubeadm brings with it. */
export const KUBERNETES_VERSION = 'v1.36.3';
export const PAUSE_IMAGE = 'registry.k8s.io/pause:3.10.1';
export const COREDNS_IMAGE = 'registry.k8s.io/coredns/coredns:v1.14.2';

const control = (name: string, size: number): Image => ({
  repository: `registry.k8s.io/${name}`,
  tags: [KUBERNETES_VERSION],
  latest: false,
  base: 'scratch',
  entrypoint: [],
  cmd: [`/usr/local/bin/${name}`],
  programs: [`${name}=/usr/local/bin/${name}`],
  size,
});

export const ADDONS: readonly Image[] = [
  {
    repository: 'registry.k8s.io/pause',
    tags: ['3.10.1', '3.10', '3.9', '3.8', '3.6'],
    latest: false,
    base: 'scratch',
    entrypoint: ['/pause'],
    programs: ['pause=/pause'],
    user: '65535:65535',
    size: 320_448,
  },
  control('kube-apiserver', 28_140_200),
  control('kube-controller-manager', 23_820_910),
  control('kube-scheduler', 18_310_440),
  {
    repository: 'registry.k8s.io/kube-proxy',
    tags: [KUBERNETES_VERSION],
    latest: false,
    base: 'debian',
    cmd: ['/usr/local/bin/kube-proxy'],
    programs: [
      'kube-proxy=/usr/local/bin/kube-proxy',
      ...'iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore nft conntrack ipset ipvsadm'.split(' '),
    ],
    size: 26_911_220,
  },
  {
    repository: 'registry.k8s.io/etcd',
    tags: ['3.6.5-0', '3.6.6-0'],
    latest: false,
    base: 'scratch',
    cmd: ['etcd'],
    programs: ['etcd=/usr/local/bin/etcd'],
    size: 23_410_300,
  },
  {
    repository: 'registry.k8s.io/coredns/coredns',
    tags: ['v1.14.2', 'v1.13.1', 'v1.12.1', 'v1.12.0', 'v1.11.3'],
    latest: false,
    base: 'scratch',
    entrypoint: ['/coredns'],
    programs: ['coredns=/coredns'],
    workdir: '/',
    size: 23_500_220,
  },
  {
    repository: 'registry.k8s.io/metrics-server/metrics-server',
    tags: ['v0.8.0', 'v0.7.2'],
    latest: false,
    base: 'scratch',
    entrypoint: ['/metrics-server'],
    programs: ['metrics-server=/metrics-server'],
    user: '65534',
    size: 22_541_921,
  },
  {
    repository: 'ghcr.io/flannel-io/flannel',
    tags: ['v0.27.4', 'v0.27.0', 'v0.26.7'],
    latest: false,
    base: 'alpine',
    entrypoint: ['/opt/bin/flanneld'],
    programs: ['flanneld=/opt/bin/flanneld', 'ip', 'iptables', 'iptables-save', 'iptables-restore'],
    files: { '/flannel/': '' },
    size: 33_310_111,
  },
  {
    repository: 'ghcr.io/flannel-io/flannel-cni-plugin',
    tags: ['v1.8.0-flannel1', 'v1.7.1-flannel1', 'v1.6.2-flannel1'],
    latest: false,
    base: 'alpine',
    programs: ['cni-flannel=/flannel'],
    size: 4_900_410,
  },
];
