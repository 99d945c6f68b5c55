/** Images of what carries traffic in and out: ingress controllers, gateways, DNS on nodes, masquerading. */

import type { Image } from './image.ts';

const IPTABLES = ['ip', 'iptables', 'iptables-save', 'iptables-restore', 'ip6tables', 'ip6tables-restore'];

export const TRAFFIC: readonly Image[] = [
  {
    repository: 'registry.k8s.io/ingress-nginx/controller',
    tags: ['v1.14.0', 'v1.13.3', 'v1.12.7'],
    latest: false,
    base: 'alpine',
    entrypoint: ['/usr/bin/dumb-init', '--'],
    cmd: ['/nginx-ingress-controller'],
    programs: ['nginx-ingress-controller=/nginx-ingress-controller', 'dumb-init=/usr/bin/dumb-init', 'curl'],
    size: 98_210_440,
  },
  {
    repository: 'docker.io/library/traefik',
    tags: ['v3.6', 'v3.6.0', 'v3.5', 'v3', 'v3.4'],
    base: 'alpine',
    entrypoint: ['/entrypoint.sh'],
    cmd: ['traefik'],
    programs: ['traefik=/usr/local/bin/traefik'],
    files: {
      '/entrypoint.sh': '#!/bin/sh\nset -e\n\nif [ "${1#-}" != "$1" ]; then\n    set -- traefik "$@"\nfi\n\nexec "$@"\n',
    },
    size: 52_340_118,
  },
  {
    repository: 'docker.io/hopwise/gateway-controller',
    tags: ['v1.4.0'],
    base: 'scratch',
    entrypoint: ['/usr/local/bin/gateway-controller'],
    programs: ['gateway-controller=/usr/local/bin/gateway-controller'],
    size: 31_004_200,
  },
  {
    repository: 'docker.io/hopwise/gateway-proxy',
    tags: ['v1.4.0'],
    base: 'scratch',
    entrypoint: ['/usr/local/bin/gateway-proxy'],
    programs: ['gateway-proxy=/usr/local/bin/gateway-proxy'],
    size: 61_440_310,
  },
  {
    repository: 'registry.k8s.io/gateway-api/conformance/echo-basic',
    tags: ['v0.1.0'],
    latest: false,
    base: 'scratch',
    entrypoint: ['/echo-basic'],
    programs: ['echo-basic=/echo-basic'],
    size: 7_204_110,
  },
  {
    repository: 'registry.k8s.io/dns/k8s-dns-node-cache',
    tags: ['1.26.7', '1.26.4', '1.25.0'],
    latest: false,
    base: 'debian',
    entrypoint: ['/node-cache'],
    programs: ['node-cache=/node-cache', ...IPTABLES],
    size: 31_940_220,
  },
  {
    repository: 'registry.k8s.io/networking/ip-masq-agent',
    tags: ['v2.12.5', 'v2.11.0'],
    latest: false,
    base: 'debian',
    entrypoint: ['/ip-masq-agent'],
    programs: ['ip-masq-agent=/ip-masq-agent', ...IPTABLES],
    size: 30_010_004,
  },
  {
    repository: 'quay.io/metallb/speaker',
    tags: ['v0.15.2'],
    latest: false,
    base: 'scratch',
    entrypoint: ['/speaker'],
    programs: ['speaker=/speaker'],
    size: 47_110_320,
  },
];
