/** tc class. Models tc/tc_class.c */

import * as tc from '../../os/tc.ts';
import type { Outcome } from '../ip/ctx.ts';
import { Args, duparg, Exit, invarg, matches } from '../ip/lib/args.ts';
import { bad, printStats, type TcCtx } from './common.ts';
import { htbClassText, parseHtbClass } from './htb.ts';
import { ADD, CHANGE } from './qdisc.ts';
import { parseClassid, parseHandle, showClassid } from './units.ts';

const USAGE = `Usage: tc class [ add | del | change | replace | show ] dev STRING
       [ classid CLASSID ] [ root | parent CLASSID ]
       [ [ QDISC_KIND ] [ help | OPTIONS ] ]

       tc class show [ dev STRING ] [ root | parent CLASSID ]
Where:
QDISC_KIND := { prio | cbq | etc. }
OPTIONS := ... try tc class add <desired QDISC_KIND> help
`;

function modify(ctx: TcCtx, words: readonly string[], flags: tc.Flags | null): number {
  const a = new Args(words);
  let dev = '';
  let classid = 0;
  let parent = 0;
  let kind = '';
  for (; a.more && kind === ''; a.step()) {
    if (a.is('dev')) {
      a.next();
      if (dev !== '') duparg('dev', a.word);
      dev = a.word;
    } else if (a.is('classid')) {
      a.next();
      if (classid !== 0) duparg('classid', a.word);
      classid = parseClassid(a.word) ?? invarg('invalid class ID', a.word);
    } else if (a.is('handle')) throw new Exit(255, 'Error: try "classid" instead of "handle"\n');
    else if (a.is('root')) {
      if (parent !== 0) throw new Exit(255, 'Error: "root" is duplicate parent ID.\n');
      parent = tc.TC_H_ROOT;
    } else if (a.is('parent')) {
      a.next();
      if (parent !== 0) duparg('parent', a.word);
      parent = parseClassid(a.word) ?? invarg('invalid parent ID', a.word);
    } else if (a.matches('estimator')) bad('tc class estimator: not emulated\n');
    else if (a.matches('help')) throw new Exit(0, USAGE);
    else kind = a.word.slice(0, 15);
  }
  let options: tc.HtbClassOptions | null = null;
  if (kind === 'htb') options = parseHtbClass(a);
  else if (kind !== '') bad(`Error: Qdisc "${kind}" is classless.\n`);
  let ifindex = 0;
  if (dev !== '') {
    const d = ctx.device(dev);
    if (!d) return ctx.nodev(dev);
    ifindex = d.ifindex;
  }
  const request = { ifindex, parent, classid, options };
  if (flags === null) return ctx.talk(tc.deleteClass(ctx.ns, request));
  const r = tc.modifyClass(ctx.ns, request, flags);
  if (r.ok && r.value !== '') ctx.complain(`Warning: ${r.value}\n`);
  return ctx.talk(r);
}

function list(ctx: TcCtx, words: readonly string[]): number {
  const a = new Args(words);
  let dev = '';
  let qdisc = 0;
  let classid = 0;
  let parent = 0;
  for (; a.more; a.step()) {
    if (a.is('dev')) {
      a.next();
      if (dev !== '') duparg('dev', a.word);
      dev = a.word;
    } else if (a.is('qdisc')) {
      a.next();
      if (qdisc !== 0) duparg('qdisc', a.word);
      qdisc = parseHandle(a.word) ?? invarg('invalid qdisc ID', a.word);
    } else if (a.is('classid')) {
      a.next();
      if (classid !== 0) duparg('classid', a.word);
      classid = parseClassid(a.word) ?? invarg('invalid class ID', a.word);
    } else if (a.is('root')) {
      if (parent !== 0) throw new Exit(255, 'Error: "root" is duplicate parent ID\n');
      parent = tc.TC_H_ROOT;
    } else if (a.is('parent')) {
      if (parent !== 0) duparg('parent', a.word);
      parent = parseClassid(a.next()) ?? invarg('invalid parent ID', a.word);
    } else if (a.matches('help')) throw new Exit(0, USAGE);
    else throw new Exit(255, `What is "${a.word}"? Try "tc class help".\n`);
  }
  // Without a device the kernel lists nothing.
  if (dev === '') return 0;
  const d = ctx.device(dev);
  if (!d) return ctx.nodev(dev);
  const classes = tc.listClasses(d, parent);
  if (ctx.graph) {
    ctx.pr.out += graph(ctx, classes);
    return 0;
  }
  for (const c of classes) {
    if (qdisc !== 0 && tc.major(c.id) !== qdisc) continue;
    if (classid !== 0 && c.id !== classid) continue;
    printClass(ctx, c, qdisc !== 0);
  }
  return 0;
}

function printClass(ctx: TcCtx, c: tc.ClassEntry, minorOnly: boolean): void {
  const { pr } = ctx;
  const name = (id: number): string => showClassid(minorOnly ? tc.minor(id) : id);
  pr.out += `class ${c.qdisc.kind} ${name(c.id)} `;
  pr.out += c.parent === tc.TC_H_ROOT ? 'root ' : `parent ${name(c.parent)} `;
  if (c.leaf !== 0) pr.out += `leaf ${Math.floor(c.leaf / 0x10000).toString(16)}: `;
  if (c.htb) pr.out += htbClassText(ctx, c.htb);
  pr.out += '\n';
  if (!ctx.stats) return;
  const { json } = pr;
  pr.json = null;
  const { htb } = c;
  if (htb) {
    printHtbStats(ctx, htb, ' ');
    pr.out += `\n lended: ${htb.lends} borrowed: ${htb.borrows} giants: 0\n`;
    pr.out += ` tokens: ${ticks(htb.tokens)} ctokens: ${ticks(htb.ctokens)}\n\n`;
  } else {
    // tbf and netem keep no numbers per class, and the line for them stays empty.
    if (c.below && c.qdisc.kind === 'prio') printStats(ctx, c.below, ' ');
    pr.out += '\n';
  }
  pr.json = json;
}

function printHtbStats(ctx: TcCtx, htb: tc.HtbClass, prefix: string): void {
  const { backlog, qlen } = htb.leaf ?? { backlog: 0, qlen: 0 };
  const { bytes, packets, drops, overlimits } = htb;
  printStats(ctx, { bytes, packets, drops, overlimits, requeues: 0, backlog, qlen }, prefix);
}

function ticks(ns: number): number {
  return Math.floor(ns / 64);
}

interface Node {
  readonly entry: tc.ClassEntry;
  readonly children: Node[];
  parent: Node | null;
  /** Another one of the same parent follows. */
  more: boolean;
  right: Node | null;
}

/** Models graph_cls_show() */
function graph(ctx: TcCtx, classes: readonly tc.ClassEntry[]): string {
  let out = '';
  const show = (level: readonly Node[], pool: Node[]): void => {
    for (const node of level) {
      const kids: Node[] = [];
      for (let i = 0; i < pool.length; ) {
        const child = pool[i] as Node;
        if (child.entry.parent !== node.entry.id) {
          i++;
          continue;
        }
        pool.splice(i, 1);
        child.parent = node;
        kids.unshift(child);
      }
      link(kids);
      const id = showClassid(node.entry.id);
      const { kind } = node.entry.qdisc;
      out += `${indent(node)}+---(${id}) ${kind} `;
      if (node.entry.htb) out += htbClassText(ctx, node.entry.htb);
      if (ctx.stats) {
        out += '\n';
        if (node.entry.htb) {
          const before = ctx.pr.out;
          ctx.pr.out = '';
          printHtbStats(ctx, node.entry.htb, below(node, kids.length > 0) + ' '.repeat(kind.length - 2 + id.length));
          out += ctx.pr.out;
          ctx.pr.out = before;
        }
        if (node.more || kids.length > 0) out += `\n${below(node, kids.length > 0)}`;
      }
      out += '\n';
      show(kids, pool);
      if (!node.more) out += `${indent(node)}\n`;
    }
  };
  const nodes = classes.map((entry) => ({ entry, children: [], parent: null, more: false, right: null }) as Node).reverse();
  const roots = nodes.filter((n) => n.entry.parent === tc.TC_H_ROOT);
  link(roots);
  show(
    roots,
    nodes.filter((n) => n.entry.parent !== tc.TC_H_ROOT),
  );
  return out;
}

function link(level: readonly Node[]): void {
  level.forEach((n, i) => {
    n.more = i + 1 < level.length;
  });
}

/** The start of a further line about a class. */
function below(node: Node, kids: boolean): string {
  return `${indent(node)}${node.more ? '|' : ' '}    ${kids ? '|' : ' '}`;
}

/** Follows the path that was taken last from the top, which after a class's children still leads to them. Models graph_indent() */
function indent(node: Node): string {
  let n = node;
  while (n.parent !== null) {
    n.parent.right = n;
    n = n.parent;
  }
  let s = '';
  for (; n.right !== null; n = n.right) s += n.more ? '|    ' : '     ';
  return s;
}

export function tcClass(ctx: TcCtx, words: readonly string[]): Outcome {
  const [verb, ...rest] = words;
  if (verb === undefined) return list(ctx, []);
  if (matches(verb, 'add')) return modify(ctx, rest, ADD);
  if (matches(verb, 'change')) return modify(ctx, rest, CHANGE);
  if (matches(verb, 'replace')) return modify(ctx, rest, { create: true, exclusive: false, replace: false });
  if (matches(verb, 'delete')) return modify(ctx, rest, null);
  if (['list', 'show', 'lst'].some((w) => matches(verb, w))) return list(ctx, rest);
  if (matches(verb, 'help')) throw new Exit(0, USAGE);
  throw new Exit(255, `Command "${verb}" is unknown, try "tc class help".\n`);
}
