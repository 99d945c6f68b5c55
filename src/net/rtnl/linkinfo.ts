/** Kind-specific link attributes (IFLA_INFO_DATA, IFLA_INFO_SLAVE_DATA): what a device reports and what may be changed. */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { SEC } from '../../sim/sim.ts';
import type { IpAddr } from '../../wire/addr.ts';
import type { Mac } from '../../wire/mac.ts';
import { Bridge } from '../dev/bridge.ts';
import { type BridgePort, PORT_STATES, type PortState } from '../dev/brport.ts';
import type { NetDevice } from '../dev/device.ts';
import { Macvlan, type MacvlanMode } from '../dev/macvlan.ts';
import { Vlan } from '../dev/vlan.ts';
import { Vxlan } from '../dev/vxlan.ts';

/** Times are seconds. */
export interface BridgeData {
  readonly kind: 'bridge';
  forwardDelay?: number;
  helloTime?: number;
  maxAge?: number;
  ageingTime?: number;
  stp?: boolean;
  priority?: number;
  vlanFiltering?: boolean;
  groupFwdMask?: number;
  mcastSnooping?: boolean;
  readonly address?: Mac;
  /** Seconds until stale entries are looked for. */
  readonly gcTimer?: number;
}

export interface VxlanData {
  readonly kind: 'vxlan';
  id?: number;
  local?: IpAddr;
  /** Unicast remote or multicast group. */
  remote?: IpAddr;
  /** ifindex of the underlying device. */
  link?: number;
  readonly linkName?: string;
  dstport?: number;
  srcportMin?: number;
  srcportMax?: number;
  learning?: boolean;
  ttl?: number;
  tos?: number;
  ageing?: number;
  udpCsum?: boolean;
}

export interface MacvlanData {
  readonly kind: 'macvlan';
  mode?: MacvlanMode;
}

export interface VlanData {
  readonly kind: 'vlan';
  id?: number;
  reorderHeader?: boolean;
  looseBinding?: boolean;
}

export interface PlainData {
  readonly kind: 'veth' | 'dummy';
}

export type LinkData = BridgeData | VxlanData | MacvlanData | VlanData | PlainData;

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
  readonly number: number;
  /** Priority and address of the bridge. */
  readonly bridgeId: { readonly priority: number; readonly address: Mac };
  /** Seconds that are left of the forward delay. */
  readonly forwardDelayTimer: number;
}

export type PortChange = Partial<Omit<PortData, 'number' | 'state' | 'forwardDelayTimer' | 'bridgeId'>> & { state?: number };

export function linkData(dev: NetDevice): LinkData | null {
  if (dev instanceof Bridge) {
    return {
      kind: 'bridge',
      forwardDelay: dev.forwardDelay / SEC,
      helloTime: dev.helloTime / SEC,
      maxAge: dev.maxAge / SEC,
      ageingTime: dev.ageingTime / SEC,
      stp: dev.stp,
      priority: dev.priority,
      vlanFiltering: dev.vlanFiltering,
      groupFwdMask: dev.groupFwdMask,
      mcastSnooping: dev.mcastSnooping,
      address: dev.idMac,
      gcTimer: dev.up ? gcTimer(dev) : 0,
    };
  }
  if (dev instanceof Vxlan) {
    const o = dev.options;
    return {
      kind: 'vxlan',
      id: o.vni,
      ...(o.local === null ? {} : { local: o.local }),
      ...(o.remote === null ? {} : { remote: o.remote }),
      ...(o.dev ? { link: o.dev.ifindex, linkName: o.dev.name } : {}),
      dstport: o.dstport ?? 8472,
      srcportMin: o.srcportMin ?? 0,
      srcportMax: o.srcportMax ?? 0,
      learning: o.learning ?? true,
      ttl: o.ttl ?? 0,
      tos: o.tos ?? 0,
      ageing: o.ageing ?? 300,
      udpCsum: o.udpCsum ?? true,
    };
  }
  if (dev instanceof Macvlan) return { kind: 'macvlan', mode: dev.mode };
  if (dev instanceof Vlan) return { kind: 'vlan', id: dev.vid, reorderHeader: dev.reorderHeader, looseBinding: dev.looseBinding };
  return dev.kind === 'veth' || dev.kind === 'dummy' ? { kind: dev.kind } : null;
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
    number: p.number,
    bridgeId: { priority: p.bridge.priority, address: p.bridge.idMac },
    forwardDelayTimer: Math.max(0, (p.enabledAt + p.bridge.forwardDelay - dev.sim.now) / SEC),
  };
}

/** Models br_setport(). */
export function changePort(dev: NetDevice, change: PortChange): Result {
  const p = portOf(dev);
  if (!p) return fail('EOPNOTSUPP');
  const { state, cost, priority, ...flags } = change;
  if (cost !== undefined) {
    if (cost < 1 || cost > 65535) return fail('ERANGE');
    p.cost = cost;
  }
  if (priority !== undefined) {
    if (priority > 63) return fail('ERANGE');
    p.priority = priority;
  }
  Object.assign(p, flags);
  if (state !== undefined) {
    const name = PORT_STATES[state];
    if (name === undefined) return fail('EINVAL');
    if (p.bridge.stp) return fail('EBUSY');
    if (!dev.up || (!dev.operUp() && name !== 'disabled')) return fail('ENETDOWN');
    // Without spanning tree a blocked port is made to forward at once: br_port_state_selection().
    p.bridge.setPortState(p, name === 'blocking' ? 'forwarding' : name);
  }
  return ok();
}

/** rtnl_link_ops->changelink. */
export function changeData(dev: NetDevice, data: LinkData): Result {
  if (dev.kind !== data.kind) return fail('EOPNOTSUPP');
  if (dev instanceof Bridge && data.kind === 'bridge') return changeBridge(dev, data);
  if (dev instanceof Macvlan && data.kind === 'macvlan') {
    if (data.mode !== undefined) dev.mode = data.mode;
    return ok();
  }
  if (dev instanceof Vxlan && data.kind === 'vxlan') return changeVxlan(dev, data);
  if (dev instanceof Vlan && data.kind === 'vlan') {
    // vlan_changelink() knows flags and QoS maps only: another id is silently ignored.
    if (data.reorderHeader !== undefined) dev.reorderHeader = data.reorderHeader;
    if (data.looseBinding !== undefined) dev.looseBinding = data.looseBinding;
    return ok();
  }
  return fail('EOPNOTSUPP');
}

function changeBridge(br: Bridge, d: BridgeData): Result {
  if (d.forwardDelay !== undefined) {
    if (br.stp && (d.forwardDelay < 2 || d.forwardDelay > 30)) return fail('ERANGE');
    br.forwardDelay = d.forwardDelay * SEC;
  }
  if (d.helloTime !== undefined) {
    if (d.helloTime < 1 || d.helloTime > 10) return fail('ERANGE');
    br.helloTime = d.helloTime * SEC;
  }
  if (d.maxAge !== undefined) {
    if (d.maxAge < 6 || d.maxAge > 40) return fail('ERANGE');
    br.maxAge = d.maxAge * SEC;
  }
  if (d.ageingTime !== undefined) br.ageingTime = d.ageingTime * SEC;
  if (d.stp !== undefined) br.stp = d.stp;
  if (d.priority !== undefined) br.priority = d.priority;
  if (d.groupFwdMask !== undefined) br.groupFwdMask = d.groupFwdMask;
  if (d.mcastSnooping !== undefined) br.mcastSnooping = d.mcastSnooping;
  if (d.vlanFiltering) return fail('EOPNOTSUPP');
  return ok();
}

function changeVxlan(dev: Vxlan, d: VxlanData): Result {
  if (d.id !== undefined && d.id !== dev.options.vni) return fail('EOPNOTSUPP', 'Cannot change VNI');
  if (d.dstport !== undefined && d.dstport !== dev.options.dstport) return fail('EOPNOTSUPP', 'Cannot change port');
  if (d.learning !== undefined) dev.options.learning = d.learning;
  if (d.ageing !== undefined) dev.options.ageing = d.ageing;
  if (d.ttl !== undefined) dev.options.ttl = d.ttl;
  if (d.tos !== undefined) dev.options.tos = d.tos;
  if (d.remote !== undefined) dev.options.remote = d.remote;
  if (d.local !== undefined) dev.options.local = d.local;
  return ok();
}
