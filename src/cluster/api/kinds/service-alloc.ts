/** Cluster IPs and node ports of Services: families, ranges, what is taken. Models pkg/registry/core/service/{storage/alloc.go,ipallocator,portallocator}. */

import { type FieldError, invalid } from '../field.ts';
import { type Address, addressText, type Cidr, cidrText, contains, isIPv6Text, parseAddress, parseCidr } from '../ip.ts';
import type { Allocated, RequestContext } from '../kind.ts';
import type { AnyObject, Service } from '../object.ts';
import { type Failure, internal, invalid as invalidObject } from '../status.ts';
import type { V1ServicePort, V1ServiceSpec } from '../types.ts';
import { withMembers } from './common.ts';
import { keepAllocated, needsClusterIP, needsHealthCheck, specOf, syncClusterIPs, validateClusterIPs } from './service.ts';

type Family = 'IPv4' | 'IPv6';
const SERVICE = { group: '', kind: 'Service' } as const;
const DEFAULT_RANGE = '10.96.0.0/12';
const DEFAULT_PORTS = '30000-32767';

interface Taken {
  readonly ips: Set<string>;
  readonly ports: Set<number>;
}
const takenOf = (context: RequestContext): Taken =>
  context.state('services/taken', () => ({ ips: new Set<string>(), ports: new Set<number>() }));

const familyOf = (text: string): Family => (isIPv6Text(text) ? 'IPv6' : 'IPv4');

/** Ranges of `--service-cluster-ip-range`, in order: the first one's family is the default. */
function defaultRanges(context: RequestContext): Cidr[] {
  return (context.options.serviceClusterIPRange ?? DEFAULT_RANGE).split(',').flatMap((text) => parseCidr(text.trim()) ?? []);
}

/** All ranges of a family: those of ServiceCIDR objects that are not going, or the server's own while there are none. */
function rangesOf(family: Family, context: RequestContext): Cidr[] {
  const objects = context.list<AnyObject & { readonly spec?: { readonly cidrs?: readonly string[] } }>('servicecidrs.networking.k8s.io');
  const texts = objects.filter((o) => o.metadata.deletionTimestamp === undefined).flatMap((o) => o.spec?.cidrs ?? []);
  const all = texts.length > 0 ? texts.flatMap((t) => parseCidr(t) ?? []) : defaultRanges(context);
  return all.filter((c) => (c.address.family === 6) === (family === 'IPv6'));
}

/** What one request takes and gives back. */
class Transaction {
  private readonly context: RequestContext;
  private readonly taken: Taken;
  private readonly ips: string[] = [];
  private readonly ports: number[] = [];
  private readonly freeIPs: string[] = [];
  private readonly freePorts: number[] = [];

  constructor(context: RequestContext) {
    this.context = context;
    this.taken = takenOf(context);
  }

  /** Takes this address, or says why not. A dry run only looks whether it lies in the default range. */
  ip(text: string): string | undefined {
    const address = parseAddress(text) as Address;
    const family = familyOf(text);
    if (this.context.dryRun) {
      const range = defaultRanges(this.context).find((c) => (c.address.family === 6) === (family === 'IPv6'));
      if (range && !usable(range, address))
        return `the provided IP (${text}) is not in the valid range. The range of valid IPs is ${cidrText(range)}`;
      return undefined;
    }
    const within = rangesOf(family, this.context).some((c) => usable(c, address));
    if (!within) return 'the provided network does not match the current range';
    const canonical = addressText(address);
    if (this.taken.ips.has(canonical)) return 'provided IP is already allocated';
    this.taken.ips.add(canonical);
    this.ips.push(canonical);
    return undefined;
  }

  /** A free address of the family: the upper part of a range first, from a random place. */
  nextIP(family: Family): string | undefined {
    const ranges = this.context.dryRun
      ? defaultRanges(this.context).filter((c) => (c.address.family === 6) === (family === 'IPv6'))
      : rangesOf(family, this.context);
    for (const range of ranges) {
      if (this.context.dryRun) return addressText({ ...range.address, value: range.network });
      const size = range.width - range.bits >= 20 ? 2 ** 20 : 2 ** (range.width - range.bits);
      const usableCount = family === 'IPv4' && range.width - range.bits < 20 ? size - 2 : size - 1;
      if (usableCount < 1) continue;
      const lower = usableCount < 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 16)), 256);
      const start = lower + this.context.random('service-ip', Math.max(1, usableCount - lower));
      for (let n = 0; n < usableCount; n++) {
        const upper = usableCount - lower;
        const at = n < upper ? lower + ((start - lower + n) % upper) : n - upper;
        const text = addressText({ ...range.address, value: range.network + BigInt(at) + 1n });
        if (this.taken.ips.has(text)) continue;
        this.taken.ips.add(text);
        this.ips.push(text);
        return text;
      }
    }
    return undefined;
  }

  port(port: number): string | undefined {
    if (this.taken.ports.has(port) || (this.context.dryRun && this.ports.includes(port))) return 'provided port is already allocated';
    if (!this.context.dryRun) {
      const { text, low, high } = portRange(this.context);
      if (port < low || port > high) return `provided port is not in the valid range. The range of valid ports is ${text}`;
      this.taken.ports.add(port);
    }
    this.ports.push(port);
    return undefined;
  }

  nextPort(): number | undefined {
    if (this.context.dryRun) {
      const made = Math.max(32768, ...this.ports) + 1;
      this.ports.push(made);
      return made;
    }
    const { low, high } = portRange(this.context);
    const size = high - low + 1;
    const lower = size < 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 32)), 128);
    const upper = size - lower;
    const start = this.context.random('service-node-port', Math.max(1, upper));
    for (let n = 0; n < size; n++) {
      const port = low + (n < upper ? lower + ((start + n) % upper) : n - upper);
      if (this.taken.ports.has(port)) continue;
      this.taken.ports.add(port);
      this.ports.push(port);
      return port;
    }
    return undefined;
  }

  release(ips: readonly string[], ports: readonly number[]): void {
    this.freeIPs.push(...ips);
    this.freePorts.push(...ports);
  }

  done(value: Service): Allocated<Service> {
    return { ok: true, value, commit: () => this.commit(), revert: () => this.revert() };
  }

  fail(status: Failure): Failure {
    this.revert();
    return status;
  }

  private commit(): void {
    for (const ip of this.freeIPs) this.taken.ips.delete(ip);
    for (const port of this.freePorts) this.taken.ports.delete(port);
  }

  private revert(): void {
    if (this.context.dryRun) return;
    for (const ip of this.ips) this.taken.ips.delete(ip);
    for (const port of this.ports) this.taken.ports.delete(port);
  }
}

const usable = (range: Cidr, address: Address): boolean =>
  contains(range, address) &&
  address.value !== range.network &&
  !(range.width === 32 && range.bits < 31 && address.value === range.network + (1n << BigInt(range.width - range.bits)) - 1n);

function portRange(context: RequestContext): { text: string; low: number; high: number } {
  const text = context.options.serviceNodePortRange ?? DEFAULT_PORTS;
  const [low = 30000, high = 32767] = text.split('-').map(Number);
  return { text, low, high };
}

type Step = { readonly ok: true; readonly spec: V1ServiceSpec } | Failure;
const refused = (name: string, errors: readonly FieldError[]): Failure => invalidObject(SERVICE, name, errors);

/** ipFamilyPolicy and ipFamilies as far as they follow from the cluster and from clusterIPs. */
function families(name: string, given: V1ServiceSpec, old: V1ServiceSpec | undefined, context: RequestContext): Step {
  if (given.type === 'ExternalName') return { ok: true, spec: given };
  const configured = [...new Set(defaultRanges(context).map((c): Family => (c.address.family === 6 ? 'IPv6' : 'IPv4')))];
  const headlessManual = given.clusterIP === 'None' && Object.keys(given.selector ?? {}).length === 0;
  const list = (s: V1ServiceSpec, key: 'clusterIPs' | 'ipFamilies'): readonly string[] => s[key] ?? [];
  const sameList = (key: 'clusterIPs' | 'ipFamilies'): boolean => old !== undefined && list(given, key).join() === list(old, key).join();
  const bothPrefer =
    old !== undefined && given.ipFamilyPolicy === 'PreferDualStack' && (old.ipFamilyPolicy ?? 'PreferDualStack') === 'PreferDualStack';
  if (bothPrefer && old.type === given.type && needsClusterIP(given) && sameList('clusterIPs') && sameList('ipFamilies'))
    return { ok: true, spec: given };
  const policy = given.ipFamilyPolicy ?? old?.ipFamilyPolicy ?? (headlessManual ? 'RequireDualStack' : 'SingleStack');
  let spec = withMembers(given, { ipFamilyPolicy: policy });
  const loose = validateClusterIPs(spec, old);
  if (loose.length > 0) return refused(name, loose);
  const errors: FieldError[] = [];
  const wrongPolicy = (detail: string): void => {
    errors.push(invalid('spec.ipFamilyPolicy', policy, detail));
  };
  if (old && policy === 'SingleStack') {
    if (sameList('clusterIPs') && list(spec, 'clusterIPs').length > 1) spec = { ...spec, clusterIPs: list(spec, 'clusterIPs').slice(0, 1) };
    if (sameList('ipFamilies') && list(spec, 'ipFamilies').length > 1) spec = { ...spec, ipFamilies: list(spec, 'ipFamilies').slice(0, 1) };
  } else if (old) {
    const reduced = (key: 'clusterIPs' | 'ipFamilies'): boolean =>
      list(spec, key).length > 0 && list(spec, key).length < list(old, key).length;
    if (reduced('clusterIPs')) wrongPolicy("must be 'SingleStack' to release the secondary cluster IP");
    if (reduced('ipFamilies')) wrongPolicy("must be 'SingleStack' to release the secondary IP family");
  }
  if (policy === 'SingleStack') {
    if (list(spec, 'clusterIPs').length === 2)
      wrongPolicy("must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified");
    if (list(spec, 'ipFamilies').length === 2)
      wrongPolicy("must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified");
  }
  const ips = list(spec, 'clusterIPs');
  const wanted = [...list(spec, 'ipFamilies')] as Family[];
  for (let i = 0; i < ips.length && ips[i] !== 'None'; i++) {
    const family = familyOf(ips[i] as string);
    if (i < wanted.length) continue;
    if (configured.includes(family)) wanted.push(family);
    else errors.push(invalid(`spec.clusterIPs[${i}]`, ips, `${family} is not configured on this cluster`));
  }
  if (errors.length > 0) return refused(name, errors);
  const other = (family: Family): Family => (family === 'IPv4' ? 'IPv6' : 'IPv4');
  if (headlessManual) {
    if (wanted.length === 0) wanted.push(configured[0] ?? 'IPv4');
    if (wanted.length < 2 && policy !== 'SingleStack') wanted.push(other(wanted[0] as Family));
    return { ok: true, spec: { ...spec, ipFamilies: wanted } };
  }
  if (policy === 'RequireDualStack' && configured.length < 2) wrongPolicy('this cluster is not configured for dual-stack services');
  wanted.forEach((family, i) => {
    if (!configured.includes(family)) errors.push(invalid(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster'));
  });
  if (errors.length > 0) return refused(name, errors);
  if (wanted.length === 0) wanted.push(configured[0] ?? 'IPv4');
  if (policy !== 'SingleStack' && wanted.length === 1 && configured.length === 2) wanted.push(other(wanted[0] as Family));
  return { ok: true, spec: { ...spec, ipFamilies: wanted } };
}

/** Addresses for every family from `from` on. */
function clusterIPs(name: string, spec: V1ServiceSpec, from: number, txn: Transaction): Step {
  if (spec.type === 'ExternalName' || spec.clusterIPs?.[0] === 'None') return { ok: true, spec };
  const wanted = spec.ipFamilies ?? [];
  const ips = wanted.map((_, i) => spec.clusterIPs?.[i] ?? '');
  for (let i = from; i < wanted.length; i++) {
    const asked = ips[i] as string;
    if (asked === '') {
      const made = txn.nextIP(wanted[i] as Family);
      if (made === undefined) return internal('failed to allocate a serviceIP: range is full');
      ips[i] = made;
    } else {
      const why = txn.ip(asked);
      if (why !== undefined)
        return refused(name, [
          invalid('spec.clusterIPs', ips.slice(0, Math.max(i + 1, spec.clusterIPs?.length ?? 0)), `failed to allocate IP ${asked}: ${why}`),
        ]);
    }
  }
  return { ok: true, spec: { ...spec, clusterIP: ips[0] ?? '', clusterIPs: ips } };
}

const wantsPorts = (spec: V1ServiceSpec): boolean => spec.type === 'NodePort' || spec.type === 'LoadBalancer';
const choosesPorts = (spec: V1ServiceSpec): boolean => spec.type === 'NodePort' || spec.allocateLoadBalancerNodePorts !== false;

function newPorts(name: string, spec: V1ServiceSpec, txn: Transaction): Step {
  if (!wantsPorts(spec)) return { ok: true, spec };
  const byPort = new Map<number, number>();
  const ports: V1ServicePort[] = [];
  const given = spec.ports ?? [];
  for (let i = 0; i < given.length; i++) {
    const port = given[i] as V1ServicePort;
    const taken = byPort.get(port.port);
    const wrong = (asked: number, why: string): Failure => refused(name, [invalid(`spec.ports[${i}].nodePort`, asked, why)]);
    if (!port.nodePort && !choosesPorts(spec)) ports.push(port);
    else if (taken === undefined) {
      // TCP and UDP of one port share its node port, whichever of them names it.
      const asked = given.find((p) => p.port === port.port && p.nodePort)?.nodePort;
      const why = asked === undefined ? undefined : txn.port(asked);
      if (asked !== undefined && why !== undefined) return wrong(asked, why);
      const made = asked ?? txn.nextPort();
      if (made === undefined) return internal('failed to allocate a nodePort: range is full');
      byPort.set(port.port, made);
      ports.push(port.nodePort === made ? port : { ...port, nodePort: made });
    } else if (!port.nodePort) ports.push({ ...port, nodePort: taken });
    else {
      const why = port.nodePort === taken ? undefined : txn.port(port.nodePort);
      if (why !== undefined) return wrong(port.nodePort, why);
      ports.push(port);
    }
  }
  return { ok: true, spec: { ...spec, ports } };
}

const portsOf = (spec: V1ServiceSpec): number[] => (spec.ports ?? []).map((p) => p.nodePort ?? 0).filter((p) => p !== 0);

function changedPorts(name: string, spec: V1ServiceSpec, old: V1ServiceSpec, txn: Transaction): Step {
  const had = portsOf(old);
  if (!wantsPorts(spec)) {
    if (wantsPorts(old)) txn.release([], had);
    return { ok: true, spec };
  }
  const fresh = new Set<number>();
  const ports: V1ServicePort[] = [];
  const given = spec.ports ?? [];
  for (let i = 0; i < given.length; i++) {
    const port = given[i] as V1ServicePort;
    if (port.nodePort) {
      if (!had.includes(port.nodePort) && !fresh.has(port.nodePort)) {
        const why = txn.port(port.nodePort);
        if (why !== undefined) return refused(name, [invalid(`spec.ports[${i}].nodePort`, port.nodePort, why)]);
        fresh.add(port.nodePort);
      }
      ports.push(port);
    } else if (choosesPorts(spec)) {
      const made = txn.nextPort();
      if (made === undefined) return internal('failed to allocate a nodePort: range is full');
      ports.push({ ...port, nodePort: made });
    } else ports.push(port);
  }
  const now = { ...spec, ports };
  const kept = portsOf(now);
  txn.release(
    [],
    had.filter((p) => !kept.includes(p)),
  );
  return { ok: true, spec: now };
}

function healthPort(spec: V1ServiceSpec, old: V1ServiceSpec | undefined, txn: Transaction): Step {
  const needed = old !== undefined && needsHealthCheck(old);
  if (!needsHealthCheck(spec)) {
    if (needed && old?.healthCheckNodePort) txn.release([], [old.healthCheckNodePort]);
    return { ok: true, spec };
  }
  if (needed) return { ok: true, spec };
  const asked = spec.healthCheckNodePort;
  if (asked) {
    const why = txn.port(asked);
    return why === undefined ? { ok: true, spec } : internal(`failed to allocate requested HealthCheck NodePort ${asked}: ${why}`);
  }
  const made = txn.nextPort();
  return made === undefined
    ? internal('failed to allocate a HealthCheck NodePort 0: range is full')
    : { ok: true, spec: { ...spec, healthCheckNodePort: made } };
}

export function allocateService(given: Service, old: Service | undefined, context: RequestContext): Allocated<Service> {
  const txn = new Transaction(context);
  if (context.subresource !== '') return txn.done(given);
  const before = old && specOf(old);
  const service = old ? syncClusterIPs(keepAllocated(given, old), old) : syncClusterIPs(given, undefined);
  const name = service.metadata.name;
  const steps: readonly ((spec: V1ServiceSpec) => Step)[] = [
    (spec) => families(name, spec, before, context),
    (spec) => (before ? changedIPs(name, spec, before, txn) : clusterIPs(name, spec, 0, txn)),
    (spec) => (before ? changedPorts(name, spec, before, txn) : newPorts(name, spec, txn)),
    (spec) => healthPort(spec, before, txn),
  ];
  let spec = specOf(service);
  for (const step of steps) {
    const result = step(spec);
    if (!result.ok) return txn.fail(result);
    spec = result.spec;
  }
  return txn.done(spec === service.spec ? service : { ...service, spec });
}

function changedIPs(name: string, spec: V1ServiceSpec, old: V1ServiceSpec, txn: Transaction): Step {
  if (old.type === 'ExternalName' && spec.type !== 'ExternalName') return clusterIPs(name, spec, 0, txn);
  if (old.clusterIPs?.[0] === 'None') return { ok: true, spec };
  if (old.type !== 'ExternalName' && spec.type === 'ExternalName') {
    txn.release(old.clusterIPs ?? [], []);
    return { ok: true, spec };
  }
  const had = old.ipFamilies?.length ?? 0;
  const has = spec.ipFamilies?.length ?? 0;
  if (had === 1 && has === 2) return clusterIPs(name, spec, 1, txn);
  if (had === 2 && has === 1) txn.release((old.clusterIPs ?? []).slice(1), []);
  return { ok: true, spec };
}

const addressesOf = (s: Service | undefined): readonly string[] => (s ? (specOf(s).clusterIPs ?? []).filter((ip) => ip !== 'None') : []);

/** IPAddress objects come and go with the addresses that a Service has. */
export function writeIPAddresses(service: Service, old: Service | undefined, context: RequestContext): void {
  const now = addressesOf(service);
  const had = addressesOf(old);
  for (const ip of had) if (!now.includes(ip)) context.remove('ipaddresses.networking.k8s.io', '', ip);
  for (const ip of now) {
    if (had.includes(ip)) continue;
    const { name, namespace } = service.metadata;
    context.write('ipaddresses.networking.k8s.io', {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IPAddress',
      metadata: {
        name: ip,
        labels: { 'ipaddress.kubernetes.io/ip-family': familyOf(ip), 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' },
      },
      spec: { parentRef: { resource: 'services', name, namespace } },
    } as unknown as AnyObject);
  }
}

export function releaseService(service: Service, context: RequestContext): void {
  const taken = takenOf(context);
  const spec = specOf(service);
  for (const ip of addressesOf(service)) {
    taken.ips.delete(ip);
    context.remove('ipaddresses.networking.k8s.io', '', ip);
  }
  for (const port of portsOf(spec)) taken.ports.delete(port);
  if (spec.healthCheckNodePort) taken.ports.delete(spec.healthCheckNodePort);
}
