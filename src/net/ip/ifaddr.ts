/** Addresses of devices: their life, and the local, broadcast and connected routes they bring. Models net/ipv4/devinet.c, fib_frontend.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { SEC, type Timer } from '../../sim/sim.ts';
import { type Family, type IpAddr, inPrefix, isLoopback } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import { addAddr6, delAddr6 } from './addrconf.ts';
import { addRoutes, delRoutes, movePrefix } from './ifroutes.ts';

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
  /** What the last solicitation for it carried (RFC 7527). */
  dadNonce?: Uint8Array | null;
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

/** RTM_NEWADDR. EEXIST when it is there (change and replace only alter lifetimes, flags and metric). */
export function addAddr(dev: NetDevice, spec: AddrSpec, mode: 'add' | 'change' | 'replace' = 'add'): Result<IfAddr> {
  if (typeof spec.local !== 'number') return addAddr6(dev, spec, mode);
  const local = spec.local;
  if (spec.len < 0 || spec.len > 32) return fail('EINVAL', 'ipv4: Invalid prefix length');
  const valid = spec.validLft ?? INFINITY_LIFE;
  const pref = Math.min(spec.prefLft ?? INFINITY_LIFE, valid);
  if (valid === 0) return fail('EINVAL', 'ipv4: Invalid address lifetime');
  dev.ns.sysctl.settle4(dev);
  const peer = (spec.peer as number | undefined) ?? local;
  const old = dev.addrs4.find((a) => a.len === spec.len && inPrefix(a.peer, peer, a.len) && a.local === local);
  if (old) {
    if (mode === 'add') return fail('EEXIST', 'ipv4: Address already assigned');
    if (spec.metric && spec.metric !== old.metric) movePrefix(old, spec.metric);
    setLifetime(old, valid, pref);
    dev.ns.events.emit({ type: 'addr', action: 'new', dev, addr: old });
    return ok(old);
  }
  const addr: IfAddr = {
    family: 4,
    dev,
    local,
    peer,
    len: spec.len,
    broadcast: spec.broadcast ?? null,
    scope: spec.scope ?? (isLoopback(local) ? 254 : 0),
    label: spec.label ?? dev.name,
    flags: (spec.flags ?? 0) & ~IFA_F_SECONDARY,
    validLft: INFINITY_LIFE,
    prefLft: INFINITY_LIFE,
    since: 0,
    metric: spec.metric ?? 0,
    proto: spec.proto ?? 0,
  };
  return local === 0 ? ok(addr) : insert4(addr, valid, pref);
}

/** __inet_insert_ifa() */
function insert4(addr: IfAddr, valid: number, pref: number): Result<IfAddr> {
  const { dev } = addr;
  let afterPrimaries = 0;
  for (const [i, other] of dev.addrs4.entries()) {
    if (!(other.flags & IFA_F_SECONDARY) && addr.scope <= other.scope) afterPrimaries = i + 1;
    if (sameSubnet(addr, other)) {
      if (other.scope !== addr.scope) return fail('EINVAL', 'ipv4: Invalid scope value');
      addr.flags |= IFA_F_SECONDARY;
    }
  }
  dev.addrs4.splice(addr.flags & IFA_F_SECONDARY ? dev.addrs4.length : afterPrimaries, 0, addr);
  setLifetime(addr, valid, pref);
  dev.ns.fib.generation++;
  dev.ns.events.emit({ type: 'addr', action: 'new', dev, addr });
  addRoutes(addr);
  return ok(addr);
}

export function sameSubnet(a: IfAddr, b: IfAddr): boolean {
  return a.len === b.len && inPrefix(a.peer, b.peer, b.len);
}

/** RTM_DELADDR: the first address that agrees; EADDRNOTAVAIL when none. Secondaries go or are promoted (promote_secondaries). */
export function delAddr(dev: NetDevice, spec: { local: IpAddr; len?: number; peer?: IpAddr; label?: string }): Result {
  if (typeof spec.local !== 'number') return delAddr6(dev, spec.local, spec.len);
  const addr = dev.addrs4.find(
    (a) =>
      a.local === spec.local &&
      (spec.label === undefined || a.label === spec.label) &&
      (spec.len === undefined || (spec.len === a.len && inPrefix(spec.peer ?? spec.local, a.peer, a.len))),
  );
  if (!addr) return fail('EADDRNOTAVAIL', 'ipv4: Address not found');
  remove4(addr);
  return ok();
}

/** __inet_del_ifa() */
export function remove4(addr: IfAddr, dying = false): void {
  const { dev } = addr;
  const { ns } = dev;
  let promoted: IfAddr | null = null;
  if (!(addr.flags & IFA_F_SECONDARY)) {
    const later = dev.addrs4.slice(dev.addrs4.indexOf(addr) + 1).filter((a) => a.flags & IFA_F_SECONDARY && sameSubnet(addr, a));
    if (ns.sysctl.or4(dev, 'promote_secondaries') && !dying) {
      promoted = later[0] ?? null;
      for (const a of later) delRoutes(a, addr);
    } else {
      for (const a of later) {
        dev.addrs4 = dev.addrs4.filter((x) => x !== a);
        gone(a, dying);
      }
    }
  }
  dev.addrs4 = dev.addrs4.filter((x) => x !== addr);
  gone(addr, dying);
  if (!promoted) return;
  promote(promoted);
}

function gone(addr: IfAddr, dying: boolean): void {
  const { dev } = addr;
  stopLifetime(addr);
  dev.ns.fib.generation++;
  dev.ns.events.emit({ type: 'addr', action: 'del', dev, addr });
  if (!dying) delRoutes(addr, null);
  if (dev.addrs4.length === 0 && !dying) flushDevice(dev);
}

/** fib_disable_ip() of the last address: IPv4 is off on the device, its routes go unannounced, its neighbours too. */
function flushDevice(dev: NetDevice): void {
  for (const route of dev.ns.fib.list(4)) if (route.nexthops.some((nh) => nh.dev === dev)) dev.ns.fib.remove(route, true);
  dev.ns.neigh.familyOff(dev, 4);
}

function promote(addr: IfAddr): void {
  const { dev } = addr;
  const rest = dev.addrs4.filter((a) => a !== addr);
  const lastPrimary = rest.findLastIndex((a) => !(a.flags & IFA_F_SECONDARY) && addr.scope <= a.scope);
  addr.flags &= ~IFA_F_SECONDARY;
  rest.splice(lastPrimary + 1, 0, addr);
  dev.addrs4 = rest;
  dev.ns.events.emit({ type: 'addr', action: 'new', dev, addr });
  addRoutes(addr);
  for (const a of dev.addrs4) if (a !== addr && a.flags & IFA_F_SECONDARY && sameSubnet(addr, a)) addRoutes(a);
}

// ---- lifetimes ----

const timers = new WeakMap<IfAddr, Timer>();

function stopLifetime(addr: IfAddr): void {
  addr.dev.ns.kernel.sim.cancel(timers.get(addr));
  timers.delete(addr);
}

/** set_ifa_lifetime(): seconds from now, INFINITY_LIFE = forever. Deprecates and deletes when they are over. */
export function setLifetime(addr: IfAddr, valid: number, pref: number): void {
  const { sim } = addr.dev.ns.kernel;
  stopLifetime(addr);
  addr.since = sim.now;
  addr.validLft = valid;
  addr.prefLft = pref;
  if (valid === INFINITY_LIFE) addr.flags |= IFA_F_PERMANENT;
  else addr.flags &= ~IFA_F_PERMANENT;
  if (pref === 0) addr.flags |= IFA_F_DEPRECATED;
  else addr.flags &= ~IFA_F_DEPRECATED;
  // check_lifetime() passes over permanent IPv4 addresses; addrconf_verify_rtnl() deprecates IPv6 ones.
  const deprecates = pref !== INFINITY_LIFE && pref !== 0 && pref < valid && (valid !== INFINITY_LIFE || addr.family === 6);
  if (deprecates)
    timers.set(
      addr,
      sim.schedule(pref * SEC, () => deprecate(addr)),
    );
  else if (valid !== INFINITY_LIFE)
    timers.set(
      addr,
      sim.schedule(valid * SEC, () => expire(addr)),
    );
}

function deprecate(addr: IfAddr): void {
  const { ns } = addr.dev;
  addr.flags |= IFA_F_DEPRECATED;
  ns.events.emit({ type: 'addr', action: 'new', dev: addr.dev, addr });
  if (addr.validLft === INFINITY_LIFE) return;
  timers.set(
    addr,
    ns.kernel.sim.schedule((addr.validLft - addr.prefLft) * SEC, () => expire(addr)),
  );
}

function expire(addr: IfAddr): void {
  if (addr.family === 4) remove4(addr);
  else delAddr6(addr.dev, addr.local as bigint, addr.len);
}
