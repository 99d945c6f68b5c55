/** /sys/class/net/BRIDGE/bridge and /sys/class/net/PORT/brport. Models net/bridge/br_sysfs_br.c, br_sysfs_if.c */

import type { Bridge } from '../net/dev/bridge.ts';
import type { BridgePort } from '../net/dev/brport.ts';
import { type BridgeData, bridgeData, changeBridge, changePort, type PortChange, type PortData, portData } from '../net/rtnl/bridgeinfo.ts';
import { fail, ok, type Result } from '../sim/errno.ts';
import { formatMac, parseMac } from '../wire/mac.ts';
import { type Directory, type Inode, ProcFile, Symlink } from './inode.ts';
import { fixedDir } from './procfs.ts';

/** Hundredths of a second, as clock_t tells them. */
const HZ = 100;
const US_PER_TICK = 10_000;

type Numbered = Readonly<{ priority: number; mac: number }>;

function idText(id: Numbered): string {
  return `${id.priority.toString(16).padStart(4, '0')}.${formatMac(id.mac).replaceAll(':', '')}`;
}

function numeric(text: string, set: (n: number) => Result): Result {
  const t = text.trim();
  return /^(0x[0-9a-fA-F]+|\d+)$/.test(t) ? set(Number(t)) : fail('EINVAL');
}

function shown(value: () => string | number): ProcFile {
  return new ProcFile(() => `${value()}\n`);
}

function settable(value: () => string | number, set: (n: number) => Result): ProcFile {
  return new ProcFile(
    () => `${value()}\n`,
    (text) => numeric(text, set),
  );
}

/** Can only be written. */
function trigger(run: () => Result): ProcFile {
  const file = new ProcFile(
    () => fail('EACCES'),
    (text) => numeric(text, run),
  );
  file.mode = 0o200;
  return file;
}

function sorted(entries: Record<string, Inode>): Directory {
  return fixedDir(Object.fromEntries(Object.entries(entries).sort((a, b) => (a[0] < b[0] ? -1 : 1))));
}

function hex(n: number): string {
  return `0x${n.toString(16)}`;
}

export function bridgeDir(br: Bridge): Directory {
  const data = (): BridgeData => bridgeData(br);
  const tree = (): NonNullable<BridgeData['tree']> => data().tree as NonNullable<BridgeData['tree']>;
  const change = (d: Omit<BridgeData, 'kind'>): Result => changeBridge(br, { kind: 'bridge', ...d });
  const seconds = (name: 'forwardDelay' | 'helloTime' | 'maxAge' | 'ageingTime'): ProcFile =>
    settable(
      () => Math.round((data()[name] ?? 0) * HZ),
      (n) => change({ [name]: n / HZ }),
    );
  const flag = (name: 'stp' | 'mcastSnooping' | 'nfCallIptables' | 'nfCallIp6tables' | 'nfCallArptables' | 'noLinklocalLearn'): ProcFile =>
    settable(
      () => (data()[name] ? 1 : 0),
      (n) => change({ [name]: n !== 0 }),
    );
  type Mcast = NonNullable<BridgeData['mcast']>;
  const mcast = (name: keyof Mcast): ProcFile =>
    settable(
      () => Number(data().mcast?.[name] ?? 0),
      (n) => change({ mcast: { [name]: typeof br.mcast[name] === 'boolean' ? n !== 0 : n } }),
    );
  const interval = (name: keyof Mcast): ProcFile =>
    settable(
      () => Math.round(Number(data().mcast?.[name] ?? 0) / US_PER_TICK),
      (n) => change({ mcast: { [name]: n * US_PER_TICK } }),
    );
  const timer = (left: () => number | undefined): ProcFile => shown(() => Math.round((left() ?? 0) * HZ));
  return sorted({
    ageing_time: seconds('ageingTime'),
    bridge_id: shown(() => idText({ priority: br.priority, mac: br.idMac })),
    flush: trigger(() => change({ fdbFlush: true })),
    forward_delay: seconds('forwardDelay'),
    gc_timer: timer(() => data().gcTimer),
    group_addr: new ProcFile(
      () => `${formatMac(br.groupAddress)}\n`,
      (text) => {
        const mac = parseMac(text.trim());
        return mac === null ? fail('EINVAL') : change({ groupAddress: mac });
      },
    ),
    group_fwd_mask: settable(
      () => hex(br.groupFwdMask),
      (n) => change({ groupFwdMask: n }),
    ),
    hash_elasticity: settable(
      () => 16,
      () => ok(),
    ),
    hash_max: mcast('hashMax'),
    hello_time: seconds('helloTime'),
    hello_timer: timer(() => tree().helloTimer),
    max_age: seconds('maxAge'),
    multicast_igmp_version: mcast('igmpVersion'),
    multicast_last_member_count: mcast('lastMemberCount'),
    multicast_last_member_interval: interval('lastMemberInterval'),
    multicast_membership_interval: interval('membershipInterval'),
    multicast_mld_version: mcast('mldVersion'),
    multicast_querier: mcast('querier'),
    multicast_querier_interval: interval('querierInterval'),
    multicast_query_interval: interval('queryInterval'),
    multicast_query_response_interval: interval('queryResponseInterval'),
    multicast_query_use_ifaddr: mcast('queryUseIfaddr'),
    multicast_router: mcast('router'),
    multicast_snooping: flag('mcastSnooping'),
    multicast_startup_query_count: mcast('startupQueryCount'),
    multicast_startup_query_interval: interval('startupQueryInterval'),
    multicast_stats_enabled: mcast('statsEnabled'),
    nf_call_arptables: flag('nfCallArptables'),
    nf_call_ip6tables: flag('nfCallIp6tables'),
    nf_call_iptables: flag('nfCallIptables'),
    no_linklocal_learn: flag('noLinklocalLearn'),
    priority: settable(
      () => br.priority,
      (n) => change({ priority: n & 0xffff }),
    ),
    root_id: shown(() => idText(br.stp.root)),
    root_path_cost: shown(() => br.stp.rootPathCost),
    root_port: shown(() => br.stp.rootPort),
    stp_state: flag('stp'),
    tcn_timer: timer(() => tree().tcnTimer),
    topology_change: shown(() => (br.stp.topologyChange ? 1 : 0)),
    topology_change_detected: shown(() => (br.stp.topologyChangeDetected ? 1 : 0)),
    topology_change_timer: timer(() => tree().topologyChangeTimer),
    ...(br.ns.kernel.profile.bridgeVlanFiltering
      ? {
          default_pvid: settable(
            () => br.defaultPvid,
            (n) => (br.vlanFiltering && n !== br.defaultPvid ? fail('EPERM') : change({ defaultPvid: n })),
          ),
          vlan_filtering: settable(
            () => (br.vlanFiltering ? 1 : 0),
            (n) => change({ vlanFiltering: n !== 0 }),
          ),
          vlan_protocol: settable(
            () => hex(br.vlanProtocol),
            (n) => change({ vlanProtocol: n }),
          ),
          vlan_stats_enabled: settable(
            () => br.vlanStats,
            (n) => change({ vlanStats: n }),
          ),
          vlan_stats_per_port: settable(
            () => br.vlanStatsPerPort,
            (n) => change({ vlanStatsPerPort: n }),
          ),
        }
      : {}),
  });
}

type Flag = { [K in keyof PortData]: PortData[K] extends boolean ? K : never }[keyof PortData] & keyof PortChange;

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

const STATES = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'];

export function portDir(port: BridgePort): Directory {
  const { dev } = port;
  const data = (): PortData => portData(dev) as PortData;
  const change = (c: PortChange): Result => changePort(dev, c);
  const timer = (left: () => number): ProcFile => shown(() => Math.round(left() * HZ));
  const entries: Record<string, Inode> = {
    backup_port: new ProcFile(
      () => (port.backup ? `${port.backup.name}\n` : '\n'),
      (text) => {
        const name = text.trim();
        const backup = name === '' ? null : port.bridge.ns.device(name);
        return backup === undefined ? fail('ENOENT') : change({ backup });
      },
    ),
    bridge: new Symlink(() => `../../${port.bridge.name}`),
    change_ack: shown(() => (data().topologyChangeAck ? 1 : 0)),
    config_pending: shown(() => (data().configPending ? 1 : 0)),
    designated_bridge: shown(() => idText(data().designatedBridge)),
    designated_cost: shown(() => data().designatedCost),
    designated_port: shown(() => data().designatedPort),
    designated_root: shown(() => idText(data().designatedRoot)),
    flush: trigger(() => change({ flush: true })),
    forward_delay_timer: timer(() => data().forwardDelayTimer),
    group_fwd_mask: settable(
      () => hex(port.groupFwdMask),
      (n) => change({ groupFwdMask: n }),
    ),
    hold_timer: timer(() => data().holdTimer),
    message_age_timer: timer(() => data().messageAgeTimer),
    multicast_router: settable(
      () => port.mcastRouter,
      (n) => change({ mcastRouter: n }),
    ),
    path_cost: settable(
      () => port.cost,
      (n) => change({ cost: n }),
    ),
    port_id: shown(() => hex(port.id)),
    port_no: shown(() => hex(port.number)),
    priority: settable(
      () => port.priority,
      (n) => change({ priority: n }),
    ),
    state: shown(() => STATES.indexOf(port.state)),
  };
  for (const [name, key] of Object.entries(PORT_FLAGS)) {
    entries[name] = settable(
      () => (data()[key] ? 1 : 0),
      (n) => change({ [key]: n !== 0 }),
    );
  }
  return sorted(entries);
}
