/** Macvlan: devices with addresses of their own on one lower device. Models drivers/net/macvlan.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { isMulticastMac, type Mac } from '../../wire/mac.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { devQueueXmit, netifReceive } from './core.ts';
import { type LinkAction, NetDevice } from './device.ts';
import { Lane } from './forward.ts';
import { netDrop } from './trace.ts';

export type MacvlanMode = 'private' | 'vepa' | 'bridge' | 'passthru' | 'source';

/** What a lower device knows of the macvlans on it. */
class MacvlanPort {
  readonly lower: NetDevice;
  readonly devices = new Set<Macvlan>();
  readonly lane = new Lane();
  /** Some device is in source mode. */
  hasSources = false;

  constructor(lower: NetDevice) {
    this.lower = lower;
  }

  find(mac: Mac): Macvlan | undefined {
    for (const d of this.devices) if (d.up && d.mac === mac) return d;
    return undefined;
  }

  /** Copies to every macvlan of these modes but the sender; each arrives by itself. Models macvlan_broadcast(). */
  broadcast(skb: Skb, from: Macvlan | null, modes: readonly MacvlanMode[]): void {
    for (const d of this.devices) {
      if (d === from || !d.up || !modes.includes(d.mode)) continue;
      const copy = skb.clone();
      d.count(copy, true);
      this.lane.deliver(copy, d, 1);
    }
  }

  /** Copies to the devices of source mode that listen to this sender; true when one keeps the frame to itself. */
  private forwardSource(skb: Skb): boolean {
    let consume = false;
    for (const d of this.devices) {
      if (d.mode !== 'source' || !d.sources.has(skb.ethSrc)) continue;
      if (d.noDst) consume = true;
      if (!d.up) continue;
      const copy = skb.clone();
      d.count(copy, false);
      copy.scrub(d.ns !== this.lower.ns);
      copy.dev = d;
      copy.type = 'host';
      netifReceive(copy);
    }
    return consume;
  }

  /** The longest queue that one of the devices asks for. */
  get bcQueueLen(): number {
    return [...this.devices].reduce((most, d) => Math.max(most, d.bcQueueLen), 0);
  }

  /** The lower device's rx handler: true when the frame is one of ours. Models macvlan_handle_frame(). */
  handle(skb: Skb): boolean {
    if (this.hasSources && this.forwardSource(skb)) return true;
    if (isMulticastMac(skb.ethDst)) {
      const source = this.find(skb.ethSrc);
      if (source && source.mode !== 'vepa' && source.mode !== 'bridge') {
        source.count(skb, true);
        this.lane.deliver(skb, source, 1);
        return true;
      }
      if (!source) this.broadcast(skb, null, ['private', 'vepa', 'passthru', 'bridge']);
      else if (source.mode === 'vepa') this.broadcast(skb, source, ['vepa', 'bridge']);
      else if (source.mode === 'bridge') this.broadcast(skb, source, ['vepa']);
      return false;
    }
    const only = [...this.devices].find((d) => d.mode === 'passthru');
    const to = only ?? this.find(skb.ethDst);
    if (!to || to.mode === 'source') return false;
    if (!to.up) {
      netDrop(skb, to, 'DEV_DOWN');
      return true;
    }
    to.count(skb, false);
    skb.scrub(to.ns !== this.lower.ns);
    skb.dev = to;
    skb.type = 'host';
    netifReceive(skb);
    return true;
  }
}

const ports = new WeakMap<NetDevice, MacvlanPort>();

export type MacvlanKind = 'macvlan' | 'macvtap';

export class Macvlan extends NetDevice {
  readonly kind: MacvlanKind;
  readonly lower: NetDevice;
  mode: MacvlanMode;
  bcQueueLen = 1000;
  /** Senders that a device of source mode listens to. */
  readonly sources = new Set<Mac>();
  /** Frames of those senders go nowhere else. */
  noDst = false;
  noPromisc = false;
  private port: MacvlanPort | null = null;

  constructor(ns: Netns, name: string, lower: NetDevice, mode: MacvlanMode = 'vepa', kind: MacvlanKind = 'macvlan') {
    super(ns, name);
    this.kind = kind;
    this.lower = lower instanceof Macvlan ? lower.lower : lower;
    this.mode = mode;
    this.mtu = this.lower.mtu;
    this.unicastFilter = true;
    this.protoDown = false;
    if (kind === 'macvtap') this.txqlen = 500;
    if (!this.lower.carrier()) this.carrierOff();
  }

  /** Length of the queue in use, which all devices on one lower share. */
  get usedBcQueueLen(): number {
    return this.port?.bcQueueLen ?? 0;
  }

  override register(wantedIndex?: number): Result {
    if (this.mtu > this.lower.mtu) return fail('EINVAL');
    let port = ports.get(this.lower);
    if (!port) {
      if (this.lower.rxHandler) return fail('EBUSY');
      if (this.lower.kind === 'loopback') return fail('EINVAL');
      port = new MacvlanPort(this.lower);
    }
    if (this.mode === 'passthru' && port.devices.size > 0) return fail('EINVAL');
    if ([...port.devices].some((d) => d.mode === 'passthru')) return fail('EINVAL');
    if (this.mode === 'passthru') this.mac = this.lower.mac;
    const done = super.register(wantedIndex);
    if (!done.ok) return done;
    ports.set(this.lower, port);
    const p = port;
    this.lower.rxHandler = (skb) => p.handle(skb);
    p.devices.add(this);
    this.port = p;
    this.lower.uppers.add(this);
    p.hasSources ||= this.mode === 'source';
    if (this.carrier()) this.transferred();
    return done;
  }

  /** A new macvlan takes over its lower device's carrier, and is told of it. */
  private transferred(): void {
    this.carrierOff();
    this.carrierOn();
  }

  override iflink(): number {
    return this.lower.ifindex;
  }

  override peerNs(): Netns | null {
    return this.lower.ns !== this.ns ? this.lower.ns : null;
  }

  protected override open(): Result {
    if (this.mode === 'passthru') {
      if (!this.noPromisc) this.lower.setPromiscuity(1);
      return ok();
    }
    if (this.port?.find(this.mac) || this.lower.mac === this.mac) return fail('EADDRINUSE');
    this.lower.addUnicast(this.mac);
    return ok();
  }

  protected override closed(): void {
    if (this.mode !== 'passthru') this.lower.delUnicast(this.mac);
    else if (!this.noPromisc) this.lower.setPromiscuity(-1);
  }

  protected override changeMac(mac: Mac): Result {
    if (this.mode === 'passthru') return mac === this.lower.mac ? ok() : this.lower.setMac(mac);
    if (!this.up) return ok();
    if (this.port?.find(mac) || this.lower.mac === mac) return fail('EADDRINUSE');
    this.lower.delUnicast(this.mac);
    this.lower.addUnicast(mac);
    return ok();
  }

  protected override changeMtu(mtu: number): Result {
    return mtu > this.lower.mtu ? fail('EINVAL') : ok();
  }

  protected override destroyed(): void {
    const port = this.port;
    if (!port) return;
    port.devices.delete(this);
    this.lower.uppers.delete(this);
    if (port.devices.size === 0) {
      this.lower.rxHandler = null;
      ports.delete(this.lower);
    }
  }

  override lowerEvent(lower: NetDevice, action: LinkAction): void {
    if (action === 'mtu') {
      if (this.mtu > lower.mtu) this.setMtu(lower.mtu);
    } else if (action === 'mac') {
      if (this.mode === 'passthru' && this.mac !== lower.mac) this.setMac(lower.mac);
    } else if (action === 'up' || action === 'down' || action === 'change') {
      if (lower.carrier()) this.carrierOn();
      else this.carrierOff();
    }
  }

  /** EINVAL when it would turn passthru on or off. */
  setMode(mode: MacvlanMode): Result {
    if ((mode === 'passthru') !== (this.mode === 'passthru')) return fail('EINVAL');
    if (mode !== 'source') this.sources.clear();
    this.mode = mode;
    if (this.port) this.port.hasSources = [...this.port.devices].some((d) => d.mode === 'source');
    return ok();
  }

  setNoPromisc(on: boolean): void {
    if (on === this.noPromisc) return;
    this.noPromisc = on;
    if (this.mode === 'passthru' && this.up) this.lower.setPromiscuity(on ? -1 : 1);
  }

  count(skb: Skb, multicast: boolean): void {
    this.stats.rxPackets++;
    this.stats.rxBytes += skb.data.length + 14;
    if (multicast) this.stats.multicast++;
  }

  /** Models macvlan_queue_xmit(). */
  xmit(skb: Skb): void {
    this.stats.txPackets++;
    this.stats.txBytes += skb.data.length + 14;
    const port = this.port;
    if (!port) return;
    if (this.mode === 'bridge') {
      if (isMulticastMac(skb.ethDst)) port.broadcast(skb, this, ['bridge']);
      else {
        const to = port.find(skb.ethDst);
        if (to?.mode === 'bridge') {
          skb.scrub(this.lower.ns !== this.ns);
          port.lane.deliver(skb, this.lower, this.hopDelay());
          return;
        }
      }
    }
    skb.dev = this.lower;
    devQueueXmit(skb);
  }
}
