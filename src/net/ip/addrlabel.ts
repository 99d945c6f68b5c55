/** Labels of IPv6 prefixes for source selection (RFC 6724 2.1). Models net/ipv6/addrlabel.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { type Ip6, inPrefix, isMulticast, type Prefix, parseIp6 } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import type { Netns } from '../netns.ts';

export interface AddrLabel {
  readonly prefix: Prefix;
  readonly dev: NetDevice | null;
  readonly label: number;
}

/** ip6addrlbl_init_table, in the order in which they are kept: longer prefixes first, later ones before earlier ones. */
const DEFAULTS: readonly (readonly [string, number, number])[] = [
  ['::1', 128, 0],
  ['::', 96, 3],
  ['::ffff:0:0', 96, 4],
  ['2001::', 32, 6],
  ['2001:10::', 28, 7],
  ['3ffe::', 16, 12],
  ['2002::', 16, 2],
  ['fec0::', 10, 11],
  ['fc00::', 7, 5],
  ['::', 0, 1],
];

const BUILTIN: readonly AddrLabel[] = DEFAULTS.map(([addr, len, label]) => ({
  prefix: { addr: parseIp6(addr) as Ip6, len },
  dev: null,
  label,
}));

const changed = new WeakMap<Netns, readonly AddrLabel[]>();

export function listAddrLabels(ns: Netns): readonly AddrLabel[] {
  return changed.get(ns) ?? BUILTIN;
}

/** The label of an address as seen on `dev`; IPV6_ADDR_LABEL_DEFAULT when none. */
export function addrLabelOf(dev: NetDevice, addr: Ip6): number {
  for (const l of listAddrLabels(dev.ns)) if ((!l.dev || l.dev === dev) && inPrefix(addr, l.prefix.addr, l.prefix.len)) return l.label;
  return 0xffffffff;
}

function same(l: AddrLabel, prefix: Prefix, dev: NetDevice | null): boolean {
  return l.prefix.len === prefix.len && l.prefix.addr === prefix.addr && l.dev === dev;
}

export function addAddrLabel(ns: Netns, prefix: Prefix, dev: NetDevice | null, label: number): Result {
  if (label === 0xffffffff || isMulticast(prefix.addr)) return fail('EINVAL');
  const list = [...listAddrLabels(ns)];
  if (list.some((l) => same(l, prefix, dev))) return fail('EEXIST');
  const at = list.findIndex((l) => l.prefix.len <= prefix.len);
  list.splice(at < 0 ? list.length : at, 0, { prefix, dev, label });
  changed.set(ns, list);
  return ok();
}

export function delAddrLabel(ns: Netns, prefix: Prefix, dev: NetDevice | null): Result {
  const list = listAddrLabels(ns);
  const kept = list.filter((l) => !same(l, prefix, dev));
  if (kept.length === list.length) return fail('ESRCH');
  changed.set(ns, kept);
  return ok();
}
