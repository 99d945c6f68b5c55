/** IGMPv3 membership reports (RFC 3376) for groups that devices themselves join. Models igmp_group_added() of net/ipv4/igmp.c */

import { MS } from '../../sim/sim.ts';
import type { Ip4 } from '../../wire/addr.ts';
import { writeIp4 } from '../../wire/addr.ts';
import { checksum, put16 } from '../../wire/bytes.ts';
import type { NetDevice } from '../dev/device.ts';
import { RT_SCOPE_LINK } from './fib.ts';
import { selectAddr } from './source.ts';

const IPPROTO_IGMP = 2;
const IGMPV3_ALL_MCR: Ip4 = 0xe0000016;
const IGMPV3_HOST_MEMBERSHIP_REPORT = 0x22;
const IGMPV3_CHANGE_TO_INCLUDE = 3;
const IGMPV3_CHANGE_TO_EXCLUDE = 4;
/** Router alert (RFC 2113). */
const ROUTER_ALERT = Uint8Array.of(0x94, 4, 0, 0);
const IPTOS_PREC_INTERNETCONTROL = 0xc0;
/** The first report goes out two to three jiffies after the join. */
const FIRST = 10 * MS;

function report(group: Ip4, change: number): Uint8Array {
  const b = new Uint8Array(16);
  b[0] = IGMPV3_HOST_MEMBERSHIP_REPORT;
  put16(b, 6, 1);
  b[8] = change;
  writeIp4(b, 12, group);
  put16(b, 2, checksum(b));
  return b;
}

function send(dev: NetDevice, group: Ip4, change: number): void {
  if (!dev.registered || !dev.up || !dev.ns.alive) return;
  dev.ns.ip4.output({
    src: (selectAddr(dev, 0, RT_SCOPE_LINK) as Ip4 | null) ?? 0,
    dst: IGMPV3_ALL_MCR,
    proto: IPPROTO_IGMP,
    payload: report(group, change),
    ttl: 1,
    tos: IPTOS_PREC_INTERNETCONTROL,
    df: true,
    options: ROUTER_ALERT,
    oif: dev,
  });
}

/** Twice (igmp_qrv), the second time within the unsolicited report interval. */
function announce(dev: NetDevice, group: Ip4, change: number): void {
  const { sim } = dev;
  sim.schedule(FIRST, () => {
    send(dev, group, change);
    const interval = dev.ns.sysctl.conf4(dev, 'igmpv3_unsolicited_report_interval') * MS;
    sim.schedule(sim.rng('igmp').below(Math.max(1, interval)), () => send(dev, group, change));
  });
}

/** A device joined a group, and says so. */
export function igmpJoined(dev: NetDevice, group: Ip4): void {
  announce(dev, group, IGMPV3_CHANGE_TO_EXCLUDE);
}

/** It left the group: no source is wanted any more. */
export function igmpLeft(dev: NetDevice, group: Ip4): void {
  announce(dev, group, IGMPV3_CHANGE_TO_INCLUDE);
}
