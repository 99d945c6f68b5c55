/** ip monitor: what changes, as it changes. Models ip/ipmonitor.c */

import type { Task } from '../../os/program.ts';
import { linkMsg, type NetDevice, type NetEvent, type Netns, routeMsg } from '../../os/uapi.ts';
import { WaitQueue } from '../../sim/wait.ts';
import { formatIp, type IpAddr } from '../../wire/addr.ts';
import { formatMac, type Mac } from '../../wire/mac.ts';
import { printAddr } from './addrprint.ts';
import type { Ctx, Outcome, Verb } from './ctx.ts';
import { Args, Exit, invarg } from './lib/args.ts';
import { printLink, printLinkFlags } from './link/print.ts';
import { printNeigh } from './neighbour.ts';
import { printNexthop } from './nexthop.ts';
import { printRoute } from './routeprint.ts';
import { printRule } from './rule.ts';
import { MONITOR_USAGE } from './usage.ts';

type Kind = NetEvent['type'];

const WORDS: readonly (readonly [string, Kind | null])[] = [
  ['link', 'link'],
  ['address', 'addr'],
  ['route', 'route'],
  ['mroute', null],
  ['prefix', null],
  ['neigh', 'neigh'],
  ['netconf', 'netconf'],
  ['rule', 'rule'],
  ['nsid', 'nsid'],
  ['nexthop', 'nexthop'],
];

interface Watch {
  kinds: ReadonlySet<Kind> | null;
  label: boolean;
  ifindex: number;
  /** Of other namespaces too, each with its id before it. */
  allNsid: boolean;
  /** The namespace whose event is shown. */
  from: Netns;
}

function banner(ctx: Ctx, w: Watch, label: string): void {
  if (ctx.timestamp) {
    const date = new Date(ctx.p.sim.epochMs + Math.floor(ctx.p.sim.now / 1000));
    const us = String(ctx.p.sim.now % 1_000_000).padStart(6, '0');
    ctx.pr.out +=
      ctx.timestamp === 'short'
        ? `[${date.toISOString().slice(0, 19)}.${us}] `
        : `Timestamp: ${date.toUTCString().replace(/^(\w+), (\d+) (\w+) (\d+) (.*) GMT$/, '$1 $3 $2 $5 $4')} ${Number(us)} usec\n`;
  }
  if (w.allNsid) ctx.pr.out += w.from === ctx.ns ? '[nsid current]' : `[nsid ${ctx.ns.nsids.get(w.from) ?? -1}]`;
  if (w.label) ctx.pr.out += label;
}

/** Prints the event into the context's buffer; what it shows is the state at this moment. */
function show(ctx: Ctx, w: Watch, e: NetEvent): void {
  if (w.kinds && !w.kinds.has(e.type === 'fdb' ? 'neigh' : e.type === 'brport' ? 'link' : e.type)) return;
  const wanted = (index: number): boolean => w.ifindex === 0 || w.ifindex === index;
  const family = ctx.family;
  switch (e.type) {
    case 'link':
      if (wanted(e.dev.ifindex)) showLink(ctx, w, e.dev, e.action);
      return;
    case 'addr':
      if (!wanted(e.dev.ifindex) || (family !== 0 && family !== e.addr.family)) return;
      banner(ctx, w, '[ADDR]');
      printAddr(ctx, e.addr, { named: true, deleted: e.action === 'del' });
      return;
    case 'route':
      if (family !== 0 && family !== e.route.family) return;
      if (w.ifindex !== 0 && !e.route.nexthops.some((n) => n.dev?.ifindex === w.ifindex)) return;
      banner(ctx, w, '[ROUTE]');
      printRoute(ctx, routeMsg(e.route, ctx.p.sim.now), { dev: w.ifindex !== 0 }, e.action === 'del');
      return;
    case 'neigh':
      if (!wanted(e.neigh.dev.ifindex) || (family !== 0 && family !== e.neigh.family)) return;
      banner(ctx, w, '[NEIGH]');
      printNeigh(ctx, e.neigh, { deleted: e.action === 'del', hideDev: w.ifindex !== 0 });
      return;
    case 'rule':
      if (family !== 0 && family !== e.rule.family) return;
      banner(ctx, w, '[RULE]');
      printRule(ctx, e.rule, e.action === 'del');
      return;
    case 'fdb':
      if (!wanted(e.dev.ifindex) || family !== 0) return;
      banner(ctx, w, '[NEIGH]');
      showFdb(ctx, e);
      return;
    case 'nexthop':
      banner(ctx, w, '[NEXTHOP]');
      printNexthop(ctx, e.nexthop, e.action === 'del');
      return;
    case 'netconf':
      if (family !== 0 && family !== e.family) return;
      if (w.ifindex !== 0 && (typeof e.where === 'string' || !wanted(e.where.ifindex))) return;
      if (e.name === null) {
        if (typeof e.where !== 'string') showNetconf(ctx, w, e.where, e.family, e.deleted === true);
        return;
      }
      banner(ctx, w, '[NETCONF]');
      showSetting(ctx, e.family, e.where, e.name);
      return;
    case 'nsid':
      showNsid(ctx, w, e.id);
      return;
    case 'brport':
      if (!wanted(e.dev.ifindex)) return;
      banner(ctx, w, '[LINK]');
      showPort(ctx, e.dev, e.deleted);
      if (e.deleted) ctx.llNames?.delete(e.dev.ifindex);
      return;
    default:
      return;
  }
}

/** RTM_NEWLINK of AF_BRIDGE: no queue, no group, and the index below without its namespace. */
function showPort(ctx: Ctx, dev: NetDevice, deleted: boolean): void {
  const m = linkMsg(dev);
  const iflink = dev.iflink();
  const below = iflink === dev.ifindex ? '' : iflink === 0 ? '@NONE' : `@${ctx.ns.deviceByIndex(iflink)?.name ?? `if${iflink}`}`;
  ctx.pr.fp(`${deleted ? 'Deleted ' : ''}${m.ifindex}: ${m.name}${below}: `);
  printLinkFlags(ctx.pr, m.flags, below !== '' && ctx.ns.deviceByIndex(iflink)?.up === false);
  ctx.pr.fp(`mtu ${m.mtu} master ${m.master?.name ?? ''} state ${m.operstate} ${ctx.pr.sl}    link/${m.linkType} ${m.addressText}\n`);
}

/** What was configured for a new device, an id for a namespace that is first heard of, and the link itself. */
function showLink(ctx: Ctx, w: Watch, dev: NetDevice, action: (NetEvent & { type: 'link' })['action']): void {
  const deleted = action === 'unregister';
  if (!w.kinds && (deleted || action === 'register')) for (const f of [4, 6] as const) showNetconf(ctx, w, dev, f, deleted);
  const m = linkMsg(dev);
  if (w.from === ctx.ns) ctx.nameOf(dev);
  banner(ctx, w, '[LINK]');
  printLink(ctx, deleted ? { ...m, qdisc: 'noop', master: null } : m, { view: 'addr', queue: false, deleted });
  if (deleted && w.from === ctx.ns) ctx.llNames?.delete(dev.ifindex);
}

function showNsid(ctx: Ctx, w: Watch, id: number): void {
  banner(ctx, w, '[NSID]');
  const name = ctx.nameOfNsid(id);
  ctx.pr.fp(`nsid ${id} ${name === undefined ? '' : `(iproute2 netns name: ${name})`}\n`);
}

function showNetconf(ctx: Ctx, w: Watch, dev: NetDevice, family: 4 | 6, deleted: boolean): void {
  if (ctx.family !== 0 && ctx.family !== family) return;
  const s = ctx.ns.sysctl;
  const conf = (name: string): number => (family === 4 ? s.conf4(dev, name) : s.conf6(dev, name));
  const on = (key: string, name: string): string => `${key} ${conf(name) ? 'on' : 'off'} `;
  banner(ctx, w, '[NETCONF]');
  const head = `${deleted ? 'Deleted ' : ''}inet${family === 6 ? '6' : ''} ${ctx.nameOf(dev)} `;
  const rp = family === 4 ? `rp_filter ${['off', 'strict', 'loose'][conf('rp_filter')] ?? 'off'} ` : '';
  const rest = `${on('forwarding', 'forwarding')}${rp}${on('mc_forwarding', 'mc_forwarding')}${on('proxy_neigh', family === 4 ? 'proxy_arp' : 'proxy_ndp')}${on('ignore_routes_with_linkdown', 'ignore_routes_with_linkdown')}`;
  ctx.pr.fp(`${head}${deleted ? '' : rest}\n`);
}

/** One changed setting; print_netconf() of a message with a single attribute. */
function showSetting(ctx: Ctx, family: 4 | 6, where: NetDevice | 'all' | 'default', name: string): void {
  const s = ctx.ns.sysctl;
  const value = family === 4 ? s.conf4(where, name) : s.conf6(where, name);
  const key = name === 'proxy_arp' || name === 'proxy_ndp' ? 'proxy_neigh' : name;
  const text = key === 'rp_filter' ? (['off', 'strict', 'loose'][value] ?? 'off') : value ? 'on' : 'off';
  ctx.pr.fp(`inet${family === 6 ? '6' : ''} ${typeof where === 'string' ? where : ctx.nameOf(where)} ${key} ${text} \n`);
}

type VxlanState = 'permanent' | 'static' | 'reachable';

const VXLAN_STATES: Record<VxlanState, string> = { permanent: 'NOARP PERMANENT', static: 'REACHABLE NOARP', reachable: 'REACHABLE' };

/** Entries of forwarding databases are neighbours of AF_BRIDGE to rtnetlink: address, device, state. */
function showFdb(ctx: Ctx, e: NetEvent & { type: 'fdb' }): void {
  if (e.action === 'miss') {
    const asked = e.entry as { mac: Mac } | { ip: IpAddr };
    const dev = ctx.nameOf(e.dev);
    ctx.pr.fp(`miss ${'ip' in asked ? `${formatIp(asked.ip)} dev ${dev}` : `dev ${dev} lladdr ${formatMac(asked.mac)}`} STALE \n`);
    return;
  }
  const entry = e.entry as { mac: Mac; local?: boolean; static?: boolean; state?: VxlanState; remotes?: readonly { ip: IpAddr }[] };
  const state = entry.state ? VXLAN_STATES[entry.state] : entry.local ? 'PERMANENT' : entry.static ? 'NOARP' : 'REACHABLE';
  const dst = entry.remotes?.[0];
  const head = `${e.action === 'del' ? 'Deleted ' : ''}${dst ? `${formatIp(dst.ip)} ` : ''}`;
  ctx.pr.fp(`${head}dev ${ctx.nameOf(e.dev)} lladdr ${formatMac(entry.mac)} ${state} \n`);
}

function* watch(ctx: Ctx, w: Watch, ns: Netns): Task<number> {
  // Without the group that tells of new ids, only those of the start have names.
  if (w.kinds && !w.kinds.has('nsid')) ctx.namedNsids = new Set(ns.nsids.values());
  const queue = new WaitQueue();
  ctx.llNames = new Map([...ns.devices.values()].map((d) => [d.ifindex, d.name]));
  const listen = (from: Netns): (() => void) =>
    from.events.observe((e) => {
      w.from = from;
      show(ctx, w, e);
      queue.wakeAll();
    });
  const stops = [ns, ...(w.allNsid ? ns.nsids.keys() : [])].map(listen);
  try {
    for (;;) {
      if (ctx.pr.out !== '') yield* ctx.flush();
      else yield { on: [queue] };
    }
  } finally {
    for (const stop of stops) stop();
  }
}

function run(ctx: Ctx, words: readonly string[]): Outcome {
  const args = new Args(words);
  const kinds = new Set<Kind>();
  let chosen = false;
  const w: Watch = { kinds: null, label: false, ifindex: 0, allNsid: false, from: ctx.ns };
  for (; args.more; args.step()) {
    if (args.matches('file')) {
      const path = args.next();
      if (!ctx.p.readFile(path).ok) throw new Exit(255, 'Cannot fopen: No such file or directory\n');
      ctx.complain('ip monitor: option file is not emulated\n');
      return 1;
    }
    if (args.matches('label')) {
      w.label = true;
      continue;
    }
    const known = WORDS.find(([name]) => args.matches(name));
    if (known) {
      chosen = true;
      if (known[1]) kinds.add(known[1]);
    } else if (args.is('all')) w.label = true;
    else if (args.matches('all-nsid')) w.allNsid = true;
    else if (args.matches('help')) throw new Exit(255, MONITOR_USAGE);
    else if (args.is('dev')) w.ifindex = ctx.device(args.next())?.ifindex ?? invarg('Device does not exist\n', args.word);
    else throw new Exit(255, `Argument "${args.word}" is unknown, try "ip monitor help".\n`);
  }
  if (chosen) w.kinds = kinds;
  return watch(ctx, w, ctx.ns);
}

export const monitorObject: Verb = { name: 'monitor', run };
