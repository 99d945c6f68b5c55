/** The VXLAN forwarding database through rtnetlink. Models vxlan_fdb_add(), vxlan_fdb_delete(), vxlan_fdb_dump() */

import { fail, type Result } from '../../sim/errno.ts';
import type { NetDevice } from '../dev/device.ts';
import { Vxlan, type VxlanRemote } from '../dev/vxlan.ts';
import type { FdbFlush, FdbMsg, FdbRequest } from './fdb.ts';

export function vxlanFdb(dev: NetDevice): FdbMsg[] {
  if (!(dev instanceof Vxlan)) return [];
  const now = dev.sim.now;
  return dev.fdb.list().flatMap((e) =>
    e.remotes.map(
      (r): FdbMsg => ({
        mac: e.mac,
        vlan: 0,
        dev,
        master: null,
        self: true,
        state: e.state,
        externLearn: false,
        sticky: false,
        offload: false,
        router: false,
        nhid: 0,
        srcVni: 0,
        dst: r.ip,
        dstPort: r.port !== 0 && r.port !== dev.dstport ? r.port : 0,
        vni: r.vni !== dev.vni ? r.vni : 0,
        via: r.dev,
        used: Math.floor((now - e.used) / 1e6),
        updated: Math.floor((now - e.updated) / 1e6),
      }),
    ),
  );
}

function stateOf(req: FdbRequest): 'permanent' | 'static' | 'reachable' {
  return req.state === 'dynamic' ? 'reachable' : req.state;
}

export function vxlanChange(req: FdbRequest, mode: 'add' | 'append' | 'replace'): Result {
  if (!(req.dev instanceof Vxlan)) return fail('EOPNOTSUPP');
  const dst = req.dst ?? req.dev.options.remote;
  if (dst === null) return fail('EINVAL');
  const remote: VxlanRemote = { ip: dst, port: req.dstPort ?? 0, vni: req.vni ?? req.dev.vni, dev: req.via ?? null };
  return req.dev.fdb.add(req.mac, remote, stateOf(req), mode);
}

export function vxlanRemove(req: FdbRequest): Result {
  if (!(req.dev instanceof Vxlan)) return fail('EOPNOTSUPP');
  return req.dev.fdb.del(req.mac, req.dst === undefined ? null : { ip: req.dst, port: req.dstPort ?? 0 });
}

/** vxlan_fdb_delete_bulk(): the default destination stays. */
export function flushVxlan(dev: Vxlan, f: FdbFlush): void {
  for (const e of dev.fdb.list()) {
    if (f.local !== undefined && f.local !== (e.state === 'permanent')) continue;
    if (f.static !== undefined && f.static !== (e.state !== 'reachable')) continue;
    if (e.mac === 0 && e.remotes.some((r) => r.ip === dev.options.remote)) continue;
    dev.fdb.del(e.mac, null);
  }
}
