/** Network address translation bound to connections. Models net/netfilter/nf_nat_core.c */

import type { IpAddr } from '../../../wire/addr.ts';

/** Where one side of a connection is translated to. */
export interface NatRange {
  readonly min: IpAddr | null;
  readonly max: IpAddr | null;
  readonly minPort: number;
  readonly maxPort: number;
  readonly random: boolean;
  readonly persistent: boolean;
}

export interface NatBinding {
  /** IPS_SRC_NAT / IPS_DST_NAT: null when that side is not changed. */
  src: NatRange | null;
  dst: NatRange | null;
  /** The nat table was consulted (or a null binding made) for that side. */
  srcDone: boolean;
  dstDone: boolean;
  masqIfindex: number;
}
