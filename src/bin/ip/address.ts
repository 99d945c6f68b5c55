/** ip address: show, add, delete, flush. Models ip/ipaddress.c */

import {
  type AddrSpec,
  delAddr,
  IFA_F_SECONDARY,
  type IfAddr,
  INFINITY_LIFE,
  type LinkMsg,
  linkMsg,
  type NetDevice,
  newAddr,
  type Result,
} from '../../os/uapi.ts';
import { type IpAddr, inPrefix, isMulticast, lastOf, network } from '../../wire/addr.ts';
import { type AddrFilter, addrFilterWord } from './addrfilter.ts';
import { printAddr } from './addrprint.ts';
import type { Ctx, Outcome, Verb } from './ctx.ts';
import { restoreAddrs, saveAddrs, showAddrDump } from './dump.ts';
import { Args, duparg, duparg2, Exit, invarg, matches, unsigned } from './lib/args.ts';
import { getAddr, getPrefix, parseAddr, toPrefix, type WrittenPrefix } from './lib/inet.ts';
import { printLink } from './link/print.ts';
import { printStats } from './link/stats.ts';
import { kernelDrops, type LinkFilter, linkPasses, newLinkFilter, readLinkSelector } from './link.ts';
import { ADDR_USAGE } from './usage.ts';

function readFilter(ctx: Ctx, args: Args): { link: LinkFilter; addr: AddrFilter } {
  const link = newLinkFilter();
  const addr: AddrFilter = { pfx: null, scope: null, flags: 0, flagMask: 0, label: null };
  for (; args.more; args.step()) {
    if (args.is('to')) {
      if (args.next() === 'help') throw new Exit(255, ADDR_USAGE);
      const p = getPrefix(args.word, ctx.family);
      addr.pfx = toPrefix(p);
      if (ctx.family === 0) ctx.family = typeof p.addr === 'number' ? 4 : 6;
    } else if (args.is('scope')) {
      const word = args.next();
      if (word !== 'all') addr.scope = ctx.names.scopes.number(word, 255) ?? invarg('invalid "scope"\n', word);
    } else if (addrFilterWord(addr, args.word)) continue;
    else if (args.is('label')) addr.label = args.next();
    else if (!readLinkSelector(ctx, args, link)) {
      if (args.is('dev')) args.next();
      else if (args.matches('help')) throw new Exit(255, ADDR_USAGE);
      if (link.dev !== null) duparg2('dev', args.word);
      link.dev = args.word;
    }
  }
  return { link, addr };
}

function addrPasses(ctx: Ctx, f: AddrFilter, a: IfAddr): boolean {
  if (ctx.family !== 0 && ctx.family !== a.family) return false;
  if (f.scope !== null && f.scope !== a.scope) return false;
  if ((f.flags ^ a.flags) & f.flagMask) return false;
  if (f.pfx && !inPrefix(a.local, f.pfx.addr, f.pfx.len)) return false;
  if (f.label !== null && !glob(f.label).test(a.family === 4 ? a.label : a.dev.name)) return false;
  return true;
}

/** fnmatch() with `*` and `?`. */
function glob(pattern: string): RegExp {
  return new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );
}

/** An IPv6 dump knows less about a link: no peer namespace, no queue discipline, no group. */
function inet6View(ctx: Ctx, m: LinkMsg): LinkMsg {
  const link = m.link === m.ifindex ? null : m.link;
  const below = link === null ? undefined : ctx.ns.deviceByIndex(link);
  return {
    ...m,
    link,
    linkNetnsid: null,
    linkName: link === null ? null : (below?.name ?? `if${link}`),
    linkUp: below?.up ?? true,
    altnames: [],
  };
}

function show(ctx: Ctx, words: readonly string[]): number {
  const { link, addr } = readFilter(ctx, new Args(words));
  let devices: NetDevice[] = [...ctx.ns.devices.values()];
  if (link.dev !== null) {
    const dev = ctx.device(link.dev);
    if (!dev) {
      ctx.complain(`Device "${link.dev}" does not exist.\n`);
      return 1;
    }
    devices = [dev];
  }
  const shortView = ctx.family === 6 && link.dev === null;
  ctx.newJson();
  for (const dev of devices) {
    const m = shortView ? inet6View(ctx, linkMsg(dev)) : linkMsg(dev);
    if (kernelDrops(link, m)) continue;
    const all = [...dev.addrs4, ...dev.addrs6];
    const shown = ctx.family === 17 ? [] : all.filter((a) => addrPasses(ctx, addr, a));
    if (ctx.family !== 17 && shown.length === 0 && !(all.length === 0 && ctx.family === 0)) continue;
    ctx.pr.openObject();
    if (linkPasses(link, m)) showOne(ctx, m, shown, addr, shortView);
    ctx.pr.closeObject();
  }
  ctx.deleteJson();
  return 0;
}

function showOne(ctx: Ctx, m: LinkMsg, addrs: readonly IfAddr[], f: AddrFilter, shortView: boolean): void {
  const { pr } = ctx;
  const header = ctx.brief > 0 || !(pr.oneline && ctx.family !== 17);
  if (header && f.label === null) printLink(ctx, m, { view: shortView ? 'inet6' : 'addr' });
  if (ctx.family !== 17) {
    pr.openArray('addr_info');
    for (const a of addrs) {
      pr.openObject();
      printAddr(ctx, a, { named: pr.oneline && !ctx.brief });
      pr.closeObject();
    }
    pr.closeArray();
    if (ctx.brief) pr.fp('\n');
  }
  if (ctx.stats > 0 && header && !ctx.brief) {
    printStats(ctx, m);
    pr.nl();
  }
}

function flush(ctx: Ctx, words: readonly string[]): number {
  if (words.length === 0) {
    ctx.complain('Flush requires arguments.\n');
    return 1;
  }
  const { link, addr } = readFilter(ctx, new Args(words));
  if (link.dev !== null && !ctx.device(link.dev)) {
    ctx.complain(`Device "${link.dev}" does not exist.\n`);
    return 1;
  }
  let rounds = 0;
  for (;;) {
    const doomed: IfAddr[] = [];
    for (const dev of ctx.ns.devices.values()) {
      if (link.dev !== null && dev !== ctx.device(link.dev)) continue;
      if (!linkPasses(link, linkMsg(dev))) continue;
      doomed.push(...[...dev.addrs4, ...dev.addrs6].filter((a) => addrPasses(ctx, addr, a)));
    }
    if (doomed.length === 0 || rounds === 10) break;
    rounds++;
    if (ctx.stats > 1) for (const a of doomed) printAddr(ctx, a, { named: true });
    if (ctx.stats) ctx.pr.out += `\n*** Round ${rounds}, deleting ${doomed.length} addresses ***\n`;
    for (const a of doomed) if (live(a)) delAddr(a.dev, { local: a.local, len: a.len, peer: a.peer });
    // `primary`: one round, or the secondaries that were promoted would go as well.
    if (addr.flagMask & IFA_F_SECONDARY && !(addr.flags & IFA_F_SECONDARY)) break;
  }
  if (ctx.stats)
    ctx.pr.out += rounds === 0 ? 'Nothing to flush.\n' : `*** Flush is complete after ${rounds} round${rounds > 1 ? 's' : ''} ***\n`;
  return 0;
}

function live(a: IfAddr): boolean {
  return (a.family === 4 ? a.dev.addrs4 : a.dev.addrs6).includes(a);
}

/** IFA_F_MCAUTOJOIN */
const AUTOJOIN = 0x400;

interface ConfFlag {
  readonly mask: number;
  readonly v6only?: boolean;
  readonly readonly?: boolean;
}

/** ifa_flag_data */
const CONF_FLAGS: Readonly<Record<string, ConfFlag>> = {
  secondary: { mask: 0x01, readonly: true },
  temporary: { mask: 0x01, readonly: true },
  nodad: { mask: 0x02, v6only: true },
  optimistic: { mask: 0x04, v6only: true },
  dadfailed: { mask: 0x08, readonly: true, v6only: true },
  home: { mask: 0x10, v6only: true },
  deprecated: { mask: 0x20, readonly: true },
  tentative: { mask: 0x40, readonly: true, v6only: true },
  permanent: { mask: 0x80, readonly: true },
  mngtmpaddr: { mask: 0x100, v6only: true },
  noprefixroute: { mask: 0x200 },
  autojoin: { mask: AUTOJOIN },
  'stable-privacy': { mask: 0x800, readonly: true, v6only: true },
};

/** The bit to set, 0 with a warning when it cannot be given. */
function confFlag(ctx: Ctx, name: string, family: Ctx['family']): number {
  const f = CONF_FLAGS[name] as ConfFlag;
  if (f.readonly) ctx.complain(`Warning: ${name} option is not mutable from userspace\n`);
  else if (f.v6only && family !== 6) ctx.complain(`Warning: ${name} option can be set only for IPv6 addresses\n`);
  else return f.mask;
  return 0;
}

function lifetime(text: string, what: string): number {
  if (text === 'forever') return INFINITY_LIFE;
  return unsigned(text) ?? invarg(`${what} value`, text);
}

function modify(ctx: Ctx, words: readonly string[], what: 'add' | 'change' | 'replace' | 'delete'): number {
  const args = new Args(words);
  let local: WrittenPrefix | null = null;
  let peer: WrittenPrefix | null = null;
  let brd: IpAddr | '+' | '-' | null = null;
  let scope: number | null = null;
  let dev: string | null = null;
  let label: string | null = null;
  let metric = 0;
  let flags = 0;
  let valid: number | null = null;
  let pref: number | null = null;
  for (; args.more; args.step()) {
    if (args.is('peer', 'remote')) {
      const word = args.next();
      if (peer) duparg('peer', word);
      peer = getPrefix(word, familyOf(ctx, local));
    } else if (args.matches('broadcast') || args.is('brd')) {
      const word = args.next();
      if (brd !== null) duparg('broadcast', word);
      brd = word === '+' || word === '-' ? word : getAddr(word, familyOf(ctx, local));
    } else if (args.is('anycast')) args.next();
    else if (args.is('scope')) scope = ctx.names.scopes.number(args.next(), 255) ?? invarg('invalid scope value.', args.word);
    else if (args.is('dev')) dev = args.next();
    else if (args.is('label')) label = args.next();
    else if (args.matches('metric', 'priority', 'preference'))
      metric = unsigned(args.next()) ?? invarg('"metric" value is invalid\n', args.word);
    else if (args.matches('valid_lft')) valid = lifetime(args.next(), 'valid_lft');
    else if (args.matches('preferred_lft')) pref = lifetime(args.next(), 'preferred_lft');
    else if (CONF_FLAGS[args.word] !== undefined) flags |= confFlag(ctx, args.word, familyOf(ctx, local));
    else {
      if (args.is('local')) args.next();
      if (args.matches('help')) throw new Exit(255, ADDR_USAGE);
      if (local) duparg2('local', args.word);
      local = getPrefix(args.word, ctx.family);
    }
  }
  if (dev === null) {
    ctx.complain('Not enough information: "dev" argument is required.\n');
    return 1;
  }
  const bits = local === null ? 0 : typeof local.addr === 'number' ? 32 : 128;
  const written = peer?.len ?? local?.len ?? null;
  const len = written ?? bits;
  if (what === 'delete' && local && !peer && local.len === null && typeof local.addr === 'number') {
    const host = `${words.find((w) => parseAddr(w, 4) !== null) ?? ''}/32`;
    ctx.complain(
      `Warning: Executing wildcard deletion to stay compatible with old scripts.\n         Explicitly specify the prefix length (${host}) to avoid this warning.\n         This special behaviour is likely to disappear in further releases,\n         fix your scripts!\n`,
    );
  }
  if ((valid !== null || pref !== null) && (valid ?? INFINITY_LIFE) === 0) return complain(ctx, 'valid_lft is zero\n');
  if ((valid ?? INFINITY_LIFE) < (pref ?? INFINITY_LIFE) && pref !== null)
    return complain(ctx, 'preferred_lft is greater than valid_lft\n');
  const device = ctx.device(dev);
  if (!device) return ctx.nodev(dev);
  if (!local || local.any) return ctx.talk({ ok: false, errno: 'EOPNOTSUPP' });
  if (what === 'delete') {
    const spec: Parameters<typeof delAddr>[1] = { local: local.addr };
    if (written !== null || typeof local.addr === 'bigint') spec.len = len;
    if (peer) spec.peer = peer.addr;
    if (label !== null) spec.label = label;
    const gone = onDevice(device, local.addr);
    return echoed(ctx, delAddr(device, spec), gone, true);
  }
  if (flags & AUTOJOIN && !isMulticast(local.addr)) return complain(ctx, 'autojoin needs multicast address\n');
  const spec: AddrSpec = { local: local.addr, len, scope: scope ?? defaultScope(local.addr), flags, metric };
  if (peer) spec.peer = peer.addr;
  const base = peer?.addr ?? local.addr;
  if (brd === '+' && typeof base === 'number') spec.broadcast = lastOf(base, len);
  else if (brd === '-' && typeof base === 'number') spec.broadcast = network(base, len);
  else if (brd !== null && brd !== '+' && brd !== '-') spec.broadcast = brd;
  else if (brd !== null) return complain(ctx, 'Broadcast can be set only for IPv4 addresses\n');
  if (label !== null) spec.label = label;
  if (valid !== null) spec.validLft = valid;
  if (pref !== null || valid !== null) spec.prefLft = pref ?? INFINITY_LIFE;
  const r = newAddr(device, spec, what);
  return echoed(ctx, r, onDevice(device, local.addr), false);
}

function onDevice(dev: NetDevice, local: IpAddr): IfAddr | undefined {
  return [...dev.addrs4, ...dev.addrs6].find((a) => a.local === local);
}

/** -echo: what the kernel tells of the change. */
function echoed(ctx: Ctx, r: Result<unknown>, a: IfAddr | undefined, deleted: boolean): number {
  const status = ctx.talk(r);
  if (status !== 0 || !ctx.echo || !a) return status;
  ctx.newJson();
  printAddr(ctx, a, { named: true, deleted });
  ctx.deleteJson();
  return 0;
}

function complain(ctx: Ctx, text: string): number {
  ctx.complain(text);
  return 1;
}

function familyOf(ctx: Ctx, local: WrittenPrefix | null): Ctx['family'] {
  if (!local) return ctx.family;
  return typeof local.addr === 'number' ? 4 : 6;
}

function defaultScope(a: IpAddr): number {
  return typeof a === 'number' && a >>> 24 === 127 ? 254 : 0;
}

function saveAll(ctx: Ctx, words: readonly string[]): Outcome {
  const name = words[0] === 'dev' ? words[1] : words[0];
  const only = name === undefined ? null : ctx.needDevice(name);
  const devices = [...ctx.ns.devices.values()].filter((d) => only === null || d === only);
  const of = (family: 4 | 6): IfAddr[] =>
    ctx.family !== 0 && ctx.family !== family ? [] : devices.flatMap((d) => [...(family === 4 ? d.addrs4 : d.addrs6)]);
  return saveAddrs(ctx, [...of(4), ...of(6)]);
}

const VERBS: readonly (readonly [string, (ctx: Ctx, words: readonly string[]) => Outcome])[] = [
  ['add', (c, w) => modify(c, w, 'add')],
  ['change', (c, w) => modify(c, w, 'change')],
  ['chg', (c, w) => modify(c, w, 'change')],
  ['replace', (c, w) => modify(c, w, 'replace')],
  ['delete', (c, w) => modify(c, w, 'delete')],
  ['show', show],
  ['lst', show],
  ['list', show],
  ['flush', flush],
  ['save', saveAll],
  ['showdump', showAddrDump],
  ['restore', restoreAddrs],
  [
    'help',
    () => {
      throw new Exit(255, ADDR_USAGE);
    },
  ],
];

export const addressObject: Verb = {
  name: 'address',
  run(ctx, words) {
    if (words.length === 0) return show(ctx, []);
    const verb = VERBS.find(([name]) => matches(words[0] as string, name));
    if (verb) return verb[1](ctx, words.slice(1));
    throw new Exit(255, `Command "${words[0]}" is unknown, try "ip address help".\n`);
  },
};
