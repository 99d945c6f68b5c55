/** Facts about a place, read from the kernel's own model: devices, routes, neighbours, rules, processes, sockets. */

import { Vxlan } from '../net/dev/vxlan.ts';
import { RT_TABLE_MAIN } from '../net/ip/fib.ts';
import { NUD_PERMANENT, nudName } from '../net/neigh/nud.ts';
import { protocolName } from '../net/netfilter/xt/names.ts';
import type { RuleSpec } from '../net/netfilter/xt/rule.ts';
import type { TableName } from '../net/netfilter/xt/tables.ts';
import type { Netns } from '../net/netns.ts';
import { dumpFdb } from '../net/rtnl/fdb.ts';
import { isAny } from '../net/sock/sock.ts';
import { formatIp, type IpAddr, parseIp } from '../wire/addr.ts';
import { formatMac, parseMac } from '../wire/mac.ts';
import { matches } from './pattern.ts';
import type { Spot } from './place.ts';
import { specText } from './rules.ts';

export type Bound = number | { readonly min?: number; readonly max?: number };

export interface LinkFact {
  readonly name: string;
  readonly kind?: string;
  readonly mtu?: Bound;
  /** '' for none. */
  readonly master?: string;
  readonly up?: boolean;
  readonly address?: string;
  /** Of a vxlan. */
  readonly vni?: number;
  readonly learning?: boolean;
  readonly local?: string;
  readonly dstport?: number;
  readonly absent?: boolean;
}

export interface RouteFact {
  /** Prefix or `default`. */
  readonly to: string;
  readonly via?: string;
  readonly dev?: string;
  /** unicast when not given. */
  readonly type?: string;
  readonly absent?: boolean;
}

export interface NeighFact {
  readonly ip: string;
  readonly dev?: string;
  readonly mac?: string;
  readonly permanent?: boolean;
  readonly absent?: boolean;
}

export interface FdbFact {
  readonly mac: string;
  readonly dev: string;
  readonly dst?: string;
  readonly absent?: boolean;
}

export interface SysctlFact {
  readonly name: string;
  readonly equals?: string | number;
  readonly min?: number;
  readonly max?: number;
}

export interface RuleFact {
  readonly table: TableName;
  readonly chain?: string;
  readonly source?: string;
  readonly destination?: string;
  readonly proto?: string;
  readonly in?: string;
  readonly out?: string;
  /** Name of the target or of the chain that it goes to. */
  readonly target?: string;
  /** Regular expression over the rule in iptables-save's words, for what the fields above do not say. */
  readonly text?: string;
  readonly absent?: boolean;
}

export interface ProcessFact {
  readonly name: string;
  readonly running: boolean;
}

export interface ListenFact {
  readonly port: number;
  readonly proto: 'tcp' | 'udp';
  /** Where it listens; `any` for the wildcard. */
  readonly address?: string;
  readonly absent?: boolean;
}

/** How it should be, and what there is: `null` when it is so. */
export interface Fact {
  readonly want: string;
  readonly problem: string | null;
  readonly log?: readonly string[];
}

const within = (n: number, b: Bound): boolean =>
  typeof b === 'number' ? n === b : n >= (b.min ?? Number.NEGATIVE_INFINITY) && n <= (b.max ?? Number.POSITIVE_INFINITY);

const boundText = (b: Bound): string =>
  typeof b === 'number'
    ? String(b)
    : [b.min === undefined ? '' : `${b.min} or more`, b.max === undefined ? '' : `${b.max} or less`].filter(Boolean).join(' and ');

const equalIp = (a: IpAddr | null, text: string): boolean => a !== null && a === parseIp(text);

const absence = (want: string, absent: boolean | undefined, found: readonly string[], nothing: string): Fact =>
  absent
    ? { want: `there is no ${want}`, problem: found.length > 0 ? `there is: ${found[0]}` : null, log: found }
    : { want: `there is ${want}`, problem: found.length > 0 ? null : nothing };

export function linkFact({ ns }: Spot, f: LinkFact): Fact {
  const dev = ns.device(f.name);
  if (f.absent) return { want: `there is no device ${f.name}`, problem: dev ? `there is a ${dev.kind} of that name` : null };
  if (!dev) return { want: `the device ${f.name} is there`, problem: `there is no device ${f.name}` };
  const vxlan = dev instanceof Vxlan ? dev.options : null;
  const parts: readonly (readonly [unknown, string, () => boolean, () => unknown])[] = [
    [f.kind, `is of kind ${f.kind}`, () => dev.kind === f.kind, () => `it is of kind ${dev.kind}`],
    [
      f.mtu,
      `has an MTU of ${f.mtu === undefined ? '' : boundText(f.mtu)}`,
      () => within(dev.mtu, f.mtu as Bound),
      () => `its MTU is ${dev.mtu}`,
    ],
    [
      f.master,
      f.master ? `is a port of ${f.master}` : 'has no master',
      () => (dev.master?.name ?? '') === f.master,
      () => (dev.master ? `it belongs to ${dev.master.name}` : 'it has no master'),
    ],
    [f.up, f.up ? 'is up' : 'is down', () => dev.up === f.up, () => (dev.up ? 'it is up' : 'it is down')],
    [
      f.address,
      `has the address ${f.address}`,
      () => dev.mac === parseMac(f.address as string),
      () => `its address is ${formatMac(dev.mac)}`,
    ],
    [f.vni, `has VNI ${f.vni}`, () => vxlan?.vni === f.vni, () => (vxlan ? `its VNI is ${vxlan.vni}` : 'it is no VXLAN')],
    [
      f.learning,
      f.learning ? 'learns' : 'does not learn',
      () => vxlan?.learning === f.learning,
      () => (vxlan?.learning ? 'it learns' : 'it does not learn'),
    ],
    [
      f.local,
      `sends from ${f.local}`,
      () => equalIp(vxlan?.local ?? null, f.local as string),
      () => (vxlan?.local ? `it sends from ${formatIp(vxlan.local)}` : 'it has no local address'),
    ],
    [f.dstport, `uses port ${f.dstport}`, () => vxlan?.dstport === f.dstport, () => `its port is ${vxlan?.dstport ?? 'none'}`],
  ];
  const asked = parts.filter(([value]) => value !== undefined);
  const wrong = asked.find(([, , holds]) => !holds());
  return {
    want: `${f.name} ${(wrong ? [wrong] : asked).map((p) => p[1]).join(', ') || 'is there'}`,
    problem: wrong ? String(wrong[3]()) : null,
  };
}

export function routeFact({ ns }: Spot, f: RouteFact): Fact {
  const v6 = f.to.includes(':') || f.via?.includes(':') === true;
  const [text = '', bits] = f.to === 'default' ? [v6 ? '::' : '0.0.0.0', '0'] : f.to.split('/');
  const addr = parseIp(text);
  const len = bits === undefined ? (v6 ? 128 : 32) : Number(bits);
  const all = ns.fib.list(v6 ? 6 : 4, RT_TABLE_MAIN);
  const fits = all.filter(
    (r) =>
      r.dst.addr === addr &&
      r.dst.len === len &&
      r.type === (f.type ?? 'unicast') &&
      (f.via === undefined || r.nexthops.some((n) => equalIp(n.gateway, f.via as string))) &&
      (f.dev === undefined || r.nexthops.some((n) => n.dev?.name === f.dev)),
  );
  const line = (r: (typeof all)[number]): string =>
    `${formatIp(r.dst.addr)}/${r.dst.len}${r.nexthops.map((n) => `${n.gateway === null ? '' : ` via ${formatIp(n.gateway)}`}${n.dev ? ` dev ${n.dev.name}` : ''}`).join('')}`;
  const other = all.filter((r) => r.dst.addr === addr && r.dst.len === len).map(line);
  const want = `${f.type && f.type !== 'unicast' ? `a ${f.type}` : 'a'} route to ${f.to}${f.via ? ` via ${f.via}` : ''}${f.dev ? ` dev ${f.dev}` : ''}`;
  return absence(want, f.absent, fits.map(line), other[0] ? `there is ${other[0]}` : 'there is none');
}

export function neighFact({ ns }: Spot, f: NeighFact): Fact {
  const ip = parseIp(f.ip);
  const all = ns.neigh.list().filter((n) => n.ip === ip && (f.dev === undefined || n.dev.name === f.dev));
  const line = (n: (typeof all)[number]): string =>
    `${f.ip} dev ${n.dev.name} ${n.mac === null ? '' : formatMac(n.mac)} ${nudName(n.state)}`;
  const fits = all.filter(
    (n) =>
      (f.mac === undefined || n.mac === parseMac(f.mac)) &&
      (f.permanent === undefined || ((n.state & NUD_PERMANENT) !== 0) === f.permanent),
  );
  const want = `a ${f.permanent ? 'permanent ' : ''}neighbour entry for ${f.ip}${f.mac ? ` with ${f.mac}` : ''}${f.dev ? ` dev ${f.dev}` : ''}`;
  return absence(want, f.absent, fits.map(line), all[0] ? `there is ${line(all[0])}` : 'there is none');
}

export function fdbFact({ ns }: Spot, f: FdbFact): Fact {
  const mac = parseMac(f.mac);
  const all = dumpFdb(ns).filter((e) => e.mac === mac && e.dev.name === f.dev);
  const fits = all.filter((e) => f.dst === undefined || equalIp(e.dst, f.dst));
  const line = (e: (typeof all)[number]): string => `${f.mac} dev ${f.dev}${e.dst === null ? '' : ` dst ${formatIp(e.dst)}`}`;
  const want = `a forwarding entry for ${f.mac} at ${f.dev}${f.dst ? ` to ${f.dst}` : ''}`;
  return absence(want, f.absent, fits.map(line), all[0] ? `there is ${line(all[0])}` : 'there is none');
}

export function sysctlFact({ ns }: Spot, f: SysctlFact): Fact {
  const value = ns.sysctl.get(f.name);
  const bound = f.equals === undefined;
  const holds = value !== undefined && (bound ? within(Number(value), f) : value.trim().replace(/\s+/g, ' ') === String(f.equals));
  return {
    want: `${f.name} is ${bound ? boundText(f) : f.equals}`,
    problem: holds ? null : value === undefined ? 'there is none' : `it is ${value}`,
  };
}

/** An address of a rule; a rule without one takes all. */
function addressFits(m: RuleSpec['src'], want: string): boolean {
  const negated = want.startsWith('!');
  const [text = '', bits] = want.replace(/^! ?/, '').split('/');
  const ip = parseIp(text);
  if (!m || ip === null || m.invert !== negated || typeof m.addr !== typeof ip) return false;
  const full = typeof ip === 'number' ? 32 : 128;
  const len = bits === undefined ? full : Number(bits);
  const mask = BigInt.asUintN(full, -1n << BigInt(full - len));
  return BigInt(m.mask) === mask && (BigInt(m.addr) & mask) === (BigInt(ip) & mask);
}

function targetOf({ target: t }: RuleSpec): string {
  return t.kind === 'verdict' ? t.verdict : t.kind === 'jump' ? t.chain : t.kind === 'ext' ? t.ext.name : '';
}

export function ruleFact({ ns }: Spot, f: RuleFact): Fact {
  const family = `${f.source ?? ''}${f.destination ?? ''}`.includes(':') ? 6 : 4;
  const found: string[] = [];
  for (const tables of [ns.nf.xt, ns.nf.legacy])
    for (const chain of tables.get(family, f.table)?.chains.values() ?? []) {
      if (f.chain !== undefined && chain.name !== f.chain) continue;
      for (const { spec } of chain.rules) {
        const line = `-A ${chain.name}${specText(spec, family)}`;
        const iface = (m: RuleSpec['in'], want: string): boolean => m !== null && `${m.invert ? '!' : ''}${m.name}` === want;
        if (
          (f.source === undefined || addressFits(spec.src, f.source)) &&
          (f.destination === undefined || addressFits(spec.dst, f.destination)) &&
          (f.proto === undefined || (!spec.protoInvert && (protocolName(spec.proto) ?? String(spec.proto)) === f.proto)) &&
          (f.in === undefined || iface(spec.in, f.in)) &&
          (f.out === undefined || iface(spec.out, f.out)) &&
          (f.target === undefined || targetOf(spec) === f.target) &&
          (f.text === undefined || matches(f.text, line))
        )
          found.push(line);
      }
    }
  const { table, chain, absent: _, ...rest } = f;
  const parts = Object.entries(rest).map(([key, value]) => `${key} ${value}`);
  return absence(`a rule in ${table}${chain ? `/${chain}` : ''}: ${parts.join(', ') || 'any'}`, f.absent, found, 'there is none');
}

export function processFact(spot: Spot, f: ProcessFact): Fact {
  const { machine, ns, view } = spot;
  const alive = [...machine.processes.values()].filter(
    (p) => !p.dead && (ns === machine.kernel.init || p.ns === ns) && (view?.mnt === undefined || p.mnt === view.mnt) && p.name === f.name,
  );
  const is = alive.length > 0;
  return {
    want: `${f.name} ${f.running ? 'runs' : 'does not run'}`,
    problem: is === f.running ? null : is ? `it runs as ${alive[0]?.pid}` : 'it does not run',
  };
}

export function listenFact({ ns }: Spot, f: ListenFact): Fact {
  const sockets = f.proto === 'udp' ? ns.sockets.udp() : ns.sockets.tcp().filter((s) => s.state === 'LISTEN');
  const all = sockets.filter((s) => s.local.port === f.port);
  const text = (a: IpAddr): string => (isAny(a) ? 'any address' : formatIp(a));
  const fits = all.filter((s) => f.address === undefined || (f.address === 'any' ? isAny(s.local.addr) : equalIp(s.local.addr, f.address)));
  const want = `a socket at ${f.proto} port ${f.port}${f.address ? ` of ${f.address === 'any' ? 'any address' : f.address}` : ''}`;
  const others = all.map((s) => `one at ${text(s.local.addr)}`);
  return absence(
    want,
    f.absent,
    fits.map((s) => `one at ${text(s.local.addr)}`),
    others[0] ? `there is ${others[0]} only` : 'nobody listens there',
  );
}

export function sameNetns(spots: readonly (readonly [string, Netns])[]): Fact {
  const want = `${spots.map(([name]) => name).join(' and ')} share one network namespace`;
  const other = spots.find(([, ns]) => ns !== spots[0]?.[1]);
  return { want, problem: other ? `${other[0]} is in another one` : null };
}
