/** IPv4: receive, forward, deliver, output. Models net/ipv4/ip_input.c, ip_forward.c, ip_output.c */

import { fail, type Result } from '../../sim/errno.ts';
import type { Ip4 } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import type { Sock } from '../sock/sock.ts';
import type { Dst } from './route.ts';

/** One packet to send: the L4 bytes are complete (checksum included). */
export interface Ip4Out {
  /** null: the route chooses. With it chosen by the route, take `routeOutput` first: L4 checksums need the address. */
  src: Ip4 | null;
  dst: Ip4;
  proto: number;
  payload: Uint8Array;
  ttl?: number;
  tos?: number;
  /** Don't fragment; default true as ip_no_pmtu_disc=0 has it for sockets. */
  df?: boolean;
  /** Identification; default: chosen by the kernel. */
  id?: number;
  oif?: NetDevice | null;
  mark?: number;
  priority?: number;
  sk?: Sock | null;
  /** A routing result that the caller keeps; else it is looked up. */
  route?: Dst | null;
  /** TCP super-packet: payload size of a segment. */
  gsoSize?: number;
  options?: Uint8Array;
  /** Trace: the packet that caused this one. */
  parent?: number;
}

export class Ip4Stack {
  readonly ns: Netns;

  constructor(ns: Netns) {
    this.ns = ns;
  }

  /** ip_rcv(): from the device. skb.dev is the input device, skb.data the packet. */
  receive(skb: Skb): void {
    void skb;
  }

  /** Continues after PREROUTING (for br_netfilter and NAT that re-inject). */
  receiveFinish(skb: Skb): void {
    void skb;
  }

  /** ip_queue_xmit() / ip_send_skb(): EMSGSIZE when DF and too big (and the path MTU is known), EPERM when OUTPUT drops it. */
  output(p: Ip4Out): Result {
    void p;
    return fail('ENETUNREACH');
  }

  /** A whole packet made by the caller (IP_HDRINCL, REJECT): id and checksum are filled in when 0. */
  outputRaw(packet: Uint8Array, p: { oif?: NetDevice | null; mark?: number; sk?: Sock | null; parent?: number; priority?: number }): Result {
    void packet;
    void p;
    return fail('ENETUNREACH');
  }
}

/** The packet handler for EtherType 0x0800. */
export function ip4Receive(skb: Skb): void {
  skb.dev?.ns.ip4.receive(skb);
}
