/** Link types besides bridge, veth, VXLAN and VLAN: made, changed, reported. Models their rtnl_link_ops */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { isMulticastMac, type Mac } from '../../wire/mac.ts';
import { Bond, type BondMode, type BondOptions } from '../dev/bond.ts';
import type { NetDevice } from '../dev/device.ts';
import { Dummy } from '../dev/dummy.ts';
import { GENEVE_PORT, Geneve, type GeneveOptions } from '../dev/geneve.ts';
import { Ip6Tunnel, type Tunnel6Kind, type Tunnel6Parms, tunnel6Defaults } from '../dev/ip6tunnel.ts';
import { FALLBACK, IpTunnel, type TunnelKind, type TunnelParms, tunnelDefaults } from '../dev/iptunnel.ts';
import { Ipvlan, type IpvlanFlag, type IpvlanMode } from '../dev/ipvlan.ts';
import { Macvlan, type MacvlanKind, type MacvlanMode } from '../dev/macvlan.ts';
import { Ifb, Nlmon, Tun, type TunOptions, Wireguard } from '../dev/simple.ts';
import { Vrf } from '../dev/vrf.ts';
import type { Netns } from '../netns.ts';
import { provideKinds } from './latekinds.ts';

export { BOND_MODES } from '../dev/bond.ts';
export { tunnelDefaults } from '../dev/iptunnel.ts';

export interface TunnelData {
  readonly kind: TunnelKind;
  readonly parms: Partial<TunnelParms>;
}

export interface Tunnel6Data {
  readonly kind: Tunnel6Kind;
  readonly parms: Partial<Tunnel6Parms>;
}

export interface GeneveData {
  readonly kind: 'geneve';
  readonly options: Partial<GeneveOptions>;
}

export interface VrfData {
  readonly kind: 'vrf';
  table?: number;
}

export interface BondData {
  readonly kind: 'bond';
  mode?: BondMode;
  readonly options: Partial<BondOptions>;
  /** `active_slave`, `primary`; null clears. */
  activeSlave?: NetDevice | null;
  primary?: NetDevice | null;
}

export interface MacvlanData {
  readonly kind: MacvlanKind;
  mode?: MacvlanMode;
  noPromisc?: boolean;
  noDst?: boolean;
  bcQueueLen?: number;
  /** Reported only. */
  usedBcQueueLen?: number;
  /** What a change does with the senders that source mode listens to. */
  macMode?: 'add' | 'del' | 'set' | 'flush';
  macs?: Mac[];
}

export interface IpvlanData {
  readonly kind: 'ipvlan';
  mode?: IpvlanMode;
  flag?: IpvlanFlag;
}

export interface TunData {
  readonly kind: 'tun';
  readonly options: TunOptions;
}

export type { TunOptions } from '../dev/simple.ts';

export interface PlainData {
  readonly kind: 'veth' | 'dummy' | 'ifb' | 'nlmon' | 'wireguard';
}

export type KindData = TunnelData | Tunnel6Data | GeneveData | VrfData | BondData | MacvlanData | IpvlanData | TunData | PlainData;

export interface KindRequest {
  kind: string;
  name?: string;
  link?: NetDevice;
  data?: { readonly kind: string } | undefined;
}

const TUNNELS: readonly string[] = ['ipip', 'sit', 'gre', 'gretap'] satisfies TunnelKind[];
const TUNNELS6: readonly string[] = ['ip6tnl', 'ip6gre', 'ip6gretap'] satisfies Tunnel6Kind[];

/** Loading a tunnel's module makes its fallback device in the first namespace; others go without (net.core.fb_tunnels_only_for_init_net). */
export function loadTunnel(ns: Netns, kind: TunnelKind): void {
  const first = ns.kernel.init;
  const name = FALLBACK[kind];
  if (first.device(name)) return;
  const parms = { ...tunnelDefaults(kind), pmtudisc: false, ttl: kind === 'sit' ? 64 : 0 };
  new IpTunnel(first, name, kind, parms, true).register();
  if (kind === 'gre') loadTunnel(ns, 'gretap');
}

/** The same for tunnels over IPv6. */
export function loadTunnel6(ns: Netns, kind: Tunnel6Kind): void {
  const first = ns.kernel.init;
  const name = kind === 'ip6tnl' ? 'ip6tnl0' : 'ip6gre0';
  if (!first.device(name)) new Ip6Tunnel(first, name, kind === 'ip6tnl' ? kind : 'ip6gre', { ...tunnel6Defaults(), proto: 41 }).register();
}

/** A device not yet in its namespace; null for a kind that is not among these. */
export function makeKind(ns: Netns, target: Netns, req: KindRequest): Result<NetDevice> | null {
  const { kind } = req;
  const name = (prefix: string): string => req.name ?? `${prefix}%d`;
  if (TUNNELS.includes(kind)) {
    const k = kind as TunnelKind;
    loadTunnel(ns, k);
    const given = req.data?.kind === kind ? (req.data as TunnelData).parms : {};
    return ok<NetDevice>(new IpTunnel(target, name(k), k, { ...tunnelDefaults(k), ...given }));
  }
  if (TUNNELS6.includes(kind)) {
    loadTunnel6(ns, kind as Tunnel6Kind);
    const given = req.data?.kind === kind ? (req.data as Tunnel6Data).parms : {};
    return ok<NetDevice>(new Ip6Tunnel(target, name(kind), kind as Tunnel6Kind, { ...tunnel6Defaults(), ...given }));
  }
  switch (kind) {
    case 'dummy':
      return ok<NetDevice>(new Dummy(target, name('dummy')));
    case 'ifb':
      return ok<NetDevice>(new Ifb(target, name('ifb')));
    case 'nlmon':
      return ok<NetDevice>(new Nlmon(target, name('nlmon')));
    case 'wireguard':
      return ok<NetDevice>(new Wireguard(target, name('wireguard')));
    case 'tun':
      return fail('EOPNOTSUPP', 'tun/tap creation via rtnetlink is not supported');
    case 'vrf': {
      const d = req.data as VrfData | undefined;
      if (d?.table === undefined) return fail('EINVAL', 'VRF table id is missing');
      return d.table === 0 ? fail('EINVAL', 'Invalid VRF table id') : ok<NetDevice>(new Vrf(target, name('vrf'), d.table));
    }
    case 'bond':
      return ok<NetDevice>(new Bond(target, name('bond')));
    case 'macvlan':
    case 'macvtap': {
      const d = req.data?.kind === kind ? (req.data as MacvlanData) : null;
      if (!req.link || req.link.kind === 'loopback') return fail('EINVAL');
      const dev = new Macvlan(target, name(kind), req.link, d?.mode ?? 'vepa', kind);
      const r = d ? changeMacvlan(dev, d) : ok();
      return r.ok ? ok<NetDevice>(dev) : r;
    }
    case 'ipvlan': {
      if (!req.link) return fail('EINVAL');
      const d = req.data?.kind === 'ipvlan' ? (req.data as IpvlanData) : null;
      return ok<NetDevice>(new Ipvlan(target, name('ipvlan'), req.link, d?.mode, d?.flag));
    }
    case 'geneve': {
      const d = req.data?.kind === 'geneve' ? (req.data as GeneveData).options : {};
      return ok<NetDevice>(new Geneve(target, name('geneve'), { ...geneveDefaults(), ...d }));
    }
    default:
      return null;
  }
}

function geneveDefaults(): GeneveOptions {
  return {
    vni: null,
    remote: null,
    dstport: GENEVE_PORT,
    ttl: 0,
    tos: 0,
    df: 'unset',
    label: 0,
    external: false,
    udpCsum: false,
    zeroCsum6Tx: false,
    zeroCsum6Rx: true,
    innerProtoInherit: false,
  };
}

/** A tunnel's parameters, as SIOCGETTUNNEL gives them; null for other devices. */
export function tunnelOf(dev: NetDevice): { v4?: TunnelData; v6?: Tunnel6Data; fallback: boolean } | null {
  if (dev instanceof IpTunnel) return { v4: { kind: dev.kind, parms: dev.parms }, fallback: dev.fallback };
  if (dev instanceof Ip6Tunnel) return { v6: { kind: dev.kind, parms: dev.parms }, fallback: false };
  return null;
}

const PLAIN: readonly string[] = ['veth', 'dummy', 'ifb', 'nlmon', 'wireguard'] satisfies PlainData['kind'][];

/** IFLA_INFO_DATA; null for a kind that is not among these. */
export function kindData(dev: NetDevice): KindData | null {
  if (dev instanceof IpTunnel) return { kind: dev.kind, parms: dev.parms };
  if (dev instanceof Ip6Tunnel) return { kind: dev.kind, parms: dev.parms };
  if (dev instanceof Geneve) return { kind: 'geneve', options: dev.options };
  if (dev instanceof Vrf) return { kind: 'vrf', table: dev.l3table };
  if (dev instanceof Bond) {
    return { kind: 'bond', mode: dev.options.mode, options: dev.options, activeSlave: dev.activeSlave?.dev ?? null, primary: dev.primary };
  }
  if (dev instanceof Macvlan) {
    const { kind, mode, noPromisc, noDst, bcQueueLen, usedBcQueueLen } = dev;
    return { kind, mode, noPromisc, noDst, bcQueueLen, usedBcQueueLen, ...(mode === 'source' ? { macs: [...dev.sources] } : {}) };
  }
  if (dev instanceof Ipvlan) return { kind: 'ipvlan', mode: dev.mode, flag: dev.flag };
  if (dev instanceof Tun) return { kind: 'tun', options: dev.options };
  return PLAIN.includes(dev.kind) ? { kind: dev.kind as PlainData['kind'] } : null;
}

/** rtnl_link_ops->changelink; null for a kind that is not among these. */
export function changeKind(dev: NetDevice, data: { readonly kind: string }): Result | null {
  if (dev instanceof IpTunnel) {
    if (dev.fallback) return fail('EINVAL');
    dev.reconfigure({ ...dev.parms, ...(data as TunnelData).parms });
    return ok();
  }
  if (dev instanceof Ip6Tunnel) {
    dev.reconfigure({ ...dev.parms, ...(data as Tunnel6Data).parms });
    return ok();
  }
  if (dev instanceof Macvlan) return changeMacvlan(dev, data as MacvlanData);
  if (dev instanceof Ipvlan) {
    const d = data as IpvlanData;
    dev.setMode(d.mode ?? dev.mode, d.flag ?? dev.flag);
    return ok();
  }
  if (dev instanceof Bond) return changeBond(dev, data as BondData);
  if (dev instanceof Geneve) {
    const { vni, remote, dstport, external, ...rest } = (data as GeneveData).options;
    const o = dev.options;
    const same = (a: unknown, b: unknown): boolean => a === undefined || a === null || a === b;
    if (!same(vni, o.vni) || !same(dstport, o.dstport) || !same(external, o.external)) return fail('EOPNOTSUPP');
    if (remote !== undefined && typeof remote !== typeof o.remote) return fail('EOPNOTSUPP');
    Object.assign(o, rest, remote === undefined ? {} : { remote });
    return ok();
  }
  return null;
}

/** Models macvlan_changelink() */
function changeMacvlan(dev: Macvlan, d: MacvlanData): Result {
  if (d.mode !== undefined && (d.mode === 'passthru') !== (dev.mode === 'passthru')) return fail('EINVAL');
  if (d.noPromisc !== undefined || d.noDst !== undefined) {
    dev.setNoPromisc(d.noPromisc ?? false);
    dev.noDst = d.noDst ?? false;
  }
  if (d.bcQueueLen !== undefined) dev.bcQueueLen = d.bcQueueLen;
  if (d.mode !== undefined) dev.setMode(d.mode);
  if (d.macMode === undefined) return ok();
  if (dev.mode !== 'source') return fail('EINVAL');
  const macs = d.macs ?? [];
  if (macs.some((mac) => mac === 0 || isMulticastMac(mac))) return fail('EADDRNOTAVAIL');
  if (d.macMode === 'flush' || d.macMode === 'set') dev.sources.clear();
  for (const mac of macs) {
    if (d.macMode === 'del') dev.sources.delete(mac);
    else dev.sources.add(mac);
  }
  return ok();
}

function changeBond(dev: Bond, d: BondData): Result {
  if (d.mode !== undefined) {
    const r = dev.setMode(d.mode);
    if (!r.ok) return r;
  }
  const { mode: _mode, ...rest } = d.options;
  if (rest.miimon && dev.options.arpInterval) rest.arpInterval = 0;
  if ((rest.updelay || rest.downdelay) && (rest.miimon ?? dev.options.miimon) === 0)
    return fail('EPERM', 'option updelay: MII monitoring is disabled');
  Object.assign(dev.options, rest);
  if (d.primary !== undefined) dev.primary = d.primary;
  if (rest.miimon !== undefined) dev.watch();
  return d.activeSlave === undefined ? ok() : dev.setActive(d.activeSlave);
}

/** IFLA_INFO_SLAVE_DATA of a bond's slave. */
export interface BondPortData {
  readonly active: boolean;
  readonly up: boolean;
  readonly failures: number;
  readonly permMac: number;
  readonly queueId: number;
  readonly prio: number;
}

export function bondPort(dev: NetDevice): BondPortData | null {
  if (!(dev.master instanceof Bond)) return null;
  const bond = dev.master;
  const s = bond.slaves.find((x) => x.dev === dev);
  if (!s) return null;
  const active = bond.usesActive ? bond.activeSlave === s : true;
  return { active, up: s.link, failures: s.failures, permMac: s.permMac, queueId: s.queueId, prio: s.prio };
}

/** `ip tuntap add`: TUNSETIFF and TUNSETPERSIST. EBUSY when the name is taken by another device or it is in use as such. */
export function newTun(ns: Netns, name: string | undefined, options: TunOptions): Result<NetDevice> {
  if (name !== undefined && ns.device(name)) return fail('EBUSY');
  const dev = new Tun(ns, name ?? `${options.type}%d`, options);
  const done = dev.register();
  return done.ok ? ok<NetDevice>(dev) : done;
}

/** `ip tuntap del`: opening what is not there makes it, and it goes again at once. */
export function delTun(ns: Netns, name: string | undefined, type: 'tun' | 'tap'): Result {
  const dev = name === undefined ? undefined : ns.device(name);
  if (!dev) return ok();
  if (!(dev instanceof Tun)) return fail('EINVAL');
  if (dev.options.type !== type) return fail('EINVAL');
  dev.delete();
  return ok();
}

provideKinds({ makeKind, kindData, changeKind, bondPort });
