/** A network namespace: devices, addresses, routes, neighbours, netfilter, sockets and sysctls of its own. Models net/core/net_namespace.c */

import type { NetDevice } from './dev/device.ts';
import { Loopback } from './dev/loopback.ts';
import { Fib } from './ip/fib.ts';
import { Ip4Stack } from './ip/ip4.ts';
import { Ip6Stack } from './ip/ip6.ts';
import type { Kernel } from './kernel.ts';
import { NeighbourTables } from './neigh/neigh.ts';
import { Conntrack } from './netfilter/conntrack/conntrack.ts';
import { Netfilter } from './netfilter/netfilter.ts';
import { Notifier } from './notifier.ts';
import { Snmp } from './snmp.ts';
import type { PacketTap } from './sock/packet.ts';
import { SocketTable } from './sock/table.ts';
import { Sysctl } from './sysctl.ts';

export class Netns {
  readonly kernel: Kernel;
  /** nsfs inode number, as `readlink /proc/PID/ns/net` and `lsns` show it. */
  readonly inode: number;
  /** All devices by interface index, in order of index. */
  readonly devices = new Map<number, NetDevice>();
  readonly events = new Notifier();
  readonly snmp = new Snmp();
  readonly sysctl: Sysctl;
  readonly fib: Fib;
  readonly neigh: NeighbourTables;
  readonly nf: Netfilter;
  readonly ct: Conntrack;
  readonly sockets: SocketTable;
  readonly ip4: Ip4Stack;
  readonly ip6: Ip6Stack;
  /** Packet sockets (tcpdump, arping): see every frame at its device. */
  readonly taps = new Set<PacketTap>();
  readonly lo: Loopback;
  /** False once the namespace was destroyed; nothing may be sent or received any more. */
  alive = true;
  /** nsids that this namespace gave to others (ip netns set, link-netnsid), by namespace. */
  readonly nsids = new Map<Netns, number>();
  private lastIfindex = 0;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.inode = 4026531839 + kernel.sim.serial('nsfs');
    this.sysctl = new Sysctl(this);
    this.fib = new Fib(this);
    this.neigh = new NeighbourTables(this);
    this.nf = new Netfilter(this);
    this.ct = new Conntrack(this);
    this.sockets = new SocketTable(this);
    this.ip4 = new Ip4Stack(this);
    this.ip6 = new Ip6Stack(this);
    this.lo = new Loopback(this);
    this.lo.register();
  }

  /** The next free index; `wanted` is taken when it is free. */
  newIfindex(wanted?: number): number {
    if (wanted !== undefined && wanted > 0 && !this.devices.has(wanted)) return wanted;
    do this.lastIfindex++;
    while (this.devices.has(this.lastIfindex));
    return this.lastIfindex;
  }

  device(name: string): NetDevice | undefined {
    for (const dev of this.devices.values()) if (dev.name === name || dev.altnames.includes(name)) return dev;
    return undefined;
  }

  deviceByIndex(ifindex: number): NetDevice | undefined {
    return this.devices.get(ifindex);
  }

  /** Ends the namespace: virtual devices are deleted (so their peers vanish), physical ones go back to the first namespace. */
  destroy(): void {
    if (!this.alive) return;
    for (const dev of [...this.devices.values()].reverse()) {
      if (dev === this.lo) continue;
      if (this.devices.has(dev.ifindex)) dev.leaveDyingNetns();
    }
    this.alive = false;
    this.sockets.destroy();
    this.taps.clear();
  }
}
