/** Offload features of a device as ethtool sees and sets them. Models net/core/dev.c netdev_fix_features() */

import type { NetDevice } from '../dev/device.ts';

const changed = new WeakMap<NetDevice, Map<string, boolean>>();

/** `initial` is the driver's state of the feature; what was set since wins. */
export function feature(dev: NetDevice, name: string, initial: boolean): boolean {
  return changed.get(dev)?.get(name) ?? initial;
}

export function setFeature(dev: NetDevice, name: string, on: boolean): void {
  const map = changed.get(dev) ?? new Map<string, boolean>();
  map.set(name, on);
  changed.set(dev, map);
  if (name === 'tx-checksum-ip-generic') dev.noTxChecksum = !on;
}
