/** Addresses of devices: their life, and the local, broadcast and connected routes they bring. Models net/ipv4/devinet.c, fib_frontend.c */

import type { Result } from '../../sim/errno.ts';
import { fail } from '../../sim/errno.ts';
import type { Family, IpAddr } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';

export const IFA_F_SECONDARY = 0x01;
export const IFA_F_NODAD = 0x02;
export const IFA_F_OPTIMISTIC = 0x04;
export const IFA_F_DADFAILED = 0x08;
export const IFA_F_HOMEADDRESS = 0x10;
export const IFA_F_DEPRECATED = 0x20;
export const IFA_F_TENTATIVE = 0x40;
export const IFA_F_PERMANENT = 0x80;
export const IFA_F_MANAGETEMPADDR = 0x100;
export const IFA_F_NOPREFIXROUTE = 0x200;
export const IFA_F_MCAUTOJOIN = 0x400;
export const IFA_F_STABLE_PRIVACY = 0x800;

/** Lifetimes are seconds; this is `forever`. */
export const INFINITY_LIFE = 0xffffffff;

/** One address of a device (in dev.addrs4 or dev.addrs6, in the order that `ip addr` prints). */
export interface IfAddr {
  readonly family: Family;
  readonly dev: NetDevice;
  readonly local: IpAddr;
  /** The other end of a point-to-point link; equal to `local` otherwise. */
  readonly peer: IpAddr;
  readonly len: number;
  broadcast: IpAddr | null;
  /** RT_SCOPE_* */
  scope: number;
  label: string;
  /** IFA_F_* */
  flags: number;
  /** Seconds from `since`, INFINITY_LIFE = forever. */
  validLft: number;
  prefLft: number;
  /** Virtual time of creation or last change, µs. */
  since: number;
  metric: number;
  /** IFAPROT_*: 0 unspecified, 1 kernel_lo, 2 kernel_ra, 3 kernel_ll. */
  proto: number;
}

export interface AddrSpec {
  local: IpAddr;
  len: number;
  peer?: IpAddr;
  /** null or absent: none. (`brd +` is the tool's computation.) */
  broadcast?: IpAddr | null;
  scope?: number;
  label?: string;
  flags?: number;
  validLft?: number;
  prefLft?: number;
  metric?: number;
  proto?: number;
}

/** RTM_NEWADDR. EEXIST when it is there (change/replace only alter lifetimes, flags and metric). */
export function addAddr(dev: NetDevice, spec: AddrSpec, mode: 'add' | 'change' | 'replace' = 'add'): Result<IfAddr> {
  void dev;
  void spec;
  void mode;
  return fail('EOPNOTSUPP');
}

/** RTM_DELADDR: the first address that agrees; EADDRNOTAVAIL when none. Secondaries go or are promoted (promote_secondaries). */
export function delAddr(dev: NetDevice, spec: { local: IpAddr; len?: number; peer?: IpAddr; label?: string }): Result {
  void dev;
  void spec;
  return fail('EOPNOTSUPP');
}
