/** Traffic that comes from this node's own pods, as rules say it. Models pkg/proxy/util/localdetector.go */

import { type Family, ofFamily } from './family.ts';

/** Words of a rule. */
export interface LocalDetector {
  readonly ifLocal: string;
  readonly ifNotLocal: string;
  readonly ifLocalNft: string;
  readonly ifNotLocalNft: string;
}

export const DETECT_MODES = ['ClusterCIDR', 'NodeCIDR', 'BridgeInterface', 'InterfaceNamePrefix'] as const;
export type DetectMode = (typeof DETECT_MODES)[number];

function byCidr(cidr: string, family: Family): LocalDetector {
  const ip = family === 4 ? 'ip' : 'ip6';
  return { ifLocal: `-s ${cidr}`, ifNotLocal: `! -s ${cidr}`, ifLocalNft: `${ip} saddr ${cidr}`, ifNotLocalNft: `${ip} saddr != ${cidr}` };
}

function byInterface(name: string, wildcard: boolean): LocalDetector {
  const xt = wildcard ? `${name}+` : name;
  const nft = wildcard ? `${name}*` : name;
  return { ifLocal: `-i ${xt}`, ifNotLocal: `! -i ${xt}`, ifLocalNft: `iifname "${nft}"`, ifNotLocalNft: `iifname != "${nft}"` };
}

export interface DetectConfig {
  readonly mode: DetectMode;
  readonly clusterCIDRs: readonly string[];
  readonly bridgeInterface: string;
  readonly interfaceNamePrefix: string;
}

/** Null: nothing tells pods' traffic from other traffic. */
export function localDetector(c: DetectConfig, podCIDRs: readonly string[], family: Family): LocalDetector | null {
  switch (c.mode) {
    case 'BridgeInterface':
      return byInterface(c.bridgeInterface, false);
    case 'InterfaceNamePrefix':
      return byInterface(c.interfaceNamePrefix, true);
    default: {
      const cidr = ofFamily(c.mode === 'NodeCIDR' ? podCIDRs : c.clusterCIDRs, family)[0];
      return cidr === undefined ? null : byCidr(cidr, family);
    }
  }
}
