/** tc qdisc. Models tc/tc_qdisc.c */

import * as tc from '../../os/tc.ts';
import type { NetDevice } from '../../os/uapi.ts';
import type { Outcome } from '../ip/ctx.ts';
import { Args, duparg, Exit, invarg, matches } from '../ip/lib/args.ts';
import { bad, printStats, type QdiscKind, type TcCtx } from './common.ts';
import { fifo, pfifoFast, prio } from './fifo.ts';
import { fqCodel } from './fqcodel.ts';
import { htb } from './htb.ts';
import { netem } from './netem.ts';
import { tbf } from './tbf.ts';
import { parseClassid, parseHandle, showClassid } from './units.ts';

const USAGE = `Usage: tc qdisc [ add | del | replace | change | show ] dev STRING
       [ handle QHANDLE ] [ root | ingress | clsact | parent CLASSID ]
       [ estimator INTERVAL TIME_CONSTANT ]
       [ stab [ help | STAB_OPTIONS] ]
       [ ingress_block BLOCK_INDEX ] [ egress_block BLOCK_INDEX ]
       [ [ QDISC_KIND ] [ help | OPTIONS ] ]

       tc qdisc { show | list } [ dev STRING ] [ QDISC_ID ] [ invisible ]
Where:
QDISC_KIND := { [p|b]fifo | tbf | prio | cbq | red | etc. }
OPTIONS := ... try tc qdisc add <desired QDISC_KIND> help
STAB_OPTIONS := ... try tc qdisc add stab help
QDISC_ID := { root | ingress | handle QHANDLE | parent CLASSID }
`;

const ingress: QdiscKind = {
  parse(_ctx, a) {
    while (a.more) {
      if (!a.is('handle')) bad(`What is "${a.word}"?\nUsage: ... ingress\n`);
      a.next();
      a.step();
    }
    return null;
  },
  print(ctx) {
    ctx.pr.fp('---------------- ');
  },
};

const clsact: QdiscKind = {
  parse(_ctx, a) {
    if (a.more) bad(`What is "${a.word}"?\nUsage: ... clsact\n`);
    return null;
  },
  print() {},
};

const KINDS: Readonly<Record<string, QdiscKind>> = {
  bfifo: fifo,
  pfifo: fifo,
  pfifo_head_drop: fifo,
  pfifo_fast: pfifoFast,
  prio,
  tbf,
  netem,
  htb,
  fq_codel: fqCodel,
  ingress,
  clsact,
};

/** What tc and Linux know and this system does not. */
const MISSING = new Set(
  'cake cbq cbs choke codel drr dsmark etf ets fq fq_pie gred hfsc hhf mqprio multiq pie plug qfq red rr sfb sfq skbprio taprio'.split(' '),
);

function parseKind(ctx: TcCtx, kind: string, a: Args): tc.QdiscOptions | null {
  if (MISSING.has(kind)) bad(`tc: qdisc ${kind}: not emulated\n`);
  const known = KINDS[kind];
  if (known) return known.parse(ctx, a, kind);
  if (a.more) bad(`Unknown qdisc "${kind}", hence option "${a.word}" is unparsable\n`);
  return null;
}

/** Status 255 and text. */
function fault(text: string): never {
  throw new Exit(255, text);
}

function modify(ctx: TcCtx, words: readonly string[], flags: tc.Flags | null): number {
  const a = new Args(words);
  let dev = '';
  let handle = 0;
  let parent = 0;
  let kind = '';
  let options: tc.QdiscOptions | null = null;
  const place = (where: number, text: string): void => {
    if (parent !== 0) fault(text);
    parent = where;
  };
  for (; a.more && kind === ''; a.step()) {
    if (a.is('dev')) {
      a.next();
      if (dev !== '') duparg('dev', a.word);
      dev = a.word.slice(0, 15);
    } else if (a.is('handle')) {
      if (handle !== 0) duparg('handle', a.word);
      handle = parseHandle(a.next()) ?? invarg('invalid qdisc ID', a.word);
    } else if (a.is('root')) place(tc.TC_H_ROOT, 'Error: "root" is duplicate parent ID\n');
    else if (a.is('clsact')) {
      place(tc.TC_H_INGRESS, 'Error: "clsact" is a duplicate parent ID\n');
      kind = 'clsact';
      handle = 0xffff0000;
    } else if (a.is('ingress')) {
      place(tc.TC_H_INGRESS, 'Error: "ingress" is a duplicate parent ID\n');
      kind = 'ingress';
      handle = 0xffff0000;
    } else if (a.is('parent')) {
      a.next();
      if (parent !== 0) duparg('parent', a.word);
      parent = parseClassid(a.word) ?? invarg('invalid parent ID', a.word);
    } else if (a.matches('estimator', 'stab', 'ingress_block', 'egress_block')) bad(`tc qdisc ${a.word}: not emulated\n`);
    else if (a.matches('help')) throw new Exit(0, USAGE);
    else kind = a.word.slice(0, 15);
  }
  if (kind !== '') options = parseKind(ctx, kind, a);
  let ifindex = 0;
  if (dev !== '') {
    const d = ctx.device(dev);
    if (!d) return ctx.nodev(dev);
    ifindex = d.ifindex;
  }
  const request = { ifindex, parent, handle, kind, options };
  return ctx.talk(flags ? tc.modifyQdisc(ctx.ns, request, flags) : tc.deleteQdisc(ctx.ns, request));
}

interface Wanted {
  dev: NetDevice | null;
  parent: number;
  handle: number;
}

function list(ctx: TcCtx, words: readonly string[]): number {
  const a = new Args(words);
  const wanted: Wanted = { dev: null, parent: 0, handle: 0 };
  let dev = '';
  let invisible = false;
  const once = (): void => {
    if (wanted.parent !== 0) invarg('parent is already specified', a.word);
    if (wanted.handle !== 0) invarg('handle is already specified', a.word);
  };
  for (; a.more; a.step()) {
    if (a.is('dev')) dev = a.next();
    else if (a.is('root')) {
      once();
      wanted.parent = tc.TC_H_ROOT;
    } else if (a.is('ingress', 'clsact')) {
      once();
      wanted.parent = tc.TC_H_INGRESS;
    } else if (a.matches('parent')) {
      once();
      wanted.parent = parseClassid(a.next()) ?? invarg('invalid parent ID', a.word);
    } else if (a.matches('handle')) {
      once();
      wanted.handle = parseHandle(a.next()) ?? invarg('invalid handle ID', a.word);
    } else if (a.matches('help')) throw new Exit(0, USAGE);
    else if (a.is('invisible')) invisible = true;
    else fault(`What is "${a.word}"? Try "tc qdisc help".\n`);
  }
  if (dev !== '') {
    const d = ctx.device(dev);
    if (!d) return ctx.nodev(dev);
    wanted.dev = d;
  }
  ctx.newJson();
  for (const d of ctx.ns.devices.values()) {
    if (wanted.dev && wanted.dev !== d) continue;
    for (const entry of tc.listQdiscs(d, invisible)) printQdisc(ctx, entry, wanted);
  }
  ctx.deleteJson();
  return 0;
}

function printQdisc(ctx: TcCtx, entry: tc.QdiscEntry, wanted: Wanted): void {
  const { qdisc: q, dev, refcnt } = entry;
  if (wanted.handle !== 0 && wanted.handle !== q.handle) return;
  if (wanted.parent !== 0 && wanted.parent !== q.parent) return;
  const { pr } = ctx;
  pr.openObject();
  pr.any('kind', q.kind, `qdisc ${q.kind}`);
  const handle = `${Math.floor(q.handle / 0x10000).toString(16)}:`;
  pr.any('handle', handle, ` ${handle}`);
  if (ctx.raw) pr.fp(`[${q.handle.toString(16).padStart(8, '0')}]`);
  pr.fp(' ');
  if (wanted.dev === null) {
    pr.fp('dev ');
    pr.any('dev', dev.name, dev.name, 'ifname');
    pr.fp(' ');
  }
  if (q.parent === tc.TC_H_ROOT) pr.any('root', true, 'root ');
  else if (q.parent !== 0) pr.any('parent', showClassid(q.parent), `parent ${showClassid(q.parent)} `);
  if (refcnt !== 1) pr.any('refcnt', refcnt, `refcnt ${refcnt} `);
  const kind = KINDS[q.kind];
  pr.openObject('options');
  kind?.print(ctx, q);
  pr.closeObject();
  pr.nl();
  if (ctx.stats) {
    printStats(ctx, q, ' ');
    pr.nl();
    if (kind?.printXstats) {
      kind.printXstats(ctx, q);
      pr.nl();
    }
  }
  pr.closeObject();
}

export const ADD: tc.Flags = { create: true, exclusive: true, replace: false };
export const CHANGE: tc.Flags = { create: false, exclusive: false, replace: false };

export function tcQdisc(ctx: TcCtx, words: readonly string[]): Outcome {
  const [verb, ...rest] = words;
  if (verb === undefined) return list(ctx, []);
  if (matches(verb, 'add')) return modify(ctx, rest, ADD);
  if (matches(verb, 'change')) return modify(ctx, rest, CHANGE);
  if (matches(verb, 'replace')) return modify(ctx, rest, { create: true, exclusive: false, replace: true });
  if (matches(verb, 'link')) return modify(ctx, rest, { create: false, exclusive: false, replace: true });
  if (matches(verb, 'delete')) return modify(ctx, rest, null);
  if (['list', 'show', 'lst'].some((w) => matches(verb, w))) return list(ctx, rest);
  if (matches(verb, 'help')) throw new Exit(0, USAGE);
  fault(`Command "${verb}" is unknown, try "tc qdisc help".\n`);
}
