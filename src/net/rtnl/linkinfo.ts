/** Kind-specific link attributes (IFLA_INFO_DATA, IFLA_INFO_SLAVE_DATA): what a device reports and what may be changed. */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { isMulticastMac, type Mac } from '../../wire/mac.ts';
import { Bridge } from '../dev/bridge.ts';
import type { NetDevice } from '../dev/device.ts';
import { Macvlan, type MacvlanKind, type MacvlanMode } from '../dev/macvlan.ts';
import { Vlan } from '../dev/vlan.ts';
import { Vxlan } from '../dev/vxlan.ts';
import { type BridgeData, bridgeData, changeBridge } from './bridgeinfo.ts';
import { changeKind, type KindData, kindData } from './kinds.ts';
import { changeVxlan, type VxlanData, vxlanData } from './vxlaninfo.ts';

export { type BridgeData, changePort, type PortChange, type PortData, portData } from './bridgeinfo.ts';
export { VXLAN_DEFAULTS, type VxlanData, type VxlanOptions } from './vxlaninfo.ts';

export interface MacvlanData {
  readonly kind: MacvlanKind;
  mode?: MacvlanMode;
  noPromisc?: boolean;
  noDst?: boolean;
  bcQueueLen?: number;
  /** Reported only. */
  usedBcQueueLen?: number;
  /** What a change does with the senders that source mode listens to. */
  macMode?: 'add' | 'del' | 'set' | 'flush';
  macs?: Mac[];
}

export interface VlanData {
  readonly kind: 'vlan';
  id?: number;
  protocol?: number;
  reorderHeader?: boolean;
  looseBinding?: boolean;
  gvrp?: boolean;
  mvrp?: boolean;
  bridgeBinding?: boolean;
  /** Pairs of from and to. */
  ingressQos?: readonly (readonly [number, number])[];
  egressQos?: readonly (readonly [number, number])[];
}

export type LinkData = BridgeData | VxlanData | MacvlanData | VlanData | KindData;

export function linkData(dev: NetDevice): LinkData | null {
  if (dev instanceof Bridge) return bridgeData(dev);
  if (dev instanceof Vxlan) return vxlanData(dev);
  if (dev instanceof Macvlan) {
    const { kind, mode, noPromisc, noDst, bcQueueLen, usedBcQueueLen } = dev;
    return { kind, mode, noPromisc, noDst, bcQueueLen, usedBcQueueLen, ...(mode === 'source' ? { macs: [...dev.sources] } : {}) };
  }
  if (dev instanceof Vlan) {
    const { vid: id, protocol, reorderHeader, looseBinding, gvrp, mvrp, bridgeBinding } = dev;
    const pairs = (map: ReadonlyMap<number, number>): [number, number][] =>
      [...map].filter(([, to]) => to !== 0).sort((x, y) => x[0] - y[0]);
    const [ingressQos, egressQos] = [pairs(dev.ingressQos), pairs(dev.egressQos)];
    return { kind: 'vlan', id, protocol, reorderHeader, looseBinding, gvrp, mvrp, bridgeBinding, ingressQos, egressQos };
  }
  return kindData(dev);
}

/** rtnl_link_ops->changelink. */
export function changeData(dev: NetDevice, data: LinkData): Result {
  if (dev.kind !== data.kind) return fail('EOPNOTSUPP');
  if (dev instanceof Bridge && data.kind === 'bridge') return changeBridge(dev, data);
  if (dev instanceof Macvlan && (data.kind === 'macvlan' || data.kind === 'macvtap')) return changeMacvlan(dev, data);
  if (dev instanceof Vxlan && data.kind === 'vxlan') return changeVxlan(dev, data);
  if (dev instanceof Vlan && data.kind === 'vlan') return changeVlan(dev, data);
  return changeKind(dev, data) ?? fail('EOPNOTSUPP');
}

/** vlan_changelink() knows flags and QoS maps only: another id is silently ignored. */
export function changeVlan(dev: Vlan, d: VlanData): Result {
  for (const flag of ['reorderHeader', 'looseBinding', 'gvrp', 'mvrp', 'bridgeBinding'] as const) dev[flag] = d[flag] ?? dev[flag];
  // Tags know eight priorities.
  if (d.egressQos?.some(([, to]) => to > 7)) return fail('EINVAL');
  for (const [from, to] of d.ingressQos ?? []) dev.ingressQos.set(from & 7, to);
  for (const [from, to] of d.egressQos ?? []) dev.egressQos.set(from, to);
  return ok();
}

/** Models macvlan_changelink() */
export function changeMacvlan(dev: Macvlan, d: MacvlanData): Result {
  if (d.mode !== undefined && (d.mode === 'passthru') !== (dev.mode === 'passthru')) return fail('EINVAL');
  if (d.noPromisc !== undefined || d.noDst !== undefined) {
    dev.setNoPromisc(d.noPromisc ?? false);
    dev.noDst = d.noDst ?? false;
  }
  if (d.bcQueueLen !== undefined) dev.bcQueueLen = d.bcQueueLen;
  if (d.mode !== undefined) dev.setMode(d.mode);
  if (d.macMode === undefined) return ok();
  if (dev.mode !== 'source') return fail('EINVAL');
  const macs = d.macs ?? [];
  if (macs.some((mac) => mac === 0 || isMulticastMac(mac))) return fail('EADDRNOTAVAIL');
  if (d.macMode === 'flush' || d.macMode === 'set') dev.sources.clear();
  for (const mac of macs) {
    if (d.macMode === 'del') dev.sources.delete(mac);
    else dev.sources.add(mac);
  }
  return ok();
}
