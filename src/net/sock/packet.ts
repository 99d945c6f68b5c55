/** Packet sockets and taps: whole frames at a device, both ways, for tcpdump and arping. Models net/packet/af_packet.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import type { Micros } from '../../sim/sim.ts';
import { u16 } from '../../wire/bytes.ts';
import { type Mac, readMac } from '../../wire/mac.ts';
import { devQueueXmit } from '../dev/core.ts';
import type { NetDevice } from '../dev/device.ts';
import type { Netns } from '../netns.ts';
import { type PacketType, Skb } from '../skb.ts';
import { wheelTime } from '../wheel.ts';
import { Sock } from './sock.ts';

export const ETH_P_ALL = 3;

/** What libpcap makes a block of the ring, in bytes. */
const BLOCK_SIZE = 262_144;

/** One frame as a tap saw it. */
export interface Captured {
  /** Virtual time in microseconds. */
  time: number;
  dev: NetDevice;
  direction: PacketType;
  /** EtherType behind any 802.1Q tag. */
  proto: number;
  /** The whole Ethernet frame, cut to the snapshot length. */
  frame: Uint8Array;
  /** Length before cutting. */
  length: number;
  /** Identity of the skb in the trace. */
  skb: number;
  /** GSO segment size: the frame is a super-packet when not 0. */
  gsoSize: number;
}

/** What ns.taps holds; the device core calls `receive` for each frame that comes in or goes out of `skb.dev`. */
export interface PacketTap {
  /** Null: all devices. */
  readonly dev: NetDevice | null;
  /** Network byte order apart, the EtherType wanted; ETH_P_ALL for all, and only those see outgoing frames. */
  readonly proto: number;
  receive(skb: Skb): void;
}

/** A `filter` sees the frame before it is queued, as a BPF program attached to the socket does. */
export class PacketSocket extends Sock implements PacketTap {
  readonly kind = 'packet' as const;
  /** SOCK_RAW: frames with their Ethernet header; SOCK_DGRAM ("cooked"): the network layer only. */
  readonly cooked: boolean;
  dev: NetDevice | null = null;
  filter: ((frame: Uint8Array, skb: Skb) => boolean) | null = null;
  snaplen = 262_144;
  /** Most frames that may wait; more are counted as dropped. */
  limit = 65_536;
  received = 0;
  dropped = 0;
  private readonly queue: Captured[] = [];
  private blockTime: Micros | null = null;
  /** When the ring's timer fires next. */
  private tick: Micros = 0;
  private block: Captured[] = [];
  private blockBytes = 0;
  /** EtherType wanted; ETH_P_ALL for all. */
  wanted: number;

  constructor(ns: Netns, proto: number = ETH_P_ALL, cooked = false) {
    super(ns, 'packet', proto);
    this.wanted = proto;
    this.cooked = cooked;
    ns.taps.add(this);
    ns.sockets.all.add(this);
    // packet_notifier(): whoever waits for frames of a device hears of its end.
    this.unsubscribe = ns.events.subscribe((e) => {
      if (e.type === 'link' && e.action === 'unregister' && e.dev === this.dev) ns.kernel.sim.schedule(0, () => this.wq.wakeAll());
    });
  }

  /** Ties the socket to one device, or to all with null. */
  bind(dev: NetDevice | null, proto = this.wanted): Result {
    if (dev && this.ns.devices.get(dev.ifindex) !== dev) return fail('ENODEV');
    this.dev = dev;
    this.wanted = proto;
    if (dev && !dev.up) this.setError('ENETDOWN');
    return ok();
  }

  private promisc = false;
  private readonly unsubscribe: () => void;

  /** PACKET_MR_PROMISC on the bound device, as tcpdump asks for without -p: a bridge then shows what it forwards. */
  setPromisc(on: boolean): void {
    if (on === this.promisc || !this.dev) return;
    this.promisc = on;
    this.dev.setPromiscuity(on ? 1 : -1);
  }

  receive(skb: Skb): void {
    if (this.closed || skb.dev === null) return;
    if (this.dev !== null && this.dev !== skb.dev) return;
    if (this.wanted !== ETH_P_ALL && (skb.type === 'outgoing' || this.wanted !== skb.proto)) return;
    const frame = skb.frame();
    if (this.filter && !this.filter(frame, skb)) return;
    this.received++;
    if (this.queue.length >= this.limit) {
      this.dropped++;
      return;
    }
    const captured: Captured = {
      time: this.sim.now,
      dev: skb.dev,
      direction: skb.type,
      proto: skb.proto,
      frame: frame.length > this.snaplen ? frame.slice(0, this.snaplen) : frame,
      length: frame.length,
      skb: skb.id,
      gsoSize: skb.gsoSize,
    };
    if (this.blockTime === null) {
      this.queue.push(captured);
      this.wq.wakeAll();
    } else this.hold(captured, this.blockTime);
  }

  /**
   * TPACKET_V3: frames reach the reader in blocks, which end when they are full or when the ring's timer fires, every `timeout` µs or so.
   * What is in the last block when the reader goes is lost.
   */
  useBlocks(timeout: Micros): void {
    this.blockTime = timeout;
    this.tick = wheelTime(this.sim.now, timeout);
  }

  private hold(c: Captured, timeout: Micros): void {
    this.block.push(c);
    this.blockBytes += c.frame.length;
    if (this.blockBytes > BLOCK_SIZE) {
      this.tick = wheelTime(this.sim.now, timeout);
      this.retire();
      return;
    }
    if (this.block.length > 1) return;
    while (this.tick <= this.sim.now) this.tick = wheelTime(this.tick, timeout);
    this.sim.at(this.tick, () => this.retire());
  }

  private retire(): void {
    if (this.closed || this.block.length === 0) return;
    this.queue.push(...this.block);
    this.block = [];
    this.blockBytes = 0;
    this.wq.wakeAll();
  }

  recv(): Result<Captured> {
    const c = this.queue.shift();
    if (c) return ok(c);
    const e = this.checkError();
    return e.ok ? fail('EAGAIN') : e;
  }

  /** Sends a whole Ethernet frame out of `dev` (or the bound device). */
  send(frame: Uint8Array, dev: NetDevice | null = this.dev): Result<number> {
    if (!dev) return fail('ENXIO');
    if (!dev.up) return fail('ENETDOWN');
    if (frame.length < 14) return fail('EINVAL');
    if (frame.length > dev.mtu + 18) return fail('EMSGSIZE');
    this.xmit(dev, readMac(frame, 0), readMac(frame, 6), u16(frame, 12), frame.slice(14));
    return ok(frame.length);
  }

  /** Cooked: the kernel writes the Ethernet header. */
  sendTo(payload: Uint8Array, dev: NetDevice, dst: Mac, proto = this.wanted): Result<number> {
    if (!dev.up) return fail('ENETDOWN');
    if (payload.length > dev.mtu) return fail('EMSGSIZE');
    this.xmit(dev, dst, dev.mac, proto, payload.slice());
    return ok(payload.length);
  }

  private xmit(dev: NetDevice, dst: Mac, src: Mac, proto: number, data: Uint8Array): void {
    const skb = new Skb(this.sim, proto, data);
    skb.dev = dev;
    skb.ethDst = dst;
    skb.ethSrc = src;
    skb.sk = this;
    skb.type = 'outgoing';
    devQueueXmit(skb);
  }

  readable(): boolean {
    return this.queue.length > 0 || this.failed();
  }

  writable(): boolean {
    return true;
  }

  queues(): { rx: number; tx: number } {
    return { rx: this.queue.reduce((n, c) => n + c.frame.length, 0), tx: 0 };
  }

  close(): void {
    if (this.closed) return;
    this.setPromisc(false);
    this.unsubscribe();
    this.closed = true;
    this.ns.taps.delete(this);
    this.ns.sockets.all.delete(this);
    this.wq.wakeAll();
  }
}
