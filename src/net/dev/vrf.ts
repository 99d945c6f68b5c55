/** Virtual routing and forwarding: a device whose members look their routes up in a table of its own. Models drivers/net/vrf.c, net/l3mdev/l3mdev.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { isLinkLocal, isMulticast, readIp6 } from '../../wire/addr.ts';
import { ETH_P_IP, ETH_P_IPV6 } from '../../wire/ethernet.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { netifReceive } from './core.ts';
import { IFF_MASTER, IFF_NOARP, NetDevice } from './device.ts';
import { netDrop } from './trace.ts';

/** Priority of the rule that sends members' lookups to their table. */
const RULE_PRIORITY = 1000;
const MTU = 65575;
const RTPROT_KERNEL = 2;

export class Vrf extends NetDevice {
  readonly kind = 'vrf';
  override readonly l3table: number;
  readonly ports = new Set<NetDevice>();
  private lastArrival = 0;

  constructor(ns: Netns, name: string, table: number) {
    super(ns, name);
    this.l3table = table;
    this.flags = IFF_NOARP | IFF_MASTER;
    this.mtu = MTU;
    this.minMtu = 1280;
    this.maxMtu = MTU;
    this.netnsImmutable = true;
    this.oper = 'UP';
  }

  override register(wantedIndex?: number): Result {
    const done = super.register(wantedIndex);
    if (!done.ok) return done;
    const { rules } = this.ns.fib;
    for (const family of [4, 6] as const) {
      if (!rules.list(family).some((r) => r.l3mdev)) rules.add({ family, priority: RULE_PRIORITY, l3mdev: true, protocol: RTPROT_KERNEL });
    }
    return done;
  }

  override addPort(dev: NetDevice): Result {
    if (dev.hardware === 'loopback') return fail('EOPNOTSUPP', 'vrf: Can not enslave loopback device to a VRF');
    if (dev.kind === 'vrf') return fail('EINVAL', 'vrf: Can not enslave an L3 master device to a VRF');
    if (dev.ns !== this.ns) return fail('EINVAL');
    dev.master = this;
    this.ports.add(dev);
    this.moveRoutes(dev);
    return ok();
  }

  override delPort(dev: NetDevice): Result {
    if (!this.ports.delete(dev)) return fail('EINVAL');
    dev.master = null;
    this.moveRoutes(dev);
    return ok();
  }

  /** All routes of the device go; down and up again brings those of its addresses back, into the table that holds now. */
  private moveRoutes(dev: NetDevice): void {
    if (!dev.registered) return;
    this.ns.fib.deviceDown(dev, 'unregister');
    if (!dev.up) return;
    dev.setDown();
    dev.setUp();
  }

  override unregister(): void {
    if (!this.registered) return;
    for (const dev of [...this.ports]) dev.setMaster(null);
    super.unregister();
    for (const family of [4, 6] as const) {
      for (const route of this.ns.fib.list(family, this.l3table)) this.ns.fib.remove(route, true);
    }
  }

  /** What goes to an own address comes back by this device, as by lo; the rest has left by a member already. */
  xmit(skb: Skb): void {
    this.stats.txPackets++;
    this.stats.txBytes += skb.data.length;
    const { dst } = skb;
    if (dst?.type !== 'local') {
      netDrop(skb, this, 'VRF_NO_ROUTE');
      return;
    }
    const at = Math.max(this.sim.now + this.hopDelay(), this.lastArrival);
    this.lastArrival = at;
    this.sim.at(at, () => {
      if (!this.up) return;
      this.stats.rxPackets++;
      this.stats.rxBytes += skb.data.length;
      skb.dev = this;
      skb.type = 'host';
      skb.dst = dst;
      netifReceive(skb);
    });
  }
}

const NEXTHDR_ICMP = 58;

/** An IP packet came in by a member: from here on it came in by the VRF. Neighbour discovery stays with the member. Models vrf_l3_rcv(). */
export function vrfReceive(skb: Skb, vrf: NetDevice): void {
  const { ns } = vrf;
  const b = skb.data;
  if (skb.proto === ETH_P_IPV6) {
    const dst = b.length >= 40 ? readIp6(b, 24) : 0n;
    const nd = b[6] === NEXTHDR_ICMP && (b[40] as number) >= 133 && (b[40] as number) <= 137;
    if (nd || isLinkLocal(dst) || isMulticast(dst)) {
      ns.ip6.receive(skb);
      return;
    }
  }
  vrf.stats.rxPackets++;
  vrf.stats.rxBytes += b.length;
  skb.dev = vrf;
  skb.iif = vrf;
  if (ns.taps.size > 0) for (const tap of ns.taps) if (tap.dev === vrf) tap.receive(skb);
  if (skb.proto === ETH_P_IP) ns.ip4.receive(skb);
  else ns.ip6.receive(skb);
}
