/** Results as plugins hold them, and their forms in each version of the specification. Models containernetworking/cni pkg/types/{020,040,100} */

import { formatIp, type IpAddr } from '../../wire/addr.ts';
import { CIDR, decodeValue, INT, IP, type IpNet, list, marshalIndent, netText, quoted, type Schema, STRING, struct } from './gojson.ts';
import { bad, type CniDns, type CniInterface, good, type JsonObject, type Outcome } from './types.ts';
import { isAtLeast } from './version.ts';

export interface IpConfig {
  readonly iface: number | null;
  readonly address: IpNet;
  readonly gateway: IpAddr | null;
}

export interface Route {
  readonly dst: IpNet;
  readonly gw: IpAddr | null;
  readonly mtu?: number;
  readonly advmss?: number;
  readonly priority?: number;
  readonly table?: number;
  readonly scope?: number;
}

export interface Result {
  readonly version: string;
  readonly interfaces: readonly CniInterface[];
  readonly ips: readonly IpConfig[];
  readonly routes: readonly Route[];
  readonly dns: CniDns;
}

export const DNS: Schema = struct('types.DNS', { nameservers: list(STRING), domain: STRING, search: list(STRING), options: list(STRING) });

export const ROUTE: Schema = struct('types.route', { dst: CIDR, gw: IP, mtu: INT, advmss: INT, priority: INT, table: INT, scope: INT });

const INTERFACE = struct('types100.Interface', { name: STRING, mac: STRING, mtu: INT, sandbox: STRING, socketPath: STRING, pciID: STRING });
const IP_CONFIG = struct('types100.ipConfig', { version: STRING, interface: INT, address: CIDR, gateway: IP });
const RESULT = struct('types100.Result', {
  cniVersion: STRING,
  interfaces: list(INTERFACE),
  ips: list(IP_CONFIG),
  routes: list(ROUTE),
  dns: DNS,
});
const IP_CONFIG_020 = struct('types020.ipConfig', { ip: CIDR, gateway: IP, routes: list(ROUTE) });
const RESULT_020 = struct('types020.Result', { cniVersion: STRING, ip4: IP_CONFIG_020, ip6: IP_CONFIG_020, dns: DNS });

/** A route as configurations and results carry it. */
export interface RawRoute extends Omit<Route, 'dst' | 'gw'> {
  readonly dst?: IpNet;
  readonly gw?: IpAddr;
}

export function routeOf({ dst, gw, ...rest }: RawRoute): Route {
  return { dst: dst ?? { addr: 0, len: 0 }, gw: gw ?? null, ...rest };
}

interface RawResult {
  readonly cniVersion?: string;
  readonly interfaces?: readonly CniInterface[];
  readonly ips?: readonly { readonly interface?: number; readonly address?: IpNet; readonly gateway?: IpAddr }[];
  readonly routes?: readonly RawRoute[];
  readonly dns?: CniDns;
}

interface RawIp020 {
  readonly ip?: IpNet;
  readonly gateway?: IpAddr;
  readonly routes?: readonly RawRoute[];
}

/** The result types and the versions that each of them takes. */
const FORMS: readonly (readonly string[])[] = [['', '0.1.0', '0.2.0'], ['0.3.0', '0.3.1', '0.4.0'], ['1.0.0'], ['1.1.0']];

const NOWHERE: IpNet = { addr: 0, len: 0 };

/** A result from JSON in the form of `version`. */
export function createResult(version: string, raw: JsonObject): Outcome<Result> {
  const form = FORMS.find((f) => f.includes(version));
  if (!form) return bad(`unsupported CNI result version ${quoted(version)}`);
  const old = form === FORMS[0];
  const r = decodeValue<RawResult & { ip4?: RawIp020; ip6?: RawIp020 }>(raw, old ? RESULT_020 : RESULT);
  if (!r.ok) return r;
  const { value } = r;
  const found = value.cniVersion ?? '';
  if (!form.includes(found)) return bad(`result type supports [${form.join(' ')}] but unmarshalled CNIVersion is ${quoted(found)}`);
  const dns = value.dns ?? {};
  if (old) {
    const both = [value.ip4, value.ip6].filter((c) => c !== undefined);
    return good({
      version: found || '0.1.0',
      interfaces: [],
      ips: both.map((c) => ({ iface: null, address: c.ip ?? NOWHERE, gateway: c.gateway ?? null })),
      routes: both.flatMap((c) => (c.routes ?? []).map(routeOf)),
      dns,
    });
  }
  return good({
    version: found,
    interfaces: value.interfaces ?? [],
    ips: (value.ips ?? []).map((c) => ({ iface: c.interface ?? null, address: c.address ?? NOWHERE, gateway: c.gateway ?? null })),
    routes: (value.routes ?? []).map(routeOf),
    dns,
  });
}

const isV4 = (a: IpAddr): boolean => typeof a === 'number';

function dnsJson({ nameservers, domain, search, options }: CniDns): JsonObject {
  return {
    ...(nameservers?.length ? { nameservers } : {}),
    ...(domain ? { domain } : {}),
    ...(search?.length ? { search } : {}),
    ...(options?.length ? { options } : {}),
  };
}

function routeJson(r: Route, newest: boolean): JsonObject {
  const more: Record<string, number> = {};
  if (newest)
    for (const key of ['mtu', 'advmss', 'priority', 'table', 'scope'] as const) {
      const value = r[key];
      if (value !== undefined && (value !== 0 || key === 'table' || key === 'scope')) more[key] = value;
    }
  return { dst: netText(r.dst), ...(r.gw === null ? {} : { gw: formatIp(r.gw) }), ...more };
}

function old020(r: Result, version: string): Outcome<JsonObject> {
  const of = (v4: boolean): JsonObject | null => {
    const first = r.ips.find((c) => isV4(c.address.addr) === v4);
    if (!first) return null;
    const routes = r.routes.filter((x) => isV4(x.dst.addr) === v4).map((x) => routeJson(x, false));
    return {
      ip: netText(first.address),
      ...(first.gateway === null ? {} : { gateway: formatIp(first.gateway) }),
      ...(routes.length > 0 ? { routes } : {}),
    };
  };
  const [ip4, ip6] = [of(true), of(false)];
  if (!ip4 && !ip6 && isAtLeast(r.version, '0.3.0')) return bad('cannot convert: no valid IP addresses');
  return good({ cniVersion: version, ...(ip4 ? { ip4 } : {}), ...(ip6 ? { ip6 } : {}), dns: dnsJson(r.dns) });
}

/** The result as JSON of that version. */
export function resultJson(r: Result, wanted: string): Outcome<JsonObject> {
  const version = wanted || '0.1.0';
  if (!FORMS.some((f) => f.includes(version))) return bad(`no converter for CNI result version ${r.version} to ${version}`);
  if (!isAtLeast(version, '0.3.0')) return old020(r, version);
  const withFamily = !isAtLeast(version, '1.0.0');
  const newest = isAtLeast(version, '1.1.0');
  const interfaces = r.interfaces.map(
    ({ name, mac, mtu, sandbox, socketPath, pciID }): JsonObject => ({
      name,
      ...(mac ? { mac } : {}),
      ...(newest && mtu ? { mtu } : {}),
      ...(sandbox ? { sandbox } : {}),
      ...(newest && socketPath ? { socketPath } : {}),
      ...(newest && pciID ? { pciID } : {}),
    }),
  );
  const ips = r.ips.map(
    ({ iface, address, gateway }): JsonObject => ({
      ...(withFamily ? { version: isV4(address.addr) ? '4' : '6' } : {}),
      ...(iface === null ? {} : { interface: iface }),
      address: netText(address),
      ...(gateway === null ? {} : { gateway: formatIp(gateway) }),
    }),
  );
  const routes = r.routes.map((x) => routeJson(x, newest));
  return good({
    cniVersion: version,
    ...(interfaces.length > 0 ? { interfaces } : {}),
    ...(ips.length > 0 ? { ips } : {}),
    ...(routes.length > 0 ? { routes } : {}),
    dns: dnsJson(r.dns),
  });
}

/** PrintResult. */
export function printResult(r: Result, version: string): Outcome<string> {
  const json = resultJson(r, version);
  return json.ok ? good(marshalIndent(json.value)) : json;
}
