/** What changed in a namespace, told in order: inside the kernel (netdevice notifiers) and to `ip monitor` (rtnetlink groups). */

import type { MdbMember } from './dev/brmdb.ts';
import type { NetDevice } from './dev/device.ts';
import type { FibRoute } from './ip/fib.ts';
import type { IfAddr } from './ip/ifaddr.ts';
import type { NexthopObject } from './ip/nexthop.ts';
import type { FibRule } from './ip/rule.ts';
import type { Neighbour } from './neigh/neigh.ts';

export type NetEvent =
  /** `register` … `unregister` are a device's life; `change` is flags, carrier, master, alias; `mac`, `mtu`, `name` what they say. */
  | {
      type: 'link';
      action: 'register' | 'up' | 'down' | 'change' | 'mac' | 'mtu' | 'name' | 'unregister';
      dev: NetDevice /** Carrier news: the kernel's own parts act before rtnetlink tells. */;
      carrier?: boolean;
    }
  | { type: 'addr'; action: 'new' | 'del'; dev: NetDevice; addr: IfAddr }
  | { type: 'route'; action: 'new' | 'del'; route: FibRoute }
  | { type: 'rule'; action: 'new' | 'del'; rule: FibRule }
  | { type: 'nexthop'; action: 'new' | 'del'; nexthop: NexthopObject }
  /** A device's (or all's, default's) setting that RTM_NEWNETCONF tells of; without name all of them come or go. */
  | { type: 'netconf'; family: 4 | 6; where: NetDevice | 'all' | 'default'; name: string | null; deleted?: boolean }
  /** Another namespace got an id here. */
  | { type: 'nsid'; id: number }
  | { type: 'neigh'; action: 'new' | 'del'; neigh: Neighbour }
  /** `miss`: a VXLAN device does not know an address and asks whoever listens. */
  | { type: 'fdb'; action: 'new' | 'del' | 'miss'; dev: NetDevice; entry: unknown }
  /** State or settings of a bridge port (RTM_NEWLINK of AF_BRIDGE). */
  | { type: 'brport'; dev: NetDevice; deleted: boolean }
  /** A member of a bridge's multicast group came or went. */
  | { type: 'mdb'; action: 'new' | 'del'; dev: NetDevice; entry: MdbMember };

export class Notifier {
  private listeners: ((event: NetEvent) => void)[] = [];
  private observers: ((event: NetEvent) => void)[] = [];

  /** Listeners are told in the order in which they subscribed. Returns the function that ends it. */
  subscribe(listener: (event: NetEvent) => void): () => void {
    this.listeners.push(listener);
    return () => {
      this.listeners = this.listeners.filter((l) => l !== listener);
    };
  }

  /** rtnetlink listeners (`ip monitor`). Linux tells them of a link's new state before its own subsystems act on it, of its end afterwards. */
  observe(observer: (event: NetEvent) => void): () => void {
    this.observers.push(observer);
    return () => {
      this.observers = this.observers.filter((o) => o !== observer);
    };
  }

  emit(event: NetEvent): void {
    const late = event.type === 'link' && (event.action === 'register' || event.action === 'unregister' || event.carrier === true);
    if (!late) for (const observer of this.observers) observer(event);
    for (const listener of this.listeners) listener(event);
    if (late) for (const observer of this.observers) observer(event);
  }
}
