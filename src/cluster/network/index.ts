/** The pod networks. Cilium-like eBPF, Weave, Multus and Geneve have their places here. */

import { commandsOf } from '../cni/skel.ts';
import { calicoctlCommand } from './calico/calicoctl.ts';
import { calicoInstall } from './calico/install.ts';
import { CALICO_CNI_IMAGE, CALICO_NODE_IMAGE, calicoManifests } from './calico/manifest.ts';
import { calicoNodeCommand } from './calico/node.ts';
import { calicoPlugins } from './calico/plugin.ts';
import { flanneldCommand } from './flannel/flanneld.ts';
import { FLANNEL_IMAGE, FLANNEL_PLUGIN_IMAGE, flannelManifests } from './flannel/manifest.ts';
import type { ApiFor, Network } from './network.ts';

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
    images: [FLANNEL_IMAGE, FLANNEL_PLUGIN_IMAGE],
    commands: flannelCommands,
  },
  {
    name: 'flannel-host-gw',
    title: 'Flannel, host-gw',
    manifests: (s) => flannelManifests('host-gw', s),
    images: [FLANNEL_IMAGE, FLANNEL_PLUGIN_IMAGE],
    commands: flannelCommands,
  },
  {
    name: 'calico-ipip',
    title: 'Calico, IPIP',
    manifests: (s) => calicoManifests(true, s),
    images: [CALICO_NODE_IMAGE, CALICO_CNI_IMAGE],
    commands: calicoCommands,
  },
  {
    name: 'calico-bgp',
    title: 'Calico, BGP without encapsulation',
    manifests: (s) => calicoManifests(false, s),
    images: [CALICO_NODE_IMAGE, CALICO_CNI_IMAGE],
    commands: calicoCommands,
  },
  { name: 'bridge', title: 'bridge with static routes', manifests: () => [], images: [], commands: () => [] },
];
