/** Multicast groups of devices, as /proc/net/igmp and igmp6 list them. Models net/ipv4/igmp.c, net/ipv6/mcast.c */

import { formatIp } from '../../wire/addr.ts';
import { formatMac } from '../../wire/mac.ts';
import type { NetDevice } from '../dev/device.ts';

export interface Groups {
  link: string[];
  inet: string[];
  inet6: string[];
  /** How often an address is joined when that is not once: addresses with the same end share a group. */
  users: ReadonlyMap<string, number>;
}

/** Group memberships of a device: what its state and addresses imply (all hosts, solicited-node). */
export function groups(dev: NetDevice): Groups {
  const users = new Map<string, number>();
  const inet = dev.up && (dev.kind !== 'loopback' || dev.addrs4.length > 0) ? ['224.0.0.1'] : [];
  inet.unshift(...dev.groups.filter((g) => typeof g === 'number').map(formatIp));
  const inet6: string[] = dev.groups.filter((g) => typeof g === 'bigint').map(formatIp);
  if (dev.ns.sysctl.conf6(dev, 'disable_ipv6') === 0) {
    for (const a of dev.kind === 'loopback' ? [] : dev.addrs6) {
      const low = Number((a.local as bigint) & 0xffffffn)
        .toString(16)
        .padStart(6, '0');
      const group = `ff02::1:ff${low.slice(0, 2)}:${Number.parseInt(low.slice(2), 16).toString(16)}`;
      users.set(group, (users.get(group) ?? 0) + 1);
      if (!inet6.includes(group)) inet6.unshift(group);
    }
  }
  if (dev.up && dev.kind === 'bridge') {
    inet.push('224.0.0.106');
    inet6.push('ff02::6a');
  }
  inet6.push('ff02::1', 'ff01::1');
  return { link: dev.mc.list().map(formatMac), inet, inet6, users };
}
