/** The table of link kinds. */

import { Bond } from './bond.ts';
import { Bridge } from './bridge.ts';
import type { DeviceKind } from './device.ts';
import { Dummy } from './dummy.ts';
import { Ether } from './ether.ts';
import { Geneve } from './geneve.ts';
import { Ip6Tunnel } from './ip6tunnel.ts';
import { IpTunnel } from './iptunnel.ts';
import { Ipvlan } from './ipvlan.ts';
import { Loopback } from './loopback.ts';
import { Macvlan } from './macvlan.ts';
import { Ifb, Nlmon, Tun, Wireguard } from './simple.ts';
import { Veth } from './veth.ts';
import { Vlan } from './vlan.ts';
import { Vrf } from './vrf.ts';
import { Vxlan } from './vxlan.ts';

export const linkKinds = {
  loopback: Loopback,
  ether: Ether,
  veth: Veth,
  bridge: Bridge,
  vxlan: Vxlan,
  geneve: Geneve,
  macvlan: Macvlan,
  macvtap: Macvlan,
  ipvlan: Ipvlan,
  dummy: Dummy,
  ifb: Ifb,
  nlmon: Nlmon,
  vlan: Vlan,
  vrf: Vrf,
  bond: Bond,
  tun: Tun,
  wireguard: Wireguard,
  ipip: IpTunnel,
  sit: IpTunnel,
  gre: IpTunnel,
  gretap: IpTunnel,
  ip6tnl: Ip6Tunnel,
  ip6gre: Ip6Tunnel,
  ip6gretap: Ip6Tunnel,
} as const satisfies Partial<Record<DeviceKind, unknown>>;
