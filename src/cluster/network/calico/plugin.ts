/** calico and calico-ipam: a veth pair with a route to each pod, and addresses out of the node's blocks. Models projectcalico/calico cni-plugin */

import type { Process, Task } from '../../../os/process.ts';
import { sha1 } from '../../../os/sha1.ts';
import { delLink, IFF_UP, type NetDevice, newLink, RT_SCOPE_LINK, setLink } from '../../../os/uapi.ts';
import { formatIp, parseIp4 } from '../../../wire/addr.ts';
import { utf8 } from '../../../wire/bytes.ts';
import type { Client } from '../../api/client.ts';
import { addAddress, addRoute } from '../../cni/addr.ts';
import { delegateAdd, delegateDel } from '../../cni/delegate.ts';
import { INT, STRING, unmarshal } from '../../cni/gojson.ts';
import { errnoText, inNetns, macOf, openNetns } from '../../cni/link.ts';
import { loadArgs, type NetConf, netConf } from '../../cni/netconf.ts';
import { printResult, type Result } from '../../cni/result.ts';
import { atOnce, type CmdArgs, type Plugin, type Printed } from '../../cni/skel.ts';
import { bad, good, type Outcome } from '../../cni/types.ts';
import { hex } from '../../sha256.ts';
import { type ApiFor, reachable } from '../network.ts';
import { assign, POOLS, release } from './ipam.ts';

const GATEWAY = parseIp4('169.254.1.1') as number;
const HOST_MAC = 0xeeeeeeeeeeee;
const EVERYWHERE = { addr: 0, len: 0 };

interface CalicoConf extends NetConf {
  readonly nodename?: string;
  readonly mtu?: number;
}

const SCHEMA = netConf('types.NetConf', { nodename: STRING, mtu: INT });

interface Call {
  readonly conf: CalicoConf;
  readonly node: string;
  readonly namespace: string;
  readonly pod: string;
  readonly ip: string;
}

function load(p: Process, args: CmdArgs): Outcome<Call> {
  const r = unmarshal<CalicoConf>(args.stdin, SCHEMA);
  if (!r.ok) return bad(`failed to load netconf: ${r.error.msg}`);
  const env = loadArgs(`IgnoreUnknown=1;${args.args}`.replace(/;$/, ''), [
    'IP',
    'K8S_POD_NAME',
    'K8S_POD_NAMESPACE',
    'K8S_POD_INFRA_CONTAINER_ID',
  ]);
  if (!env.ok) return env;
  const node = r.value.nodename || (p.readText('/var/lib/calico/nodename')?.trim() ?? p.hostname);
  const arg = (key: string): string => env.value.get(key) ?? '';
  return good({ conf: r.value, node, namespace: arg('K8S_POD_NAMESPACE'), pod: arg('K8S_POD_NAME'), ip: arg('IP') });
}

/** `cali` and eleven digits of the workload's SHA-1. */
export function vethName(namespace: string, pod: string): string {
  return `cali${hex(sha1(utf8(`${namespace}.${pod}`))).slice(0, 11)}`;
}

const handleOf = (conf: NetConf, args: CmdArgs): string => `${conf.name ?? ''}.${args.containerID}`;

function connect(p: Process, args: CmdArgs, call: Call, ipam: Result): Outcome<Result> {
  const ns = openNetns(p, args.netns);
  if (!ns.ok) return bad(`failed to open netns ${args.netns}: ${ns.error.msg}`);
  const host = p.ns;
  const name = vethName(call.namespace, call.pod);
  const old = host.device(name);
  if (old) delLink(old);
  const mtu = call.conf.mtu ? { mtu: call.conf.mtu } : {};
  const made = newLink(ns.value, { kind: 'veth', name: args.ifName, ...mtu, peer: { name, netns: host, address: HOST_MAC, ...mtu } });
  if (!made.ok) return bad(`error adding host side routes for interface: ${name}, error: ${errnoText(made.errno)}`);
  const dev = made.value;
  const end = host.device(name) as NetDevice;
  for (const [key, value] of [
    [`conf/${name}/route_localnet`, '1'],
    [`neigh/${name}/proxy_delay`, '0'],
    [`conf/${name}/proxy_arp`, '1'],
    [`conf/${name}/forwarding`, '1'],
  ] as const)
    p.writeFile(`/proc/sys/net/ipv4/${key}`, value);
  setLink(end, { set: IFF_UP });
  const inside = inNetns(p, ns.value, () => podSide(dev, ipam));
  if (!inside.ok) return inside;
  for (const { address } of ipam.ips) {
    const routed = addRoute(end, { dst: address, gw: null, scope: RT_SCOPE_LINK });
    if (!routed.ok && routed.errno !== 'EEXIST')
      return bad(`failed to add route (Dst: ${formatIp(address.addr)}, Iface: ${name}): ${errnoText(routed.errno)}`);
  }
  const interfaces = [{ name }, { name: args.ifName, mac: macOf(dev), sandbox: args.netns }];
  return good({ ...ipam, interfaces, ips: ipam.ips.map((c) => ({ ...c, iface: 1 })) });
}

/** The pod's end: an address without a network, and a gateway that only proxy ARP answers for. */
function podSide(dev: NetDevice, ipam: Result): Outcome<null> {
  setLink(dev, { set: IFF_UP });
  for (const route of [
    { dst: { addr: GATEWAY, len: 32 }, gw: null, scope: RT_SCOPE_LINK },
    { dst: EVERYWHERE, gw: GATEWAY },
  ]) {
    const r = addRoute(dev, route);
    if (!r.ok) return bad(`failed to add route inside the container: ${errnoText(r.errno)}`);
  }
  for (const { address } of ipam.ips) {
    const r = addAddress(dev, address);
    if (!r.ok) return bad(`failed to add IP addr to "${dev.name}": ${errnoText(r.errno)}`);
  }
  return good(null);
}

function* add(p: Process, args: CmdArgs): Task<Printed> {
  const call = load(p, args);
  if (!call.ok) return call;
  const type = call.value.conf.ipam?.type ?? '';
  const ipam = yield* delegateAdd(p, type, args.stdin);
  if (!ipam.ok) return ipam;
  const done = connect(p, args, call.value, ipam.value);
  if (done.ok) return printResult(done.value, call.value.conf.cniVersion ?? '');
  yield* delegateDel(p, type, args.stdin);
  return done;
}

function* del(p: Process, args: CmdArgs): Task<Printed> {
  const call = load(p, args);
  if (!call.ok) return call;
  const released = yield* delegateDel(p, call.value.conf.ipam?.type ?? '', args.stdin);
  if (!released.ok) return released;
  const ns = args.netns === '' ? null : openNetns(p, args.netns);
  const dev = ns?.ok ? ns.value.device(args.ifName) : undefined;
  if (dev) delLink(dev);
  const end = p.ns.device(vethName(call.value.namespace, call.value.pod));
  if (end) delLink(end);
  return good('');
}

const UNREACHABLE = 'error getting ClusterInformation: connection is unauthorized: Unauthorized';
/** How long an API server may take to answer, µs. */
const PATIENCE = 10_000_000;

function ipamPlugin(api: ApiFor): Plugin {
  function* datastore(p: Process): Task<Client | null> {
    return yield* reachable(p, api, (c) => c.list(POOLS).ok, PATIENCE);
  }

  function* addAddressOf(p: Process, args: CmdArgs): Task<Printed> {
    const call = load(p, args);
    if (!call.ok) return call;
    const client = yield* datastore(p);
    if (!client) return bad(UNREACHABLE);
    const { conf, node, namespace, pod, ip } = call.value;
    const got = assign(client, node, handleOf(conf, args), { namespace, node, pod }, ip === '' ? null : parseIp4(ip));
    if (typeof got === 'string') return bad(got);
    const ips = [{ iface: null, address: { addr: got, len: 32 }, gateway: null }];
    return printResult({ version: '1.0.0', interfaces: [], ips, routes: [], dns: {} }, conf.cniVersion ?? '');
  }

  function* releaseOf(p: Process, args: CmdArgs): Task<Printed> {
    const call = load(p, args);
    if (!call.ok) return call;
    const client = yield* datastore(p);
    if (!client) return bad(UNREACHABLE);
    release(client, handleOf(call.value.conf, args));
    return good('');
  }

  return { name: 'calico-ipam', upstreamOnly: true, add: addAddressOf, del: releaseOf, check: atOnce(() => good('')) };
}

export function calicoPlugins(api: ApiFor): Plugin[] {
  return [{ name: 'calico', add, del, check: atOnce(() => good('')), upstreamOnly: true }, ipamPlugin(api)];
}
