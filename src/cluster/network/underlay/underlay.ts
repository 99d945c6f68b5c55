/** The plain underlay of the recordings: a bridge on each node, and static routes that the administrator sets. */

import { SUBNET_PLACEHOLDER } from './text.ts';

export interface UnderlayNode {
  readonly name: string;
  readonly ip: string;
  readonly podCIDR: string;
}

/** /etc/cni/net.d/10-bridge.conflist of a node. */
export function underlayConflist(podCIDR: string): string {
  return SUBNET_PLACEHOLDER.replace('__SUBNET__', podCIDR);
}

/** Lines for the node's set-up: a route to each other node's pods by way of that node. */
export function underlayRoutes(node: UnderlayNode, all: readonly UnderlayNode[], device: string): string[] {
  return all.filter((n) => n.name !== node.name).map((n) => `route add ${n.podCIDR} via ${n.ip} dev ${device}`);
}
