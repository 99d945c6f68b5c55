/** ip nexthop: nexthop objects and groups. Models ip/ipnexthop.c */

import type { NexthopGroupEntry, NexthopObject, NexthopObjectSpec } from '../../os/uapi.ts';
import { familyOf, formatIp } from '../../wire/addr.ts';
import type { Ctx, Outcome, Verb } from './ctx.ts';
import { Args, Exit, invarg, matches, unsigned } from './lib/args.ts';
import { getAddr } from './lib/inet.ts';
import { familyColor } from './lib/print.ts';
import { NEXTHOP_USAGE } from './usage.ts';

function usage(): never {
  throw new Exit(255, NEXTHOP_USAGE);
}

function printGroup(ctx: Ctx, group: readonly NexthopGroupEntry[]): void {
  const { pr } = ctx;
  pr.openArray('group');
  pr.fp('group ');
  group.forEach((g, i) => {
    pr.openObject();
    pr.any('id', g.id, `${i > 0 ? '/' : ''}${g.id}`);
    if (g.weight > 1) pr.any('weight', g.weight, `,${g.weight}`);
    pr.closeObject();
  });
  pr.fp(' ');
  pr.closeArray();
}

export function printNexthop(ctx: Ctx, o: NexthopObject, deleted = false): void {
  printEntry(ctx, o, deleted, null);
  ctx.pr.fp('\n');
}

/** __print_nexthop_entry(), without the line's end. */
export function printEntry(ctx: Ctx, o: NexthopObject, deleted: boolean, key: string | null): void {
  const { pr, names } = ctx;
  pr.openObject(key);
  if (deleted) pr.any('deleted', true, 'Deleted ');
  pr.any('id', o.id, `id ${o.id} `);
  if (o.group) printGroup(ctx, o.group);
  const { hop } = o;
  if (hop && !o.blackhole) {
    if (hop.gateway !== null) pr.any('gateway', formatIp(hop.gateway), `${formatIp(hop.gateway)} `, familyColor(hop.gateway), 'via ');
    if (hop.dev) pr.any('dev', ctx.nameOf(hop.dev), `${ctx.nameOf(hop.dev)} `, 'ifname', 'dev ');
  }
  const scope = hop && !o.blackhole ? hop.scope : 0;
  if (scope !== 0 || ctx.details > 0) pr.any('scope', names.scope(scope), `scope ${names.scope(scope)} `);
  if (o.blackhole) pr.any('blackhole', null, 'blackhole ');
  if (o.proto || ctx.details > 0) pr.any('protocol', names.proto(o.proto), `proto ${names.proto(o.proto)} `);
  pr.openArray('flags');
  for (const [name, on] of [
    ['dead', hop?.dead],
    ['onlink', hop?.onlink],
    ['linkdown', hop?.linkdown],
  ] as const)
    if (on) pr.any(null, name, `${name} `);
  pr.closeArray();
  if (o.fdb) pr.any('fdb', null, 'fdb');
  pr.closeObject();
}

function readId(text: string): number {
  return unsigned(text) ?? invarg('invalid id value', text);
}

function readGroup(text: string): NexthopGroupEntry[] {
  return text.split('/').map((part) => {
    const [id, weight] = part.split(',');
    const n = unsigned(id ?? '');
    const w = weight === undefined ? 1 : unsigned(weight, 256);
    if (w === null || w === 0) invarg('"weight" is invalid\n', weight as string);
    return n === null ? invarg('"group" value is invalid\n', text) : { id: n, weight: w };
  });
}

function modify(ctx: Ctx, words: readonly string[], what: 'add' | 'replace' | 'delete'): number {
  const args = new Args(words);
  const spec: NexthopObjectSpec = { id: 0 };
  let family: 0 | 4 | 6 = ctx.family === 6 || ctx.family === 4 ? ctx.family : 0;
  for (; args.more; args.step()) {
    if (args.is('id')) spec.id = readId(args.next());
    else if (args.is('dev')) {
      spec.dev = ctx.device(args.next()) ?? invarg('Device does not exist\n', args.word);
      family ||= 4;
    } else if (args.is('via')) {
      let wanted = family;
      if (args.next() === 'inet' || args.is('inet6')) {
        wanted = args.is('inet') ? 4 : 6;
        args.next();
      }
      const gateway = getAddr(args.word, wanted);
      if (family !== 0 && familyOf(gateway) !== family) invarg('address family mismatch\n', args.word);
      family = familyOf(gateway);
      spec.gateway = gateway;
    } else if (args.is('blackhole')) {
      spec.blackhole = true;
      family ||= 4;
    } else if (args.is('onlink')) spec.onlink = true;
    else if (args.is('fdb')) spec.fdb = true;
    else if (args.is('group')) spec.group = readGroup(args.next());
    else if (args.is('type')) {
      if (args.next() === 'resilient') return notEmulated(ctx, 'type resilient');
      if (args.word !== 'mpath') invarg('"type" value is invalid\n', args.word);
    } else if (args.matches('protocol'))
      spec.proto = ctx.names.protos.number(args.next(), 255) ?? invarg('"protocol" value is invalid\n', args.word);
    else if (args.is('help')) usage();
    else if (args.is('encap')) return notEmulated(ctx, 'encap');
    else invarg('', args.word);
  }
  if (family !== 0) spec.family = family;
  const { nexthops } = ctx.ns.fib;
  return ctx.talk(what === 'delete' ? nexthops.del(spec.id) : nexthops.add(spec, what));
}

function notEmulated(ctx: Ctx, what: string): number {
  ctx.complain(`ip nexthop: "${what}" is not emulated\n`);
  return 1;
}

function selected(ctx: Ctx, words: readonly string[]): NexthopObject[] | NexthopObject | number {
  const args = new Args(words);
  let list = ctx.ns.fib.nexthops.list();
  // A group has no family; without selectors everything is shown.
  if (ctx.family === 4 || ctx.family === 6) list = list.filter((o) => !o.group && o.family === ctx.family);
  for (; args.more; args.step()) {
    if (args.matches('dev')) {
      const dev = ctx.device(args.next()) ?? invarg('Device does not exist\n', args.word);
      list = list.filter((o) => o.hop?.dev === dev && !o.blackhole);
    } else if (args.matches('groups')) list = list.filter((o) => o.group !== null);
    else if (args.matches('master')) {
      const dev = ctx.device(args.next()) ?? invarg('Device does not exist\n', args.word);
      list = list.filter((o) => o.hop?.dev?.master === dev && !o.blackhole);
    } else if (args.matches('vrf')) invarg('Invalid VRF\n', args.next());
    else if (args.is('id')) {
      const one = ctx.ns.fib.nexthops.get(readId(args.next()));
      return one ?? ctx.talk({ ok: false, errno: 'ENOENT' });
    } else if (args.matches('protocol')) {
      const proto = unsigned(args.next()) ?? invarg('invalid protocol value', args.word);
      list = list.filter((o) => proto === 0 || o.proto === proto);
    } else if (args.matches('fdb')) continue;
    else if (args.matches('help')) usage();
    else invarg('', args.word);
  }
  return list;
}

function show(ctx: Ctx, words: readonly string[]): number {
  const found = selected(ctx, words);
  if (typeof found === 'number') return found;
  ctx.newJson();
  for (const o of Array.isArray(found) ? found : [found]) printNexthop(ctx, o);
  ctx.deleteJson();
  return 0;
}

/** Without selectors the groups go first. */
function flush(ctx: Ctx, words: readonly string[]): number {
  const found = selected(ctx, words);
  if (typeof found === 'number') return found;
  const { nexthops } = ctx.ns.fib;
  if (!Array.isArray(found)) return ctx.talk(nexthops.del(found.id), 255);
  const list = words.length === 0 ? [...found.filter((o) => o.group), ...found.filter((o) => !o.group)] : found;
  let flushed = 0;
  for (const o of list) if (nexthops.del(o.id).ok) flushed++;
  ctx.pr.out += flushed > 0 ? `Flushed ${flushed} nexthops\n` : 'Nothing to flush\n';
  return 0;
}

/** RTM_GETNEXTHOP of one id. */
function get(ctx: Ctx, words: readonly string[]): number {
  const args = new Args(words);
  let id = 0;
  for (; args.more; args.step()) {
    if (!args.is('id')) usage();
    id = readId(args.next());
  }
  if (id === 0) usage();
  return show(ctx, ['id', String(id)]);
}

/** Buckets belong to resilient groups, of which there are none. */
function bucket(ctx: Ctx, words: readonly string[]): number {
  const verb = words[0];
  if (verb === undefined || matches(verb, 'list') || matches(verb, 'show') || matches(verb, 'lst')) {
    ctx.newJson();
    ctx.deleteJson();
    return 0;
  }
  if (matches(verb, 'get')) return notEmulated(ctx, 'bucket get');
  if (matches(verb, 'help')) usage();
  throw new Exit(255, `Command "${verb}" is unknown, try "ip nexthop help".\n`);
}

const VERBS: readonly (readonly [string, (ctx: Ctx, words: readonly string[]) => Outcome])[] = [
  ['add', (c, w) => modify(c, w, 'add')],
  ['replace', (c, w) => modify(c, w, 'replace')],
  ['delete', (c, w) => modify(c, w, 'delete')],
  ['list', show],
  ['show', show],
  ['lst', show],
  ['get', get],
  ['flush', flush],
  ['bucket', bucket],
  ['help', usage],
];

export const nexthopObject: Verb = {
  name: 'nexthop',
  run(ctx, words) {
    if (words.length === 0) return show(ctx, []);
    const verb = VERBS.find(([name]) => matches(words[0] as string, name));
    if (verb) return verb[1](ctx, words.slice(1));
    throw new Exit(255, `Command "${words[0]}" is unknown, try "ip nexthop help".\n`);
  },
};
