/** /sys/class/net of the reader's namespace. Models net/core/net-sysfs.c and net/bridge/br_sysfs_if.c */

import { Bridge } from '../net/dev/bridge.ts';
import type { BridgePort } from '../net/dev/brport.ts';
import type { DeviceStats, NetDevice } from '../net/dev/device.ts';
import { IFF_LOOPBACK } from '../net/dev/flags.ts';
import { fail, ok, type Result } from '../sim/errno.ts';
import { formatMac } from '../wire/mac.ts';
import { Directory, type Inode, ProcDir, ProcFile, Symlink } from './inode.ts';
import type { Process } from './process.ts';
import { fixedDir } from './procfs.ts';

export function sysRoot(): Directory {
  const net = new ProcDir(
    (p) => names(p),
    (name, p) => (p.ns.device(name)?.name === name ? new Symlink(`../../devices/virtual/net/${name}`) : undefined),
  );
  const devices = new ProcDir(
    (p) => names(p),
    (name, p) => {
      const dev = p.ns.device(name);
      return dev && dev.name === name ? deviceDir(dev) : undefined;
    },
  );
  return fixedDir({
    class: fixedDir({ net }),
    devices: fixedDir({ virtual: fixedDir({ net: devices }) }),
    fs: fixedDir({ cgroup: new Directory() }),
    kernel: new Directory(),
    module: fixedDir({ br_netfilter: new Directory() }),
  });
}

function names(p: Process): string[] {
  return [...p.ns.devices.values()].map((d) => d.name).sort();
}

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

function line(value: string | number | (() => string | number)): ProcFile {
  return new ProcFile(() => `${typeof value === 'function' ? value() : value}\n`);
}

/** carrier, speed and duplex say EINVAL while the device is down. */
function whileUp(dev: NetDevice, value: () => string | number): ProcFile {
  return new ProcFile(() => (dev.up ? `${value()}\n` : fail('EINVAL')));
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
    addr_assign_type: line(() => (dev.macAssign === 'set' ? 3 : dev.macAssign === 'random' ? 1 : 2)),
    addr_len: line(6),
    address: line(() => formatMac(dev.mac)),
    broadcast: line(() => formatMac(dev.broadcast)),
    carrier: whileUp(dev, () => (dev.carrier() ? 1 : 0)),
    carrier_changes: line(() => dev.carrierChanges),
    dev_id: line('0x0'),
    dormant: line(0),
    flags: line(() => `0x${(dev.flags & 0xffff).toString(16)}`),
    ifalias: new ProcFile(
      () => (dev.alias === '' ? '' : `${dev.alias}\n`),
      (text) => {
        dev.alias = text.trim();
        return ok();
      },
    ),
    ifindex: line(() => dev.ifindex),
    iflink: line(iflink),
    link_mode: line(0),
    mtu: new ProcFile(
      () => `${dev.mtu}\n`,
      (text) => numeric(text, (n) => dev.setMtu(n)),
    ),
    netdev_group: line(() => dev.group),
    operstate: line(() => dev.operstate().toLowerCase()),
    speed: whileUp(dev, () => 10000),
    statistics: fixedDir(statistics),
    tx_queue_len: line(() => dev.txqlen),
    type: line(() => (dev.flags & IFF_LOOPBACK ? 772 : 1)),
    uevent: new ProcFile(() => `INTERFACE=${dev.name}\nIFINDEX=${dev.ifindex}\n`),
  };
  const { master } = dev;
  if (master) entries.master = new Symlink(`../${master.name}`);
  if (master instanceof Bridge) {
    const port = master.port(dev);
    if (port) entries.brport = portDir(port);
  }
  if (dev instanceof Bridge) {
    entries.brif = new ProcDir(
      () => [...dev.ports.values()].map((p) => p.dev.name).sort(),
      (name) => ([...dev.ports.values()].some((p) => p.dev.name === name) ? new Symlink(`../../${name}/brport`) : undefined),
    );
    entries.bridge = fixedDir({ bridge_id: line(() => `8000.${formatMac(dev.mac).replace(/:/g, '')}`) });
  }
  return fixedDir(sorted(entries));
}

function sorted(entries: Record<string, Inode>): Record<string, Inode> {
  return Object.fromEntries(Object.entries(entries).sort((a, b) => (a[0] < b[0] ? -1 : 1)));
}

function numeric(text: string, set: (n: number) => Result<void>): Result<void> {
  const t = text.trim();
  return /^(0x[0-9a-fA-F]+|\d+)$/.test(t) ? set(Number(t)) : fail('EINVAL');
}

type Flag = { [K in keyof BridgePort]: BridgePort[K] extends boolean ? K : never }[keyof BridgePort];

const PORT_FLAGS: Readonly<Record<string, Flag>> = {
  bpdu_guard: 'guard',
  broadcast_flood: 'bcastFlood',
  hairpin_mode: 'hairpin',
  isolated: 'isolated',
  learning: 'learning',
  multicast_fast_leave: 'fastLeave',
  multicast_flood: 'mcastFlood',
  multicast_to_unicast: 'mcastToUnicast',
  neigh_suppress: 'neighSuppress',
  proxyarp: 'proxyArp',
  proxyarp_wifi: 'proxyArpWifi',
  root_block: 'rootBlock',
  unicast_flood: 'flood',
};

function portDir(port: BridgePort): Directory {
  const entries: Record<string, Inode> = {
    bridge: new Symlink(() => `../../${port.bridge.name}`),
    path_cost: line(() => port.cost),
    port_no: line(() => `0x${port.number.toString(16)}`),
    priority: line(() => port.priority),
    state: line(() => ['disabled', 'listening', 'learning', 'forwarding', 'blocking'].indexOf(port.state)),
  };
  for (const [name, key] of Object.entries(PORT_FLAGS)) {
    entries[name] = new ProcFile(
      () => `${port[key] ? 1 : 0}\n`,
      (text) =>
        numeric(text, (n) => {
          (port[key] as boolean) = n !== 0;
          return ok();
        }),
    );
  }
  return fixedDir(sorted(entries));
}
