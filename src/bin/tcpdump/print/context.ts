/** What the printers share: options, names, and the sequence numbers of the TCP conversations seen so far. Models netdissect.h */

import type { IpAddr } from '../../../wire/addr.ts';

export interface PrintOptions {
  /** -e */
  link: boolean;
  /** -v, -vv, -vvv */
  verbose: number;
  quick: boolean;
  absoluteSeq: boolean;
}

export interface Context {
  readonly o: PrintOptions;
  host(addr: IpAddr): string;
  /** Service name or number. */
  port(n: number, proto: 'tcp' | 'udp'): string;
  /** First sequence numbers of each conversation, by its ordered ends. */
  readonly conversations: Map<string, { seq: number; ack: number }>;
  /** Prints a packet from its Ethernet header on. */
  ethernet(b: Uint8Array, length: number): string;
  ip4(b: Uint8Array, length: number, nested?: boolean): string;
  ip6(b: Uint8Array, length: number): string;
}
