/** bridge fdb: forwarding databases of bridges, VXLANs and devices. Models bridge/fdb.c */

import {
  addFdb,
  delFdb,
  dumpFdb,
  type FdbFlush,
  type FdbMode,
  type FdbMsg,
  type FdbRequest,
  flushFdb,
  getFdb,
  linkwatchSync,
  type NetDevice,
} from '../../os/uapi.ts';
import { formatIp, type IpAddr } from '../../wire/addr.ts';
import { formatMac, type Mac, parseMac } from '../../wire/mac.ts';
import type { Ctx } from '../ip/ctx.ts';
import { Args, duparg, duparg2, Exit, invarg, matches, unsigned } from '../ip/lib/args.ts';
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
  if (e.vlan) pr.any('vlan', e.vlan, `vlan ${e.vlan} `);
  if (e.dstPort) pr.any('port', e.dstPort, `port ${e.dstPort} `);
  if (e.vni) pr.any('vni', e.vni, `vni ${e.vni} `);
  if (e.srcVni) pr.any('src_vni', e.srcVni, `src_vni ${e.srcVni} `);
  if (e.via) pr.any('viaIf', e.via.name, `via ${e.via.name} `);
  if (e.nhid) pr.any('nhid', e.nhid, `nhid ${e.nhid} `);
  if (ctx.stats && (e.master || e.dst !== null || e.nhid)) {
    pr.jsonOnly('used', e.used);
    pr.jsonOnly('updated', e.updated);
    pr.fp(`used ${e.used}/${e.updated} `);
  }
  pr.openArray('flags');
  for (const [name, on] of [
    ['self', e.self],
    ['router', e.router],
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
  vlan: number;
}

function readFilter(ctx: Ctx, words: readonly string[]): FdbFilter | number {
  const args = new Args(words);
  let dev: string | null = null;
  let br: string | null = null;
  const f: FdbFilter = { dev: null, br: null, state: null, dynamic: false, vlan: 0 };
  for (; args.more; args.step()) {
    if (args.is('brport', 'dev')) dev = args.next();
    else if (args.is('br')) br = args.next();
    else if (args.is('vlan')) {
      const word = args.next();
      if (f.vlan) duparg('vlan', word);
      f.vlan = Number.parseInt(word, 10) || 0;
    } else if (args.is('state')) {
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
    if (f.vlan && e.vlan !== f.vlan) continue;
    if (f.state !== null && e.state !== f.state) continue;
    if (f.dynamic && e.state === 'permanent') continue;
    // Names are asked for one by one.
    linkwatchSync(e.dev);
    printFdb(ctx, e, { hideDev: f.dev !== null });
  }
  ctx.deleteJson();
  return 0;
}

interface Parsed {
  dev: string | null;
  addr: string | null;
  dst: IpAddr | null;
  self: boolean;
  master: boolean;
  permanent: boolean;
  reachable: boolean;
  noarp: boolean;
  use: boolean;
  router: boolean;
  sticky: boolean;
  externLearn: boolean;
  port: number;
  vni: number | null;
  srcVni: number | null;
  nhid: number;
  vlan: number;
  via: NetDevice | null;
}

/** Words that only set a flag, in the order in which a prefix is tried; `self` can't be abbreviated. */
const WORDS: readonly (readonly [readonly string[], (p: Parsed) => void])[] = [
  [['master'], (p) => set(p, { master: true })],
  [['router'], (p) => set(p, { router: true })],
  [['local', 'permanent'], (p) => set(p, { permanent: true })],
  [['temp', 'static'], (p) => set(p, { reachable: true })],
  [['dynamic'], (p) => set(p, { reachable: true, noarp: false })],
  [['use'], (p) => set(p, { use: true })],
  [['extern_learn'], (p) => set(p, { externLearn: true })],
  [['sticky'], (p) => set(p, { sticky: true })],
];

function set(p: Parsed, change: Partial<Parsed>): void {
  Object.assign(p, change);
}

function vniOf(word: string, msg: string): number {
  return unsigned(word, 0xffffff) ?? invarg(msg, word);
}

function parse(ctx: Ctx, words: readonly string[]): Parsed {
  const args = new Args(words);
  const p: Parsed = {
    dev: null,
    addr: null,
    dst: null,
    self: false,
    master: false,
    permanent: false,
    reachable: false,
    noarp: true,
    use: false,
    router: false,
    sticky: false,
    externLearn: false,
    port: 0,
    vni: null,
    srcVni: null,
    nhid: 0,
    vlan: -1,
    via: null,
  };
  for (; args.more; args.step()) {
    if (args.is('dev')) p.dev = args.next();
    else if (args.is('dst')) {
      const word = args.next();
      if (p.dst !== null) duparg2('dst', word);
      p.dst = getAddr(word, 0);
    } else if (args.is('nhid')) p.nhid = unsigned(args.next()) ?? invarg('"id" value is invalid\n', args.word);
    else if (args.is('port')) p.port = unsigned(args.next(), 65535) ?? invarg('invalid port\n', args.word);
    else if (args.is('vni')) p.vni = vniOf(args.next(), 'invalid VNI\n');
    else if (args.is('src_vni')) p.srcVni = vniOf(args.next(), 'invalid src VNI\n');
    else if (args.is('via')) {
      p.via = ctx.device(args.next()) ?? null;
      if (!p.via) throw new Exit(255, `Cannot find device "${args.word}"\n`);
    } else if (args.is('self')) p.self = true;
    else {
      const word = WORDS.find(([names]) => args.matches(...names));
      if (word && !(args.matches('vlan') && word[0][0] === 'use')) word[1](p);
      else if (args.matches('vlan')) {
        if (p.vlan >= 0) duparg2('vlan', args.word);
        p.vlan = Number.parseInt(args.next(), 10) || 0;
      } else {
        if (args.is('to')) args.next();
        if (args.matches('help')) throw new Exit(255, FDB_USAGE);
        if (p.addr !== null) duparg2('to', args.word);
        p.addr = args.word;
      }
    }
  }
  return p;
}

/** sscanf("%hhx:…"): one or two digits a part. */
function scanMac(text: string): Mac | null {
  const m = /^([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2})/i.exec(text);
  return m
    ? parseMac(
        m
          .slice(1)
          .map((d) => (d as string).padStart(2, '0'))
          .join(':'),
      )
    : null;
}

function modify(ctx: Ctx, words: readonly string[], what: FdbMode | 'delete'): number {
  const p = parse(ctx, words);
  if (p.dev === null || p.addr === null) {
    ctx.complain('Device and address are required arguments.\n');
    return 255;
  }
  if (p.nhid && (p.dst !== null || p.port || p.vni !== null)) {
    ctx.complain('dst, port, vni are mutually exclusive with nhid\n');
    return 255;
  }
  const mac = scanMac(p.addr);
  if (mac === null) {
    ctx.complain(`Invalid mac address ${p.addr}\n`);
    return 255;
  }
  const dev = ctx.device(p.dev);
  if (!dev) {
    ctx.nodev(p.dev);
    return 255;
  }
  const permanent = p.permanent || !p.reachable;
  const req: FdbRequest = {
    mac,
    dev,
    self: p.self || !p.master,
    master: p.master,
    state: permanent ? 'permanent' : p.noarp ? 'static' : 'dynamic',
    sticky: p.sticky,
    externLearn: p.externLearn,
    use: p.use,
    router: p.router,
  };
  if (p.dst !== null) req.dst = p.dst;
  if (p.port) req.dstPort = p.port;
  if (p.vni !== null) req.vni = p.vni;
  if (p.srcVni !== null) req.srcVni = p.srcVni;
  if (p.nhid) req.nhid = p.nhid;
  if (p.vlan >= 0) req.vlan = p.vlan;
  if (p.via) req.via = p.via;
  return ctx.talk(what === 'delete' ? delFdb(req) : addFdb(req, what), 255);
}

function get(ctx: Ctx, words: readonly string[]): number {
  const args = new Args(words);
  let dev: string | null = null;
  let br: string | null = null;
  let addr: string | null = null;
  let vlan = -1;
  let self = false;
  let master = false;
  for (; args.more; args.step()) {
    if (args.is('brport', 'dev')) dev = args.next();
    else if (args.is('br')) br = args.next();
    else if (args.is('vni')) vniOf(args.next(), 'invalid VNI\n');
    else if (args.is('self')) self = true;
    else if (args.matches('master')) master = true;
    else if (args.matches('vlan')) {
      if (vlan >= 0) duparg2('vlan', args.word);
      vlan = Number.parseInt(args.next(), 10) || 0;
    } else if (args.matches('dynamic')) continue;
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
  const mac = scanMac(addr);
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
  const r = getFdb(device, mac, { vlan: vlan > 0 ? vlan : undefined, self, master });
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

/** Word, and what must be true or false of an entry. */
const FLUSH_WORDS: Readonly<Record<string, FdbFlush>> = {
  permanent: { local: true },
  nopermanent: { local: false },
  static: { static: true, local: false },
  nostatic: { static: false },
  dynamic: { static: false, local: false },
  nodynamic: { static: true },
  added_by_user: { addedByUser: true },
  noadded_by_user: { addedByUser: false },
  extern_learn: { externLearn: true },
  noextern_learn: { externLearn: false },
  sticky: { sticky: true },
  nosticky: { sticky: false },
  offloaded: { offload: true },
  nooffloaded: { offload: false },
};

/** RTM_DELNEIGH with NLM_F_BULK: bridges and VXLANs flush themselves; a port only together with `master`. */
function flush(ctx: Ctx, words: readonly string[]): number {
  const args = new Args(words);
  let dev: string | null = null;
  let port: string | null = null;
  let vlan = -1;
  let master = false;
  const f: FdbFlush = {};
  for (; args.more; args.step()) {
    if (args.is('dev')) dev = args.next();
    else if (args.is('brport')) {
      if (port !== null) duparg2('brport', args.word);
      port = args.next();
    } else if (args.is('vlan')) {
      if (vlan >= 0) duparg2('vlan', args.word);
      vlan = Number.parseInt(args.next(), 10) || 0;
    } else if (args.is('master')) master = true;
    else if (Object.hasOwn(FLUSH_WORDS, args.word)) Object.assign(f, FLUSH_WORDS[args.word]);
    else if (args.is('help')) args.next();
  }
  const refuse = (text: string): number => {
    ctx.complain(`${text}\n`);
    return 255;
  };
  if (dev === null) return refuse('Device is a required argument.');
  const device = ctx.device(dev);
  if (!device) return refuse(`Cannot find bridge device "${dev}"`);
  const member = port === null ? null : ctx.device(port);
  if (member === undefined) return refuse(`Cannot find bridge port device "${port}"`);
  if (vlan >= 4096) return refuse(`Invalid VLAN ID "${vlan}"`);
  const target = master ? device.master : device;
  if (!target || (target.kind !== 'bridge' && target.kind !== 'vxlan')) return ctx.talk({ ok: false, errno: 'EOPNOTSUPP' }, 255);
  if (master && target !== device) f.port = device;
  if (member) f.port = member;
  if (vlan >= 0) f.vlan = vlan;
  flushFdb(target, f);
  return 0;
}
