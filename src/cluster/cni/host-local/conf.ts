/** Configuration of host-local: ranges, requested addresses. Models plugins/ipam/host-local/backend/allocator/{config,range,range_set}.go */

import { formatIp, type IpAddr, inPrefix, lastOf, network } from '../../../wire/addr.ts';
import { isV4, nextIp } from '../addr.ts';
import { CIDR, goIp, IP, IP_OR_CIDR, type IpNet, list, netText, STRING, struct, unmarshal } from '../gojson.ts';
import { loadArgs } from '../netconf.ts';
import { type RawRoute, ROUTE, type Route, routeOf } from '../result.ts';
import { bad, good, type Outcome } from '../types.ts';
import { isAtLeast } from '../version.ts';

interface RawRange {
  readonly subnet?: IpNet;
  readonly rangeStart?: IpAddr;
  readonly rangeEnd?: IpAddr;
  readonly gateway?: IpAddr;
}

/** Complete: first, last and gateway are known. */
export interface Range {
  readonly subnet: IpNet;
  readonly start: IpAddr;
  readonly end: IpAddr;
  readonly gateway: IpAddr;
}

export type RangeSet = readonly Range[];

export interface IpamConf {
  readonly network: string;
  readonly cniVersion: string;
  readonly dataDir: string;
  readonly resolvConf: string;
  readonly routes: readonly Route[];
  readonly ranges: readonly RangeSet[];
  readonly requested: readonly IpAddr[];
}

const RANGE_FIELDS = { rangeStart: IP, rangeEnd: IP, subnet: CIDR, gateway: IP };
const RANGE_SET = list(struct('allocator.Range', RANGE_FIELDS), 'allocator.RangeSet');

const SCHEMA = struct('allocator.Net', {
  name: STRING,
  cniVersion: STRING,
  ipam: struct('allocator.IPAMConfig', {
    ...RANGE_FIELDS,
    Name: STRING,
    type: STRING,
    routes: list(ROUTE, '[]*types.Route'),
    dataDir: STRING,
    resolvConf: STRING,
    ranges: list(RANGE_SET),
  }),
  runtimeConfig: struct('struct', { ipRanges: list(RANGE_SET), ips: list(IP_OR_CIDR, '[]*ip.IP') }),
  args: struct('struct', { cni: struct('allocator.IPAMArgs', { ips: list(IP_OR_CIDR, '[]*ip.IP') }) }),
});

interface Raw {
  readonly name?: string;
  readonly cniVersion?: string;
  readonly ipam?: RawRange & {
    readonly routes?: readonly RawRoute[];
    readonly dataDir?: string;
    readonly resolvConf?: string;
    readonly ranges?: readonly (readonly RawRange[])[];
  };
  readonly runtimeConfig?: { readonly ipRanges?: readonly (readonly RawRange[])[]; readonly ips?: readonly IpAddr[] };
  readonly args?: { readonly cni?: { readonly ips?: readonly IpAddr[] } };
}

const sameFamily = (a: IpAddr, b: IpAddr): boolean => isV4(a) === isV4(b);

export function contains(r: Range, a: IpAddr): boolean {
  return sameFamily(a, r.subnet.addr) && inPrefix(a, r.subnet.addr, r.subnet.len) && a >= r.start && a <= r.end;
}

function overlap(a: Range, b: Range): boolean {
  if (!sameFamily(a.start, b.start)) return false;
  return contains(a, b.start) || contains(a, b.end) || contains(b, a.start) || contains(b, a.end);
}

const rangeText = (r: Range): string => `${formatIp(r.start)}-${formatIp(r.end)}`;
export const rangeSetText = (s: RangeSet): string => s.map(rangeText).join(',');

function completeRange(raw: RawRange): Outcome<Range> {
  const { subnet } = raw;
  if (!subnet) return bad('IP <nil> not v4 nor v6');
  const bits = isV4(subnet.addr) ? 32 : 128;
  if (subnet.len > bits - 2) return bad(`Network ${netText(subnet)} too small to allocate from`);
  const first = network(subnet.addr, subnet.len);
  if (first !== subnet.addr)
    return bad(`Network has host bits set. For a subnet mask of length ${subnet.len} the network address is ${formatIp(first)}`);
  const last = lastOf(subnet.addr, subnet.len);
  const start = nextIp(first);
  // The broadcast address of an IPv4 network is not given away.
  const end = isV4(last) ? last - 1 : last;
  const open: Range = { subnet, start: first, end: last, gateway: raw.gateway ?? start };
  if (raw.rangeStart !== undefined && !contains({ ...open, end: raw.rangeEnd ?? last }, raw.rangeStart))
    return bad(`RangeStart ${formatIp(raw.rangeStart)} not in network ${netText(subnet)}`);
  if (raw.rangeEnd !== undefined && !contains({ ...open, start: raw.rangeStart ?? start }, raw.rangeEnd))
    return bad(`RangeEnd ${formatIp(raw.rangeEnd)} not in network ${netText(subnet)}`);
  return good({ ...open, start: raw.rangeStart ?? start, end: raw.rangeEnd ?? end });
}

function completeSet(raw: readonly RawRange[]): Outcome<RangeSet> {
  if (raw.length === 0) return bad('empty range set');
  const set: Range[] = [];
  for (const one of raw) {
    const r = completeRange(one);
    if (!r.ok) return r;
    if (set[0] && !sameFamily(set[0].start, r.value.start)) return bad('mixed address families');
    set.push(r.value);
  }
  for (const [i, a] of set.entries())
    for (const b of set.slice(i + 1)) if (overlap(a, b)) return bad(`subnets ${rangeText(a)} and ${rangeText(b)} overlap`);
  return good(set);
}

function requestedAddresses(raw: Raw, envArgs: string): Outcome<IpAddr[]> {
  const args = loadArgs(envArgs, ['IP']);
  if (!args.ok) return args;
  const out: IpAddr[] = [];
  const text = args.value.get('IP') ?? '';
  if (text !== '') {
    const ip = goIp(text.includes('/') ? (text.split('/')[0] as string) : text);
    if (ip === null) return bad(`ARGS: error parsing value of pair "IP=${text}": invalid IP address ${text}`);
    out.push(ip);
  }
  out.push(...(raw.args?.cni?.ips ?? []), ...(raw.runtimeConfig?.ips ?? []));
  return good(out);
}

export function loadConf(stdin: string, envArgs: string): Outcome<IpamConf> {
  const r = unmarshal<Raw>(stdin, SCHEMA);
  if (!r.ok) return r;
  const raw = r.value;
  const { ipam } = raw;
  if (!ipam) return bad("IPAM config missing 'ipam' key");
  const requested = requestedAddresses(raw, envArgs);
  if (!requested.ok) return requested;
  const sets = [...(raw.runtimeConfig?.ipRanges ?? []), ...(ipam.subnet ? [[ipam]] : []), ...(ipam.ranges ?? [])];
  if (sets.length === 0) return bad('no IP ranges specified');
  const ranges: RangeSet[] = [];
  for (const [i, set] of sets.entries()) {
    const complete = completeSet(set);
    if (!complete.ok) return bad(`invalid range set ${i}: ${complete.error.msg}`);
    ranges.push(complete.value);
  }
  const cniVersion = raw.cniVersion ?? '';
  const v4 = ranges.filter((s) => s[0] && isV4(s[0].start)).length;
  if ((v4 > 1 || ranges.length - v4 > 1) && !isAtLeast(cniVersion, '0.3.0'))
    return bad(`CNI version ${cniVersion} does not support more than 1 address per family`);
  for (const [i, a] of ranges.entries())
    for (const [j, b] of ranges.slice(i + 1).entries())
      if (a.some((x) => b.some((y) => overlap(x, y)))) return bad(`range set ${i} overlaps with ${i + j + 1}`);
  return good({
    network: raw.name ?? '',
    cniVersion,
    dataDir: ipam.dataDir ?? '',
    resolvConf: ipam.resolvConf ?? '',
    routes: (ipam.routes ?? []).map(routeOf),
    ranges,
    requested: requested.value,
  });
}
