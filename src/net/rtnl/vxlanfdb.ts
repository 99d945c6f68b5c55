/** The VXLAN forwarding database through rtnetlink. Models vxlan_fdb_add(), vxlan_fdb_delete(), vxlan_fdb_dump() */

import { fail, type Result } from '../../sim/errno.ts';
import type { NetDevice } from '../dev/device.ts';
import type { FdbMsg, FdbRequest } from './fdb.ts';

export function vxlanFdb(_dev: NetDevice): FdbMsg[] {
  return [];
}

export function vxlanChange(_req: FdbRequest, _mode: 'add' | 'append' | 'replace'): Result {
  return fail('EOPNOTSUPP');
}

export function vxlanRemove(_req: FdbRequest): Result {
  return fail('EOPNOTSUPP');
}
