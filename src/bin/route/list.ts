/** How route and netstat show the main routing table. Models lib/inet_gr.c, inet6_gr.c of net-tools 2.10 */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { nameOrAddress } from '../../os/resolver.ts';
import type { FibRoute } from '../../os/uapi.ts';
import { formatIp, formatIp4, type IpAddr, mask4 } from '../../wire/addr.ts';

/** U up, G gateway, H host, ! reject, as /proc/net/route has them. */
function routeFlags(r: FibRoute): string {
  if (r.type === 'unreachable' || r.type === 'prohibit') return '!';
  return `U${r.nexthops[0]?.gateway != null ? 'G' : ''}${r.dst.len === 32 ? 'H' : ''}`;
}

function mainRoutes(p: Process): FibRoute[] {
  return p.ns.fib.list(4, 254).filter((r) => r.type !== 'broadcast' && r.type !== 'multicast');
}

export type HostNames = ReadonlyMap<IpAddr, string>;

/** Without -n hosts and gateways are looked up, each address once; networks would be in /etc/networks only. Models INET_resolve(). */
export function* hostNames(p: Process): Task<HostNames> {
  const names = new Map<IpAddr, string>();
  for (const r of mainRoutes(p)) {
    const gateway = routeFlags(r) === '!' ? null : (r.nexthops[0]?.gateway ?? null);
    for (const addr of [r.dst.len === 32 ? r.dst.addr : null, gateway]) {
      if (addr !== null && !names.has(addr)) names.set(addr, yield* nameOrAddress(p, addr));
    }
  }
  return names;
}

function named(addr: IpAddr, names: HostNames): string {
  return names.get(addr) ?? formatIp(addr);
}

function line(r: FibRoute, numeric: boolean, names: HostNames): string {
  const flags = routeFlags(r);
  const reject = flags === '!';
  const hop = r.nexthops[0];
  const dst = r.dst.len === 0 && !numeric ? 'default' : named(r.dst.addr, names);
  const gw = reject ? '-' : hop?.gateway == null ? '0.0.0.0' : named(hop.gateway, names);
  const ref = reject ? '-' : '0';
  const dev = reject ? '-' : (hop?.dev?.name ?? '*');
  return `${dst.padEnd(15)} ${gw.padEnd(15)} ${formatIp4(mask4(r.dst.len)).padEnd(15)} ${flags.padEnd(5)} ${String(r.metric).padEnd(6)} ${ref.padEnd(2)} ${'0'.padStart(7)} ${dev}\n`;
}

/** `route -e` and `netstat -r`. */
export function extendedList(p: Process, numeric: boolean, names: HostNames): string {
  let t = 'Kernel IP routing table\nDestination     Gateway         Genmask         Flags   MSS Window  irtt Iface\n';
  for (const r of mainRoutes(p)) {
    const flags = routeFlags(r);
    const reject = flags === '!';
    const hop = r.nexthops[0];
    const dst = r.dst.len === 0 && !numeric ? 'default' : named(r.dst.addr, names);
    const gw = reject ? '-' : hop?.gateway == null ? '0.0.0.0' : named(hop.gateway, names);
    const number = (n: number | undefined): string => (reject ? '-' : String(n ?? 0));
    const mss = number(r.advmss ? r.advmss + 40 : 0);
    t += `${dst.padEnd(15)} ${gw.padEnd(15)} ${formatIp4(mask4(r.dst.len)).padEnd(15)} ${flags.padEnd(6)} ${mss.padStart(4)} ${number(r.metrics.window).padEnd(5)} ${number(r.metrics.rtt).padStart(6)} ${reject ? '-' : (hop?.dev?.name ?? '*')}\n`;
  }
  return t;
}

export function list(p: Process, numeric: boolean, names: HostNames): string {
  return `Kernel IP routing table\nDestination     Gateway         Genmask         Flags Metric Ref    Use Iface\n${mainRoutes(p)
    .map((r) => line(r, numeric, names))
    .join('')}`;
}

const FLAGS6: readonly (readonly [number, string])[] = [
  [0x1, 'U'],
  [0x200, '!'],
  [0x2, 'G'],
  [0x4, 'H'],
  [0x10000, 'D'],
  [0x40000, 'A'],
  [0x1000000, 'C'],
  [0x20000, 'a'],
  [0x400000, 'e'],
  [0x20, 'm'],
  [0x200000, 'n'],
];

/** /proc/net/ipv6_route as `route -6` and `netstat -6 -r` show it. */
export function list6(p: Process): string {
  let t = 'Kernel IPv6 routing table\nDestination                    Next Hop                   Flag Met Ref  Use If\n';
  for (const line of (p.readText('/proc/net/ipv6_route') ?? '').split('\n')) {
    const [dst, len, , , via, metric, refs, use, flags, dev] = line.trim().split(/\s+/);
    if (dst === undefined || via === undefined || dev === undefined) continue;
    const bits = Number.parseInt(flags as string, 16);
    const text = FLAGS6.filter(([bit]) => bits & bit)
      .map(([, c]) => c)
      .join('');
    const addr = (hex: string): string => formatIp(BigInt(`0x${hex}`));
    t += `${`${addr(dst)}/${Number.parseInt(len as string, 16)}`.padEnd(30)} ${addr(via).padEnd(26)} ${text.padEnd(4)} ${String(Number.parseInt(metric as string, 16) | 0).padEnd(3)} ${Number.parseInt(refs as string, 16)} ${String(Number.parseInt(use as string, 16)).padStart(6)} ${dev}\n`;
  }
  return t;
}

/** Routes that were looked up: there is no cache any more. */
export const CACHE_LIST = 'Kernel IP routing cache\nSource          Destination     Gateway         Flags Metric Ref    Use Iface\n';

/** `-ee`: everything in one line. */
export function fullList(p: Process, numeric: boolean, names: HostNames): string {
  let t = 'Kernel IP routing table\nDestination     Gateway         Genmask         Flags Metric Ref    Use Iface    MSS   Window irtt\n';
  for (const r of mainRoutes(p)) {
    const row = line(r, numeric, names).trimEnd().split(' ');
    const dev = row.pop() as string;
    const number = (n: number | undefined): string => (routeFlags(r) === '!' ? '-' : String(n ?? 0));
    t += `${row.join(' ')} ${dev.padEnd(8)} ${number(r.advmss ? r.advmss + 40 : 0).padEnd(5)} ${number(r.metrics.window).padEnd(6)} ${number(r.metrics.rtt)}\n`;
  }
  return t;
}
