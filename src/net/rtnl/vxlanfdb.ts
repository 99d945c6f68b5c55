/** The VXLAN forwarding database through rtnetlink. Models vxlan_fdb_add(), vxlan_fdb_delete(), vxlan_fdb_dump() */

import { fail, type Result } from '../../sim/errno.ts';
import { familyOf, zeroOf } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import { Vxlan, type VxlanFdbEntry, type VxlanRemote } from '../dev/vxlan.ts';
import type { FdbMsg, FdbRequest } from './fdb.ts';

function message(dev: Vxlan, e: VxlanFdbEntry, r: VxlanRemote): FdbMsg {
  const now = dev.sim.now;
  return {
    mac: e.mac,
    dev,
    master: null,
    self: true,
    state: e.state,
    externLearn: false,
    sticky: false,
    offload: false,
    dst: r.ip === 0 || r.ip === 0n ? null : r.ip,
    dstPort: r.port === dev.dstport ? 0 : r.port,
    vni: r.vni === dev.vni ? 0 : r.vni,
    via: r.dev,
    used: Math.floor((now - e.used) / 1e6),
    updated: Math.floor((now - e.updated) / 1e6),
  };
}

/** One message a remote. */
export function vxlanFdb(dev: NetDevice): FdbMsg[] {
  if (!(dev instanceof Vxlan)) return [];
  return dev.fdb.list().flatMap((e) => e.remotes.map((r) => message(dev, e, r)));
}

export function vxlanChange(req: FdbRequest, mode: 'add' | 'append' | 'replace'): Result {
  const { dev } = req;
  if (!(dev instanceof Vxlan)) return fail('EOPNOTSUPP');
  if (req.dst !== undefined && familyOf(req.dst) !== dev.family) return fail('EAFNOSUPPORT');
  const remote: VxlanRemote = { ip: req.dst ?? zeroOf(dev.family), port: req.dstPort ?? 0, vni: req.vni ?? dev.vni, dev: req.via ?? null };
  return dev.fdb.add(req.mac, remote, req.state === 'dynamic' ? 'reachable' : req.state, mode);
}

export function vxlanRemove(req: FdbRequest): Result {
  const { dev } = req;
  if (!(dev instanceof Vxlan)) return fail('EOPNOTSUPP');
  if (req.dst === undefined) return dev.fdb.del(req.mac, null);
  return dev.fdb.del(req.mac, { ip: req.dst, port: req.dstPort ?? 0, ...(req.vni === undefined ? {} : { vni: req.vni }) });
}
