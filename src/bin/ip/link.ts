/** ip link: add, set, delete, show. Models ip/iplink.c and the listing in ip/ipaddress.c */

import {
  delGroup,
  delLink,
  dumpLinks,
  IFF_UP,
  type LinkAttrs,
  type LinkMsg,
  linkMsg,
  type NewLink,
  newLink,
  setGroup,
  setLink,
} from '../../os/uapi.ts';
import type { Ctx, Outcome, Verb } from './ctx.ts';
import { Args, duparg2, Exit, invarg, matches } from './lib/args.ts';
import { parseLink } from './link/parse.ts';
import { printLink } from './link/print.ts';
import { type LinkRequest, linkType } from './link/types.ts';
import { TYPE_USAGE } from './link/usage.ts';
import { LINK_USAGE } from './usage.ts';

/** What a listing of links or addresses shows. */
export interface LinkFilter {
  dev: string | null;
  up: boolean;
  down: boolean;
  group: number | null;
  master: number | null;
  noMaster: boolean;
  kind: string | null;
  slaveKind: string | null;
}

export function newLinkFilter(): LinkFilter {
  return { dev: null, up: false, down: false, group: null, master: null, noMaster: false, kind: null, slaveKind: null };
}

/** What the kernel itself leaves out of a dump; the rest is filtered by ip and leaves an empty JSON object. */
export function kernelDrops(f: LinkFilter, m: LinkMsg): boolean {
  return (f.master !== null && m.master?.ifindex !== f.master) || (f.kind !== null && m.kind !== f.kind);
}

export function linkPasses(f: LinkFilter, m: LinkMsg): boolean {
  if (f.up && !(m.flags & IFF_UP)) return false;
  if (f.down && m.flags & IFF_UP) return false;
  if (f.group !== null && m.group !== f.group) return false;
  if (f.master !== null && m.master?.ifindex !== f.master) return false;
  if (f.noMaster && m.master) return false;
  if (f.kind !== null && m.kind !== f.kind) return false;
  return f.slaveKind === null || m.slaveKind === f.slaveKind;
}

/** Reads one selector; false when the word is none of them (then it is a device). */
export function readLinkSelector(ctx: Ctx, args: Args, f: LinkFilter): boolean {
  if (args.is('up')) f.up = true;
  else if (args.is('down')) f.down = true;
  else if (args.is('group')) f.group = ctx.names.groups.number(args.next()) ?? invarg('Invalid "group" value\n', args.word);
  else if (args.is('master')) {
    const master = ctx.device(args.next());
    f.master = master?.ifindex ?? invarg('Device does not exist\n', args.word);
  } else if (args.is('vrf')) {
    const vrf = ctx.device(args.next());
    if (vrf?.kind !== 'vrf') invarg('Not a valid VRF name\n', args.word);
    else f.master = vrf.ifindex;
  } else if (args.is('nomaster')) f.noMaster = true;
  else if (args.is('type')) {
    const word = args.next();
    if (word.endsWith('_slave')) f.slaveKind = word.slice(0, -6);
    else f.kind = word;
  } else return false;
  return true;
}

/** Types that ip knows and this kernel has no module for; their options are read over, and the kernel refuses the type. */
const NOT_EMULATED =
  'amt bareudp can dsa erspan gtp hsr ip6erspan ipoib ipvtap macsec netdevsim rmnet team team_slave vcan vti vti6 vxcan wwan xfrm virt_wifi batadv'.split(
    ' ',
  );

function modify(ctx: Ctx, words: readonly string[], what: 'add' | 'set' | 'replace' | 'delete'): number {
  const create = what === 'add' || what === 'replace';
  const args = new Args(words);
  const parsed = parseLink(ctx, args, create);
  if (typeof parsed === 'number') return parsed;
  const req: LinkRequest = { ...parsed.attrs };
  if (parsed.type !== null) {
    const type = linkType(parsed.type);
    if (type && args.more) {
      const status = type.parse?.(ctx, args, req, create) ?? 0;
      if (status !== 0) return status;
    } else if (args.more && !NOT_EMULATED.includes(parsed.type)) {
      if (args.matches('help')) throw new Exit(255, LINK_USAGE);
      ctx.complain(`Garbage instead of arguments "${args.word} ...". Try "ip link help".\n`);
      return 1;
    }
  } else if (create) {
    ctx.complain('Not enough information: "type" argument is required\n');
    return 1;
  }
  const { data, port, peer, kind: _kind, ...attrs } = req;
  if (create) {
    const made: NewLink = { ...attrs, kind: parsed.type as string };
    if (data) made.data = data;
    if (peer) made.peer = peer;
    return ctx.talk(newLink(ctx.ns, made, what === 'replace'));
  }
  if (parsed.dev === null && what === 'delete') return ctx.talk(delGroup(ctx.ns, attrs.group as number));
  if (parsed.dev === null) return ctx.talk(setGroup(ctx.ns, attrs.group as number, withoutGroup(attrs)));
  const dev = ctx.needDevice(parsed.dev);
  if (what === 'delete') return ctx.talk(delLink(dev));
  return ctx.talk(setLink(dev, attrs, parsed.type ?? undefined, data, port));
}

function withoutGroup(attrs: LinkAttrs): LinkAttrs {
  const { group: _group, ...rest } = attrs;
  return rest;
}

function show(ctx: Ctx, words: readonly string[]): number {
  const args = new Args(words);
  const f = newLinkFilter();
  for (; args.more; args.step()) {
    if (readLinkSelector(ctx, args, f)) continue;
    if (args.is('dev')) args.next();
    else if (args.matches('help')) throw new Exit(255, LINK_USAGE);
    if (f.dev !== null) throw new Exit(255, `Error: either "dev" is duplicate, or "${args.word}" is a garbage.\n`);
    f.dev = args.word;
  }
  ctx.family = 17;
  let list: LinkMsg[];
  if (f.dev !== null) {
    const dev = ctx.device(f.dev);
    if (!dev) {
      ctx.complain(`Device "${f.dev}" does not exist.\n`);
      return 1;
    }
    list = [linkMsg(dev)];
  } else list = dumpLinks(ctx.ns);
  ctx.newJson();
  for (const m of list) {
    if (kernelDrops(f, m)) continue;
    ctx.pr.openObject();
    if (linkPasses(f, m)) printLink(ctx, m, { view: 'link' });
    ctx.pr.closeObject();
  }
  ctx.deleteJson();
  return 0;
}

/** 128 characters without slash or space. */
function validAltname(name: string): boolean {
  return name !== '' && name.length < 128 && !/[/\s]/.test(name);
}

function property(ctx: Ctx, words: readonly string[]): number {
  const args = new Args(words);
  if (!args.more) throw new Exit(255, LINK_USAGE);
  const add = args.matches('add');
  if (!add && !args.matches('delete')) {
    if (args.matches('help')) throw new Exit(255, LINK_USAGE);
    throw new Exit(255, 'Operator required\n');
  }
  let name: string | null = null;
  const altnames: string[] = [];
  for (args.step(); args.more; args.step()) {
    if (args.matches('altname')) {
      if (!validAltname(args.next())) invarg('not a valid altname', args.word);
      altnames.push(args.word);
    } else if (args.matches('help')) throw new Exit(255, LINK_USAGE);
    else {
      if (args.is('dev')) args.next();
      if (name !== null) duparg2('dev', args.word);
      if (!validAltname(args.word)) invarg('"dev" not a valid ifname', args.word);
      name = args.word;
    }
  }
  if (name === null) throw new Exit(255, 'Not enough of information: "dev" argument is required.\n');
  const dev = ctx.device(name);
  if (!dev) return ctx.nodev(name);
  for (const alt of altnames) {
    if (add) {
      if (ctx.ns.device(alt)) return ctx.talk({ ok: false, errno: 'EEXIST' });
      dev.altnames.push(alt);
      continue;
    }
    const i = dev.altnames.indexOf(alt);
    if (i < 0) return ctx.talk({ ok: false, errno: 'ENOENT' });
    dev.altnames.splice(i, 1);
  }
  return 0;
}

/** Statistics of address families: only MPLS has any, and there is no MPLS. */
function afstats(ctx: Ctx, words: readonly string[]): number {
  const args = new Args(words);
  let dev: string | null = null;
  for (; args.more; args.step()) {
    if (args.is('dev')) {
      const word = args.next();
      if (dev !== null) duparg2('dev', word);
      dev = word;
    } else if (args.matches('help')) throw new Exit(255, LINK_USAGE);
    else throw new Exit(255, `Command "${args.word}" is unknown, try "ip link help".\n`);
  }
  if (dev !== null && !ctx.device(dev)) ctx.complain(`Device "${dev}" does not exist.\n`);
  return 0;
}

function xstats(ctx: Ctx, words: readonly string[]): number {
  const args = new Args(words);
  if (!args.is('type')) throw new Exit(255, args.more ? `"${args.word}" is not a valid argument, "type" is required\n` : LINK_USAGE);
  const kind = args.next();
  if (![...ctx.ns.devices.values()].some((d) => d.kind === kind)) return 0;
  ctx.complain(`ip link: xstats of type ${kind} are not emulated\n`);
  return 1;
}

function help(ctx: Ctx, words: readonly string[]): number {
  const name = words[0];
  if (name === undefined) throw new Exit(255, LINK_USAGE);
  const text = TYPE_USAGE[name];
  if (text === undefined) throw new Exit(255, LINK_USAGE);
  ctx.pr.out += text;
  return 0;
}

const VERBS: readonly (readonly [string, (ctx: Ctx, words: readonly string[]) => Outcome])[] = [
  ['add', (c, w) => modify(c, w, 'add')],
  ['set', (c, w) => modify(c, w, 'set')],
  ['change', (c, w) => modify(c, w, 'set')],
  ['replace', (c, w) => modify(c, w, 'replace')],
  ['delete', (c, w) => modify(c, w, 'delete')],
  ['show', show],
  ['lst', show],
  ['list', show],
  ['xstats', xstats],
  ['afstats', afstats],
  ['property', property],
  ['help', help],
];

export const linkObject: Verb = {
  name: 'link',
  run(ctx, words) {
    if (words.length === 0) return show(ctx, []);
    const verb = VERBS.find(([name]) => matches(words[0] as string, name));
    if (verb) return verb[1](ctx, words.slice(1));
    throw new Exit(255, `Command "${words[0]}" is unknown, try "ip link help".\n`);
  },
};
