/** Neighbour discovery of IPv6 (RFC 4861). Models net/ipv6/ndisc.c */

import type { Skb } from '../skb.ts';

/** Handler for ICMPv6 types 133 to 137; skb.data whole IPv6 packet. */
export function ndiscReceive(skb: Skb): void {
  void skb;
}
