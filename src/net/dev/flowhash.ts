/** Flow hash of a packet. Models skb_get_hash() and udp_flow_src_port() */

import { u16, u32 } from '../../wire/bytes.ts';
import { ETH_P_IP, ETH_P_IPV6 } from '../../wire/ethernet.ts';
import { IPPROTO_TCP, IPPROTO_UDP, ip4HeaderLen } from '../../wire/ipv4.ts';
import type { Skb } from '../skb.ts';

function mix(h: number, v: number): number {
  let x = Math.imul(h ^ v, 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

/** 32 bits; addresses and ports are put in order first, as __flow_hash_consistentify() does. */
export function flowHash(skb: Skb, seed: number): number {
  const b = skb.data;
  let h = mix(seed, skb.proto);
  let at: number;
  let proto: number;
  let swap = 0;
  if (skb.proto === ETH_P_IP && b.length >= 20) {
    const src = u32(b, 12);
    const dst = u32(b, 16);
    proto = b[9] as number;
    at = (u16(b, 6) & 0x3fff) === 0 ? ip4HeaderLen(b) : b.length;
    swap = dst - src;
    h = mix(mix(h, Math.min(src, dst)), Math.max(src, dst));
  } else if (skb.proto === ETH_P_IPV6 && b.length >= 40) {
    proto = b[6] as number;
    at = 40;
    for (let i = 0; i < 16 && swap === 0; i += 4) swap = u32(b, 24 + i) - u32(b, 8 + i);
    const first = swap >= 0 ? 8 : 24;
    for (let i = 0; i < 16; i += 4) h = mix(mix(h, u32(b, first + i)), u32(b, 32 - first + i));
  } else {
    const low = Math.min(skb.ethSrc, skb.ethDst);
    const high = Math.max(skb.ethSrc, skb.ethDst);
    return mix(mix(h, low >>> 0), high >>> 0) >>> 0;
  }
  h = mix(h, proto);
  if ((proto === IPPROTO_TCP || proto === IPPROTO_UDP) && b.length >= at + 4) {
    const sport = u16(b, at);
    const dport = u16(b, at + 2);
    const swapped = swap < 0 || (swap === 0 && dport < sport);
    h = swapped ? mix(h, (dport << 16) | sport) : mix(h, (sport << 16) | dport);
  }
  return h >>> 0;
}

/** The socket's own hash, else one of the headers; what is neither IPv4 nor IPv6 is one flow per protocol. Models skb_get_hash() */
export function skbHash(skb: Skb, seed: number): number {
  if (skb.hash !== 0) return skb.hash;
  return skb.proto === ETH_P_IP || skb.proto === ETH_P_IPV6 ? flowHash(skb, seed) : mix(seed, skb.proto) >>> 0;
}

/** UDP source port in [min, max) for an encapsulated flow. */
export function flowPort(hash: number, min: number, max: number): number {
  const h = (hash ^ (hash << 16)) >>> 0;
  return min + Math.floor((h * (max - min)) / 4294967296);
}
