/** Kind-specific link attributes (IFLA_INFO_DATA, IFLA_INFO_SLAVE_DATA): what a device reports and what may be changed. */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { Bridge } from '../dev/bridge.ts';
import type { NetDevice } from '../dev/device.ts';
import { Vlan } from '../dev/vlan.ts';
import { Vxlan } from '../dev/vxlan.ts';
import { type BridgeData, bridgeData, changeBridge } from './bridgeinfo.ts';
import type { KindData } from './kinds.ts';
import { lateKinds } from './latekinds.ts';
import { changeVxlan, type VxlanData, vxlanData } from './vxlaninfo.ts';

export { type BridgeData, changePort, type PortChange, type PortData, portData } from './bridgeinfo.ts';
export { VXLAN_DEFAULTS, type VxlanData, type VxlanOptions } from './vxlaninfo.ts';

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

export type LinkData = BridgeData | VxlanData | VlanData | KindData;

export function linkData(dev: NetDevice): LinkData | null {
  if (dev instanceof Bridge) return bridgeData(dev);
  if (dev instanceof Vxlan) return vxlanData(dev);
  if (dev instanceof Vlan) {
    const { vid: id, protocol, reorderHeader, looseBinding, gvrp, mvrp, bridgeBinding } = dev;
    const pairs = (map: ReadonlyMap<number, number>): [number, number][] =>
      [...map].filter(([, to]) => to !== 0).sort((x, y) => x[0] - y[0]);
    const [ingressQos, egressQos] = [pairs(dev.ingressQos), pairs(dev.egressQos)];
    return { kind: 'vlan', id, protocol, reorderHeader, looseBinding, gvrp, mvrp, bridgeBinding, ingressQos, egressQos };
  }
  return lateKinds()?.kindData(dev) ?? null;
}

/** rtnl_link_ops->changelink. */
export function changeData(dev: NetDevice, data: LinkData): Result {
  if (dev.kind !== data.kind) return fail('EOPNOTSUPP');
  if (dev instanceof Bridge && data.kind === 'bridge') return changeBridge(dev, data);
  if (dev instanceof Vxlan && data.kind === 'vxlan') return changeVxlan(dev, data);
  if (dev instanceof Vlan && data.kind === 'vlan') return changeVlan(dev, data);
  return lateKinds()?.changeKind(dev, data) ?? fail('EOPNOTSUPP');
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
