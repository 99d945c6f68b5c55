/** ip nexthop: nexthop objects. Models ip/ipnexthop.c */

import { fail, type NexthopGroupEntry, type NexthopObject, type NexthopObjectSpec } from '../../os/uapi.ts';
import { formatIp } from '../../wire/addr.ts';
import type { Ctx, Outcome, Verb } from './ctx.ts';
import { Args, Exit, invarg, matches, unsigned } from './lib/args.ts';
import { getAddr } from './lib/inet.ts';
import { familyColor } from './lib/print.ts';
import { NEXTHOP_USAGE } from './usage.ts';

function usage(): never {
  throw new Exit(255, NEXTHOP_USAGE);
}

function readId(args: Args): number {
  return unsigned(args.next()) ?? invarg('invalid id value', args.word);
}

/** `1/2` or `1,10/2,20` */
function readGroup(word: string): NexthopGroupEntry[] {
  return word.split('/').map((part) => {
    const [id, weight] = part.split(',');
    const n = unsigned(id ?? '');
    if (n === null || n === 0) invarg('"group" value is invalid\n', word);
    const w = weight === undefined ? 1 : unsigned(weight);
    if (w === null || w < 1 || w > 256) invarg('"weight" is invalid\n', word);
    return { id: n as number, weight: w as number };
  });
}

function modify(ctx: Ctx, words: readonly string[], mode: 'add' | 'replace' | 'del'): number {
  const args = new Args(words);
  const spec: NexthopObjectSpec = { id: 0 };
  if (ctx.family === 4 || ctx.family === 6) spec.family = ctx.family;
  for (; args.more; args.step()) {
    if (args.is('id')) spec.id = readId(args);
    else if (args.is('dev')) spec.dev = ctx.needDevice(args.next());
    else if (args.is('via')) {
      const word = args.next();
      const family = word === 'inet' ? 4 : word === 'inet6' ? 6 : ctx.family;
      if (word === 'inet' || word === 'inet6') args.next();
      spec.gateway = getAddr(args.word, family);
    } else if (args.is('blackhole')) spec.blackhole = true;
    else if (args.is('onlink')) spec.onlink = true;
    else if (args.is('group')) spec.group = readGroup(args.next());
    else if (args.matches('protocol')) spec.proto = ctx.names.protos.number(args.next(), 255) ?? invarg('"protocol" value is invalid\n', args.word);
    else if (args.is('help')) usage();
    else if (args.is('fdb', 'type', 'encap')) {
      ctx.complain(`ip nexthop: "${args.word}" is not emulated\n`);
      return 1;
    } else invarg('', args.word);
  }
  const { nexthops } = ctx.ns.fib;
  return ctx.talk(mode === 'del' ? nexthops.del(spec.id) : nexthops.add(spec, mode));
}

function print(ctx: Ctx, o: NexthopObject): void {
  const { pr } = ctx;
  pr.openObject();
  pr.any('id', o.id, `id ${o.id} `);
  if (o.group) {
    pr.openArray('group', 'group ');
    for (const [i, g] of o.group.entries()) {
      pr.openObject();
      pr.any('id', g.id, `${i > 0 ? '/' : ''}${g.id}`);
      if (g.weight > 1) pr.any('weight', g.weight, `,${g.weight}`);
      pr.closeObject();
    }
    pr.closeArray(' ');
  }
  if (o.blackhole) pr.any('blackhole', null, 'blackhole ');
  else if (o.hop) {
    const { gateway, dev, scope, onlink, dead, linkdown } = o.hop;
    if (gateway !== null) pr.any('gateway', formatIp(gateway), `${formatIp(gateway)} `, familyColor(gateway), 'via ');
    if (dev) pr.any('dev', dev.name, `${dev.name} `, 'ifname', 'dev ');
    if (o.family === 4 && (scope !== 0 || ctx.details > 0)) pr.any('scope', ctx.names.scope(scope), `scope ${ctx.names.scope(scope)} `);
    if (o.proto !== 0 || ctx.details > 0) pr.any('protocol', ctx.names.proto(o.proto), `proto ${ctx.names.proto(o.proto)} `);
    pr.openArray('flags');
    for (const [on, word] of [
      [dead, 'dead'],
      [onlink, 'onlink'],
      [linkdown, 'linkdown'],
    ] as const) {
      if (on) pr.any(null, word, `${word} `);
    }
    pr.closeArray();
  }
  if (o.group) {
    if (o.proto !== 0 || ctx.details > 0) pr.any('protocol', ctx.names.proto(o.proto), `proto ${ctx.names.proto(o.proto)} `);
    pr.openArray('flags');
    pr.closeArray();
  }
  pr.fp('\n');
  pr.closeObject();
}

interface Filter {
  id: number;
  dev: string | null;
  groups: boolean;
  proto: number | null;
}

function select(ctx: Ctx, words: readonly string[], flush: boolean): number {
  const args = new Args(words);
  const f: Filter = { id: 0, dev: null, groups: false, proto: null };
  for (; args.more; args.step()) {
    if (args.is('dev')) f.dev = ctx.needDevice(args.next()).name;
    else if (args.is('groups')) f.groups = true;
    else if (args.is('id')) f.id = readId(args);
    else if (args.matches('protocol')) f.proto = ctx.names.protos.number(args.next(), 255) ?? invarg('invalid protocol value', args.word);
    else if (args.is('help')) usage();
    else invarg('', args.word);
  }
  const { nexthops } = ctx.ns.fib;
  if (f.id !== 0 && !flush) return get(ctx, f.id);
  const chosen = nexthops
    .list()
    .filter((o) => (f.id === 0 || o.id === f.id) && (f.dev === null || o.hop?.dev?.name === f.dev) && (!f.groups || o.group !== null) && (f.proto === null || o.proto === f.proto));
  if (flush) {
    for (const o of chosen) nexthops.del(o.id);
    if (chosen.length === 0) ctx.pr.fp('Nothing to flush\n');
    else ctx.pr.fp(`Flushed ${chosen.length} nexthops\n`);
    return 0;
  }
  ctx.newJson();
  for (const o of chosen) print(ctx, o);
  ctx.deleteJson();
  return 0;
}

function get(ctx: Ctx, id: number): number {
  const o = ctx.ns.fib.nexthops.get(id);
  if (!o) return ctx.talk(fail('ENOENT'));
  ctx.newJson();
  print(ctx, o);
  ctx.deleteJson();
  return 0;
}

function run(ctx: Ctx, words: readonly string[]): Outcome {
  const [verb, ...rest] = words;
  if (verb === undefined) return select(ctx, [], false);
  if (matches(verb, 'add')) return modify(ctx, rest, 'add');
  if (matches(verb, 'replace')) return modify(ctx, rest, 'replace');
  if (matches(verb, 'delete')) return modify(ctx, rest, 'del');
  if (matches(verb, 'list') || matches(verb, 'show') || matches(verb, 'lst')) return select(ctx, rest, false);
  if (matches(verb, 'get')) {
    const args = new Args(rest);
    if (!args.more || !args.is('id')) usage();
    return get(ctx, readId(args));
  }
  if (matches(verb, 'flush')) return select(ctx, rest, true);
  if (matches(verb, 'help')) usage();
  ctx.complain(`Command "${verb}" is unknown, try "ip nexthop help".\n`);
  throw new Exit(255);
}

export const nexthopObject: Verb = { name: 'nexthop', run };
