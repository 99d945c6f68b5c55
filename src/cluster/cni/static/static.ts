/** static: addresses that the configuration spells out. Models plugins/ipam/static/main.go */

import type { Process } from '../../../os/process.ts';
import { formatIp, type IpAddr, inPrefix } from '../../../wire/addr.ts';
import { isV4 } from '../addr.ts';
import { goCidr, goIp, IP, type IpNet, list, STRING, struct, unmarshal } from '../gojson.ts';
import { loadArgs, plainConf, prevResult } from '../netconf.ts';
import { DNS, printResult, type RawRoute, ROUTE, type Route, routeOf } from '../result.ts';
import { atOnce, type CmdArgs, type Plugin, type Printed } from '../skel.ts';
import { bad, type CniDns, good, type Outcome } from '../types.ts';
import { isAtLeast } from '../version.ts';

interface Address {
  readonly address: IpNet;
  readonly gateway: IpAddr | null;
}

interface Conf {
  readonly cniVersion: string;
  readonly addresses: readonly Address[];
  readonly routes: readonly Route[];
  readonly dns: CniDns;
}

interface Raw {
  readonly cniVersion?: string;
  readonly ipam?: {
    readonly routes?: readonly RawRoute[];
    readonly addresses?: readonly { readonly address?: string; readonly gateway?: IpAddr }[];
    readonly dns?: CniDns;
  };
  readonly runtimeConfig?: { readonly ips?: readonly string[] };
  readonly args?: { readonly cni?: { readonly ips?: readonly string[] } };
}

const SCHEMA = struct('main.Net', {
  name: STRING,
  cniVersion: STRING,
  ipam: struct('main.IPAMConfig', {
    Name: STRING,
    type: STRING,
    routes: list(ROUTE, '[]*types.Route'),
    addresses: list(struct('main.Address', { address: STRING, gateway: IP })),
    dns: DNS,
  }),
  runtimeConfig: struct('struct', { ips: list(STRING) }),
  args: struct('struct', { cni: struct('main.IPAMArgs', { ips: list(STRING) }) }),
});

type Written = { readonly text: string; readonly gateway: IpAddr | null };

function load(args: CmdArgs): Outcome<Conf> {
  const r = unmarshal<Raw>(args.stdin, SCHEMA);
  if (!r.ok) return r;
  const { ipam, cniVersion = '' } = r.value;
  if (!ipam) return bad("IPAM config missing 'ipam' key");
  const env = loadArgs(args.args, ['IP', 'GATEWAY']);
  if (!env.ok) return env;
  let written: Written[] = (ipam.addresses ?? []).map((a) => ({ text: a.address ?? '', gateway: a.gateway ?? null }));
  for (const item of (env.value.get('IP') ?? '').split(',').filter((t) => t !== '')) {
    const text = item.trim();
    if (!goCidr(text)) return bad(`the 'ip' field is expected to be in CIDR notation, got: '${text}'`);
    written.push({ text, gateway: null });
  }
  for (const item of (env.value.get('GATEWAY') ?? '').split(',').filter((t) => t !== '')) {
    const gateway = goIp(item.trim());
    if (gateway === null) return bad(`invalid gateway address: ${item}`);
    written = written.map((w) => {
      const net = goCidr(w.text);
      return net && isV4(net.addr) === isV4(gateway) && inPrefix(gateway, net.addr, net.len) ? { ...w, gateway } : w;
    });
  }
  for (const ips of [r.value.args?.cni?.ips ?? [], r.value.runtimeConfig?.ips ?? []]) {
    if (ips.length === 0) continue;
    const wrong = ips.find((t) => !goCidr(t));
    if (wrong !== undefined) return bad(`an entry in the 'ips' field is NOT in CIDR notation, got: '${wrong}'`);
    written = ips.map((text) => ({ text, gateway: null }));
  }
  const addresses: Address[] = [];
  for (const { text, gateway } of written) {
    const address = goCidr(text);
    if (!address) return bad(`the 'address' field is expected to be in CIDR notation, got: '${text}'`);
    addresses.push({ address, gateway });
  }
  const v4 = addresses.filter((a) => isV4(a.address.addr)).length;
  if ((v4 > 1 || addresses.length - v4 > 1) && !isAtLeast(cniVersion, '0.3.0'))
    return bad(`CNI version ${cniVersion} does not support more than 1 address per family`);
  return good({ cniVersion, addresses, routes: (ipam.routes ?? []).map(routeOf), dns: ipam.dns ?? {} });
}

function add(_p: Process, args: CmdArgs): Printed {
  const conf = load(args);
  if (!conf.ok) return conf;
  const { addresses, routes, dns, cniVersion } = conf.value;
  const ips = addresses.map(({ address, gateway }) => ({ iface: null, address, gateway }));
  return printResult({ version: '1.0.0', interfaces: [], ips, routes, dns }, cniVersion);
}

function check(_p: Process, args: CmdArgs): Printed {
  const conf = load(args);
  if (!conf.ok) return conf;
  const plain = plainConf(args.stdin);
  if (!plain.ok) return plain;
  const prev = prevResult(plain.value);
  if (!prev.ok) return prev;
  if (!prev.value) return bad('Required prevResult missing');
  for (const { address, gateway } of conf.value.addresses) {
    const found = prev.value.ips.find((c) => c.address.addr === address.addr);
    if (found && gateway !== null && gateway !== found.gateway)
      return bad(`static: Failed to match addr ${formatIp(address.addr)} on interface ${args.ifName}`);
  }
  return good('');
}

export const staticIpam: Plugin = { name: 'static', add: atOnce(add), check: atOnce(check), del: atOnce(() => good('')) };
