/** Neighbour tables: link-layer addresses of hosts on the link and how sure we are of them. Models net/core/neighbour.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import type { Family, IpAddr } from '../../wire/addr.ts';
import type { Mac } from '../../wire/mac.ts';
import type { NetDevice } from '../dev/device.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';

export const NUD_INCOMPLETE = 0x01;
export const NUD_REACHABLE = 0x02;
export const NUD_STALE = 0x04;
export const NUD_DELAY = 0x08;
export const NUD_PROBE = 0x10;
export const NUD_FAILED = 0x20;
export const NUD_NOARP = 0x40;
export const NUD_PERMANENT = 0x80;
export const NUD_NONE = 0x00;

export interface Neighbour {
  readonly family: Family;
  readonly ip: IpAddr;
  readonly dev: NetDevice;
  mac: Mac | null;
  /** NUD_* */
  state: number;
  isRouter: boolean;
  externLearn: boolean;
  /** Virtual times, µs, for `ip -s neigh`. */
  used: number;
  confirmed: number;
  updated: number;
  probes: number;
  /** RTPROT_* given by the user, 0 unspecified. */
  protocol: number;
  refcnt: number;
}

export class NeighbourTables {
  readonly ns: Netns;

  constructor(ns: Netns) {
    this.ns = ns;
  }

  /** Sends an IP packet (skb.data whole, skb.proto set) to `nexthop` out of `dev`, resolving its address first. */
  output(_skb: Skb, _dev: NetDevice, _nexthop: IpAddr): void {}

  lookup(_ip: IpAddr, _dev: NetDevice): Neighbour | undefined {
    return undefined;
  }

  list(_family?: Family): Neighbour[] {
    return [];
  }

  /** `ip neigh add|change|replace|append`: `create`/`exclusive`/`replace` as NLM_F_*. */
  add(_dev: NetDevice, _ip: IpAddr, _spec: { mac?: Mac; state: number; router?: boolean; protocol?: number }, _mode: 'add' | 'change' | 'replace'): Result {
    return fail('EOPNOTSUPP');
  }

  del(_dev: NetDevice, _ip: IpAddr): Result {
    return fail('ENOENT');
  }

  /** `ip neigh add proxy IP dev D` */
  addProxy(_dev: NetDevice | null, _ip: IpAddr): Result {
    return ok();
  }
  delProxy(_dev: NetDevice | null, _ip: IpAddr): Result {
    return fail('ENOENT');
  }
  listProxy(): { ip: IpAddr; dev: NetDevice | null; family: Family }[] {
    return [];
  }

  /** The upper layer heard from it (TCP progress, MSG_CONFIRM): confirms a valid entry. */
  confirm(_dev: NetDevice, _ip: IpAddr): void {}

  deviceGone(_dev: NetDevice): void {}
  deviceDown(_dev: NetDevice): void {}
  carrierDown(_dev: NetDevice): void {}
  macChanged(_dev: NetDevice): void {}
}
