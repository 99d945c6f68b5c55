/** Source address selection: inet_select_addr() and ipv6_dev_get_saddr() (RFC 6724) */

import { type IpAddr, inPrefix, isLinkLocal, isLoopback, isMulticast } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import { addrLabelOf } from './addrlabel.ts';
import { RT_SCOPE_HOST, RT_SCOPE_LINK } from './fib.ts';
import { IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_OPTIMISTIC, IFA_F_SECONDARY, IFA_F_TENTATIVE, type IfAddr } from './ifaddr.ts';

/** The source address for `dst` (0 = any) out of `dev`; `scope` is an RT_SCOPE_*, of IPv4 only. null when there is none. */
export function selectAddr(dev: NetDevice, dst: IpAddr, scope: number): IpAddr | null {
  return typeof dst === 'number' ? select4(dev, dst, scope) : select6(dev, dst);
}

function select4(dev: NetDevice, dst: number, scope: number): number | null {
  const localnet = dev.ns.sysctl.or4(dev, 'route_localnet') ? RT_SCOPE_LINK : RT_SCOPE_HOST;
  let first: number | null = null;
  for (const a of dev.addrs4) {
    if (a.flags & IFA_F_SECONDARY || Math.min(a.scope, localnet) > scope) continue;
    if (dst === 0 || inPrefix(dst, a.peer, a.len)) return a.local as number;
    first ??= a.local as number;
  }
  if (first !== null) return first;
  for (const other of dev.ns.devices.values()) {
    for (const a of other.addrs4) {
      if (!(a.flags & IFA_F_SECONDARY) && a.scope !== RT_SCOPE_LINK && a.scope <= scope) return a.local as number;
    }
  }
  return null;
}

/** RFC 4007 scope numbers. */
function scope6(a: bigint): number {
  if (isMulticast(a)) return Number((a >> 112n) & 0xfn);
  if (isLoopback(a) || isLinkLocal(a)) return 2;
  if (a >> 118n === 0x3fbn) return 5;
  return 14;
}

function commonBits(a: bigint, b: bigint, max: number): number {
  const x = a ^ b;
  let n = 0;
  for (let shift = 96n; shift >= 0n; shift -= 32n) {
    const zeroes = Math.clz32(Number(BigInt.asUintN(32, x >> shift)));
    n += zeroes;
    if (zeroes < 32) break;
  }
  return Math.min(n, max);
}

function select6(dev: NetDevice, dst: bigint): bigint | null {
  const onlyDev = (isMulticast(dst) && scope6(dst) <= 2) || isLinkLocal(dst);
  const want = scope6(dst);
  const wantLabel = addrLabelOf(dev, dst);
  let best: IfAddr | null = null;
  let bestScore: number[] = [];
  for (const d of dev.ns.devices.values()) {
    if (onlyDev && d !== dev) continue;
    for (const a of d.addrs6) {
      if (a.flags & IFA_F_DADFAILED || (a.flags & IFA_F_TENTATIVE && !(a.flags & IFA_F_OPTIMISTIC))) continue;
      const local = a.local as bigint;
      const scope = scope6(local);
      const score = [
        local === dst ? 1 : 0,
        scope >= want ? 100 - scope : scope - 100,
        a.flags & IFA_F_DEPRECATED ? 0 : 1,
        d === dev ? 1 : 0,
        addrLabelOf(d, local) === wantLabel ? 1 : 0,
        commonBits(local, dst, a.len),
      ];
      if (best === null || greater(score, bestScore)) {
        best = a;
        bestScore = score;
      }
    }
  }
  return best ? (best.local as bigint) : null;
}

function greater(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0; i < a.length; i++) {
    const d = (a[i] as number) - (b[i] as number);
    if (d !== 0) return d > 0;
  }
  return false;
}
