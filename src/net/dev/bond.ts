/** Bonding: one device out of several. Models drivers/net/bonding/bond_main.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { SEC, type Timer } from '../../sim/sim.ts';
import { isMulticastMac, type Mac } from '../../wire/mac.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { devQueueXmit, netifReceive } from './core.ts';
import { IFF_MASTER, IFF_SLAVE, type LinkAction, NetDevice } from './device.ts';
import { flowHash } from './flowhash.ts';
import { netDrop } from './trace.ts';

export const BOND_MODES = ['balance-rr', 'active-backup', 'balance-xor', 'broadcast', '802.3ad', 'balance-tlb', 'balance-alb'] as const;
export type BondMode = (typeof BOND_MODES)[number];

/** Settings as `ip link` names them; numbers as given, words as indices of their lists. */
export interface BondOptions {
  mode: BondMode;
  miimon: number;
  updelay: number;
  downdelay: number;
  peerNotifyDelay: number;
  useCarrier: number;
  arpInterval: number;
  arpMissedMax: number;
  primaryReselect: number;
  failOverMac: number;
  xmitHashPolicy: number;
  resendIgmp: number;
  numPeerNotify: number;
  allSlavesActive: number;
  minLinks: number;
  lpInterval: number;
  packetsPerSlave: number;
  tlbDynamicLb: number;
  lacpActive: number;
  lacpRate: number;
  adSelect: number;
}

function bondDefaults(): BondOptions {
  return {
    mode: 'balance-rr',
    miimon: 0,
    updelay: 0,
    downdelay: 0,
    peerNotifyDelay: 0,
    useCarrier: 1,
    arpInterval: 0,
    arpMissedMax: 2,
    primaryReselect: 0,
    failOverMac: 0,
    xmitHashPolicy: 0,
    resendIgmp: 1,
    numPeerNotify: 1,
    allSlavesActive: 0,
    minLinks: 0,
    lpInterval: 1,
    packetsPerSlave: 1,
    tlbDynamicLb: 1,
    lacpActive: 1,
    lacpRate: 0,
    adSelect: 0,
  };
}

export interface BondSlave {
  readonly dev: NetDevice;
  /** Address before it joined. */
  readonly permMac: Mac;
  link: boolean;
  failures: number;
  queueId: number;
  prio: number;
}

export class Bond extends NetDevice {
  readonly kind = 'bond';
  readonly options = bondDefaults();
  readonly slaves: BondSlave[] = [];
  activeSlave: BondSlave | null = null;
  primary: NetDevice | null = null;
  private counter = 0;
  private monitor: Timer | null = null;

  constructor(ns: Netns, name: string) {
    super(ns, name);
    this.unicastFilter = true;
    this.flags |= IFF_MASTER;
    this.maxMtu = 65535;
    this.netnsImmutable = false;
    this.carrierOff();
  }

  /** One device does the work and others wait. */
  get usesActive(): boolean {
    const { mode } = this.options;
    return mode === 'active-backup' || mode === 'balance-tlb' || mode === 'balance-alb';
  }

  setMode(mode: BondMode): Result {
    if (mode === this.options.mode) return ok();
    if (this.up) return fail('EBUSY', 'option mode: unable to set because the bond device is up');
    if (this.slaves.length > 0) return fail('ENOTEMPTY', 'option mode: unable to set because the bond device has slaves');
    this.options.mode = mode;
    return ok();
  }

  // ---- slaves ----

  /** bond_enslave() */
  override addPort(dev: NetDevice): Result {
    if (dev.kind === 'bond') return fail('EPERM', 'Cannot enslave bond to itself.');
    if (dev.hardware !== 'ether') return fail('EINVAL', 'Device type is different from other slaves');
    if (dev.up) return fail('EPERM', 'Device can not be enslaved while up');
    if (dev.rxHandler) return fail('EBUSY');
    const permMac = dev.mac;
    if (this.slaves.length === 0 && this.macAssign !== 'set') {
      this.macAssign = 'stolen';
      this.assignMac(dev.mac);
    }
    const mtu = dev.setMtu(this.mtu);
    if (!mtu.ok) return mtu;
    if (this.options.failOverMac === 0 && dev.mac !== this.mac) {
      const set = dev.setMac(this.mac);
      if (!set.ok) return set;
    }
    dev.master = this;
    dev.flags |= IFF_SLAVE;
    const slave: BondSlave = { dev, permMac, link: true, failures: 0, queueId: 0, prio: 0 };
    const opened = dev.setUp();
    if (!opened.ok) {
      dev.master = null;
      dev.flags &= ~IFF_SLAVE;
      return opened;
    }
    this.slaves.push(slave);
    dev.rxHandler = (skb) => this.receive(slave, skb);
    if (this.options.miimon > 0) slave.link = dev.carrier();
    this.select();
    return ok();
  }

  override delPort(dev: NetDevice): Result {
    const at = this.slaves.findIndex((s) => s.dev === dev);
    if (at < 0) return fail('EINVAL');
    const [slave] = this.slaves.splice(at, 1) as [BondSlave];
    dev.rxHandler = null;
    dev.master = null;
    dev.flags &= ~IFF_SLAVE;
    if (this.activeSlave === slave) this.activeSlave = null;
    if (this.primary === dev) this.primary = null;
    this.select();
    dev.setDown();
    if (dev.registered && dev.mac !== slave.permMac) dev.setMac(slave.permMac);
    return ok();
  }

  override portEvent(dev: NetDevice, action: LinkAction): void {
    if (action === 'down' && this.slaves.some((s) => s.dev === dev)) this.inspect();
  }

  /** bond_select_active_slave() and bond_set_carrier(). */
  private select(): void {
    const living = this.slaves.filter((s) => s.link && s.dev.up);
    if (this.usesActive) {
      const primary = living.find((s) => s.dev === this.primary);
      const keep = this.activeSlave && living.includes(this.activeSlave) ? this.activeSlave : null;
      const next = (primary && (this.options.primaryReselect === 0 || !keep) ? primary : null) ?? keep ?? living[0] ?? null;
      if (next !== this.activeSlave) {
        this.activeSlave = next;
        this.ns.kernel.printk(
          next
            ? `${this.name}: (slave ${next.dev.name}): making interface the new active one`
            : `${this.name}: now running without any active interface!`,
        );
      }
    }
    if (living.length > 0 && living.length >= this.options.minLinks) this.carrierOn();
    else this.carrierOff();
  }

  /** `active_slave DEV`. */
  setActive(dev: NetDevice | null): Result {
    if (!this.usesActive) return fail('EACCES', 'option active_slave: mode dependency failed, not supported in this mode');
    if (!dev) {
      this.activeSlave = null;
      this.select();
      return ok();
    }
    const slave = this.slaves.find((s) => s.dev === dev);
    if (!slave) return fail('EINVAL');
    if (slave.link) this.activeSlave = slave;
    return slave.link ? ok() : fail('EINVAL');
  }

  protected override opened(): void {
    this.watch();
  }

  protected override closed(): void {
    this.sim.cancel(this.monitor);
    this.monitor = null;
  }

  /** bond_mii_monitor(): looks at the carriers every `miimon` ms. */
  watch(): void {
    this.sim.cancel(this.monitor);
    this.monitor = null;
    if (this.options.miimon === 0 || !this.up) return;
    this.inspect();
    this.monitor = this.sim.schedule((this.options.miimon * SEC) / 1000, () => this.watch());
  }

  private inspect(): void {
    for (const s of this.slaves) {
      const link = s.dev.up && (this.options.miimon === 0 || s.dev.carrier());
      if (link === s.link) continue;
      s.link = link;
      if (!link) s.failures++;
      this.ns.kernel.printk(`${this.name}: (slave ${s.dev.name}): link status definitely ${link ? 'up' : 'down'}`);
    }
    this.select();
  }

  override unregister(): void {
    if (!this.registered) return;
    for (const s of [...this.slaves]) s.dev.setMaster(null);
    super.unregister();
  }

  protected override changeMac(mac: Mac): Result {
    if (this.options.failOverMac === 0) for (const s of this.slaves) s.dev.setMac(mac);
    return ok();
  }

  protected override changeMtu(mtu: number): Result {
    for (const s of this.slaves) {
      const r = s.dev.setMtu(mtu);
      if (!r.ok) return r;
    }
    return ok();
  }

  // ---- frames ----

  /** bond_handle_frame(): a waiting slave hears only what packet sockets want. */
  private receive(slave: BondSlave, skb: Skb): boolean {
    if (this.usesActive && slave !== this.activeSlave) {
      netDrop(skb, slave.dev, 'BOND_INACTIVE_SLAVE');
      return true;
    }
    this.stats.rxPackets++;
    this.stats.rxBytes += skb.data.length;
    if (isMulticastMac(skb.ethDst)) this.stats.multicast++;
    skb.dev = this;
    skb.type = this.classify(skb.ethDst);
    netifReceive(skb);
    return true;
  }

  xmit(skb: Skb): void {
    const living = this.slaves.filter((s) => s.link && s.dev.up && s.dev.carrier());
    const to = this.choose(skb, living);
    if (!to) {
      this.stats.txDropped++;
      netDrop(skb, this, 'BOND_NO_SLAVE');
      return;
    }
    this.stats.txPackets++;
    this.stats.txBytes += skb.data.length + 14;
    if (this.options.mode === 'broadcast') {
      for (const s of living) {
        if (s === to) continue;
        const copy = skb.clone();
        copy.dev = s.dev;
        devQueueXmit(copy);
      }
    }
    skb.dev = to.dev;
    devQueueXmit(skb);
  }

  private choose(skb: Skb, living: readonly BondSlave[]): BondSlave | undefined {
    if (this.usesActive) return this.activeSlave ?? undefined;
    if (living.length === 0) return undefined;
    if (this.options.mode === 'balance-rr') {
      const per = Math.max(1, this.options.packetsPerSlave);
      return living[Math.floor(this.counter++ / per) % living.length];
    }
    if (this.options.mode === 'broadcast') return living[living.length - 1];
    // layer2: the addresses' last bytes and the protocol; other policies hash the flow.
    const hash =
      this.options.xmitHashPolicy === 0
        ? ((skb.ethDst % 256) ^ (skb.ethSrc % 256) ^ skb.proto) >>> 0
        : flowHash(skb, this.options.xmitHashPolicy);
    return living[hash % living.length];
  }
}
