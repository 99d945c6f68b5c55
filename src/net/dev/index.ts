/** The table of link kinds. */

import { Bridge } from './bridge.ts';
import type { DeviceKind } from './device.ts';
import { Dummy } from './dummy.ts';
import { Ether } from './ether.ts';
import { Loopback } from './loopback.ts';
import { Macvlan } from './macvlan.ts';
import { Veth } from './veth.ts';
import { Vlan } from './vlan.ts';
import { Vxlan } from './vxlan.ts';

export const linkKinds = {
  loopback: Loopback,
  veth: Veth,
  bridge: Bridge,
  vxlan: Vxlan,
  macvlan: Macvlan,
  dummy: Dummy,
  vlan: Vlan,
  ether: Ether,
} as const satisfies Partial<Record<DeviceKind, unknown>>;
