/** ARP: asking and answering who has an IPv4 address. Models net/ipv4/arp.c */

import type { Skb } from '../skb.ts';

export function arpReceive(skb: Skb): void {
  void skb;
}
