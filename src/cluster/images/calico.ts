/** Images of Calico. */

import type { Image } from './image.ts';

const RULE_TOOLS = 'iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore nft ipset ip'.split(' ');

export const CALICO: readonly Image[] = [
  {
    repository: 'quay.io/calico/node',
    tags: ['v3.31.0'],
    latest: false,
    base: 'debian',
    cmd: ['/bin/calico-node'],
    programs: ['calico-node=/bin/calico-node', 'calicoctl=/usr/local/bin/calicoctl', ...RULE_TOOLS],
    size: 152_310_400,
  },
  {
    repository: 'quay.io/calico/cni',
    tags: ['v3.31.0'],
    latest: false,
    base: 'scratch',
    cmd: ['/opt/cni/bin/install'],
    programs: ['calico-install=/opt/cni/bin/install'],
    size: 69_120_880,
  },
];
