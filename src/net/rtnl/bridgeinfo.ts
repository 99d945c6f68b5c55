/** IFLA_BR_* and IFLA_BRPORT_*: what bridges and their ports report and take. Models net/bridge/br_netlink.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { SEC } from '../../sim/sim.ts';
import type { Mac } from '../../wire/mac.ts';
import { Bridge } from '../dev/bridge.ts';
import type { McastSettings } from '../dev/brmdb.ts';
import { type BridgePort, PORT_STATES, type PortState } from '../dev/brport.ts';
import type { BridgeId } from '../dev/brstp.ts';
import type { NetDevice } from '../dev/device.ts';

/** Times are seconds; those of `mcast` µs. */
export interface BridgeData {
  readonly kind: 'bridge';
  forwardDelay?: number;
  helloTime?: number;
  maxAge?: number;
  ageingTime?: number;
  stp?: boolean;
  priority?: number;
  vlanFiltering?: boolean;
  vlanProtocol?: number;
  defaultPvid?: number;
  vlanStats?: number;
  vlanStatsPerPort?: number;
  groupFwdMask?: number;
  groupAddress?: Mac;
  noLinklocalLearn?: boolean;
  fdbFlush?: boolean;
  mcastSnooping?: boolean;
  mcast?: Partial<McastSettings>;
  nfCallIptables?: boolean;
  nfCallIp6tables?: boolean;
  nfCallArptables?: boolean;
  readonly address?: Mac;
  /** Seconds until stale entries are looked for. */
  readonly gcTimer?: number;
  readonly tree?: {
    readonly root: BridgeId;
    readonly rootPort: number;
    readonly rootPathCost: number;
    readonly topologyChange: boolean;
    readonly topologyChangeDetected: boolean;
    /** Seconds left. */
    readonly helloTimer: number;
    readonly tcnTimer: number;
    readonly topologyChangeTimer: number;
  };
  /** Absent where the kernel has no VLAN filtering. */
  readonly hasVlans?: boolean;
}

/** A bridge port's attributes. */
export interface PortData {
  state: PortState;
  priority: number;
  cost: number;
  hairpin: boolean;
  guard: boolean;
  rootBlock: boolean;
  fastLeave: boolean;
  learning: boolean;
  flood: boolean;
  mcastFlood: boolean;
  bcastFlood: boolean;
  mcastRouter: number;
  mcastToUnicast: boolean;
  proxyArp: boolean;
  proxyArpWifi: boolean;
  neighSuppress: boolean;
  vlanTunnel: boolean;
  isolated: boolean;
  locked: boolean;
  groupFwdMask: number;
  backup: NetDevice | null;
  readonly number: number;
  readonly id: number;
  readonly designatedPort: number;
  readonly designatedCost: number;
  readonly designatedBridge: BridgeId;
  readonly designatedRoot: BridgeId;
  readonly topologyChangeAck: boolean;
  readonly configPending: boolean;
  /** Seconds left. */
  readonly holdTimer: number;
  readonly messageAgeTimer: number;
  readonly forwardDelayTimer: number;
  /** Counters of the spanning tree. */
  readonly stpStats: Readonly<BridgePort['stpStats']>;
}

type Settable = Omit<
  PortData,
  | 'number'
  | 'id'
  | 'state'
  | 'designatedPort'
  | 'designatedCost'
  | 'designatedBridge'
  | 'designatedRoot'
  | 'topologyChangeAck'
  | 'configPending'
  | 'holdTimer'
  | 'messageAgeTimer'
  | 'forwardDelayTimer'
  | 'stpStats'
>;
export type PortChange = Partial<Settable> & { state?: number; flush?: boolean };

export function bridgeData(br: Bridge): BridgeData {
  const { stp } = br;
  return {
    kind: 'bridge',
    forwardDelay: br.forwardDelay / SEC,
    helloTime: br.helloTime / SEC,
    maxAge: br.maxAge / SEC,
    ageingTime: br.ageingTime / SEC,
    stp: stp.enabled,
    priority: br.priority,
    vlanFiltering: br.vlanFiltering,
    vlanProtocol: br.vlanProtocol,
    defaultPvid: br.defaultPvid,
    vlanStats: br.vlanStats,
    vlanStatsPerPort: br.vlanStatsPerPort,
    hasVlans: br.ns.kernel.profile.bridgeVlanFiltering,
    groupFwdMask: br.groupFwdMask,
    groupAddress: br.groupAddress,
    noLinklocalLearn: br.noLinklocalLearn,
    mcastSnooping: br.mcast.snooping,
    mcast: { ...br.mcast },
    nfCallIptables: br.nfCallIptables,
    nfCallIp6tables: br.nfCallIp6tables,
    nfCallArptables: br.nfCallArptables,
    address: br.idMac,
    gcTimer: br.up ? gcTimer(br) : 0,
    tree: {
      root: stp.root,
      rootPort: stp.rootPort,
      rootPathCost: stp.rootPathCost,
      topologyChange: stp.topologyChange,
      topologyChangeDetected: stp.topologyChangeDetected,
      helloTimer: stp.helloTimer.left / SEC,
      tcnTimer: stp.tcnTimer.left / SEC,
      topologyChangeTimer: stp.topologyChangeTimer.left / SEC,
    },
  };
}

/** br_fdb_cleanup() runs 0.1 s after the bridge came up and then once in an ageing time. */
function gcTimer(br: Bridge): number {
  const since = br.sim.now - (br.openedAt + SEC / 10);
  return since < 0 ? -since / SEC : (br.ageingTime - (since % Math.max(br.ageingTime, SEC / 10))) / SEC;
}

function portOf(dev: NetDevice): BridgePort | undefined {
  return dev.master instanceof Bridge ? dev.master.port(dev) : undefined;
}

export function portData(dev: NetDevice): PortData | null {
  const p = portOf(dev);
  if (!p) return null;
  return {
    state: p.state,
    priority: p.priority,
    cost: p.cost,
    hairpin: p.hairpin,
    guard: p.guard,
    rootBlock: p.rootBlock,
    fastLeave: p.fastLeave,
    learning: p.learning,
    flood: p.flood,
    mcastFlood: p.mcastFlood,
    bcastFlood: p.bcastFlood,
    mcastRouter: p.mcastRouter,
    mcastToUnicast: p.mcastToUnicast,
    proxyArp: p.proxyArp,
    proxyArpWifi: p.proxyArpWifi,
    neighSuppress: p.neighSuppress,
    vlanTunnel: p.vlanTunnel,
    isolated: p.isolated,
    locked: p.locked,
    groupFwdMask: p.groupFwdMask,
    backup: p.backup,
    number: p.number,
    id: p.id,
    designatedPort: p.designatedPort,
    designatedCost: p.designatedCost,
    designatedBridge: p.designatedBridge,
    designatedRoot: p.designatedRoot,
    topologyChangeAck: p.topologyChangeAck,
    configPending: p.configPending,
    holdTimer: p.holdTimer.left / SEC,
    messageAgeTimer: p.messageAgeTimer.left / SEC,
    forwardDelayTimer: p.forwardDelayLeft / SEC,
    stpStats: { ...p.stpStats },
  };
}

/** Reserved for the bridge: STP, pause frames, LACP. */
const GROUP_FWD_RESTRICTED = 0x7;
const GROUP_FWD_PAUSE = 0x2;

/** Models br_setport(). */
export function changePort(dev: NetDevice, change: PortChange): Result {
  const p = portOf(dev);
  if (!p) return fail('EOPNOTSUPP');
  const { state, cost, priority, flush, mcastRouter, groupFwdMask, backup, ...flags } = change;
  const br = p.bridge;
  Object.assign(p, flags);
  br.portFlagsChanged();
  if (cost !== undefined) {
    if (cost < 1 || cost > 65535) return fail('ERANGE');
    br.stp.setPathCost(p, cost);
  }
  if (priority !== undefined) {
    if (priority > 63) return fail('ERANGE');
    br.stp.setPortPriority(p, priority);
  }
  if (state !== undefined) {
    const name = PORT_STATES[state];
    if (name === undefined) return fail('EINVAL');
    if (br.stp.enabled) return fail('EBUSY');
    if (!dev.up || (!dev.operUp() && name !== 'disabled')) return fail('ENETDOWN');
    br.setPortState(p, name);
  }
  if (flush) br.fdb.deletePort(p, false);
  if (mcastRouter !== undefined) {
    if (mcastRouter > 3) return fail('EINVAL');
    p.mcastRouter = mcastRouter;
  }
  if (groupFwdMask !== undefined) {
    if (groupFwdMask & GROUP_FWD_PAUSE) return fail('EINVAL');
    p.groupFwdMask = groupFwdMask;
  }
  if (backup !== undefined) {
    if (backup && backup.master !== br) return fail(backup.master instanceof Bridge ? 'EINVAL' : 'ENOENT');
    if (backup === dev) return fail('EINVAL');
    p.backup = backup;
  }
  br.portChanged(p);
  return ok();
}

/** Models br_changelink(), in its order. */
export function changeBridge(br: Bridge, d: BridgeData): Result {
  const range = (v: number, low: number, high: number): boolean => v >= low && v <= high;
  if (d.forwardDelay !== undefined) {
    if (br.stp.enabled && !range(d.forwardDelay, 2, 30)) return fail('ERANGE');
    br.setForwardDelay(d.forwardDelay * SEC);
  }
  if (d.helloTime !== undefined) {
    if (!range(d.helloTime, 1, 10)) return fail('ERANGE');
    br.setHelloTime(d.helloTime * SEC);
  }
  if (d.maxAge !== undefined) {
    if (!range(d.maxAge, 6, 40)) return fail('ERANGE');
    br.setMaxAge(d.maxAge * SEC);
  }
  if (d.ageingTime !== undefined) br.ageingTime = br.bridgeAgeingTime = d.ageingTime * SEC;
  if (d.stp !== undefined) br.stp.setEnabled(d.stp);
  if (d.priority !== undefined) br.stp.setPriority(d.priority);
  const vlans = changeVlans(br, d);
  if (!vlans.ok) return vlans;
  if (d.groupFwdMask !== undefined) {
    if (d.groupFwdMask & GROUP_FWD_RESTRICTED) return fail('EINVAL');
    br.groupFwdMask = d.groupFwdMask;
  }
  if (d.groupAddress !== undefined) {
    const last = d.groupAddress - 0x0180c2000000;
    if (last < 0 || last > 15 || last === 1 || last === 2 || last === 3) return fail('EINVAL');
    br.groupAddress = d.groupAddress;
  }
  if (d.fdbFlush) br.fdb.flush((e) => !e.local && !e.static);
  if (d.noLinklocalLearn !== undefined) br.noLinklocalLearn = d.noLinklocalLearn;
  const mcast = changeMcast(br, d);
  if (!mcast.ok) return mcast;
  if (d.nfCallIptables !== undefined) br.nfCallIptables = d.nfCallIptables;
  if (d.nfCallIp6tables !== undefined) br.nfCallIp6tables = d.nfCallIp6tables;
  if (d.nfCallArptables !== undefined) br.nfCallArptables = d.nfCallArptables;
  return ok();
}

function changeVlans(br: Bridge, d: BridgeData): Result {
  if (!br.ns.kernel.profile.bridgeVlanFiltering) return d.vlanFiltering === undefined ? ok() : fail('EOPNOTSUPP');
  if (d.vlanFiltering !== undefined) {
    br.vlanFiltering = d.vlanFiltering;
    br.managePromisc();
  }
  if (d.vlanProtocol !== undefined) {
    if (d.vlanProtocol !== 0x8100 && d.vlanProtocol !== 0x88a8) return fail('EPROTONOSUPPORT');
    br.vlanProtocol = d.vlanProtocol;
  }
  if (d.defaultPvid !== undefined) {
    if (d.defaultPvid >= 4095) return fail('EINVAL');
    if (d.defaultPvid !== br.defaultPvid) br.setDefaultPvid(d.defaultPvid);
  }
  if (d.vlanStats !== undefined) {
    if (d.vlanStats > 1) return fail('EINVAL');
    br.vlanStats = d.vlanStats;
  }
  if (d.vlanStatsPerPort !== undefined) {
    if ([...br.ports.values()].some((p) => p.vlanGroup.vids.size > 0)) return fail('EBUSY');
    if (d.vlanStatsPerPort > 1) return fail('EINVAL');
    br.vlanStatsPerPort = d.vlanStatsPerPort;
  }
  return ok();
}

function changeMcast(br: Bridge, d: BridgeData): Result {
  if (d.mcast) {
    const { snooping: _snooping, ...m } = d.mcast;
    if (m.router !== undefined && m.router > 2) return fail('EINVAL');
    if (d.mcastSnooping !== undefined) br.setSnooping(d.mcastSnooping);
    if (m.igmpVersion !== undefined && m.igmpVersion !== 2 && m.igmpVersion !== 3) return fail('EINVAL');
    if (m.mldVersion !== undefined && m.mldVersion !== 1 && m.mldVersion !== 2) return fail('EINVAL');
    if (m.queryInterval !== undefined) m.queryInterval = Math.max(m.queryInterval, SEC);
    if (m.startupQueryInterval !== undefined) m.startupQueryInterval = Math.max(m.startupQueryInterval, SEC);
    if (m.querier && !br.mcast.querier) br.mdb.queriedAt = br.sim.now + br.mcast.queryResponseInterval;
    Object.assign(br.mcast, m);
  } else if (d.mcastSnooping !== undefined) br.setSnooping(d.mcastSnooping);
  return ok();
}
