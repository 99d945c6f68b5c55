/** route: the old view of the main routing table. Models route of net-tools 2.10 and SIOCADDRT */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { nameOrAddress } from '../../os/resolver.ts';
import { type Fail, type FibRoute, type RouteSpec, strerror } from '../../os/uapi.ts';
import { formatIp, formatIp4, type IpAddr, mask4, parseIp4 } from '../../wire/addr.ts';
import { maskLen } from '../ip/lib/inet.ts';
import { INET_USAGE, USAGE, VERSION } from './usage.ts';

const BAD_USAGE = 3;
const LOOKUP_ERROR = 6;
const SOCKET_ERROR = 7;

/** U up, G gateway, H host, ! reject, as /proc/net/route has them. */
export function routeFlags(r: FibRoute): string {
  if (r.type === 'unreachable' || r.type === 'prohibit') return '!';
  return `U${r.nexthops[0]?.gateway != null ? 'G' : ''}${r.dst.len === 32 ? 'H' : ''}`;
}

export function mainRoutes(p: Process): FibRoute[] {
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
    const n = reject ? '-' : '0';
    const mss = reject ? '-' : String(r.advmss ? r.advmss + 40 : 0);
    t += `${dst.padEnd(15)} ${gw.padEnd(15)} ${formatIp4(mask4(r.dst.len)).padEnd(15)} ${flags.padEnd(6)} ${mss.padStart(4)} ${n.padEnd(5)} ${n.padStart(6)} ${reject ? '-' : (hop?.dev?.name ?? '*')}\n`;
  }
  return t;
}

function list(p: Process, numeric: boolean, names: HostNames): string {
  return `Kernel IP routing table\nDestination     Gateway         Genmask         Flags Metric Ref    Use Iface\n${mainRoutes(p)
    .map((r) => line(r, numeric, names))
    .join('')}`;
}

/** The class of an address, for networks without a mask. */
function classLen(a: number): number {
  if (a === 0) return 0;
  const first = a >>> 24;
  return first < 128 ? 8 : first < 192 ? 16 : first < 224 ? 24 : 32;
}

interface Request {
  del: boolean;
  spec: RouteSpec;
}

function readRequest(p: Process, words: readonly string[]): Request | string | null {
  const del = words[0] === 'del';
  let i = 1;
  let host = false;
  let net = false;
  if (words[i] === '-net') {
    net = true;
    i++;
  } else if (words[i] === '-host') {
    host = true;
    i++;
  }
  const target = words[i++];
  if (target === undefined) return null;
  const [text, bits] = target.split('/') as [string, string?];
  const addr = target === 'default' ? 0 : parseIp4(text);
  if (addr === null) return `${target}: Host name lookup failure\n`;
  let len =
    target === 'default'
      ? 0
      : bits !== undefined
        ? Number(bits)
        : host
          ? 32
          : net
            ? classLen(addr)
            : addr === 0
              ? 0
              : (addr & ~mask4(classLen(addr))) !== 0
                ? 32
                : classLen(addr);
  const spec: RouteSpec = { family: 4, dst: { addr, len }, proto: 3 };
  let gateway: number | null = null;
  let dev: string | null = null;
  let reject = false;
  for (; i < words.length; i++) {
    const word = words[i];
    const value = words[i + 1];
    if (word === 'gw' || word === 'gateway') {
      if (value === undefined) return null;
      gateway = parseIp4(value);
      if (gateway === null) return `${value}: Host name lookup failure\n`;
      i++;
    } else if (word === 'netmask') {
      if (value === undefined) return null;
      const m = maskLen(value);
      if (m === null) return `route: bogus netmask ${value}\n`;
      len = m;
      i++;
    } else if (word === 'metric') {
      if (value === undefined || !/^\d+$/.test(value)) return null;
      spec.metric = Number(value);
      i++;
    } else if (word === 'dev' || word === 'device') {
      if (value === undefined) return null;
      dev = value;
      i++;
    } else if (word === 'mss' || word === 'window' || word === 'irtt') i++;
    else if (word === 'reject') reject = true;
    else if (word === 'mod' || word === 'dyn' || word === 'reinstate') continue;
    else if (i === words.length - 1 && word !== undefined && p.ns.device(word)) dev = word;
    else return null;
  }
  if ((addr & ~mask4(len)) !== 0) return `route: netmask doesn't match route address\n${INET_USAGE}`;
  spec.dst = { addr, len };
  if (reject) {
    spec.type = 'unreachable';
    spec.scope = 254;
    return { del, spec };
  }
  const device = dev === null ? null : p.ns.device(dev);
  if (dev !== null && !device) return del ? 'SIOCDELRT: No such device\n' : 'SIOCADDRT: No such device\n';
  if (device || gateway !== null) spec.nexthops = [{ dev: device ?? null, gateway }];
  if (!del) {
    spec.type = 'unicast';
    spec.scope = gateway === null ? 253 : 0;
  }
  return { del, spec };
}

/** The ioctl has no extended answers, only the errno that the FIB found. */
function errnoText(f: Fail): string {
  if (f.msg?.startsWith('Nexthop has invalid gateway')) return strerror('ENETUNREACH');
  return strerror(f.errno);
}

function* change(p: Process, words: readonly string[]): Task<number> {
  const req = readRequest(p, words);
  if (req === null) {
    if (words.length === 1) {
      yield* p.out(INET_USAGE);
      return 0;
    }
    yield* p.err(INET_USAGE);
    return BAD_USAGE;
  }
  if (typeof req === 'string') {
    yield* p.err(req);
    return req.startsWith('SIOC') ? SOCKET_ERROR : req.endsWith('lookup failure\n') ? LOOKUP_ERROR : BAD_USAGE;
  }
  if (req.del) {
    delete req.spec.proto;
    const r = p.ns.fib.del(req.spec);
    if (r.ok) return 0;
    yield* p.err(`SIOCDELRT: ${errnoText(r)}\n`);
    return SOCKET_ERROR;
  }
  const r = p.ns.fib.add(req.spec, 'prepend');
  if (r.ok) return 0;
  yield* p.err(`SIOCADDRT: ${errnoText(r)}\n`);
  return SOCKET_ERROR;
}

function* main(p: Process): Task<number> {
  let numeric = false;
  let extended = false;
  const words: string[] = [];
  for (const word of p.argv.slice(1)) {
    if (words.length > 0 || !word.startsWith('-')) words.push(word);
    else if (word === '-V' || word === '--version') {
      yield* p.out(VERSION);
      return 0;
    } else if (word === '--numeric') numeric = true;
    else if (/^-[nNve46FC]+$/.test(word)) {
      numeric ||= word.includes('n');
      extended ||= word.includes('e');
    } else {
      yield* p.err(USAGE);
      return BAD_USAGE;
    }
  }
  const verb = words[0];
  if (verb === undefined) {
    const names: HostNames = numeric ? new Map() : yield* hostNames(p);
    yield* p.out(extended ? extendedList(p, numeric, names) : list(p, numeric, names));
    return 0;
  }
  if (verb === 'add' || verb === 'del') return yield* change(p, words);
  yield* p.err(USAGE);
  return BAD_USAGE;
}

export const route: Command = { name: 'route', main, path: '/usr/sbin/route' };
