/** What identifies one direction of a connection. Models struct nf_conntrack_tuple */

import { type Family, familyOf, type IpAddr } from '../../../wire/addr.ts';

export interface Tuple {
  readonly src: IpAddr;
  readonly dst: IpAddr;
  readonly proto: number;
  /** TCP or UDP port; the ICMP identifier (same in both fields); 0 for protocols without ports. */
  readonly sport: number;
  readonly dport: number;
  /** ICMP type and code, 0 for others. */
  readonly icmpType: number;
  readonly icmpCode: number;
}

export function tupleFamily(t: Tuple): Family {
  return familyOf(t.src);
}

/** Hash-table key: equal keys are equal tuples. */
export function tupleKey(t: Tuple, zone = 0): string {
  return `${zone}/${t.proto}/${t.src}/${t.dst}/${t.sport}/${t.dport}/${t.icmpType}/${t.icmpCode}`;
}
