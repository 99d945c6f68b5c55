/** ip rule: policy routing. Models ip/iprule.c */

import type { FibRule, RuleSpec } from '../../os/uapi.ts';
import { type Family, formatIp, inPrefix, type Prefix } from '../../wire/addr.ts';
import type { Ctx, Outcome, Verb } from './ctx.ts';
import { restoreRules, saveRules } from './dump.ts';
import { Args, Exit, invarg, matches, unsigned, validIfname } from './lib/args.ts';
import { getPrefix, toPrefix } from './lib/inet.ts';
import { ipprotoNumber, readRealms, routeType } from './lib/names.ts';
import { familyColor } from './lib/print.ts';
import { RULE_USAGE } from './usage.ts';

function printPrefix(ctx: Ctx, key: 'src' | 'dst', word: string, p: Prefix, family: Family): void {
  const { pr } = ctx;
  pr.fp(word);
  pr.any(key, formatIp(p.addr), undefined, familyColor(p.addr));
  if (p.len !== (family === 4 ? 32 : 128)) pr.any(`${key}len`, p.len, `/${p.len}`);
}

function hex(n: number): string {
  return n === 0 ? '0' : `0x${n.toString(16)}`;
}

export function printRule(ctx: Ctx, r: FibRule, deleted = false): void {
  const { pr, names } = ctx;
  pr.openObject();
  if (deleted) pr.any('deleted', true, 'Deleted ');
  pr.any('priority', r.priority, `${r.priority}:\t`);
  if (r.not) pr.any('not', null, 'not ');
  if (r.src && r.src.len > 0) printPrefix(ctx, 'src', 'from ', r.src, r.family);
  else pr.any('src', 'all', 'from all');
  if (r.dst && r.dst.len > 0) printPrefix(ctx, 'dst', ' to ', r.dst, r.family);
  if (r.tos) pr.any('tos', names.dsfield(r.tos), ` tos ${names.dsfield(r.tos)}`);
  if (r.fwmark || r.fwmask) {
    pr.any('fwmark', hex(r.fwmark), ` fwmark ${hex(r.fwmark)}`);
    if (r.fwmask !== 0xffffffff) pr.any('fwmask', hex(r.fwmask), `/${hex(r.fwmask)}`);
  }
  if (r.iif !== null) {
    pr.any('iif', r.iif, r.iif, 'ifname', ' iif ');
    if (!ctx.ns.device(r.iif)) pr.any('iif_detached', null, ' [detached]');
  }
  if (r.oif !== null) {
    pr.any('oif', r.oif, r.oif, 'ifname', ' oif ');
    if (!ctx.ns.device(r.oif)) pr.any('oif_detached', null, ' [detached]');
  }
  if (r.l3mdev) pr.any('l3mdev', null, ' lookup [l3mdev-table]');
  if (r.uidrange) {
    pr.any('uid_start', r.uidrange[0], ` uidrange ${r.uidrange[0]}`);
    pr.any('uid_end', r.uidrange[1], `-${r.uidrange[1]}`);
  }
  if (r.ipproto) pr.any('ipproto', names.ipproto(r.ipproto), ` ipproto ${names.ipproto(r.ipproto)}`);
  for (const key of ['sport', 'dport'] as const) {
    const range = r[key];
    if (!range) continue;
    if (range[0] === range[1]) pr.any(key, range[0], ` ${key} ${range[0]}`);
    else {
      pr.any(`${key}_start`, range[0], ` ${key} ${range[0]}`);
      pr.any(`${key}_end`, range[1], `-${range[1]}`);
    }
  }
  if (r.tunId) pr.any('tun_id', r.tunId, ` tun_id ${r.tunId}`);
  if (r.action === 'lookup' && r.table) {
    pr.any('table', names.table(r.table), ` lookup ${names.table(r.table)}`);
    if (r.suppressPrefixlen !== -1) pr.any('suppress_prefixlen', r.suppressPrefixlen, ` suppress_prefixlength ${r.suppressPrefixlen}`);
    if (r.suppressIfgroup !== -1)
      pr.any('suppress_ifgroup', names.group(r.suppressIfgroup), ` suppress_ifgroup ${names.group(r.suppressIfgroup)}`);
  }
  if (r.realms) {
    const from = r.realms >>> 16;
    if (from) pr.any('flow_from', names.realm(from), ` realms ${names.realm(from)}/`);
    else pr.fp(' realms ');
    pr.any('flow_to', names.realm(r.realms & 0xffff));
  }
  if (r.action === 'goto') {
    pr.any('goto', r.target, ` goto ${r.target}`);
    if (!ctx.ns.fib.rules.list(r.family).some((other) => other.priority === r.target)) pr.any('unresolved', null, ' [unresolved]');
  } else if (r.action === 'nop') pr.any('nop', null, ' nop');
  else if (r.action !== 'lookup') pr.any('action', names.type(r.action), ` ${names.type(r.action)}`);
  if ((r.protocol && r.protocol !== 2) || ctx.details > 0) pr.any('protocol', names.proto(r.protocol), ` proto ${names.proto(r.protocol)}`);
  pr.fp('\n');
  pr.closeObject();
}

function markAndMask(word: string): { mark: number; mask: number | undefined } {
  const slash = word.indexOf('/');
  const mark = unsigned(slash < 0 ? word : word.slice(0, slash)) ?? invarg('fwmark value is invalid\n', word);
  return {
    mark,
    mask: slash < 0 ? undefined : (unsigned(word.slice(slash + 1)) ?? invarg('fwmask value is invalid\n', word.slice(slash + 1))),
  };
}

function portRange(word: string, msg: string): [number, number] {
  const [a, b] = word.split('-');
  const start = unsigned(a ?? '', 65535);
  const end = b === undefined ? start : unsigned(b, 65535);
  return start === null || end === null ? invarg(msg, word) : [start, end];
}

/** Reads one selector into `spec`; false when the word is none. */
function selector(ctx: Ctx, args: Args, spec: RuleSpec): boolean {
  if (args.is('not')) spec.not = true;
  else if (args.is('from')) {
    const p = getPrefix(args.next(), ctx.family);
    if (!p.any) spec.src = toPrefix(p);
  } else if (args.is('to')) {
    const p = getPrefix(args.next(), ctx.family);
    if (!p.any) spec.dst = toPrefix(p);
  } else if (args.matches('preference', 'order', 'priority'))
    spec.priority = unsigned(args.next()) ?? invarg('preference value is invalid\n', args.word);
  else if (args.is('tos') || args.matches('dsfield')) spec.tos = ctx.names.tos(args.next()) ?? invarg('TOS value is invalid\n', args.word);
  else if (args.is('fwmark')) {
    const { mark, mask } = markAndMask(args.next());
    spec.fwmark = mark;
    if (mask !== undefined) spec.fwmask = mask;
  } else if (args.is('dev', 'iif')) {
    if (!validIfname(args.next())) invarg('"iif"/"dev" not a valid ifname', args.word);
    spec.iif = args.word;
  } else if (args.is('oif')) {
    if (!validIfname(args.next())) invarg('"oif" not a valid ifname', args.word);
    spec.oif = args.word;
  } else if (args.is('uidrange')) {
    const m = /^(\d+)-(\d+)$/.exec(args.next());
    spec.uidrange = m ? [Number(m[1]), Number(m[2])] : invarg('invalid UID range\n', args.word);
  } else if (args.is('ipproto')) spec.ipproto = ipprotoNumber(args.next()) ?? invarg('Invalid "ipproto" value\n', args.word);
  else if (args.is('sport')) spec.sport = portRange(args.next(), 'invalid port range\n');
  else if (args.is('dport')) spec.dport = portRange(args.next(), 'invalid dport range\n');
  else if (args.is('l3mdev')) spec.l3mdev = true;
  else if (args.matches('tun_id')) spec.tunId = unsigned(args.next()) ?? invarg('"tun_id" value is invalid\n', args.word);
  else return false;
  return true;
}

function emptySpec(ctx: Ctx): RuleSpec {
  return { family: ctx.family === 6 ? 6 : 4 };
}

function modify(ctx: Ctx, words: readonly string[], add: boolean): number {
  if (words.length === 0) {
    ctx.complain(`"ip rule ${add ? 'add' : 'del'}" requires arguments.\n`);
    return 1;
  }
  const args = new Args(words);
  const spec = emptySpec(ctx);
  for (; args.more; args.step()) {
    if (selector(ctx, args, spec)) continue;
    if (args.matches('protocol'))
      spec.protocol = ctx.names.protos.number(args.next(), 255) ?? invarg('"protocol" value is invalid\n', args.word);
    else if (args.matches('table') || args.is('lookup')) {
      spec.table = ctx.names.tables.number(args.next()) ?? invarg('invalid table ID\n', args.word);
      spec.action = 'lookup';
    } else if (args.matches('suppress_prefixlength') || args.is('sup_pl')) {
      spec.suppressPrefixlen = unsigned(args.next(), 0x7fffffff) ?? invarg('suppress_prefixlength value is invalid\n', args.word);
    } else if (args.matches('suppress_ifgroup') || args.is('sup_group')) {
      spec.suppressIfgroup = ctx.names.groups.number(args.next()) ?? invarg('Invalid "suppress_ifgroup" value\n', args.word);
    } else if (args.matches('realms')) spec.realms = readRealms(ctx, args.next()) ?? invarg('invalid realms\n', args.word);
    else if (args.is('nat') || args.matches('map-to')) {
      ctx.complain(`ip rule: "${args.word}" is not emulated\n`);
      return 1;
    } else action(args, spec);
  }
  if (spec.l3mdev && spec.table) {
    ctx.complain('table can not be specified for l3mdev rules\n');
    return 234;
  }
  if (spec.l3mdev) spec.action ??= 'lookup';
  if (!add) return ctx.talk(ctx.ns.fib.rules.del(spec));
  if (spec.table === undefined && spec.action === undefined) {
    spec.table = 254;
    spec.action = 'lookup';
  }
  const r = ctx.ns.fib.rules.add(spec);
  if (!r.ok || !ctx.echo) return ctx.talk(r);
  ctx.newJson();
  printRule(ctx, r.value);
  ctx.deleteJson();
  return 0;
}

function action(args: Args, spec: RuleSpec): void {
  if (args.is('type')) args.next();
  if (args.matches('help')) throw new Exit(255, RULE_USAGE);
  if (args.matches('goto')) {
    spec.action = 'goto';
    spec.target = unsigned(args.next()) ?? invarg('invalid target\n', args.word);
  } else if (args.matches('nop')) spec.action = 'nop';
  else {
    const type = routeType(args.word);
    if (type === 'blackhole' || type === 'unreachable' || type === 'prohibit') spec.action = type;
    else if (type !== 'unicast') invarg('Failed to parse rule type', args.word);
  }
}

/** What `ip rule show|flush` was asked for: prefixes cover the rule's, everything else is equal. `protocol` counts for flush alone. */
function filtered(ctx: Ctx, words: readonly string[]): { rules: FibRule[]; protocol: number | null } {
  const args = new Args(words);
  const spec = emptySpec(ctx);
  const within = { ...spec, src: null as Prefix | null, dst: null as Prefix | null };
  let protocol: number | null = null;
  for (; args.more; args.step()) {
    if (args.matches('from', 'src')) within.src = toPrefix(getPrefix(args.next(), spec.family));
    else if (args.matches('lookup', 'table'))
      spec.table = ctx.names.tables.number(args.next()) ?? invarg('table id value is invalid\n', args.word);
    else if (args.matches('protocol')) {
      const word = args.next();
      protocol = word === 'all' ? null : (ctx.names.protos.number(word, 255) ?? invarg('invalid "protocol"\n', word));
    } else if (!args.is('to') && selector(ctx, args, spec)) continue;
    else {
      if (args.matches('dst', 'to')) args.next();
      within.dst = toPrefix(getPrefix(args.word, spec.family));
    }
  }
  const { family, ...wanted } = spec;
  const text = (v: unknown): string => (typeof v === 'object' && v !== null ? Object.values(v).map(String).join('/') : String(v));
  const covers = (p: Prefix | null, r: Prefix | null): boolean =>
    p === null || (r === null ? p.len === 0 : p.len <= r.len && inPrefix(r.addr, p.addr, p.len));
  const rules = ctx.ns.fib.rules
    .list(family)
    .filter((r) => covers(within.src, r.src) && covers(within.dst, r.dst))
    .filter((r) => Object.entries(wanted).every(([k, v]) => text(r[k as keyof FibRule]) === text(v)));
  return { rules, protocol };
}

function show(ctx: Ctx, words: readonly string[]): number {
  const { rules } = filtered(ctx, words);
  ctx.newJson();
  for (const r of rules) printRule(ctx, r);
  ctx.deleteJson();
  return 0;
}

/** The rule of priority 0 has no priority attribute, so it stays; main and default go. */
function flush(ctx: Ctx, words: readonly string[]): number {
  const { rules, protocol } = filtered(ctx, words);
  for (const r of [...rules]) if (r.priority > 0 && (protocol === null || r.protocol === protocol)) ctx.ns.fib.rules.del(r);
  return 0;
}

function restore(ctx: Ctx, words: readonly string[]): Outcome {
  if (words.length === 0) return restoreRules(ctx);
  ctx.complain('"ip rule restore" requires no arguments.\n');
  return 255;
}

const VERBS: readonly (readonly [string, (ctx: Ctx, words: readonly string[]) => Outcome])[] = [
  ['list', show],
  ['lst', show],
  ['show', show],
  ['add', (c, w) => modify(c, w, true)],
  ['delete', (c, w) => modify(c, w, false)],
  ['flush', flush],
  ['save', (c, w) => saveRules(c, filtered(c, w).rules)],
  ['restore', restore],
  [
    'help',
    () => {
      throw new Exit(255, RULE_USAGE);
    },
  ],
];

export const ruleObject: Verb = {
  name: 'rule',
  run(ctx, words) {
    if (words.length === 0) return show(ctx, []);
    const verb = VERBS.find(([name]) => matches(words[0] as string, name));
    if (verb) return verb[1](ctx, words.slice(1));
    throw new Exit(255, `Command "${words[0]}" is unknown, try "ip rule help".\n`);
  },
};
