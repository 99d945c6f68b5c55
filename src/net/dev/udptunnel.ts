/** What VXLAN and Geneve share: the outer UDP header and the frame behind it. Models net/ipv4/udp_tunnel_core.c */

import type { IpAddr } from '../../wire/addr.ts';
import { alloc, fold16, put16, put32, sum16 } from '../../wire/bytes.ts';
import { ETH_HLEN } from '../../wire/ethernet.ts';
import { IPPROTO_UDP } from '../../wire/ipv4.ts';
import { pseudo } from '../../wire/pseudo.ts';
import type { Skb } from '../skb.ts';
import { writeEther } from './tunnel.ts';

const UDP_HLEN = 8;
/** Both headers: a word of flags and protocol, then the VNI in the upper 24 bits. */
const TUNNEL_HLEN = 8;
/** Outer IPv4 or IPv6, UDP, the tunnel's header and the inner Ethernet header. */
export const HEADROOM4 = 50;
export const HEADROOM6 = 70;

/** Which outer packets have a UDP checksum. */
interface ChecksumOptions {
  readonly udpCsum: boolean;
  readonly zeroCsum6Tx: boolean;
}

/** The outer datagram, in one piece; `head` is the first word of the tunnel's header. */
export function udpFrame(
  skb: Skb,
  head: number,
  vni: number,
  srcPort: number,
  dstPort: number,
  src: IpAddr,
  dst: IpAddr,
  options: ChecksumOptions,
): Uint8Array {
  const b = alloc(UDP_HLEN + TUNNEL_HLEN + ETH_HLEN + skb.data.length);
  put16(b, 0, srcPort);
  put16(b, 2, dstPort);
  put16(b, 4, b.length);
  put32(b, 8, head);
  put32(b, 12, vni * 256);
  writeEther(b, 16, skb);
  b.set(skb.data, 30);
  if (typeof dst === 'bigint' ? !options.zeroCsum6Tx : options.udpCsum)
    put16(b, 6, fold16(sum16(b, 0, b.length, pseudo(src, dst, IPPROTO_UDP, b.length))) || 0xffff);
  return b;
}
