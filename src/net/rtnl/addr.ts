/** RTM_NEWADDR as the netlink policy lets it through. Models inet_rtm_newaddr() and ifa_ipv4_policy */

import { fail, ok, type Result } from '../../sim/errno.ts';
import type { NetDevice } from '../dev/device.ts';
import { type AddrSpec, addAddr } from '../ip/ifaddr.ts';

// RTM_NEWADDRLABEL, RTM_DELADDRLABEL, RTM_GETADDRLABEL
export { addAddrLabel, delAddrLabel, listAddrLabels } from '../ip/addrlabel.ts';

/** IFNAMSIZ - 1. */
const LABEL_MAX = 15;

export function newAddr(dev: NetDevice, spec: AddrSpec, mode: 'add' | 'change' | 'replace'): Result {
  if (spec.label !== undefined && spec.label.length > LABEL_MAX) return fail('ERANGE', 'Attribute failed policy validation');
  // __inet_insert_ifa() drops the address 0.0.0.0 and says nothing.
  if (spec.local === 0) return ok();
  const r = addAddr(dev, spec, mode);
  return r.ok ? ok() : r;
}
