/** bridge fdb: forwarding databases of bridges, VXLANs and devices. Models bridge/fdb.c */

import { addFdb, delFdb, dumpFdb, type FdbMsg, type FdbRequest, flushFdb, getFdb, type NetDevice } from '../../os/uapi.ts';
import { formatIp, type IpAddr } from '../../wire/addr.ts';
import { formatMac, type Mac, parseMac } from '../../wire/mac.ts';
import type { Ctx } from '../ip/ctx.ts';
import { Args, duparg2, Exit, invarg, matches, unsigned } from '../ip/lib/args.ts';
import { getAddr } from '../ip/lib/inet.ts';
import { familyColor } from '../ip/lib/print.ts';
import { FDB_USAGE } from './usage.ts';

const STATES: Readonly<Record<FdbMsg['state'], string>> = { permanent: 'permanent', static: 'static', stale: 'stale', reachable: '' };

export function printFdb(ctx: Ctx, e: FdbMsg, how: { hideDev?: boolean; deleted?: boolean } = {}): void {
  const { pr } = ctx;
  pr.openObject();
  if (how.deleted) pr.any('deleted', true, 'Deleted ');
  pr.any('mac', formatMac(e.mac), `${formatMac(e.mac)} `, 'mac');
  if (!how.hideDev) pr.any('ifname', e.dev.name, `${e.dev.name} `, 'ifname', 'dev ');
  if (e.dst !== null) pr.any('dst', formatIp(e.dst), `${formatIp(e.dst)} `, familyColor(e.dst), 'dst ');
  if (e.dstPort) pr.any('port', e.dstPort, `port ${e.dstPort} `);
  if (e.vni) pr.any('vni', e.vni, `vni ${e.vni} `);
  if (e.via) pr.any('viaIf', e.via.name, `via ${e.via.name} `);
  if (ctx.stats && (e.master || e.dst !== null)) {
    pr.jsonOnly('used', e.used);
    pr.jsonOnly('updated', e.updated);
    pr.fp(`used ${e.used}/${e.updated} `);
  }
  pr.openArray('flags');
  for (const [name, on] of [
    ['self', e.self],
    ['extern_learn', e.externLearn],
    ['offload', e.offload],
    ['sticky', e.sticky],
  ] as const) {
    if (on) pr.any(null, name, `${name} `);
  }
  pr.closeArray();
  if (e.master) pr.any('master', e.master.name, `master ${e.master.name} `);
  pr.any('state', STATES[e.state], `${STATES[e.state]}\n`);
  pr.closeObject();
}

interface FdbFilter {
  dev: NetDevice | null;
  br: NetDevice | null;
  state: string | null;
  dynamic: boolean;
}

function readFilter(ctx: Ctx, words: readonly string[]): FdbFilter | number {
  const args = new Args(words);
  let dev: string | null = null;
  let br: string | null = null;
  const f: FdbFilter = { dev: null, br: null, state: null, dynamic: false };
  for (; args.more; args.step()) {
    if (args.is('brport', 'dev')) dev = args.next();
    else if (args.is('br')) br = args.next();
    else if (args.is('vlan')) args.next();
    else if (args.is('state')) {
      const word = args.next();
      if (matches(word, 'permanent')) f.state = 'permanent';
      else if (matches(word, 'static') || matches(word, 'temp')) f.state = 'static';
      else if (matches(word, 'stale')) f.state = 'stale';
      else if (matches(word, 'reachable') || matches(word, 'dynamic')) f.state = 'reachable';
      else if (word !== 'all') invarg('invalid state', word);
    } else if (args.is('dynamic')) f.dynamic = true;
    else if (args.matches('help')) throw new Exit(255, FDB_USAGE);
  }
  if (br !== null) {
    f.br = ctx.device(br) ?? null;
    if (!f.br) {
      ctx.complain(`Cannot find bridge device "${br}"\n`);
      return 255;
    }
  }
  if (dev !== null) {
    f.dev = ctx.device(dev) ?? null;
    if (!f.dev) {
      ctx.nodev(dev);
      return 255;
    }
  }
  return f;
}

function show(ctx: Ctx, words: readonly string[]): number {
  const f = readFilter(ctx, words);
  if (typeof f === 'number') return f;
  ctx.newJson();
  for (const e of dumpFdb(ctx.ns)) {
    if (f.dev && e.dev !== f.dev) continue;
    if (f.br && e.dev !== f.br && e.dev.master !== f.br) continue;
    if (f.state !== null && e.state !== f.state) continue;
    if (f.dynamic && e.state === 'permanent') continue;
    printFdb(ctx, e, { hideDev: f.dev !== null });
  }
  ctx.deleteJson();
  return 0;
}

interface Parsed {
  dev: string | null;
  addr: string | null;
  self: boolean;
  master: boolean;
  permanent: boolean;
  reachable: boolean;
  noarp: boolean;
  sticky: boolean;
  externLearn: boolean;
  dst: IpAddr | null;
  port: number;
  vni: number | null;
  via: NetDevice | null;
}

function parse(ctx: Ctx, words: readonly string[]): Parsed {
  const args = new Args(words);
  const p: Parsed = {
    dev: null,
    addr: null,
    self: false,
    master: false,
    permanent: false,
    reachable: false,
    noarp: true,
    sticky: false,
    externLearn: false,
    dst: null,
    port: 0,
    vni: null,
    via: null,
  };
  for (; args.more; args.step()) {
    if (args.is('dev')) p.dev = args.next();
    else if (args.is('dst')) {
      const word = args.next();
      if (p.dst !== null) duparg2('dst', word);
      p.dst = getAddr(word, 0);
    } else if (args.is('port')) p.port = unsigned(args.next(), 65535) ?? invarg('invalid port\n', args.word);
    else if (args.is('vni')) p.vni = unsigned(args.next(), 0xffffff) ?? invarg('invalid VNI\n', args.word);
    else if (args.is('nhid', 'src_vni')) args.next();
    else if (args.is('via')) {
      p.via = ctx.device(args.next()) ?? null;
      if (!p.via) throw new Exit(255, `Cannot find device "${args.word}"\n`);
    } else if (args.is('self')) p.self = true;
    else if (args.matches('master')) p.master = true;
    else if (args.matches('router')) continue;
    else if (args.matches('local', 'permanent')) p.permanent = true;
    else if (args.matches('temp', 'static')) p.reachable = true;
    else if (args.matches('dynamic')) {
      p.reachable = true;
      p.noarp = false;
    } else if (args.matches('vlan')) args.next();
    else if (args.matches('use')) continue;
    else if (args.matches('extern_learn')) p.externLearn = true;
    else if (args.matches('sticky')) p.sticky = true;
    else {
      if (args.is('to')) args.next();
      if (args.matches('help')) throw new Exit(255, FDB_USAGE);
      if (p.addr !== null) duparg2('to', args.word);
      p.addr = args.word;
    }
  }
  return p;
}

function modify(ctx: Ctx, words: readonly string[], what: 'add' | 'append' | 'replace' | 'delete'): number {
  const p = parse(ctx, words);
  if (p.dev === null || p.addr === null) {
    ctx.complain('Device and address are required arguments.\n');
    return 255;
  }
  const mac: Mac | null = parseMac(p.addr);
  if (mac === null) {
    ctx.complain(`Invalid mac address ${p.addr}\n`);
    return 255;
  }
  const dev = ctx.device(p.dev);
  if (!dev) {
    ctx.nodev(p.dev);
    return 255;
  }
  const self = p.self || !p.master;
  const permanent = p.permanent || !p.reachable;
  const req: FdbRequest = {
    mac,
    dev,
    self,
    master: p.master,
    state: permanent ? 'permanent' : p.noarp ? 'static' : 'dynamic',
    sticky: p.sticky,
    externLearn: p.externLearn,
  };
  if (p.dst !== null) req.dst = p.dst;
  if (p.port) req.dstPort = p.port;
  if (p.vni !== null) req.vni = p.vni;
  if (p.via) req.via = p.via;
  if (what === 'delete') return ctx.talk(delFdb(req), 255);
  return ctx.talk(addFdb(req, what), 255);
}

function get(ctx: Ctx, words: readonly string[]): number {
  const args = new Args(words);
  let dev: string | null = null;
  let br: string | null = null;
  let addr: string | null = null;
  for (; args.more; args.step()) {
    if (args.is('brport', 'dev')) dev = args.next();
    else if (args.is('br')) br = args.next();
    else if (args.is('vni') || args.matches('vlan')) args.next();
    else if (args.is('self') || args.matches('master', 'dynamic')) continue;
    else {
      if (args.is('to')) args.next();
      if (args.matches('help')) throw new Exit(255, FDB_USAGE);
      if (addr !== null) duparg2('to', args.word);
      addr = args.word;
    }
  }
  const name = dev ?? br;
  if (name === null || addr === null) {
    ctx.complain('Device or master and address are required arguments.\n');
    return 255;
  }
  const mac = parseMac(addr);
  if (mac === null) {
    ctx.complain(`Invalid mac address ${addr}\n`);
    return 255;
  }
  const device = ctx.device(name);
  if (!device) {
    if (dev !== null) ctx.nodev(dev);
    else ctx.complain(`Cannot find bridge device "${br}"\n`);
    return 255;
  }
  const r = getFdb(device, mac);
  if (!r.ok) return ctx.talk(r, 254);
  ctx.newJson();
  printFdb(ctx, r.value);
  ctx.deleteJson();
  return 0;
}

export function bridgeFdb(ctx: Ctx, words: readonly string[]): number {
  const verb = words[0];
  const rest = words.slice(1);
  if (verb === undefined) return show(ctx, []);
  if (matches(verb, 'add')) return modify(ctx, rest, 'add');
  if (matches(verb, 'append')) return modify(ctx, rest, 'append');
  if (matches(verb, 'replace')) return modify(ctx, rest, 'replace');
  if (matches(verb, 'delete')) return modify(ctx, rest, 'delete');
  if (matches(verb, 'get')) return get(ctx, rest);
  if (matches(verb, 'show') || matches(verb, 'lst') || matches(verb, 'list')) return show(ctx, rest);
  if (verb === 'flush') return flush(ctx, rest);
  if (matches(verb, 'help')) throw new Exit(255, FDB_USAGE);
  throw new Exit(255, `Command "${verb}" is unknown, try "bridge fdb help".\n`);
}

/** RTM_DELNEIGH with NLM_F_BULK: bridges and VXLANs flush themselves; a port only together with `master`. */
function flush(ctx: Ctx, words: readonly string[]): number {
  const args = new Args(words);
  let dev: string | null = null;
  let master = false;
  for (; args.more; args.step()) {
    if (args.is('dev')) dev = args.next();
    else if (args.is('brport') || args.is('vlan')) args.next();
    else if (args.is('master')) master = true;
    else if (args.is('help')) throw new Exit(255, FDB_USAGE);
  }
  if (dev === null) {
    ctx.complain('Device is required.\n');
    return 255;
  }
  const device = ctx.device(dev);
  if (!device) {
    ctx.nodev(dev);
    return 255;
  }
  const target = master ? device.master : device;
  if (!target || (target.kind !== 'bridge' && target.kind !== 'vxlan')) return ctx.talk({ ok: false, errno: 'EOPNOTSUPP' }, 255);
  flushFdb(target, master ? device : null);
  return 0;
}
