/** What /sys tells of a network device. Models net/core/net-sysfs.c */

import { Bridge } from '../net/dev/bridge.ts';
import type { DeviceStats, NetDevice } from '../net/dev/device.ts';
import { IFF_LOOPBACK } from '../net/dev/flags.ts';
import { Tun } from '../net/dev/simple.ts';
import { fail, ok, type Result } from '../sim/errno.ts';
import { formatMac } from '../wire/mac.ts';
import { Directory, type Inode, ProcDir, ProcFile, Symlink } from './inode.ts';
import type { Process } from './process.ts';
import { fixedDir } from './procfs.ts';
import { bridgeDir, portDir } from './sysbridge.ts';
import { provideSysDevice } from './sysroot.ts';

const STATISTICS: Readonly<Record<string, keyof DeviceStats | null>> = {
  collisions: null,
  multicast: 'multicast',
  rx_bytes: 'rxBytes',
  rx_compressed: null,
  rx_crc_errors: null,
  rx_dropped: 'rxDropped',
  rx_errors: 'rxErrors',
  rx_fifo_errors: null,
  rx_frame_errors: null,
  rx_length_errors: null,
  rx_missed_errors: null,
  rx_nohandler: null,
  rx_over_errors: null,
  rx_packets: 'rxPackets',
  tx_aborted_errors: null,
  tx_bytes: 'txBytes',
  tx_carrier_errors: 'txCarrier',
  tx_compressed: null,
  tx_dropped: 'txDropped',
  tx_errors: 'txErrors',
  tx_fifo_errors: null,
  tx_heartbeat_errors: null,
  tx_packets: 'txPackets',
  tx_window_errors: null,
};

/** ARPHRD_* of what is no Ethernet. */
const ARPHRD: Readonly<Record<string, number>> = { none: 65534, netlink: 824, ipip: 768, tunnel6: 769, sit: 776, gre: 778, gre6: 823 };
const ADDR_LENGTHS: Readonly<Record<string, number>> = { none: 0, netlink: 0, ipip: 4, sit: 4, gre: 4, tunnel6: 16, gre6: 16 };
/** Kinds whose uevent names them. */
const DEVTYPES = new Set(['bridge', 'vlan', 'vxlan', 'geneve', 'bond', 'wireguard', 'macvlan']);

function line(value: string | number | (() => string | number)): ProcFile {
  return new ProcFile(() => `${typeof value === 'function' ? value() : value}\n`);
}

/** carrier, speed and duplex say EINVAL while the device is down. */
function whileUp(dev: NetDevice, value: () => string | number): ProcFile {
  return new ProcFile(() => (dev.up ? `${value()}\n` : fail('EINVAL')));
}

/** Others have no get_link_ksettings(). */
function hasSpeed(dev: NetDevice): boolean {
  return dev.kind === 'veth' || dev.kind === 'tun' || dev.kind === 'ether' || dev.kind === 'vlan' || dev.kind === 'macvlan';
}

function deviceDir(dev: NetDevice): Directory {
  const statistics: Record<string, Inode> = {};
  for (const [name, key] of Object.entries(STATISTICS)) statistics[name] = line(() => (key ? dev.stats[key] : 0));
  const iflink = (): number => {
    const peer = (dev as NetDevice & { iflink?: number | (() => number) }).iflink;
    const n = typeof peer === 'function' ? peer.call(dev) : peer;
    return typeof n === 'number' && n > 0 ? n : dev.ifindex;
  };
  const entries: Record<string, Inode> = {
    addr_assign_type: line(() => (dev.flags & IFF_LOOPBACK ? 0 : dev.macAssign === 'set' ? 3 : dev.macAssign === 'random' ? 1 : 2)),
    addr_len: line(() => ADDR_LENGTHS[dev.hardware] ?? 6),
    address: line(() => formatMac(dev.mac)),
    broadcast: line(() => formatMac(dev.broadcast)),
    carrier: new ProcFile(
      () => (dev.up ? `${dev.carrier() ? 1 : 0}\n` : fail('EINVAL')),
      () => fail(dev.up ? 'EOPNOTSUPP' : 'EINVAL'),
    ),
    carrier_changes: line(() => dev.carrierChanges),
    // Devices begin with carrier: the first change is its loss.
    carrier_down_count: line(() => Math.ceil(dev.carrierChanges / 2)),
    carrier_up_count: line(() => Math.floor(dev.carrierChanges / 2)),
    dev_id: line('0x0'),
    dev_port: line(0),
    dormant: line(() => (dev.linkMode === 'dormant' ? 1 : 0)),
    duplex: dev.flags & IFF_LOOPBACK ? new ProcFile(() => fail('EINVAL')) : whileUp(dev, () => (hasSpeed(dev) ? 'full' : 'unknown')),
    flags: new ProcFile(
      () => `0x${(dev.flags & 0xffff).toString(16)}\n`,
      (text) => numeric(text, (n) => dev.changeFlags(n & CHANGEABLE, ~n & CHANGEABLE)),
    ),
    gro_flush_timeout: line(0),
    ifalias: new ProcFile(
      () => (dev.alias === '' ? '' : `${dev.alias}\n`),
      (text) => {
        dev.alias = text.trim();
        return ok();
      },
    ),
    ifindex: line(() => dev.ifindex),
    iflink: line(iflink),
    link_mode: line(() => (dev.linkMode === 'dormant' ? 1 : 0)),
    mtu: new ProcFile(
      () => `${dev.mtu}\n`,
      (text) => numeric(text, (n) => dev.setMtu(n)),
    ),
    name_assign_type: line(dev.flags & IFF_LOOPBACK ? 2 : 3),
    napi_defer_hard_irqs: line(0),
    netdev_group: new ProcFile(
      () => `${dev.group}\n`,
      (text) =>
        numeric(text, (n) => {
          dev.group = n;
          return ok();
        }),
    ),
    operstate: line(() => dev.operstate().toLowerCase()),
    power: new Directory(),
    proto_down: new ProcFile(
      () => `${dev.protoDown ? 1 : 0}\n`,
      () => fail('EOPNOTSUPP'),
    ),
    queues: new ProcDir(
      () => ['rx-0', 'tx-0'],
      (name) => (name === 'rx-0' || name === 'tx-0' ? new Directory() : undefined),
    ),
    speed: hasSpeed(dev) ? whileUp(dev, () => 10000) : new ProcFile(() => fail('EINVAL')),
    statistics: fixedDir(statistics),
    subsystem: new Symlink('../../../../class/net'),
    testing: line(0),
    threaded: line(0),
    tx_queue_len: new ProcFile(
      () => `${dev.txqlen}\n`,
      (text) =>
        numeric(text, (n) => {
          dev.txqlen = n;
          return ok();
        }),
    ),
    type: line(() => (dev.flags & IFF_LOOPBACK ? 772 : (ARPHRD[dev.hardware] ?? 1))),
    uevent: new ProcFile(() => `${DEVTYPES.has(dev.kind) ? `DEVTYPE=${dev.kind}\n` : ''}INTERFACE=${dev.name}\nIFINDEX=${dev.ifindex}\n`),
  };
  const { master } = dev;
  if (master) entries.master = entries[`upper_${master.name}`] = new Symlink(`../${master.name}`);
  for (const upper of dev.uppers) entries[`upper_${upper.name}`] = new Symlink(`../${upper.name}`);
  const lower = dev.ns.deviceByIndex(dev.iflink());
  if (lower?.uppers.has(dev)) entries[`lower_${lower.name}`] = new Symlink(`../${lower.name}`);
  if (master instanceof Bridge) {
    const port = master.port(dev);
    if (port) entries.brport = portDir(port);
  }
  if (dev instanceof Bridge) {
    entries.brif = new ProcDir(
      () => [...dev.ports.values()].map((p) => p.dev.name).sort(),
      (name) => ([...dev.ports.values()].some((p) => p.dev.name === name) ? new Symlink(`../../${name}/brport`) : undefined),
    );
    entries.bridge = bridgeDir(dev);
    entries.brforward = new ProcFile(() => '');
    for (const p of dev.ports.values()) entries[`lower_${p.dev.name}`] = new Symlink(`../${p.dev.name}`);
  }
  if (dev instanceof Tun) {
    const { owner, group } = dev.options;
    entries.tun_flags = line(() => `0x${tunFlags(dev).toString(16)}`);
    entries.owner = line(owner);
    entries.group = line(group);
  }
  return fixedDir(sorted(entries));
}

/** IFF_TUN, IFF_TAP and the rest, with IFF_PERSIST. */
function tunFlags(dev: Tun): number {
  const { type, pi, vnetHdr, multiQueue, oneQueue } = dev.options;
  return (
    0x0800 | (type === 'tun' ? 1 : 2) | (pi ? 0 : 0x1000) | (vnetHdr ? 0x4000 : 0) | (oneQueue ? 0x2000 : 0) | (multiQueue ? 0x0100 : 0)
  );
}

/** IFF_UP, IFF_NOARP, IFF_PROMISC, IFF_ALLMULTI, IFF_MULTICAST */
const CHANGEABLE = 0x1 | 0x80 | 0x100 | 0x200 | 0x1000;

function sorted(entries: Record<string, Inode>): Record<string, Inode> {
  return Object.fromEntries(Object.entries(entries).sort((a, b) => (a[0] < b[0] ? -1 : 1)));
}

function numeric(text: string, set: (n: number) => Result<void>): Result<void> {
  const t = text.trim();
  return /^(0x[0-9a-fA-F]+|\d+)$/.test(t) ? set(Number(t)) : fail('EINVAL');
}

provideSysDevice(deviceDir);
