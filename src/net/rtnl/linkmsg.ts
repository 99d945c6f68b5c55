/** What RTM_NEWLINK tells about a device: a snapshot for `ip link`, `ip monitor` and checks. Models rtnl_fill_ifinfo() */

import type { Mac } from '../../wire/mac.ts';
import type { DeviceStats, NetDevice, OperState } from '../dev/device.ts';
import type { Netns } from '../netns.ts';
import type { BondPortData } from './kinds.ts';
import { lateKinds } from './latekinds.ts';
import { type LinkData, linkData, type PortData, portData } from './linkinfo.ts';
import { peernet2idAlloc } from './nsid.ts';

export interface LinkMsg {
  readonly ifindex: number;
  readonly name: string;
  /** ll type: `ether`, `loopback`, `ipip` … */
  readonly linkType: string;
  /** info_kind; null for loopback and hardware. */
  readonly kind: string | null;
  readonly slaveKind: string | null;
  readonly data: LinkData | null;
  readonly port: PortData | null;
  readonly bondPort: BondPortData | null;
  /** Table of the VRF that it belongs to. */
  readonly vrfTable: number | null;
  /** IFF_* with RUNNING and LOWER_UP. */
  readonly flags: number;
  readonly mtu: number;
  readonly qdisc: string;
  readonly master: { readonly ifindex: number; readonly name: string } | null;
  readonly operstate: OperState;
  readonly group: number;
  readonly txqlen: number;
  /** IFLA_LINK; null when it is the device itself. */
  readonly link: number | null;
  /** Name and IFF_UP of `link` when it is in the same namespace. */
  readonly linkName: string | null;
  readonly linkUp: boolean;
  /** IFLA_LINK_NETNSID; null when the other end is here. */
  readonly linkNetnsid: number | null;
  readonly address: Mac;
  readonly broadcast: Mac;
  /** Both as text; null where the hardware has no addresses. */
  readonly addressText: string | null;
  readonly broadcastText: string | null;
  readonly alias: string;
  readonly altnames: readonly string[];
  readonly promiscuity: number;
  readonly allmulti: number;
  readonly minMtu: number;
  readonly maxMtu: number;
  readonly addrGenMode: string;
  readonly linkMode: 'default' | 'dormant';
  readonly protoDown: boolean;
  readonly gsoMaxSize: number;
  readonly gsoMaxSegs: number;
  readonly groMaxSize: number;
  readonly numTxQueues: number;
  readonly numRxQueues: number;
  readonly carrierChanges: number;
  readonly stats: DeviceStats;
}

export function linkType(dev: NetDevice): string {
  return dev.hardware;
}

function linkKind(dev: NetDevice): string | null {
  return dev.kind === 'loopback' || dev.kind === 'ether' ? null : dev.kind;
}

/** A link message without a reader: it gives the peer's namespace an id when it has none. Returns the id. */
export function announce(dev: NetDevice): number | null {
  const peerNs = dev.peerNs();
  return peerNs !== null && peerNs !== dev.ns ? peernet2idAlloc(dev.ns, peerNs) : null;
}

export function linkMsg(dev: NetDevice): LinkMsg {
  const nsid = announce(dev);
  const foreign = nsid !== null;
  const iflink = dev.iflink();
  const link = iflink !== dev.ifindex || foreign ? iflink : null;
  const below = link !== null && !foreign ? dev.ns.devices.get(link) : undefined;
  const master = dev.master;
  return {
    ifindex: dev.ifindex,
    name: dev.name,
    linkType: linkType(dev),
    kind: linkKind(dev),
    slaveKind: master ? linkKind(master) : null,
    data: linkData(dev),
    port: portData(dev),
    bondPort: lateKinds()?.bondPort(dev) ?? null,
    vrfTable: master !== null && master.l3table !== 0 ? master.l3table : null,
    flags: dev.userFlags(),
    mtu: dev.mtu,
    qdisc: dev.qdiscShown(),
    master: master ? { ifindex: master.ifindex, name: master.name } : null,
    operstate: dev.operstate(),
    group: dev.group,
    txqlen: dev.txqlen,
    link,
    linkName: below?.name ?? null,
    linkUp: below?.up ?? false,
    linkNetnsid: nsid,
    address: dev.mac,
    broadcast: dev.broadcast,
    addressText: dev.llAddress,
    broadcastText: dev.llBroadcast,
    alias: dev.alias,
    altnames: [...dev.altnames],
    promiscuity: dev.promiscuity,
    allmulti: dev.allmulti,
    minMtu: dev.minMtu,
    maxMtu: dev.maxMtu,
    addrGenMode: dev.addrGenMode,
    linkMode: dev.linkMode,
    protoDown: dev.protoDown === true,
    gsoMaxSize: dev.gsoMaxSize,
    gsoMaxSegs: dev.gsoMaxSegs,
    groMaxSize: dev.groMaxSize,
    numTxQueues: dev.numTxQueues,
    numRxQueues: dev.numRxQueues,
    carrierChanges: dev.carrierChanges,
    stats: { ...dev.stats },
  };
}

/** RTM_GETLINK dump: all devices in order of index. */
export function dumpLinks(ns: Netns): LinkMsg[] {
  return [...ns.devices.values()].map(linkMsg);
}
