/** IPv6: receive, forward, deliver, output, as far as extension headers are not needed. Models net/ipv6/ip6_input.c, ip6_output.c */

import { fail, type Result } from '../../sim/errno.ts';
import type { Ip6 } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import type { Sock } from '../sock/sock.ts';
import type { Dst } from './route.ts';

export interface Ip6Out {
  src: Ip6 | null;
  dst: Ip6;
  proto: number;
  payload: Uint8Array;
  hopLimit?: number;
  trafficClass?: number;
  flowLabel?: number;
  oif?: NetDevice | null;
  mark?: number;
  priority?: number;
  sk?: Sock | null;
  route?: Dst | null;
  gsoSize?: number;
  parent?: number;
}

export class Ip6Stack {
  readonly ns: Netns;

  constructor(ns: Netns) {
    this.ns = ns;
  }

  receive(skb: Skb): void {
    void skb;
  }

  output(p: Ip6Out): Result {
    void p;
    return fail('ENETUNREACH');
  }

  /** For neighbour discovery: no routing, no neighbour; the frame goes to `ethDst`. */
  outputOn(dev: NetDevice, ethDst: number, p: Ip6Out & { src: Ip6 }): void {
    void dev;
    void ethDst;
    void p;
  }
}

/** The packet handler for EtherType 0x86dd. */
export function ip6Receive(skb: Skb): void {
  skb.dev?.ns.ip6.receive(skb);
}
