/** VLANs of bridges and ports through rtnetlink (IFLA_BRIDGE_VLAN_INFO). Models br_afspec(), br_process_vlan_info() of net/bridge/br_netlink.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { Bridge, type BridgePort } from '../dev/bridge.ts';
import type { NetDevice } from '../dev/device.ts';
import type { Netns } from '../netns.ts';

export interface VlanMsg {
  readonly vid: number;
  readonly pvid: boolean;
  readonly untagged: boolean;
  readonly tunnel: number | null;
}

export interface VlanRange {
  /** From and to, both included. */
  readonly from: number;
  readonly to: number;
  readonly pvid: boolean;
  readonly untagged: boolean;
  /** First id of a VXLAN that the VLANs map to. */
  readonly tunnel: number | null;
  readonly self: boolean;
  readonly master: boolean;
}

function target(dev: NetDevice): { br: Bridge; port: BridgePort | null } | null {
  if (dev.master instanceof Bridge) return { br: dev.master, port: dev.master.port(dev) ?? null };
  return dev instanceof Bridge ? { br: dev, port: null } : null;
}

/** The VLANs of a bridge or port; null for other devices and where the kernel has no VLAN filtering. */
export function vlansOf(dev: NetDevice): VlanMsg[] | null {
  const t = target(dev);
  if (!t || !dev.ns.kernel.profile.bridgeVlanFiltering) return null;
  const group = (t.port ?? t.br).vlanGroup;
  return group.list().map((vid) => {
    const e = group.vids.get(vid);
    return { vid, pvid: group.pvid === vid, untagged: e?.untagged ?? false, tunnel: e?.tunnel ?? null };
  });
}

/** Devices that have VLANs, in order of index. */
export function vlanDevices(ns: Netns): NetDevice[] {
  return [...ns.devices.values()].filter((dev) => vlansOf(dev) !== null);
}

/** RTM_SETLINK and RTM_DELLINK of AF_BRIDGE. */
export function changeVlans(dev: NetDevice, add: boolean, r: VlanRange): Result {
  const t = target(dev);
  if (!t || !dev.ns.kernel.profile.bridgeVlanFiltering) return fail('EOPNOTSUPP');
  // A bridge is configured with `self`, a port with `master` or nothing.
  if (t.port === null ? !r.self : r.self && !r.master) return fail('EOPNOTSUPP');
  if (r.from < 1 || r.from >= 4095 || r.to >= 4095) return fail('EINVAL');
  if (r.tunnel !== null) return changeTunnels(t.port, add, r);
  for (let vid = r.from; vid <= r.to; vid++) {
    if (add) t.br.addVlan(t.port, vid, r.pvid, r.untagged);
    else t.br.delVlan(t.port, vid);
  }
  return ok();
}

/** vlan_tunnel must be on at the port, and the VLAN must be there. */
function changeTunnels(port: BridgePort | null, add: boolean, r: VlanRange): Result {
  if (!port?.vlanTunnel) return fail('EINVAL');
  for (let vid = r.from; vid <= r.to; vid++) {
    const e = port.vlanGroup.vids.get(vid);
    if (!e) return fail('EINVAL');
    e.tunnel = add ? (r.tunnel as number) + vid - r.from : null;
  }
  return ok();
}
