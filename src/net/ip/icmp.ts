/** ICMP: errors about a packet, echo, what sockets are told. Models net/ipv4/icmp.c */

import type { Skb } from '../skb.ts';

/**
 * Sends an ICMP error about `skb` (skb.data whole IPv4 packet as it came). `info` is the header's second word (next-hop MTU for
 * fragmentation needed). No error about errors, broadcasts, fragments but the first; rate limits apply.
 * The packet may still be at PREROUTING/INPUT/FORWARD (skb.iif or skb.dev in device) or locally made (skb.sk gets the error at once).
 */
export function icmpSend(skb: Skb, type: number, code: number, info = 0): void {
  void skb;
  void type;
  void code;
  void info;
}

/** Handler for protocol 1. */
export function icmpReceive(skb: Skb): void {
  void skb;
}
