/** The VXLAN forwarding database through rtnetlink. Models vxlan_fdb_add(), vxlan_fdb_delete(), vxlan_fdb_dump() */

import { fail, type Result } from '../../sim/errno.ts';
import { familyOf, type IpAddr } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import { Vxlan, type VxlanFdbEntry, type VxlanRemote } from '../dev/vxlan.ts';
import type { FdbFlush, FdbMsg, FdbRequest } from './fdb.ts';
import { isZero } from './vxlaninfo.ts';

export function vxlanFdb(dev: NetDevice): FdbMsg[] {
  if (!(dev instanceof Vxlan)) return [];
  return dev.fdb.list().flatMap((e) => vxlanFdbMsgs(dev, e));
}

/** One message for each remote, one without for a next hop object. */
export function vxlanFdbMsgs(dev: Vxlan, e: VxlanFdbEntry): FdbMsg[] {
  const now = dev.sim.now;
  const base = {
    mac: e.mac,
    vlan: 0,
    dev,
    master: null,
    self: true,
    state: e.state,
    externLearn: e.externLearn,
    sticky: e.sticky,
    offload: false,
    router: e.router,
    nhid: e.nhid,
    srcVni: e.vni,
    used: Math.floor((now - e.used) / 1e6),
    updated: Math.floor((now - e.updated) / 1e6),
  };
  if (e.nhid) return [{ ...base, dst: null, dstPort: 0, vni: 0, via: null }];
  return e.remotes.map((r) => ({ ...base, dst: r.ip, dstPort: r.port, vni: r.vni === dev.vni ? 0 : r.vni, via: r.dev }));
}

function stateOf(req: FdbRequest): 'permanent' | 'static' | 'reachable' {
  return req.state === 'dynamic' ? 'reachable' : req.state;
}

function remoteOf(dev: Vxlan, req: FdbRequest, ip: IpAddr): VxlanRemote {
  const port = req.dstPort === dev.dstport ? 0 : (req.dstPort ?? 0);
  return { ip, port, vni: req.vni ?? dev.vni, dev: req.via ?? null };
}

export function vxlanChange(req: FdbRequest, mode: 'add' | 'append' | 'replace'): Result {
  const { dev, dst, sticky = false, router = false, externLearn = false, nhid = 0 } = req;
  if (!(dev instanceof Vxlan)) return fail('EOPNOTSUPP');
  const flags = { sticky, router, externLearn, nhid, srcVni: req.srcVni ?? 0 };
  if (nhid) {
    if (dev.fdb.full) return fail('ENOSPC');
    if (dst !== undefined || req.vni !== undefined || req.via || req.dstPort)
      return fail('EINVAL', 'DST, VNI, ifindex and port are mutually exclusive with NH_ID');
    const nexthop = dev.ns.fib.nexthops.get(nhid);
    if (!nexthop) return fail('EINVAL', 'Nexthop id does not exist');
    if (!nexthop.fdb) return fail('EINVAL', 'Nexthop is not fdb');
    if (!nexthop.group) return fail('EINVAL', 'Nexthop is not a multipath group');
    if (nexthop.family !== dev.family) return fail('EAFNOSUPPORT');
    return dev.fdb.add(req.mac, null, stateOf(req), mode, flags);
  }
  if (dst === undefined) return fail('EINVAL');
  if (familyOf(dst) !== dev.family) return fail('EAFNOSUPPORT');
  return dev.fdb.add(req.mac, remoteOf(dev, req, dst), stateOf(req), mode, flags);
}

export function vxlanRemove(req: FdbRequest): Result {
  const { dev, dst } = req;
  if (!(dev instanceof Vxlan)) return fail('EOPNOTSUPP');
  return dev.fdb.del(req.mac, dst === undefined || isZero(dst) ? null : remoteOf(dev, req, dst), req.srcVni);
}

/** vxlan_fdb_delete_bulk(): the default destination stays. */
export function flushVxlan(dev: Vxlan, f: FdbFlush): void {
  for (const e of dev.fdb.list()) {
    if (f.local !== undefined && f.local !== (e.state === 'permanent')) continue;
    if (f.static !== undefined && f.static !== (e.state !== 'reachable')) continue;
    if (f.externLearn !== undefined && f.externLearn !== e.externLearn) continue;
    if (f.sticky !== undefined && f.sticky !== e.sticky) continue;
    if (e.mac === 0 && e.remotes.some((r) => r.ip === dev.options.remote)) {
      for (const r of [...e.remotes]) if (r.ip !== dev.options.remote) dev.fdb.del(0, r, e.vni);
      continue;
    }
    dev.fdb.del(e.mac, null, e.vni);
  }
}
