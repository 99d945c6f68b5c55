/** RTM_NEWLINK, RTM_DELLINK: making, changing and deleting devices with the kernel's checks in its order. Models net/core/rtnetlink.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { isMulticastMac, type Mac } from '../../wire/mac.ts';
import { Bridge } from '../dev/bridge.ts';
import type { NetDevice } from '../dev/device.ts';
import { linkwatchFire } from '../dev/linkwatch.ts';
import { Veth } from '../dev/veth.ts';
import { Vlan } from '../dev/vlan.ts';
import type { Netns } from '../netns.ts';
import { lateKinds } from './latekinds.ts';
import { changeData, changePort, changeVlan, type LinkData, type PortChange } from './linkinfo.ts';
import { announce } from './linkmsg.ts';
import { peernet2idAlloc } from './nsid.ts';
import { newVxlan } from './vxlaninfo.ts';

/** The attributes of a link message; absent ones are left alone. */
export interface LinkAttrs {
  name?: string;
  index?: number;
  address?: Mac;
  broadcast?: Mac;
  mtu?: number;
  txqlen?: number;
  group?: number;
  alias?: string;
  /** null: nomaster. */
  master?: NetDevice | null;
  /** Lower device (`link` of ip link add). */
  link?: NetDevice;
  netns?: Netns;
  /** IFF_* to set and to clear. */
  set?: number;
  clear?: number;
  carrier?: boolean;
  addrGenMode?: NetDevice['addrGenMode'];
  linkMode?: NetDevice['linkMode'];
  protoDown?: boolean;
  gsoMaxSize?: number;
  gsoMaxSegs?: number;
  groMaxSize?: number;
  /** Something about a virtual function, which no device here has. */
  vf?: boolean;
  linkNetnsid?: number;
  numTxQueues?: number;
  numRxQueues?: number;
}

export interface NewLink extends LinkAttrs {
  kind: string;
  data?: LinkData;
  /** The other end of a veth. */
  peer?: LinkAttrs;
}

function validateMtu(dev: NetDevice, mtu: number): Result {
  if (mtu < dev.minMtu) return fail('EINVAL', 'mtu less than device minimum');
  if (dev.maxMtu > 0 && mtu > dev.maxMtu) return fail('EINVAL', 'mtu greater than device maximum');
  return ok();
}

/** What rtnl_create_link() takes from the message before the device is registered. */
function preset(dev: NetDevice, a: LinkAttrs): Result {
  if (a.mtu !== undefined) {
    const valid = validateMtu(dev, a.mtu);
    if (!valid.ok) return valid;
    dev.mtu = a.mtu;
  }
  if (a.address !== undefined) {
    if (isMulticastMac(a.address) || a.address === 0) return fail('EADDRNOTAVAIL');
    dev.mac = a.address;
    dev.macAssign = 'set';
    if (dev instanceof Bridge) dev.idMac = a.address;
  }
  if (a.broadcast !== undefined) dev.broadcast = a.broadcast;
  if (a.txqlen !== undefined) dev.txqlen = a.txqlen;
  if (a.group !== undefined) dev.group = a.group;
  if (a.numTxQueues !== undefined) dev.numTxQueues = a.numTxQueues;
  if (a.numRxQueues !== undefined) dev.numRxQueues = a.numRxQueues;
  return ok();
}

/** rtnl_configure_link(): flags after registration, then everyone is told (which gives peers their nsids). */
function configure(dev: NetDevice, a: LinkAttrs): Result {
  const r = dev.changeFlags(a.set ?? 0, a.clear ?? 0);
  announce(dev);
  return r;
}

function newVeth(ns: Netns, req: NewLink): Result<NetDevice> {
  const dev = new Veth(ns, req.name ?? 'veth%d');
  const peerAttrs: LinkAttrs = req.peer ?? {};
  const peerNs = peerAttrs.netns ?? ns;
  const peer = new Veth(peerNs, peerAttrs.name ?? 'veth%d');
  for (const [d, a] of [
    [peer, peerAttrs],
    [dev, req],
  ] as const) {
    if (a.mtu !== undefined && (a.mtu < 68 || a.mtu > 65535)) return fail('EINVAL');
    const r = preset(d, a);
    if (!r.ok) return r;
  }
  const made = Veth.pair(dev, peer, req.index, peerAttrs.index);
  if (!made.ok) return made;
  const r = configure(peer, peerAttrs);
  return r.ok ? ok<NetDevice>(dev) : r;
}

function newVlan(target: Netns, req: NewLink): Result<NetDevice> {
  const d = req.data?.kind === 'vlan' ? req.data : null;
  if (!d) return fail('EINVAL', '8021q: VLAN properties not specified');
  if (d.id === undefined) return fail('EINVAL', '8021q: VLAN id not specified');
  if (d.id >= 4095) return fail('ERANGE', '8021q: Invalid VLAN id');
  if (!req.link) return fail('EINVAL', '8021q: link not specified');
  if (d.protocol !== undefined && d.protocol !== 0x8100 && d.protocol !== 0x88a8)
    return fail('EPROTONOSUPPORT', '8021q: Invalid VLAN protocol');
  const dev = new Vlan(target, req.name ?? 'vlan%d', req.link, d.id, d.protocol);
  const r = changeVlan(dev, d);
  return r.ok ? ok<NetDevice>(dev) : r;
}

function make(ns: Netns, target: Netns, req: NewLink): Result<NetDevice> {
  switch (req.kind) {
    case 'bridge':
      return ok<NetDevice>(new Bridge(target, req.name ?? 'bridge%d'));
    case 'vlan':
      return newVlan(target, req);
    case 'vxlan':
      if (req.data?.kind !== 'vxlan') return fail('EINVAL', 'Required attributes not provided to perform the operation');
      return newVxlan(ns, req.name ?? 'vxlan%d', req.link ?? null, req.data);
    default:
      return lateKinds()?.makeKind(ns, target, req) ?? fail('EOPNOTSUPP', 'Unknown device type');
  }
}

/** RTM_NEWLINK with NLM_F_CREATE|NLM_F_EXCL. */
export function newLink(ns: Netns, req: NewLink, replace = false): Result<NetDevice> {
  if (req.name !== undefined && ns.device(req.name)) return fail(replace ? 'EOPNOTSUPP' : 'EEXIST');
  if (req.index !== undefined && ns.devices.has(req.index)) return fail('EEXIST');
  const target = req.netns ?? ns;
  if (!target.alive || req.peer?.netns?.alive === false) return fail('EINVAL');
  if (req.kind === 'veth') {
    const made = newVeth(target, req.peer?.netns ? req : { ...req, peer: { ...req.peer, netns: ns } });
    if (!made.ok) return made;
    return finish(made.value, req);
  }
  const made = make(ns, target, req);
  if (!made.ok) return made;
  const dev = made.value;
  const set = preset(dev, req);
  if (!set.ok) return set;
  const registered = dev.register(req.index);
  if (!registered.ok) return registered;
  if (req.data?.kind === 'bridge' || req.data?.kind === 'bond') {
    const changed = changeData(dev, req.data);
    if (!changed.ok) {
      dev.delete();
      return changed;
    }
  }
  // macvlan_common_newlink(), ipvlan_link_new(), register_vlan_dev(): the state of what lies below is told at once.
  if (req.kind === 'macvlan' || req.kind === 'macvtap' || req.kind === 'ipvlan' || req.kind === 'vlan') linkwatchFire(dev);
  return finish(dev, req);
}

function finish(dev: NetDevice, req: NewLink): Result<NetDevice> {
  if (req.master) {
    const joined = dev.setMaster(req.master);
    if (!joined.ok) {
      dev.delete();
      return joined;
    }
  }
  const r = configure(dev, req);
  return r.ok ? ok(dev) : r;
}

/** RTM_NEWLINK on an existing device: kind data first, then the attributes in the order of do_setlink(). */
export function setLink(dev: NetDevice, a: LinkAttrs, kind?: string, data?: LinkData, port?: PortChange): Result {
  if (data) {
    if (kind !== dev.kind) return fail('EOPNOTSUPP');
    const r = changeData(dev, data);
    if (!r.ok) return r;
  }
  if (port) {
    const r = changePort(dev, port);
    if (!r.ok) return r;
  }
  if (a.netns && a.netns !== dev.ns) {
    if (!a.netns.alive) return fail('EINVAL');
    const from = dev.ns;
    const r = dev.moveTo(a.netns, a.name);
    if (!r.ok) return r;
    tellPeers(dev, from);
  }
  if (a.linkNetnsid !== undefined && ![...dev.ns.nsids.values()].includes(a.linkNetnsid))
    return fail('EINVAL', 'Unknown network namespace id');
  const steps: ((() => Result) | false)[] = [
    a.address !== undefined && ((): Result => dev.setMac(a.address as Mac)),
    a.mtu !== undefined && ((): Result => dev.setMtu(a.mtu as number)),
    a.group !== undefined &&
      ((): Result =>
        put(() => {
          dev.group = a.group as number;
        })),
    a.name !== undefined && !a.netns && ((): Result => dev.rename(a.name as string)),
    a.alias !== undefined && ((): Result => dev.setAlias(a.alias as string)),
    a.broadcast !== undefined &&
      ((): Result =>
        put(() => {
          dev.broadcast = a.broadcast as Mac;
        })),
    (a.set !== undefined || a.clear !== undefined) && ((): Result => dev.changeFlags(a.set ?? 0, a.clear ?? 0)),
    a.master !== undefined && ((): Result => setMaster(dev, a.master as NetDevice | null)),
    a.vf === true && ((): Result => fail('EOPNOTSUPP')),
    a.carrier !== undefined && ((): Result => setCarrier(dev, a.carrier as boolean)),
    a.txqlen !== undefined &&
      ((): Result =>
        put(() => {
          dev.txqlen = a.txqlen as number;
        })),
    a.addrGenMode !== undefined &&
      ((): Result =>
        put(() => {
          dev.addrGenMode = a.addrGenMode as NetDevice['addrGenMode'];
        })),
    a.gsoMaxSize !== undefined && ((): Result => limited(a.gsoMaxSize as number, 524280, (n) => (dev.gsoMaxSize = n))),
    a.gsoMaxSegs !== undefined && ((): Result => limited(a.gsoMaxSegs as number, 65535, (n) => (dev.gsoMaxSegs = n))),
    a.groMaxSize !== undefined && ((): Result => limited(a.groMaxSize as number, 524280, (n) => (dev.groMaxSize = n))),
    a.linkMode !== undefined &&
      ((): Result =>
        put(() => {
          dev.linkMode = a.linkMode as NetDevice['linkMode'];
        })),
    a.protoDown !== undefined && ((): Result => setProtoDown(dev, a.protoDown as boolean)),
  ];
  for (const step of steps) {
    const r = step ? step() : ok();
    if (!r.ok) return r;
  }
  announce(dev);
  return ok();
}

function put(change: () => void): Result {
  change();
  return ok();
}

function limited(n: number, max: number, set: (n: number) => void): Result {
  if (n > max) return fail('EINVAL', 'too big');
  set(n);
  return ok();
}

function setProtoDown(dev: NetDevice, on: boolean): Result {
  if (dev.protoDown === null) return fail('EOPNOTSUPP', 'Protodown not supported by device');
  dev.protoDown = on;
  if (on) dev.carrierOff();
  else dev.carrierOn();
  return ok();
}

/** ndo_change_carrier exists for dummy devices, and for TUN and TAP ones that nobody has opened. */
function setCarrier(dev: NetDevice, on: boolean): Result {
  if (dev.kind !== 'dummy' && dev.kind !== 'tun') return fail('EOPNOTSUPP');
  if (on) dev.carrierOn();
  else dev.carrierOff();
  return ok();
}

/** do_set_master(): leaves the old master first, even when the new one refuses. */
function setMaster(dev: NetDevice, master: NetDevice | null): Result {
  if (master === null) return dev.setMaster(null);
  if (dev.master === master) return ok();
  return dev.setMaster(master);
}

/** The old namespace hears where the device went (IFLA_NEW_NETNSID), and both ends of a veth are announced. */
function tellPeers(dev: NetDevice, from: Netns): void {
  peernet2idAlloc(from, dev.ns);
  announce(dev);
  if (dev instanceof Veth && dev.peer) announce(dev.peer);
}

/** RTM_DELLINK. */
export function delLink(dev: NetDevice): Result {
  if (dev.kind === 'loopback' || dev.kind === 'ether') return fail('EOPNOTSUPP');
  dev.delete();
  return ok();
}

/** RTM_DELLINK of a device group; the default group is refused. */
export function delGroup(ns: Netns, group: number): Result {
  if (group === 0) return fail('EPERM');
  const members = [...ns.devices.values()].filter((d) => d.group === group);
  if (members.some((d) => d.kind === 'loopback' || d.kind === 'ether')) return fail('EOPNOTSUPP');
  if (members.length === 0) return fail('ENODEV');
  for (const dev of members) dev.delete();
  return ok();
}

/** RTM_NEWLINK for a whole device group. */
export function setGroup(ns: Netns, group: number, a: LinkAttrs): Result {
  for (const dev of [...ns.devices.values()]) {
    if (dev.group !== group) continue;
    const r = setLink(dev, a);
    if (!r.ok) return r;
  }
  return ok();
}
