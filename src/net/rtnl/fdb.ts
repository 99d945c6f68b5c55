/** Forwarding databases through rtnetlink (RTM_NEWNEIGH of AF_BRIDGE): bridge, vxlan and device addresses. Models rtnl_fdb_dump() */

import { fail, ok, type Result } from '../../sim/errno.ts';
import type { IpAddr } from '../../wire/addr.ts';
import { isMulticastMac, type Mac } from '../../wire/mac.ts';
import { Bridge, type BridgePort, type FdbEntry } from '../dev/bridge.ts';
import type { NetDevice } from '../dev/device.ts';
import type { FdbMode } from '../dev/fdb.ts';
import { Vxlan, type VxlanFdbEntry } from '../dev/vxlan.ts';
import type { Netns } from '../netns.ts';
import { flushVxlan, vxlanChange, vxlanFdb, vxlanFdbMsgs, vxlanRemove } from './vxlanfdb.ts';

export type { FdbMode } from '../dev/fdb.ts';

export interface FdbMsg {
  readonly mac: Mac;
  /** VLAN, 0 when none. */
  readonly vlan: number;
  readonly dev: NetDevice;
  readonly master: NetDevice | null;
  /** Entry of the device itself: multicast list or vxlan. */
  readonly self: boolean;
  readonly state: 'permanent' | 'static' | 'stale' | 'reachable';
  readonly externLearn: boolean;
  readonly sticky: boolean;
  readonly offload: boolean;
  readonly router: boolean;
  readonly nhid: number;
  readonly srcVni: number;
  readonly dst: IpAddr | null;
  readonly dstPort: number;
  readonly vni: number;
  readonly via: NetDevice | null;
  /** Seconds since use and since the last change. */
  readonly used: number;
  readonly updated: number;
}

const PLAIN = {
  vlan: 0,
  router: false,
  nhid: 0,
  srcVni: 0,
  externLearn: false,
  sticky: false,
  offload: false,
  dst: null,
  dstPort: 0,
  vni: 0,
  via: null,
  used: 0,
  updated: 0,
};

function bridgeMsg(br: Bridge, e: FdbEntry): FdbMsg {
  const now = br.sim.now;
  return {
    ...PLAIN,
    mac: e.mac,
    vlan: e.vid,
    dev: e.port?.dev ?? br,
    master: br,
    self: false,
    state: e.local ? 'permanent' : e.static ? 'static' : 'reachable',
    externLearn: e.externLearn,
    sticky: e.sticky,
    offload: e.offload,
    used: Math.floor((now - e.used) / 1e6),
    updated: Math.floor((now - e.updated) / 1e6),
  };
}

/** The message of a change in a forwarding database, as the notifier tells of it; null when it is of another kind. */
export function fdbMsgOf(dev: NetDevice, entry: unknown): FdbMsg | null {
  const e = entry as Partial<FdbEntry>;
  if (dev instanceof Vxlan && e.port === undefined) return vxlanFdbMsgs(dev, entry as VxlanFdbEntry)[0] ?? null;
  if (e.port === undefined) return null;
  const br = e.port?.bridge ?? dev;
  return br instanceof Bridge ? bridgeMsg(br, e as FdbEntry) : null;
}

function bridgeEntries(br: Bridge, port: NetDevice | null): FdbMsg[] {
  return br.fdb
    .list()
    .reverse()
    .filter((e) => (e.port?.dev ?? null) === port)
    .map((e) => bridgeMsg(br, e));
}

/** ndo_dflt_fdb_dump(): the device's own unicast and multicast lists. */
function ownEntries(dev: NetDevice): FdbMsg[] {
  return [...dev.uc.list(), ...dev.mc.list()].map((mac) => ({ ...PLAIN, mac, dev, master: null, self: true, state: 'permanent' }));
}

/** Entries of one device in the kernel's order: as a port, then its own. */
function deviceFdb(dev: NetDevice): FdbMsg[] {
  if (dev.kind === 'vxlan') return [...portEntries(dev), ...vxlanFdb(dev)];
  if (dev instanceof Bridge) return [...ownEntries(dev), ...bridgeEntries(dev, null)];
  return [...portEntries(dev), ...(dev.kind === 'loopback' ? [] : ownEntries(dev))];
}

function portEntries(dev: NetDevice): FdbMsg[] {
  return dev.master instanceof Bridge ? bridgeEntries(dev.master, dev) : [];
}

export function dumpFdb(ns: Netns): FdbMsg[] {
  return [...ns.devices.values()].flatMap(deviceFdb);
}

export interface FdbRequest {
  mac: Mac;
  dev: NetDevice;
  vlan?: number;
  self: boolean;
  master: boolean;
  use?: boolean;
  router?: boolean;
  nhid?: number;
  srcVni?: number;
  state: 'permanent' | 'static' | 'dynamic';
  sticky?: boolean;
  externLearn?: boolean;
  dst?: IpAddr;
  dstPort?: number;
  vni?: number;
  via?: NetDevice;
}

function bridgeOf(dev: NetDevice): { br: Bridge; port: BridgePort | null } | null {
  if (dev.master instanceof Bridge) return { br: dev.master, port: dev.master.port(dev) ?? null };
  return dev instanceof Bridge ? { br: dev, port: null } : null;
}

/** fdb_valid_vid() */
function validVlan(vlan: number | undefined): Result {
  return vlan === undefined || (vlan > 0 && vlan < 4095) ? ok() : fail('EINVAL', 'invalid vlan id');
}

/** RTM_NEWNEIGH: to the master with NTF_MASTER, to the device with NTF_SELF. */
export function addFdb(req: FdbRequest, mode: FdbMode): Result {
  const valid = validVlan(req.vlan);
  if (!valid.ok) return valid;
  if (req.master) {
    const b = bridgeOf(req.dev);
    if (!b || b.br === req.dev) return fail('EOPNOTSUPP');
    const r = addToBridge(b.br, b.port, req, mode);
    if (!r.ok || !req.self) return r;
  }
  if (req.dev instanceof Bridge) return addToBridge(req.dev, null, req, mode);
  if (req.dev.kind === 'vxlan') return vxlanChange(req, mode);
  return addOwn(req, mode);
}

/** br_fdb_add(): with VLANs and none named, an entry for each VLAN of the port. */
function addToBridge(br: Bridge, port: BridgePort | null, req: FdbRequest, mode: FdbMode): Result {
  if (req.mac === 0) return fail('EINVAL');
  const { vids } = (port ?? br).vlanGroup;
  if (req.vlan !== undefined) {
    if (!vids.has(req.vlan)) return fail('EINVAL');
    return addEntry(br, port, req, mode, req.vlan);
  }
  const first = addEntry(br, port, req, mode, 0);
  if (!first.ok) return first;
  for (const vid of (port ?? br).vlanGroup.list()) {
    const r = addEntry(br, port, req, mode, vid);
    if (!r.ok) return r;
  }
  return ok();
}

function addEntry(br: Bridge, port: BridgePort | null, req: FdbRequest, mode: FdbMode, vid: number): Result {
  if (req.use) {
    if (!port) return fail('EINVAL');
    if (port.state === 'forwarding' || port.state === 'learning') br.fdb.learn(port, req.mac, vid);
    return ok();
  }
  if (req.externLearn) {
    return br.fdb.add(req.mac, port, port ? 'dynamic' : 'permanent', 'replace', { externLearn: true, sticky: req.sticky }, vid);
  }
  if (!port && req.state !== 'permanent') return fail('EINVAL');
  return br.fdb.add(req.mac, port, req.state, mode, { sticky: req.sticky }, vid);
}

/** ndo_dflt_fdb_add() */
function addOwn(req: FdbRequest, mode: FdbMode): Result {
  if (req.state !== 'permanent' || req.vlan !== undefined || req.mac === 0) return fail('EINVAL');
  const multicast = isMulticastMac(req.mac);
  const known = (multicast ? req.dev.mc : req.dev.uc).has(req.mac);
  if (!known && multicast) req.dev.mc.add(req.mac);
  else if (!known) req.dev.addUnicast(req.mac);
  else if (mode === 'add') return fail('EEXIST');
  return ok();
}

/** RTM_DELNEIGH. */
export function delFdb(req: FdbRequest): Result {
  const valid = validVlan(req.vlan);
  if (!valid.ok) return valid;
  if (req.master) {
    const b = bridgeOf(req.dev);
    if (!b || b.br === req.dev) return fail('EOPNOTSUPP');
    const r = delFromBridge(b.br, b.port, req);
    if (!r.ok || !req.self) return r;
  }
  if (req.dev instanceof Bridge) return delFromBridge(req.dev, null, req);
  if (req.dev.kind === 'vxlan') return vxlanRemove(req);
  if (req.state !== 'permanent') return fail('EINVAL');
  const removed = isMulticastMac(req.mac) ? req.dev.mc.del(req.mac) : req.dev.delUnicast(req.mac);
  return removed ? ok() : fail('ENOENT');
}

function delFromBridge(br: Bridge, port: BridgePort | null, req: FdbRequest): Result {
  if (req.vlan !== undefined) return br.fdb.del(req.mac, port, req.vlan);
  const results = [0, ...(port ?? br).vlanGroup.list()].map((vid) => br.fdb.del(req.mac, port, vid));
  return results.find((r) => r.ok) ?? (results[0] as Result);
}

/** RTM_GETNEIGH of one address: from the bridge (the device's own or its master), or from a VXLAN. */
export function getFdb(
  dev: NetDevice,
  mac: Mac,
  how: { vlan?: number | undefined; self?: boolean; master?: boolean } = {},
): Result<FdbMsg> {
  const missing = fail('ENOENT', 'Fdb entry not found');
  if (dev.kind === 'vxlan' && !how.master) {
    if (!how.self) return dev.master instanceof Bridge ? getFdb(dev.master, mac, how) : fail('EINVAL', 'Device is not a bridge port');
    const found = vxlanFdb(dev).find((e) => e.mac === mac);
    return found ? ok(found) : missing;
  }
  const b = bridgeOf(dev);
  if (!b || (how.self && b.br !== dev)) return fail('EOPNOTSUPP', 'Get operation not supported by device');
  const entry = b.br.fdb.find(mac, how.vlan ?? 0);
  return entry ? ok(bridgeMsg(b.br, entry)) : missing;
}

/** What RTM_DELNEIGH with NLM_F_BULK asks for: true must be set, false must not; everything when empty. */
export interface FdbFlush {
  local?: boolean;
  static?: boolean;
  addedByUser?: boolean;
  externLearn?: boolean;
  sticky?: boolean;
  offload?: boolean;
  port?: NetDevice;
  vlan?: number;
}

export function flushFdb(dev: NetDevice, f: FdbFlush): void {
  const { port, vlan, ...flags } = f;
  if (dev instanceof Bridge) {
    dev.fdb.flush(
      (e) =>
        (port === undefined || e.port?.dev === port) &&
        (vlan === undefined || e.vid === vlan) &&
        Object.entries(flags).every(([k, v]) => v === undefined || e[k as keyof typeof flags] === v),
    );
  } else if (dev instanceof Vxlan) flushVxlan(dev, f);
}
