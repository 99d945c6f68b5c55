/** CHECK of the bridge plugin. Models plugins/main/bridge/bridge.go cmdCheck() */

import type { Process, Task } from '../../../os/process.ts';
import type { NetDevice, Netns } from '../../../os/uapi.ts';
import { validateIps, validateRoutes } from '../addr.ts';
import { delegateCheck } from '../delegate.ts';
import { quoted } from '../gojson.ts';
import { linkByName, macOf, openNetns, vethPeerIndex } from '../link.ts';
import { prevResult } from '../netconf.ts';
import type { CmdArgs, Printed } from '../skel.ts';
import { bad, type CniInterface, good, type Outcome } from '../types.ts';
import { type BridgeConf, loadConf } from './conf.ts';

const NONE: CniInterface = { name: '' };

function validInterface(ns: Netns, intf: CniInterface, inSandbox: boolean): Outcome<NetDevice> {
  if (intf.name === '') return bad('Interface name missing ');
  const dev = linkByName(ns, intf.name);
  if (!dev.ok) return bad(`Interface name ${intf.name} not found`);
  if (inSandbox && !intf.sandbox) return bad(`Interface ${intf.name} is expected to be in a sandbox`);
  if (!inSandbox && intf.sandbox) return bad(`Interface ${intf.name} should not be in sandbox`);
  return dev;
}

function validBridge(ns: Netns, intf: CniInterface, n: BridgeConf): Outcome<NetDevice> {
  const found = validInterface(ns, intf, false);
  if (!found.ok) return found;
  const dev = found.value;
  if (dev.kind !== 'bridge') return bad(`Interface ${intf.name} does not have link type of bridge`);
  if (intf.mac && intf.mac !== macOf(dev)) return bad(`Bridge interface ${intf.name} Mac doesn't match: ${intf.mac}`);
  const promisc = dev.promiscuity !== 0;
  if (promisc !== (n.promiscMode === true))
    return bad(`Bridge interface ${intf.name} configured Promisc Mode ${n.promiscMode === true} doesn't match current state: ${promisc} `);
  return found;
}

function validContainer(ns: Netns, intf: CniInterface): Outcome<NetDevice> {
  const found = validInterface(ns, intf, true);
  if (!found.ok) return found;
  const dev = found.value;
  if (vethPeerIndex(dev) === null) return bad(`Error: Container interface ${dev.name} not of type veth`);
  if (intf.mac && intf.mac !== macOf(dev)) return bad(`Interface ${intf.name} Mac ${intf.mac} doesn't match container Mac: ${macOf(dev)}`);
  return found;
}

/** Whether it is the host's end of the container's interface, on the bridge. */
function validHostEnd(ns: Netns, intf: CniInterface, br: NetDevice, container: NetDevice): Outcome<boolean> {
  const found = validInterface(ns, intf, false);
  if (!found.ok) return found;
  const dev = found.value;
  if (dev.kind !== 'veth') return good(false);
  if (dev.ifindex !== vethPeerIndex(container) || container.ifindex !== vethPeerIndex(dev) || dev.master !== br) return good(false);
  if (intf.mac && intf.mac !== macOf(dev)) return bad(`Interface ${intf.name} Mac doesn't match: ${intf.mac} not found`);
  return good(true);
}

export function* check(p: Process, args: CmdArgs): Task<Printed> {
  const conf = loadConf(args.stdin, args.args);
  if (!conf.ok) return conf;
  const n = conf.value;
  const container = openNetns(p, args.netns);
  if (!container.ok) return bad(`failed to open netns ${quoted(args.netns)}: ${container.error.msg}`);
  const ipam = yield* delegateCheck(p, n.ipamType, args.stdin);
  if (!ipam.ok) return ipam;
  const prev = prevResult(n);
  if (!prev.ok) return prev;
  if (!prev.value) return bad('Required prevResult missing');
  const { interfaces, ips, routes } = prev.value;
  let [brIntf, contIntf] = [NONE, NONE];
  for (const intf of interfaces) {
    if (intf.name === n.bridge) brIntf = intf;
    else if (intf.name === args.ifName && (intf.sandbox ?? '') === args.netns) contIntf = intf;
  }
  const br = validBridge(p.ns, brIntf, n);
  if (!br.ok) return br;
  if ((contIntf.sandbox ?? '') !== args.netns)
    return bad(`Sandbox in prevResult ${contIntf.sandbox ?? ''} doesn't match configured netns: ${args.netns}`);
  const cont = validContainer(container.value, contIntf);
  if (!cont.ok) return cont;
  let hostEnd = false;
  for (const intf of interfaces) {
    if (intf.name === brIntf.name || intf.name === contIntf.name) continue;
    const found = validHostEnd(p.ns, intf, br.value, cont.value);
    if (!found.ok) return found;
    hostEnd = found.value;
    if (hostEnd) break;
  }
  if (!hostEnd) return bad(`CNI veth created for bridge ${n.bridge} was not found`);
  const addresses = validateIps(container.value, args.ifName, ips);
  if (!addresses.ok) return addresses;
  const routed = validateRoutes(container.value, routes);
  return routed.ok ? good('') : routed;
}
