/** ICMPv6: errors, echo, and the way to neighbour discovery. Models net/ipv6/icmp.c */

import type { Skb } from '../skb.ts';

export const ICMPV6_DEST_UNREACH = 1;
export const ICMPV6_PKT_TOOBIG = 2;
export const ICMPV6_TIME_EXCEED = 3;
export const ICMPV6_PARAMPROB = 4;
export const ICMPV6_ECHO_REQUEST = 128;
export const ICMPV6_ECHO_REPLY = 129;
export const NDISC_ROUTER_SOLICITATION = 133;
export const NDISC_ROUTER_ADVERTISEMENT = 134;
export const NDISC_NEIGHBOUR_SOLICITATION = 135;
export const NDISC_NEIGHBOUR_ADVERTISEMENT = 136;

export function icmp6Send(skb: Skb, type: number, code: number, info = 0): void {
  void skb;
  void type;
  void code;
  void info;
}

/** Handler for next header 58. */
export function icmp6Receive(skb: Skb): void {
  void skb;
}
