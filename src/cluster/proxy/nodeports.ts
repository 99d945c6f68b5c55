/** Addresses of a node that answer node ports. Models pkg/proxy/util/nodeport_addresses.go */

import { type Cidr, contains, type Family, ofFamily, parseCidr } from './family.ts';

export interface NodePortAddresses {
  /** No CIDR of the family was given, or one that has everything. */
  readonly matchAll: boolean;
  readonly containsIPv4Loopback: boolean;
  readonly cidrs: readonly Cidr[];
}

export function nodePortAddresses(given: readonly string[], family: Family): NodePortAddresses {
  const texts = ofFamily(given, family);
  const cidrs = (texts.length > 0 ? texts : [family === 4 ? '0.0.0.0/0' : '::/0']).map(parseCidr).filter((c) => c !== null);
  return {
    matchAll: cidrs.some((c) => c.len === 0),
    containsIPv4Loopback: family === 4 && cidrs.some((c) => contains(c, '127.0.0.1') || c.text.startsWith('127.')),
    cidrs,
  };
}

/** Those of the node's addresses that are in one of the CIDRs, sorted. */
export function matchingIPs(npa: NodePortAddresses, own: readonly string[]): string[] {
  return [...new Set(own.filter((ip) => npa.cidrs.some((c) => contains(c, ip))))].sort();
}

export function isLoopbackText(ip: string): boolean {
  return ip.startsWith('127.') || ip === '::1';
}
