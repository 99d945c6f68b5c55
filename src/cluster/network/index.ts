/** The pod networks. Cilium-like eBPF, Weave, Multus and Geneve have their places here. */

import { commandsOf } from '../cni/skel.ts';
import type { Image } from '../images/image.ts';
import { calicoctlCommand } from './calico/calicoctl.ts';
import { calicoInstall } from './calico/install.ts';
import { calicoManifests } from './calico/manifest.ts';
import { calicoNodeCommand } from './calico/node.ts';
import { calicoPlugins } from './calico/plugin.ts';
import { flanneldCommand } from './flannel/flanneld.ts';
import { flannelManifests } from './flannel/manifest.ts';
import type { ApiFor, Network } from './network.ts';

const RULE_TOOLS = 'iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore nft ipset ip'.split(' ');

const FLANNEL_IMAGES: readonly Image[] = [
  {
    repository: 'ghcr.io/flannel-io/flannel',
    tags: ['v0.27.4'],
    latest: false,
    base: 'alpine',
    entrypoint: ['/opt/bin/flanneld'],
    programs: ['flanneld=/opt/bin/flanneld', ...RULE_TOOLS],
    size: 34_200_110,
  },
];

const CALICO_IMAGES: readonly Image[] = [
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

const flannelCommands = (api: ApiFor): ReturnType<Network['commands']> => [flanneldCommand(api)];

const calicoCommands = (api: ApiFor): ReturnType<Network['commands']> => [
  calicoNodeCommand(api),
  calicoctlCommand(api),
  calicoInstall,
  ...calicoPlugins(api).flatMap(commandsOf),
];

export const NETWORKS: readonly Network[] = [
  {
    name: 'flannel-vxlan',
    title: 'Flannel, VXLAN',
    manifests: (s) => flannelManifests('vxlan', s),
    images: FLANNEL_IMAGES,
    commands: flannelCommands,
  },
  {
    name: 'flannel-host-gw',
    title: 'Flannel, host-gw',
    manifests: (s) => flannelManifests('host-gw', s),
    images: FLANNEL_IMAGES,
    commands: flannelCommands,
  },
  {
    name: 'calico-ipip',
    title: 'Calico, IPIP',
    manifests: (s) => calicoManifests(true, s),
    images: CALICO_IMAGES,
    commands: calicoCommands,
  },
  {
    name: 'calico-bgp',
    title: 'Calico, BGP without encapsulation',
    manifests: (s) => calicoManifests(false, s),
    images: CALICO_IMAGES,
    commands: calicoCommands,
  },
  { name: 'bridge', title: 'bridge with static routes', manifests: () => [], images: [], commands: () => [] },
];
