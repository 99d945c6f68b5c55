/** What tunnel devices share: the set of them in a namespace, the inner Ethernet header, the inner packet's way in. Models net/ipv4/ip_tunnel_core.c, net/core/gro_cells.c */

import { put16, u16 } from '../../wire/bytes.ts';
import { ETH_HLEN } from '../../wire/ethernet.ts';
import { readMac, writeMac } from '../../wire/mac.ts';
import type { Netns } from '../netns.ts';
import { Skb } from '../skb.ts';
import { netifReceive } from './core.ts';
import type { NetDevice } from './device.ts';

/** Transparent Ethernet bridging: a whole frame is inside. */
export const ETH_P_TEB = 0x6558;

/** Tunnels of a family by the namespace that carries their outer packets. */
export function tunnelSets<T extends NetDevice>(): (ns: Netns) => Set<T> {
  const sets = new WeakMap<Netns, Set<T>>();
  return (ns) => {
    let set = sets.get(ns);
    if (!set) {
      set = new Set();
      sets.set(ns, set);
    }
    return set;
  };
}

/** The Ethernet header of an inner frame. */
export function writeEther(b: Uint8Array, at: number, skb: Skb): void {
  writeMac(b, at, skb.ethDst);
  writeMac(b, at + 6, skb.ethSrc);
  put16(b, at + 12, skb.proto);
}

/** The packet from `at` to `end` of the outer one, with that one's segments and unfinished checksum. */
export function innerPacket(dev: NetDevice, outer: Skb, proto: number, at: number, end: number): Skb {
  const skb = new Skb(dev.sim, proto, outer.data.subarray(at, end), outer.id);
  skb.dev = dev;
  skb.gsoSize = outer.gsoSize;
  skb.csumBytes = outer.csumBytes;
  skb.csumOffset = outer.csumOffset;
  return skb;
}

/** The same for a whole Ethernet frame, of 14 bytes at least. */
export function innerFrame(dev: NetDevice, outer: Skb, at: number, end: number): Skb {
  const b = outer.data;
  const skb = innerPacket(dev, outer, u16(b, at + 12), at + ETH_HLEN, end);
  skb.ethDst = readMac(b, at);
  skb.ethSrc = readMac(b, at + 6);
  skb.type = dev.classify(skb.ethDst);
  skb.showTag();
  return skb;
}

function comeIn(dev: NetDevice, skb: Skb): void {
  if (dev.registered) netifReceive(skb);
}

/** The inner packet comes in by the device a moment later. Models gro_cells_receive() */
export function receiveInner(dev: NetDevice, skb: Skb): void {
  dev.sim.call(dev.sim.now + 1, comeIn, dev, skb);
}
