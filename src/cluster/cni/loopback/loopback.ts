/** loopback: sets a container's `lo` up. Models plugins/main/loopback/loopback.go */

import type { Process } from '../../../os/process.ts';
import { IFF_UP, setLink } from '../../../os/uapi.ts';
import { formatIp, isLoopback } from '../../../wire/addr.ts';
import { addressesOf } from '../addr.ts';
import { marshalIndent, prefixed, quoted } from '../gojson.ts';
import { linkByName, openNetns, setUp, step } from '../link.ts';
import { plainConf, prevResult } from '../netconf.ts';
import { type IpConfig, printResult, resultJson } from '../result.ts';
import { atOnce, type CmdArgs, type Plugin, type Printed } from '../skel.ts';
import { bad, good } from '../types.ts';
import { isAtLeast } from '../version.ts';

const LO = 'lo';

function add(p: Process, args: CmdArgs): Printed {
  const conf = plainConf(args.stdin);
  if (!conf.ok) return prefixed('failed to parse network config', conf.error);
  const prev = prevResult(conf.value);
  if (!prev.ok) return prefixed('failed to parse prevResult', prev.error);
  const ns = openNetns(p, args.netns);
  if (!ns.ok) return ns;
  const dev = linkByName(ns.value, LO);
  if (!dev.ok) return dev;
  const up = setUp(dev.value);
  if (!up.ok) return up;
  const ips: IpConfig[] = [];
  for (const family of [4, 6] as const) {
    const addresses = addressesOf(dev.value, family);
    const foreign = addresses.find((a) => !isLoopback(a.addr));
    if (foreign) return bad(`loopback interface found with non-loopback address ${quoted(formatIp(foreign.addr))}`);
    const first = addresses[0];
    if (first) ips.push({ iface: 0, address: first, gateway: null });
  }
  const version = conf.value.cniVersion ?? '';
  if (prev.value) return printResult(prev.value, version);
  const interfaces = [{ name: LO, mac: '00:00:00:00:00:00', sandbox: args.netns }];
  const result = { version: '1.0.0', interfaces, ips, routes: [], dns: {} };
  if (version === '') return printResult(result, version);
  // The result is marked with the wanted version from the start, so that nothing converts it.
  const json = resultJson(result, isAtLeast(version, '1.1.0') ? version : '1.0.0');
  return json.ok ? good(marshalIndent({ ...json.value, cniVersion: version })) : json;
}

function del(p: Process, args: CmdArgs): Printed {
  if (args.netns === '') return good('');
  const ns = openNetns(p, args.netns);
  if (!ns.ok) return ns.missing ? good('') : ns;
  const dev = linkByName(ns.value, LO);
  if (!dev.ok) return dev;
  const down = step(setLink(dev.value, { clear: IFF_UP }));
  return down.ok ? good('') : down;
}

function check(p: Process, args: CmdArgs): Printed {
  const ns = openNetns(p, args.netns);
  if (!ns.ok) return ns;
  const dev = linkByName(ns.value, LO);
  if (!dev.ok) return dev;
  return dev.value.up ? good('') : bad('loopback interface is down');
}

export const loopback: Plugin = { name: 'loopback', add: atOnce(add), check: atOnce(check), del: atOnce(del) };
