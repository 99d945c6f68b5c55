/** EndpointSlice and Endpoints. Models pkg/apis/discovery/validation, validateEndpointSubsets, their strategies and printers. */

import { equal } from '../equal.ts';
import { duplicate, invalid, notSupported, required, tooMany } from '../field.ts';
import { endpointIP, isIPv4Text, isIPv6Text, legacyIP } from '../ip.ts';
import { registerKind } from '../kind.ts';
import { dns1123Label, dns1123Subdomain, labelValue, portNumber, qualifiedName } from '../names.ts';
import type { EndpointSlice, Endpoints } from '../object.ts';
import type {
  CoreV1EndpointPort,
  DiscoveryV1EndpointPort,
  V1Endpoint,
  V1EndpointAddress,
  V1EndpointHints,
  V1EndpointSubset,
} from '../types.ts';
import { age, columns, listWithMore } from './columns.ts';
import { bad, type Errors, immutable, labels, mapSame, withMembers } from './common.ts';

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const TYPES = ['FQDN', 'IPv4', 'IPv6'];

function slicePorts(list: readonly DiscoveryV1EndpointPort[]): Errors {
  if (list.length > 20000) return [tooMany('ports', list.length, 20000)];
  const names = new Set<string>();
  return list.flatMap((p, i) => {
    const at = `ports[${i}]`;
    const name = p.name ?? '';
    const out: Errors = name === '' ? [] : bad(`${at}.name`, name, dns1123Label(name));
    if (names.has(name)) out.push(duplicate(`${at}.name`, name));
    names.add(name);
    if (!p.protocol) out.push(required(`${at}.protocol`));
    else if (!PROTOCOLS.includes(p.protocol)) out.push(notSupported(`${at}.protocol`, p.protocol, PROTOCOLS));
    if (p.appProtocol !== undefined) out.push(...bad(`${at}.appProtocol`, p.appProtocol, qualifiedName(p.appProtocol)));
    return out;
  });
}

/** A domain name of two labels or more. */
function fullyQualified(field: string, name: string): Errors {
  if (name === '') return [required(field)];
  const plain = name.replace(/\.$/, '');
  const wrong = dns1123Subdomain(plain);
  if (wrong.length > 0) return [invalid(field, plain, wrong.join(','))];
  if (!plain.includes('.')) return [invalid(field, plain, 'should be a domain with at least two segments separated by dots')];
  for (const label of plain.split('.')) {
    const errors = dns1123Label(label);
    if (errors.length > 0) return [invalid(field, label, errors.join(','))];
  }
  return [];
}

function address(at: string, i: number, text: string, type: string, known: readonly string[]): Errors {
  if (type === 'FQDN') return fullyQualified(`${at}[${i}]`, text);
  if (type !== 'IPv4' && type !== 'IPv6') return [];
  const errors = legacyIP(`${at}[${i}]`, text, known);
  if (errors.length > 0) return errors;
  const fits = type === 'IPv4' ? isIPv4Text(text) : isIPv6Text(text);
  return [...(fits ? [] : [invalid(at, text, `must be an ${type} address`)]), ...endpointIP(`${at}[${i}]`, text)];
}

function hints(field: string, h: V1EndpointHints): Errors {
  const check = (key: 'forZones' | 'forNodes', form: (name: string) => string[]): Errors => {
    const list = h[key] ?? [];
    if (list.length > 8) return [tooMany(`${field}.${key}`, list.length, 8)];
    const seen = new Set<string>();
    return list.flatMap(({ name }, i) => {
      const at = `${field}.${key}[${i}].name`;
      const out: Errors = seen.has(name) ? [duplicate(at, name)] : [];
      seen.add(name);
      return [...out, ...bad(at, name, form(name))];
    });
  };
  return [...check('forZones', labelValue), ...check('forNodes', dns1123Subdomain)];
}

function sliceEndpoints(list: readonly V1Endpoint[], type: string, known: readonly string[]): Errors {
  if (list.length > 1000) return [tooMany('endpoints', list.length, 1000)];
  return list.flatMap((e, i) => {
    const at = `endpoints[${i}]`;
    const addresses = e.addresses ?? [];
    const out: Errors = [];
    if (addresses.length === 0) out.push(required(`${at}.addresses`, 'must contain at least 1 address'));
    else if (addresses.length > 100) out.push(tooMany(`${at}.addresses`, addresses.length, 100));
    out.push(...addresses.flatMap((text, j) => address(`${at}.addresses`, j, text, type, known)));
    if (e.nodeName !== undefined) out.push(...bad(`${at}.nodeName`, e.nodeName, dns1123Subdomain(e.nodeName)));
    const topology = e.deprecatedTopology;
    if (topology && Object.keys(topology).length > 16) out.push(tooMany(`${at}.deprecatedTopology`, Object.keys(topology).length, 16));
    out.push(...labels(`${at}.deprecatedTopology`, topology));
    if (e.hostname !== undefined) out.push(...bad(`${at}.hostname`, e.hostname, dns1123Label(e.hostname)));
    return e.hints ? [...out, ...hints(`${at}.hints`, e.hints)] : out;
  });
}

function validateSlice(s: EndpointSlice, old: EndpointSlice | undefined): Errors {
  const out: Errors = [];
  if (!s.addressType) out.push(required('addressType'));
  else if (!TYPES.includes(s.addressType)) out.push(notSupported('addressType', s.addressType, TYPES));
  const known = (old?.endpoints ?? []).flatMap((e) => e.addresses);
  return [...out, ...slicePorts(s.ports ?? []), ...sliceEndpoints(s.endpoints ?? [], s.addressType, known)];
}

registerKind<EndpointSlice>('EndpointSlice.discovery.k8s.io', {
  defaults: (s) =>
    withMembers(s, { ports: mapSame(s.ports, (p) => withMembers(p, { name: p.name ?? '', protocol: p.protocol ?? 'TCP' })) }),
  validate: (s) => validateSlice(s, undefined),
  validateUpdate: (s, old) => [...validateSlice(s, old), ...immutable('addressType', s.addressType, old.addressType)],
  generationChanged: (s, old) =>
    !equal(s.endpoints, old.endpoints) || !equal(s.ports, old.ports) || !equal(s.metadata.labels, old.metadata.labels),
  columns: columns('Name|AddressType|Ports|Endpoints|Age'),
  row: (s, now) => [
    s.metadata.name,
    s.addressType,
    listWithMore(
      (s.ports ?? []).map((p) => String(p.port ?? p.name ?? '*')),
      3,
    ),
    listWithMore(
      (s.endpoints ?? []).flatMap((e) => e.addresses ?? []),
      3,
    ),
    age(s, now),
  ],
});

function subsetAddress(at: string, a: V1EndpointAddress): Errors {
  const out = legacyIP(`${at}.ip`, a.ip);
  if (a.hostname) out.push(...bad(`${at}.hostname`, a.hostname, dns1123Label(a.hostname)));
  if (a.nodeName !== undefined) out.push(...bad(`${at}.nodeName`, a.nodeName, dns1123Subdomain(a.nodeName)));
  return [
    ...out,
    ...endpointIP(`${at}.ip`, a.ip).map((e) =>
      e.detail.startsWith('must be a valid IP') ? { ...e, detail: 'must be a valid IP address' } : e,
    ),
  ];
}

function subsetPort(at: string, p: CoreV1EndpointPort, needName: boolean): Errors {
  const out: Errors = [];
  if (p.name) out.push(...bad(`${at}.name`, p.name, dns1123Label(p.name)));
  else if (needName) out.push(required(`${at}.name`));
  out.push(...bad(`${at}.port`, p.port, portNumber(p.port)));
  if (!p.protocol) out.push(required(`${at}.protocol`));
  else if (!PROTOCOLS.includes(p.protocol)) out.push(notSupported(`${at}.protocol`, p.protocol, PROTOCOLS));
  if (p.appProtocol !== undefined) out.push(...bad(`${at}.appProtocol`, p.appProtocol, qualifiedName(p.appProtocol)));
  return out;
}

function validateSubsets(list: readonly V1EndpointSubset[]): Errors {
  return list.flatMap((s, i) => {
    const at = `subsets[${i}]`;
    const ready = s.addresses ?? [];
    const not = s.notReadyAddresses ?? [];
    const ports = s.ports ?? [];
    return [
      ...(ready.length + not.length === 0 ? [required(at, 'must specify `addresses` or `notReadyAddresses`')] : []),
      ...ready.flatMap((a, j) => subsetAddress(`${at}.addresses[${j}]`, a)),
      ...not.flatMap((a, j) => subsetAddress(`${at}.notReadyAddresses[${j}]`, a)),
      ...ports.flatMap((p, j) => subsetPort(`${at}.ports[${j}]`, p, ports.length > 1)),
    ];
  });
}

function endpointsText(e: Endpoints): string {
  const all = (e.subsets ?? []).flatMap((s) => {
    const ips = (s.addresses ?? []).map((a) => a.ip);
    return s.ports?.length ? s.ports.flatMap((p) => ips.map((ip) => (ip.includes(':') ? `[${ip}]:${p.port}` : `${ip}:${p.port}`))) : ips;
  });
  if ((e.subsets ?? []).length === 0) return '<none>';
  return all.length > 3 ? `${all.slice(0, 3).join(',')} + ${all.length - 3} more...` : all.join(',');
}

export const ENDPOINTS_DEPRECATED = 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice';

registerKind<Endpoints>('Endpoints', {
  defaults: (e) =>
    withMembers(e, {
      subsets: mapSame(e.subsets, (s) =>
        withMembers(s, { ports: mapSame(s.ports, (p) => withMembers(p, { protocol: p.protocol || 'TCP' })) }),
      ),
    }),
  validate: (e) => validateSubsets(e.subsets ?? []),
  validateUpdate: (e, old) => (equal(e.subsets, old.subsets) ? [] : validateSubsets(e.subsets ?? [])),
  warnings: () => [ENDPOINTS_DEPRECATED],
  columns: columns('Name|Endpoints|Age'),
  row: (e, now) => [e.metadata.name, endpointsText(e), age(e, now)],
});
