/** ip neighbour: show, add, delete, flush, get. Models ip/ipneigh.c */

import { type Neighbour, type NeighSpec, type NetDevice, NUD_FAILED, NUD_NOARP, NUD_PERMANENT, type Result } from '../../os/uapi.ts';
import { formatIp, type IpAddr, inPrefix, type Prefix } from '../../wire/addr.ts';
import { formatMac } from '../../wire/mac.ts';
import type { Ctx, Outcome, Verb } from './ctx.ts';
import { Args, duparg, duparg2, Exit, invarg, matches, unsigned } from './lib/args.ts';
import { getAddr, getLladdr, getPrefix, toPrefix } from './lib/inet.ts';
import { familyColor } from './lib/print.ts';
import { NEIGH_USAGE } from './usage.ts';

const STATES: readonly (readonly [number, string])[] = [
  [0x01, 'INCOMPLETE'],
  [0x02, 'REACHABLE'],
  [0x04, 'STALE'],
  [0x08, 'DELAY'],
  [0x10, 'PROBE'],
  [NUD_FAILED, 'FAILED'],
  [NUD_NOARP, 'NOARP'],
  [NUD_PERMANENT, 'PERMANENT'],
];

/** The states in which the link-layer address is told. */
const VALID = NUD_PERMANENT | NUD_NOARP | 0x02 | 0x04 | 0x08 | 0x10;

function stateNumber(word: string): number | null {
  if (word === 'none') return 0;
  // Only these three may be shortened.
  for (const short of ['permanent', 'reachable', 'failed']) {
    if (matches(word, short)) return (STATES.find(([, name]) => name.toLowerCase() === short) as readonly [number, string])[0];
  }
  const known = STATES.find(([, name]) => word === name.toLowerCase());
  if (known) return known[0];
  const n = unsigned(word, 0xff);
  return n === null || n & (n - 1) ? null : n;
}

function printState(ctx: Ctx, state: number): void {
  const { pr } = ctx;
  pr.openArray('state');
  for (const [bit, name] of STATES) if (state & bit) pr.any(null, name, `${name} `);
  pr.closeArray();
}

export interface NeighView {
  hideDev?: boolean;
  deleted?: boolean;
}

function printBrief(ctx: Ctx, n: Neighbour, how: NeighView): void {
  const { pr } = ctx;
  pr.any('dst', formatIp(n.ip), `${formatIp(n.ip).padEnd(39)} `, familyColor(n.ip));
  if (!how.hideDev) pr.any('dev', n.dev.name, `${n.dev.name.padEnd(16)} `, 'ifname');
  if (n.mac !== null) pr.any('lladdr', formatMac(n.mac), undefined, 'mac');
  pr.fp('\n');
}

export function printNeigh(ctx: Ctx, n: Neighbour, how: NeighView = {}): void {
  const { pr } = ctx;
  pr.openObject();
  if (how.deleted) pr.any('deleted', true, 'Deleted ');
  if (ctx.brief) {
    printBrief(ctx, n, how);
    pr.closeObject();
    return;
  }
  pr.any('dst', formatIp(n.ip), `${formatIp(n.ip)} `, familyColor(n.ip));
  if (!how.hideDev) pr.any('dev', ctx.nameOf(n.dev), `${ctx.nameOf(n.dev)} `, 'ifname', 'dev ');
  if (n.mac !== null && n.state & VALID) pr.any('lladdr', formatMac(n.mac), `${formatMac(n.mac)} `, 'mac', 'lladdr ');
  if (n.isRouter) pr.any('router', null, 'router ');
  if (n.managed) pr.any('managed', null, 'managed ');
  if (n.externLearn) pr.any('extern_learn', null, 'extern_learn ');
  if (ctx.stats) {
    const age = (t: number): number => Math.max(0, Math.floor((ctx.p.sim.now - t) / 1e6));
    if (n.refcnt) pr.any('refcnt', n.refcnt, ` ref ${n.refcnt}`);
    pr.any('used', age(n.used), ` used ${age(n.used)}`);
    pr.any('confirmed', age(n.confirmed), `/${age(n.confirmed)}`);
    pr.any('updated', age(n.updated), `/${age(n.updated)}`);
    pr.any('probes', n.probes, `probes ${n.probes} `);
  }
  if (n.state) printState(ctx, n.state);
  if (n.protocol) pr.any('protocol', ctx.names.proto(n.protocol), `proto ${ctx.names.proto(n.protocol)} `);
  pr.fp('\n');
  pr.closeObject();
}

interface NeighFilter {
  dev: NetDevice | null;
  master: NetDevice | null;
  noMaster: boolean;
  states: number;
  pfx: Prefix | null;
  proxy: boolean;
  unused: boolean;
  proto: number | null;
}

function readFilter(ctx: Ctx, words: readonly string[], flush: boolean): NeighFilter | number {
  const args = new Args(words);
  const f: NeighFilter = {
    dev: null,
    master: null,
    noMaster: false,
    states: flush ? ~(NUD_PERMANENT | NUD_NOARP) : 0xff & ~NUD_NOARP,
    pfx: null,
    proxy: false,
    unused: false,
    proto: null,
  };
  let dev: string | null = null;
  let statesGiven = false;
  for (; args.more; args.step()) {
    if (args.is('dev')) {
      if (dev !== null) duparg('dev', args.next());
      dev = args.next();
    } else if (args.is('master')) f.master = ctx.device(args.next()) ?? invarg('Device does not exist\n', args.word);
    else if (args.is('vrf')) invarg('Not a valid VRF name\n', args.next());
    else if (args.is('nomaster')) f.noMaster = true;
    else if (args.is('unused')) f.unused = true;
    else if (args.is('nud')) {
      if (!statesGiven) f.states = 0;
      statesGiven = true;
      const word = args.next();
      const state = stateNumber(word);
      if (state === null) {
        if (word !== 'all') invarg('nud state is bad', word);
        f.states = flush ? ~0 : 0x1ff;
      } else f.states |= state === 0 ? 0x100 : state;
    } else if (args.is('proxy')) f.proxy = true;
    else if (args.matches('protocol')) {
      const word = args.next();
      if (word !== 'all') f.proto = ctx.names.protos.number(word, 255) ?? invarg('invalid "protocol"\n', word);
    } else {
      if (args.is('to')) args.next();
      if (args.matches('help')) throw new Exit(255, NEIGH_USAGE);
      const p = getPrefix(args.word, ctx.family);
      if (!p.any) f.pfx = toPrefix(p);
      if (ctx.family === 0 && !p.any) ctx.family = typeof p.addr === 'number' ? 4 : 6;
    }
  }
  if (dev !== null) {
    f.dev = ctx.device(dev) ?? null;
    if (!f.dev) return ctx.nodev(dev);
  }
  return f;
}

function passes(f: NeighFilter, n: Neighbour): boolean {
  if (f.dev && n.dev !== f.dev) return false;
  if (f.master && n.dev.master !== f.master) return false;
  if (f.noMaster && n.dev.master) return false;
  if (!n.externLearn && !(f.states & (n.state === 0 ? 0x100 : n.state))) return false;
  if (f.unused && n.refcnt > 0) return false;
  if (f.proto !== null && n.protocol !== f.proto) return false;
  return !f.pfx || inPrefix(n.ip, f.pfx.addr, f.pfx.len);
}

function collect(ctx: Ctx, f: NeighFilter): Neighbour[] {
  return ctx.ns.neigh.list(ctx.family === 4 || ctx.family === 6 ? ctx.family : undefined).filter((n) => passes(f, n));
}

function show(ctx: Ctx, words: readonly string[]): number {
  const f = readFilter(ctx, words, false);
  if (typeof f === 'number') return f;
  ctx.newJson();
  if (f.proxy) showProxies(ctx, f);
  else for (const n of collect(ctx, f)) printNeigh(ctx, n, { hideDev: f.dev !== null });
  ctx.deleteJson();
  return 0;
}

function showProxies(ctx: Ctx, f: NeighFilter): void {
  const { pr } = ctx;
  for (const x of ctx.ns.neigh.listProxy()) {
    if ((f.dev && x.dev !== f.dev) || (ctx.family !== 0 && ctx.family !== x.family)) continue;
    pr.openObject();
    pr.any('dst', formatIp(x.ip), `${formatIp(x.ip)} `, familyColor(x.ip));
    if (x.dev && !f.dev) pr.any('dev', x.dev.name, `${x.dev.name} `, 'ifname', 'dev ');
    pr.any('proxy', null, 'proxy ');
    pr.fp('\n');
    pr.closeObject();
  }
}

function flush(ctx: Ctx, words: readonly string[]): number {
  if (words.length === 0) {
    ctx.complain('Flush requires arguments.\n');
    return 1;
  }
  const f = readFilter(ctx, words, true);
  if (typeof f === 'number') return f;
  let round = 0;
  for (;;) {
    const doomed = collect(ctx, f);
    if (doomed.length === 0 || round === 10) break;
    round++;
    if (ctx.stats > 1) for (const n of doomed) printNeigh(ctx, n, { hideDev: f.dev !== null });
    if (ctx.stats) ctx.pr.out += `\n*** Round ${round}, deleting ${doomed.length} entries ***\n`;
    for (const n of doomed) ctx.ns.neigh.del(n.dev, n.ip);
  }
  if (ctx.stats)
    ctx.pr.out += round === 0 ? 'Nothing to flush.\n' : `*** Flush is complete after ${round} round${round > 1 ? 's' : ''} ***\n`;
  return 0;
}

function modify(ctx: Ctx, words: readonly string[], what: 'add' | 'change' | 'replace' | 'delete'): number {
  const args = new Args(words);
  const family = ctx.family === 4 || ctx.family === 6 ? ctx.family : 0;
  let state = NUD_PERMANENT;
  let lladdr: string | null = null;
  let dst: IpAddr | null = null;
  let dev: string | null = null;
  let proxy = false;
  let router = false;
  let use = false;
  let managed = false;
  let externLearn = false;
  let proto = 0;
  for (; args.more; args.step()) {
    if (args.matches('lladdr')) {
      const word = args.next();
      if (lladdr !== null) duparg('lladdr', word);
      lladdr = word;
    } else if (args.is('nud')) state = stateNumber(args.next()) ?? invarg('nud state is bad', args.word);
    else if (args.matches('proxy')) {
      const word = args.next();
      if (matches(word, 'help')) throw new Exit(255, NEIGH_USAGE);
      if (dst !== null) duparg('address', word);
      dst = getAddr(word, family);
      proxy = true;
    } else if (args.is('router')) router = true;
    else if (args.is('use')) use = true;
    else if (args.is('managed')) {
      managed = true;
      state = 0;
    } else if (args.matches('extern_learn')) externLearn = true;
    else if (args.is('dev')) dev = args.next();
    else if (args.matches('protocol'))
      proto = ctx.names.protos.number(args.next(), 255) ?? invarg('"protocol" value is invalid\n', args.word);
    else {
      if (args.is('to')) args.next();
      if (args.matches('help')) args.next();
      if (dst !== null) duparg2('to', args.word);
      dst = getAddr(args.word, family);
    }
  }
  if ((dev === null && !proxy) || dst === null) throw new Exit(255, 'Device and destination are required arguments.\n');
  const mac = lladdr === null || lladdr === 'null' ? null : getLladdr(lladdr);
  const device = dev === null ? null : ctx.device(dev);
  if (dev !== null && !device) return ctx.nodev(dev);
  const { neigh } = ctx.ns;
  if (proxy) return ctx.talk(what === 'delete' ? neigh.delProxy(device ?? null, dst) : neigh.addProxy(device ?? null, dst));
  if (!device) return 2;
  if (what === 'delete') return ctx.talk(remove(ctx, device, dst));
  if (mac && mac.mac === null) return ctx.talk({ ok: false, errno: 'EINVAL', msg: 'Invalid link address' });
  const spec: NeighSpec = { state, router, protocol: proto, externLearn, use, managed };
  if (mac?.mac !== null && mac?.mac !== undefined) spec.mac = mac.mac;
  return ctx.talk(neigh.add(device, dst, spec, what));
}

function remove(ctx: Ctx, dev: NetDevice, dst: IpAddr): Result {
  return ctx.ns.neigh.del(dev, dst);
}

function get(ctx: Ctx, words: readonly string[]): number {
  const args = new Args(words);
  const family = ctx.family === 4 || ctx.family === 6 ? ctx.family : 0;
  let dst: IpAddr | null = null;
  let dev: string | null = null;
  let proxy = false;
  for (; args.more; args.step()) {
    if (args.is('dev')) dev = args.next();
    else if (args.matches('proxy')) {
      dst = getAddr(args.next(), family);
      proxy = true;
    } else {
      if (args.is('to')) args.next();
      if (args.matches('help')) throw new Exit(255, NEIGH_USAGE);
      if (dst !== null) duparg2('to', args.word);
      dst = getAddr(args.word, family);
    }
  }
  if (dev === null || dst === null) {
    ctx.complain('Device and address are required arguments.\n');
    return 1;
  }
  const device = ctx.device(dev);
  if (!device) return ctx.nodev(dev);
  // Without an array around it: the answer is text, -j or not.
  if (proxy) {
    if (!ctx.ns.neigh.listProxy().some((x) => x.ip === dst && x.dev === device))
      return ctx.talk({ ok: false, errno: 'ENOENT', msg: 'Proxy neighbour entry not found' });
    ctx.pr.out += `${formatIp(dst)} dev ${device.name} proxy \n`;
    return 0;
  }
  const n = ctx.ns.neigh.lookup(dst, device);
  if (!n) return ctx.talk({ ok: false, errno: 'ENOENT', msg: 'Neighbour entry not found' });
  printNeigh(ctx, n);
  return 0;
}

const VERBS: readonly (readonly [string, (ctx: Ctx, words: readonly string[]) => Outcome])[] = [
  ['add', (c, w) => modify(c, w, 'add')],
  ['change', (c, w) => modify(c, w, 'change')],
  ['chg', (c, w) => modify(c, w, 'change')],
  ['replace', (c, w) => modify(c, w, 'replace')],
  ['delete', (c, w) => modify(c, w, 'delete')],
  ['get', get],
  ['show', show],
  ['lst', show],
  ['list', show],
  ['flush', flush],
  [
    'help',
    () => {
      throw new Exit(255, NEIGH_USAGE);
    },
  ],
];

export const neighbourObject: Verb = {
  name: 'neighbour',
  run(ctx, words) {
    if (words.length === 0) return show(ctx, []);
    const verb = VERBS.find(([name]) => matches(words[0] as string, name));
    if (verb) return verb[1](ctx, words.slice(1));
    throw new Exit(255, `Command "${words[0]}" is unknown, try "ip neigh help".\n`);
  },
};
