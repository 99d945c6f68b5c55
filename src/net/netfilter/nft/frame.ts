/** Packets as chains at bridges, at ARP and at devices see them. Models nft_set_pktinfo*() of nft_chain_filter.c */

import { ETH_P_IP, ETH_P_IPV6 } from '../../../wire/ethernet.ts';
import type { NetDevice } from '../../dev/device.ts';
import type { Netns } from '../../netns.ts';
import type { Skb } from '../../skb.ts';
import type { Hook } from '../netfilter.ts';
import { viewPacket, type XtPacket } from '../xt/packet.ts';

/** NFPROTO_* of families below IP. */
export const PF = { arp: 3, netdev: 5, bridge: 7 } as const;

export interface NftPacket extends XtPacket {
  /** Not there at the IP hooks. */
  pf?: number;
}

/** `pf` null: as at the IP hooks. A frame without an IP header has layer 4 protocol -1 and no layer 4. */
export function viewFrame(
  ns: Netns,
  skb: Skb,
  pf: number | null,
  hook: Hook,
  inDev: NetDevice | null,
  outDev: NetDevice | null,
): NftPacket | null {
  const family = pf === PF.arp ? null : skb.proto === ETH_P_IP ? 4 : skb.proto === ETH_P_IPV6 ? 6 : null;
  const ip: NftPacket | null = family === null ? null : viewPacket(ns, skb, family, hook, inDev, outDev);
  if (pf === null) return ip;
  const len = skb.data.length;
  const raw = { src: 0, dst: 0, src32: 0, dst32: 0, proto: -1, l4: len, frag: 0, moreFrags: false, len };
  const p: NftPacket = ip ?? { ns, skb, family: 4, hook, in: inDev, out: outDev, ...raw };
  p.pf = pf;
  return p;
}
