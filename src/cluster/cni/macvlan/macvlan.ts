/** macvlan and ipvlan: interfaces that share a device of the host. Models plugins/main/macvlan/macvlan.go, plugins/main/ipvlan/ipvlan.go */

import type { Process, Task } from '../../../os/process.ts';
import { type LinkData, linkMsg, type NetDevice, type Netns, newLink, RT_TABLE_MAIN, setLink } from '../../../os/uapi.ts';
import { configureIface, validateIps, validateRoutes } from '../addr.ts';
import { delegateAdd, delegateCheck, delegateDel, delegateOther } from '../delegate.ts';
import { INT, prefixed, quoted, STRING, struct, unmarshal } from '../gojson.ts';
import {
  delLinkByName,
  errnoText,
  goMac,
  inNetns,
  linkByName,
  macOf,
  NETNS_COST,
  openNetns,
  randomVethName,
  setUp,
  trySysctl,
} from '../link.ts';
import { loadArgs, type NetConf, netConf, prevResult } from '../netconf.ts';
import { printResult, type Result } from '../result.ts';
import type { CmdArgs, Plugin, Printed } from '../skel.ts';
import { bad, type CniInterface, good, type Outcome } from '../types.ts';

interface Raw extends NetConf {
  readonly master?: string;
  readonly mode?: string;
  readonly mtu?: number;
  readonly mac?: string;
  readonly runtimeConfig?: { readonly mac?: string };
}

interface Conf extends Raw {
  readonly master: string;
  readonly mode: string;
  readonly mtu: number;
  readonly mac: string;
  readonly ipamType: string;
}

/** In what the two plugins differ. */
interface Sharing {
  readonly kind: 'macvlan' | 'ipvlan';
  /** Modes by name; '' is the default. */
  readonly modes: Readonly<Record<string, string>>;
  readonly data: (mode: string) => LinkData;
  readonly modeOf: (dev: NetDevice) => string;
}

const MACVLAN: Sharing = {
  kind: 'macvlan',
  modes: { '': 'bridge', bridge: 'bridge', private: 'private', vepa: 'vepa', passthru: 'passthru' },
  data: (mode) => ({ kind: 'macvlan', mode: mode as 'bridge' | 'private' | 'vepa' | 'passthru' }),
  modeOf: (dev) => {
    const { data } = linkMsg(dev);
    return data?.kind === 'macvlan' ? (data.mode ?? '') : '';
  },
};

const IPVLAN: Sharing = {
  kind: 'ipvlan',
  modes: { '': 'l2', l2: 'l2', l3: 'l3', l3s: 'l3s' },
  data: (mode) => ({ kind: 'ipvlan', mode: mode as 'l2' | 'l3' | 'l3s' }),
  modeOf: (dev) => {
    const { data } = linkMsg(dev);
    return data?.kind === 'ipvlan' ? String(data.mode ?? '') : '';
  },
};

const SCHEMA = netConf('main.NetConf', {
  master: STRING,
  mode: STRING,
  mtu: INT,
  mac: STRING,
  runtimeConfig: struct('struct', { mac: STRING }),
});

function defaultRouteInterface(ns: Netns): Outcome<string> {
  for (const family of [4, 6] as const)
    for (const r of ns.fib.list(family, RT_TABLE_MAIN)) {
      const dev = r.nexthops[0]?.dev;
      if (r.dst.len === 0 && dev) return good(dev.name);
    }
  return bad('no default route interface found');
}

function load(p: Process, args: CmdArgs): Outcome<Conf> {
  const r = unmarshal<Raw>(args.stdin, SCHEMA);
  if (!r.ok) return prefixed('failed to load netconf', r.error);
  const raw = r.value;
  let { master = '' } = raw;
  if (master === '') {
    const found = defaultRouteInterface(p.ns);
    if (!found.ok) return found;
    master = found.value;
  }
  const dev = linkByName(p.ns, master);
  if (!dev.ok) return dev;
  const mtu = raw.mtu ?? 0;
  if (mtu < 0 || mtu > dev.value.mtu) return bad(`invalid MTU ${mtu}, must be [0, master MTU(${dev.value.mtu})]`);
  const env = loadArgs(args.args, ['MAC']);
  if (!env.ok) return env;
  const mac = raw.runtimeConfig?.mac || env.value.get('MAC') || raw.mac || '';
  return good({ ...raw, master, mtu, mac, mode: raw.mode ?? '', ipamType: raw.ipam?.type ?? '' });
}

function create(p: Process, s: Sharing, n: Conf, args: CmdArgs, ns: Netns): Outcome<CniInterface> {
  const mode = s.modes[n.mode];
  if (mode === undefined) return bad(`unknown ${s.kind} mode: ${quoted(n.mode)}`);
  const master = linkByName(p.ns, n.master);
  if (!master.ok) return bad(`failed to lookup master ${quoted(n.master)}: ${master.error.msg}`);
  const name = randomVethName(p);
  const mac = n.mac === '' ? null : goMac(n.mac);
  if (mac && !mac.ok) return bad(`invalid args ${n.mac} for MAC addr: ${mac.error.msg}`);
  const made = newLink(p.ns, {
    kind: s.kind,
    name,
    link: master.value,
    netns: ns,
    txqlen: 0,
    data: s.data(mode),
    ...(n.mtu > 0 ? { mtu: n.mtu } : {}),
    ...(mac ? { address: mac.value } : {}),
  });
  if (!made.ok) return bad(`failed to create ${s.kind}: ${errnoText(made.errno)}`);
  const renamed = setLink(made.value, { name: args.ifName });
  if (!renamed.ok) {
    delLinkByName(ns, name);
    return bad(`failed to rename ${s.kind} to ${quoted(args.ifName)}: ${errnoText(renamed.errno)}`);
  }
  return good({ name: args.ifName, mac: macOf(made.value), sandbox: args.netns });
}

function* configured(p: Process, n: Conf, args: CmdArgs, ns: Netns, intf: CniInterface): Task<Outcome<Result>> {
  const base: Result = { version: '1.0.0', interfaces: [intf], ips: [], routes: [], dns: n.dns ?? {} };
  if (n.ipamType === '') {
    const dev = linkByName(ns, args.ifName);
    if (!dev.ok) return bad(`failed to find interface name ${quoted(args.ifName)}: ${dev.error.msg}`);
    const up = inNetns(p, ns, () => setUp(dev.value));
    return up.ok ? good(base) : bad(`failed to set ${quoted(args.ifName)} UP: ${up.error.msg}`);
  }
  const ipam = yield* delegateAdd(p, n.ipamType, args.stdin);
  if (!ipam.ok) return ipam;
  const result: Result = { ...base, ips: ipam.value.ips.map((c) => ({ ...c, iface: 0 })), routes: ipam.value.routes };
  const host = p.ns;
  p.ns = ns;
  trySysctl(p, `net/ipv4/conf/${args.ifName}/arp_notify`, '1');
  const set = result.ips.length === 0 ? bad('IPAM plugin returned missing IP config') : yield* configureIface(p, ns, args.ifName, result);
  p.ns = host;
  if (set.ok) return good(result);
  yield* delegateDel(p, n.ipamType, args.stdin);
  return set;
}

function pluginOf(s: Sharing): Plugin {
  function* add(p: Process, args: CmdArgs): Task<Printed> {
    const loaded = load(p, args);
    if (!loaded.ok) return loaded;
    const ns = openNetns(p, args.netns);
    if (!ns.ok) return bad(`failed to open netns %!q(<nil>): ${ns.error.msg}`);
    const intf = create(p, s, loaded.value, args, ns.value);
    if (!intf.ok) return intf;
    yield* p.charge(NETNS_COST);
    const result = yield* configured(p, loaded.value, args, ns.value, intf.value);
    if (result.ok) return printResult(result.value, loaded.value.cniVersion ?? '');
    delLinkByName(ns.value, args.ifName);
    return result;
  }

  function* del(p: Process, args: CmdArgs): Task<Printed> {
    const loaded = load(p, args);
    if (!loaded.ok) return loaded;
    if (loaded.value.ipamType !== '') {
      const r = yield* delegateDel(p, loaded.value.ipamType, args.stdin);
      if (!r.ok) return r;
    }
    if (args.netns === '') return good('');
    const ns = openNetns(p, args.netns);
    if (!ns.ok) return ns.missing ? good('') : ns;
    const gone = delLinkByName(ns.value, args.ifName);
    return gone.ok ? good('') : gone;
  }

  function* check(p: Process, args: CmdArgs): Task<Printed> {
    const loaded = load(p, args);
    if (!loaded.ok) return loaded;
    const n = loaded.value;
    const ns = openNetns(p, args.netns);
    if (!ns.ok) return bad(`failed to open netns ${quoted(args.netns)}: ${ns.error.msg}`);
    if (n.ipamType !== '') {
      const r = yield* delegateCheck(p, n.ipamType, args.stdin);
      if (!r.ok) return r;
    }
    const prev = prevResult(n);
    if (!prev.ok) return prev;
    if (!prev.value) return bad('Required prevResult missing');
    const { interfaces, ips, routes } = prev.value;
    const intf = interfaces.findLast((i) => i.name === args.ifName && (i.sandbox ?? '') === args.netns) ?? { name: '' };
    if ((intf.sandbox ?? '') !== args.netns)
      return bad(`Sandbox in prevResult ${intf.sandbox ?? ''} doesn't match configured netns: ${args.netns}`);
    for (const r of [validContainer(s, ns.value, intf, n), validateIps(ns.value, args.ifName, ips), validateRoutes(ns.value, routes)])
      if (!r.ok) return r;
    return good('');
  }

  function* status(p: Process, args: CmdArgs): Task<Printed> {
    const loaded = load(p, args);
    if (!loaded.ok) return loaded;
    if (loaded.value.ipamType === '') return good('');
    const r = yield* delegateOther(p, loaded.value.ipamType, args.stdin, 'STATUS');
    return r.ok ? good('') : r;
  }

  return { name: s.kind, add, check, del, status };
}

function validContainer(s: Sharing, ns: Netns, intf: CniInterface, n: Conf): Outcome<null> {
  if (intf.name === '') return bad('Container interface name missing in prevResult: ');
  const found = linkByName(ns, intf.name);
  if (!found.ok) return bad(`Container Interface name in prevResult: ${intf.name} not found`);
  const dev = found.value;
  if (!intf.sandbox) return bad(`Error: Container interface ${dev.name} should not be in host namespace`);
  if (dev.kind !== s.kind) return bad(`Error: Container interface ${dev.name} not of type ${s.kind}`);
  const wanted = s.modes[n.mode] ?? '';
  const now = s.modeOf(dev);
  if (now !== wanted) return bad(`Container ${s.kind} mode ${now} does not match expected value: ${wanted}`);
  if (intf.mac && intf.mac !== macOf(dev)) return bad(`Interface ${intf.name} Mac ${intf.mac} doesn't match container Mac: ${macOf(dev)}`);
  return good(null);
}

export const macvlan: Plugin = pluginOf(MACVLAN);
export const ipvlan: Plugin = pluginOf(IPVLAN);
