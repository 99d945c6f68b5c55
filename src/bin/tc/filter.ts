/** tc filter. Models tc/tc_filter.c */

import * as tc from '../../os/tc.ts';
import type { Outcome } from '../ip/ctx.ts';
import { Args, duparg, Exit, invarg, matches, unsigned } from '../ip/lib/args.ts';
import { bad, type TcCtx } from './common.ts';
import { type ParsedFilter, parseMatchall, parseU32, printMatchall, printTable, printU32 } from './u32.ts';
import { parseClassid, showClassid } from './units.ts';

const USAGE = `Usage: tc filter [ add | del | change | replace | show ] [ dev STRING ]
       tc filter [ add | del | change | replace | show ] [ block BLOCK_INDEX ]
       tc filter get dev STRING parent CLASSID protocol PROTO handle FILTERID pref PRIO FILTER_TYPE
       tc filter get block BLOCK_INDEX protocol PROTO handle FILTERID pref PRIO FILTER_TYPE
       [ pref PRIO ] protocol PROTO [ chain CHAIN_INDEX ]
       [ estimator INTERVAL TIME_CONSTANT ]
       [ root | ingress | egress | parent CLASSID ]
       [ handle FILTERID ] [ [ FILTER_TYPE ] [ help | OPTIONS ] ]

       tc filter show [ dev STRING ] [ root | ingress | egress | parent CLASSID ]
       tc filter show [ block BLOCK_INDEX ]
Where:
FILTER_TYPE := { rsvp | u32 | bpf | fw | route | etc. }
FILTERID := ... format depends on classifier, see there
OPTIONS := ... try tc filter add <desired FILTER_KIND> help
`;

const ETH_P_ALL = 3;

const PROTOCOLS: readonly (readonly [string, number])[] = [
  ['ip', 0x0800],
  ['arp', 0x0806],
  ['rarp', 0x8035],
  ['ipx', 0x8137],
  ['ipv6', 0x86dd],
  ['ppp_disc', 0x8863],
  ['ppp_ses', 0x8864],
  ['802_3', 1],
  ['all', ETH_P_ALL],
  ['802_2', 4],
  ['802.1Q', 0x8100],
  ['802.1ad', 0x88a8],
  ['mpls_uc', 0x8847],
  ['mpls_mc', 0x8848],
  ['teb', 0x6558],
  ['LLDP', 0x88cc],
  ['ipv4', 0x0800],
];

function protocolOf(word: string): number | null {
  const named = PROTOCOLS.find(([name]) => name.toLowerCase() === word.toLowerCase());
  return named ? named[1] : unsigned(word, 65535);
}

function protocolName(n: number): string {
  return PROTOCOLS.find(([, value]) => value === n)?.[0] ?? `[${n}]`;
}

const MISSING = new Set('basic bpf cgroup flow flower fw route rsvp tcindex'.split(' '));

interface Place {
  dev: string;
  parent: number;
  handle: string | null;
  prio: number;
  protocol: number;
  named: boolean;
  kind: string;
}

/** True when the word was one of those that add, delete and show have in common. */
function place(a: Args, p: Place): boolean {
  const put = (where: number): void => {
    if (p.parent !== 0) throw new Exit(255, `Error: "${a.word}" is duplicate parent ID\n`);
    p.parent = where;
  };
  if (a.is('dev')) {
    a.next();
    if (p.dev !== '') duparg('dev', a.word);
    p.dev = a.word;
  } else if (a.matches('block')) bad('tc filter block: not emulated\n');
  else if (a.is('root')) put(tc.TC_H_ROOT);
  else if (a.is('ingress')) put(tc.TC_H_CLSACT_INGRESS);
  else if (a.is('egress')) put(tc.TC_H_CLSACT_EGRESS);
  else if (a.is('parent')) {
    a.next();
    if (p.parent !== 0) duparg('parent', a.word);
    p.parent = parseClassid(a.word) ?? invarg('Invalid parent ID', a.word);
  } else if (a.is('handle')) {
    a.next();
    if (p.handle !== null) duparg('handle', a.word);
    p.handle = a.word;
  } else if (a.matches('preference', 'priority')) {
    a.next();
    if (p.prio !== 0) duparg('priority', a.word);
    p.prio = unsigned(a.word, 65535) ?? invarg('invalid priority value', a.word);
  } else if (a.matches('protocol')) {
    a.next();
    if (p.named) duparg('protocol', a.word);
    p.protocol = protocolOf(a.word) ?? invarg('invalid protocol', a.word);
    p.named = true;
  } else if (a.matches('chain', 'estimator')) bad(`tc filter ${a.word}: not emulated\n`);
  else return false;
  return true;
}

function fresh(protocol: number): Place {
  return { dev: '', parent: 0, handle: null, prio: 0, protocol, named: false, kind: '' };
}

function modify(ctx: TcCtx, words: readonly string[], flags: tc.Flags | null): number {
  const a = new Args(words);
  const p = fresh(flags?.create ? ETH_P_ALL : 0);
  for (; a.more && p.kind === ''; a.step()) {
    if (place(a, p)) continue;
    if (a.matches('help')) {
      ctx.complain(USAGE);
      return 0;
    }
    p.kind = a.word.slice(0, 15);
  }
  let ifindex = 0;
  if (p.dev !== '') {
    const d = ctx.device(p.dev);
    if (!d) return ctx.nodev(p.dev);
    ifindex = d.ifindex;
  }
  let parsed: ParsedFilter = { handle: 0, options: null };
  if (p.kind !== '') parsed = parseKind(ctx, a, p);
  else if (p.handle !== null) throw new Exit(255, 'Must specify filter type when using "handle"\n');
  const request = {
    parent: p.parent,
    kind: p.kind,
    prio: p.prio,
    protocol: p.protocol,
    handle: parsed.handle,
    exclusive: flags?.exclusive ?? false,
    create: flags?.create ?? false,
    options: parsed.options,
  };
  const status = ctx.talk(flags ? tc.modifyFilter(ctx.ns, ifindex, request) : tc.deleteFilter(ctx.ns, ifindex, request));
  if (status !== 0) ctx.complain('We have an error talking to the kernel\n');
  return status;
}

function parseKind(ctx: TcCtx, a: Args, p: Place): ParsedFilter {
  if (p.kind === 'u32') return parseU32(ctx, a, p.handle);
  if (p.kind === 'matchall') return parseMatchall(ctx, a, p.handle);
  if (MISSING.has(p.kind)) bad(`tc: filter ${p.kind}: not emulated\n`);
  if (a.more) bad(`Unknown filter "${p.kind}", hence option "${a.word}" is unparsable\n`);
  return { handle: 0, options: null };
}

function list(ctx: TcCtx, words: readonly string[]): number {
  const a = new Args(words);
  const p = fresh(0);
  for (; a.more; a.step()) {
    if (place(a, p)) continue;
    if (a.matches('help')) throw new Exit(0, USAGE);
    throw new Exit(255, ` What is "${a.word}"? Try "tc filter help"\n`);
  }
  ctx.newJson();
  if (p.dev !== '') {
    const d = ctx.device(p.dev);
    if (!d) return ctx.nodev(p.dev);
    const block = tc.filterBlock(ctx.ns, d.ifindex, p.parent);
    for (const tp of block?.protos ?? []) {
      if (p.prio !== 0 && tp.prio !== p.prio) continue;
      if (p.protocol !== 0 && tp.protocol !== p.protocol) continue;
      const print = (rest?: () => void): void => printFilter(ctx, p, tp, (block as tc.FilterBlock).classid, rest);
      print();
      if (tp.kind === 'u32') print(() => printTable(ctx, tp.table));
      for (const n of tp.nodes) print(() => (tp.kind === 'u32' ? printU32(ctx, n) : printMatchall(ctx, n)));
    }
  }
  ctx.deleteJson();
  return 0;
}

function printFilter(ctx: TcCtx, p: Place, tp: tc.Proto, parent: number, rest?: () => void): void {
  const { pr } = ctx;
  pr.openObject();
  pr.fp('filter ');
  if (p.parent === 0 || p.parent !== parent) {
    if (parent === tc.TC_H_ROOT) pr.any('root', true, 'root ');
    else if (parent === tc.TC_H_CLSACT_INGRESS) pr.any('ingress', true, 'ingress ');
    else if (parent === tc.TC_H_CLSACT_EGRESS) pr.any('egress', true, 'egress ');
    else pr.any('parent', showClassid(parent), `parent ${showClassid(parent)} `);
  }
  if (p.protocol === 0 || p.protocol !== tp.protocol) {
    const name = protocolName(tp.protocol);
    pr.any('protocol', name, `protocol ${name} `);
  }
  if (p.prio === 0 || p.prio !== tp.prio) pr.any('pref', tp.prio, `pref ${tp.prio} `);
  pr.any('kind', tp.kind, `${tp.kind} `);
  pr.any('chain', 0, 'chain 0 ');
  if (rest) {
    pr.openObject('options');
    rest();
    pr.closeObject();
  }
  pr.nl();
  pr.closeObject();
}

export function tcFilter(ctx: TcCtx, words: readonly string[]): Outcome {
  const [verb, ...rest] = words;
  if (verb === undefined) return list(ctx, []);
  if (matches(verb, 'add')) return modify(ctx, rest, { create: true, exclusive: true, replace: false });
  if (matches(verb, 'change')) return modify(ctx, rest, { create: false, exclusive: false, replace: false });
  if (matches(verb, 'replace')) return modify(ctx, rest, { create: true, exclusive: false, replace: false });
  if (matches(verb, 'delete')) return modify(ctx, rest, null);
  if (matches(verb, 'get')) bad('tc filter get: not emulated\n');
  if (['list', 'show', 'lst'].some((w) => matches(verb, w))) return list(ctx, rest);
  if (matches(verb, 'help')) {
    ctx.complain(USAGE);
    return 0;
  }
  throw new Exit(255, `Command "${verb}" is unknown, try "tc filter help".\n`);
}
