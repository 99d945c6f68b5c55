/** Forwarding databases through rtnetlink (RTM_NEWNEIGH of AF_BRIDGE): bridge, vxlan and device addresses. Models rtnl_fdb_dump() */

import { fail, ok, type Result } from '../../sim/errno.ts';
import type { IpAddr } from '../../wire/addr.ts';
import type { Mac } from '../../wire/mac.ts';
import { Bridge, type FdbEntry } from '../dev/bridge.ts';
import type { NetDevice } from '../dev/device.ts';
import { Vxlan } from '../dev/vxlan.ts';
import type { Netns } from '../netns.ts';
import { vxlanChange, vxlanFdb, vxlanRemove } from './vxlanfdb.ts';

export interface FdbMsg {
  readonly mac: Mac;
  readonly dev: NetDevice;
  readonly master: NetDevice | null;
  /** Entry of the device itself: multicast list or vxlan. */
  readonly self: boolean;
  readonly state: 'permanent' | 'static' | 'stale' | 'reachable';
  readonly externLearn: boolean;
  readonly sticky: boolean;
  readonly offload: boolean;
  readonly dst: IpAddr | null;
  readonly dstPort: number;
  readonly vni: number;
  readonly via: NetDevice | null;
  /** Seconds since use and since the last change. */
  readonly used: number;
  readonly updated: number;
}

const PLAIN = { externLearn: false, sticky: false, offload: false, dst: null, dstPort: 0, vni: 0, via: null, used: 0, updated: 0 };

function bridgeMsg(br: Bridge, e: FdbEntry): FdbMsg {
  const now = br.sim.now;
  return {
    ...PLAIN,
    mac: e.mac,
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

/** The message of a change in a forwarding database, as the notifier tells of it; null when it is no bridge's. */
export function fdbMsgOf(dev: NetDevice, entry: unknown): FdbMsg | null {
  const e = entry as Partial<FdbEntry>;
  if (e.port === undefined) return null;
  const br = e.port?.bridge ?? dev;
  return br instanceof Bridge ? bridgeMsg(br, e as FdbEntry) : null;
}

function bridgeEntries(br: Bridge, port: NetDevice | null): FdbMsg[] {
  return br.fdb
    .list()
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
  self: boolean;
  master: boolean;
  state: 'permanent' | 'static' | 'dynamic';
  sticky?: boolean;
  externLearn?: boolean;
  dst?: IpAddr;
  dstPort?: number;
  vni?: number;
  via?: NetDevice;
}

function bridgeOf(dev: NetDevice): { br: Bridge; port: ReturnType<Bridge['port']> | null } | null {
  if (dev.master instanceof Bridge) return { br: dev.master, port: dev.master.port(dev) };
  return dev instanceof Bridge ? { br: dev, port: null } : null;
}

/** RTM_NEWNEIGH: to the master with NTF_MASTER, to the device with NTF_SELF. */
export function addFdb(req: FdbRequest, mode: 'add' | 'append' | 'replace'): Result {
  if (req.master) {
    const b = bridgeOf(req.dev);
    if (!b || b.br === req.dev) return fail('EOPNOTSUPP');
    return b.br.fdb.add(req.mac, b.port ?? null, req.state, mode, req.sticky);
  }
  if (req.dev instanceof Bridge) return req.dev.fdb.add(req.mac, null, req.state, mode);
  if (req.dev.kind === 'vxlan') return vxlanChange(req, mode);
  if (mode === 'replace') return fail('EINVAL');
  if (req.state !== 'permanent') return fail('EINVAL', 'FDB only supports static addresses');
  if (req.dev.uc.has(req.mac) && mode === 'add') return fail('EEXIST');
  if (!req.dev.uc.has(req.mac)) req.dev.uc.add(req.mac);
  return ok();
}

/** RTM_DELNEIGH. */
export function delFdb(req: FdbRequest): Result {
  if (req.master) {
    const b = bridgeOf(req.dev);
    if (!b || b.br === req.dev) return fail('EOPNOTSUPP');
    return b.br.fdb.del(req.mac, b.port ?? null);
  }
  if (req.dev instanceof Bridge) return req.dev.fdb.del(req.mac, null);
  if (req.dev.kind === 'vxlan') return vxlanRemove(req);
  return req.dev.uc.del(req.mac) ? ok() : fail('ENOENT');
}

/** RTM_GETNEIGH of one address in a bridge (or at a port). */
export function getFdb(dev: NetDevice, mac: Mac): Result<FdbMsg> {
  const b = bridgeOf(dev);
  const entry = b?.br.fdb.find(mac);
  if (!b || !entry) return fail('ENOENT', 'Fdb entry not found');
  const found = bridgeEntries(b.br, entry.port?.dev ?? null).find((e) => e.mac === mac);
  return found ? ok(found) : fail('ENOENT', 'Fdb entry not found');
}

/** RTM_DELNEIGH with NLM_F_BULK and no conditions: everything goes, of one port when given. */
export function flushFdb(dev: NetDevice, port: NetDevice | null): void {
  if (dev instanceof Bridge) dev.fdb.flush((e) => port === null || e.port?.dev === port);
  else if (dev instanceof Vxlan) for (const e of dev.fdb.list()) dev.fdb.del(e.mac, null);
}
