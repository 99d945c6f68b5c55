/** ptp: a veth pair with routes instead of a bridge. Models plugins/main/ptp/ptp.go */

import type { Process, Task } from '../../../os/process.ts';
import { type NetDevice, type Netns, RT_SCOPE_HOST, RT_SCOPE_LINK } from '../../../os/uapi.ts';
import { formatIp, type IpAddr, network } from '../../../wire/addr.ts';
import {
  addAddress,
  addRoute,
  addressesOf,
  configureIface,
  enableForward,
  ipNetValue,
  isV4,
  validateIps,
  validateRoutes,
} from '../addr.ts';
import { isGlobalUnicast } from '../bridge/bridge.ts';
import { delegateAdd, delegateCheck, delegateDel, delegateOther } from '../delegate.ts';
import { BOOL, INT, type IpNet, prefixed, quoted, unmarshal } from '../gojson.ts';
import { setupIpMasq, teardownIpMasq } from '../ipmasq.ts';
import { chainName, ruleComment } from '../iptables.ts';
import { delLinkByName, errnoText, linkByName, macOf, NETNS_COST, openNetns, setupVeth, vethPeerIndex } from '../link.ts';
import { type NetConf, netConf, prevResult } from '../netconf.ts';
import { printResult, type Result } from '../result.ts';
import type { CmdArgs, Plugin, Printed } from '../skel.ts';
import { bad, type CniInterface, good, type Outcome } from '../types.ts';

interface PtpConf extends NetConf {
  readonly ipMasq?: boolean;
  readonly mtu?: number;
}

const SCHEMA = netConf('main.NetConf', { ipMasq: BOOL, mtu: INT });

function load(stdin: string): Outcome<PtpConf> {
  const r = unmarshal<PtpConf>(stdin, SCHEMA);
  return r.ok ? r : prefixed('failed to load netconf', r.error);
}

const bits = (a: IpAddr): number => (isV4(a) ? 32 : 128);
const hostNet = (addr: IpAddr): IpNet => ({ addr, len: bits(addr) });
const noGateway = (a: IpAddr): IpAddr => (isV4(a) ? 0 : 0n);

interface Pair {
  readonly host: NetDevice;
  readonly result: Result;
}

/** The container's end: all traffic goes to the gateway by ARP, even that of its own network. */
function* containerVeth(p: Process, ns: Netns, args: CmdArgs, mtu: number, ipam: Result): Task<Outcome<Pair>> {
  const host = p.ns;
  const made = setupVeth(p, ns, host, args.ifName, mtu, '');
  if (!made.ok) return made;
  const { host: hostEnd, container: dev } = made.value;
  yield* p.charge(NETNS_COST);
  const result: Result = {
    ...ipam,
    interfaces: [
      { name: hostEnd.name, mac: macOf(hostEnd) },
      { name: dev.name, mac: macOf(dev), sandbox: args.netns },
    ],
    ips: ipam.ips.map((c) => ({ ...c, iface: 1 })),
  };
  p.ns = ns;
  const set = yield* configureIface(p, ns, args.ifName, result);
  p.ns = host;
  if (!set.ok) return set;
  for (const { address, gateway } of result.ips) {
    const net = { addr: network(address.addr, address.len), len: address.len };
    const gone = ns.fib.del({ family: isV4(address.addr) ? 4 : 6, dst: net, nexthops: [{ dev }] });
    if (!gone.ok)
      return bad(
        `failed to delete route {Ifindex: ${dev.ifindex} Dst: ${formatIp(net.addr)}/${net.len} Src: <nil> Gw: <nil> Flags: [] Table: 0 Realm: 0}: ${errnoText(gone.errno)}`,
      );
    const via = gateway ?? noGateway(address.addr);
    for (const route of [
      { dst: hostNet(via), gw: null, scope: RT_SCOPE_LINK, src: address.addr },
      { dst: net, gw: gateway, src: address.addr },
    ]) {
      const added = addRoute(dev, route);
      if (!added.ok)
        return bad(
          `failed to add route {Ifindex: ${dev.ifindex} Dst: ${formatIp(route.dst.addr)}/${route.dst.len} Src: ${formatIp(address.addr)} Gw: ${route.gw === null ? '<nil>' : formatIp(route.gw)} Flags: [] Table: 0 Realm: 0}: ${errnoText(added.errno)}`,
        );
    }
  }
  return good({ host: hostEnd, result });
}

/** The host's end has each gateway's address and a route to each container address. */
function hostVeth(veth: NetDevice, result: Result): Outcome<null> {
  for (const { address, gateway } of result.ips) {
    const own = hostNet(gateway ?? noGateway(address.addr));
    const added = addAddress(veth, own);
    if (!added.ok) return bad(`failed to add IP addr (&net.IPNet${ipNetValue(own)}) to veth: ${errnoText(added.errno)}`);
    const routed = addRoute(veth, { dst: hostNet(address.addr), gw: null, scope: RT_SCOPE_HOST });
    if (!routed.ok && routed.errno !== 'EEXIST') return bad(`failed to add route on host: ${errnoText(routed.errno)}`);
  }
  return good(null);
}

function* connect(p: Process, args: CmdArgs, conf: PtpConf, ipam: Result): Task<Outcome<Result>> {
  if (ipam.ips.length === 0) return bad('IPAM plugin returned missing IP config');
  const on = enableForward(p, ipam.ips);
  if (!on.ok) return bad(`Could not enable IP forwarding: ${on.error.msg}`);
  const ns = openNetns(p, args.netns);
  if (!ns.ok) return bad(`failed to open netns ${quoted(args.netns)}: ${ns.error.msg}`);
  const pair = yield* containerVeth(p, ns.value, args, conf.mtu ?? 0, ipam);
  if (!pair.ok) return pair;
  const { host, result } = pair.value;
  const set = hostVeth(host, result);
  if (!set.ok) return set;
  if (conf.ipMasq) {
    const name = conf.name ?? '';
    for (const { address } of result.ips) {
      const r = yield* setupIpMasq(p, address, chainName(name, args.containerID), ruleComment(name, args.containerID));
      if (!r.ok) return r;
    }
  }
  const { nameservers, search, options, domain } = conf.dns ?? {};
  const dns = nameservers || search || options || domain ? (conf.dns ?? {}) : result.dns;
  return good({ ...result, dns });
}

function* add(p: Process, args: CmdArgs): Task<Printed> {
  const loaded = load(args.stdin);
  if (!loaded.ok) return loaded;
  const conf = loaded.value;
  const type = conf.ipam?.type ?? '';
  const ipam = yield* delegateAdd(p, type, args.stdin);
  if (!ipam.ok) return ipam;
  const result = yield* connect(p, args, conf, ipam.value);
  if (result.ok) return printResult(result.value, conf.cniVersion ?? '');
  yield* delegateDel(p, type, args.stdin);
  return result;
}

function* del(p: Process, args: CmdArgs): Task<Printed> {
  const loaded = load(args.stdin);
  if (!loaded.ok) return loaded;
  const conf = loaded.value;
  const released = yield* delegateDel(p, conf.ipam?.type ?? '', args.stdin);
  if (!released.ok) return released;
  if (args.netns === '') return good('');
  const ns = openNetns(p, args.netns);
  if (!ns.ok) return ns.missing ? good('') : ns;
  const dev = ns.value.device(args.ifName);
  const nets = dev ? addressesOf(dev).filter((a) => isGlobalUnicast(a.addr)) : [];
  const gone = delLinkByName(ns.value, args.ifName);
  if (!gone.ok) return gone;
  let last: Outcome<null> = good(null);
  if (conf.ipMasq) {
    const name = conf.name ?? '';
    for (const net of nets) last = yield* teardownIpMasq(p, net, chainName(name, args.containerID), ruleComment(name, args.containerID));
  }
  return last.ok ? good('') : last;
}

function validContainer(ns: Netns, intf: CniInterface): Outcome<null> {
  if (intf.name === '') return bad('Container interface name missing in prevResult: ');
  const dev = linkByName(ns, intf.name);
  if (!dev.ok) return bad(`ptp: Container Interface name in prevResult: ${intf.name} not found`);
  if (!intf.sandbox) return bad(`ptp: Error: Container interface ${intf.name} should not be in host namespace`);
  if (vethPeerIndex(dev.value) === null) return bad(`Error: Container interface ${intf.name} not of type veth/p2p`);
  if (intf.mac && intf.mac !== macOf(dev.value))
    return bad(`ptp: Interface ${intf.name} Mac ${intf.mac} doesn't match container Mac: ${macOf(dev.value)}`);
  return good(null);
}

function* check(p: Process, args: CmdArgs): Task<Printed> {
  const loaded = load(args.stdin);
  if (!loaded.ok) return loaded;
  const ns = openNetns(p, args.netns);
  if (!ns.ok) return bad(`failed to open netns ${quoted(args.netns)}: ${ns.error.msg}`);
  const ipam = yield* delegateCheck(p, loaded.value.ipam?.type ?? '', args.stdin);
  if (!ipam.ok) return ipam;
  const prev = prevResult(loaded.value);
  if (!prev.ok) return prev;
  if (!prev.value) return bad('ptp: Required prevResult missing');
  const { interfaces, ips, routes } = prev.value;
  const intf = interfaces.findLast((i) => i.name === args.ifName && (i.sandbox ?? '') === args.netns) ?? { name: '' };
  if ((intf.sandbox ?? '') !== args.netns)
    return bad(`Sandbox in prevResult ${intf.sandbox ?? ''} doesn't match configured netns: ${args.netns}`);
  for (const r of [validContainer(ns.value, intf), validateIps(ns.value, args.ifName, ips), validateRoutes(ns.value, routes)])
    if (!r.ok) return r;
  return good('');
}

function* status(p: Process, args: CmdArgs): Task<Printed> {
  const loaded = load(args.stdin);
  if (!loaded.ok) return loaded;
  const r = yield* delegateOther(p, loaded.value.ipam?.type ?? '', args.stdin, 'STATUS');
  return r.ok ? good('') : r;
}

export const ptp: Plugin = { name: 'ptp', add, check, del, status };
