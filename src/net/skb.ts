/** A packet in the kernel: its bytes from the network header on, plus metadata. Models include/linux/skbuff.h */

import type { Sim } from '../sim/sim.ts';
import { checksum, copy, put16, u16 } from '../wire/bytes.ts';
import { ETH_P_8021Q, type Ethernet, emitEthernet } from '../wire/ethernet.ts';
import type { Mac } from '../wire/mac.ts';
import type { NetDevice } from './dev/device.ts';
import type { Dst } from './ip/route.ts';
import type { BridgeInfo } from './netfilter/br_netfilter.ts';
import type { Connection, CtInfo } from './netfilter/conntrack/connection.ts';
import type { Sock } from './sock/sock.ts';

/** Whom the frame was for, as eth_type_trans() finds it; `outgoing` is what packet sockets see of sent frames. */
export type PacketType = 'host' | 'broadcast' | 'multicast' | 'otherhost' | 'outgoing' | 'loopback';

const ETH_P_8021AD = 0x88a8;
/** In `vlan`: the outer tag of 802.1ad. */
export const VLAN_S_TAG = 0x10000;

export class Skb {
  /** Identity in the trace; a clone or an encapsulating packet gets its own id and names its `parent`. */
  readonly id: number;
  readonly parent: number;
  /** Bytes from the network header on. Changed in place only by whoever owns the skb; shared data is copied first. */
  data: Uint8Array;
  /** EtherType of `data`. */
  proto: number;
  ethSrc: Mac = 0;
  ethDst: Mac = 0;
  /** 802.1Q tag control information (VLAN id in the low 12 bits), null when untagged; with VLAN_S_TAG the tag is of 802.1ad. */
  vlan: number | null = null;
  /** Network of a tunnel (VNI) that the packet came from or is meant for, as `external` devices tell and are told. */
  tunnelId: number | null = null;
  type: PacketType = 'host';
  /** The device the packet is at: input device on receive, output device on transmit. */
  dev: NetDevice | null = null;
  /** Input device as the IP layer saw it (skb_iif), null for locally made packets. */
  iif: NetDevice | null = null;
  mark = 0;
  priority = 0;
  /** Routing result, once there is one. */
  dst: Dst | null = null;
  ct: Connection | null = null;
  ctInfo: CtInfo | null = null;
  /** Set by NOTRACK or for packets that conntrack leaves alone. */
  untracked = false;
  /** Bridge ports that a bridged packet came in and goes out by, while br_netfilter shows it to iptables. */
  bridge: BridgeInfo | null = null;
  /** Sending socket, for -m owner and for errors that go back to it. */
  sk: Sock | null = null;
  /** Segment payload size when this is a TCP super-packet (GSO); 0 when not. Its IP total length may exceed the MTU. */
  gsoSize = 0;
  /**
   * CHECKSUM_PARTIAL: bytes from the layer 4 header on to the end of `data` whose checksum is still to come, 0 when it is complete.
   * The checksum field, `csumOffset` bytes into them, holds the pseudo header's sum meanwhile, and captures show it so.
   */
  csumBytes = 0;
  csumOffset = 0;
  /** What stands for the flow where paths are chosen, when the sending socket has said so; 0 when it is worked out from the headers. */
  hash = 0;
  /** The device or its queue had no room for it, and the sender hears of that (NET_XMIT_DROP). */
  refused = false;
  /** The sender's TCP made progress, so the neighbour that takes this is alive (dst_pending_confirm; it survives forwarding). */
  confirmsNeighbour = false;
  /** TRACE target: log every rule that this packet meets. */
  nfTrace = false;
  readonly sim: Sim;

  constructor(sim: Sim, proto: number, data: Uint8Array, parent = 0) {
    this.sim = sim;
    this.id = ++sim.packets;
    this.parent = parent;
    this.proto = proto;
    this.data = data;
  }

  /** A second packet with its own copy of the bytes, for flooding, taps and encapsulation. Conntrack entry and mark go along. */
  clone(): Skb {
    const s = new Skb(this.sim, this.proto, copy(this.data), this.id);
    s.ethSrc = this.ethSrc;
    s.ethDst = this.ethDst;
    s.vlan = this.vlan;
    s.tunnelId = this.tunnelId;
    s.type = this.type;
    s.dev = this.dev;
    s.iif = this.iif;
    s.mark = this.mark;
    s.priority = this.priority;
    s.dst = this.dst;
    s.ct = this.ct;
    s.ctInfo = this.ctInfo;
    s.untracked = this.untracked;
    s.bridge = this.bridge;
    s.sk = this.sk;
    s.hash = this.hash;
    s.gsoSize = this.gsoSize;
    s.csumBytes = this.csumBytes;
    s.csumOffset = this.csumOffset;
    s.confirmsNeighbour = this.confirmsNeighbour;
    s.nfTrace = this.nfTrace;
    return s;
  }

  /** Forgets what belongs to the namespace or stack that the packet leaves. Models skb_scrub_packet(). */
  scrub(crossesNetns: boolean): void {
    this.dst = null;
    this.tunnelId = null;
    this.ct = null;
    this.ctInfo = null;
    this.untracked = false;
    this.bridge = null;
    this.nfTrace = false;
    this.iif = null;
    if (crossesNetns) {
      this.mark = 0;
      this.priority = 0;
      this.sk = null;
    }
  }

  /** TOS or traffic class of the IP header. */
  tos(): number {
    const b = this.data;
    if (b.length < 20) return 0;
    return (b[0] as number) >> 4 === 4 ? (b[1] as number) : (((b[0] as number) & 15) << 4) | ((b[1] as number) >> 4);
  }

  /** inet_iif(): the device by which sockets see it; for what this host says to itself, the one that has the address. */
  inetIif(): NetDevice | null {
    const { dst, dev } = this;
    return dst !== null && dst.kind === 'output' && dst.type === 'local' ? (dst.nh?.dev ?? dev) : dev;
  }

  /** Fills in a checksum that was left to the device. Models skb_checksum_help() */
  checksumHelp(): void {
    if (this.csumBytes === 0) return;
    const start = this.data.length - this.csumBytes;
    const at = start + this.csumOffset;
    if (start >= 0 && at + 2 <= this.data.length) put16(this.data, at, checksum(this.data, start) || 0xffff);
    this.csumBytes = 0;
  }

  /** The tag goes into the frame's data, where another one or a tunnel can be put before it. Models __vlan_insert_tag() */
  hideTag(): void {
    if (this.vlan === null) return;
    this.checksumHelp();
    const data = new Uint8Array(this.data.length + 4);
    put16(data, 0, this.vlan & 0xffff);
    put16(data, 2, this.proto);
    data.set(this.data, 4);
    this.data = data;
    this.proto = this.vlan & VLAN_S_TAG ? ETH_P_8021AD : ETH_P_8021Q;
    this.vlan = null;
  }

  /** A tag that the data begins with becomes this packet's own. Models skb_vlan_untag() */
  showTag(): void {
    if ((this.proto !== ETH_P_8021Q && this.proto !== ETH_P_8021AD) || this.vlan !== null || this.data.length < 4) return;
    this.vlan = u16(this.data, 0) | (this.proto === ETH_P_8021AD ? VLAN_S_TAG : 0);
    this.proto = u16(this.data, 2);
    this.data = this.data.slice(4);
  }

  /** The whole Ethernet frame as bytes (802.1Q tag included when there is one). */
  frame(): Uint8Array {
    const f: Ethernet = { dst: this.ethDst, src: this.ethSrc, type: this.proto, payload: this.data };
    if (this.vlan !== null) {
      const tagged = new Uint8Array(4 + this.data.length);
      tagged[0] = this.vlan >> 8;
      tagged[1] = this.vlan;
      tagged[2] = this.proto >> 8;
      tagged[3] = this.proto;
      tagged.set(this.data, 4);
      f.type = this.vlan & VLAN_S_TAG ? ETH_P_8021AD : ETH_P_8021Q;
      f.payload = tagged;
    }
    return emitEthernet(f);
  }
}
