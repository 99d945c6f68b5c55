/** bandwidth: limits a container's traffic, what it sends by way of an ifb device. Models plugins/meta/bandwidth/{main,ifb_creator}.go */

import type { Process } from '../../../os/process.ts';
import * as tc from '../../../os/tc.ts';
import { delLink, IFF_UP, type NetDevice, newLink } from '../../../os/uapi.ts';
import { prefixed, quoted, struct, UINT64, unmarshal } from '../gojson.ts';
import { hashWithPrefix } from '../iptables.ts';
import { errnoText, linkByName, macOf, openNetns, vethPeerIndex } from '../link.ts';
import { type NetConf, netConf, prevResult } from '../netconf.ts';
import { printResult, type Result } from '../result.ts';
import { atOnce, type CmdArgs, type Plugin, type Printed } from '../skel.ts';
import { bad, good, type Outcome } from '../types.ts';

/** Bits per second and bits. */
interface Limits {
  readonly ingressRate?: number;
  readonly ingressBurst?: number;
  readonly egressRate?: number;
  readonly egressBurst?: number;
}

interface Raw extends NetConf, Limits {
  readonly runtimeConfig?: { readonly bandwidth?: Limits };
}

interface Parsed {
  readonly conf: Raw;
  readonly limits: Required<Limits> | null;
  readonly prev: Result | null;
}

const FIELDS = { ingressRate: UINT64, ingressBurst: UINT64, egressRate: UINT64, egressBurst: UINT64 };
const SCHEMA = netConf('main.PluginConf', {
  ...FIELDS,
  runtimeConfig: struct('struct', { bandwidth: struct('main.BandwidthEntry', FIELDS) }),
});

const MAX_BURST = 0xffffffff;
const MAX_NAME = 15;
const LATENCY_USEC = 25_000;
const ETH_P_ALL = 3;

function validRate(rate: number, burst: number): Outcome<null> {
  if (burst === 0 && rate !== 0) return bad('if rate is set, burst must also be set');
  if (rate === 0 && burst !== 0) return bad('if burst is set, rate must also be set');
  return Math.floor(burst / 8) >= MAX_BURST ? bad('burst cannot be more than 4GB') : good(null);
}

function parse(stdin: string): Outcome<Parsed> {
  const r = unmarshal<Raw>(stdin, SCHEMA);
  if (!r.ok) return prefixed('failed to parse network configuration', r.error);
  const conf = r.value;
  // The configuration's own limits go before those of the runtime.
  const own = Object.keys(FIELDS).some((k) => k in conf);
  const given = own ? conf : conf.runtimeConfig?.bandwidth;
  let limits: Required<Limits> | null = null;
  if (given) {
    const { ingressRate = 0, ingressBurst = 0, egressRate = 0, egressBurst = 0 } = given;
    limits = { ingressRate, ingressBurst, egressRate, egressBurst };
    for (const r of [validRate(ingressRate, ingressBurst), validRate(egressRate, egressBurst)]) if (!r.ok) return r;
  }
  const prev = prevResult(conf);
  return prev.ok ? good({ conf, limits, prev: prev.value }) : prefixed('could not parse prevResult', prev.error);
}

/** The host's end of the container's veth, which the result must name. */
function hostEnd(p: Process, args: CmdArgs, prev: Result): Outcome<NetDevice> {
  const ns = openNetns(p, args.netns);
  if (!ns.ok) return bad(`failed to open netns %!q(<nil>): ${ns.error.msg}`);
  if (prev.interfaces.length === 0) return bad('no interfaces provided');
  const dev = linkByName(ns.value, args.ifName);
  const peer = dev.ok ? vethPeerIndex(dev.value) : null;
  if (!dev.ok || peer === null) {
    const why = dev.ok
      ? `interface ${quoted(args.ifName)} was not a veth interface`
      : `could not look up ${quoted(args.ifName)}: ${dev.error.msg}`;
    return bad(`container interface ${args.ifName} has no veth peer: ${why}`);
  }
  const host = p.ns.deviceByIndex(peer);
  if (!host) return bad(`veth peer with index ${peer} is not in host ns`);
  return prev.interfaces.some((i) => !i.sandbox && i.name === host.name)
    ? good(host)
    : bad('no veth peer of container interface found in host ns');
}

/** Bytes per second, bytes of the bucket, bytes that may wait for 25 ms. */
function bucket(rateBits: number, burstBits: number): { rate: number; burst: number; limit: number } {
  const rate = Math.floor(rateBits / 8);
  const burst = Math.floor(burstBits / 8);
  return { rate, burst, limit: Math.floor((rate * LATENCY_USEC) / 1e6) + burst };
}

const ADD: tc.Flags = { create: true, exclusive: true, replace: false };

function tbf(dev: NetDevice, rateBits: number, burstBits: number): Outcome<null> {
  const { rate, burst, limit } = bucket(rateBits, burstBits);
  const options: tc.QdiscOptions = { kind: 'tbf', rate: { rate, overhead: 0, mpu: 0 }, peak: null, limit, burst, mtu: 0 };
  const r = tc.modifyQdisc(dev.ns, { ifindex: dev.ifindex, parent: tc.TC_H_ROOT, handle: 0x10000, kind: 'tbf', options }, ADD);
  return r.ok ? good(null) : bad(`create qdisc: ${errnoText(r.errno)}`);
}

/** What arrives from the container is turned round into the ifb device and queued there. */
function throttleEgress(host: NetDevice, ifb: NetDevice, limits: Required<Limits>): Outcome<null> {
  const ingress = 0xffff0000;
  const qdisc = { ifindex: host.ifindex, parent: tc.TC_H_INGRESS, handle: ingress, kind: 'ingress', options: null };
  const made = tc.modifyQdisc(host.ns, qdisc, ADD);
  if (!made.ok) return bad(`create ingress qdisc: ${errnoText(made.errno)}`);
  const filter = tc.modifyFilter(host.ns, host.ifindex, {
    parent: ingress,
    kind: 'u32',
    prio: 1,
    protocol: ETH_P_ALL,
    handle: 0,
    exclusive: true,
    create: true,
    options: {
      classid: 0x10001,
      keys: [{ val: 0, mask: 0, off: 0, offmask: 0 }],
      // The library turns the redirection's index into an action of its own, before the one that is asked for.
      actions: (['stolen', 'pass'] as const).map((verdict) => ({
        kind: 'mirred' as const,
        direction: 'egress' as const,
        redirect: true,
        ifindex: ifb.ifindex,
        verdict,
        index: 0,
      })),
      terminal: true,
    },
  });
  if (!filter.ok) return bad(`add filter: ${errnoText(filter.errno)}`);
  const queue = tbf(ifb, limits.egressRate, limits.egressBurst);
  return queue.ok ? queue : bad(`create ifb qdisc: ${queue.error.msg}`);
}

const ifbName = (conf: Raw, id: string): string => hashWithPrefix(MAX_NAME, 'bwp', (conf.name ?? '') + id);

function add(p: Process, args: CmdArgs): Printed {
  const parsed = parse(args.stdin);
  if (!parsed.ok) return parsed;
  const { conf, limits, prev } = parsed.value;
  const nothing = !limits || Object.values(limits).every((n) => n === 0);
  if (!prev) return bad('must be called as chained plugin');
  if (nothing) return printResult(prev, conf.cniVersion ?? '');
  const host = hostEnd(p, args, prev);
  if (!host.ok) return host;
  if (limits.ingressRate > 0) {
    const r = tbf(host.value, limits.ingressRate, limits.ingressBurst);
    if (!r.ok) return r;
  }
  if (limits.egressRate === 0) return printResult(prev, conf.cniVersion ?? '');
  const name = ifbName(conf, args.containerID);
  const ifb = newLink(p.ns, { kind: 'ifb', name, mtu: host.value.mtu, txqlen: 0, set: IFF_UP });
  if (!ifb.ok) return bad(`adding link: ${errnoText(ifb.errno)}`);
  const interfaces = [...prev.interfaces, { name, mac: macOf(ifb.value) }];
  const r = throttleEgress(host.value, ifb.value, limits);
  return r.ok ? printResult({ ...prev, interfaces }, conf.cniVersion ?? '') : r;
}

function del(p: Process, args: CmdArgs): Printed {
  const parsed = parse(args.stdin);
  if (!parsed.ok) return parsed;
  const name = ifbName(parsed.value.conf, args.containerID);
  const dev = p.ns.device(name);
  if (!dev) return good('');
  const r = delLink(dev);
  return r.ok ? good('') : bad(`failed to delete ${quoted(name)}: ${errnoText(r.errno)}`);
}

function sameQueue(dev: NetDevice, rateBits: number, burstBits: number): Outcome<null> {
  const wanted = bucket(rateBits, burstBits);
  for (const { qdisc } of tc.listQdiscs(dev)) {
    if (!(qdisc instanceof tc.Tbf)) break;
    if (qdisc.rate.spec.rate !== wanted.rate) return bad("Rate doesn't match");
    if (qdisc.limit !== wanted.limit) return bad("Limit doesn't match");
    if (qdisc.bufferTicks !== Math.floor(Math.floor((wanted.burst * 1e6) / wanted.rate) * 15.625)) return bad("Buffer doesn't match");
  }
  return good(null);
}

function check(p: Process, args: CmdArgs): Printed {
  const parsed = parse(args.stdin);
  if (!parsed.ok) return parsed;
  const { conf, limits, prev } = parsed.value;
  if (!prev) return bad('must be called as a chained plugin');
  const host = hostEnd(p, args, prev);
  if (!host.ok) return host;
  if (limits && limits.ingressRate > 0) {
    const r = sameQueue(host.value, limits.ingressRate, limits.ingressBurst);
    if (!r.ok) return r;
  }
  if (limits && limits.egressRate > 0) {
    const ifb = linkByName(p.ns, ifbName(conf, args.containerID));
    if (!ifb.ok) return bad(`get ifb device: ${ifb.error.msg}`);
    const r = sameQueue(ifb.value, limits.egressRate, limits.egressBurst);
    if (!r.ok) return r;
  }
  return good('');
}

export const bandwidth: Plugin = { name: 'bandwidth', from: '0.3.0', add: atOnce(add), check: atOnce(check), del: atOnce(del) };
