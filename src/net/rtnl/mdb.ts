/** Multicast groups of bridges through rtnetlink (RTM_NEWMDB, RTM_DELMDB, RTM_GETMDB). Models net/core/rtnetlink.c and net/bridge/br_mdb.c */

import { fail, type Result } from '../../sim/errno.ts';
import { type IpAddr, isMulticast } from '../../wire/addr.ts';
import { isMulticastMac, type Mac } from '../../wire/mac.ts';
import { Bridge, type MdbGroup, type MdbMember } from '../dev/bridge.ts';
import type { NetDevice } from '../dev/device.ts';
import type { Netns } from '../netns.ts';

export interface MdbMsg {
  readonly bridge: NetDevice;
  /** The bridge itself for a group that the host has joined. */
  readonly port: NetDevice;
  readonly ip: IpAddr | null;
  readonly mac: Mac;
  readonly src: IpAddr | null;
  readonly vid: number;
  readonly permanent: boolean;
  /** Seconds left of a temporary one. */
  readonly timer: number;
  readonly fastLeave: boolean;
  /** RTPROT_KERNEL: from a report. */
  readonly learned: boolean;
}

export interface MdbRequest {
  readonly ip: IpAddr | null;
  readonly mac: Mac;
  readonly src: IpAddr | null;
  readonly vid: number;
  readonly permanent: boolean;
}

export function mdbMsg(br: NetDevice, m: MdbMember): MdbMsg {
  const { group } = m;
  return {
    bridge: br,
    port: m.port?.dev ?? br,
    ip: group.ip,
    mac: group.mac,
    src: group.src,
    vid: group.vid,
    permanent: m.permanent,
    learned: m.learned,
    timer: m.permanent ? 0 : (m.expires - br.sim.now) / 1e6,
    fastLeave: m.port?.fastLeave ?? false,
  };
}

export function dumpMdb(ns: Netns): MdbMsg[] {
  const out: MdbMsg[] = [];
  for (const dev of ns.devices.values()) if (dev instanceof Bridge) for (const m of dev.mdb.list()) out.push(mdbMsg(dev, m));
  return out;
}

/** Ports with a permanent multicast router. */
export function routerPorts(ns: Netns): { bridge: NetDevice; ports: NetDevice[] }[] {
  const out: { bridge: NetDevice; ports: NetDevice[] }[] = [];
  for (const dev of ns.devices.values()) {
    if (!(dev instanceof Bridge)) continue;
    const ports = [...dev.ports.values()].filter((p) => p.mcastRouter === 2 && p.state !== 'disabled').map((p) => p.dev);
    if (ports.length > 0) out.push({ bridge: dev, ports });
  }
  return out;
}

/** rtnl_validate_mdb_entry() */
function validate(r: MdbRequest): Result<MdbGroup> {
  if (typeof r.ip === 'number') {
    if (!isMulticast(r.ip) && r.ip !== 0) return fail('EINVAL', 'IPv4 entry group address is not multicast or 0.0.0.0');
    if (r.ip >>> 8 === 0xe00000) return fail('EINVAL', 'IPv4 entry group address is local multicast');
  } else if (typeof r.ip === 'bigint') {
    if (r.ip === (0xff02n << 112n) + 1n) return fail('EINVAL', 'IPv6 entry group address is link-local all nodes');
  } else if (!isMulticastMac(r.mac)) return fail('EINVAL', 'L2 entry group is not multicast');
  if (r.vid >= 4095) return fail('EINVAL', 'Invalid entry VLAN id');
  return { ok: true, value: { ip: r.ip, mac: r.ip === null ? r.mac : 0, src: r.src, vid: r.vid } };
}

export function addMdb(dev: NetDevice, port: NetDevice, r: MdbRequest): Result {
  const group = validate(r);
  if (!group.ok) return group;
  if (!(dev instanceof Bridge)) return fail('EOPNOTSUPP', 'Device does not support MDB operations');
  if (port !== dev && port.master !== dev)
    return fail(
      'EINVAL',
      `bridge: ${port.master instanceof Bridge ? 'Port belongs to a different bridge device' : 'Net device is not a bridge port'}`,
    );
  if (!dev.up) return fail('EINVAL', 'bridge: Bridge device is not running');
  if (!dev.mcast.snooping) return fail('EINVAL', "bridge: Bridge's multicast processing is disabled");
  const member = port === dev ? null : (dev.port(port) ?? null);
  if (member === null && r.permanent && r.ip !== null) return fail('EINVAL', 'bridge: Flags are not allowed for host groups');
  if (member && member.state === 'disabled' && !r.permanent)
    return fail('EINVAL', 'bridge: Port is in disabled state and entry is not permanent');
  if (r.ip === null && !r.permanent) return fail('EINVAL', 'bridge: Only permanent L2 entries allowed');
  const done = dev.mdb.add(group.value, member, r.permanent);
  if (done.ok || done.errno !== 'EEXIST') return done;
  if (member === null) return fail('EEXIST', 'bridge: Group is already joined by host');
  const what = r.src !== null ? '(S, G)' : r.ip === null ? '(S, G)' : '(*, G)';
  return fail('EEXIST', `bridge: ${what} group is already joined by port`);
}

export function delMdb(dev: NetDevice, port: NetDevice, r: MdbRequest): Result {
  const group = validate(r);
  if (!group.ok) return group;
  if (!(dev instanceof Bridge)) return fail('EOPNOTSUPP', 'Device does not support MDB operations');
  const member = port === dev ? null : (dev.port(port) ?? null);
  return dev.mdb.del(group.value, member) ? { ok: true, value: undefined } : fail('EINVAL');
}
