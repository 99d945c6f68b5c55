/** VLAN filtering of a bridge: which VLANs a port carries, which one untagged frames belong to. Models net/bridge/br_vlan.c */

import { type Skb, VLAN_S_TAG } from '../skb.ts';

const ETH_P_8021AD = 0x88a8;
const VID_MASK = 0x0fff;

export interface VlanEntry {
  /** Frames of this VLAN leave without a tag. */
  untagged: boolean;
  /** VXLAN network that this VLAN maps to (`tunnel_info id`), null when none. */
  tunnel: number | null;
}

/** The VLANs of one port, or of the bridge device itself. */
export class VlanGroup {
  /** VLAN of untagged frames, 0: they are dropped. */
  pvid = 0;
  readonly vids = new Map<number, VlanEntry>();

  /** True when something changed. */
  add(vid: number, pvid: boolean, untagged: boolean): boolean {
    const e = this.vids.get(vid);
    const before = `${this.pvid}/${e?.untagged}`;
    if (e) e.untagged = untagged;
    else this.vids.set(vid, { untagged, tunnel: null });
    if (pvid) this.pvid = vid;
    else if (this.pvid === vid) this.pvid = 0;
    return e === undefined || before !== `${this.pvid}/${untagged}`;
  }

  del(vid: number): boolean {
    if (this.pvid === vid) this.pvid = 0;
    return this.vids.delete(vid);
  }

  clear(): void {
    this.pvid = 0;
    this.vids.clear();
  }

  /** VLAN ids in order. */
  list(): number[] {
    return [...this.vids.keys()].sort((a, b) => a - b);
  }

  /** Puts an incoming frame into its VLAN: its id, or -1 when the port does not carry it. Models __allowed_ingress(). */
  ingress(skb: Skb, protocol: number): number {
    const outer = protocol === ETH_P_8021AD ? VLAN_S_TAG : 0;
    // A tag of the other kind is the packet's own affair.
    if (skb.vlan !== null && (skb.vlan & VLAN_S_TAG) !== outer) skb.hideTag();
    const vid = skb.vlan === null ? 0 : skb.vlan & VID_MASK;
    if (vid !== 0) return this.vids.has(vid) ? vid : -1;
    if (this.pvid === 0) return -1;
    // A priority tag keeps its priority.
    skb.vlan = ((skb.vlan ?? outer) & ~VID_MASK) | this.pvid;
    return this.pvid;
  }

  carries(vid: number): boolean {
    return this.vids.has(vid);
  }

  /** Takes the tag off where the VLAN is untagged. Models br_handle_vlan(). */
  egress(skb: Skb, vid: number): void {
    if (!this.vids.get(vid)?.untagged) return;
    skb.vlan = null;
    skb.showTag();
  }

  /** A frame out of a tunnel gets the VLAN that its network maps to. Models br_handle_ingress_vlan_tunnel() */
  fromTunnel(skb: Skb, protocol: number): void {
    const id = skb.tunnelId;
    skb.tunnelId = null;
    if (skb.vlan !== null) return;
    for (const [vid, entry] of this.vids) if (entry.tunnel === id) skb.vlan = protocol === ETH_P_8021AD ? vid | VLAN_S_TAG : vid;
  }

  /** The tag becomes the network of the tunnel that the frame goes into. Models br_handle_egress_vlan_tunnel() */
  intoTunnel(skb: Skb, vid: number): void {
    const id = this.vids.get(vid)?.tunnel;
    if (!id || skb.vlan === null) return;
    skb.vlan = null;
    skb.tunnelId = id;
  }
}
