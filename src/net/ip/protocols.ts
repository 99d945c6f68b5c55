/** Which handler gets a locally delivered packet, by protocol number. Models inet_protos[], inet6_protos[] */

import type { Skb } from '../skb.ts';
import { tcpError, tcpReceive } from '../sock/tcp/receive.ts';
import { udpError, udpReceive } from '../sock/udp.ts';
import { icmpReceive } from './icmp.ts';
import { icmp6Receive } from './icmp6.ts';

/** What an ICMP error says to the sender of the quoted packet. */
export interface IcmpErrorInfo {
  family: 4 | 6;
  type: number;
  code: number;
  /** Next-hop MTU for fragmentation needed / packet too big. */
  info: number;
  /** The router that reported. */
  from: number | bigint;
}

export interface Protocol {
  receive(skb: Skb): void;
  /** `skb` carries the ICMP error; `quoted` is the packet it is about (starts at the IP header). */
  error?(skb: Skb, quoted: Uint8Array, info: IcmpErrorInfo): void;
}

/** The tunnels' handlers are added when their devices' code is loaded. */
export const inetProtos: { [proto: number]: Protocol | undefined } = {
  1: { receive: icmpReceive },
  6: { receive: tcpReceive, error: tcpError },
  17: { receive: udpReceive, error: udpError },
};

export const inet6Protos: { [proto: number]: Protocol | undefined } = {
  6: { receive: tcpReceive, error: tcpError },
  17: { receive: udpReceive, error: udpError },
  58: { receive: icmp6Receive },
};
