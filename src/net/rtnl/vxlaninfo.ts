/** Options of VXLAN devices through rtnetlink. Models vxlan_nl2conf(), vxlan_config_validate(), vxlan_changelink(), vxlan_fill_info() */

import { type Fail, fail, ok, type Result } from '../../sim/errno.ts';
import { familyOf, type IpAddr, isMulticast } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import { VXLAN_DEFAULTS, Vxlan, type VxlanOptions } from '../dev/vxlan.ts';
import type { Netns } from '../netns.ts';

export { VXLAN_DEFAULTS, type VxlanOptions } from '../dev/vxlan.ts';

export interface VxlanData {
  readonly kind: 'vxlan';
  id?: number;
  local?: IpAddr;
  /** Unicast remote or multicast group. */
  remote?: IpAddr;
  /** ifindex of the underlying device. */
  link?: number;
  linkName?: string;
  readonly options: Partial<Omit<VxlanOptions, 'vni' | 'local' | 'remote' | 'dev'>>;
}

export function isZero(a: IpAddr): boolean {
  return a === 0 || a === 0n;
}

export function vxlanData(dev: Vxlan): VxlanData {
  const { vni, local, remote, dev: lower, ...options } = dev.options;
  return {
    kind: 'vxlan',
    id: vni,
    ...(local === null ? {} : { local }),
    ...(remote === null ? {} : { remote }),
    ...(lower ? { link: lower.ifindex, linkName: lower.name } : {}),
    options,
  };
}

/** What a Generic Protocol Extension device must not have. */
const NOT_GPE = ['learning', 'proxy', 'rsc', 'l2miss', 'l3miss', 'ttlInherit', 'remcsumTx', 'remcsumRx', 'gbp'] as const;

function wrong(o: VxlanOptions): Fail | null {
  if (o.srcportMax < o.srcportMin) return fail('EINVAL', 'Invalid source port range');
  if (o.gpe && NOT_GPE.some((name) => o[name])) return fail('EINVAL', 'VXLAN GPE does not support this combination of attributes');
  const { local, remote } = o;
  if (local !== null && remote !== null && familyOf(local) !== familyOf(remote))
    return fail('EINVAL', 'Local and remote address must be from the same family');
  if (local !== null && isMulticast(local)) return fail('EINVAL', 'Local address cannot be multicast');
  if (o.label !== 0 && typeof (remote ?? local) !== 'bigint') return fail('EINVAL', 'Label attribute only applies to IPv6 VXLAN devices');
  if (remote !== null && isMulticast(remote) && !o.dev) return fail('EINVAL', 'Local interface required for multicast remote destination');
  return null;
}

export function newVxlan(ns: Netns, name: string, link: NetDevice | null, d: VxlanData): Result<Vxlan> {
  const lower = d.link === undefined ? null : link?.ifindex === d.link ? link : (ns.deviceByIndex(d.link) ?? null);
  if (d.link !== undefined && !lower) return fail('ENODEV', 'Invalid local interface, device not found');
  const options: VxlanOptions = { ...VXLAN_DEFAULTS, ...d.options, vni: d.id ?? 0, dev: lower };
  if (d.local !== undefined && !isZero(d.local)) options.local = d.local;
  if (d.remote !== undefined && !isZero(d.remote)) options.remote = d.remote;
  const bad = wrong(options);
  if (bad) return bad;
  for (const other of ns.devices.values()) {
    if (!(other instanceof Vxlan) || other.options.vni !== options.vni || other.dstport !== options.dstport) continue;
    return fail('EEXIST', 'A VXLAN device with the specified VNI already exists');
  }
  return ok(new Vxlan(ns, name, options));
}

/** Flags that only a new device takes, by their names in the kernel's complaint, in the order of its checks. */
const FIXED: readonly (readonly [keyof VxlanData['options'], string])[] = [
  ['ttlInherit', 'vxlan: cannot change TTL_INHERIT flag'],
  ['proxy', 'vxlan: cannot change PROXY flag'],
  ['rsc', 'vxlan: cannot change RSC flag'],
  ['l2miss', 'vxlan: cannot change L2MISS flag'],
  ['l3miss', 'vxlan: cannot change L3MISS flag'],
  ['limit', 'Cannot change limit'],
  ['external', 'vxlan: cannot change COLLECT_METADATA flag'],
  ['srcportMin', 'Cannot change port range'],
  ['dstport', 'Cannot change port'],
  ['udpCsum', 'Cannot change UDP_CSUM flag'],
  ['zeroCsum6Tx', 'vxlan: cannot change UDP_ZERO_CSUM6_TX flag'],
  ['zeroCsum6Rx', 'vxlan: cannot change UDP_ZERO_CSUM6_RX flag'],
  ['remcsumTx', 'vxlan: cannot change REMCSUM_TX flag'],
  ['remcsumRx', 'vxlan: cannot change REMCSUM_RX flag'],
  ['gbp', 'vxlan: cannot change GBP flag'],
  ['gpe', 'vxlan: cannot change GPE flag'],
  ['vnifilter', 'vxlan: cannot change VNIFILTER flag'],
];

export function changeVxlan(dev: Vxlan, d: VxlanData): Result {
  const o = dev.options;
  if (d.id !== undefined && d.id !== o.vni) return fail('EOPNOTSUPP', 'Cannot change VNI');
  if (d.remote !== undefined && familyOf(d.remote) !== dev.family)
    return fail('EOPNOTSUPP', 'New group address family does not match old group');
  if (d.local !== undefined && familyOf(d.local) !== dev.family) return fail('EOPNOTSUPP', 'New local address family does not match old');
  const fixed = FIXED.find(([name]) => d.options[name] !== undefined);
  if (fixed) return fail('EOPNOTSUPP', fixed[1]);
  const lower = d.link === undefined ? null : dev.underlay.deviceByIndex(d.link);
  if (d.link !== undefined && !lower) return fail('ENODEV', 'Invalid local interface, device not found');
  const next: VxlanOptions = { ...o, ...d.options, dev: lower ?? o.dev };
  if (d.remote !== undefined) next.remote = isZero(d.remote) ? null : d.remote;
  if (d.local !== undefined) next.local = isZero(d.local) ? null : d.local;
  const bad = wrong(next);
  if (bad) return bad;
  if (next.remote !== o.remote) {
    const at = (ip: IpAddr, via: NetDevice | null) => ({ ip, port: 0, vni: o.vni, dev: via });
    if (next.remote !== null) {
      const added = dev.fdb.add(0, at(next.remote, next.dev), 'permanent', 'append');
      if (!added.ok) return added;
    }
    if (o.remote !== null) dev.fdb.del(0, at(o.remote, o.dev));
  }
  const moved = next.remote !== o.remote || next.dev !== o.dev;
  if (lower) dev.setLower(lower);
  Object.assign(o, next);
  if (moved) dev.rejoin();
  return ok();
}
