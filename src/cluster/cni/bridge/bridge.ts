/** bridge: containers on a Linux bridge of the host. Models plugins/main/bridge/bridge.go */

import type { Process, Task } from '../../../os/process.ts';
import { changeVlans, IFF_PROMISC, type NetDevice, type Netns, newLink, setLink } from '../../../os/uapi.ts';
import { type IpAddr, inPrefix, network } from '../../../wire/addr.ts';
import { addAddress, addressesOf, configureIface, deleteAddress, forwarding, isV4, nextIp } from '../addr.ts';
import { delegateAdd, delegateDel, delegateOther } from '../delegate.ts';
import { goCidr, type IpNet, netText, quoted } from '../gojson.ts';
import { setupIpMasq, teardownIpMasq } from '../ipmasq.ts';
import { chainName, ruleComment } from '../iptables.ts';
import {
  delLinkByName,
  errnoText,
  inNetns,
  linkByName,
  macOf,
  setupVeth as makeVeth,
  NETNS_COST,
  openNetns,
  setHardwareAddr,
  setUp,
  trySysctl,
} from '../link.ts';
import { printResult, type Result, type Route } from '../result.ts';
import type { CmdArgs, Plugin, Printed } from '../skel.ts';
import { bad, type CniInterface, good, type Outcome } from '../types.ts';
import { check } from './check.ts';
import { type BridgeConf, loadConf } from './conf.ts';
import { setupSpoofCheck, teardownSpoofCheck } from './spoofcheck.ts';

const DEFAULT_V4: IpNet = { addr: 0, len: 0 };
const DEFAULT_V6: IpNet = { addr: 0n, len: 0 };

const IFNAMSIZ = 16;

interface Gateways {
  readonly family: 4 | 6;
  readonly nets: readonly IpNet[];
}

/** Completes the result: the gateway of each address, default routes; and the addresses that the bridge gets. */
function calcGateways(ipam: Result, n: BridgeConf, isGateway: boolean): { result: Pick<Result, 'ips' | 'routes'>; gateways: Gateways[] } {
  const routes: Route[] = [...ipam.routes];
  const nets: Record<4 | 6, IpNet[]> = { 4: [], 6: [] };
  const withDefault = new Set<4 | 6>();
  const ips = ipam.ips.map((ipc) => {
    const family = isV4(ipc.address.addr) ? 4 : 6;
    const gateway = ipc.gateway ?? (isGateway ? nextIp(network(ipc.address.addr, ipc.address.len)) : null);
    const everywhere = family === 4 ? DEFAULT_V4 : DEFAULT_V6;
    if (n.isDefaultGateway && !withDefault.has(family)) {
      const there = routes.some((r) => r.gw !== null && r.dst.len === 0 && isV4(r.dst.addr) === (family === 4));
      if (!there) routes.push({ dst: everywhere, gw: gateway });
      withDefault.add(family);
    }
    if (isGateway && gateway !== null) nets[family].push({ addr: gateway, len: ipc.address.len });
    return { ...ipc, iface: 2, gateway };
  });
  return {
    result: { ips, routes },
    gateways: [
      { family: 4, nets: nets[4] },
      { family: 6, nets: nets[6] },
    ],
  };
}

function contains(net: IpNet, addr: IpAddr): boolean {
  return isV4(net.addr) === isV4(addr) && inPrefix(addr, network(net.addr, net.len), net.len);
}

/** Gives the bridge an address, and its own MAC address for good, so that it no longer follows its ports. */
function ensureAddr(br: NetDevice, mac: number, family: 4 | 6, net: IpNet, force: boolean): Outcome<null> {
  const wanted = netText(net);
  for (const a of addressesOf(br, family)) {
    if (netText(a) === wanted) return good(null);
    if (family !== 4 && !contains(a, net.addr) && !contains(net, a.addr)) continue;
    if (!force) return bad(`${quoted(br.name)} already has an IP address different from ${wanted}`);
    const gone = deleteAddress(br, a);
    if (!gone.ok) return bad(`could not remove IP address from ${quoted(br.name)}: ${errnoText(gone.errno)}`);
  }
  const added = addAddress(br, net);
  if (!added.ok && added.errno !== 'EEXIST') return bad(`could not add IP address to ${quoted(br.name)}: ${errnoText(added.errno)}`);
  const fixed = setHardwareAddr(br, mac === 0 ? null : mac);
  return fixed.ok ? fixed : bad(`could not set bridge's mac: ${fixed.error.msg}`);
}

function bridgeByName(ns: Netns, name: string): Outcome<NetDevice> {
  const dev = linkByName(ns, name);
  if (!dev.ok) return bad(`could not lookup ${quoted(name)}: ${dev.error.msg}`);
  return dev.value.kind === 'bridge' ? dev : bad(`${quoted(name)} already exists but is not a bridge`);
}

function ensureBridge(p: Process, ns: Netns, n: BridgeConf): Outcome<NetDevice> {
  // The attribute's policy speaks before the kernel looks at the name.
  if (n.bridge.length > IFNAMSIZ - 1) return bad(`could not add ${quoted(n.bridge)}: ${errnoText('ERANGE')}`);
  const made = newLink(ns, {
    kind: 'bridge',
    name: n.bridge,
    ...(n.mtu > 0 ? { mtu: n.mtu } : {}),
    ...(n.vlan !== 0 ? { data: { kind: 'bridge', vlanFiltering: true } } : {}),
  });
  if (!made.ok && made.errno !== 'EEXIST') return bad(`could not add ${quoted(n.bridge)}: ${errnoText(made.errno)}`);
  if (n.promiscMode) {
    const dev = ns.device(n.bridge);
    const on = dev ? setLink(dev, { set: IFF_PROMISC }) : ({ ok: false, errno: 'ENODEV' } as const);
    if (!on.ok) return bad(`could not set promiscuous mode on ${quoted(n.bridge)}: ${errnoText(on.errno)}`);
  }
  const br = bridgeByName(ns, n.bridge);
  if (!br.ok) return br;
  trySysctl(p, `net/ipv6/conf/${n.bridge}/accept_ra`, '0');
  const up = setUp(br.value);
  return up.ok ? br : up;
}

interface Ends {
  readonly host: NetDevice;
  readonly hostInterface: CniInterface;
  readonly containerInterface: CniInterface;
}

function setupVeth(
  p: Process,
  container: Netns,
  sandbox: string,
  br: NetDevice,
  ifName: string,
  n: Pick<BridgeConf, 'mtu' | 'vlan' | 'mac'> & { readonly hairpinMode?: boolean },
): Outcome<Ends> {
  const made = makeVeth(p, container, p.ns, ifName, n.mtu, n.mac);
  if (!made.ok) return made;
  const { host } = made.value;
  // The container's end is known as it was before it came up.
  const containerInterface = { name: made.value.container.name, mac: macOf(made.value.container), sandbox };
  const hostInterface = { name: host.name, mac: macOf(host) };
  const joined = setLink(host, { master: br });
  if (!joined.ok) return bad(`failed to connect ${quoted(host.name)} to bridge ${br.name}: ${errnoText(joined.errno)}`);
  const hairpin = setLink(host, {}, 'bridge_slave', undefined, { hairpin: n.hairpinMode === true });
  if (!hairpin.ok) return bad(`failed to setup hairpin mode for ${host.name}: ${errnoText(hairpin.errno)}`);
  if (n.vlan !== 0) {
    const tagged = changeVlans(host, true, {
      from: n.vlan,
      to: n.vlan,
      pvid: true,
      untagged: true,
      tunnel: null,
      self: false,
      master: true,
    });
    if (!tagged.ok) return bad(`failed to setup vlan tag on interface ${quoted(host.name)}: ${errnoText(tagged.errno)}`);
  }
  return good({ host, hostInterface, containerInterface });
}

/** The bridge's own leg in a VLAN, which carries the gateway address. */
function ensureVlanInterface(p: Process, br: NetDevice, vlan: number): Outcome<NetDevice> {
  const name = `${br.name}.${vlan}`;
  const there = p.ns.device(name);
  if (there) return good(there);
  const made = setupVeth(p, p.ns, '', br, name, { mtu: br.mtu, vlan, mac: '' });
  if (!made.ok) return bad(`faild to create vlan gateway ${quoted(name)}: ${made.error.msg}`);
  const leg = linkByName(p.ns, made.value.containerInterface.name);
  if (!leg.ok) return bad(`failed to lookup ${quoted(name)}: ${leg.error.msg}`);
  const up = setUp(leg.value);
  return up.ok ? leg : bad(`failed to up ${quoted(name)}: ${up.error.msg}`);
}

/** How long the port's state is waited for between looks, in ms. */
const PORT_RETRIES = [0, 50, 500, 1000, 1000];

function* portUp(p: Process, name: string): Task<Outcome<null>> {
  let state = 'UNKNOWN';
  for (const pause of PORT_RETRIES) {
    if (pause > 0) yield* p.sleep(pause * 1000);
    const dev = linkByName(p.ns, name);
    if (!dev.ok) return dev;
    state = dev.value.operstate();
    if (state === 'UP') return good(null);
  }
  return bad(`bridge port in error state: ${state.toLowerCase()}`);
}

function* addL3(
  p: Process,
  args: CmdArgs,
  n: BridgeConf,
  container: Netns,
  br: NetDevice,
  ends: Ends,
  base: Result,
): Task<Outcome<Result>> {
  const isGateway = n.isGateway === true || n.isDefaultGateway === true;
  // The bridge as it was read when it was made or found: ports change its address meanwhile.
  const asRead = base.interfaces[0]?.mac ?? '';
  const ipam = yield* delegateAdd(p, n.ipamType, args.stdin);
  if (!ipam.ok) return ipam;
  const configured = yield* withAddresses(p, args, n, container, br, ends, base, ipam.value, isGateway, asRead);
  if (!configured.ok) yield* delegateDel(p, n.ipamType, args.stdin);
  return configured;
}

function* withAddresses(
  p: Process,
  args: CmdArgs,
  n: BridgeConf,
  container: Netns,
  br: NetDevice,
  ends: Ends,
  base: Result,
  ipam: Result,
  isGateway: boolean,
  asRead: string,
): Task<Outcome<Result>> {
  if (ipam.ips.length === 0) return bad('IPAM plugin returned missing IP config');
  const { result: addressed, gateways } = calcGateways(ipam, n, isGateway);
  let result: Result = { ...base, ...addressed };
  const host = p.ns;
  p.ns = container;
  if (n.enabledad) trySysctl(p, `net/ipv6/conf/${args.ifName}/enhanced_dad`, '1');
  trySysctl(p, `net/ipv6/conf/${args.ifName}/accept_dad`, n.enabledad ? '1' : '0');
  trySysctl(p, `net/ipv4/conf/${args.ifName}/arp_notify`, '1');
  const set = yield* configureIface(p, container, args.ifName, result);
  p.ns = host;
  if (!set.ok) return set;
  const up = yield* portUp(p, ends.host.name);
  if (!up.ok) return up;
  if (isGateway) {
    const served = serveGateways(p, n, br, gateways, asRead);
    if (!served.ok) return served;
    if (served.value) result = { ...result, interfaces: [...result.interfaces, served.value] };
  }
  if (n.ipMasq) {
    const name = n.name ?? '';
    for (const { address } of result.ips) {
      const r = yield* setupIpMasq(p, address, chainName(name, args.containerID), ruleComment(name, args.containerID));
      if (!r.ok) return r;
    }
  }
  return good(result);
}

/** Addresses on the bridge (or on its VLAN leg, which is given back) and forwarding. */
function serveGateways(
  p: Process,
  n: BridgeConf,
  br: NetDevice,
  gateways: readonly Gateways[],
  asRead: string,
): Outcome<CniInterface | null> {
  let leg: CniInterface | null = null;
  const force = n.forceAddress === true;
  for (const { family, nets } of gateways) {
    for (const net of nets) {
      if (n.vlan !== 0) {
        const dev = ensureVlanInterface(p, br, n.vlan);
        if (!dev.ok) return bad(`failed to create vlan interface: ${dev.error.msg}`);
        leg ??= { name: dev.value.name, mac: macOf(dev.value) };
        const set = ensureAddr(dev.value, dev.value.mac, family, net, force);
        if (!set.ok) return bad(`failed to set vlan interface for bridge with addr: ${set.error.msg}`);
      } else {
        const set = ensureAddr(br, asRead === '' ? 0 : Number.parseInt(asRead.replaceAll(':', ''), 16), family, net, force);
        if (!set.ok) return bad(`failed to set bridge addr: ${set.error.msg}`);
      }
    }
    if (nets.length === 0) continue;
    const on = forwarding(p, family);
    if (!on.ok) return bad(`failed to enable forwarding: ${on.error.msg}`);
  }
  return good(leg);
}

function* add(p: Process, args: CmdArgs): Task<Printed> {
  const conf = loadConf(args.stdin, args.args);
  if (!conf.ok) return conf;
  const n = conf.value;
  if (n.hairpinMode && n.promiscMode) return bad('cannot set hairpin mode and promiscuous mode at the same time.');
  const host = p.ns;
  const made = ensureBridge(p, host, n);
  if (!made.ok) return bad(`failed to create bridge ${quoted(n.bridge)}: ${made.error.msg}`);
  const br = made.value;
  yield* p.charge(NETNS_COST);
  const bridge: CniInterface = { name: br.name, mac: macOf(br) };
  const container = openNetns(p, args.netns);
  if (!container.ok) return bad(`failed to open netns ${quoted(args.netns)}: ${container.error.msg}`);
  const veth = setupVeth(p, container.value, args.netns, br, args.ifName, n);
  if (!veth.ok) return veth;
  const ends = veth.value;
  yield* p.charge(NETNS_COST);
  let result: Result = {
    version: '1.0.0',
    interfaces: [bridge, ends.hostInterface, ends.containerInterface],
    ips: [],
    routes: [],
    dns: {},
  };
  const ref = `${args.containerID}-${args.ifName}`;
  if (n.macspoofchk) {
    const r = yield* setupSpoofCheck(p, ends.hostInterface.name, ends.containerInterface.mac ?? '', ref);
    if (!r.ok) return r;
  }
  if (n.ipamType !== '') {
    const l3 = yield* addL3(p, args, n, container.value, br, ends, result);
    if (!l3.ok) {
      if (n.macspoofchk) yield* teardownSpoofCheck(p, ends.hostInterface.name, ref);
      return l3;
    }
    result = l3.value;
  } else {
    const dev = linkByName(container.value, args.ifName);
    if (!dev.ok) return bad(`failed to retrieve link: ${dev.error.msg}`);
    const up = inNetns(p, container.value, () => setUp(dev.value));
    if (!up.ok) return bad(`failed to set ${quoted(args.ifName)} up: ${up.error.msg}`);
  }
  const again = bridgeByName(host, n.bridge);
  if (!again.ok) return again;
  const interfaces = [{ ...bridge, mac: macOf(again.value) }, ...result.interfaces.slice(1)];
  return printResult({ ...result, interfaces, dns: n.dns ?? {} }, n.cniVersion ?? '');
}

function* del(p: Process, args: CmdArgs): Task<Printed> {
  const conf = loadConf(args.stdin, args.args);
  if (!conf.ok) return conf;
  const n = conf.value;
  const l3 = n.ipamType !== '';
  function* release(): Task<Printed> {
    const r = l3 ? yield* delegateDel(p, n.ipamType, args.stdin) : good(null);
    return r.ok ? good('') : r;
  }
  if (args.netns === '') return yield* release();
  const container = openNetns(p, args.netns);
  if (!container.ok) return container.missing ? yield* release() : container;
  const dev = container.value.device(args.ifName);
  const nets = dev ? addressesOf(dev).filter((a) => isGlobalUnicast(a.addr)) : [];
  const gone = delLinkByName(container.value, args.ifName);
  if (!gone.ok) return gone;
  const released = yield* release();
  if (!released.ok) return released;
  if (n.macspoofchk) {
    const r = yield* teardownSpoofCheck(p, '', `${args.containerID}-${args.ifName}`);
    if (!r.ok) yield* p.err(r.error.msg);
  }
  if (l3 && n.ipMasq) {
    const name = n.name ?? '';
    for (const net of nets) {
      const r = yield* teardownIpMasq(p, net, chainName(name, args.containerID), ruleComment(name, args.containerID));
      if (!r.ok) return r;
    }
  }
  return good('');
}

const LINK_LOCAL4 = goCidr('169.254.0.0/16') as IpNet;
const LOOPBACK4 = goCidr('127.0.0.0/8') as IpNet;
const MULTICAST4 = goCidr('224.0.0.0/4') as IpNet;
const LINK_LOCAL6 = goCidr('fe80::/10') as IpNet;
const MULTICAST6 = goCidr('ff00::/8') as IpNet;

/** net.IP.IsGlobalUnicast. */
export function isGlobalUnicast(a: IpAddr): boolean {
  if (a === 0 || a === 0n || a === 1n || a === 0xffffffff) return false;
  return ![LINK_LOCAL4, LOOPBACK4, MULTICAST4, LINK_LOCAL6, MULTICAST6].some((net) => contains(net, a));
}

function* status(p: Process, args: CmdArgs): Task<Printed> {
  const conf = loadConf(args.stdin, '');
  if (!conf.ok) return conf;
  if (conf.value.ipamType === '') return good('');
  const r = yield* delegateOther(p, conf.value.ipamType, args.stdin, 'STATUS');
  return r.ok ? good('') : r;
}

function* gc(p: Process, args: CmdArgs): Task<Printed> {
  const conf = loadConf(args.stdin, '');
  if (!conf.ok) return conf;
  if (conf.value.ipamType === '') return good('');
  const r = yield* delegateOther(p, conf.value.ipamType, args.stdin, 'GC');
  return r.ok ? good('') : r;
}

export const bridge: Plugin = { name: 'bridge', add, check, del, status, gc };
