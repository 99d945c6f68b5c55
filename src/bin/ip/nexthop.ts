/** ip nexthop: nexthop objects and groups. Models ip/ipnexthop.c */

import type { NexthopGroupEntry, NexthopObject, NexthopObjectSpec } from '../../os/uapi.ts';
import { formatIp } from '../../wire/addr.ts';
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
  const { pr, names } = ctx;
  pr.openObject();
  if (deleted) pr.any('deleted', true, 'Deleted ');
  pr.any('id', o.id, `id ${o.id} `);
  if (o.group) printGroup(ctx, o.group);
  const { hop } = o;
  if (hop && !o.blackhole) {
    if (hop.gateway !== null) pr.any('gateway', formatIp(hop.gateway), `${formatIp(hop.gateway)} `, familyColor(hop.gateway), 'via ');
    if (hop.dev) pr.any('dev', hop.dev.name, `${hop.dev.name} `, 'ifname', 'dev ');
    if (hop.scope !== 0 || ctx.details > 0) pr.any('scope', names.scope(hop.scope), `scope ${names.scope(hop.scope)} `);
  }
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
  pr.fp('\n');
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
  const spec: NexthopObjectSpec = { id: 0, family: ctx.family === 6 ? 6 : 4 };
  for (; args.more; args.step()) {
    if (args.is('id')) spec.id = readId(args.next());
    else if (args.is('dev')) spec.dev = ctx.device(args.next()) ?? invarg('Device does not exist\n', args.word);
    else if (args.is('via')) {
      if (args.next() === 'inet' || args.is('inet6')) args.next();
      spec.gateway = getAddr(args.word, ctx.family);
    } else if (args.is('blackhole')) spec.blackhole = true;
    else if (args.is('onlink')) spec.onlink = true;
    else if (args.is('group')) spec.group = readGroup(args.next());
    else if (args.is('type')) {
      if (args.next() !== 'mpath') invarg('"type" value is invalid\n', args.word);
    } else if (args.matches('protocol'))
      spec.proto = ctx.names.protos.number(args.next(), 255) ?? invarg('"protocol" value is invalid\n', args.word);
    else if (args.is('help')) usage();
    else if (args.is('encap', 'fdb')) {
      ctx.complain(`ip nexthop: "${args.word}" is not emulated\n`);
      return 1;
    } else invarg('', args.word);
  }
  const { nexthops } = ctx.ns.fib;
  return ctx.talk(what === 'delete' ? nexthops.del(spec.id) : nexthops.add(spec, what));
}

function selected(ctx: Ctx, words: readonly string[]): NexthopObject[] | NexthopObject | number {
  const args = new Args(words);
  let list = ctx.ns.fib.nexthops.list();
  for (; args.more; args.step()) {
    if (args.matches('dev')) {
      const dev = ctx.device(args.next()) ?? invarg('Device does not exist\n', args.word);
      list = list.filter((o) => o.hop?.dev === dev);
    } else if (args.matches('groups')) list = list.filter((o) => o.group !== null);
    else if (args.is('id')) {
      const one = ctx.ns.fib.nexthops.get(readId(args.next()));
      return one ?? ctx.talk({ ok: false, errno: 'ENOENT' });
    } else if (args.matches('protocol')) {
      const proto = ctx.names.protos.number(args.next(), 255) ?? invarg('invalid protocol value', args.word);
      list = list.filter((o) => o.proto === proto);
    } else if (args.matches('help')) usage();
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

function flush(ctx: Ctx, words: readonly string[]): number {
  const found = selected(ctx, words);
  if (typeof found === 'number') return found;
  const list = Array.isArray(found) ? found : [found];
  for (const o of list) ctx.ns.fib.nexthops.del(o.id);
  ctx.pr.out += list.length > 0 ? `Flushed ${list.length} nexthops\n` : 'Nothing to flush\n';
  return 0;
}

const VERBS: readonly (readonly [string, (ctx: Ctx, words: readonly string[]) => Outcome])[] = [
  ['add', (c, w) => modify(c, w, 'add')],
  ['replace', (c, w) => modify(c, w, 'replace')],
  ['delete', (c, w) => modify(c, w, 'delete')],
  ['list', show],
  ['show', show],
  ['lst', show],
  ['get', show],
  ['flush', flush],
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
