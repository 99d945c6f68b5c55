/** portmap: ports of the host that lead into a container. Models plugins/meta/portmap/main.go, portmap.go */

import type { Process, Task } from '../../../os/process.ts';
import { type NetDevice, routeOutput } from '../../../os/uapi.ts';
import type { IpAddr } from '../../../wire/addr.ts';
import { isV4 } from '../addr.ts';
import { BOOL, INT, type IpNet, list, prefixed, STRING, struct, unmarshal } from '../gojson.ts';
import { Iptables } from '../iptables.ts';
import { type NetConf, netConf, prevResult } from '../netconf.ts';
import { printResult, type Result } from '../result.ts';
import type { CmdArgs, Plugin, Printed } from '../skel.ts';
import { bad, good, type Outcome } from '../types.ts';
import { type Chain, checkChain, setupChain, teardownChain } from './chain.ts';
import { dnatChain, filledDnatChain, markMasqChain, oldSnatChain, type PortMapEntry, setMarkChain, TOPLEVEL_DNAT } from './rules.ts';

interface Raw extends NetConf {
  readonly snat?: boolean;
  readonly conditionsV4?: readonly string[];
  readonly conditionsV6?: readonly string[];
  readonly markMasqBit?: number;
  readonly externalSetMarkChain?: string;
  readonly runtimeConfig?: { readonly portMappings?: readonly Partial<PortMapEntry>[] };
}

export interface PortMapConf extends Raw {
  readonly snat: boolean;
  readonly markMasqBit: number;
  readonly mappings: readonly PortMapEntry[];
  readonly containerID: string;
  readonly result: Result | null;
  /** Addresses of the container, an IPv4 one and an IPv6 one. */
  readonly addresses: readonly IpNet[];
}

const DEFAULT_MARK_BIT = 13;

const SCHEMA = netConf('main.PortMapConf', {
  snat: BOOL,
  conditionsV4: list(STRING),
  conditionsV6: list(STRING),
  markMasqBit: INT,
  externalSetMarkChain: STRING,
  runtimeConfig: struct('struct', {
    portMappings: list(struct('main.PortMapEntry', { hostPort: INT, containerPort: INT, protocol: STRING, hostIP: STRING })),
  }),
});

function parse(args: CmdArgs): Outcome<PortMapConf> {
  const r = unmarshal<Raw>(args.stdin, SCHEMA);
  if (!r.ok) return prefixed('failed to parse network configuration', r.error);
  const raw = r.value;
  const prev = prevResult(raw);
  if (!prev.ok) return prefixed('could not parse prevResult', prev.error);
  if (raw.markMasqBit !== undefined && raw.externalSetMarkChain !== undefined)
    return bad('Cannot specify externalSetMarkChain and markMasqBit');
  const markMasqBit = raw.markMasqBit ?? DEFAULT_MARK_BIT;
  if (markMasqBit < 0 || markMasqBit > 31) return bad('MasqMarkBit must be between 0 and 31');
  const mappings = (raw.runtimeConfig?.portMappings ?? []).map(({ hostPort = 0, containerPort = 0, protocol = '', hostIP = '' }) => ({
    hostPort,
    containerPort,
    protocol,
    hostIP,
  }));
  for (const m of mappings) {
    if (m.containerPort <= 0) return bad(`Invalid container port number: ${m.containerPort}`);
    if (m.hostPort <= 0) return bad(`Invalid host port number: ${m.hostPort}`);
  }
  const addresses = prev.value ? containerAddresses(prev.value, args.ifName) : [];
  return good({ ...raw, snat: raw.snat ?? true, markMasqBit, mappings, containerID: args.containerID, result: prev.value, addresses });
}

function containerAddresses({ ips, interfaces }: Result, ifName: string): IpNet[] {
  const out: IpNet[] = [];
  for (const v4 of [true, false]) {
    const found = ips.find(({ address, iface }) => {
      if (isV4(address.addr) !== v4) return false;
      const intf = iface === null ? undefined : interfaces[iface];
      return !intf || (intf.name === ifName && !!intf.sandbox);
    });
    if (found) out.push(found.address);
  }
  return out;
}

/** The device over which the host reaches the container. */
function routableHostIf(p: Process, ip: IpAddr): NetDevice | null {
  const found = routeOutput(p.ns, { dst: ip, src: null, oif: null, mark: 0, tos: 0, uid: 0 });
  return found.ok ? found.value.dev : null;
}

function* forward(p: Process, conf: PortMapConf, net: IpNet): Task<Outcome<null>> {
  const v4 = isV4(net.addr);
  const opened = Iptables.open(p, !v4);
  if (!opened.ok) return bad(`failed to open iptables: ${opened.error.msg}`);
  const ipt = opened.value;
  if (conf.snat) {
    if (conf.externalSetMarkChain === undefined) {
      const setMark = setMarkChain(conf.markMasqBit);
      for (const chain of [setMark, markMasqChain(conf.markMasqBit)]) {
        const made = yield* setupChain(ipt, chain);
        if (!made.ok) return bad(`unable to create chain ${setMark.name}: ${made.error.msg}`);
      }
    }
    const dev = v4 ? routableHostIf(p, net.addr) : null;
    if (dev) p.writeFile(`/proc/sys/net/ipv4/conf/${dev.name}/route_localnet`, '1');
  }
  const top = yield* setupChain(ipt, TOPLEVEL_DNAT);
  if (!top.ok) return bad(`failed to create top-level DNAT chain: ${top.error.msg}`);
  const dnat = yield* setupChain(ipt, filledDnatChain(conf, net));
  return dnat.ok ? dnat : bad(`unable to setup DNAT: ${dnat.error.msg}`);
}

/** UDP flows that began before the port was mapped would never see the rules. */
function dropStaleFlows(p: Process, mappings: readonly PortMapEntry[], v4: boolean): void {
  const ports = new Set(mappings.filter((m) => m.protocol.toLowerCase() === 'udp').map((m) => m.hostPort));
  if (ports.size === 0) return;
  for (const c of p.ns.ct.list(v4 ? 4 : 6)) {
    const t = c.original;
    if (t.proto === 17 && ports.has(t.dport)) p.ns.ct.destroy(c, p.pid);
  }
}

function* add(p: Process, args: CmdArgs): Task<Printed> {
  const parsed = parse(args);
  if (!parsed.ok) return prefixed('failed to parse config', parsed.error);
  const conf = parsed.value;
  if (!conf.result) return bad('must be called as chained plugin');
  if (conf.mappings.length > 0)
    for (const net of conf.addresses) {
      const r = yield* forward(p, conf, net);
      if (!r.ok) return r;
      dropStaleFlows(p, conf.mappings, isV4(net.addr));
    }
  return printResult(conf.result, conf.cniVersion ?? '');
}

/** Both families, as far as their iptables works. */
function* usable(p: Process): Task<{ ipt: Iptables; family: 'ipv4' | 'ipv6' }[]> {
  const out: { ipt: Iptables; family: 'ipv4' | 'ipv6' }[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const opened = Iptables.open(p, family === 'ipv6');
    if (!opened.ok) continue;
    const listed = yield* opened.value.list('nat', 'OUTPUT');
    if (listed.ok) out.push({ ipt: opened.value, family });
  }
  return out;
}

const NEITHER = 'neither iptables nor ip6tables usable';

function* del(p: Process, args: CmdArgs): Task<Printed> {
  const parsed = parse(args);
  if (!parsed.ok) return prefixed('failed to parse config', parsed.error);
  const conf = parsed.value;
  if (conf.mappings.length === 0) return good('');
  const tables = yield* usable(p);
  if (tables.length === 0) return bad(NEITHER);
  const name = conf.name ?? '';
  for (const { ipt, family } of tables) {
    const gone = yield* teardownChain(ipt, dnatChain(name, args.containerID));
    if (!gone.ok) return bad(`could not teardown ${family} dnat: ${gone.error.msg}`);
    yield* teardownChain(ipt, oldSnatChain(name, args.containerID));
  }
  return good('');
}

function* check(p: Process, args: CmdArgs): Task<Printed> {
  const parsed = parse(args);
  if (!parsed.ok) return parsed;
  const conf = parsed.value;
  if (!conf.result) return bad('Required prevResult missing');
  if (conf.mappings.length === 0) return good('');
  for (const net of conf.addresses) {
    const chain: Chain = filledDnatChain(conf, net);
    const tables = yield* usable(p);
    if (tables.length === 0) return bad(NEITHER);
    // Both tables are looked at, whatever the address' family.
    for (const { ipt, family } of tables) {
      const r = yield* checkChain(ipt, chain);
      if (!r.ok) return bad(`could not check ${family} dnat: ${r.error.msg}`);
    }
  }
  return good('');
}

export const portmap: Plugin = { name: 'portmap', add, check, del };
