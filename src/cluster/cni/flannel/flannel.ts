/** flannel: completes a configuration by what flanneld wrote and hands it to another plugin. Models flannel-io/cni-plugin flannel.go */

import type { Process, Task } from '../../../os/process.ts';
import { network } from '../../../wire/addr.ts';
import { makeDirs } from '../cache.ts';
import { delegateAdd, delegateDel } from '../delegate.ts';
import { ANY, goCidr, map, netText, prefixed, STRING, unmarshal } from '../gojson.ts';
import { type NetConf, netConf } from '../netconf.ts';
import { printResult } from '../result.ts';
import { atOnce, type CmdArgs, type Plugin, type Printed } from '../skel.ts';
import { bad, good, type JsonObject, type Outcome } from '../types.ts';

interface FlannelConf extends Omit<NetConf, 'ipam'> {
  readonly ipam?: JsonObject;
  readonly subnetFile?: string;
  readonly dataDir?: string;
  readonly delegate?: JsonObject;
  readonly runtimeConfig?: JsonObject;
}

const SCHEMA = netConf('main.NetConf', {
  ipam: map(ANY),
  subnetFile: STRING,
  dataDir: STRING,
  delegate: map(ANY),
  runtimeConfig: map(ANY),
});
export const SUBNET_FILE = '/run/flannel/subnet.env';
const DATA_DIR = '/var/lib/cni/flannel';

interface SubnetEnv {
  readonly networks: readonly string[];
  readonly subnets: readonly string[];
  readonly mtu: number;
  readonly ipMasq: boolean;
}

function load(args: CmdArgs): Outcome<FlannelConf> {
  const r = unmarshal<FlannelConf>(args.stdin, SCHEMA);
  return r.ok ? r : prefixed('failed to load netconf', r.error);
}

function subnetEnv(p: Process, file: string): Outcome<SubnetEnv> {
  const text = p.readText(file);
  if (text === null) return bad(`open ${file}: no such file or directory`);
  const values = new Map(text.split('\n').map((l) => [l.split('=')[0] ?? '', l.slice(l.indexOf('=') + 1)] as const));
  const nets: Record<string, string[]> = { NETWORK: [], SUBNET: [] };
  for (const what of ['NETWORK', 'SUBNET'] as const)
    for (const key of [`FLANNEL_${what}`, `FLANNEL_IPV6_${what}`]) {
      const value = values.get(key);
      if (value === undefined) continue;
      const net = goCidr(value);
      if (!net) return bad(`invalid CIDR address: ${value}`);
      nets[what]?.push(netText({ addr: network(net.addr, net.len), len: net.len }));
    }
  const [networks, subnets] = [nets.NETWORK ?? [], nets.SUBNET ?? []];
  const missing: string[] = [];
  if (networks.length === 0) missing.push('FLANNEL_NETWORK', 'FLANNEL_IPV6_NETWORK');
  if (subnets.length === 0) missing.push('FLANNEL_SUBNET', 'FLANNEL_IPV6_SUBNET');
  for (const key of ['FLANNEL_MTU', 'FLANNEL_IPMASQ']) if (!values.has(key)) missing.push(key);
  if (missing.length > 0) return bad(`${file} is missing ${missing.join(', ')}`);
  return good({ networks, subnets, mtu: Number(values.get('FLANNEL_MTU')), ipMasq: values.get('FLANNEL_IPMASQ') === 'true' });
}

/** The configuration for the plugin that does the work. */
function delegateConf(n: FlannelConf, env: SubnetEnv): Outcome<JsonObject & { type: string }> {
  const given = n.delegate ?? {};
  if ('type' in given && typeof given.type !== 'string') return bad("'delegate' dictionary, if present, must have (string) 'type' field");
  if ('name' in given) return bad("'delegate' dictionary must not have 'name' field, it'll be set by flannel");
  if ('ipam' in given) return bad("'delegate' dictionary must not have 'ipam' field, it'll be set by flannel");
  const type = typeof given.type === 'string' ? given.type : 'bridge';
  const own = (n.ipam ?? {}) as { readonly type?: string; readonly routes?: readonly JsonObject[] };
  const ipam = {
    type: 'host-local',
    ...own,
    ranges: env.subnets.map((subnet) => [{ subnet }]),
    routes: [...(own.routes ?? []), ...env.networks.map((dst) => ({ dst }))],
  };
  return good({
    ipMasq: !env.ipMasq,
    mtu: env.mtu,
    ...(type === 'bridge' ? { isGateway: true } : {}),
    ...given,
    ...(n.runtimeConfig ? { runtimeConfig: n.runtimeConfig } : {}),
    name: n.name ?? '',
    type,
    ...(n.cniVersion ? { cniVersion: n.cniVersion } : {}),
    ipam,
  });
}

function* add(p: Process, args: CmdArgs): Task<Printed> {
  const loaded = load(args);
  if (!loaded.ok) return loaded;
  const n = loaded.value;
  const env = subnetEnv(p, n.subnetFile ?? SUBNET_FILE);
  if (!env.ok) return env;
  const conf = delegateConf(n, env.value);
  if (!conf.ok) return conf;
  const text = JSON.stringify(conf.value);
  const dir = n.dataDir ?? DATA_DIR;
  if (!makeDirs(p, dir, 0o700)) return bad(`mkdir ${dir}: not a directory`);
  p.writeFile(`${dir}/${args.containerID}`, text);
  yield* p.err(text);
  const r = yield* delegateAdd(p, conf.value.type, text);
  return r.ok ? printResult(r.value, r.value.version) : prefixed('failed to delegate add', r.error);
}

function* del(p: Process, args: CmdArgs): Task<Printed> {
  const loaded = load(args);
  if (!loaded.ok) return loaded;
  const file = `${loaded.value.dataDir ?? DATA_DIR}/${args.containerID}`;
  const text = p.readText(file);
  // Without the scratch file there is nothing to undo.
  if (text === null) return good('');
  let type = '';
  try {
    type = (JSON.parse(text) as { type?: string }).type ?? '';
  } catch {
    return bad(`failed to parse netconf: ${file}`);
  }
  const r = yield* delegateDel(p, type, text);
  if (!r.ok) return r;
  p.unlink(file);
  return good('');
}

export const flannel: Plugin = { name: 'flannel', add, check: atOnce(() => good('')), del, upstreamOnly: true };
